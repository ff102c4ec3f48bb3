//! Layer `headers`: what every answer carries, refusals too.
//!
//! All values are constants; an answer only receives copies of static bytes.

use http::{HeaderMap, HeaderName, HeaderValue, Method, Response, header};

use super::trace::REQUEST_ID;
use crate::{Body, exchange::Exchange};

const PERMISSIONS: HeaderName = HeaderName::from_static("permissions-policy");
const OPENER: HeaderName = HeaderName::from_static("cross-origin-opener-policy");
const RESOURCE: HeaderName = HeaderName::from_static("cross-origin-resource-policy");
const POWERED: HeaderName = HeaderName::from_static("x-powered-by");

const API_CONTENT: &str = "default-src 'none'; frame-ancestors 'none'";
const PAGE_CONTENT: &str = "default-src 'none'; script-src 'self'; style-src 'self'; img-src 'self' data:; \
                            connect-src 'self'; form-action 'self'; base-uri 'none'; frame-ancestors 'none'";
/// For a page whose scripts we do not know: no plugins, no other base, no foreign frame around it.
const FOREIGN_CONTENT: &str = "object-src 'none'; base-uri 'self'; frame-ancestors 'none'";
const SENSORS: &str = "camera=(), geolocation=(), microphone=(), payment=(), usb=()";

/// Puts the headers on.
pub fn dress(x: &mut Exchange, answer: &mut Response<Body>) {
    let page = x.matched.as_ref().is_some_and(|matched| matched.route.page);
    let foreign = x.error.is_none() && x.matched.as_ref().is_some_and(|matched| matched.route.mount.is_some());
    let headers = answer.headers_mut();
    headers.reserve(12 + x.headers.len());
    for (name, value) in x.headers.drain(..) {
        headers.append(name, value);
    }
    if x.host.holds("correlation-id") {
        headers.insert(&REQUEST_ID, x.shown_request_id());
    }
    if x.host.holds("security-headers") {
        if foreign {
            protect_foreign(headers);
        } else {
            protect(headers, page);
        }
    }
    if x.secure && x.host.holds("hsts") {
        headers.insert(header::STRICT_TRANSPORT_SECURITY, HeaderValue::from_static("max-age=31536000; includeSubDomains"));
    }
    if !page && x.host.holds("http-caching-headers") {
        let reading = x.method == Method::GET || x.method == Method::HEAD;
        keep(headers, reading, x.principal.is_some());
    }
    headers.remove(header::SERVER);
    headers.remove(POWERED);
}

fn protect(headers: &mut HeaderMap, page: bool) {
    let (content, referrer) = if page { (PAGE_CONTENT, "strict-origin-when-cross-origin") } else { (API_CONTENT, "no-referrer") };
    headers.insert(header::X_CONTENT_TYPE_OPTIONS, HeaderValue::from_static("nosniff"));
    headers.insert(header::X_FRAME_OPTIONS, HeaderValue::from_static("DENY"));
    headers.insert(header::REFERRER_POLICY, HeaderValue::from_static(referrer));
    // A handler that serves something special (the reference page) may bring a policy of its own.
    headers.entry(header::CONTENT_SECURITY_POLICY).or_insert(HeaderValue::from_static(content));
    headers.insert(OPENER, HeaderValue::from_static("same-origin"));
    headers.insert(RESOURCE, HeaderValue::from_static("same-origin"));
    headers.insert(PERMISSIONS, HeaderValue::from_static(SENSORS));
}

/// What a mounted service left unsaid. Its own words stay: only it knows what its pages load.
fn protect_foreign(headers: &mut HeaderMap) {
    headers.insert(header::X_CONTENT_TYPE_OPTIONS, HeaderValue::from_static("nosniff"));
    let text = |name| headers.get(name).and_then(|value: &HeaderValue| value.to_str().ok()).unwrap_or_default();
    if !text(header::CONTENT_SECURITY_POLICY).contains("frame-ancestors") {
        headers.entry(header::X_FRAME_OPTIONS).or_insert(HeaderValue::from_static("DENY"));
    }
    headers.entry(header::REFERRER_POLICY).or_insert(HeaderValue::from_static("strict-origin-when-cross-origin"));
    headers.entry(header::CONTENT_SECURITY_POLICY).or_insert(HeaderValue::from_static(FOREIGN_CONTENT));
    headers.entry(OPENER).or_insert(HeaderValue::from_static("same-origin"));
    headers.entry(RESOURCE).or_insert(HeaderValue::from_static("same-origin"));
    headers.entry(PERMISSIONS).or_insert(HeaderValue::from_static(SENSORS));
}

/// Says who may keep the answer, unless the handler did: nobody, or only the caller's own cache
/// and only to ask with the entity tag whether it still holds.
fn keep(headers: &mut HeaderMap, reading: bool, personal: bool) {
    if headers.contains_key(header::CACHE_CONTROL) {
        return;
    }
    let rule = match (reading && headers.contains_key(header::ETAG), personal) {
        (true, true) => "private, no-cache",
        (true, false) => "no-cache",
        (false, _) => "no-store",
    };
    headers.insert(header::CACHE_CONTROL, HeaderValue::from_static(rule));
}

#[cfg(test)]
mod tests {
    use super::*;

    fn kept(etag: bool, reading: bool, personal: bool) -> HeaderValue {
        let mut headers = HeaderMap::new();
        if etag {
            headers.insert(header::ETAG, HeaderValue::from_static("\"1\""));
        }
        keep(&mut headers, reading, personal);
        headers[header::CACHE_CONTROL].clone()
    }

    #[test]
    fn answers_are_kept_only_where_they_can_be_asked_about_again() {
        assert_eq!(kept(true, true, true), "private, no-cache");
        assert_eq!(kept(true, true, false), "no-cache");
        assert_eq!(kept(false, true, true), "no-store");
        assert_eq!(kept(true, false, true), "no-store", "the tag of a changed resource does not make the answer cacheable");
    }

    #[test]
    fn a_handler_has_the_last_word_on_caching() {
        let mut headers = HeaderMap::new();
        headers.insert(header::CACHE_CONTROL, HeaderValue::from_static("public, max-age=60"));
        keep(&mut headers, true, true);
        assert_eq!(headers[header::CACHE_CONTROL], "public, max-age=60");
    }

    #[test]
    fn an_api_answer_runs_nothing_and_a_page_only_its_own() {
        let (mut api, mut page) = (HeaderMap::new(), HeaderMap::new());
        protect(&mut api, false);
        protect(&mut page, true);
        assert_eq!(api[header::CONTENT_SECURITY_POLICY], "default-src 'none'; frame-ancestors 'none'");
        let policy = page[header::CONTENT_SECURITY_POLICY].to_str().unwrap();
        assert!(policy.contains("script-src 'self'") && !policy.contains("unsafe"), "{policy}");
        for headers in [&api, &page] {
            assert_eq!(headers[header::X_CONTENT_TYPE_OPTIONS], "nosniff");
            assert_eq!(headers[header::X_FRAME_OPTIONS], "DENY");
            assert!(headers.contains_key(OPENER) && headers.contains_key(RESOURCE) && headers.contains_key(PERMISSIONS));
        }
    }
}
