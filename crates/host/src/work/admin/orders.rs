//! `/v1/jobs`, for ordering: cancel, replay, discard; one job or many dead letters.

use plimsoll_core::{Access, Code, JobId, Result, Role};
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};
use serde_json::{Value, json};

use super::{
    find::Filter,
    order::{self, Done, Tally},
    record::Detail,
    routes::moment,
};
use crate::{
    Committed,
    ctx::{Ctx, Write},
    ledger::Change,
    route::{Json, Path, Routes},
};

const WRITE: Access = Access::needs("jobs:write", Role::Admin);

/// Declares them.
pub fn routes(r: &mut Routes<'_, ()>) {
    r.post("/jobs/{id}/cancel", WRITE, cancel)
        .named("jobs.cancel")
        .summary("Keep a job from running, or tell a running one to stop")
        .describe("A job that waits is cancelled at once. One that runs is told, and ends at its next sign of life; what it commits before stays.")
        .example(json!({ "reason": "The import was started twice." }))
        .problem(Code::NotFound)
        .problem(Code::Conflict);
    r.post("/jobs/{id}/replay", WRITE, replay)
        .named("jobs.replay")
        .summary("Put a dead letter back into the queue, perhaps with a corrected payload")
        .describe(
            "The job keeps its id and its failures; its attempts begin anew. Asked twice, also at the same moment, it runs once: the second \
             is answered with 409. A corrected payload has to be readable for the job's kind, or nothing changes.",
        )
        .example(json!({ "reason": "The partner's certificate was renewed." }))
        .problem(Code::NotFound)
        .problem(Code::Conflict);
    r.post("/jobs/{id}/discard", WRITE, discard)
        .named("jobs.discard")
        .summary("Throw a dead letter away, with a reason")
        .example(json!({ "reason": "The customer has withdrawn the order." }))
        .problem(Code::NotFound)
        .problem(Code::Conflict);
    r.post("/jobs/replay", WRITE, replay_many)
        .named("jobs.replay_many")
        .summary("Put many dead letters back into the queue, the oldest first")
        .describe(
            "At least one of `kind`, `code`, `from` and `to` says which. `limit` bounds how many, `remaining` says how many are left.",
        )
        .example(json!({ "kind": "nobody.knows", "limit": 100, "reason": "The mail server is back." }));
    r.post("/jobs/discard", WRITE, discard_many)
        .named("jobs.discard_many")
        .summary("Throw many dead letters away, the oldest first, with a reason")
        .example(json!({ "kind": "nobody.knows", "limit": 100, "reason": "The import was started again from the beginning." }));
}

/// Why.
#[derive(Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
struct Because {
    /// A sentence for the record.
    #[schemars(length(min = 3, max = 500))]
    reason: String,
}

/// What was repaired.
#[derive(Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
struct Repaired {
    /// A sentence for the record.
    #[serde(default)]
    #[schemars(length(min = 3, max = 500))]
    reason: Option<String>,
    /// The corrected payload, in place of the one it failed with.
    #[serde(default)]
    payload: Option<Value>,
}

/// Which dead letters.
#[derive(Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
struct Many {
    /// A kind, or the beginning of one followed by a star.
    #[serde(default)]
    #[schemars(length(min = 1, max = 100))]
    kind: Option<String>,
    /// The code of the last failure.
    #[serde(default)]
    #[schemars(length(min = 1, max = 100))]
    code: Option<String>,
    /// Became a dead letter at this moment or later.
    #[serde(default)]
    #[schemars(extend("format" = "date-time"))]
    from: Option<String>,
    /// Became a dead letter before this moment.
    #[serde(default)]
    #[schemars(extend("format" = "date-time"))]
    to: Option<String>,
    /// At most so many, the oldest first; 100 unless said otherwise.
    #[serde(default)]
    #[schemars(range(min = 1, max = 1000))]
    limit: Option<i64>,
    /// A sentence for the record.
    #[schemars(length(min = 3, max = 500))]
    reason: String,
}

/// How many, unless asked otherwise: a crowd at once would knock over what has just recovered.
pub const USUAL: i64 = 100;

impl Many {
    fn filter(&self) -> Result<Filter> {
        let filter = Filter {
            kind: self.kind.clone(),
            code: self.code.clone(),
            ended_from: moment("/from", self.from.as_ref())?,
            ended_to: moment("/to", self.to.as_ref())?,
            ..Filter::default()
        };
        if self.kind.is_none() && self.code.is_none() && filter.ended_from.is_none() && filter.ended_to.is_none() {
            return Err(Code::Invalid.because("say which dead letters: by `kind` (`*` for every kind), `code`, `from` or `to`"));
        }
        Ok(filter)
    }
}

/// What an order about many did.
#[derive(Debug, Serialize, JsonSchema)]
#[schemars(rename = "JobsOrdered")]
struct Ordered {
    /// How many it was carried out on.
    count: usize,
    /// Which, the oldest first.
    jobs: Vec<JobId>,
    /// Those it could not be carried out on, and why.
    left: Vec<Left>,
    /// Dead letters that fit and were beyond the limit.
    remaining: i64,
}

/// One that was left as it is.
#[derive(Debug, Serialize, JsonSchema)]
#[schemars(rename = "JobLeft")]
struct Left {
    /// Which.
    id: JobId,
    /// Why.
    why: String,
}

impl From<Tally> for Ordered {
    fn from(tally: Tally) -> Ordered {
        let left = tally.left.into_iter().map(|(id, why)| Left { id, why }).collect();
        Ordered { count: tally.done.len(), jobs: tally.done, left, remaining: tally.remaining }
    }
}

fn shown(change: &Change<'_, '_>, id: JobId) -> Result<Json<Detail>> {
    Detail::find(change, id)?.map(Json).ok_or_else(order::absent)
}

async fn cancel(ctx: Ctx<(), Write>, (Path(id), Json(asked)): (Path<JobId>, Json<Because>)) -> Result<Committed<Json<Detail>>> {
    let host = ctx.host.clone();
    ctx.commit(move |change| {
        order::cancel(change, &host.work.kinds, id, Some(&asked.reason))?;
        shown(change, id)
    })
    .await
}

async fn replay(ctx: Ctx<(), Write>, (Path(id), Json(asked)): (Path<JobId>, Json<Repaired>)) -> Result<Committed<Json<Detail>>> {
    super::operated(&ctx.host)?;
    let host = ctx.host.clone();
    ctx.commit(move |change| {
        order::replay(change, &host.work.kinds, id, asked.payload.as_ref(), asked.reason.as_deref())?;
        shown(change, id)
    })
    .await
}

async fn discard(ctx: Ctx<(), Write>, (Path(id), Json(asked)): (Path<JobId>, Json<Because>)) -> Result<Committed<Json<Detail>>> {
    super::operated(&ctx.host)?;
    let host = ctx.host.clone();
    ctx.commit(move |change| {
        order::discard(change, &host.work.kinds, id, &asked.reason)?;
        shown(change, id)
    })
    .await
}

async fn replay_many(ctx: Ctx<(), Write>, Json(asked): Json<Many>) -> Result<Committed<Json<Ordered>>> {
    let host = ctx.host.clone();
    many(ctx, asked, move |change, id, reason| order::replay(change, &host.work.kinds, id, None, Some(reason))).await
}

async fn discard_many(ctx: Ctx<(), Write>, Json(asked): Json<Many>) -> Result<Committed<Json<Ordered>>> {
    let host = ctx.host.clone();
    many(ctx, asked, move |change, id, reason| order::discard(change, &host.work.kinds, id, reason)).await
}

async fn many(
    ctx: Ctx<(), Write>,
    asked: Many,
    each: impl Fn(&mut Change<'_, '_>, JobId, &str) -> Result<Done> + Send + 'static,
) -> Result<Committed<Json<Ordered>>> {
    super::operated(&ctx.host)?;
    let filter = asked.filter()?;
    ctx.commit(move |change| {
        let tally = order::many(change, &filter, asked.limit.unwrap_or(USUAL), |change, id| each(change, id, &asked.reason))?;
        Ok(Json(tally.into()))
    })
    .await
}
