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
mod tests {
    use super::*;
    use plimsoll_core::Seed;

    fn seconds(seconds: u64) -> Duration {
        Duration::from_secs(seconds)
    }
    fn rules() -> Rules {
        Rules {
            window: seconds(10),
            volume: 20,
            failures: 50,
            in_a_row: 5,
            slow: 80,
            trials: 3,
            open_for: seconds(5),
            open_most: seconds(60),
        }
    }
    fn run(breaker: &mut Breaker, ending: Ending, times: u32, now: Duration) {
        for _ in 0..times {
            if let Ok(ticket) = breaker.admit(now) {
                breaker.settle(ticket, ending, now);
            }
        }
    }

    #[test]
    fn failures_in_a_row_open_it_and_one_success_in_between_does_not_let_them_add_up() {
        let mut breaker = Breaker::new(rules());
        run(&mut breaker, Ending::Failed, 4, seconds(1));
        run(&mut breaker, Ending::Good, 1, seconds(1));
        run(&mut breaker, Ending::Failed, 4, seconds(1));
        assert_eq!(breaker.state(), State::Closed);
        run(&mut breaker, Ending::Failed, 1, seconds(100));
        assert_eq!(breaker.state(), State::Open, "the fifth in a row, however late");
        assert_eq!(breaker.admit(seconds(102)), Err(seconds(3)));
    }

    #[test]
    fn a_share_opens_it_only_when_enough_requests_tell_and_old_ones_are_forgotten() {
        let mut breaker = Breaker::new(Rules { in_a_row: 1000, ..rules() });
        run(&mut breaker, Ending::Failed, 19, seconds(1));
        assert_eq!(breaker.state(), State::Closed, "nineteen are too few");
        run(&mut breaker, Ending::Good, 19, seconds(12));
        assert_eq!(breaker.counted(seconds(12)), (19, 0, 0), "the old ones have left the window");
        run(&mut breaker, Ending::Failed, 18, seconds(13));
        assert_eq!(breaker.state(), State::Closed, "18 of 37 are less than half");
        run(&mut breaker, Ending::Failed, 1, seconds(13));
        assert_eq!(breaker.state(), State::Open, "19 of 38 are half");
    }

    #[test]
    fn answers_that_are_all_slow_open_it() {
        let mut breaker = Breaker::new(rules());
        run(&mut breaker, Ending::Good, 4, seconds(1));
        run(&mut breaker, Ending::Slow, 15, seconds(2));
        assert_eq!(breaker.state(), State::Closed);
        run(&mut breaker, Ending::Slow, 1, seconds(2));
        assert_eq!(breaker.state(), State::Open);
    }

    #[test]
    fn half_open_lets_exactly_the_trials_through_and_all_have_to_succeed() {
        let mut breaker = Breaker::new(rules());
        run(&mut breaker, Ending::Failed, 5, seconds(0));
        let trials: Vec<Ticket> = (0..10).filter_map(|_| breaker.admit(seconds(5)).ok()).collect();
        assert_eq!((trials.len(), breaker.state()), (3, State::HalfOpen));
        breaker.settle(trials[0], Ending::Good, seconds(5));
        breaker.settle(trials[1], Ending::Good, seconds(5));
        assert!(breaker.admit(seconds(5)).is_err(), "a trial that succeeded makes no room for a fourth");
        breaker.settle(trials[2], Ending::Good, seconds(6));
        assert_eq!((breaker.state(), breaker.since()), (State::Closed, seconds(6)));
    }

    #[test]
    fn each_trial_that_fails_doubles_the_time_up_to_the_longest() {
        let mut breaker = Breaker::new(rules());
        run(&mut breaker, Ending::Failed, 5, seconds(0));
        let mut now = seconds(0);
        for length in [5, 10, 20, 40, 60, 60] {
            assert_eq!(breaker.admit(now), Err(seconds(length)));
            now += seconds(length);
            run(&mut breaker, Ending::Failed, 1, now);
            assert_eq!(breaker.state(), State::Open);
        }
        breaker.reset(now);
        run(&mut breaker, Ending::Failed, 5, now);
        assert_eq!(breaker.admit(now), Err(seconds(5)), "after it was closed it begins again");
    }

    #[test]
    fn a_trial_whose_caller_leaves_makes_room_for_another_and_lost_ones_do_not_block_it_for_ever() {
        let mut breaker = Breaker::new(Rules { trials: 1, ..rules() });
        run(&mut breaker, Ending::Failed, 5, seconds(0));
        let trial = breaker.admit(seconds(5)).unwrap();
        assert!(breaker.admit(seconds(5)).is_err());
        breaker.give_back(trial);
        let _never_heard_of = breaker.admit(seconds(6)).unwrap();
        assert!(breaker.admit(seconds(64)).is_err());
        let trial = breaker.admit(seconds(65)).unwrap();
        breaker.settle(trial, Ending::Good, seconds(65));
        assert_eq!(breaker.state(), State::Closed);
    }

    #[test]
    fn what_was_let_in_before_a_change_says_nothing_after_it() {
        let mut breaker = Breaker::new(rules());
        let old = breaker.admit(seconds(0)).unwrap();
        run(&mut breaker, Ending::Failed, 5, seconds(0));
        let trial = breaker.admit(seconds(5)).unwrap();
        breaker.settle(old, Ending::Failed, seconds(5));
        assert_eq!(breaker.state(), State::HalfOpen);
        breaker.settle(trial, Ending::Failed, seconds(5));
        assert_eq!(breaker.state(), State::Open);
    }

    #[test]
    fn who_forces_it_open_has_to_reset_it() {
        let mut breaker = Breaker::new(rules());
        breaker.force_open(seconds(1));
        assert!(breaker.admit(seconds(100_000)).is_err());
        breaker.reset(seconds(100_000));
        assert!(breaker.admit(seconds(100_000)).is_ok());
    }

    /// Any order of events in any timing: never more trials at once than the rules say, nothing
    /// let through while it is open, and a way back whenever the upstream answers again.
    #[test]
    fn whatever_happens_open_means_open_and_there_is_a_way_back() {
        for seed in 0..300 {
            let chance = Seed::fixed(seed);
            let mut breaker = Breaker::new(rules());
            let (mut now, mut out) = (Duration::ZERO, Vec::new());
            for _ in 0..400 {
                now += Duration::from_millis(chance.below(1500));
                let (was, since) = (breaker.state(), breaker.since());
                if let Ok(ticket) = breaker.admit(now) {
                    let early = was == State::Open && now < since + rules().open_for;
                    assert!(!early && was != State::Forced, "seed {seed}: let through while open");
                    out.push((ticket, breaker.era));
                }
                let trials = out.iter().filter(|(ticket, era)| ticket.trial && *era == breaker.era).count();
                assert!(trials <= 3 || breaker.round > since, "seed {seed}: {trials} trials at once");
                if !out.is_empty() && chance.below(2) == 0 {
                    let (ticket, _) = out.swap_remove(chance.below(out.len() as u64) as usize);
                    match chance.below(4) {
                        0 => breaker.settle(ticket, Ending::Good, now),
                        1 => breaker.settle(ticket, Ending::Slow, now),
                        2 => breaker.settle(ticket, Ending::Failed, now),
                        _ => breaker.give_back(ticket),
                    }
                }
            }
            for _ in 0..50 {
                now += seconds(30);
                run(&mut breaker, Ending::Good, 5, now);
            }
            assert_eq!(breaker.state(), State::Closed, "seed {seed}");
        }
    }
}
