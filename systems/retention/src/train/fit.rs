//! A model of cases: trees, probabilities, levels, and how good it is on people it has not seen.

use std::ops::ControlFlow;

use plimsoll::{Code, Result};
use plimsoll_ai::{
    measure::{Reliability, Scored, compare, group::Groups},
    train::{Logistic, Penalty, Round, Rows, Settings, boost, calibrate, calibrate::Calibration},
    tree::{Forest, Scorer},
};

use super::cases::{Cases, Part};
use crate::{
    features::Set,
    models::{Figures, Thresholds},
};

/// Fewer rows than this, or fewer that happened, teach nothing that would hold.
const LEAST: (usize, usize) = (200, 20);
/// What is measured on fewer would be chance.
const LEAST_TEST: (usize, usize) = (40, 4);

/// How to learn.
#[derive(Debug, Clone)]
pub struct Plan {
    /// What the model is told.
    pub set: Set,
    /// Of the trees.
    pub settings: Settings,
    /// The share of people who can be sought: where `high` begins; the usual levels where it is not said.
    pub capacity: Option<f64>,
}

/// A model that was made, with what it was measured at.
#[derive(Debug, Clone)]
pub struct Fitted {
    /// As LightGBM would write it.
    pub artifact: String,
    /// How its scores become probabilities.
    pub calibration: Calibration,
    /// Where its levels begin.
    pub thresholds: Thresholds,
    /// How good it is.
    pub figures: Figures,
    /// Area under the ROC curve of the plain model, a logistic regression of the same rows.
    pub baseline: Option<f64>,
    /// What was said and what happened, in ten bands.
    pub reliability: Reliability,
    /// By sex, age and state.
    pub groups: Vec<(&'static str, Groups)>,
    /// Probabilities of the rows for the test.
    pub scored: Scored,
    /// Trees that were kept.
    pub trees: usize,
}

fn failed(error: impl std::fmt::Display) -> plimsoll::Error {
    Code::Invalid.because(format!("nothing can be learnt: {error}"))
}

/// Learns. `watch` is called after every tree and may end it.
///
/// # Errors
/// [`Code::Invalid`] where there are too few cases, or settings have no meaning.
pub fn fit(cases: &Cases, plan: &Plan, watch: impl FnMut(Round) -> ControlFlow<()>) -> Result<Fitted> {
    let [seen, held, test] = [Part::Train, Part::Held, Part::Test].map(|part| cases.of(part));
    let happened = |rows: &[usize]| rows.iter().filter(|at| cases.outcomes[**at]).count();
    for (what, rows, least) in [("to learn from", &seen, LEAST), ("to measure it on", &test, LEAST_TEST)] {
        let count = (rows.len(), happened(rows));
        if count.0 < least.0 || count.1 < least.1 || count.1 == count.0 {
            let (rows, positives) = count;
            return Err(failed(format!(
                "there are {rows} cases {what} and {positives} interruptions among them; at least {} and {} are needed",
                least.0, least.1
            )));
        }
    }
    let (names, width) = (plan.set.names(), plan.set.names().len());
    let (values, outcomes) = cases.some(&seen, plan.set);
    let rows = Rows::new(&values, width, &outcomes).map_err(failed)?;
    let (held_values, held_outcomes) = cases.some(&held, plan.set);
    // A handful says nothing about when to stop or how to calibrate; then what was learnt stays as it is.
    let enough = held.len() >= LEAST_TEST.0 && happened(&held) >= LEAST_TEST.1 && happened(&held) < held.len();
    let validation = if enough { Some(Rows::new(&held_values, width, &held_outcomes).map_err(failed)?) } else { None };
    let made = boost(&rows, names, validation.as_ref(), &plan.settings, watch).map_err(failed)?;
    let artifact = made.forest.to_lightgbm().map_err(failed)?;
    // What is measured is what will answer: the model as it was written, read again.
    let forest = Forest::from_lightgbm(&artifact).map_err(failed)?;
    let scorer = Scorer::new(&forest);
    let margins = |values: &[f64]| {
        let mut margins = Vec::new();
        scorer.margins(values, &mut margins).map(|()| margins).map_err(failed)
    };
    let calibration = if enough {
        calibrate::platt(&Scored::new(margins(&held_values)?, held_outcomes.clone()).map_err(failed)?).map_err(failed)?
    } else {
        Calibration::Platt { slope: 1.0, offset: 0.0 }
    };
    let probabilities = |values: &[f64]| {
        Ok::<_, plimsoll::Error>(margins(values)?.into_iter().map(|margin| calibration.probability(margin)).collect::<Vec<f64>>())
    };

    let (test_values, test_outcomes) = cases.some(&test, plan.set);
    let scored = Scored::new(probabilities(&test_values)?, test_outcomes).map_err(failed)?;
    let thresholds = match plan.capacity {
        // Not of the rows that are measured: the capacity would fit them better than those to come.
        Some(share) => levels(
            &Scored::new(
                probabilities(if enough { &held_values } else { &values })?,
                if enough { held_outcomes } else { outcomes.clone() },
            )
            .map_err(failed)?,
            share,
        ),
        None => Thresholds::default(),
    };
    let at_risk: Vec<bool> = test.iter().map(|at| cases.all[*at].at_risk).collect();
    let plain = Logistic::fit(&rows, names, Penalty::default()).ok();
    let baseline = plain.and_then(|plain| {
        let scores = test_values.chunks(width).map(|row| plain.probability(row)).collect::<Option<Vec<f64>>>()?;
        Scored::new(scores, scored.outcomes().to_vec()).ok()?.auc()
    });
    Ok(Fitted {
        calibration,
        thresholds,
        figures: figures(&scored, &at_risk)?,
        baseline,
        reliability: scored.reliability(10).map_err(failed)?,
        groups: cases.groups(&scored, &test, thresholds.high).map_err(failed)?,
        scored,
        trees: forest.trees().len(),
        artifact,
    })
}

/// Levels where `high` holds the share of people that can be sought, `critical` the upper quarter of them, and
/// `medium` as many again twice over.
fn levels(scored: &Scored, share: f64) -> Thresholds {
    let of = |share: f64| scored.threshold_for((share * scored.len() as f64).round() as usize);
    let found = Thresholds { medium: of((3.0 * share).min(0.9)), high: of(share), critical: of(share / 4.0) };
    if found.rise() { found } else { Thresholds::default() }
}

/// How good probabilities are.
///
/// # Errors
/// [`Code::Invalid`] for a score that is no probability.
pub fn figures(scored: &Scored, at_risk: &[bool]) -> Result<Figures> {
    let interval = compare::auc_interval(scored, 0.95);
    Ok(Figures {
        cases: Some(scored.len() as u64),
        positives: Some(scored.positives() as f64 / scored.len() as f64),
        auc: scored.auc(),
        auc_interval: interval.map(|found| [found.low, found.high]),
        auc_at_risk: scored.part(|at| at_risk.get(at).copied().unwrap_or(false)).and_then(|part| part.auc()),
        average_precision: scored.average_precision(),
        brier: Some(scored.brier().map_err(failed)?),
        calibration_error: Some(scored.reliability(10).map_err(failed)?.expected_error()),
        recall_at_fifth: scored.top(scored.len() / 5).recall,
    })
}
