//! Whether the file at a store's path is still the one that was opened.
//!
//! A file that is renamed or deleted stays open, and SQLite goes on with it: what is written then
//! goes with the process, or to a place nobody looks at. So every batch of changes asks the file
//! system first and once more before anyone hears of success. When the file is back, so is the
//! database.

use std::{
    fs::Metadata,
    io,
    path::{Path, PathBuf},
    sync::atomic::{AtomicBool, Ordering},
};

use crate::failure::Failure;

/// A file that was opened, and the path where it must stay.
pub(crate) struct Anchor {
    path: PathBuf,
    opened: Identity,
    /// What the last look found, so that reads need not look while all is well.
    adrift: AtomicBool,
    /// Whether a file that is back serves the very work that finds it so.
    renew: bool,
}

/// What tells a file from every other one at the same time: device and inode.
#[derive(Debug, PartialEq, Eq)]
struct Identity(u64, u64);

impl Identity {
    #[cfg(unix)]
    fn of(file: &Metadata) -> Identity {
        use std::os::unix::fs::MetadataExt;
        Identity(file.dev(), file.ino())
    }
    /// Elsewhere an open file can be neither renamed nor deleted.
    #[cfg(not(unix))]
    fn of(_: &Metadata) -> Identity {
        Identity(0, 0)
    }
    fn at(path: &Path) -> io::Result<Identity> {
        std::fs::metadata(path).map(|file| Identity::of(&file))
    }
}

impl Anchor {
    /// Remembers the file at `path`, which has just been opened.
    pub(crate) fn new(path: &Path, renew: bool) -> io::Result<Anchor> {
        Ok(Anchor { path: path.to_path_buf(), opened: Identity::at(path)?, adrift: AtomicBool::new(false), renew })
    }

    /// Looks whether the file is where it was.
    ///
    /// # Errors
    /// [`plimsoll_core::Code::DatabaseUnavailable`] where it is not.
    pub(crate) fn look(&self) -> Result<(), Failure> {
        let drifted = match Identity::at(&self.path) {
            Ok(found) if found == self.opened => None,
            Ok(_) => Some("another file stands at the path of the database; the one that was opened is gone from there".to_owned()),
            Err(error) => Some(format!("the database file is gone from its path: {error}")),
        };
        let before = self.adrift.swap(drifted.is_some(), Ordering::Relaxed);
        match drifted {
            Some(cause) => {
                if !before {
                    tracing::error!(cause, "the database file was moved or deleted; nothing is read or written until it is back");
                }
                Err(Failure::away().caused(cause))
            }
            None => {
                if before {
                    tracing::warn!("the database file is back");
                }
                if before && !self.renew { Err(Failure::away()) } else { Ok(()) }
            }
        }
    }

    /// As [`Anchor::look`], for reads: looks only where the last look found something wrong.
    pub(crate) fn known(&self) -> Result<(), Failure> {
        if self.adrift.load(Ordering::Relaxed) { self.look() } else { Ok(()) }
    }
}
