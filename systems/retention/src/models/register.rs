//! Getting a model in, and making it the one that answers.

use std::sync::Arc;

use plimsoll::{
    Code, Error, Fault, Result, Tx, bind,
    ledger::{Change, Note},
    work::events::Event,
};
use plimsoll_ai::train::calibrate::Calibration;
use ring::digest::{SHA256, digest};
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};
use serde_json::{Value, json};

use super::{Figures, Loaded, Shelf, Thresholds, loaded::Stored, routes};
use crate::{ab, chart::hex, ensemble};

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

/// Reads a draft as the model it would be.
///
/// # Errors
/// [`Code::Invalid`] with the place of what is wrong.
pub(super) fn checked(draft: &Draft) -> Result<Stored> {
    if !draft.thresholds.rise() {
        return Err(Error::invalid(vec![Fault::at("/thresholds", "must rise from above 0 to below 1")]));
    }
    let read = |value: &Value| {
        let read: std::result::Result<Calibration, _> = serde_json::from_value(value.clone());
        read.map_err(|error| Error::invalid(vec![Fault::at("/calibration", error.to_string())]))
    };
    let stored = Stored {
        id: 0,
        algorithm: draft.algorithm.clone(),
        feature_set: draft.feature_set.clone(),
        sha256: hex(digest(&SHA256, draft.artifact.as_bytes()).as_ref()),
        artifact: draft.artifact.clone(),
        thresholds: draft.thresholds,
        calibration: draft.calibration.as_ref().map(read).transpose()?,
    };
    Loaded::new(&stored).map_err(|error| Error::invalid(vec![Fault::at("/artifact", error.public().to_owned())]))?;
    Ok(stored)
}

/// Keeps a model; its number. The same bytes for the same features are the same model.
///
/// # Errors
/// [`Code::Invalid`] for what is none; what the database says.
pub fn register(change: &mut Change<'_, '_>, draft: &Draft) -> Result<i64> {
    let stored = checked(draft)?;
    let known: Option<i64> = change.maybe(
        "SELECT id FROM model WHERE tenant_id = :tenant AND sha256 = :sha AND feature_set = :set",
        bind! { sha: stored.sha256, set: stored.feature_set },
    )?;
    match known {
        Some(id) => Ok(id),
        None => keep(change, draft, &stored.sha256),
    }
}

/// Writes a model that was checked; its number.
pub(crate) fn keep(change: &mut Change<'_, '_>, draft: &Draft, sha256: &str) -> Result<i64> {
    let (id, now, who) = (change.next("model")?, change.now(), change.origin().actor.clone());
    change.write(
        "INSERT INTO model (tenant_id, id, name, algorithm, feature_set, sha256, artifact, thresholds, calibration, origin, figures, note, \
         created_by, created_at) VALUES (:tenant, :id, :name, :algorithm, :set, :sha, :artifact, :thresholds, :calibration, :origin, :figures, \
         :note, :who, :now)",
        bind! {
            id: id, name: draft.name, algorithm: draft.algorithm, set: draft.feature_set, sha: sha256, artifact: draft.artifact,
            thresholds: serde_json::to_string(&draft.thresholds)?, calibration: draft.calibration.as_ref().map(Value::to_string),
            origin: draft.origin.clone().unwrap_or_else(|| json!({ "kind": "imported" })).to_string(),
            figures: serde_json::to_string(&draft.figures)?, note: draft.note, who: who, now: now,
        },
    )?;
    change.note(Note {
        action: "models.register".into(),
        target: format!("models/{id}"),
        detail: Some(json!({ "sha256": sha256 })),
        ..Note::default()
    });
    Ok(id)
}

/// Makes a model the one that answers, from the commit on.
///
/// # Errors
/// [`Code::NotFound`], [`Code::Conflict`] for one that was set aside, or while a test runs; [`Code::Invalid`] for one
/// that does not load.
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
    load(change, shelf, id)?;
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
pub(crate) fn load(tx: &Tx<'_>, shelf: &Shelf, id: i64) -> Result<Arc<Loaded>> {
    let sha: String = tx.row("SELECT sha256 FROM model WHERE tenant_id = :tenant AND id = :id", bind! { id: id })?;
    shelf.take(tx.scope(), id, &sha.clone(), || {
        type Columns = (String, String, String, String, Option<String>);
        let (algorithm, feature_set, artifact, thresholds, calibration): Columns = tx.row(
            "SELECT algorithm, feature_set, artifact, thresholds, calibration FROM model WHERE tenant_id = :tenant AND id = :id",
            bind! { id: id },
        )?;
        let stored = Stored {
            id,
            algorithm,
            feature_set,
            sha256: sha,
            artifact,
            thresholds: serde_json::from_str(&thresholds)?,
            calibration: calibration.as_deref().map(serde_json::from_str).transpose()?,
        };
        if stored.algorithm == ENSEMBLE { ensemble::loaded(tx, shelf, &stored) } else { Loaded::new(&stored) }
    })
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
