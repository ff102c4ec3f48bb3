//! Layer `csrf`: a cookie alone does not let another site act.
//!
//! Only requests whose credential came in a cookie are looked at; a browser attaches nothing else
//! by itself. Modern browsers say where a request comes from (`Sec-Fetch-Site`); older ones at
//! least send `Origin` with what changes state. A request with neither does not come from a page
//! and has no reason to use a cookie.

use http::{HeaderMap, HeaderName, Method, Request};
use plimsoll_core::{Code, Result};

use super::{cors::Policy, host::authority};
use crate::{Body, exchange::Exchange};

const SITE: HeaderName = HeaderName::from_static("sec-fetch-site");

/// Refuses changes that another site's page asks for with the caller's cookie.
pub fn check(x: &mut Exchange, request: &mut Request<Body>) -> Result<()> {
    if !x.cookie_auth || is_safe(request.method()) || !x.host.holds("csrf-protection") {
        return Ok(());
    }
    let own = authority(request.uri(), request.headers())?;
    if comes_from_us(request.headers(), own, &x.host.edge.cors) {
        return Ok(());
    }
    Err(Code::CrossSite.because(
        "a change with a session cookie must come from a page of this server; send the access token in `Authorization` instead, or add the page's origin to `[cors] origins` with `credentials`",
    ))
}

fn is_safe(method: &Method) -> bool {
    matches!(*method, Method::GET | Method::HEAD | Method::OPTIONS)
}

fn comes_from_us(headers: &HeaderMap, own: &str, cors: &Policy) -> bool {
    let origin = headers.get(http::header::ORIGIN);
    if origin.is_some_and(|origin| cors.trusts_with_cookies(origin)) {
        return true;
    }
    if let Some(site) = headers.get(SITE) {
        return site == "same-origin" || site == "none";
    }
    let host = origin.and_then(|origin| origin.to_str().ok()).and_then(|origin| origin.split_once("://"));
    host.is_some_and(|(_, host)| host.eq_ignore_ascii_case(own))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::edge::config::CorsConfig;
    use http::HeaderValue;

    fn passes(lines: &[(&'static str, &'static str)]) -> bool {
        let cors = Policy::new(&CorsConfig { origins: vec!["https://friend.example".into()], credentials: true, ..CorsConfig::default() })
            .unwrap();
        let headers = lines.iter().map(|&(name, value)| (HeaderName::from_static(name), HeaderValue::from_static(value))).collect();
        comes_from_us(&headers, "own.example:8080", &cors)
    }

    #[test]
    fn own_pages_and_named_friends_may_act() {
        assert!(passes(&[("sec-fetch-site", "same-origin")]));
        assert!(passes(&[("sec-fetch-site", "none")]));
        assert!(passes(&[("origin", "https://own.example:8080")]));
        assert!(passes(&[("sec-fetch-site", "cross-site"), ("origin", "https://friend.example")]));
    }

    #[test]
    fn everybody_else_may_not() {
        assert!(!passes(&[]));
        assert!(!passes(&[("sec-fetch-site", "same-site")]), "a sister site is another site");
        assert!(!passes(&[("sec-fetch-site", "cross-site"), ("origin", "https://own.example:8080")]), "the browser knows better");
        assert!(!passes(&[("origin", "https://own.example")]), "another port is another origin");
        assert!(!passes(&[("origin", "null")]));
        assert!(!passes(&[("origin", "https://evil.example")]));
    }
}
