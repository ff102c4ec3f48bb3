//! What a repeated request may count on: the section `[idempotency]`.

use std::time::Duration;

use plimsoll_core::Code;

use super::places::Places;
use crate::config::{ByteSize, Config, Rules, Span};

crate::section! {
    /// Requests with an `Idempotency-Key`: one effect, however often they are sent.
    pub struct IdempotencyConfig["idempotency"] {
        /// How long an answer is kept for repeats; 24 hours at least.
        pub lifetime: Span = "24h",
        /// How long a repeat waits for the first one that still runs; after that 409 with `Retry-After`.
        pub wait: Span = "5s",
        /// Methods besides POST and PATCH that honour a key: PUT, DELETE.
        pub methods: Vec<String> = "",
        /// Method and path of requests that are refused without a key, such as `POST /orders`.
        pub required: Vec<String> = "",
        /// Largest answer of a mounted service that is kept; a larger one is delivered and cannot be replayed.
        pub body_limit: ByteSize = "256KiB",
        /// Largest request body with a key to a mounted service, which has to be held in memory; above it 413.
        pub request_limit: ByteSize = "1MiB",
        /// Headers of a mounted service's answer that are kept besides the usual ones, such as `x-total-count`.
        pub headers: Vec<String> = "",
        /// How long a process that fell silent counts as running. A request to a mounted service that it had begun has an unknown outcome after that.
        pub lease: Span = "15s",
    }
}

/// The shortest time for which a key has to be remembered.
const SHORTEST: Duration = Duration::from_secs(24 * 3600);

/// Refuses what would break the promise.
pub fn rule(config: &Config, rules: &mut Rules<'_>) {
    let own: IdempotencyConfig = config.get();
    if own.lifetime.duration() < SHORTEST {
        rules.refuse(
            "idempotency.lifetime",
            "an answer is kept for 24 hours at least",
            "callers repeat after hours; write \"24h\" or more",
        );
    }
    if own.lease.duration() < Duration::from_secs(1) {
        rules.refuse("idempotency.lease", "a lease shorter than a second would take a busy process for a dead one", "write \"15s\"");
    }
    for method in &own.methods {
        if !matches!(method.as_str(), "PUT" | "DELETE" | "POST" | "PATCH") {
            rules.refuse(
                "idempotency.methods",
                format!("`{method}` does not change anything, so a key has no meaning"),
                "name PUT or DELETE",
            );
        }
    }
    if let Err(error) = Places::new(&own.required) {
        rules.refuse("idempotency.required", error.public(), "");
    }
    for name in &own.headers {
        if http::HeaderName::from_bytes(name.as_bytes()).is_err() || name.eq_ignore_ascii_case("set-cookie") {
            let error = Code::ConfigInvalid.because(format!("`{name}` is no header that can be kept"));
            rules.refuse("idempotency.headers", error.public(), "");
        }
    }
}
