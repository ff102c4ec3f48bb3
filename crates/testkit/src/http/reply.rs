//! What the server answered, and how a test reads and shows it.

use std::fmt;

use ::http::{HeaderMap, StatusCode};
use bytes::Bytes;
use serde_json::Value;

use super::redact;

/// A whole reply.
///
/// It prints as one line, `201 Created {"id":1}`: the status, then the body as compact JSON, as
/// text, or as its length where it is neither.
#[derive(Clone)]
pub struct Reply {
    /// The status.
    pub status: StatusCode,
    /// The header fields.
    pub headers: HeaderMap,
    /// The body as it came; nothing is unpacked.
    pub body: Bytes,
}

impl Reply {
    /// The status as a number.
    pub fn code(&self) -> u16 {
        self.status.as_u16()
    }

    /// A header field's first value; `None` where it is absent or not ASCII.
    pub fn header(&self, name: &str) -> Option<&str> {
        self.headers.get(name)?.to_str().ok()
    }

    /// The body as JSON.
    ///
    /// # Panics
    /// When it is something else; the message shows the reply.
    #[track_caller]
    pub fn json(&self) -> Value {
        match serde_json::from_slice(&self.body) {
            Ok(value) => value,
            Err(e) => panic!("the body is not JSON ({e}): {self}"),
        }
    }

    /// The value at a JSON pointer (`/items/0/id`) in the body.
    ///
    /// # Panics
    /// When the body is not JSON or has nothing there; the message shows the reply.
    #[track_caller]
    pub fn at(&self, pointer: &str) -> Value {
        match self.json().pointer(pointer) {
            Some(value) => value.clone(),
            None => panic!("nothing at {pointer:?} in {self}"),
        }
    }

    /// The string at a JSON pointer in the body.
    ///
    /// # Panics
    /// As [`Reply::at`], and when there is something else than a string.
    #[track_caller]
    pub fn str(&self, pointer: &str) -> String {
        match self.at(pointer) {
            Value::String(text) => text,
            other => panic!("{other} at {pointer:?} is no string: {self}"),
        }
    }

    /// The body as text, with a mark for every byte that is not UTF-8.
    pub fn text(&self) -> String {
        String::from_utf8_lossy(&self.body).into_owned()
    }

    /// The printed line with ids as `[id]` and times as `[time]`; see [`redact`].
    pub fn redacted(&self) -> String {
        redact(&self.to_string())
    }

    /// The reply itself, if it has this status: for steps on the way to what a test is about.
    ///
    /// # Panics
    /// When the status is another; the message shows the reply.
    #[track_caller]
    pub fn expect(self, status: u16) -> Reply {
        assert!(self.code() == status, "expected {status}, got {self}");
        self
    }
}

impl fmt::Display for Reply {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}", self.status)?;
        if self.body.is_empty() {
            return Ok(());
        }
        if let Ok(json) = serde_json::from_slice::<Value>(&self.body) {
            return write!(f, " {json}");
        }
        match std::str::from_utf8(&self.body) {
            Ok(text) => write!(f, " {text}"),
            Err(_) => write!(f, " ({} bytes)", self.body.len()),
        }
    }
}

impl fmt::Debug for Reply {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{self}\n{:#?}", self.headers)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn reply(status: u16, body: &'static [u8]) -> Reply {
        Reply { status: StatusCode::from_u16(status).unwrap(), headers: HeaderMap::new(), body: Bytes::from_static(body) }
    }

    #[test]
    fn a_reply_prints_as_one_line() {
        assert_eq!(reply(201, b"{ \"id\": 1,\n \"a\": [null] }").to_string(), r#"201 Created {"id":1,"a":[null]}"#);
        assert_eq!(reply(404, b"no such page").to_string(), "404 Not Found no such page");
        assert_eq!(reply(204, b"").to_string(), "204 No Content");
        assert_eq!(reply(200, b"\xff\xfe").to_string(), "200 OK (2 bytes)");
    }

    #[test]
    fn pointers_reach_into_the_body() {
        let reply = reply(200, br#"{"items":[{"id":"a"}]}"#);
        assert_eq!(reply.str("/items/0/id"), "a");
        assert_eq!(reply.at("/items/0"), serde_json::json!({ "id": "a" }));
    }

    #[test]
    #[should_panic(expected = "expected 200, got 404 Not Found gone")]
    fn an_unexpected_status_shows_the_reply() {
        reply(404, b"gone").expect(200);
    }
}
