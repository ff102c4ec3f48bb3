//! Failure, health, recovery.

use plimsoll_assess::Practice;

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
    page!("dependency-failure-mapping"),
    page!("warmup-bounded"),
    page!("health-endpoint"),
    page!("liveness-probe"),
    page!("readiness-probe"),
    page!("health-dependencies"),
    page!("health-states"),
    page!("probes-wired"),
    page!("failure-injection-tests"),
    page!("failover-tested"),
    page!("dr-plan"),
];
