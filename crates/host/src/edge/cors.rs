//! Layers `cors` and `preflight`: which pages of other sites may read answers.
//!
//! Nobody by default. An origin that is not on the list gets no word about CORS on answers, which
//! is what makes a browser withhold them, and a 403 to its preflight, which a developer can read.

use http::{HeaderMap, HeaderName, HeaderValue, Method, Request, Response, StatusCode, header};
use plimsoll_core::{Code, Result};

use super::config;
use crate::{Body, exchange::Exchange, stack::Boxed};

/// What a script of another origin may see besides the few headers that are always visible.
const EXPOSED: &str = "ETag, Link, Location, RateLimit, RateLimit-Policy, Retry-After, X-Request-Id";

/// The section `[cors]`, ready to be compared and copied.
#[derive(Debug)]
pub struct Policy {
    origins: Vec<HeaderValue>,
    any: bool,
    credentials: bool,
    methods: HeaderValue,
    headers: HeaderValue,
    max_age: HeaderValue,
}

impl Policy {
    pub(super) fn new(cors: &config::CorsConfig) -> Result<Policy> {
        let any = cors.origins.iter().any(|origin| origin == "*");
        if any && cors.credentials {
            return Err(Code::ConfigInvalid.because(
                "`[cors]` lets every origin send cookies (`origins = [\"*\"]` with `credentials = true`); list the origins that may",
            ));
        }
        let mut origins = Vec::new();
        for origin in cors.origins.iter().filter(|origin| *origin != "*") {
            if !is_origin(origin) {
                return Err(Code::ConfigInvalid.because(format!(
                    "`[cors] origins` holds \"{origin}\"; write scheme, name and port as a browser sends them, such as \"https://app.example.org\""
                )));
            }
            origins.push(HeaderValue::try_from(origin)?);
        }
        let list = |key: &str, words: &[String]| {
            if let Some(bad) = words.iter().find(|word| word.parse::<HeaderName>().is_err()) {
                return Err(Code::ConfigInvalid.because(format!("`[cors] {key}` holds \"{bad}\", which is not a name")));
            }
            Ok(HeaderValue::try_from(words.join(", "))?)
        };
        Ok(Policy {
            origins,
            any,
            credentials: cors.credentials,
            methods: list("methods", &cors.methods)?,
            headers: list("headers", &cors.headers)?,
            max_age: cors.max_age.duration().as_secs().into(),
        })
    }

    fn allows(&self, origin: &HeaderValue) -> bool {
        self.any || self.origins.contains(origin)
    }

    /// Whether pages of `origin` may act with the caller's cookies.
    pub(super) fn trusts_with_cookies(&self, origin: &HeaderValue) -> bool {
        self.credentials && self.origins.contains(origin)
    }

    /// Whether any page of another site may call at all.
    pub(super) fn names_anyone(&self) -> bool {
        self.any || !self.origins.is_empty()
    }

    /// Whether a page of `origin` may open a connection that stays: it is on the list by name, for
    /// such a connection carries the caller's cookies whatever the page says.
    pub(crate) fn names(&self, origin: &HeaderValue) -> bool {
        self.origins.contains(origin)
    }

    /// What the answer to `origin` says, whatever it answers.
    fn dress(&self, origin: Option<&HeaderValue>, enforced: bool, headers: &mut HeaderMap) {
        headers.append(header::VARY, HeaderValue::from_static("Origin"));
        let Some(origin) = origin.filter(|origin| !enforced || self.allows(origin)) else { return };
        headers.insert(header::ACCESS_CONTROL_ALLOW_ORIGIN, origin.clone());
        headers.insert(header::ACCESS_CONTROL_EXPOSE_HEADERS, HeaderValue::from_static(EXPOSED));
        if self.credentials {
            headers.insert(header::ACCESS_CONTROL_ALLOW_CREDENTIALS, HeaderValue::from_static("true"));
        }
    }
}

/// Scheme, name, optional port; lower case and nothing else, as browsers write it.
fn is_origin(text: &str) -> bool {
    let Some((scheme, host)) = text.split_once("://") else { return false };
    let plain = |byte: u8| byte.is_ascii_lowercase() || byte.is_ascii_digit() || b"-._:[]".contains(&byte);
    !scheme.is_empty()
        && scheme.bytes().all(|byte| byte.is_ascii_lowercase() || b"-+.".contains(&byte))
        && !host.is_empty()
        && host.bytes().all(plain)
}

/// What a mounted service says about other origins does not count: the list of the host does.
fn silence(headers: &mut HeaderMap) {
    let words: Vec<HeaderName> = headers.keys().filter(|name| name.as_str().starts_with("access-control-")).cloned().collect();
    for name in words {
        headers.remove(name);
    }
}

/// Says what a foreign page may read.
pub fn dress(x: &mut Exchange, answer: &mut Response<Body>) {
    let enforced = x.host.holds("cors-allowlist");
    let policy = &x.host.edge.cors;
    // Without a list the service's own policy is the only one there is.
    let listed = policy.any || !policy.origins.is_empty();
    if enforced && listed && x.matched.as_ref().is_some_and(|matched| matched.route.mount.is_some()) {
        silence(answer.headers_mut());
    }
    policy.dress(x.origin.as_ref(), enforced, answer.headers_mut());
}

/// Answers OPTIONS: a browser's preflight, or a plain question about methods.
pub fn preflight<'a>(x: &'a mut Exchange, request: &'a mut Request<Body>) -> Option<Boxed<'a, Result<Response<Body>>>> {
    if request.method() != Method::OPTIONS {
        return None;
    }
    let path = request.uri().path();
    // An unknown address is answered by the layer `route`, like every other.
    let every = || "GET, HEAD, POST, PUT, PATCH, DELETE, OPTIONS".to_owned();
    let asks = x.origin.is_some() && request.headers().contains_key(header::ACCESS_CONTROL_REQUEST_METHOD);
    // For a mounted service the list of origins is the host's too. Where it is empty, the service's
    // own policy counts, if a rule lets the question through.
    let mounted = asks && x.host.edge.cors.names_anyone() && x.host.upstreams.holds(&x.host.routes, path);
    let allow = if path == "*" || mounted { Some(every()) } else { x.host.routes.allow(path) }?;
    let answer = if asks { leave(x) } else { plain(&allow) };
    Some(Box::pin(std::future::ready(answer)))
}

fn leave(x: &Exchange) -> Result<Response<Body>> {
    let policy = &x.host.edge.cors;
    if x.host.holds("cors-allowlist") && !x.origin.as_ref().is_some_and(|origin| policy.allows(origin)) {
        return Err(Code::CrossSite.because("pages of this origin may not call this server; the operator can add it to `[cors] origins`"));
    }
    let mut answer = Response::new(Body::empty());
    *answer.status_mut() = StatusCode::NO_CONTENT;
    let headers = answer.headers_mut();
    headers.insert(header::ACCESS_CONTROL_ALLOW_METHODS, policy.methods.clone());
    headers.insert(header::ACCESS_CONTROL_ALLOW_HEADERS, policy.headers.clone());
    headers.insert(header::ACCESS_CONTROL_MAX_AGE, policy.max_age.clone());
    headers.append(header::VARY, HeaderValue::from_static("Access-Control-Request-Method, Access-Control-Request-Headers"));
    Ok(answer)
}

fn plain(allow: &str) -> Result<Response<Body>> {
    let mut answer = Response::new(Body::empty());
    *answer.status_mut() = StatusCode::NO_CONTENT;
    answer.headers_mut().insert(header::ALLOW, HeaderValue::try_from(allow)?);
    Ok(answer)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn policy(origins: &[&str], credentials: bool) -> Result<Policy> {
        Policy::new(&config::CorsConfig {
            origins: origins.iter().map(|&one| one.to_owned()).collect(),
            credentials,
            ..config::CorsConfig::default()
        })
    }
    fn dressed(policy: &Policy, origin: &'static str) -> HeaderMap {
        let mut headers = HeaderMap::new();
        policy.dress(Some(&HeaderValue::from_static(origin)), true, &mut headers);
        headers
    }

    #[test]
    fn an_origin_is_allowed_only_in_full() {
        let policy = policy(&["https://app.example.org"], true).unwrap();
        let headers = dressed(&policy, "https://app.example.org");
        assert_eq!(headers[header::ACCESS_CONTROL_ALLOW_ORIGIN], "https://app.example.org");
        assert_eq!(headers[header::ACCESS_CONTROL_ALLOW_CREDENTIALS], "true");
        for foreign in [
            "https://app.example.org.evil.example",
            "http://app.example.org",
            "https://app.example.org:8443",
            "null",
            "https://APP.example.org",
        ] {
            let headers = dressed(&policy, foreign);
            assert!(!headers.contains_key(header::ACCESS_CONTROL_ALLOW_ORIGIN), "{foreign}");
            assert_eq!(headers[header::VARY], "Origin", "a cache must not mix up answers to different origins");
        }
    }

    #[test]
    fn nobody_is_allowed_by_default() {
        let policy = Policy::new(&config::CorsConfig::default()).unwrap();
        assert!(!dressed(&policy, "https://app.example.org").contains_key(header::ACCESS_CONTROL_ALLOW_ORIGIN));
    }

    #[test]
    fn every_origin_with_cookies_is_refused_at_start() {
        assert!(policy(&["*"], false).is_ok());
        assert_eq!(policy(&["*"], true).unwrap_err().code(), Code::ConfigInvalid);
        assert!(!policy(&["*"], false).unwrap().trusts_with_cookies(&HeaderValue::from_static("https://a.example")));
    }

    #[test]
    fn an_entry_that_no_browser_sends_is_refused() {
        for bad in ["app.example.org", "https://app.example.org/", "https://App.example.org", "null", "https://", "https://a b"] {
            assert!(policy(&[bad], false).is_err(), "{bad}");
        }
        assert!(policy(&["http://localhost:5173", "https://[::1]:8443", "chrome-extension://abcdef"], false).is_ok());
    }
}
