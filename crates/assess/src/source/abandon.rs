//! What has to be ended and removed where the process is told to end in the middle of a fetch.
//!
//! A signal is about the whole process, and the foreign programs stand in groups of their own, which a
//! terminal does not reach. So what is under way is written down here, for whoever hears the signal.

use std::{
    collections::BTreeSet,
    fs,
    path::{Path, PathBuf},
    process::{Child, Command, ExitStatus},
    sync::{Mutex, MutexGuard, PoisonError},
    thread,
    time::Duration,
};

use super::Refusal;

static UNDER_WAY: Mutex<UnderWay> = Mutex::new(UnderWay { over: false, groups: BTreeSet::new(), yards: BTreeSet::new() });

struct UnderWay {
    over: bool,
    /// Foreign programs that have not been waited for, by the number of their group.
    groups: BTreeSet<u32>,
    /// Folders that go away.
    yards: BTreeSet<PathBuf>,
}

fn under_way() -> MutexGuard<'static, UnderWay> {
    UNDER_WAY.lock().unwrap_or_else(PoisonError::into_inner)
}

/// Ends every foreign program and removes every folder of a fetch. Nothing can be started after this: it is for a process that ends.
pub fn abandon() {
    let yards: Vec<PathBuf> = {
        let mut all = under_way();
        all.over = true;
        all.groups.iter().for_each(|group| end(*group));
        all.yards.iter().cloned().collect()
    };
    for yard in yards {
        // What was just ended may still write a last file.
        for _ in 0..100 {
            let _ = fs::remove_dir_all(&yard);
            if !yard.exists() {
                break;
            }
            thread::sleep(Duration::from_millis(10));
        }
    }
}

/// Whether [`abandon`] was called.
pub fn abandoned() -> bool {
    under_way().over
}

/// Starts a program as the head of a group, unless all is over.
pub(super) fn start(command: &mut Command) -> std::io::Result<Child> {
    #[cfg(unix)]
    std::os::unix::process::CommandExt::process_group(command, 0);
    let mut all = under_way();
    if all.over {
        return Err(std::io::ErrorKind::Interrupted.into());
    }
    let child = command.spawn()?;
    all.groups.insert(child.id());
    Ok(child)
}

/// Whether it has ended; under the lock, so that no number is ended that belongs to somebody else by now.
pub(super) fn ended(child: &mut Child) -> std::io::Result<Option<ExitStatus>> {
    let mut all = under_way();
    let status = child.try_wait();
    if !matches!(status, Ok(None)) {
        all.groups.remove(&child.id());
    }
    status
}

/// Ends a group.
pub(super) fn end(group: u32) {
    #[cfg(unix)]
    if let Some(pid) = i32::try_from(group).ok().and_then(rustix::process::Pid::from_raw) {
        let _ = rustix::process::kill_process_group(pid, rustix::process::Signal::KILL);
    }
    #[cfg(not(unix))]
    let _ = group;
}

/// Makes a folder for nobody else to read, which goes away with the process.
pub(super) fn make(yard: &Path) -> Result<(), Refusal> {
    let mut builder = fs::DirBuilder::new();
    #[cfg(unix)]
    std::os::unix::fs::DirBuilderExt::mode(&mut builder, 0o700);
    let mut all = under_way();
    if all.over {
        return Err(Refusal::Failed("it was interrupted".into()));
    }
    builder.create(yard).map_err(|error| Refusal::Failed(format!("{} cannot be made: {error}", yard.display())))?;
    all.yards.insert(yard.to_owned());
    Ok(())
}

/// Removes it.
pub(super) fn remove(yard: &Path) {
    let _ = fs::remove_dir_all(yard);
    under_way().yards.remove(yard);
}
