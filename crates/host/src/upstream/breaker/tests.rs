//! The breaker under every order of events.

use super::*;
use plimsoll_core::Seed;

fn seconds(seconds: u64) -> Duration {
    Duration::from_secs(seconds)
}
fn rules() -> Rules {
    Rules { window: seconds(10), volume: 20, failures: 50, in_a_row: 5, slow: 80, trials: 3, open_for: seconds(5), open_most: seconds(60) }
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
