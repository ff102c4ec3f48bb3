//! Connections that stop being HTTP: WebSocket and what else `[service] upgrades` names.
//!
//! A browser opens a WebSocket to any address a page names and sends the cookies along; no
//! preflight asks first. So the page's origin is checked here, with or without a credential: the
//! server's own, or one that stands in `[cors] origins` by name. After the switch bytes are carried
//! both ways and not looked at, except for where a WebSocket frame ends: when the host stops, the
//! caller is told so (code 1001) between two frames.

use std::{
    sync::{
        Arc,
        atomic::{AtomicU64, Ordering},
    },
    time::{Duration, Instant},
};

use http::{HeaderMap, HeaderValue, Method, Response, StatusCode, Version, header, request};
use hyper::{
    body::Incoming,
    upgrade::{OnUpgrade, Upgraded},
};
use hyper_util::rt::TokioIo;
use plimsoll_core::{Code, Error, Result};
use tokio::io::{AsyncReadExt, AsyncWriteExt, ReadHalf, WriteHalf};

use super::{mount::Mount, pool::Link};
use crate::{
    edge::host::authority,
    exchange::Exchange,
    server::{listener::Seat, shutdown::Phase},
};

/// How long both sides have to say goodbye once the host stops.
const FAREWELL: Duration = Duration::from_secs(5);
/// A WebSocket's closing frame with code 1001, going away (RFC 6455 §7.4.1).
const GOING_AWAY: [u8; 4] = [0x88, 2, 0x03, 0xe9];

/// Protocols that would carry whole requests past the stack.
const NEVER: [&str; 3] = ["h2c", "h2", "http"];

/// What is wrong with the list of protocols.
pub(super) fn faults(upgrades: &[String]) -> Option<Error> {
    let wrong = |name: &&String| {
        let word = name.to_ascii_lowercase();
        let plain = |byte: u8| byte.is_ascii_alphanumeric() || b"-._/".contains(&byte);
        word.is_empty()
            || !word.bytes().all(plain)
            || NEVER.contains(&word.split('/').next().unwrap_or_default())
            || word.starts_with("tls")
    };
    let name = upgrades.iter().find(wrong)?;
    Some(Code::ConfigInvalid.because(format!(
        "`[service] upgrades` holds \"{name}\"; it may hold names of protocols such as `websocket`, but none that carries HTTP requests"
    )))
}

/// A switch that the caller asks for and may have.
pub struct Wanted {
    protocol: HeaderValue,
    caller: OnUpgrade,
    seat: Option<Arc<Seat>>,
}

/// The switch that a request asks for, if the service may be asked for it. Takes it out of the request.
///
/// # Errors
/// `CrossSite` where a page of another site asks.
pub fn wanted(x: &Exchange, mount: &Mount, parts: &mut request::Parts) -> Result<Option<Wanted>> {
    let Some(protocol) = parts.headers.get(header::UPGRADE).filter(|_| parts.version == Version::HTTP_11) else { return Ok(None) };
    let named = protocol.to_str().unwrap_or_default().to_ascii_lowercase();
    let asked = mount.upgrades.contains(&named) && says_upgrade(&parts.headers) && is_bodiless(&parts.headers);
    if !asked || parts.headers.get_all(header::UPGRADE).iter().count() != 1 || (named == "websocket" && parts.method != Method::GET) {
        return Ok(None);
    }
    let own = authority(&parts.uri, &parts.headers)?;
    let mut origins = parts.headers.get_all(header::ORIGIN).iter();
    let same = match (origins.next(), origins.next()) {
        // Browsers always say it; who does not is no page.
        (None, _) => true,
        (Some(origin), None) => is_own(origin, own, x.secure) || x.host.edge.cors.names(origin),
        _ => false,
    };
    if !same {
        return Err(Code::CrossSite.because(
            "a page of this origin may not open a connection to this server; the operator can add it to `[cors] origins`, by name",
        ));
    }
    let protocol = HeaderValue::try_from(named)?;
    let Some(caller) = parts.extensions.remove::<OnUpgrade>() else { return Ok(None) };
    Ok(Some(Wanted { protocol, caller, seat: parts.extensions.remove::<Arc<Seat>>() }))
}

fn says_upgrade(headers: &HeaderMap) -> bool {
    let words = headers.get_all(header::CONNECTION).iter().filter_map(|value| value.to_str().ok()).flat_map(|value| value.split(','));
    words.map(str::trim).any(|word| word.eq_ignore_ascii_case("upgrade"))
}
fn is_bodiless(headers: &HeaderMap) -> bool {
    !headers.contains_key(header::TRANSFER_ENCODING) && headers.get(header::CONTENT_LENGTH).is_none_or(|length| length == "0")
}

/// Whether a page of `origin` comes from the server that is called `own` here.
fn is_own(origin: &HeaderValue, own: &str, secure: bool) -> bool {
    let Some((scheme, name)) = origin.to_str().ok().and_then(|text| text.split_once("://")) else { return false };
    let usual = match scheme {
        "https" => ":443",
        "http" if !secure => ":80",
        _ => return false,
    };
    let bare = |name: &str| name.strip_suffix(usual).unwrap_or(name).to_ascii_lowercase();
    bare(name) == bare(own)
}

impl Wanted {
    /// Says on the request to the service what the caller asks for.
    pub fn mark(&self, headers: &mut HeaderMap) {
        headers.insert(header::CONNECTION, HeaderValue::from_static("upgrade"));
        headers.insert(header::UPGRADE, self.protocol.clone());
    }

    /// The service has switched: passes that on and carries bytes from here on.
    ///
    /// # Errors
    /// `UpstreamFailed` when it switched to something else.
    pub fn switch(self, mount: &Arc<Mount>, mut answer: Response<Incoming>, connection: Link) -> Result<Response<crate::Body>> {
        let other = || Code::UpstreamFailed.because("the service switched to another protocol than it was asked for");
        let to = answer.headers().get(header::UPGRADE).ok_or_else(other)?;
        if !to.as_bytes().eq_ignore_ascii_case(self.protocol.as_bytes()) {
            return Err(other());
        }
        let service = hyper::upgrade::on(&mut answer);
        connection.release();
        let (mut head, _) = answer.into_parts();
        super::headers::incoming(mount, &mut head)?;
        head.headers.remove(header::CONTENT_LENGTH);
        self.mark(&mut head.headers);
        tokio::spawn(carry(self, service, mount.clone()));
        Ok(Response::from_parts(head, crate::Body::empty()))
    }
}

/// The answer to a switch that nobody asked for.
pub fn unasked(status: StatusCode) -> Result<()> {
    if status == StatusCode::SWITCHING_PROTOCOLS {
        return Err(Code::UpstreamFailed.because("the service switched protocols although nobody had asked for it"));
    }
    Ok(())
}

/// Milliseconds since the tunnel began at which bytes last moved.
struct Moves {
    begun: Instant,
    last: AtomicU64,
}

impl Moves {
    fn note(&self) {
        self.last.store(u64::try_from(self.begun.elapsed().as_millis()).unwrap_or(u64::MAX), Ordering::Relaxed);
    }
    /// Ends once nothing has moved for so long.
    async fn stopped(&self, idle: Duration) {
        loop {
            let until = Duration::from_millis(self.last.load(Ordering::Relaxed)).saturating_add(idle);
            let Some(left) = until.checked_sub(self.begun.elapsed()) else { return };
            tokio::time::sleep(left + Duration::from_millis(1)).await;
        }
    }
}

/// One upgraded connection, from the switch to its end. It keeps the caller's place on the server.
async fn carry(wanted: Wanted, service: OnUpgrade, mount: Arc<Mount>) {
    let Wanted { protocol, caller, seat } = wanted;
    let _active = super::mount::Active::begin(&mount);
    let _busy = seat.as_ref().map(|seat| seat.busy());
    let both = async { tokio::try_join!(caller, service) };
    let Ok(Ok((caller, service))) = tokio::time::timeout(mount.answer_timeout, both).await else { return };
    let (from_caller, to_caller) = tokio::io::split(TokioIo::new(caller));
    let (from_service, to_service) = tokio::io::split(TokioIo::new(service));
    let moves = Moves { begun: Instant::now(), last: AtomicU64::new(0) };
    let closing = async {
        match &seat {
            Some(seat) => seat.shutdown.reached(Phase::Closing).await,
            None => std::future::pending().await,
        }
    };
    let up = pump(from_caller, to_service, &moves);
    let down = descend(from_service, to_caller, &moves, closing, protocol == "websocket");
    tokio::select! {
        _ = async { tokio::join!(up, down) } => {}
        () = moves.stopped(mount.stream_idle_timeout) => {}
        () = cut(&seat) => {}
    }
}

/// The end of patience after the host has begun to stop.
async fn cut(seat: &Option<Arc<Seat>>) {
    let Some(seat) = seat else { return std::future::pending().await };
    seat.shutdown.reached(Phase::Closing).await;
    tokio::time::sleep(FAREWELL).await;
}

type Io = TokioIo<Upgraded>;

/// Carries bytes one way; the end of one side is passed on as the end of the other.
async fn pump(mut from: ReadHalf<Io>, mut to: WriteHalf<Io>, moves: &Moves) {
    let mut buffer = vec![0; 16 << 10];
    while let Ok(length @ 1..) = from.read(&mut buffer).await {
        moves.note();
        if to.write_all(&buffer[..length]).await.is_err() || to.flush().await.is_err() {
            break;
        }
        moves.note();
    }
    let _ = to.shutdown().await;
}

/// As [`pump`], towards the caller, who is told when the host stops.
async fn descend(mut from: ReadHalf<Io>, mut to: WriteHalf<Io>, moves: &Moves, closing: impl Future<Output = ()>, frames: bool) {
    let mut buffer = vec![0; 16 << 10];
    let (mut edge, mut told, mut stopping) = (Edge::default(), false, false);
    let mut closing = std::pin::pin!(closing);
    loop {
        if frames && stopping && !told && edge.is_between() {
            told = true;
            if to.write_all(&GOING_AWAY).await.is_err() || to.flush().await.is_err() {
                break;
            }
        }
        let read = tokio::select! {
            read = from.read(&mut buffer) => read,
            () = &mut closing, if !stopping => {
                stopping = true;
                continue;
            }
        };
        let Ok(length @ 1..) = read else { break };
        moves.note();
        // After the goodbye nothing more may be said (RFC 6455 §5.5.1).
        if told {
            continue;
        }
        let sent = if frames && stopping { edge.first_end(&buffer[..length]) } else { length };
        if frames {
            edge.pass(&buffer[..sent]);
        }
        if to.write_all(&buffer[..sent]).await.is_err() || to.flush().await.is_err() {
            break;
        }
        moves.note();
    }
    let _ = to.shutdown().await;
}

/// Where in a stream of WebSocket frames we are (RFC 6455 §5.2).
#[derive(Default, Clone)]
struct Edge {
    /// What has been read of a frame's head.
    head: [u8; 10],
    known: usize,
    /// What is still to come of its payload and mask.
    left: u64,
}

impl Edge {
    fn is_between(&self) -> bool {
        self.known == 0 && self.left == 0
    }

    /// Follows bytes; how many were taken until the first end of a frame, or all.
    fn step(&mut self, bytes: &[u8], until_end: bool) -> usize {
        let mut at = 0;
        while at < bytes.len() {
            if self.left > 0 {
                let taken = usize::try_from(self.left).unwrap_or(usize::MAX).min(bytes.len() - at);
                self.left -= taken as u64;
                at += taken;
            } else {
                self.head[self.known] = bytes[at];
                self.known += 1;
                at += 1;
                let extended = match self.head[1] & 0x7f {
                    126 => 2,
                    127 => 8,
                    _ => 0,
                };
                if self.known < 2 || self.known < 2 + extended {
                    continue;
                }
                let long = self.head[2..2 + extended].iter().fold(0u64, |length, byte| length << 8 | u64::from(*byte));
                let length = if extended == 0 { u64::from(self.head[1] & 0x7f) } else { long };
                self.left = length.saturating_add(if self.head[1] & 0x80 == 0 { 0 } else { 4 });
                self.known = 0;
            }
            if until_end && self.is_between() {
                break;
            }
        }
        at
    }

    fn pass(&mut self, bytes: &[u8]) {
        self.step(bytes, false);
    }
    /// How many of these bytes belong to the frame under way.
    fn first_end(&self, bytes: &[u8]) -> usize {
        self.clone().step(bytes, true)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_page_may_connect_to_its_own_server_only() {
        let own = |origin: &'static str, secure| is_own(&HeaderValue::from_static(origin), "api.example:8080", secure);
        assert!(own("http://api.example:8080", false) && own("https://API.example:8080", true));
        assert!(!own("http://api.example:8080", true), "a page that came unencrypted may be anybody's");
        for other in
            ["http://api.example", "http://api.example:8081", "null", "http://evil.example", "file://", "ws://api.example:8080", ""]
        {
            assert!(!own(other, false), "{other}");
        }
        assert!(is_own(&HeaderValue::from_static("https://api.example"), "api.example:443", true), "the usual port is the same as none");
    }

    #[test]
    fn no_protocol_that_carries_requests_can_be_named() {
        assert!(faults(&["websocket".into(), "tcp".into(), "chisel/1".into()]).is_none());
        for bad in ["h2c", "H2C", "h2", "HTTP/2.0", "TLS/1.0", "", "a b"] {
            assert!(faults(&[bad.into()]).is_some(), "{bad}");
        }
    }

    #[test]
    fn the_end_of_a_frame_is_found_wherever_it_is_cut() {
        let mut frames = vec![0x81, 5];
        frames.extend(b"hello");
        let second = frames.len();
        frames.extend([0x82, 126, 1, 0]);
        frames.extend([7; 256]);
        let third = frames.len();
        frames.extend([0x89, 0x80, 1, 2, 3, 4]);
        let ends = [second, third, frames.len()];
        for cut in 1..frames.len() {
            let mut edge = Edge::default();
            edge.pass(&frames[..cut]);
            assert_eq!(edge.is_between(), ends.contains(&cut), "{cut}");
            let next = *ends.iter().find(|end| **end > cut).unwrap();
            assert_eq!(cut + edge.first_end(&frames[cut..]), next, "{cut}");
        }
    }
}
