//! A request held against what the service's description says about its operation.

use std::time::Duration;

use bytes::Bytes;
use http::{Request, header, request::Parts};
use hyper::body::Body as _;
use plimsoll_core::{Code, Error, Fault, Result};
use serde_json::Value;

use super::{
    description::{Operation, Parameter, Place, resolve},
    reading::{Asked, decoded},
    schema,
    template::Template,
};
use crate::{Body, route::read_body, upstream::config::Validate};

/// How much is checked, and what comes of it.
#[derive(Debug, Clone, Copy)]
pub struct Strictness {
    /// Told or refused.
    pub mode: Validate,
    /// Largest body that is checked, in bytes.
    pub limit: usize,
    /// How long a body may take to arrive.
    pub patience: Duration,
}

/// What a check came to.
pub struct Checked {
    /// The request, as it came.
    pub request: Request<Body>,
    /// The rules it breaks.
    pub faults: Vec<Fault>,
}

/// Holds a request against its operation. The body is read where it is JSON and can be checked.
///
/// # Errors
/// With `enforce`: a JSON body that is too large, no JSON, in an encoding, or of a media type that
/// is not described, since none of them can be checked. A body that breaks off.
pub async fn check(operation: &Operation, how: Strictness, request: Request<Body>) -> Result<Checked> {
    let (parts, mut body) = request.into_parts();
    let mut faults = parameters(operation, &parts);
    if let Some(described) = &operation.body {
        let enforce = how.mode == Validate::Enforce;
        let empty = body.is_end_stream();
        let kind = media(&parts);
        let found = described.media.iter().find(|(known, _)| covers(known, &kind));
        match found {
            _ if empty && described.required => faults.push(Fault::at("", "a body is required")),
            _ if empty => {}
            None if !described.media.is_empty() && enforce => {
                let known: Vec<&str> = described.media.iter().map(|(known, _)| known.as_str()).collect();
                return Err(Code::UnsupportedMedia.because(format!("send the body as {}", known.join(" or "))));
            }
            Some((_, Some(schema))) if is_json(&kind) => {
                let encoded = parts.headers.get(header::CONTENT_ENCODING).is_some_and(|coding| coding != "identity");
                if encoded && enforce {
                    return Err(Code::UnsupportedMedia.because("send the body without an encoding; it is checked here"));
                }
                // A body whose length nobody knows cannot be given back once it turns out too long.
                let known = body.size_hint().upper().is_some_and(|length| length <= how.limit as u64);
                if !encoded && (enforce || known) {
                    let bytes = read_body(body, how.limit, how.patience).await?;
                    match document(&operation.root, schema, &bytes) {
                        Ok(found) => faults.extend(found),
                        Err(error) if enforce => return Err(error),
                        Err(error) => faults.push(Fault::at("", error.public().to_owned())),
                    }
                    body = Body::from(bytes);
                }
            }
            _ => {}
        }
    }
    Ok(Checked { request: Request::from_parts(parts, body), faults })
}

fn document(root: &Value, schema: &Value, bytes: &Bytes) -> Result<Vec<Fault>, Error> {
    let value = crate::json::parse(bytes)?;
    Ok(schema::faults(root, schema, &value, ""))
}

/// The media type in lower case, without its parameters.
fn media(parts: &Parts) -> String {
    let text = parts.headers.get(header::CONTENT_TYPE).and_then(|value| value.to_str().ok()).unwrap_or_default();
    text.split(';').next().unwrap_or_default().trim().to_ascii_lowercase()
}

fn is_json(kind: &str) -> bool {
    kind == "application/json" || kind.ends_with("+json")
}

/// Whether a described media type (`application/*`) covers a real one.
fn covers(known: &str, kind: &str) -> bool {
    let known = known.split(';').next().unwrap_or_default().trim();
    known == kind || known == "*/*" || known.strip_suffix("/*").is_some_and(|family| kind.split('/').next() == Some(family))
}

fn parameters(operation: &Operation, parts: &Parts) -> Vec<Fault> {
    let asked = Asked::read(parts.uri.path());
    let names = Template::names(operation.template);
    let in_path = operation.places.iter().find_map(|place| place.values(&asked.segments)).filter(|values| values.len() == names.len());
    let query: Vec<(String, String)> = parts
        .uri
        .query()
        .unwrap_or_default()
        .split('&')
        .filter(|part| !part.is_empty())
        .map(|part| part.split_once('=').unwrap_or((part, "")))
        .map(|(name, value)| (decoded(&name.replace('+', " ")), decoded(&value.replace('+', " "))))
        .collect();
    let mut faults = Vec::new();
    for parameter in &operation.parameters {
        let (at, values): (String, Vec<String>) = match parameter.place {
            Place::Path => {
                // A value that spans segments or stands beside text is left to the service.
                let Some(values) = &in_path else { continue };
                let place = names.iter().position(|name| *name == parameter.name);
                (format!("{{{}}}", parameter.name), place.map(|place| values[place].to_owned()).into_iter().collect())
            }
            Place::Query => {
                let values = query.iter().filter(|(name, _)| *name == parameter.name).map(|(_, value)| value.clone());
                (format!("?{}", parameter.name), values.collect())
            }
            // These three are described elsewhere (OpenAPI §4.8.12).
            Place::Header if ["accept", "content-type", "authorization"].iter().any(|own| parameter.name.eq_ignore_ascii_case(own)) => {
                continue;
            }
            Place::Header => {
                let values = parts.headers.get_all(parameter.name.as_str()).iter();
                let values = values.filter_map(|value| value.to_str().ok().map(str::to_owned)).collect();
                (format!("header {}", parameter.name), values)
            }
        };
        match (&parameter.schema, values.is_empty()) {
            (_, true) if parameter.required => faults.push(Fault::at(at, "is required")),
            (_, true) | (None, _) => {}
            (Some(schema), false) => faults.extend(of_parameter(operation, parameter, schema, values, &at)),
        }
    }
    faults
}

fn of_parameter(operation: &Operation, parameter: &Parameter, schema: &Value, values: Vec<String>, at: &str) -> Vec<Fault> {
    let root = &*operation.root;
    if let Some(item) = list(root, schema) {
        let values = if parameter.explode { values } else { values.iter().flat_map(|text| text.split(',')).map(str::to_owned).collect() };
        let item = item.cloned().unwrap_or(Value::Bool(true));
        let items = values.iter().map(|text| best(root, &item, text)).collect();
        return schema::faults(root, schema, &Value::Array(items), at);
    }
    match values.as_slice() {
        [one] => schema::faults(root, schema, &best(root, schema, one), at),
        // Which of them the service takes is its own affair; each has to fit.
        several => several.iter().flat_map(|one| schema::faults(root, schema, &best(root, schema, one), at)).collect(),
    }
}

/// Whether a schema asks for a list, perhaps beside null; and for a list of what.
fn list<'v>(root: &'v Value, schema: &'v Value) -> Option<Option<&'v Value>> {
    let schema = resolve(root, schema)?;
    let is = |schema: &Value| {
        let kind = schema.get("type");
        kind.and_then(Value::as_str) == Some("array")
            || kind.and_then(Value::as_array).is_some_and(|kinds| kinds.iter().any(|kind| kind == "array"))
    };
    if is(schema) {
        return Some(schema.get("items"));
    }
    let forms = ["anyOf", "oneOf"].iter().find_map(|word| schema.get(*word)?.as_array())?;
    forms.iter().filter_map(|form| resolve(root, form)).find(|form| is(form)).map(|form| form.get("items"))
}

/// The text as the kind of value that the schema wants: the first that fits, or the one whose
/// faults say most.
fn best(root: &Value, schema: &Value, text: &str) -> Value {
    let mut readings = vec![Value::from(text)];
    match text.to_ascii_lowercase().as_str() {
        "true" | "yes" | "on" | "y" | "t" | "1" => readings.push(Value::Bool(true)),
        "false" | "no" | "off" | "n" | "f" | "0" => readings.push(Value::Bool(false)),
        "null" | "" => readings.push(Value::Null),
        _ => {}
    }
    if let Ok(number) = text.trim().parse::<i64>() {
        readings.push(number.into());
    } else if let Some(number) = text.trim().parse::<f64>().ok().filter(|number| number.is_finite()) {
        readings.push(number.into());
    }
    let fits = readings.iter().position(|value| schema::faults(root, schema, value, "").is_empty());
    let place = fits.unwrap_or(readings.len() - 1);
    readings.swap_remove(place)
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    fn operation() -> std::sync::Arc<Operation> {
        let document = json!({ "openapi": "3.1.0", "paths": { "/items/{id}": { "put": {
            "parameters": [
                { "name": "id", "in": "path", "required": true, "schema": { "type": "integer", "minimum": 1 } },
                { "name": "limit", "in": "query", "schema": { "anyOf": [{ "type": "integer", "maximum": 100 }, { "type": "null" }] } },
                { "name": "tag", "in": "query", "schema": { "type": "array", "items": { "enum": ["a", "b"] }, "maxItems": 2 } },
                { "name": "ids", "in": "query", "explode": false, "schema": { "type": "array", "items": { "type": "integer" } } },
                { "name": "deep", "in": "query", "style": "deepObject", "schema": { "type": "object" } },
                { "name": "dry", "in": "query", "schema": { "type": "boolean" } },
                { "name": "X-Kind", "in": "header", "required": true, "schema": { "enum": ["x"] } },
                { "name": "Authorization", "in": "header", "required": true },
            ],
            "requestBody": { "required": true, "content": { "application/json": { "schema": { "$ref": "#/components/schemas/Item" } } } },
        } } }, "components": { "schemas": { "Item": { "type": "object", "required": ["name"], "properties": { "name": { "type": "string" } } } } } });
        super::super::description::read(document.to_string().as_bytes(), "").unwrap().operations[0].clone()
    }

    async fn said(mode: Validate, target: &str, headers: &[(&str, &str)], body: &'static str) -> Result<Vec<String>, Code> {
        let mut request = Request::put(target);
        for (name, value) in headers {
            request = request.header(*name, *value);
        }
        let how = Strictness { mode, limit: 100, patience: Duration::from_secs(1) };
        let checked = check(&operation(), how, request.body(Body::from(body)).unwrap()).await.map_err(|error| error.code())?;
        assert_eq!(checked.request.body().full().unwrap(), body, "the body goes on as it came");
        Ok(checked.faults.into_iter().map(|fault| format!("{} {}", fault.pointer, fault.detail)).collect())
    }

    const JSON: (&str, &str) = ("content-type", "application/json; charset=utf-8");
    const KIND: (&str, &str) = ("x-kind", "x");

    #[tokio::test]
    async fn parameters_and_body_are_checked_and_each_fault_is_named() {
        for good in ["/items/7", "/items/7?limit=5&tag=a&tag=b&dry=1&other=x", "/items/7?limit=&ids=1,2&deep[a]=b", "/items/%37?dry=True"] {
            assert_eq!(said(Validate::Enforce, good, &[JSON, KIND], r#"{"name":"a"}"#).await.unwrap(), [""; 0], "{good}");
        }
        assert_eq!(
            said(Validate::Enforce, "/items/0?limit=101&tag=a&tag=c&ids=1,x&dry=maybe", &[JSON], r#"{"name":1}"#).await.unwrap(),
            [
                "{id} must be at least 1",
                "?limit must be at most 100",
                "?tag/1 must be one of \"a\", \"b\"",
                "?ids/1 must be a whole number",
                "?dry must be true or false",
                "header X-Kind is required",
                "/name must be text"
            ]
        );
    }

    #[tokio::test]
    async fn what_cannot_be_checked_is_refused_or_goes_on_unchecked() {
        let long =
            r#"{"name":"aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa"}"#;
        for (headers, body, code, told) in [
            (&[JSON, KIND][..], long, Code::BodyTooLarge, 0),
            (&[JSON, KIND], "{", Code::Malformed, 1),
            (&[JSON, KIND], r#"{"name":"a","name":"b"}"#, Code::Malformed, 1),
            (&[JSON, KIND, ("content-encoding", "gzip")], "x", Code::UnsupportedMedia, 0),
            (&[("content-type", "text/plain"), KIND], r#"{"name":1}"#, Code::UnsupportedMedia, 0),
            (&[KIND], r#"{"name":1}"#, Code::UnsupportedMedia, 0),
        ] {
            assert_eq!(said(Validate::Enforce, "/items/7", headers, body).await, Err(code), "{body}");
            assert_eq!(said(Validate::Report, "/items/7", headers, body).await.map(|faults| faults.len()), Ok(told), "{body}");
        }
        assert_eq!(said(Validate::Enforce, "/items/7", &[KIND], "").await.unwrap(), [" a body is required"]);
    }
}
