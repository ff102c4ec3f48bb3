//! Secrets of endpoints, and their rotation.

use std::{collections::HashMap, time::Duration};

use plimsoll_core::{Code, Result, Time, WebhookId};
use plimsoll_store::{Tx, bind};
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};
use serde_json::json;

use super::{
    WRITE,
    endpoints::{Made, known, made, note, one},
};
use crate::{
    Committed, Host,
    ctx::{Ctx, Write},
    identity::{Perhaps, session::Private},
    ledger::Change,
    route::{Path, Routes},
    work::webhooks::signature::{Fresh, Scheme},
};

/// How long an old secret signs besides the new one, where nothing else is asked for.
const OVERLAP: Duration = Duration::from_secs(86_400);
const LONGEST_OVERLAP: u64 = 7 * 86_400;
/// So many secrets of one scheme may be valid at once: receivers read a header of bounded length.
const VALID_AT_MOST: i64 = 4;

pub(super) fn routes(r: &mut Routes<'_, ()>) {
    r.post("/webhooks/{id}/rotate", WRITE, rotate)
        .named("webhooks.rotate")
        .summary("Give an endpoint a new secret; the old one signs besides it for an overlap")
        .describe("During the overlap each delivery has a signature of either secret. Without a body the overlap is a day.")
        .example(json!({ "overlap_seconds": 3600 }))
        .problem(Code::NotFound)
        .problem(Code::Conflict);
}

/// A secret without its secret.
#[derive(Debug, Clone, Serialize, JsonSchema)]
#[schemars(rename = "WebhookSecret")]
pub(super) struct Shown {
    /// `v1` (HMAC-SHA256) or `v1a` (Ed25519).
    scheme: String,
    /// The public key (`whpk_…`) of `v1a`; the end of the secret of `v1`.
    key: String,
    /// When it was made.
    created_at: Time,
    /// Until when it signs, where a newer one has taken its place.
    expires_at: Option<Time>,
}

/// The secrets that sign now, of every endpoint of the tenant.
pub(super) fn valid(tx: &Tx<'_>, now: Time) -> Result<HashMap<WebhookId, Vec<Shown>>> {
    let mut found: HashMap<WebhookId, Vec<Shown>> = HashMap::new();
    let rows = tx.rows::<(WebhookId, String, String, Time, Option<Time>)>(
        "SELECT webhook_id, scheme, shown, created_at, expires_at FROM webhook_secret \
         WHERE tenant_id = :tenant AND (expires_at IS NULL OR expires_at > :now) ORDER BY created_at DESC, id DESC",
        bind! { now: now },
    )?;
    for (webhook, scheme, key, created_at, expires_at) in rows {
        found.entry(webhook).or_default().push(Shown { scheme, key, created_at, expires_at });
    }
    Ok(found)
}

fn insert(change: &mut Change<'_, '_>, webhook: WebhookId, scheme: Scheme, host: &Host) -> Result<String> {
    let now = change.now();
    let fresh = Fresh::new(scheme, webhook, &host.identity.master_key(), &host.seed)?;
    let id = crate::identity::hex(&host.seed.bytes::<8>());
    change.write(
        "INSERT INTO webhook_secret (tenant_id, webhook_id, id, scheme, sealed, shown, created_at) \
         VALUES (:tenant, :webhook, :id, :scheme, :sealed, :shown, :now)",
        bind! { webhook: webhook, id: id, scheme: scheme.name(), sealed: fresh.sealed, shown: fresh.shown, now: now },
    )?;
    Ok(fresh.text.to_string())
}

/// New secrets; the shared one as its owner gets it.
pub(super) fn make(change: &mut Change<'_, '_>, webhook: WebhookId, asymmetric: bool, host: &Host) -> Result<String> {
    if asymmetric {
        insert(change, webhook, Scheme::Public, host)?;
    }
    insert(change, webhook, Scheme::Shared, host)
}

/// A key pair, unless there is one that signs.
pub(super) fn ensure_public(change: &mut Change<'_, '_>, webhook: WebhookId, host: &Host) -> Result<()> {
    let there = change.row::<i64>(
        "SELECT COUNT(*) FROM webhook_secret \
         WHERE tenant_id = :tenant AND webhook_id = :webhook AND scheme = 'v1a' AND expires_at IS NULL",
        bind! { webhook: webhook },
    )?;
    if there == 0 {
        insert(change, webhook, Scheme::Public, host)?;
    }
    Ok(())
}

#[derive(Default, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
struct SecretOverlap {
    /// How long the old secret signs besides the new one, in seconds; at most a week, 0 for not at all.
    #[schemars(range(min = 0, max = 604_800))]
    overlap_seconds: Option<i64>,
}

async fn rotate(
    ctx: Ctx<(), Write>,
    (Path(id), Perhaps(body)): (Path<WebhookId>, Perhaps<SecretOverlap>),
) -> Result<Committed<Private<Made, 201>>> {
    let (host, now) = (ctx.host.clone(), ctx.now());
    let asked = body.overlap_seconds.map(|seconds| u64::try_from(seconds).unwrap_or(0).min(LONGEST_OVERLAP));
    let overlap = asked.map_or(OVERLAP, Duration::from_secs);
    ctx.commit(move |change| {
        known(change, id)?;
        let before = one(change, id, now)?;
        change.write(
            "DELETE FROM webhook_secret WHERE tenant_id = :tenant AND webhook_id = :id AND expires_at IS NOT NULL AND expires_at <= :now",
            bind! { id: id, now: now },
        )?;
        change.write(
            "UPDATE webhook_secret SET expires_at = :ends WHERE tenant_id = :tenant AND webhook_id = :id \
             AND (expires_at IS NULL OR expires_at > :ends)",
            bind! { ends: now.plus(overlap), id: id },
        )?;
        let valid = change.row::<i64>(
            "SELECT COUNT(*) FROM webhook_secret \
             WHERE tenant_id = :tenant AND webhook_id = :id AND scheme = 'v1' AND expires_at > :now",
            bind! { id: id, now: now },
        )?;
        if valid >= VALID_AT_MOST {
            return Err(Code::Conflict
                .because(format!("{valid} older secrets still sign; wait until one has ended, or rotate with a shorter overlap")));
        }
        let secret = make(change, id, before.ed25519, &host)?;
        change.note(note("webhook.rotate", id, Some(json!({ "overlap_seconds": overlap.as_secs() }))));
        Ok(made(one(change, id, now)?, secret))
    })
    .await
}
