//! Layer `squeeze`: large text answers leave compressed, where the caller takes gzip.
//!
//! Not on routes that try credentials and not beside a cookie being set: the length of a
//! compressed text tells about a secret next to text the caller chose (BREACH).
//!
//! The compressed form is another representation with the same meaning, so its entity tag becomes
//! a weak one. `If-None-Match` compares weakly anyway. A client that sends the weak form back in
//! `If-Match` must be understood as meaning the strong one with the same text.

use std::cell::RefCell;

use bytes::Bytes;
use flate2::{Compress, Compression, Crc, FlushCompress, Status};
use http::{HeaderMap, HeaderValue, Method, Request, Response, header};
use plimsoll_core::Result;

use crate::{
    Body,
    exchange::Exchange,
    route::RouteClass,
    stack::{Boxed, Next},
};

/// Below this many bytes the saving is not worth the work.
const LEAST: usize = 1024;
/// Above this many bytes the work is done beside the runtime.
const LARGE: usize = 128 << 10;

/// Compresses the answer where that is allowed and worth it.
pub fn around<'a>(x: &'a mut Exchange, request: Request<Body>, next: Next<'a>) -> Boxed<'a, Result<Response<Body>>> {
    let takes = *request.method() != Method::HEAD && takes_gzip(request.headers());
    Box::pin(async move {
        let mut answer = next.run(x, request).await?;
        let secret = x.matched.as_ref().is_some_and(|matched| matched.route.class == RouteClass::Auth);
        let Some(plain) = answer.body().full().filter(|bytes| bytes.len() >= LEAST && !secret && may(answer.headers())).cloned() else {
            return Ok(answer);
        };
        // Caches must know even of the plain form that there is another.
        answer.headers_mut().append(header::VARY, HeaderValue::from_static("Accept-Encoding"));
        if !takes {
            return Ok(answer);
        }
        let small = if plain.len() < LARGE { gzip(&plain) } else { x.host.compute(move || Ok(gzip(&plain))).await.ok().flatten() };
        // Where there is no room to compress, the plain form is still right.
        if let Some(small) = small {
            mark(answer.headers_mut());
            *answer.body_mut() = Body::Full(small);
        }
        Ok(answer)
    })
}

/// Whether `Accept-Encoding` takes gzip (RFC 9110 §12.5.3): named, or by `*`, and not with weight 0.
fn takes_gzip(headers: &HeaderMap) -> bool {
    let mut by_star = false;
    for line in headers.get_all(header::ACCEPT_ENCODING) {
        for coding in line.to_str().unwrap_or_default().split(',') {
            let (name, parameters) = coding.split_once(';').unwrap_or((coding, ""));
            let name = name.trim();
            if name.eq_ignore_ascii_case("gzip") || name.eq_ignore_ascii_case("x-gzip") {
                return weighs(parameters);
            }
            by_star |= name == "*" && weighs(parameters);
        }
    }
    by_star
}

fn weighs(parameters: &str) -> bool {
    let weight = parameters.trim().strip_prefix(['q', 'Q']).and_then(|rest| rest.trim_start().strip_prefix('='));
    weight.is_none_or(|weight| weight.trim().parse::<f32>().is_ok_and(|weight| weight > 0.0))
}

/// Whether an answer with these headers is text that may be transformed.
fn may(headers: &HeaderMap) -> bool {
    let text = |name| headers.get(name).and_then(|value: &HeaderValue| value.to_str().ok()).unwrap_or_default();
    let media = text(header::CONTENT_TYPE);
    let media = media.split(';').next().unwrap_or_default().trim_end();
    let words = media.starts_with("text/")
        || matches!(
            media,
            "application/json" | "application/javascript" | "application/xml" | "image/svg+xml" | "application/openmetrics-text"
        )
        || media.ends_with("+json")
        || media.ends_with("+xml");
    words
        && !headers.contains_key(header::CONTENT_ENCODING)
        && !headers.contains_key(header::CONTENT_RANGE)
        && !headers.contains_key(header::SET_COOKIE)
        && !text(header::CACHE_CONTROL).contains("no-transform")
}

fn mark(headers: &mut HeaderMap) {
    headers.insert(header::CONTENT_ENCODING, HeaderValue::from_static("gzip"));
    headers.remove(header::CONTENT_LENGTH);
    headers.remove(header::ACCEPT_RANGES);
    let weak = headers.get(header::ETAG).filter(|tag| !tag.as_bytes().starts_with(b"W/")).map(|tag| [b"W/", tag.as_bytes()].concat());
    if let Some(weak) = weak.and_then(|weak| HeaderValue::from_bytes(&weak).ok()) {
        headers.insert(header::ETAG, weak);
    }
}

thread_local! {
    // A compressor holds some hundred kilobytes of tables; making one costs more than using it.
    static DEFLATE: RefCell<Compress> = RefCell::new(Compress::new(Compression::new(4), false));
}

/// `plain` in gzip format (RFC 1952); `None` where that is not smaller.
fn gzip(plain: &Bytes) -> Option<Bytes> {
    // Method deflate, no flags, no time, unknown system.
    const HEAD: [u8; 10] = [0x1f, 0x8b, 8, 0, 0, 0, 0, 0, 0, 255];
    let mut out = Vec::with_capacity(plain.len());
    out.extend_from_slice(&HEAD);
    let finished = DEFLATE.with_borrow_mut(|deflate| {
        deflate.reset();
        // Writes into the spare capacity only: what does not fit there is not smaller.
        deflate.compress_vec(plain, &mut out, FlushCompress::Finish)
    });
    if !matches!(finished, Ok(Status::StreamEnd)) || out.len() + 8 >= plain.len() {
        return None;
    }
    let mut check = Crc::new();
    check.update(plain);
    out.extend_from_slice(&check.sum().to_le_bytes());
    out.extend_from_slice(&check.amount().to_le_bytes());
    Some(out.into())
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::io::Read;

    fn headers(lines: &[(http::HeaderName, &'static str)]) -> HeaderMap {
        lines.iter().map(|(name, value)| (name.clone(), HeaderValue::from_static(value))).collect()
    }

    #[test]
    fn weights_are_respected() {
        let takes = |text| takes_gzip(&headers(&[(header::ACCEPT_ENCODING, text)]));
        for yes in ["gzip", "br, GZIP", "gzip;q=0.1", "*", "deflate, gzip ; q=1.0", "identity;q=0, *;q=0.5"] {
            assert!(takes(yes), "{yes}");
        }
        for no in ["", "br", "gzip;q=0", "gzip;q=0.000, *", "*;q=0", "gzipped", "gzip;q=x"] {
            assert!(!takes(no), "{no}");
        }
        assert!(!takes_gzip(&HeaderMap::new()));
    }

    #[test]
    fn only_text_that_may_be_changed_is_compressed() {
        let media = |text| headers(&[(header::CONTENT_TYPE, text)]);
        for yes in ["application/json", "application/problem+json", "text/html; charset=utf-8", "image/svg+xml"] {
            assert!(may(&media(yes)), "{yes}");
        }
        for no in ["image/png", "application/octet-stream", "", "application/jsonx"] {
            assert!(!may(&media(no)), "{no}");
        }
        for (name, value) in [
            (header::CONTENT_ENCODING, "br"),
            (header::CACHE_CONTROL, "private, no-transform"),
            (header::SET_COOKIE, "a=b"),
            (header::CONTENT_RANGE, "bytes 0-1/2"),
        ] {
            assert!(!may(&headers(&[(header::CONTENT_TYPE, "text/html"), (name.clone(), value)])), "{name}");
        }
    }

    #[test]
    fn what_is_compressed_reads_as_before() {
        for round in 0..3 {
            let text: String = (0..500).map(|number| format!("{{\"id\":{},\"title\":\"Song\"}}", number * (round + 1))).collect();
            let small = gzip(&Bytes::from(text.clone())).unwrap();
            assert!(small.len() < text.len() / 2, "{} of {}", small.len(), text.len());
            let mut back = String::new();
            flate2::read::GzDecoder::new(&small[..]).read_to_string(&mut back).unwrap();
            assert_eq!(back, text);
        }
    }

    #[test]
    fn what_does_not_get_smaller_stays_plain() {
        let mut state = 1u64;
        let noise: Vec<u8> = std::iter::repeat_with(|| {
            state = state.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1_442_695_040_888_963_407);
            (state >> 56) as u8
        })
        .take(4096)
        .collect();
        assert!(gzip(&Bytes::from(noise)).is_none());
    }

    #[test]
    fn the_compressed_form_has_a_weak_tag() {
        let mut dressed = headers(&[(header::ETAG, "\"7\""), (header::CONTENT_LENGTH, "9")]);
        mark(&mut dressed);
        assert_eq!(dressed[header::ETAG], "W/\"7\"");
        assert!(!dressed.contains_key(header::CONTENT_LENGTH));
        mark(&mut dressed);
        assert_eq!(dressed[header::ETAG], "W/\"7\"");
    }
}
