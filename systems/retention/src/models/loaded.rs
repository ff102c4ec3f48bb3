//! A model ready to answer.

use std::{
    collections::HashMap,
    sync::{Arc, Mutex, PoisonError},
};

use plimsoll::{Code, Result, host::Boot, identity::Mac};
use plimsoll_ai::{
    blend::{self, Blend},
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
    body: Body,
    explains: bool,
}

enum Body {
    Trees(Box<Trees>),
    /// Each member is told the beginning of the row that its own set is.
    Members(Blend, Vec<Arc<Loaded>>),
}

struct Trees {
    forest: Forest,
    scorer: Scorer,
    explainer: Explainer,
    calibration: Option<Calibration>,
}

/// Number and probability of each member.
type Members = Vec<(i64, f64)>;

/// What a model says of a row.
#[derive(Debug, Clone, PartialEq)]
pub struct Answer {
    /// Log-odds, before calibration.
    pub margin: f64,
    /// The probability.
    pub probability: f64,
    /// Number and probability of each member of an ensemble, in its order; empty for a model that is none.
    pub members: Members,
}

impl Answer {
    /// How sure it is: of an ensemble 1 less the standard deviation of its members, of one model how far it is from a
    /// coin, `min(2·|p − ½|, 1)`.
    pub fn confidence(&self) -> f64 {
        confidence(self.probability, &self.members)
    }
}

/// As [`Answer::confidence`], of what was kept.
pub(crate) fn confidence(probability: f64, members: &[(i64, f64)]) -> f64 {
    if members.is_empty() {
        return (2.0 * (probability - 0.5).abs()).min(1.0);
    }
    blend::agreement(&members.iter().map(|(_, score)| *score).collect::<Vec<f64>>())
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
            body: Body::Trees(Box::new(Trees { scorer: Scorer::new(&forest), explainer, forest, calibration: stored.calibration.clone() })),
            explains: true,
        })
    }

    /// Several models as one. The set is the widest of theirs.
    ///
    /// # Errors
    /// [`Code::Invalid`] for a member that is an ensemble or has no log-odds that its reasons add up to, and for
    /// another number of weights.
    pub(crate) fn blended(id: i64, sha256: &str, thresholds: Thresholds, blend: Blend, members: Vec<Arc<Loaded>>) -> Result<Loaded> {
        if members.is_empty() || members.len() != blend.weights().len() {
            return Err(Code::Invalid.because(format!("{} members and {} weights", members.len(), blend.weights().len())));
        }
        for one in &members {
            one.line()?;
        }
        let set = if members.iter().any(|one| one.set == Set::V2) { Set::V2 } else { Set::V1 };
        if let Some(one) = members.iter().find(|one| !set.names().starts_with(one.set.names())) {
            return Err(Code::Invalid.because(format!("{} is no part of {}", one.set.name(), set.name())));
        }
        Ok(Loaded { id, version: version(sha256).to_owned(), set, thresholds, body: Body::Members(blend, members), explains: true })
    }

    /// Whether it can be a member of an ensemble.
    ///
    /// # Errors
    /// [`Code::Invalid`] for one that is an ensemble itself, or has no log-odds that its reasons add up to.
    pub fn fits_in(&self) -> Result<()> {
        self.line().map(drop)
    }

    /// The line from its margin to the log-odds of its probability: slope and offset.
    fn line(&self) -> Result<(f64, f64)> {
        match &self.body {
            Body::Members(..) => Err(Code::Invalid.because(format!("model {} is an ensemble itself", self.id))),
            Body::Trees(trees) => match &trees.calibration {
                None => Ok((trees.forest.sigmoid(), 0.0)),
                Some(Calibration::Platt { slope, offset }) => Ok((*slope, *offset)),
                Some(Calibration::Isotonic(_)) => Err(Code::Invalid.because(format!(
                    "model {} is calibrated by steps, and has no log-odds that its reasons add up to; register it with a Platt calibration",
                    self.id
                ))),
            },
        }
    }

    /// What it says of a row of the set.
    ///
    /// # Errors
    /// [`Code::Internal`] for a row of another length.
    pub fn answer(&self, row: &[f64]) -> Result<Answer> {
        let internal = |error: String| Code::Internal.error().caused_by(error);
        match &self.body {
            Body::Trees(trees) => {
                let margin = trees.scorer.margin(row).map_err(|error| internal(error.to_string()))?;
                let probability =
                    trees.calibration.as_ref().map_or_else(|| trees.forest.probability(margin), |rule| rule.probability(margin));
                Ok(Answer { margin, probability, members: Vec::new() })
            }
            Body::Members(blend, all) => {
                let (log_odds, members) = self.heard(all, row)?;
                let margin = blend.answer(&log_odds).ok_or_else(|| internal("an ensemble with another number of weights".into()))?;
                Ok(Answer { margin, probability: plimsoll_ai::train::probability(margin), members })
            }
        }
    }

    /// Log-odds of members, and number and probability of each.
    fn heard(&self, all: &[Arc<Loaded>], row: &[f64]) -> Result<(Vec<f64>, Members)> {
        let (mut log_odds, mut members) = (Vec::with_capacity(all.len()), Vec::with_capacity(all.len()));
        for one in all {
            let (slope, offset) = one.line()?;
            let said = one.answer(one.part(row)?)?;
            log_odds.push(slope * said.margin + offset);
            members.push((one.id, said.probability));
        }
        Ok((log_odds, members))
    }

    /// The beginning of a row of a wider set.
    fn part<'r>(&self, row: &'r [f64]) -> Result<&'r [f64]> {
        row.get(..self.set.names().len())
            .ok_or_else(|| Code::Internal.error().caused_by(format!("{} values for {}", row.len(), self.set.name())))
    }

    /// Whether it says what its scores are made of: see [`Shelf`].
    pub(crate) fn explains(&self) -> bool {
        self.explains
    }

    /// Log-odds and probability of a row of the set.
    ///
    /// # Errors
    /// As [`Loaded::answer`].
    pub fn score(&self, row: &[f64]) -> Result<(f64, f64)> {
        self.answer(row).map(|said| (said.margin, said.probability))
    }

    /// Log-odds of each member, where this is an ensemble.
    ///
    /// # Errors
    /// As [`Loaded::answer`].
    pub(crate) fn log_odds(&self, row: &[f64]) -> Result<Vec<f64>> {
        match &self.body {
            Body::Trees(_) => Ok(Vec::new()),
            Body::Members(_, all) => self.heard(all, row).map(|(log_odds, _)| log_odds),
        }
    }

    /// What each value adds to the log-odds, in the order of the set, and what all rows begin with.
    ///
    /// Of an ensemble: the members' Shapley values, each as far as the answer follows the member ([`Blend::follow`]).
    /// They add up to its margin under every rule; they are its own Shapley values where log-odds are averaged or
    /// stacked, and not where probabilities are.
    ///
    /// # Errors
    /// As [`Loaded::answer`].
    pub fn explain(&self, row: &[f64]) -> Result<(Vec<f64>, f64)> {
        let internal = |error: String| Code::Internal.error().caused_by(error);
        match &self.body {
            Body::Trees(trees) => {
                let mut parts = trees.explainer.contributions(row).map_err(|error| internal(error.to_string()))?;
                let base = if parts.len() > self.set.names().len() { parts.pop().unwrap_or(0.0) } else { trees.explainer.base() };
                Ok((parts, base))
            }
            Body::Members(blend, all) => {
                let (to, _) = self.heard(all, row)?;
                let mut each = Vec::with_capacity(all.len());
                for one in all {
                    let ((slope, offset), (parts, base)) = (one.line()?, one.explain(one.part(row)?)?);
                    each.push((slope, slope * base + offset, parts));
                }
                let from: Vec<f64> = each.iter().map(|(_, base, _)| *base).collect();
                let (base, shares) =
                    blend.follow(&from, &to).ok_or_else(|| internal("an ensemble with another number of weights".into()))?;
                let mut sum = vec![0.0; self.set.names().len()];
                for (share, (slope, _, parts)) in shares.iter().zip(&each) {
                    sum.iter_mut().zip(parts).for_each(|(sum, part)| *sum += share * slope * part);
                }
                Ok((sum, base))
            }
        }
    }

    /// What its reasons are reasons of.
    pub fn scale(&self) -> &'static str {
        match &self.body {
            Body::Trees(_) => "log-odds: exact Shapley values",
            Body::Members(blend, _) => match blend.rule() {
                blend::Rule::LogOdds | blend::Rule::Stack { .. } => "log-odds of the ensemble: exact Shapley values, weighted",
                blend::Rule::Probability | blend::Rule::Majority { .. } => {
                    "log-odds of the ensemble: members' exact Shapley values as far as the answer follows each; they add up to the margin, \
                     and are not the Shapley values of the mean of probabilities"
                }
            },
        }
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
    /// `model-registry`: versions have a record, and a way back.
    registers: bool,
    /// `explainability`: a score comes with what it is made of.
    explains: bool,
    /// `ensemble-inference`: ensembles answer by their rule.
    pub(crate) blends: bool,
    read: Mutex<HashMap<(i64, String), Arc<Loaded>>>,
}

/// Models that are kept in memory.
const MOST: usize = 32;

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
            blends: boot.holds("ensemble-inference"),
            read: Mutex::default(),
        })
    }

    /// Whether versions are kept with their record, and an activation can be taken back.
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
    /// [`Code::ModelUnavailable`] for what is not as it was released; what `read` says.
    pub(crate) fn take(
        &self,
        id: i64,
        kept: &Kept,
        artifact: impl FnOnce() -> Result<String>,
        read: impl FnOnce(&Stored) -> Result<Loaded>,
    ) -> Result<Arc<Loaded>> {
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
        // Two tenants have models of one number: what is in memory is told apart by everything that decides its answers.
        let key = (id, release.mark(&self.mac)?);
        if let Some(known) = self.read.lock().unwrap_or_else(PoisonError::into_inner).get(&key) {
            return Ok(known.clone());
        }
        let stored = release.stored(id, artifact()?)?;
        let found = digest_of(&stored.artifact);
        if self.guards && found != release.sha256 {
            return Err(refused(id, &format!("the digest of its bytes is {found}, and {} was registered", release.sha256)));
        }
        let loaded = Arc::new(Loaded { explains: self.explains, ..read(&stored)? });
        let mut read = self.read.lock().unwrap_or_else(PoisonError::into_inner);
        if read.len() >= MOST {
            read.clear();
        }
        read.insert(key, loaded.clone());
        Ok(loaded)
    }
}
