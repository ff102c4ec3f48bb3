//! The section `[telemetry]`.

use std::path::PathBuf;

/// Where observations go, and how much of them.
#[derive(Clone, Default)]
pub struct Settings {
    /// The least level that is logged.
    pub level: super::Level,
    /// `json` or `text`; by default text on a terminal and JSON elsewhere.
    pub format: Option<super::Format>,
    /// A file to log to, instead of standard error.
    pub log_file: Option<PathBuf>,
    /// Further field names whose values are personal and never logged.
    pub personal_fields: Vec<String>,
    /// Base address of an OTLP collector (`http://127.0.0.1:4318`); no traces leave without one.
    pub otlp_endpoint: Option<String>,
    /// Share of traces begun here that are exported, 0 to 1.
    pub trace_ratio: f64,
    /// Address of a Sentry-compatible receiver of error reports, key included.
    pub sentry_dsn: Option<String>,
    /// The deployment's name in traces and reports (`production`).
    pub environment: String,
}
