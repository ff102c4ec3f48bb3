//! Jobs that do what a probe asks for: take effect, fail a number of times, take their time.

use std::time::Duration;

use plimsoll::{
    Code, Committed, Ctx, Result, Write,
    route::{Json, Routes},
    work::{Finished, Job, Jobs, Order, Pauses, Policy},
};
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use super::{CHANGE, Rehearsal, artist, wait};

/// One artist is made; the name finds it again.
#[derive(Debug, Clone, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct Effect {
    /// Name of the artist.
    #[schemars(length(min = 1, max = 64))]
    name: String,
    /// Milliseconds before the change.
    #[serde(default)]
    #[schemars(range(min = 0, max = 60_000))]
    ms: i64,
    /// So many attempts fail before one succeeds.
    #[serde(default)]
    #[schemars(range(min = 0, max = 1000))]
    fails: i64,
}

impl Job for Effect {
    type System = Rehearsal;
    const KIND: &'static str = "rehearsal.effect";
    const SCHEDULED_BY_TENANTS: bool = true;
    const POLICY: Policy = Policy {
        attempts: 3,
        pauses: Pauses::Doubling { first: Duration::from_millis(200), longest: Duration::from_secs(2) },
        ..Policy::DEFAULT
    };

    async fn run(self, ctx: Ctx<Rehearsal, Write>) -> Result<Committed<Finished>> {
        wait(self.ms).await;
        let attempt = ctx.lease().map_or(1, |lease| lease.attempt);
        if attempt <= self.fails {
            return Err(Code::Internal.because("the rehearsal failed as it was told to").caused_by(format!("attempt {attempt}")));
        }
        ctx.commit(move |change| {
            let made = artist(change, &self.name)?;
            Ok(Finished(Some(serde_json::json!({ "artist": made }))))
        })
        .await
    }
}

/// Which jobs to make.
#[derive(Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
struct Batch {
    /// One job each.
    #[schemars(length(min = 1, max = 1000))]
    jobs: Vec<Effect>,
    /// A key under which only one of them waits or runs at a time.
    #[serde(default)]
    #[schemars(length(min = 1, max = 100))]
    unique: Option<String>,
    /// Milliseconds before they are due.
    #[serde(default)]
    #[schemars(range(min = 0, max = 3_600_000))]
    after_ms: i64,
}

/// What was made.
#[derive(Serialize, JsonSchema)]
struct Made {
    jobs: Vec<String>,
}

async fn enqueue(ctx: Ctx<Rehearsal, Write>, Json(batch): Json<Batch>) -> Result<Committed<Json<Made>>> {
    ctx.commit(move |change| {
        let after = Duration::from_millis(u64::try_from(batch.after_ms).unwrap_or(0));
        let at = (!after.is_zero()).then(|| change.now().plus(after));
        let order = Order { at, unique: batch.unique, ..Order::default() };
        let made = batch.jobs.iter().map(|job| Ok(change.enqueue_as(job, &order)?.id.to_string()));
        Ok(Json(Made { jobs: made.collect::<Result<_>>()? }))
    })
    .await
}

/// The routes that make them.
pub(super) fn routes(r: &mut Routes<'_, Rehearsal>) {
    r.post("/rehearsal/jobs", CHANGE, enqueue).hidden();
    r.post("/rehearsal/poison", CHANGE, poison).hidden();
}

/// The kinds.
pub(super) fn declare(jobs: &mut Jobs<'_, Rehearsal>) {
    jobs.runs::<Effect>();
}

/// A payload that no attempt can read.
#[derive(Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
struct Poison {
    /// What stands where the payload of a [`Effect`] should.
    payload: serde_json::Value,
}

/// What an older version of the program, or somebody's hand, may have left in the log.
#[derive(Debug, Clone, Serialize, Deserialize)]
struct Foreign(serde_json::Value);

impl Job for Foreign {
    type System = Rehearsal;
    const KIND: &'static str = Effect::KIND;
    const POLICY: Policy = Effect::POLICY;

    async fn run(self, _: Ctx<Rehearsal, Write>) -> Result<Committed<Finished>> {
        Err(Code::Internal.because("jobs of this kind are read as what they are called"))
    }
}

async fn poison(ctx: Ctx<Rehearsal, Write>, Json(poison): Json<Poison>) -> Result<Committed<Json<Made>>> {
    ctx.commit(move |change| {
        let id = change.enqueue(&Foreign(poison.payload))?;
        Ok(Json(Made { jobs: vec![id.to_string()] }))
    })
    .await
}
