//! What is counted per request, and the page that shows it.
//!
//! Names, labels and buckets are those of OpenTelemetry's HTTP conventions as Prometheus spells
//! them. A series is found without a lock and without allocation: a fixed table with as many
//! places as there may ever be series, so no caller can make it grow without bound.

use std::{
    sync::{
        Mutex, OnceLock, PoisonError,
        atomic::{AtomicI64, AtomicU64, Ordering},
    },
    time::Duration,
};

use http::Method;
use plimsoll_core::Code;

use super::exposition::Page;
use crate::stack::STACK;

/// Upper bounds in microseconds, and as they are shown in seconds.
const BUCKETS: [(u64, &str); 14] = [
    (5_000, "0.005"),
    (10_000, "0.01"),
    (25_000, "0.025"),
    (50_000, "0.05"),
    (75_000, "0.075"),
    (100_000, "0.1"),
    (250_000, "0.25"),
    (500_000, "0.5"),
    (750_000, "0.75"),
    (1_000_000, "1"),
    (2_500_000, "2.5"),
    (5_000_000, "5"),
    (7_500_000, "7.5"),
    (10_000_000, "10"),
];

/// Methods with a label of their own; everything else a caller may invent is `_OTHER`.
const METHODS: [&str; 10] = ["GET", "HEAD", "POST", "PUT", "PATCH", "DELETE", "OPTIONS", "TRACE", "CONNECT", "_OTHER"];
const SCHEMES: [&str; 2] = ["http", "https"];

const PLACES: usize = 2_048;
const STEPS: usize = 64;

/// What one series is about.
#[derive(Debug, Clone, Copy)]
pub struct Outcome {
    /// The template of the route, where one was found. Templates are compared by address: each
    /// route has its own for as long as the process lives.
    pub route: Option<&'static str>,
    /// From [`method`].
    pub method: u8,
    /// The status answered.
    pub status: u16,
    /// Whether the caller's connection is encrypted.
    pub secure: bool,
    /// The problem's code, for statuses from 500.
    pub code: Option<Code>,
}

impl PartialEq for Outcome {
    fn eq(&self, other: &Outcome) -> bool {
        self.route.map(str::as_ptr) == other.route.map(str::as_ptr)
            && (self.method, self.status, self.secure, self.code) == (other.method, other.status, other.secure, other.code)
    }
}

struct Series {
    of: Outcome,
    buckets: [AtomicU64; BUCKETS.len() + 1],
    sum_nanos: AtomicU64,
}

impl Series {
    fn new(of: Outcome) -> Box<Series> {
        Box::new(Series { of, buckets: Default::default(), sum_nanos: AtomicU64::new(0) })
    }
    fn add(&self, took: Duration) {
        let micros = u64::try_from(took.as_micros()).unwrap_or(u64::MAX);
        let place = BUCKETS.iter().position(|(bound, _)| micros <= *bound).unwrap_or(BUCKETS.len());
        self.buckets[place].fetch_add(1, Ordering::Relaxed);
        self.sum_nanos.fetch_add(u64::try_from(took.as_nanos()).unwrap_or(u64::MAX), Ordering::Relaxed);
    }
}

type Collector = Box<dyn Fn(&mut Page) + Send + Sync>;

/// Everything that is counted per request, and those who show what they count themselves.
pub struct Metrics {
    series: Box<[OnceLock<Box<Series>>]>,
    crowded: AtomicU64,
    active: [[AtomicI64; SCHEMES.len()]; METHODS.len()],
    refused: Box<[AtomicU64]>,
    /// Requests whose caller left before the answer.
    pub abandoned: AtomicU64,
    /// Panics, inside and outside requests.
    pub panics: AtomicU64,
    collectors: Mutex<Vec<Collector>>,
}

impl Default for Metrics {
    fn default() -> Metrics {
        Metrics {
            series: (0..PLACES).map(|_| OnceLock::new()).collect(),
            crowded: AtomicU64::new(0),
            active: Default::default(),
            refused: STACK.iter().map(|_| AtomicU64::new(0)).collect(),
            abandoned: AtomicU64::new(0),
            panics: AtomicU64::new(0),
            collectors: Mutex::default(),
        }
    }
}

/// The place of a method among the known ones.
pub fn method(method: &Method) -> u8 {
    // Ordered by how often they come.
    match *method {
        Method::GET => 0,
        Method::HEAD => 1,
        Method::POST => 2,
        Method::PUT => 3,
        Method::PATCH => 4,
        Method::DELETE => 5,
        Method::OPTIONS => 6,
        Method::TRACE => 7,
        Method::CONNECT => 8,
        _ => 9,
    }
}

/// The label of a method's place.
pub fn method_name(place: u8) -> &'static str {
    METHODS[usize::from(place).min(METHODS.len() - 1)]
}

impl Metrics {
    /// Counts a request that begins.
    pub fn begin(&self, method: u8, secure: bool) {
        self.active[usize::from(method)][usize::from(secure)].fetch_add(1, Ordering::Relaxed);
    }
    /// Counts the end of what [`begin`](Metrics::begin) counted.
    pub fn end(&self, method: u8, secure: bool) {
        self.active[usize::from(method)][usize::from(secure)].fetch_sub(1, Ordering::Relaxed);
    }
    /// Counts an answer.
    pub fn answered(&self, outcome: Outcome, took: Duration) {
        match self.series(outcome) {
            Some(series) => series.add(took),
            None => {
                self.crowded.fetch_add(1, Ordering::Relaxed);
            }
        }
    }
    /// Counts a refusal by a layer of the stack.
    pub fn refused(&self, layer: &str) {
        if let Some(place) = STACK.iter().position(|known| known.name == layer) {
            self.refused[place].fetch_add(1, Ordering::Relaxed);
        }
    }
    /// Adds someone who writes its own figures on each page.
    pub fn collect(&self, collector: impl Fn(&mut Page) + Send + Sync + 'static) {
        self.collectors.lock().unwrap_or_else(PoisonError::into_inner).push(Box::new(collector));
    }

    fn series(&self, outcome: Outcome) -> Option<&Series> {
        let address = outcome.route.map_or(0, |route| route.as_ptr() as usize as u64);
        let mixed = (address ^ u64::from(outcome.status) << 48 ^ u64::from(outcome.method) << 40).wrapping_mul(0x9e37_79b9_7f4a_7c15);
        let start = (mixed >> 40) as usize;
        (start..start + STEPS)
            .map(|place| &**self.series[place % PLACES].get_or_init(|| Series::new(outcome)))
            .find(|series| series.of == outcome)
    }

    /// Writes everything.
    pub fn write(&self, page: &mut Page) {
        self.write_durations(page);
        page.family("http_server_active_requests", "gauge", "Requests being answered.");
        for (method, schemes) in METHODS.iter().zip(&self.active) {
            for (scheme, active) in SCHEMES.iter().zip(schemes) {
                let active = active.load(Ordering::Relaxed);
                if active != 0 || (*method == "GET" && *scheme == "http") {
                    let labels = [("http_request_method", *method), ("url_scheme", *scheme)];
                    page.sample("http_server_active_requests", &labels, active);
                }
            }
        }
        page.family("plimsoll_refused_total", "counter", "Requests refused, by the layer that refused.");
        for (layer, count) in STACK.iter().zip(&self.refused) {
            page.sample("plimsoll_refused_total", &[("layer", layer.name)], count.load(Ordering::Relaxed));
        }
        let counts: [(&str, &str, &AtomicU64); 3] = [
            ("plimsoll_requests_abandoned_total", "Requests whose caller left before the answer.", &self.abandoned),
            ("plimsoll_panics_total", "Panics, each of them a bug.", &self.panics),
            ("plimsoll_metric_series_lost_total", "Requests not counted by route because the table of series was full.", &self.crowded),
        ];
        for (name, help, count) in counts {
            page.counter(name, help, count.load(Ordering::Relaxed));
        }
        for collector in &*self.collectors.lock().unwrap_or_else(PoisonError::into_inner) {
            collector(page);
        }
    }

    fn write_durations(&self, page: &mut Page) {
        page.family(
            "http_server_request_duration_seconds",
            "histogram",
            "Duration of requests, from their head to the head of the answer.",
        );
        for series in self.series.iter().filter_map(OnceLock::get) {
            let status = series.of.status.to_string();
            let code = series.of.code.map_or(status.as_str(), |code| code.slug());
            let mut labels = vec![
                ("http_request_method", method_name(series.of.method)),
                ("http_route", series.of.route.unwrap_or_default()),
                ("http_response_status_code", status.as_str()),
                ("url_scheme", SCHEMES[usize::from(series.of.secure)]),
                ("error_type", if series.of.status < 500 { "" } else { code }),
            ];
            // Read once: the count has to equal the last bucket.
            let mut total = 0;
            for (place, bucket) in series.buckets.iter().enumerate() {
                total += bucket.load(Ordering::Relaxed);
                labels.push(("le", BUCKETS.get(place).map_or("+Inf", |(_, bound)| bound)));
                page.sample("http_server_request_duration_seconds_bucket", &labels, total);
                labels.pop();
            }
            let seconds = Duration::from_nanos(series.sum_nanos.load(Ordering::Relaxed)).as_secs_f64();
            page.sample("http_server_request_duration_seconds_sum", &labels, seconds);
            page.sample("http_server_request_duration_seconds_count", &labels, total);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const ROUTE: &str = "/v1/songs/{id}";

    fn outcome(status: u16) -> Outcome {
        Outcome { route: Some(ROUTE), method: 0, status, secure: true, code: None }
    }

    fn text(metrics: &Metrics) -> String {
        let mut page = Page::default();
        metrics.write(&mut page);
        page.text()
    }

    #[test]
    fn a_request_is_counted_under_its_template_status_and_bucket() {
        let metrics = Metrics::default();
        metrics.answered(outcome(200), Duration::from_millis(3));
        metrics.answered(outcome(200), Duration::from_millis(5));
        metrics.answered(outcome(200), Duration::from_secs(60));
        metrics.answered(Outcome { code: Some(Code::HandlerTimeout), ..outcome(504) }, Duration::from_millis(30));
        metrics.answered(Outcome { route: None, method: method(&Method::from_bytes(b"BREW").unwrap()), ..outcome(404) }, Duration::ZERO);
        let text = text(&metrics);
        let labels = "http_request_method=\"GET\",http_route=\"/v1/songs/{id}\",http_response_status_code=\"200\",url_scheme=\"https\"";
        for expected in [
            format!("_bucket{{{labels},le=\"0.005\"}} 2\n"),
            format!("_bucket{{{labels},le=\"10\"}} 2\n"),
            format!("_bucket{{{labels},le=\"+Inf\"}} 3\n"),
            format!("_sum{{{labels}}} 60.008\n"),
            format!("_count{{{labels}}} 3\n"),
            "error_type=\"handler-timeout\",le=\"0.05\"} 1\n".to_owned(),
            "_count{http_request_method=\"_OTHER\",http_response_status_code=\"404\",url_scheme=\"https\"} 1\n".to_owned(),
        ] {
            assert!(text.contains(&expected), "{expected}\nin\n{text}");
        }
    }

    #[test]
    fn invented_statuses_cannot_grow_the_table_without_bound() {
        let metrics = Metrics::default();
        (0..10_000).for_each(|status| metrics.answered(outcome(status), Duration::ZERO));
        let kept = metrics.series.iter().filter(|place| place.get().is_some()).count();
        assert!(kept <= PLACES);
        assert_eq!(kept as u64 + metrics.crowded.load(Ordering::Relaxed), 10_000);
    }

    #[test]
    fn what_begins_ends_and_refusals_have_a_layer() {
        let metrics = Metrics::default();
        metrics.begin(2, false);
        assert!(text(&metrics).contains("http_server_active_requests{http_request_method=\"POST\",url_scheme=\"http\"} 1\n"));
        metrics.end(2, false);
        metrics.refused("gate");
        metrics.refused("unheard of");
        metrics.collect(|page| page.gauge("own", "Own.", 1.5));
        let text = text(&metrics);
        assert!(!text.contains("\"POST\""));
        assert!(text.contains("plimsoll_refused_total{layer=\"gate\"} 1\n") && text.contains("plimsoll_refused_total{layer=\"shed\"} 0\n"));
        assert!(text.ends_with("own 1.5\n"));
    }
}
