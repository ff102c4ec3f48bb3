//! `/v1/predictions`, `/v1/risk-list`.

use plimsoll::{
    Access, Code, Committed, Ctx, Error, Fault, FromRow, Read, Result, Role, Row, Time, Tx, Write, bind,
    route::{Created, Json, Path, Query, Routes},
};
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};
use serde_json::{Map, Value, json};

use super::{
    Explanation, ScoreAll, Withheld, features,
    judge::{Charted, charted, values_in},
    list::{Entry, Wanted, risk_list, scored},
    make,
    reasons::explain,
};
use crate::{
    Retention, chart,
    features::Set,
    models::{self, Level},
    nouns,
    record::Day,
};

/// Who may ask for scores.
pub(crate) const READ: Access = Access::needs("predictions:read", Role::Viewer);
/// Who may have new ones made.
pub(crate) const WRITE: Access = Access::needs("predictions:write", Role::Editor);

/// Declares the routes.
pub fn routes(r: &mut Routes<'_, Retention>) {
    r.post("/predictions", WRITE, make::create)
        .named("predictions.create")
        .summary("Score one person from their record")
        .describe("Values in `features` stand in for those of the record, for what-if questions; such a prediction is kept and does not move the person on the risk list.")
        .problem(Code::ModelUnavailable)
        .example(json!({ "patient_id": 1 }));
    r.post("/predictions/batch", WRITE, make::batch)
        .named("predictions.batch")
        .summary("Score up to a hundred people, each with a result of its own")
        .describe("What is refused does not stop the others. Answered as `POST /v1/predictions` would answer each.")
        .problem(Code::ModelUnavailable)
        .example(json!({ "items": [{ "patient_id": 1 }] }));
    r.get("/predictions", READ, list).named("predictions.list").summary("Predictions, the newest first").recorded();
    r.get("/patients/{id}/features", nouns::READ, features::features)
        .named("features.read")
        .summary("What a model would be told of a patient, as of any day")
        .recorded();
    r.get("/predictions/{id}", READ, read).named("predictions.read").summary("A prediction with the values that made it").recorded();
    r.get("/predictions/{id}/explanation", READ, why)
        .named("predictions.explain")
        .summary("Why the score is what it is: exact Shapley values, and reasons in words")
        .recorded()
        .problem(Code::ModelUnavailable);
    r.post("/predictions/all", WRITE, everybody)
        .named("predictions.all")
        .summary("Score everybody: a job")
        .example(json!({}))
        .problem(Code::ModelUnavailable);
    r.get("/risk-list", READ, ranked)
        .named("risk_list.read")
        .summary("Whom to look for first, cut where the programme's capacity ends")
        .recorded()
        .problem(Code::ModelUnavailable);
}

/// A prediction.
#[derive(Debug, Serialize, JsonSchema)]
pub(crate) struct Prediction {
    /// Its number.
    pub id: i64,
    /// The patient's number,
    pub patient_id: i64,
    /// and identity at the source.
    pub patient_uuid: String,
    /// Probability of an interruption within 90 days; null where there is none.
    pub prediction_score: Option<f64>,
    /// The same as log-odds, before calibration.
    pub margin: Option<f64>,
    /// The score in words.
    pub risk_level: Option<Level>,
    /// How far the score is from a coin's, `min(2·|p − ½|, 1)`; of an ensemble 1 less the standard deviation of its
    /// members' scores. Says nothing about being right.
    pub confidence: Option<f64>,
    /// Of an ensemble, the score of each member.
    pub members: Vec<MemberScore>,
    /// Why there is no score.
    pub withheld: Option<String>,
    /// The same for people.
    pub withheld_because: Option<&'static str>,
    /// The values that made it; null where nothing is known.
    pub features: Map<String, Value>,
    /// Names of values that the caller gave.
    pub overrides: Vec<String>,
    /// The model.
    pub model_id: i64,
    /// Its name.
    pub model_version: String,
    /// The test in which the model was asked,
    pub test_id: Option<i64>,
    /// and the variant that the person is in.
    pub variant: Option<String>,
    /// As of which day.
    pub as_of: String,
    /// When.
    pub prediction_timestamp: Time,
}

/// What a member of an ensemble said.
#[derive(Debug, Serialize, JsonSchema)]
pub(crate) struct MemberScore {
    /// The member.
    pub model_id: i64,
    /// Its probability.
    pub score: f64,
}

pub(crate) const PREDICTION: &str = "SELECT d.id, d.patient_id, p.uuid, d.score, d.margin, d.level, d.withheld, d.features, d.overrides, d.model_id, m.name, \
     m.feature_set, d.as_of, d.created_at, d.members, d.test_id, d.variant FROM prediction d JOIN patient p ON p.tenant_id = :tenant AND p.id = d.patient_id AND p.deleted_at IS NULL \
     JOIN model m ON m.tenant_id = :tenant AND m.id = d.model_id WHERE d.tenant_id = :tenant AND d.deleted_at IS NULL";

impl FromRow for Prediction {
    fn from_row(row: &Row<'_>) -> Result<Prediction> {
        let score: Option<f64> = row.get(3)?;
        let (level, withheld): (Option<String>, Option<String>) = (row.get(5)?, row.get(6)?);
        let (features, overrides): (Vec<u8>, Option<String>) = (row.get(7)?, row.get(8)?);
        let set: String = row.get(11)?;
        let names = Set::named(&set).map(Set::names).unwrap_or_default();
        let (as_of, members): (i64, Option<String>) = (row.get(12)?, row.get(14)?);
        let members: Vec<(i64, f64)> = members.as_deref().map(serde_json::from_str).transpose()?.unwrap_or_default();
        Ok(Prediction {
            id: row.get(0)?,
            patient_id: row.get(1)?,
            patient_uuid: row.get(2)?,
            prediction_score: score,
            margin: row.get(4)?,
            risk_level: level.as_deref().and_then(Level::named),
            confidence: score.map(|p| models::confidence(p, &members)),
            members: members.into_iter().map(|(model_id, score)| MemberScore { model_id, score }).collect(),
            withheld_because: withheld.as_deref().and_then(Withheld::named).map(Withheld::words),
            withheld,
            features: names.iter().zip(values_in(&features)).map(|(name, value)| ((*name).to_owned(), json!(value))).collect(),
            overrides: overrides.as_deref().map(serde_json::from_str).transpose()?.unwrap_or_default(),
            model_id: row.get(9)?,
            model_version: row.get(10)?,
            test_id: row.get(15)?,
            variant: row.get(16)?,
            as_of: Day(i32::try_from(as_of).unwrap_or(0)).to_string(),
            prediction_timestamp: row.get(13)?,
        })
    }
}

/// A prediction by number.
pub(crate) fn prediction(tx: &Tx<'_>, id: i64) -> Result<Prediction> {
    let mut sql = plimsoll::Sql::from(PREDICTION);
    sql.push(" AND d.id = :id");
    tx.maybe(sql, bind! { id: id })?.ok_or_else(|| Code::NotFound.because(format!("there is no prediction {id}")))
}

/// One person with their history.
pub(crate) fn one(tx: &Tx<'_>, id: i64) -> Result<Charted> {
    tx.maybe(charted!(" AND p.id = :id"), bind! { id: id })?.ok_or_else(|| Code::NotFound.because(format!("there is no patient {id}")))
}

async fn read(ctx: Ctx<Retention, Read>, Path(id): Path<i64>) -> Result<Json<Prediction>> {
    let found = ctx.read(move |tx| prediction(tx, id)).await?;
    ctx.seen(&format!("patients/{}", found.patient_id), json!({ "prediction": id })).await?;
    Ok(Json(found))
}

/// An explanation with what it explains.
#[derive(Debug, Serialize, JsonSchema)]
struct Explained {
    prediction_id: i64,
    patient_id: i64,
    patient_uuid: String,
    risk_score: Option<f64>,
    risk_level: Option<Level>,
    model_version: String,
    #[serde(flatten)]
    explanation: Explanation,
}

async fn why(ctx: Ctx<Retention, Read>, Path(id): Path<i64>) -> Result<Json<Explained>> {
    let system = ctx.system.clone();
    let explained = ctx
        .read(move |tx| {
            let made = prediction(tx, id)?;
            let features: Vec<u8> = tx.row("SELECT features FROM prediction WHERE tenant_id = :tenant AND id = :id", bind! { id: id })?;
            let model = models::load(tx, &system.shelf, made.model_id)?;
            Ok(Explained {
                prediction_id: made.id,
                patient_id: made.patient_id,
                patient_uuid: made.patient_uuid,
                risk_score: made.prediction_score,
                risk_level: made.risk_level,
                model_version: made.model_version,
                explanation: explain(&model, &values_in(&features))?,
            })
        })
        .await?;
    ctx.seen(&format!("patients/{}", explained.patient_id), json!({ "explanation": id })).await?;
    Ok(Json(explained))
}

/// Which predictions.
#[derive(Debug, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
struct Filter {
    /// Of this patient.
    #[schemars(range(min = 1))]
    patient_id: Option<i64>,
    /// Of this level.
    #[schemars(regex(pattern = "^(low|medium|high|critical)$"))]
    risk_level: Option<String>,
    /// Of patients of this facility.
    #[schemars(length(min = 1, max = 64))]
    facility: Option<String>,
    /// Made by this model.
    #[schemars(range(min = 1))]
    model_id: Option<i64>,
    /// Made on this day or later (UTC).
    #[schemars(regex(pattern = r"^\d{4}-\d{2}-\d{2}$"))]
    from: Option<String>,
    /// Made on this day or earlier.
    #[schemars(regex(pattern = r"^\d{4}-\d{2}-\d{2}$"))]
    to: Option<String>,
    /// Those before this one.
    #[schemars(range(min = 1))]
    before: Option<i64>,
    /// At most so many.
    #[schemars(range(min = 1, max = 1000))]
    limit: Option<i64>,
}

/// Some predictions.
#[derive(Debug, Serialize, JsonSchema)]
struct Predictions {
    /// The newest first.
    items: Vec<Prediction>,
    /// What to send as `before` for the next ones; null at the end.
    next: Option<i64>,
}

/// The first moment of a day, in microseconds.
fn begins(text: Option<&str>, name: &str, days: i32) -> Result<Option<i64>> {
    let Some(text) = text else { return Ok(None) };
    let day = chart::day(text).ok_or_else(|| Error::invalid(vec![Fault::at(format!("?{name}"), "is no day of the calendar")]))?;
    Ok(Some(i64::from(day.plus(days).0) * 86_400_000_000))
}

async fn list(ctx: Ctx<Retention, Read>, Query(filter): Query<Filter>) -> Result<Json<Predictions>> {
    let limit = filter.limit.unwrap_or(50);
    let (from, until) =
        (begins(filter.from.as_deref(), "from", 0)?.unwrap_or(i64::MIN), begins(filter.to.as_deref(), "to", 1)?.unwrap_or(i64::MAX));
    let mut sql = plimsoll::Sql::from(PREDICTION);
    // By itself, so that the index of a patient's predictions serves it.
    sql.push(if filter.patient_id.is_some() { " AND d.patient_id = :patient" } else { " AND :patient = 0" });
    sql.push(
        " AND (:level = '' OR d.level = :level) AND (:facility = '' OR p.facility = :facility) AND (:model = 0 OR d.model_id = :model) \
         AND d.created_at >= :from AND d.created_at < :until AND d.id < :before ORDER BY d.id DESC LIMIT :limit",
    );
    let mut items: Vec<Prediction> = ctx
        .read(move |tx| {
            tx.rows(
                sql,
                bind! {
                    patient: filter.patient_id.unwrap_or(0), level: filter.risk_level.unwrap_or_default(), facility: filter.facility.unwrap_or_default(),
                    model: filter.model_id.unwrap_or(0), from: from, until: until, before: filter.before.unwrap_or(i64::MAX), limit: limit + 1,
                },
            )
        })
        .await?;
    let more = items.len() as i64 > limit;
    items.truncate(usize::try_from(limit).unwrap_or(0));
    let next = more.then(|| items.last().map(|one| one.id)).flatten();
    let seen: Vec<i64> = items.iter().map(|one| one.patient_id).collect();
    ctx.seen("predictions", json!({ "patients": seen })).await?;
    Ok(Json(Predictions { items, next }))
}

/// A run over everybody.
#[derive(Debug, Serialize, JsonSchema)]
struct Run {
    /// The job.
    job: String,
    /// Whether it was put into the log now; one that waits or runs already is the same.
    new: bool,
}

/// As of when.
#[derive(Debug, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
struct Everybody {
    /// As of this day; the day on which it runs unless said.
    #[serde(default)]
    #[schemars(regex(pattern = r"^\d{4}-\d{2}-\d{2}$"))]
    as_of: Option<String>,
}

async fn everybody(ctx: Ctx<Retention, Write>, Json(asked): Json<Everybody>) -> Result<Committed<Created<Run>>> {
    if asked.as_of.as_deref().is_some_and(|text| chart::day(text).is_none()) {
        return Err(Error::invalid(vec![Fault::at("/as_of", "must be a calendar date such as 2026-11-21")]));
    }
    let system = ctx.system.clone();
    ctx.commit(move |change| {
        models::active(change, &system.shelf)?;
        let once = plimsoll::work::Order { unique: Some("everybody".into()), ..Default::default() };
        let made = change.enqueue_as(&ScoreAll { as_of: asked.as_of }, &once)?;
        Ok(Created { location: format!("/v1/jobs/{}", made.id), body: Run { job: made.id.to_string(), new: made.new } })
    })
    .await
}

/// The list.
#[derive(Debug, Serialize, JsonSchema)]
struct Ranked {
    /// The highest score first.
    items: Vec<Entry>,
    /// How many the programme can trace in a week, as configured.
    capacity: u32,
    /// How many have a score at all.
    scored: i64,
}

async fn ranked(ctx: Ctx<Retention, Read>, Query(wanted): Query<Wanted>) -> Result<Json<Ranked>> {
    let system = ctx.system.clone();
    let capacity = system.config.capacity;
    let (items, scored) = ctx
        .read(move |tx| {
            let scored = scored(tx)?;
            Ok((risk_list(tx, &system.shelf, &wanted, capacity)?, scored))
        })
        .await?;
    let ids: Vec<i64> = items.iter().map(|one| one.patient_id).collect();
    ctx.seen("risk-list", json!({ "patients": ids })).await?;
    Ok(Json(Ranked { items, capacity, scored }))
}

/// Who may see a patient's own row as well.
pub(crate) const PATIENT: Access = nouns::READ;
