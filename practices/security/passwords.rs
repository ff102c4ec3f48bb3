//! What is kept of a password.

use plimsoll_assess::{
    Rig, Trouble,
    rig::{Copy, Kept, Tenant, post},
};
use serde_json::json;

/// Least memory in KiB, and least memory times passes: the settings OWASP calls equivalent.
const MEMORY: u64 = 19_456;
const WORK: u64 = 38_912;

/// Whether a stored text is an Argon2id hash of sufficient cost.
fn strong(kept: &str) -> bool {
    let mut parts = kept.split('$').skip(1);
    let (algorithm, version, costs) = (parts.next(), parts.next(), parts.next().unwrap_or_default());
    let cost = |name: &str| costs.split(',').find_map(|one| one.strip_prefix(name)?.strip_prefix('=')?.parse::<u64>().ok()).unwrap_or(0);
    algorithm == Some("argon2id") && version == Some("v=19") && cost("m") >= MEMORY && cost("m") * cost("t") >= WORK
}

async fn kept(copy: &Copy, email: &str) -> Result<String, Trouble> {
    copy.operator().await?.kept(Kept::Password(email)).await.map_err(Trouble::new)
}

async fn account(rig: &mut Rig, tenant: &Tenant, email: &str, password: &str) -> Result<(), Trouble> {
    let body = json!({ "email": email, "role": "viewer", "password": password });
    let made = rig.quietly(post("/v1/users").bearer(&tenant.owner).json(&body)).await?;
    if made.status == 201 { Ok(()) } else { Err(Trouble::new(format!("an account was not made: {}", made.line()))) }
}

/// Looks at what the database holds after accounts were made and after a login.
pub(crate) async fn attack(rig: &mut Rig) -> Result<(), Trouble> {
    let (ada, bea, cid) = ("ada@probe.example", "bea@probe.example", "cid@probe.example");
    let password = "copper kettles hum beside orchards";
    let copy = rig.copy(&[]).await?;
    rig.turn_to(&copy);
    let tenant = rig.tenant_on(&copy).await?;
    account(rig, &tenant, ada, password).await?;
    account(rig, &tenant, bea, password).await?;
    let (first, second) = (kept(&copy, ada).await?, kept(&copy, bea).await?);

    rig.check("adaptive");
    rig.must(strong(&first), "what is stored names argon2id and a cost that OWASP accepts");

    rig.check("salted");
    let salt = |kept: &str| kept.split('$').nth(4).map(str::to_owned);
    rig.must(salt(&first).is_some_and(|salt| salt.len() >= 22), "what is stored holds a salt of 128 bits");
    rig.must(salt(&first) != salt(&second) && first != second, "two people with one password have nothing in common in the database");

    rig.check("nowhere-plain");
    rig.must(!first.contains(password), "what is stored is not the password");
    if copy.embedded() {
        rig.must(copy.holds(b"$argon2id$"), "the files of the data hold hashes");
        rig.must(!copy.holds(password.as_bytes()), "no file of the data holds the password");
    }
    rig.must(!copy.log().contains(password), "the log does not hold the password");

    rig.check("upgraded");
    // A process that hashes as one did in the past, on the same data.
    let past = copy.beside(&[("practices.off", "{ \"password-hashing\" = \"makes an old hash\" }")]).await?;
    rig.turn_to(&past);
    account(rig, &tenant, cid, password).await?;
    drop(past);
    if strong(&kept(&copy, cid).await?) {
        return Err(Trouble::new("no account with an old hash could be made"));
    }
    rig.turn_to(&copy);
    let login = rig.send(post("/v1/auth/login").json(&json!({ "email": cid, "password": password }))).await?;
    rig.must(login.status == 200, "a password that was hashed too cheaply still opens its account");
    rig.must(strong(&kept(&copy, cid).await?), "after that login, what is stored has today's cost");
    Ok(())
}
