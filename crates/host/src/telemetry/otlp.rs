//! Traces as OTLP over HTTP, in JSON.
//!
//! One span per request: attributes after OpenTelemetry's HTTP conventions, the way through the
//! stack as span events. Written by hand rather than with the opentelemetry crates: those bring
//! some forty packages and a span object with locks and allocations on the path of every request,
//! for what is one JSON document every second. Here a request that is not sampled costs a
//! comparison, and one that is costs one push onto a bounded queue.
//!
//! Nothing ever waits for the collector. When it is slow or gone, batches are repeated four times
//! with growing pauses, the queue fills, and further spans are dropped and counted
//! (`plimsoll_spans_dropped_total`).

use std::{
    collections::VecDeque,
    fmt::Write,
    sync::{
        Arc, Mutex, PoisonError,
        atomic::{AtomicU64, Ordering},
    },
    time::Duration,
};

use bytes::Bytes;
use http::Uri;
use plimsoll_core::{Result, Time};
use serde_json::{Value, json};
use tokio::sync::Notify;

use super::{
    Attempted, Facts, Service, metrics,
    outbound::{Outbound, Sent, address},
};

const QUEUE: usize = 4_096;
const BATCH: usize = 512;
const PAUSE: Duration = Duration::from_secs(1);
const TRIES: u32 = 5;

/// Collects spans and sends them in batches.
pub(super) struct Otlp {
    queue: Mutex<VecDeque<Value>>,
    full: Notify,
    /// Held while sending, so that whoever drains also waits for what is on its way.
    sending: tokio::sync::Mutex<()>,
    outbound: Outbound,
    to: Uri,
    resource: Value,
    first_pause: Duration,
    pub(super) dropped: AtomicU64,
    pub(super) sent: AtomicU64,
}

impl Otlp {
    /// Ready to send to `endpoint` (`/v1/traces` is added).
    ///
    /// # Errors
    /// `ConfigInvalid` when the address is none.
    pub(super) fn new(endpoint: &str, service: &Service, outbound: Outbound, first_pause: Duration) -> Result<Otlp> {
        let to = address("otlp_endpoint", &format!("{}/v1/traces", endpoint.trim_end_matches('/')))?;
        let attributes = [
            text("service.name", "plimsoll"),
            text("service.version", service.version),
            text("deployment.environment.name", &service.environment),
        ];
        Ok(Otlp {
            queue: Mutex::default(),
            full: Notify::new(),
            sending: tokio::sync::Mutex::default(),
            outbound,
            to,
            resource: json!({ "attributes": attributes }),
            first_pause,
            dropped: AtomicU64::new(0),
            sent: AtomicU64::new(0),
        })
    }

    /// Takes note of a finished request.
    pub(super) fn add(&self, facts: &Facts<'_>) {
        self.push(|| span(facts));
    }

    /// Takes note of an attempt of a job that ended.
    pub(super) fn add_attempt(&self, attempted: &Attempted<'_>) {
        self.push(|| consumed(attempted));
    }

    fn push(&self, span: impl FnOnce() -> Value) {
        let mut queue = self.queue.lock().unwrap_or_else(PoisonError::into_inner);
        if queue.len() >= QUEUE {
            self.dropped.fetch_add(1, Ordering::Relaxed);
            return;
        }
        queue.push_back(span());
        if queue.len() == BATCH {
            self.full.notify_one();
        }
    }

    /// Sends for as long as it is polled.
    pub(super) async fn run(self: Arc<Self>) {
        loop {
            let _ = tokio::time::timeout(PAUSE, self.full.notified()).await;
            self.drain().await;
        }
    }

    /// Sends all that is queued.
    pub(super) async fn drain(&self) {
        let _sending = self.sending.lock().await;
        loop {
            let batch: Vec<Value> = {
                let mut queue = self.queue.lock().unwrap_or_else(PoisonError::into_inner);
                let count = queue.len().min(BATCH);
                queue.drain(..count).collect()
            };
            if batch.is_empty() {
                return;
            }
            self.send(batch).await;
        }
    }

    async fn send(&self, spans: Vec<Value>) {
        let count = spans.len() as u64;
        let scope = json!({ "name": "plimsoll", "version": env!("CARGO_PKG_VERSION") });
        let document = json!({ "resourceSpans": [{ "resource": self.resource, "scopeSpans": [{ "scope": scope, "spans": spans }] }] });
        let body = Bytes::from(document.to_string());
        let mut pause = self.first_pause;
        for attempt in 1..=TRIES {
            match self.outbound.post(&self.to, "application/json", &[], body.clone()).await {
                Sent::Accepted => {
                    self.sent.fetch_add(count, Ordering::Relaxed);
                    return;
                }
                Sent::Refused(_) => break,
                Sent::Later(asked) if attempt < TRIES => {
                    tokio::time::sleep(asked.unwrap_or(pause)).await;
                    pause *= 2;
                }
                Sent::Later(_) => {}
            }
        }
        self.dropped.fetch_add(count, Ordering::Relaxed);
    }
}

fn text(key: &str, value: &str) -> Value {
    json!({ "key": key, "value": { "stringValue": value } })
}
fn whole(key: &str, value: u64) -> Value {
    // 64-bit numbers are strings in OTLP's JSON.
    json!({ "key": key, "value": { "intValue": value.to_string() } })
}

fn span(facts: &Facts<'_>) -> Value {
    let end = facts.at;
    let start = end.minus(facts.took);
    let method = metrics::method_name(facts.method);
    let mut attributes = vec![
        text("http.request.method", method),
        text("url.scheme", if facts.secure { "https" } else { "http" }),
        text("client.address", &facts.caller.to_string()),
        text("plimsoll.request_id", &facts.request.to_string()),
    ];
    attributes.extend(facts.route.map(|route| text("http.route", route)));
    attributes.extend(facts.status.map(|status| whole("http.response.status_code", u64::from(status))));
    attributes.extend(facts.bytes.map(|bytes| whole("http.response.body.size", bytes)));
    attributes.extend(facts.principal.map(|principal| text("plimsoll.tenant", &principal.tenant.to_string())));
    attributes.extend(facts.refused_by.map(|layer| text("plimsoll.refused_by", layer)));
    attributes.extend(facts.error.map(|error| text("error.type", error.code().slug())));
    let events: Vec<Value> =
        facts.trail.iter().map(|(layer, after)| json!({ "timeUnixNano": nanos(start.plus(*after)), "name": layer })).collect();
    let mut name = String::from(method);
    if let Some(route) = facts.route {
        let _ = write!(name, " {route}");
    }
    // Only what the server did wrong is an error of a server's span.
    let failed = facts.status.is_none_or(|status| status >= 500);
    let mut span = json!({
        "traceId": format!("{:032x}", facts.trace.trace_id),
        "spanId": format!("{:016x}", facts.trace.span_id),
        "flags": u8::from(facts.trace.sampled),
        "name": name,
        "kind": 2,
        "startTimeUnixNano": nanos(start),
        "endTimeUnixNano": nanos(end),
        "attributes": attributes,
        "events": events,
        "status": if failed { json!({ "code": 2 }) } else { json!({}) },
    });
    if let Some(parent) = facts.trace.parent_id {
        span["parentSpanId"] = format!("{parent:016x}").into();
    }
    span
}

/// The span of an attempt: a child of the request that made the job, however much later it runs.
fn consumed(attempted: &Attempted<'_>) -> Value {
    let mut attributes = vec![
        text("plimsoll.job", &attempted.job.to_string()),
        text("plimsoll.job.kind", attempted.kind),
        whole("plimsoll.job.attempt", attempted.attempt),
        text("plimsoll.job.outcome", attempted.outcome),
        text("plimsoll.tenant", &attempted.tenant.to_string()),
        text("plimsoll.request_id", &attempted.request.to_string()),
    ];
    attributes.extend(attempted.code.map(|code| text("error.type", code.slug())));
    let failed = matches!(attempted.outcome, "failed" | "dead" | "lost");
    let mut span = json!({
        "traceId": format!("{:032x}", attempted.trace.trace_id),
        "spanId": format!("{:016x}", attempted.trace.span_id),
        "flags": u8::from(attempted.trace.sampled),
        "name": format!("job {}", attempted.kind),
        "kind": 5,
        "startTimeUnixNano": nanos(attempted.at.minus(attempted.took)),
        "endTimeUnixNano": nanos(attempted.at),
        "attributes": attributes,
        "status": if failed { json!({ "code": 2 }) } else { json!({}) },
    });
    if let Some(parent) = attempted.trace.parent_id {
        span["parentSpanId"] = format!("{parent:016x}").into();
    }
    span
}

fn nanos(time: Time) -> String {
    format!("{}000", time.micros())
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::telemetry::{access::tests::facts, outbound::receiver};
    use plimsoll_core::{Code, TenantId};

    fn otlp(address: &str) -> Otlp {
        let service = Service { environment: "test".into(), ..Service::default() };
        Otlp::new(&format!("http://{address}/"), &service, Outbound::new().unwrap(), Duration::from_millis(1)).unwrap()
    }

    #[tokio::test]
    async fn a_span_arrives_in_the_shape_a_collector_expects() {
        let (address, arrived) = receiver::listen(&[]);
        let otlp = otlp(&address);
        let principal = plimsoll_core::Principal::host(TenantId::from_bits(3));
        let error = Code::Internal.error();
        otlp.add(&facts(Some(&principal), None));
        otlp.add(&Facts { trace: super::super::Trace { parent_id: Some(7), ..facts(None, None).trace }, ..facts(None, Some(&error)) });
        otlp.drain().await;
        let arrived = arrived.recv_timeout(Duration::from_secs(10)).unwrap();
        assert!(arrived.head.starts_with("POST /v1/traces HTTP/1.1\r\n"), "{}", arrived.head);
        let document: Value = serde_json::from_str(&arrived.body).unwrap();
        let spans = &document["resourceSpans"][0]["scopeSpans"][0]["spans"];
        assert_eq!(spans[0]["traceId"], "00000000000000000000000000000abc");
        assert_eq!((&spans[0]["name"], &spans[0]["kind"]), (&"GET /v1/songs/{id}".into(), &2.into()));
        assert_eq!(
            (&spans[0]["startTimeUnixNano"], &spans[0]["endTimeUnixNano"]),
            (&"1795255200122222000".into(), &"1795255200123456000".into())
        );
        assert_eq!(spans[0]["events"][1], json!({ "timeUnixNano": "1795255200122422000", "name": "handler" }));
        assert!(spans[0]["attributes"].as_array().unwrap().contains(&whole("http.response.status_code", 200)));
        assert!(spans[0].get("parentSpanId").is_none() && spans[0]["status"] == json!({}));
        assert_eq!((&spans[1]["parentSpanId"], &spans[1]["status"]["code"]), (&"0000000000000007".into(), &2.into()));
        assert_eq!(otlp.sent.load(Ordering::Relaxed), 2);
    }

    #[tokio::test]
    async fn a_collector_that_stumbles_is_asked_again_and_one_that_refuses_is_not() {
        let (address, arrived) = receiver::listen(&[503, 429, 200, 400]);
        let otlp = otlp(&address);
        otlp.add(&facts(None, None));
        otlp.drain().await;
        assert_eq!((otlp.sent.load(Ordering::Relaxed), arrived.try_iter().count()), (1, 3));
        otlp.add(&facts(None, None));
        otlp.drain().await;
        assert_eq!((otlp.dropped.load(Ordering::Relaxed), arrived.try_iter().count()), (1, 1));
    }

    #[test]
    fn a_collector_that_is_gone_costs_spans_and_no_memory() {
        let otlp = otlp("127.0.0.1:9");
        (0..QUEUE + 10).for_each(|_| otlp.add(&facts(None, None)));
        assert_eq!(otlp.dropped.load(Ordering::Relaxed), 10);
    }
}
