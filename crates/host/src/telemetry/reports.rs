//! Error reports in the form that Sentry and those compatible with it receive.
//!
//! A report goes out for every answer from 500 that no layer chose, and for every panic outside a
//! request. It says code, place, route and request id; no header, no body, no address, no name.
//! Reports of the same fault within a minute are only counted, and the next one says how many
//! there were: a fault that hits every request must not become a second flood.

use std::{
    collections::{HashMap, VecDeque},
    sync::{
        Arc, Mutex, PoisonError,
        atomic::{AtomicU64, Ordering},
    },
    time::Duration,
};

use bytes::Bytes;
use http::{HeaderValue, Uri};
use plimsoll_core::{Clock, Code, Result, Seed, Time};
use serde_json::{Value, json};
use tokio::sync::Notify;

use super::{
    Facts, Redactor, Service, metrics,
    outbound::{Outbound, Sent, address},
};

const QUEUE: usize = 64;
const FAULTS_KEPT: usize = 256;
const WINDOW: Duration = Duration::from_secs(60);
const TRIES: u32 = 3;

/// What went wrong, without anything personal.
pub(super) struct Fault {
    pub kind: String,
    pub sentence: String,
    pub place: String,
    pub route: String,
    /// The id of whoever asked: never a name.
    pub user: Option<String>,
    pub tags: Value,
}

impl Fault {
    pub(super) fn of(facts: &Facts<'_>, redactor: &Redactor) -> Option<Fault> {
        let (error, status) = (facts.error?, facts.status?);
        if status < 500 || facts.refused_by.is_some() {
            return None;
        }
        let sentence = error.cause().unwrap_or_else(|| error.public().to_owned());
        Some(Fault {
            kind: error.code().stable().to_owned(),
            sentence: redactor.text(&sentence).into_owned(),
            place: error.at().to_string(),
            route: facts.route.unwrap_or("-").to_owned(),
            user: facts.principal.map(|principal| principal.id.to_string()),
            tags: json!({
                "request_id": facts.request.to_string(),
                "trace_id": format!("{:032x}", facts.trace.trace_id),
                "method": metrics::method_name(facts.method),
                "status": status.to_string(),
                "code": error.code().stable(),
            }),
        })
    }
}

/// Sends reports.
pub(super) struct Reports {
    queue: Mutex<VecDeque<Value>>,
    seen: Mutex<HashMap<[String; 3], (Time, u64)>>,
    waiting: Notify,
    /// Held while sending, so that whoever drains also waits for what is on its way.
    sending: tokio::sync::Mutex<()>,
    outbound: Outbound,
    to: Uri,
    auth: HeaderValue,
    service: Service,
    clock: Clock,
    seed: Seed,
    first_pause: Duration,
    pub(super) dropped: AtomicU64,
    pub(super) sent: AtomicU64,
}

impl Reports {
    /// Ready to send to the receiver that `dsn` names: `https://key@host/project`.
    ///
    /// # Errors
    /// `ConfigInvalid` when it is not of that form; the sentence does not quote it.
    pub(super) fn new(dsn: &str, service: Service, clock: Clock, seed: Seed, outbound: Outbound, first_pause: Duration) -> Result<Reports> {
        let (to, auth) = receiver(dsn)?;
        Ok(Reports {
            queue: Mutex::default(),
            seen: Mutex::default(),
            waiting: Notify::new(),
            sending: tokio::sync::Mutex::default(),
            outbound,
            to,
            auth,
            service,
            clock,
            seed,
            first_pause,
            dropped: AtomicU64::new(0),
            sent: AtomicU64::new(0),
        })
    }

    /// Takes note of a fault, unless the same one was reported within the last minute.
    pub(super) fn add(&self, fault: Fault) {
        let Some(repeats) = self.admit([fault.kind.clone(), fault.place.clone(), fault.route.clone()]) else { return };
        let event = self.event(fault, repeats);
        let mut queue = self.queue.lock().unwrap_or_else(PoisonError::into_inner);
        if queue.len() >= QUEUE {
            self.dropped.fetch_add(1, Ordering::Relaxed);
            return;
        }
        queue.push_back(event);
        self.waiting.notify_one();
    }

    fn admit(&self, fingerprint: [String; 3]) -> Option<u64> {
        let now = self.clock.now();
        let mut seen = self.seen.lock().unwrap_or_else(PoisonError::into_inner);
        if seen.len() >= FAULTS_KEPT {
            seen.retain(|_, (since, _)| now.since(*since) < WINDOW);
        }
        let crowded = seen.len() >= FAULTS_KEPT;
        match seen.get_mut(&fingerprint) {
            Some((since, repeats)) if now.since(*since) < WINDOW => {
                *repeats += 1;
                None
            }
            Some((since, repeats)) => {
                *since = now;
                Some(std::mem::take(repeats))
            }
            None if crowded => {
                self.dropped.fetch_add(1, Ordering::Relaxed);
                None
            }
            None => {
                seen.insert(fingerprint, (now, 0));
                Some(0)
            }
        }
    }

    fn event(&self, fault: Fault, repeats: u64) -> Value {
        let id: String = self.seed.bytes::<16>().iter().map(|byte| format!("{byte:02x}")).collect();
        let (file, line) = place(&fault.place);
        json!({
            "event_id": id,
            "timestamp": self.clock.now(),
            "platform": "other",
            "level": "error",
            "logger": "plimsoll",
            "release": format!("plimsoll@{}", self.service.version),
            "environment": self.service.environment,
            "transaction": fault.route,
            "fingerprint": [fault.kind, fault.place, fault.route],
            "tags": fault.tags,
            "user": fault.user.map(|id| json!({ "id": id })),
            "extra": { "repeats_before": repeats },
            "exception": { "values": [{
                "type": fault.kind,
                "value": fault.sentence,
                "stacktrace": { "frames": [{ "filename": file, "lineno": line, "in_app": true }] },
            }] },
        })
    }

    /// Sends for as long as it is polled.
    pub(super) async fn run(self: Arc<Self>) {
        loop {
            self.waiting.notified().await;
            self.drain().await;
        }
    }

    /// Sends all that is queued.
    pub(super) async fn drain(&self) {
        let _sending = self.sending.lock().await;
        loop {
            let Some(event) = self.queue.lock().unwrap_or_else(PoisonError::into_inner).pop_front() else { return };
            self.send(&event).await;
        }
    }

    async fn send(&self, event: &Value) {
        let payload = event.to_string();
        let head = json!({ "event_id": event["event_id"], "sent_at": self.clock.now() });
        let item = json!({ "type": "event", "length": payload.len(), "content_type": "application/json" });
        let envelope = Bytes::from(format!("{head}\n{item}\n{payload}\n"));
        let mut pause = self.first_pause;
        for attempt in 1..=TRIES {
            let auth = [("x-sentry-auth", self.auth.clone())];
            match self.outbound.post(&self.to, "application/x-sentry-envelope", &auth, envelope.clone()).await {
                Sent::Accepted => {
                    self.sent.fetch_add(1, Ordering::Relaxed);
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
        self.dropped.fetch_add(1, Ordering::Relaxed);
    }
}

/// `src/a.rs:17:4` as file and line.
fn place(place: &str) -> (&str, u64) {
    let mut parts = place.rsplitn(3, ':');
    let (_, line, file) = (parts.next(), parts.next(), parts.next());
    (file.unwrap_or(place), line.and_then(|line| line.parse().ok()).unwrap_or(0))
}

/// The address to post to and the header that holds the key, from a DSN.
fn receiver(dsn: &str) -> Result<(Uri, HeaderValue)> {
    let wrong = || Code::ConfigInvalid.because("telemetry.sentry_dsn is not of the form https://key@host/project");
    let (scheme, rest) = dsn.split_once("://").ok_or_else(wrong)?;
    let (key, rest) = rest.split_once('@').ok_or_else(wrong)?;
    // Old addresses carry a second, private half of the key, which nobody needs any more.
    let key = key.split(':').next().unwrap_or(key);
    let (base, project) = rest.trim_end_matches('/').rsplit_once('/').ok_or_else(wrong)?;
    if key.is_empty() || project.is_empty() || !key.bytes().all(|byte| byte.is_ascii_alphanumeric()) {
        return Err(wrong());
    }
    let to = address("sentry_dsn", &format!("{scheme}://{base}/api/{project}/envelope/"))?;
    let client = concat!("plimsoll/", env!("CARGO_PKG_VERSION"));
    let mut auth =
        HeaderValue::try_from(format!("Sentry sentry_version=7, sentry_client={client}, sentry_key={key}")).map_err(|_| wrong())?;
    auth.set_sensitive(true);
    Ok((to, auth))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::telemetry::{access::tests::facts, outbound::receiver as listener};

    fn reports(address: &str, clock: Clock) -> Reports {
        let service = Service { environment: "test".into(), ..Service::default() };
        let outbound = Outbound::new().unwrap();
        Reports::new(&format!("http://public1@{address}/42"), service, clock, Seed::fixed(1), outbound, Duration::from_millis(1)).unwrap()
    }

    #[tokio::test]
    async fn a_failure_is_reported_without_anything_personal() {
        let (address, arrived) = listener::listen(&[503]);
        let reports = reports(&address, Clock::manual(Time::from_micros(0)));
        let error = Code::Internal.error().caused_by("no row for ada@example.org");
        let principal = plimsoll_core::Principal::host(plimsoll_core::TenantId::from_bits(1));
        reports.add(Fault::of(&facts(Some(&principal), Some(&error)), &Redactor::default()).unwrap());
        reports.drain().await;
        let first = arrived.recv_timeout(Duration::from_secs(10)).unwrap();
        let second = arrived.recv_timeout(Duration::from_secs(10)).unwrap();
        assert_eq!(first.body, second.body, "a report is repeated as it was");
        assert!(
            second.head.starts_with("POST /api/42/envelope/ HTTP/1.1\r\n") && second.head.contains("sentry_key=public1"),
            "{}",
            second.head
        );
        let lines: Vec<Value> = second.body.lines().map(|line| serde_json::from_str(line).unwrap()).collect();
        assert_eq!(lines[1]["length"], second.body.lines().nth(2).unwrap().len());
        let event = &lines[2];
        assert_eq!(event["event_id"].as_str().unwrap().len(), 32);
        assert_eq!((&event["transaction"], &event["environment"]), (&"/v1/songs/{id}".into(), &"test".into()));
        assert_eq!(event["exception"]["values"][0]["value"], "no row for ***");
        assert!(event["exception"]["values"][0]["stacktrace"]["frames"][0]["lineno"].as_u64().unwrap() > 0);
        assert!(!second.body.contains("127.0.0.1") && !second.body.contains("ten_"), "{}", second.body);
    }

    #[test]
    fn a_fault_that_repeats_is_counted_and_not_sent_again() {
        let clock = Clock::manual(Time::from_micros(0));
        let reports = reports("127.0.0.1:9", clock.clone());
        let error = Code::Internal.error();
        let again = || reports.add(Fault::of(&facts(None, Some(&error)), &Redactor::default()).unwrap());
        (0..10).for_each(|_| again());
        assert_eq!(reports.queue.lock().unwrap().len(), 1);
        clock.advance(Duration::from_secs(61));
        again();
        assert_eq!(reports.queue.lock().unwrap()[1]["extra"]["repeats_before"], 9);
    }

    #[test]
    fn what_a_layer_refused_and_what_the_caller_did_wrong_is_no_fault() {
        let redactor = Redactor::default();
        let (shed, absent) = (Code::Overloaded.error(), Code::NotFound.error());
        assert!(Fault::of(&Facts { refused_by: Some("shed"), ..facts(None, Some(&shed)) }, &redactor).is_none());
        assert!(Fault::of(&facts(None, Some(&absent)), &redactor).is_none());
    }

    #[test]
    fn an_address_of_another_form_is_refused_without_being_quoted() {
        for broken in ["", "https://host/1", "https://k3y@host", "https://@host/1", "k3y@host/1", "https://k 3y@host/1"] {
            let error = receiver(broken).unwrap_err();
            assert!(error.code() == Code::ConfigInvalid && !error.public().contains("k3y"), "{broken}");
        }
        assert_eq!(receiver("https://k3y:old@host/sub/1").unwrap().0, "https://host/sub/api/1/envelope/");
    }
}
