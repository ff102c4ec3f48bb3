//! What a request and an answer may carry across the host.
//!
//! Every message is taken apart and written anew: what belongs to one connection ends here, what
//! only the host may say is removed from a caller's mouth, also where it is spelt with `_` for `-`
//! (services behind CGI and WSGI cannot tell the two apart), and the length of a body is worked out
//! again by what was read.

use std::{fmt::Write, net::IpAddr};

use http::{HeaderMap, HeaderName, HeaderValue, Method, Version, header, request, response};
use plimsoll_core::{Code, Result};

use super::{assertion, mount::Mount};
use crate::{
    edge::host::{asked_for, authority},
    exchange::Exchange,
    identity::session,
};

const KEEP_ALIVE: HeaderName = HeaderName::from_static("keep-alive");
const PROXY_CONNECTION: HeaderName = HeaderName::from_static("proxy-connection");
const HTTP2_SETTINGS: HeaderName = HeaderName::from_static("http2-settings");
const FORWARDED_FOR: HeaderName = HeaderName::from_static("x-forwarded-for");
const FORWARDED_HOST: HeaderName = HeaderName::from_static("x-forwarded-host");
const FORWARDED_PORT: HeaderName = HeaderName::from_static("x-forwarded-port");
const FORWARDED_PROTO: HeaderName = HeaderName::from_static("x-forwarded-proto");
const REAL_IP: HeaderName = HeaderName::from_static("x-real-ip");
const REQUEST_ID: HeaderName = HeaderName::from_static("x-request-id");

/// Headers that concern one connection only (RFC 9110 §7.6.1).
const HOP: [HeaderName; 9] = [
    header::CONNECTION,
    header::PROXY_AUTHENTICATE,
    header::PROXY_AUTHORIZATION,
    header::TE,
    header::TRANSFER_ENCODING,
    header::UPGRADE,
    KEEP_ALIVE,
    PROXY_CONNECTION,
    HTTP2_SETTINGS,
];

/// Whether only the host may write this header. `-` stands for `_` too.
fn is_ours(name: &str) -> bool {
    same(name, "forwarded")
        || starts(name, "x-forwarded-")
        || same(name, "x-real-ip")
        || same(name, "x-original-url")
        || same(name, "x-rewrite-url")
        || starts(name, assertion::PREFIX)
}

/// Whether this is the spelling with `_` of a header that decides about framing, target or caller.
fn is_twin(name: &str) -> bool {
    const WEIGHTY: [&str; 12] = [
        "content-length",
        "content-type",
        "transfer-encoding",
        "proxy-authorization",
        "proxy-connection",
        "keep-alive",
        "x-request-id",
        "idempotency-key",
        "http2-settings",
        "set-cookie",
        "x-http-method-override",
        "sec-websocket-key",
    ];
    name.contains('_') && WEIGHTY.iter().any(|weighty| same(name, weighty))
}

fn same(name: &str, wanted: &str) -> bool {
    name.len() == wanted.len() && starts(name, wanted)
}
fn starts(name: &str, wanted: &str) -> bool {
    name.len() >= wanted.len() && name.bytes().zip(wanted.bytes()).all(|(byte, wanted)| byte == wanted || (byte == b'_' && wanted == b'-'))
}

/// Whether a field behind a body may pass: nothing that would mean something in front of it.
pub fn may_trail(name: &HeaderName) -> bool {
    !(is_ours(name.as_str())
        || HOP.contains(name)
        || [header::AUTHORIZATION, header::COOKIE, header::CONTENT_LENGTH, header::HOST, header::CONTENT_TYPE, header::TRAILER]
            .contains(name)
        || name.as_str().contains('_'))
}

/// Removes what concerns one connection only, and what `Connection` names besides.
pub fn strip_hop(headers: &mut HeaderMap) {
    if headers.contains_key(header::CONNECTION) {
        let named: Vec<HeaderName> = headers
            .get_all(header::CONNECTION)
            .iter()
            .filter_map(|value| value.to_str().ok())
            .flat_map(|value| value.split(','))
            .filter_map(|name| HeaderName::from_bytes(name.trim().as_bytes()).ok())
            // A caller must not make us forget how long the body is or whom it asks for (RFC 9110 §7.6.1).
            .filter(|name| {
                ![header::HOST, header::CONTENT_LENGTH, header::AUTHORIZATION, header::COOKIE, header::CACHE_CONTROL].contains(name)
            })
            .collect();
        for name in &named {
            headers.remove(name);
        }
    }
    for name in &HOP {
        headers.remove(name);
    }
}

/// Whether the caller takes fields behind a body.
fn takes_trailers(headers: &HeaderMap) -> bool {
    let words = headers.get_all(header::TE).iter().filter_map(|value| value.to_str().ok()).flat_map(|value| value.split(','));
    words.map(str::trim).any(|word| word.eq_ignore_ascii_case("trailers"))
}

/// Refuses a framing that two readers could understand differently. What can be read in one way
/// only is written anew and may pass.
fn one_framing(parts: &request::Parts) -> Result<()> {
    let mut codings = parts.headers.get_all(header::TRANSFER_ENCODING).iter();
    match (codings.next(), codings.next()) {
        (None, _) => Ok(()),
        (Some(only), None) if only.as_bytes().eq_ignore_ascii_case(b"chunked") && parts.version == Version::HTTP_11 => Ok(()),
        _ => Err(Code::Malformed.because("the request's `Transfer-Encoding` is not exactly `chunked`; nothing else is understood here")),
    }
}

/// Makes a caller's request head that of the request to the service. `streams` says whether a body
/// of unknown length follows.
///
/// # Errors
/// `Malformed` where its framing or its target has more than one reading.
pub fn outgoing(x: &Exchange, mount: &Mount, parts: &mut request::Parts, streams: bool) -> Result<()> {
    one_framing(parts)?;
    let named = HeaderValue::from_str(authority(&parts.uri, &parts.headers)?).unwrap_or_else(|_| HeaderValue::from_static("-"));
    let trailers = takes_trailers(&parts.headers);
    let believed = x.host.edge.proxies.believes(x.peer.ip());
    let asked = if believed { asked_for(x, &parts.headers).and_then(|name| HeaderValue::from_str(name).ok()) } else { None };
    let way = if believed { x.host.edge.proxies.way(x.caller, x.peer.ip(), &parts.headers) } else { Vec::new() };
    let headers = &mut parts.headers;
    strip_hop(headers);
    let spoofed: Vec<HeaderName> = headers.keys().filter(|name| is_ours(name.as_str()) || is_twin(name.as_str())).cloned().collect();
    for name in &spoofed {
        headers.remove(name);
    }
    forget_credentials(x, headers);
    headers.reserve(16);
    headers.insert(header::HOST, if mount.own_name { mount.name_on_wire.clone() } else { named.clone() });
    tell_way(x, asked.unwrap_or(named), &way, headers);
    headers.insert(REQUEST_ID, x.shown_request_id());
    if x.mirrored {
        headers.insert(HeaderName::from_static("x-plimsoll-mirror"), HeaderValue::from_static("true"));
    }
    if trailers {
        headers.insert(header::TE, HeaderValue::from_static("trailers"));
        headers.insert(header::CONNECTION, HeaderValue::from_static("te"));
    }
    // The length is what was read: known, or told chunk by chunk.
    if streams {
        headers.remove(header::CONTENT_LENGTH);
        headers.insert(header::TRANSFER_ENCODING, HeaderValue::from_static("chunked"));
    } else if !headers.contains_key(header::CONTENT_LENGTH) && [Method::POST, Method::PUT, Method::PATCH].contains(&parts.method) {
        headers.insert(header::CONTENT_LENGTH, HeaderValue::from_static("0"));
    }
    if let Some(who) = x.principal.as_ref().filter(|_| mount.identity_headers) {
        mount.assertions.write(&x.host, mount.name, who, (&parts.method, parts.uri.path()), x.arrived, headers)?;
    }
    parts.version = Version::HTTP_11;
    Ok(())
}

/// Takes this host's own credentials out. A foreign one on a public route is the service's.
fn forget_credentials(x: &Exchange, headers: &mut HeaderMap) {
    let token = headers.get(header::AUTHORIZATION).map(|value| {
        let text = value.to_str().unwrap_or_default().trim();
        text.split_once(' ').filter(|(scheme, _)| scheme.eq_ignore_ascii_case("bearer")).map_or("", |(_, token)| token.trim())
    });
    if token.is_some_and(|token| x.principal.is_some() || x.host.identity.issued(token)) {
        headers.remove(header::AUTHORIZATION);
    }
    if !headers.get_all(header::COOKIE).iter().any(|cookies| session::without_ours(cookies).is_some()) {
        return;
    }
    let kept: Vec<HeaderValue> = headers
        .get_all(header::COOKIE)
        .iter()
        .filter_map(|cookies| match session::without_ours(cookies) {
            Some(rest) => HeaderValue::try_from(rest).ok().filter(|rest| !rest.is_empty()),
            None => Some(cookies.clone()),
        })
        .collect();
    headers.remove(header::COOKIE);
    for cookies in kept {
        headers.append(header::COOKIE, cookies);
    }
}

/// Says for whom, over what and under which name the request came.
fn tell_way(x: &Exchange, named: HeaderValue, way: &[IpAddr], headers: &mut HeaderMap) {
    let (scheme, usual) = if x.secure { ("https", "443") } else { ("http", "80") };
    let (mut hops, mut elements) = (String::with_capacity(48), String::with_capacity(96));
    let alone = [x.caller];
    for (number, hop) in if way.is_empty() { &alone } else { way }.iter().enumerate() {
        let comma = if number > 0 { ", " } else { "" };
        let _ = write!(hops, "{comma}{hop}");
        let _ = match hop {
            IpAddr::V4(four) => write!(elements, "{comma}for={four}"),
            IpAddr::V6(six) => write!(elements, "{comma}for=\"[{six}]\""),
        };
        if number == 0 {
            let _ = write!(elements, ";host=\"{}\";proto={scheme}", named.to_str().unwrap_or_default());
        }
    }
    let name = named.to_str().unwrap_or_default();
    let port =
        name.rsplit_once(':').map(|(_, port)| port).filter(|port| !port.is_empty() && port.bytes().all(|byte| byte.is_ascii_digit()));
    let port = port.map_or_else(|| Ok(HeaderValue::from_static(usual)), HeaderValue::from_str);
    let mut set = |name: HeaderName, value: std::result::Result<HeaderValue, _>| {
        if let Ok(value) = value {
            headers.insert(name, value);
        }
    };
    set(FORWARDED_PORT, port);
    set(REAL_IP, HeaderValue::try_from(x.caller.to_string()));
    set(FORWARDED_FOR, HeaderValue::try_from(hops));
    set(header::FORWARDED, HeaderValue::try_from(elements));
    headers.insert(FORWARDED_PROTO, HeaderValue::from_static(scheme));
    headers.insert(FORWARDED_HOST, named);
}

/// Makes the head of the service's answer that of ours.
///
/// # Errors
/// `UpstreamFailed` where its body is framed in a way that two readers could understand differently.
pub fn incoming(mount: &Mount, head: &mut response::Parts) -> Result<()> {
    head.version = Version::HTTP_11;
    let mut codings = head.headers.get_all(header::TRANSFER_ENCODING).iter();
    match (codings.next(), codings.next()) {
        (None, _) => {}
        // The chunks were read, so a length beside them must not be believed further on.
        (Some(only), None) if only.as_bytes().eq_ignore_ascii_case(b"chunked") => drop(head.headers.remove(header::CONTENT_LENGTH)),
        _ => return Err(Code::UpstreamFailed.because("the service's answer has a `Transfer-Encoding` other than `chunked`")),
    }
    let mut lengths = head.headers.get_all(header::CONTENT_LENGTH).iter();
    if let (Some(length), Some(_)) = (lengths.next(), lengths.next()) {
        // The same length twice, or it could not have been read.
        let length = length.clone();
        head.headers.insert(header::CONTENT_LENGTH, length);
    }
    strip_hop(&mut head.headers);
    for name in [header::LOCATION, header::CONTENT_LOCATION] {
        let inside = head.headers.get(&name).and_then(|place| mount.inside(place.to_str().ok()?)).map(HeaderValue::try_from);
        if let Some(Ok(place)) = inside {
            head.headers.insert(name, place);
        }
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_only_the_host_says_is_known_in_every_spelling() {
        for name in [
            "forwarded",
            "x-forwarded-for",
            "x_forwarded_for",
            "x-forwarded_for",
            "x-forwarded-anything",
            "x-real-ip",
            "x_real_ip",
            "x-plimsoll-principal",
            "x_plimsoll_principal",
            "x-plimsoll_assertion",
        ] {
            assert!(is_ours(name), "{name}");
        }
        for name in ["x-forwarded", "forwarded-by", "x-plimsoll", "api_key", "accept"] {
            assert!(!is_ours(name) && !is_twin(name), "{name}");
        }
        assert!(is_twin("content_length") && is_twin("transfer_encoding") && is_twin("transfer-encoding").eq(&false));
    }

    #[test]
    fn a_caller_cannot_have_the_length_or_the_name_removed() {
        let mut headers = HeaderMap::new();
        headers.insert(header::CONNECTION, HeaderValue::from_static("close, content-length, host, x-secret, authorization"));
        for name in ["content-length", "host", "x-secret", "authorization", "keep-alive", "te"] {
            headers.insert(HeaderName::from_static(name), HeaderValue::from_static("1"));
        }
        strip_hop(&mut headers);
        let mut left: Vec<_> = headers.keys().map(HeaderName::as_str).collect();
        left.sort_unstable();
        assert_eq!(left, ["authorization", "content-length", "host"]);
    }

    #[test]
    fn a_field_behind_a_body_is_no_way_in() {
        for no in ["x-plimsoll-principal", "authorization", "cookie", "content-length", "transfer-encoding", "host", "x_y", "forwarded"] {
            assert!(!may_trail(&HeaderName::from_static(no)), "{no}");
        }
        assert!(may_trail(&HeaderName::from_static("grpc-status")) && may_trail(&HeaderName::from_static("digest")));
    }
}
