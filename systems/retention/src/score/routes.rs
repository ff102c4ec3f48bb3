//! `/v1/predictions`, `/v1/risk-list`.

use std::{
    sync::{Arc, Mutex, PoisonError},
    time::Instant,
};

use plimsoll::{
    Access, Code, Committed, Ctx, Error, Fault, FromRow, Read, Result, Role, Row, Time, Tx, Write, bind,
    ledger::Change,
    route::{Created, Json, Path, Query, Routes},
};
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};
use serde_json::{Map, Value, json};

use super::{
    Explanation, ScoreAll, Withheld, all,
    judge::{Charted, charted, values_in},
    list::{Entry, Wanted, risk_list},
    reasons::explain,
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
    models::{self, Level},
    nouns,
    record::Day,
    watch::Tally,
};

/// Who may ask for scores.
pub(crate) const READ: Access = Access::needs("predictions:read", Role::Viewer);
/// Who may have new ones made.
pub(crate) const WRITE: Access = Access::needs("predictions:write", Role::Editor);

/// Declares the routes.
pub fn routes(r: &mut Routes<'_, Retention>) {
    r.post("/predictions", WRITE, create)
        .named("predictions.create")
        .summary("Score one person from their record")
        .describe("Values in `features` stand in for those of the record, for what-if questions; such a prediction is kept and does not move the person on the risk list.")
        .problem(Code::ModelUnavailable)
        .example(json!({ "patient_id": 1 }));
    r.get("/predictions", READ, list).named("predictions.list").summary("Predictions, the newest first").recorded();
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

impl Asked {
    /// The day as of which it is asked.
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

/// What an answer counts for, as soon as it is kept.
pub(crate) type Counted = Arc<Mutex<Option<(String, Tally)>>>;

/// Asks, keeps the answer and tells of it. The answer of who answers everybody puts the person on the risk list, unless
/// it is one to a question of another kind: of another day, of values that are not theirs.
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
    *counted.lock().unwrap_or_else(PoisonError::into_inner) = Some((model.version.clone(), Tally::of([&said].into_iter())));
    let made = all::Made { as_of, run: "" };
    let names: Vec<&String> = asked.features.keys().collect();
    let id = all::predict(change, one.patient.id, &said, made, (!names.is_empty()).then(|| json!(names).to_string()))?;
    if for_everybody && names.is_empty() && asked.as_of.is_none() && said.kept() {
        all::place(change, &one, &said, id, made)?;
        let mut watch = Watch::over(change, Terms::of(&system.config)?, change.now(), one.patient.id, one.patient.id)?;
        raised::scored(change, &mut watch, &Scored::of(&one, &said, id, as_of))?;
    }
    change.emit(
        plimsoll::work::events::Event::new(
            "prediction.created",
            "/v1/predictions",
            READ,
            json!({ "id": id, "patient_id": one.patient.id }),
        )
        .about(id.to_string()),
    );
    prediction(change, id)
}

/// Counts an answer. What was not kept was not said; and an answer that is given again was said once.
pub(crate) fn count(system: &Retention, counted: &Counted, began: Instant) {
    if let Some((version, tally)) = counted.lock().unwrap_or_else(PoisonError::into_inner).take() {
        system.meters.scored(&version, tally, began.elapsed());
    }
}

async fn create(ctx: Ctx<Retention, Write>, Json(asked): Json<Asked>) -> Result<Committed<Created<Prediction>>> {
    let (system, began, counted) = (ctx.system.clone(), Instant::now(), Counted::default());
    let (meters, counting) = (system.clone(), counted.clone());
    let done = ctx
        .commit(move |change| {
            let answering = Answering::of(change, &system.shelf)?;
            let body = make(change, &system, &answering, &asked, true, &counting)?;
            Ok(Created { location: format!("/v1/predictions/{}", body.id), body })
        })
        .await?;
    count(&meters, &counted, began);
    Ok(done)
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

async fn list(ctx: Ctx<Retention, Read>, Query(filter): Query<Filter>) -> Result<Json<Predictions>> {
    let limit = filter.limit.unwrap_or(50);
    let mut sql = plimsoll::Sql::from(PREDICTION);
    if filter.patient_id.is_some() {
        sql.push(" AND d.patient_id = :patient");
    }
    if filter.risk_level.is_some() {
        sql.push(" AND d.level = :level");
    }
    sql.push(" AND d.id < :before ORDER BY d.id DESC LIMIT :limit");
    let mut items: Vec<Prediction> = ctx
        .read(move |tx| {
            let before = filter.before.unwrap_or(i64::MAX);
            match (filter.patient_id, &filter.risk_level) {
                (Some(patient), Some(level)) => tx.rows(sql, bind! { patient: patient, level: level, before: before, limit: limit + 1 }),
                (Some(patient), None) => tx.rows(sql, bind! { patient: patient, before: before, limit: limit + 1 }),
                (None, Some(level)) => tx.rows(sql, bind! { level: level, before: before, limit: limit + 1 }),
                (None, None) => tx.rows(sql, bind! { before: before, limit: limit + 1 }),
            }
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
            let scored: i64 = tx.row("SELECT COUNT(*) FROM risk WHERE tenant_id = :tenant AND score IS NOT NULL", bind! {})?;
            Ok((risk_list(tx, &system.shelf, &wanted, capacity)?, scored))
        })
        .await?;
    let ids: Vec<i64> = items.iter().map(|one| one.patient_id).collect();
    ctx.seen("risk-list", json!({ "patients": ids })).await?;
    Ok(Json(Ranked { items, capacity, scored }))
}

/// Who may see a patient's own row as well.
pub(crate) const PATIENT: Access = nouns::READ;
