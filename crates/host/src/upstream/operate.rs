//! `/v1/upstreams`: the mounted services as an operator sees them, and a hand on their breakers.

use std::sync::{Arc, atomic::Ordering};

use plimsoll_core::{Access, Code, Result, Role, TenantId, Time};
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};
use serde_json::json;

use super::{breaker::State, mount::Mount, resilience::Guard, sharing};
use crate::{
    Committed, Host,
    ctx::{Ctx, Read, Write},
    ledger::{Change, Note, Origin},
    route::{Json, Path, RouteClass, Routes},
};

const READ: Access = Access::needs("upstreams:read", Role::Admin);
const WRITE: Access = Access::needs("upstreams:write", Role::Admin);

/// Declares the routes.
pub fn routes(r: &mut Routes<'_, ()>) {
    r.get("/upstreams", READ, list).named("upstreams.list").summary("The mounted services and how they stand");
    r.post("/upstreams/{name}/breaker", WRITE, turn)
        .named("upstreams.breaker")
        .summary("Close the circuit breaker of a service, or hold it open")
        .describe(
            "`open` refuses every request for the service until somebody says `reset`. The services are shared by all tenants, \
             so this is refused where there are several: who runs the host does it at the operations listener.",
        )
        .example(json!({ "action": "reset" }))
        .problem(Code::NotFound)
        .problem(Code::Refused);
}

/// A mounted service.
#[derive(Debug, Serialize, JsonSchema)]
struct Upstream {
    /// Its name.
    name: &'static str,
    /// The paths that it answers begin with this; empty for all.
    prefix: String,
    /// Where it is: scheme, host and port, without user and password.
    address: String,
    /// `starting`, `ready`, `restarting` or `stopped`; null where nobody supervises it.
    lifecycle: Option<&'static str>,
    /// Its circuit breaker.
    breaker: BreakerView,
    /// Requests at it, streamed answers included.
    active: usize,
    /// Connections that wait for a request.
    idle_connections: usize,
    /// Its places for reads.
    reads: PlacesView,
    /// Its places for changes.
    changes: PlacesView,
    /// Since the start.
    counted: CountsView,
}

/// A circuit breaker.
#[derive(Debug, Serialize, JsonSchema)]
struct BreakerView {
    /// `closed`, `open`, `half-open` or `forced-open`.
    state: &'static str,
    /// Since when.
    since: Time,
    /// Requests it counts at the moment.
    requests: u32,
    /// Failures among them.
    failures: u32,
    /// Slow answers among them.
    slow: u32,
}

/// The places of one kind of requests.
#[derive(Debug, Serialize, JsonSchema)]
struct PlacesView {
    /// How many there are at the moment; follows the service's answers.
    limit: usize,
    /// Taken.
    taken: usize,
    /// Requests that wait for one.
    waiting: usize,
    /// Requests refused since the start.
    refused: u64,
}

/// What came of requests.
#[derive(Debug, Serialize, JsonSchema)]
struct CountsView {
    /// Requests sent, repetitions not counted.
    requests: u64,
    /// Repetitions.
    retries: u64,
    /// Repetitions that the budget refused.
    retries_refused: u64,
    /// Attempts that found nobody.
    unreachable: u64,
    /// Attempts and answers that broke off.
    broken: u64,
    /// Attempts that were not answered in time.
    late: u64,
    /// Attempts answered with a status that is a failure.
    failing_status: u64,
    /// Requests refused because the breaker was open.
    circuit_open: u64,
    /// Requests given a fallback answer.
    fallbacks: u64,
    /// How often the breaker opened.
    openings: u64,
}

/// All of them: a handful, so there are no pages.
#[derive(Debug, Serialize, JsonSchema)]
struct UpstreamList {
    /// The services.
    items: Vec<Upstream>,
}

impl Upstream {
    fn of(mount: &Mount, now: Time) -> Upstream {
        let guard: &Guard = mount.guard();
        let (state, since) = guard.standing();
        let (requests, failures, slow) = guard.counted();
        let places = |class| {
            let figures = guard.places(class).figures();
            PlacesView { limit: figures.limit, taken: figures.taken, waiting: figures.waiting, refused: figures.refused }
        };
        let count = |counter: &std::sync::atomic::AtomicU64| counter.load(Ordering::Relaxed);
        let counts = &guard.counts;
        Upstream {
            name: mount.name,
            prefix: mount.prefix.clone(),
            address: shown(mount.pool.address()),
            lifecycle: mount.lifecycle().map(super::lifecycle::Lifecycle::name),
            breaker: BreakerView {
                state: state.name(),
                since: Time::from_micros(now.micros() - i64::try_from(since.as_micros()).unwrap_or(0)),
                requests,
                failures,
                slow,
            },
            active: mount.active(),
            idle_connections: mount.pool.idle(),
            reads: places(RouteClass::Read),
            changes: places(RouteClass::Write),
            counted: CountsView {
                requests: count(&counts.requests),
                retries: count(&counts.retries),
                retries_refused: count(&counts.retries_refused),
                unreachable: count(&counts.unreachable),
                broken: count(&counts.broken),
                late: count(&counts.late),
                failing_status: count(&counts.failing_status),
                circuit_open: count(&counts.circuit_open),
                fallbacks: count(&counts.fallbacks),
                openings: count(&counts.openings),
            },
        }
    }
}

/// An address without what may be secret in it.
fn shown(address: &http::Uri) -> String {
    let port = address.port_u16().map_or_else(String::new, |port| format!(":{port}"));
    format!("{}://{}{port}", address.scheme_str().unwrap_or("http"), address.host().unwrap_or("-"))
}

async fn list(ctx: Ctx<(), Read>, (): ()) -> Result<Json<UpstreamList>> {
    let now = ctx.now();
    Ok(Json(UpstreamList { items: ctx.host.upstreams.mounts().map(|mount| Upstream::of(mount, now)).collect() }))
}

fn unknown() -> plimsoll_core::Error {
    Code::NotFound.because("no service of this name is mounted")
}

/// What to do with a breaker.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Deserialize, JsonSchema)]
#[serde(rename_all = "lowercase")]
enum Action {
    /// Close it.
    Reset,
    /// Hold it open.
    Open,
}

/// An order about a breaker as it is written.
#[derive(Debug, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct Turn {
    /// `reset` closes it, `open` holds it open until it is reset.
    action: Action,
}

impl Turn {
    /// Puts it on record; what the service will look like.
    fn record(&self, mount: &Mount, change: &mut Change<'_, '_>) -> Json<Upstream> {
        let (word, state) = match self.action {
            Action::Reset => ("reset", State::Closed),
            Action::Open => ("open", State::Forced),
        };
        change.note(Note {
            action: "upstream.breaker".into(),
            target: format!("upstreams/{}", mount.name),
            outcome: "ok",
            detail: Some(json!({ "action": word, "was": mount.guard().standing().0.name() })),
        });
        let now = change.now();
        let mut upstream = Upstream::of(mount, now);
        upstream.breaker = BreakerView { state: state.name(), since: now, requests: 0, failures: 0, slow: 0 };
        Json(upstream)
    }

    /// Only what is on record is done.
    fn carry_out(&self, mount: &Mount) {
        match self.action {
            Action::Reset => mount.guard().reset(),
            Action::Open => mount.guard().force_open(),
        }
    }
}

async fn turn(ctx: Ctx<(), Write>, (Path(name), Json(order)): (Path<String>, Json<Turn>)) -> Result<Committed<Json<Upstream>>> {
    let mount = ctx.host.upstreams.named(&name).ok_or_else(unknown)?.clone();
    sharing::one_tenant(&ctx.host, "the service").await?;
    let order = Arc::new(order);
    let (writes, turned) = (order.clone(), mount.clone());
    let done = ctx.commit(move |change| Ok(writes.record(&turned, change))).await?;
    order.carry_out(&mount);
    Ok(done)
}

/// Carries out an order of who runs the host; the entry is in the host's own ledger.
///
/// # Errors
/// `NotFound` for a name that nothing has; what the database says.
pub async fn by_the_operator(host: &Host, name: &str, order: Turn) -> Result<Json<impl Serialize + JsonSchema + use<>>> {
    let mount = host.upstreams.named(name).ok_or_else(unknown)?.clone();
    let order = Arc::new(order);
    let (writes, turned) = (order.clone(), mount.clone());
    let origin = Origin::host(host.clock.now(), "upstream.breaker");
    let done = host.commit(TenantId::from_bits(0), origin, move |change| Ok(writes.record(&turned, change))).await?;
    order.carry_out(&mount);
    Ok(done)
}
