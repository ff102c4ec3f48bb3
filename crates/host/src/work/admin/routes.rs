//! `/v1/jobs`, for reading.

use plimsoll_core::{Access, Code, Error, Fault, JobId, Result, Role, Time};
use schemars::JsonSchema;
use serde::Deserialize;

use super::{
    figures::{Stats, Whose},
    find::Filter,
    order,
    record::{Detail, Line},
};
use crate::{
    config::{Setting, Span},
    ctx::{Ctx, Mode, Read},
    resource::{Page, Paging},
    route::{Json, Path, Query, Routes},
};

/// Everybody sees the jobs that they made; who may see all of the tenant's is asked besides.
const READ: Access = Access::needs("jobs:read", Role::Viewer);
const WATCH: Access = Access::needs("jobs:watch", Role::Admin);

/// Declares them.
pub fn routes(r: &mut Routes<'_, ()>) {
    r.get("/jobs", READ, list)
        .named("jobs.list")
        .summary("List jobs, newest first")
        .describe("Admins see every job of the tenant, everybody else those that they made themselves.");
    r.get("/jobs/dead", WATCH, dead)
        .named("jobs.dead")
        .summary("List dead letters: jobs that used all their attempts, newest first")
        .describe("The same as `GET /v1/jobs?state=dead`. Nothing removes a dead letter but a replay or a discard.");
    r.get("/jobs/stats", WATCH, stats).named("jobs.stats").summary("Count jobs by kind and state, with ages and throughput");
    r.get("/jobs/{id}", READ, show)
        .named("jobs.get")
        .summary("One job with every failed attempt")
        .describe("Its payload and the causes of its failures are shown to admins only; its result also to who made it.")
        .problem(Code::NotFound);
}

/// Which jobs.
#[derive(Debug, Default, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
struct Asked {
    /// The page, from 1; newest jobs first.
    #[schemars(range(min = 1, max = 1_000_000_000))]
    page: Option<i64>,
    /// Jobs on a page, 1 to 100; 10 unless said otherwise.
    #[schemars(range(min = 1, max = 100))]
    page_size: Option<i64>,
    /// `waiting`, `ready`, `running`, `done`, `dead` or `cancelled`.
    #[schemars(regex(pattern = "^(waiting|ready|running|done|dead|cancelled)$"))]
    state: Option<String>,
    /// A kind (`songs.reindex`), or the beginning of one followed by a star (`songs.*`).
    #[schemars(length(min = 1, max = 100))]
    kind: Option<String>,
    /// The id of the request that made it.
    #[schemars(length(min = 1, max = 100))]
    request: Option<String>,
    /// The code of its last failure, such as `PLM-INT-001`.
    #[schemars(length(min = 1, max = 100))]
    code: Option<String>,
    /// Made at this moment or later.
    #[schemars(extend("format" = "date-time"))]
    from: Option<String>,
    /// Made before this moment.
    #[schemars(extend("format" = "date-time"))]
    to: Option<String>,
    /// Made longer ago than this, such as `15m` or `2d`.
    #[schemars(length(min = 1, max = 20))]
    older_than: Option<String>,
}

/// A moment from a query.
pub(super) fn moment(place: &str, text: Option<&String>) -> Result<Option<Time>> {
    let parse =
        |text: &String| Time::parse(text).map_err(|error| Error::invalid(vec![Fault::at(place.to_owned(), error.public().to_owned())]));
    text.map(parse).transpose()
}

impl Asked {
    fn filter(&self, now: Time) -> Result<Filter> {
        let mut filter = Filter {
            state: self.state.clone(),
            kind: self.kind.clone(),
            request: self.request.clone(),
            code: self.code.clone(),
            made_from: moment("?from", self.from.as_ref())?,
            made_to: moment("?to", self.to.as_ref())?,
            ..Filter::default()
        };
        if let Some(text) = &self.older_than {
            let age = Span::from_text(text).map_err(|_| {
                Error::invalid(vec![Fault::at("?older_than".to_owned(), "must be a length of time such as 15m, 12h or 2d")])
            })?;
            filter.older_than(now, age.duration());
        }
        Ok(filter)
    }
}

/// Whether the caller sees all jobs of the tenant, with their payloads.
fn sees_all<M: Mode>(ctx: &Ctx<(), M>) -> bool {
    ctx.may("jobs:watch", Role::Admin)
}

async fn list(ctx: Ctx<(), Read>, Query(asked): Query<Asked>) -> Result<Json<Page<Line>>> {
    let mut filter = asked.filter(ctx.now())?;
    if !sees_all(&ctx) {
        filter.actor = Some(ctx.who.id.to_string());
    }
    paged(ctx, filter, Paging { page: asked.page, page_size: asked.page_size }).await
}

async fn dead(ctx: Ctx<(), Read>, Query(asked): Query<Asked>) -> Result<Json<Page<Line>>> {
    super::operated(&ctx.host)?;
    let filter = Filter { state: Some("dead".to_owned()), ..asked.filter(ctx.now())? };
    paged(ctx, filter, Paging { page: asked.page, page_size: asked.page_size }).await
}

async fn paged(ctx: Ctx<(), Read>, filter: Filter, paging: Paging) -> Result<Json<Page<Line>>> {
    ctx.read(move |tx| Ok(paging.answer(filter.lines(tx, paging.page_size(), paging.offset())?, filter.count(tx)?))).await
}

async fn show(ctx: Ctx<(), Read>, Path(id): Path<JobId>) -> Result<Json<Detail>> {
    let (all, who) = (sees_all(&ctx), ctx.who.id.clone());
    let found = ctx.read(move |tx| Detail::find(tx, id)).await?;
    let found = found.filter(|job| all || *job.line.actor == *who).ok_or_else(order::absent)?;
    Ok(Json(if all { found } else { found.without_payload() }))
}

async fn stats(ctx: Ctx<(), Read>, (): ()) -> Result<Json<Stats>> {
    let now = ctx.now();
    ctx.read(move |tx| Stats::count(tx, Whose::Tenant, now)).await.map(Json)
}
