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
pub mod contract;
pub mod fallback;
pub mod forward;
pub mod gauges;
pub mod headers;
pub mod lifecycle;
pub mod mount;
pub mod operate;
pub mod paths;
pub mod pool;
pub mod release;
pub mod resilience;
pub mod retry;
pub mod sharing;
pub mod starting;
pub mod tls;
pub mod upgrade;

use std::{sync::Arc, time::Instant};

use http::{Method, Request, Response};
use plimsoll_core::{Code, Error, Result};

use self::{
    access::Rules,
    config::{RoutesConfig, ServiceConfig},
    contract::{
        Contract,
        template::{End, Template, Tree},
    },
    mount::Mount,
};
use crate::{
    Body, Host,
    exchange::Exchange,
    limits::config::LimitsConfig,
    probes::Weight,
    route::{Matched, Table},
};

/// Every service that is mounted.
#[derive(Default)]
pub struct Upstreams {
    /// The longest prefix first.
    mounts: Vec<Mounted>,
    yields: Tree,
    body_limit: usize,
    /// A candidate beside the main service.
    pub release: Option<Arc<release::Release>>,
    allowed: paths::Allowed,
    fallbacks: fallback::Fallbacks,
}

struct Mounted {
    mount: Arc<Mount>,
    contract: Arc<Contract>,
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
        let rules = Arc::new(Rules::new(routes)?);
        let main = service.url.is_some();
        let mut mounts = Vec::new();
        for (prefix, url) in services(service) {
            let name = if prefix.is_empty() { service.name.clone() } else { prefix.trim_matches('/').replace('/', "-") };
            let mount = Arc::new(Mount::new(&name, prefix, url, service)?);
            // Names of operations and tags are the main service's, where there is one.
            let rules = if main && !prefix.is_empty() { Arc::new(rules.by_path()) } else { rules.clone() };
            mounts.push(Mounted { contract: Arc::new(Contract::new(mount.clone(), rules, service, routes)), mount });
        }
        let mut yields = Tree::new(false);
        for (number, path) in (0u32..).zip(&service.yields) {
            let template =
                Template::parse(path).map_err(|why| Code::ConfigInvalid.because(format!("`{path}` cannot be given away: {why}")))?;
            yields.insert(&template, number);
        }
        mounts.sort_by_key(|mounted| std::cmp::Reverse(mounted.mount.prefix.len()));
        Ok(Upstreams {
            mounts,
            yields,
            body_limit: service.body_limit.length(),
            allowed: paths::Allowed::read(&service.paths)?,
            release: None,
            fallbacks: fallback::Fallbacks::default(),
        })
    }

    /// The same services with a candidate beside the main one, where the section names one.
    ///
    /// # Errors
    /// `ConfigInvalid`, naming what is wrong.
    pub fn releasing(mut self, section: &release::config::ReleaseConfig, service: &ServiceConfig) -> Result<Upstreams> {
        let main = self.mounts.iter().find(|mounted| mounted.mount.prefix.is_empty()).map(|mounted| mounted.mount.clone());
        self.release = match main {
            Some(main) => release::Release::new(section, &main, service)?.map(Arc::new),
            None => None,
        };
        Ok(self)
    }

    /// The same services, a candidate included, with guards by these settings.
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
    /// Every mounted service, a candidate included.
    pub fn mounts(&self) -> impl Iterator<Item = &Arc<Mount>> {
        let candidate = self.release.iter().map(|release| release.candidate());
        self.mounts.iter().map(|mounted| &mounted.mount).chain(candidate)
    }

    /// Sends a request on, to the candidate where it is its turn.
    ///
    /// # Errors
    /// As [`forward`](forward::forward).
    pub async fn send(x: &mut Exchange, mount: &Arc<Mount>, request: Request<Body>) -> Result<Response<Body>> {
        let host = x.host.clone();
        let (Some(release), Some(steered)) = (&host.upstreams.release, x.steered.clone()) else {
            return forward::forward(x, mount, request).await;
        };
        release.mirror(x, &steered, &request);
        let begun = Instant::now();
        let mut answer = forward::forward(x, &steered.mount, request).await;
        release.came_back(x, &steered, begun.elapsed(), &mut answer).await;
        answer
    }
    /// The service, where there is one only; a candidate beside it does not count.
    pub fn alone(&self) -> Option<&Arc<Mount>> {
        match self.mounts.as_slice() {
            [only] => Some(&only.mount),
            _ => None,
        }
    }
    /// The mounted service of this name.
    pub fn named(&self, name: &str) -> Option<&Arc<Mount>> {
        self.mounts().find(|mount| mount.name == name)
    }
    /// The largest body that a mounted service takes, in bytes; nothing without one.
    pub fn body_limit(&self) -> Option<usize> {
        (!self.is_empty()).then_some(self.body_limit)
    }

    /// The description and the rules of a mounted service.
    pub fn contract(&self, mount: &Arc<Mount>) -> Option<&Arc<Contract>> {
        self.mounts.iter().find(|mounted| Arc::ptr_eq(&mounted.mount, mount)).map(|mounted| &mounted.contract)
    }
    /// The descriptions and rules of every mounted service.
    pub fn contracts(&self) -> impl Iterator<Item = &Arc<Contract>> {
        self.mounts.iter().map(|mounted| &mounted.contract)
    }

    /// The route to a service, unless the host answers this path itself.
    ///
    /// # Errors
    /// `Malformed` where the service may read the path in another way than the rules;
    /// `ServiceStarting` where the rules need a description that could not be read yet.
    pub fn claim(&self, own: &Table, method: &Method, path: &str) -> Result<Option<Matched>> {
        if !self.holds(own, path) {
            return Ok(None);
        }
        // What parsers disagree about is refused; what is left is judged under every reading.
        let seen = paths::readings(path, self.allowed)?;
        let Some(mounted) = self.mounts.iter().find(|mounted| mounted.mount.holds(&seen.plain)) else { return Ok(None) };
        Ok(Some(Matched { route: mounted.contract.route(method, path)?, parameters: Vec::new() }))
    }

    /// Whether a service answers `path`, and not the host itself.
    pub fn holds(&self, own: &Table, path: &str) -> bool {
        let Some(mounted) = self.mounts.iter().find(|mounted| mounted.mount.holds(path)) else { return false };
        own.allow(path).is_none() || self.gives(path) || (!KEPT.contains(&path) && mounted.contract.yields(path))
    }

    /// Whether the configuration lets a service answer this path of the host's own.
    pub fn gives(&self, path: &str) -> bool {
        if KEPT.contains(&path) {
            return false;
        }
        let asked = contract::reading::Asked::read(path);
        GIVEN.contains(&path) || !self.yields.best(&asked.segments, End::Either, &|_| true).is_empty()
    }

    /// Remembers what a mounted service was asked for and what was answered.
    pub fn note(&self, x: &Exchange, path: &str, status: u16) {
        let Some(route) = x.matched.as_ref().map(|matched| &matched.route) else { return };
        if let Some(contract) = route.mount.as_ref().and_then(|mount| self.contract(mount)) {
            contract.note(route, x, path, status);
        }
    }

    /// Begins to read descriptions, and says in readiness and metrics what came of it.
    pub async fn open(host: &Arc<Host>) {
        for contract in host.upstreams.contracts() {
            tokio::spawn(contract.clone().keep(Arc::downgrade(host)));
            let name: &'static str = contract::description::kept(&format!("description-of-{}", contract.mount().name));
            let asked = Arc::downgrade(contract);
            host.health.check(name, Weight::Attention, move || {
                let complaint = asked.upgrade().and_then(|contract| contract.complaint());
                Box::pin(async move { complaint.map_or(Ok(()), |said| Err(Code::ConfigInvalid.because(said))) })
            });
        }
        if let Some(release) = &host.upstreams.release {
            release.recall(host).await;
            release.report(&host.health);
            tokio::spawn(release.clone().watch(Arc::downgrade(host)));
        }
        let host_of_figures = Arc::downgrade(host);
        if !host.upstreams.is_empty() {
            host.telemetry.metrics.collect(move |page| {
                let Some(host) = host_of_figures.upgrade() else { return };
                if let Some(release) = &host.upstreams.release {
                    release.write(page);
                }
                let name = "plimsoll_description_faults_total";
                page.family(name, "counter", "Requests that broke the service's description, by what came of it.");
                for contract in host.upstreams.contracts() {
                    let (reported, refused) = contract.faults();
                    for (outcome, count) in [("reported", reported), ("refused", refused)] {
                        page.sample(name, &[("service", contract.mount().name), ("outcome", outcome)], count);
                    }
                }
            });
        }
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
        if let Err(why) = Template::parse(path) {
            found.push(("service.yields", Code::ConfigInvalid.because(format!("`{path}` cannot be given away: {why}"))));
        }
    }
    if let Some(place) = service.openapi.as_deref().map(str::trim)
        && !(place == "off" || place.starts_with('/') || place.strip_prefix("file:").is_some_and(|file| !file.is_empty()))
    {
        let error = Code::ConfigInvalid
            .because(format!("\"{place}\" is no place of a description; write `/openapi.json`, `file:openapi.json` or `off`"));
        found.push(("service.openapi", error));
    }
    found.extend(access::faults(routes));
    found
}
