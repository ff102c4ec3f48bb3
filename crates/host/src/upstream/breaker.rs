//! The circuit breaker of one upstream: a state machine over a time that it is told.
//!
//! Closed, it counts how requests end, in a window that rolls on. It opens when so many failed in
//! a row, or when the share of failures (or of slow answers) in the window is too large and there
//! were enough of them to tell. Open, it refuses at once. When its time has passed, exactly as
//! many trial requests go through as the rules say; all of them have to succeed, and the first
//! that fails opens it again for twice as long.
//!
//! What counts as a failure is said by whoever settles a [`Ticket`]; see [`call`](super::call).

use std::time::Duration;

/// The window is divided so that it rolls on in steps and not at once.
const STEPS: u64 = 10;

/// When a breaker opens, and for how long.
#[derive(Debug, Clone)]
pub struct Rules {
    /// How far back failures count.
    pub window: Duration,
    /// Fewest requests in the window from which a share is taken.
    pub volume: u32,
    /// Share of failures in the window that opens it, in percent.
    pub failures: u32,
    /// Failures in a row that open it, however far apart.
    pub in_a_row: u32,
    /// Share of slow answers in the window that opens it, in percent.
    pub slow: u32,
    /// Trial requests while half-open.
    pub trials: u32,
    /// How long it stays open the first time; each further time in a row twice as long.
    pub open_for: Duration,
    /// The longest it stays open.
    pub open_most: Duration,
}

/// How a request ended, as far as it says something about the upstream.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Ending {
    /// It answered.
    Good,
    /// It answered, and took longer than it should.
    Slow,
    /// It did not.
    Failed,
}

/// Where a breaker stands.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum State {
    /// Requests go through.
    Closed,
    /// Requests are refused for a while.
    Open,
    /// Trial requests go through.
    HalfOpen,
    /// A person holds it open until it is reset.
    Forced,
}

impl State {
    /// The word in metrics, logs and answers.
    pub const fn name(self) -> &'static str {
        match self {
            State::Closed => "closed",
            State::Open => "open",
            State::HalfOpen => "half-open",
            State::Forced => "forced-open",
        }
    }
    /// Every state, for metrics.
    pub const ALL: [State; 4] = [State::Closed, State::Open, State::HalfOpen, State::Forced];
}

/// The right to send one request; settled or given back afterwards.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Ticket {
    era: u64,
    trial: bool,
}

impl Ticket {
    /// Whether the request is a trial, which is not repeated.
    pub const fn is_trial(self) -> bool {
        self.trial
    }
}

#[derive(Debug, Clone, Copy, Default)]
struct Step {
    number: u64,
    all: u32,
    failed: u32,
    slow: u32,
}

/// The breaker.
#[derive(Debug)]
pub struct Breaker {
    rules: Rules,
    state: State,
    since: Duration,
    /// Grows with every change of state: what was let in before says nothing about now.
    era: u64,
    steps: [Step; STEPS as usize],
    in_a_row: u32,
    /// How often it has opened without having closed in between.
    openings: u32,
    let_in: u32,
    succeeded: u32,
    /// When the present round of trials began.
    round: Duration,
}

impl Breaker {
    /// A closed breaker.
    pub fn new(rules: Rules) -> Breaker {
        Breaker {
            rules,
            state: State::Closed,
            since: Duration::ZERO,
            era: 0,
            steps: Default::default(),
            in_a_row: 0,
            openings: 0,
            let_in: 0,
            succeeded: 0,
            round: Duration::ZERO,
        }
    }

    /// Where it stands.
    pub fn state(&self) -> State {
        self.state
    }
    /// Since when it stands there.
    pub fn since(&self) -> Duration {
        self.since
    }
    /// Requests, failures and slow answers in the window.
    pub fn counted(&self, now: Duration) -> (u32, u32, u32) {
        let oldest = self.step(now).saturating_sub(STEPS - 1);
        let counted = self.steps.iter().filter(|step| step.number >= oldest);
        counted.fold((0, 0, 0), |sum, step| (sum.0 + step.all, sum.1 + step.failed, sum.2 + step.slow))
    }

    /// Lets a request through, or says how long requests will be refused.
    ///
    /// # Errors
    /// The time until the next trial.
    pub fn admit(&mut self, now: Duration) -> Result<Ticket, Duration> {
        match self.state {
            State::Closed => Ok(Ticket { era: self.era, trial: false }),
            State::Forced => Err(self.rules.open_most),
            State::Open => {
                let until = self.since + self.open_time();
                if now < until {
                    return Err(until - now);
                }
                self.turn(State::HalfOpen, now);
                self.round = now;
                self.admit(now)
            }
            State::HalfOpen => {
                // Trials whose end nobody hears of must not keep it half-open for ever.
                if now.saturating_sub(self.round) >= self.rules.open_most {
                    (self.round, self.let_in) = (now, self.succeeded);
                }
                if self.let_in >= self.rules.trials {
                    return Err(self.rules.open_for.min(Duration::from_secs(1)));
                }
                self.let_in += 1;
                Ok(Ticket { era: self.era, trial: true })
            }
        }
    }

    /// Takes note of how a request ended.
    pub fn settle(&mut self, ticket: Ticket, ending: Ending, now: Duration) {
        if ticket.era != self.era {
            return;
        }
        match self.state {
            State::Closed => self.count(ending, now),
            State::HalfOpen if ticket.trial => match ending {
                Ending::Good => {
                    self.succeeded += 1;
                    if self.succeeded >= self.rules.trials {
                        self.close(now);
                    }
                }
                // An answer that is as slow as what opened it does not close it.
                Ending::Failed | Ending::Slow => self.open(now),
            },
            State::HalfOpen | State::Open | State::Forced => {}
        }
    }

    /// Takes note of a failure after a request was settled, such as an answer that broke off.
    pub fn fail_late(&mut self, now: Duration) {
        if self.state == State::Closed {
            self.count(Ending::Failed, now);
        }
    }

    /// Takes a ticket back whose request came to no end: its caller left.
    pub fn give_back(&mut self, ticket: Ticket) {
        if ticket.trial && ticket.era == self.era {
            self.let_in = self.let_in.saturating_sub(1);
        }
    }

    /// Closes it, whatever happened.
    pub fn reset(&mut self, now: Duration) {
        self.close(now);
    }
    /// Holds it open until it is reset.
    pub fn force_open(&mut self, now: Duration) {
        self.turn(State::Forced, now);
    }

    fn count(&mut self, ending: Ending, now: Duration) {
        let number = self.step(now);
        let step = &mut self.steps[(number % STEPS) as usize];
        if step.number != number {
            *step = Step { number, ..Step::default() };
        }
        step.all += 1;
        match ending {
            Ending::Good => self.in_a_row = 0,
            Ending::Slow => {
                step.slow += 1;
                self.in_a_row = 0;
            }
            Ending::Failed => {
                step.failed += 1;
                self.in_a_row += 1;
            }
        }
        let (all, failed, slow) = self.counted(now);
        let reached = |part: u32, percent: u32| part > 0 && u64::from(part) * 100 >= u64::from(all) * u64::from(percent);
        let enough = all >= self.rules.volume;
        let by_share = enough && (reached(failed, self.rules.failures) || reached(slow, self.rules.slow));
        if self.in_a_row >= self.rules.in_a_row || by_share {
            self.open(now);
        }
    }

    fn open(&mut self, now: Duration) {
        self.openings = self.openings.saturating_add(1);
        self.turn(State::Open, now);
    }
    fn close(&mut self, now: Duration) {
        self.openings = 0;
        self.turn(State::Closed, now);
    }
    fn turn(&mut self, state: State, now: Duration) {
        (self.state, self.since) = (state, now);
        self.era += 1;
        self.steps = Default::default();
        (self.in_a_row, self.let_in, self.succeeded) = (0, 0, 0);
    }

    fn open_time(&self) -> Duration {
        let doubled = 1u32.checked_shl(self.openings.saturating_sub(1)).unwrap_or(u32::MAX);
        self.rules.open_for.saturating_mul(doubled).min(self.rules.open_most)
    }
    fn step(&self, now: Duration) -> u64 {
        let length = (self.rules.window.as_micros() / u128::from(STEPS)).max(1);
        // From one: zero is the number of a step that was never used.
        u64::try_from(now.as_micros() / length).unwrap_or(u64::MAX - 1) + 1
    }
}

#[cfg(test)]
mod tests;
