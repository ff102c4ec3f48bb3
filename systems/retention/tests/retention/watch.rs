//! Watching: a shift is seen and named, and where nothing moved nothing is said.

#![expect(clippy::unwrap_used, reason = "a test fails by panicking")]

use plimsoll_ai::chance::SplitMix;
use plimsoll_retention::{
    features::{NAMES, Set},
    train::Cases,
    watch::{CALENDAR, Now, Reference, drift},
};
use serde_json::Value;

use super::train::cases;

const LEVELS: [u64; 4] = [900, 50, 30, 20];

/// Two halves of people, drawn by a seed.
fn halves(all: &Cases, seed: u64) -> [Vec<f64>; 2] {
    let mut chance = SplitMix::new(seed);
    let mut halves = [Vec::new(), Vec::new()];
    for at in 0..all.len() {
        halves[chance.below(2)].extend_from_slice(all.row(at, Set::V2));
    }
    halves
}

fn look(then: &[f64], now: Vec<f64>, levels: [u64; 4]) -> Value {
    let reference = Reference::of("training", Set::V2, then, LEVELS);
    drift(&reference, Set::V2, &Now { values: now, ..Now::default() }, levels).unwrap()
}

fn feature<'v>(report: &'v Value, name: &str) -> &'v Value {
    report["features"].as_array().unwrap().iter().find(|one| one["name"] == name).unwrap()
}

#[test]
fn people_of_the_same_programme_are_no_drift() {
    let all = cases(7, 1600);
    let alarms = (0..20)
        .filter(|seed| {
            let [then, now] = halves(&all, *seed);
            look(&then, now, LEVELS)["health"] != "healthy"
        })
        .count();
    // One in twenty is what the correction allows; of twenty, five would be more than chance.
    assert!(alarms < 5, "{alarms} of 20");
}

#[test]
fn a_feature_that_moved_is_named_and_says_how_far() {
    let all = cases(7, 4000);
    let width = NAMES.len();
    let place = |name: &str| NAMES.iter().position(|known| *known == name).unwrap();
    let [then, now] = halves(&all, 1);
    let changed = |name: &str, to: fn(f64) -> f64| {
        let mut now = now.clone();
        now.chunks_mut(width).for_each(|row| row[place(name)] = to(row[place(name)]));
        look(&then, now, LEVELS)
    };
    // Another laboratory tells logarithms of something eighteen times larger.
    let moved = changed("last_vl_log10", |value| value + 1.26);
    assert!(
        ["high", "critical"].contains(&feature(&moved, "last_vl_log10")["severity"].as_str().unwrap()),
        "{}",
        feature(&moved, "last_vl_log10")
    );
    assert!(feature(&moved, "last_vl_log10")["psi"].as_f64().unwrap() > 0.25);
    assert_eq!(feature(&moved, "age")["severity"], "none");
    assert!(["degraded", "critical"].contains(&moved["health"].as_str().unwrap()));
    // A field that an export lost.
    let lost = changed("age", |_| f64::NAN);
    assert_eq!((&feature(&lost, "age")["severity"], &feature(&lost, "age")["missing"][1]), (&Value::from("critical"), &Value::from(1.0)));
    let days = changed("month", |_| 11.0);
    assert_eq!(days["health"], "healthy", "that it is November now is no drift");
    assert!(CALENDAR.contains(&"month"));
}

#[test]
fn levels_that_moved_are_a_drift_of_predictions_and_few_people_are_none() {
    let all = cases(7, 2000);
    let [then, now] = halves(&all, 2);
    let moved = look(&then, now.clone(), [500, 200, 200, 100]);
    assert_eq!(moved["predictions"]["severity"], "critical");
    assert!((moved["predictions"]["distance"].as_f64().unwrap() - 0.4).abs() < 1e-9);
    let few = look(&then, now[..50 * NAMES.len()].to_vec(), [45, 3, 1, 1]);
    assert_eq!(few["health"], Value::Null);
    assert!(few["because"].as_str().unwrap().contains("fewer than 100"), "{few}");
    assert_eq!(look(&then, Vec::new(), [0; 4])["because"], "nobody has a score of this model yet");
}

#[test]
fn a_reference_is_sums_and_comes_back_from_json_as_it_was() {
    let all = cases(7, 1500);
    let [then, _] = halves(&all, 3);
    let reference = Reference::of("training", Set::V2, &then, LEVELS);
    let again: Reference = serde_json::from_str(&serde_json::to_string(&reference).unwrap()).unwrap();
    assert_eq!(again, reference);
    for column in &reference.columns {
        assert_eq!(column.counts.iter().sum::<u64>() + column.missing, reference.rows, "{}", column.name);
        assert!(column.edges.len() <= 63 && column.edges.is_sorted_by(|a, b| a < b));
    }
}
