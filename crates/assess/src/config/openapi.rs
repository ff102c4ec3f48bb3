//! Descriptions of HTTP interfaces in files: OpenAPI and Swagger.
//!
//! `value openapi.operation` is one per operation, its value `GET /path`: `summary`, `id`, `tag`,
//! `response` (each), `example`, `security` (each), `deprecated`, `schema`. The rest stands at its
//! path: `openapi.info.version`, `openapi.servers.url`, `openapi.components.securitySchemes.X.type`.

use crate::fact::{Extract, Fact, Kind};

use super::{
    ending, json,
    node::At,
    sheet::{self, Sheet, yes},
    tool, yaml,
};

/// How many operations are read.
const OPERATIONS: usize = 3_000;

/// Reads a description.
pub fn read(path: &str, text: &str) -> Option<(&'static str, Extract)> {
    if !(text.contains("openapi") || text.contains("swagger")) || !text.contains("paths") {
        return None;
    }
    let doc = match ending(path) {
        "yml" | "yaml" => yaml::read(text),
        "json" => json::read(text),
        _ => return None,
    };
    let root = doc.first()?;
    let version = root.get("openapi").or_else(|| root.get("swagger"))?;
    let paths = root.get("paths")?;
    let mut sheet = Sheet::default();
    sheet.push(Fact::new(Kind::Value, "openapi.version", version.line(), version.end()).with("value", sheet::value(version.text()?)));
    for key in ["info", "servers", "security", "tags", "host", "schemes", "securityDefinitions"] {
        if let Some(at) = root.get(key) {
            tool::known(&mut sheet, at, &format!("openapi.{key}"));
        }
    }
    if let Some(at) = root.path(&["components", "securitySchemes"]) {
        tool::known(&mut sheet, at, "openapi.components.securitySchemes");
    }
    for (name, line, at) in
        root.path(&["components", "schemas"]).or_else(|| root.get("definitions")).iter().flat_map(|at| at.entries()).take(OPERATIONS)
    {
        sheet.push(
            Fact::new(Kind::Value, "openapi.schema", line, at.end())
                .with("value", sheet::value(name))
                .with("example", yes(has_example(at))),
        );
    }
    let secured = root.get("security").is_some();
    let operations =
        paths.entries().flat_map(|(route, _, methods)| methods.entries().map(move |(method, line, at)| (route, method, line, at)));
    let methods = ["get", "put", "post", "delete", "patch", "head", "options", "trace"];
    for (route, method, line, at) in operations.filter(|(_, method, _, _)| methods.contains(method)).take(OPERATIONS) {
        sheet.push(operation(route, method, line, at, secured));
    }
    sheet.trouble(doc.trouble.iter().cloned());
    Some(("openapi", sheet.done()))
}

fn operation(route: &str, method: &str, line: u32, at: At<'_>, secured: bool) -> Fact {
    let title = format!("{} {route}", method.to_ascii_uppercase());
    let mut fact = Fact::new(Kind::Value, "openapi.operation", line, at.end())
        .with("value", sheet::value(&title))
        .with("summary", yes(at.get("summary").or_else(|| at.get("description")).is_some()))
        .with("example", yes(has_example(at)))
        .with("deprecated", yes(at.text_of("deprecated") == Some("true")));
    if let Some(id) = at.text_of("operationId") {
        fact = fact.with("id", sheet::value(id));
    }
    for tag in at.get("tags").map(|tags| tags.words()).unwrap_or_default().into_iter().take(16) {
        fact = fact.with("tag", sheet::value(tag));
    }
    for (status, _, _) in at.get("responses").iter().flat_map(|at| at.entries()).take(32) {
        fact = fact.with("response", sheet::value(status));
    }
    match at.get("security") {
        Some(list) if list.items().next().is_none() => fact.with("security", "none"),
        Some(list) => {
            let schemes: Vec<&str> =
                list.items().flat_map(|item| item.entries().map(|(name, _, _)| name).collect::<Vec<_>>()).take(16).collect();
            schemes.into_iter().fold(fact, |fact, name| fact.with("security", sheet::value(name)))
        }
        None if secured => fact.with("security", "global"),
        None => fact,
    }
}

fn has_example(at: At<'_>) -> bool {
    at.leaves("", &[]).iter().any(|leaf| leaf.path.split('.').any(|key| matches!(key, "example" | "examples" | "x-example")))
}
