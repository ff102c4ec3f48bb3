//! Every role against every operation.

use plimsoll_assess::{
    Rig, Trouble,
    rig::{get, post},
};
use serde_json::json;

use crate::{
    description::{NOBODY, ROLES, operations, strength},
    mounted,
};

/// Asks for everything as everybody.
pub(crate) async fn attack(rig: &mut Rig) -> Result<(), Trouble> {
    let tenant = rig.tenant().await?;
    let operations = operations(rig).await?;
    let mut keys = Vec::new();
    for role in ROLES {
        keys.push((role, rig.key(&tenant, role).await?));
    }

    rig.check("declared");
    for operation in operations.iter().filter(|operation| !operation.public && !operation.reads()) {
        if let Some((role, permission)) = &operation.needs {
            let least = if permission.starts_with("users:") || permission.starts_with("keys:") { "admin" } else { "editor" };
            rig.must(
                strength(role) >= strength(least),
                format!("{} names a permission that {least} is the weakest to hold, or a stronger one", operation.name()),
            );
        }
    }
    let named = operations.iter().filter(|operation| operation.needs.is_some()).count();
    rig.must(named > 0, "operations name the permission they need");

    rig.check("refused");
    for operation in &operations {
        let Some((least, _)) = &operation.needs else { continue };
        for (role, key) in keys.iter().filter(|(role, _)| strength(role) < strength(least)) {
            let reply = rig.quietly(operation.ask(NOBODY).bearer(key)).await?;
            rig.must(reply.status == 403, format!("{} is refused to the role {role} with 403", operation.name()));
        }
    }

    mounted::forbidden(rig, &keys[0].1, &tenant.owner).await?;

    rig.check("allowed");
    for operation in &operations {
        let Some((least, _)) = &operation.needs else { continue };
        for (role, key) in keys.iter().filter(|(role, _)| strength(role) >= strength(least)) {
            let reply = rig.quietly(operation.ask(NOBODY).bearer(key)).await?;
            rig.must(reply.status != 403 && reply.status != 401, format!("{} is open to the role {role}", operation.name()));
        }
    }

    mounted::granted(rig, &keys[1].1).await?;

    rig.check("roles-told");
    let told = rig.quietly(get("/v1/roles").bearer(&tenant.owner)).await?.json();
    for role in ROLES {
        let entry = told["items"].as_array().into_iter().flatten().find(|item| item["name"] == role);
        let held: Vec<&str> =
            entry.and_then(|item| item["permissions"].as_array()).into_iter().flatten().filter_map(|one| one.as_str()).collect();
        let right = operations
            .iter()
            .filter_map(|operation| operation.needs.as_ref())
            .all(|(least, permission)| held.contains(&permission.as_str()) == (strength(role) >= strength(least)));
        rig.must(right, format!("the permissions told of the role {role} are those that operations grant it"));
    }

    rig.check("no-escalation");
    let admin = &keys[2].1;
    let person = json!({ "email": "climber@probe.example", "role": "owner" });
    let made = rig.send(post("/v1/users").bearer(admin).json(&person)).await?;
    rig.must(made.status == 403, "an admin makes no owner");
    let key = rig.send(post("/v1/keys").bearer(admin).json(&json!({ "name": "climber", "role": "owner" }))).await?;
    rig.must(key.status == 403, "an admin makes no key that is stronger than itself");
    Ok(())
}
