//! Trees from folders, commits and addresses, also from those that mean harm.

mod addresses;
mod commits;
mod folders;
mod hostile;

use std::{
    fs,
    path::{Path, PathBuf},
    process::Command,
    sync::atomic::{AtomicU32, Ordering},
};

use super::{Caps, Phase, Tree};

/// A folder of a test's own, which goes away.
struct Ground(PathBuf);

impl Ground {
    fn new() -> Ground {
        static COUNT: AtomicU32 = AtomicU32::new(0);
        let number = COUNT.fetch_add(1, Ordering::Relaxed);
        let chance = u64::from_le_bytes(plimsoll_core::Seed::system().bytes());
        let path = std::env::temp_dir().join(format!("plimsoll-source-{}-{number}-{chance:08x}", std::process::id()));
        fs::create_dir(&path).unwrap();
        Ground(path)
    }
    fn with(files: &[(&str, &str)]) -> Ground {
        let ground = Ground::new();
        for (path, text) in files {
            ground.write(path, text.as_bytes());
        }
        ground
    }
    fn write(&self, path: &str, bytes: &[u8]) {
        let place = self.0.join(path);
        fs::create_dir_all(place.parent().unwrap()).unwrap();
        fs::write(place, bytes).unwrap();
    }
    fn at(&self, path: &str) -> PathBuf {
        self.0.join(path)
    }
    /// Runs `git` in it, with a name for commits.
    fn git(&self, words: &[&str]) {
        let output = Command::new("git")
            .args(["-c", "user.name=t", "-c", "user.email=t@example.com", "-c", "init.defaultBranch=main", "-C"])
            .arg(&self.0)
            .args(words)
            .env("GIT_CONFIG_GLOBAL", "/dev/null")
            .env("GIT_CONFIG_NOSYSTEM", "1")
            .output()
            .unwrap();
        assert!(output.status.success(), "git {words:?}: {}", String::from_utf8_lossy(&output.stderr));
    }
    fn commit(&self) {
        self.git(&["add", "--all", "--force"]);
        self.git(&["commit", "--quiet", "--allow-empty", "-m", "x"]);
    }
}

impl Drop for Ground {
    fn drop(&mut self) {
        let _ = fs::remove_dir_all(&self.0);
    }
}

fn quiet(_: Phase, _: u64, _: u64) {}

fn folder(place: &Path) -> Tree {
    super::folder(place, &Caps::default(), &quiet).unwrap()
}

fn commit(place: &Path, reference: &str) -> Tree {
    super::commit(place, reference, &Caps::default(), &quiet).unwrap()
}

fn paths(tree: &Tree) -> Vec<&str> {
    tree.files.iter().map(|file| file.path.as_str()).collect()
}

fn says(tree: &Tree, start: &str, why: &str) -> bool {
    tree.skipped.iter().any(|line| line.starts_with(start) && line.contains(why))
}
