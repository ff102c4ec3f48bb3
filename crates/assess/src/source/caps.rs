//! Bounds on what is read, and who is told how far it has come.

use std::time::{Duration, Instant};

/// Bounds on what is read of a repository.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Caps {
    /// The largest file that is read, in bytes.
    pub file: u64,
    /// The largest lock file that is read: they are long and still say something.
    pub lock: u64,
    /// How many files are read.
    pub files: usize,
    /// How many names are looked at, read or not.
    pub entries: usize,
    /// How many bytes are read in all.
    pub total: u64,
    /// Folders below the root.
    pub depth: usize,
    /// How long reading may take.
    pub time: Duration,
    /// How many bytes a remote repository may send.
    pub fetched: u64,
    /// How long fetching may take.
    pub fetching: Duration,
}

impl Default for Caps {
    fn default() -> Caps {
        Caps {
            file: 4 << 20,
            lock: 16 << 20,
            files: 50_000,
            entries: 500_000,
            total: 256 << 20,
            depth: 64,
            time: Duration::from_secs(120),
            fetched: 512 << 20,
            fetching: Duration::from_secs(300),
        }
    }
}

impl Caps {
    /// Bounds without one on time, so that a slow machine does not change what is found.
    pub fn patient() -> Caps {
        Caps { time: Duration::from_secs(24 * 3600), ..Caps::default() }
    }
    /// The largest size at which a file of this path is read.
    pub(super) fn of(&self, path: &str) -> u64 {
        if super::sort::is_lock(path) { self.lock } else { self.file }
    }
    pub(super) fn until(&self) -> Instant {
        Instant::now() + self.time
    }
}

/// What is being done.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Phase {
    /// A remote repository is fetched; counted in bytes.
    Fetching,
    /// Folders are listed; counted in files.
    Listing,
    /// Files are read; counted in files.
    Reading,
}

/// Is told how far the work has come. The total is 0 where nobody knows it.
pub type Seen<'a> = &'a (dyn Fn(Phase, u64, u64) + Sync);
