//! Layer `trace`: an id, a span, one log line, and the time spent.
//!
//! The request's own id is always ours: it is the key of the log, the ledger and the problem
//! document, and must be neither forged nor used twice. An id the caller sent along is kept
//! beside it, logged as `client_request_id`, and shown to the caller again.

use http::{HeaderName, HeaderValue, Request, Response};
use plimsoll_core::Result;

use super::problem;
use crate::{
    Body,
    exchange::Exchange,
    route::RouteClass,
    stack::{Boxed, Next},
    telemetry::{Current, Facts, Within, method},
};

/// The header with the request's id, in and out.
pub static REQUEST_ID: HeaderName = HeaderName::from_static("x-request-id");

const SERVER_TIMING: HeaderName = HeaderName::from_static("server-timing");

const LONGEST_ID: usize = 128;

/// Gives the request its identity, lets the rest of the stack answer, and records what came of it.
pub fn around<'a>(x: &'a mut Exchange, request: Request<Body>, next: Next<'a>) -> Boxed<'a, Result<Response<Body>>> {
    Box::pin(async move {
        if x.host.holds("tracing") {
            x.trace = x.host.telemetry.begin(request.headers(), x.request);
        }
        if x.host.holds("correlation-id") {
            x.client_request = request.headers().get(&REQUEST_ID).and_then(usable).map(str::to_owned);
        }
        let current = Current { request: x.request, trace: x.trace };
        let path = (!x.host.upstreams.is_empty()).then(|| request.uri().path().to_owned());
        let running = Running::begin(x);
        let answer = match (Within { current, inner: Box::pin(next.run(&mut *running.x, request)) }).await {
            Ok(mut answer) => {
                running.x.tell_time(&mut answer);
                answer
            }
            // Only the few layers above `problem` can get here.
            Err(error) => {
                let answer = problem::answer(&error, running.x.request, running.x.refused_by);
                running.x.error = Some(error);
                answer
            }
        };
        if let Some(path) = path {
            running.x.host.upstreams.note(running.x, &path, answer.status().as_u16());
        }
        running.end(&answer);
        Ok(answer)
    })
}

/// A caller's own id that can be logged and sent back as it is.
fn usable(value: &HeaderValue) -> Option<&str> {
    let safe = |byte: &u8| byte.is_ascii_alphanumeric() || matches!(byte, b'-' | b'_' | b'.' | b':' | b'/' | b'+' | b'=');
    let fits = !value.is_empty() && value.len() <= LONGEST_ID && value.as_bytes().iter().all(safe);
    value.to_str().ok().filter(|_| fits)
}

impl Exchange {
    /// Tells the caller how long the work took. Not where credentials are tried: there the time
    /// could say something about the account.
    fn tell_time(&self, answer: &mut Response<Body>) {
        let secretive = self.matched.as_ref().is_some_and(|matched| matched.route.class == RouteClass::Auth);
        if secretive || !self.host.holds("access-log") {
            return;
        }
        let took = self.started.elapsed();
        let text = format!("app;dur={}.{}", took.as_millis(), took.subsec_micros() % 1_000 / 100);
        if let Ok(value) = HeaderValue::try_from(text) {
            answer.headers_mut().insert(SERVER_TIMING, value);
        }
    }

    /// The id to show the caller in `X-Request-Id`: its own where it sent one, ours otherwise.
    pub fn shown_request_id(&self) -> HeaderValue {
        let shown = match &self.client_request {
            Some(id) => HeaderValue::from_str(id),
            None => HeaderValue::try_from(self.request.to_string()),
        };
        // Both are plain ASCII by construction.
        shown.unwrap_or_else(|_| HeaderValue::from_static("-"))
    }
}

/// A request that is being answered. When its caller leaves, the connection drops the future and
/// this with it: then the line is written from here.
struct Running<'x> {
    x: &'x mut Exchange,
    method: u8,
    secure: bool,
    recorded: bool,
}

impl<'x> Running<'x> {
    fn begin(x: &'x mut Exchange) -> Running<'x> {
        let (method, secure) = (method(&x.method), x.secure);
        x.host.telemetry.metrics.begin(method, secure);
        Running { x, method, secure, recorded: false }
    }
    fn end(mut self, answer: &Response<Body>) {
        self.recorded = true;
        self.x.host.telemetry.record(&Facts::of(self.x, Some(answer)));
    }
}

impl Drop for Running<'_> {
    fn drop(&mut self) {
        let telemetry = &self.x.host.telemetry;
        telemetry.metrics.end(self.method, self.secure);
        if !self.recorded {
            telemetry.record(&Facts::of(self.x, None));
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_a_harmless_id_is_taken_from_a_caller() {
        for good in ["a", "req_01jd0000000000000000000000", "550e8400-e29b-41d4-a716-446655440000", "Root=1-67891233:abc"] {
            assert_eq!(usable(&HeaderValue::from_str(good).unwrap()), Some(good));
        }
        let long = "x".repeat(129);
        for bad in ["", "a b", "a\tb", "<script>", "a\"b", "a;b", "{}", long.as_str()] {
            assert_eq!(usable(&HeaderValue::from_str(bad).unwrap()), None, "{bad}");
        }
        assert_eq!(usable(&HeaderValue::from_bytes(b"\xff").unwrap()), None);
    }
}
