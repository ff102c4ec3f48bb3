//! `/v1/subjects`: what there is about a person, a copy of it, and its end.

use http::{HeaderValue, header};
use plimsoll_core::{Access, Error, Fault, Result, Role, Time};
use plimsoll_store::{FromRow, Row};
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};
use serde_json::json;

use super::{certificate::Signed, export::Copy, register::Kind};
use crate::{
    Body, Committed,
    ctx::{Ctx, Read, Write},
    replies::cache::purge::{Purge, What},
    resource::{Page, Paging},
    route::{Json, Query, RouteClass, Routes},
};

const READ: Access = Access::needs("subjects:read", Role::Admin);
const EXPORT: Access = Access::needs("subjects:export", Role::Admin);
const ERASE: Access = Access::needs("subjects:erase", Role::Admin);

/// Declares them below `/v1`.
pub fn routes(r: &mut Routes<'_, ()>) {
    r.get("/subjects", READ, kinds).named("subjects.list").summary("The kinds of persons that data is held about, and where");
    r.post("/subjects/export", EXPORT, export)
        .named("subjects.export")
        .summary("Everything that is held about one person")
        .describe(
            "The rows of every declared table, by column, with a signed receipt that names tables and counts. \
             Make sure who asks before you hand it on.",
        )
        .example(json!({ "kind": "artist", "key": "999999999" }));
    r.post("/subjects/erase", ERASE, erase)
        .named("subjects.erase")
        .summary("Remove everything that is held about one person")
        .describe(
            "In one transaction; it cannot be undone, and a restored archive does not bring it back. `confirm` repeats the key. \
             The answer is a signed certificate: keep it, `plimsoll subject verify` checks it without a server.",
        )
        .example(json!({ "kind": "artist", "key": "999999999", "confirm": "999999999" }));
    r.get("/subjects/erasures", READ, erasures).named("subjects.erasures").summary("What was erased, newest first, with the certificates");
}

/// Declares what has its place outside `/v1`.
pub fn well_known(r: &mut Routes<'_, ()>) {
    r.get("/.well-known/certificate-keys.json", Access::public("public keys are for everybody who checks our certificates"), keys)
        .named("subjects.keys")
        .summary("The public key that verifies certificates of erasure (RFC 7517)")
        .answers(200, Some(json!({ "type": "object", "required": ["keys"], "properties": { "keys": { "type": "array", "items": { "type": "object" } } } })))
        .class(RouteClass::Read);
}

async fn keys(ctx: Ctx<(), Read>, (): ()) -> Result<http::Response<Body>> {
    let mut answer = http::Response::new(Body::from(serde_json::to_vec(&ctx.host.subjects.signer.jwks())?));
    answer.headers_mut().insert(header::CONTENT_TYPE, HeaderValue::from_static("application/json"));
    answer.headers_mut().insert(header::CACHE_CONTROL, HeaderValue::from_static("public, max-age=300"));
    Ok(answer)
}

/// The declared kinds.
#[derive(Debug, Serialize, JsonSchema)]
#[schemars(rename = "SubjectKinds")]
struct Kinds {
    /// In the order of their declaration.
    items: Vec<Kind>,
}

async fn kinds(ctx: Ctx<(), Read>, (): ()) -> Result<Json<Kinds>> {
    Ok(Json(Kinds { items: ctx.host.subjects.register.kinds() }))
}

/// Who is meant.
#[derive(Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
struct Who {
    /// A declared kind of person.
    #[schemars(length(min = 1, max = 100))]
    kind: String,
    /// The key: an id, or for a `person` an e-mail address.
    #[schemars(length(min = 1, max = 500))]
    key: String,
}

async fn export(ctx: Ctx<(), Write>, Json(who): Json<Who>) -> Result<Committed<Json<Copy>>> {
    let subjects = ctx.host.subjects.clone();
    let found = subjects.find(&ctx.host.store, ctx.tenant, &who.kind, &who.key).await?;
    ctx.commit(move |change| subjects.copy(change, &found).map(Json)).await
}

/// Who is meant, twice.
#[derive(Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
struct Condemned {
    /// A declared kind of person.
    #[schemars(length(min = 1, max = 100))]
    kind: String,
    /// The key: an id, or for a `person` an e-mail address.
    #[schemars(length(min = 1, max = 500))]
    key: String,
    /// The key once more.
    #[schemars(length(min = 1, max = 500))]
    confirm: String,
}

async fn erase(ctx: Ctx<(), Write>, Json(who): Json<Condemned>) -> Result<Committed<Json<Signed>>> {
    if who.confirm != who.key {
        return Err(Error::invalid(vec![Fault::at("/confirm", "must repeat the key exactly: an erasure cannot be undone")]));
    }
    let (host, tenant) = (ctx.host.clone(), ctx.tenant);
    let subjects = host.subjects.clone();
    let found = subjects.find(&host.store, tenant, &who.kind, &who.key).await?;
    let held = host.holds("gdpr-rights");
    let done = ctx
        .commit(move |change| {
            // What is not to be done: a receipt for what stays where it is.
            if held { subjects.erase(change, &found).map(Json) } else { subjects.pretend(change, &found).map(Json) }
        })
        .await?;
    host.identity.forget();
    host.cache.purge(Purge { what: What::All, tenant: Some(tenant) }).await;
    Ok(done)
}

/// One erasure.
#[derive(Debug, Serialize, JsonSchema)]
#[schemars(rename = "Erasure")]
struct Line {
    /// Its id.
    id: String,
    /// The kind of person.
    kind: String,
    /// When.
    at: Time,
    /// When its tombstone was written beside the archives; null where there are none, or not yet.
    placed_at: Option<Time>,
    /// The certificate, as it was given out.
    certificate: Option<Signed>,
}

impl FromRow for Line {
    fn from_row(row: &Row<'_>) -> Result<Line> {
        let certificate: Option<String> = row.get(4)?;
        Ok(Line {
            id: row.get(0)?,
            kind: row.get(1)?,
            at: row.get(2)?,
            placed_at: row.get(3)?,
            certificate: certificate.and_then(|text| serde_json::from_str(&text).ok()),
        })
    }
}

async fn erasures(ctx: Ctx<(), Read>, Query(paging): Query<Paging>) -> Result<Json<Page<Line>>> {
    ctx.read(move |tx| {
        let total = tx.row::<i64>("SELECT count(*) FROM erasure WHERE tenant_id = :tenant AND certificate IS NOT NULL", &[])?;
        let items = tx.rows::<Line>(
            "SELECT id, kind, at, placed_at, certificate FROM erasure WHERE tenant_id = :tenant AND certificate IS NOT NULL \
             ORDER BY at DESC, mark LIMIT :limit OFFSET :offset",
            plimsoll_store::bind! { limit: paging.page_size(), offset: paging.offset() },
        )?;
        Ok(paging.answer(items, total))
    })
    .await
}
