use super::{access::tests::facts, *};
use plimsoll_core::{Code, RequestId, Time};
use std::{io::Write, sync::Mutex};

#[derive(Clone, Default)]
struct Paper(Arc<Mutex<Vec<u8>>>);
impl Write for Paper {
    fn write(&mut self, bytes: &[u8]) -> std::io::Result<usize> {
        self.0.lock().unwrap().extend_from_slice(bytes);
        Ok(bytes.len())
    }
    fn flush(&mut self) -> std::io::Result<()> {
        Ok(())
    }
}
impl Paper {
    fn lines(&self) -> Vec<serde_json::Value> {
        String::from_utf8(self.0.lock().unwrap().clone()).unwrap().lines().map(|line| serde_json::from_str(line).unwrap()).collect()
    }
}

fn telemetry(settings: &TelemetryConfig, off: &'static [&'static str]) -> (Telemetry, Paper) {
    let paper = Paper::default();
    let log = Log::to(paper.clone()).unwrap();
    let clock = Clock::manual(Time::from_micros(0));
    let holds = move |practice: &str| !off.contains(&practice);
    let telemetry = Telemetry::with_log(log, Format::Json, settings, Service::default(), clock, Seed::fixed(1), &holds).unwrap();
    (telemetry, paper)
}

fn page(telemetry: &Telemetry) -> String {
    let mut page = Page::default();
    telemetry.write_metrics(&mut page);
    page.text()
}

#[tokio::test]
async fn a_request_leaves_one_line_and_one_count() {
    let (telemetry, paper) = telemetry(&TelemetryConfig::default(), &[]);
    telemetry.record(&facts(None, None));
    let refused = Code::QuotaExceeded.error();
    telemetry.record(&Facts { refused_by: Some("limit"), ..facts(None, Some(&refused)) });
    telemetry.record(&Facts { status: None, ..facts(None, None) });
    telemetry.flush().await;
    let statuses: Vec<_> = paper.lines().iter().map(|line| line["status"].as_u64()).collect();
    assert_eq!(statuses, [Some(200), Some(429), None]);
    let page = page(&telemetry);
    for expected in [
        "plimsoll_build_info{version=",
        "http_response_status_code=\"429\",url_scheme=\"http\"} 1\n",
        "plimsoll_refused_total{layer=\"limit\"} 1\n",
        "plimsoll_requests_abandoned_total 1\n",
        "plimsoll_log_lines_dropped_total 0\n",
        "plimsoll_uptime_seconds ",
    ] {
        assert!(page.contains(expected), "{expected} in {page}");
    }
}

#[tokio::test]
async fn each_practice_can_be_switched_off_alone() {
    let (without_log, paper) = telemetry(&TelemetryConfig::default(), &["access-log"]);
    without_log.record(&facts(None, None));
    without_log.flush().await;
    assert!(paper.lines().is_empty() && page(&without_log).contains("_count{http_request_method=\"GET\""));
    let (without_count, paper) = telemetry(&TelemetryConfig::default(), &["metrics-http"]);
    let principal = plimsoll_core::Principal::host(plimsoll_core::TenantId::from_bits(1));
    without_count.record(&facts(Some(&principal), None));
    without_count.flush().await;
    assert!(
        paper.lines().len() == 1
            && paper.lines()[0].get("tenant").is_some()
            && !page(&without_count).contains("_count{http_request_method=\"GET\"")
    );
    let (without_context, paper) = telemetry(&TelemetryConfig::default(), &["log-context"]);
    without_context.record(&facts(Some(&principal), None));
    without_context.flush().await;
    assert!(paper.lines().len() == 1 && paper.lines()[0].get("tenant").is_none());
    let (unmasked, paper) = telemetry(&TelemetryConfig::default(), &["log-redaction"]);
    let error = Code::Internal.error().caused_by("password=hunter2");
    unmasked.record(&facts(None, Some(&error)));
    unmasked.flush().await;
    assert_eq!(paper.lines()[0]["cause"], "password=hunter2");
}

#[tokio::test]
async fn the_level_decides_which_lines_are_written() {
    let (telemetry, paper) = telemetry(&TelemetryConfig { level: Level::Warn, ..TelemetryConfig::default() }, &[]);
    telemetry.record(&facts(None, None));
    let error = Code::Internal.error();
    telemetry.record(&facts(None, Some(&error)));
    tracing::subscriber::with_default(telemetry.subscriber().unwrap(), || {
        tracing::info!("not this");
        tracing::warn!("but this");
    });
    telemetry.flush().await;
    assert_eq!(paper.lines().iter().map(|line| line["level"].as_str().unwrap().to_owned()).collect::<Vec<_>>(), ["error", "warn"]);
}

#[tokio::test]
async fn events_have_the_schema_of_every_line_and_lose_their_secrets() {
    let (telemetry, paper) = telemetry(&TelemetryConfig::default(), &[]);
    let _guard = tracing::subscriber::set_default(telemetry.subscriber().unwrap());
    let current = Current { request: RequestId::from_bits(5), trace: Trace { trace_id: 9, span_id: 8, ..Trace::default() } };
    let inner = Box::pin(async {
        tracing::warn!(
            sql = "SELECT 1",
            millis = 7u64,
            ratio = f64::NAN,
            password = "hunter2",
            token = 5,
            "slow for {}",
            "ada@example.org"
        );
    });
    Within { current, inner }.await;
    tracing::debug!("not at this level");
    tracing::info!(target: "hyper::client", "other people's chatter");
    telemetry.flush().await;
    let [line] = &paper.lines()[..] else { panic!("one line: {:?}", paper.lines()) };
    for (field, value) in [
        ("time", "1970-01-01T00:00:00.000000Z"),
        ("level", "warn"),
        ("message", "slow for ***"),
        ("request_id", &RequestId::from_bits(5).to_string()),
        ("span_id", "0000000000000008"),
        ("sql", "SELECT 1"),
        ("password", "***"),
        ("token", "***"),
        ("ratio", "NaN"),
    ] {
        assert_eq!(line[field], value, "{field}");
    }
    assert_eq!(line["millis"], 7);
    assert!(line["target"].as_str().unwrap().starts_with("plimsoll::telemetry"));
}

#[tokio::test]
async fn spans_and_reports_leave_when_the_host_stops() {
    let (collector, spans) = outbound::receiver::listen(&[]);
    let (tracker, reports) = outbound::receiver::listen(&[]);
    let settings = TelemetryConfig {
        otlp_endpoint: Some(format!("http://{collector}")),
        sentry_dsn: Some(crate::config::Secret::new(format!("http://k1@{tracker}/1"))),
        trace_ratio: 1.0,
        ..TelemetryConfig::default()
    };
    let (telemetry, _) = telemetry(&settings, &[]);
    let error = Code::Internal.error();
    telemetry.record(&facts(None, Some(&error)));
    telemetry.record(&Facts { trace: Trace { sampled: false, ..facts(None, None).trace }, ..facts(None, None) });
    telemetry.flush().await;
    let span = spans.recv_timeout(Duration::from_secs(10)).unwrap().body;
    let report = reports.recv_timeout(Duration::from_secs(10)).unwrap().body;
    let id = RequestId::from_bits(99).to_string();
    assert!(span.contains(&id) && report.contains(&id), "one id everywhere");
    assert!(page(&telemetry).contains("plimsoll_spans_exported_total 1\n"), "the unsampled one was not sent");
}

#[tokio::test]
async fn a_misspelt_address_is_refused_at_start() {
    let settings = TelemetryConfig { otlp_endpoint: Some("collector:4318".into()), ..TelemetryConfig::default() };
    let log = Log::to(std::io::sink()).unwrap();
    let started = Telemetry::with_log(log, Format::Json, &settings, Service::default(), Clock::system(), Seed::fixed(1), &|_| true);
    assert_eq!(started.err().map(|error| error.code()), Some(Code::ConfigInvalid));
    let settings = TelemetryConfig { log_file: Some("/nowhere/at/all.log".into()), ..TelemetryConfig::default() };
    let started = Telemetry::start(&settings, Service::default(), Clock::system(), Seed::fixed(1), &|_| true);
    assert!(started.err().is_some_and(|error| error.public().contains("log_file")));
}
