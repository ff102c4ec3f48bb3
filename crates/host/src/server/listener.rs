//! Listeners: an address, and the loop that accepts on it.

use std::{
    convert::Infallible,
    future::Future,
    net::SocketAddr,
    sync::{
        Arc,
        atomic::{AtomicUsize, Ordering},
    },
    time::Duration,
};

use http::{HeaderValue, Request, Response, StatusCode, header};
use hyper::{
    body::{Body as _, Incoming},
    server::conn::{http1, http2},
    service::service_fn,
};
use hyper_util::rt::{TokioExecutor, TokioIo, TokioTimer};
use plimsoll_core::{Code, Result};
use tokio::{
    io::{AsyncRead, AsyncReadExt, AsyncWrite, AsyncWriteExt},
    net::{TcpListener, TcpStream},
    sync::{OwnedSemaphorePermit, Semaphore},
};

use super::{
    Settings,
    connection::{Answering, Keeper, Open, drive},
    shutdown::{Phase, Shutdown},
    stream::Watched,
    tls::Certificates,
};
use crate::Body;

/// A body above this, in bytes, may not have arrived when a request is refused.
const LARGE_BODY: u64 = 8 << 10;

/// For whom a listener is.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Role {
    /// Users.
    Public,
    /// Those who run the service: metrics, details of health.
    Operations,
}

/// An address that is bound; requests to it already wait.
pub struct Listener {
    tcp: TcpListener,
    /// The real address: the port that was found where 0 was asked for.
    pub address: SocketAddr,
    /// For whom it is.
    pub role: Role,
}

/// Binds `address`; port 0 takes a free one.
///
/// # Errors
/// `ConfigInvalid` with the address and what stands in the way.
pub async fn bind(address: SocketAddr, role: Role) -> Result<Listener> {
    let bound = TcpListener::bind(address).await.and_then(|tcp| Ok((tcp.local_addr()?, tcp)));
    let (address, tcp) = bound.map_err(|cause| {
        Code::ConfigInvalid
            .because(format!("cannot listen on {address}: {cause}; stop what uses the address, or choose another with `[server] listen`"))
            .caused_by(cause)
    })?;
    Ok(Listener { tcp, address, role })
}

/// What is said to a connection beyond the limit; the rest of its bytes are not worth reading.
const FULL: &[u8] = b"HTTP/1.1 503 Service Unavailable\r\ncontent-type: application/problem+json\r\ncache-control: no-store\r\n\
retry-after: 1\r\nconnection: close\r\ncontent-length: 210\r\n\r\n\
{\"type\":\"/problems/temporary-reduced-capacity\",\"title\":\"The server is at its capacity\",\"status\":503,\
\"detail\":\"as many connections are open as there may be; try again\",\"code\":\"PLM-LIM-002\",\"refused_by\":\"server\"}";
/// Most connections that are being turned away at once; above it they are closed without a word.
const TURNING: usize = 64;

/// A connection's place on the server, held for as long as somebody uses the connection: the HTTP
/// on it, and what it was upgraded to.
pub struct Seat {
    open: Open,
    /// How far the end of serving has come.
    pub shutdown: Shutdown,
    _place: OwnedSemaphorePermit,
}

impl Seat {
    /// Counts the connection as busy: its timeouts are kept by whoever uses it.
    pub fn busy(&self) -> Answering {
        self.open.life.answering()
    }
}

/// Where connections come in.
pub(super) struct Door {
    pub(super) settings: Arc<Settings>,
    pub(super) keeper: Arc<Keeper>,
    pub(super) shutdown: Shutdown,
    pub(super) certificates: Option<Arc<Certificates>>,
    pub(super) places: Arc<Semaphore>,
}

impl Door {
    /// Accepts until the end, then takes in what the system had already accepted.
    pub(super) async fn accept<S, F>(self, listener: Listener, serve: S)
    where
        S: Fn(SocketAddr, bool, Request<Body>) -> F + Clone + Send + Sync + 'static,
        F: Future<Output = Response<Body>> + Send + 'static,
    {
        let (door, turning) = (Arc::new(self), Arc::new(AtomicUsize::new(0)));
        let closing = door.shutdown.clone();
        let mut closing = std::pin::pin!(closing.reached(Phase::Closing));
        loop {
            let accepted = tokio::select! {
                accepted = listener.tcp.accept() => accepted,
                () = &mut closing => break,
            };
            match accepted {
                Ok((stream, peer)) => door.take_in(stream, peer, &serve, &turning),
                // A peer that left again is its own business. Anything else (no descriptors left)
                // does not go away by asking at once again.
                Err(error) if is_about_one_peer(&error) => {}
                Err(error) => {
                    tracing::warn!(%error, "cannot accept a connection");
                    tokio::time::sleep(Duration::from_millis(50)).await;
                }
            }
        }
        let Ok(last) = listener.tcp.into_std() else { return };
        while let Ok((stream, peer)) = last.accept() {
            if stream.set_nonblocking(true).is_ok()
                && let Ok(stream) = TcpStream::from_std(stream)
            {
                door.take_in(stream, peer, &serve, &turning);
            }
        }
    }

    fn take_in<S, F>(self: &Arc<Self>, stream: TcpStream, peer: SocketAddr, serve: &S, turning: &Arc<AtomicUsize>)
    where
        S: Fn(SocketAddr, bool, Request<Body>) -> F + Clone + Send + Sync + 'static,
        F: Future<Output = Response<Body>> + Send + 'static,
    {
        let Ok(place) = self.places.clone().try_acquire_owned() else {
            return self.turn_away(stream, turning);
        };
        let _ = stream.set_nodelay(true);
        let (door, open, serve) = (self.clone(), self.keeper.admit(), serve.clone());
        tokio::spawn(async move {
            let seat = Arc::new(Seat { open, shutdown: door.shutdown.clone(), _place: place });
            door.converse(stream, peer, seat, serve).await;
        });
    }

    async fn converse<S, F>(&self, stream: TcpStream, peer: SocketAddr, seat: Arc<Seat>, serve: S)
    where
        S: Fn(SocketAddr, bool, Request<Body>) -> F + Send + Sync + 'static,
        F: Future<Output = Response<Body>> + Send + 'static,
    {
        let Some(certificates) = &self.certificates else {
            let two = tokio::select! {
                two = knows_two(&stream, self.settings.header_timeout) => two,
                () = self.shutdown.reached(Phase::Closing) => false,
            };
            return self.speak(stream, two, &seat, move |request| serve(peer, false, request)).await;
        };
        let handshake = tokio_rustls::TlsAcceptor::from(certificates.current()).accept(stream);
        let shaken = tokio::select! {
            shaken = tokio::time::timeout(self.settings.header_timeout, handshake) => shaken,
            () = self.shutdown.reached(Phase::Forced) => return,
        };
        // Strangers who do not speak TLS are no news.
        let Ok(Ok(stream)) = shaken else { return };
        let two = stream.get_ref().1.alpn_protocol() == Some(b"h2");
        self.speak(stream, two, &seat, move |request| serve(peer, true, request)).await;
    }

    /// Serves one connection in HTTP/1.1, or in HTTP/2 if `two`.
    async fn speak<IO, F>(&self, io: IO, two: bool, seat: &Arc<Seat>, serve: impl Fn(Request<Body>) -> F + Send + Sync + 'static)
    where
        IO: AsyncRead + AsyncWrite + Unpin + Send + 'static,
        F: Future<Output = Response<Body>> + Send + 'static,
    {
        let (life, shutdown, held) = (seat.open.life.clone(), self.shutdown.clone(), Arc::downgrade(seat));
        let io = TokioIo::new(Watched::new(io, life.clone()));
        let service = service_fn(move |request: Request<Incoming>| {
            let answering = life.answering();
            let large = request.body().size_hint().exact().is_none_or(|length| length > LARGE_BODY);
            let mut request = request.map(Body::from);
            if !two
                && request.headers().contains_key(header::UPGRADE)
                && let Some(seat) = held.upgrade()
            {
                request.extensions_mut().insert(seat);
            }
            let answer = serve(request);
            let shutdown = shutdown.clone();
            async move {
                let mut answer = answer.await;
                drop(answering);
                // What was refused unread is still on its way: the connection ends, and the caller
                // must know before it sends the next request into it.
                let unread = large && answer.status().as_u16() >= 400;
                let switched = answer.status() == StatusCode::SWITCHING_PROTOCOLS;
                if !two && !switched && (unread || shutdown.is_closing()) {
                    answer.headers_mut().insert(header::CONNECTION, HeaderValue::from_static("close"));
                }
                Ok::<_, Infallible>(answer)
            }
        });
        if two {
            seat.open.life.set_multiplexed();
            drive(&seat.open.life, self.http2().serve_connection(io, service), |connection| connection.graceful_shutdown()).await;
        } else {
            drive(&seat.open.life, self.http1().serve_connection(io, service).with_upgrades(), |connection| connection.graceful_shutdown())
                .await;
        }
    }

    fn http1(&self) -> http1::Builder {
        let mut builder = http1::Builder::new();
        // Timeouts are the keeper's. The buffer leaves room to refuse large headers in our own form.
        // `pipeline_flush` stays off: with it, an answer is lost when the connection ends and bytes
        // of a further request are already here.
        builder.header_read_timeout(None).max_buf_size((4 * self.settings.header_limit).max(64 << 10));
        builder
    }
    fn http2(&self) -> http2::Builder<TokioExecutor> {
        let mut builder = http2::Builder::new(TokioExecutor::new());
        builder
            .timer(TokioTimer::new())
            .keep_alive_interval(Duration::from_secs(20))
            .keep_alive_timeout(Duration::from_secs(20))
            .max_concurrent_streams(128)
            .max_header_list_size(u32::try_from(2 * self.settings.header_limit).unwrap_or(u32::MAX));
        builder
    }

    /// Says that there is no room, in plain HTTP only: a handshake would cost what is lacking.
    fn turn_away(&self, mut stream: TcpStream, turning: &Arc<AtomicUsize>) {
        if self.certificates.is_some() {
            return;
        }
        if turning.fetch_add(1, Ordering::Relaxed) >= TURNING {
            turning.fetch_sub(1, Ordering::Relaxed);
            return;
        }
        let turning = turning.clone();
        tokio::spawn(async move {
            let said = async {
                stream.write_all(FULL).await?;
                stream.shutdown().await?;
                // Closing with bytes unread would reset the connection and take the answer with it.
                let mut rest = [0u8; 1024];
                while stream.read(&mut rest).await? > 0 {}
                std::io::Result::Ok(())
            };
            let _ = tokio::time::timeout(Duration::from_secs(1), said).await;
            turning.fetch_sub(1, Ordering::Relaxed);
        });
    }
}

/// Whether a caller without TLS begins with HTTP/2, as it may where it knows the server (RFC 9113
/// §3.3). Looks at what has arrived and takes nothing.
async fn knows_two(stream: &TcpStream, patience: Duration) -> bool {
    const PREFACE: &[u8] = b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n";
    let look = async {
        let mut seen = [0; PREFACE.len()];
        loop {
            match stream.peek(&mut seen).await {
                Ok(length) if length > 0 && PREFACE.starts_with(&seen[..length]) => {
                    if length == PREFACE.len() {
                        return true;
                    }
                    // The rest of the first line is on its way; nothing else begins like this.
                    tokio::time::sleep(Duration::from_millis(20)).await;
                }
                _ => return false,
            }
        }
    };
    tokio::time::timeout(patience, look).await.unwrap_or(false)
}

fn is_about_one_peer(error: &std::io::Error) -> bool {
    use std::io::ErrorKind::{ConnectionAborted, ConnectionRefused, ConnectionReset, Interrupted};
    matches!(error.kind(), ConnectionAborted | ConnectionRefused | ConnectionReset | Interrupted)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_refusal_of_a_full_server_is_well_formed() {
        let text = std::str::from_utf8(FULL).unwrap();
        let (head, body) = text.split_once("\r\n\r\n").unwrap();
        assert!(head.ends_with(&format!("content-length: {}", body.len())), "{}", body.len());
        let problem: serde_json::Value = serde_json::from_str(body).unwrap();
        assert_eq!(problem["code"], Code::Overloaded.stable());
        assert_eq!(problem["type"], format!("/problems/{}", Code::Overloaded.slug()));
        assert_eq!(problem["title"], Code::Overloaded.title());
    }

    #[tokio::test]
    async fn an_address_in_use_is_named_in_the_error() {
        let first = bind("127.0.0.1:0".parse().unwrap(), Role::Public).await.unwrap();
        let error = bind(first.address, Role::Public).await.err().unwrap();
        assert_eq!(error.code(), Code::ConfigInvalid);
        assert!(error.public().contains(&first.address.to_string()), "{error}");
    }
}
