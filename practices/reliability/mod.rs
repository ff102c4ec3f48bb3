//! Failure, health, recovery.

mod bulkheads;
mod health;
mod letters;
mod look;
mod problems;
mod repeats;
mod surprises;
mod timeouts;
mod upstreams;

use plimsoll_assess::{Practice, probe};

pub(crate) use surprises::logged;

pub(crate) const AREA: &[Practice] = &[
    page!("retry-backoff").proven_by(probe!(Copies; upstreams::retries)),
    page!("outbound-timeouts").proven_by(probe!(Copies; upstreams::outbound)),
    page!("request-timeouts").proven_by(probe!(Copies; timeouts::attack)),
    page!("circuit-breaker").proven_by(probe!(Copies; upstreams::breaker)),
    page!("bulkhead").proven_by(probe!(Copies; bulkheads::attack)),
    page!("graceful-degradation").proven_by(probe!(Copies; upstreams::degraded)),
    page!("fallback-responses").proven_by(probe!(Copies; upstreams::fallback)),
    page!("idempotency-keys").proven_by(probe!(Tenants, Native; repeats::attack)),
    page!("dlq").proven_by(probe!(Copies; letters::kept)),
    page!("dlq-operations").proven_by(probe!(Operations, Copies; letters::operated)),
    page!("global-exception-handler").proven_by(probe!(Tenants, Log, Copies; surprises::attack)),
    page!("error-envelope").proven_by(probe!(Tenants, Copies; problems::envelope)).seen_by(probe!(; look::envelope)),
    page!("error-no-leak").proven_by(probe!(Tenants, Log, Copies; surprises::leaks)).seen_by(probe!(; look::leaks)),
    page!("error-code-catalogue").proven_by(probe!(Tenants, Copies; problems::catalogue)),
    page!("dependency-failure-mapping").proven_by(probe!(Copies; health::mapped)),
    page!("warmup-bounded").proven_by(probe!(Copies; health::warm)),
    page!("health-endpoint").proven_by(probe!(; health::endpoint)).seen_by(probe!(; look::health)),
    page!("liveness-probe").proven_by(probe!(Copies; health::live)).seen_by(probe!(; look::liveness)),
    page!("readiness-probe").proven_by(probe!(Copies; health::ready)).seen_by(probe!(; look::readiness)),
    page!("health-dependencies").proven_by(probe!(Copies; health::dependencies)),
    page!("health-states").proven_by(probe!(Operations, Copies; health::states)),
    page!("probes-wired"),
    page!("failure-injection-tests"),
    page!("failover-tested"),
    page!("dr-plan"),
];
