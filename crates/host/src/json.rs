//! JSON as we accept it: strict where the standard is lenient.
//!
//! Duplicate keys are refused (two readers of one document must not see two values), so are NUL
//! characters in text (PostgreSQL cannot hold them, and they hide things in logs) and nesting
//! deeper than 128. Every refusal says where.

use plimsoll_core::{Code, Error, Fault, Result};
use serde::de::{Deserialize, DeserializeSeed, Deserializer, MapAccess, SeqAccess, Visitor};
use serde_json::{Map, Number, Value};

/// Parses a whole document.
pub fn parse(bytes: &[u8]) -> Result<Value> {
    let mut reader = serde_json::Deserializer::from_slice(bytes);
    let value = Strict.deserialize(&mut reader).map_err(broken)?;
    reader.end().map_err(broken)?;
    Ok(value)
}

fn broken(error: serde_json::Error) -> Error {
    // serde_json's messages name positions and syntax, and quote no more than a key of the document.
    Code::Malformed.because(format!("the body is not acceptable JSON: {error}"))
}

struct Strict;

impl<'de> DeserializeSeed<'de> for Strict {
    type Value = Value;
    fn deserialize<D: Deserializer<'de>>(self, deserializer: D) -> Result<Value, D::Error> {
        deserializer.deserialize_any(self)
    }
}

impl<'de> Visitor<'de> for Strict {
    type Value = Value;

    fn expecting(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("JSON")
    }
    fn visit_bool<E>(self, value: bool) -> Result<Value, E> {
        Ok(Value::Bool(value))
    }
    fn visit_i64<E>(self, value: i64) -> Result<Value, E> {
        Ok(Value::Number(value.into()))
    }
    fn visit_u64<E>(self, value: u64) -> Result<Value, E> {
        Ok(Value::Number(value.into()))
    }
    fn visit_f64<E: serde::de::Error>(self, value: f64) -> Result<Value, E> {
        // In JSON 3.0 is the whole number 3; up to 2^53 a double tells them apart from their neighbours.
        if value.fract() == 0.0 && value.abs() <= 9_007_199_254_740_992.0 {
            return Ok(Value::Number((value as i64).into()));
        }
        Number::from_f64(value).map(Value::Number).ok_or_else(|| E::custom("a number is not finite"))
    }
    fn visit_unit<E>(self) -> Result<Value, E> {
        Ok(Value::Null)
    }
    fn visit_str<E: serde::de::Error>(self, text: &str) -> Result<Value, E> {
        self.visit_string(text.to_owned())
    }
    fn visit_string<E: serde::de::Error>(self, text: String) -> Result<Value, E> {
        if text.contains('\0') {
            return Err(E::custom("text must not contain the NUL character"));
        }
        Ok(Value::String(text))
    }
    fn visit_seq<A: SeqAccess<'de>>(self, mut items: A) -> Result<Value, A::Error> {
        let mut list = Vec::new();
        while let Some(item) = items.next_element_seed(Strict)? {
            list.push(item);
        }
        Ok(Value::Array(list))
    }
    fn visit_map<A: MapAccess<'de>>(self, mut entries: A) -> Result<Value, A::Error> {
        let mut map = Map::new();
        while let Some(Key(key)) = entries.next_key()? {
            if map.contains_key(&key) {
                let shown: String = key.chars().take(64).collect();
                return Err(serde::de::Error::custom(format!("the key `{shown}` appears twice in one object")));
            }
            let value = entries.next_value_seed(Strict)?;
            map.insert(key, value);
        }
        Ok(Value::Object(map))
    }
}

struct Key(String);
impl<'de> Deserialize<'de> for Key {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Key, D::Error> {
        let key = String::deserialize(deserializer)?;
        if key.contains('\0') {
            return Err(serde::de::Error::custom("a key must not contain the NUL character"));
        }
        Ok(Key(key))
    }
}

/// Applies a JSON merge patch (RFC 7396) to `target`.
pub fn merge(target: &mut Value, patch: &Value) {
    let Value::Object(changes) = patch else {
        *target = patch.clone();
        return;
    };
    if !target.is_object() {
        *target = Value::Object(Map::new());
    }
    if let Value::Object(fields) = target {
        for (key, change) in changes {
            if change.is_null() {
                // `shift_remove` keeps the order of the other fields.
                fields.shift_remove(key);
            } else {
                merge(fields.entry(key.clone()).or_insert(Value::Null), change);
            }
        }
    }
}

/// Escapes one segment of a JSON pointer (RFC 6901).
pub fn pointer(parent: &str, segment: &str) -> String {
    let mut out = String::with_capacity(parent.len() + segment.len() + 1);
    out.push_str(parent);
    out.push('/');
    for letter in segment.chars().take(128) {
        match letter {
            '~' => out.push_str("~0"),
            '/' => out.push_str("~1"),
            other => out.push(other),
        }
    }
    out
}

/// A fault that says a body is missing altogether.
pub fn missing() -> Error {
    Error::invalid(vec![Fault::at("", "a JSON body is required")])
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    #[test]
    fn what_the_standard_allows_and_we_do_not() {
        for (text, why) in [
            (r#"{"a":1,"a":2}"#, "appears twice"),
            (r#"{"a":{"b":1,"b":2}}"#, "`b` appears twice"),
            ("{\"a\":\"x\\u0000y\"}", "NUL"),
            ("{\"a\\u0000\":1}", "NUL"),
            ("[1,]", "trailing comma"),
            ("{} x", "trailing characters"),
            ("1e999", "out of range"),
            ("", "EOF"),
            ("\"\\ud800\"", "hex escape"),
        ] {
            let error = parse(text.as_bytes()).unwrap_err();
            assert_eq!(error.code(), Code::Malformed, "{text}");
            assert!(error.public().contains(why), "{text}: {}", error.public());
        }
        assert!(parse(&[b'"', 0xff, b'"']).is_err(), "broken UTF-8");
    }

    #[test]
    fn depth_is_bounded_and_ordinary_documents_pass() {
        let deep = "[".repeat(100_000);
        assert!(parse(deep.as_bytes()).unwrap_err().public().contains("recursion limit"));
        assert_eq!(parse(b"[3.0, -2e3, 1e16, 0.5]").unwrap(), json!([3, -2000, 1e16, 0.5]), "a whole number is one however it is written");
        assert_eq!(parse(br#" {"b":[1,2.5,null,true],"a":"\u00e4"} "#).unwrap(), json!({"b":[1,2.5,null,true],"a":"ä"}));
    }

    /// The examples of RFC 7396, appendix A, as facts: original, patch, result.
    #[test]
    fn merge_patch_follows_the_standard() {
        for (original, patch, result) in [
            (json!({"a":"b"}), json!({"a":"c"}), json!({"a":"c"})),
            (json!({"a":"b"}), json!({"b":"c"}), json!({"a":"b","b":"c"})),
            (json!({"a":"b"}), json!({"a":null}), json!({})),
            (json!({"a":["b"]}), json!({"a":"c"}), json!({"a":"c"})),
            (json!({"a":{"b":"c"}}), json!({"a":{"b":"d","c":null}}), json!({"a":{"b":"d"}})),
            (json!(["a", "b"]), json!(["c", "d"]), json!(["c", "d"])),
            (json!({"e":null}), json!({"a":1}), json!({"e":null,"a":1})),
            (json!([1, 2]), json!({"a":"b","c":null}), json!({"a":"b"})),
            (json!({}), json!({"a":{"bb":{"ccc":null}}}), json!({"a":{"bb":{}}})),
        ] {
            let mut target = original.clone();
            merge(&mut target, &patch);
            assert_eq!(target, result, "{original} + {patch}");
        }
    }
}
