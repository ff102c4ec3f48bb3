//! Visits and forms as rows and as JSON.

use plimsoll::{FromRow, Result, Row};
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use crate::record::{Day, Encounter, Observation, Stamp, Visit};

/// A visit.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct Stay {
    /// Identity at the source, or given here.
    #[schemars(length(min = 1, max = 64))]
    pub uuid: String,
    /// Such as `CLINICAL`.
    #[serde(default)]
    #[schemars(length(max = 100))]
    pub kind: Option<String>,
    /// When it began, by the facility's own clock: `2026-11-21 09:00:00`.
    #[schemars(length(min = 10, max = 19))]
    pub started: String,
    /// When it ended.
    #[serde(default)]
    #[schemars(length(max = 19))]
    pub stopped: Option<String>,
    /// Where in the facility.
    #[serde(default)]
    #[schemars(length(max = 100))]
    pub location: Option<String>,
    /// Taken back: kept, and never counted.
    #[serde(default)]
    pub voided: bool,
}

/// A form that was filled in, with its answers.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct Form {
    /// Identity at the source, or given here.
    #[schemars(length(min = 1, max = 64))]
    pub uuid: String,
    /// The visit it belongs to.
    #[serde(default)]
    #[schemars(length(max = 64))]
    pub visit: Option<String>,
    /// When, by the facility's own clock.
    #[schemars(length(min = 10, max = 19))]
    pub at: String,
    /// Such as `Pharmacy`.
    #[serde(default)]
    #[schemars(length(max = 100))]
    pub kind: Option<String>,
    /// The form's name, such as `Pharmacy Order Form`.
    #[serde(default)]
    #[schemars(length(max = 200))]
    pub form: Option<String>,
    /// The form's number.
    #[serde(default)]
    #[schemars(length(max = 100))]
    pub form_id: Option<String>,
    /// Taken back, with its answers.
    #[serde(default)]
    pub voided: bool,
    /// The answers.
    #[serde(default)]
    #[schemars(length(max = 1000))]
    pub observations: Vec<Answer>,
}

/// An answer on a form.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct Answer {
    /// Identity at the source, or given here.
    #[schemars(length(min = 1, max = 64))]
    pub uuid: String,
    /// What was observed.
    #[schemars(length(min = 1, max = 200))]
    pub variable: String,
    /// As a number.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schemars(range(min = -1_000_000.0, max = 1_000_000.0))]
    pub number: Option<f64>,
    /// As text.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schemars(length(max = 2000))]
    pub text: Option<String>,
    /// Number of the coded answer.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schemars(length(max = 64))]
    pub coded: Option<String>,
    /// Number of the concept.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schemars(length(max = 64))]
    pub concept: Option<String>,
    /// When; the form's own time unless said.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schemars(length(max = 19))]
    pub at: Option<String>,
    /// Taken back.
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    pub voided: bool,
}

/// A visit's columns, in the order of [`VISIT`].
pub(super) struct VisitRow(pub Visit);
pub(super) const VISIT: &str = "SELECT uuid, kind, started, stopped, location, voided FROM visit \
     WHERE tenant_id = :tenant AND patient_id = :patient";

impl FromRow for VisitRow {
    fn from_row(row: &Row<'_>) -> Result<VisitRow> {
        let voided: i64 = row.get(5)?;
        let visit = Visit {
            uuid: row.get(0)?,
            kind: row.get(1)?,
            started: Stamp(row.get(2)?),
            stopped: row.get::<Option<i64>>(3)?.map(Stamp),
            location: row.get(4)?,
            voided: voided != 0,
        };
        Ok(VisitRow(visit))
    }
}

/// A form's columns, in the order of [`ENCOUNTER`], and its answers.
pub(super) struct EncounterRow(pub Encounter, pub Vec<Observation>);
pub(super) const ENCOUNTER: &str = "SELECT uuid, visit, at, kind, form, form_id, voided, observations FROM encounter \
     WHERE tenant_id = :tenant AND patient_id = :patient";

impl FromRow for EncounterRow {
    fn from_row(row: &Row<'_>) -> Result<EncounterRow> {
        let (voided, text): (i64, String) = (row.get(6)?, row.get(7)?);
        let encounter = Encounter {
            uuid: row.get(0)?,
            visit: row.get(1)?,
            at: Stamp(row.get(2)?),
            kind: row.get(3)?,
            form: row.get(4)?,
            form_id: row.get(5)?,
            voided: voided != 0,
        };
        let observations = unpacked(&text, &encounter)?;
        Ok(EncounterRow(encounter, observations))
    }
}

/// Answers as they are kept within their form: seconds after it instead of a time.
#[derive(Serialize, Deserialize)]
struct Packed<'a> {
    u: std::borrow::Cow<'a, str>,
    v: std::borrow::Cow<'a, str>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    n: Option<f64>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    t: Option<std::borrow::Cow<'a, str>>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    c: Option<std::borrow::Cow<'a, str>>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    k: Option<std::borrow::Cow<'a, str>>,
    #[serde(default, skip_serializing_if = "is_zero")]
    s: i64,
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    x: bool,
}

#[expect(clippy::trivially_copy_pass_by_ref, reason = "the form that the attribute asks for")]
fn is_zero(number: &i64) -> bool {
    *number == 0
}

/// The answers of one form as text.
pub(super) fn packed<'a>(encounter: &Encounter, observations: impl Iterator<Item = &'a Observation>) -> Result<String> {
    let all: Vec<Packed<'_>> = observations
        .map(|one| Packed {
            u: one.uuid.as_str().into(),
            v: one.variable.as_str().into(),
            n: one.number,
            t: one.text.as_deref().map(Into::into),
            c: one.coded.as_deref().map(Into::into),
            k: one.concept.as_deref().map(Into::into),
            s: one.at.0 - encounter.at.0,
            x: one.voided,
        })
        .collect();
    Ok(serde_json::to_string(&all)?)
}

fn unpacked(text: &str, encounter: &Encounter) -> Result<Vec<Observation>> {
    let all: Vec<Packed<'_>> = serde_json::from_str(text)?;
    let one = |packed: Packed<'_>| Observation {
        uuid: packed.u.into_owned(),
        encounter: encounter.uuid.clone(),
        variable: packed.v.into_owned(),
        number: packed.n,
        text: packed.t.map(Into::into),
        coded: packed.c.map(Into::into),
        concept: packed.k.map(Into::into),
        at: encounter.at.plus(packed.s),
        voided: packed.x,
    };
    Ok(all.into_iter().map(one).collect())
}

impl From<&Visit> for Stay {
    fn from(visit: &Visit) -> Stay {
        Stay {
            uuid: visit.uuid.clone(),
            kind: visit.kind.clone(),
            started: visit.started.to_string(),
            stopped: visit.stopped.map(|stamp| stamp.to_string()),
            location: visit.location.clone(),
            voided: visit.voided,
        }
    }
}

impl Form {
    /// A form with its answers, as callers get it.
    pub fn of<'a>(encounter: &Encounter, observations: impl Iterator<Item = &'a Observation>) -> Form {
        Form {
            uuid: encounter.uuid.clone(),
            visit: encounter.visit.clone(),
            at: encounter.at.to_string(),
            kind: encounter.kind.clone(),
            form: encounter.form.clone(),
            form_id: encounter.form_id.clone(),
            voided: encounter.voided,
            observations: observations
                .map(|one| Answer {
                    uuid: one.uuid.clone(),
                    variable: one.variable.clone(),
                    number: one.number,
                    text: one.text.clone(),
                    coded: one.coded.clone(),
                    concept: one.concept.clone(),
                    at: (one.at != encounter.at).then(|| one.at.to_string()),
                    voided: one.voided,
                })
                .collect(),
        }
    }
}

/// A day out of the text of a `DATE` column or a query.
pub(crate) fn day(text: &str) -> Option<Day> {
    let part = |from: usize, to: usize| text.get(from..to)?.parse::<u32>().ok();
    Day::new(i32::try_from(part(0, 4)?).ok()?, part(5, 7)?, part(8, 10)?)
}
