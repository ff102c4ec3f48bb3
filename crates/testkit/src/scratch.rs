//! Directories that last as long as the value that names them.

use std::{
    fs,
    path::{Path, PathBuf},
};

use crate::place;

/// A new empty directory, removed with everything in it when the value is dropped. Where the
/// process is killed first, the next process that uses the kit removes it.
#[derive(Debug)]
pub struct Scratch(PathBuf);

impl Scratch {
    /// Makes the directory, under Cargo's target directory.
    ///
    /// # Panics
    /// When it cannot be made.
    #[expect(clippy::new_without_default, reason = "a directory on disk is no default value")]
    pub fn new() -> Scratch {
        let dir = place::own().join(place::word());
        fs::create_dir(&dir).unwrap_or_else(|e| panic!("cannot make {}: {e}", dir.display()));
        Scratch(dir)
    }

    /// The directory's absolute path.
    pub fn path(&self) -> &Path {
        &self.0
    }

    /// The path of something in it; nothing is made.
    pub fn join(&self, name: impl AsRef<Path>) -> PathBuf {
        self.0.join(name)
    }
}

impl AsRef<Path> for Scratch {
    fn as_ref(&self) -> &Path {
        &self.0
    }
}

impl Drop for Scratch {
    fn drop(&mut self) {
        // Best effort: a process the test started may still be writing. The next run sweeps.
        let _ = fs::remove_dir_all(&self.0);
    }
}
