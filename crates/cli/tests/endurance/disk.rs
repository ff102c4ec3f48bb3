//! A disk that can be full.

use std::{
    fs,
    io::Write,
    path::{Path, PathBuf},
    process::Command,
};

/// A small disk in memory, mounted over a directory until the value is dropped.
pub struct Disk(PathBuf);

impl Disk {
    /// `None`, with the reason printed, where this process may not mount: only root may.
    pub fn over(place: &Path, size: &str) -> Option<Disk> {
        let mounted = Command::new("mount").args(["-t", "tmpfs", "-o", &format!("size={size}"), "tmpfs"]).arg(place).output();
        let why = match mounted {
            Ok(output) if output.status.success() => return Some(Disk(place.to_path_buf())),
            Ok(output) => String::from_utf8_lossy(&output.stderr).trim().to_owned(),
            Err(e) => e.to_string(),
        };
        println!("skipped: there is no disk of its own for this test ({why})");
        None
    }

    /// Takes all the room there is but this many bytes; removing the file gives it back.
    pub fn fill(&self, but: u64) -> PathBuf {
        let path = self.0.join("ballast");
        let mut file = fs::File::create(&path).unwrap();
        for size in [1 << 16, 1 << 12, 1] {
            while file.write_all(&vec![0; size]).is_ok() {}
        }
        file.set_len(file.metadata().unwrap().len() - but).unwrap();
        path
    }
}

impl Drop for Disk {
    fn drop(&mut self) {
        let _ = Command::new("umount").arg("-l").arg(&self.0).status();
    }
}
