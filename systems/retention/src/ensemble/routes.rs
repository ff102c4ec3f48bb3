//! `/v1/ensembles`.

use std::time::Instant;

use plimsoll::{
    Code, Committed, Ctx, Read, Result, Sql, Write, bind,
    ledger::Note,
    route::{Created, Empty, Json, Path, Query, Routes},
    work::Order,
};
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};
use serde_json::{Value, json};

use super::{Draft, Ensemble, Fit, Kind, find, register};
use crate::{
    Retention, ab,
    ab::Answering,
    models::{self, ENSEMBLE, Figures},
    score::{self, Asked, Counted, PREDICTION, Prediction},
    watch::{self, Kind as Look},
};

/// Declares the routes.
pub fn routes(r: &mut Routes<'_, Retention>) {
    let example = json!({ "name": "both", "ensemble_type": "weighted_averaging", "model_ids": [1, 2], "weights": [0.4, 0.6] });
    // Before the routes with a number, which would take the word for one.
    r.get("/ensembles/types", models::READ, types).named("ensembles.types").summary("What kinds of ensemble there are");
    r.get("/ensembles", models::READ, list).named("ensembles.list").summary("All ensembles, the newest first");
    r.post("/ensembles", models::WRITE, create)
        .named("ensembles.create")
        .summary("Register models that answer as one; it answers nothing before it is activated")
        .describe("An ensemble is a model of the registry: it is activated at /v1/models/{id}/activate, and scores, reasons and the risk list then come from it. The same members under the same rule are the same ensemble.")
        .example(example.clone());
    r.post("/ensembles/fit", models::WRITE, fit)
        .named("ensembles.fit")
        .summary("Measure an ensemble on people whom its members have not seen, and register it: a job; fits the regression of a stack")
        .example(json!({ "ensemble": example, "days_per_person": 2 }));
    r.get("/ensembles/{id}", models::READ, read).named("ensembles.read").summary("An ensemble with its members");
    r.delete("/ensembles/{id}", models::WRITE, retire)
        .named("ensembles.retire")
        .summary("Set an ensemble aside; what it said stays")
        .problem(Code::Conflict);
    r.post("/ensembles/{id}/predict", score::WRITE, predict)
        .named("ensembles.predict")
        .summary("Ask an ensemble about one person, whichever model is active")
        .describe("The answer holds what each member said. It is kept, and does not move the person on the risk list.")
        .example(json!({ "patient_id": 1 }));
    r.get("/ensembles/{id}/predictions", score::READ, predictions)
        .named("ensembles.predictions")
        .summary("What an ensemble said, the newest first")
        .recorded();
    r.get("/ensembles/{id}/performance", models::READ, performance)
        .named("ensembles.performance")
        .summary("How good an ensemble is beside each of its members");
}

/// A kind of ensemble.
#[derive(Debug, Serialize, JsonSchema)]
struct Sort {
    /// Its name.
    ensemble_type: Kind,
    /// What it does.
    says: &'static str,
}

/// Kinds of ensembles.
#[derive(Debug, Serialize, JsonSchema)]
struct Sorts {
    items: Vec<Sort>,
}

async fn types(_: Ctx<Retention, Read>, (): ()) -> Result<Json<Sorts>> {
    Ok(Json(Sorts { items: Kind::ALL.into_iter().map(|kind| Sort { ensemble_type: kind, says: kind.words() }).collect() }))
}

/// Ensembles.
#[derive(Debug, Serialize, JsonSchema)]
struct Ensembles {
    /// The newest first.
    items: Vec<Ensemble>,
}

async fn list(ctx: Ctx<Retention, Read>, (): ()) -> Result<Json<Ensembles>> {
    ctx.read(|tx| {
        let ids: Vec<i64> = tx.rows(
            "SELECT id FROM model WHERE tenant_id = :tenant AND algorithm = :ensemble ORDER BY id DESC LIMIT 200",
            bind! { ensemble: ENSEMBLE },
        )?;
        Ok(Json(Ensembles { items: ids.into_iter().map(|id| find(tx, id)).collect::<Result<Vec<_>>>()? }))
    })
    .await
}

async fn read(ctx: Ctx<Retention, Read>, Path(id): Path<i64>) -> Result<Json<Ensemble>> {
    ctx.read(move |tx| find(tx, id)).await.map(Json)
}

async fn create(ctx: Ctx<Retention, Write>, Json(draft): Json<Draft>) -> Result<Committed<Created<Ensemble>>> {
    draft.rule(false)?;
    let system = ctx.system.clone();
    ctx.commit(move |change| {
        let id = register(change, &system.shelf, &draft, Figures::default(), None)?;
        Ok(Created { location: format!("/v1/ensembles/{id}"), body: find(change, id)? })
    })
    .await
}

/// A fit.
#[derive(Debug, Serialize, JsonSchema)]
#[schemars(rename = "EnsembleFitRun")]
struct Run {
    /// The job.
    job: String,
    /// Whether it was put into the log now; one that waits or runs already is the same.
    new: bool,
}

async fn fit(ctx: Ctx<Retention, Write>, Json(asked): Json<Fit>) -> Result<Committed<Created<Run>>> {
    asked.ensemble.rule(true)?;
    let system = ctx.system.clone();
    ctx.commit(move |change| {
        asked.ensemble.members(change, &system.shelf)?;
        let made = change.enqueue_as(&asked, &Order::default())?;
        Ok(Created { location: format!("/v1/jobs/{}", made.id), body: Run { job: made.id.to_string(), new: made.new } })
    })
    .await
}

async fn retire(ctx: Ctx<Retention, Write>, Path(id): Path<i64>) -> Result<Committed<Empty>> {
    ctx.commit(move |change| {
        let known = find(change, id)?;
        if known.card.active {
            return Err(Code::Conflict.because("this ensemble answers; activate another model first"));
        }
        if ab::running(change)?.is_some_and(|test| test.variants.iter().any(|one| one.model_id == id)) {
            return Err(Code::Conflict.because("a test is running in which this ensemble is a variant"));
        }
        let now = change.now();
        change.write(
            "UPDATE model SET retired_at = COALESCE(retired_at, :now) WHERE tenant_id = :tenant AND id = :id",
            bind! { id: id, now: now },
        )?;
        change.note(Note { target: format!("models/{id}"), ..Note::default() });
        Ok(Empty)
    })
    .await
}

async fn predict(ctx: Ctx<Retention, Write>, (Path(id), Json(asked)): (Path<i64>, Json<Asked>)) -> Result<Committed<Created<Prediction>>> {
    let (system, began, counted) = (ctx.system.clone(), Instant::now(), Counted::default());
    let (meters, counting) = (system.clone(), counted.clone());
    let done = ctx
        .commit(move |change| {
            find(change, id)?;
            let answering = Answering::only(models::load(change, &system.shelf, id)?);
            let body = score::make(change, &system, &answering, &asked, false, &counting)?;
            Ok(Created { location: format!("/v1/predictions/{}", body.id), body })
        })
        .await?;
    score::count(&meters, &counted, began);
    Ok(done)
}

/// Which predictions.
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

/// Some predictions.
#[derive(Debug, Serialize, JsonSchema)]
#[schemars(rename = "EnsemblePredictions")]
struct Said {
    /// The newest first.
    items: Vec<Prediction>,
    /// What to send as `before` for the next ones; null at the end.
    next: Option<i64>,
}

async fn predictions(ctx: Ctx<Retention, Read>, (Path(id), Query(filter)): (Path<i64>, Query<Filter>)) -> Result<Json<Said>> {
    let (before, limit) = (filter.before.unwrap_or(i64::MAX), filter.limit.unwrap_or(50));
    let mut items: Vec<Prediction> = ctx
        .read(move |tx| {
            find(tx, id)?;
            let mut sql = Sql::from(PREDICTION);
            sql.push(" AND d.model_id = :model AND d.id < :before ORDER BY d.id DESC LIMIT :limit");
            tx.rows(sql, bind! { model: id, before: before, limit: limit + 1 })
        })
        .await?;
    let more = items.len() as i64 > limit;
    items.truncate(usize::try_from(limit).unwrap_or(0));
    let next = more.then(|| items.last().map(|one| one.id)).flatten();
    let seen: Vec<i64> = items.iter().map(|one| one.patient_id).collect();
    ctx.seen("predictions", json!({ "patients": seen })).await?;
    Ok(Json(Said { items, next }))
}

/// How good one of them is.
#[derive(Debug, Serialize, JsonSchema)]
struct Quality {
    /// The ensemble, or a member.
    model_id: i64,
    /// Its name.
    name: String,
    /// On people it had not seen, as its card says.
    figures: Figures,
    /// On predictions whose 90 days are over, as of the newest look at it; null where nobody has looked.
    observed: Option<Value>,
}

/// How good an ensemble is.
#[derive(Debug, Serialize, JsonSchema)]
struct Performance {
    /// The ensemble.
    ensemble: Quality,
    /// Its members, in order.
    members: Vec<Quality>,
    /// All of them on the same people, where it was measured by `POST /v1/ensembles/fit`.
    measured: Option<Value>,
}

async fn performance(ctx: Ctx<Retention, Read>, Path(id): Path<i64>) -> Result<Json<Performance>> {
    ctx.read(move |tx| {
        let known = find(tx, id)?;
        let of = |id: i64| {
            let card = models::card(tx, id)?;
            let observed = watch::latest(tx, Look::Performance, id, 1)?.into_iter().next().map(|kept| kept.report);
            Ok(Quality { model_id: id, name: card.name, figures: card.figures, observed })
        };
        let members = known.members.iter().map(|one| of(one.model_id)).collect::<Result<Vec<Quality>>>()?;
        let measured = known.card.origin.get("measured").filter(|found| !found.is_null()).cloned();
        Ok(Json(Performance { ensemble: of(id)?, members, measured }))
    })
    .await
}
