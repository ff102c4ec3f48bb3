//! Answers.

use bytes::Bytes;
use http::HeaderMap;
use serde_json::Value;

use super::plain;

/// An answer, read to its end.
#[derive(Debug, Clone)]
pub struct Reply {
    /// The status code.
    pub status: u16,
    /// The header fields.
    pub headers: HeaderMap,
    /// The body.
    pub body: Bytes,
}

impl Reply {
    /// A header field, if it came and is text.
    pub fn header(&self, name: &str) -> Option<&str> {
        self.headers.get(name)?.to_str().ok()
    }
    /// Whether a header field came.
    pub fn has(&self, name: &str) -> bool {
        self.headers.contains_key(name)
    }
    /// The body as text; what is no UTF-8 is replaced.
    pub fn text(&self) -> String {
        String::from_utf8_lossy(&self.body).into_owned()
    }
    /// The body as JSON; null where it is none.
    pub fn json(&self) -> Value {
        serde_json::from_slice(&self.body).unwrap_or(Value::Null)
    }
    /// The text at a JSON pointer; empty where there is none.
    pub fn str(&self, pointer: &str) -> String {
        self.json().pointer(pointer).and_then(Value::as_str).unwrap_or("").to_owned()
    }
    /// The number at a JSON pointer.
    pub fn number(&self, pointer: &str) -> Option<i64> {
        self.json().pointer(pointer).and_then(Value::as_i64)
    }
    /// The stable problem code, such as `PLM-AUTH-001`; empty where the answer is no problem.
    pub fn code(&self) -> String {
        self.str("/code")
    }
    /// Whether it has this status and problem code.
    pub fn is(&self, status: u16, code: &str) -> bool {
        self.status == status && self.code() == code
    }
    /// Whether the status is one of success.
    pub fn good(&self) -> bool {
        (200..300).contains(&self.status)
    }
    /// Status and problem code.
    pub fn line(&self) -> String {
        let code = self.code();
        if code.is_empty() { self.status.to_string() } else { format!("{} {code}", self.status) }
    }
    /// More of it, for a check that broke.
    pub(super) fn seen(&self) -> String {
        let body: String = self.text().chars().take(300).collect();
        let fields: Vec<String> = self
            .headers
            .iter()
            .filter(|(name, _)| {
                !matches!(
                    name.as_str(),
                    "date"
                        | "ratelimit"
                        | "retry-after"
                        | "x-request-id"
                        | "traceparent"
                        | "server-timing"
                        | "set-cookie"
                        | "content-length"
                )
            })
            .map(|(name, value)| format!("{name}: {}", String::from_utf8_lossy(value.as_bytes())))
            .collect();
        plain(&format!("{} [{}] {body}", self.status, fields.join("; ")))
    }
}
