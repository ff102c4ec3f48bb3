//! One life of the service, seen through its shepherd.

use std::{
    ffi::OsString,
    fmt,
    os::{fd::OwnedFd, unix::net::UnixStream as Pair},
    process::Stdio,
    time::Duration,
};

use plimsoll::{Code, Result};
use rustix::process::{Pid, Signal, kill_process_group};
use tokio::{
    io::{AsyncBufReadExt, AsyncWriteExt, BufReader, Lines},
    net::{
        UnixStream,
        unix::{OwnedReadHalf, OwnedWriteHalf},
    },
    process::{Child, ChildStderr, ChildStdout, Command},
};

use super::shepherd;

/// How long the shepherd may take to start the service, or to bury it.
const PATIENCE: Duration = Duration::from_secs(10);

/// How the service ended.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum End {
    /// By itself, with this code.
    Code(i32),
    /// By this signal.
    Signal(i32),
    /// Its shepherd was killed; the service was killed after it.
    Lost,
}

impl fmt::Display for End {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            End::Code(code) => write!(f, "ended with exit code {code}"),
            End::Signal(number) => match Signal::from_named_raw(*number) {
                Some(signal) => write!(f, "was ended by {}", name(signal)),
                None => write!(f, "was ended by signal {number}"),
            },
            End::Lost => f.write_str("lost the process that watches over it"),
        }
    }
}

/// A signal's name in the words of every manual.
pub fn name(signal: Signal) -> String {
    let named = [
        (Signal::ABORT, "SIGABRT"),
        (Signal::BUS, "SIGBUS"),
        (Signal::FPE, "SIGFPE"),
        (Signal::HUP, "SIGHUP"),
        (Signal::ILL, "SIGILL"),
        (Signal::INT, "SIGINT"),
        (Signal::KILL, "SIGKILL"),
        (Signal::QUIT, "SIGQUIT"),
        (Signal::SEGV, "SIGSEGV"),
        (Signal::TERM, "SIGTERM"),
        (Signal::USR1, "SIGUSR1"),
        (Signal::USR2, "SIGUSR2"),
    ];
    let known = named.iter().find(|(known, _)| *known == signal);
    known.map_or_else(|| format!("signal {}", signal.as_raw()), |(_, name)| (*name).to_owned())
}

/// A running service. Dropping it kills the service: the shepherd's socket ends.
pub struct Process {
    /// The id of the service itself and of its group.
    pub pid: i32,
    shepherd: Child,
    orders: OwnedWriteHalf,
    news: Lines<BufReader<OwnedReadHalf>>,
    /// Kept, because it is told only once and waiting for it may be given up.
    end: Option<End>,
}

/// What the service prints.
pub struct Printed {
    /// Its standard output.
    pub stdout: ChildStdout,
    /// Its standard error.
    pub stderr: ChildStderr,
}

impl Process {
    /// Starts the command with these variables besides our own, without those that configure us:
    /// they may hold secrets that are none of the service's business.
    ///
    /// # Errors
    /// [`Code::ServiceFailed`] when the system does not start it.
    pub async fn start(command: &[OsString], variables: &[(&str, String)]) -> Result<(Process, Printed)> {
        let failed = |cause: std::io::Error| Code::ServiceFailed.because("no process could be started").caused_by(cause);
        let (ours, theirs) = Pair::pair().map_err(failed)?;
        ours.set_nonblocking(true).map_err(failed)?;
        let (news, orders) = UnixStream::from_std(ours).map_err(failed)?.into_split();
        let mut started = Command::new(shepherd::ourselves().map_err(failed)?);
        started.arg0("plimsoll").args(["shepherd", "--"]).args(command).envs(variables.iter().map(|(name, value)| (name, value)));
        for (name, _) in std::env::vars_os() {
            if name.to_string_lossy().starts_with("PLIMSOLL_") {
                started.env_remove(name);
            }
        }
        started.stdin(Stdio::from(OwnedFd::from(theirs))).stdout(Stdio::piped()).stderr(Stdio::piped()).process_group(0);
        let mut shepherd = started.spawn().map_err(failed)?;
        // Our copy of their end goes with the command: while it lived, their death would not be seen.
        drop(started);
        let (Some(stdout), Some(stderr)) = (shepherd.stdout.take(), shepherd.stderr.take()) else {
            return Err(Code::Internal.because("a process was started without its output"));
        };
        let mut process = Process { pid: 0, shepherd, orders, news: BufReader::new(news).lines(), end: None };
        let said = tokio::time::timeout(PATIENCE, process.news.next_line()).await;
        match said.ok().and_then(std::result::Result::ok).flatten().as_deref().and_then(|said| said.split_once(' ')) {
            Some(("started", pid)) => {
                process.pid = pid.parse().unwrap_or_default();
                Ok((process, Printed { stdout, stderr }))
            }
            Some(("refused", why)) => Err(Code::ServiceFailed.because(why.to_owned())),
            _ => Err(Code::ServiceFailed.because("the process that watches over the service could not be started")),
        }
    }

    /// Sends a signal to the service itself, not to what it started.
    pub async fn signal(&mut self, signal: Signal) {
        // Nobody is there to hear it: then the end is on its way too.
        let _ = self.orders.write_all(format!("signal {}\n", signal.as_raw()).as_bytes()).await;
    }

    /// Waits for the end. Nothing of the service is left then. May be given up and asked again.
    pub async fn ended(&mut self) -> End {
        if let Some(end) = self.end {
            let _ = tokio::time::timeout(PATIENCE, self.shepherd.wait()).await;
            return end;
        }
        let said = self.news.next_line().await.ok().flatten();
        let end = match said.as_deref().and_then(|said| said.strip_prefix("ended ")).and_then(|end| end.split_once(' ')) {
            Some(("code", code)) => End::Code(code.parse().unwrap_or(-1)),
            Some((_, number)) => End::Signal(number.parse().unwrap_or(9)),
            None => {
                self.kill_group();
                End::Lost
            }
        };
        self.end = Some(end);
        let _ = tokio::time::timeout(PATIENCE, self.shepherd.wait()).await;
        end
    }

    /// How it ended, where that has been told.
    pub fn known_end(&self) -> Option<End> {
        self.end
    }

    /// Kills the service with everything it started and waits until it is gone.
    pub async fn kill(&mut self) -> End {
        let _ = self.orders.write_all(b"kill\n").await;
        match tokio::time::timeout(PATIENCE, self.ended()).await {
            Ok(end) => end,
            // A shepherd that is frozen. It gets no second chance.
            Err(_) => {
                self.kill_group();
                let _ = self.shepherd.kill().await;
                End::Lost
            }
        }
    }

    fn kill_group(&self) {
        if let Some(group) = Pid::from_raw(self.pid) {
            let _ = kill_process_group(group, Signal::KILL);
        }
    }
}
