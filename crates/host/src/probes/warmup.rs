//! Work done before the first request: filling caches, running each kind of query once.
//!
//! Bounded as a whole, skippable, and never a reason not to start: what fails or does not finish
//! in time is logged and shown as degraded, and the host serves.

use std::time::Duration;

use plimsoll_core::{Code, Error, Result};
use tokio::time::Instant;

use super::{Health, Weight};
use crate::stack::Boxed;

/// One piece of warm-up.
pub struct WarmUp {
    /// What is warmed, for the log.
    pub name: &'static str,
    /// The work.
    pub work: Boxed<'static, Result<()>>,
}

impl Health {
    /// Does the work piece by piece, `limit` at most for all of it. Returns what could not be
    /// done; the same is then shown by the check `warm-up` for as long as the process lives.
    pub async fn warm(&self, pieces: Vec<WarmUp>, limit: Duration) -> Vec<&'static str> {
        let end = Instant::now() + limit;
        let mut cold = Vec::new();
        for WarmUp { name, work } in pieces {
            let outcome = if Instant::now() < end { within(end, work).await } else { Err(late()) };
            if let Err(error) = outcome {
                tracing::warn!(piece = name, cause = error.cause(), "not warmed up: {}", error.public());
                cold.push(name);
            }
        }
        if !cold.is_empty() {
            let message = format!("not warmed up: {}", cold.join(", "));
            self.check("warm-up", Weight::Attention, move || {
                let message = message.clone();
                Box::pin(async move { Err(Code::Internal.because(message)) })
            });
        }
        cold
    }
}

async fn within(end: Instant, work: Boxed<'static, Result<()>>) -> Result<()> {
    // A task of its own: what panics here must not stop the start.
    let mut task = tokio::spawn(work);
    match tokio::time::timeout_at(end, &mut task).await {
        Ok(Ok(outcome)) => outcome,
        Ok(Err(panicked)) => Err(Error::from(panicked)),
        Err(_) => {
            task.abort();
            Err(late())
        }
    }
}

fn late() -> Error {
    Code::Internal.because("the time for warming up was used up")
}
