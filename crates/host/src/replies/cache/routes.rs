//! `POST /v1/cache/purge`: kept answers are taken out before their time.

use plimsoll_core::{Access, Error, Fault, Result, Role};
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};
use serde_json::json;

use super::purge::{Purge, What};
use crate::{
    Committed,
    ctx::{Ctx, Write},
    ledger::Note,
    route::{Json, Routes},
};

const PURGE: Access = Access::needs("cache:purge", Role::Admin);

/// Which kept answers go; exactly one of the four.
#[derive(Debug, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
struct Wanted {
    /// Exactly this path, with any query.
    #[schemars(length(min = 1, max = 2000))]
    path: Option<String>,
    /// Every path that begins so.
    #[schemars(length(min = 1, max = 2000))]
    prefix: Option<String>,
    /// Everything that the service marked with this tag (`Cache-Tag` or `Surrogate-Key`).
    #[schemars(length(min = 1, max = 200))]
    tag: Option<String>,
    /// Everything.
    all: Option<bool>,
}

/// What was taken out.
#[derive(Debug, Serialize, JsonSchema)]
struct Purged {
    /// Answers that lay in the process that was asked.
    removed: usize,
    /// Whether other processes learn of it: they follow the shared server within a second.
    everywhere: bool,
}

/// Declares it below `/v1`.
pub fn routes(r: &mut crate::route::Routes<'_, ()>) {
    declare(r);
}

fn declare(r: &mut Routes<'_, ()>) {
    r.post("/cache/purge", PURGE, purge)
        .named("cache.purge")
        .summary("Take kept answers of mounted services out before their time")
        .describe("Takes what is kept for everybody and what is kept for one's own tenant; never another tenant's.")
        .example(json!({ "tag": "catalogue" }));
}

async fn purge(ctx: Ctx<(), Write>, Json(wanted): Json<Wanted>) -> Result<Committed<Json<Purged>>> {
    let what = match (wanted.path, wanted.prefix, wanted.tag, wanted.all) {
        (Some(path), None, None, None) => What::Path(path, None),
        (None, Some(prefix), None, None) => What::Prefix(prefix),
        (None, None, Some(tag), None) => What::Tag(tag),
        (None, None, None, Some(true)) => What::All,
        _ => return Err(Error::invalid(vec![Fault::at("", "name exactly one of `path`, `prefix`, `tag`, or `\"all\": true`")])),
    };
    let detail = serde_json::to_value(&what)?;
    let (removed, everywhere) = ctx.host.cache.purge(Purge { what, tenant: Some(ctx.tenant) }).await;
    ctx.commit(move |change| {
        change.note(Note {
            target: "cache".into(),
            outcome: "ok",
            detail: Some(json!({ "what": detail, "removed": removed })),
            ..Note::default()
        });
        Ok(Json(Purged { removed, everywhere }))
    })
    .await
}
