//! One check of something the host depends on.

use std::{
    sync::{Arc, Mutex, PoisonError},
    time::{Duration, Instant},
};

use plimsoll_core::{Clock, Code, Result, Time};
use tokio::task::JoinSet;

use crate::stack::Boxed;

/// How long a check may take.
const LIMIT: Duration = Duration::from_secs(1);

/// What follows when a check fails. Ordered by consequence.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub enum Weight {
    /// Nothing of this process; a person should look, and nobody else need know.
    Note,
    /// Requests are still answered well; a person should look.
    Attention,
    /// Requests cannot be answered: not ready.
    Vital,
    /// The schema does not fit the binary: not ready, and the gate closes.
    Schema,
}

/// How a check went.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Standing {
    /// As it should.
    Good,
    /// It failed, or took too long.
    Failed,
}

type Run = Box<dyn Fn() -> Boxed<'static, Result<()>> + Send + Sync>;

/// Something that can be asked whether it works.
pub struct Check {
    name: &'static str,
    weight: Weight,
    run: Run,
    /// How it stood last, and since when it stands so.
    since: Mutex<Option<(Standing, Time)>>,
}

/// How a check went, for operators: the message may name hosts and files.
#[derive(Debug, Clone)]
pub struct CheckReport {
    /// The check.
    pub name: &'static str,
    /// What follows when it fails.
    pub weight: Weight,
    /// How it went.
    pub standing: Standing,
    /// How long it took.
    pub latency: Duration,
    /// Since when it stands so.
    pub since: Time,
    /// The code of its error, when it failed.
    pub code: Option<Code>,
    /// What it said, when it failed.
    pub message: Option<String>,
}

impl Check {
    pub(super) fn new(name: &'static str, weight: Weight, run: Run) -> Check {
        Check { name, weight, run, since: Mutex::default() }
    }

    fn report(&self, outcome: Result<()>, latency: Duration, now: Time) -> CheckReport {
        let standing = if outcome.is_ok() { Standing::Good } else { Standing::Failed };
        let mut since = self.since.lock().unwrap_or_else(PoisonError::into_inner);
        let before = since.filter(|(before, _)| *before == standing);
        if before.is_none() && (standing == Standing::Failed || since.is_some()) {
            note(self.name, self.weight, outcome.as_ref().err());
        }
        let (_, since) = *since.insert(before.unwrap_or((standing, now)));
        let code = outcome.as_ref().err().map(plimsoll_core::Error::code);
        let message = outcome.err().map(|error| match error.cause() {
            Some(cause) => format!("{} ({cause})", error.public()),
            None => error.public().to_owned(),
        });
        CheckReport { name: self.name, weight: self.weight, standing, latency, since, code, message }
    }
}

/// A check that changes its mind is worth a line; one that stays is not.
fn note(name: &str, weight: Weight, error: Option<&plimsoll_core::Error>) {
    match error {
        Some(error) if weight == Weight::Note => tracing::warn!(check = name, "somebody should look: {}", error.public()),
        Some(error) => tracing::warn!(check = name, cause = error.cause(), "a health check fails: {}", error.public()),
        None => tracing::info!(check = name, "a health check passes again"),
    }
}

/// Runs all checks side by side, each within its limit.
pub(super) async fn run_all(checks: &[Arc<Check>], clock: &Clock) -> Vec<CheckReport> {
    let mut running = JoinSet::new();
    for (position, check) in checks.iter().enumerate() {
        let check = check.clone();
        // A task of its own: a check that panics is a check that failed.
        running.spawn(async move {
            let begun = Instant::now();
            let outcome = tokio::time::timeout(LIMIT, (check.run)()).await;
            (position, outcome.unwrap_or_else(|_| Err(late())), begun.elapsed())
        });
    }
    let mut outcomes: Vec<Option<(Result<()>, Duration)>> = checks.iter().map(|_| None).collect();
    while let Some(done) = running.join_next().await {
        if let Ok((position, outcome, latency)) = done {
            outcomes[position] = Some((outcome, latency));
        }
    }
    let now = clock.now();
    let broken = || (Err(Code::Internal.because("the check itself panicked")), Duration::ZERO);
    checks
        .iter()
        .zip(outcomes)
        .map(|(check, outcome)| {
            let (outcome, latency) = outcome.unwrap_or_else(broken);
            check.report(outcome, latency, now)
        })
        .collect()
}

fn late() -> plimsoll_core::Error {
    Code::Internal.because(format!("no answer within {} ms", LIMIT.as_millis()))
}
