//! What a model learnt from, as far as it is needed to see that the world has moved: for each feature the edges
//! of bins and how many fell into each. Sums over many people, and nothing of one.

use plimsoll::{Result, Tx, bind, ledger::Change};
use serde::{Deserialize, Serialize};
use serde_json::{Value, json};

use crate::{
    features::Set,
    models::{Level, Thresholds},
    train::{Cases, Fitted, Part},
};

/// The most bins of a feature; a bin is then a sixty-fourth of the people, and distances err by no more.
const BINS: usize = 64;

/// One feature.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Column {
    /// Its name.
    pub name: String,
    /// Inner edges; one belongs to the bin above it.
    pub edges: Vec<f64>,
    /// How many fell into each bin.
    pub counts: Vec<u64>,
    /// In how many it was not known.
    pub missing: u64,
}

impl Column {
    /// Of a column's values.
    pub fn of(name: &str, values: &[f64]) -> Column {
        let mut known: Vec<f64> = values.iter().copied().filter(|value| !value.is_nan()).collect();
        known.sort_by(f64::total_cmp);
        let mut edges: Vec<f64> = (1..BINS).filter_map(|at| known.get(at * known.len() / BINS).copied()).collect();
        edges.retain(|edge| known.first().is_some_and(|least| edge > least));
        edges.dedup();
        let mut column = Column { name: name.to_owned(), counts: vec![0; edges.len() + 1], edges, missing: 0 };
        for value in values {
            let bin = column.bin(*value);
            match column.counts.get_mut(bin as usize).filter(|_| !bin.is_nan()) {
                Some(count) => *count += 1,
                None => column.missing += 1,
            }
        }
        column
    }

    /// The bin of a value, as a number; NaN where it is missing.
    pub fn bin(&self, value: f64) -> f64 {
        if value.is_nan() { f64::NAN } else { self.edges.partition_point(|edge| *edge <= value) as f64 }
    }

    /// The bins of the reference, one for each row of it.
    pub fn rows(&self) -> Vec<f64> {
        let known = self.counts.iter().enumerate().flat_map(|(bin, count)| std::iter::repeat_n(bin as f64, *count as usize));
        known.chain(std::iter::repeat_n(f64::NAN, self.missing as usize)).collect()
    }
}

/// What a model is compared with.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Reference {
    /// `training`, or `first-scores` for a model that was imported.
    pub source: String,
    /// How many rows.
    pub rows: u64,
    /// Each feature.
    pub columns: Vec<Column>,
    /// How many had each level, the lowest first.
    pub levels: [u64; 4],
    /// What was said and what happened when it was trained; null where that was elsewhere.
    pub reliability: Option<Value>,
    /// How groups were served then.
    pub groups: Option<Value>,
}

/// The place of the level of a probability.
pub(super) fn place(thresholds: &Thresholds, probability: f64) -> usize {
    [thresholds.medium, thresholds.high, thresholds.critical].iter().filter(|edge| probability >= **edge).count()
}

impl Reference {
    /// Of rows as they are scored.
    pub fn of(source: &str, set: Set, values: &[f64], levels: [u64; 4]) -> Reference {
        let width = set.names().len();
        let column = |at: usize| values.iter().skip(at).step_by(width).copied().collect::<Vec<f64>>();
        let columns = set.names().iter().enumerate().map(|(at, name)| Column::of(name, &column(at))).collect();
        Reference { source: source.into(), rows: (values.len() / width) as u64, columns, levels, reliability: None, groups: None }
    }

    /// Of the rows that a model learnt from; its levels are those of people it had not seen.
    pub fn of_training(cases: &Cases, fitted: &Fitted, set: Set) -> Reference {
        let mut levels = [0; Level::ALL.len()];
        fitted.scored.scores().iter().for_each(|score| levels[place(&fitted.thresholds, *score)] += 1);
        let (values, _) = cases.some(&cases.of(Part::Train), set);
        let groups = fitted.groups.iter().map(|(name, groups)| ((*name).to_owned(), json!(groups))).collect();
        Reference {
            reliability: Some(json!(fitted.reliability)),
            groups: Some(Value::Object(groups)),
            ..Reference::of("training", set, &values, levels)
        }
    }
}

/// Keeps what a model is compared with; one that is there stays.
pub(crate) fn keep_reference(change: &mut Change<'_, '_>, model: i64, reference: &Reference) -> Result<()> {
    change.write(
        "INSERT INTO model_reference (tenant_id, model_id, reference) VALUES (:tenant, :model, :reference) \
         ON CONFLICT (tenant_id, model_id) DO NOTHING",
        bind! { model: model, reference: serde_json::to_string(reference)? },
    )?;
    Ok(())
}

/// What a model is compared with.
pub(crate) fn reference(tx: &Tx<'_>, model: i64) -> Result<Option<Reference>> {
    let found: Option<String> =
        tx.maybe("SELECT reference FROM model_reference WHERE tenant_id = :tenant AND model_id = :model", bind! { model: model })?;
    Ok(found.as_deref().map(serde_json::from_str).transpose()?)
}
