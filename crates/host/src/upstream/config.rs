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
        /// Its API description (OpenAPI 3 in JSON): a path at the service, or `file:` and a file here, or `off`. Not set: `/openapi.json` and `/swagger.json` are tried when it becomes ready.
        pub openapi: Option<String> = none,
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
        /// A path that has to answer with a status below 500 before requests are let through; not set: it is enough that the port takes connections. For a program that `plimsoll run` starts, as the keys that follow.
        pub ready_path: Option<String> = none,
        /// How long it may take from the start of the program until it is ready; then it is ended, which counts as a failed start.
        pub start_timeout: Span = "60s",
        /// Failed starts before it was ever ready after which `plimsoll run` gives up. Once it has been ready, it is started again for ever.
        pub start_attempts: u32 = "5",
        /// How long it may take to end by itself after SIGTERM; then it is killed with everything it started.
        pub stop_timeout: Span = "10s",
    }
}

crate::section! {
    /// Who may ask the service for what. Closed by default.
    pub struct RoutesConfig["routes"] {
        /// What holds where no rule says otherwise: `authenticated`, `deny`, a role, or `public: ` and why.
        pub default: String = "authenticated",
        /// Method and path, and who may: `{ "GET /static/{*rest}" = "public: no data of anybody", "POST /items" = "items:write editor" }`. Without a method: every method. Or what the service's description calls it: `{ "operation:create_item" = "items:write editor", "tag:admin" = "admin" }`; a name that is not in it closes whatever no other rule covers.
        pub rules: BTreeMap<String, String> = "{}",
        /// What the service's description does not have: judged as `default` says, or closed where no rule by path opens it.
        pub undocumented: Undocumented = "as-default",
        /// Whether parameters and JSON bodies are held against the service's description: not at all, told in log and metrics, or refused with 422.
        pub validate: Validate = "off",
        /// Largest body that is held against it; with `enforce`, larger JSON bodies are refused with 413.
        pub validate_limit: ByteSize = "1MiB",
    }
}

crate::choice! {
    /// What happens to a request that the service's description does not know.
    pub enum Undocumented {
        /// What `[routes] default` says.
        AsDefault = "as-default",
        /// Nobody may, unless a rule by path says so.
        Deny = "deny",
    }
}

crate::choice! {
    /// What comes of a request that breaks the service's description.
    pub enum Validate {
        /// Nobody looks.
        Off = "off",
        /// A line in the log and a count in the metrics.
        Report = "report",
        /// A refusal that names each fault.
        Enforce = "enforce",
    }
}

/// Refuses what no upstream can be made of, each value at its place.
pub fn rule(config: &Config, rules: &mut Rules<'_>) {
    let (service, routes): (ServiceConfig, RoutesConfig) = (config.get(), config.get());
    for (key, error) in super::faults(&service, &routes) {
        rules.refuse(key, error.public(), "");
    }
    supervision(&service, rules);
}

/// Refuses what no program can be supervised with.
fn supervision(service: &ServiceConfig, rules: &mut Rules<'_>) {
    let is_path = |path: &String| path.starts_with('/') && path.bytes().all(|byte| (0x21..0x7f).contains(&byte));
    if service.ready_path.as_ref().is_some_and(|path| !is_path(path)) {
        rules.refuse("service.ready_path", "this is no path of a request", "write a path such as /health, escaped as in an address");
    }
    if service.start_attempts == 0 {
        rules.refuse("service.start_attempts", "the service may never be started", "write 1 or more");
    }
    if service.start_timeout.duration().is_zero() {
        rules.refuse("service.start_timeout", "the service may never be ready", "write a duration above zero, such as 60s");
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::config::{Schema, Sources};

    #[test]
    fn what_no_program_can_be_supervised_with_is_refused() {
        let schema = Schema::new().section::<ServiceConfig>().section::<RoutesConfig>().rule(rule);
        let refused = |lines: &str| {
            let sources = Sources { file: Some(("plimsoll.toml".into(), format!("[service]\n{lines}"))), ..Sources::default() };
            Config::load(&schema, sources).err().map(|faults| faults.to_string()).unwrap_or_default()
        };
        for (lines, sentence) in [
            ("ready_path = \"health\"", "no path of a request"),
            ("ready_path = \"/a b\"", "no path of a request"),
            ("start_attempts = 0", "never be started"),
            ("start_timeout = \"0s\"", "never be ready"),
        ] {
            assert!(refused(lines).contains(sentence), "{lines}: {}", refused(lines));
        }
        assert_eq!(refused("ready_path = \"/health?full=1\"\nstart_attempts = 1"), "");
    }
}
