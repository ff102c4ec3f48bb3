//! JSON Schema as descriptions of services use it, checked value by value.
//!
//! [`Shape`](crate::shape::Shape) compiles the schemas of our own types. A foreign schema refers
//! to itself and comes from a program that is not trusted, so it is not compiled but followed
//! along the value: a circle ends where the value ends, and all work is counted. A word that is
//! not known here never refuses a value: `pattern`, `not`, `if` and formats besides `date` and
//! `uuid` are left to the service, and `oneOf` asks for one form at least, not for exactly one.

use plimsoll_core::Fault;
use serde_json::{Map, Value};

use super::description::resolve;
use crate::{json::pointer, shape::is_date};

/// What is said about a field that nobody described.
pub const UNKNOWN_FIELD: &str = "is not a field here";
/// Most steps of one check; what lies behind them is not checked.
const STEPS: u32 = 100_000;
/// Most faults that are listed.
const FAULTS: usize = 50;
/// How deep schemas may lie in one another at one and the same value.
const DEPTH: u32 = 200;

/// Every fault of `value`, as far as it can be told; `at` is the pointer they begin with.
pub fn faults(root: &Value, schema: &Value, value: &Value, at: &str) -> Vec<Fault> {
    let mut checker = Checker { root, steps: 0, depth: 0, faults: Vec::new() };
    checker.check(schema, value, at);
    checker.faults
}

struct Checker<'r> {
    root: &'r Value,
    steps: u32,
    depth: u32,
    faults: Vec<Fault>,
}

impl Checker<'_> {
    fn fault(&mut self, at: &str, detail: impl Into<std::borrow::Cow<'static, str>>) {
        if self.faults.len() < FAULTS {
            self.faults.push(Fault::at(at, detail));
        }
    }

    /// Whether the value fits; leaves no fault.
    fn fits(&mut self, schema: &Value, value: &Value) -> bool {
        let kept = std::mem::take(&mut self.faults);
        self.check(schema, value, "");
        std::mem::replace(&mut self.faults, kept).is_empty()
    }

    fn check(&mut self, schema: &Value, value: &Value, at: &str) {
        self.steps += 1;
        if self.steps > STEPS || self.depth > DEPTH {
            return;
        }
        self.depth += 1;
        self.look(schema, value, at);
        self.depth -= 1;
    }

    fn look(&mut self, schema: &Value, value: &Value, at: &str) {
        if *schema == Value::Bool(false) {
            return self.fault(at, "is not allowed here");
        }
        let Some(words) = schema.as_object() else { return };
        if words.contains_key("$ref") {
            // A reference that leads nowhere says nothing.
            let Some(found) = resolve(self.root, schema) else { return };
            self.check(found, value, at);
        }
        // `nullable` is how OpenAPI 3.0 says it.
        if value.is_null() && words.get("nullable") == Some(&Value::Bool(true)) {
            return;
        }
        if !self.kind(words, value, at) {
            return;
        }
        if let Some(choices) = words.get("enum").and_then(Value::as_array)
            && !choices.iter().any(|choice| same(choice, value))
        {
            let names: Vec<String> = choices.iter().take(20).map(|choice| choice.to_string().chars().take(60).collect()).collect();
            self.fault(at, format!("must be one of {}", names.join(", ")));
        }
        if words.get("const").is_some_and(|only| !same(only, value)) {
            self.fault(at, "is not the one value allowed here");
        }
        for part in words.get("allOf").and_then(Value::as_array).into_iter().flatten() {
            self.check(part, value, at);
        }
        for word in ["anyOf", "oneOf"] {
            if let Some(forms) = words.get(word).and_then(Value::as_array) {
                self.one_of(forms, value, at);
            }
        }
        match value {
            Value::Number(number) => self.number(words, number.as_f64().unwrap_or_default(), at),
            Value::String(text) => self.text(words, text, at),
            Value::Array(items) => self.list(words, items, at),
            Value::Object(fields) => self.object(words, fields, at),
            Value::Null | Value::Bool(_) => {}
        }
    }

    fn kind(&mut self, words: &Map<String, Value>, value: &Value, at: &str) -> bool {
        let kinds: Vec<&str> = match words.get("type") {
            Some(Value::String(kind)) => vec![kind],
            Some(Value::Array(kinds)) => kinds.iter().filter_map(Value::as_str).collect(),
            _ => return true,
        };
        let fits = |kind: &&str| match *kind {
            "null" => value.is_null(),
            "boolean" => value.is_boolean(),
            "integer" => value.is_i64() || value.is_u64() || value.as_f64().is_some_and(|number| number.fract() == 0.0),
            "number" => value.is_number(),
            "string" => value.is_string(),
            "array" => value.is_array(),
            "object" => value.is_object(),
            _ => true,
        };
        if kinds.is_empty() || kinds.iter().any(fits) {
            return true;
        }
        let sentence = match kinds.as_slice() {
            ["boolean"] => "must be true or false".to_owned(),
            ["integer"] => "must be a whole number".to_owned(),
            ["number"] => "must be a number".to_owned(),
            ["string"] => "must be text".to_owned(),
            ["array"] => "must be a list".to_owned(),
            ["object"] => "must be an object".to_owned(),
            ["null"] => "must be null".to_owned(),
            several => format!("must be one of: {}", several.join(", ")),
        };
        self.fault(at, sentence);
        false
    }

    fn one_of(&mut self, forms: &[Value], value: &Value, at: &str) {
        if forms.is_empty() || forms.iter().any(|form| self.fits(form, value)) || self.steps > STEPS {
            return;
        }
        // With one form besides null its own faults say more.
        let is_null = |form: &&Value| form.get("type").and_then(Value::as_str) == Some("null");
        let mut real = forms.iter().filter(|form| !is_null(form));
        match (real.next(), real.next()) {
            (Some(only), None) => self.check(only, value, at),
            _ => self.fault(at, "has none of the allowed forms"),
        }
    }

    fn number(&mut self, words: &Map<String, Value>, number: f64, at: &str) {
        let bound = |key: &str| words.get(key).and_then(Value::as_f64);
        // In OpenAPI 3.0 `exclusiveMinimum` is a yes or no beside `minimum`.
        let strict = |key: &str| words.get(key) == Some(&Value::Bool(true));
        if let Some(min) = bound("minimum").filter(|min| number < *min || (number == *min && strict("exclusiveMinimum"))) {
            self.fault(at, if number == min { format!("must be more than {min}") } else { format!("must be at least {min}") });
        }
        if let Some(max) = bound("maximum").filter(|max| number > *max || (number == *max && strict("exclusiveMaximum"))) {
            self.fault(at, if number == max { format!("must be less than {max}") } else { format!("must be at most {max}") });
        }
        if let Some(min) = bound("exclusiveMinimum").filter(|min| number <= *min) {
            self.fault(at, format!("must be more than {min}"));
        }
        if let Some(max) = bound("exclusiveMaximum").filter(|max| number >= *max) {
            self.fault(at, format!("must be less than {max}"));
        }
    }

    fn text(&mut self, words: &Map<String, Value>, text: &str, at: &str) {
        let length = text.chars().count() as u64;
        if let Some(min) = words.get("minLength").and_then(Value::as_u64).filter(|min| length < *min) {
            self.fault(at, format!("must have at least {min} characters (has {length})"));
        }
        if let Some(max) = words.get("maxLength").and_then(Value::as_u64).filter(|max| length > *max) {
            self.fault(at, format!("must have at most {max} characters (has {length})"));
        }
        match words.get("format").and_then(Value::as_str) {
            Some("date") if !is_date(text) => self.fault(at, "must be a calendar date such as 2026-11-21"),
            Some("uuid") if !is_uuid(text) => self.fault(at, "must be a UUID"),
            _ => {}
        }
    }

    fn list(&mut self, words: &Map<String, Value>, items: &[Value], at: &str) {
        let size = |key: &str| words.get(key).and_then(Value::as_u64);
        let length = items.len() as u64;
        if let Some(min) = size("minItems").filter(|min| length < *min) {
            self.fault(at, format!("must have at least {min} items (has {length})"));
        }
        if let Some(max) = size("maxItems").filter(|max| length > *max) {
            self.fault(at, format!("must have at most {max} items (has {length})"));
        }
        let first = words.get("prefixItems").and_then(Value::as_array).map_or(&[][..], Vec::as_slice);
        for (place, item) in items.iter().enumerate() {
            if let Some(schema) = first.get(place).or_else(|| words.get("items")) {
                self.check(schema, item, &pointer(at, &place.to_string()));
            }
        }
    }

    fn object(&mut self, words: &Map<String, Value>, fields: &Map<String, Value>, at: &str) {
        let known = words.get("properties").and_then(Value::as_object);
        for name in words.get("required").and_then(Value::as_array).into_iter().flatten().filter_map(Value::as_str) {
            // What only answers carry is not asked of a request.
            let read_only = known
                .and_then(|known| known.get(name))
                .and_then(|schema| resolve(self.root, schema))
                .is_some_and(|schema| schema.get("readOnly") == Some(&Value::Bool(true)));
            if !fields.contains_key(name) && !read_only {
                self.fault(&pointer(at, name), "is required");
            }
        }
        let size = |key: &str| words.get(key).and_then(Value::as_u64);
        if size("minProperties").is_some_and(|min| (fields.len() as u64) < min)
            || size("maxProperties").is_some_and(|max| fields.len() as u64 > max)
        {
            self.fault(at, "has too few or too many fields");
        }
        let (extra, patterns) = (words.get("additionalProperties"), words.contains_key("patternProperties"));
        for (name, value) in fields {
            let here = pointer(at, name);
            match (known.and_then(|known| known.get(name)), extra) {
                (Some(schema), _) => self.check(schema, value, &here),
                (None, Some(Value::Bool(false))) if !patterns => self.fault(&here, UNKNOWN_FIELD),
                (None, Some(schema @ Value::Object(_))) if !patterns => self.check(schema, value, &here),
                (None, _) => {}
            }
        }
    }
}

/// Equal as JSON Schema counts it: `1` and `1.0` are one number.
fn same(a: &Value, b: &Value) -> bool {
    a == b || (a.is_number() && b.is_number() && a.as_f64() == b.as_f64())
}

fn is_uuid(text: &str) -> bool {
    let hex: String = text.chars().filter(|c| *c != '-').collect();
    // With or without hyphens, as readers of UUIDs accept both.
    hex.len() == 32 && hex.bytes().all(|byte| byte.is_ascii_hexdigit())
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    fn said(schema: &Value, value: &Value) -> Vec<String> {
        let root = json!({ "components": { "schemas": {
            "Node": { "type": "object", "required": ["name"], "properties": { "name": { "type": "string", "minLength": 1 }, "next": { "$ref": "#/components/schemas/Node" }, "all": { "type": "array", "items": { "$ref": "#/components/schemas/Node" } } } },
            "Loop": { "$ref": "#/components/schemas/Loop" },
            "Bomb": { "anyOf": [{ "$ref": "#/components/schemas/Bomb" }, { "$ref": "#/components/schemas/Bomb" }, { "type": "string" }] },
        } } });
        faults(&root, schema, value, "").into_iter().map(|fault| format!("{} {}", fault.pointer, fault.detail)).collect()
    }

    #[test]
    fn every_fault_has_its_pointer() {
        let schema = json!({ "type": "object", "required": ["a", "id"], "additionalProperties": false, "properties": {
            "id": { "type": "integer", "readOnly": true }, "a": { "type": "string", "maxLength": 2 }, "b": { "type": "array", "items": { "type": "integer", "exclusiveMinimum": 0 }, "maxItems": 2 },
            "c": { "anyOf": [{ "type": "integer" }, { "type": "null" }] }, "d": { "enum": ["x", 1] }, "e": { "type": "string", "nullable": true },
        } });
        assert_eq!(said(&schema, &json!({})), ["/a is required"]);
        assert!(said(&schema, &json!({ "a": "xx", "b": [1, 2], "c": null, "d": 1.0, "e": null })).is_empty());
        assert_eq!(
            said(&schema, &json!({ "a": "xxx", "b": [0, "1", 2], "c": "x", "d": "y", "f": 1 })),
            [
                "/a must have at most 2 characters (has 3)",
                "/b must have at most 2 items (has 3)",
                "/b/0 must be more than 0",
                "/b/1 must be a whole number",
                "/c must be a whole number",
                "/d must be one of \"x\", 1",
                "/f is not a field here",
            ]
        );
    }

    #[test]
    fn circles_end_with_the_value_and_bombs_after_so_many_steps() {
        let node = json!({ "$ref": "#/components/schemas/Node" });
        assert!(said(&node, &json!({ "name": "a", "next": { "name": "b", "all": [{ "name": "c" }] } })).is_empty());
        assert_eq!(said(&node, &json!({ "name": "a", "next": { "name": "", "all": [{}] } })).len(), 2);
        for name in ["Loop", "Nowhere", "Bomb"] {
            assert!(said(&json!({ "$ref": format!("#/components/schemas/{name}") }), &json!(7)).is_empty(), "{name}");
        }
    }

    #[test]
    fn words_that_are_not_known_never_refuse() {
        for schema in [
            json!({ "pattern": "^a$" }),
            json!({ "type": "string", "format": "ipv4", "contentEncoding": "base64" }),
            json!({ "not": { "type": "string" } }),
            json!({ "oneOf": [{ "type": "string" }, { "minLength": 1 }] }),
            json!({ "type": "klingon" }),
            json!({ "$ref": "https://evil.example/schema.json" }),
            json!(true),
            json!(7),
        ] {
            assert!(said(&schema, &json!("b")).is_empty(), "{schema}");
        }
        assert_eq!(said(&json!(false), &json!(1)), [" is not allowed here"]);
    }
}
