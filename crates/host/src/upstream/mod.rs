//! Upstreams: foreign HTTP services behind the same stack.
//!
//! A mounted service is a row of [`Route`]s whose handler is another process. A request for it
//! meets every layer a request for a native system meets; at the end of the stack
//! [`forward`](forward::forward) sends it on and streams the answer back.
//!
//! What the host promises: nobody reaches the service past the stack; what the caller says about
//! itself in headers that the host writes is removed; bodies are streamed, never held in full;
//! a connection is used again only when both sides have finished with it. What it does not: it
//! cannot know what the service did with a request whose answer never came. Such a failure is
//! [`UpstreamFailed`](plimsoll_core::Code::UpstreamFailed) or `UpstreamTimeout`, and a failure
//! where nothing was sent is `UpstreamUnreachable`; the difference decides what may be repeated.

pub mod access;
pub mod adaptive;
pub mod assertion;
pub mod body;
pub mod breaker;
pub mod budget;
pub mod bulkhead;
pub mod call;
pub mod config;
pub mod fallback;
pub mod forward;
pub mod gauges;
pub mod headers;
pub mod lifecycle;
pub mod mount;
pub mod operate;
pub mod paths;
pub mod pool;
pub mod resilience;
pub mod retry;
pub mod starting;
pub mod tls;
pub mod upgrade;

use std::sync::Arc;

use http::Method;
use plimsoll_core::{Access, Code, Error, Result};

use self::{
    access::Rulebook,
    config::{RoutesConfig, ServiceConfig},
    mount::Mount,
};
use crate::{
    limits::config::LimitsConfig,
    route::{Matched, Table},
};

/// Every service that is mounted.
#[derive(Default)]
pub struct Upstreams {
    /// The longest prefix first.
    mounts: Vec<Mounted>,
    yields: Vec<String>,
    body_limit: usize,
    allowed: paths::Allowed,
    fallbacks: fallback::Fallbacks,
}

struct Mounted {
    mount: Arc<Mount>,
    rules: Rulebook,
}

/// Paths that the host always answers itself: they say whether the host is there at all.
const KEPT: [&str; 4] = ["/health/live", "/health/ready", "/livez", "/readyz"];
/// Pages of the host about itself, which a service usually has too.
const GIVEN: [&str; 3] = ["/", "/docs", "/openapi.json"];

impl Upstreams {
    /// What the sections say. No service, no mounts: an empty board.
    ///
    /// # Errors
    /// `ConfigInvalid`, naming the key.
    pub fn new(service: &ServiceConfig, routes: &RoutesConfig) -> Result<Upstreams> {
        if let Some((_, error)) = faults(service, routes).into_iter().next() {
            return Err(error);
        }
        let mut mounts = Vec::new();
        for (prefix, url) in services(service) {
            let name = if prefix.is_empty() { service.name.clone() } else { prefix.trim_matches('/').replace('/', "-") };
            let mount = Arc::new(Mount::new(&name, prefix, url, service)?);
            mounts.push(Mounted { rules: Rulebook::new(&mount, routes)?, mount });
        }
        mounts.sort_by_key(|mounted| std::cmp::Reverse(mounted.mount.prefix.len()));
        Ok(Upstreams {
            mounts,
            yields: service.yields.clone(),
            body_limit: service.body_limit.length(),
            allowed: paths::Allowed::read(&service.paths)?,
            fallbacks: fallback::Fallbacks::default(),
        })
    }

    /// The same services with guards by these settings.
    ///
    /// # Errors
    /// `ConfigInvalid`, naming the key.
    pub fn guarded(mut self, resilience: &resilience::ResilienceConfig, limits: &LimitsConfig) -> Result<Upstreams> {
        let services = self.mounts.len();
        for mount in self.mounts() {
            mount.guarded(resilience::Guard::new(mount.name, resilience, limits, services));
        }
        self.fallbacks = fallback::Fallbacks::new(resilience)?;
        Ok(self)
    }

    /// Whether nothing is mounted.
    pub fn is_empty(&self) -> bool {
        self.mounts.is_empty()
    }
    /// Every mounted service.
    pub fn mounts(&self) -> impl Iterator<Item = &Arc<Mount>> {
        self.mounts.iter().map(|mounted| &mounted.mount)
    }
    /// The mounted service of this name.
    pub fn named(&self, name: &str) -> Option<&Arc<Mount>> {
        self.mounts().find(|mount| mount.name == name)
    }
    /// The largest body that a mounted service takes, in bytes; nothing without one.
    pub fn body_limit(&self) -> Option<usize> {
        (!self.is_empty()).then_some(self.body_limit)
    }

    /// The route to a service, unless the host answers this path itself.
    ///
    /// # Errors
    /// `Malformed` where the service may read the path in another way than the rules.
    pub fn claim(&self, own: &Table, method: &Method, path: &str) -> Result<Option<Matched>> {
        if !self.holds(own, path) {
            return Ok(None);
        }
        let seen = paths::readings(path, self.allowed)?;
        let Some(mounted) = self.mounts.iter().find(|mounted| mounted.mount.holds(&seen.plain)) else { return Ok(None) };
        let mut route = mounted.rules.route(method, &seen.plain);
        if let Some(loose) = seen.loose.filter(|loose| mounted.mount.holds(loose)) {
            let other = mounted.rules.route(method, &loose);
            if rank(other.access) > rank(route.access) {
                route = other;
            }
        }
        Ok(Some(Matched { route, parameters: Vec::new() }))
    }

    /// Whether a service answers `path`, and not the host itself.
    pub fn holds(&self, own: &Table, path: &str) -> bool {
        let given = || own.allow(path).is_none() || self.yielded(path);
        !self.is_empty() && self.mounts.iter().any(|mounted| mounted.mount.holds(path)) && given()
    }

    fn yielded(&self, path: &str) -> bool {
        !KEPT.contains(&path) && (GIVEN.contains(&path) || self.yields.iter().any(|given| given == path))
    }
}

/// How much a route demands: where a path has two readings, the one that demands more counts.
fn rank(access: Access) -> u8 {
    match access {
        Access::Public { .. } => 0,
        Access::Authenticated => 1,
        Access::Needs { least, .. } => 2 + least as u8,
    }
}

/// Prefix and address of every service in the section.
fn services(service: &ServiceConfig) -> impl Iterator<Item = (&str, &str)> {
    let main = service.url.iter().map(|url| ("", url.as_str()));
    main.chain(service.mounts.iter().map(|(prefix, url)| (prefix.trim_end_matches('/'), url.as_str())))
}

/// What is wrong with the sections, with the key of each fault.
fn faults(service: &ServiceConfig, routes: &RoutesConfig) -> Vec<(&'static str, Error)> {
    let mut found = Vec::new();
    let plain =
        |name: &str| !name.is_empty() && name.bytes().all(|byte| byte.is_ascii_lowercase() || byte.is_ascii_digit() || byte == b'-');
    if !plain(&service.name) {
        found.push(("service.name", Code::ConfigInvalid.because("a service's name is made of lower-case letters, digits and `-`")));
    }
    for (prefix, url) in services(service) {
        let key = if prefix.is_empty() { "service.url" } else { "service.mounts" };
        if !prefix.is_empty() && !prefix.starts_with('/') {
            found.push((key, Code::ConfigInvalid.because(format!("the prefix \"{prefix}\" does not begin with `/`"))));
        }
        found.extend(mount::address(url).err().map(|error| (key, error)));
    }
    found.extend(paths::Allowed::read(&service.paths).err().map(|error| ("service.paths", error)));
    found.extend(upgrade::faults(&service.upgrades).map(|error| ("service.upgrades", error)));
    for path in &service.yields {
        if KEPT.contains(&path.as_str()) {
            let error = Code::ConfigInvalid.because(format!("`{path}` says whether the host itself is there and cannot be given away"));
            found.push(("service.yields", error));
        }
    }
    found.extend(access::faults(routes));
    found
}
