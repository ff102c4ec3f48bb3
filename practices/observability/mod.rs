//! Logs, metrics, traces.

mod correlation;
mod lines;
mod look;
pub(crate) mod metered;
pub(crate) mod reports;

use plimsoll_assess::{Practice, probe};

pub(crate) const AREA: &[Practice] = &[
    page!("logs-json").proven_by(probe!(Tenants, Log; lines::structured)),
    page!("log-context").proven_by(probe!(Tenants, Log, Addresses; lines::context)),
    page!("correlation-id").proven_by(probe!(Tenants, Log, Collector, Copies; correlation::attack)).seen_by(probe!(; look::correlation)),
    page!("log-levels").proven_by(probe!(Copies; lines::levels)),
    page!("access-log").proven_by(probe!(Tenants, Log, Addresses; lines::access)),
    page!("log-aggregation"),
    page!("metrics-prometheus").proven_by(probe!(Operations; metered::exposed)),
    page!("metrics-http").proven_by(probe!(Copies; metered::counted)),
    page!("business-metrics"),
    page!("error-tracking").proven_by(probe!(Copies; reports::tracked)),
    page!("error-tracking-frontend"),
    page!("tracing").proven_by(probe!(Tenants, Collector; reports::traced)),
    page!("apm"),
    page!("alert-rules"),
    page!("alert-integrations"),
    page!("alert-ack"),
    page!("dashboards"),
];
