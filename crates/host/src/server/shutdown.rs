//! The end of serving, as a handle that everybody may hold.

use std::sync::{
    Arc,
    atomic::{AtomicBool, Ordering},
};

use plimsoll_core::Result;
use tokio::{
    signal::unix::{Signal, SignalKind, signal},
    sync::watch,
};

/// How far the end has come; never goes back.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub enum Phase {
    /// Not at all.
    Serving,
    /// Readiness is red, requests are still taken.
    Announcing,
    /// No new connections; answers close theirs.
    Closing,
    /// Whatever is left is cut.
    Forced,
}

/// Begins the end, and tells who asks how far it has come. Cheap to clone.
#[derive(Clone)]
pub struct Shutdown(Arc<Inner>);

struct Inner {
    phase: watch::Sender<Phase>,
    /// The same as `phase >= Closing`, for the one question every answer asks.
    closing: AtomicBool,
}

impl Default for Shutdown {
    fn default() -> Shutdown {
        Shutdown::new()
    }
}

impl Shutdown {
    /// Nothing has begun.
    pub fn new() -> Shutdown {
        Shutdown(Arc::new(Inner { phase: watch::Sender::new(Phase::Serving), closing: AtomicBool::new(false) }))
    }
    /// Begins to drain; later calls change nothing.
    pub fn begin(&self) {
        self.advance(Phase::Announcing);
    }
    /// Ends without waiting.
    pub fn force(&self) {
        self.advance(Phase::Forced);
    }
    /// How far the end has come.
    pub fn phase(&self) -> Phase {
        *self.0.phase.borrow()
    }
    /// Waits until the end has come as far as `phase`.
    pub async fn reached(&self, phase: Phase) {
        // Cannot fail: `self` holds the sender.
        let _ = self.0.phase.subscribe().wait_for(|now| *now >= phase).await;
    }

    pub(super) fn is_closing(&self) -> bool {
        self.0.closing.load(Ordering::Relaxed)
    }
    pub(super) fn advance(&self, to: Phase) {
        self.0.closing.fetch_or(to >= Phase::Closing, Ordering::Relaxed);
        self.0.phase.send_if_modified(|now| {
            let further = to > *now;
            *now = to.max(*now);
            further
        });
    }

    /// Listens for SIGTERM and SIGINT: the first begins, the second forces. Must be called inside a
    /// runtime, before anything is served; the signals are taken over when this returns.
    ///
    /// # Errors
    /// `Internal` where the system does not let the process handle signals.
    pub fn on_signals(&self) -> Result<()> {
        let (mut terminate, mut interrupt) = (signal(SignalKind::terminate())?, signal(SignalKind::interrupt())?);
        let shutdown = self.clone();
        tokio::spawn(async move {
            let name = either(&mut terminate, &mut interrupt).await;
            tracing::info!(signal = name, "stopping: requests in flight finish; a second signal ends at once");
            shutdown.begin();
            let name = either(&mut terminate, &mut interrupt).await;
            tracing::warn!(signal = name, "ending at once");
            shutdown.force();
        });
        Ok(())
    }
}

impl Shutdown {
    /// Lets SIGHUP begin the end too: the terminal has gone, and nothing is there to be renewed.
    /// Not for servers with certificates, where SIGHUP renews them. As [`Shutdown::on_signals`].
    ///
    /// # Errors
    /// As [`Shutdown::on_signals`].
    pub fn on_hangup(&self) -> Result<()> {
        let (mut hangup, shutdown) = (signal(SignalKind::hangup())?, self.clone());
        tokio::spawn(async move {
            while hangup.recv().await.is_some() {
                tracing::info!(signal = "SIGHUP", "stopping: requests in flight finish");
                shutdown.begin();
            }
        });
        Ok(())
    }
}

async fn either(terminate: &mut Signal, interrupt: &mut Signal) -> &'static str {
    tokio::select! {
        _ = terminate.recv() => "SIGTERM",
        _ = interrupt.recv() => "SIGINT",
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[tokio::test]
    async fn the_end_goes_only_forward() {
        let shutdown = Shutdown::new();
        shutdown.advance(Phase::Closing);
        shutdown.begin();
        assert_eq!(shutdown.phase(), Phase::Closing);
        assert!(shutdown.is_closing());
        shutdown.force();
        shutdown.reached(Phase::Announcing).await;
        shutdown.reached(Phase::Forced).await;
    }
}
