//! Logs, metrics, traces, error reports: what the host says about its own work.
//!
//! **Promises.** Every request leaves one log line, one count and, where sampled, one span, all
//! under the same id; also when its caller left before the answer. Nothing here makes a request
//! wait: lines, spans and reports go into bounded buffers, and what does not fit is dropped and
//! counted. No secret and no personal value leaves through here ([`redact`]).
//!
//! **Does not promise** that every line is kept: see [`log`] for what happens when the reader is
//! too slow. What must not be lost belongs in the ledger.

mod access;
mod attempted;
pub mod config;
mod current;
mod events;
pub mod exposition;
mod level;
pub mod line;
pub mod log;
mod metrics;
mod otlp;
mod outbound;
pub mod pools;
mod process;
pub mod redact;
mod reports;
pub(crate) mod told;
mod trace;

use std::{
    cell::RefCell,
    io::IsTerminal,
    sync::{Arc, Weak, atomic::Ordering},
    time::{Duration, Instant},
};

use plimsoll_core::{Clock, Result, Seed};
use tokio::task::AbortHandle;
use tracing_subscriber::layer::SubscriberExt;

pub use access::Facts;
pub use attempted::Attempted;
pub use config::{TelemetryConfig, rules};
pub(crate) use current::Within;
pub use current::{Current, current};
pub use exposition::Page;
pub use level::Level;
pub use line::{Format, Line};
pub use log::{Log, Worth};
pub use metrics::{Metrics, Outcome, method, method_name};
pub(crate) use outbound::connector;
pub use outbound::{Outbound, Sent};
pub use redact::Redactor;
pub use told::{Overview, Told};
pub use trace::{TRACEPARENT, Trace};

const FLUSH_LIMIT: Duration = Duration::from_secs(3);
const FIRST_PAUSE: Duration = Duration::from_millis(500);

/// Which program observes itself.
#[derive(Debug, Clone)]
pub struct Service {
    /// The version.
    pub version: &'static str,
    /// The commit it was built from, where the build knew.
    pub commit: Option<&'static str>,
    /// The deployment's name: `production`.
    pub environment: String,
}

impl Default for Service {
    fn default() -> Service {
        Service { version: env!("CARGO_PKG_VERSION"), commit: option_env!("PLIMSOLL_COMMIT"), environment: String::new() }
    }
}

/// Where lines are made: format, level, masking, and the log itself.
pub struct Sink {
    log: Log,
    format: Format,
    level: Level,
    redactor: Redactor,
    clock: Clock,
    metrics: Arc<Metrics>,
}

impl Sink {
    fn write(&self, worth: Worth, line: impl FnOnce(&mut Vec<u8>)) {
        thread_local! {
            static SCRATCH: RefCell<Vec<u8>> = const { RefCell::new(Vec::new()) };
        }
        SCRATCH.with(|scratch| match scratch.try_borrow_mut() {
            Ok(mut out) => {
                out.clear();
                line(&mut out);
                self.log.push(&out, worth);
            }
            // A value that logs while it is being logged.
            Err(_) => {
                let mut out = Vec::new();
                line(&mut out);
                self.log.push(&out, worth);
            }
        });
    }
}

/// Where observations go. The default counts and says nothing.
pub struct Telemetry {
    /// What is counted; others may add their own figures with [`Metrics::collect`].
    pub metrics: Arc<Metrics>,
    sink: Option<Flushed>,
    traces: Option<Arc<otlp::Otlp>>,
    reports: Option<Arc<reports::Reports>>,
    ratio: f64,
    access: bool,
    context: bool,
    counting: bool,
    service: Service,
    started: Instant,
    background: Background,
}

impl Default for Telemetry {
    fn default() -> Telemetry {
        Telemetry {
            metrics: Arc::default(),
            sink: None,
            traces: None,
            reports: None,
            ratio: 0.0,
            access: true,
            context: true,
            counting: true,
            service: Service::default(),
            started: Instant::now(),
            background: Background::default(),
        }
    }
}

impl Telemetry {
    /// Opens the log and begins to export. Has to run inside the runtime when something is
    /// exported. `holds` says which practices are enforced ([`crate::Host::holds`]).
    ///
    /// # Errors
    /// `ConfigInvalid` when the log cannot be opened or an address is none.
    pub fn start(config: &TelemetryConfig, service: Service, clock: Clock, seed: Seed, holds: &dyn Fn(&str) -> bool) -> Result<Telemetry> {
        let log = match &config.log_file {
            Some(path) => Log::to_file(path)?,
            None => Log::to(std::io::stderr())?,
        };
        let terminal = config.log_file.is_none() && std::io::stderr().is_terminal();
        let format = match config.format {
            _ if !holds("logs-json") => Format::Text,
            Some(format) => format,
            None if terminal => Format::Text,
            None => Format::Json,
        };
        Telemetry::with_log(log, format, config, service, clock, seed, holds)
    }

    /// The same with a log that is open already: for tests, and for hosts that log elsewhere.
    ///
    /// # Errors
    /// As [`start`](Telemetry::start).
    pub fn with_log(
        log: Log,
        format: Format,
        config: &TelemetryConfig,
        service: Service,
        clock: Clock,
        seed: Seed,
        holds: &dyn Fn(&str) -> bool,
    ) -> Result<Telemetry> {
        let metrics: Arc<Metrics> = Arc::default();
        let redactor = Redactor::new(&config.personal_fields, holds("log-redaction"));
        let level = if holds("log-levels") { config.level } else { Level::Trace };
        let sink = Sink { log, format, level, redactor, clock: clock.clone(), metrics: metrics.clone() };
        let mut telemetry = Telemetry {
            metrics,
            sink: Some(Flushed(Arc::new(sink))),
            ratio: config.trace_ratio,
            access: holds("access-log"),
            context: holds("log-context"),
            counting: holds("metrics-http"),
            service: service.clone(),
            ..Telemetry::default()
        };
        if let Some(endpoint) = config.otlp_endpoint.as_ref().filter(|_| holds("tracing")) {
            let otlp = Arc::new(otlp::Otlp::new(endpoint, &service, Outbound::new()?, FIRST_PAUSE)?);
            telemetry.background.0.push(tokio::spawn(otlp.clone().run()).abort_handle());
            telemetry.traces = Some(otlp);
        }
        if let Some(dsn) = config.sentry_dsn.as_ref().filter(|_| holds("error-tracking")) {
            let reports = Arc::new(reports::Reports::new(dsn.expose(), service, clock, seed, Outbound::new()?, FIRST_PAUSE)?);
            telemetry.background.0.push(tokio::spawn(reports.clone().run()).abort_handle());
            telemetry.reports = Some(reports);
        }
        Ok(telemetry)
    }

    /// A subscriber that writes `tracing` events into this log.
    pub fn subscriber(&self) -> Option<impl tracing::Subscriber + Send + Sync + use<>> {
        Some(tracing_subscriber::registry().with(events::Events(self.sink.as_ref()?.0.clone())))
    }

    /// Makes this log the process's: `tracing` events go to it, and panics, which otherwise print
    /// to standard error in a form of their own. Once per process; a second call changes nothing.
    pub fn install(&self) {
        let Some(sink) = &self.sink else { return };
        let Some(subscriber) = self.subscriber() else { return };
        if tracing::subscriber::set_global_default(subscriber).is_err() {
            return;
        }
        let sink = Arc::downgrade(&sink.0);
        let reports = self.reports.as_ref().map(Arc::downgrade).unwrap_or_default();
        let before = std::panic::take_hook();
        std::panic::set_hook(Box::new(move |panic| match sink.upgrade() {
            Some(sink) => note_panic(&sink, &reports, panic),
            None => before(panic),
        }));
    }

    /// The trace of a request that has just arrived.
    pub fn begin(&self, headers: &http::HeaderMap, request: plimsoll_core::RequestId) -> Trace {
        Trace::begin(headers, request, self.ratio)
    }

    /// Takes note of a finished request: counts it, writes its line, keeps its span and, where it
    /// failed, its report.
    pub fn record(&self, facts: &Facts<'_>) {
        if self.counting {
            self.count(facts);
        }
        // Whoever keeps no line per request still writes down what went wrong.
        let wanted = |level| self.access || level == Level::Error;
        if let Some(sink) = self.sink.as_ref().filter(|sink| facts.level() <= sink.level && wanted(facts.level())) {
            let worth = if facts.level() <= Level::Warn { Worth::Important } else { Worth::Routine };
            // A refusal under load is routine, however it is called: it must not wait for the log.
            let worth = if facts.refused_by.is_some() { Worth::Routine } else { worth };
            let bare;
            let facts = if self.context {
                facts
            } else {
                bare = Facts { principal: None, ..*facts };
                &bare
            };
            sink.write(worth, |out| facts.write(out, sink.format, &sink.redactor));
        }
        if let Some(traces) = self.traces.as_ref().filter(|_| facts.trace.sampled) {
            traces.add(facts);
        }
        if let (Some(reports), Some(sink), Some(500..)) = (&self.reports, &self.sink, facts.status)
            && let Some(fault) = reports::Fault::of(facts, &sink.redactor)
        {
            reports.add(fault);
        }
    }

    /// Keeps the span of an attempt of a job, where the request that made the job was sampled.
    pub fn attempted(&self, attempted: &Attempted<'_>) {
        if let Some(traces) = self.traces.as_ref().filter(|_| attempted.trace.sampled) {
            traces.add_attempt(attempted);
        }
    }

    fn count(&self, facts: &Facts<'_>) {
        match facts.status {
            Some(status) => {
                let code = facts.error.filter(|_| status >= 500).map(plimsoll_core::Error::code);
                let outcome = Outcome { route: facts.route, method: facts.method, status, secure: facts.secure, code };
                self.metrics.answered(outcome, facts.took);
            }
            None => {
                self.metrics.abandoned.fetch_add(1, Ordering::Relaxed);
            }
        }
        if let Some(layer) = facts.refused_by {
            self.metrics.refused(layer);
        }
    }

    /// Writes the page of metrics, as far as this engine counts.
    pub fn write_metrics(&self, page: &mut Page) {
        let commit = self.service.commit.unwrap_or_default();
        page.family("plimsoll_build_info", "gauge", "What is running.");
        page.sample("plimsoll_build_info", &[("version", self.service.version), ("commit", commit)], 1);
        page.gauge("plimsoll_uptime_seconds", "Time since start.", self.started.elapsed().as_secs_f64());
        process::write(page);
        self.metrics.write(page);
        if let Some(sink) = &self.sink {
            page.counter("plimsoll_log_lines_dropped_total", "Log lines that found no room.", sink.log.dropped());
            page.counter("plimsoll_log_write_errors_total", "Writes of the log that failed.", sink.log.failed());
        }
        if let Some(traces) = &self.traces {
            page.counter("plimsoll_spans_exported_total", "Spans the collector took.", traces.sent.load(Ordering::Relaxed));
            page.counter("plimsoll_spans_dropped_total", "Spans that could not be sent.", traces.dropped.load(Ordering::Relaxed));
        }
        if let Some(reports) = &self.reports {
            page.counter("plimsoll_error_reports_sent_total", "Error reports taken.", reports.sent.load(Ordering::Relaxed));
            page.counter("plimsoll_error_reports_dropped_total", "Error reports not sent.", reports.dropped.load(Ordering::Relaxed));
        }
    }

    /// Writes and sends what is still on its way; five seconds at most. Called when the host stops.
    pub async fn flush(&self) {
        let exports = async {
            if let Some(traces) = &self.traces {
                traces.drain().await;
            }
            if let Some(reports) = &self.reports {
                reports.drain().await;
            }
        };
        let _ = tokio::time::timeout(FLUSH_LIMIT, exports).await;
        if let Some(sink) = self.sink.as_ref().map(|sink| sink.0.clone()) {
            let _ = tokio::task::spawn_blocking(move || sink.log.flush()).await;
        }
    }
}

/// A sink whose last lines are written when its owner goes; the installed subscriber keeps the
/// sink itself for as long as the process lives.
struct Flushed(Arc<Sink>);

impl std::ops::Deref for Flushed {
    type Target = Sink;
    fn deref(&self) -> &Sink {
        &self.0
    }
}
impl Drop for Flushed {
    fn drop(&mut self) {
        self.0.log.flush();
    }
}

/// Tasks that end with their owner.
#[derive(Default)]
struct Background(Vec<AbortHandle>);

impl Drop for Background {
    fn drop(&mut self) {
        self.0.iter().for_each(AbortHandle::abort);
    }
}

fn note_panic(sink: &Sink, reports: &Weak<reports::Reports>, panic: &std::panic::PanicHookInfo<'_>) {
    sink.metrics.panics.fetch_add(1, Ordering::Relaxed);
    let said = panic.payload_as_str().unwrap_or("a panic without words");
    let said = sink.redactor.text(said);
    let place = panic.location().map(ToString::to_string).unwrap_or_default();
    let request = current();
    sink.write(Worth::Important, |out| {
        let mut line = Line::begin(out, sink.format, sink.clock.now(), Level::Error, "panic", &["panicked: ", &said]);
        if let Some(current) = request {
            line.word("request_id", current.request);
            line.hex("trace_id", current.trace.trace_id, 32);
            line.hex("span_id", u128::from(current.trace.span_id), 16);
        }
        line.text("at", &place);
        line.text("thread", std::thread::current().name().unwrap_or("-"));
        line.end();
    });
    // Inside a request the answer reports it, with the route.
    if let (None, Some(reports)) = (request, reports.upgrade()) {
        let thread = std::thread::current().name().unwrap_or("-").to_owned();
        let tags = serde_json::json!({ "thread": thread });
        reports.add(reports::Fault { kind: "panic".into(), sentence: said.into_owned(), place, route: "-".into(), user: None, tags });
    }
}

#[cfg(test)]
mod tests;
