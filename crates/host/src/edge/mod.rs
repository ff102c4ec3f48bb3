//! The edge: layers that look at the request as such, one file each.
//!
//! Everything a layer needs is worked out once, in [`Rules`]; a request only compares and copies.

pub mod caller;
pub mod compress;
pub mod config;
pub mod cors;
pub mod csrf;
pub mod deadline;
pub mod headers;
pub mod host;
pub mod panic;
pub mod problem;
pub mod size;
pub mod trace;

use std::time::Duration;

use plimsoll_core::Result;

use crate::config::Profile;

/// What the edge demands, ready to be checked.
pub struct Rules {
    pub(crate) proxies: caller::Proxies,
    pub(crate) hosts: host::Hosts,
    pub(crate) https: Option<host::Https>,
    pub(crate) cors: cors::Policy,
    pub(crate) size: size::Bounds,
    pub(crate) handler_timeout: Duration,
}

impl Rules {
    /// Works the sections out. Production demands TLS unless `[tls] off` says why not.
    ///
    /// # Errors
    /// `ConfigInvalid` with the key and what to write instead.
    pub fn new(server: &config::ServerConfig, cors: &config::CorsConfig, tls: &config::TlsConfig, profile: Profile) -> Result<Rules> {
        Ok(Rules {
            proxies: caller::Proxies::new(&server.trusted_proxies, server.proxy_header)?,
            hosts: host::Hosts::new(&server.hosts, server.listen.ip())?,
            https: tls.is_required(profile).then_some(host::Https { port: tls.public_port }),
            cors: cors::Policy::new(cors)?,
            size: size::Bounds::new(server),
            handler_timeout: server.handler_timeout.duration(),
        })
    }
}

/// Whether `path` is one that orchestrators and balancers probe. Such requests come from inside,
/// by address and in plain HTTP, and must be answered most of all when there is no room.
pub(crate) fn is_probe(path: &str) -> bool {
    matches!(path, "/health" | "/health/live" | "/health/ready" | "/livez" | "/readyz" | "/healthz" | "/ready")
}

#[cfg(test)]
mod tests {
    #[test]
    fn every_path_of_health_is_a_probe() {
        assert!(crate::probes::PATHS.iter().all(|path| super::is_probe(path)));
        assert!(!super::is_probe("/health/other") && !super::is_probe("/v1/songs"));
    }
}
