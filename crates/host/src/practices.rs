//! Switching a practice off, for the proof that its probe notices.
//!
//! Every enforcement point asks [`Host::holds`](crate::Host::holds) with the id of its practice.
//! Only the development profile may switch one off, and only with a reason.

use std::collections::BTreeMap;

use crate::config::{Config, Profile, Rules};

/// Practices that the host enforces at run time and that can be switched off one by one.
pub const SWITCHES: &[&str] = &[
    "access-log",
    "audit-log",
    "audit-security-events",
    "auth-refresh-tokens",
    "auth-required",
    "bulkhead",
    "config-env",
    "connection-pool",
    "correlation-id",
    "cors-allowlist",
    "csrf-protection",
    "db-migrations",
    "db-migrations-on-deploy",
    "db-reconnect",
    "dependency-failure-mapping",
    "error-tracking",
    "global-exception-handler",
    "health-dependencies",
    "health-endpoint",
    "health-states",
    "hsts",
    "http-caching-headers",
    "https-redirect",
    "liveness-probe",
    "log-context",
    "log-levels",
    "log-redaction",
    "login-throttle",
    "logs-json",
    "metrics-http",
    "metrics-prometheus",
    "metrics-secured",
    "pool-monitoring",
    "query-timeouts",
    "rate-limit",
    "rate-limit-headers",
    "rate-limit-per-endpoint",
    "rate-limit-per-user",
    "rbac",
    "readiness-probe",
    "request-size-limits",
    "request-timeouts",
    "secure-cookies",
    "security-headers",
    "slow-query-monitoring",
    "token-revocation",
    "tracing",
    "trusted-hosts",
    "twelve-factor",
    "user-accounts",
    "warmup-bounded",
];

crate::section! {
    /// Practices that are switched off, each with a reason. Development profile only.
    pub struct PracticesConfig["practices"] {
        /// Practice id to reason, such as `{ "rate-limit" = "shown to fail without it" }`.
        pub off: BTreeMap<String, String> = "{}",
    }
}

impl PracticesConfig {
    /// Whether a practice is enforced, for what runs without a host: opening the data, commands.
    pub fn holds(&self, practice: &str) -> bool {
        self.off.is_empty() || !self.off.contains_key(practice)
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
