//! Guessing passwords.

use plimsoll_assess::{
    Rig, Trouble,
    rig::{Ask, Reply, post},
};
use serde_json::json;

fn login(email: &str, password: &str, what: &str) -> Ask {
    post("/v1/auth/login").json(&json!({ "email": email, "password": password })).shown(format!("/v1/auth/login {what}"))
}

fn throttled(reply: &Reply) -> bool {
    reply.is(429, "PLM-AUTH-006")
}

/// Five failures for an account, six from an address; the last is a bound set here.
pub(crate) async fn attack(rig: &mut Rig) -> Result<(), Trouble> {
    let copy = rig.copy(&[("identity.address_failures", "6")]).await?;
    rig.turn_to(&copy);
    let tenant = rig.tenant_on(&copy).await?;
    let (person, other) = (rig.account(&tenant, "viewer").await?, rig.account(&tenant, "viewer").await?);
    let [first, second]: [u8; 2] = rig.seed.bytes();
    let (here, there) = (format!("198.19.{first}.{second}"), format!("198.19.{second}.{}", first ^ 0xff));

    rig.check("per-account");
    rig.move_to(&here);
    for number in 1..=5 {
        let reply = rig.send(login(&person.email, &format!("wrong guess {number}"), "with a wrong password")).await?;
        rig.must(reply.status == 401, "the first five guesses are answered with 401");
    }
    rig.move_to(&there);
    let reply = rig.send(login(&person.email, &person.password, "with the right password, from another address")).await?;
    rig.must(throttled(&reply), "the sixth attempt is refused with 429, although the password is right and the address another one");

    rig.check("says-when");
    let wait: u64 = reply.header("retry-after").and_then(|text| text.parse().ok()).unwrap_or(0);
    rig.must((1..=900).contains(&wait), "`Retry-After` says how long to wait, a quarter of an hour at most");
    rig.must(wait > 20, "the wait is long enough to make guessing pointless");

    rig.check("others-unaffected");
    let reply = rig.send(login(&other.email, &other.password, "of another account from another address")).await?;
    rig.must(reply.status == 200, "another account is not concerned");

    rig.check("per-address");
    rig.move_to(&here);
    let reply = rig.send(login("nobody-at-all@probe.example", "wrong guess", "of an account that does not exist")).await?;
    rig.must(reply.status == 401, "the sixth failure from one address is answered with 401");
    let reply = rig.send(login(&other.email, &other.password, "of another account from the same address")).await?;
    rig.must(throttled(&reply), "after it, the address is refused with 429 for every account");
    Ok(())
}
