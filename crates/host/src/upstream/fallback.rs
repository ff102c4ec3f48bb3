//! Layer `fallback`: what is answered when a mounted service has no answer.
//!
//! Above the layer that keeps answers, so that an old answer of the service itself, where there is
//! one, goes before a general one. A fallback is declared per method and path, is marked, and
//! ends with its time: what is always answered is noticed by nobody. While a service starts,
//! people see a small page that looks again by itself.

use http::{HeaderName, HeaderValue, Method, Request, Response, StatusCode, header};
use plimsoll_core::{Code, Error, Result};

use super::{
    lifecycle::Lifecycle,
    mount::Mount,
    resilience::{Guard, ResilienceConfig, one_more},
    starting,
};
use crate::{
    Body,
    exchange::Exchange,
    stack::{Boxed, Next},
};

/// Says that an answer is not what the service would have said, and what it is instead.
pub static DEGRADED: HeaderName = HeaderName::from_static("x-plimsoll-degraded");
/// Says which problem is behind it.
pub static CAUSE: HeaderName = HeaderName::from_static("x-plimsoll-cause");

/// The answers of the section.
#[derive(Default)]
pub struct Fallbacks {
    paths: matchit::Router<Vec<(Method, Answer)>>,
    status: StatusCode,
    any: bool,
}

#[derive(Clone)]
struct Answer {
    media: &'static str,
    bytes: bytes::Bytes,
}

impl Fallbacks {
    /// Reads what the section says, files included.
    ///
    /// # Errors
    /// `ConfigInvalid`, naming the entry.
    pub fn new(config: &ResilienceConfig) -> Result<Fallbacks> {
        let mut grouped: std::collections::BTreeMap<&str, Vec<(Method, Answer)>> = std::collections::BTreeMap::new();
        for (place, answer) in &config.fallbacks {
            let wrong = |what: &str| Code::ConfigInvalid.because(format!("the fallback for \"{place}\" {what}"));
            let split = place.trim().split_once(' ').map(|(method, path)| (Method::from_bytes(method.as_bytes()), path.trim()));
            let Some((Ok(method), path)) = split else { return Err(wrong("names no method and path; write `GET /path`")) };
            if method != Method::GET {
                return Err(wrong("is for a method that changes something, and nobody may be told that it did; only GET has one"));
            }
            grouped.entry(path).or_default().push((method, Answer::read(answer).map_err(|error| wrong(error.public()))?));
        }
        let mut paths = matchit::Router::new();
        let any = !grouped.is_empty();
        for (path, answers) in grouped {
            paths.insert(path, answers).map_err(|error| Code::ConfigInvalid.because(format!("the fallback for \"{path}\": {error}")))?;
        }
        Ok(Fallbacks { paths, any, status: StatusCode::from_u16(config.fallback_status).unwrap_or(StatusCode::OK) })
    }

    fn find(&self, method: &Method, path: &str) -> Option<&Answer> {
        let wanted = if method == Method::HEAD { &Method::GET } else { method };
        let answers = self.paths.at(path).ok()?.value;
        answers.iter().find(|(method, _)| method == wanted).map(|(_, answer)| answer)
    }
}

impl Answer {
    fn read(text: &str) -> Result<Answer> {
        let trimmed = text.trim();
        if trimmed.starts_with(['{', '[']) {
            let _: serde_json::Value =
                serde_json::from_str(trimmed).map_err(|error| Code::ConfigInvalid.because(format!("is no JSON: {error}")))?;
            return Ok(Answer { media: "application/json", bytes: trimmed.to_owned().into() });
        }
        let media = match trimmed.rsplit_once('.').map(|(_, end)| end) {
            Some("json") => "application/json",
            Some("html") => "text/html; charset=utf-8",
            Some("txt") => "text/plain; charset=utf-8",
            _ => return Err(Code::ConfigInvalid.because("is neither JSON nor a file that ends with .json, .html or .txt")),
        };
        let bytes = std::fs::read(trimmed)
            .map_err(|cause| Code::ConfigInvalid.because(format!("names the file {trimmed}, which cannot be read: {cause}")))?;
        Ok(Answer { media, bytes: bytes.into() })
    }
}

/// Only requests whose service may need it: one with a fallback, or one that is not there yet.
pub fn wants(x: &Exchange, _: &Request<Body>) -> bool {
    let mount = x.matched.as_ref().and_then(|matched| matched.route.mount.as_ref());
    mount.is_some_and(|mount| x.host.upstreams.fallbacks.any || away(mount).is_some())
}

/// Lets the service answer, and answers in its place where it did not and may be replaced.
pub fn around<'a>(x: &'a mut Exchange, request: Request<Body>, next: Next<'a>) -> Boxed<'a, Result<Response<Body>>> {
    let (method, path) = (request.method().clone(), request.uri().path().to_owned());
    let person = starting::wants_page(&method, request.headers());
    Box::pin(async move {
        let answered = next.run(x, request).await;
        let Some(mount) = x.matched.as_ref().and_then(|matched| matched.route.mount.clone()) else { return answered };
        let guard = mount.guard();
        let cause = match &answered {
            Err(error) if excused(error) => error.code(),
            Ok(answer) if guard.settings.breaker_statuses.contains(&answer.status().as_u16()) => Code::UpstreamFailed,
            _ => return answered,
        };
        let host = x.host.clone();
        let instead = host.upstreams.fallbacks.find(&method, &path).filter(|_| host.holds("fallback-responses") && in_time(guard));
        let mut answer = match (instead, &answered) {
            (Some(fallback), _) => {
                one_more(&guard.counts.fallbacks);
                let mut answer = Response::new(Body::Full(fallback.bytes.clone()));
                *answer.status_mut() = host.upstreams.fallbacks.status;
                answer.headers_mut().insert(header::CONTENT_TYPE, HeaderValue::from_static(fallback.media));
                answer.headers_mut().insert(&DEGRADED, HeaderValue::from_static("fallback"));
                answer
            }
            (None, Err(error)) if person && error.code() == Code::ServiceStarting => match away(&mount) {
                Some(state) => starting::page(state),
                None => return answered,
            },
            _ => return answered,
        };
        // Whoever keeps this would show it after the service has come back.
        answer.headers_mut().insert(header::CACHE_CONTROL, HeaderValue::from_static("no-store"));
        answer.headers_mut().insert(&CAUSE, HeaderValue::from_static(cause.slug()));
        x.error = answered.err();
        Ok(answer)
    })
}

/// How its program is, where it is not there.
fn away(mount: &Mount) -> Option<Lifecycle> {
    mount.lifecycle().filter(|state| *state != Lifecycle::Ready)
}

fn in_time(guard: &Guard) -> bool {
    guard.without_answer() <= guard.settings.fallback_for
}

/// Whether an error says that the service has no answer now, and nothing about the request.
fn excused(error: &Error) -> bool {
    use Code::{CircuitOpen, Overloaded, ServiceStarting, UpstreamFailed, UpstreamTimeout, UpstreamUnreachable};
    matches!(error.code(), UpstreamUnreachable | UpstreamFailed | UpstreamTimeout | CircuitOpen | ServiceStarting | Overloaded)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn read(place: &str, answer: &str) -> Result<Fallbacks> {
        let fallbacks = [(place.to_owned(), answer.to_owned())].into();
        Fallbacks::new(&ResilienceConfig { fallbacks, ..ResilienceConfig::default() })
    }

    #[test]
    fn a_fallback_is_json_or_a_file_for_a_read() {
        let good = read("GET /news/{id}", "{\"items\":[]}").unwrap();
        assert!(good.find(&Method::GET, "/news/7").is_some() && good.find(&Method::HEAD, "/news/7").is_some());
        assert!(good.find(&Method::POST, "/news/7").is_none() && good.find(&Method::GET, "/news").is_none());
        for (place, answer) in
            [("/news", "{}"), ("POST /news", "{}"), ("GET /news", "{"), ("GET /news", "not-there.json"), ("GET /news", "plain words")]
        {
            assert!(read(place, answer).is_err(), "{place} {answer}");
        }
    }

    #[test]
    fn only_a_missing_answer_is_replaced() {
        for code in [Code::UpstreamFailed, Code::CircuitOpen, Code::ServiceStarting, Code::Overloaded] {
            assert!(excused(&code.error()));
        }
        for code in [Code::Forbidden, Code::Internal, Code::BodyTooLarge, Code::NotFound] {
            assert!(!excused(&code.error()));
        }
    }
}
