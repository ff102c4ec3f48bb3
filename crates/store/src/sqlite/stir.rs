//! Hears that somebody writes to the file, so that an idle process need not keep looking.
//!
//! The system tells of a write to the write-ahead log, which comes a moment before the commit can
//! be seen. So what is heard is no news yet, only a reason to look closely for a while.

use std::{path::Path, sync::Arc};

use crate::{queue::Queue, tx::Shared, work::Change};

/// Starts the thread that listens. Where the system cannot tell, the slow look has to do.
pub(crate) fn listen(database: &Path, shared: Arc<Shared>, writer: Arc<Queue<Change>>) {
    let mut log = database.as_os_str().to_owned();
    log.push("-wal");
    #[cfg(target_os = "linux")]
    if let Err(cause) = linux::listen(Path::new(&log), shared, writer) {
        tracing::info!(%cause, "writes of other processes are not told, so this one looks for them");
    }
    #[cfg(not(target_os = "linux"))]
    drop((log, shared, writer));
}

#[cfg(target_os = "linux")]
mod linux {
    use std::{mem::MaybeUninit, path::Path, sync::Arc, thread::Builder, time::Duration};

    use rustix::{
        event::{PollFd, PollFlags, Timespec, poll},
        fs::inotify::{self, CreateFlags, WatchFlags},
        io::Errno,
    };

    use crate::{queue::Queue, tx::Shared, work::Change};

    /// Writes that follow each other closer than this are one reason.
    const TOGETHER: Duration = Duration::from_millis(2);
    /// How long the thread may outlive its store.
    const LINGERS: Timespec = Timespec { tv_sec: 2, tv_nsec: 0 };

    pub(super) fn listen(log: &Path, shared: Arc<Shared>, writer: Arc<Queue<Change>>) -> std::io::Result<()> {
        let told = inotify::init(CreateFlags::CLOEXEC | CreateFlags::NONBLOCK)?;
        inotify::add_watch(&told, log, WatchFlags::MODIFY)?;
        Builder::new().name("store-stir".into()).spawn(move || {
            while writer.is_open() {
                match poll(&mut [PollFd::new(&told, PollFlags::IN)], Some(&LINGERS)) {
                    Ok(0) | Err(Errno::INTR) => continue,
                    Ok(_) => {}
                    Err(_) => return,
                }
                let mut room = [MaybeUninit::uninit(); 512];
                let mut events = inotify::Reader::new(&told, &mut room);
                while events.next().is_ok() {}
                shared.hub.stir();
                writer.nudge();
                std::thread::sleep(TOGETHER);
            }
        })?;
        Ok(())
    }
}
