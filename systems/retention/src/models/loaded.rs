//! A model ready to answer.

use std::{
    collections::HashMap,
    sync::{Arc, Mutex, PoisonError},
};

use plimsoll::{Code, Result};
use plimsoll_ai::{
    train::calibrate::Calibration,
    tree::{Explainer, Forest, Scorer},
};
use ring::digest::{SHA256, digest};
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use super::Thresholds;
use crate::{chart::hex, features::Set};

/// How likely an interruption is, in words.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "lowercase")]
pub enum Level {
    /// Below every bound.
    Low,
    /// From the first bound on.
    Medium,
    /// From the second bound on.
    High,
    /// From the third bound on.
    Critical,
}

impl Level {
    /// All of them, the lowest first.
    pub const ALL: [Level; 4] = [Level::Low, Level::Medium, Level::High, Level::Critical];

    /// As it is written.
    pub const fn name(self) -> &'static str {
        match self {
            Level::Low => "low",
            Level::Medium => "medium",
            Level::High => "high",
            Level::Critical => "critical",
        }
    }

    /// The level of a name.
    pub fn named(name: &str) -> Option<Level> {
        Level::ALL.into_iter().find(|level| level.name() == name)
    }
}

/// What a model is called where a name that somebody gave must not stand: the first twelve characters of its digest.
pub fn version(sha256: &str) -> &str {
    sha256.get(..12).unwrap_or(sha256)
}

/// A model ready to answer.
pub struct Loaded {
    /// Its number.
    pub id: i64,
    /// Its version: see [`version`].
    pub version: String,
    /// What it is told.
    pub set: Set,
    /// Where its levels begin.
    pub thresholds: Thresholds,
    forest: Forest,
    scorer: Scorer,
    explainer: Explainer,
    calibration: Option<Calibration>,
}

/// A model's row.
pub(crate) struct Stored {
    pub id: i64,
    pub algorithm: String,
    pub feature_set: String,
    pub sha256: String,
    pub artifact: String,
    pub thresholds: Thresholds,
    pub calibration: Option<Calibration>,
}

impl Loaded {
    /// Reads a model and holds it against what its row says.
    ///
    /// # Errors
    /// [`Code::Invalid`] for bytes that are no model of that kind, or other features than the set's.
    pub(crate) fn new(stored: &Stored) -> Result<Loaded> {
        let found = hex(digest(&SHA256, stored.artifact.as_bytes()).as_ref());
        if found != stored.sha256 {
            return Err(Code::Invalid
                .because(format!("the model's bytes are not those that were registered: {found} instead of {}", stored.sha256)));
        }
        let forest = match stored.algorithm.as_str() {
            "xgboost" => Forest::from_xgboost(&stored.artifact),
            "lightgbm" => Forest::from_lightgbm(&stored.artifact),
            other => return Err(Code::Invalid.because(format!("`{other}` is no kind of model; there are xgboost and lightgbm"))),
        };
        let forest = forest.map_err(|error| Code::Invalid.because(format!("the model cannot be read: {error}")))?;
        let set = Set::named(&stored.feature_set)
            .ok_or_else(|| Code::Invalid.because(format!("`{}` is no set of features; there are iit-v1 and iit-v2", stored.feature_set)))?;
        fits(&forest, set)?;
        let explainer =
            Explainer::new(&forest).map_err(|error| Code::Invalid.because(format!("the model cannot be explained: {error}")))?;
        Ok(Loaded {
            id: stored.id,
            version: version(&stored.sha256).to_owned(),
            set,
            thresholds: stored.thresholds,
            scorer: Scorer::new(&forest),
            explainer,
            forest,
            calibration: stored.calibration.clone(),
        })
    }

    /// Log-odds and probability of a row of the set.
    ///
    /// # Errors
    /// [`Code::Internal`] for a row of another length.
    pub fn score(&self, row: &[f64]) -> Result<(f64, f64)> {
        let margin = self.scorer.margin(row).map_err(|error| Code::Internal.error().caused_by(error.to_string()))?;
        let probability = self.calibration.as_ref().map_or_else(|| self.forest.probability(margin), |rule| rule.probability(margin));
        Ok((margin, probability))
    }

    /// What each value adds to the log-odds, in the order of the set, and what all rows begin with.
    ///
    /// # Errors
    /// As [`Loaded::score`].
    pub fn explain(&self, row: &[f64]) -> Result<(Vec<f64>, f64)> {
        let mut parts = self.explainer.contributions(row).map_err(|error| Code::Internal.error().caused_by(error.to_string()))?;
        let base = if parts.len() > self.set.names().len() { parts.pop().unwrap_or(0.0) } else { self.explainer.base() };
        Ok((parts, base))
    }

    /// The level of a probability.
    pub fn level(&self, probability: f64) -> Level {
        let Thresholds { medium, high, critical } = self.thresholds;
        match probability {
            p if p >= critical => Level::Critical,
            p if p >= high => Level::High,
            p if p >= medium => Level::Medium,
            _ => Level::Low,
        }
    }
}

/// Refuses a model whose features are not those of the set, in their order.
fn fits(forest: &Forest, set: Set) -> Result<()> {
    let names: Vec<&str> = forest.features().iter().map(|feature| feature.name.as_str()).collect();
    if names == set.names() {
        return Ok(());
    }
    let at = names.iter().zip(set.names()).position(|(one, other)| one != other).unwrap_or(names.len().min(set.names().len()));
    Err(Code::Invalid.because(format!(
        "the model's features are not those of {}: it has {} of {}, and number {at} is `{}` instead of `{}`",
        set.name(),
        names.len(),
        set.names().len(),
        names.get(at).unwrap_or(&"(none)"),
        set.names().get(at).unwrap_or(&"(none)")
    )))
}

/// Models that were read, so that each is read once.
#[derive(Default)]
pub struct Shelf(Mutex<HashMap<(i64, String), Arc<Loaded>>>);

/// Models that are kept in memory.
const MOST: usize = 16;

impl Shelf {
    /// The model of this row; reads it where it is not here yet.
    pub(crate) fn take(&self, id: i64, sha256: &str, stored: impl FnOnce() -> Result<Stored>) -> Result<Arc<Loaded>> {
        let key = (id, sha256.to_owned());
        if let Some(known) = self.0.lock().unwrap_or_else(PoisonError::into_inner).get(&key) {
            return Ok(known.clone());
        }
        let loaded = Arc::new(Loaded::new(&stored()?)?);
        let mut shelf = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        if shelf.len() >= MOST {
            shelf.clear();
        }
        shelf.insert(key, loaded.clone());
        Ok(loaded)
    }
}
