//! One person's data: handed out whole, removed everywhere, and a receipt that anyone can check.

use base64::{Engine, engine::general_purpose::URL_SAFE_NO_PAD as BASE64};
use plimsoll_assess::{
    Rig, Trouble,
    rig::{Reply, Tenant, delete, get, post},
};
use ring::signature::{ED25519, UnparsedPublicKey};
use serde_json::{Value, json};

/// The name of somebody whom nobody else is called like.
const CANARY: &str = "Canary Person Nightjar";

/// The bytes under a certificate's signature.
fn signed_bytes(certificate: &Value) -> Vec<u8> {
    format!("plimsoll.certificate/1\n{certificate}").into_bytes()
}

/// Whether the public key verifies the document.
fn verifies(document: &Value, key: &[u8]) -> bool {
    let value = document["signature"]["value"].as_str().and_then(|text| BASE64.decode(text).ok()).unwrap_or_default();
    UnparsedPublicKey::new(&ED25519, key).verify(&signed_bytes(&document["certificate"]), &value).is_ok()
}

/// Every place where a caller could still read the name: lists with and without what was deleted,
/// search, the person's own address, the ledger.
async fn places(rig: &mut Rig, tenant: &Tenant, id: &str) -> Result<Vec<String>, Trouble> {
    let mut seen = Vec::new();
    for path in [
        "/v1/artists?page_size=100".to_owned(),
        "/v1/artists?page_size=100&deleted=true".to_owned(),
        "/v1/artists?q=nightjar".to_owned(),
        "/v1/songs?page_size=100&include=artist".to_owned(),
        format!("/v1/artists/{id}"),
        "/v1/audit?page_size=100".to_owned(),
        "/v1/subjects/erasures".to_owned(),
    ] {
        seen.push(rig.quietly(get(path).bearer(&tenant.owner)).await?.text());
    }
    Ok(seen)
}

fn erase(tenant: &Tenant, kind: &str, key: &str, confirm: &str) -> plimsoll_assess::rig::Ask {
    post("/v1/subjects/erase").bearer(&tenant.owner).json(&json!({ "kind": kind, "key": key, "confirm": confirm }))
}

async fn artist(rig: &mut Rig, tenant: &Tenant, key: &str) -> Result<String, Trouble> {
    let ask = post("/v1/artists").bearer(&tenant.owner).header("idempotency-key", key).json(&json!({ "name": CANARY }));
    let made = rig.quietly(ask).await?;
    match made.number("/id") {
        Some(id) => Ok(id.to_string()),
        None => Err(Trouble::new(format!("an artist was not made: {}", made.line()))),
    }
}

/// Plants a name, has it handed out, has it removed, and looks for it.
pub(crate) async fn attack(rig: &mut Rig) -> Result<(), Trouble> {
    let tenant = rig.tenant().await?;
    let id = artist(rig, &tenant, "rights-one").await?;
    let song = json!({ "title": "Dusk", "artist_id": id.parse::<i64>().unwrap_or(0) });
    rig.quietly(post("/v1/songs").bearer(&tenant.owner).json(&song)).await?;
    let gone = artist(rig, &tenant, "rights-two").await?;
    rig.quietly(delete(format!("/v1/artists/{gone}")).bearer(&tenant.owner)).await?;
    let member = rig.person(&tenant, "editor").await?;

    rig.check("exported");
    let ask = post("/v1/subjects/export").bearer(&tenant.owner).json(&json!({ "kind": "artist", "key": id }));
    let copy = rig.send(ask).await?;
    let rows = |reply: &Reply, table: &str| -> Vec<Value> {
        let tables = reply.json()["tables"].as_array().cloned().unwrap_or_default();
        tables
            .into_iter()
            .filter(|part| part["table"] == table)
            .flat_map(|part| part["rows"].as_array().cloned().unwrap_or_default())
            .collect()
    };
    rig.must(rows(&copy, "artist").iter().any(|row| row["name"] == CANARY), "the copy is JSON with the rows by table and column");
    let ask = post("/v1/subjects/export").bearer(&tenant.owner).json(&json!({ "kind": "person", "key": member.email }));
    let own = rig.send(ask).await?;
    rig.must(
        rows(&own, "person").iter().any(|row| row["email"] == member.email.as_str()) && rows(&own, "session").len() == 1,
        "a person with an account gets account and sessions",
    );
    rig.must(!own.text().contains("$argon2"), "no hash of a password is in it");

    rig.check("erased-everywhere");
    let refused = rig.send(erase(&tenant, "artist", &id, "something else")).await?;
    rig.must(refused.status == 422, "an erasure that does not repeat the key is refused");
    let certificate = rig.send(erase(&tenant, "artist", &id, &id)).await?;
    let second = rig.send(erase(&tenant, "artist", &gone, &gone)).await?;
    rig.must(certificate.status == 200 && second.status == 200, "one that repeats it is done, for what was soft-deleted as well");
    let left = places(rig, &tenant, &id).await?;
    rig.must(left.iter().all(|text| !text.contains("Nightjar")), "lists, search, the trash and the ledger do not show the name any more");
    let again = post("/v1/artists").bearer(&tenant.owner).header("idempotency-key", "rights-one").json(&json!({ "name": CANARY }));
    let repeat = rig.quietly(again).await?;
    rig.must(!repeat.text().contains("Nightjar"), "nor does the answer that was kept for a repeat of the request");
    let person = rig.send(erase(&tenant, "person", &member.email, &member.email)).await?;
    rig.must(person.status == 200, "an account is erased by its address");
    // Before anybody knocks again as that person: such a refusal is an event of its own.
    let audit = rig.quietly(get(format!("/v1/audit?page_size=100&actor={}", member.id)).bearer(&tenant.owner)).await?;
    let addressed = audit.json()["items"].as_array().is_some_and(|items| items.iter().any(|entry| !entry["address"].is_null()));
    let chain = rig.quietly(get("/v1/audit/verify").bearer(&tenant.owner)).await?;
    let me = rig.quietly(get("/v1/auth/me").bearer(&member.access)).await?;
    let users = rig.quietly(get("/v1/users?page_size=100").bearer(&tenant.owner)).await?;
    rig.must(
        me.status == 401 && !users.text().contains(&member.email),
        "whoever had it is out, and the list of users does not show the address",
    );
    rig.must(!addressed && chain.json()["intact"] == true, "the ledger lost the person's addresses, and its chain still verifies");

    rig.check("receipt");
    let keys = rig.quietly(get("/.well-known/certificate-keys.json")).await?;
    let key = BASE64.decode(keys.str("/keys/0/x")).unwrap_or_default();
    let document = certificate.json();
    let counted = document["certificate"]["tables"]
        .as_array()
        .is_some_and(|tables| tables.iter().any(|one| one["table"] == "artist" && one["rows"] == 1));
    rig.must(counted, "the certificate of an erasure names tables and counts");
    rig.must(verifies(&document, &key), "it verifies with the key that anyone can fetch");
    rig.must(verifies(&copy.json()["receipt"], &key), "so does the receipt of an export");
    let mut altered = document.clone();
    altered["certificate"]["tables"] = json!([]);
    rig.must(!verifies(&altered, &key), "an altered one does not");
    rig.must(!certificate.text().contains("Nightjar") && !person.text().contains(&member.email), "neither holds a name or an address");
    let kept = rig.quietly(get("/v1/subjects/erasures").bearer(&tenant.owner)).await?;
    rig.must(kept.status == 200 && kept.text().contains("ers_"), "each erasure is on record");
    Ok(())
}
