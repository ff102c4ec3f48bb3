//! What came of predictions: what the record says once the window is over, or what somebody found out.

use plimsoll::{
    Access, Code, Committed, Ctx, FromRow, Read, Result, Role, Row, Time, Write, bind,
    ledger::Note,
    route::{Created, Json, Query, Routes},
    work::events::Event,
};
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};
use serde_json::json;

use crate::{
    Retention,
    features::{self, History, WINDOW},
    record::Day,
};

/// Who may look at outcomes.
const READ: Access = Access::needs("outcomes:read", Role::Viewer);
/// Who may say what came of a prediction.
const WRITE: Access = Access::needs("outcomes:write", Role::Editor);

/// Declares the routes.
pub fn routes(r: &mut Routes<'_, Retention>) {
    r.post("/outcomes", WRITE, record)
        .named("outcomes.record")
        .summary("Say what came of a prediction, where the record does not say it")
        .describe("What is said here counts instead of what the record says, in the figures of the model and as a label of training, as of the day of the prediction and once the window after it is over; `left` (died, transferred, stopped) takes the person out.")
        .example(json!({ "prediction_id": 1, "outcome": "stayed" }));
    r.get("/outcomes", READ, list).named("outcomes.list").summary("What was said of predictions, the newest first");
}

/// What came of a prediction.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "lowercase")]
pub enum Came {
    /// Stayed away for more than 28 days.
    Interrupted,
    /// Did not.
    Stayed,
    /// Died, went elsewhere or stopped before it could be seen.
    Left,
}

impl Came {
    const fn name(self) -> &'static str {
        match self {
            Came::Interrupted => "interrupted",
            Came::Stayed => "stayed",
            Came::Left => "left",
        }
    }

    /// The outcome of a name.
    pub(crate) fn named(name: &str) -> Option<Came> {
        [Came::Interrupted, Came::Stayed, Came::Left].into_iter().find(|one| one.name() == name)
    }
}

/// Whether a person interrupted within the window after a day, as far as records reach; what somebody said of it counts
/// first. Nothing where they left before it could be seen, or the window is not over.
pub(crate) fn target(said: Option<Came>, history: &History, as_of: Day, observed: Day) -> Option<bool> {
    match said {
        _ if as_of.plus(WINDOW) > observed => None,
        Some(Came::Left) => None,
        Some(said) => Some(said == Came::Interrupted),
        None => features::label(history, as_of, observed).target().map(|target| target == 1),
    }
}

/// What somebody found out.
#[derive(Debug, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
struct Said {
    /// Of which prediction.
    #[schemars(range(min = 1))]
    prediction_id: i64,
    /// What came of it.
    outcome: Came,
    /// How it is known. No name of a person.
    #[serde(default)]
    #[schemars(length(min = 1, max = 500))]
    note: Option<String>,
}

/// What was said of a prediction.
#[derive(Debug, Serialize, JsonSchema)]
struct Outcome {
    /// Its number.
    id: i64,
    /// Of which prediction,
    prediction_id: i64,
    /// about whom.
    patient_id: i64,
    /// What came of it.
    outcome: Option<Came>,
    /// How it is known.
    note: Option<String>,
    /// Who said so,
    created_by: String,
    /// and when.
    created_at: Time,
}

impl FromRow for Outcome {
    fn from_row(row: &Row<'_>) -> Result<Outcome> {
        let outcome: String = row.get(3)?;
        Ok(Outcome {
            id: row.get(0)?,
            prediction_id: row.get(1)?,
            patient_id: row.get(2)?,
            outcome: Came::named(&outcome),
            note: row.get(4)?,
            created_by: row.get(5)?,
            created_at: row.get(6)?,
        })
    }
}

async fn record(ctx: Ctx<Retention, Write>, Json(said): Json<Said>) -> Result<Committed<Created<Outcome>>> {
    ctx.commit(move |change| {
        let patient: i64 = change
            .maybe(
                "SELECT d.patient_id FROM prediction d JOIN patient p ON p.tenant_id = :tenant AND p.id = d.patient_id AND p.deleted_at IS NULL \
                 WHERE d.tenant_id = :tenant AND d.id = :id AND d.deleted_at IS NULL",
                bind! { id: said.prediction_id },
            )?
            .ok_or_else(|| Code::NotFound.because(format!("there is no prediction {}", said.prediction_id)))?;
        let (id, now, who) = (change.next("outcome")?, change.now(), change.origin().actor.clone());
        change.write(
            "INSERT INTO outcome (tenant_id, id, prediction_id, patient_id, outcome, note, created_by, created_at) \
             VALUES (:tenant, :id, :prediction, :patient, :outcome, :note, :who, :now) ON CONFLICT (tenant_id, prediction_id) \
             DO UPDATE SET outcome = excluded.outcome, note = excluded.note, created_by = excluded.created_by, created_at = excluded.created_at",
            bind! { id: id, prediction: said.prediction_id, patient: patient, outcome: said.outcome.name(), note: said.note, who: who, now: now },
        )?;
        let body: Outcome = change.row(
            "SELECT id, prediction_id, patient_id, outcome, note, created_by, created_at FROM outcome \
             WHERE tenant_id = :tenant AND prediction_id = :prediction",
            bind! { prediction: said.prediction_id },
        )?;
        let told = json!({ "prediction_id": said.prediction_id, "patient_id": patient });
        change.emit(Event::new("outcome.recorded", "/v1/outcomes", READ, told.clone()).about(body.id.to_string()));
        change.note(Note { target: format!("patients/{patient}"), detail: Some(told), ..Note::default() });
        Ok(Created { location: format!("/v1/predictions/{}", said.prediction_id), body })
    })
    .await
}

/// Which outcomes.
#[derive(Debug, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
struct Filter {
    /// Those before this one.
    #[schemars(range(min = 1))]
    before: Option<i64>,
    /// At most so many.
    #[schemars(range(min = 1, max = 1000))]
    limit: Option<i64>,
}

/// Some outcomes.
#[derive(Debug, Serialize, JsonSchema)]
struct Outcomes {
    /// The newest first.
    items: Vec<Outcome>,
    /// What to send as `before` for the next ones; null at the end.
    next: Option<i64>,
}

async fn list(ctx: Ctx<Retention, Read>, Query(filter): Query<Filter>) -> Result<Json<Outcomes>> {
    let (before, limit) = (filter.before.unwrap_or(i64::MAX), filter.limit.unwrap_or(50));
    let mut items: Vec<Outcome> = ctx
        .read(move |tx| {
            tx.rows(
                "SELECT o.id, o.prediction_id, o.patient_id, o.outcome, o.note, o.created_by, o.created_at FROM outcome o \
                 JOIN patient p ON p.tenant_id = :tenant AND p.id = o.patient_id AND p.deleted_at IS NULL \
                 WHERE o.tenant_id = :tenant AND o.id < :before ORDER BY o.id DESC LIMIT :limit",
                bind! { before: before, limit: limit + 1 },
            )
        })
        .await?;
    let more = items.len() as i64 > limit;
    items.truncate(usize::try_from(limit).unwrap_or(0));
    let next = more.then(|| items.last().map(|one| one.id)).flatten();
    let seen: Vec<i64> = items.iter().map(|one| one.patient_id).collect();
    ctx.seen("outcomes", json!({ "patients": seen })).await?;
    Ok(Json(Outcomes { items, next }))
}
