//! Exchanging the keys that sign, while the service works.

use plimsoll_assess::{
    Rig, Trouble,
    rig::{Ask, get},
};
use serde_json::{Value, json};

use crate::forge::{self, Token};

fn me(token: &str, what: &str) -> Ask {
    get("/v1/auth/me").bearer(token).shown(format!("/v1/auth/me with {what}"))
}

fn kid(token: &str) -> Value {
    Token::read(token).map_or(Value::Null, |token| token.header["kid"].clone())
}

async fn published(rig: &mut Rig) -> Result<Vec<Value>, Trouble> {
    let keys = rig.send(get("/.well-known/jwks.json")).await?.json();
    Ok(keys["keys"].as_array().into_iter().flatten().map(|key| key["kid"].clone()).collect())
}

/// A planned rotation at the command line, beside a running server.
pub(crate) async fn rotation(rig: &mut Rig) -> Result<(), Trouble> {
    let copy = rig.copy(&[("identity.signing_notice", "0s")]).await?;
    rig.turn_to(&copy);
    let tenant = rig.tenant_on(&copy).await?;
    let person = rig.person(&tenant, "viewer").await?;
    let old = kid(&person.access);

    rig.check("published");
    let keys = published(rig).await?;
    rig.must(keys == [old.clone()], "before the rotation the one published key is the one that signs");
    let ended = copy.run(&["key", "rotate-signing", "--json"], "").await?;
    let new: Value = serde_json::from_str::<Value>(&ended.stdout).map_or(Value::Null, |made| made["kid"].clone());
    rig.must(ended.code == Some(0) && new.is_string() && new != old, "a command makes a new key beside the running server");
    // A token that names the new key makes the server look for it, as one of another process would.
    let seed: [u8; 32] = rig.seed.bytes();
    let unknown = json!({ "alg": "EdDSA", "typ": "at+jwt", "kid": new });
    let stranger = forge::signed(&unknown, &json!({}), &seed).ok_or_else(|| Trouble::new("no token could be signed"))?;
    rig.quietly(me(&stranger, "a token that names the new key")).await?;
    let keys = published(rig).await?;
    rig.must(keys.contains(&new), "the running server publishes the new key, without a restart");
    rig.must(keys.contains(&old), "it still publishes the old one");

    rig.check("old-tokens");
    let reply = rig.send(me(&person.access, "a token of the old key")).await?;
    rig.must(reply.status == 200, "a token of the old key is accepted until it expires");

    rig.check("new-tokens");
    let again = rig.log_in(&person).await?;
    rig.must(kid(&again.access) == new, "a new login is signed with the new key");
    let reply = rig.send(me(&again.access, "a token of the new key")).await?;
    rig.must(reply.status == 200, "its token is accepted");

    rig.check("on-schedule");
    let said = copy.run(&["config", "explain", "identity.signing_rotation", "--json"], "").await?;
    rig.must(said.code == Some(0) && said.stdout.contains('d'), "keys are exchanged by themselves at an age that is configured");
    Ok(())
}
