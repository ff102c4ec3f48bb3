//! What a handler takes besides its context.

use bytes::Bytes;
use http::request::Parts;
use plimsoll_core::{Code, Error, Fault, Id, Kind, Result};
use schemars::{JsonSchema, SchemaGenerator};
use serde::de::DeserializeOwned;
use serde_json::{Value, json};

use super::{
    Json,
    table::{Parameter, RouteDoc, decode},
};
use crate::shape::Shape;

/// The request as inputs see it: read in full, not yet understood.
pub struct Incoming<'r> {
    /// Method, address, headers.
    pub parts: &'r Parts,
    /// Names and values from the path.
    pub parameters: &'r [(&'static str, String)],
    /// The body; empty when the route takes none.
    pub body: &'r Bytes,
    /// The body's schema.
    pub shape: Option<&'r Shape>,
    /// Whether a body that becomes a type of ours is checked against its schema before; always,
    /// unless the practice `input-validation` is switched off.
    pub typed: bool,
}

/// Something a handler can take as its second argument.
pub trait Input: Sized + Send + 'static {
    /// Whether the body has to be read first.
    const BODY: bool = false;
    /// Reads it, reporting every fault.
    fn parse(incoming: &Incoming<'_>) -> Result<Self>;
    /// Tells the API description.
    fn describe(doc: &mut RouteDoc, schemas: &mut SchemaGenerator, template: &'static str);
}

impl Input for () {
    fn parse(_: &Incoming<'_>) -> Result<()> {
        Ok(())
    }
    fn describe(_: &mut RouteDoc, _: &mut SchemaGenerator, _: &'static str) {}
}

/// One value from the path, or a pair of them.
pub struct Path<T>(pub T);

/// A value that can stand in a path.
pub trait FromSegment: Sized + Send + 'static {
    /// Reads it.
    fn from_segment(text: &str) -> Result<Self>;
    /// Its schema.
    fn schema() -> Value;
}

impl FromSegment for i64 {
    fn from_segment(text: &str) -> Result<i64> {
        text.parse().map_err(|_| Code::Malformed.because("the id in the address must be a whole number"))
    }
    fn schema() -> Value {
        json!({ "type": "integer", "format": "int64" })
    }
}
impl FromSegment for String {
    fn from_segment(text: &str) -> Result<String> {
        Ok(text.to_owned())
    }
    fn schema() -> Value {
        json!({ "type": "string" })
    }
}
impl<K: Kind> FromSegment for Id<K> {
    fn from_segment(text: &str) -> Result<Id<K>> {
        text.parse()
    }
    fn schema() -> Value {
        SchemaGenerator::default().subschema_for::<Id<K>>().to_value()
    }
}

impl<T: FromSegment> Input for Path<T> {
    fn parse(incoming: &Incoming<'_>) -> Result<Path<T>> {
        let (_, value) = incoming.parameters.first().ok_or_else(|| Code::Internal.because("the route's template has no parameter"))?;
        Ok(Path(T::from_segment(value)?))
    }
    fn describe(doc: &mut RouteDoc, _: &mut SchemaGenerator, template: &'static str) {
        let name = template.split('{').nth(1).and_then(|rest| rest.split('}').next()).unwrap_or("id");
        doc.parameters.push(Parameter {
            name: name.trim_start_matches('*').into(),
            place: "path",
            required: true,
            description: "Which one.".into(),
            schema: T::schema(),
        });
    }
}

/// The query string as a typed value; unknown names are faults.
pub struct Query<T>(pub T);

impl<T: DeserializeOwned + JsonSchema + Send + 'static> Input for Query<T> {
    fn parse(incoming: &Incoming<'_>) -> Result<Query<T>> {
        let schema = SchemaGenerator::default().into_root_schema_for::<T>().to_value();
        let value = typed(&pairs(incoming.parts.uri.query().unwrap_or_default())?, &schema);
        check(&Shape::compile(&schema), &value).map_err(query_pointers)?;
        serde_json::from_value(value).map(Query).map_err(|error| Code::Malformed.because(format!("the query cannot be read: {error}")))
    }
    fn describe(doc: &mut RouteDoc, _: &mut SchemaGenerator, _: &'static str) {
        let schema = SchemaGenerator::default().into_root_schema_for::<T>().to_value();
        let required: Vec<&str> = schema["required"].as_array().into_iter().flatten().filter_map(Value::as_str).collect();
        for (name, field) in schema["properties"].as_object().into_iter().flatten() {
            let mut field = field.clone();
            let description = field.as_object_mut().and_then(|field| field.shift_remove("description"));
            doc.parameters.push(Parameter {
                name: name.clone().into(),
                place: "query",
                required: required.contains(&name.as_str()),
                description: description.and_then(|text| text.as_str().map(str::to_owned)).unwrap_or_default().into(),
                schema: field,
            });
        }
    }
}

fn query_pointers(error: Error) -> Error {
    let faults = error
        .faults()
        .iter()
        .map(|fault| Fault { pointer: format!("?{}", fault.pointer.trim_start_matches('/')), detail: fault.detail.clone() });
    let faults = faults.collect();
    error.with_faults(faults)
}

/// Splits a query string into decoded pairs; a name that appears twice is refused.
pub fn pairs(query: &str) -> Result<Vec<(String, String)>> {
    let mut found: Vec<(String, String)> = Vec::new();
    for part in query.split('&').filter(|part| !part.is_empty()) {
        let (name, value) = part.split_once('=').unwrap_or((part, ""));
        let plain = |text: &str| {
            decode(&text.replace('+', " "))
                .ok_or_else(|| Code::Malformed.because("the query string has a broken percent escape, is not UTF-8, or contains NUL"))
        };
        let (name, value) = (plain(name)?, plain(value)?);
        if found.iter().any(|(known, _)| *known == name) {
            let shown: String = name.chars().take(64).collect();
            return Err(Error::invalid(vec![Fault::at(format!("?{shown}"), "appears twice")]));
        }
        found.push((name, value));
    }
    Ok(found)
}

/// Texts from a query become the kinds that the schema asks for, where they can.
fn typed(pairs: &[(String, String)], schema: &Value) -> Value {
    let mut object = serde_json::Map::new();
    for (name, text) in pairs {
        let kind = &schema["properties"][name.as_str()]["type"];
        let is = |wanted: &str| kind == wanted || kind.as_array().is_some_and(|kinds| kinds.iter().any(|kind| kind == wanted));
        let value = if is("integer") {
            text.parse::<i64>().map(Value::from).ok()
        } else if is("number") {
            text.parse::<f64>().ok().filter(|n| n.is_finite()).map(Value::from)
        } else if is("boolean") {
            text.parse::<bool>().map(Value::from).ok()
        } else {
            None
        };
        object.insert(name.clone(), value.unwrap_or_else(|| Value::String(text.clone())));
    }
    Value::Object(object)
}

fn check(shape: &Shape, value: &Value) -> Result<()> {
    let faults = shape.faults(value);
    if faults.is_empty() { Ok(()) } else { Err(Error::invalid(faults)) }
}

fn document(incoming: &Incoming<'_>, accepted: &[&str]) -> Result<Value> {
    media(incoming.parts, accepted)?;
    if incoming.body.is_empty() {
        return Err(crate::json::missing());
    }
    let value = crate::json::parse(incoming.body)?;
    if let Some(shape) = incoming.shape {
        check(shape, &value)?;
    }
    Ok(value)
}

/// Refuses a body of another media type than those listed.
pub(crate) fn media(parts: &Parts, accepted: &[&str]) -> Result<()> {
    let unsupported = || Code::UnsupportedMedia.because(format!("send the body as {}", accepted.join(" or ")));
    let header = parts.headers.get(http::header::CONTENT_TYPE).ok_or_else(unsupported)?;
    let text = header.to_str().map_err(|_| unsupported())?;
    let mut pieces = text.split(';').map(str::trim);
    let kind = pieces.next().unwrap_or_default();
    let charset = pieces
        .find_map(|piece| piece.split_once('=').filter(|(name, _)| name.eq_ignore_ascii_case("charset")))
        .map(|(_, value)| value.trim_matches('"'));
    if accepted.iter().any(|one| one.eq_ignore_ascii_case(kind)) && charset.is_none_or(|charset| charset.eq_ignore_ascii_case("utf-8")) {
        Ok(())
    } else {
        Err(unsupported())
    }
}

impl<T: DeserializeOwned + JsonSchema + Send + 'static> Input for Json<T> {
    const BODY: bool = true;
    fn parse(incoming: &Incoming<'_>) -> Result<Json<T>> {
        let shape = incoming.shape.filter(|_| incoming.typed);
        let value = document(&Incoming { shape, ..*incoming }, &["application/json"])?;
        serde_json::from_value(value).map(Json).map_err(|error| Code::Malformed.because(format!("the body does not fit: {error}")))
    }
    fn describe(doc: &mut RouteDoc, schemas: &mut SchemaGenerator, _: &'static str) {
        // The request's schema is compiled for checking, so it must be complete in itself.
        let _ = schemas;
        doc.request = Some(("application/json", SchemaGenerator::default().into_root_schema_for::<T>().to_value()));
    }
}

/// A JSON document checked against the schema the route declares itself.
pub struct Document(pub Value);

impl Input for Document {
    const BODY: bool = true;
    fn parse(incoming: &Incoming<'_>) -> Result<Document> {
        let accepted: &[&str] = if incoming.parts.method == http::Method::PATCH {
            &["application/merge-patch+json", "application/json"]
        } else {
            &["application/json"]
        };
        document(incoming, accepted).map(Document)
    }
    fn describe(_: &mut RouteDoc, _: &mut SchemaGenerator, _: &'static str) {}
}

/// Headers, address and query, for what the typed inputs do not say.
pub struct Raw {
    /// Method, address and headers.
    pub parts: Parts,
}

impl Input for Raw {
    fn parse(incoming: &Incoming<'_>) -> Result<Raw> {
        Ok(Raw { parts: incoming.parts.clone() })
    }
    fn describe(_: &mut RouteDoc, _: &mut SchemaGenerator, _: &'static str) {}
}

macro_rules! tuples {
    ($(($($name:ident),+))*) => { $(
        impl<$($name: Input),+> Input for ($($name,)+) {
            const BODY: bool = $($name::BODY)||+;
            fn parse(incoming: &Incoming<'_>) -> Result<Self> {
                Ok(($($name::parse(incoming)?,)+))
            }
            fn describe(doc: &mut RouteDoc, schemas: &mut SchemaGenerator, template: &'static str) {
                $($name::describe(doc, schemas, template);)+
            }
        }
    )* };
}
tuples! { (A, B) (A, B, C) (A, B, C, D) }

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_query_is_read_strictly() {
        assert_eq!(pairs("a=1&b=x+y%21&c").unwrap(), [("a".into(), "1".into()), ("b".into(), "x y!".into()), ("c".into(), String::new())]);
        assert_eq!(pairs("a=1&a=2").unwrap_err().faults()[0].pointer, "?a");
        assert!(pairs("a=%f").is_err() && pairs("a=%00").is_err());
    }

    #[derive(serde::Deserialize, JsonSchema)]
    #[serde(deny_unknown_fields)]
    #[expect(dead_code, reason = "only its schema and its parsing matter")]
    struct Paging {
        #[schemars(range(min = 1))]
        page: Option<i64>,
        flag: Option<bool>,
        name: Option<String>,
    }

    fn parse(query: &str) -> Result<Query<Paging>> {
        let (parts, ()) = http::Request::builder().uri(format!("/x?{query}")).body(()).unwrap().into_parts();
        Query::parse(&Incoming { parts: &parts, parameters: &[], body: &Bytes::new(), shape: None, typed: true })
    }

    #[test]
    fn query_faults_name_their_parameter() {
        assert!(parse("page=2&flag=true&name=5").is_ok());
        let error = parse("page=0&flag=maybe&other=1").err().unwrap();
        let said: Vec<&str> = error.faults().iter().map(|fault| fault.pointer.as_str()).collect();
        assert_eq!(said, ["?page", "?flag", "?other"]);
    }
}
