//! When the candidate gets requests, and when it gets none any more.
//!
//! Pure: it is told the time, what the smoke checks found and what came of requests, and says
//! which share the candidate gets. Nothing but a person begins anew after a return.

use std::time::Duration;

use super::{
    split::WHOLE,
    window::{Summary, Window},
};

/// What the candidate must not exceed.
#[derive(Debug, Clone, PartialEq)]
pub struct Bounds {
    /// Share of failures, from 0 to 1.
    pub failing: Option<f64>,
    /// Share of failures above that of the stable service, from 0 to 1.
    pub failing_more: Option<f64>,
    /// 95th percentile of the time to the head of an answer.
    pub slow: Option<Duration>,
    /// The same, as a multiple of the stable service's.
    pub slower: Option<f64>,
    /// Requests in the window before anything is concluded: of the candidate, and of the stable
    /// service where it is compared with it.
    pub least: u64,
    /// How far back is looked.
    pub window: Duration,
}

/// Where a release is.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Phase {
    /// The candidate gets no requests because nobody has asked for it.
    Waiting,
    /// It gets its share as long as its smoke checks pass.
    Running,
    /// It broke a bound, or a person took it back. Needs a person to begin anew.
    Returned(String),
    /// It gets everything.
    Promoted,
}

impl Phase {
    /// The word in answers, logs and metrics.
    pub const fn name(&self) -> &'static str {
        match self {
            Phase::Waiting => "waiting",
            Phase::Running => "running",
            Phase::Returned(_) => "returned",
            Phase::Promoted => "promoted",
        }
    }
}

/// One of the two services.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Arm {
    /// The one that is trusted.
    Stable,
    /// The one that has to prove itself.
    Candidate,
}

/// What the smoke checks found last.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Gate {
    /// They have not run yet.
    Unknown,
    /// All as expected.
    Green,
    /// One was not, and which.
    Red(String),
}

/// The whole state of a release.
#[derive(Debug, Clone)]
pub struct Machine {
    bounds: Bounds,
    phase: Phase,
    weight: u32,
    gate: Gate,
    stable: Window,
    candidate: Window,
    /// Requests of the candidate since it was started.
    measured: u64,
}

impl Machine {
    /// With this share (in thousandths of a per cent) for the candidate; running where there is one.
    pub fn new(bounds: Bounds, weight: u32) -> Machine {
        Machine {
            phase: if weight > 0 { Phase::Running } else { Phase::Waiting },
            weight,
            gate: Gate::Unknown,
            stable: Window::new(bounds.window),
            candidate: Window::new(bounds.window),
            measured: 0,
            bounds,
        }
    }

    /// Where it is.
    pub fn phase(&self) -> &Phase {
        &self.phase
    }
    /// What the smoke checks found.
    pub fn gate(&self) -> &Gate {
        &self.gate
    }
    /// The share that was asked for, in thousandths of a per cent.
    pub fn weight(&self) -> u32 {
        self.weight
    }
    /// The share that the candidate gets now: nothing without a green gate, whatever was asked for.
    pub fn share(&self) -> u32 {
        match (&self.phase, &self.gate) {
            (Phase::Running, Gate::Green) => self.weight,
            // Where everything goes to it, a red check is no reason to send it to a service that may be gone.
            (Phase::Promoted, _) => WHOLE,
            _ => 0,
        }
    }
    /// The share without a look at the gate.
    pub fn ungated(&self) -> u32 {
        if self.phase == Phase::Running { self.weight } else { self.share() }
    }
    /// Whether a tester may be sent there: not while its checks fail, unless everybody is.
    pub fn open(&self) -> bool {
        self.gate == Gate::Green || self.phase == Phase::Promoted
    }
    /// The side whose answers may be kept for others: the candidate's only once it has taken over.
    pub fn trusted(&self) -> Arm {
        if self.phase == Phase::Promoted { Arm::Candidate } else { Arm::Stable }
    }
    /// Goes on from where an earlier process was.
    pub fn resume(&mut self, phase: Phase, weight: u32) {
        self.phase = phase;
        self.weight = weight.min(WHOLE);
    }
    /// What the windows say.
    pub fn summaries(&self, now: u64) -> (Summary, Summary) {
        (self.stable.summary(now), self.candidate.summary(now))
    }

    /// Begins, or begins anew after a return: what was seen before is forgotten.
    pub fn start(&mut self, weight: Option<u32>) {
        self.phase = Phase::Running;
        self.weight = weight.unwrap_or(self.weight).min(WHOLE);
        self.candidate.clear();
        self.measured = 0;
    }
    /// Another share; begins nothing.
    pub fn reweigh(&mut self, weight: u32) {
        self.weight = weight.min(WHOLE);
    }
    /// Everything to the candidate; not while its smoke checks have not passed, not before as many
    /// requests were measured as a conclusion needs (unless `measured` is false), and not after a return.
    pub fn promote(&mut self, measured: bool) -> Result<(), String> {
        match (&self.phase, &self.gate) {
            (Phase::Returned(why), _) => Err(format!("it was returned ({why}); start it anew first")),
            (_, Gate::Green) if measured && self.measured < self.bounds.least => {
                Err(format!("{} of the {} requests that a conclusion needs were measured", self.measured, self.bounds.least))
            }
            (_, Gate::Green) => {
                self.phase = Phase::Promoted;
                Ok(())
            }
            (_, Gate::Unknown) => Err("its smoke checks have not run yet".to_owned()),
            (_, Gate::Red(why)) => Err(format!("its smoke checks fail: {why}")),
        }
    }
    /// Everything to the stable service.
    pub fn give_back(&mut self, why: String) {
        self.phase = Phase::Returned(why);
    }
    /// What the smoke checks found.
    pub fn smoked(&mut self, gate: Gate) {
        self.gate = gate;
    }

    /// What came of a request; why the candidate is returned, when it is now.
    pub fn answered(&mut self, now: u64, arm: Arm, failed: bool, took: Duration) -> Option<String> {
        match arm {
            Arm::Stable => self.stable.add(now, failed, took),
            Arm::Candidate => {
                self.candidate.add(now, failed, took);
                self.measured += 1;
            }
        }
        if arm == Arm::Stable || !matches!(self.phase, Phase::Running | Phase::Promoted) {
            return None;
        }
        let why = self.broken(now)?;
        self.phase = Phase::Returned(why.clone());
        Some(why)
    }

    /// The bound that is broken, if one is.
    fn broken(&self, now: u64) -> Option<String> {
        let (stable, candidate) = self.summaries(now);
        if candidate.count < self.bounds.least {
            return None;
        }
        let percent = |share: f64| format!("{:.1}%", share * 100.0);
        let (failing, usual) = (candidate.failing(), stable.failing());
        if let Some(most) = self.bounds.failing.filter(|most| failing > *most) {
            return Some(format!("{} of its requests fail, more than {}", percent(failing), percent(most)));
        }
        #[expect(clippy::cast_precision_loss, reason = "milliseconds of a request fit")]
        let (slow, other) = (candidate.p95_ms as f64, stable.p95_ms as f64);
        if self.bounds.slow.is_some_and(|most| slow > most.as_secs_f64() * 1e3) {
            return Some(format!("its 95th percentile is above {} ms", self.bounds.slow.unwrap_or_default().as_millis()));
        }
        if stable.count < self.bounds.least {
            return None;
        }
        if self.bounds.failing_more.is_some_and(|more| failing > usual + more) {
            return Some(format!("{} of its requests fail, and {} of the stable service's", percent(failing), percent(usual)));
        }
        if self.bounds.slower.is_some_and(|times| slow > other * times) {
            return Some(format!("its 95th percentile is {} ms, and the stable service's {} ms", candidate.p95_ms, stable.p95_ms));
        }
        None
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const FAST: Duration = Duration::from_millis(5);

    fn bounds() -> Bounds {
        Bounds { failing: Some(0.1), failing_more: None, slow: None, slower: None, least: 20, window: Duration::from_secs(60) }
    }
    fn running(bounds: Bounds) -> Machine {
        let mut machine = Machine::new(bounds, 5_000);
        machine.smoked(Gate::Green);
        machine
    }

    #[test]
    fn nothing_goes_to_a_candidate_whose_checks_have_not_passed() {
        let mut machine = Machine::new(bounds(), 5_000);
        assert_eq!((machine.share(), machine.phase().name(), machine.open()), (0, "running", false));
        assert!(machine.promote(true).is_err());
        machine.smoked(Gate::Green);
        assert_eq!(machine.share(), 5_000);
        machine.smoked(Gate::Red("GET /health is answered with 500".into()));
        assert!(machine.share() == 0 && machine.promote(true).unwrap_err().contains("500"));
        machine.smoked(Gate::Green);
        assert!(machine.promote(true).unwrap_err().contains("0 of the 20"));
        (0..20).for_each(|n| drop(machine.answered(n, Arm::Candidate, false, FAST)));
        machine.promote(true).unwrap();
        assert_eq!((machine.share(), machine.trusted()), (WHOLE, Arm::Candidate));
        machine.smoked(Gate::Red("GET /health is answered with 500".into()));
        assert!(machine.share() == WHOLE && machine.open(), "what has taken over is not taken away by a check alone");
        machine.give_back("by hand".into());
        assert_eq!((machine.share(), machine.trusted()), (0, Arm::Stable));
        assert_eq!(Machine::new(bounds(), 0).phase(), &Phase::Waiting);
    }

    #[test]
    fn one_failure_too_many_returns_it_and_only_a_person_begins_anew() {
        let mut machine = running(bounds());
        (0..18).for_each(|n| assert!(machine.answered(n, Arm::Candidate, false, FAST).is_none()));
        assert!(machine.answered(18, Arm::Candidate, true, FAST).is_none());
        assert!(machine.answered(19, Arm::Candidate, true, FAST).is_none(), "2 of 20 are the bound, not above it");
        let why = machine.answered(20, Arm::Candidate, true, FAST).unwrap();
        assert!(why.contains("14.3%") && why.contains("10.0%"), "{why}");
        assert_eq!((machine.share(), machine.phase()), (0, &Phase::Returned(why)));
        (0..1000).for_each(|n| assert!(machine.answered(100_000 + n, Arm::Candidate, false, FAST).is_none()));
        machine.smoked(Gate::Green);
        machine.reweigh(50_000);
        assert!(machine.share() == 0 && machine.promote(true).is_err(), "neither time nor a green check nor a weight brings it back");
        machine.start(None);
        assert_eq!((machine.share(), machine.summaries(101_000).1.count), (50_000, 0));
    }

    #[test]
    fn it_is_compared_with_the_stable_service_where_both_have_enough_requests() {
        let relative = Bounds { failing: None, failing_more: Some(0.05), slower: Some(2.0), ..bounds() };
        let mut machine = running(relative.clone());
        (0..40).for_each(|n| assert!(machine.answered(n, Arm::Candidate, true, FAST).is_none(), "nothing to compare with yet"));
        (0..20).for_each(|n| drop(machine.answered(n, Arm::Stable, true, FAST)));
        assert!(machine.answered(50, Arm::Candidate, true, FAST).is_none(), "the stable service fails as often");
        (0..20).for_each(|n| drop(machine.answered(n, Arm::Stable, false, FAST)));
        assert!(machine.answered(51, Arm::Candidate, true, FAST).unwrap().contains("50.0%"));
        let mut machine = running(relative);
        (0..20).for_each(|n| drop(machine.answered(n, Arm::Stable, false, FAST)));
        (0..19).for_each(|n| assert!(machine.answered(n, Arm::Candidate, false, Duration::from_millis(11)).is_none()));
        assert!(machine.answered(20, Arm::Candidate, false, Duration::from_millis(11)).unwrap().contains("15 ms"));
        let mut machine = running(Bounds { slow: Some(Duration::from_millis(100)), ..bounds() });
        let why = (0..20).find_map(|n| machine.answered(n, Arm::Candidate, false, Duration::from_millis(150)));
        assert!(why.unwrap().contains("100 ms"));
    }

    /// Any order of events keeps what the module promises.
    #[test]
    fn no_order_of_events_sends_requests_past_the_gate_or_brings_a_candidate_back() {
        let mut chance = 7u64;
        let mut next = move |below: u64| {
            chance ^= chance << 13;
            chance ^= chance >> 7;
            chance ^= chance << 17;
            chance % below
        };
        for _ in 0..200 {
            let mut machine = Machine::new(Bounds { least: 3, ..bounds() }, u32::try_from(next(u64::from(WHOLE))).unwrap());
            let (mut now, mut returned) = (0, false);
            for _ in 0..200 {
                now += next(5_000);
                match next(12) {
                    0 => machine.smoked(Gate::Green),
                    1 => machine.smoked(Gate::Red("x".into())),
                    2 => machine.reweigh(u32::try_from(next(200_000)).unwrap()),
                    3 => {
                        machine.start(Some(u32::try_from(next(200_000)).unwrap()));
                        returned = false;
                    }
                    4 => drop(machine.promote(true)),
                    5 if next(4) == 0 => {
                        machine.give_back("by hand".into());
                        returned = true;
                    }
                    _ => {
                        let arm = if next(2) == 0 { Arm::Stable } else { Arm::Candidate };
                        returned |= machine.answered(now, arm, next(8) == 0, Duration::from_millis(next(50))).is_some();
                    }
                }
                let share = machine.share();
                assert!(share <= WHOLE);
                assert_eq!(matches!(machine.phase(), Phase::Returned(_)), returned);
                assert!(!returned || share == 0, "a returned candidate gets nothing");
                assert!(
                    share == 0 || machine.gate() == &Gate::Green || machine.phase() == &Phase::Promoted,
                    "nothing passes a gate that is not green"
                );
            }
        }
    }
}
