//! The routes of the identity engine.

mod account;
mod enrol;
mod keys;
mod login;
mod tenants;
mod users;

use std::time::Duration;

use http::{HeaderValue, header};
use plimsoll_core::{Access, Code, Error, Principal, PrincipalKind, Result, TenantId, UserId};
use schemars::{JsonSchema, SchemaGenerator};
use serde::de::DeserializeOwned;
use serde_json::json;

use crate::{
    Body, Host,
    ctx::{Ctx, Read},
    ledger::{Note, Origin},
    route::{Document, Incoming, Input, Json, RouteClass, RouteDoc, Routes, Table},
};

/// How long a route may take that hashes a password: longer than it may wait for a processor.
const HASHING: Duration = Duration::from_secs(15);

/// Declares them below `/v1`.
pub fn routes(r: &mut Routes<'_, ()>) {
    login::routes(r);
    enrol::routes(r);
    account::routes(r);
    tenants::routes(r);
    users::routes(r);
    keys::routes(r);
}

/// Declares what has its place outside `/v1`: `/.well-known/jwks.json`.
pub fn well_known(r: &mut Routes<'_, ()>) {
    r.get("/.well-known/jwks.json", Access::public("public keys are for everybody who checks our tokens"), jwks)
        .named("identity.jwks")
        .summary("The public keys that verify access tokens (RFC 7517)")
        .answers(200, Some(json!({ "type": "object", "required": ["keys"], "properties": { "keys": { "type": "array", "items": { "type": "object" } } } })))
        .class(RouteClass::Read);
}

async fn jwks(ctx: Ctx<(), Read>, (): ()) -> Result<http::Response<Body>> {
    let keys = ctx.host.identity.ring.jwks(ctx.now());
    let mut answer = http::Response::new(Body::from(serde_json::to_vec(&keys)?));
    answer.headers_mut().insert(header::CONTENT_TYPE, HeaderValue::from_static("application/json"));
    // Shorter than the time for which a new key is public before it signs.
    answer.headers_mut().insert(header::CACHE_CONTROL, HeaderValue::from_static("public, max-age=300"));
    Ok(answer)
}

/// A body that may be left out.
pub(crate) struct Perhaps<T>(pub(crate) T);

impl<T: DeserializeOwned + JsonSchema + Default + Send + 'static> Input for Perhaps<T> {
    const BODY: bool = true;
    fn parse(incoming: &Incoming<'_>) -> Result<Perhaps<T>> {
        if incoming.body.is_empty() {
            return Ok(Perhaps(T::default()));
        }
        Json::parse(incoming).map(|Json(body)| Perhaps(body))
    }
    fn describe(doc: &mut RouteDoc, schemas: &mut SchemaGenerator, template: &'static str) {
        <Json<T> as Input>::describe(doc, schemas, template);
        doc.bodiless = true;
    }
}

/// Some fields of a thing, as a merge patch (RFC 7396) in which nothing can be removed.
pub(crate) struct Merge<T>(pub(crate) T);

impl<T: DeserializeOwned + JsonSchema + Send + 'static> Input for Merge<T> {
    const BODY: bool = true;
    fn parse(incoming: &Incoming<'_>) -> Result<Merge<T>> {
        let Document(value) = Document::parse(incoming)?;
        serde_json::from_value(value).map(Merge).map_err(|error| Code::Malformed.because(format!("the body does not fit: {error}")))
    }
    fn describe(doc: &mut RouteDoc, _: &mut SchemaGenerator, _: &'static str) {
        doc.request = Some(("application/merge-patch+json", SchemaGenerator::default().into_root_schema_for::<T>().to_value()));
    }
}

/// The person who asks.
///
/// # Errors
/// [`Code::Forbidden`] for an API key: it has no password and no session.
fn person(who: &Principal) -> Result<UserId> {
    if who.kind != PrincipalKind::Person {
        return Err(Code::Forbidden.because("only a person who logged in can do this; an API key has no account"));
    }
    who.id.parse().map_err(|_| Code::Internal.error())
}

/// Every permission of every route that `who` holds, sorted.
fn permissions(table: &Table, who: &Principal) -> Vec<String> {
    let held = table.all().iter().filter_map(|route| match route.access {
        Access::Needs { permission, least } if who.holds(permission, least) => Some(permission.to_owned()),
        _ => None,
    });
    held.collect::<std::collections::BTreeSet<String>>().into_iter().collect()
}

/// Records a security event in `tenant`'s ledger (the host's own where none is known). One that
/// cannot be written is logged; the answer stands anyway.
async fn record<M>(ctx: &Ctx<(), M>, tenant: Option<TenantId>, actor: Option<UserId>, note: Note) {
    if !ctx.host.holds("audit-security-events") {
        return;
    }
    let mut origin = ctx.origin();
    if let Some(id) = actor {
        (origin.actor_kind, origin.actor) = ("person", id.to_string().into());
    }
    if let Err(error) = ctx.host.events.record(&ctx.host.store, tenant.unwrap_or(TenantId::from_bits(0)), origin, note).await {
        tracing::warn!(error = ?error, "a security event could not be recorded");
    }
}

/// Passes on the outcome of a commit; a denial that only the handler could find out is recorded
/// like those of the layer `access`.
async fn denials<O>(host: &Host, tenant: TenantId, origin: Origin, outcome: Result<O>) -> Result<O> {
    if let Err(error) = &outcome
        && error.code() == Code::Forbidden
        && host.holds("audit-security-events")
    {
        let note = event("access.denied", origin.action.to_string(), json!({ "reason": error.reason().unwrap_or("role") }));
        if let Err(error) = host.events.record(&host.store, tenant, origin, note).await {
            tracing::warn!(error = ?error, "a security event could not be recorded");
        }
    }
    outcome
}

fn event(action: &'static str, target: String, detail: serde_json::Value) -> Note {
    Note { action: action.into(), target, outcome: "denied", detail: Some(detail) }
}

fn done(action: &'static str, target: String, detail: Option<serde_json::Value>) -> Note {
    Note { action: action.into(), target, outcome: "ok", detail }
}

/// The login failed: one sentence for every reason.
fn login_failed(reason: &'static str) -> Error {
    Code::LoginFailed.because("the e-mail address or the password is wrong, or the account may not log in here").reasoned(reason)
}
