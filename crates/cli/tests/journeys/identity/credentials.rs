//! Tokens that are not ours, or not any more.

use base64::{Engine, engine::general_purpose::URL_SAFE_NO_PAD as BASE64};
use plimsoll_testkit::{Db, both, http::Reply};
use ring::{hmac, rand::SystemRandom, signature::Ed25519KeyPair};
use serde_json::{Value, json};

use crate::house::{House, Tenant, house};

fn part(token: &str, at: usize) -> Value {
    serde_json::from_slice(&BASE64.decode(token.split('.').nth(at).unwrap()).unwrap()).unwrap()
}

fn encoded(value: &Value) -> String {
    BASE64.encode(value.to_string())
}

fn with(value: &Value, name: &str, field: Value) -> Value {
    let mut value = value.clone();
    value[name] = field;
    value
}

/// The reason class that a refusal names.
#[track_caller]
fn reason(reply: &Reply) -> String {
    let challenge = reply.header("www-authenticate").unwrap_or_else(|| panic!("no challenge: {reply:?}"));
    assert!(challenge.starts_with("Bearer realm=\"plimsoll\", error=\"invalid_token\", error_description=\""), "{challenge}");
    challenge.split("error_description=\"").nth(1).unwrap().trim_end_matches('"').to_owned()
}

/// The reasons on record for an address, wherever they were put on record.
fn recorded(tenant: &Tenant<'_>, address: &str) -> Vec<String> {
    let found = tenant.house.look(&format!("SELECT detail FROM ledger WHERE action = 'credential.refused' AND address = '{address}'"));
    found.iter().map(|row| serde_json::from_str::<Value>(&row[0]).unwrap()["reason"].as_str().unwrap().to_owned()).collect()
}

both! {
    async fn a_token_that_is_not_ours_is_refused_with_a_reason_and_put_on_record(db: Db) {
        let tenant = house(db).tenant().await;
        let login = tenant.login(&tenant.person("owner").await).await;
        let (header, claims) = (part(&login.access, 0), part(&login.access, 1));
        let signed = login.access.rsplit_once('.').unwrap().0;
        let signature = login.access.rsplit_once('.').unwrap().1;
        assert_eq!(header["alg"], "EdDSA");

        let foreign = Ed25519KeyPair::from_pkcs8(Ed25519KeyPair::generate_pkcs8(&SystemRandom::new()).unwrap().as_ref()).unwrap();
        let by = |header: &Value, claims: &Value| {
            let text = format!("{}.{}", encoded(header), encoded(claims));
            let signature = BASE64.encode(foreign.sign(text.as_bytes()));
            format!("{text}.{signature}")
        };
        let jwks = tenant.owner.get("/.well-known/jwks.json").await.expect(200);
        let public = BASE64.decode(jwks.str("/keys/0/x")).unwrap();
        let confused = {
            let text = format!("{}.{}", encoded(&with(&header, "alg", json!("HS256"))), encoded(&claims));
            let tag = hmac::sign(&hmac::Key::new(hmac::HMAC_SHA256, &public), text.as_bytes());
            format!("{text}.{}", BASE64.encode(tag))
        };
        let swapped = if signature.starts_with('A') { 'B' } else { 'A' };
        let none = |name: &str| format!("{}.{}.", encoded(&with(&header, "alg", json!(name))), encoded(&claims));
        for (what, token, expected) in [
            ("signed with a key of one's own under our key's name", by(&header, &claims), "signature"),
            ("signed with a key of one's own", by(&with(&header, "kid", json!("mine")), &claims), "key"),
            ("a signature changed in one place", format!("{signed}.{swapped}{}", &signature[1..]), "signature"),
            ("another tenant in the payload", format!("{}.{}.{signature}", encoded(&header), encoded(&with(&claims, "ten", json!("ten_00000000000000000000000000")))), "signature"),
            ("algorithm none", none("none"), "algorithm"),
            ("algorithm NONE", none("NONE"), "algorithm"),
            ("our public key as a shared secret", confused, "algorithm"),
            ("another type", by(&with(&header, "typ", json!("JWT")), &claims), "type"),
            ("no signature", format!("{signed}."), "signature"),
            ("two parts", signed.to_owned(), "malformed"),
            ("no token", "abc".to_owned(), "malformed"),
            ("a key that never was", format!("plm_{}", "A".repeat(43)), "unknown-key"),
            ("half a key", "plm_abc".to_owned(), "malformed"),
            ("a refresh token", login.refresh.clone(), "malformed"),
        ] {
            let caller = tenant.house.stranger().with(&token);
            let refused = caller.get("/v1/songs").await.expect(401);
            assert_eq!((reason(&refused), refused.str("/code")), (expected.to_owned(), "PLM-AUTH-002".to_owned()), "{what}");
            assert_eq!(recorded(&tenant, &caller.address), [expected], "{what}");
            assert!(!refused.text().contains(&token), "{what}");
        }
        for scheme in ["Basic dXNlcjpwYXNz", "Bearer", "Token abc", "Bearer a b"] {
            let refused = tenant.house.stranger().get("/v1/songs").header("authorization", scheme).await.expect(401);
            assert_eq!(reason(&refused), "malformed", "{scheme}");
        }
        login.caller.get("/v1/songs").await.expect(200);
    }

    async fn a_token_for_another_audience_or_from_another_issuer_is_refused_and_sessions_outlive_a_restart(db: Db) {
        let ground = db.ground();
        let mut tokens = Vec::new();
        let mut carried = None;
        // Three servers one after another on the same data: the first two sign for others.
        let settings = [
            [("PLIMSOLL_IDENTITY__AUDIENCE", "elsewhere"), ("PLIMSOLL_IDENTITY__ACCESS_LIFETIME", "10m")],
            [("PLIMSOLL_IDENTITY__ISSUER", "somebody"), ("PLIMSOLL_IDENTITY__ACCESS_LIFETIME", "10m")],
            [("PLIMSOLL_IDENTITY__ISSUER", "plimsoll"), ("PLIMSOLL_IDENTITY__ACCESS_LIFETIME", "1s")],
        ];
        let mut ground = Some(ground);
        for setting in &settings {
            let house = House::on(ground.take().unwrap(), setting, &[]).await;
            let tenant = house.tenant().await;
            let person = tenant.person("viewer").await;
            let login = tenant.login(&person).await;
            if setting[1].1 != "1s" {
                login.caller.get("/v1/songs").await.expect(200);
            }
            tokens.push(login.access.clone());
            if setting[1].1 == "1s" {
                for (token, expected) in tokens.iter().zip(["audience", "issuer"]) {
                    let caller = house.stranger().with(token);
                    assert_eq!(reason(&caller.get("/v1/songs").await.expect(401)), expected);
                    assert_eq!(recorded(&tenant, &caller.address), [expected]);
                }
                let refresh: &String = carried.as_ref().unwrap();
                house.stranger().post("/v1/auth/refresh").json(json!({ "refresh_token": refresh })).await.expect(200);
                // And its own tokens run out.
                plimsoll_testkit::wait::until(std::time::Duration::from_secs(10), || async { login.caller.get("/v1/songs").await.code() == 401 }).await;
                let late = login.caller.get("/v1/songs").await.expect(401);
                assert_eq!((reason(&late), late.str("/code")), ("expired".to_owned(), "PLM-AUTH-003".to_owned()));
            }
            carried = Some(login.refresh.clone());
            assert_eq!(house.running.stop().await.code(), Some(0));
            ground = Some(house.ground);
        }
    }

    async fn signing_keys_change_without_anybody_being_logged_out(db: Db) {
        let house = house(db);
        let tenant = house.tenant().await;
        let person = tenant.person("viewer").await;
        let before = tenant.login(&person).await;
        let rotated = house.command(&["key", "rotate-signing"]).await;
        before.caller.get("/v1/songs").await.expect(200);
        let keys = house.stranger().get("/.well-known/jwks.json").await.expect(200).json();
        assert!(!keys.to_string().contains("\"d\""), "a private key: {keys}");
        assert!(rotated["kid"].is_string(), "{rotated}");
        tenant.login(&person).await.caller.get("/v1/songs").await.expect(200);
    }
}
