//! Getting an ensemble in.

use std::sync::Arc;

use plimsoll::{Code, Error, Fault, Result, Tx, bind, ledger::Change};
use plimsoll_ai::blend::{Blend, MOST, Rule};
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};
use serde_json::{Value, json};

use super::recipe::{Kind, Member, Recipe, written};
use crate::models::{self, ENSEMBLE, Figures, Loaded, Shelf, Thresholds};

/// The logistic regression of a stack.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct Meta {
    /// Log-odds where all members say 0.
    pub intercept: f64,
    /// The factor of each member's log-odds.
    #[schemars(length(min = 2, max = 16))]
    pub weights: Vec<f64>,
}

/// An ensemble to be registered.
#[derive(Debug, Clone, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
#[schemars(rename = "NewEnsemble")]
pub struct Draft {
    /// A name for people.
    #[schemars(length(min = 1, max = 100))]
    pub name: String,
    /// `averaging`, `weighted_averaging`, `voting`, `weighted_voting` or `stacking`.
    #[schemars(regex(pattern = "^(averaging|weighted_averaging|voting|weighted_voting|stacking|boosting)$"))]
    pub ensemble_type: String,
    /// Models of the registry, each once.
    #[schemars(length(min = 2, max = 16))]
    pub model_ids: Vec<i64>,
    /// A weight for each of them, where the kind has weights.
    #[serde(default)]
    #[schemars(length(min = 2, max = 16))]
    pub weights: Option<Vec<f64>>,
    /// `soft`, `majority` or `weighted`, of a vote.
    #[serde(default)]
    #[schemars(regex(pattern = "^(soft|majority|weighted)$"))]
    pub voting_strategy: Option<String>,
    /// From which probability on a member votes yes; 0.5 unless said.
    #[serde(default)]
    #[schemars(range(min = 0.001, max = 0.999))]
    pub threshold: Option<f64>,
    /// The regression of a stack.
    #[serde(default)]
    pub meta: Option<Meta>,
    /// Where its levels begin; the means of its members' unless said.
    #[serde(default)]
    pub thresholds: Option<Thresholds>,
    /// What its user should know.
    #[serde(default)]
    #[schemars(length(max = 4000))]
    pub note: Option<String>,
}

fn wrong(place: &str, said: impl Into<String>) -> Error {
    Error::invalid(vec![Fault::at(place.to_owned(), said.into())])
}

impl Draft {
    /// What it is called and its rule. A stack may go without a regression where one is fitted.
    ///
    /// # Errors
    /// [`Code::Invalid`] with the place of what is wrong.
    pub fn rule(&self, fitted: bool) -> Result<(Kind, Blend)> {
        let kind = Kind::named(&self.ensemble_type).ok_or_else(|| {
            // Members are registered models, each of them fitted to what happened. A stage of boosting is fitted to
            // what the stages before it left over: those stages are the trees within one model.
            wrong(
                "/ensemble_type",
                "there is no boosting of registered models: each was fitted to what happened and not to what the others left over; \
                 the stages of a boosted model are the trees within it",
            )
        })?;
        let count = self.model_ids.len();
        if !(2..=MOST).contains(&count) {
            return Err(wrong("/model_ids", format!("between 2 and {MOST} models are blended")));
        }
        if let Some(at) = (1..count).find(|at| self.model_ids[..*at].contains(&self.model_ids[*at])) {
            return Err(wrong(&format!("/model_ids/{at}"), "comes twice"));
        }
        let strategy = self.voting_strategy.as_deref();
        if strategy.is_some() && kind != Kind::Voting && !(kind == Kind::WeightedVoting && strategy == Some("weighted")) {
            return Err(wrong("/voting_strategy", format!("{} is no vote of that strategy", kind.name())));
        }
        let majority = || Rule::Majority { threshold: self.threshold.unwrap_or(0.5) };
        let (kind, rule, weighs) = match (kind, strategy) {
            (Kind::Averaging, _) => (kind, Rule::LogOdds, false),
            (Kind::WeightedAveraging, _) => (kind, Rule::LogOdds, true),
            (Kind::Voting, None | Some("soft")) => (kind, Rule::Probability, false),
            (Kind::Voting, Some("majority")) => (kind, majority(), false),
            (Kind::Voting | Kind::WeightedVoting, _) => (Kind::WeightedVoting, majority(), true),
            (Kind::Stacking, _) => {
                let weights = match (&self.meta, &self.weights) {
                    (Some(meta), None) => (meta.intercept, meta.weights.clone()),
                    (None, None) if fitted => (0.0, vec![1.0 / count as f64; count]),
                    (None, None) => return Err(wrong("/meta", "a stack needs its regression; have one fitted at /v1/ensembles/fit")),
                    (_, Some(_)) => return Err(wrong("/weights", "a stack has its weights in `meta`")),
                };
                if weights.1.len() != count {
                    return Err(wrong("/meta/weights", format!("{} weights for {count} models", weights.1.len())));
                }
                let blend = Blend::new(Rule::Stack { intercept: weights.0 }, weights.1);
                return Ok((kind, blend.map_err(|error| wrong("/meta", error.to_string()))?));
            }
        };
        if self.meta.is_some() {
            return Err(wrong("/meta", format!("{} has no regression", kind.name())));
        }
        if self.threshold.is_some() && !matches!(rule, Rule::Majority { .. }) {
            return Err(wrong("/threshold", "only votes by majority or weight have one"));
        }
        let weights = match (&self.weights, weighs) {
            (Some(weights), true) if weights.len() == count => weights.clone(),
            (Some(weights), true) => return Err(wrong("/weights", format!("{} weights for {count} models", weights.len()))),
            (None, true) => return Err(wrong("/weights", format!("{} needs a weight for each model", kind.name()))),
            (Some(_), false) => return Err(wrong("/weights", format!("{} has no weights", kind.name()))),
            (None, false) => vec![1.0; count],
        };
        let blend = Blend::new(rule, weights).map_err(|error| wrong(&format!("/{}", error.place()), error.to_string()))?;
        Ok((kind, blend))
    }

    /// Its members, read.
    ///
    /// # Errors
    /// [`Code::Invalid`] with the place of a model that is not there, was set aside, or cannot be a member.
    pub fn members(&self, tx: &Tx<'_>, shelf: &Shelf) -> Result<Vec<Arc<Loaded>>> {
        let (mut found, mut faults) = (Vec::new(), Vec::new());
        for (at, id) in self.model_ids.iter().enumerate() {
            let place = format!("/model_ids/{at}");
            if !models::usable(tx, *id)? {
                faults.push(Fault::at(place, "is no model, or one that was set aside"));
                continue;
            }
            match models::load(tx, shelf, *id) {
                Ok(model) => match model.fits_in() {
                    Ok(()) => found.push(model),
                    Err(error) => faults.push(Fault::at(place, error.public().to_owned())),
                },
                Err(error) if error.code() == Code::Invalid => faults.push(Fault::at(place, error.public().to_owned())),
                Err(error) => return Err(error),
            }
        }
        if faults.is_empty() { Ok(found) } else { Err(Error::invalid(faults)) }
    }
}

/// The means of members' levels.
fn mean(members: &[Arc<Loaded>]) -> Thresholds {
    let n = members.len().max(1) as f64;
    let of = |part: fn(&Thresholds) -> f64| members.iter().map(|one| part(&one.thresholds)).sum::<f64>() / n;
    Thresholds { medium: of(|t| t.medium), high: of(|t| t.high), critical: of(|t| t.critical) }
}

/// An ensemble as it will answer, before it has a number.
pub(super) fn tried(draft: &Draft, blend: &Blend, members: Vec<Arc<Loaded>>) -> Result<Loaded> {
    let thresholds = draft.thresholds.unwrap_or_else(|| mean(&members));
    if !thresholds.rise() {
        return Err(wrong("/thresholds", "must rise from above 0 to below 1"));
    }
    Loaded::blended(0, "", thresholds, blend.clone(), members)
}

/// Keeps an ensemble; its number. The same members under the same rule are the same ensemble.
///
/// # Errors
/// What [`Draft::rule`] and [`Draft::members`] say; what the database says.
pub fn register(change: &mut Change<'_, '_>, shelf: &Shelf, draft: &Draft, figures: Figures, measured: Option<Value>) -> Result<i64> {
    let (kind, blend) = draft.rule(false)?;
    let made = tried(draft, &blend, draft.members(change, shelf)?)?;
    let mut members = Vec::new();
    for id in &draft.model_ids {
        let card = models::card(change, *id)?;
        members.push(Member { sha256: card.sha256, feature_set: card.feature_set });
    }
    let artifact = written(&Recipe { ensemble_type: kind, members, blend })?;
    let draft = models::Draft {
        name: draft.name.clone(),
        algorithm: ENSEMBLE.into(),
        feature_set: made.set.name().into(),
        artifact,
        sha256: None,
        thresholds: made.thresholds,
        calibration: None,
        origin: Some(json!({ "kind": ENSEMBLE, "ensemble_type": kind.name(), "model_ids": draft.model_ids, "measured": measured })),
        figures,
        note: draft.note.clone(),
    };
    let id = models::keep(change, shelf, &draft, models::Release::of(&draft)?)?;
    // One that was set aside is taken up again.
    change
        .write("UPDATE model SET retired_at = NULL WHERE tenant_id = :tenant AND id = :id AND retired_at IS NOT NULL", bind! { id: id })?;
    Ok(id)
}
