//! Failure, health, recovery.

mod health;

use plimsoll_assess::{Practice, probe};

pub(crate) const AREA: &[Practice] = &[
    page!("retry-backoff"),
    page!("outbound-timeouts"),
    page!("request-timeouts"),
    page!("circuit-breaker"),
    page!("bulkhead"),
    page!("graceful-degradation"),
    page!("fallback-responses"),
    page!("idempotency-keys"),
    page!("dlq"),
    page!("dlq-operations"),
    page!("global-exception-handler"),
    page!("error-envelope"),
    page!("error-no-leak"),
    page!("error-code-catalogue"),
    page!("dependency-failure-mapping").proven_by(probe!(Copies; health::mapped)),
    page!("warmup-bounded").proven_by(probe!(Copies; health::warm)),
    page!("health-endpoint").proven_by(probe!(; health::endpoint)),
    page!("liveness-probe").proven_by(probe!(Copies; health::live)),
    page!("readiness-probe").proven_by(probe!(Copies; health::ready)),
    page!("health-dependencies").proven_by(probe!(Copies; health::dependencies)),
    page!("health-states").proven_by(probe!(Operations, Copies; health::states)),
    page!("probes-wired"),
    page!("failure-injection-tests"),
    page!("failover-tested"),
    page!("dr-plan"),
];
