//! Resources of the service under test, as its own description shows them.
//!
//! A probe that acts on objects takes what is there: a collection that can be listed and added to,
//! with an example of a body, and an address for each object.

use plimsoll_assess::{
    Rig, Trouble,
    rig::{Reply, Tenant, delete, get, post},
};
use serde_json::{Value, json};

/// A collection with objects.
#[derive(Debug, Clone)]
pub(crate) struct Resource {
    /// Where it is: `/v1/songs`.
    pub(crate) path: String,
    /// A body that is accepted.
    pub(crate) example: Value,
    /// The schema of a body.
    schema: Value,
    /// Names of the query parameters of its list.
    pub(crate) parameters: Vec<String>,
    /// Names by which its list can be sorted.
    sorted: Vec<String>,
    /// Whether many can be created at once, at `/bulk` below it.
    pub(crate) bulk: bool,
}

/// A field of one resource that refers to another.
#[derive(Debug, Clone)]
pub(crate) struct Relation {
    /// What is referred to.
    pub(crate) parent: Resource,
    /// What refers.
    pub(crate) child: Resource,
    /// The child's field with the parent's id.
    pub(crate) field: String,
}

impl Resource {
    /// Where one object is.
    pub(crate) fn item(&self, id: &Value) -> String {
        format!("{}/{}", self.path, id.to_string().trim_matches('"'))
    }

    /// How one object is called in the transcript.
    pub(crate) fn shown(&self) -> String {
        format!("{}/{{id}}", self.path)
    }

    fn names(&self, wanted: impl Fn(&str, &Value) -> bool) -> Vec<String> {
        let fields = self.schema["properties"].as_object().into_iter().flatten();
        fields.filter(|(name, field)| wanted(name, field)).map(|(name, _)| name.clone()).collect()
    }

    /// A field that has to be there and holds text without a form of its own.
    pub(crate) fn text(&self) -> Option<String> {
        let required: Vec<&str> = self.schema["required"].as_array().into_iter().flatten().filter_map(Value::as_str).collect();
        let plain = |name: &str, field: &Value| required.contains(&name) && is(field, "string") && field.get("format").is_none();
        self.names(plain).into_iter().next()
    }

    /// A field that may be left out and is not a reference.
    pub(crate) fn optional(&self) -> Option<String> {
        let required: Vec<&str> = self.schema["required"].as_array().into_iter().flatten().filter_map(Value::as_str).collect();
        self.names(|name, _| !required.contains(&name) && !name.ends_with("_id") && !self.example[name].is_null()).into_iter().next()
    }

    /// A number by which the list can be sorted and narrowed.
    pub(crate) fn number(&self) -> Option<String> {
        let wanted = |name: &str, field: &Value| is(field, "number") && self.sorts_by(name) && self.takes(&format!("{name}[from]"));
        self.names(wanted).into_iter().next()
    }

    /// Whether its list can be sorted by this field.
    pub(crate) fn sorts_by(&self, name: &str) -> bool {
        self.sorted.iter().any(|known| known == name)
    }

    /// Whether its list takes this parameter.
    pub(crate) fn takes(&self, parameter: &str) -> bool {
        self.parameters.iter().any(|known| known == parameter)
    }

    /// The example with these fields instead of its own.
    pub(crate) fn body(&self, fields: &[(&str, Value)]) -> Value {
        let mut body = self.example.clone();
        for (name, value) in fields {
            body[*name] = value.clone();
        }
        body
    }
}

fn is(field: &Value, kind: &str) -> bool {
    let given = &field["type"];
    given == kind || given.as_array().is_some_and(|kinds| kinds.iter().any(|one| one == kind))
}

/// Every resource, in the order of the description.
///
/// # Errors
/// When the service describes none.
pub(crate) async fn resources(rig: &mut Rig) -> Result<Vec<Resource>, Trouble> {
    let description = rig.description().await?;
    let found = read(&description);
    if found.is_empty() {
        Err(Trouble::new("the description shows no collection whose objects can be made and changed"))
    } else {
        Ok(found)
    }
}

/// The first resource for which this holds.
///
/// # Errors
/// When there is none.
pub(crate) async fn first(rig: &mut Rig, wanted: impl Fn(&Resource) -> bool, what: &str) -> Result<Resource, Trouble> {
    let all = resources(rig).await?;
    all.into_iter().find(wanted).ok_or_else(|| Trouble::new(format!("the description shows no collection {what}")))
}

/// The first relation.
///
/// # Errors
/// When no resource refers to another.
pub(crate) async fn relation(rig: &mut Rig) -> Result<Relation, Trouble> {
    let all = resources(rig).await?;
    for child in &all {
        for field in child.names(|name, field| name.ends_with("_id") && is(field, "integer")) {
            let noun = field.trim_end_matches("_id");
            let parent = all.iter().find(|parent| parent.path.rsplit('/').next().is_some_and(|last| last.starts_with(noun)));
            if let Some(parent) = parent.filter(|parent| parent.path != child.path) {
                return Ok(Relation { parent: parent.clone(), child: child.clone(), field });
            }
        }
    }
    Err(Trouble::new("the description shows no collection whose objects refer to another"))
}

fn read(description: &Value) -> Vec<Resource> {
    let paths = &description["paths"];
    let mut found = Vec::new();
    for (path, item) in paths.as_object().into_iter().flatten() {
        let content = &item["post"]["requestBody"]["content"]["application/json"];
        let one = &paths[format!("{path}/{{id}}")];
        let whole = ["get", "put", "patch", "delete"].iter().all(|method| one.get(*method).is_some());
        if !whole || item.get("get").is_none() || !content["example"].is_object() {
            continue;
        }
        let listed = item["get"]["parameters"].as_array().cloned().unwrap_or_default();
        let parameters =
            listed.iter().filter(|one| one["in"] == "query").filter_map(|one| Some(one["name"].as_str()?.to_owned())).collect();
        let sort = listed.iter().find(|one| one["name"] == "sort").and_then(|one| one["schema"]["pattern"].as_str()).unwrap_or("");
        let sorted = sort.split(['(', ')']).nth(1).map(|names| names.split('|').map(str::to_owned).collect()).unwrap_or_default();
        let schema = match content["schema"]["$ref"].as_str() {
            Some(reference) => description.pointer(reference.trim_start_matches('#')).cloned().unwrap_or_default(),
            None => content["schema"].clone(),
        };
        let bulk = paths[format!("{path}/bulk")].get("post").is_some();
        found.push(Resource { path: path.clone(), example: content["example"].clone(), schema, parameters, sorted, bulk });
    }
    found
}

/// Makes one object and answers with its id.
///
/// # Errors
/// When the service refuses.
pub(crate) async fn make(rig: &mut Rig, tenant: &Tenant, resource: &Resource, body: &Value) -> Result<Value, Trouble> {
    let reply = rig.quietly(post(&resource.path).bearer(&tenant.owner).json(body)).await?;
    let id = reply.json()["id"].clone();
    if reply.good() && !id.is_null() {
        Ok(id)
    } else {
        Err(Trouble::new(format!("POST {} did not make an object: {}", resource.path, reply.line())))
    }
}

/// Makes many, in calls of forty where the service takes many at once.
///
/// # Errors
/// When the service refuses.
pub(crate) async fn make_many(rig: &mut Rig, tenant: &Tenant, resource: &Resource, bodies: Vec<Value>) -> Result<(), Trouble> {
    if !resource.bulk {
        for body in &bodies {
            make(rig, tenant, resource, body).await?;
        }
        return Ok(());
    }
    for part in bodies.chunks(40) {
        let reply = rig.quietly(post(format!("{}/bulk", resource.path)).bearer(&tenant.owner).json(&json!({ "items": part }))).await?;
        if !reply.good() || reply.number("/created") != i64::try_from(part.len()).ok() {
            return Err(Trouble::new(format!("POST {}/bulk did not make {} objects: {}", resource.path, part.len(), reply.line())));
        }
    }
    Ok(())
}

/// How many objects there are.
///
/// # Errors
/// When the service does not say.
pub(crate) async fn count(rig: &mut Rig, tenant: &Tenant, resource: &Resource) -> Result<i64, Trouble> {
    let reply = rig.quietly(get(format!("{}?page_size=1", resource.path)).bearer(&tenant.owner)).await?;
    let total = reply.number("/pagination/total_items");
    total.ok_or_else(|| Trouble::new(format!("GET {} does not say how many there are: {}", resource.path, reply.line())))
}

/// Deletes one.
///
/// # Errors
/// When no answer comes.
pub(crate) async fn remove(rig: &mut Rig, tenant: &Tenant, resource: &Resource, id: &Value) -> Result<Reply, Trouble> {
    rig.send(delete(resource.item(id)).bearer(&tenant.owner).shown(resource.shown())).await
}

/// The items of a list's answer.
pub(crate) fn items(reply: &Reply) -> Vec<Value> {
    reply.json()["items"].as_array().cloned().unwrap_or_default()
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::read;

    #[test]
    fn a_collection_is_found_with_what_can_be_asked_of_it() {
        let one = json!({ "get": {}, "put": {}, "patch": {}, "delete": {} });
        let description = json!({
            "paths": {
                "/v1/things": {
                    "get": { "parameters": [
                        { "name": "sort", "in": "query", "schema": { "pattern": "^-?(name|size|id)(,-?(name|size|id)){0,2}$" } },
                        { "name": "size[from]", "in": "query" },
                        { "name": "If-None-Match", "in": "header" },
                    ] },
                    "post": { "requestBody": { "content": { "application/json": {
                        "schema": { "$ref": "#/components/schemas/Thing" }, "example": { "name": "a", "size": 1.5, "maker_id": null },
                    } } } },
                },
                "/v1/things/{id}": one,
                "/v1/things/bulk": { "post": {} },
                "/v1/logins": { "post": {} },
            },
            "components": { "schemas": { "Thing": { "required": ["name"], "properties": {
                "name": { "type": "string" }, "size": { "type": ["number", "null"] }, "maker_id": { "type": ["integer", "null"] },
            } } } },
        });
        let found = read(&description);
        assert_eq!(found.len(), 1);
        let thing = &found[0];
        assert_eq!((thing.path.as_str(), thing.bulk), ("/v1/things", true));
        assert_eq!(
            (thing.text().as_deref(), thing.number().as_deref(), thing.optional().as_deref()),
            (Some("name"), Some("size"), Some("size"))
        );
        assert!(thing.sorts_by("size") && !thing.sorts_by("maker_id") && !thing.takes("If-None-Match"));
        assert_eq!(thing.item(&json!(7)), "/v1/things/7");
        assert_eq!(thing.item(&json!("t_1")), "/v1/things/t_1");
    }
}
