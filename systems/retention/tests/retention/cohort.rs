//! The cohort: always the same, and like what it is said to be.

use plimsoll_retention::{
    cohort::{Cohort, LAST},
    features::{History, label},
};

use super::vectors::hex;

/// Taken once of the state that agreed with all published digests of another seed.
const DIGEST: &str = "97c34d6e1de3269449d9ad3447e624d4e952ce74c57c81d20aeac31d61864a63";

/// Of the records that are made of them.
const RECORDS: &str = "96e926352dc4305f695b5cc8c1a620a4fb7f28c87703fa4ef90634db682c64a2";

#[test]
fn a_seed_gives_the_same_people_on_every_machine() {
    let cohort = Cohort::new(7);
    let all: String = cohort.members(300).map(|member| hex(&member.canonical())).collect();
    assert_eq!(hex(&all), DIGEST);
    let other = Cohort::new(8);
    assert_ne!(cohort.member(0), other.member(0));
}

#[test]
fn the_records_of_a_seed_are_the_same_too() {
    let cohort = Cohort::new(7);
    let all: String = cohort.members(50).map(|member| hex(&format!("{:?}", cohort.record(&member)))).collect();
    assert_eq!(hex(&all), RECORDS);
}

#[test]
fn a_person_does_not_depend_on_those_before() {
    let cohort = Cohort::new(7);
    let all: Vec<_> = cohort.members(20).collect();
    assert_eq!(all[19], Cohort::new(7).member(19));
    let far = cohort.member(u64::MAX);
    assert!(!far.pickups.is_empty());
    let _ = cohort.record(&far);
}

#[test]
fn ids_ascend_and_nobody_shares_one() {
    let cohort = Cohort::new(7);
    let records: Vec<_> = cohort.members(300).map(|member| cohort.record(&member)).collect();
    assert!(records.windows(2).all(|pair| pair[0].person.uuid < pair[1].person.uuid));
    let rows = |record: &plimsoll_retention::record::Record| -> Vec<String> {
        let visits = record.visits.iter().map(|one| one.uuid.clone());
        let encounters = record.encounters.iter().map(|one| one.uuid.clone());
        visits.chain(encounters).chain(record.observations.iter().map(|one| one.uuid.clone())).collect()
    };
    let all: Vec<String> = records.iter().flat_map(rows).collect();
    let different: std::collections::HashSet<&String> = all.iter().collect();
    assert_eq!(all.len(), different.len());
}

/// Figures of the specification for 3,000 people, each within what chance does to it.
#[test]
fn the_cohort_is_like_what_it_is_said_to_be() {
    let cohort = Cohort::new(7);
    let (mut women, mut pickups, mut due, mut missed, mut targets) = (0, 0, 0, 0, [0, 0]);
    let n = 2000;
    for member in cohort.members(n) {
        women += u32::from(member.female);
        pickups += member.pickups.len();
        for pair in member.pickups.windows(2) {
            due += 1;
            missed += u32::from(pair[1].day.since(pair[0].day.plus(pair[0].supply)) > 28);
        }
        if member.lost {
            (due, missed) = (due + 1, missed + 1);
        }
        if let Some(target) = label(&History::of(&cohort.record(&member), None), member.index, LAST).target() {
            targets[usize::from(target)] += 1;
        }
    }
    let share = |part: u32, whole: u32| f64::from(part) / f64::from(whole);
    assert!((share(women, n as u32) - 0.66).abs() < 0.04);
    assert!((pickups as f64 / n as f64 - 13.2).abs() < 1.0);
    assert!((share(missed, due) - 0.10).abs() < 0.02, "{}", share(missed, due));
    assert!((share(targets[1], targets[0] + targets[1]) - 0.10).abs() < 0.03);
}
