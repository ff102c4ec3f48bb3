//! A forest that was trained here passes through everything that forests pass through.

#![expect(clippy::unwrap_used, reason = "a test fails by panicking")]

use std::ops::ControlFlow;

use plimsoll_ai::{
    chance::SplitMix,
    measure::{Scored, compare},
    train::{self, Boosted, Logistic, Penalty, Rows, Settings, calibrate},
    tree::{Explainer, Forest, Scorer},
};

const NAMES: [&str; 4] = ["late", "age", "phone", "level"];

/// Late ones interrupt, the young only when they are late; the last column is missing more often in those who do.
fn cohort(rows: usize, seed: u64) -> (Vec<f64>, Vec<bool>) {
    let mut chance = SplitMix::new(seed);
    let (mut values, mut outcomes) = (Vec::new(), Vec::new());
    for _ in 0..rows {
        let (late, age) = ((chance.unit() * 60.0).floor(), 15.0 + 50.0 * chance.unit());
        let phone = f64::from(chance.below(2) as u32);
        let odds = -3.0 + late / 15.0 + if age < 25.0 && late > 20.0 { 1.5 } else { 0.0 } - 0.5 * phone;
        let interrupted = chance.unit() < train::probability(odds);
        let gone = chance.unit() < if interrupted { 0.4 } else { 0.1 };
        values.extend([late, age, phone, if gone { f64::NAN } else { chance.below(3) as f64 }]);
        outcomes.push(interrupted);
    }
    (values, outcomes)
}

fn trained() -> (Boosted, Vec<f64>, Vec<bool>) {
    let (values, outcomes) = cohort(5000, 1);
    let rows = Rows::new(&values, 4, &outcomes).unwrap();
    let forest = train::boost(&rows, &NAMES, None, &Settings { rounds: 60, ..Settings::default() }, |_| ControlFlow::Continue(()));
    let (values, outcomes) = cohort(5000, 2);
    (forest.unwrap(), values, outcomes)
}

fn margins(forest: &Forest, values: &[f64]) -> Vec<f64> {
    let mut margins = Vec::new();
    Scorer::new(forest).margins(values, &mut margins).unwrap();
    margins
}

#[test]
fn it_is_scored_explained_written_and_read() {
    let (Boosted { forest, .. }, values, _) = trained();
    let margins = margins(&forest, &values);
    let explainer = Explainer::new(&forest).unwrap();
    for (row, margin) in values.chunks(4).zip(&margins).take(500) {
        let leaves = forest.leaves(row).unwrap();
        let sum = forest.trees().iter().zip(leaves).fold(0.0, |sum, (tree, leaf)| sum + tree.leaves[leaf as usize].value);
        assert_eq!(sum, *margin, "the scorer and a walk agree to the last bit");
        let parts: f64 = explainer.contributions(row).unwrap().iter().sum();
        assert!((parts + explainer.base() - margin).abs() < 1e-9);
    }
    let again = Forest::from_lightgbm(&forest.to_lightgbm().unwrap()).unwrap();
    assert_eq!(again, forest);
}

#[test]
fn it_beats_the_plain_model_by_more_than_chance_and_means_what_it_says() {
    let (Boosted { forest, .. }, values, outcomes) = trained();
    let (seen, known) = cohort(5000, 1);
    let plain = Logistic::fit(&Rows::new(&seen, 4, &known).unwrap(), &NAMES, Penalty::default()).unwrap();
    let scored = |scores: Vec<f64>| Scored::new(scores, outcomes.clone()).unwrap();
    let margins = margins(&forest, &values);
    let trees = scored(margins.iter().map(|m| forest.probability(*m)).collect());
    let lines = scored(values.chunks(4).map(|row| plain.probability(row).unwrap()).collect());
    let exact = compare::delong(&trees, &lines, 0.95).unwrap();
    assert!(exact.difference.low > 0.0, "{exact:?}");
    assert!(compare::bootstrap(&trees, &lines, 200, 0.95, 1).unwrap().difference.low > 0.0);
    let reliability = trees.reliability(10).unwrap();
    assert!(reliability.expected_error() < 0.03 && reliability.rises(50), "{reliability:?}");
    let mended = calibrate::platt(&scored(margins.clone())).unwrap();
    let mended = scored(margins.iter().map(|m| mended.probability(*m)).collect());
    assert!(mended.log_loss().unwrap() <= trees.log_loss().unwrap() + 1e-6);
    assert_eq!(mended.auc(), trees.auc(), "a rule that rises changes no order");
}
