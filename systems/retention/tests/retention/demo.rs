//! The model of the demonstration: made by the trainer here, and the same to the last byte wherever it is made.

use std::{fs, ops::ControlFlow, path::Path};

use plimsoll_ai::{
    measure::Scored,
    train::{Rows, Settings, boost},
    tree::{Forest, Scorer},
};
use plimsoll_retention::{
    cohort::Cohort,
    features::{self, History, Set},
};

/// The seed of the programme, and how many of its people are looked at; those of the demonstration come later.
const SEED: u64 = 20_250_228;
const PEOPLE: u64 = 8_000;

/// Values and outcomes of everybody who was active on their day, and who is kept for the test.
fn rows() -> (Vec<f64>, Vec<bool>, Vec<bool>) {
    let cohort = Cohort::new(SEED);
    let (mut values, mut outcomes, mut held) = (Vec::new(), Vec::new(), Vec::new());
    for member in cohort.members(PEOPLE) {
        let facility = &cohort.facilities()[member.facility];
        let known = features::Facility { level: facility.level, rural: facility.rural };
        let history = History::of(&cohort.record(&member), Some(known));
        let observed = member.index.plus(features::WINDOW);
        let Some(target) = features::label(&history, member.index, observed).target() else { continue };
        values.extend(features::values(&history, member.index, Set::V2));
        outcomes.push(target == 1);
        held.push(member.number % 5 == 0);
    }
    (values, outcomes, held)
}

#[test]
fn the_model_of_the_demonstration_is_made_here_and_tells_people_apart() {
    let (values, outcomes, held) = rows();
    let width = Set::V2.names().len();
    let part = |test: bool| {
        let some = |(at, _): &(usize, &bool)| held[*at] == test;
        let all: Vec<f64> =
            held.iter().enumerate().filter(some).flat_map(|(at, _)| values[at * width..(at + 1) * width].to_vec()).collect();
        let happened: Vec<bool> = held.iter().enumerate().filter(some).map(|(at, _)| outcomes[at]).collect();
        (all, happened)
    };
    let ((train, trained), (test, tested)) = (part(false), part(true));
    let rows = Rows::new(&train, width, &trained).unwrap();
    let settings = Settings { rounds: 60, leaves: 8, learning_rate: 0.08, seed: 42, ..Settings::default() };
    let made = boost(&rows, Set::V2.names(), None, &settings, |_| ControlFlow::Continue(())).unwrap().forest.to_lightgbm().unwrap();
    let place = Path::new(env!("CARGO_MANIFEST_DIR")).join("demo/iit-v2.txt");
    if std::env::var_os("PLIMSOLL_TEST_WRITE").is_some() {
        fs::write(&place, &made).unwrap();
    }
    assert!(
        fs::read_to_string(&place).unwrap() == made,
        "demo/iit-v2.txt is not what the trainer makes; run this test with PLIMSOLL_TEST_WRITE=1"
    );

    let forest = Forest::from_lightgbm(&made).unwrap();
    let scorer = Scorer::new(&forest);
    let scores = test.chunks(width).map(|row| scorer.margin(row).unwrap()).collect();
    let auc = Scored::new(scores, tested).unwrap().auc().unwrap();
    assert!(auc > 0.9, "{auc}");
}
