//! One description of a body, used to check it and to document it.
//!
//! A [`Shape`] is compiled from JSON Schema: the subset that our own types produce, so what
//! OpenAPI shows is what is enforced. Checking reports every fault, each with its pointer, and
//! never repeats a value.

use std::{borrow::Cow, collections::BTreeMap};

use plimsoll_core::Fault;
use serde_json::Value;
use unicode_normalization::UnicodeNormalization;

use crate::json::pointer;

/// A compiled schema.
#[derive(Debug, Clone)]
pub struct Shape {
    rule: Rule,
    nullable: bool,
}

#[derive(Debug, Clone)]
enum Rule {
    Any,
    Bool,
    Integer { min: Option<i64>, max: Option<i64> },
    Number { min: Option<f64>, max: Option<f64> },
    Text { min: usize, max: Option<usize>, form: Form },
    Choice(Vec<Value>),
    List { item: Box<Shape>, min: usize, max: Option<usize> },
    Object { fields: BTreeMap<String, Shape>, required: Vec<String>, rest: Option<Box<Shape>>, closed: bool },
    OneOf(Vec<Shape>),
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Form {
    Free,
    Date,
    Time,
    WebAddress,
    Email,
    Phone,
}

impl Shape {
    /// Compiles a schema; `$ref` is looked up under `$defs` of the same document.
    pub fn compile(schema: &Value) -> Shape {
        compile(schema, schema, 0)
    }

    /// Every fault of `value`, in document order; none means it fits.
    pub fn faults(&self, value: &Value) -> Vec<Fault> {
        let mut faults = Vec::new();
        self.check(value, "", &mut faults);
        faults
    }

    fn check(&self, value: &Value, at: &str, faults: &mut Vec<Fault>) {
        if value.is_null() && self.nullable {
            return;
        }
        let mut fault = |detail: Cow<'static, str>| faults.push(Fault { pointer: at.to_owned(), detail });
        match &self.rule {
            Rule::Any => {}
            Rule::Bool if value.is_boolean() => {}
            Rule::Bool => fault("must be true or false".into()),
            Rule::Integer { min, max } => match value.as_i64() {
                None => fault("must be a whole number".into()),
                Some(number) => bounds(number, *min, *max).map_or((), fault),
            },
            Rule::Number { min, max } => match value.as_f64() {
                None => fault("must be a number".into()),
                Some(number) => bounds(number, *min, *max).map_or((), fault),
            },
            Rule::Text { min, max, form } => match value.as_str() {
                None => fault("must be text".into()),
                Some(text) => text_faults(text, *min, *max, *form).map_or((), fault),
            },
            Rule::Choice(choices) => {
                if !choices.contains(value) {
                    let names: Vec<String> = choices.iter().map(|choice| choice.to_string()).collect();
                    fault(format!("must be one of {}", names.join(", ")).into());
                }
            }
            Rule::List { item, min, max } => match value.as_array() {
                None => fault("must be a list".into()),
                Some(items) if items.len() < *min => fault(format!("must have at least {min} items").into()),
                Some(items) if max.is_some_and(|max| items.len() > max) => {
                    fault(format!("must have at most {} items (has {})", max.unwrap_or_default(), items.len()).into());
                }
                Some(items) => items.iter().enumerate().for_each(|(i, one)| item.check(one, &pointer(at, &i.to_string()), faults)),
            },
            Rule::Object { fields, required, rest, closed } => {
                let Some(object) = value.as_object() else {
                    return fault("must be an object".into());
                };
                for name in required.iter().filter(|name| !object.contains_key(*name)) {
                    faults.push(Fault::at(pointer(at, name), "is required"));
                }
                for (name, value) in object {
                    let here = pointer(at, name);
                    match (fields.get(name), rest) {
                        (Some(shape), _) => shape.check(value, &here, faults),
                        (None, Some(shape)) => shape.check(value, &here, faults),
                        (None, None) if *closed => faults.push(Fault::at(here, unknown(fields.keys()))),
                        (None, None) => {}
                    }
                }
            }
            Rule::OneOf(shapes) => {
                if !shapes.iter().any(|shape| shape.faults(value).is_empty()) {
                    // With one candidate of the right kind its own faults say more.
                    match shapes {
                        shapes if shapes.len() == 1 => shapes[0].check(value, at, faults),
                        _ => fault("has none of the allowed forms".into()),
                    }
                }
            }
        }
    }
}

fn unknown<'a>(known: impl Iterator<Item = &'a String>) -> String {
    let known: Vec<&str> = known.map(String::as_str).collect();
    format!("is not a field here; known fields: {}", known.join(", "))
}

fn bounds<T: PartialOrd + std::fmt::Display>(number: T, min: Option<T>, max: Option<T>) -> Option<Cow<'static, str>> {
    match (min, max) {
        (Some(min), _) if number < min => Some(format!("must be at least {min}").into()),
        (_, Some(max)) if number > max => Some(format!("must be at most {max}").into()),
        _ => None,
    }
}

fn text_faults(text: &str, min: usize, max: Option<usize>, form: Form) -> Option<Cow<'static, str>> {
    let length = text.chars().count();
    if length < min {
        return Some(if min == 1 {
            "must not be empty".into()
        } else {
            format!("must have at least {min} characters (has {length})").into()
        });
    }
    if let Some(max) = max.filter(|max| length > *max) {
        return Some(format!("must have at most {max} characters (has {length})").into());
    }
    match form {
        Form::Free => None,
        Form::Date => (!is_date(text)).then_some("must be a calendar date such as 2026-11-21".into()),
        Form::Time => plimsoll_core::Time::parse(text).is_err().then_some("must be a time such as 2026-11-21T10:00:00Z".into()),
        Form::WebAddress => (!is_web_address(text)).then_some("must be an address that begins with http:// or https://".into()),
        Form::Phone => (!is_phone(text)).then_some("must be a phone number with its country's code, such as +2348012345678".into()),
        Form::Email => (!is_email(text)).then_some("must be an e-mail address".into()),
    }
}

/// `YYYY-MM-DD` that exists in the (proleptic Gregorian) calendar.
pub fn is_date(text: &str) -> bool {
    text.len() == 10 && text.parse::<jiff::civil::Date>().is_ok_and(|date| date.to_string() == text)
}

/// An absolute http or https address with a host, without white space, control characters or credentials.
pub fn is_web_address(text: &str) -> bool {
    let scheme = text
        .get(..8)
        .filter(|s| s.eq_ignore_ascii_case("https://"))
        .or_else(|| text.get(..7).filter(|s| s.eq_ignore_ascii_case("http://")));
    let Some(rest) = scheme.map(|scheme| &text[scheme.len()..]) else { return false };
    let host = rest.split(['/', '?', '#']).next().unwrap_or_default();
    is_authority(host) && !text.chars().any(|c| c.is_whitespace() || c.is_control() || "<>\"{}|\\^`".contains(c))
}

/// A name or an address in brackets, and perhaps a port. A letter that turns into one of `/?#@:`
/// when somebody normalises it would make this another host for them than for us.
fn is_authority(text: &str) -> bool {
    let (host, port) = match text.rfind(':').filter(|colon| !text[*colon..].contains(']')) {
        Some(colon) => (&text[..colon], &text[colon + 1..]),
        None => (text, ""),
    };
    let named = || !host.nfkc().any(|c| "/?#@:[]".contains(c));
    let numbered =
        || host.strip_prefix('[').and_then(|rest| rest.strip_suffix(']')).is_some_and(|v6| v6.parse::<std::net::Ipv6Addr>().is_ok());
    !host.is_empty() && port.len() <= 5 && port.bytes().all(|byte| byte.is_ascii_digit()) && (named() || numbered())
}

/// E.164: a plus, no zero at the beginning, seven to fifteen digits.
pub fn is_phone(text: &str) -> bool {
    text.strip_prefix('+').is_some_and(|digits| {
        (7..=15).contains(&digits.len()) && !digits.starts_with('0') && digits.bytes().all(|byte| byte.is_ascii_digit())
    })
}

/// Something, an `@`, and a domain: the mail server knows the rest.
pub fn is_email(text: &str) -> bool {
    let Some((local, domain)) = text.rsplit_once('@') else { return false };
    let plain = |part: &str| !part.is_empty() && !part.chars().any(|c| c.is_whitespace() || c.is_control() || "<>()[],;:\\\"".contains(c));
    text.len() <= 254 && plain(local) && !local.contains('@') && plain(domain) && !domain.starts_with('.') && !domain.ends_with('.')
}

fn compile(schema: &Value, root: &Value, depth: usize) -> Shape {
    let any = || Shape { rule: Rule::Any, nullable: true };
    if depth > 32 {
        return any();
    }
    let Some(object) = schema.as_object() else { return any() };
    if let Some(name) = object.get("$ref").and_then(Value::as_str).and_then(|path| path.rsplit('/').next()) {
        return root.get("$defs").and_then(|defs| defs.get(name)).map_or_else(any, |found| compile(found, root, depth + 1));
    }
    if let Some(choices) = object.get("enum").and_then(Value::as_array) {
        let nullable = choices.contains(&Value::Null);
        return Shape { rule: Rule::Choice(choices.iter().filter(|one| !one.is_null()).cloned().collect()), nullable };
    }
    if let Some(only) = object.get("const") {
        return Shape { rule: Rule::Choice(vec![only.clone()]), nullable: false };
    }
    for word in ["anyOf", "oneOf"] {
        if let Some(options) = object.get(word).and_then(Value::as_array) {
            let is_null = |option: &Value| option.get("type").and_then(Value::as_str) == Some("null");
            let nullable = options.iter().any(is_null);
            let mut shapes: Vec<Shape> =
                options.iter().filter(|option| !is_null(option)).map(|option| compile(option, root, depth + 1)).collect();
            return match shapes.len() {
                1 => Shape { nullable: nullable || shapes[0].nullable, ..shapes.remove(0) },
                _ => Shape { rule: Rule::OneOf(shapes), nullable },
            };
        }
    }
    let kinds: Vec<&str> = match object.get("type") {
        Some(Value::String(kind)) => vec![kind],
        Some(Value::Array(kinds)) => kinds.iter().filter_map(Value::as_str).collect(),
        _ => return any(),
    };
    let nullable = kinds.contains(&"null");
    let kind = kinds.iter().copied().find(|kind| *kind != "null").unwrap_or("null");
    let size = |key: &str| object.get(key).and_then(Value::as_u64).and_then(|n| usize::try_from(n).ok());
    let rule = match kind {
        "boolean" => Rule::Bool,
        "integer" => {
            Rule::Integer { min: object.get("minimum").and_then(Value::as_i64), max: object.get("maximum").and_then(Value::as_i64) }
        }
        "number" => Rule::Number { min: object.get("minimum").and_then(Value::as_f64), max: object.get("maximum").and_then(Value::as_f64) },
        "string" if let Some(words) = object.get("pattern").and_then(Value::as_str).and_then(one_of) => Rule::Choice(words),
        "string" => Rule::Text { min: size("minLength").unwrap_or(0), max: size("maxLength"), form: form(object.get("format")) },
        "array" => Rule::List {
            item: Box::new(object.get("items").map_or_else(any, |items| compile(items, root, depth + 1))),
            min: size("minItems").unwrap_or(0),
            max: size("maxItems"),
        },
        "object" => compile_object(object, root, depth),
        _ => Rule::Choice(vec![Value::Null]),
    };
    Shape { rule, nullable }
}

fn compile_object(object: &serde_json::Map<String, Value>, root: &Value, depth: usize) -> Rule {
    let fields = object.get("properties").and_then(Value::as_object).into_iter().flatten();
    let extra = object.get("additionalProperties");
    Rule::Object {
        fields: fields.map(|(name, schema)| (name.clone(), compile(schema, root, depth + 1))).collect(),
        required: object
            .get("required")
            .and_then(Value::as_array)
            .into_iter()
            .flatten()
            .filter_map(|name| name.as_str().map(str::to_owned))
            .collect(),
        rest: extra.filter(|extra| extra.is_object()).map(|extra| Box::new(compile(extra, root, depth + 1))),
        closed: extra == Some(&Value::Bool(false)),
    }
}

/// The words of a pattern that says nothing but which there are: `^(day|month)$`.
fn one_of(pattern: &str) -> Option<Vec<Value>> {
    let words: Vec<&str> = pattern.strip_prefix("^(")?.strip_suffix(")$")?.split('|').collect();
    let plain = |word: &&str| !word.is_empty() && word.bytes().all(|byte| byte.is_ascii_alphanumeric() || b"-_".contains(&byte));
    words.iter().all(plain).then(|| words.into_iter().map(Value::from).collect())
}

fn form(format: Option<&Value>) -> Form {
    match format.and_then(Value::as_str) {
        Some("date") => Form::Date,
        Some("date-time") => Form::Time,
        Some("web-address") => Form::WebAddress,
        Some("email") => Form::Email,
        Some("phone") => Form::Phone,
        _ => Form::Free,
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    fn said(schema: Value, value: Value) -> Vec<String> {
        Shape::compile(&schema).faults(&value).iter().map(|fault| format!("{} {}", fault.pointer, fault.detail)).collect()
    }

    #[test]
    fn every_fault_is_reported_at_its_place() {
        let schema = json!({
            "type": "object", "additionalProperties": false, "required": ["title", "artist_id"],
            "properties": {
                "title": { "type": "string", "minLength": 1, "maxLength": 4 },
                "artist_id": { "type": ["integer", "null"], "minimum": 1 },
                "url": { "type": ["string", "null"], "format": "web-address" },
                "tags": { "type": "array", "items": { "type": "string" }, "maxItems": 2 },
            }
        });
        assert_eq!(said(schema.clone(), json!({"title": "Nina", "artist_id": null})), Vec::<String>::new());
        assert_eq!(
            said(schema.clone(), json!({"title": "too long", "url": "ftp://x", "tags": ["a", 1], "a/b~c": 0})),
            [
                "/artist_id is required",
                "/title must have at most 4 characters (has 8)",
                "/url must be an address that begins with http:// or https://",
                "/tags/1 must be text",
                "/a~1b~0c is not a field here; known fields: artist_id, tags, title, url",
            ]
        );
        assert_eq!(said(schema, json!([])), [" must be an object"]);
    }

    #[test]
    fn references_and_alternatives_are_followed() {
        let schema = json!({ "$defs": { "Role": { "enum": ["viewer", "editor"] } }, "type": "object", "properties": { "role": { "anyOf": [{ "$ref": "#/$defs/Role" }, { "type": "null" }] } } });
        assert!(said(schema.clone(), json!({"role": null})).is_empty() && said(schema.clone(), json!({"role": "editor"})).is_empty());
        assert_eq!(said(schema, json!({"role": "king"})), ["/role must be one of \"viewer\", \"editor\""]);
    }

    #[test]
    fn dates_addresses_and_mail_are_checked_for_what_they_are() {
        assert!(
            is_date("2024-02-29") && !is_date("2023-02-29") && !is_date("2024-2-9") && !is_date("20240209") && !is_date("2024-02-29T00")
        );
        for good in ["http://a", "https://example.org/x?y#z", "HTTPS://EXAMPLE.ORG", "http://héé:8080/", "http://[::1]:80", "http://a:"] {
            assert!(is_web_address(good), "{good}");
        }
        for bad in [
            "",
            "http://",
            "javascript:alert(1)",
            "https:// x",
            "//a",
            "http://user@host",
            "https://a/\n",
            "http://:80",
            "héé",
            "http://[",
            "http://[x]",
            "http://a:b",
            "http://a:1:2",
            "http://a／b",
        ] {
            assert!(!is_web_address(bad), "{bad}");
        }
        assert!(is_email("a@b") && !is_email("a@") && !is_email("@b") && !is_email("a b@c") && !is_email("a@b@c"));
    }

    #[test]
    fn a_whole_number_is_not_a_fraction() {
        let schema = json!({ "type": "integer", "minimum": 1, "maximum": 5 });
        for (value, expected) in [
            (json!(1.5), "must be a whole number"),
            (json!("1"), "must be a whole number"),
            (json!(0), "must be at least 1"),
            (json!(6), "must be at most 5"),
        ] {
            assert_eq!(said(schema.clone(), value), [format!(" {expected}")]);
        }
    }
}
