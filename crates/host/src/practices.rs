//! Switching a practice off, for the proof that its probe notices.
//!
//! Every enforcement point asks [`Host::holds`](crate::Host::holds) with the id of its practice.
//! Only the development profile may switch one off, and only with a reason.

use std::collections::BTreeMap;

use crate::config::{Config, Profile, Rules};

/// Practices that the host enforces at run time and that can be switched off one by one.
pub const SWITCHES: &[&str] = &[
    "access-log",
    "api-deprecation-policy",
    "api-key-rotation",
    "api-keys",
    "api-versioning",
    "audit-log",
    "audit-security-events",
    "auth-endpoints",
    "auth-jwt",
    "auth-refresh-tokens",
    "auth-required",
    "batch-writes",
    "bulkhead",
    "config-validation",
    "correlation-id",
    "cors-allowlist",
    "csrf-protection",
    "db-transactions",
    "debug-off",
    "error-code-catalogue",
    "error-envelope",
    "error-no-leak",
    "error-tracking",
    "filtering",
    "fk-cascade-rules",
    "global-exception-handler",
    "health-dependencies",
    "health-endpoint",
    "health-states",
    "hsts",
    "http-caching-headers",
    "https-redirect",
    "input-validation",
    "liveness-probe",
    "log-context",
    "log-levels",
    "log-redaction",
    "login-throttle",
    "logs-json",
    "metrics-http",
    "metrics-prometheus",
    "metrics-secured",
    "multi-tenancy",
    "no-default-secrets",
    "openapi-docs",
    "pagination",
    "password-hashing",
    "patch-partial-update",
    "pool-monitoring",
    "put-semantics",
    "rate-limit",
    "rate-limit-headers",
    "rate-limit-per-endpoint",
    "rate-limit-per-user",
    "rbac",
    "readiness-probe",
    "request-size-limits",
    "request-timeouts",
    "rest-semantics",
    "secrets-rotation",
    "secure-cookies",
    "security-headers",
    "soft-deletes",
    "sorting",
    "stateless-app",
    "tenant-context",
    "tenant-rbac",
    "token-revocation",
    "tracing",
    "trusted-hosts",
    "user-accounts",
];

crate::section! {
    /// Practices that are switched off, each with a reason. Development profile only.
    pub struct PracticesConfig["practices"] {
        /// Practice id to reason, such as `{ "rate-limit" = "shown to fail without it" }`.
        pub off: BTreeMap<String, String> = "{}",
    }
}

/// Whether a rule of the configuration is in force, as [`Host::holds`](crate::Host::holds) says it
/// for what a running host enforces.
pub fn holds(config: &Config, practice: &str) -> bool {
    config.profile() != Profile::Development || !config.get::<PracticesConfig>().off.contains_key(practice)
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
