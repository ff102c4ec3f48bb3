//! `GET /v1/audit`: the ledger, read; `GET /v1/audit/verify`: the ledger, checked.

use plimsoll_core::{Access, Fault, Result, Role, Time};
use plimsoll_store::{Bind, Sql, Tx, Value as Bound};
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use super::chain::{self, Entry};
use crate::{
    ctx::{Ctx, Read},
    resource::{Page, Paging},
    route::{Json, Query, Routes},
};

const READ: Access = Access::needs("audit:read", Role::Admin);

/// Which entries.
#[derive(Debug, Default, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
struct Filter {
    /// The page, from 1; newest entries first.
    #[schemars(range(min = 1, max = 1_000_000_000))]
    page: Option<i64>,
    /// Entries on a page, 1 to 100; 10 unless said otherwise.
    #[schemars(range(min = 1, max = 100))]
    page_size: Option<i64>,
    /// An action (`songs.delete`), or the beginning of one followed by a star (`songs.*`).
    #[schemars(length(min = 1, max = 100))]
    action: Option<String>,
    /// Who did it: `usr_…`, `key_…`, `host`, `anonymous`.
    #[schemars(length(min = 1, max = 100))]
    actor: Option<String>,
    /// What it was done to, such as `songs/17`.
    #[schemars(length(min = 1, max = 500))]
    target: Option<String>,
    /// `ok`, `denied` or `failed`.
    #[schemars(length(min = 1, max = 20))]
    outcome: Option<String>,
    /// The id of the request.
    #[schemars(length(min = 1, max = 100))]
    request: Option<String>,
    /// This moment or later.
    #[schemars(extend("format" = "date-time"))]
    from: Option<String>,
    /// Before this moment.
    #[schemars(extend("format" = "date-time"))]
    to: Option<String>,
}

/// One entry.
#[derive(Debug, Serialize, JsonSchema)]
#[schemars(rename = "LedgerEntry")]
struct Line {
    /// Its number in the tenant's chain, from 1, without gaps.
    seq: i64,
    /// When.
    at: Time,
    /// Who: kind and id.
    actor: Actor,
    /// What was done.
    action: String,
    /// To what.
    target: String,
    /// `ok`, `denied` or `failed`.
    outcome: String,
    /// The request that did it.
    request: Option<String>,
    /// From which address; null also where it was removed, with a person or because its period is over.
    address: Option<String>,
    /// What stands for the address in the chain, in hexadecimal: SHA-256 of the salt and the address.
    address_digest: Option<String>,
    /// The salt, in hexadecimal, so that anyone can hold the address against its digest; it goes where the address goes.
    address_salt: Option<String>,
    /// Names of fields, counts, reasons; never a value of personal data.
    detail: Option<serde_json::Value>,
    /// The chain's hash up to and including this entry, in hexadecimal.
    hash: String,
}

/// Who did something.
#[derive(Debug, Serialize, JsonSchema)]
struct Actor {
    /// `person`, `key`, `host` or `anonymous`.
    kind: String,
    /// The id.
    id: String,
}

impl From<Entry> for Line {
    fn from(entry: Entry) -> Line {
        Line {
            seq: entry.seq,
            at: Time::from_micros(entry.at),
            actor: Actor { kind: entry.actor_kind, id: entry.actor },
            action: entry.action,
            target: entry.target,
            outcome: entry.outcome,
            request: entry.request,
            address: entry.address,
            address_digest: entry.digest.map(|digest| crate::identity::hex(&digest)),
            address_salt: entry.salt.map(|salt| crate::identity::hex(&salt)),
            detail: entry.detail.and_then(|text| serde_json::from_str(&text).ok()),
            hash: entry.hash.iter().map(|byte| format!("{byte:02x}")).collect(),
        }
    }
}

/// What a check of the chain found.
#[derive(Debug, Serialize, JsonSchema)]
#[schemars(rename = "LedgerCheck")]
struct Check {
    /// Whether every entry fits its hash and none is missing in between.
    intact: bool,
    /// How many entries there are.
    entries: i64,
    /// The last hash. Note it elsewhere: a cut-off tail shows only against an older note.
    head: String,
    /// The first entry that does not fit.
    broken_at: Option<i64>,
    /// What is wrong with it.
    reason: Option<String>,
}

/// The ledger's routes.
pub fn routes(r: &mut Routes<'_, ()>) {
    r.get("/audit", READ, list).named("audit.list").summary("List ledger entries, newest first");
    r.get("/audit/verify", READ, verify).named("audit.verify").summary("Check the ledger's hash chain from its first entry to its last");
}

async fn list(ctx: Ctx<(), Read>, Query(filter): Query<Filter>) -> Result<Json<Page<Line>>> {
    let moment = |name: &str, text: &Option<String>| -> Result<Option<i64>> {
        let parse = |text: &String| {
            Time::parse(text)
                .map(Time::micros)
                .map_err(|error| plimsoll_core::Error::invalid(vec![Fault::at(format!("?{name}"), error.public().to_owned())]))
        };
        text.as_ref().map(parse).transpose()
    };
    let (from, to) = (moment("from", &filter.from)?, moment("to", &filter.to)?);
    let paging = Paging { page: filter.page, page_size: filter.page_size };
    ctx.read(move |tx| page(tx, &filter, paging, from, to)).await
}

fn page(tx: &Tx<'_>, filter: &Filter, paging: Paging, from: Option<i64>, to: Option<i64>) -> Result<Json<Page<Line>>> {
    let mut conditions: Vec<&'static str> = Vec::new();
    let mut bound: Vec<(&'static str, Bound<'_>)> = Vec::new();
    let upper;
    if let Some(action) = &filter.action {
        if let Some(prefix) = action.strip_suffix('*') {
            upper = format!("{prefix}\u{10ffff}");
            conditions.push(" AND action >= :action AND action < :action_end");
            bound.extend([("action", Bound::Text(prefix)), ("action_end", upper.value())]);
        } else {
            conditions.push(" AND action = :action");
            bound.push(("action", action.value()));
        }
    }
    for (name, condition, value) in [
        ("actor", " AND actor = :actor", &filter.actor),
        ("target", " AND target = :target", &filter.target),
        ("outcome", " AND outcome = :outcome", &filter.outcome),
        ("request", " AND request = :request", &filter.request),
    ] {
        if let Some(value) = value {
            conditions.push(condition);
            bound.push((name, value.value()));
        }
    }
    for (name, condition, value) in [("from", " AND at >= :from", from), ("to", " AND at < :to", to)] {
        if let Some(value) = value {
            conditions.push(condition);
            bound.push((name, Bound::Int(value)));
        }
    }
    let with = |head: &'static str| {
        let mut sql = Sql::from(head);
        conditions.iter().for_each(|condition| sql.push(condition));
        sql
    };
    let total: i64 = tx.row(with("SELECT COUNT(*) FROM ledger WHERE tenant_id = :tenant"), &bound)?;
    let mut sql = with(
        "SELECT seq, at, actor_kind, actor, action, target, outcome, request, address, detail, hash, address_salt, address_digest \
         FROM ledger WHERE tenant_id = :tenant",
    );
    sql.push(" ORDER BY seq DESC LIMIT :limit OFFSET :offset");
    bound.extend([("limit", Bound::Int(paging.page_size())), ("offset", Bound::Int(paging.offset()))]);
    let entries: Vec<Entry> = tx.rows(sql, &bound)?;
    Ok(paging.answer(entries.into_iter().map(Line::from).collect(), total))
}

async fn verify(ctx: Ctx<(), Read>, (): ()) -> Result<Json<Check>> {
    let found = ctx.read(chain::verify).await?;
    let (broken_at, reason) = found.broken.map_or((None, None), |(seq, why)| (Some(seq), Some(why.to_owned())));
    Ok(Json(Check { intact: broken_at.is_none(), entries: found.entries, head: found.head, broken_at, reason }))
}
