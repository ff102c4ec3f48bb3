//! What is put behind the host: the sections `[service]` and `[routes]`.

use std::{collections::BTreeMap, path::PathBuf};

use crate::config::{ByteSize, Config, Rules, Span};

crate::choice! {
    /// Which name a service sees in `Host`.
    pub enum HostHeader {
        /// The one the caller asked for.
        Caller = "caller",
        /// The service's own, from its address.
        Service = "service",
    }
}

crate::section! {
    /// The service behind this host: any HTTP server. `plimsoll run` starts one and fills in its address.
    pub struct ServiceConfig["service"] {
        /// Its name in logs, metrics and permissions: lower-case letters, digits, `-`.
        pub name: String = "service",
        /// Where it listens, such as `http://127.0.0.1:8000`. Not set: no service is mounted, or `run` starts it.
        pub url: Option<String> = none,
        /// Further services by path prefix: `{ "/billing" = "http://127.0.0.1:7000" }`. The prefix stays in the path.
        pub mounts: BTreeMap<String, String> = "{}",
        /// Paths of the host's own that the service answers instead, such as `/health`. Never those of liveness and readiness.
        pub yields: Vec<String> = "",
        /// Largest request body; above it 413.
        pub body_limit: ByteSize = "64MiB",
        /// How long a connection to the service may take to be made.
        pub connect_timeout: Span = "2s",
        /// How long the head of its answer may take, where a route says nothing else; above it 504.
        pub answer_timeout: Span = "30s",
        /// How long a body may stand still, in either direction.
        pub idle_timeout: Span = "60s",
        /// How long an event stream (`text/event-stream`) or an upgraded connection (WebSocket) may lie still.
        pub stream_idle_timeout: Span = "15m",
        /// The `Host` that the service sees: the `caller`'s, or the `service`'s own. The caller's is in `X-Forwarded-Host` in any case.
        pub host_header: HostHeader = "caller",
        /// Whether the service is told who asks: `X-Plimsoll-Principal`, `-Kind`, `-Tenant`, `-Role`, `-Scopes` and the signed `X-Plimsoll-Assertion`. A caller's own headers of this name are removed in any case.
        pub identity_headers: bool = "true",
        /// PEM file with the authorities that may vouch for `https://` services. Not set: the public ones.
        pub ca_file: Option<PathBuf> = none,
        /// What this service needs in paths although servers read it differently: `encoded-slash` (`%2F`), `empty-segment` (`//`), `not-utf-8`. Anything else of that kind is refused with 400.
        pub paths: Vec<String> = "",
        /// Protocols that a connection may be upgraded to. `h2c` cannot be: it would carry requests past the rules.
        pub upgrades: Vec<String> = "websocket",
    }
}

crate::section! {
    /// Who may ask the service for what. Closed by default.
    pub struct RoutesConfig["routes"] {
        /// What holds where no rule says otherwise: `authenticated`, `deny`, a role, or `public: ` and why.
        pub default: String = "authenticated",
        /// Method and path, and who may: `{ "GET /static/{*rest}" = "public: no data of anybody", "POST /items" = "items:write editor" }`. Without a method: every method.
        pub rules: BTreeMap<String, String> = "{}",
    }
}

/// Refuses what no upstream can be made of, each value at its place.
pub fn rule(config: &Config, rules: &mut Rules<'_>) {
    let (service, routes): (ServiceConfig, RoutesConfig) = (config.get(), config.get());
    for (key, error) in super::faults(&service, &routes) {
        rules.refuse(key, error.public(), "");
    }
}
