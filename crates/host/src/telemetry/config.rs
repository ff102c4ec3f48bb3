//! The section `[telemetry]`.

use std::path::PathBuf;

use super::{Format, Level};
use crate::{
    config::{Config, Profile, Rules, Secret},
    practices::PracticesConfig,
};

crate::section! {
    /// What the host says about its own work, and where: logs, traces, error reports. Metrics are always on the operations listener.
    pub struct TelemetryConfig["telemetry"] {
        /// The least level that is logged. Above `info` the line per request is left out, except for failures.
        pub level: Level = "info",
        /// How log lines look; by default `text` on a terminal and `json` elsewhere.
        pub format: Option<Format> = none,
        /// A file to log to instead of standard error. It is appended to and never rotated by the host.
        pub log_file: Option<PathBuf> = none,
        /// Further names of fields whose values are personal and never logged.
        pub personal_fields: Vec<String> = "",
        /// Base address of an OTLP collector that speaks HTTP and JSON, such as `http://127.0.0.1:4318`. No traces leave without one.
        pub otlp_endpoint: Option<String> = none,
        /// The share of traces begun here that is exported, from 0 to 1. A caller's own decision is kept.
        pub trace_ratio: f64 = "0.05",
        /// Address of a Sentry-compatible receiver of error reports, `https://key@host/project`. No reports leave without one.
        pub sentry_dsn: Option<Secret> = none,
    }
}

/// The rules of this section.
pub fn rules(config: &Config, rules: &mut Rules<'_>) {
    let section: TelemetryConfig = config.get();
    if !(0.0..=1.0).contains(&section.trace_ratio) {
        rules.refuse("telemetry.trace_ratio", "the share is not between 0 and 1", "write 0.05 for one trace in twenty");
    }
    if config.profile() == Profile::Production && section.level >= Level::Debug && config.get::<PracticesConfig>().holds("debug-off") {
        rules.refuse(
            "telemetry.level",
            format!("`{}` shows what only helps while developing, other people's libraries included", section.level),
            "log at info, or look for the cause in the development profile",
        );
    }
}
