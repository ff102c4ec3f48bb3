//! `GET /v1/retention`: what is kept how long, and when it was last purged.

use plimsoll_core::{Access, Result, Role};
use schemars::JsonSchema;
use serde::Serialize;

use super::{Retention, Run, purge};
use crate::{
    config::Span,
    ctx::{Ctx, Read},
    route::{Json, Routes},
};

const READ: Access = Access::needs("retention:read", Role::Admin);

/// Declares it below `/v1`.
pub fn routes(r: &mut Routes<'_, ()>) {
    r.get("/retention", READ, list)
        .named("retention.list")
        .summary("How long each class of data is kept, and when it was last purged")
        .describe("The runs are those in one's own tenant. A run that removed something is in the ledger too, as `retention.purge`.");
}

/// A class of data.
#[derive(Debug, Serialize, JsonSchema)]
#[schemars(rename = "RetentionClass")]
struct Line {
    /// Its name, as in `[retention] periods`.
    class: String,
    /// Whose data it is: a system, or `host`.
    system: String,
    /// What it is, and what starts its clock.
    about: String,
    /// How long it is kept, such as `30d`; null for ever.
    period: Option<String>,
    /// `removed`, or `blanked` where rows stay without these values.
    outcome: String,
    /// The last run; null before the first.
    last_run: Option<Run>,
}

/// The classes.
#[derive(Debug, Serialize, JsonSchema)]
#[schemars(rename = "RetentionClasses")]
struct Classes {
    /// How long between two purges.
    every: String,
    /// The host's first, then those of the systems.
    items: Vec<Line>,
}

async fn list(ctx: Ctx<(), Read>, (): ()) -> Result<Json<Classes>> {
    let runs = ctx.read(purge::last).await?;
    Ok(Json(classes(&ctx.host.retention, &runs)))
}

fn classes(retention: &Retention, runs: &[Run]) -> Classes {
    let items = retention
        .classes
        .iter()
        .map(|kept| Line {
            class: kept.class.name.into(),
            system: kept.system.into(),
            about: kept.class.about.into(),
            period: kept.period.map(|period| Span::new(period).to_string()),
            outcome: if kept.class.steps.iter().all(|step| step.blank.is_empty()) { "removed" } else { "blanked" }.into(),
            last_run: runs.iter().find(|run| run.class == kept.class.name).cloned(),
        })
        .collect();
    Classes { every: Span::new(retention.every).to_string(), items }
}
