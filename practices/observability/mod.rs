//! Logs, metrics, traces.

mod correlation;
mod look;

use plimsoll_assess::{Practice, probe};

pub(crate) const AREA: &[Practice] = &[
    page!("logs-json"),
    page!("log-context"),
    page!("correlation-id").proven_by(probe!(Tenants, Log, Copies; correlation::attack)).seen_by(probe!(; look::correlation)),
    page!("log-levels"),
    page!("access-log"),
    page!("log-aggregation"),
    page!("metrics-prometheus"),
    page!("metrics-http"),
    page!("business-metrics"),
    page!("error-tracking"),
    page!("error-tracking-frontend"),
    page!("tracing"),
    page!("apm"),
    page!("alert-rules"),
    page!("alert-integrations"),
    page!("alert-ack"),
    page!("dashboards"),
];
