//! Connections to one service, kept while they are good for another request.
//!
//! A connection has no task of its own. Whoever waits for its answer moves it forward, so that the
//! bytes of a service wake the caller's task and no other: two changes of task for every request
//! would cost more than the rest of the way. While nobody waits, a [`Link`] lies still in the pool,
//! and what has happened to it is found out when it is taken, or by the pool's look every few
//! seconds.
//!
//! The last one that was put back is taken first, so that a quiet service's surplus grows old and
//! is closed. A request that a connection gave back unsent (it had just been closed) is sent on
//! the next one; that is no retry, for nothing has left.

use std::{
    future::{Future, poll_fn},
    pin::Pin,
    sync::{
        Arc, Mutex, MutexGuard, PoisonError,
        atomic::{AtomicBool, Ordering},
    },
    task::{Context, Poll, Waker},
    time::{Duration, Instant},
};

use http::{Request, Response, Uri};
use hyper::{
    body::Incoming,
    client::conn::http1::{self, SendRequest},
};
use hyper_util::rt::TokioIo;
use plimsoll_core::{Code, Error, Result};
use tokio::{
    io::{AsyncRead, AsyncWrite},
    net::TcpStream,
};

use super::tls::Encryption;
use crate::Body;

/// A connection that was not used for so long is not trusted any more.
const STALE: Duration = Duration::from_secs(30);
/// How often connections that nobody uses are looked at.
const LOOK: Duration = Duration::from_secs(3);
/// Most connections that are kept for later.
const KEPT: usize = 256;
/// Most bytes of an answer that are held: its head, or as much of its body as the caller is slow.
const LARGEST_HEAD: usize = 128 << 10;

/// Connections to one address.
pub struct Pool {
    address: Uri,
    host: String,
    port: u16,
    encryption: Option<Encryption>,
    connect_timeout: Duration,
    idle: Arc<Shelf>,
}

/// Connections that wait for a request.
#[derive(Default)]
struct Shelf {
    links: Mutex<Vec<(Link, Instant)>>,
    /// Whether somebody looks after them.
    tended: AtomicBool,
}

/// One connection, and what moves it forward.
pub struct Link {
    sender: SendRequest<Body>,
    /// Nothing once the connection has ended.
    driver: Option<Driver>,
}

type Driver = Pin<Box<dyn Future<Output = ()> + Send>>;

impl Link {
    /// Moves bytes in both directions as far as they go.
    pub(super) fn advance(&mut self, cx: &mut Context<'_>) {
        if let Some(driver) = &mut self.driver
            && driver.as_mut().poll(cx).is_ready()
        {
            self.driver = None;
        }
    }

    /// Whether it takes another request now.
    fn is_good(&mut self, cx: &mut Context<'_>) -> bool {
        // The first look sees the end of the last answer, the second waits for a request.
        for _ in 0..2 {
            self.advance(cx);
            if self.driver.is_none() || self.sender.is_closed() {
                return false;
            }
            if self.sender.is_ready() {
                return true;
            }
        }
        false
    }

    /// Lets the connection live on by itself, for one that was upgraded.
    pub(super) fn release(self) {
        if let Some(driver) = self.driver {
            tokio::spawn(driver);
        }
    }
}

/// An answer's head and the connection that its body still comes from.
pub struct Answered {
    /// The head, and the body as it arrives while the connection is moved forward.
    pub answer: Response<Incoming>,
    /// To be put back when the body has ended.
    pub connection: Link,
}

impl Pool {
    /// Connections to `address`; none is made yet.
    pub fn new(address: Uri, encryption: Option<Encryption>, connect_timeout: Duration) -> Pool {
        let host = address.host().unwrap_or_default().trim_matches(['[', ']']).to_owned();
        let port = address.port_u16().unwrap_or(if address.scheme_str() == Some("https") { 443 } else { 80 });
        Pool { address, host, port, encryption, connect_timeout, idle: Arc::default() }
    }

    /// Where the service is.
    pub fn address(&self) -> &Uri {
        &self.address
    }
    /// How many connections wait for a request.
    pub fn idle(&self) -> usize {
        self.idle.links().len()
    }

    /// Whether a connection lies ready that the service has not closed. Nobody listens to those that
    /// lie still, so it is found out here.
    pub fn is_connected(&self) -> bool {
        let mut context = Context::from_waker(Waker::noop());
        let mut links = self.idle.links();
        links.retain_mut(|(link, _)| link.is_good(&mut context));
        !links.is_empty()
    }

    /// Sends `request` and waits for the head of its answer.
    ///
    /// # Errors
    /// `UpstreamUnreachable` when nothing was sent, `UpstreamFailed` when it was.
    pub async fn send(&self, mut request: Request<Body>) -> Result<Answered> {
        loop {
            let (mut link, used) = match self.take().await {
                Some(link) => (link, true),
                None => (self.connect().await?, false),
            };
            let mut sending = std::pin::pin!(link.sender.try_send_request(request));
            let driver = &mut link.driver;
            let sent = poll_fn(|cx| {
                if let Some(moving) = driver
                    && moving.as_mut().poll(cx).is_ready()
                {
                    *driver = None;
                }
                sending.as_mut().poll(cx)
            });
            match sent.await {
                Ok(answer) => return Ok(Answered { answer, connection: link }),
                Err(mut refused) => match refused.take_message() {
                    Some(unsent) if used => request = unsent,
                    Some(_) => return Err(unreachable(refused.into_error())),
                    None => return Err(failed(refused.into_error())),
                },
            }
        }
    }

    /// Puts a connection back whose last answer has been read to its end. Where the request's body
    /// is still under way (the service answered early), it goes on first: the caller may be in the
    /// middle of it.
    pub fn put_back(&self, mut link: Link) {
        if link.is_good(&mut Context::from_waker(Waker::noop())) {
            self.idle.keep(link);
        } else if link.driver.is_some() && !link.sender.is_closed() {
            let shelf = self.idle.clone();
            tokio::spawn(async move {
                let finished = poll_fn(|cx| {
                    link.advance(cx);
                    if link.driver.is_none() || link.sender.is_closed() {
                        return Poll::Ready(false);
                    }
                    if link.sender.is_ready() { Poll::Ready(true) } else { Poll::Pending }
                });
                if tokio::time::timeout(STALE, finished).await == Ok(true) {
                    shelf.keep(link);
                }
            });
        }
    }

    async fn take(&self) -> Option<Link> {
        poll_fn(|cx| {
            loop {
                let Some((mut link, since)) = self.idle.links().pop() else { return Poll::Ready(None) };
                if since.elapsed() <= STALE && link.is_good(cx) {
                    return Poll::Ready(Some(link));
                }
            }
        })
        .await
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

    async fn connect(&self) -> Result<Link> {
        let connecting = tokio::time::timeout(self.connect_timeout, async {
            let stream = TcpStream::connect((self.host.as_str(), self.port)).await;
            let stream = stream.map_err(|cause| self.away("nobody takes the connection").caused_by(cause))?;
            let _ = stream.set_nodelay(true);
            match &self.encryption {
                None => begin(stream).await,
                Some(encryption) => {
                    let stream = encryption.wrap(stream).await;
                    begin(stream.map_err(|cause| self.away("it could not show that it is the right one").caused_by(cause))?).await
                }
            }
        });
        connecting.await.map_err(|_| self.away("it did not take the connection in time"))?
    }

    fn away(&self, what: &str) -> Error {
        Code::UpstreamUnreachable.because(format!("the service behind this address is not to be reached: {what}")).retry_after(1)
    }
}

impl Shelf {
    fn keep(self: &Arc<Shelf>, link: Link) {
        let mut links = self.links();
        if links.len() < KEPT {
            links.push((link, Instant::now()));
        }
        drop(links);
        if !self.tended.swap(true, Ordering::SeqCst) {
            tokio::spawn(tend(self.clone()));
        }
    }

    fn links(&self) -> MutexGuard<'_, Vec<(Link, Instant)>> {
        self.links.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// Closes what was not used for long and what the service has closed, until nothing is left.
async fn tend(shelf: Arc<Shelf>) {
    loop {
        tokio::time::sleep(LOOK).await;
        let mut links = shelf.links();
        let mut context = Context::from_waker(Waker::noop());
        links.retain_mut(|(link, since)| since.elapsed() <= STALE && link.is_good(&mut context));
        if links.is_empty() {
            // Under the lock: who puts one back after this sees that nobody looks after it.
            shelf.tended.store(false, Ordering::SeqCst);
            return;
        }
    }
}

async fn begin<IO: AsyncRead + AsyncWrite + Unpin + Send + 'static>(io: IO) -> Result<Link> {
    let mut builder = http1::Builder::new();
    builder.max_buf_size(LARGEST_HEAD);
    let (sender, connection) = builder.handshake(TokioIo::new(io)).await.map_err(unreachable)?;
    let upgradeable = connection.with_upgrades();
    // How it ends is told to whoever waits for an answer.
    let driver: Driver = Box::pin(async move { drop(upgradeable.await) });
    Ok(Link { sender, driver: Some(driver) })
}

fn unreachable(cause: hyper::Error) -> Error {
    Code::UpstreamUnreachable.because("the service behind this address is not to be reached").caused_by(cause).retry_after(1)
}

fn failed(cause: hyper::Error) -> Error {
    Code::UpstreamFailed.because("the service broke off before its answer; whether it acted is not known").caused_by(cause)
}
