//! The parameters of a resource's routes, for the API description.

use serde_json::{Value, json};

use super::{Field, FieldKind, Statements, list};
use crate::route::Parameter;

pub(super) fn parameter(
    name: impl Into<std::borrow::Cow<'static, str>>,
    schema: Value,
    description: impl Into<std::borrow::Cow<'static, str>>,
) -> Parameter {
    Parameter { name: name.into(), place: "query", required: false, description: description.into(), schema }
}

pub(super) fn if_match() -> Parameter {
    Parameter {
        name: "If-Match".into(),
        place: "header",
        required: false,
        schema: json!({ "type": "string", "pattern": "^(\\*|(W/)?\"[^\"]*\"(, ?(W/)?\"[^\"]*\")*)$" }),
        description: "The entity tag of the version you have seen; 412 if it is no longer the current one.".into(),
    }
}

pub(super) fn include_parameter(statements: &Statements) -> Vec<Parameter> {
    let names: Vec<&str> =
        statements.resource.fields.iter().filter(|field| matches!(field.kind, FieldKind::Reference(_))).map(Field::included_as).collect();
    if names.is_empty() {
        Vec::new()
    } else {
        vec![parameter("include", json!({ "type": "string", "enum": names }), "Embeds what is referred to, in the same query.")]
    }
}

pub(super) fn parameters(statements: &Statements) -> Vec<Parameter> {
    let known = list::known_parameters(statements);
    let sorted: Vec<&str> = statements.resource.fields.iter().filter(|field| field.sorted).map(|field| field.name).chain(["id"]).collect();
    let described = known.into_iter().filter(|name| name != "include").map(|name| {
        let (schema, about) = match name.as_str() {
            "page" => {
                (json!({ "type": "integer", "minimum": 1, "maximum": 1_000_000_000, "default": 1 }), "Which page, from 1.".to_owned())
            }
            "page_size" => (
                json!({ "type": "integer", "minimum": 1, "maximum": super::paging::MOST, "default": super::paging::USUAL }),
                "Items on a page.".to_owned(),
            ),
            "cursor" => (
                json!({ "type": "string", "format": "cursor", "pattern": "^[A-Za-z0-9_-]*$" }),
                "Cursor paging: empty to begin, then `next_cursor` of the page before.".to_owned(),
            ),
            "sort" => (
                json!({ "type": "string", "pattern": format!("^-?({0})(,-?({0})){{0,2}}$", sorted.join("|")) }),
                format!("Up to three of {}, separated by commas; a minus before one turns it round.", sorted.join(", ")),
            ),
            "q" => (json!({ "type": "string", "maxLength": 200 }), "Words to look for, regardless of letter case (ASCII).".to_owned()),
            "deleted" => (
                json!({ "type": "boolean", "default": false }),
                "Lists what was deleted instead; needs the permission to change.".to_owned(),
            ),
            other => return filter_parameter(statements, other),
        };
        parameter(name, schema, about)
    });
    described.chain(include_parameter(statements)).collect()
}

pub(super) fn filter_parameter(statements: &Statements, name: &str) -> Parameter {
    let plain = name.split('[').next().unwrap_or(name);
    let kind = statements.resource.fields.iter().find(|field| field.name == plain).map(|field| field.kind);
    let schema = match kind {
        Some(FieldKind::Date) => json!({ "type": "string", "format": "date" }),
        Some(FieldKind::Choice(words)) => json!({ "type": "string", "enum": words }),
        Some(FieldKind::Number) => json!({ "type": "number" }),
        Some(FieldKind::Reference(_)) => json!({ "type": "integer", "format": "int64" }),
        _ => json!({ "type": "string", "maxLength": 1024 }),
    };
    let about = match name.split('[').nth(1) {
        Some("prefix]") => "Begins with this, regardless of letter case (ASCII).",
        Some("contains]") => "Contains this, regardless of letter case (ASCII).",
        Some("from]") => "This or later, this or more.",
        Some("to]") => "This or earlier, this or less.",
        _ => "Is this.",
    };
    parameter(name.to_owned(), schema, about)
}
