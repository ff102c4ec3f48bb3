//! What the operations listener does: orders of who runs the host, about what all tenants share.
//!
//! There is no authentication on this listener, so an order is taken only from a program on this
//! machine that means it. It must come from a loopback address, whatever address the listener has;
//! it must not have passed a proxy; and it must carry JSON and the header `X-Plimsoll-Operator`. A
//! page in a browser on this machine cannot send that header without asking first, which this
//! listener never grants, and a browser says where a request comes from (`Origin`,
//! `Sec-Fetch-Site`): one that says so is refused, also where a name was bent to this address.
//! Every order leaves an entry in the host's own ledger.

use std::{net::SocketAddr, sync::Arc, time::Duration};

use http::{HeaderMap, Request, Response, header};
use plimsoll_core::{Code, Result};
use serde::de::DeserializeOwned;

use crate::{
    Body, Host,
    route::{self, Reply as _},
    upstream::{operate, release},
};

/// Says that a program means it; any value that is not empty.
const MEANT: &str = "x-plimsoll-operator";
/// Headers of browsers and of proxies.
const STRANGE: [&str; 6] = ["origin", "sec-fetch-site", "sec-fetch-mode", "forwarded", "x-forwarded-for", "x-forwarded-host"];
/// The largest body of an order, in bytes.
const LARGEST: usize = 4096;
const PATIENCE: Duration = Duration::from_secs(5);

/// The methods that are answered at `path`.
pub fn allowed(path: &str) -> &'static str {
    match path {
        "/release" => "GET, HEAD, POST",
        _ if breaker(path).is_some() => "POST",
        _ => "GET, HEAD",
    }
}

fn breaker(path: &str) -> Option<&str> {
    path.strip_prefix("/upstreams/")?.strip_suffix("/breaker")
}

/// Carries out an order.
///
/// # Errors
/// `Forbidden` and `UnsupportedMedia` for one that may not be meant; what the order itself says.
pub async fn order(host: &Arc<Host>, peer: SocketAddr, request: Request<Body>) -> Result<Response<Body>> {
    let path = request.uri().path().to_owned();
    let breaker = breaker(&path);
    if path != "/release" && breaker.is_none() {
        return Err(
            Code::MethodNotAllowed.because("this listener answers GET and HEAD, and takes POST at /release and /upstreams/{name}/breaker")
        );
    }
    meant(peer, request.headers())?;
    let body = route::call::read(request.into_body(), LARGEST, PATIENCE).await?;
    match breaker {
        Some(name) => operate::by_the_operator(host, name, read(&body)?).await?.response(),
        None => release::order::by_the_operator(host, &read(&body)?).await?.response(),
    }
}

fn meant(peer: SocketAddr, headers: &HeaderMap) -> Result<()> {
    if !peer.ip().to_canonical().is_loopback() {
        return Err(Code::Forbidden.because("orders are taken from this machine only"));
    }
    if STRANGE.iter().any(|name| headers.contains_key(*name)) {
        return Err(Code::Forbidden.because("orders are taken from a program on this machine, not from a page or through a proxy"));
    }
    if headers.get(MEANT).is_none_or(http::HeaderValue::is_empty) {
        return Err(Code::Forbidden.because("an order needs the header `X-Plimsoll-Operator`, so that no page can send it"));
    }
    let media = headers.get(header::CONTENT_TYPE).and_then(|value| value.to_str().ok()).unwrap_or_default();
    if !media.split(';').next().unwrap_or_default().trim().eq_ignore_ascii_case("application/json") {
        return Err(Code::UnsupportedMedia.because("an order is `application/json`"));
    }
    Ok(())
}

fn read<T: DeserializeOwned>(body: &[u8]) -> Result<T> {
    serde_json::from_slice(body).map_err(|error| Code::Malformed.because(format!("the order cannot be read: {error}")))
}

#[cfg(test)]
mod tests {
    use super::*;
    use http::{HeaderName, HeaderValue};

    fn told(peer: &str, lines: &[(&'static str, &'static str)]) -> Result<()> {
        let headers = lines.iter().map(|&(name, value)| (HeaderName::from_static(name), HeaderValue::from_static(value))).collect();
        meant(peer.parse().unwrap(), &headers)
    }

    #[test]
    fn only_a_program_on_this_machine_that_means_it_gives_orders() {
        let good = [("content-type", "application/json; charset=utf-8"), ("x-plimsoll-operator", "yes")];
        for peer in ["127.0.0.1:9", "[::1]:9", "[::ffff:127.0.0.1]:9"] {
            told(peer, &good).unwrap();
        }
        for peer in ["10.0.0.1:9", "[fe80::1]:9"] {
            assert_eq!(told(peer, &good).unwrap_err().code(), Code::Forbidden, "{peer}");
        }
        for strange in STRANGE {
            let lines = [good[0], good[1], (strange, "http://127.0.0.1")];
            assert_eq!(told("127.0.0.1:9", &lines).unwrap_err().code(), Code::Forbidden, "{strange}");
        }
        assert_eq!(told("127.0.0.1:9", &good[..1]).unwrap_err().code(), Code::Forbidden);
        assert_eq!(told("127.0.0.1:9", &[good[0], ("x-plimsoll-operator", "")]).unwrap_err().code(), Code::Forbidden);
        for media in ["text/plain", "application/x-www-form-urlencoded", ""] {
            assert_eq!(told("127.0.0.1:9", &[("content-type", media), good[1]]).unwrap_err().code(), Code::UnsupportedMedia);
        }
    }
}
