//! Where the kit keeps its files: under Cargo's target directory, so that `cargo clean` removes
//! the last trace of it.
//!
//! Each process has a directory of its own and holds a lock on a file in it for as long as it
//! lives. The next process removes the directories whose lock is free: their owners were killed
//! before they could do it themselves.

use std::{
    env,
    ffi::OsString,
    fs::{self, File},
    io,
    path::{Path, PathBuf},
    sync::OnceLock,
};

use plimsoll_core::Seed;

/// Cargo's target directory as seen from the running executable, or the system's directory for
/// temporary files where the executable was moved out of it.
pub fn target() -> PathBuf {
    let exe = executable();
    match exe.ancestors().find(|dir| dir.join("CACHEDIR.TAG").is_file()) {
        Some(dir) => dir.to_path_buf(),
        None => env::temp_dir(),
    }
}

/// The directory of the profile the running executable was built with (`target/debug`), where
/// Cargo puts the workspace's binaries.
pub fn profile() -> PathBuf {
    let exe = executable();
    let dir = exe.parent().unwrap_or(Path::new("/"));
    match dir.file_name() {
        Some(name) if name == "deps" || name == "examples" => dir.parent().unwrap_or(dir).to_path_buf(),
        _ => dir.to_path_buf(),
    }
}

/// The directory all processes of the kit share (`target/tmp/testkit`), made on first use.
///
/// # Panics
/// When it cannot be made.
pub fn shared() -> &'static Path {
    static SHARED: OnceLock<PathBuf> = OnceLock::new();
    SHARED.get_or_init(|| {
        let dir = target().join("tmp").join("testkit");
        fs::create_dir_all(&dir).and_then(|()| dir.canonicalize()).unwrap_or_else(|e| panic!("cannot make {}: {e}", dir.display()))
    })
}

/// This process's own directory under [`shared`], made on first use.
///
/// # Panics
/// When it cannot be made.
pub fn own() -> &'static Path {
    static OWN: OnceLock<(PathBuf, File)> = OnceLock::new();
    let (dir, _held) =
        OWN.get_or_init(|| claim(&shared().join("runs")).unwrap_or_else(|e| panic!("cannot make a directory for this run: {e}")));
    dir
}

/// Takes a new directory under `runs` and removes those whose owners are gone.
fn claim(runs: &Path) -> io::Result<(PathBuf, File)> {
    fs::create_dir_all(runs)?;
    // Whoever holds this lock is the only one who makes or removes directories here; a directory
    // without a held lock can therefore not be one that is just being made.
    let turn = File::create(runs.join("turn"))?;
    turn.lock()?;
    for entry in fs::read_dir(runs)?.flatten() {
        let abandoned = File::open(entry.path().join("alive")).is_ok_and(|lock| lock.try_lock().is_ok());
        if abandoned {
            // A file somebody still writes to may resist; the next process tries again.
            let _ = fs::remove_dir_all(entry.path());
        }
    }
    let dir = runs.join(word());
    fs::create_dir(&dir)?;
    let alive = File::create(dir.join("alive"))?;
    alive.lock()?;
    Ok((dir, alive))
}

/// Sixteen random characters, fit for the name of a file, a role or a database.
pub(crate) fn word() -> String {
    let bytes: [u8; 8] = Seed::system().bytes();
    bytes.iter().map(|b| format!("{b:02x}")).collect()
}

/// An environment variable that steers the tests, or `None` where it is unset or empty.
pub(crate) fn setting(name: &str) -> Option<OsString> {
    env::var_os(name).filter(|value| !value.is_empty())
}

fn executable() -> PathBuf {
    env::current_exe().and_then(|exe| exe.canonicalize()).unwrap_or_else(|e| panic!("cannot tell which executable this is: {e}"))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_run_removes_the_directories_of_dead_runs_and_leaves_those_of_live_ones() {
        let runs = crate::Scratch::new();
        let (live, _held) = claim(runs.path()).unwrap();
        let (dead, released) = claim(runs.path()).unwrap();
        drop(released);

        let (new, _also_held) = claim(runs.path()).unwrap();

        assert!(live.is_dir() && new.is_dir());
        assert!(!dead.exists());
    }
}
