//! What a service says about itself: its OpenAPI description, read with suspicion.
//!
//! OpenAPI 3.0 and 3.1 in full measure; of Swagger 2.0 only which operations there are. The
//! document comes from a foreign program, so its size, depth and numbers are bounded, nothing it
//! refers to is fetched, and one that cannot be read in full is not read at all: half a list of
//! operations would leave rules without what they are about.

use std::{
    collections::HashSet,
    sync::{Arc, Mutex, PoisonError, atomic::AtomicU64},
};

use http::Method;
use serde_json::{Map, Value};

use super::template::Template;

/// Most operations of one description.
const OPERATIONS: usize = 5_000;
/// Most parameters of one operation.
const PARAMETERS: usize = 200;
/// Most base paths that `servers` may name.
const BASES: usize = 8;
/// Longest name of an operation, a tag or a parameter, in bytes.
const NAME: usize = 300;
/// How many references may lead to one another.
const HOPS: usize = 16;
/// Templates that are kept for logs and metrics over the life of the process.
const KEPT: usize = 20_000;

const METHODS: [(&str, Method); 8] = [
    ("get", Method::GET),
    ("put", Method::PUT),
    ("post", Method::POST),
    ("delete", Method::DELETE),
    ("options", Method::OPTIONS),
    ("head", Method::HEAD),
    ("patch", Method::PATCH),
    ("trace", Method::TRACE),
];

/// Every operation of a service.
#[derive(Debug)]
pub struct Description {
    /// `OpenAPI 3.1.0`, for people.
    pub form: String,
    /// In the order of the document.
    pub operations: Vec<Arc<Operation>>,
}

/// One operation.
#[derive(Debug)]
pub struct Operation {
    /// GET, POST, …
    pub method: Method,
    /// The path as logs and metrics name it.
    pub template: &'static str,
    /// Every path under which the service may answer it: one per base path of `servers`.
    pub places: Vec<Template>,
    /// `operationId`, which some descriptions give to several; `METHOD template` where there is none.
    pub id: String,
    /// Groups it belongs to.
    pub tags: Vec<String>,
    /// What may stand in path, query and headers.
    pub parameters: Vec<Parameter>,
    /// The body, where one is described.
    pub body: Option<BodyDoc>,
    /// The whole document, for its references.
    pub root: Arc<Value>,
    /// When it was last asked for, in microseconds since 1970; 0 for never.
    pub seen: AtomicU64,
    /// How often it was asked for.
    pub count: AtomicU64,
}

/// One parameter.
#[derive(Debug)]
pub struct Parameter {
    /// Its name.
    pub name: String,
    /// `path`, `query` or `header`.
    pub place: Place,
    /// Whether a request without it breaks the description.
    pub required: bool,
    /// Whether several values come as several parameters (`a=1&a=2`) rather than `a=1,2`.
    pub explode: bool,
    /// Its schema; nothing for what cannot be checked.
    pub schema: Option<Value>,
}

/// Where a parameter stands.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Place {
    /// In the path.
    Path,
    /// Behind the question mark.
    Query,
    /// In a header.
    Header,
}

/// A described body.
#[derive(Debug)]
pub struct BodyDoc {
    /// Whether a request without one breaks the description.
    pub required: bool,
    /// Media types in lower case, with their schemas.
    pub media: Vec<(String, Option<Value>)>,
}

/// Reads a document.
///
/// # Errors
/// A sentence for operators that says why it cannot be used.
pub fn read(bytes: &[u8], prefix: &str) -> Result<Description, String> {
    let root = crate::json::parse(bytes).map_err(|error| format!("it is no JSON document: {}", error.public()))?;
    let version = |key: &str| root.get(key).and_then(Value::as_str).map(|text| text.chars().take(20).collect::<String>());
    let root = Arc::new(root.clone());
    match (version("openapi"), version("swagger")) {
        (Some(version), _) if version.starts_with("3.") => {
            collect(&root, format!("OpenAPI {version}"), &bases(&root, prefix), prefix, true)
        }
        (_, Some(version)) if version.starts_with("2.") => {
            let base = root.get("basePath").and_then(Value::as_str).map(plain_base);
            let bases: Vec<String> = [Some(String::new()), base].into_iter().flatten().collect();
            collect(&root, format!("Swagger {version}"), &bases, prefix, false)
        }
        _ => Err("it says neither `openapi: 3.x` nor `swagger: 2.x`".to_owned()),
    }
}

/// The base paths that `servers` names, and none at all: whether the service or something before
/// it takes the base away is not said, so both are believed.
fn bases(root: &Value, prefix: &str) -> Vec<String> {
    let mut found = vec![String::new()];
    for server in root.get("servers").and_then(Value::as_array).into_iter().flatten().take(BASES) {
        let Some(url) = server.get("url").and_then(Value::as_str) else { continue };
        let mut url = url.to_owned();
        for (name, variable) in server.get("variables").and_then(Value::as_object).into_iter().flatten() {
            url = url.replace(&format!("{{{name}}}"), variable.get("default").and_then(Value::as_str).unwrap_or_default());
        }
        let path = match url.split_once("://") {
            Some((_, rest)) => rest.split_once('/').map(|(_, path)| format!("/{path}")).unwrap_or_default(),
            None => url,
        };
        found.push(plain_base(&path));
    }
    if !prefix.is_empty() {
        found.push(prefix.to_owned());
    }
    found.sort();
    found.dedup();
    found
}

fn plain_base(path: &str) -> String {
    let path = path.split(['?', '#']).next().unwrap_or_default().trim_end_matches('/');
    if path.is_empty() || path.starts_with('/') { path.to_owned() } else { format!("/{path}") }
}

fn collect(root: &Arc<Value>, form: String, bases: &[String], prefix: &str, full: bool) -> Result<Description, String> {
    let paths = root.get("paths").and_then(Value::as_object);
    let empty = Map::new();
    let paths = match paths {
        Some(paths) => paths,
        None if full => &empty,
        None => return Err("it has no `paths`".to_owned()),
    };
    let mut operations = Vec::new();
    for (path, item) in paths.iter().filter(|(path, _)| !path.starts_with("x-")) {
        let item = resolve(root, item).ok_or_else(|| format!("the path `{}` refers to something that is not in it", shown(path)))?;
        for (name, method) in &METHODS {
            let Some(operation) = item.get(*name) else { continue };
            if operations.len() == OPERATIONS {
                return Err(format!("it has more than {OPERATIONS} operations"));
            }
            let places: Result<Vec<Template>, String> = bases.iter().map(|base| Template::parse(&format!("{base}{path}"))).collect();
            let places = places.map_err(|why| format!("the path `{}` cannot be used: {why}", shown(path)))?;
            let best = if prefix.is_empty() || path.starts_with(prefix) { path.clone() } else { format!("{prefix}{path}") };
            let id = operation.get("operationId").and_then(Value::as_str).map_or_else(|| format!("{method} {path}"), str::to_owned);
            if id.len() > NAME || id.chars().any(char::is_control) {
                return Err(format!("the operation {method} {} has a name that is too long or no text", shown(path)));
            }
            operations.push(Arc::new(Operation {
                method: method.clone(),
                template: kept(&best),
                places,
                id,
                tags: texts(operation.get("tags")),
                parameters: if full { parameters(root, item, operation)? } else { Vec::new() },
                body: if full { body(root, operation) } else { None },
                root: root.clone(),
                seen: AtomicU64::new(0),
                count: AtomicU64::new(0),
            }));
        }
    }
    Ok(Description { form, operations })
}

fn texts(list: Option<&Value>) -> Vec<String> {
    let list = list.and_then(Value::as_array).into_iter().flatten();
    list.filter_map(Value::as_str).filter(|text| text.len() <= NAME).map(str::to_owned).collect()
}

fn parameters(root: &Value, item: &Value, operation: &Value) -> Result<Vec<Parameter>, String> {
    let mut found: Vec<Parameter> = Vec::new();
    let lists = [operation, item].map(|holder| holder.get("parameters").and_then(Value::as_array));
    for one in lists.into_iter().flatten().flatten() {
        let Some(one) = resolve(root, one) else { continue };
        let place = match one.get("in").and_then(Value::as_str) {
            Some("path") => Place::Path,
            Some("query") => Place::Query,
            Some("header") => Place::Header,
            _ => continue,
        };
        let Some(name) = one.get("name").and_then(Value::as_str).filter(|name| name.len() <= NAME) else { continue };
        // The operation's own goes before that of its path.
        if found.iter().any(|known| known.place == place && known.name == name) {
            continue;
        }
        if found.len() == PARAMETERS {
            return Err(format!("an operation has more than {PARAMETERS} parameters"));
        }
        let style = one.get("style").and_then(Value::as_str);
        let usual = matches!((place, style), (_, None) | (Place::Query, Some("form")) | (Place::Path | Place::Header, Some("simple")));
        found.push(Parameter {
            name: name.to_owned(),
            place,
            required: place == Place::Path || one.get("required").and_then(Value::as_bool).unwrap_or(false),
            explode: one.get("explode").and_then(Value::as_bool).unwrap_or(place == Place::Query),
            schema: one.get("schema").filter(|_| usual).cloned(),
        });
    }
    Ok(found)
}

fn body(root: &Value, operation: &Value) -> Option<BodyDoc> {
    let body = resolve(root, operation.get("requestBody")?)?;
    let media = body.get("content")?.as_object()?;
    Some(BodyDoc {
        required: body.get("required").and_then(Value::as_bool).unwrap_or(false),
        media: media.iter().map(|(name, media)| (name.to_ascii_lowercase(), media.get("schema").cloned())).collect(),
    })
}

/// Follows references inside the document; nothing when one leads out of it, nowhere or in a circle.
pub fn resolve<'v>(root: &'v Value, mut value: &'v Value) -> Option<&'v Value> {
    for _ in 0..HOPS {
        match value.get("$ref") {
            None => return Some(value),
            Some(reference) => value = root.pointer(&super::reading::decoded(reference.as_str()?.strip_prefix('#')?))?,
        }
    }
    None
}

fn shown(text: &str) -> String {
    text.chars().filter(|c| !c.is_control()).take(100).collect()
}

/// The same text for as long as the process lives: logs and metrics compare templates by address.
/// What a service invents anew with every start is not kept without end.
pub fn kept(text: &str) -> &'static str {
    static TEXTS: Mutex<Option<HashSet<&'static str>>> = Mutex::new(None);
    let mut texts = TEXTS.lock().unwrap_or_else(PoisonError::into_inner);
    let texts = texts.get_or_insert_default();
    if let Some(known) = texts.get(text) {
        return known;
    }
    if texts.len() >= KEPT {
        return "/{*path}";
    }
    let leaked: &'static str = String::leak(text.to_owned());
    texts.insert(leaked);
    leaked
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    fn described(document: &Value) -> Result<Description, String> {
        read(document.to_string().as_bytes(), "")
    }

    #[test]
    fn operations_are_read_with_tags_parameters_and_body() {
        let found = described(&json!({
            "openapi": "3.1.0", "servers": [{ "url": "https://api.example/{stage}/", "variables": { "stage": { "default": "v2" } } }],
            "paths": {
                "/items/{id}": {
                    "parameters": [{ "name": "id", "in": "path", "schema": { "type": "integer" } }, { "$ref": "#/components/parameters/page" }],
                    "get": { "operationId": "item", "tags": ["items"], "parameters": [{ "name": "page", "in": "query", "required": true }] },
                    "put": { "requestBody": { "required": true, "content": { "application/JSON": { "schema": { "type": "object" } } } } },
                },
                "x-note": 1,
            },
            "components": { "parameters": { "page": { "name": "page", "in": "query", "schema": { "type": "integer" } } } },
        }))
        .unwrap();
        let [get, put] = found.operations.as_slice() else { panic!("{found:?}") };
        assert_eq!(
            (get.id.as_str(), get.template, get.tags.as_slice(), get.places.len()),
            ("item", "/items/{id}", &["items".to_owned()][..], 2)
        );
        assert_eq!(get.places[1], Template::parse("/v2/items/{id}").unwrap());
        let page = get.parameters.iter().find(|one| one.name == "page").unwrap();
        assert!(page.required && page.schema.is_none(), "the operation's own goes first");
        assert_eq!(put.id, "PUT /items/{id}");
        assert_eq!(put.body.as_ref().unwrap().media[0].0, "application/json");
        assert_eq!(put.parameters.len(), 2);
    }

    #[test]
    fn of_swagger_only_the_operations_are_read() {
        let found = described(&json!({ "swagger": "2.0", "basePath": "/api/", "paths": { "/a": { "get": { "parameters": [{ "name": "x", "in": "query", "required": true }] } } } })).unwrap();
        assert_eq!((found.operations[0].places.len(), found.operations[0].parameters.len(), found.form.as_str()), (2, 0, "Swagger 2.0"));
    }

    #[test]
    fn what_cannot_be_read_in_full_is_not_read() {
        let many: Map<String, Value> = (0..=OPERATIONS).map(|n| (format!("/{n}"), json!({ "get": {} }))).collect();
        for (document, why) in [
            (json!([]), "neither"),
            (json!({ "openapi": "4.0" }), "neither"),
            (json!({ "openapi": 3 }), "neither"),
            (json!({ "swagger": "2.0" }), "no `paths`"),
            (json!({ "openapi": "3.0.0", "paths": { "a": { "get": {} } } }), "begins with"),
            (json!({ "openapi": "3.0.0", "paths": { "/{a": { "get": {} } } }), "braces"),
            (json!({ "openapi": "3.0.0", "paths": { "/a": { "$ref": "https://evil.example/x.json" } } }), "refers to something"),
            (json!({ "openapi": "3.0.0", "paths": { "/a": { "$ref": "#/paths/~1a" } } }), "refers to something"),
            (json!({ "openapi": "3.0.0", "paths": { "/a": { "get": { "operationId": "x".repeat(301) } } } }), "too long"),
            (json!({ "openapi": "3.0.0", "paths": many }), "more than"),
        ] {
            let said = described(&document).unwrap_err();
            assert!(said.contains(why), "{said}");
        }
        assert!(read(b"openapi: 3.0.0", "").unwrap_err().contains("no JSON"));
        assert!(read("[".repeat(100_000).as_bytes(), "").unwrap_err().contains("recursion"));
    }
}
