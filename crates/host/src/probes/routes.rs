//! The public health routes: one word for strangers.

use http::{HeaderValue, Response, StatusCode, header};
use plimsoll_core::{Access, Code, Result};

use super::State;
use crate::{
    Body,
    ctx::{Ctx, Read},
    route::{RouteClass, Routes},
};

/// Every path answered here; the gate lets them pass.
pub const PATHS: &[&str] = &["/health", "/healthz", "/health/live", "/livez", "/health/ready", "/readyz", "/ready"];

const OPEN: Access = Access::public("load balancers and orchestrators have no credential; the answer is one word");

/// Declares the health routes, and the answer that metrics are not here.
pub fn routes(routes: &mut Routes<'_, ()>) {
    let status = || serde_json::json!({ "type": "object", "properties": { "status": { "type": "string" } }, "required": ["status"] });
    for path in ["/health/live", "/livez"] {
        let route = routes.get(path, OPEN, |ctx: Ctx<(), Read>, (): ()| live(ctx)).class(RouteClass::Page);
        let route = route.named("health.live").summary("Whether the process answers").answers(200, Some(status()));
        let _ = if path == "/health/live" { route } else { route.hidden() };
    }
    for path in ["/health/ready", "/readyz", "/ready"] {
        let route = routes.get(path, OPEN, |ctx: Ctx<(), Read>, (): ()| ready(ctx)).class(RouteClass::Page);
        let route = route.named("health.ready").summary("Whether requests should be sent here; 503 when not").answers(200, Some(status()));
        let _ = if path == "/health/ready" { route } else { route.hidden() };
    }
    for path in ["/health", "/healthz"] {
        let route = routes.get(path, OPEN, |ctx: Ctx<(), Read>, (): ()| overall(ctx)).class(RouteClass::Page);
        let route = route.named("health.overall").summary("The state in one word").answers(200, Some(status()));
        let _ = if path == "/health" { route } else { route.hidden() };
    }
    routes.get("/metrics", OPEN, |ctx: Ctx<(), Read>, (): ()| metrics(ctx)).class(RouteClass::Page).named("metrics").hidden();
}

async fn live(ctx: Ctx<(), Read>) -> Result<Response<Body>> {
    if ctx.host.holds("liveness-probe") { Ok(word("live", StatusCode::OK)) } else { Err(nothing()) }
}

async fn ready(ctx: Ctx<(), Read>) -> Result<Response<Body>> {
    if !ctx.host.holds("readiness-probe") {
        return Ok(word("ready", StatusCode::OK));
    }
    let state = judged(&ctx).await;
    // Whoever asks this wants to know whether to send requests, and nothing else.
    let shown = if state == State::Degraded { State::Ready } else { state };
    Ok(word(shown.name(), status_of(state)))
}

async fn overall(ctx: Ctx<(), Read>) -> Result<Response<Body>> {
    if !ctx.host.holds("health-endpoint") {
        return Err(nothing());
    }
    let state = judged(&ctx).await;
    Ok(word(state.name(), status_of(state)))
}

/// Metrics are on the operations listener; this address only exists so that the practice
/// `metrics-secured` can be switched off and its probe be seen to fail.
async fn metrics(ctx: Ctx<(), Read>) -> Result<Response<Body>> {
    if ctx.host.holds("metrics-secured") {
        Err(nothing())
    } else {
        Ok(super::operations::metrics(&ctx.host, &crate::telemetry::Page::default()))
    }
}

async fn judged(ctx: &Ctx<(), Read>) -> State {
    let health = &ctx.host.health;
    let report = health.report().await;
    health.state(&report)
}

fn status_of(state: State) -> StatusCode {
    if state.serves() { StatusCode::OK } else { StatusCode::SERVICE_UNAVAILABLE }
}

/// `{"status":"…"}`, never kept by anyone.
pub(super) fn word(word: &'static str, status: StatusCode) -> Response<Body> {
    let mut answer = Response::new(Body::from(format!("{{\"status\":\"{word}\"}}")));
    *answer.status_mut() = status;
    answer.headers_mut().insert(header::CONTENT_TYPE, HeaderValue::from_static("application/json"));
    answer.headers_mut().insert(header::CACHE_CONTROL, HeaderValue::from_static("no-store"));
    answer
}

/// The same answer as for an address where there is nothing.
fn nothing() -> plimsoll_core::Error {
    Code::NotFound.because("there is nothing at this address; /openapi.json lists what there is")
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::route::{Table, Wiring};
    use http::Method;
    use std::sync::{Arc, OnceLock};

    #[test]
    fn every_path_has_a_route_and_only_three_are_described() {
        let mut wiring = Wiring::default();
        routes(&mut Routes::new(&mut wiring, "host", "", Arc::new(OnceLock::from(Arc::new(())))));
        let table = Table::build(wiring.routes).unwrap();
        assert!(PATHS.iter().all(|path| table.find(&Method::GET, path).is_ok() && table.find(&Method::HEAD, path).is_ok()));
        let described: Vec<_> = table.all().iter().filter(|route| !route.doc.hidden).map(|route| route.template).collect();
        assert_eq!(described, ["/health/live", "/health/ready", "/health"]);
        assert!(table.all().iter().all(|route| matches!(route.access, Access::Public { .. })));
    }

    #[test]
    fn only_states_that_serve_are_answered_with_200() {
        for state in State::ALL {
            let answer = word(state.name(), status_of(state));
            assert_eq!(answer.status() == 200, matches!(state, State::Ready | State::Degraded), "{}", state.name());
            assert_eq!(answer.headers()[header::CACHE_CONTROL], "no-store");
        }
    }
}
