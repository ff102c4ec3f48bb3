//! What stands between a request that is ready and an upstream that may not be: the section
//! `[resilience]`, and the guard of one upstream that is made from it.

mod verdict;

use std::{
    collections::BTreeMap,
    sync::{
        Arc, Mutex, MutexGuard, PoisonError,
        atomic::{AtomicU64, Ordering},
    },
    time::{Duration, Instant},
};

use plimsoll_core::{Code, Result};

pub use self::verdict::Verdict;
use super::{
    adaptive::Adaptive,
    breaker::{self, Breaker, Ending, State, Ticket},
    budget::Budget,
    bulkhead::{Place, Places},
    retry::Backoff,
};
use crate::{
    config::{ByteSize, Config, Rules, Span},
    limits::config::LimitsConfig,
    route::RouteClass,
};

crate::section! {
    /// How requests to mounted services deal with failure. Each service has its own breaker, budget and places.
    pub struct ResilienceConfig["resilience"] {
        /// Attempts in all for a request that may be repeated: a read, one whose `Idempotency-Key` the service honours, or one of which nothing was sent. `1`: none is repeated.
        pub attempts: u32 = "3",
        /// How long one attempt may wait for the head of the answer. Not set: as long as the request has.
        pub attempt_timeout: Option<Span> = none,
        /// The pause before a repetition is a random time up to this; the bound doubles with each.
        pub backoff: Span = "100ms",
        /// The largest bound of a pause.
        pub backoff_most: Span = "2s",
        /// Statuses after which a request that may be repeated is.
        pub retry_statuses: Vec<u16> = "502,503,504",
        /// Repetitions in percent of a service's requests.
        pub retry_percent: u32 = "10",
        /// Repetitions per second that are allowed besides.
        pub retry_reserve: u32 = "3",
        /// Largest body that is kept so that it can be sent again.
        pub retry_body: ByteSize = "64KiB",
        /// Whether the service gives a repeated `Idempotency-Key` one effect. Only then is a change sent again.
        pub service_honours_keys: bool = "false",
        /// How far back the breaker counts.
        pub breaker_window: Span = "10s",
        /// Fewest requests in the window from which a share is taken.
        pub breaker_volume: u32 = "20",
        /// Share of failures, in percent, that opens the breaker.
        pub breaker_percent: u32 = "50",
        /// Failures in a row that open it, however few requests there are.
        pub breaker_in_a_row: u32 = "10",
        /// Statuses that are failures, besides a connection that is refused or breaks and an answer that is late.
        pub breaker_statuses: Vec<u16> = "502,503,504",
        /// An answer is slow when its head takes longer than this. Not set: none is.
        pub slow_call: Option<Span> = none,
        /// Share of slow answers, in percent, that opens the breaker.
        pub slow_percent: u32 = "80",
        /// How long the breaker is open at first; twice as long after each trial that failed.
        pub open_for: Span = "5s",
        /// The longest it is open.
        pub open_most: Span = "1m",
        /// Trial requests that all have to succeed before it closes.
        pub trials: u32 = "3",
        /// Most reads at a service at the same time. Not set: its share of half of `[limits] in_flight`.
        pub read_places: Option<usize> = none,
        /// Most changes at a service at the same time. Not set: its share of a quarter of `[limits] in_flight`.
        pub write_places: Option<usize> = none,
        /// Fewest places of each kind, however slow the service becomes: between this and the most the number follows the service.
        pub least_places: usize = "8",
        /// Most requests of one kind that wait for a place at a service.
        pub queue: usize = "32",
        /// How long a request waits for a place.
        pub patience: Span = "1s",
        /// Most requests under way at a service, answers that are still streamed included.
        pub streams: usize = "1024",
        /// Answers for when a service has none: `{ "GET /news" = "{\"items\":[]}", "GET /" = "sorry.html" }`. A text that begins with `{` or `[` is the answer, any other names a file.
        pub fallbacks: BTreeMap<String, String> = "{}",
        /// The status of such an answer.
        pub fallback_status: u16 = "200",
        /// How long after a service's last good answer such an answer is given.
        pub fallback_for: Span = "1h",
    }
}

/// Refuses what no guard can be made of.
pub fn rule(config: &Config, rules: &mut Rules<'_>) {
    let resilience: ResilienceConfig = config.get();
    for (key, wrong) in [
        ("resilience.attempts", resilience.attempts == 0),
        ("resilience.breaker_volume", resilience.breaker_volume == 0),
        ("resilience.breaker_in_a_row", resilience.breaker_in_a_row == 0),
        ("resilience.trials", resilience.trials == 0),
        ("resilience.least_places", resilience.least_places == 0),
        ("resilience.streams", resilience.streams == 0),
        ("resilience.read_places", resilience.read_places == Some(0)),
        ("resilience.write_places", resilience.write_places == Some(0)),
    ] {
        if wrong {
            rules.refuse(key, "must be at least 1", "");
        }
    }
    for (key, percent) in [("resilience.breaker_percent", resilience.breaker_percent), ("resilience.slow_percent", resilience.slow_percent)]
    {
        if !(1..=100).contains(&percent) {
            rules.refuse(key, "is a share in percent, from 1 to 100", "");
        }
    }
    if resilience.open_most.duration() < resilience.open_for.duration() {
        rules.refuse("resilience.open_most", "is shorter than `open_for`", "");
    }
    if !(200..600).contains(&resilience.fallback_status) {
        rules.refuse("resilience.fallback_status", "is no status of an answer", "write a number from 200 to 599");
    }
    if let Err(error) = super::fallback::Fallbacks::new(&resilience) {
        rules.refuse("resilience.fallbacks", error.public(), "");
    }
}

/// What a guard goes by.
pub struct Settings {
    /// Attempts in all.
    pub attempts: u32,
    /// Bound of one attempt.
    pub attempt_timeout: Option<Duration>,
    /// Pauses.
    pub backoff: Backoff,
    /// Statuses that are repeated.
    pub retry_statuses: Vec<u16>,
    /// Largest body kept, in bytes.
    pub retry_body: usize,
    /// Whether the service honours idempotency keys.
    pub service_honours_keys: bool,
    /// Statuses that are failures.
    pub breaker_statuses: Vec<u16>,
    /// From when on an answer is slow.
    pub slow_call: Option<Duration>,
    /// How long a request waits for a place.
    pub patience: Duration,
    /// Most requests under way.
    pub streams: usize,
    /// How long fallback answers are given after the last good answer.
    pub fallback_for: Duration,
}

/// What came of requests, since the start.
#[derive(Default)]
pub struct Counts {
    /// Requests that wanted to go there.
    pub requests: AtomicU64,
    /// Repetitions.
    pub retries: AtomicU64,
    /// Repetitions that the budget refused.
    pub retries_refused: AtomicU64,
    /// Attempts that found nobody.
    pub unreachable: AtomicU64,
    /// Attempts that broke off, and answers that did.
    pub broken: AtomicU64,
    /// Attempts that were late.
    pub late: AtomicU64,
    /// Attempts that were answered with a status that is a failure.
    pub failing_status: AtomicU64,
    /// Requests refused because the breaker was open.
    pub circuit_open: AtomicU64,
    /// Requests refused because too many were under way.
    pub crowded: AtomicU64,
    /// Requests that were given a fallback answer.
    pub fallbacks: AtomicU64,
    /// How often the breaker opened.
    pub openings: AtomicU64,
}

/// Counts one more.
pub(super) fn one_more(counter: &AtomicU64) {
    counter.fetch_add(1, Ordering::Relaxed);
}

/// The guard of one upstream.
pub struct Guard {
    name: &'static str,
    began: Instant,
    /// What it goes by.
    pub settings: Settings,
    breaker: Mutex<Breaker>,
    budget: Mutex<Budget>,
    reads: Arc<Places>,
    changes: Arc<Places>,
    /// What came of requests.
    pub counts: Counts,
    /// Milliseconds after `began` of the last good answer.
    last_good: AtomicU64,
}

impl Guard {
    /// The guard of the upstream `name`, one of `services` that share the room of the host.
    pub fn new(name: &'static str, config: &ResilienceConfig, limits: &LimitsConfig, services: usize) -> Guard {
        let share = |part: usize| (limits.in_flight / part / services.max(1)).max(1);
        let places = |most: usize| Places::new(Adaptive::new(config.least_places, most), config.queue);
        Guard {
            name,
            began: Instant::now(),
            settings: Settings {
                attempts: config.attempts,
                attempt_timeout: config.attempt_timeout.map(Span::duration),
                backoff: Backoff { first: config.backoff.duration(), most: config.backoff_most.duration() },
                retry_statuses: config.retry_statuses.clone(),
                retry_body: config.retry_body.length(),
                service_honours_keys: config.service_honours_keys,
                breaker_statuses: config.breaker_statuses.clone(),
                slow_call: config.slow_call.map(Span::duration),
                patience: config.patience.duration(),
                streams: config.streams,
                fallback_for: config.fallback_for.duration(),
            },
            breaker: Mutex::new(Breaker::new(breaker::Rules {
                window: config.breaker_window.duration(),
                volume: config.breaker_volume,
                failures: config.breaker_percent,
                in_a_row: config.breaker_in_a_row,
                slow: config.slow_percent,
                trials: config.trials,
                open_for: config.open_for.duration(),
                open_most: config.open_most.duration(),
            })),
            budget: Mutex::new(Budget::new(config.retry_percent, config.retry_reserve)),
            reads: places(config.read_places.unwrap_or_else(|| share(2))),
            changes: places(config.write_places.unwrap_or_else(|| share(4))),
            counts: Counts::default(),
            last_good: AtomicU64::new(0),
        }
    }

    /// The time that its parts go by.
    pub fn now(&self) -> Duration {
        self.began.elapsed()
    }

    /// Asks the breaker whether a request may go.
    ///
    /// # Errors
    /// `CircuitOpen`, saying when to come back.
    pub fn admit(self: &Arc<Guard>) -> Result<Verdict> {
        let now = self.now();
        match self.on_breaker(|breaker| breaker.admit(now)) {
            Ok(ticket) => Ok(self.verdict(Some(ticket))),
            Err(wait) => {
                one_more(&self.counts.circuit_open);
                Err(Code::CircuitOpen
                    .because("the service behind this address has failed so often that it is left alone for a while; nothing was sent")
                    .retry_after(whole_seconds(wait)))
            }
        }
    }
    /// A verdict that nobody asked the breaker about, where the breaker is switched off.
    pub fn unguarded(self: &Arc<Guard>) -> Verdict {
        self.verdict(None)
    }
    fn verdict(self: &Arc<Guard>, ticket: Option<Ticket>) -> Verdict {
        Verdict { guard: self.clone(), guarded: ticket.is_some(), ticket, settled: false, head: Ending::Good }
    }

    /// A place for a request of `class`.
    ///
    /// # Errors
    /// `Overloaded` when none becomes free within the patience.
    pub async fn enter(&self, class: RouteClass, patience: Duration) -> Result<Place> {
        self.places(class).enter(patience.min(self.settings.patience)).await.ok_or_else(|| {
            Code::Overloaded
                .because("as many requests are at the service behind this address as it can take; nothing was sent")
                .retry_after(1)
        })
    }
    /// The places of a class.
    pub fn places(&self, class: RouteClass) -> &Arc<Places> {
        if class == RouteClass::Read { &self.reads } else { &self.changes }
    }

    /// Counts a request for the budget of repetitions.
    pub fn earn(&self) {
        one_more(&self.counts.requests);
        self.budget.lock().unwrap_or_else(PoisonError::into_inner).earn();
    }
    /// Whether one more repetition may be sent.
    pub fn spend(&self) -> bool {
        let granted = self.budget.lock().unwrap_or_else(PoisonError::into_inner).spend(self.now());
        one_more(if granted { &self.counts.retries } else { &self.counts.retries_refused });
        granted
    }

    /// Where the breaker stands, and since how long.
    pub fn standing(&self) -> (State, Duration) {
        let breaker = self.breaker();
        (breaker.state(), self.now().saturating_sub(breaker.since()))
    }
    /// Whether requests go through as usual.
    pub fn is_closed(&self) -> bool {
        self.breaker().state() == State::Closed
    }
    /// Requests, failures and slow answers that the breaker counts at the moment.
    pub fn counted(&self) -> (u32, u32, u32) {
        let now = self.now();
        self.breaker().counted(now)
    }
    /// Closes the breaker.
    pub fn reset(&self) {
        let now = self.now();
        self.on_breaker(|breaker| breaker.reset(now));
    }
    /// Holds the breaker open until it is reset.
    pub fn force_open(&self) {
        let now = self.now();
        self.on_breaker(|breaker| breaker.force_open(now));
    }

    /// How long ago the last good answer came; since the start where none has come.
    pub fn without_answer(&self) -> Duration {
        self.now().saturating_sub(Duration::from_millis(self.last_good.load(Ordering::Relaxed)))
    }

    fn breaker(&self) -> MutexGuard<'_, Breaker> {
        self.breaker.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Does something to the breaker, and tells of a change of its state.
    fn on_breaker<T>(&self, act: impl FnOnce(&mut Breaker) -> T) -> T {
        let (done, before, after) = {
            let mut breaker = self.breaker();
            let before = breaker.state();
            let done = act(&mut breaker);
            (done, before, breaker.state())
        };
        if before != after {
            let (upstream, from, to) = (self.name, before.name(), after.name());
            if matches!(after, State::Open | State::Forced) {
                one_more(&self.counts.openings);
                tracing::warn!(upstream, from, to, "the circuit breaker of a service has opened: requests for it are refused at once");
            } else {
                tracing::info!(upstream, from, to, "the circuit breaker of a service has changed");
            }
        }
        done
    }
}

/// The time as `Retry-After` counts it: never too early.
fn whole_seconds(wait: Duration) -> u32 {
    u32::try_from(wait.as_millis().div_ceil(1_000)).unwrap_or(u32::MAX).max(1)
}
