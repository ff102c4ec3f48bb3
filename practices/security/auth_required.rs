//! Every route that is not declared public refuses who shows no credential or a bad one.

use http::Method;
use plimsoll_assess::{
    Rig, Trouble,
    rig::{Ask, get, request},
};

/// Ids that fit every path parameter and belong to nobody.
const NOBODY: &str = "1000000007";

/// Walks every operation of the service's own description.
pub(crate) async fn attack(rig: &mut Rig) -> Result<(), Trouble> {
    let operations = operations(&rig.description().await?);
    rig.check("no-credential");
    for (method, path, public) in &operations {
        let reply = rig.quietly(ask(method, path)).await?;
        if *public {
            rig.must(reply.status != 401, format!("{method} {path} is declared public and answers"));
        } else {
            rig.must(reply.is(401, "PLM-AUTH-001"), format!("{method} {path} without a credential is refused with 401"));
        }
    }
    rig.check("bad-credential");
    for (method, path, public) in operations.iter().filter(|(_, _, public)| !public) {
        let _ = public;
        let reply = rig.quietly(ask(method, path).bearer("plm_notakeythatanybodyhaseverissued00000000000")).await?;
        rig.must(reply.status == 401, format!("{method} {path} with a key that does not exist is refused with 401"));
    }
    Ok(())
}

fn ask(method: &str, path: &str) -> Ask {
    let filled = path.split('/').map(|part| if part.starts_with('{') { NOBODY } else { part }).collect::<Vec<_>>().join("/");
    match Method::from_bytes(method.as_bytes()) {
        Ok(method) => request(method, filled).shown(path),
        Err(_) => get(filled),
    }
}

/// Method, path and whether it is public, of every operation described.
pub(crate) fn operations(description: &serde_json::Value) -> Vec<(String, String, bool)> {
    let mut found = Vec::new();
    for (path, item) in description.pointer("/paths").and_then(|paths| paths.as_object()).into_iter().flatten() {
        for (method, operation) in item.as_object().into_iter().flatten() {
            if ["get", "put", "post", "patch", "delete"].contains(&method.as_str()) {
                let public = operation.pointer("/security").and_then(|list| list.as_array()).is_some_and(Vec::is_empty);
                found.push((method.to_uppercase(), path.clone(), public));
            }
        }
    }
    found
}
