//! `/v1/schedules`: jobs that a tenant has made come back.

use plimsoll_core::{Access, Code, Error, Fault, Result, Role, Time};
use plimsoll_store::{FromRow, Row, Tx, bind};
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};
use serde_json::{Value, json};

use super::cron::{Cron, zone};
use crate::{
    Committed,
    ctx::{Ctx, Read, Write},
    ledger::Note,
    resource::{Page, Paging},
    route::{Created, Document, Empty, Json, Path, Query, Routes},
    work::Kinds,
};

const READ: Access = Access::needs("schedules:read", Role::Admin);
const WRITE: Access = Access::needs("schedules:write", Role::Admin);

/// Most schedules of one tenant.
const MOST: i64 = 100;

/// A schedule.
#[derive(Debug, Serialize, JsonSchema)]
#[schemars(rename = "Schedule")]
struct Schedule {
    /// Under which it is found: its name.
    id: String,
    /// Its name, unique in the tenant.
    name: String,
    /// The kind of job it makes.
    kind: String,
    /// `minute hour day month weekday`, as in cron.
    cron: String,
    /// The time zone in which the fields are meant.
    zone: String,
    /// What each job carries.
    payload: Value,
    /// Whether it stands still.
    paused: bool,
    /// When it fires next, unless it stands still.
    next_at: Option<Time>,
    /// The moment for which it fired last.
    last_at: Option<Time>,
    /// The job it made then.
    last_job: Option<String>,
    /// Moments that came while nothing ran: for those before the latest one no job was made.
    missed: i64,
    /// Who made it.
    created_by: String,
    /// When.
    created_at: Time,
}

const COLUMNS: &str = "SELECT name, kind, cron, zone, payload, paused, next_at, last_at, last_job, missed, created_by, created_at \
     FROM job_schedule WHERE tenant_id = :tenant";

impl FromRow for Schedule {
    fn from_row(row: &Row<'_>) -> Result<Schedule> {
        let (payload, paused): (String, bool) = (row.get(4)?, row.get(5)?);
        Ok(Schedule {
            id: row.get(0)?,
            name: row.get(0)?,
            kind: row.get(1)?,
            cron: row.get(2)?,
            zone: row.get(3)?,
            payload: serde_json::from_str(&payload)?,
            paused,
            next_at: (!paused).then(|| row.get(6)).transpose()?,
            last_at: row.get(7)?,
            last_job: row.get(8)?,
            missed: row.get(9)?,
            created_by: row.get(10)?,
            created_at: row.get(11)?,
        })
    }
}

/// What is wanted.
#[derive(Debug, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
struct New {
    /// Its name, unique in the tenant.
    #[schemars(length(min = 1, max = 64), regex(pattern = "^[a-z0-9][a-z0-9-]*$"))]
    name: String,
    /// The kind of job; only kinds that say so can be scheduled by tenants.
    #[schemars(length(min = 1, max = 100))]
    kind: String,
    /// `minute hour day month weekday`, as in cron, or `@daily` and the like.
    #[schemars(length(min = 1, max = 200))]
    cron: String,
    /// The time zone in which the fields are meant; UTC unless said otherwise.
    #[serde(default = "utc")]
    #[schemars(length(min = 1, max = 64))]
    zone: String,
    /// What each job carries; its kind says what that has to be.
    #[serde(default)]
    payload: Value,
}

fn utc() -> String {
    "UTC".to_owned()
}

/// What is to be different.
#[derive(Debug, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
struct Other {
    /// Other moments.
    #[serde(default)]
    #[schemars(length(min = 1, max = 200))]
    cron: Option<String>,
    /// Another time zone.
    #[serde(default)]
    #[schemars(length(min = 1, max = 64))]
    zone: Option<String>,
    /// Whether it stands still. What it misses meanwhile is not made up for.
    #[serde(default)]
    paused: Option<bool>,
}

/// The routes of schedules.
pub(crate) fn routes(r: &mut Routes<'_, ()>) {
    r.get("/schedules", READ, list).named("schedules.list").summary("The schedules of one's tenant, by name");
    r.post("/schedules", WRITE, create)
        .named("schedules.create")
        .summary("Let a kind of job come back by the clock")
        .describe("Fires once for each moment, however many processes there are. What came while nothing ran is made up for once. \
             `events.remind` tells an event `reminder.due` with a word, for webhooks and streams.")
        .example(json!({
            "name": "nightly", "kind": "events.remind", "cron": "0 3 * * *", "zone": "Europe/Berlin", "payload": { "word": "close the books" }
        }))
        .problem(Code::Conflict);
    r.get("/schedules/{id}", READ, show).named("schedules.get").summary("One schedule").problem(Code::NotFound);
    r.patch("/schedules/{id}", WRITE, change)
        .named("schedules.change")
        .summary("Change when a schedule fires, or let it stand still (JSON merge patch)")
        .body("application/merge-patch+json", schemars::SchemaGenerator::default().into_root_schema_for::<Other>().to_value())
        .example(json!({ "paused": true }))
        .problem(Code::NotFound);
    r.delete("/schedules/{id}", WRITE, remove).named("schedules.delete").summary("Remove a schedule").problem(Code::NotFound);
}

fn fault(pointer: &'static str) -> impl Fn(Error) -> Error {
    move |error| Error::invalid(vec![Fault::at(pointer, error.public().to_owned())])
}

fn next(cron: &str, zone_name: &str, now: Time) -> Result<Time> {
    let (parsed, zone) = (Cron::parse(cron).map_err(fault("/cron"))?, zone(zone_name).map_err(fault("/zone"))?);
    parsed.next(now, &zone).ok_or_else(|| Error::invalid(vec![Fault::at("/cron", "has no moment that is still to come")]))
}

fn one(tx: &Tx<'_>, name: &str) -> Result<Schedule> {
    let mut sql = plimsoll_store::Sql::from(COLUMNS);
    sql.push(" AND name = :name");
    tx.maybe(sql, bind! { name: name })?.ok_or_else(|| Code::NotFound.because("there is no schedule of this name"))
}

async fn list(ctx: Ctx<(), Read>, Query(paging): Query<Paging>) -> Result<Json<Page<Schedule>>> {
    ctx.read(move |tx| {
        let total = tx.row::<i64>("SELECT COUNT(*) FROM job_schedule WHERE tenant_id = :tenant", &[])?;
        let mut sql = plimsoll_store::Sql::from(COLUMNS);
        sql.push(" ORDER BY name LIMIT :limit OFFSET :offset");
        let items = tx.rows(sql, bind! { limit: paging.page_size(), offset: paging.offset() })?;
        Ok(paging.answer(items, total))
    })
    .await
}

async fn show(ctx: Ctx<(), Read>, Path(name): Path<String>) -> Result<Json<Schedule>> {
    ctx.read(move |tx| one(tx, &name).map(Json)).await
}

/// Refuses kinds that tenants may not schedule, and payloads that are none of the kind.
fn admit(kinds: &Kinds, kind: &str, payload: &Value) -> Result<()> {
    let open = |name: &&str| kinds.get(*name).is_some_and(|kind| kind.admits.is_some());
    match kinds.get(kind).and_then(|kind| kind.admits) {
        Some(admits) => admits(payload).map_err(fault("/payload")),
        None => {
            let names: Vec<&str> = kinds.keys().copied().filter(open).collect();
            let which = if names.is_empty() { "there is none here".to_owned() } else { names.join(", ") };
            Err(Error::invalid(vec![Fault::at("/kind", format!("is no kind of job that tenants may schedule: {which}"))]))
        }
    }
}

async fn create(ctx: Ctx<(), Write>, Json(new): Json<New>) -> Result<Committed<Created<Schedule>>> {
    // The name is part of an address.
    let plain = |at: usize, byte: u8| byte.is_ascii_lowercase() || byte.is_ascii_digit() || (at > 0 && byte == b'-');
    if !new.name.bytes().enumerate().all(|(at, byte)| plain(at, byte)) {
        return Err(Error::invalid(vec![Fault::at("/name", "has small letters, digits and, not at the beginning, hyphens")]));
    }
    admit(&ctx.host.work.kinds, &new.kind, &new.payload)?;
    let (first, by) = (next(&new.cron, &new.zone, ctx.now())?, ctx.who.id.to_string());
    let (work, due) = (ctx.host.work.clone(), first);
    let committed = ctx
        .commit(move |change| {
            if change.row::<i64>("SELECT COUNT(*) FROM job_schedule WHERE tenant_id = :tenant", &[])? >= MOST {
                return Err(Code::Conflict.because(format!("a tenant has {MOST} schedules at most; remove one first")));
            }
            let now = change.now();
            let made = change.write(
                "INSERT INTO job_schedule (tenant_id, name, kind, cron, zone, payload, declared, paused, next_at, missed, created_by, \
                 created_at, updated_at) VALUES (:tenant, :name, :kind, :cron, :zone, :payload, 0, 0, :next, 0, :by, :now, :now) \
                 ON CONFLICT DO NOTHING",
                bind! {
                    name: new.name, kind: new.kind, cron: new.cron, zone: new.zone, payload: new.payload.to_string(), next: due, by: by,
                    now: now,
                },
            )?;
            if made == 0 {
                return Err(Code::Conflict.because("there is a schedule of this name already"));
            }
            change.note(Note { target: format!("schedules/{}", new.name), ..Note::default() });
            Ok(Created { location: format!("/v1/schedules/{}", new.name), body: one(change, &new.name)? })
        })
        .await;
    // Whoever claims sleeps until what it knows to be due.
    work.wake();
    committed
}

async fn change(ctx: Ctx<(), Write>, (Path(name), Document(body)): (Path<String>, Document)) -> Result<Committed<Json<Schedule>>> {
    let other: Other = serde_json::from_value(body)?;
    let work = ctx.host.work.clone();
    let committed = ctx
        .commit(move |change| {
            let (before, now) = (one(change, &name)?, change.now());
            let (cron, zone) = (other.cron.unwrap_or(before.cron), other.zone.unwrap_or(before.zone));
            let (next, paused) = (next(&cron, &zone, now)?, other.paused.unwrap_or(before.paused));
            change.write(
                "UPDATE job_schedule SET cron = :cron, zone = :zone, paused = :paused, next_at = :next, updated_at = :now \
                 WHERE tenant_id = :tenant AND name = :name",
                bind! { cron: cron, zone: zone, paused: paused, next: next, now: now, name: name },
            )?;
            change.note(Note { target: format!("schedules/{name}"), ..Note::default() });
            one(change, &name).map(Json)
        })
        .await;
    work.wake();
    committed
}

async fn remove(ctx: Ctx<(), Write>, Path(name): Path<String>) -> Result<Committed<Empty>> {
    ctx.commit(move |change| {
        if change.write("DELETE FROM job_schedule WHERE tenant_id = :tenant AND name = :name", bind! { name: name })? == 0 {
            return Err(Code::NotFound.because("there is no schedule of this name"));
        }
        change.note(Note { target: format!("schedules/{name}"), ..Note::default() });
        Ok(Empty)
    })
    .await
}
