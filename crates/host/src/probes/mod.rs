//! Health, readiness, and the gate that keeps requests out until start-up is complete.
//!
//! Three questions, kept apart because their answers have different consequences. *Live*: does the
//! process answer at all? If not, restart it; so nothing outside the process may decide this.
//! *Ready*: should it get requests now? If not, send them elsewhere for a while. *Healthy*: is
//! there something a person should look at?
//!
//! **Promises.** A check is bounded by a second, and so is the whole answer. Answers are kept for
//! a second and asked for once, however many ask: probing cannot be used to load the database.
//! Strangers learn one word; the details are on the operations listener.

mod checks;
pub mod config;
mod database;
pub mod gate;
pub mod operations;
pub mod orders;
mod proof;
mod routes;
mod warmup;

use std::{
    sync::{
        Arc, Mutex, PoisonError,
        atomic::{AtomicBool, AtomicI64, Ordering},
    },
    time::Duration,
};

use plimsoll_core::{Clock, Code, Result, Time};

pub use checks::{Check, CheckReport, Standing, Weight};
pub use config::ProbesConfig;
pub use operations::operations;
pub use routes::{PATHS, routes};
pub use warmup::WarmUp;

use crate::stack::Boxed;

/// How long an answer is given again without asking anew.
const FRESH: Duration = Duration::from_secs(1);
/// How long requests are let in before the schema is looked at again, where nobody asks for readiness.
const LOOK: Duration = Duration::from_secs(3);

/// Where the process stands.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum State {
    /// Start-up is not complete.
    Starting,
    /// All is well.
    Ready,
    /// Requests are answered, and something needs a person's attention.
    Degraded,
    /// Something it cannot work without is missing.
    Unready,
    /// It is about to stop.
    Draining,
}

impl State {
    /// The word in answers and metrics.
    pub const fn name(self) -> &'static str {
        match self {
            State::Starting => "starting",
            State::Ready => "ready",
            State::Degraded => "degraded",
            State::Unready => "unready",
            State::Draining => "draining",
        }
    }
    /// Whether requests should be sent here.
    pub const fn serves(self) -> bool {
        matches!(self, State::Ready | State::Degraded)
    }
    /// Every state, for metrics.
    pub const ALL: [State; 5] = [State::Starting, State::Ready, State::Degraded, State::Unready, State::Draining];
}

/// The state and what it was concluded from.
#[derive(Debug, Clone)]
pub struct Report {
    /// When the checks ran.
    pub at: Time,
    /// The conclusion, without what start-up and stopping add to it.
    found: State,
    /// Each check, in order of registration.
    pub checks: Vec<CheckReport>,
}

/// What the host knows about its own health. The default has no checks and is open: for hosts in
/// tests. A real host begins with [`Health::new`], which is closed until [`started`](Health::started).
pub struct Health {
    clock: Clock,
    started: AtomicBool,
    draining: AtomicBool,
    schema_fits: AtomicBool,
    asking: AtomicBool,
    checks: Mutex<Vec<Arc<Check>>>,
    latest: tokio::sync::Mutex<Option<Arc<Report>>>,
    /// When somebody last looked because of a request, in microseconds.
    looked: AtomicI64,
}

impl Default for Health {
    fn default() -> Health {
        let health = Health::new(Clock::system());
        health.started();
        health
    }
}

impl Health {
    /// A process that is starting.
    pub fn new(clock: Clock) -> Health {
        Health {
            clock,
            started: AtomicBool::new(false),
            draining: AtomicBool::new(false),
            schema_fits: AtomicBool::new(true),
            asking: AtomicBool::new(false),
            checks: Mutex::default(),
            latest: tokio::sync::Mutex::default(),
            looked: AtomicI64::new(0),
        }
    }

    /// Adds a check. `run` is called at most once a second and may take a second.
    pub fn check(&self, name: &'static str, weight: Weight, run: impl Fn() -> Boxed<'static, Result<()>> + Send + Sync + 'static) {
        let check = Arc::new(Check::new(name, weight, Box::new(run)));
        self.checks.lock().unwrap_or_else(PoisonError::into_inner).push(check);
    }

    /// Opens the gate: start-up, warm-up included, is complete.
    pub fn started(&self) {
        self.started.store(true, Ordering::SeqCst);
    }
    /// Whether start-up is complete.
    pub fn is_started(&self) -> bool {
        self.started.load(Ordering::SeqCst)
    }
    /// Says to load balancers that no further requests should be sent; those that come are answered.
    pub fn drain(&self) {
        self.draining.store(true, Ordering::SeqCst);
    }
    /// Whether the process is about to stop.
    pub fn draining(&self) -> bool {
        self.draining.load(Ordering::SeqCst)
    }
    /// Whether the last check of the schema found that it fits this binary.
    pub fn schema_fits(&self) -> bool {
        self.schema_fits.load(Ordering::SeqCst)
    }

    /// Runs the checks, or repeats the answer of less than a second ago.
    pub async fn report(&self) -> Arc<Report> {
        let mut latest = self.latest.lock().await;
        let now = self.clock.now();
        // A clock that was set back must not make an old answer stay.
        if let Some(report) = latest.as_ref().filter(|report| report.at <= now && now.since(report.at) < FRESH) {
            return report.clone();
        }
        let checks = self.checks.lock().unwrap_or_else(PoisonError::into_inner).clone();
        let reports = checks::run_all(&checks, &self.clock).await;
        for report in reports.iter().filter(|report| report.weight == Weight::Schema) {
            match report.code {
                None => self.schema_fits.store(true, Ordering::SeqCst),
                Some(Code::SchemaMismatch) => self.schema_fits.store(false, Ordering::SeqCst),
                // A database that is away says nothing about its schema.
                Some(_) => {}
            }
        }
        let report = Arc::new(Report { at: now, found: conclude(&reports), checks: reports });
        *latest = Some(report.clone());
        report
    }

    /// Whether this request is the one that has to look: nobody has for a while, and nobody may be probing.
    fn is_time_to_look(&self) -> bool {
        let (now, last) = (self.clock.now().micros(), self.looked.load(Ordering::Relaxed));
        // A clock that was set back counts as well.
        let due = now.saturating_sub(last).unsigned_abs() >= LOOK.as_micros() as u64;
        due && self.looked.compare_exchange(last, now, Ordering::Relaxed, Ordering::Relaxed).is_ok()
    }

    /// Runs the checks for nobody in particular, unless that is being done.
    async fn refresh(&self) {
        if !self.asking.swap(true, Ordering::SeqCst) {
            self.report().await;
            self.asking.store(false, Ordering::SeqCst);
        }
    }

    /// The state that follows from a report, from start-up and from stopping.
    pub fn state(&self, report: &Report) -> State {
        match (self.draining(), self.is_started()) {
            (true, _) => State::Draining,
            (false, false) => State::Starting,
            (false, true) => report.found,
        }
    }

    /// The last known state, without asking anyone: for metrics.
    pub fn last_state(&self) -> State {
        let found = self.latest.try_lock().ok().and_then(|latest| latest.as_ref().map(|report| self.state(report)));
        let unknown = Report { at: Time::default(), found: State::Ready, checks: Vec::new() };
        found.unwrap_or_else(|| self.state(&unknown))
    }
}

fn conclude(reports: &[CheckReport]) -> State {
    let failed = |report: &&CheckReport| report.standing == Standing::Failed;
    match reports.iter().filter(failed).map(|report| report.weight).max() {
        None | Some(Weight::Note) => State::Ready,
        Some(Weight::Attention) => State::Degraded,
        Some(Weight::Vital | Weight::Schema) => State::Unready,
    }
}

#[cfg(test)]
mod tests;
