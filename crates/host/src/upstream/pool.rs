//! Connections to one service, kept while they are good for another request.
//!
//! The last one that was put back is taken first, so that a quiet service's surplus grows old and
//! is closed. A request that a connection gave back unsent (it had just been closed) is sent on
//! the next one; that is no retry, for nothing has left.

use std::{
    sync::{Mutex, PoisonError},
    time::{Duration, Instant},
};

use http::{Request, Response, Uri};
use hyper::{
    body::Incoming,
    client::conn::http1::{self, SendRequest},
};
use hyper_util::rt::TokioIo;
use plimsoll_core::{Code, Error, Result};
use tokio::net::TcpStream;

use crate::Body;

/// A connection that was not used for so long is not trusted any more.
const STALE: Duration = Duration::from_secs(30);
/// Most connections that are kept for later.
const KEPT: usize = 256;

/// Connections to one address.
pub struct Pool {
    address: Uri,
    host: String,
    port: u16,
    connect_timeout: Duration,
    idle: Mutex<Vec<Idle>>,
}

struct Idle {
    connection: SendRequest<Body>,
    since: Instant,
}

/// An answer's head and the connection that its body still comes from.
pub struct Answered {
    /// The head, and the body as it arrives.
    pub answer: Response<Incoming>,
    /// To be put back when the body has ended.
    pub connection: SendRequest<Body>,
}

impl Pool {
    /// Connections to `address`; none is made yet.
    pub fn new(address: Uri, connect_timeout: Duration) -> Pool {
        let host = address.host().unwrap_or_default().trim_matches(['[', ']']).to_owned();
        let port = address.port_u16().unwrap_or(if address.scheme_str() == Some("https") { 443 } else { 80 });
        Pool { address, host, port, connect_timeout, idle: Mutex::default() }
    }

    /// Where the service is.
    pub fn address(&self) -> &Uri {
        &self.address
    }
    /// How many connections wait for a request.
    pub fn idle(&self) -> usize {
        self.idle.lock().unwrap_or_else(PoisonError::into_inner).len()
    }

    /// Sends `request` and waits for the head of its answer.
    ///
    /// # Errors
    /// `UpstreamUnreachable` when nothing was sent, `UpstreamFailed` when it was.
    pub async fn send(&self, mut request: Request<Body>) -> Result<Answered> {
        loop {
            let (mut connection, used) = match self.take().await {
                Some(connection) => (connection, true),
                None => (self.connect().await?, false),
            };
            match connection.try_send_request(request).await {
                Ok(answer) => return Ok(Answered { answer, connection }),
                Err(mut refused) => match refused.take_message() {
                    Some(unsent) if used => request = unsent,
                    Some(_) => return Err(unreachable(refused.into_error())),
                    None => return Err(failed(refused.into_error())),
                },
            }
        }
    }

    /// Puts a connection back whose last answer has been read to its end.
    pub fn put_back(&self, connection: SendRequest<Body>) {
        if connection.is_closed() {
            return;
        }
        let mut idle = self.idle.lock().unwrap_or_else(PoisonError::into_inner);
        let now = Instant::now();
        if idle.first().is_some_and(|oldest| oldest.connection.is_closed() || now - oldest.since > STALE) {
            idle.retain(|one| !one.connection.is_closed() && now - one.since <= STALE);
        }
        if idle.len() < KEPT {
            idle.push(Idle { connection, since: now });
        }
    }

    async fn take(&self) -> Option<SendRequest<Body>> {
        loop {
            let Idle { mut connection, since } = self.idle.lock().unwrap_or_else(PoisonError::into_inner).pop()?;
            // Ready at once, or as soon as the connection's task has seen the end of the last body.
            if since.elapsed() <= STALE && !connection.is_closed() && connection.ready().await.is_ok() {
                return Some(connection);
            }
        }
    }

    /// Whether the address takes a connection; it is closed at once.
    ///
    /// # Errors
    /// `UpstreamUnreachable`.
    pub async fn reach(&self) -> Result<()> {
        let connecting = TcpStream::connect((self.host.as_str(), self.port));
        let stream = tokio::time::timeout(self.connect_timeout, connecting).await;
        let stream = stream.map_err(|_| self.away("it did not take the connection in time"))?;
        stream.map(drop).map_err(|cause| self.away("nobody takes the connection").caused_by(cause))
    }

    async fn connect(&self) -> Result<SendRequest<Body>> {
        let connecting = TcpStream::connect((self.host.as_str(), self.port));
        let stream = tokio::time::timeout(self.connect_timeout, connecting).await;
        let stream = stream
            .map_err(|_| self.away("it did not take the connection in time"))?
            .map_err(|cause| self.away("nobody takes the connection").caused_by(cause))?;
        let _ = stream.set_nodelay(true);
        let (connection, driver) = http1::Builder::new().handshake(TokioIo::new(stream)).await.map_err(unreachable)?;
        tokio::spawn(driver.with_upgrades());
        Ok(connection)
    }

    fn away(&self, what: &str) -> Error {
        Code::UpstreamUnreachable.because(format!("the service behind this address is not to be reached: {what}")).retry_after(1)
    }
}

fn unreachable(cause: hyper::Error) -> Error {
    Code::UpstreamUnreachable.because("the service behind this address is not to be reached").caused_by(cause).retry_after(1)
}

fn failed(cause: hyper::Error) -> Error {
    Code::UpstreamFailed.because("the service broke off before its answer; whether it acted is not known").caused_by(cause)
}
