//! Layer `defer`: long work is accepted now and done later, where the caller prefers that.

use base64::{Engine, engine::general_purpose::STANDARD};
use http::{HeaderMap, HeaderName, HeaderValue, Method, Request, Response, StatusCode, header};
use plimsoll_core::{Code, Principal, PrincipalKind, Result};
use serde_json::json;

use super::job::{self, Caller};
use crate::{
    Body,
    exchange::Exchange,
    ledger::Origin,
    route::{Reply, json_answer, read_body},
    stack::{Boxed, Next},
};

static PREFER: HeaderName = HeaderName::from_static("prefer");
static APPLIED: HeaderName = HeaderName::from_static("preference-applied");

/// Headers that go along: what the body is, what is wanted of it, for which name.
const KEPT: [HeaderName; 10] = [
    header::ACCEPT,
    header::ACCEPT_LANGUAGE,
    header::CONTENT_ENCODING,
    header::CONTENT_LANGUAGE,
    header::CONTENT_TYPE,
    header::HOST,
    header::IF_MATCH,
    header::IF_NONE_MATCH,
    header::IF_UNMODIFIED_SINCE,
    header::USER_AGENT,
];

/// Largest body that is kept for later.
const BODY_LIMIT: usize = 128 << 10;

/// Whether this request may be done later and its caller prefers that.
pub fn wants(x: &Exchange, request: &Request<Body>) -> bool {
    let changing = matches!(*request.method(), Method::POST | Method::PUT | Method::PATCH | Method::DELETE);
    changing
        && request.headers().contains_key(&PREFER)
        && prefers(request.headers())
        && x.principal.as_ref().is_some_and(known)
        && x.matched.as_ref().is_some_and(|matched| matched.route.mount.is_some() || matched.route.deferrable)
        && x.host.holds("async-heavy-work")
}

/// Whether the job can be done on behalf of this caller later.
fn known(who: &Principal) -> bool {
    matches!(who.kind, PrincipalKind::Person | PrincipalKind::Key)
}

fn prefers(headers: &HeaderMap) -> bool {
    let named = |value: &HeaderValue| {
        let text = value.to_str().unwrap_or_default();
        text.split(',').any(|one| one.split(';').next().unwrap_or_default().trim().eq_ignore_ascii_case("respond-async"))
    };
    headers.get_all(&PREFER).iter().any(named)
}

/// Puts the request into the log and answers with its address.
pub fn around<'a>(x: &'a mut Exchange, request: Request<Body>, _: Next<'a>) -> Boxed<'a, Result<Response<Body>>> {
    Box::pin(async move {
        let (parts, body) = request.into_parts();
        let read = read_body(body, BODY_LIMIT, x.host.body_timeout).await;
        let body = match read {
            Err(error) if error.code() == Code::BodyTooLarge => {
                x.refused("defer");
                return Err(Code::BodyTooLarge.because(format!(
                    "a request that is to be done later carries {BODY_LIMIT} bytes at most; leave out `Prefer: respond-async` and wait for it"
                )));
            }
            read => read?,
        };
        let Some(who) = x.principal.clone() else { return Err(Code::Internal.because("the layer `identity` did not run")) };
        let kept = KEPT.iter().flat_map(|name| parts.headers.get_all(name).iter().map(move |value| (name, value)));
        let headers = kept.filter_map(|(name, value)| Some((name.as_str().to_owned(), value.to_str().ok()?.to_owned()))).collect();
        let request = job::Request {
            method: parts.method.as_str().to_owned(),
            target: parts.uri.path_and_query().map_or_else(|| "/".to_owned(), ToString::to_string),
            headers,
            body: STANDARD.encode(&body),
            caller: Caller { kind: who.kind.name().to_owned(), id: who.id.to_string(), address: x.caller, secure: x.secure },
        };
        let origin = Origin {
            at: x.host.clock.now(),
            actor_kind: who.kind.name(),
            actor: who.id.clone(),
            request: Some(x.request),
            trace: x.trace,
            address: Some(x.caller),
            action: "request.defer".into(),
            path: parts.uri.path().to_owned(),
        };
        // Where the caller named a key, this answer is what a repeat gets.
        let ticket = x.ticket.clone().filter(|ticket| ticket.tenant == who.tenant);
        if let Some(ticket) = &ticket {
            ticket.begin();
        }
        let host = x.host.clone();
        host.commit_keyed(who.tenant, origin, ticket, move |change| change.enqueue(&request).map(Accepted)).await
    })
}

/// 202: it will be done, and there one sees what became of it.
struct Accepted(plimsoll_core::JobId);

impl Reply for Accepted {
    fn response(self) -> Result<Response<Body>> {
        let location = format!("/v1/jobs/{}", self.0);
        let mut answer = json_answer(StatusCode::ACCEPTED, &json!({ "job": self.0, "location": location }))?;
        answer.headers_mut().insert(header::LOCATION, HeaderValue::from_str(&location)?);
        answer.headers_mut().insert(&APPLIED, HeaderValue::from_static("respond-async"));
        Ok(answer)
    }
    fn target(&self) -> Option<String> {
        Some(format!("jobs/{}", self.0))
    }
    fn describe(_: &mut schemars::SchemaGenerator) -> (u16, Option<serde_json::Value>) {
        (202, None)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_preference_is_found_among_others() {
        let prefers = |text: &'static str| prefers(&HeaderMap::from_iter([(PREFER.clone(), HeaderValue::from_static(text))]));
        assert!(prefers("respond-async") && prefers("return=minimal, Respond-Async; wait=10"));
        assert!(!prefers("respond-asynchronously") && !prefers("return=respond-async") && !prefers(""));
    }
}
