//! What the edge can be told: the sections `[server]`, `[cors]` and `[tls]`.

use std::{net::SocketAddr, path::PathBuf};

use super::{caller::Proxies, cors::Policy, host::Hosts};
use crate::config::{ByteSize, Config, Profile, Rules, Span};

/// Shortest reason, in characters, for doing without TLS, or for opening the operations listener.
const REASON: usize = 10;

crate::choice! {
    /// The header in which a trusted proxy says for whom it asks.
    pub enum ProxyHeader {
        /// `X-Forwarded-For`, with `X-Forwarded-Proto` for the scheme.
        XForwardedFor = "x-forwarded-for",
        /// `Forwarded` (RFC 7239).
        Forwarded = "forwarded",
    }
}

crate::section! {
    /// Where the service listens and what it demands of every request.
    pub struct ServerConfig["server"] {
        /// Address and port of the public listener; port 0 takes a free one.
        pub listen: SocketAddr = "127.0.0.1:8080",
        /// Address and port of the operations listener: metrics, details of health, and, for programs on this machine only, two orders about what all tenants share.
        pub operations: SocketAddr = "127.0.0.1:9090",
        /// Why other machines may reach the operations listener in production, in one sentence: nobody has to show a credential there. Without it, production takes an address of this machine only.
        pub operations_open: Option<String> = none,
        /// Names this server answers for, without port; `*.example.org` covers every name below `example.org`. Empty: `localhost`, `127.0.0.1`, `[::1]` and the address of `listen`.
        pub hosts: Vec<String> = "",
        /// Addresses and networks (`10.0.0.0/8`) of proxies whose word about the caller's address and scheme is believed.
        pub trusted_proxies: Vec<String> = "",
        /// The header that trusted proxies write. No other is read: a proxy that does not write it passes on whatever the caller made up.
        pub proxy_header: ProxyHeader = "x-forwarded-for",
        /// Longest request target; above it 414.
        pub uri_limit: ByteSize = "8KiB",
        /// Largest sum of all request headers; above it 431.
        pub header_limit: ByteSize = "32KiB",
        /// Largest request body where a route says nothing else; above it 413.
        pub body_limit: ByteSize = "1MiB",
        /// How long the headers of a request, or a TLS handshake, may take to arrive.
        pub header_timeout: Span = "10s",
        /// How long the body of a request may take to arrive.
        pub body_timeout: Span = "20s",
        /// How long a handler may take where a route says nothing else; above it 504.
        pub handler_timeout: Span = "30s",
        /// How long a connection may lie unused. Longer than the same limit of a balancer in front, or that one sends requests into connections that are just being closed.
        pub idle_timeout: Span = "75s",
        /// Most open connections per listener; the next one is answered 503 and closed.
        pub connections: usize = "1024",
        /// How long readiness is red while requests are still taken, so that balancers notice the end. Not set: 5s in production, nothing in development.
        pub drain_notice: Option<Span> = none,
        /// How long requests in flight may take to finish once no new connection is accepted.
        pub drain_timeout: Span = "30s",
    }
}

crate::section! {
    /// Which pages of other sites may read answers. None by default.
    pub struct CorsConfig["cors"] {
        /// Exact origins such as `https://app.example.org`; `*` for any, only without `credentials`.
        pub origins: Vec<String> = "",
        /// Methods such a page may use.
        pub methods: Vec<String> = "GET, HEAD, POST, PUT, PATCH, DELETE",
        /// Request headers such a page may send.
        pub headers: Vec<String> = "authorization, content-type, if-match, if-none-match, idempotency-key, x-request-id, traceparent",
        /// Whether such a page may act with the caller's cookies.
        pub credentials: bool = "false",
        /// How long a browser may remember the answer to a preflight.
        pub max_age: Span = "10m",
    }
}

crate::section! {
    /// Certificates, and whether plain HTTP is good enough.
    pub struct TlsConfig["tls"] {
        /// PEM file with the certificate and its chain; together with `key` it makes the public listener speak TLS. The file is looked at again while serving.
        pub certificate: Option<PathBuf> = none,
        /// PEM file with the private key.
        pub key: Option<PathBuf> = none,
        /// Whether requests that did not come encrypted are refused (pages are redirected). Production requires it, whatever stands here, unless `off` says why not.
        pub required: bool = "false",
        /// Why plain HTTP is right in production after all, in one sentence.
        pub off: Option<String> = none,
        /// The port that a redirect to HTTPS names.
        pub public_port: u16 = "443",
        /// How often the files are looked at for a new certificate.
        pub reload: Span = "5s",
    }
}

impl TlsConfig {
    /// Whether a request that did not come encrypted is refused.
    pub fn is_required(&self, profile: Profile) -> bool {
        self.required || (profile == Profile::Production && self.off.is_none())
    }
}

/// Refuses what the edge cannot work with, each value at its place.
pub fn rule(config: &Config, rules: &mut Rules<'_>) {
    let (server, cors, tls): (ServerConfig, CorsConfig, TlsConfig) = (config.get(), config.get(), config.get());
    let mut refuse = |key: &str, error: Option<plimsoll_core::Error>| {
        if let Some(error) = error {
            rules.refuse(key, error.public(), "");
        }
    };
    refuse("server.hosts", Hosts::new(&server.hosts, server.listen.ip()).err());
    refuse("server.trusted_proxies", Proxies::new(&server.trusted_proxies, server.proxy_header).err());
    refuse("cors.origins", Policy::new(&cors).err());
    if server.header_limit.bytes() < 1024 || server.uri_limit.bytes() < 256 {
        rules.refuse(
            "server.header_limit",
            "no browser's request fits into these bounds",
            "set header_limit to 1KiB or more and uri_limit to 256 or more",
        );
    }
    operations_rule(&server, config.profile(), rules);
    tls_rule(&server, &tls, config.profile(), rules);
}

/// Metrics and details of health tell an attacker where to push; in production they stay on this
/// machine unless somebody says why not.
fn operations_rule(server: &ServerConfig, profile: Profile, rules: &mut Rules<'_>) {
    let inside = server.operations.ip().to_canonical().is_loopback();
    match &server.operations_open {
        None if profile == Profile::Production && !inside => rules.refuse(
            "server.operations",
            "metrics and details of health could be read from other machines, without a credential",
            "listen on 127.0.0.1, or say in `[server] operations_open` who can reach this address and why",
        ),
        Some(reason) if reason.trim().chars().count() < REASON => rules.refuse(
            "server.operations_open",
            "the operations listener is open without a reason",
            format!("say why in at least {REASON} characters"),
        ),
        _ => {}
    }
    if server.operations == server.listen && server.listen.port() != 0 {
        rules.refuse("server.operations", "both listeners have the same address", "give `[server] operations` another port than `listen`");
    }
}

fn tls_rule(server: &ServerConfig, tls: &TlsConfig, profile: Profile, rules: &mut Rules<'_>) {
    match (&tls.certificate, &tls.key) {
        (Some(_), None) => rules.refuse("tls.certificate", "a certificate without its key", "set `[tls] key` as well"),
        (None, Some(_)) => rules.refuse("tls.key", "a key without its certificate", "set `[tls] certificate` as well"),
        (None, None) if tls.is_required(profile) && server.trusted_proxies.is_empty() => rules.refuse(
            "tls.certificate",
            "TLS is required, and no request could come encrypted",
            "set `[tls] certificate` and `key`, or name the proxy that speaks TLS in `[server] trusted_proxies`, or say in `[tls] off` why plain HTTP is right",
        ),
        _ => {}
    }
    if tls.off.as_ref().is_some_and(|reason| reason.trim().chars().count() < REASON) {
        rules.refuse("tls.off", "plain HTTP without a reason", format!("say why in at least {REASON} characters"));
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::config::{Schema, Sources};

    /// The keys that are complained about, with the message of each.
    fn refused(file: &str) -> String {
        let schema = Schema::new().section::<ServerConfig>().section::<CorsConfig>().section::<TlsConfig>().rule(rule);
        let sources = Sources { file: Some(("plimsoll.toml".into(), file.into())), ..Sources::default() };
        Config::load(&schema, sources).err().map(|faults| faults.to_string()).unwrap_or_default()
    }

    #[test]
    fn the_defaults_serve_in_development() {
        assert_eq!(refused(""), "");
        let rules = super::super::Rules::new(&ServerConfig::default(), &CorsConfig::default(), &TlsConfig::default(), Profile::Development);
        assert!(rules.unwrap().https.is_none());
    }

    #[test]
    fn production_needs_a_way_for_requests_to_come_encrypted() {
        assert!(refused("profile = \"production\"").contains("TLS is required"));
        for enough in [
            "[tls]\ncertificate = \"a.pem\"\nkey = \"b.pem\"",
            "[server]\ntrusted_proxies = [\"10.0.0.1\"]",
            "[tls]\noff = \"encrypted by the mesh below\"",
        ] {
            assert_eq!(refused(&format!("profile = \"production\"\n{enough}")), "", "{enough}");
        }
        assert!(refused("profile = \"production\"\n[tls]\noff = \"because\"").contains("plain HTTP without a reason"));
    }

    #[test]
    fn production_keeps_the_operations_listener_on_this_machine_unless_there_is_a_reason() {
        let production =
            |lines: &str| refused(&format!("profile = \"production\"\n[tls]\noff = \"encrypted by the mesh below\"\n[server]\n{lines}"));
        for inside in ["", "operations = \"[::1]:9090\"", "operations = \"127.1.2.3:9090\""] {
            assert_eq!(production(inside), "", "{inside}");
        }
        for open in ["operations = \"0.0.0.0:9090\"", "operations = \"10.0.0.1:9090\"", "operations = \"[::]:9090\""] {
            assert!(production(open).contains("could be read from other machines"), "{open}");
            assert_eq!(production(&format!("{open}\noperations_open = \"only the scraper's network reaches it\"")), "", "{open}");
            assert!(production(&format!("{open}\noperations_open = \"because\"")).contains("without a reason"), "{open}");
            assert_eq!(refused(&format!("[server]\n{open}")), "", "development may");
        }
        assert!(refused("[server]\noperations = \"127.0.0.1:8080\"").contains("the same address"));
    }

    #[test]
    fn every_value_that_the_edge_cannot_use_is_refused() {
        for (file, sentence) in [
            ("[server]\nhosts = [\"https://a.example\"]", "`[server] hosts` holds"),
            ("[server]\ntrusted_proxies = [\"10.0.0.0/33\"]", "`[server] trusted_proxies` holds"),
            ("[server]\nproxy_header = \"x-real-ip\"", "x-forwarded-for"),
            ("[server]\nheader_limit = 10", "fits into these bounds"),
            ("[cors]\norigins = [\"*\"]\ncredentials = true", "lets every origin send cookies"),
            ("[tls]\nkey = \"key.pem\"", "a key without its certificate"),
        ] {
            let said = refused(file);
            assert!(said.contains(sentence), "{file}: {said}");
        }
    }
}
