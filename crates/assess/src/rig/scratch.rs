//! A folder that goes away with its owner.

use std::{
    fs,
    path::{Path, PathBuf},
    sync::atomic::{AtomicU32, Ordering},
};

use super::Trouble;

/// An empty folder below the system's temporary one, for nobody else to read.
#[derive(Debug)]
pub struct Scratch(PathBuf);

impl Scratch {
    /// Makes one.
    pub fn new() -> Result<Scratch, Trouble> {
        static COUNT: AtomicU32 = AtomicU32::new(0);
        let number = COUNT.fetch_add(1, Ordering::Relaxed);
        let chance: u64 = u64::from_le_bytes(plimsoll_core::Seed::system().bytes());
        let path = std::env::temp_dir().join(format!("plimsoll-prove-{}-{number}-{chance:08x}", std::process::id()));
        let made = fs::create_dir(&path).and_then(|()| private(&path));
        made.map_err(|error| Trouble::new(format!("{} cannot be made: {error}", path.display())))?;
        Ok(Scratch(path))
    }
    /// Where it is.
    pub fn path(&self) -> &Path {
        &self.0
    }
}

#[cfg(unix)]
fn private(path: &Path) -> std::io::Result<()> {
    use std::os::unix::fs::PermissionsExt;
    fs::set_permissions(path, fs::Permissions::from_mode(0o700))
}

#[cfg(not(unix))]
fn private(_: &Path) -> std::io::Result<()> {
    Ok(())
}

impl Drop for Scratch {
    fn drop(&mut self) {
        let _ = fs::remove_dir_all(&self.0);
    }
}
