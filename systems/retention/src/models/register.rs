//! Getting a model in, and making it the one that answers.

use std::sync::Arc;

use plimsoll::{
    Code, Error, Fault, Result, Tx, bind,
    ledger::{Change, Note},
    work::events::Event,
};
use plimsoll_ai::train::calibrate::Calibration;
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};
use serde_json::{Value, json};

use super::{
    Figures, Loaded, Shelf, Thresholds,
    release::{self, Kept, Release},
    routes,
};
use crate::{ab, ensemble};

/// What a model is called that has others as members; its bytes name them ([`crate::ensemble`]).
pub const ENSEMBLE: &str = "ensemble";

/// A model to be registered.
#[derive(Debug, Clone, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct Draft {
    /// A name for people.
    #[schemars(length(min = 1, max = 100))]
    pub name: String,
    /// `xgboost` (JSON) or `lightgbm` (text).
    #[schemars(regex(pattern = "^(xgboost|lightgbm)$"))]
    pub algorithm: String,
    /// `iit-v1` or `iit-v2`.
    #[schemars(regex(pattern = "^iit-v[12]$"))]
    pub feature_set: String,
    /// The model as its library wrote it.
    #[schemars(length(min = 1))]
    pub artifact: String,
    /// SHA-256 of these bytes as the sender knows it, in hexadecimal digits; where other bytes arrived they are refused.
    #[serde(default)]
    #[schemars(regex(pattern = "^[0-9a-f]{64}$"))]
    pub sha256: Option<String>,
    /// Where its levels begin.
    #[serde(default)]
    pub thresholds: Thresholds,
    /// How its scores become probabilities: `{"platt":{"slope":…,"offset":…}}` or `{"isotonic":{"scores":[…],"probabilities":[…]}}`.
    #[serde(default)]
    pub calibration: Option<Value>,
    /// Where it comes from.
    #[serde(default)]
    pub origin: Option<Value>,
    /// How good it was on cases it had not seen.
    #[serde(default)]
    pub figures: Figures,
    /// What its user should know.
    #[serde(default)]
    #[schemars(length(max = 4000))]
    pub note: Option<String>,
}

/// Reads a draft as the model it would be; what would be released.
///
/// # Errors
/// [`Code::Invalid`] with the place of what is wrong.
pub(super) fn checked(shelf: &Shelf, draft: &Draft) -> Result<Release> {
    if !draft.thresholds.rise() {
        return Err(Error::invalid(vec![Fault::at("/thresholds", "must rise from above 0 to below 1")]));
    }
    let release = Release::of(draft)?;
    if shelf.guards() && draft.sha256.as_ref().is_some_and(|expected| *expected != release.sha256) {
        let said = format!("is not the digest of the artifact that arrived, {}", release.sha256);
        return Err(Error::invalid(vec![Fault::at("/sha256", said)]));
    }
    if let Some(value) = &draft.calibration {
        let read: std::result::Result<Calibration, _> = serde_json::from_value(value.clone());
        read.map_err(|error| Error::invalid(vec![Fault::at("/calibration", error.to_string())]))?;
    }
    let stored = release.stored(0, draft.artifact.clone())?;
    Loaded::new(&stored).map_err(|error| Error::invalid(vec![Fault::at("/artifact", error.public().to_owned())]))?;
    Ok(release)
}

/// Keeps a model and signs it; its number. The same bytes for the same features are the same model.
///
/// # Errors
/// [`Code::Invalid`] for what is none; what [`mend`] says; what the database says.
pub fn register(change: &mut Change<'_, '_>, shelf: &Shelf, draft: &Draft) -> Result<i64> {
    let release = checked(shelf, draft)?;
    keep(change, shelf, draft, release)
}

/// [`register`] for a draft that was read already.
pub(crate) fn keep(change: &mut Change<'_, '_>, shelf: &Shelf, draft: &Draft, release: Release) -> Result<i64> {
    let known: Option<i64> = change.maybe(
        "SELECT id FROM model WHERE tenant_id = :tenant AND sha256 = :sha AND feature_set = :set",
        bind! { sha: release.sha256, set: release.feature_set },
    )?;
    if let Some(id) = known {
        mend(change, shelf, id, release, &draft.artifact)?;
        return Ok(id);
    }
    let (id, now, who) = (change.next("model")?, change.now(), change.origin().actor.clone());
    let signature = shelf.signature(&release)?;
    let (figures, origin) = if shelf.registers() {
        (draft.figures.clone(), draft.origin.clone().unwrap_or_else(|| json!({ "kind": "imported" })))
    } else {
        // What is not to be done: a file of which nobody knows how good it is, and where it came from.
        (Figures::default(), json!({ "kind": "unknown" }))
    };
    change.write(
        "INSERT INTO model (tenant_id, id, name, algorithm, feature_set, sha256, artifact, thresholds, calibration, signature, origin, \
         figures, note, created_by, created_at) VALUES (:tenant, :id, :name, :algorithm, :set, :sha, :artifact, :thresholds, :calibration, \
         :signature, :origin, :figures, :note, :who, :now)",
        bind! {
            id: id, name: draft.name, algorithm: release.algorithm, set: release.feature_set, sha: release.sha256, artifact: draft.artifact,
            thresholds: release.thresholds, calibration: release.calibration, signature: signature,
            origin: origin.to_string(), figures: serde_json::to_string(&figures)?, note: draft.note, who: who, now: now,
        },
    )?;
    change.note(Note {
        action: "models.register".into(),
        target: format!("models/{id}"),
        detail: Some(json!({ "sha256": release.sha256 })),
        ..Note::default()
    });
    Ok(id)
}

/// A known model that is not as it was released any more is put right by whoever brings it as it was.
///
/// # Errors
/// [`Code::Conflict`] where neither its row nor what was brought is what was signed, and the two differ.
fn mend(change: &mut Change<'_, '_>, shelf: &Shelf, id: i64, brought: Release, artifact: &str) -> Result<()> {
    if !shelf.guards() {
        return Ok(());
    }
    let Kept { release, signature } = release::kept(change, id)?;
    let there: String = change.row("SELECT artifact FROM model WHERE tenant_id = :tenant AND id = :id", bind! { id: id })?;
    let whole = shelf.fits(&release, signature.as_deref());
    if whole && there == artifact {
        return Ok(());
    }
    // With a mark that fits the row only the bytes were altered, and those that came have the digest that was signed.
    let right = if whole { release.clone() } else { brought };
    if !whole && !shelf.fits(&right, signature.as_deref()) && right != release {
        return Err(Code::Conflict.because(format!(
            "model {id} has these bytes, and its thresholds and calibration are not those that were released; \
             register it with the ones that were, or as its card shows them"
        )));
    }
    let signature = shelf.signature(&right)?;
    change.write(
        "UPDATE model SET algorithm = :algorithm, artifact = :artifact, thresholds = :thresholds, calibration = :calibration, \
         signature = :signature WHERE tenant_id = :tenant AND id = :id",
        bind! {
            id: id, algorithm: right.algorithm, artifact: artifact, thresholds: right.thresholds, calibration: right.calibration,
            signature: signature,
        },
    )?;
    change.note(Note { action: "models.mend".into(), target: format!("models/{id}"), ..Note::default() });
    Ok(())
}

/// Makes a model the one that answers, from the commit on.
///
/// # Errors
/// [`Code::NotFound`]; [`Code::Conflict`] for one that was set aside or is not as it was released, or while a test runs;
/// [`Code::Invalid`] for one that does not load.
pub fn activate(change: &mut Change<'_, '_>, shelf: &Shelf, id: i64, cause: &str) -> Result<()> {
    let retired: Option<plimsoll::Time> = change
        .maybe::<(Option<plimsoll::Time>,)>("SELECT retired_at FROM model WHERE tenant_id = :tenant AND id = :id", bind! { id: id })?
        .ok_or_else(|| Code::NotFound.because(format!("there is no model {id}")))?
        .0;
    if retired.is_some() {
        return Err(Code::Conflict.because(format!("model {id} was set aside")));
    }
    // The control of a test is the model that answers: another one in its place would be a third variant.
    if let Some(test) = ab::running_id(change)? {
        return Err(Code::Conflict.because(format!("test {test} is running; conclude it, or stop it at /v1/ab-tests/{test}/stop")));
    }
    // What does not load must not be asked.
    load(change, shelf, id).map_err(|error| match error.code() {
        Code::ModelUnavailable => Code::Conflict.because(error.public().to_owned()),
        _ => error,
    })?;
    let (number, now, who) = (change.next("activation")?, change.now(), change.origin().actor.clone());
    change.write(
        "INSERT INTO activation (tenant_id, id, model_id, cause, by_whom, at) VALUES (:tenant, :number, :id, :cause, :who, :now)",
        bind! { number: number, id: id, cause: cause, who: who, now: now },
    )?;
    change.emit(Event::new("model.activated", "/v1/models", routes::READ, json!({ "id": id, "cause": cause })).about(id.to_string()));
    change.note(Note { target: format!("models/{id}"), detail: Some(json!({ "cause": cause })), ..Note::default() });
    Ok(())
}

/// The model of a number, read; of an ensemble with its members.
///
/// # Errors
/// [`Code::NotFound`]; [`Code::ModelUnavailable`] for one that is not as it was released.
pub(crate) fn load(tx: &Tx<'_>, shelf: &Shelf, id: i64) -> Result<Arc<Loaded>> {
    let kept = release::kept(tx, id)?;
    let bytes = || tx.row("SELECT artifact FROM model WHERE tenant_id = :tenant AND id = :id", bind! { id: id });
    shelf.take(
        id,
        &kept,
        bytes,
        |stored| {
            if stored.algorithm == ENSEMBLE { ensemble::loaded(tx, shelf, stored) } else { Loaded::new(stored) }
        },
    )
}

/// Whether there is a model of this number that was not set aside.
pub(crate) fn usable(tx: &Tx<'_>, id: i64) -> Result<bool> {
    let found: Option<i64> =
        tx.maybe("SELECT id FROM model WHERE tenant_id = :tenant AND id = :id AND retired_at IS NULL", bind! { id: id })?;
    Ok(found.is_some())
}

/// The number of the active model.
pub(crate) fn active_id(tx: &Tx<'_>) -> Result<Option<i64>> {
    tx.maybe("SELECT model_id FROM activation WHERE tenant_id = :tenant ORDER BY id DESC LIMIT 1", bind! {})
}

/// The model that answers now.
///
/// # Errors
/// [`Code::ModelUnavailable`] where there is none, or it does not load: nothing answers in its place.
pub fn active(tx: &Tx<'_>, shelf: &Shelf) -> Result<Arc<Loaded>> {
    let id =
        active_id(tx)?.ok_or_else(|| Code::ModelUnavailable.because("no model is active; register one at /v1/models and activate it"))?;
    load(tx, shelf, id).map_err(|error| match error.code() {
        Code::Invalid => Code::ModelUnavailable.because(format!("the active model {id} does not load: {}", error.public())),
        _ => error,
    })
}

/// The model to which a way back leads: the one that answered before the one that answers, as if that one
/// and everything that was taken back already had never been.
pub(crate) fn before(tx: &Tx<'_>) -> Result<Option<i64>> {
    let all: Vec<(i64, String)> = tx.rows("SELECT model_id, cause FROM activation WHERE tenant_id = :tenant ORDER BY id", bind! {})?;
    let mut answered: Vec<i64> = Vec::new();
    for (model, cause) in all {
        if cause == "rollback" {
            answered.pop();
        }
        if answered.last() != Some(&model) {
            answered.push(model);
        }
    }
    Ok(answered.iter().rev().nth(1).copied())
}
