//! `/v1/models/train`.

use plimsoll::{
    Code, Committed, Ctx, Error, Fault, Result, Write,
    route::{Created, Json, Routes},
    work::Order,
};
use schemars::JsonSchema;
use serde::Serialize;
use serde_json::json;

use super::Train;
use crate::{Retention, chart, models};

/// Declares the routes.
pub fn routes(r: &mut Routes<'_, Retention>) {
    r.post("/models/train", models::WRITE, begin)
        .named("models.train")
        .summary("Train a model of the stored histories: a job")
        .describe(
            "The model is registered and answers nothing before it is activated. With `activate: \"if_better\"` it takes over by itself \
             where, on people whom neither has seen, the lower end of the interval of the difference in area is above -0.005 and no gap \
             between groups of sex, age or state is large, or larger than with the model that answers. May be scheduled: `retention.train`.",
        )
        .example(json!({ "activate": "never", "days_per_person": 2 }));
}

/// A training.
#[derive(Debug, Serialize, JsonSchema)]
struct Run {
    /// The job.
    job: String,
    /// Whether it was put into the log now; one that waits or runs already is the same.
    new: bool,
}

async fn begin(ctx: Ctx<Retention, Write>, Json(asked): Json<Train>) -> Result<Committed<Created<Run>>> {
    if asked.observed.as_deref().is_some_and(|text| chart::day(text).is_none()) {
        return Err(Error::invalid(vec![Fault::at("/observed", "must be a calendar date such as 2026-11-21")]));
    }
    asked.settings().check().map_err(|error| Code::Invalid.because(error.to_string()))?;
    ctx.commit(move |change| {
        let once = Order { unique: Some("train".into()), ..Order::default() };
        let made = change.enqueue_as(&asked, &once)?;
        Ok(Created { location: format!("/v1/jobs/{}", made.id), body: Run { job: made.id.to_string(), new: made.new } })
    })
    .await
}
