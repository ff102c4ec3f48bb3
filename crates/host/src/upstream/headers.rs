//! What a request and an answer may carry across the host.

use http::{HeaderMap, HeaderName, HeaderValue, header};

use crate::exchange::Exchange;

/// Headers that concern one connection only (RFC 9110 §7.6.1).
const HOP: [HeaderName; 8] = [
    header::CONNECTION,
    header::PROXY_AUTHENTICATE,
    header::PROXY_AUTHORIZATION,
    header::TE,
    header::TRANSFER_ENCODING,
    header::UPGRADE,
    HeaderName::from_static("keep-alive"),
    HeaderName::from_static("proxy-connection"),
];

/// Headers that only the host writes; what a caller says in them is removed.
const OURS: [&str; 7] =
    ["forwarded", "x-forwarded-for", "x-forwarded-host", "x-forwarded-proto", "x-forwarded-port", "x-forwarded-prefix", "x-real-ip"];
/// Every header of identity begins with this, and a caller's are removed.
const IDENTITY: &str = "x-plimsoll-";

/// Removes what concerns one connection only, and what `Connection` names besides.
pub fn strip_hop(headers: &mut HeaderMap) {
    let named: Vec<HeaderName> = headers
        .get_all(header::CONNECTION)
        .iter()
        .filter_map(|value| value.to_str().ok())
        .flat_map(|value| value.split(','))
        .filter_map(|name| HeaderName::from_bytes(name.trim().as_bytes()).ok())
        .collect();
    for name in named.iter().chain(&HOP) {
        headers.remove(name);
    }
}

/// Makes a caller's headers those of the request to the service.
pub fn outgoing(x: &Exchange, headers: &mut HeaderMap) {
    strip_hop(headers);
    let spoofed: Vec<HeaderName> =
        headers.keys().filter(|name| OURS.contains(&name.as_str()) || name.as_str().starts_with(IDENTITY)).cloned().collect();
    for name in &spoofed {
        headers.remove(name);
    }
    let mut set = |name: &'static str, value: String| {
        if let Ok(value) = HeaderValue::try_from(value) {
            headers.insert(HeaderName::from_static(name), value);
        }
    };
    set("x-forwarded-for", x.caller.to_string());
    set("x-forwarded-proto", if x.secure { "https" } else { "http" }.to_owned());
    set("x-request-id", x.request.to_string());
    if x.mirrored {
        set("x-plimsoll-mirror", "true".to_owned());
    }
    if let Some(who) = &x.principal {
        // A credential that the host has understood is the host's; the service is told who it was.
        set("x-plimsoll-principal", who.id.to_string());
        set("x-plimsoll-tenant", who.tenant.to_string());
        set("x-plimsoll-role", who.role.to_string());
        headers.remove(header::AUTHORIZATION);
    }
}
