//! The programme in numbers: how risk is spread, how it goes on, among whom it lies and what goes along with it.
//!
//! **Promises.** Every number is a sum that the database made over living patients whom the caller
//! reaches; none is kept, sampled or estimated. A mean of nobody is null. What is not known of people is a
//! group of its own.

mod cohorts;
mod distribution;
mod factors;
mod summary;
mod trends;

use plimsoll::{Access, Role, route::Routes};
use schemars::JsonSchema;
use serde::Deserialize;

use crate::Retention;

const READ: Access = Access::needs("analytics:read", Role::Viewer);

/// Declares the routes.
pub fn routes(r: &mut Routes<'_, Retention>) {
    r.get("/analytics/summary", READ, summary::summary)
        .named("analytics.summary")
        .summary("The programme today: people, levels of risk, and what waits to be done");
    r.get("/analytics/risk-distribution", READ, distribution::distribution)
        .named("analytics.risk_distribution")
        .summary("How many people stand at which level of risk, from low to critical");
    r.get("/analytics/trends", READ, trends::trends)
        .named("analytics.trends")
        .summary("Day by day: predictions with their mean score, people, or alerts");
    r.get("/analytics/cohorts", READ, cohorts::cohorts)
        .named("analytics.cohorts")
        .summary("Risk by age, sex, state, facility or level of care");
    r.get("/analytics/risk-factors", READ, factors::factors)
        .named("analytics.risk_factors")
        .summary("What goes along with a high score, among everybody who has one")
        .describe(
            "Of one person `GET /v1/predictions/{id}/explanation` says it exactly. What goes along with something need not cause it.",
        );
}

/// Among whom.
#[derive(Debug, Clone, Default, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
struct Among {
    /// Code of a facility; everybody unless said.
    #[schemars(length(min = 1, max = 64))]
    facility: Option<String>,
}

/// A part of a whole; null where there is no whole.
fn share(part: i64, whole: i64) -> Option<f64> {
    (whole > 0).then(|| part as f64 / whole as f64)
}
