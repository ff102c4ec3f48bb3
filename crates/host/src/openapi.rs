//! The API description, OpenAPI 3.1, made from the routes.
//!
//! Schemas with a title become components and are referred to by name; the order is that of the
//! routes, so the same binary always writes the same bytes.

use plimsoll_core::{Access, Code};
use schemars::SchemaGenerator;
use serde_json::{Map, Value, json};

use crate::{
    edge::problem::Problem,
    route::{Route, Table},
};

/// The whole document. `schemas` holds what typed answers refer to.
pub fn document(table: &Table, schemas: &mut SchemaGenerator, version: &str) -> Value {
    let mut components = Map::new();
    let problem = hoist(schemas.subschema_for::<Problem<'_>>().to_value(), &mut components);
    for (name, schema) in schemas.definitions().clone() {
        let schema = hoist(schema, &mut components);
        components.insert(name, schema);
    }
    let problem = hoist(problem, &mut components);
    let mut paths = Map::new();
    let mut shared = Map::new();
    for route in table.all().iter().filter(|route| !route.doc.hidden) {
        let operation = operation(route, &problem, &mut components, &mut shared);
        let path = paths.entry(route.template).or_insert_with(|| json!({}));
        path[route.method.as_str().to_lowercase()] = operation;
    }
    components.sort_keys();
    shared.sort_keys();
    json!({
        "openapi": "3.1.0",
        "info": {
            "title": "Plimsoll", "version": version, "license": { "name": "Apache-2.0", "identifier": "Apache-2.0" },
            "description": "Every error is a problem document (RFC 9457) whose `type` is a page of this server. Lists page by number or by cursor. Versions travel as entity tags.",
        },
        "servers": [{ "url": "/" }],
        "security": [{ "bearer": [] }, { "cookie": [] }],
        "tags": tags(table),
        "paths": paths,
        "components": {
            "schemas": components,
            "responses": shared,
            "securitySchemes": {
                "bearer": { "type": "http", "scheme": "bearer", "description": "An API key (`plm_…`) or an access token from `/v1/auth/login`." },
                "cookie": { "type": "apiKey", "in": "cookie", "name": "__Host-plimsoll", "description": "A session, for browsers; same-site requests only." },
            },
        },
    })
}

fn tag(route: &Route) -> &'static str {
    route.template.trim_start_matches("/v1/").trim_start_matches('/').split('/').next().unwrap_or("host")
}

fn tags(table: &Table) -> Vec<Value> {
    let mut names: Vec<&str> = table.all().iter().filter(|route| !route.doc.hidden).map(|route| tag(route)).collect();
    names.sort_unstable();
    names.dedup();
    names.into_iter().map(|name| json!({ "name": name })).collect()
}

fn operation(route: &Route, problem: &Value, components: &mut Map<String, Value>, shared: &mut Map<String, Value>) -> Value {
    let mut out = Map::new();
    out.insert("operationId".into(), json!(route.operation));
    out.insert("tags".into(), json!([tag(route)]));
    out.insert("summary".into(), json!(route.doc.summary));
    if let Some(text) = &route.doc.description {
        out.insert("description".into(), json!(text));
    }
    if route.deprecated.is_some() {
        out.insert("deprecated".into(), json!(true));
    }
    if route.doc.recorded {
        out.insert("x-plimsoll-recorded".into(), json!(true));
    }
    match route.access {
        Access::Needs { permission, least } => {
            out.insert("x-plimsoll-access".into(), json!({ "permission": permission, "role": least }));
        }
        Access::Authenticated => {
            out.insert("x-plimsoll-access".into(), json!({ "authenticated": true }));
        }
        Access::Public { because } => {
            out.insert("x-plimsoll-access".into(), json!({ "public": because }));
            out.insert("security".into(), json!([]));
        }
        Access::Nobody => {
            out.insert("x-plimsoll-access".into(), json!({ "closed": true }));
        }
    }
    let mut parameters: Vec<Value> = route
        .doc
        .parameters
        .iter()
        .map(|one| json!({ "name": one.name, "in": one.place, "required": one.required, "description": one.description, "schema": hoist(one.schema.clone(), components) }))
        .collect();
    if conditional(route) {
        let about = "The entity tag of what you have; 304 if it is still what you would get.";
        parameters.push(
            json!({ "name": "If-None-Match", "in": "header", "required": false, "description": about, "schema": { "type": "string" } }),
        );
    }
    if repeatable(route) {
        let about = "Makes the request safe to repeat: the same key with the same request has one effect, and its repeats get the first answer, marked with `Idempotency-Replayed: true`. A string of 1 to 255 characters, with or without quotes. Kept for 24 hours at least.";
        parameters.push(json!({ "name": "Idempotency-Key", "in": "header", "required": false, "description": about, "schema": { "type": "string", "minLength": 1, "maxLength": 257 } }));
    }
    if !parameters.is_empty() {
        out.insert("parameters".into(), Value::Array(parameters));
    }
    if let Some((media, schema)) = &route.doc.request {
        let mut content = json!({ "schema": hoist(schema.clone(), components) });
        if let Some(example) = &route.doc.example {
            content["example"] = example.clone();
        }
        let mut contents = json!({ *media: content.clone() });
        if *media == "application/merge-patch+json" {
            contents["application/json"] = content;
        }
        out.insert("requestBody".into(), json!({ "required": !route.doc.bodiless, "content": contents }));
    }
    out.insert("responses".into(), responses(route, problem, components, shared));
    Value::Object(out)
}

/// Whether its answers carry an entity tag by which a caller can save itself the answer.
fn conditional(route: &Route) -> bool {
    route.method == http::Method::GET && route.doc.responses.iter().any(|(status, schema)| *status == 200 && schema.is_some())
}

/// Whether it honours an `Idempotency-Key` without being told so by the configuration.
fn repeatable(route: &Route) -> bool {
    let changes = route.method == http::Method::POST || route.method == http::Method::PATCH;
    changes && crate::replies::idempotency::repeatable(route)
}

/// What a caller of any route may be told.
const ANYWHERE: [Code; 15] = [
    Code::Malformed,
    Code::Invalid,
    Code::HttpsRequired,
    Code::BodyTooLarge,
    Code::UriTooLong,
    Code::HeadersTooLarge,
    Code::HostUnknown,
    Code::QuotaExceeded,
    Code::Overloaded,
    Code::Draining,
    Code::DatabaseUnavailable,
    Code::DatabaseBusy,
    Code::StatementTimeout,
    Code::HandlerTimeout,
    Code::Internal,
];

/// What a caller of this route may be told, in order of status.
fn problems(route: &Route) -> Vec<Code> {
    let mut problems = ANYWHERE.to_vec();
    if route.template.contains('{') {
        problems.push(Code::NotFound);
    }
    if !matches!(route.access, Access::Public { .. }) {
        problems.extend([
            Code::Unauthenticated,
            Code::CredentialInvalid,
            Code::CredentialExpired,
            Code::CredentialRevoked,
            Code::Forbidden,
            Code::CrossSite,
        ]);
    }
    if route.doc.request.is_some() {
        problems.extend([Code::UnsupportedMedia, Code::BodyTimeout]);
    }
    if route.method != http::Method::GET {
        problems.push(Code::StorageFull);
    }
    if repeatable(route) {
        problems.extend([
            Code::IdempotencyKeyInvalid,
            Code::IdempotencyKeyMissing,
            Code::IdempotencyKeyReused,
            Code::IdempotencyInProgress,
            Code::IdempotencyNotReplayable,
        ]);
    }
    problems.extend(&route.doc.problems);
    problems.sort_unstable_by_key(|code| (code.status(), *code));
    problems.dedup();
    problems
}

fn responses(route: &Route, problem: &Value, components: &mut Map<String, Value>, shared: &mut Map<String, Value>) -> Value {
    let mut all = Map::new();
    for (status, schema) in &route.doc.responses {
        let mut one = json!({ "description": phrase(*status), "headers": { "X-Request-Id": { "schema": { "type": "string" }, "description": "The id to quote when asking for help." } } });
        if let Some((media, schema)) = schema {
            one["content"] = json!({ *media: { "schema": hoist(schema.clone(), components) } });
        }
        all.insert(status.to_string(), one);
    }
    if conditional(route) {
        all.insert("304".into(), json!({ "description": phrase(304) }));
    }
    for codes in problems(route).chunk_by(|one, other| one.status() == other.status()) {
        let status = codes[0].status().to_string();
        match all.get_mut(&status) {
            // What the route answers with this status by itself stands beside its problems.
            Some(own) => {
                own["description"] = json!(format!("{}; {}", own["description"].as_str().unwrap_or_default(), told(codes)));
                own["x-plimsoll-problems"] = listed(codes);
            }
            None => {
                let name = shared_name(codes);
                let reference = json!({ "$ref": format!("#/components/responses/{name}") });
                shared.entry(name).or_insert_with(|| {
                    json!({
                        "description": told(codes), "content": { "application/problem+json": { "schema": problem } },
                        "x-plimsoll-problems": listed(codes),
                    })
                });
                all.insert(status, reference);
            }
        }
    }
    Value::Object(all)
}

fn told(codes: &[Code]) -> String {
    codes.iter().map(|code| format!("{} ({})", code.title(), code.stable())).collect::<Vec<_>>().join("; ")
}

fn listed(codes: &[Code]) -> Value {
    codes.iter().map(|code| json!({ "code": code.stable(), "title": code.title() })).collect()
}

/// The name under which routes share an answer of several problems with one status: the status, and
/// what is told besides what any route may tell. The same problems have the same name for ever.
fn shared_name(codes: &[Code]) -> String {
    let status = codes[0].status();
    let besides = codes.iter().filter(|code| !ANYWHERE.contains(code)).map(|code| code.stable().trim_start_matches("PLM-"));
    besides.fold(format!("Problem{status}"), |name, code| format!("{name}.{code}"))
}

fn phrase(status: u16) -> &'static str {
    http::StatusCode::from_u16(status).ok().and_then(|status| status.canonical_reason()).unwrap_or("Done")
}

/// Puts a schema among the components, under its name or, where another one has it, under the next free
/// one; the name it has there. Two types of one name are two schemas.
fn keep(name: &str, schema: Value, components: &mut Map<String, Value>) -> String {
    let names = std::iter::once(name.to_owned()).chain((2u32..).map(|number| format!("{name}{number}")));
    let free = names.into_iter().find(|name| components.get(name).is_none_or(|known| *known == schema));
    let name = free.unwrap_or_else(|| name.to_owned());
    components.insert(name.clone(), schema);
    name
}

/// Lets every reference to one place lead to another.
fn redirect(value: &mut Value, from: &str, to: &str) {
    match value {
        Value::Array(items) => items.iter_mut().for_each(|item| redirect(item, from, to)),
        Value::Object(fields) => fields.iter_mut().for_each(|(name, field)| match field {
            Value::String(place) if name == "$ref" && place == from => to.clone_into(place),
            field => redirect(field, from, to),
        }),
        _ => {}
    }
}

/// Moves every titled object and every `$defs` entry into the components and refers to it.
fn hoist(schema: Value, components: &mut Map<String, Value>) -> Value {
    match schema {
        Value::Array(items) => Value::Array(items.into_iter().map(|item| hoist(item, components)).collect()),
        Value::Object(mut object) => {
            object.shift_remove("$schema");
            if let Some(Value::Object(defs)) = object.shift_remove("$defs") {
                for (name, def) in defs {
                    let place = format!("#/$defs/{name}");
                    let kept = keep(&name, hoist(def, components), components);
                    if kept != name {
                        object.values_mut().for_each(|value| redirect(value, &place, &format!("#/$defs/{kept}")));
                    }
                }
            }
            if let Some(Value::String(path)) = object.get_mut("$ref") {
                *path = path.replace("#/$defs/", "#/components/schemas/");
            }
            // Properties are names, not keywords: a field may be called `title`.
            let mut plain: Map<String, Value> = Map::new();
            for (key, value) in object {
                let value = match (key.as_str(), value) {
                    ("properties", Value::Object(fields)) => {
                        Value::Object(fields.into_iter().map(|(name, field)| (name, hoist(field, components))).collect())
                    }
                    ("example" | "examples" | "default" | "enum" | "const", value) => value,
                    (_, value) => hoist(value, components),
                };
                plain.insert(key, value);
            }
            match plain.get("title").and_then(Value::as_str).map(str::to_owned) {
                Some(title) if plain.get("type") == Some(&json!("object")) => {
                    plain.shift_remove("title");
                    let name = keep(&title, Value::Object(plain), components);
                    json!({ "$ref": format!("#/components/schemas/{name}") })
                }
                _ => Value::Object(plain),
            }
        }
        other => other,
    }
}
