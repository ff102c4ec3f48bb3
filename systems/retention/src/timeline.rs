//! `/v1/patients/{id}/timeline`: what happened to a person and what was done, in one row.

use plimsoll::{
    Ctx, Read, Result, Role, Tx, bind,
    route::{Json, Path, Query, Routes},
};
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};
use serde_json::json;

use crate::{
    Retention, chart,
    nouns::READ,
    record::{Day, Record, words},
    records::known,
};

/// Declares the route.
pub fn routes(r: &mut Routes<'_, Retention>) {
    r.get("/patients/{id}/timeline", READ, timeline)
        .named("patients.timeline")
        .summary("What happened to a patient and what was done about it, the newest first")
        .describe("Of scores, alerts, interventions, follow-ups and messages whoever holds the permission to read these is told; `hidden` names the others.")
        .recorded();
}

/// Something of a record.
#[derive(Debug, Clone, PartialEq)]
pub(crate) enum What {
    /// Medicine was picked up: for how many days, and how many days after the one before ran out.
    PickUp {
        /// For how many days, where that was written down.
        days: Option<f64>,
        /// How late, if late.
        late: Option<i32>,
    },
    /// A clinical visit.
    Visit {
        /// Copies per millilitre, where they were measured.
        viral_load: Option<f64>,
    },
    /// The person left the programme.
    Left {
        /// Why, where it was written down.
        why: Option<String>,
    },
}

/// What happened, in the order of the record.
pub(crate) fn happened(record: &Record) -> Vec<(Day, What)> {
    let answer = |encounter: &str, variable: &str| {
        record.observations.iter().find(|one| one.encounter == encounter && !one.voided && one.variable.eq_ignore_ascii_case(variable))
    };
    let (mut all, mut due) = (Vec::new(), None::<Day>);
    for form in record.encounters.iter().filter(|form| !form.voided) {
        let day = form.at.day();
        let is = |name: &str| form.form.as_deref().is_some_and(|form| form.eq_ignore_ascii_case(name));
        if is(words::PHARMACY) {
            let days = answer(&form.uuid, words::DURATION).and_then(|one| one.number);
            all.push((day, What::PickUp { days, late: due.map(|due| day.since(due)).filter(|late| *late > 0) }));
            due = Some(day.plus(days.map_or(30, |days| days as i32)));
        } else if is(words::CARE_CARD) {
            all.push((day, What::Visit { viral_load: answer(&form.uuid, words::VIRAL_LOAD).and_then(|one| one.number) }));
        } else if is(words::TERMINATION) {
            all.push((day, What::Left { why: answer(&form.uuid, words::TERMINATED).and_then(|one| one.text.clone()) }));
        }
    }
    all
}

/// Kinds of entries.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
enum Kind {
    /// Medicine was picked up.
    PickUp,
    /// A clinical visit.
    Visit,
    /// The person left the programme.
    Left,
    /// A score.
    Prediction,
    /// An alert was raised.
    Alert,
    /// An intervention was planned.
    Intervention,
    /// A follow-up is scheduled.
    FollowUp,
    /// A message.
    Communication,
}

/// Something on the line.
#[derive(Debug, Serialize, JsonSchema)]
#[schemars(rename = "TimelineEntry")]
struct Entry {
    /// On which day.
    day: String,
    /// What it is.
    kind: Kind,
    /// In words.
    words: String,
    /// Its number, where it is a thing of its own.
    id: Option<i64>,
    /// Where it stands, where it moves.
    status: Option<String>,
    /// How many days late the medicine was picked up.
    days_late: Option<i32>,
}

/// The line.
#[derive(Debug, Serialize, JsonSchema)]
struct Timeline {
    /// The patient.
    patient_id: i64,
    /// The newest first.
    items: Vec<Entry>,
    /// How many there are that the limit left out.
    more: usize,
    /// What the caller may not read and is not told of.
    hidden: Vec<Kind>,
}

/// How much of it.
#[derive(Debug, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
struct Wanted {
    /// At most so many; 100 unless said.
    #[schemars(range(min = 1, max = 1000))]
    limit: Option<usize>,
}

impl Entry {
    fn of(day: Day, what: What) -> Entry {
        let (kind, words, days_late) = match what {
            What::PickUp { days, late } => {
                let supply = days.map_or_else(|| "medicine".to_owned(), |days| format!("{days} days of medicine"));
                let gap = late.filter(|late| *late > crate::features::GRACE).map_or("", |_| " after an interruption");
                (Kind::PickUp, format!("picked up {supply}{gap}"), late)
            }
            What::Visit { viral_load } => {
                let load = viral_load.map(|copies| format!(", viral load {copies}")).unwrap_or_default();
                (Kind::Visit, format!("clinical visit{load}"), None)
            }
            What::Left { why } => (Kind::Left, format!("left the programme: {}", why.as_deref().unwrap_or("reason not told")), None),
        };
        Entry { day: day.to_string(), kind, words, id: None, status: None, days_late }
    }
}

/// Things of a person, each with the permission to read it: `id, microseconds or day, words, status`.
const DEEDS: [(Kind, &str, &str); 5] = [
    (
        Kind::Prediction,
        "predictions:read",
        "SELECT d.id, d.created_at, NULL, COALESCE(d.level, 'no score'), d.withheld FROM prediction d WHERE d.tenant_id = :tenant \
         AND d.patient_id = :patient AND d.deleted_at IS NULL AND d.overrides IS NULL ORDER BY d.id DESC LIMIT :most",
    ),
    (
        Kind::Alert,
        "alerts:read",
        "SELECT a.id, a.created_at, NULL, a.title, a.status FROM alert a WHERE a.tenant_id = :tenant AND a.patient_id = :patient \
         ORDER BY a.id DESC LIMIT :most",
    ),
    (
        Kind::Intervention,
        "interventions:read",
        "SELECT i.id, i.created_at, i.completed_on, i.title, i.status FROM intervention i WHERE i.tenant_id = :tenant \
         AND i.patient_id = :patient AND i.deleted_at IS NULL ORDER BY i.id DESC LIMIT :most",
    ),
    (
        Kind::FollowUp,
        "follow-ups:read",
        "SELECT f.id, f.created_at, COALESCE(f.completed_on, f.scheduled_date), f.title, f.status FROM follow_up f WHERE f.tenant_id = :tenant \
         AND f.patient_id = :patient AND f.deleted_at IS NULL ORDER BY f.id DESC LIMIT :most",
    ),
    (
        Kind::Communication,
        "communications:read",
        "SELECT c.id, c.created_at, NULL, c.communication_type, c.status FROM communication c WHERE c.tenant_id = :tenant \
         AND c.patient_id = :patient AND c.deleted_at IS NULL ORDER BY c.id DESC LIMIT :most",
    ),
];

fn deeds(tx: &Tx<'_>, patient: i64, (kind, sql): (Kind, &'static str), most: i64) -> Result<Vec<Entry>> {
    type Line = (i64, i64, Option<String>, String, Option<String>);
    let rows: Vec<Line> = tx.rows(sql, bind! { patient: patient, most: most })?;
    let entry = |(id, at, day, words, status): Line| {
        let made = Day(i32::try_from(at.div_euclid(86_400_000_000)).unwrap_or(0)).to_string();
        let words = match kind {
            Kind::Prediction => format!("risk: {words}"),
            Kind::Communication => format!("message: {words}"),
            _ => words,
        };
        Entry { day: day.unwrap_or(made), kind, words, id: Some(id), status, days_late: None }
    };
    Ok(rows.into_iter().map(entry).collect())
}

async fn timeline(ctx: Ctx<Retention, Read>, (Path(id), Query(wanted)): (Path<i64>, Query<Wanted>)) -> Result<Json<Timeline>> {
    let limit = wanted.limit.unwrap_or(100);
    let may = |permission: &str| ctx.may(permission, Role::Viewer);
    let hidden: Vec<Kind> = DEEDS.iter().filter(|(_, permission, _)| !may(permission)).map(|(kind, ..)| *kind).collect();
    let told: Vec<(Kind, &'static str)> =
        DEEDS.iter().filter(|(kind, ..)| !hidden.contains(kind)).map(|(kind, _, sql)| (*kind, *sql)).collect();
    let mut items = ctx
        .read(move |tx| {
            let record = chart::record(tx, &known(tx, id)?)?;
            let mut items: Vec<Entry> = happened(&record).into_iter().map(|(day, what)| Entry::of(day, what)).collect();
            for of in told {
                items.extend(deeds(tx, id, of, 1000)?);
            }
            Ok(items)
        })
        .await?;
    items.sort_by(|one, other| other.day.cmp(&one.day));
    let more = items.len().saturating_sub(limit);
    items.truncate(limit);
    ctx.seen(&format!("patients/{id}"), json!({ "timeline": items.len() })).await?;
    Ok(Json(Timeline { patient_id: id, items, more, hidden }))
}
