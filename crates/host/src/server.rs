//! The server: listeners, connections, and how they end.
//!
//! A [`Server`] serves any function from request to answer; [`run`] gives it the host's stack on
//! public listeners and another function on the operations listener. Each connection is watched
//! by one keeper task instead of a timer of its own ([`connection`]), because a timer per request
//! costs more than most of the stack.
//!
//! What is broken on the level of HTTP itself (a request line that cannot be parsed, more than
//! 100 headers, two different lengths) is answered by hyper with a bare status and a closed
//! connection; no layer ever sees it. A request with both a length and chunks is read by its
//! chunks and its connection closed (RFC 9112 §6.3), so nothing can hide behind it.

pub mod connection;
mod expiry;
pub mod listener;
pub mod shutdown;
pub mod stream;
pub mod tls;

use std::{future::Future, net::SocketAddr, sync::Arc, time::Duration};

use http::{Request, Response};
use tokio::task::JoinSet;

use self::{
    connection::Keeper,
    listener::{Door, Listener, Role},
    shutdown::{Phase, Shutdown},
    tls::Certificates,
};
use crate::{
    Body,
    config::{Profile, Span},
    edge::config::ServerConfig,
    host::Host,
    stack::Boxed,
};

/// What answers on the operations listener.
pub type Operations = fn(Arc<Host>, SocketAddr, Request<Body>) -> Boxed<'static, Response<Body>>;

/// How connections are kept and ended.
#[derive(Debug, Clone)]
pub struct Settings {
    /// How long the headers of a request, or a TLS handshake, may take to arrive.
    pub header_timeout: Duration,
    /// How long a connection may make no progress.
    pub idle_timeout: Duration,
    /// Largest sum of headers in bytes.
    pub header_limit: usize,
    /// Most open connections per listener.
    pub connections: usize,
    /// How long readiness is red before listeners close.
    pub drain_notice: Duration,
    /// How long requests in flight may take after that.
    pub drain_timeout: Duration,
}

impl Settings {
    /// What `[server]` says; in production balancers are given 5 s to notice the end unless it says otherwise.
    pub fn new(server: &ServerConfig, profile: Profile) -> Settings {
        let notice = if profile == Profile::Production { Duration::from_secs(5) } else { Duration::ZERO };
        Settings {
            header_timeout: server.header_timeout.duration(),
            idle_timeout: server.idle_timeout.duration(),
            header_limit: server.header_limit.length(),
            connections: server.connections,
            drain_notice: server.drain_notice.map_or(notice, Span::duration),
            drain_timeout: server.drain_timeout.duration(),
        }
    }
}

/// How serving ended.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Drained {
    /// Connections that were cut because their requests did not finish in time.
    pub cut: usize,
}

/// Listeners that accept, and the connections they have accepted.
pub struct Server {
    settings: Arc<Settings>,
    keeper: Arc<Keeper>,
    shutdown: Shutdown,
    doors: JoinSet<()>,
    keeping: tokio::task::JoinHandle<usize>,
}

impl Server {
    /// A server without listeners. `shutdown` ends it. Must be called inside a runtime.
    pub fn new(settings: Settings, shutdown: Shutdown) -> Server {
        let keeper = Arc::new(Keeper::new(&settings));
        let keeping = tokio::spawn(keeper.clone().keep(shutdown.clone()));
        Server { settings: Arc::new(settings), keeper, shutdown, doors: JoinSet::new(), keeping }
    }

    /// Accepts connections on `listener` and answers their requests with `serve`, which is handed
    /// the peer and whether the connection is encrypted.
    pub fn listen<S, F>(&mut self, listener: Listener, certificates: Option<Arc<Certificates>>, serve: S)
    where
        S: Fn(SocketAddr, bool, Request<Body>) -> F + Clone + Send + Sync + 'static,
        F: Future<Output = Response<Body>> + Send + 'static,
    {
        let door = Door {
            settings: self.settings.clone(),
            keeper: self.keeper.clone(),
            shutdown: self.shutdown.clone(),
            certificates,
            places: Arc::new(tokio::sync::Semaphore::new(self.settings.connections.min(tokio::sync::Semaphore::MAX_PERMITS))),
        };
        self.doors.spawn(door.accept(listener, serve));
    }

    /// How many connections are open.
    pub fn connections(&self) -> usize {
        self.keeper.open()
    }

    /// Serves until [`Shutdown::begin`], then in this order: calls `announce` (readiness goes red),
    /// still takes requests for `drain_notice`, stops accepting, lets what is in flight finish
    /// within `drain_timeout`, and cuts the rest. [`Shutdown::force`] skips all waiting.
    pub async fn until_drained(mut self, announce: impl FnOnce()) -> Drained {
        self.shutdown.reached(Phase::Announcing).await;
        announce();
        tokio::select! {
            () = tokio::time::sleep(self.settings.drain_notice) => {}
            () = self.shutdown.reached(Phase::Forced) => {}
        }
        self.shutdown.advance(Phase::Closing);
        let quiet = async {
            // Doors first: each takes in what waits before it closes.
            while self.doors.join_next().await.is_some() {}
            self.keeper.emptied().await;
        };
        tokio::select! {
            () = quiet => {}
            () = tokio::time::sleep(self.settings.drain_timeout) => {}
            () = self.shutdown.reached(Phase::Forced) => {}
        }
        self.shutdown.advance(Phase::Forced);
        let cut = self.keeping.await.unwrap_or_default();
        Drained { cut }
    }
}

/// Serves the host on `listeners` until `shutdown`, and drains. Public listeners speak TLS where
/// there are `certificates`; the operations listener never does, it is not for the network.
///
/// Returns when the last request was answered. Closing the store and flushing telemetry comes
/// after that and is the caller's part.
pub async fn run(
    host: Arc<Host>,
    listeners: Vec<Listener>,
    operations: Operations,
    certificates: Option<Arc<Certificates>>,
    settings: Settings,
    shutdown: Shutdown,
) -> Drained {
    let mut settings = settings;
    if !host.holds("request-timeouts") {
        settings.header_timeout = Duration::MAX;
    }
    let mut server = Server::new(settings, shutdown);
    for listener in listeners {
        let host = host.clone();
        match listener.role {
            Role::Public => server.listen(listener, certificates.clone(), move |peer, secure, request| {
                crate::host::serve(host.clone(), peer, secure, request)
            }),
            Role::Operations => server.listen(listener, None, move |peer, _, request| operations(host.clone(), peer, request)),
        }
    }
    let announce = || {
        host.health.drain();
        host.work.retire();
    };
    server.until_drained(announce).await
}

#[cfg(test)]
mod tests;
