//! Limits, load, instances.

mod deferred;
mod look;
mod rates;
mod replicas;
mod shared;

use plimsoll_assess::{Practice, probe};

pub(crate) const AREA: &[Practice] = &[
    page!("rate-limit").proven_by(probe!(Copies; rates::by_address)),
    page!("rate-limit-per-user").proven_by(probe!(Copies; rates::by_caller)),
    page!("rate-limit-per-endpoint").proven_by(probe!(Copies; rates::by_route)),
    page!("rate-limit-distributed").proven_by(probe!(Copies; shared::together)),
    page!("rate-limit-headers").proven_by(probe!(Copies; rates::told)).seen_by(probe!(; look::told)),
    page!("stateless-app").proven_by(probe!(Copies; replicas::stateless)),
    page!("async-heavy-work").proven_by(probe!(Tenants, Native; deferred::later)),
    page!("horizontal-scaling"),
    page!("load-balancer"),
    page!("autoscaling"),
    page!("queue-autoscaling"),
    page!("multi-region"),
    page!("worker-tuning"),
    page!("async-io"),
    page!("load-testing"),
    page!("perf-baselines"),
    page!("bottleneck-profiling"),
];
