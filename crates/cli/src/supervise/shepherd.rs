//! The process between us and the service: it sees to it that the service never outlives us.
//!
//! **The task.** Nothing of the service may be left behind when this process ends, also when it is
//! killed with SIGKILL and can do nothing any more; and a helper that dies must not be the hole
//! through which the service escapes.
//!
//! **Why a process of its own.** Linux can send a signal to a child whose parent died
//! (`PR_SET_PDEATHSIG`), but it means the *thread* that started the child, which in a runtime with
//! many threads may end at any time, and it reaches the child only, not the child's children.
//! Other systems have nothing like it. What works everywhere is a connection: the system closes it
//! when its last holder dies, however it dies. So we start our own binary once more as a shepherd,
//! which holds one end of a socket and reads; we hold the other, and nobody else does, because it
//! is closed at every `exec`.
//!
//! ```text
//! plimsoll run ──socket── plimsoll shepherd ── the service ── its workers
//!                         own group             own group, killed as a whole
//! ```
//!
//! - The socket ends: we are gone, and the shepherd kills the service's group, then everything
//!   that left the group. On Linux such orphans become the shepherd's children
//!   (`PR_SET_CHILD_SUBREAPER`), so daemons are found too.
//! - The shepherd dies (killed by name, or for want of memory): we see the socket end and kill the
//!   group. Should both be killed at once, as `pkill -9 -f plimsoll` does, the service itself
//!   gets SIGKILL from the system (Linux): the shepherd has one thread, which makes the parent's
//!   death signal mean what it says. It is set by a second short-lived step of our binary, which
//!   then becomes the service with `exec`, because setting it between `fork` and `exec` needs
//!   `unsafe`. What the service itself started is not reached then; a service manager that kills
//!   the whole unit or container reaches it.
//! - Signals are orders over the socket. Only the shepherd sends them, and only to a child it has
//!   not yet waited for, so a process id that now belongs to somebody else is never hit.
//! - Both groups differ from ours: Ctrl-C at the terminal reaches us alone, and the service hears
//!   of it when requests in flight have been answered.
//!
//! The language of the socket is lines of text. From the shepherd: `started PID`, `refused WHY`,
//! `ended code N`, `ended signal N`. To the shepherd: `signal N`, `kill`.

use std::{
    ffi::OsString,
    fs::{self, File},
    io::{self, Read, Write},
    os::{
        fd::AsFd,
        unix::{net::UnixStream as Pair, process::CommandExt},
    },
    process::{Command, ExitCode},
    time::{Duration, Instant},
};

use rustix::process::{Pid, Signal, WaitId, WaitIdOptions, WaitOptions, getppid, kill_process, kill_process_group, wait, waitid};
use tokio::{
    io::{AsyncBufReadExt, AsyncWriteExt, BufReader},
    net::UnixStream,
    signal::unix::{SignalKind, signal},
};

/// How long the shepherd waits for killed processes to be gone.
const BURIAL: Duration = Duration::from_secs(3);
/// Time between two looks at them.
const STEP: Duration = Duration::from_millis(2);

/// The binary that runs, also after its file was replaced by a newer one.
pub fn ourselves() -> io::Result<std::path::PathBuf> {
    if cfg!(target_os = "linux") { Ok("/proc/self/exe".into()) } else { std::env::current_exe() }
}

/// Tends the command until it ends or the socket on standard input does. Must be called on the
/// process's first thread, with no runtime running.
pub fn tend(command: &[OsString]) -> ExitCode {
    let done = tokio::runtime::Builder::new_current_thread().enable_all().build().and_then(|runtime| runtime.block_on(watch(command)));
    if done.is_ok() { ExitCode::SUCCESS } else { ExitCode::from(3) }
}

async fn watch(command: &[OsString]) -> io::Result<()> {
    let socket = Pair::from(io::stdin().as_fd().try_clone_to_owned()?);
    socket.set_nonblocking(true)?;
    let (orders, mut news) = UnixStream::from_std(socket)?.into_split();
    let mut orders = BufReader::new(orders).lines();
    adopt_orphans();
    // Taken over so that they do not end the shepherd alone; what they mean is for us to say.
    let _deaf: Vec<_> = [SignalKind::terminate(), SignalKind::interrupt(), SignalKind::hangup(), SignalKind::quit()]
        .into_iter()
        .map(signal)
        .collect::<io::Result<_>>()?;
    let mut changed = signal(SignalKind::child())?;
    let mut flock = match start(command) {
        Ok(main) => Flock { main, ended: None },
        Err(why) => {
            let why = why.to_string().replace('\n', " ");
            return news.write_all(format!("refused {why}\n").as_bytes()).await;
        }
    };
    let mut held = news.write_all(format!("started {}\n", flock.main.as_raw_nonzero()).as_bytes()).await.is_ok();
    while held && flock.ended.is_none() {
        tokio::select! {
            _ = changed.recv() => flock.reap(),
            order = orders.next_line() => match order.ok().flatten().as_deref() {
                Some("kill") => break,
                Some(order) => flock.obey(order),
                None => held = false,
            },
        }
    }
    flock.bury().await;
    let end = flock.ended.unwrap_or_else(|| "signal 9".to_owned());
    news.write_all(format!("ended {end}\n").as_bytes()).await
}

/// The service and what it started.
struct Flock {
    main: Pid,
    /// How the service itself ended, in the words of the socket.
    ended: Option<String>,
}

impl Flock {
    fn obey(&self, order: &str) {
        let number = order.strip_prefix("signal ").and_then(|number| number.parse().ok());
        if let Some(signal) = number.and_then(Signal::from_named_raw) {
            let _ = kill_process(self.main, signal);
        }
    }

    /// Takes note of every child that has ended. When the service itself has, its group is killed
    /// first: until it is waited for, its id cannot be anybody else's.
    fn reap(&mut self) {
        let looking = WaitIdOptions::EXITED | WaitIdOptions::NOHANG | WaitIdOptions::NOWAIT;
        let seen = self.ended.is_none() && matches!(waitid(WaitId::Pid(self.main), looking), Ok(Some(_)));
        if seen {
            let _ = kill_process_group(self.main, Signal::KILL);
        }
        while let Ok(Some((pid, status))) = wait(WaitOptions::NOHANG) {
            if pid == self.main {
                if !seen {
                    // It ended between the two looks; its id is free since this moment only.
                    let _ = kill_process_group(self.main, Signal::KILL);
                }
                self.ended = Some(match (status.exit_status(), status.terminating_signal()) {
                    (Some(code), _) => format!("code {code}"),
                    (None, signal) => format!("signal {}", signal.unwrap_or(9)),
                });
            }
        }
    }

    /// Kills everything that is left and waits until it is gone, so that the port is free.
    async fn bury(&mut self) {
        if self.ended.is_none() {
            let _ = kill_process_group(self.main, Signal::KILL);
        }
        let begun = Instant::now();
        while begun.elapsed() < BURIAL {
            self.reap();
            if matches!(wait(WaitOptions::NOHANG), Err(rustix::io::Errno::CHILD)) {
                return;
            }
            for orphan in children() {
                let _ = kill_process(orphan, Signal::KILL);
            }
            tokio::time::sleep(STEP).await;
        }
    }
}

/// Starts the command through the step that binds its life to ours. Answers when it is running.
fn start(command: &[OsString]) -> io::Result<Pid> {
    let (mut why, report) = io::pipe()?;
    let mut step = Command::new(ourselves()?);
    step.arg0("plimsoll").args(["shepherd", "--become", &std::process::id().to_string(), "--"]).args(command);
    // A group of its own, so that it can be killed as a whole.
    let child = step.stdin(report).process_group(0).spawn()?;
    // The other end of the report goes with the step: what remains of it is the child's.
    drop(step);
    let mut said = String::new();
    why.read_to_string(&mut said)?;
    if said.is_empty() { Ok(Pid::from_child(&child)) } else { Err(io::Error::other(said)) }
}

/// The second step: binds its own life to the shepherd's and becomes the command. Standard input
/// is where to report that it cannot; the command finds it empty.
pub fn become_command(shepherd: u32, command: &[OsString]) -> ExitCode {
    let prepared = io::stdin().as_fd().try_clone_to_owned().and_then(|report| {
        rustix::stdio::dup2_stdin(File::open("/dev/null")?)?;
        Ok(File::from(report))
    });
    let (Ok(mut report), Some((program, arguments))) = (prepared, command.split_first()) else { return ExitCode::from(3) };
    die_with_parent();
    // It may have died before this was said.
    if getppid().and_then(|parent| u32::try_from(parent.as_raw_nonzero().get()).ok()) != Some(shepherd) {
        return ExitCode::from(3);
    }
    let cause = Command::new(program).args(arguments).exec();
    let _ = write!(report, "`{}` cannot be started: {cause}", program.to_string_lossy());
    ExitCode::from(3)
}

#[cfg(target_os = "linux")]
fn die_with_parent() {
    let _ = rustix::process::set_parent_process_death_signal(Some(Signal::KILL));
}
#[cfg(not(target_os = "linux"))]
fn die_with_parent() {}

#[cfg(target_os = "linux")]
fn adopt_orphans() {
    let _ = rustix::process::set_child_subreaper(Some(rustix::process::getpid()));
}
#[cfg(not(target_os = "linux"))]
fn adopt_orphans() {}

/// Our children, as far as the system lists its processes in `/proc`.
fn children() -> Vec<Pid> {
    let ours = std::process::id().to_string();
    let processes = fs::read_dir("/proc").into_iter().flatten().flatten();
    let ids = processes.filter_map(|entry| entry.file_name().to_str()?.parse::<i32>().ok());
    let is_ours = |id: &i32| {
        let stat = fs::read_to_string(format!("/proc/{id}/stat")).unwrap_or_default();
        // The name stands in parentheses and may contain anything; state and parent follow the last one.
        stat.rsplit_once(") ").and_then(|(_, rest)| rest.split(' ').nth(1)) == Some(ours.as_str())
    };
    ids.filter(is_ours).filter_map(Pid::from_raw).collect()
}
