//! The live API description as a list of requests.

use std::collections::BTreeMap;

use http::Method;
use plimsoll_testkit::http::Request;
use serde_json::{Value, json};

use crate::house::Caller;

/// One operation of the description.
#[derive(Clone)]
pub struct Operation {
    pub method: Method,
    pub template: String,
    pub id: String,
    pub access: Value,
    pub parameters: Vec<Value>,
    /// Media type and example of the body, where there is one.
    pub body: Option<(String, Option<Value>)>,
    pub responses: Value,
}

/// Every operation that the server describes.
pub async fn operations(caller: &Caller) -> Vec<Operation> {
    let document = caller.get("/openapi.json").await.expect(200).json();
    let mut all = Vec::new();
    for (template, methods) in document["paths"].as_object().unwrap() {
        for (method, operation) in methods.as_object().unwrap() {
            let body = operation["requestBody"]["content"].as_object().and_then(|contents| contents.iter().next());
            all.push(Operation {
                method: method.to_uppercase().parse().unwrap(),
                template: template.clone(),
                id: operation["operationId"].as_str().unwrap().to_owned(),
                access: operation["x-plimsoll-access"].clone(),
                parameters: operation["parameters"].as_array().cloned().unwrap_or_default(),
                body: body.map(|(media, content)| (media.clone(), content.get("example").cloned())),
                responses: operation["responses"].clone(),
            });
        }
    }
    assert!(all.len() > 40, "the description lists only {} operations", all.len());
    all
}

/// What stands for `{id}`, by the segment before it: `songs` for `/v1/songs/{id}`.
pub type Ids = BTreeMap<&'static str, String>;

impl Operation {
    /// Whether it is about one thing, named in the address.
    pub fn is_item(&self) -> bool {
        self.template.contains('{')
    }
    /// Whether it is about what belongs to the host and to no tenant: a mounted service, the backups.
    pub fn is_of_the_host(&self) -> bool {
        ["/v1/upstreams", "/v1/release", "/v1/backups", "/v1/drills"].iter().any(|path| self.template.starts_with(path))
    }
    pub fn is_public(&self) -> bool {
        self.access.get("public").is_some()
    }
    /// The permission and the weakest role that holds it.
    pub fn needs(&self) -> Option<(&str, &str)> {
        Some((self.access["permission"].as_str()?, self.access["role"].as_str()?))
    }

    /// The address with `ids` filled in.
    ///
    /// # Panics
    /// When the test does not know what belongs there: whoever adds a route with a parameter of
    /// a new kind teaches the walk where one comes from.
    pub fn path(&self, ids: &Ids) -> String {
        let mut path = String::new();
        let mut before = "";
        for segment in self.template.split('/').skip(1) {
            path.push('/');
            match segment.strip_prefix('{') {
                None => path.push_str(segment),
                Some(_) => match ids.get(before) {
                    Some(id) => path.push_str(id),
                    None => panic!(
                        "{} {}: the walk knows nothing to put into {segment} after `{before}`; make such a thing in the walk's tenant and add its id",
                        self.method, self.template
                    ),
                },
            }
            before = segment;
        }
        if let Some(parameter) = self.parameters.iter().find(|one| one["in"] != "path" && one["required"] == true) {
            panic!("{} {}: the walk cannot fill the required parameter {parameter}; teach it", self.method, self.template);
        }
        path
    }

    /// The example body, with every reference to another thing replaced by one from `ids`.
    pub fn example(&self, ids: &Ids) -> Option<Value> {
        let (_, example) = self.body.as_ref()?;
        let Some(example) = example else {
            panic!(
                "{} {}: the body has no example, so the walk cannot send one; add `.example(…)` to the route",
                self.method, self.template
            );
        };
        let mut example = example.clone();
        refer(&mut example, ids);
        Some(example)
    }

    /// The request with `ids` in its address and body.
    pub fn request(&self, caller: &Caller, ids: &Ids) -> Request {
        self.send(caller, &self.path(ids), self.example(ids))
    }

    /// The request to `path` with this body.
    pub fn send(&self, caller: &Caller, path: &str, body: Option<Value>) -> Request {
        let request = caller.request(self.method.clone(), path);
        match (body, &self.body) {
            (Some(body), Some((media, _))) => request.header("content-type", media).body(body.to_string()),
            _ => request,
        }
    }
}

/// Puts ids into the fields whose name says what they refer to: `artist_id`.
pub fn refer(value: &mut Value, ids: &Ids) {
    match value {
        Value::Array(items) => items.iter_mut().for_each(|item| refer(item, ids)),
        Value::Object(fields) => {
            for (name, field) in fields {
                let known = name.strip_suffix("_id").and_then(|noun| ids.get(format!("{noun}s").as_str()));
                match known {
                    Some(id) => *field = id.parse::<i64>().map_or_else(|_| json!(id), |number| json!(number)),
                    None => refer(field, ids),
                }
            }
        }
        _ => {}
    }
}
