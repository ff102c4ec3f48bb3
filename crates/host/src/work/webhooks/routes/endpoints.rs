//! Endpoints: who is told, and of what.

use std::{collections::HashMap, time::Duration};

use plimsoll_core::{Code, Error, Fault, Result, Time, WebhookId};
use plimsoll_store::{FromRow, Row, Tx, bind};
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};
use serde_json::json;

use super::{READ, WRITE, secrets};
use crate::{
    Committed,
    ctx::{Ctx, Read, Write},
    identity::{Merge, session::Private},
    ledger::{Change, Note},
    resource::{Page, Paging},
    route::{Empty, Json, Path, Query, Routes},
    work::{
        events::Pattern,
        webhooks::{
            endpoint::{self, Reason},
            fan,
        },
    },
};

/// Attempts of this time are the endpoint's health.
const HEALTH: Duration = Duration::from_secs(7 * 86_400);

pub(super) fn routes(r: &mut Routes<'_, ()>) {
    r.get("/webhooks", READ, list).named("webhooks.list").summary("The endpoints that are told of events");
    r.post("/webhooks", WRITE, create)
        .named("webhooks.create")
        .summary("Register an endpoint; its secret is in the answer and nowhere else")
        .describe(
            "Deliveries follow Standard Webhooks. `types` are names of events (`artist.created`), families of them (`artist.*`) or `*`. \
             With `ed25519`, each delivery is signed with a key of the endpoint's own besides, which a receiver can check and not use.",
        )
        .example(json!({ "url": "https://receiver.example/webhooks", "types": ["artist.*"], "description": "the newsletter" }))
        .problem(Code::Conflict);
    r.get("/webhooks/{id}", READ, show)
        .named("webhooks.get")
        .summary("One endpoint, with its health and without its secret")
        .problem(Code::NotFound);
    r.patch("/webhooks/{id}", WRITE, change)
        .named("webhooks.update")
        .summary("Change an endpoint's address, types or description")
        .example(json!({ "types": ["artist.created", "artist.deleted"] }))
        .problem(Code::NotFound);
    r.delete("/webhooks/{id}", WRITE, remove)
        .named("webhooks.delete")
        .summary("Delete an endpoint with its log; what is under way to it is not delivered")
        .problem(Code::NotFound);
    r.post("/webhooks/{id}/enable", WRITE, enable)
        .named("webhooks.enable")
        .summary("Enable an endpoint again; what it missed can be replayed")
        .problem(Code::NotFound);
    r.post("/webhooks/{id}/disable", WRITE, disable)
        .named("webhooks.disable")
        .summary("Disable an endpoint; what waits for it becomes dead letters")
        .problem(Code::NotFound);
}

/// An endpoint as its owner sees it.
#[derive(Debug, Clone, Serialize, JsonSchema)]
#[schemars(rename = "Webhook")]
pub(super) struct Endpoint {
    /// Its id.
    pub(super) id: WebhookId,
    /// Where deliveries are sent.
    url: String,
    /// The types of events it is told of.
    pub(super) types: Vec<String>,
    /// What it is for.
    description: String,
    /// Whether deliveries are signed with Ed25519 (`v1a`) besides.
    pub(super) ed25519: bool,
    /// The secrets that sign now, newest first.
    secrets: Vec<secrets::Shown>,
    /// `enabled` or `disabled`.
    pub(super) state: String,
    /// Why it is disabled: `asked`, `gone` (it answered 410) or `failing`.
    reason: Option<String>,
    /// Since when it is disabled.
    disabled_at: Option<Time>,
    /// Since when no delivery succeeded.
    failing_since: Option<Time>,
    /// Until when it is left alone after failures.
    paused_until: Option<Time>,
    /// The last seven days.
    health: Health,
    /// When it was registered.
    created_at: Time,
    /// When it was changed.
    updated_at: Time,
}

/// How deliveries went.
#[derive(Debug, Clone, Copy, Default, Serialize, JsonSchema)]
#[schemars(rename = "WebhookHealth")]
struct Health {
    /// Attempts.
    attempts: i64,
    /// Those that were taken.
    delivered: i64,
    /// Their share, from 0 to 1; null before the first attempt.
    success: Option<f64>,
}

impl FromRow for Endpoint {
    fn from_row(row: &Row<'_>) -> Result<Endpoint> {
        Ok(Endpoint {
            id: row.get(0)?,
            url: row.get(1)?,
            types: fan::types(&row.get::<String>(2)?),
            description: row.get(3)?,
            ed25519: row.get(4)?,
            secrets: Vec::new(),
            state: row.get(5)?,
            reason: row.get(6)?,
            disabled_at: row.get(7)?,
            failing_since: row.get(8)?,
            paused_until: row.get(9)?,
            health: Health::default(),
            created_at: row.get(10)?,
            updated_at: row.get(11)?,
        })
    }
}

/// One endpoint.
pub(super) fn one(tx: &Tx<'_>, id: WebhookId, now: Time) -> Result<Endpoint> {
    let mut found = tx.rows::<Endpoint>(
        "SELECT id, url, types, description, public_key, state, reason, disabled_at, failing_since, paused_until, created_at, updated_at \
         FROM webhook WHERE tenant_id = :tenant AND id = :id",
        bind! { id: id },
    )?;
    complete(tx, &mut found, now)?;
    found.pop().ok_or_else(|| Code::NotFound.because("there is no such webhook"))
}

fn complete(tx: &Tx<'_>, endpoints: &mut [Endpoint], now: Time) -> Result<()> {
    let mut secrets = secrets::valid(tx, now)?;
    let health: HashMap<WebhookId, (i64, i64)> = tx
        .rows::<(WebhookId, i64, i64)>(
            "SELECT webhook_id, COUNT(*), COUNT(CASE WHEN outcome = 'delivered' THEN 1 END) FROM webhook_attempt \
             WHERE tenant_id = :tenant AND at > :since GROUP BY webhook_id",
            bind! { since: now.minus(HEALTH) },
        )?
        .into_iter()
        .map(|(id, attempts, delivered)| (id, (attempts, delivered)))
        .collect();
    for endpoint in endpoints {
        endpoint.secrets = secrets.remove(&endpoint.id).unwrap_or_default();
        if let Some((attempts, delivered)) = health.get(&endpoint.id) {
            let success = Some(*delivered as f64 / (*attempts).max(1) as f64);
            endpoint.health = Health { attempts: *attempts, delivered: *delivered, success };
        }
    }
    Ok(())
}

async fn list(ctx: Ctx<(), Read>, Query(paging): Query<Paging>) -> Result<Json<Page<Endpoint>>> {
    let now = ctx.now();
    ctx.read(move |tx| {
        let total = tx.row::<i64>("SELECT COUNT(*) FROM webhook WHERE tenant_id = :tenant", &[])?;
        let mut items = tx.rows::<Endpoint>(
            "SELECT id, url, types, description, public_key, state, reason, disabled_at, failing_since, paused_until, created_at, \
             updated_at FROM webhook WHERE tenant_id = :tenant ORDER BY created_at DESC, id DESC LIMIT :limit OFFSET :offset",
            bind! { limit: paging.page_size(), offset: paging.offset() },
        )?;
        complete(tx, &mut items, now)?;
        Ok(paging.answer(items, total))
    })
    .await
}

async fn show(ctx: Ctx<(), Read>, Path(id): Path<WebhookId>) -> Result<Json<Endpoint>> {
    let now = ctx.now();
    ctx.read(move |tx| one(tx, id, now).map(Json)).await
}

#[derive(Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
struct NewWebhook {
    /// Where deliveries are sent: `https://`, a public address.
    #[schemars(length(min = 1, max = 2048))]
    url: String,
    /// The types of events it is told of; all where left out.
    #[schemars(length(min = 1, max = 50), inner(length(min = 1, max = 102)))]
    types: Option<Vec<String>>,
    /// What it is for.
    #[schemars(length(max = 200))]
    description: Option<String>,
    /// Whether to sign with Ed25519 besides.
    ed25519: Option<bool>,
}

/// An endpoint with a secret that was made now.
#[derive(Debug, Serialize, JsonSchema)]
#[schemars(rename = "WebhookWithSecret")]
pub(super) struct Made {
    /// The endpoint.
    #[serde(flatten)]
    endpoint: Endpoint,
    /// The secret. Keep it now: it is shown once.
    secret: String,
}

pub(super) fn made(endpoint: Endpoint, secret: String) -> Private<Made, 201> {
    let target = format!("webhooks/{}", endpoint.id);
    Private { body: Made { endpoint, secret }, cookie: None, location: Some(format!("/v1/{target}")), target }
}

pub(super) fn note(action: &'static str, id: WebhookId, detail: Option<serde_json::Value>) -> Note {
    Note { action: action.into(), target: format!("webhooks/{id}"), outcome: "ok", detail }
}

fn judged<M>(ctx: &Ctx<(), M>, url: &str) -> Result<()> {
    let judged = ctx.host.webhooks.dialler.rules().judge(url);
    judged.map(drop).map_err(|trouble| Error::invalid(vec![Fault::at("/url", trouble.to_string())]))
}

/// That each type is one, or a family of them.
fn types_of(types: &[String]) -> Result<()> {
    let wrong = types
        .iter()
        .enumerate()
        .filter_map(|(at, text)| Pattern::parse(text).err().map(|error| Fault::at(format!("/types/{at}"), error.public().to_owned())));
    let faults: Vec<Fault> = wrong.collect();
    if faults.is_empty() { Ok(()) } else { Err(Error::invalid(faults)) }
}

async fn create(ctx: Ctx<(), Write>, Json(wanted): Json<NewWebhook>) -> Result<Committed<Private<Made, 201>>> {
    judged(&ctx, &wanted.url)?;
    types_of(wanted.types.as_deref().unwrap_or_default())?;
    let (host, now) = (ctx.host.clone(), ctx.now());
    let id = WebhookId::new(now, &host.seed);
    ctx.commit(move |change| {
        let count = change.row::<i64>("SELECT COUNT(*) FROM webhook WHERE tenant_id = :tenant", &[])?;
        if count >= i64::from(host.webhooks.config.endpoints) {
            return Err(Code::Conflict.because(format!("a tenant has {count} endpoints at most; delete one first")));
        }
        let types = json!(wanted.types.unwrap_or_else(|| vec!["*".to_owned()])).to_string();
        let asymmetric = wanted.ed25519.unwrap_or(false);
        change.write(
            "INSERT INTO webhook (tenant_id, id, url, types, description, public_key, state, failures, created_at, updated_at) \
             VALUES (:tenant, :id, :url, :types, :description, :asymmetric, 'enabled', 0, :now, :now)",
            bind! {
                id: id, url: wanted.url, types: types, description: wanted.description.unwrap_or_default(), asymmetric: asymmetric, now: now,
            },
        )?;
        let secret = secrets::make(change, id, asymmetric, &host)?;
        change.note(note("webhook.create", id, Some(json!({ "ed25519": asymmetric }))));
        Ok(made(one(change, id, now)?, secret))
    })
    .await
}

#[derive(Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
struct WebhookChanges {
    /// Where deliveries are sent.
    #[schemars(length(min = 1, max = 2048))]
    url: Option<String>,
    /// The types of events it is told of.
    #[schemars(length(min = 1, max = 50), inner(length(min = 1, max = 102)))]
    types: Option<Vec<String>>,
    /// What it is for.
    #[schemars(length(max = 200))]
    description: Option<String>,
    /// Whether to sign with Ed25519 besides.
    ed25519: Option<bool>,
}

async fn change(
    ctx: Ctx<(), Write>,
    (Path(id), Merge(wanted)): (Path<WebhookId>, Merge<WebhookChanges>),
) -> Result<Committed<Json<Endpoint>>> {
    if let Some(url) = &wanted.url {
        judged(&ctx, url)?;
    }
    types_of(wanted.types.as_deref().unwrap_or_default())?;
    let (host, now) = (ctx.host.clone(), ctx.now());
    ctx.commit(move |change| {
        let before = one(change, id, now)?;
        let fields: Vec<&str> = [
            ("url", wanted.url.is_some()),
            ("types", wanted.types.is_some()),
            ("description", wanted.description.is_some()),
            ("ed25519", wanted.ed25519.is_some()),
        ]
        .into_iter()
        .filter_map(|(name, given)| given.then_some(name))
        .collect();
        let types = json!(wanted.types.unwrap_or(before.types)).to_string();
        let asymmetric = wanted.ed25519.unwrap_or(before.ed25519);
        if asymmetric && !before.ed25519 {
            secrets::ensure_public(change, id, &host)?;
        }
        change.write(
            "UPDATE webhook SET url = :url, types = :types, description = :description, public_key = :asymmetric, updated_at = :now \
             WHERE tenant_id = :tenant AND id = :id",
            bind! {
                url: wanted.url.unwrap_or(before.url), types: types, description: wanted.description.unwrap_or(before.description),
                asymmetric: asymmetric, now: now, id: id,
            },
        )?;
        change.note(note("webhook.update", id, Some(json!({ "fields": fields }))));
        one(change, id, now).map(Json)
    })
    .await
}

async fn remove(ctx: Ctx<(), Write>, Path(id): Path<WebhookId>) -> Result<Committed<Empty>> {
    ctx.commit(move |change| {
        known(change, id)?;
        change.write("DELETE FROM webhook_attempt WHERE tenant_id = :tenant AND webhook_id = :id", bind! { id: id })?;
        change.write("DELETE FROM webhook_delivery WHERE tenant_id = :tenant AND webhook_id = :id", bind! { id: id })?;
        change.write("DELETE FROM webhook_secret WHERE tenant_id = :tenant AND webhook_id = :id", bind! { id: id })?;
        change.write("DELETE FROM webhook_event WHERE tenant_id = :tenant AND webhook_id = :id", bind! { id: id })?;
        change.write("DELETE FROM webhook WHERE tenant_id = :tenant AND id = :id", bind! { id: id })?;
        change.note(note("webhook.delete", id, None));
        Ok(Empty)
    })
    .await
}

/// That there is such an endpoint.
pub(super) fn known(change: &Change<'_, '_>, id: WebhookId) -> Result<String> {
    change
        .maybe("SELECT state FROM webhook WHERE tenant_id = :tenant AND id = :id", bind! { id: id })?
        .ok_or_else(|| Code::NotFound.because("there is no such webhook"))
}

async fn enable(ctx: Ctx<(), Write>, Path(id): Path<WebhookId>) -> Result<Committed<Json<Endpoint>>> {
    let now = ctx.now();
    ctx.commit(move |change| {
        known(change, id)?;
        endpoint::enable(change, id)?;
        change.note(note("webhook.enable", id, None));
        one(change, id, now).map(Json)
    })
    .await
}

async fn disable(ctx: Ctx<(), Write>, Path(id): Path<WebhookId>) -> Result<Committed<Json<Endpoint>>> {
    let now = ctx.now();
    ctx.commit(move |change| {
        known(change, id)?;
        endpoint::disable(change, id, Reason::Asked)?;
        one(change, id, now).map(Json)
    })
    .await
}
