//! The bytes of an ensemble, and what they come to.

use std::sync::Arc;

use plimsoll::{Code, Result, Tx, bind};
use plimsoll_ai::blend::{Blend, Rule};
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use crate::models::{self, Card, ENSEMBLE, Loaded, Shelf, Stored};

/// What an ensemble is called by its rule.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
pub enum Kind {
    /// The mean of members' log-odds.
    Averaging,
    /// The same with weights.
    WeightedAveraging,
    /// Each member has a vote.
    Voting,
    /// Votes have weights.
    WeightedVoting,
    /// A logistic regression over members' log-odds.
    Stacking,
}

impl Kind {
    /// All of them.
    pub const ALL: [Kind; 5] = [Kind::Averaging, Kind::WeightedAveraging, Kind::Voting, Kind::WeightedVoting, Kind::Stacking];

    /// As it is written.
    pub const fn name(self) -> &'static str {
        match self {
            Kind::Averaging => "averaging",
            Kind::WeightedAveraging => "weighted_averaging",
            Kind::Voting => "voting",
            Kind::WeightedVoting => "weighted_voting",
            Kind::Stacking => "stacking",
        }
    }

    /// The kind of a name.
    pub fn named(name: &str) -> Option<Kind> {
        Kind::ALL.into_iter().find(|kind| kind.name() == name)
    }

    /// What it does, for people.
    pub const fn words(self) -> &'static str {
        match self {
            Kind::Averaging => "The mean of members' log-odds. Reasons are exact Shapley values.",
            Kind::WeightedAveraging => "The weighted mean of members' log-odds; needs `weights`. Reasons are exact Shapley values.",
            Kind::Voting => {
                "`soft` (unless said): the mean of members' probabilities. `majority`: each member votes at `threshold`, and those of the larger \
                 side are heard by the mean of their probabilities; at a tie everybody is. `weighted`: the same with `weights`."
            }
            Kind::WeightedVoting => "Voting with the strategy `weighted`; needs `weights`.",
            Kind::Stacking => {
                "A logistic regression over members' log-odds; needs `meta`, or has one fitted by `POST /v1/ensembles/fit`. Reasons are exact \
                 Shapley values."
            }
        }
    }
}

/// A member, named by its bytes and what it is told.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Member {
    /// SHA-256 of its bytes.
    pub sha256: String,
    /// Its set of features.
    pub feature_set: String,
}

/// The bytes of an ensemble.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Recipe {
    /// What it is called.
    pub ensemble_type: Kind,
    /// Who is heard, in order.
    pub members: Vec<Member>,
    /// How they become one.
    pub blend: Blend,
}

/// A recipe as bytes.
pub(super) fn written(recipe: &Recipe) -> Result<String> {
    Ok(serde_json::to_string(recipe)?)
}

/// The model that a member names.
fn seat(tx: &Tx<'_>, member: &Member) -> Result<i64> {
    tx.maybe(
        "SELECT id FROM model WHERE tenant_id = :tenant AND sha256 = :sha AND feature_set = :set",
        bind! { sha: member.sha256, set: member.feature_set },
    )?
    .ok_or_else(|| Code::Invalid.because(format!("the member {} of {} is not registered", member.sha256, member.feature_set)))
}

/// An ensemble with its members, read.
///
/// # Errors
/// [`Code::Invalid`] for bytes that are no recipe, or a member that is not there; what [`models::load`] says of members.
pub(crate) fn loaded(tx: &Tx<'_>, shelf: &Shelf, stored: &Stored) -> Result<Loaded> {
    let recipe: Recipe =
        serde_json::from_str(&stored.artifact).map_err(|error| Code::Invalid.because(format!("the ensemble cannot be read: {error}")))?;
    let mut members: Vec<Arc<Loaded>> = Vec::with_capacity(recipe.members.len());
    for member in &recipe.members {
        members.push(models::load(tx, shelf, seat(tx, member)?)?);
    }
    let mut blend = recipe.blend;
    if !shelf.blends {
        // What is not to be done: the rule stands in the registry, and one member answers.
        members.truncate(1);
        blend = Blend::new(Rule::LogOdds, vec![1.0]).map_err(|error| Code::Internal.error().caused_by(error.to_string()))?;
    }
    Loaded::blended(stored.id, &stored.sha256, stored.thresholds, blend, members)
}

/// A member as callers see it.
#[derive(Debug, Clone, Serialize, JsonSchema)]
pub struct Seat {
    /// Its number in the registry.
    pub model_id: i64,
    /// Its name.
    pub name: String,
    /// Its set of features.
    pub feature_set: String,
    /// SHA-256 of its bytes.
    pub sha256: String,
    /// Its weight; of a stack the factor of its log-odds.
    pub weight: f64,
    /// Area under the ROC curve, as its card says.
    pub auc: Option<f64>,
}

/// An ensemble.
#[derive(Debug, Clone, Serialize, JsonSchema)]
pub struct Ensemble {
    /// Its card in the registry.
    #[serde(flatten)]
    pub card: Card,
    /// What it is called by its rule.
    pub ensemble_type: Kind,
    /// How votes are counted: `soft`, `majority` or `weighted`; null where there are none.
    pub voting_strategy: Option<&'static str>,
    /// From which probability on a member votes yes.
    pub threshold: Option<f64>,
    /// Log-odds where all members say 0, of a stack.
    pub intercept: Option<f64>,
    /// Who is heard, in order.
    pub members: Vec<Seat>,
}

/// The ensemble of a number.
///
/// # Errors
/// [`Code::NotFound`] for a model that is none.
pub fn find(tx: &Tx<'_>, id: i64) -> Result<Ensemble> {
    let artifact: Option<String> = tx.maybe(
        "SELECT artifact FROM model WHERE tenant_id = :tenant AND id = :id AND algorithm = :ensemble",
        bind! { id: id, ensemble: ENSEMBLE },
    )?;
    let artifact = artifact.ok_or_else(|| Code::NotFound.because(format!("there is no ensemble {id}")))?;
    let recipe: Recipe = serde_json::from_str(&artifact)?;
    let mut members = Vec::with_capacity(recipe.members.len());
    for (member, weight) in recipe.members.iter().zip(recipe.blend.weights()) {
        let card = models::card(tx, seat(tx, member)?)?;
        members.push(Seat {
            model_id: card.id,
            name: card.name,
            feature_set: card.feature_set,
            sha256: card.sha256,
            weight: *weight,
            auc: card.figures.auc,
        });
    }
    let rule = recipe.blend.rule();
    Ok(Ensemble {
        card: models::card(tx, id)?,
        ensemble_type: recipe.ensemble_type,
        voting_strategy: match (recipe.ensemble_type, rule) {
            (Kind::WeightedVoting, _) => Some("weighted"),
            (Kind::Voting, Rule::Majority { .. }) => Some("majority"),
            (Kind::Voting, _) => Some("soft"),
            _ => None,
        },
        threshold: if let Rule::Majority { threshold } = rule { Some(threshold) } else { None },
        intercept: if let Rule::Stack { intercept } = rule { Some(intercept) } else { None },
        members,
    })
}
