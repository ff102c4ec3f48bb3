//! A child process that cannot outlive the tests.

use std::{
    io::Write,
    os::unix::process::CommandExt,
    process::{Child, Command, ExitStatus, Stdio},
};

/// A signal to a process.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Signal {
    /// Asks it to finish its work and end.
    Term,
    /// As Ctrl-C does.
    Int,
    /// As a terminal does when it is closed.
    Hup,
    /// Ends it at once, as a crash would.
    Kill,
    /// Freezes it: connections stay open, nothing answers.
    Stop,
    /// Thaws it.
    Cont,
}

/// A child and its end; the status is kept because it can be asked for only once.
pub(crate) struct End {
    child: Child,
    status: Option<ExitStatus>,
    guard: Guard,
}

impl End {
    pub fn of(child: Child) -> End {
        End { guard: Guard::of(child.id()), child, status: None }
    }

    pub fn pid(&self) -> u32 {
        self.child.id()
    }

    /// How it ended; `None` while it runs.
    pub fn look(&mut self) -> Option<ExitStatus> {
        if self.status.is_none() {
            self.status = self.child.try_wait().ok().flatten();
            if self.status.is_some() {
                // The number may now become somebody else's.
                self.guard.dismiss();
            }
        }
        self.status
    }

    /// Ends it at once and waits until it is gone.
    pub fn kill(&mut self) {
        self.guard.dismiss();
        let _ = self.child.kill();
        self.status = self.child.wait().ok();
    }
}

impl Drop for End {
    fn drop(&mut self) {
        if self.look().is_none() {
            self.kill();
        }
    }
}

/// A shell that kills a process when this process is gone: its standard input ends then.
struct Guard(Option<Child>);

impl Guard {
    fn of(pid: u32) -> Guard {
        let mut shell = Command::new("sh");
        shell.args(["-c", "trap '' HUP INT; read -r word; [ \"$word\" = dismissed ] || kill -9 \"$1\"", "guard", &pid.to_string()]);
        // In a group of its own, so that what kills the tests' group leaves it to its work.
        shell.stdin(Stdio::piped()).stdout(Stdio::null()).stderr(Stdio::null()).process_group(0);
        Guard(shell.spawn().ok())
    }

    fn dismiss(&mut self) {
        if let Some(mut shell) = self.0.take() {
            if let Some(mut orders) = shell.stdin.take() {
                let _ = writeln!(orders, "dismissed");
            }
            let _ = shell.wait();
        }
    }
}

/// Sends a signal to a process by its id; one that is gone already is no error.
pub(crate) fn send(signal: Signal, pid: u32) {
    let name = match signal {
        Signal::Term => "-TERM",
        Signal::Hup => "-HUP",
        Signal::Int => "-INT",
        Signal::Kill => "-KILL",
        Signal::Stop => "-STOP",
        Signal::Cont => "-CONT",
    };
    let sent = Command::new("kill").args([name, &pid.to_string()]).stderr(Stdio::null()).status();
    sent.unwrap_or_else(|e| panic!("cannot run kill: {e}"));
}
