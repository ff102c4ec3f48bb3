//! One request over one connection, and the beginning of its answer.

use std::{pin::Pin, time::Duration};

use bytes::{Bytes, BytesMut};
use http::{HeaderMap, HeaderValue, Method, Request, Response, Uri, header};
use http_body_util::{BodyExt, Full};
use hyper::{body::Incoming, client::conn::http1};
use hyper_util::rt::TokioIo;
use tokio::task::JoinHandle;

use super::{Answer, LONGEST_ADDRESS, Rules, Trouble, dial::Stream, inside};
use crate::edge::caller::canonical;

/// How long the beginning of a body is waited for once the head is there.
const BODY_WAIT: Duration = Duration::from_secs(2);
/// The largest head of an answer.
const HEAD: usize = 32 * 1024;
const AGENT: HeaderValue = HeaderValue::from_static(concat!("plimsoll/", env!("CARGO_PKG_VERSION")));

/// Ends with the exchange, however that ends.
pub(super) struct Driven(JoinHandle<()>);

impl Drop for Driven {
    fn drop(&mut self) {
        self.0.abort();
    }
}

/// Reads an address and says what is wrong with it whatever its name resolves to.
pub(super) fn judge(rules: &Rules, url: &str) -> Result<Uri, Trouble> {
    let refused = |why: &str| Err(Trouble::Refused(why.into()));
    if url.len() > LONGEST_ADDRESS {
        return refused("it is longer than 2048 bytes");
    }
    if url.contains('#') {
        return refused("it has a fragment, which is never sent");
    }
    let Ok(uri) = url.parse::<Uri>() else { return refused("it is no address") };
    let encrypted = match uri.scheme_str() {
        Some("https") => true,
        Some("http") => false,
        _ => return refused("it does not begin with https://"),
    };
    let Some(authority) = uri.authority() else { return refused("it names no host") };
    if authority.as_str().contains('@') {
        return refused("it holds a name or a password, which would stand in every log");
    }
    let host = authority.host().trim_matches(['[', ']']);
    if host.is_empty() {
        return refused("it names no host");
    }
    let port = authority.port_u16().unwrap_or(if encrypted { 443 } else { 80 });
    if port == 0 || authority.as_str().ends_with(':') {
        return refused("its port is none");
    }
    if let Ok(literal) = host.parse::<std::net::IpAddr>() {
        let address = canonical(literal);
        let allowed = rules.allows(address);
        if let Some(why) = inside(address).filter(|_| !allowed) {
            return Err(Trouble::Refused(format!("it is a network address that {why}")));
        }
        let plain = allowed && rules.plain;
        if !encrypted && !plain {
            return refused("only https:// is asked");
        }
        if !allowed && !rules.ports.contains(&port) {
            return Err(Trouble::Refused(format!("port {port} is not one of those that may be asked")));
        }
    } else {
        // A name may still lead into an allowed network; what it resolves to decides when it is asked.
        let plain = rules.plain && !rules.allow.is_empty();
        if !encrypted && !plain {
            return refused("only https:// is asked");
        }
        if rules.allow.is_empty() && !rules.ports.contains(&port) {
            return Err(Trouble::Refused(format!("port {port} is not one of those that may be asked")));
        }
    }
    Ok(uri)
}

/// Sends the request and waits for the head of the answer.
pub(super) async fn send(
    stream: Pin<Box<dyn Stream>>,
    uri: &Uri,
    headers: HeaderMap,
    body: Bytes,
) -> Result<(Response<Incoming>, Driven), Trouble> {
    let broken = |cause: hyper::Error| Trouble::Broken(cause.to_string());
    let handshake = http1::Builder::new().max_buf_size(HEAD).handshake(TokioIo::new(stream)).await;
    let (mut sender, connection) = handshake.map_err(broken)?;
    let driven = Driven(tokio::spawn(async move {
        let _ = connection.await;
    }));
    let mut request = Request::new(Full::new(body));
    *request.method_mut() = Method::POST;
    *request.uri_mut() = uri.path_and_query().map_or_else(|| Uri::from_static("/"), |path| Uri::from(path.clone()));
    *request.headers_mut() = headers;
    let host = uri.authority().map_or("", |authority| authority.as_str());
    let named = HeaderValue::from_str(host).map_err(|_| Trouble::Refused("its host is no header".into()))?;
    request.headers_mut().insert(header::HOST, named);
    request.headers_mut().insert(header::USER_AGENT, AGENT);
    request.headers_mut().insert(header::CONNECTION, HeaderValue::from_static("close"));
    let answer = sender.send_request(request).await.map_err(broken)?;
    Ok((answer, driven))
}

/// Reads the first `most` bytes, or what comes in a moment: the status is known already, and a body
/// that never ends must not make a good answer a bad one.
pub(super) async fn read(answer: Response<Incoming>, driven: Driven, most: usize) -> Answer {
    let (head, mut body) = answer.into_parts();
    let mut kept = BytesMut::new();
    let _ = tokio::time::timeout(BODY_WAIT, async {
        while kept.len() < most
            && let Some(Ok(frame)) = body.frame().await
        {
            if let Ok(data) = frame.into_data() {
                kept.extend_from_slice(&data[..data.len().min(most - kept.len())]);
            }
        }
    })
    .await;
    drop(driven);
    Answer { status: head.status, headers: head.headers, body: kept.freeze() }
}
