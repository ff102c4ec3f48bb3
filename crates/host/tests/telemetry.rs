//! What is installed for the whole process, in a process of its own.

use std::{
    io::Write,
    sync::{Arc, Mutex, PoisonError},
};

use plimsoll::telemetry::{Format, Log, Page, Service, Telemetry, TelemetryConfig};
use plimsoll_core::{Clock, Seed};

#[derive(Clone, Default)]
struct Paper(Arc<Mutex<Vec<u8>>>);

impl Write for Paper {
    fn write(&mut self, bytes: &[u8]) -> std::io::Result<usize> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner).extend_from_slice(bytes);
        Ok(bytes.len())
    }
    fn flush(&mut self) -> std::io::Result<()> {
        Ok(())
    }
}

#[tokio::test]
async fn a_panic_is_a_line_like_every_other_and_is_counted() {
    let paper = Paper::default();
    let log = Log::to(paper.clone()).unwrap();
    let config = TelemetryConfig::default();
    let telemetry =
        Telemetry::with_log(log, Format::Json, &config, Service::default(), Clock::system(), Seed::system(), &|_| true).unwrap();
    telemetry.install();
    telemetry.install();
    let panicked = std::thread::Builder::new().name("worker".into()).spawn(|| panic!("no row for ada@example.org")).unwrap().join();
    assert!(panicked.is_err());
    tracing::warn!("after it");
    telemetry.flush().await;
    let text = String::from_utf8(paper.0.lock().unwrap().clone()).unwrap();
    let lines: Vec<serde_json::Value> = text.lines().map(|line| serde_json::from_str(line).unwrap()).collect();
    assert_eq!(lines.len(), 2, "{text}");
    for (field, value) in [("level", "error"), ("target", "panic"), ("message", "panicked: no row for ***"), ("thread", "worker")] {
        assert_eq!(lines[0][field], value, "{field}");
    }
    assert!(lines[0]["at"].as_str().unwrap().contains("telemetry.rs:"));
    assert_eq!(lines[1]["message"], "after it");
    let mut page = Page::default();
    telemetry.write_metrics(&mut page);
    assert!(page.text().contains("plimsoll_panics_total 1\n"));
}
