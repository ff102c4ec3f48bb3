//! `/v1/patients/{id}/visits` and `/encounters`: a person's record by hand.

use plimsoll::{
    Code, Committed, Ctx, Error, Fault, Read, Result, Tx, Write, bind,
    ledger::Note,
    route::{Empty, Json, Path, Query, Routes},
};
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};
use serde_json::json;

use crate::{
    Retention,
    chart::{self, Form, Patient, Ruled, Stay},
    nouns::{READ, WRITE},
    record::{Encounter, Observation, Record, Stamp, Visit, dates, rules},
};

/// Declares the routes.
pub fn routes(r: &mut Routes<'_, Retention>) {
    r.get("/patients/{id}/record", READ, whole)
        .named("records.read")
        .summary("Everything known of a patient, or everything that had happened by a day")
        .recorded();
    for (path, noun, row) in [("/visits", "visit", Ruled::Visit), ("/encounters", "encounter", Ruled::Encounter)] {
        for (verb, voided, summary) in [("void", true, "Take back"), ("restore", false, "Let count again")] {
            r.post(&format!("/patients/{{id}}{path}/{verb}"), WRITE, move |ctx, (Path(id), Json(which)): (Path<i64>, Json<Which>)| {
                ruled(ctx, id, which.uuid, row, voided)
            })
            .named(format!("{noun}s.{verb}"))
            .summary(format!("{summary} one {noun}; exports do not undo it"))
            .example(json!({ "uuid": "b6b5e1a2-0c3e-4f5e-8d1f-6a1f1a0b7c11" }))
            .problem(Code::NotFound);
        }
    }
    r.post("/patients/{id}/visits", WRITE, put_visit)
        .named("visits.write")
        .summary("Write a visit; one of the same uuid is replaced")
        .example(json!({ "uuid": "b6b5e1a2-0c3e-4f5e-8d1f-6a1f1a0b7c11", "kind": "CLINICAL", "started": "2026-11-02 09:00:00" }));
    r.post("/patients/{id}/encounters", WRITE, put_form)
        .named("encounters.write")
        .summary("Write a form with its answers; one of the same uuid is replaced")
        .example(json!({
            "uuid": "e7d9a6c0-58a5-4c56-9a0e-0f7f3d9f2b42", "at": "2026-11-02 09:30:00", "kind": "Pharmacy", "form": "Pharmacy Order Form",
            "observations": [{ "uuid": "c1c9f3d4-2f9e-4d4f-8a35-7f0a9a3b5e63", "variable": "Medication duration", "number": 90 }],
        }));
}

/// A whole record.
#[derive(Debug, Serialize, JsonSchema)]
struct Whole {
    /// The patient.
    patient_id: i64,
    /// Identity at the source.
    patient_uuid: String,
    /// Visits by time.
    visits: Vec<Stay>,
    /// Forms with their answers by time.
    encounters: Vec<Form>,
}

pub(crate) fn forms(record: &Record) -> Vec<Form> {
    let of = |encounter: &Encounter| Form::of(encounter, record.observations.iter().filter(|one| one.encounter == encounter.uuid));
    record.encounters.iter().map(of).collect()
}

/// A living patient, or that there is none.
pub(crate) fn known(tx: &Tx<'_>, id: i64) -> Result<Patient> {
    chart::patient(tx, id)?.ok_or_else(|| Code::NotFound.because(format!("there is no patient {id}")))
}

/// As of when.
#[derive(Debug, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
struct Moment {
    /// Nothing that happened after this day.
    #[schemars(regex(pattern = "^\\d{4}-\\d{2}-\\d{2}$"))]
    as_of: Option<String>,
}

async fn whole(ctx: Ctx<Retention, Read>, (Path(id), Query(moment)): (Path<i64>, Query<Moment>)) -> Result<Json<Whole>> {
    let as_of = moment
        .as_of
        .map(|text| chart::day(&text).ok_or_else(|| Error::invalid(vec![Fault::at("?as_of", "is no day of the calendar")])))
        .transpose()?;
    let (patient, mut record) = ctx
        .read(move |tx| {
            let patient = known(tx, id)?;
            let record = chart::record(tx, &patient)?;
            Ok((patient, record))
        })
        .await?;
    if let Some(day) = as_of {
        record = record.until(day);
    }
    ctx.seen(&format!("patients/{id}"), json!({ "record": true, "as_of": as_of.map(|day| day.to_string()) })).await?;
    Ok(Json(Whole {
        patient_id: id,
        patient_uuid: patient.person.uuid,
        visits: record.visits.iter().map(Stay::from).collect(),
        encounters: forms(&record),
    }))
}

/// A time that has come, out of a text.
fn stamp(text: &str, pointer: &str, now: Stamp, faults: &mut Vec<Fault>) -> Stamp {
    let read = dates::from_text(text, dates::Reading::default()).and_then(|stamp| dates::happened(stamp, now));
    read.unwrap_or_else(|reason| {
        faults.push(Fault::at(pointer, reason.to_string()));
        Stamp::default()
    })
}

/// Now by a clock that may be ahead of ours by as much as there is on earth.
fn latest(ctx: &Ctx<Retention, Write>) -> Stamp {
    Stamp(ctx.now().micros().div_euclid(1_000_000) + 14 * 3600)
}

/// A visit or form of a patient.
#[derive(Debug, Deserialize, Serialize, JsonSchema)]
#[serde(deny_unknown_fields)]
struct Which {
    /// Its identity.
    #[schemars(length(min = 1, max = 64))]
    uuid: String,
}

async fn ruled(ctx: Ctx<Retention, Write>, id: i64, uuid: String, row: Ruled, voided: bool) -> Result<Committed<Empty>> {
    ctx.commit(move |change| {
        let (patient, now) = (known(change, id)?, change.now());
        if !chart::rule(change, &patient, row, &uuid, voided, now)? {
            return Err(Code::NotFound.because("this patient has none of this uuid"));
        }
        change.note(Note { target: format!("patients/{id}"), detail: Some(json!({ "voided": voided })), ..Note::default() });
        Ok(Empty)
    })
    .await
}

async fn put_visit(ctx: Ctx<Retention, Write>, (Path(id), Json(stay)): (Path<i64>, Json<Stay>)) -> Result<Committed<Json<Stay>>> {
    let (now, mut faults) = (latest(&ctx), Vec::new());
    let started = stamp(&stay.started, "/started", now, &mut faults);
    let stopped = stay.stopped.as_deref().map(|text| stamp(text, "/stopped", now, &mut faults));
    if stopped.is_some_and(|stopped| stopped < started) {
        faults.push(Fault::at("/stopped", "lies before the beginning"));
    }
    if !faults.is_empty() {
        return Err(Error::invalid(faults));
    }
    let visit = Visit { uuid: stay.uuid, kind: stay.kind, started, stopped, location: stay.location, voided: stay.voided };
    ctx.commit(move |change| {
        let patient = known(change, id)?;
        chart::write_visit(change, id, &visit, true)?;
        let now = change.now();
        chart::rebuild(change, &patient, now)?;
        Ok(Json(Stay::from(&visit)))
    })
    .await
}

async fn put_form(ctx: Ctx<Retention, Write>, (Path(id), Json(form)): (Path<i64>, Json<Form>)) -> Result<Committed<Json<Form>>> {
    let (now, mut faults) = (latest(&ctx), Vec::new());
    let at = stamp(&form.at, "/at", now, &mut faults);
    let mut answers = Vec::with_capacity(form.observations.len());
    for (number, answer) in form.observations.iter().enumerate() {
        let when = answer.at.as_deref().map_or(at, |text| stamp(text, &format!("/observations/{number}/at"), now, &mut faults));
        if answer.number.is_some_and(|number| rules::within(number).is_err()) {
            faults.push(Fault::at(format!("/observations/{number}/number"), "must lie between -1000000 and 1000000"));
        }
        if form.observations[..number].iter().any(|one| one.uuid == answer.uuid) {
            faults.push(Fault::at(format!("/observations/{number}/uuid"), "stands twice on this form"));
        }
        answers.push(Observation {
            uuid: answer.uuid.clone(),
            encounter: form.uuid.clone(),
            concept: answer.concept.clone(),
            variable: answer.variable.clone(),
            number: answer.number,
            text: answer.text.clone(),
            coded: answer.coded.clone(),
            at: when,
            voided: answer.voided,
        });
    }
    if !faults.is_empty() {
        return Err(Error::invalid(faults));
    }
    let encounter =
        Encounter { uuid: form.uuid, visit: form.visit, at, kind: form.kind, form: form.form, form_id: form.form_id, voided: form.voided };
    ctx.commit(move |change| {
        let patient = known(change, id)?;
        if let Some(visit) = &encounter.visit {
            let there: Option<i64> = change.maybe(
                "SELECT 1 FROM visit WHERE tenant_id = :tenant AND patient_id = :id AND uuid = :uuid",
                bind! { id: id, uuid: visit },
            )?;
            if there.is_none() {
                return Err(Error::invalid(vec![Fault::at("/visit", "is no visit of this patient")]));
            }
        }
        chart::write_encounter(change, id, &encounter, answers.iter(), true)?;
        let now = change.now();
        chart::rebuild(change, &patient, now)?;
        Ok(Json(Form::of(&encounter, answers.iter())))
    })
    .await
}
