//! One mounted service: where it is and how long it may take.

use std::{
    sync::{
        Arc, OnceLock,
        atomic::{AtomicUsize, Ordering},
    },
    time::Duration,
};

use http::{HeaderValue, Uri};
use plimsoll_core::{Code, Result};
use tokio::sync::watch;

use super::{
    assertion::Assertions,
    config::{HostHeader, ServiceConfig},
    lifecycle::Lifecycle,
    pool::Pool,
    resilience::{Guard, ResilienceConfig},
    tls::Encryption,
};
use crate::limits::config::LimitsConfig;

/// A service and the way to it.
pub struct Mount {
    /// Its name in logs, metrics and permissions.
    pub name: &'static str,
    /// The paths it answers begin with this; empty for all.
    pub prefix: String,
    /// Largest request body in bytes.
    pub body_limit: usize,
    /// How long the head of an answer may take.
    pub answer_timeout: Duration,
    /// How long a body may stand still.
    pub idle_timeout: Duration,
    /// How long an event stream or an upgraded connection may lie still.
    pub stream_idle_timeout: Duration,
    /// Whether it sees its own name in `Host`, and not the caller's.
    pub(super) own_name: bool,
    /// Its own name and port, as they stand in its address.
    pub(super) name_on_wire: HeaderValue,
    /// Whether it is told who asks.
    pub(super) identity_headers: bool,
    /// What it was told a moment ago.
    pub(super) assertions: Assertions,
    /// Protocols that a connection to it may be upgraded to, in lower case.
    pub(super) upgrades: Vec<String>,
    /// Connections to it.
    pub pool: Pool,
    /// Requests on their way to it or answered in part.
    pub(super) active: AtomicUsize,
    lifecycle: OnceLock<watch::Receiver<Lifecycle>>,
    guard: OnceLock<Arc<Guard>>,
}

impl Mount {
    /// A service called `name` that listens at `url` and answers below `prefix`.
    ///
    /// # Errors
    /// `ConfigInvalid` when `url` is no address of a service.
    pub fn new(name: &str, prefix: &str, url: &str, config: &ServiceConfig) -> Result<Mount> {
        let address = address(url)?;
        let encryption = Encryption::for_address(&address, config.ca_file.as_deref())?;
        let name_on_wire = HeaderValue::try_from(address.authority().map_or("", http::uri::Authority::as_str))?;
        Ok(Mount {
            name: String::leak(name.to_owned()),
            prefix: prefix.to_owned(),
            body_limit: config.body_limit.length(),
            answer_timeout: config.answer_timeout.duration(),
            idle_timeout: config.idle_timeout.duration(),
            stream_idle_timeout: config.stream_idle_timeout.duration(),
            own_name: config.host_header == HostHeader::Service,
            name_on_wire,
            identity_headers: config.identity_headers,
            assertions: Assertions::default(),
            upgrades: config.upgrades.iter().map(|name| name.to_ascii_lowercase()).collect(),
            pool: Pool::new(address, encryption, config.connect_timeout.duration()),
            active: AtomicUsize::new(0),
            lifecycle: OnceLock::new(),
            guard: OnceLock::new(),
        })
    }

    /// Whether `path` belongs to this service: `/billing` holds `/billing` and `/billing/1`, not `/billings`.
    pub fn holds(&self, path: &str) -> bool {
        path.strip_prefix(self.prefix.as_str()).is_some_and(|rest| self.prefix.is_empty() || rest.is_empty() || rest.starts_with('/'))
    }

    /// The path in `place`, where that is an address of the service's own, which callers cannot reach.
    pub(super) fn inside<'p>(&self, place: &'p str) -> Option<&'p str> {
        let own = self.pool.address();
        let behind = place.get(..own.scheme_str()?.len() + 3).filter(|head| {
            head.strip_suffix("://").is_some_and(|scheme| scheme.eq_ignore_ascii_case(own.scheme_str().unwrap_or_default()))
        })?;
        let rest = &place[behind.len()..];
        let (name, path) = rest.split_at(rest.find(['/', '?', '#']).unwrap_or(rest.len()));
        let same = name.parse::<http::uri::Authority>().is_ok_and(|named| {
            let local = |host: &str| host.eq_ignore_ascii_case("localhost") || host == "127.0.0.1" || host == "[::1]" || host == "0.0.0.0";
            let host = own.host().unwrap_or_default();
            let usual = if own.scheme_str() == Some("https") { 443 } else { 80 };
            let port = |named: Option<u16>| named.unwrap_or(usual);
            (named.host().eq_ignore_ascii_case(host) || (local(named.host()) && local(host)))
                && port(named.port_u16()) == port(own.port_u16())
        });
        // A path that begins with `//` would name another host.
        same.then_some(if path.is_empty() { "/" } else { path }).filter(|path| path.starts_with('/') && !path.starts_with("//"))
    }

    /// Lets the supervisor of the program say how it is; only the first is kept.
    pub fn supervised(&self, lifecycle: watch::Receiver<Lifecycle>) {
        let _ = self.lifecycle.set(lifecycle);
    }
    /// How the program is from now on; nothing where nobody supervises it.
    pub fn watch(&self) -> Option<watch::Receiver<Lifecycle>> {
        self.lifecycle.get().cloned()
    }
    /// How the program is; nothing where nobody supervises it.
    pub fn lifecycle(&self) -> Option<Lifecycle> {
        self.lifecycle.get().map(|state| *state.borrow())
    }
    /// Gives it a guard; only the first is kept.
    pub(super) fn guarded(&self, guard: Guard) {
        let _ = self.guard.set(Arc::new(guard));
    }
    /// What stands between requests and it; one with the defaults where none was given.
    pub fn guard(&self) -> &Arc<Guard> {
        self.guard.get_or_init(|| Arc::new(Guard::new(self.name, &ResilienceConfig::default(), &LimitsConfig::default(), 1)))
    }
    /// Requests on their way to it or answered in part.
    pub fn active(&self) -> usize {
        self.active.load(Ordering::Relaxed)
    }
}

/// A request, or an upgraded connection, under way: counted until it is dropped, with the body of
/// its answer.
pub struct Active(Arc<Mount>);

impl Active {
    /// Counts one more at `mount`.
    pub fn begin(mount: &Arc<Mount>) -> Active {
        mount.active.fetch_add(1, Ordering::Relaxed);
        Active(mount.clone())
    }
    /// Where it is under way.
    pub fn mount(&self) -> &Mount {
        &self.0
    }
}

impl Drop for Active {
    fn drop(&mut self) {
        self.0.active.fetch_sub(1, Ordering::Relaxed);
    }
}

/// Reads the address of a service: scheme, host and port, nothing behind.
///
/// # Errors
/// `ConfigInvalid`, saying what is not right.
pub fn address(url: &str) -> Result<Uri> {
    let wrong = |what: &str| Code::ConfigInvalid.because(format!("\"{url}\" {what}; write http://host:port"));
    let uri: Uri = url.parse().map_err(|_| wrong("is no address"))?;
    if !matches!(uri.scheme_str(), Some("http" | "https")) || uri.host().is_none_or(str::is_empty) {
        return Err(wrong("is no http:// or https:// address"));
    }
    if uri.path_and_query().is_some_and(|rest| rest.as_str() != "/") {
        return Err(wrong("has a path, and requests keep the path they came with"));
    }
    Ok(uri)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_prefix_ends_where_a_segment_ends() {
        let mount = Mount::new("b", "/billing", "http://127.0.0.1:1", &ServiceConfig::default()).unwrap();
        assert!(mount.holds("/billing") && mount.holds("/billing/1") && !mount.holds("/billings") && !mount.holds("/"));
    }

    #[test]
    fn the_services_own_address_becomes_a_path() {
        let mount = Mount::new("b", "", "http://127.0.0.1:8000", &ServiceConfig::default()).unwrap();
        for (place, path) in [
            ("http://127.0.0.1:8000/a?b#c", Some("/a?b#c")),
            ("HTTP://LOCALHOST:8000/a", Some("/a")),
            ("http://127.0.0.1:8000", Some("/")),
            ("http://127.0.0.1:8000//evil.example/", None),
            ("http://127.0.0.1:8001/a", None),
            ("https://127.0.0.1:8000/a", None),
            ("http://127.0.0.1:8000@evil.example/", None),
            ("http://api.example:8000/a", None),
            ("/a", None),
            ("", None),
        ] {
            assert_eq!(mount.inside(place), path, "{place}");
        }
    }

    #[test]
    fn an_address_is_scheme_host_and_port() {
        assert!(address("http://127.0.0.1:8000").is_ok() && address("https://a.example/").is_ok());
        for wrong in ["", "127.0.0.1:8000", "ftp://a", "http://", "http://a/b", "http://a?b"] {
            assert!(address(wrong).is_err(), "{wrong}");
        }
    }
}
