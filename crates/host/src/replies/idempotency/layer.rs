//! Layer `replay`: a request that was here before is answered from its record.

use std::{
    sync::Arc,
    time::{Duration, Instant},
};

use http::{Request, Response};
use plimsoll_core::{Access, Code, Result};
use tokio::sync::watch;

use super::{Ticket, key, key::KEY, mounted, native};
use crate::{
    Body,
    exchange::Exchange,
    route::{self, Route, RouteClass},
    stack::{Boxed, Next},
};

/// Whether a request has a key, or ought to, and its route honours one.
pub fn wants(x: &Exchange, request: &Request<Body>) -> bool {
    let engine = &x.host.idempotency;
    if !request.headers().contains_key(&KEY) && engine.required.is_empty() {
        return false;
    }
    x.host.holds("idempotency-keys")
        && engine.concerns(request.method())
        && x.matched.as_ref().is_some_and(|matched| matched.route.mount.is_some() || repeatable(&matched.route))
}

/// Whether a native route commits an effect on behalf of somebody.
pub(crate) fn repeatable(route: &Route) -> bool {
    route.class == RouteClass::Write && !matches!(route.access, Access::Public { .. })
}

/// Answers from the record, or lets the request run and sees to its record.
pub fn around<'a>(x: &'a mut Exchange, request: Request<Body>, next: Next<'a>) -> Boxed<'a, Result<Response<Body>>> {
    Box::pin(async move {
        let host = x.host.clone();
        let engine = &host.idempotency;
        let Some(route) = x.matched.as_ref().map(|matched| matched.route.clone()) else { return next.run(x, request).await };
        let key = match key::read(request.headers()) {
            Ok(Some(key)) => key,
            Ok(None) if engine.required.hold(request.method(), request.uri().path()) => {
                x.refused("replay");
                return Err(Code::IdempotencyKeyMissing
                    .because("this request needs an `Idempotency-Key`, so that it can be repeated without being done twice"));
            }
            Ok(None) => return next.run(x, request).await,
            Err(error) => {
                x.refused("replay");
                return Err(error);
            }
        };
        let (parts, body) = request.into_parts();
        let limit = match &route.mount {
            Some(mount) => mount.body_limit.min(engine.request_limit),
            None => route.body_limit.unwrap_or(host.body_limit),
        };
        let limit = if host.holds("request-size-limits") { limit } else { usize::MAX };
        let patience = if host.holds("request-timeouts") { host.body_timeout } else { Duration::MAX };
        let read = route::call::read(body, limit, patience).await;
        let body = match read {
            Err(error) if error.code() == Code::BodyTooLarge => {
                x.refused("replay");
                return Err(Code::BodyTooLarge.because(format!(
                    "the body is larger than the {limit} bytes allowed for a request with an `Idempotency-Key`, which is compared with its repeats"
                )));
            }
            read => read?,
        };
        let ticket = Arc::new(Ticket::new(x, key, &parts, &body));
        let request = Request::from_parts(parts, Body::from(body));
        let answered = if route.mount.is_some() {
            mounted::answer(x, request, ticket).await
        } else {
            native::answer(x, request, next, ticket, &route).await
        };
        engine.tally.answered(&answered);
        answered
    })
}

/// How long a repeat waits for the first: as long as is configured, and no longer than the caller has.
pub(super) fn patience(x: &Exchange) -> Instant {
    let slack = Duration::from_millis(100);
    let left = x.deadline.saturating_duration_since(Instant::now()).saturating_sub(slack);
    Instant::now() + x.host.idempotency.wait.min(left)
}

/// Waits for the end of what runs in this process; whether it ended in time.
pub(super) async fn ended(mut other: watch::Receiver<()>, until: Instant) -> bool {
    // An error says that the other end is gone, which is what is waited for.
    tokio::time::timeout_at(until.into(), other.changed()).await.is_ok()
}
