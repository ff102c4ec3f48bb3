//! `/v1/ab-tests`.

use plimsoll::{
    Code, Committed, Ctx, Read, Result, Write,
    route::{Created, Json, Path, Routes},
    work::Order,
};
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};
use serde_json::json;

use super::{
    look::{self, Kept, Look},
    state::TestMove,
    test::{self, Draft, Test},
};
use crate::{
    Retention,
    models::{READ, WRITE},
};

/// Declares the routes.
pub fn routes(r: &mut Routes<'_, Retention>) {
    r.get("/ab-tests", READ, list).named("ab_tests.list").summary("Tests of models, the newest first");
    r.post("/ab-tests", WRITE, create)
        .named("ab_tests.create")
        .summary("Write down a test of models; nothing happens before it is started")
        .describe(
            "The first variant is the control and has to be the model that answers when the test starts. Shares are `equal`, `custom` (a \
             weight for each) or `gradual` (each challenger takes 30 % of what is left, the control keeps the rest).",
        )
        .example(json!({
            "name": "the new one", "variants": [{ "name": "control", "model_id": 1 }, { "name": "new", "model_id": 2 }],
            "traffic_allocation": "equal", "primary_metric": "auc", "confidence_level": 0.95,
        }));
    r.get("/ab-tests/{id}", READ, read).named("ab_tests.read").summary("Read a test");
    r.get("/ab-tests/{id}/results", READ, results)
        .named("ab_tests.results")
        .summary("The newest look at a test: figures of each variant and what may be said of them")
        .describe("Intervals and bounds hold at all looks together (mixture sequential probability ratio test), so a test may be looked at as often as one likes.");
    r.post("/ab-tests/{id}/start", WRITE, start)
        .named("ab_tests.start")
        .summary("Start a test: from now on each person is scored by the model of their variant")
        .problem(Code::Conflict);
    r.post("/ab-tests/{id}/look", WRITE, begin)
        .named("ab_tests.look")
        .summary("Look at a running test now: a job; it is looked at every night as well")
        .problem(Code::Conflict);
    r.post("/ab-tests/{id}/conclude", WRITE, conclude)
        .named("ab_tests.conclude")
        .summary("End a test: the winner of the newest look is made active, the control stays where there is none")
        .problem(Code::Conflict)
        .example(json!({ "keep_control": true }));
    r.post("/ab-tests/{id}/stop", WRITE, stop)
        .named("ab_tests.stop")
        .summary("Give a test up; the model that answered before it goes on")
        .problem(Code::Conflict);
}

/// Tests.
#[derive(Debug, Serialize, JsonSchema)]
struct Tests {
    /// The newest first.
    items: Vec<Test>,
}

async fn list(ctx: Ctx<Retention, Read>, (): ()) -> Result<Json<Tests>> {
    ctx.read(|tx| Ok(Json(Tests { items: test::newest(tx, 500)? }))).await
}

async fn read(ctx: Ctx<Retention, Read>, Path(id): Path<i64>) -> Result<Json<Test>> {
    ctx.read(move |tx| test::find(tx, id)).await.map(Json)
}

async fn create(ctx: Ctx<Retention, Write>, Json(draft): Json<Draft>) -> Result<Committed<Created<Test>>> {
    ctx.commit(move |change| {
        let body = test::draft(change, &draft)?;
        Ok(Created { location: format!("/v1/ab-tests/{}", body.id), body })
    })
    .await
}

/// What came of a test so far.
#[derive(Debug, Serialize, JsonSchema)]
struct Results {
    /// The test.
    test: Test,
    /// The newest look; null where nobody has looked yet.
    look: Option<Kept>,
}

async fn results(ctx: Ctx<Retention, Read>, Path(id): Path<i64>) -> Result<Json<Results>> {
    ctx.read(move |tx| Ok(Json(Results { test: test::find(tx, id)?, look: look::latest(tx, id)? }))).await
}

async fn start(ctx: Ctx<Retention, Write>, Path(id): Path<i64>) -> Result<Committed<Json<Test>>> {
    go(ctx, id, TestMove::Start, false).await
}

async fn stop(ctx: Ctx<Retention, Write>, Path(id): Path<i64>) -> Result<Committed<Json<Test>>> {
    go(ctx, id, TestMove::Stop, false).await
}

/// How a test is to end.
#[derive(Debug, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
#[schemars(rename = "AbTestEnding")]
struct Ending {
    /// Keep the control, whatever was seen.
    #[serde(default)]
    keep_control: bool,
}

async fn conclude(ctx: Ctx<Retention, Write>, (Path(id), Json(ending)): (Path<i64>, Json<Ending>)) -> Result<Committed<Json<Test>>> {
    go(ctx, id, TestMove::Conclude, ending.keep_control).await
}

async fn go(ctx: Ctx<Retention, Write>, id: i64, made: TestMove, keep_control: bool) -> Result<Committed<Json<Test>>> {
    let system = ctx.system.clone();
    ctx.commit(move |change| test::step(change, &system.shelf, id, made, keep_control).map(Json)).await
}

/// A look.
#[derive(Debug, Serialize, JsonSchema)]
#[schemars(rename = "AbTestLookRun")]
struct Run {
    /// The job.
    job: String,
    /// Whether it was put into the log now; one that waits or runs already is the same.
    new: bool,
}

async fn begin(ctx: Ctx<Retention, Write>, Path(id): Path<i64>) -> Result<Committed<Created<Run>>> {
    ctx.commit(move |change| {
        let test = test::find(change, id)?;
        if test.status != "running" {
            return Err(Code::Conflict.because(format!("this test is {}; only one that runs is looked at", test.status)));
        }
        let once = Order { unique: Some("ab-look".into()), ..Order::default() };
        let made = change.enqueue_as(&Look::default(), &once)?;
        Ok(Created { location: format!("/v1/jobs/{}", made.id), body: Run { job: made.id.to_string(), new: made.new } })
    })
    .await
}
