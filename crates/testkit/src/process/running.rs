//! A process that serves, from readiness to its end.

use std::{
    process::ExitStatus,
    sync::{Mutex, MutexGuard, PoisonError},
    time::{Duration, Instant},
};

use super::{
    BOUND, STEP,
    child::{End, Signal, send},
    output::{Output, read, show},
};
use crate::{Scratch, http::Client};

/// A process that serves. It is killed when it is dropped, and soon after the test process ends
/// in any other way.
pub struct Running {
    pub(super) port: u16,
    pub(super) ops_port: u16,
    end: Mutex<End>,
    papers: Scratch,
}

impl Running {
    /// The process `end`, which was told to listen on these ports and to print into `papers`.
    pub(super) fn new(end: End, port: u16, ops_port: u16, papers: Scratch) -> Running {
        Running { port, ops_port, end: Mutex::new(end), papers }
    }

    /// The URL of the public listener, without a slash at the end.
    pub fn url(&self) -> String {
        format!("http://127.0.0.1:{}", self.port)
    }

    /// The URL of the operations listener, without a slash at the end.
    pub fn ops_url(&self) -> String {
        format!("http://127.0.0.1:{}", self.ops_port)
    }

    /// A client of the public listener.
    pub fn client(&self) -> Client {
        Client::new(self.url())
    }

    /// A client of the operations listener.
    pub fn ops(&self) -> Client {
        Client::new(self.ops_url())
    }

    /// The process's id.
    pub fn pid(&self) -> u32 {
        self.lock().pid()
    }

    /// What it has printed on standard output so far.
    pub fn stdout(&self) -> String {
        read(&self.papers, "stdout")
    }

    /// What it has printed on standard error so far.
    pub fn stderr(&self) -> String {
        read(&self.papers, "stderr")
    }

    /// Sends a signal.
    ///
    /// # Panics
    /// When the process has ended.
    pub fn signal(&self, signal: Signal) {
        let mut end = self.lock();
        assert!(end.look().is_none(), "the process has ended: {}", show(&self.papers));
        // It has not been waited for, so the number is still its own.
        send(signal, end.pid());
    }

    /// How it ended; `None` while it runs.
    pub fn ended(&self) -> Option<ExitStatus> {
        self.lock().look()
    }

    /// Waits for its end.
    ///
    /// # Panics
    /// When it still runs after a minute; the message shows what it printed.
    pub async fn wait(&self) -> ExitStatus {
        let started = Instant::now();
        loop {
            if let Some(status) = self.ended() {
                return status;
            }
            assert!(started.elapsed() < BOUND, "the process did not end within {BOUND:?}: {}", show(&self.papers));
            tokio::time::sleep(STEP).await;
        }
    }

    /// Asks it to end and waits: the orderly shutdown.
    ///
    /// # Panics
    /// As [`Running::signal`] and [`Running::wait`].
    pub async fn stop(&self) -> ExitStatus {
        self.signal(Signal::Term);
        self.wait().await
    }

    /// Ends it as a crash would and waits.
    ///
    /// # Panics
    /// As [`Running::signal`] and [`Running::wait`].
    pub async fn crash(&self) -> ExitStatus {
        self.signal(Signal::Kill);
        self.wait().await
    }

    /// Waits until `/health/ready` answers 200.
    ///
    /// # Errors
    /// One line, when the process ends first or the bound passes.
    pub async fn ready(&self, bound: Duration) -> Result<(), String> {
        let client = self.client();
        let started = Instant::now();
        let mut last = "nothing answered".to_owned();
        loop {
            if let Some(status) = self.ended() {
                return Err(format!("the process ended before it was ready ({status})"));
            }
            let left = bound.saturating_sub(started.elapsed());
            if left.is_zero() {
                return Err(format!("the process was not ready within {bound:?}; last: {last}"));
            }
            match client.get("/health/ready").within(left.min(Duration::from_secs(5))).attempt().await {
                Ok(reply) if reply.code() == 200 => return Ok(()),
                Ok(reply) => last = reply.to_string(),
                Err(why) => last = why,
            }
            tokio::time::sleep(STEP).await;
        }
    }

    /// What it printed until now, when it is killed if it has not ended.
    pub(super) fn output(&self) -> Output {
        let status = self.ended();
        self.lock().kill();
        Output::of(status, &self.papers)
    }

    fn lock(&self) -> MutexGuard<'_, End> {
        self.end.lock().unwrap_or_else(PoisonError::into_inner)
    }
}
