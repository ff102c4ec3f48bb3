//! What is answered in a service's place while its program is not there.
//!
//! A person in front of a browser gets a page that asks again by itself and so becomes the service
//! when it is there; everything else gets a problem document with `Retry-After`. Nothing was sent
//! to the service, so a repetition is safe.

use http::{HeaderMap, HeaderValue, Method, Response, StatusCode, header};
use plimsoll_core::{Code, Error};

use super::lifecycle::Lifecycle;
use crate::Body;

/// How soon it is worth asking again, in seconds.
const AGAIN: u32 = 1;
/// The page loads nothing and belongs into nobody's frame.
const CONTENT: &str = "default-src 'none'; frame-ancestors 'none'";

/// Why a program that is in this state cannot be asked; nothing when it can.
///
/// `ServiceStarting`, or `UpstreamUnreachable` when the program has ended for good.
pub fn refusal(state: Lifecycle) -> Option<Error> {
    let sentence = match state {
        Lifecycle::Ready => return None,
        Lifecycle::Starting => "the service is starting and does not answer yet",
        Lifecycle::Restarting => "the service has ended and is being started again",
        Lifecycle::Stopped => return Some(Code::UpstreamUnreachable.because("the service has been stopped")),
    };
    Some(Code::ServiceStarting.because(sentence).retry_after(AGAIN).reasoned(state.name()))
}

/// The page in the place of a program that is in this state.
pub fn page(state: Lifecycle) -> Response<Body> {
    let title = if state == Lifecycle::Starting { "The service is starting" } else { "The service is being started again" };
    written(title)
}

/// Only for a page that is being looked at: repeating anything else is for its sender to decide.
pub fn wants_page(method: &Method, headers: &HeaderMap) -> bool {
    let accepts = headers.get(header::ACCEPT).and_then(|accept| accept.to_str().ok());
    matches!(*method, Method::GET | Method::HEAD) && accepts.is_some_and(|accept| accept.contains("text/html"))
}

fn written(title: &str) -> Response<Body> {
    let text = format!(
        "<!doctype html>\n<html lang=\"en\">\n<meta charset=\"utf-8\">\n<meta name=\"viewport\" content=\"width=device-width\">\n\
         <meta name=\"color-scheme\" content=\"light dark\">\n<meta http-equiv=\"refresh\" content=\"{AGAIN}\">\n<title>{title}</title>\n\
         <h1>{title}</h1>\n<p>This page asks again by itself.</p>\n</html>\n"
    );
    let mut answer = Response::new(Body::from(text));
    *answer.status_mut() = StatusCode::SERVICE_UNAVAILABLE;
    let headers = answer.headers_mut();
    headers.insert(header::CONTENT_TYPE, HeaderValue::from_static("text/html; charset=utf-8"));
    headers.insert(header::CONTENT_SECURITY_POLICY, HeaderValue::from_static(CONTENT));
    headers.insert(header::CACHE_CONTROL, HeaderValue::from_static("no-store"));
    headers.insert(header::RETRY_AFTER, AGAIN.into());
    answer
}

#[cfg(test)]
mod tests {
    use super::*;

    fn headers(accept: &'static str) -> HeaderMap {
        HeaderMap::from_iter([(header::ACCEPT, HeaderValue::from_static(accept))])
    }

    #[test]
    fn a_browser_gets_a_page_that_asks_again_and_a_program_a_problem() {
        let browser = headers("text/html,application/xhtml+xml,*/*;q=0.8");
        assert!(refusal(Lifecycle::Ready).is_none());
        assert!(wants_page(&Method::GET, &browser));
        for (method, headers) in [(Method::POST, browser), (Method::GET, headers("application/json")), (Method::GET, HeaderMap::new())] {
            assert!(!wants_page(&method, &headers));
        }
        for state in [Lifecycle::Starting, Lifecycle::Restarting] {
            let page = page(state);
            assert_eq!(
                (page.status(), &page.headers()[header::RETRY_AFTER]),
                (StatusCode::SERVICE_UNAVAILABLE, &HeaderValue::from_static("1"))
            );
            let text = String::from_utf8(page.body().full().unwrap().to_vec()).unwrap();
            assert!(text.contains("http-equiv=\"refresh\"") && text.contains("start"), "{text}");
            let problem = refusal(state).unwrap();
            assert_eq!(
                (problem.code(), problem.retry_after_seconds(), problem.reason()),
                (Code::ServiceStarting, Some(1), Some(state.name()))
            );
        }
        let gone = refusal(Lifecycle::Stopped).unwrap();
        assert_eq!((gone.code(), gone.retry_after_seconds()), (Code::UpstreamUnreachable, None));
    }
}
