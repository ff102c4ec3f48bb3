//! Security events on record.

use plimsoll_assess::{
    Rig, Trouble,
    rig::{Tenant, delete, get, patch, post, put},
};
use serde_json::{Value, json};

use crate::description::operations;

/// The newest entry with this action.
async fn newest(rig: &mut Rig, tenant: &Tenant, action: &str) -> Result<Value, Trouble> {
    let reply = rig.send(get(format!("/v1/audit?action={action}")).bearer(&tenant.owner)).await?;
    if reply.status != 200 {
        return Err(Trouble::new(format!("the ledger cannot be read: {}", reply.line())));
    }
    Ok(reply.json()["items"][0].clone())
}

/// Does what has to be noticed, and looks for it.
pub(crate) async fn attack(rig: &mut Rig) -> Result<(), Trouble> {
    let tenant = rig.tenant().await?;
    let person = rig.account(&tenant, "viewer").await?;
    let here = rig.address().map(str::to_owned);
    let by = |entry: &Value, actor: &str, outcome: &str| {
        entry["actor"]["id"] == actor
            && entry["outcome"] == outcome
            && entry["at"].is_string()
            && here.as_deref().is_none_or(|here| entry["address"] == here)
    };
    let login = |password: &str| post("/v1/auth/login").json(&json!({ "email": person.email, "password": password }));

    rig.check("logins");
    rig.quietly(login("a password that is not it")).await?;
    let entry = newest(rig, &tenant, "auth.login_failed").await?;
    rig.must(by(&entry, &person.id, "denied"), "a failed login is on record with account, time and address");
    rig.must(entry["detail"]["reason"] == "password", "the record says why it failed");
    rig.must(!entry.to_string().contains(&person.email), "the record does not hold the e-mail address");
    let reply = rig.quietly(login(&person.password)).await?;
    rig.must(reply.status == 200, "the right password logs in");
    let entry = newest(rig, &tenant, "auth.login").await?;
    rig.must(by(&entry, &person.id, "ok"), "a login is on record with account, time and address");

    rig.check("denials");
    let (admin, secret) = rig.key_of(&tenant, &json!({ "name": "admin", "role": "admin" })).await?;
    let climb = json!({ "email": "climber@probe.example", "role": "owner" });
    let reply = rig.send(post("/v1/users").bearer(&secret).json(&climb)).await?;
    rig.must(reply.status == 403, "an admin makes no owner");
    let entry = newest(rig, &tenant, "access.denied").await?;
    rig.must(by(&entry, &admin, "denied"), "the denial is on record with actor, time and address");

    rig.check("rights-changed");
    let owner = rig.quietly(get("/v1/auth/me").bearer(&tenant.owner)).await?.str("/id");
    let changed = patch(format!("/v1/users/{}", person.id)).bearer(&tenant.owner).json(&json!({ "role": "editor" }));
    rig.quietly(changed).await?;
    let entry = newest(rig, &tenant, "user.update").await?;
    rig.must(by(&entry, &owner, "ok") && entry["detail"]["role"] == "editor", "a change of a role is on record, with the role");
    let entry = newest(rig, &tenant, "key.create").await?;
    rig.must(by(&entry, &owner, "ok") && entry["target"] == format!("keys/{admin}").as_str(), "a new key is on record");
    rig.quietly(delete(format!("/v1/keys/{admin}")).bearer(&tenant.owner)).await?;
    let entry = newest(rig, &tenant, "key.revoke").await?;
    rig.must(by(&entry, &owner, "ok"), "a revoked key is on record");

    rig.check("append-only");
    let operations = operations(rig).await?;
    let changing = operations.iter().any(|one| one.path.starts_with("/v1/audit") && !one.reads());
    rig.must(!changing, "no operation is described that changes the record");
    for ask in [delete("/v1/audit"), delete("/v1/audit/1"), put("/v1/audit/1"), patch("/v1/audit/1"), post("/v1/audit")] {
        let reply = rig.send(ask.bearer(&tenant.owner).json(&json!({ "outcome": "ok" }))).await?;
        rig.must(matches!(reply.status, 404 | 405), "not even an owner can change or remove an entry");
    }
    Ok(())
}
