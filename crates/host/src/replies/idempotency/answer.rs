//! An answer as it is kept: status, a subset of headers, body; sealed with a key of the host's own.
//!
//! Sealed, because answers hold what the service holds, and some of them a secret that is shown
//! once (a new API key): a copy of the database must not hand it out for another day.

use bytes::Bytes;
use http::{HeaderMap, HeaderName, HeaderValue, Response, StatusCode, header};
use plimsoll_core::{Code, Result, Seed};
use serde::{Deserialize, Serialize};

use crate::{Body, identity::Master};

const PURPOSE: &str = "idempotency";

/// Marks an answer that was given before.
pub static REPLAYED: HeaderName = HeaderName::from_static("idempotency-replayed");

/// Headers that belong to the answer and not to the moment it was given.
const KEPT: [HeaderName; 13] = [
    header::CONTENT_TYPE,
    header::CONTENT_LANGUAGE,
    header::CONTENT_DISPOSITION,
    header::CONTENT_ENCODING,
    header::CONTENT_LOCATION,
    header::LOCATION,
    header::ETAG,
    header::LAST_MODIFIED,
    header::LINK,
    header::CACHE_CONTROL,
    header::VARY,
    header::RETRY_AFTER,
    HeaderName::from_static("preference-applied"),
];

#[derive(Serialize, Deserialize)]
struct Head {
    status: u16,
    headers: Vec<(String, String)>,
}

/// Seals an answer for the record `id`.
pub fn seal(
    master: &Master,
    seed: &Seed,
    id: &str,
    status: StatusCode,
    headers: &HeaderMap,
    more: &[HeaderName],
    body: &[u8],
) -> Result<Vec<u8>> {
    let kept = headers.iter().filter(|(name, _)| KEPT.contains(name) || more.contains(name));
    let headers = kept.filter_map(|(name, value)| Some((name.to_string(), value.to_str().ok()?.to_owned()))).collect();
    let mut plain = serde_json::to_vec(&Head { status: status.as_u16(), headers })?;
    plain.push(b'\n');
    plain.extend_from_slice(body);
    master.seal(PURPOSE, id, &plain, seed)
}

/// Opens a sealed answer and marks it.
pub fn open(master: &Master, id: &str, sealed: &[u8]) -> Result<Response<Body>> {
    let broken = || Code::Internal.error().caused_by("a kept answer cannot be read");
    let plain = master.open(PURPOSE, id, sealed)?;
    let end = plain.iter().position(|byte| *byte == b'\n').ok_or_else(broken)?;
    let head: Head = serde_json::from_slice(&plain[..end])?;
    let mut answer = Response::new(Body::from(Bytes::copy_from_slice(&plain[end + 1..])));
    *answer.status_mut() = StatusCode::from_u16(head.status)?;
    for (name, value) in head.headers {
        answer.headers_mut().append(HeaderName::from_bytes(name.as_bytes())?, HeaderValue::try_from(value)?);
    }
    answer.headers_mut().insert(REPLAYED.clone(), HeaderValue::from_static("true"));
    Ok(answer)
}

/// Why an answer must not be kept, whatever its size.
pub fn withheld(headers: &HeaderMap) -> Option<&'static str> {
    if headers.contains_key(header::SET_COOKIE) {
        return Some("it set a cookie, and a cookie is handed out once");
    }
    let media = headers.get(header::CONTENT_TYPE).and_then(|value| value.to_str().ok()).unwrap_or_default();
    media.trim_start().to_ascii_lowercase().starts_with("text/event-stream").then_some("it was a stream of events")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_kept_answer_is_unreadable_without_the_key_and_comes_back_whole() {
        let (master, seed) = (Master::from_bytes([7; 32]), Seed::fixed(1));
        let mut headers = HeaderMap::new();
        for (name, value) in [("content-type", "application/json"), ("location", "/v1/songs/7"), ("date", "x"), ("x-total-count", "3")] {
            headers.append(name, HeaderValue::from_static(value));
        }
        let more = [HeaderName::from_static("x-total-count")];
        let sealed = seal(&master, &seed, "a", StatusCode::CREATED, &headers, &more, b"{\"secret\":\"plm_x\"}\n").unwrap();
        assert!(!sealed.windows(4).any(|four| four == b"plm_"));
        let answer = open(&master, "a", &sealed).unwrap();
        assert_eq!((answer.status().as_u16(), answer.headers()["location"].to_str().unwrap()), (201, "/v1/songs/7"));
        assert_eq!((answer.headers()["x-total-count"].to_str().unwrap(), answer.headers().get("date")), ("3", None));
        assert_eq!(answer.headers()[&REPLAYED], "true");
        assert_eq!(answer.body().full().unwrap().as_ref(), b"{\"secret\":\"plm_x\"}\n");
        assert!(open(&master, "b", &sealed).is_err(), "a record's answer cannot be moved to another record");
    }

    #[test]
    fn cookies_and_streams_are_not_kept() {
        let one = |name, value| HeaderMap::from_iter([(name, HeaderValue::from_static(value))]);
        assert!(withheld(&one(header::SET_COOKIE, "a=b")).is_some());
        assert!(withheld(&one(header::CONTENT_TYPE, "Text/Event-Stream; charset=utf-8")).is_some());
        assert_eq!(withheld(&one(header::CACHE_CONTROL, "no-store")), None);
    }
}
