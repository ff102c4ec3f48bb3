//! The service's own description, taken apart for walks over every operation.

use http::Method;
use plimsoll_assess::{
    Rig, Trouble,
    rig::{Ask, get, request},
};
use serde_json::Value;

/// An id that fits every path parameter and belongs to nobody.
pub(crate) const NOBODY: &str = "1000000007";

/// One operation as it is described.
#[derive(Debug, Clone)]
pub(crate) struct Operation {
    /// In capitals.
    pub method: String,
    /// With `{parameters}`.
    pub path: String,
    /// Whether it says that nobody needs a credential.
    pub public: bool,
    /// The weakest role that may, and the permission, where it names one.
    pub needs: Option<(String, String)>,
    /// The media type, the schema and the example of its body.
    pub body: Option<(String, Value, Value)>,
    /// Its query parameters with their schemas.
    pub query: Vec<(String, Value)>,
    /// Whether it says that each read is put on record.
    pub recorded: bool,
}

impl Operation {
    /// `GET /v1/songs/{id}`
    pub fn name(&self) -> String {
        format!("{} {}", self.method, self.path)
    }
    /// Whether it only reads.
    pub fn reads(&self) -> bool {
        self.method == "GET"
    }
    /// Whether its path names an object.
    pub fn one(&self) -> bool {
        self.path.contains('{')
    }
    /// A request for it, with `id` in place of every parameter.
    pub fn ask(&self, id: &str) -> Ask {
        let filled: Vec<&str> = self.path.split('/').map(|part| if part.starts_with('{') { id } else { part }).collect();
        match Method::from_bytes(self.method.as_bytes()) {
            Ok(method) => request(method, filled.join("/")).shown(self.path.clone()),
            Err(_) => get(filled.join("/")),
        }
    }
    /// The same with the example as its body, where it takes one.
    pub fn exemplary(&self, id: &str) -> Ask {
        match &self.body {
            Some((media, _, example)) => self.ask(id).header("content-type", media).body(example.to_string()),
            None => self.ask(id),
        }
    }
}

/// Roles, weakest first.
pub(crate) const ROLES: [&str; 4] = ["viewer", "editor", "admin", "owner"];

/// How strong a role is.
pub(crate) fn strength(role: &str) -> usize {
    ROLES.iter().position(|known| *known == role).unwrap_or(ROLES.len())
}

/// Every operation that the service describes.
pub(crate) async fn operations(rig: &mut Rig) -> Result<Vec<Operation>, Trouble> {
    let description = rig.description().await?;
    let mut found = Vec::new();
    for (path, item) in description.pointer("/paths").and_then(Value::as_object).into_iter().flatten() {
        // What private instances have for causing faults is no part of the service.
        if path.starts_with("/v1/rehearsal") {
            continue;
        }
        for (method, operation) in item.as_object().into_iter().flatten() {
            if !["get", "put", "post", "patch", "delete"].contains(&method.as_str()) {
                continue;
            }
            let access = &operation["x-plimsoll-access"];
            let text = |value: &Value| value.as_str().map(str::to_owned);
            let content = operation.pointer("/requestBody/content").and_then(Value::as_object);
            found.push(Operation {
                method: method.to_uppercase(),
                path: path.clone(),
                recorded: operation["x-plimsoll-recorded"] == true,
                public: operation["security"].as_array().is_some_and(Vec::is_empty),
                needs: text(&access["role"]).zip(text(&access["permission"])),
                body: content.and_then(|content| content.iter().next()).map(|(media, body)| {
                    let example = body.get("example").cloned().unwrap_or(Value::Null);
                    (media.clone(), resolved(&body["schema"], &description, 0), example)
                }),
                query: operation["parameters"]
                    .as_array()
                    .into_iter()
                    .flatten()
                    .filter(|parameter| parameter["in"] == "query")
                    .filter_map(|parameter| Some((text(&parameter["name"])?, parameter["schema"].clone())))
                    .collect(),
            });
        }
    }
    if found.is_empty() { Err(Trouble::new("the description lists no operation")) } else { Ok(found) }
}

/// The schema with every reference replaced by what it refers to.
fn resolved(schema: &Value, document: &Value, depth: usize) -> Value {
    if depth > 12 {
        return Value::Null;
    }
    match schema {
        Value::Object(fields) => match fields.get("$ref").and_then(Value::as_str).and_then(|path| path.strip_prefix('#')) {
            Some(pointer) => resolved(document.pointer(pointer).unwrap_or(&Value::Null), document, depth + 1),
            None => fields.iter().map(|(name, value)| (name.clone(), resolved(value, document, depth + 1))).collect(),
        },
        Value::Array(items) => items.iter().map(|item| resolved(item, document, depth + 1)).collect(),
        other => other.clone(),
    }
}
