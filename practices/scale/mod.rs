//! Limits, load, instances.

mod replicas;

use plimsoll_assess::{Practice, probe};

pub(crate) const AREA: &[Practice] = &[
    page!("rate-limit"),
    page!("rate-limit-per-user"),
    page!("rate-limit-per-endpoint"),
    page!("rate-limit-distributed"),
    page!("rate-limit-headers"),
    page!("stateless-app").proven_by(probe!(Copies; replicas::stateless)),
    page!("async-heavy-work"),
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
