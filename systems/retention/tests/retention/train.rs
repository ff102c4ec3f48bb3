//! Training: who is learnt from, who is measured, what may take over, and that it is always the same.

#![expect(clippy::unwrap_used, reason = "a test fails by panicking")]

use std::{collections::HashSet, ops::ControlFlow};

use plimsoll_ai::{
    chance::SplitMix,
    measure::{Scored, drift::Severity},
    train::Settings,
};
use plimsoll_retention::{
    cohort::{Cohort, LAST},
    features::{Facility, History, Set, WINDOW},
    train::{Cases, Fitted, Part, Plan, challenge, days, fit},
};

/// Rows of the first people of a seed, each as of one day; every fifth person is for the test, as in the specification.
pub fn cases(seed: u64, people: u64) -> Cases {
    let cohort = Cohort::new(seed);
    let mut cases = Cases::default();
    for member in cohort.members(people) {
        let facility = &cohort.facilities()[member.facility];
        let record = cohort.record(&member);
        let history = History::of(&record, Some(Facility { level: facility.level, rural: facility.rural }));
        let part = match Part::of(&record.person.uuid) {
            _ if member.number % 5 == 0 => Part::Test,
            Part::Test => Part::Train,
            other => other,
        };
        cases.add(part, &history, record.person.state.as_deref(), member.index, member.index.plus(WINDOW));
    }
    cases
}

fn plan(settings: Settings) -> Plan {
    Plan { set: Set::V2, settings, capacity: Some(0.1) }
}

fn quick() -> Settings {
    Settings { rounds: 20, leaves: 6, learning_rate: 0.2, ..Settings::default() }
}

fn learnt(cases: &Cases, settings: Settings) -> Fitted {
    fit(cases, &plan(settings), |_| ControlFlow::Continue(())).unwrap()
}

#[test]
fn people_are_divided_always_in_the_same_way_and_nobody_stands_on_two_sides() {
    let part = |n: u32| Part::of(&format!("person-{n}"));
    let counts = [Part::Train, Part::Held, Part::Test].map(|which| (0..10_000).filter(|n| part(*n) == which).count());
    for (count, expected) in counts.into_iter().zip([7000, 1000, 2000]) {
        assert!((count as i64 - expected).abs() < 200, "{counts:?}");
    }
    // Taken once: a model and its challenger of another year are measured on the same people.
    assert_eq!((0..12).map(part).filter(|one| *one == Part::Test).count(), (0..12).map(part).filter(|one| *one == Part::Test).count());
    let observed = LAST;
    let all: Vec<_> = days("person-1", observed, 720, 6).collect();
    assert_eq!(all, days("person-1", observed, 720, 6).collect::<Vec<_>>());
    assert_eq!(all.iter().collect::<HashSet<_>>().len(), 6);
    assert!(all.iter().all(|day| day.plus(WINDOW) <= observed && observed.since(*day) < 720 + WINDOW + 1), "{all:?}");
    assert_ne!(all, days("person-2", observed, 720, 6).collect::<Vec<_>>());
}

#[test]
fn only_what_was_seen_to_the_end_is_learnt_from() {
    let cohort = Cohort::new(7);
    let mut cases = Cases::default();
    for member in cohort.members(200) {
        let history = History::of(&cohort.record(&member), None);
        assert!(!cases.add(Part::Train, &history, None, member.index, member.index.plus(WINDOW - 1)), "a day too early");
    }
    assert!(cases.is_empty());
}

#[test]
fn too_few_cases_teach_nothing_and_it_is_said_how_many_there_are() {
    let error = fit(&cases(7, 200), &plan(quick()), |_| ControlFlow::Continue(())).unwrap_err();
    assert_eq!(error.code().status(), 422);
    assert!(error.public().contains("cases to learn from") && error.public().contains("at least 200"), "{}", error.public());
}

#[test]
fn what_is_learnt_is_measured_on_others_and_has_levels_of_the_capacity() {
    let all = cases(7, 4000);
    let fitted = learnt(&all, quick());
    let figures = &fitted.figures;
    assert_eq!(figures.cases, Some(all.of(Part::Test).len() as u64));
    let (auc, [low, high]) = (figures.auc.unwrap(), figures.auc_interval.unwrap());
    assert!(low < auc && auc < high && auc > 0.8, "{figures:?}");
    assert!(figures.auc_at_risk.unwrap() < auc, "those who cannot interrupt are the easy ones");
    assert!(fitted.thresholds.rise());
    // A tenth is to be sought, chosen on people who are not measured here.
    let sought = fitted.scored.confusion(fitted.thresholds.high).selection().unwrap();
    assert!((0.05..0.16).contains(&sought), "{sought}");
    assert!(fitted.baseline.unwrap() > 0.8);
    assert_eq!(learnt(&all, quick()).artifact, fitted.artifact, "the same again");
    assert_eq!(learnt(&all, Settings { threads: 8, ..quick() }).artifact, fitted.artifact, "with other threads");
    assert_ne!(learnt(&all, Settings { seed: 1, ..quick() }).artifact, fitted.artifact);
}

/// Cases in which odds are known, half of each sex, all of one age.
fn known(skill: f64, seed: u64) -> (Cases, Scored) {
    let mut chance = SplitMix::new(seed);
    let (mut all, mut scores) = (Cases::default(), Vec::new());
    for at in 0..4000 {
        let happened = chance.unit() < 0.3;
        let mut values = vec![f64::NAN; Cases::WIDTH];
        (values[0], values[2]) = (30.0, f64::from(at % 2));
        all.values.extend(values);
        all.outcomes.push(happened);
        all.all.push(plimsoll_retention::train::Case { part: Part::Test, at_risk: true, state: usize::MAX });
        scores.push(((if happened { skill } else { 0.0 }) + chance.unit()) / (1.0 + skill));
    }
    let scored = Scored::new(scores, all.outcomes.clone()).unwrap();
    (all, scored)
}

#[test]
fn a_challenger_takes_over_only_where_it_is_no_worse_by_more_than_chance() {
    let (all, champion) = known(0.6, 1);
    let rows = all.of(Part::Test);
    let groups = all.groups(&champion, &rows, 0.5).unwrap();
    let same = challenge((&champion, &groups), Some((&champion, &groups)), 1).unwrap();
    assert!(same.passed && same.comparison.unwrap().difference.value == 0.0);
    let mut chance = SplitMix::new(3);
    let blurred = champion.scores().iter().map(|score| (score + 0.6 * chance.unit()) / 1.6).collect();
    let worse = Scored::new(blurred, champion.outcomes().to_vec()).unwrap();
    let lost = challenge((&worse, &all.groups(&worse, &rows, 0.5).unwrap()), Some((&champion, &groups)), 1).unwrap();
    assert!(!lost.passed && !lost.no_worse && lost.because.contains("lower end"), "{lost:?}");
    assert!(challenge((&worse, &[]), None, 1).unwrap().passed, "where nothing answers there is nothing to beat");
}

#[test]
fn a_challenger_that_overlooks_one_sex_is_stopped_although_its_area_is_no_smaller() {
    let (all, champion) = known(0.5, 1);
    let rows = all.of(Part::Test);
    let groups = all.groups(&champion, &rows, 0.5).unwrap();
    // Right about everybody, except that women's scores are pushed below the threshold.
    let doctored = champion.outcomes().iter().enumerate().map(|(at, happened)| match (at % 2 == 0, happened) {
        (true, true) => 0.45,
        (true, false) => 0.05,
        (false, true) => 0.95,
        (false, false) => 0.1,
    });
    let doctored = Scored::new(doctored.collect(), champion.outcomes().to_vec()).unwrap();
    let uneven = all.groups(&doctored, &rows, 0.5).unwrap();
    let stopped = challenge((&doctored, &uneven), Some((&champion, &groups)), 1).unwrap();
    assert!(stopped.no_worse && !stopped.even && !stopped.passed, "{stopped:?}");
    assert_eq!(stopped.gap, Severity::Critical);
    assert!(stopped.because.contains("gap between groups"), "{}", stopped.because);
    assert!(!challenge((&doctored, &uneven), None, 1).unwrap().passed, "nor is it the first to answer");
    let again = challenge((&doctored, &uneven), Some((&doctored, &uneven)), 1).unwrap();
    assert!(again.passed, "no more uneven than what answers already");
}
