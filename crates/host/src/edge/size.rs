//! Layer `size`: bounds on what can be measured before a byte of the body is read.
//!
//! The body itself is counted while it arrives (`route::call`), whatever length was declared;
//! refusing here only spares both sides the sending. A route may allow more than others, and no
//! route is known yet, so the bound here is the largest that any route allows.

use std::sync::OnceLock;

use http::{HeaderMap, HeaderValue, Method, Request, Uri, header};
use plimsoll_core::{Code, Result};

use super::config;
use crate::{Body, exchange::Exchange, host::Host};

/// How large a request may be, in bytes.
#[derive(Debug)]
pub struct Bounds {
    uri: usize,
    headers: usize,
    body: OnceLock<usize>,
}

impl Bounds {
    pub(super) fn new(server: &config::ServerConfig) -> Bounds {
        Bounds { uri: server.uri_limit.length(), headers: server.header_limit.length(), body: OnceLock::new() }
    }

    fn check(&self, uri: &Uri, headers: &HeaderMap, body: usize) -> Result<()> {
        if length(uri) > self.uri {
            return Err(Code::UriTooLong.because(format!("the address is longer than the {} bytes allowed here", self.uri)));
        }
        // Name, colon, space, value, line end.
        let total: usize = headers.iter().map(|(name, value)| name.as_str().len() + value.len() + 4).sum();
        if total > self.headers {
            return Err(
                Code::HeadersTooLarge.because(format!("the headers are larger than the {} bytes allowed here in sum", self.headers))
            );
        }
        if headers.get(header::CONTENT_LENGTH).and_then(declared).is_some_and(|length| length > body as u64) {
            return Err(Code::BodyTooLarge.because(format!("the body is larger than the {body} bytes allowed here")));
        }
        Ok(())
    }
}

fn length(uri: &Uri) -> usize {
    let path = uri.path_and_query().map_or(0, |target| target.as_str().len());
    path + uri.authority().map_or(0, |authority| authority.as_str().len())
}

fn declared(value: &HeaderValue) -> Option<u64> {
    value.to_str().ok()?.parse().ok()
}

fn largest_body(host: &Host) -> usize {
    host.routes.all().iter().filter_map(|route| route.body_limit).chain(host.upstreams.body_limit()).fold(host.body_limit, usize::max)
}

/// Refuses methods that no route can have, and requests that are too large.
pub fn check(x: &mut Exchange, request: &mut Request<Body>) -> Result<()> {
    if matches!(*request.method(), Method::TRACE | Method::CONNECT) {
        x.header(header::ALLOW, HeaderValue::from_static("GET, HEAD, POST, PUT, PATCH, DELETE, OPTIONS"));
        return Err(Code::MethodNotAllowed.because("TRACE and CONNECT are not answered anywhere on this server"));
    }
    if !x.host.holds("request-size-limits") {
        return Ok(());
    }
    let bounds = &x.host.edge.size;
    let body = *bounds.body.get_or_init(|| largest_body(&x.host));
    bounds.check(request.uri(), request.headers(), body)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn outcome(uri: &str, headers: &[(&'static str, String)]) -> Option<Code> {
        let bounds = Bounds { uri: 100, headers: 200, body: OnceLock::new() };
        let headers = headers.iter().map(|(name, value)| (http::HeaderName::from_static(name), value.parse().unwrap())).collect();
        bounds.check(&uri.parse().unwrap(), &headers, 1000).err().map(|error| error.code())
    }

    #[test]
    fn each_bound_refuses_with_its_own_code() {
        assert_eq!(outcome("/", &[]), None);
        assert_eq!(outcome(&format!("/{}", "a".repeat(99)), &[]), None);
        assert_eq!(outcome(&format!("/{}", "a".repeat(100)), &[]), Some(Code::UriTooLong));
        assert_eq!(outcome("/", &[("x-a", "b".repeat(193))]), None);
        assert_eq!(outcome("/", &[("x-a", "b".repeat(194))]), Some(Code::HeadersTooLarge));
        assert_eq!(outcome("/", &[("content-length", "1000".into())]), None);
        assert_eq!(outcome("/", &[("content-length", "1001".into())]), Some(Code::BodyTooLarge));
    }
}
