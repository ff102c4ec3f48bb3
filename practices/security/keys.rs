//! API keys: handed out once, scoped, ending, replaced with an overlap.

use std::time::Duration;

use plimsoll_assess::{
    Rig, Trouble,
    rig::{Ask, Kept, delete, get, post},
};
use plimsoll_core::Clock;
use serde_json::json;

use crate::description::operations;

fn me(key: impl AsRef<str>, what: &str) -> Ask {
    get("/v1/auth/me").bearer(key).shown(format!("/v1/auth/me with {what}"))
}

/// Issue, validation, scope, expiry, revocation and storage of keys.
pub(crate) async fn keys(rig: &mut Rig) -> Result<(), Trouble> {
    let copy = rig.copy(&[]).await?;
    rig.turn_to(&copy);
    let tenant = rig.tenant_on(&copy).await?;
    let lists = operations(rig).await?;
    let mut readable = lists.iter().filter(|one| one.reads() && !one.one()).filter_map(|one| Some((one, &one.needs.as_ref()?.1)));
    let (own, permission) = readable.next().ok_or_else(|| Trouble::new("no list needs a permission"))?;
    let foreign = readable.find(|(_, other)| *other != permission).ok_or_else(|| Trouble::new("all lists need the same permission"))?.0;

    rig.check("issued-once");
    let body = json!({ "name": "probe", "role": "owner", "scopes": [permission], "expires_in_days": 30 });
    let (id, secret) = rig.key_of(&tenant, &body).await?;
    rig.must(secret.starts_with("plm_") && secret.len() == 47, "a key is 256 random bits behind a prefix that scanners know");
    for path in ["/v1/keys".to_owned(), format!("/v1/keys/{id}"), "/v1/audit".to_owned()] {
        let reply = rig.send(get(path.clone()).bearer(&tenant.owner)).await?;
        rig.must(reply.status == 200 && !reply.text().contains(&secret), format!("GET {path} does not show the secret again"));
    }

    rig.check("validated");
    let who = rig.send(me(&secret, "the key")).await?;
    rig.must(who.str("/principal") == "key" && who.str("/id") == id, "a route tells whose the key is");
    rig.must(who.json()["scopes"] == json!([permission]) && !who.str("/expires_at").is_empty(), "it tells scopes and expiry");
    let with = |end: &str| format!("{}{end}", &secret[..secret.len() - 1]);
    let turned = if secret.ends_with('A') { "B" } else { "A" };
    let faults = [
        (with(turned), "a key with another last character"),
        (with(""), "a key without its last character"),
        (with("AA"), "a key that is too long"),
        (secret.replacen("plm_", "sk_", 1), "a key with another prefix"),
        (secret.replacen("plm_", "", 1), "a key without its prefix"),
        (secret.to_uppercase(), "a key in capitals"),
    ];
    for (text, what) in faults {
        let reply = rig.send(me(text, what)).await?;
        rig.must(reply.status == 401, format!("{what} is refused with 401"));
    }

    rig.check("scoped");
    let inside = rig.send(own.ask("").bearer(&secret)).await?;
    rig.must(inside.status == 200, "the key reads what its scope names");
    let outside = rig.send(foreign.ask("").bearer(&secret)).await?;
    rig.must(outside.status == 403, "the key reads nothing else, although its role would");

    rig.check("ends");
    let expires = Clock::system().now().plus(Duration::from_millis(900));
    let brief = json!({ "name": "brief", "role": "viewer", "expires_at": expires.to_string() });
    let (_, brief) = rig.key_of(&tenant, &brief).await?;
    let gone = rig.until(Duration::from_secs(4), || me(&brief, "a key that expires"), |reply| reply.status == 401).await?;
    rig.must(gone.is_some(), "a key is refused with 401 once it has expired");
    let revoked = rig.send(delete(format!("/v1/keys/{id}")).bearer(&tenant.owner)).await?;
    rig.must(revoked.good(), "an administrator revokes the key");
    let after = rig.send(me(&secret, "the revoked key")).await?;
    rig.must(after.status == 401, "the next request with the revoked key is refused with 401");

    rig.check("only-its-hash");
    let kept = copy.operator().await?.kept(Kept::Key(&id)).await.map_err(Trouble::new)?;
    let random = &secret[4..];
    rig.must(kept.contains(&secret[secret.len() - 4..]), "the record of the key is found by its last four characters");
    rig.must(!kept.contains(random), "the record does not hold the secret");
    if copy.embedded() {
        rig.must(copy.holds(id.as_bytes()), "the files of the data hold the key's id");
        rig.must(!copy.holds(random.as_bytes()), "the files of the data do not hold its secret");
    }
    Ok(())
}

/// Replacing a key without a moment in which none works.
pub(crate) async fn rotation(rig: &mut Rig) -> Result<(), Trouble> {
    let tenant = rig.tenant().await?;
    let (id, first) = rig.key_of(&tenant, &json!({ "name": "nightly", "role": "viewer", "scopes": ["*:read"] })).await?;
    let rotate =
        |id: &str, overlap: u32| post(format!("/v1/keys/{id}/rotate")).bearer(&tenant.owner).json(&json!({ "overlap_seconds": overlap }));

    rig.check("overlap");
    let made = rig.send(rotate(&id, 3600)).await?;
    let (next, second) = (made.str("/id"), made.str("/secret"));
    rig.must(made.status == 201 && second != first, "a rotation hands out another secret");
    for (secret, what) in [(&first, "the old key"), (&second, "the new key")] {
        let reply = rig.send(me(secret, what)).await?;
        rig.must(reply.status == 200, format!("{what} is accepted during the overlap"));
    }
    let old = rig.send(get(format!("/v1/keys/{id}")).bearer(&tenant.owner)).await?;
    rig.must(!old.str("/expires_at").is_empty(), "the old key has an end now, although it had none");

    rig.check("same-rights");
    let new = rig.send(get(format!("/v1/keys/{next}")).bearer(&tenant.owner)).await?.json();
    let old = old.json();
    rig.must(["name", "role", "scopes"].iter().all(|field| new[*field] == old[*field]), "the successor has the same name, role and scopes");

    rig.check("ends-by-itself");
    let made = rig.send(rotate(&next, 1)).await?;
    let third = made.str("/secret");
    let gone = rig.until(Duration::from_secs(4), || me(&second, "the replaced key"), |reply| reply.status == 401).await?;
    rig.must(gone.is_some(), "after an overlap of a second the replaced key is refused with 401, and nobody had to revoke it");
    let reply = rig.send(me(&third, "its successor")).await?;
    rig.must(reply.status == 200, "its successor goes on");
    Ok(())
}
