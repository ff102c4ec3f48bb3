//! Layer `problem`: every refusal and failure leaves as one RFC 9457 document.
//!
//! The document holds the public face of the error and nothing else. The private face stays in
//! the exchange, for the one log line of the layer `trace`.

use http::{HeaderValue, Request, Response, StatusCode, header};
use plimsoll_core::{Code, Error, Fault, RequestId, Result};
use serde::Serialize;

use crate::{
    Body,
    exchange::Exchange,
    probes,
    stack::{Boxed, Next},
};

/// The members of a problem document, in this order.
#[derive(Serialize, schemars::JsonSchema)]
#[schemars(rename = "Problem")]
pub struct Problem<'a> {
    /// Where this problem is explained; relative to the server.
    pub r#type: String,
    /// One short sentence, the same for every occurrence.
    pub title: &'static str,
    /// The HTTP status.
    pub status: u16,
    /// What happened this time, and what to do.
    pub detail: &'a str,
    /// The stable name to match on.
    pub code: &'static str,
    /// The id to quote when asking for help.
    pub request_id: RequestId,
    /// Which layer of the stack refused.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub refused_by: Option<&'static str>,
    /// Every broken rule, each with a pointer.
    #[serde(skip_serializing_if = "<[_]>::is_empty")]
    #[schemars(with = "Vec<FaultSchema>")]
    pub errors: &'a [Fault],
}

/// The shape of [`Fault`] in the API description.
#[derive(schemars::JsonSchema)]
#[schemars(rename = "Fault")]
#[expect(dead_code, reason = "only its schema is used")]
struct FaultSchema {
    /// JSON pointer into the body, or `?name` for a query parameter.
    pointer: String,
    /// What the rule is and how it was broken.
    detail: String,
}

/// Turns an error into an answer and keeps it for the log.
pub fn around<'a>(x: &'a mut Exchange, request: Request<Body>, next: Next<'a>) -> Boxed<'a, Result<Response<Body>>> {
    Box::pin(async move {
        Ok(match next.run(x, request).await {
            Ok(answer) => answer,
            Err(mut error) => {
                if error.code() == Code::DatabaseUnavailable && !x.host.holds("dependency-failure-mapping") {
                    error = Code::Internal.error().caused_by(error.public().to_owned());
                }
                let answer = form(&error, x);
                if error.code() == Code::Internal {
                    probes::gate::doubt(&x.host);
                }
                x.error = Some(error);
                answer
            }
        })
    })
}

/// The answer for `error`, as far as its form is enforced.
fn form(error: &Error, x: &Exchange) -> Response<Body> {
    if let Some(page) = crate::console::refusal(error, x) {
        return page;
    }
    let mut answer = answer(error, x.request, x.refused_by);
    if !x.host.holds("error-no-leak") {
        let detail = error.cause().unwrap_or_else(|| error.public().into());
        rewrite(&mut answer, |problem| {
            problem.insert("detail".into(), detail.into());
        });
    }
    if !x.host.holds("error-envelope") {
        rewrite(&mut answer, |problem| {
            ["type", "title", "status"].iter().for_each(|member| drop(problem.shift_remove(*member)));
        });
        answer.headers_mut().insert(header::CONTENT_TYPE, HeaderValue::from_static("application/json"));
    }
    answer
}

/// Changes the document of an answer, for a practice that is switched off.
fn rewrite(answer: &mut Response<Body>, change: impl FnOnce(&mut serde_json::Map<String, serde_json::Value>)) {
    let Some(Ok(mut problem)) = answer.body().full().map(|bytes| serde_json::from_slice(bytes)) else { return };
    change(&mut problem);
    *answer.body_mut() = Body::from(serde_json::Value::Object(problem).to_string());
}

/// The problem document for `error`.
pub fn answer(error: &Error, request: RequestId, refused_by: Option<&'static str>) -> Response<Body> {
    let code = error.code();
    let problem = Problem {
        r#type: format!("/problems/{}", code.slug()),
        title: code.title(),
        status: code.status(),
        detail: error.public(),
        code: code.stable(),
        request_id: request,
        refused_by,
        errors: error.faults(),
    };
    let mut answer = Response::new(Body::from(serde_json::to_vec(&problem).unwrap_or_default()));
    *answer.status_mut() = StatusCode::from_u16(code.status()).unwrap_or(StatusCode::INTERNAL_SERVER_ERROR);
    let headers = answer.headers_mut();
    headers.insert(header::CONTENT_TYPE, HeaderValue::from_static("application/problem+json"));
    headers.insert(header::CACHE_CONTROL, HeaderValue::from_static("no-store"));
    if let Some(seconds) = error.retry_after_seconds() {
        headers.insert(header::RETRY_AFTER, seconds.into());
    }
    if code.status() == 401 {
        headers.insert(header::WWW_AUTHENTICATE, challenge(code, error));
    }
    answer
}

/// RFC 6750 §3: what is wrong with the credential, by class.
fn challenge(code: Code, error: &Error) -> HeaderValue {
    let text = match (code, error.reason()) {
        (Code::Unauthenticated | Code::LoginFailed, _) => "Bearer realm=\"plimsoll\"".to_owned(),
        (_, reason) => format!("Bearer realm=\"plimsoll\", error=\"invalid_token\", error_description=\"{}\"", reason.unwrap_or("invalid")),
    };
    HeaderValue::from_str(&text).unwrap_or_else(|_| HeaderValue::from_static("Bearer"))
}
