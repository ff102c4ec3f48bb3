//! JSON Schemas of a resource, from its declaration.

use serde_json::{Map, Value, json};

use super::{Field, FieldKind, Resource};

/// What [`crate::shape::is_web_address`] accepts, as a pattern for readers of the description.
const WEB_ADDRESS: &str = concat!(
    "^[Hh][Tt][Tt][Pp][Ss]?://",
    // A name, without the letters that look like `/?#@:` to whoever normalises them; or an IPv6 address.
    r#"([^\s\x00-\x1f\x7f-\x9f<>"{}|\\^`/?#@:\[\]\u2047\u2048\u2049\u2100\u2101\u2105\u2106\u2a74\ufe13\ufe16\ufe55\ufe56\ufe5f\ufe6b\uff03\uff0f\uff1a\uff1f\uff20]+|"#,
    r#"\[([0-9A-Fa-f]{1,4}(:[0-9A-Fa-f]{1,4}){7}|([0-9A-Fa-f]{1,4}(:[0-9A-Fa-f]{1,4}){0,3})?::([0-9A-Fa-f]{1,4}(:[0-9A-Fa-f]{1,4}){0,2})?|::[0-9A-Fa-f]{1,4}(:[0-9A-Fa-f]{1,4}){0,6})\])(:[0-9]{0,5})?"#,
    r#"([/?#][^\s\x00-\x1f\x7f-\x9f<>"{}|\\^`]*)?$"#,
);

fn of(field: &Field) -> Value {
    let mut schema = match field.kind {
        FieldKind::Text { min, max } => json!({ "type": "string", "minLength": min, "maxLength": max }),
        FieldKind::Choice(words) => json!({ "type": "string", "enum": words }),
        FieldKind::Phone => json!({ "type": "string", "format": "phone", "pattern": "^\\+[1-9][0-9]{6,14}$", "maxLength": 16 }),
        FieldKind::Date => json!({ "type": "string", "format": "date" }),
        FieldKind::Url { max } => json!({ "type": "string", "format": "web-address", "pattern": WEB_ADDRESS, "maxLength": max }),
        FieldKind::Number => json!({ "type": "number" }),
        FieldKind::Reference(_) => json!({ "type": "integer", "format": "int64", "minimum": 1 }),
    };
    if !field.required {
        let kind = schema["type"].clone();
        schema["type"] = json!([kind, "null"]);
        if let Some(words) = schema["enum"].as_array_mut() {
            words.push(Value::Null);
        }
    }
    schema["description"] = json!(field.about);
    if field.read_only {
        schema["readOnly"] = json!(true);
    }
    schema
}

fn properties(fields: impl Iterator<Item = &'static Field>) -> Map<String, Value> {
    fields.map(|field| (field.name.to_owned(), of(field))).collect()
}

/// What callers get. With `include`, references are embedded besides.
pub(super) fn answer(resource: &Resource) -> Value {
    let mut fields = Map::new();
    fields.insert("id".into(), json!({ "type": "integer", "format": "int64", "description": "Unique in the tenant; never used again." }));
    fields.extend(properties(resource.fields.iter()));
    let required: Vec<String> = fields.keys().cloned().collect();
    for field in resource.fields {
        if let FieldKind::Reference(target) = field.kind {
            let mut embedded = answer(target);
            embedded["type"] = json!(["object", "null"]);
            if let Some(embedded) = embedded.as_object_mut() {
                embedded.shift_remove("title");
                embedded.insert("description".into(), json!(format!("Present with `include={}`.", field.included_as())));
            }
            fields.insert(field.included_as().into(), embedded);
        }
    }
    json!({ "title": resource.title, "type": "object", "properties": fields, "required": required, "additionalProperties": false })
}

/// What callers send to create or replace.
pub(super) fn input(resource: &Resource) -> Value {
    let required: Vec<&str> = resource.sent().filter(|field| field.required).map(|field| field.name).collect();
    json!({ "title": format!("{}Input", resource.title), "type": "object", "properties": properties(resource.sent()), "required": required, "additionalProperties": false })
}

/// What callers send to change some fields.
pub(super) fn patch(resource: &Resource) -> Value {
    json!({ "title": format!("{}Patch", resource.title), "type": "object", "properties": properties(resource.sent()), "additionalProperties": false })
}

/// One page, in either style.
pub(super) fn page(resource: &Resource) -> Value {
    json!({
        "title": format!("{}Page", resource.title), "type": "object", "required": ["items", "pagination"], "additionalProperties": false,
        "properties": {
            "items": { "type": "array", "items": answer(resource) },
            "pagination": { "title": "ListPagination", "type": "object", "required": ["page_size"], "additionalProperties": false, "properties": {
                "page": { "type": "integer" }, "page_size": { "type": "integer" }, "total_items": { "type": "integer" }, "total_pages": { "type": "integer" },
                "has_next": { "type": "boolean" }, "has_prev": { "type": "boolean" },
                "next_cursor": { "type": ["string", "null"], "description": "With `cursor` paging: what to send for the next page; null on the last." },
            } },
        },
    })
}

/// Many at once. Items are checked one by one, so that each gets its own faults.
pub(super) fn bulk_input(resource: &Resource, most: usize) -> Value {
    json!({
        "title": format!("{}BulkInput", resource.title), "type": "object", "required": ["items"], "additionalProperties": false,
        "properties": { "items": { "type": "array", "minItems": 1, "maxItems": most, "items": input(resource) } },
    })
}

/// The same without rules for the items, as the route checks it first.
pub(super) fn bulk_envelope(most: usize) -> Value {
    json!({ "type": "object", "required": ["items"], "additionalProperties": false, "properties": { "items": { "type": "array", "minItems": 1, "maxItems": most } } })
}

/// What became of each.
pub(super) fn bulk_answer(resource: &Resource) -> Value {
    json!({
        "title": format!("{}BulkResult", resource.title), "type": "object", "required": ["created", "failed", "results"], "additionalProperties": false,
        "properties": {
            "created": { "type": "integer" }, "failed": { "type": "integer" },
            "results": { "type": "array", "items": { "title": "BulkItem", "type": "object", "required": ["index", "status"], "additionalProperties": false, "properties": {
                "index": { "type": "integer", "description": "Position in `items`, from 0." },
                "status": { "type": "integer", "enum": [201, 422, 424], "description": "201 created; 422 refused; 424 not tried, because `atomic` was asked for and another was refused." },
                "id": { "type": "integer", "format": "int64" }, "location": { "type": "string" },
                "errors": { "type": "array", "items": { "type": "object", "required": ["pointer", "detail"], "additionalProperties": false, "properties": { "pointer": { "type": "string" }, "detail": { "type": "string" } } } },
            } } },
        },
    })
}

/// A merge patch before it is merged: an object; its fields are checked after merging.
pub(super) fn patch_envelope() -> Value {
    json!({ "type": "object" })
}
