//! Switching a practice off, for the proof that its probe notices.
//!
//! Every enforcement point asks [`Host::holds`](crate::Host::holds) with the id of its practice.
//! Only the development profile may switch one off, and only with a reason.

use std::collections::BTreeMap;

use crate::config::{Config, Profile, Rules};

/// Practices that the host enforces at run time and that can be switched off one by one.
pub const SWITCHES: &[&str] = &[
    "access-log",
    "ai-bias",
    "ai-drift",
    "api-deprecation-policy",
    "api-key-rotation",
    "api-keys",
    "api-versioning",
    "async-heavy-work",
    "audit-log",
    "audit-security-events",
    "auth-endpoints",
    "auth-jwt",
    "auth-refresh-tokens",
    "auth-required",
    "backup-automated",
    "backup-offsite",
    "backup-pitr",
    "backup-restore-tested",
    "backup-retention",
    "batch-writes",
    "blue-green",
    "bulkhead",
    "cache-ttl-invalidation",
    "canary",
    "circuit-breaker",
    "config-env",
    "config-validation",
    "connection-pool",
    "correlation-id",
    "cors-allowlist",
    "csrf-protection",
    "data-retention",
    "db-migrations",
    "db-migrations-on-deploy",
    "db-reconnect",
    "db-transactions",
    "debug-off",
    "dependency-failure-mapping",
    "dlq",
    "dlq-operations",
    "ensemble-inference",
    "error-code-catalogue",
    "error-envelope",
    "error-no-leak",
    "error-tracking",
    "explainability",
    "fallback-responses",
    "filtering",
    "fk-cascade-rules",
    "gdpr-rights",
    "global-exception-handler",
    "graceful-degradation",
    "health-dependencies",
    "health-endpoint",
    "health-states",
    "hsts",
    "http-caching-headers",
    "https-redirect",
    "idempotency-keys",
    "input-validation",
    "job-queue",
    "liveness-probe",
    "log-context",
    "log-levels",
    "log-redaction",
    "login-throttle",
    "logs-json",
    "metrics-http",
    "metrics-prometheus",
    "metrics-secured",
    "model-artifact-store",
    "model-monitoring",
    "model-registry",
    "multi-tenancy",
    "no-default-secrets",
    "openapi-docs",
    "outbound-timeouts",
    "pagination",
    "password-hashing",
    "patch-partial-update",
    "phi-protection",
    "pool-monitoring",
    "pubsub",
    "put-semantics",
    "query-timeouts",
    "rate-limit",
    "rate-limit-distributed",
    "rate-limit-headers",
    "rate-limit-per-endpoint",
    "rate-limit-per-user",
    "rbac",
    "readiness-probe",
    "request-size-limits",
    "request-timeouts",
    "rest-semantics",
    "retry-backoff",
    "rollback-automated",
    "secrets-rotation",
    "secure-cookies",
    "security-headers",
    "slow-query-monitoring",
    "soft-deletes",
    "sorting",
    "sql-injection",
    "stateless-app",
    "tenant-context",
    "tenant-rbac",
    "tls",
    "tls-cert-management",
    "token-revocation",
    "tracing",
    "trusted-hosts",
    "twelve-factor",
    "user-accounts",
    "warmup-bounded",
    "webhooks",
];

crate::section! {
    /// Practices that are switched off, each with a reason. Development profile only.
    pub struct PracticesConfig["practices"] {
        /// Practice id to reason (ten characters at least), such as `{ "rate-limit" = "shown to fail without it" }`. The server then behaves as if the practice had never been built. An id without a switch is refused; a switch that is off is logged at every start.
        pub off: BTreeMap<String, String> = "{}",
    }
}

impl PracticesConfig {
    /// Whether a practice is in force, for what asks before there is a host:
    /// see [`Host::holds`](crate::Host::holds).
    pub fn holds(&self, practice: &str) -> bool {
        !self.off.contains_key(practice)
    }
}

/// Refuses switches outside development, unknown practices, and missing reasons.
pub fn rule(config: &Config, rules: &mut Rules<'_>) {
    let off = config.get::<PracticesConfig>().off;
    if !off.is_empty() && config.profile() != Profile::Development {
        rules.refuse(
            "practices.off",
            "a practice can be switched off in the development profile only",
            "remove the key, or set profile = \"development\"",
        );
    }
    for (practice, reason) in &off {
        if !SWITCHES.contains(&practice.as_str()) {
            let near = crate::config::nearest(practice, SWITCHES.iter().copied())
                .map_or_else(String::new, |near| format!("did you mean `{near}`?"));
            rules.refuse("practices.off", format!("`{practice}` is not a practice that can be switched off"), near);
        } else if reason.trim().len() < 10 {
            rules.refuse("practices.off", format!("`{practice}` is switched off without a reason"), "say why in at least ten characters");
        }
    }
}
