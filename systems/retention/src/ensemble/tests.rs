use std::{
    ops::ControlFlow,
    sync::{Arc, OnceLock},
};

use plimsoll_ai::{
    blend::{Blend, Rule},
    chance::SplitMix,
    train::{Rows, Settings, boost},
};
use serde_json::json;

use super::{Draft, Kind};
use crate::{
    features::Set,
    models::{Level, Loaded, Stored, Thresholds},
};

/// A small model of chance values in which two features decide, one of them known to `iit-v2` alone.
fn model(id: i64, set: Set, seed: u64, calibration: Option<serde_json::Value>) -> Arc<Loaded> {
    let width = set.names().len();
    let mut chance = SplitMix::new(seed);
    let values: Vec<f64> = (0..600 * width).map(|_| if chance.unit() < 0.1 { f64::NAN } else { chance.unit() }).collect();
    let happened = |row: &[f64]| row[0] + if width > 38 { row[38] } else { row[5] } > 1.1;
    let outcomes: Vec<bool> = values.chunks(width).map(happened).collect();
    let settings = Settings { rounds: 12, leaves: 5, learning_rate: 0.3, seed, ..Settings::default() };
    let rows = Rows::new(&values, width, &outcomes).unwrap();
    let made = boost(&rows, set.names(), None, &settings, |_| ControlFlow::Continue(())).unwrap();
    let artifact = made.forest.to_lightgbm().unwrap();
    let sha256 = crate::chart::hex(ring::digest::digest(&ring::digest::SHA256, artifact.as_bytes()).as_ref());
    let calibration = calibration.map(|value| serde_json::from_value(value).unwrap());
    let thresholds = Thresholds { medium: 0.2, high: 0.4 + 0.1 * id as f64, critical: 0.9 };
    let stored = Stored { id, algorithm: "lightgbm".into(), feature_set: set.name().into(), sha256, artifact, thresholds, calibration };
    Arc::new(Loaded::new(&stored).unwrap())
}

/// Three models, grown once for all tests.
fn members() -> Vec<Arc<Loaded>> {
    static GROWN: OnceLock<Vec<Arc<Loaded>>> = OnceLock::new();
    let grow = || {
        vec![
            model(1, Set::V1, 1, None),
            model(2, Set::V2, 2, Some(json!({ "platt": { "slope": 0.8, "offset": -0.3 } }))),
            model(3, Set::V2, 3, None),
        ]
    };
    GROWN.get_or_init(grow).clone()
}

fn rows() -> impl Iterator<Item = Vec<f64>> {
    let mut chance = SplitMix::new(99);
    (0..50).map(move |_| (0..Set::V2.names().len()).map(|_| if chance.unit() < 0.2 { f64::NAN } else { chance.unit() }).collect())
}

fn blended(rule: Rule, weights: &[f64]) -> Loaded {
    Loaded::blended(9, "", Thresholds::default(), Blend::new(rule, weights.to_vec()).unwrap(), members()).unwrap()
}

fn logit(p: f64) -> f64 {
    (p / (1.0 - p)).ln()
}

#[test]
fn each_member_is_told_its_own_features_and_the_answer_is_what_the_rule_makes_of_theirs() {
    let whole = blended(Rule::LogOdds, &[1.0, 1.0, 2.0]);
    assert_eq!(whole.set, Set::V2);
    for row in rows() {
        let alone: Vec<f64> = members().iter().map(|one| one.score(&row[..one.set.names().len()]).unwrap().1).collect();
        let said = whole.answer(&row).unwrap();
        assert_eq!(said.members, [(1, alone[0]), (2, alone[1]), (3, alone[2])]);
        let wanted = (logit(alone[0]) + logit(alone[1]) + 2.0 * logit(alone[2])) / 4.0;
        assert!((said.margin - wanted).abs() < 1e-9 && (logit(said.probability) - wanted).abs() < 1e-9);
        let mean = alone.iter().sum::<f64>() / 3.0;
        let deviation = (alone.iter().map(|p| (p - mean).powi(2)).sum::<f64>() / 3.0).sqrt();
        assert!((said.confidence() - (1.0 - deviation)).abs() < 1e-12);
    }
}

#[test]
fn reasons_add_up_to_the_margin_under_every_rule_and_are_weighted_shapley_values_where_log_odds_are_averaged() {
    let rules = [Rule::LogOdds, Rule::Probability, Rule::Majority { threshold: 0.5 }, Rule::Stack { intercept: 0.2 }];
    for rule in rules {
        let whole = blended(rule, &[0.2, 0.3, 0.5]);
        for row in rows() {
            let (parts, base) = whole.explain(&row).unwrap();
            let margin = whole.answer(&row).unwrap().margin;
            assert!((parts.iter().sum::<f64>() + base - margin).abs() < 1e-6, "{rule:?}");
            if matches!(rule, Rule::LogOdds | Rule::Stack { .. }) {
                let mut sum = vec![0.0; row.len()];
                for (one, (weight, slope)) in members().iter().zip([(0.2, 1.0), (0.3, 0.8), (0.5, 1.0)]) {
                    let (parts, _) = one.explain(&row[..one.set.names().len()]).unwrap();
                    sum.iter_mut().zip(parts).for_each(|(sum, part)| *sum += weight * slope * part);
                }
                assert!(parts.iter().zip(&sum).all(|(a, b)| (a - b).abs() < 1e-9), "{rule:?}");
            }
        }
    }
    assert!(blended(Rule::Probability, &[1.0; 3]).scale().contains("not the Shapley values"));
    assert!(blended(Rule::LogOdds, &[1.0; 3]).scale().contains("exact Shapley values"));
}

#[test]
fn what_cannot_be_a_member_is_refused() {
    let steps = model(4, Set::V1, 4, Some(json!({ "isotonic": { "scores": [-1.0, 1.0], "probabilities": [0.1, 0.9] } })));
    assert!(steps.fits_in().unwrap_err().public().contains("calibrated by steps"));
    let inner = Arc::new(blended(Rule::LogOdds, &[1.0; 3]));
    assert!(inner.fits_in().unwrap_err().public().contains("ensemble itself"));
    let blend = Blend::new(Rule::LogOdds, vec![1.0; 2]).unwrap();
    assert!(Loaded::blended(9, "", Thresholds::default(), blend, members()).is_err(), "two weights for three members");
    assert_eq!(blended(Rule::LogOdds, &[1.0; 3]).level(0.6), Level::High);
}

fn draft(value: serde_json::Value) -> Draft {
    let mut whole = json!({ "name": "one", "model_ids": [1, 2] });
    value.as_object().unwrap().iter().for_each(|(name, value)| whole[name] = value.clone());
    serde_json::from_value(whole).unwrap()
}

#[test]
fn a_draft_says_its_rule_in_one_way_only() {
    let rule = |value| draft(value).rule(false).map(|(kind, blend)| (kind, blend.rule(), blend.weights().to_vec())).unwrap();
    let majority = Rule::Majority { threshold: 0.5 };
    assert_eq!(rule(json!({ "ensemble_type": "averaging" })), (Kind::Averaging, Rule::LogOdds, vec![0.5, 0.5]));
    assert_eq!(
        rule(json!({ "ensemble_type": "weighted_averaging", "weights": [1, 3] })),
        (Kind::WeightedAveraging, Rule::LogOdds, vec![0.25, 0.75])
    );
    assert_eq!(rule(json!({ "ensemble_type": "voting" })), (Kind::Voting, Rule::Probability, vec![0.5, 0.5]));
    assert_eq!(rule(json!({ "ensemble_type": "voting", "voting_strategy": "majority" })), (Kind::Voting, majority, vec![0.5, 0.5]));
    let weighted = (Kind::WeightedVoting, Rule::Majority { threshold: 0.3 }, vec![0.25, 0.75]);
    let votes = |kind: &str| json!({ "ensemble_type": kind, "voting_strategy": "weighted", "weights": [1, 3], "threshold": 0.3 });
    assert_eq!((rule(votes("voting")), rule(votes("weighted_voting"))), (weighted.clone(), weighted));
    let stack = json!({ "ensemble_type": "stacking", "meta": { "intercept": -1, "weights": [2, -0.5] } });
    assert_eq!(rule(stack), (Kind::Stacking, Rule::Stack { intercept: -1.0 }, vec![2.0, -0.5]));
    assert!(draft(json!({ "ensemble_type": "stacking" })).rule(true).is_ok(), "where one is fitted");

    let places = |value| {
        let error = draft(value).rule(false).unwrap_err();
        error.faults().iter().map(|fault| fault.pointer.clone()).collect::<Vec<_>>()
    };
    for (value, wanted) in [
        (json!({ "ensemble_type": "boosting" }), "/ensemble_type"),
        (json!({ "ensemble_type": "averaging", "model_ids": [3, 3] }), "/model_ids/1"),
        (json!({ "ensemble_type": "averaging", "model_ids": [3] }), "/model_ids"),
        (json!({ "ensemble_type": "averaging", "weights": [1, 2] }), "/weights"),
        (json!({ "ensemble_type": "weighted_averaging" }), "/weights"),
        (json!({ "ensemble_type": "weighted_averaging", "weights": [1, 2, 3] }), "/weights"),
        (json!({ "ensemble_type": "weighted_averaging", "weights": [-1, 2] }), "/weights"),
        (json!({ "ensemble_type": "weighted_averaging", "weights": [0, 0] }), "/weights"),
        (json!({ "ensemble_type": "averaging", "voting_strategy": "soft" }), "/voting_strategy"),
        (json!({ "ensemble_type": "weighted_voting", "voting_strategy": "soft", "weights": [1, 2] }), "/voting_strategy"),
        (json!({ "ensemble_type": "averaging", "threshold": 0.4 }), "/threshold"),
        (json!({ "ensemble_type": "stacking" }), "/meta"),
        (json!({ "ensemble_type": "stacking", "weights": [1, 2] }), "/weights"),
        (json!({ "ensemble_type": "stacking", "meta": { "intercept": 0, "weights": [1, 2, 3] } }), "/meta/weights"),
        (json!({ "ensemble_type": "averaging", "meta": { "intercept": 0, "weights": [1, 2] } }), "/meta"),
    ] {
        assert_eq!(places(value.clone()), [wanted], "{value}");
    }
}
