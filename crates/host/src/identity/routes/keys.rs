//! API keys of one's tenant.

use std::time::Duration;

use plimsoll_core::{Access, Code, Error, Fault, KeyId, Principal, Result, Role, Time, principal::scope_covers};
use plimsoll_store::bind;
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};
use serde_json::json;

use super::{Perhaps, denials, done};
use crate::{
    Committed,
    ctx::{Ctx, Read, Write},
    identity::{
        people::{self, Key, NewKey},
        secret::{KEY_PREFIX, Token},
        session::Private,
    },
    resource::{Page, Paging},
    route::{Empty, Json, Path, Query, Routes},
};

const READ: Access = Access::needs("keys:read", Role::Admin);
const WRITE: Access = Access::needs("keys:write", Role::Admin);
/// The longest overlap of a rotation: a week.
const LONGEST_OVERLAP: u64 = 7 * 86_400;

pub(super) fn routes(r: &mut Routes<'_, ()>) {
    r.get("/keys", READ, list).named("keys.list").summary("The API keys of one's tenant, newest first");
    r.post("/keys", WRITE, create)
        .named("keys.create")
        .summary("Make an API key; its secret is in the answer and nowhere else")
        .describe("A key holds at most the role and the scopes of whoever makes it.")
        .example(json!({ "name": "nightly import", "role": "editor", "scopes": ["songs:write"], "expires_in_days": 90 }));
    r.get("/keys/{id}", READ, show).named("keys.get").summary("One API key, without its secret").problem(Code::NotFound);
    r.delete("/keys/{id}", WRITE, revoke)
        .named("keys.revoke")
        .summary("Revoke an API key; it is refused from now on")
        .problem(Code::NotFound);
    r.post("/keys/{id}/rotate", WRITE, rotate)
        .named("keys.rotate")
        .summary("Replace an API key; the old one ends after an overlap")
        .describe("The successor has the same name, role, scopes and lifetime. Without a body the overlap is the configured one.")
        .example(json!({ "overlap_seconds": 3600 }))
        .problem(Code::NotFound)
        .problem(Code::Conflict);
}

async fn list(ctx: Ctx<(), Read>, Query(paging): Query<Paging>) -> Result<Json<Page<Key>>> {
    ctx.read(move |tx| {
        let total = tx.row::<i64>("SELECT count(*) FROM api_key WHERE tenant_id = :tenant", &[])?;
        let items = tx.rows::<Key>(
            "SELECT id, name, hint, role, scopes, created_at, created_by, expires_at, revoked_at, used_at FROM api_key \
             WHERE tenant_id = :tenant ORDER BY created_at DESC, id DESC LIMIT :limit OFFSET :offset",
            bind! { limit: paging.page_size(), offset: paging.offset() },
        )?;
        Ok(paging.answer(items, total))
    })
    .await
}

async fn show(ctx: Ctx<(), Read>, Path(id): Path<KeyId>) -> Result<Json<Key>> {
    ctx.read(move |tx| people::key(tx, id).map(Json)).await
}

#[derive(Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
struct Wanted {
    /// What it is for.
    #[schemars(length(min = 1, max = 100), regex(pattern = people::NAME))]
    name: String,
    /// What it may do at most.
    role: Role,
    /// The only permissions it holds (`songs:read`, `songs:*`, `*:read`); all of the role's where empty.
    #[schemars(length(max = 50), inner(length(max = 100), regex(pattern = people::SCOPE)))]
    scopes: Option<Vec<String>>,
    /// Days until it expires.
    #[schemars(range(min = 1, max = 3650))]
    expires_in_days: Option<i64>,
    /// When it expires, instead of days.
    expires_at: Option<Time>,
}

/// A key just made.
#[derive(Debug, Serialize, JsonSchema)]
struct MadeKey {
    /// The record.
    #[serde(flatten)]
    key: Key,
    /// The secret. Keep it now: it is shown once.
    secret: String,
}

/// A key holds at most what its maker holds.
fn within(who: &Principal, role: Role, scopes: &[String]) -> Result<()> {
    if role > who.role {
        return Err(Code::Forbidden.because(format!("a key cannot have the role `{role}`: yours is `{}`", who.role)).reasoned("role"));
    }
    let covered = |scope: &String| who.scopes.iter().any(|own| scope_covers(own, scope));
    if !who.scopes.is_empty() && (scopes.is_empty() || !scopes.iter().all(covered)) {
        return Err(Code::Forbidden.because("a key cannot have scopes beyond those of the key that makes it").reasoned("scope"));
    }
    Ok(())
}

fn expiry(wanted: &Wanted, now: Time) -> Result<Option<Time>> {
    match (wanted.expires_in_days, wanted.expires_at) {
        (Some(_), Some(_)) => Err(Error::invalid(vec![Fault::at("/expires_at", "cannot stand beside expires_in_days")])),
        (None, Some(at)) if at <= now => Err(Error::invalid(vec![Fault::at("/expires_at", "must lie in the future")])),
        (None, at) => Ok(at),
        (Some(days), None) => Ok(Some(now.plus(Duration::from_secs(u64::try_from(days).unwrap_or(0) * 86_400)))),
    }
}

async fn create(ctx: Ctx<(), Write>, Json(body): Json<Wanted>) -> Result<Committed<Private<MadeKey, 201>>> {
    let scopes = body.scopes.clone().unwrap_or_default();
    people::scopes(&scopes)?;
    let allowed = within(&ctx.who, body.role, &scopes);
    denials(&ctx.host, ctx.tenant, ctx.origin(), allowed).await?;
    let (now, name) = (ctx.now(), people::name(&body.name, "/name")?);
    let new = NewKey { name, role: body.role, scopes, expires_at: expiry(&body, now)?, created_by: ctx.who.id.to_string() };
    let (id, token) = (KeyId::new(now, &ctx.host.seed), Token::new(KEY_PREFIX, &ctx.host.seed));
    ctx.commit(move |change| {
        change.note(done("key.create", format!("keys/{id}"), Some(json!({ "role": new.role.name(), "scopes": new.scopes }))));
        crate::identity::events::key(change, "created", id, json!({ "role": new.role.name(), "scopes": new.scopes }));
        let key = people::insert_key(change, id, new, token.hash, token.hint())?;
        Ok(made(key, &token))
    })
    .await
}

fn made(key: Key, token: &Token) -> Private<MadeKey, 201> {
    let target = format!("keys/{}", key.id);
    Private { body: MadeKey { key, secret: token.text.to_string() }, cookie: None, location: Some(format!("/v1/{target}")), target }
}

async fn revoke(ctx: Ctx<(), Write>, Path(id): Path<KeyId>) -> Result<Committed<Empty>> {
    let host = ctx.host.clone();
    let committed = ctx
        .commit(move |change| {
            people::revoke_key(change, id)?;
            change.note(done("key.revoke", format!("keys/{id}"), None));
            crate::identity::events::key(change, "revoked", id, json!({}));
            Ok(Empty)
        })
        .await;
    host.identity.forget();
    committed
}

#[derive(Default, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
struct Overlap {
    /// How long the old key still works, in seconds; at most a week, 0 for not at all.
    #[schemars(range(min = 0, max = 604_800))]
    overlap_seconds: Option<i64>,
}

async fn rotate(
    ctx: Ctx<(), Write>,
    (Path(id), Perhaps(body)): (Path<KeyId>, Perhaps<Overlap>),
) -> Result<Committed<Private<MadeKey, 201>>> {
    let (host, who, now) = (ctx.host.clone(), ctx.who.clone(), ctx.now());
    let (tenant, origin, retires) = (ctx.tenant, ctx.origin(), host.holds("api-key-rotation"));
    let overlap = match body.overlap_seconds {
        Some(seconds) => Duration::from_secs(u64::try_from(seconds).unwrap_or(0).min(LONGEST_OVERLAP)),
        None => host.identity.config.key_overlap,
    };
    let (fresh, token) = (KeyId::new(now, &host.seed), Token::new(KEY_PREFIX, &host.seed));
    let committed = ctx
        .commit(move |change| {
            let old = people::key(change, id)?;
            within(&who, old.role, &old.scopes)?;
            if old.revoked_at.is_some() || old.expires_at.is_some_and(|at| at <= now) {
                return Err(Code::Conflict.because("the key has ended already; make a new one instead"));
            }
            let ends = now.plus(overlap).min(old.expires_at.unwrap_or(Time::from_micros(i64::MAX)));
            let ends = if retires { Some(ends) } else { old.expires_at };
            change.write("UPDATE api_key SET expires_at = :ends WHERE tenant_id = :tenant AND id = :id", bind! { ends: ends, id: id })?;
            let expires_at = old.expires_at.map(|at| now.plus(at.since(old.created_at)));
            let new = NewKey { name: old.name, role: old.role, scopes: old.scopes, expires_at, created_by: who.id.to_string() };
            crate::identity::events::key(change, "rotated", id, json!({ "successor": fresh.to_string() }));
            change.note(done(
                "key.rotate",
                format!("keys/{id}"),
                Some(json!({ "successor": fresh.to_string(), "overlap_seconds": overlap.as_secs() })),
            ));
            let key = people::insert_key(change, fresh, new, token.hash, token.hint())?;
            Ok(made(key, &token))
        })
        .await;
    host.identity.forget();
    denials(&host, tenant, origin, committed).await
}

#[cfg(test)]
mod tests {
    use super::*;
    use plimsoll_core::TenantId;

    fn maker(role: Role, scopes: &[&str]) -> Principal {
        Principal {
            role,
            scopes: scopes.iter().map(|scope| (*scope).to_owned()).collect::<Vec<_>>().into(),
            ..Principal::host(TenantId::from_bits(1))
        }
    }
    fn may(who: &Principal, role: Role, scopes: &[&str]) -> bool {
        within(who, role, &scopes.iter().map(|scope| (*scope).to_owned()).collect::<Vec<_>>()).is_ok()
    }

    #[test]
    fn a_key_never_holds_more_than_its_maker() {
        let admin = maker(Role::Admin, &[]);
        assert!(may(&admin, Role::Admin, &[]) && may(&admin, Role::Viewer, &["*"]) && !may(&admin, Role::Owner, &["songs:read"]));
        let narrow = maker(Role::Admin, &["songs:*", "keys:write"]);
        assert!(may(&narrow, Role::Editor, &["songs:read"]) && may(&narrow, Role::Admin, &["songs:*"]));
        for beyond in [&[][..], &["*"], &["*:read"], &["artists:read"], &["songs:read", "users:write"]] {
            assert!(!may(&narrow, Role::Viewer, beyond), "{beyond:?}");
        }
    }
}
