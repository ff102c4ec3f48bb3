//! Whether what comes in is still what a model learnt from.

use plimsoll::{Code, Result, Tx, bind};
use plimsoll_ai::measure::{
    count,
    drift::{self, Health, LEAST, Severity},
};
use serde::Serialize;
use serde_json::{Value, json};

use super::reference::{Reference, place};
use crate::{features::Set, models::Loaded, score::values_in};

/// Features that say only which day it is: everybody who is scored on one day has the same, so they are not compared.
pub const CALENDAR: [&str; 6] = ["month", "quarter", "is_holiday_season", "is_rainy_season", "day_of_week", "is_year_end"];
/// What tests may put down to chance.
const ALPHA: f64 = 0.05;
/// People of one read.
const STEP: i64 = 5000;
/// More are not looked at: what moved shows in so many.
const MOST: usize = 200_000;

/// What stands on the list now: the values of each and their scores.
#[derive(Debug, Clone, Default)]
pub struct Now {
    /// Row after row.
    pub values: Vec<f64>,
    /// Probabilities, where there is one.
    pub scores: Vec<f64>,
    /// How many of them no score was given to.
    pub withheld: u64,
}

impl Now {
    /// Adds what a model gave the next people on the list, whose numbers follow `after`; the last number, none at the end.
    pub(super) fn more(mut self, tx: &Tx<'_>, model: &Loaded, after: i64) -> Result<(Now, Option<i64>)> {
        let width = model.set.names().len();
        let rows: Vec<(i64, Vec<u8>, Option<f64>)> = tx.rows(
            "SELECT r.patient_id, d.features, d.score FROM risk r JOIN prediction d ON d.tenant_id = :tenant AND d.id = r.prediction_id \
             WHERE r.tenant_id = :tenant AND d.model_id = :model AND r.patient_id > :after ORDER BY r.patient_id LIMIT :step",
            bind! { model: model.id, after: after, step: STEP },
        )?;
        let last = rows.last().map(|row| row.0);
        for (_, features, score) in rows {
            let values = values_in(&features);
            if values.len() == width {
                self.values.extend(values);
                self.scores.extend(score);
                self.withheld += u64::from(score.is_none());
            }
        }
        let full = self.values.len() / width >= MOST;
        Ok((self, last.filter(|_| !full)))
    }
}

/// The first scores of a model as what it is compared with later: it was imported, and what it learnt from is not here.
pub(super) fn first(model: &Loaded, now: &Now) -> Reference {
    Reference::of("first-scores", model.set, &now.values, levels(model, now))
}

fn levels(model: &Loaded, now: &Now) -> [u64; 4] {
    let mut levels = [0; 4];
    now.scores.iter().for_each(|score| levels[place(&model.thresholds, *score)] += 1);
    levels
}

/// A feature, then and now.
#[derive(Debug, Clone, Serialize)]
struct Moved<'a> {
    #[serde(flatten)]
    finding: &'a drift::Finding,
    /// Counts in the bins of the reference, then and now.
    bins: [Vec<u64>; 2],
}

/// Compares what comes in now with what a model learnt from.
///
/// # Errors
/// [`Code::Internal`] where the two do not belong together.
pub fn drift(reference: &Reference, set: Set, now: &Now, levels_now: [u64; 4]) -> Result<Value> {
    let width = set.names().len();
    let rows = now.values.len() / width;
    if rows == 0 || reference.rows == 0 {
        return Ok(
            json!({ "health": Value::Null, "rows": [reference.rows, rows], "because": "nobody has a score of this model yet", "reference": reference.source }),
        );
    }
    let of = |error: plimsoll_ai::measure::Error| Code::Internal.error().caused_by(error.to_string());
    let (mut columns, mut bins) = (Vec::new(), Vec::new());
    for (at, column) in reference.columns.iter().enumerate().filter(|(_, column)| !CALENDAR.contains(&column.name.as_str())) {
        // Both sides in the bins of the reference: what is within one bin is one value.
        let current: Vec<f64> = now.values.iter().skip(at).step_by(width).map(|value| column.bin(*value)).collect();
        let mut counts = vec![0; column.counts.len()];
        current.iter().filter(|bin| !bin.is_nan()).for_each(|bin| counts[*bin as usize] += 1);
        columns.push(drift::numeric(&column.name, &column.rows(), &current).map_err(of)?);
        bins.push([column.counts.clone(), counts]);
    }
    let report = drift::report(columns, ALPHA);
    let scored: u64 = levels_now.iter().sum();
    let known: u64 = reference.levels.iter().sum();
    let prediction = if scored as usize >= LEAST && known as usize >= LEAST {
        let (then, now) = (count::shares(&reference.levels).map_err(of)?, count::shares(&levels_now).map_err(of)?);
        let distance = count::total_variation(&then, &now).map_err(of)?;
        Some((distance, Severity::of_predictions(distance)))
    } else {
        None
    };
    let worst = report.columns.iter().map(|column| column.severity).chain(prediction.map(|(_, severity)| severity));
    let enough = rows >= LEAST && reference.rows as usize >= LEAST;
    let features: Vec<Moved<'_>> = report.columns.iter().zip(bins).map(|(finding, bins)| Moved { finding, bins }).collect();
    Ok(json!({
        "health": if enough { json!(Health::of(worst)) } else { Value::Null },
        "because": if enough { Value::Null } else { json!(format!("fewer than {LEAST} people on a side")) },
        "reference": reference.source,
        "rows": [reference.rows, rows],
        "withheld": now.withheld,
        "predictions": { "levels": [reference.levels, levels_now], "distance": prediction.map(|(distance, _)| distance), "severity": prediction.map(|(_, severity)| severity) },
        "not_compared": CALENDAR,
        "features": features,
    }))
}

/// Drift of a model against its reference.
pub(super) fn of_model(model: &Loaded, reference: &Reference, now: &Now) -> Result<Value> {
    drift(reference, model.set, now, levels(model, now))
}
