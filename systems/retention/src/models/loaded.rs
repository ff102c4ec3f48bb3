//! A model ready to answer.

use std::{
    collections::HashMap,
    sync::{Arc, Mutex, PoisonError},
};

use plimsoll::{Code, Result, host::Boot, identity::Mac};
use plimsoll_ai::{
    train::calibrate::Calibration,
    tree::{Explainer, Forest, Scorer},
};
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use super::{
    Thresholds,
    release::{Kept, Release, digest_of, refused},
};
use crate::{Retention, features::Set};

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
    explains: bool,
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
            explains: true,
        })
    }

    /// Whether it says what its scores are made of: see [`Shelf`].
    pub(crate) fn explains(&self) -> bool {
        self.explains
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

/// Models that were read, so that each is read once; and what has to be true of one before it is.
pub struct Shelf {
    mac: Mac,
    /// `model-artifact-store`: what is not as it was released is not read.
    guards: bool,
    /// `model-registry`: the one that was activated answers.
    registers: bool,
    /// `explainability`: a score comes with what it is made of.
    explains: bool,
    read: Mutex<HashMap<(i64, String), Arc<Loaded>>>,
}

/// Models that are kept in memory.
const MOST: usize = 16;

impl Shelf {
    /// An empty one.
    ///
    /// # Errors
    /// As for [`Boot::mac`].
    pub fn new(boot: &Boot) -> Result<Shelf> {
        Ok(Shelf {
            mac: boot.mac::<Retention>("model release")?,
            guards: boot.holds("model-artifact-store"),
            registers: boot.holds("model-registry"),
            explains: boot.holds("explainability"),
            read: Mutex::default(),
        })
    }

    /// Whether the active model answers, and not whichever came last.
    pub(crate) fn registers(&self) -> bool {
        self.registers
    }

    /// Whether what came in is held against its digest and its mark.
    pub(crate) fn guards(&self) -> bool {
        self.guards
    }

    /// The mark of a release; none where nothing is held against it.
    pub(crate) fn signature(&self, release: &Release) -> Result<Option<String>> {
        self.guards.then(|| release.mark(&self.mac)).transpose()
    }

    /// Whether a mark is that of the release.
    pub(crate) fn fits(&self, release: &Release, signature: Option<&str>) -> bool {
        signature.is_some_and(|signature| release.fits(&self.mac, signature))
    }

    /// The model of this row; reads it where it is not here yet. The mark is looked at each time, so
    /// bounds that somebody moved are refused also while the model is in memory; the bytes are looked
    /// at before they are read, and the ones in memory stay those that were.
    ///
    /// # Errors
    /// [`Code::ModelUnavailable`] for what is not as it was released; what [`Loaded::new`] says.
    pub(crate) fn take(&self, id: i64, kept: &Kept, artifact: impl FnOnce() -> Result<String>) -> Result<Arc<Loaded>> {
        let release = &kept.release;
        if self.guards {
            match kept.signature.as_deref() {
                None => return Err(refused(id, "it carries no signature")),
                signature if !self.fits(release, signature) => {
                    return Err(refused(id, "its signature does not fit its digest, features, thresholds and calibration"));
                }
                _ => {}
            }
        }
        // Tenants have models of one number: what is in memory is told apart by everything that decides its answers.
        let key = (id, release.mark(&self.mac)?);
        if let Some(known) = self.read.lock().unwrap_or_else(PoisonError::into_inner).get(&key) {
            return Ok(known.clone());
        }
        let stored = release.stored(id, artifact()?)?;
        let found = digest_of(&stored.artifact);
        if self.guards && found != release.sha256 {
            return Err(refused(id, &format!("the digest of its bytes is {found}, and {} was registered", release.sha256)));
        }
        let loaded = Arc::new(Loaded { explains: self.explains, ..Loaded::new(&stored)? });
        let mut read = self.read.lock().unwrap_or_else(PoisonError::into_inner);
        if read.len() >= MOST {
            read.clear();
        }
        read.insert(key, loaded.clone());
        Ok(loaded)
    }
}
