//! What the service says about itself, and whether it is so.

use std::collections::BTreeSet;

use plimsoll_assess::{
    Rig, Trouble,
    rig::{get, options},
};
use serde_json::Value;

/// Ids that fit every path parameter and belong to nobody.
const NOBODY: &str = "1000000007";

fn filled(path: &str) -> String {
    path.split('/').map(|part| if part.starts_with('{') { NOBODY } else { part }).collect::<Vec<_>>().join("/")
}

/// Paths with their operations, in the order of the description.
fn paths(description: &Value) -> Vec<(String, Vec<(String, Value)>)> {
    let methods = ["get", "put", "post", "patch", "delete"];
    let all = description["paths"].as_object().into_iter().flatten();
    all.map(|(path, item)| {
        let operations = item.as_object().into_iter().flatten().filter(|(method, _)| methods.contains(&method.as_str()));
        (path.clone(), operations.map(|(method, operation)| (method.to_uppercase(), operation.clone())).collect())
    })
    .collect()
}

/// Every `$ref` in a document.
fn references<'v>(value: &'v Value, found: &mut BTreeSet<&'v str>) {
    match value {
        Value::Object(fields) => {
            if let Some(reference) = fields.get("$ref").and_then(Value::as_str) {
                found.insert(reference);
            }
            fields.values().for_each(|field| references(field, found));
        }
        Value::Array(items) => items.iter().for_each(|item| references(item, found)),
        _ => {}
    }
}

/// How many references of a description lead nowhere.
pub(super) fn broken_references(description: &Value) -> usize {
    let mut found = BTreeSet::new();
    references(description, &mut found);
    found.iter().filter(|reference| description.pointer(reference.trim_start_matches('#')).is_none()).count()
}

/// The document against itself and against what answers.
pub(crate) async fn attack(rig: &mut Rig) -> Result<(), Trouble> {
    rig.check("served");
    let tenant = rig.tenant().await?;
    let description = rig.description().await?;
    let paths = paths(&description);
    rig.must(description["openapi"].as_str().is_some_and(|version| version.starts_with("3.")), "the document is one of OpenAPI 3");
    rig.must(broken_references(&description) == 0, "every reference in it leads somewhere");
    let operations = || paths.iter().flat_map(|(_, operations)| operations);
    let names: BTreeSet<&str> = operations().filter_map(|(_, operation)| operation["operationId"].as_str()).collect();
    rig.must(names.len() == operations().count() && !names.is_empty(), "every operation has a name of its own");

    rig.check("complete");
    for (path, operations) in &paths {
        let reply = rig.quietly(options(filled(path))).await?;
        let offered: BTreeSet<String> = reply.header("allow").unwrap_or("").split(',').map(|method| method.trim().to_owned()).collect();
        let described: BTreeSet<String> = operations.iter().map(|(method, _)| method.clone()).collect();
        let extra =
            offered.iter().filter(|method| !["HEAD", "OPTIONS", ""].contains(&method.as_str()) && !described.contains(*method)).count();
        rig.must(described.is_subset(&offered) && extra == 0, format!("{path} answers the methods that are described, and no other"));
        for (method, operation) in operations {
            let answers = operation["responses"].as_object();
            let (mut good, mut bad) = (false, false);
            for status in answers.into_iter().flatten().map(|(status, _)| status) {
                good |= status.starts_with('2');
                bad |= status.starts_with('4');
            }
            rig.must(good && bad, format!("{method} {path} is described with its answers and its errors"));
        }
        if path.contains('{') && !operations.is_empty() {
            let named = operations
                .iter()
                .all(|(_, operation)| operation["parameters"].as_array().is_some_and(|all| all.iter().any(|one| one["in"] == "path")));
            rig.must(named, format!("the parameters of {path} are described"));
        }
    }
    for (path, operations) in paths.iter().filter(|(path, _)| !path.contains('{')) {
        if operations.iter().any(|(method, _)| method == "GET") {
            let reply = rig.quietly(get(path).bearer(&tenant.owner)).await?;
            rig.must(!matches!(reply.status, 405 | 501), format!("GET {path} is there"));
        }
    }

    rig.check("customised");
    let info = &description["info"];
    let own = ["title", "version", "description"].iter().all(|member| info[*member].as_str().is_some_and(|text| !text.is_empty()));
    let title = info["title"].as_str().unwrap_or("");
    rig.must(own && !["FastAPI", "OpenAPI definition", "API"].contains(&title), "title, version and description are its own");
    let schemes = description["components"]["securitySchemes"].as_object().is_some_and(|schemes| !schemes.is_empty());
    rig.must(schemes, "it says how to authenticate");
    let said = operations().all(|(_, operation)| operation["summary"].as_str().is_some_and(|text| !text.is_empty()));
    rig.must(said, "every operation says in a line what it does");

    rig.check("interactive");
    let reply = rig.send(get("/docs").header("accept", "text/html")).await?;
    let page = reply.header("content-type").is_some_and(|kind| kind.starts_with("text/html"));
    rig.must(reply.status == 200 && page, "a page to read and try it is served");
    let text = reply.text();
    let script = text.split("src=\"").nth(1).and_then(|rest| rest.split('"').next()).unwrap_or("").to_owned();
    let reply = rig.send(get(if script.starts_with('/') { script } else { "/docs/nothing".into() }).shown("the page's script")).await?;
    rig.must(reply.status == 200, "so is what it runs");
    Ok(())
}
