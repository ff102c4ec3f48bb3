//! Layer `host`: requests for other names are not ours, and secrets do not travel in the open.
//!
//! Names first: a request for an unknown name is refused, so that nobody can make a browser reach
//! this server under a name of their own (DNS rebinding) or plant one in a link. The name that a
//! trusted proxy forwards has to be known like the one in `Host`. Then the scheme:
//! where TLS is required, a page is redirected, because a person typed the address. An API call is
//! refused: a redirect would hide that its credential has already been sent in the open.
//!
//! Probes of health from inside (see [`super::is_probe`]) are exempt from both: they come by
//! address and in plain HTTP.

use std::net::IpAddr;

use http::{HeaderMap, HeaderValue, Method, Request, Response, StatusCode, Uri, header};
use plimsoll_core::{Code, Error, Result};

use super::caller::is_inside;
use crate::{Body, exchange::Exchange, stack::Boxed};

/// The names this server answers for.
#[derive(Debug)]
pub struct Hosts {
    exact: Vec<String>,
    /// `.example.org` for `*.example.org`.
    suffixes: Vec<String>,
}

/// Present where TLS is required.
#[derive(Debug, Clone, Copy)]
pub struct Https {
    /// The port that a redirect names, left out where it is 443.
    pub port: u16,
}

impl Hosts {
    pub(super) fn new(listed: &[String], listen: IpAddr) -> Result<Hosts> {
        let mut hosts = Hosts { exact: Vec::new(), suffixes: Vec::new() };
        for entry in listed {
            let lower = entry.to_ascii_lowercase();
            match lower.strip_prefix('*') {
                Some(suffix) if suffix.len() > 1 && suffix.starts_with('.') && !suffix.contains('*') => {
                    hosts.suffixes.push(suffix.to_owned())
                }
                None if is_name(&lower) => hosts.exact.push(lower),
                _ => {
                    return Err(Code::ConfigInvalid.because(format!(
                        "`[server] hosts` holds \"{entry}\"; write a name or an address without port, such as \"api.example.org\", \"*.example.org\" or \"[::1]\""
                    )));
                }
            }
        }
        if listed.is_empty() {
            hosts.exact = ["localhost", "127.0.0.1", "[::1]"].map(str::to_owned).to_vec();
            if !listen.is_unspecified() {
                hosts.exact.push(if listen.is_ipv6() { format!("[{listen}]") } else { listen.to_string() });
            }
        }
        Ok(hosts)
    }

    fn knows(&self, name: &str) -> bool {
        // A trailing dot names the same host (RFC 1034 §3.1).
        let name = name.strip_suffix('.').unwrap_or(name);
        let below = |suffix: &String| {
            name.len() > suffix.len() && name.as_bytes()[name.len() - suffix.len()..].eq_ignore_ascii_case(suffix.as_bytes())
        };
        self.exact.iter().any(|known| known.eq_ignore_ascii_case(name)) || self.suffixes.iter().any(below)
    }
}

fn is_name(text: &str) -> bool {
    !text.is_empty() && without_port(text) == Some(text) && !text.contains('/')
}

/// The name in `name[:port]`; `None` where that is not what it is.
fn without_port(text: &str) -> Option<&str> {
    let end = if text.starts_with('[') { text.find(']')? + 1 } else { text.find(':').unwrap_or(text.len()) };
    let (name, port) = text.split_at(end);
    let is_port = |digits: &str| digits.len() <= 5 && digits.bytes().all(|byte| byte.is_ascii_digit());
    let plain = |byte: u8| byte.is_ascii_alphanumeric() || b"-._[]:".contains(&byte);
    let right = port.is_empty() || port.strip_prefix(':').is_some_and(is_port);
    (right && !name.is_empty() && name.bytes().all(plain)).then_some(name)
}

/// The one authority a request names, with its port.
///
/// # Errors
/// `Malformed` where it names none, several, or something that is not a name.
pub(crate) fn authority<'r>(uri: &'r Uri, headers: &'r HeaderMap) -> Result<&'r str> {
    let mut lines = headers.get_all(header::HOST).iter();
    let (line, another) = (lines.next(), lines.next());
    if another.is_some() {
        return Err(Code::Malformed.because("the request has more than one `Host` header; send exactly one"));
    }
    let line = line.map(|line| line.to_str().map_err(|_| unreadable())).transpose()?;
    match (uri.authority().map(http::uri::Authority::as_str), line) {
        // HTTP/2 carries the name in the target, where `Host` may repeat it (RFC 9113 §8.3.1).
        (Some(target), Some(line)) if !target.eq_ignore_ascii_case(line) => {
            Err(Code::Malformed.because("the request target and the `Host` header name different hosts"))
        }
        (Some(named), _) | (None, Some(named)) => Ok(named),
        (None, None) => Err(Code::Malformed.because("the request has no `Host` header; send the name of this server")),
    }
}

/// The name that the caller asked for in the words of a trusted proxy, where it is one of ours.
pub(crate) fn asked_for<'h>(x: &Exchange, headers: &'h HeaderMap) -> Option<&'h str> {
    let named = x.host.edge.proxies.asked_for(x.peer.ip(), headers)?;
    let name = without_port(named)?;
    (x.host.edge.hosts.knows(name) || !x.host.holds("trusted-hosts")).then_some(named)
}

fn unreadable() -> Error {
    Code::Malformed.because("the `Host` header is not a name with an optional port")
}

fn unreadable_word() -> Error {
    Code::Malformed.because("the name in `X-Forwarded-Host` or `Forwarded` is not a name with an optional port")
}

/// What becomes of a request that did not come encrypted although it should have.
fn to_https(https: Https, method: &Method, uri: &Uri, headers: &HeaderMap, name: &str) -> Result<HeaderValue> {
    let wants_page = headers.get(header::ACCEPT).and_then(|accept| accept.to_str().ok()).is_some_and(|accept| accept.contains("text/html"));
    if !((method == Method::GET || method == Method::HEAD) && wants_page) {
        return Err(Code::HttpsRequired.because("this server takes API calls over HTTPS only; change http to https in the client, and replace the credential that has just been sent in the open"));
    }
    let target = uri.path_and_query().map_or("/", http::uri::PathAndQuery::as_str);
    let port = if https.port == 443 { String::new() } else { format!(":{}", https.port) };
    Ok(HeaderValue::try_from(format!("https://{name}{port}{target}"))?)
}

/// Refuses foreign names; redirects or refuses plain HTTP.
pub fn gate<'a>(x: &'a mut Exchange, request: &'a mut Request<Body>) -> Option<Boxed<'a, Result<Response<Body>>>> {
    let answer = judge(x, request).transpose()?.map(|location| {
        let mut answer = Response::new(Body::empty());
        *answer.status_mut() = StatusCode::PERMANENT_REDIRECT;
        answer.headers_mut().insert(header::LOCATION, location);
        answer
    });
    Some(Box::pin(std::future::ready(answer)))
}

fn judge(x: &Exchange, request: &Request<Body>) -> Result<Option<HeaderValue>> {
    let (rules, uri) = (&x.host.edge, request.uri());
    if super::is_probe(uri.path()) && is_inside(x.peer.ip()) {
        return Ok(None);
    }
    let name = without_port(authority(uri, request.headers())?).ok_or_else(unreadable)?;
    // What a trusted proxy says the caller asked for is a name like the other.
    let told = rules.proxies.asked_for(x.peer.ip(), request.headers());
    let told = told.map(|told| without_port(told).ok_or_else(unreadable_word)).transpose()?;
    if x.host.holds("trusted-hosts") && !(rules.hosts.knows(name) && told.is_none_or(|told| rules.hosts.knows(told))) {
        return Err(Code::HostUnknown
            .because("the request names a host that this server does not answer for; the operator can add it to `[server] hosts`"));
    }
    match rules.https {
        Some(https) if !x.secure && x.host.holds("https-redirect") => {
            to_https(https, request.method(), uri, request.headers(), name).map(Some)
        }
        _ => Ok(None),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn headers(lines: &[(http::HeaderName, &'static str)]) -> HeaderMap {
        lines.iter().map(|(name, value)| (name.clone(), HeaderValue::from_static(value))).collect()
    }

    #[test]
    fn by_default_only_this_machine_and_the_listening_address_are_known() {
        let hosts = Hosts::new(&[], "192.0.2.1".parse().unwrap()).unwrap();
        for known in ["localhost", "LOCALHOST", "localhost.", "127.0.0.1", "[::1]", "192.0.2.1"] {
            assert!(hosts.knows(known), "{known}");
        }
        for foreign in ["evil.example", "localhost.evil.example", "192.0.2.2", ""] {
            assert!(!hosts.knows(foreign), "{foreign}");
        }
        assert!(!Hosts::new(&[], "0.0.0.0".parse().unwrap()).unwrap().knows("0.0.0.0"));
    }

    #[test]
    fn a_wildcard_covers_what_is_below_a_name_and_not_the_name() {
        let hosts = Hosts::new(&["api.example.org".into(), "*.Example.net".into()], "127.0.0.1".parse().unwrap()).unwrap();
        assert!(hosts.knows("API.example.org") && hosts.knows("a.b.example.net"));
        for foreign in ["example.net", "evilexample.net", ".example.net", "x.api.example.org", "localhost"] {
            assert!(!hosts.knows(foreign), "{foreign}");
        }
    }

    #[test]
    fn entries_that_can_match_nothing_are_refused() {
        for bad in ["", "*", "*.", "*example.org", "a.*.org", "example.org:8080", "https://example.org", "a b", "::1"] {
            assert!(Hosts::new(&[bad.to_owned()], "127.0.0.1".parse().unwrap()).is_err(), "{bad}");
        }
    }

    #[test]
    fn ports_are_cut_off_and_nonsense_is_not_a_name() {
        assert_eq!(without_port("example.org:8080"), Some("example.org"));
        assert_eq!(without_port("[::1]:8080"), Some("[::1]"));
        assert_eq!(without_port("[::1]"), Some("[::1]"));
        for bad in ["", ":80", "a:b", "a:80:80", "a@b", "[::1", "[::1]x", "a b", "a:123456", "a/b"] {
            assert_eq!(without_port(bad), None, "{bad}");
        }
    }

    #[test]
    fn a_request_names_exactly_one_host() {
        let path: Uri = "/v1/songs".parse().unwrap();
        let absolute: Uri = "http://a.example/v1".parse().unwrap();
        assert_eq!(authority(&path, &headers(&[(header::HOST, "a.example")])).unwrap(), "a.example");
        assert_eq!(authority(&absolute, &HeaderMap::new()).unwrap(), "a.example");
        let mut twice = headers(&[(header::HOST, "a.example")]);
        twice.append(header::HOST, HeaderValue::from_static("a.example"));
        for (uri, headers) in [(&path, &HeaderMap::new()), (&path, &twice), (&absolute, &headers(&[(header::HOST, "b.example")]))] {
            assert_eq!(authority(uri, headers).unwrap_err().code(), Code::Malformed);
        }
    }

    #[test]
    fn a_page_is_redirected_and_an_api_call_refused() {
        let uri: Uri = "/songs?page=2".parse().unwrap();
        let browser = headers(&[(header::ACCEPT, "text/html,application/xhtml+xml")]);
        let at = |port, method: &Method, headers: &HeaderMap| to_https(Https { port }, method, &uri, headers, "a.example");
        assert_eq!(at(443, &Method::GET, &browser).unwrap(), "https://a.example/songs?page=2");
        assert_eq!(at(8443, &Method::HEAD, &browser).unwrap(), "https://a.example:8443/songs?page=2");
        for (method, headers) in [(Method::GET, &HeaderMap::new()), (Method::POST, &browser)] {
            assert_eq!(at(443, &method, headers).unwrap_err().code(), Code::HttpsRequired);
        }
    }
}
