//! What the operations listener answers: metrics and health in detail.
//!
//! For operators and their machines, on an address of its own that is not reachable from outside.
//! There is no authentication here, so nothing here is about a tenant, and nothing here changes
//! anything but the two [orders](super::orders) about what all tenants share.

use std::{net::SocketAddr, sync::Arc};

use http::{HeaderValue, Method, Request, Response, StatusCode, header};
use plimsoll_core::{Code, Error, RequestId};
use serde_json::{Value, json};

use super::{CheckReport, Report, Standing, State, Weight, orders, proof};
use crate::{
    Body, Host,
    edge::problem,
    route::{Json, Reply as _},
    stack::Boxed,
    telemetry::{Page, exposition, pools},
    upstream::{self, release::order::View},
};

const INDEX: &str = "Plimsoll, operations listener\n\n\
    /metrics       figures, Prometheus text format\n\
    /health        every check: status, latency_ms, since, message\n\
    /health/db     the checks of the database\n\
    /health/pool   connections, queues and durable changes\n\
    /proof         the newest proof of this data folder, a page\n\
    /release       how far a candidate has come; POST orders it\n\
    /upstreams/{name}/breaker   POST closes it or holds it open\n\n\
    POST takes JSON from this machine with the header X-Plimsoll-Operator.\n";

/// Answers one request on the operations listener.
pub fn operations(host: Arc<Host>, peer: SocketAddr, request: Request<Body>) -> Boxed<'static, Response<Body>> {
    Box::pin(async move {
        let method = request.method().clone();
        let allowed = orders::allowed(request.uri().path());
        let mut answer = match method {
            Method::GET | Method::HEAD => find(&host, request.uri().path()).await,
            Method::POST => orders::order(&host, peer, request).await,
            _ => Err(Code::MethodNotAllowed.because("this listener answers GET and HEAD, and takes two orders with POST")),
        }
        .unwrap_or_else(|error| problem::answer(&error, RequestId::new(host.clock.now(), &host.seed), None));
        if answer.status() == StatusCode::METHOD_NOT_ALLOWED {
            answer.headers_mut().insert(header::ALLOW, HeaderValue::from_static(allowed));
        }
        answer.headers_mut().insert(header::CACHE_CONTROL, HeaderValue::from_static("no-store"));
        answer.headers_mut().insert(header::X_CONTENT_TYPE_OPTIONS, HeaderValue::from_static("nosniff"));
        if method == Method::HEAD {
            *answer.body_mut() = Body::empty();
        }
        answer
    })
}

async fn find(host: &Arc<Host>, path: &str) -> Result<Response<Body>, Error> {
    match path {
        "/" => Ok(text("text/plain; charset=utf-8", StatusCode::OK, INDEX)),
        "/metrics" if host.holds("metrics-prometheus") => {
            host.work.watch.look(host).await;
            let mut told = Page::default();
            host.tellers.write(&mut told, host).await;
            Ok(metrics(host, &told))
        }
        "/health" => Ok(health(host, |_| true).await),
        "/health/db" => Ok(health(host, |check| DATABASE.contains(&check.name)).await),
        "/health/pool" if host.holds("pool-monitoring") => Ok(pool(host)),
        "/release" => Json(View::now(host)).response(),
        "/proof" => proof::newest(&host.proofs).await,
        _ => Err(Code::NotFound.because("there is nothing at this address; / lists what there is")),
    }
}

/// Names of checks that ask about the database.
pub const DATABASE: &[&str] = &["database", "schema", "durability"];

/// The page of metrics; `told` is what systems add to it.
pub fn metrics(host: &Host, told: &Page) -> Response<Body> {
    let mut page = Page::default();
    host.telemetry.write_metrics(&mut page);
    if host.holds("pool-monitoring") {
        pools::connections(&mut page, &host.store);
    }
    pools::work(&mut page, &host.store);
    let now = host.health.last_state();
    pools::limits(&mut page, &host.limits.gauges());
    upstream::gauges::write(&mut page, &host.upstreams);
    host.idempotency.tally.write(&mut page);
    host.work.tally.write(&mut page);
    if let Some(archive) = &host.archive {
        archive.tally.write(&mut page);
    }
    if host.cache.is_on() {
        crate::replies::cache::metrics::write(&mut page, &host.cache);
    }
    if let Some(shared) = &host.shared {
        pools::shared(&mut page, shared.gauges(), host.limits.together.lost());
    }
    if host.holds("dlq-operations") {
        host.work.watch.write(&mut page, host);
    }
    page.family("plimsoll_state", "gauge", "The process's state: 1 for the one it is in.");
    for state in State::ALL {
        page.sample("plimsoll_state", &[("state", state.name())], u8::from(state == now));
    }
    page.append(told);
    text(exposition::MEDIA, StatusCode::OK, page.text())
}

async fn health(host: &Host, wanted: fn(&CheckReport) -> bool) -> Response<Body> {
    let report = host.health.report().await;
    let state = host.health.state(&report);
    let detailed = host.holds("health-dependencies");
    let mut document = described(&report, state, |check| detailed && wanted(check));
    if !host.holds("health-states") {
        document["status"] = if state.serves() { "up" } else { "down" }.into();
    }
    let status = if state.serves() { StatusCode::OK } else { StatusCode::SERVICE_UNAVAILABLE };
    text("application/json", status, document.to_string())
}

fn described(report: &Report, state: State, wanted: impl Fn(&CheckReport) -> bool) -> Value {
    let checks: serde_json::Map<String, Value> =
        report.checks.iter().filter(|check| wanted(check)).map(|check| (check.name.to_owned(), described_check(check))).collect();
    json!({ "status": state.name(), "at": report.at, "checks": checks })
}

fn described_check(check: &CheckReport) -> Value {
    let weight = match check.weight {
        Weight::Note => "note",
        Weight::Attention => "attention",
        Weight::Vital => "vital",
        Weight::Schema => "schema",
    };
    let standing = match (check.standing, check.weight) {
        (Standing::Good, _) => "good",
        (Standing::Failed, Weight::Note) => "noted",
        (Standing::Failed, _) => "failed",
    };
    let mut described =
        json!({ "status": standing, "weight": weight, "latency_ms": check.latency.as_micros() as f64 / 1e3, "since": check.since });
    if let Some(message) = &check.message {
        described["message"] = message.as_str().into();
    }
    described
}

fn pool(host: &Host) -> Response<Body> {
    let gauges = host.store.gauges();
    let document = json!({
        "database": host.store.kind().name(),
        "durable": host.store.durable(),
        "readers": { "total": gauges.readers_total, "busy": gauges.readers_busy, "waiting": gauges.read_queue },
        "writer": { "waiting": gauges.write_queue, "commits": gauges.commits, "batches": gauges.batches, "rollbacks": gauges.rollbacks },
        "reads": { "total": gauges.reads, "inline": gauges.reads_inline },
        "slow_statements": gauges.slow_statements,
        "statement_timeouts": gauges.statement_timeouts,
        "acquire_timeouts": gauges.acquire_timeouts,
        "reconnects": gauges.reconnects,
        "cache": crate::replies::cache::metrics::figures(&host.cache),
        "shared": host.shared.as_ref().map(|shared| shared.gauges().there),
    });
    text("application/json", StatusCode::OK, document.to_string())
}

fn text(media: &'static str, status: StatusCode, body: impl Into<Body>) -> Response<Body> {
    let mut answer = Response::new(body.into());
    *answer.status_mut() = status;
    answer.headers_mut().insert(header::CONTENT_TYPE, HeaderValue::from_static(media));
    answer
}
