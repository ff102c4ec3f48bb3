//! `/v1/observability`: the newest look of each kind, and a new one on demand.

use plimsoll::{
    Committed, Ctx, Read, Result, Write,
    route::{Created, Json, Query, Routes},
    work::Order,
};
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use super::{Kept, Kind, Watch, latest, outcome};
use crate::{Retention, models};

/// Declares the routes.
pub fn routes(r: &mut Routes<'_, Retention>) {
    r.get("/observability/drift", models::READ, |ctx, query| looks(Kind::Drift, ctx, query))
        .named("observability.drift")
        .summary("Whether what comes in is still what the model learnt from")
        .describe("Of each feature the stability index, the test of Kolmogorov and Smirnov and the share that is missing, corrected for the number of tests. Features that say only which day it is are not compared.");
    r.get("/observability/performance", models::READ, |ctx, query| looks(Kind::Performance, ctx, query))
        .named("observability.performance")
        .summary("How right the model was, of predictions whose 90 days are over");
    r.get("/observability/bias", models::READ, |ctx, query| looks(Kind::Bias, ctx, query))
        .named("observability.bias")
        .summary("How it served groups of sex, age and state, with intervals; groups below 100 are listed and not judged");
    r.get("/observability/data-quality", models::READ, |ctx, query| looks(Kind::Quality, ctx, query))
        .named("observability.data_quality")
        .summary("What the records lack, and how old the newest is");
    r.get("/observability/challenges", models::READ, |ctx, query| looks(Kind::Challenge, ctx, query))
        .named("observability.challenges")
        .summary("A trained model beside the one that answered then");
    r.post("/observability/watch", models::WRITE, watch)
        .named("observability.watch")
        .summary("Look now: a job; it runs every night as well");
    outcome::routes(r);
}

/// Which looks.
#[derive(Debug, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
struct Which {
    /// At this model; the active one unless said.
    #[schemars(range(min = 1))]
    model_id: Option<i64>,
    /// At most so many; one unless said.
    #[schemars(range(min = 1, max = 100))]
    limit: Option<i64>,
}

/// Looks that were taken.
#[derive(Debug, Serialize, JsonSchema)]
struct Looks {
    /// The newest first; empty where nobody has looked yet.
    items: Vec<Kept>,
}

async fn looks(kind: Kind, ctx: Ctx<Retention, Read>, Query(which): Query<Which>) -> Result<Json<Looks>> {
    let items = ctx
        .read(move |tx| {
            let model = match (kind, which.model_id) {
                (Kind::Quality, _) => Some(0),
                (_, Some(id)) => Some(models::card(tx, id)?.id),
                (_, None) => models::active_id(tx)?,
            };
            model.map_or_else(|| Ok(Vec::new()), |model| latest(tx, kind, model, which.limit.unwrap_or(1)))
        })
        .await?;
    Ok(Json(Looks { items }))
}

/// A look.
#[derive(Debug, Serialize, JsonSchema)]
struct Run {
    /// The job.
    job: String,
    /// Whether it was put into the log now; one that waits or runs already is the same.
    new: bool,
}

async fn watch(ctx: Ctx<Retention, Write>, (): ()) -> Result<Committed<Created<Run>>> {
    ctx.commit(move |change| {
        let once = Order { unique: Some("watch".into()), ..Order::default() };
        let made = change.enqueue_as(&Watch::default(), &once)?;
        Ok(Created { location: format!("/v1/jobs/{}", made.id), body: Run { job: made.id.to_string(), new: made.new } })
    })
    .await
}
