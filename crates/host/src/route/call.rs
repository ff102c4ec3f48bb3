//! The two route steps of the stack: finding the route, and running its handler.

use std::{sync::Arc, time::Duration};

use bytes::{Bytes, BytesMut};
use http::{HeaderValue, Method, Request, Response, StatusCode, header, request::Parts};
use hyper::body::Body as _;
use plimsoll_core::{Code, Error, Principal, RequestId, Result};
use ring::digest;

use super::table::{Matched, Route};
use crate::{Body, edge::is_probe, exchange::Exchange, host::Host, replies::idempotency::Ticket, stack::Boxed, upstream};

/// A handler without its types.
pub(super) type Handler = Box<dyn Fn(Call) -> Result<Boxed<'static, Result<Response<Body>>>> + Send + Sync>;

/// What a handler's adapter needs to build context and input.
pub struct Call {
    pub(crate) host: Arc<Host>,
    pub(crate) route: Arc<Route>,
    pub(crate) parameters: Vec<(&'static str, String)>,
    pub(crate) parts: Parts,
    pub(crate) body: Bytes,
    pub(crate) who: Option<Principal>,
    pub(crate) request: RequestId,
    pub(crate) trace: crate::telemetry::Trace,
    pub(crate) caller: std::net::IpAddr,
    pub(crate) deadline: std::time::Instant,
    pub(crate) secure: bool,
    pub(crate) ticket: Option<Arc<Ticket>>,
}

/// Layer `route`: finds the route, or ends the request with 404 or 405.
pub fn find(x: &mut Exchange, request: &mut Request<Body>) -> Result<()> {
    let (method, path) = (request.method(), request.uri().path());
    if let Some(matched) = x.host.upstreams.claim(&x.host.routes, method, path)? {
        let limit = matched.route.body_limit.filter(|_| x.host.holds("request-size-limits"));
        x.matched = Some(matched);
        // The layer `size` knew the largest limit of all only; what declares too much is not read.
        return match limit {
            Some(limit) if request.body().size_hint().lower() > limit as u64 => Err(too_large(limit)),
            _ => Ok(()),
        };
    }
    let mut found = x.host.routes.find(method, path);
    if found.is_err() && !x.host.holds("api-versioning") {
        found = x.host.routes.find(method, &format!("/v1{path}")).or(found);
    }
    let regular = x.host.holds("rest-semantics");
    match found {
        Ok(_) if *method == Method::HEAD && !regular && !is_probe(path) => {
            Err(Code::MethodNotAllowed.because("the practice that answers HEAD is switched off"))
        }
        Ok(matched) => {
            x.matched = Some(matched);
            Ok(())
        }
        Err((error, allow)) => {
            if let Some(allow) = allow.filter(|_| regular).and_then(|allow| HeaderValue::from_str(&allow).ok()) {
                x.header(header::ALLOW, allow);
            }
            Err(error)
        }
    }
}

/// The end of the stack: reads the body, lets the handler answer, and settles conditional reads.
pub async fn call(x: &mut Exchange, request: Request<Body>) -> Result<Response<Body>> {
    let Some(Matched { route, parameters }) = x.matched.clone() else {
        return Err(Code::Internal.because("the layer `route` did not run"));
    };
    if route.mount.is_some() {
        // On the heap: inside this future it would lie in those of all layers above, which every
        // request makes and moves.
        return Box::pin(pass(x, &route, request)).await;
    }
    let (mut parts, body) = request.into_parts();
    let limit = if x.host.holds("request-size-limits") { route.body_limit.unwrap_or(x.host.body_limit) } else { usize::MAX };
    let patience = if x.host.holds("request-timeouts") { x.host.body_timeout } else { Duration::MAX };
    let body = if route.reads_body { read(body, limit, patience).await? } else { Bytes::new() };
    let tagged = x.host.holds("http-caching-headers");
    if !tagged {
        parts.headers.remove(header::IF_MATCH);
    }
    let if_none_match =
        (parts.method == Method::GET || parts.method == Method::HEAD).then(|| parts.headers.get(header::IF_NONE_MATCH).cloned()).flatten();
    let reading = parts.method == Method::GET || parts.method == Method::HEAD;
    let call = Call {
        host: x.host.clone(),
        parameters,
        parts,
        body,
        who: x.principal.clone(),
        request: x.request,
        trace: x.trace,
        caller: x.caller,
        deadline: x.deadline,
        secure: x.secure,
        ticket: x.ticket.clone(),
        route: route.clone(),
    };
    let running = (route.handler)(call)?;
    if let Some(ticket) = &x.ticket {
        ticket.begin();
    }
    let mut answer = running.await?;
    dress(&x.host, &route, &mut answer);
    if tagged && reading {
        conditional(&mut answer, if_none_match.as_ref());
    }
    Ok(answer)
}

/// What every answer of a route carries, also one that is given again.
pub(crate) fn dress(host: &Host, route: &Route, answer: &mut Response<Body>) {
    if let Some(deprecation) = route.deprecated.as_ref().filter(|_| host.holds("api-deprecation-policy")) {
        deprecation.dress(answer.headers_mut());
    }
    if !host.holds("http-caching-headers") {
        answer.headers_mut().remove(header::ETAG);
    }
    if !host.holds("rest-semantics") {
        answer.headers_mut().remove(header::LOCATION);
    }
}

/// Hands the request to the mounted service that the route belongs to.
async fn pass(x: &mut Exchange, route: &Arc<Route>, request: Request<Body>) -> Result<Response<Body>> {
    let Some(mount) = &route.mount else { return Err(Code::Internal.because("the route belongs to no mounted service")) };
    let request = match x.host.upstreams.contract(mount) {
        Some(contract) => contract.check(route, request).await?,
        None => request,
    };
    upstream::Upstreams::send(x, mount, request).await
}

/// Reads a body in full, counting on the stream: the declared length is not believed.
pub(crate) async fn read(mut body: Body, limit: usize, patience: Duration) -> Result<Bytes> {
    if let Some(bytes) = body.full() {
        return if bytes.len() > limit { Err(too_large(limit)) } else { Ok(bytes.clone()) };
    }
    // The declared length may only lie in one direction: what announces too much is not read at all.
    if body.size_hint().lower() > limit as u64 {
        return Err(too_large(limit));
    }
    let late = || Code::BodyTimeout.because(format!("the body did not arrive within {} s", patience.as_secs()));
    tokio::time::timeout(patience, async {
        let mut first: Option<Bytes> = None;
        let mut rest = BytesMut::new();
        let mut seen = 0usize;
        while let Some(frame) = std::future::poll_fn(|cx| std::pin::Pin::new(&mut body).poll_frame(cx)).await {
            let frame = frame.map_err(|cause| Code::Malformed.because("the body broke off before its end").caused_by(cause))?;
            let Ok(data) = frame.into_data() else { continue };
            seen += data.len();
            if seen > limit {
                return Err(too_large(limit));
            }
            match (&first, rest.is_empty()) {
                (None, _) => first = Some(data),
                (Some(head), true) => {
                    rest.extend_from_slice(head);
                    rest.extend_from_slice(&data);
                }
                (Some(_), false) => rest.extend_from_slice(&data),
            }
        }
        Ok(if rest.is_empty() { first.unwrap_or_default() } else { rest.freeze() })
    })
    .await
    .unwrap_or_else(|_| Err(late()))
}

pub(crate) fn too_large(limit: usize) -> Error {
    Code::BodyTooLarge.because(format!("the body is larger than the {limit} bytes allowed here"))
}

/// Gives a successful read its entity tag, and answers 304 where the caller has it already.
fn conditional(answer: &mut Response<Body>, if_none_match: Option<&HeaderValue>) {
    if answer.status() != StatusCode::OK {
        return;
    }
    if !answer.headers().contains_key(header::ETAG) {
        let Some(tag) = answer.body().full().map(|bytes| etag_of(bytes)) else { return };
        if let Ok(tag) = HeaderValue::from_str(&tag) {
            answer.headers_mut().insert(header::ETAG, tag);
        }
    }
    let (Some(wanted), Some(tag)) =
        (if_none_match.and_then(|h| h.to_str().ok()), answer.headers().get(header::ETAG).and_then(|h| h.to_str().ok()))
    else {
        return;
    };
    // Weak comparison (RFC 9110 §13.1.2).
    let plain = |tag: &str| tag.trim().trim_start_matches("W/").to_owned();
    if wanted.trim() == "*" || wanted.split(',').any(|one| plain(one) == plain(tag)) {
        *answer.status_mut() = StatusCode::NOT_MODIFIED;
        *answer.body_mut() = Body::empty();
        answer.headers_mut().remove(header::CONTENT_TYPE);
    }
}

/// A strong entity tag made from content: the first 128 bits of its SHA-256, quoted.
pub fn etag_of(bytes: &[u8]) -> String {
    use std::fmt::Write;
    let hash = digest::digest(&digest::SHA256, bytes);
    let mut tag = String::with_capacity(34);
    tag.push('"');
    for byte in &hash.as_ref()[..16] {
        let _ = write!(tag, "{byte:02x}");
    }
    tag.push('"');
    tag
}
