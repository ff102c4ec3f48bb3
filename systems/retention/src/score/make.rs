//! `POST /v1/predictions` and `/v1/predictions/batch`: new scores of people, from their records.

use std::{
    sync::{Arc, Mutex, PoisonError},
    time::Instant,
};

use plimsoll::{
    Code, Committed, Ctx, Error, Fault, Result, Time, Tx, Write, bind,
    ledger::{Change, Note},
    route::{Created, Json},
    work::events::Event,
};
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};
use serde_json::{Map, Value, json};

use super::{
    all,
    judge::{Charted, charted},
    routes::{Prediction, READ, one, prediction},
};
use crate::{
    Retention,
    ab::Answering,
    action::{
        alert::{Terms, Watch},
        raised::{self, Scored},
    },
    chart,
    features::Set,
    record::Day,
    watch::Tally,
};

/// Most people of one call.
pub(super) const MOST: usize = 100;

/// A question about one person.
#[derive(Debug, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub(crate) struct Asked {
    /// The patient's number,
    #[serde(default)]
    #[schemars(range(min = 1))]
    patient_id: Option<i64>,
    /// or their identity at the source.
    #[serde(default)]
    #[schemars(length(min = 1, max = 64))]
    patient_uuid: Option<String>,
    /// As of this day; today unless said.
    #[serde(default)]
    #[schemars(regex(pattern = r"^\d{4}-\d{2}-\d{2}$"))]
    as_of: Option<String>,
    /// Values that stand in for those of the record; null says that nothing is known.
    #[serde(default)]
    features: Map<String, Value>,
}

impl Asked {
    fn day(&self, now: Time) -> Result<Day> {
        match &self.as_of {
            Some(text) => {
                chart::day(text).ok_or_else(|| Error::invalid(vec![Fault::at("/as_of", "must be a calendar date such as 2026-11-21")]))
            }
            None => Ok(all::today(now)),
        }
    }

    /// The person it is about.
    fn person(&self, tx: &Tx<'_>) -> Result<Charted> {
        match (self.patient_id, &self.patient_uuid) {
            (Some(id), None) => one(tx, id),
            (None, Some(uuid)) => by_uuid(tx, uuid),
            _ => Err(Error::invalid(vec![Fault::at("", "names the patient by `patient_id` or by `patient_uuid`, and not by both")])),
        }
    }
}

fn by_uuid(tx: &Tx<'_>, uuid: &str) -> Result<Charted> {
    tx.maybe(charted!(" AND p.uuid = :uuid"), bind! { uuid: uuid })?
        .ok_or_else(|| Code::NotFound.because("there is no patient with this uuid"))
}

/// Places and values of what a caller supposes.
fn overrides(set: Set, given: &Map<String, Value>) -> Result<Vec<(usize, f64)>> {
    let mut faults = Vec::new();
    let mut found = Vec::new();
    for (name, value) in given {
        let at = set.names().iter().position(|known| known == name);
        let number = if value.is_null() { Some(f64::NAN) } else { value.as_f64() };
        match (at, number) {
            (Some(at), Some(number)) => found.push((at, number)),
            (None, _) => faults.push(Fault::at(format!("/features/{name}"), format!("is no feature of {}", set.name()))),
            (_, None) => faults.push(Fault::at(format!("/features/{name}"), "must be a number or null")),
        }
    }
    if faults.is_empty() { Ok(found) } else { Err(Error::invalid(faults)) }
}

/// What answers count for, as soon as they are kept.
pub(crate) type Counted = Arc<Mutex<Vec<(String, Tally)>>>;

/// Counts answers. What was not kept was not said; and an answer that is given again was said once.
pub(crate) fn count(system: &Retention, counted: &Counted, began: Instant) {
    let made = std::mem::take(&mut *counted.lock().unwrap_or_else(PoisonError::into_inner));
    let each = began.elapsed() / u32::try_from(made.len().max(1)).unwrap_or(u32::MAX);
    made.into_iter().for_each(|(version, tally)| system.meters.scored(&version, tally, each));
}

/// Asks, keeps the answer and tells of it. The answer of who answers everybody puts the person on the risk list, unless
/// it is one to a question of another kind: of another day, of values that are not theirs. What is refused is refused
/// before anything is written.
pub(crate) fn make(
    change: &mut Change<'_, '_>,
    system: &Retention,
    answering: &Answering,
    asked: &Asked,
    for_everybody: bool,
    counted: &Counted,
) -> Result<Prediction> {
    let as_of = asked.day(change.now())?;
    let one = asked.person(change)?;
    let model = answering.for_person(&one);
    let given = overrides(model.set, &asked.features)?;
    let said = answering.judge(&one, as_of, &given)?;
    counted.lock().unwrap_or_else(PoisonError::into_inner).push((model.version.clone(), Tally::of([&said].into_iter())));
    let made = all::Made { as_of, run: "" };
    let names: Vec<&String> = asked.features.keys().collect();
    let id = all::predict(change, one.patient.id, &said, made, (!names.is_empty()).then(|| json!(names).to_string()))?;
    if for_everybody && names.is_empty() && asked.as_of.is_none() && said.kept() {
        all::place(change, &one, &said, id, made)?;
        let mut watch = Watch::over(change, Terms::of(&system.config)?, change.now(), one.patient.id, one.patient.id)?;
        raised::scored(change, &mut watch, &Scored::of(&one, &said, id, as_of))?;
    }
    change.emit(
        Event::new("prediction.created", "/v1/predictions", READ, json!({ "id": id, "patient_id": one.patient.id })).about(id.to_string()),
    );
    prediction(change, id)
}

pub(super) async fn create(ctx: Ctx<Retention, Write>, Json(asked): Json<Asked>) -> Result<Committed<Created<Prediction>>> {
    let (system, counted, began) = (ctx.system.clone(), Counted::default(), Instant::now());
    let (meters, counting) = (system.clone(), counted.clone());
    let done = ctx
        .commit(move |change| {
            let answering = match Answering::of(change, &system.shelf) {
                Ok(answering) => answering,
                // Somebody who is not there is told so, whether there is a model or not.
                Err(error) => return asked.person(change).and(Err(error)),
            };
            let body = make(change, &system, &answering, &asked, true, &counting)?;
            Ok(Created { location: format!("/v1/predictions/{}", body.id), body })
        })
        .await?;
    count(&meters, &counted, began);
    Ok(done)
}

/// Questions about several people.
#[derive(Debug, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub(super) struct Several {
    /// At most a hundred.
    #[schemars(length(min = 1, max = 100))]
    items: Vec<Asked>,
}

/// What became of one question.
#[derive(Debug, Serialize, JsonSchema)]
pub(super) struct Answered {
    /// Which, from 0.
    index: usize,
    /// 201, or the status with which it would have been refused alone.
    status: u16,
    /// The prediction.
    prediction: Option<Prediction>,
    /// Why there is none.
    errors: Vec<Refusal>,
}

/// Something that is wrong with a question.
#[derive(Debug, Serialize, JsonSchema)]
pub(super) struct Refusal {
    /// Where (RFC 6901); empty where it is about the question as a whole.
    pointer: String,
    /// What.
    detail: String,
}

/// What became of all.
#[derive(Debug, Serialize, JsonSchema)]
#[schemars(rename = "PredictionBatch")]
pub(super) struct Batch {
    /// How many predictions were made.
    successful: usize,
    /// How many questions were refused.
    failed: usize,
    /// One after the other.
    results: Vec<Answered>,
}

pub(super) async fn batch(ctx: Ctx<Retention, Write>, Json(several): Json<Several>) -> Result<Committed<Json<Batch>>> {
    if several.items.len() > MOST {
        return Err(Error::invalid(vec![Fault::at("/items", format!("{MOST} are the most in one call"))]));
    }
    let (system, counted, began) = (ctx.system.clone(), Counted::default(), Instant::now());
    let (meters, counting) = (system.clone(), counted.clone());
    let answer = move |change: &mut Change<'_, '_>| {
        let answering = Answering::of(change, &system.shelf)?;
        let mut results = Vec::with_capacity(several.items.len());
        for (index, asked) in several.items.iter().enumerate() {
            results.push(match make(change, &system, &answering, asked, true, &counting) {
                Ok(made) => Answered { index, status: 201, prediction: Some(made), errors: Vec::new() },
                // Nothing of this one was written: it is refused before.
                Err(error) if matches!(error.code(), Code::Invalid | Code::NotFound) => {
                    let of = |fault: &Fault| Refusal { pointer: fault.pointer.clone(), detail: fault.detail.to_string() };
                    let mut errors: Vec<Refusal> = error.faults().iter().map(of).collect();
                    if errors.is_empty() {
                        errors.push(Refusal { pointer: String::new(), detail: error.public().to_owned() });
                    }
                    Answered { index, status: error.code().status(), prediction: None, errors }
                }
                Err(error) => return Err(error.under(&format!("/items/{index}"))),
            });
        }
        let seen: Vec<i64> = results.iter().filter_map(|one| one.prediction.as_ref()).map(|one| one.patient_id).collect();
        change.note(Note { target: "predictions".into(), detail: Some(json!({ "patients": seen })), ..Note::default() });
        let successful = seen.len();
        Ok(Json(Batch { successful, failed: results.len() - successful, results }))
    };
    let done = ctx.commit(answer).await?;
    count(&meters, &counted, began);
    Ok(done)
}
