use super::*;
use plimsoll_core::Seed;
use ring::{hmac, signature::KeyPair};

const NOW: i64 = 1_800_000_000;

fn key(seed: u64) -> Ed25519KeyPair {
    Ed25519KeyPair::from_seed_unchecked(&Seed::fixed(seed).bytes::<32>()).unwrap()
}
fn rules() -> Rules {
    Rules { issuer: "plimsoll".into(), audience: "plimsoll-api".into() }
}
fn claims() -> Claims {
    Claims {
        iss: "plimsoll".into(),
        aud: "plimsoll-api".into(),
        sub: UserId::from_bits(1),
        ten: TenantId::from_bits(2),
        sid: SessionId::from_bits(3),
        role: Some(Role::Editor),
        iat: NOW,
        nbf: NOW,
        exp: NOW + 600,
        jti: "one".into(),
    }
}
/// Signs any header and payload, as an attacker with a key of ours could not.
fn signed(header: &str, payload: &str) -> String {
    let text = format!("{}.{}", BASE64.encode(header), BASE64.encode(payload));
    let signature = BASE64.encode(key(1).sign(text.as_bytes()));
    format!("{text}.{signature}")
}
fn good_header() -> String {
    r#"{"alg":"EdDSA","typ":"at+jwt","kid":"k1"}"#.to_owned()
}
fn check_at(token: &str, seconds: i64) -> Result<Claims> {
    let parsed = Unverified::parse(token)?;
    if parsed.kid != "k1" {
        return Err(bad("unknown-key", "unknown"));
    }
    parsed.verify(key(1).public_key().as_ref(), &rules(), Time::from_micros(seconds * 1_000_000))
}
fn reason(token: &str) -> &'static str {
    check_at(token, NOW).expect_err("the token must be refused").reason().unwrap()
}
fn reason_of(change: impl FnOnce(&mut Claims)) -> &'static str {
    let mut claims = claims();
    change(&mut claims);
    reason(&mint(&claims, "k1", &key(1)).unwrap())
}

#[test]
fn a_token_survives_the_round_trip_until_the_second_it_expires() {
    let token = mint(&claims(), "k1", &key(1)).unwrap();
    assert_eq!(check_at(&token, NOW).unwrap(), claims());
    assert_eq!(check_at(&token, NOW + 599).unwrap(), claims());
    let error = check_at(&token, NOW + 600).unwrap_err();
    assert_eq!((error.code(), error.reason()), (Code::CredentialExpired, Some("expired")));
}

#[test]
fn a_forged_token_is_refused() {
    assert_eq!(reason(&mint(&claims(), "k1", &key(2)).unwrap()), "signature");
    let token = mint(&claims(), "k1", &key(1)).unwrap();
    let parts: Vec<&str> = token.split('.').collect();
    let raised = serde_json::to_string(&Claims { role: Some(Role::Owner), ..claims() }).unwrap();
    assert_eq!(reason(&format!("{}.{}.{}", parts[0], BASE64.encode(raised), parts[2])), "signature");
    assert_eq!(reason(&format!("{}.{}.", parts[0], parts[1])), "signature");
}

#[test]
fn no_other_algorithm_is_accepted_however_it_is_written() {
    let payload = serde_json::to_string(&claims()).unwrap();
    for alg in ["none", "None", "NONE", "", "HS256", "RS256", "ES256", "eddsa", "Ed25519"] {
        assert_eq!(reason(&signed(&format!(r#"{{"alg":"{alg}","typ":"at+jwt","kid":"k1"}}"#), &payload)), "algorithm", "{alg}");
    }
    for header in
        [r#"{"typ":"at+jwt","kid":"k1"}"#, r#"{"alg":null,"typ":"at+jwt","kid":"k1"}"#, r#"{"alg":["EdDSA"],"typ":"at+jwt","kid":"k1"}"#]
    {
        assert_eq!(reason(&signed(header, &payload)), "algorithm", "{header}");
    }
    let unsigned = format!("{}.{}.", BASE64.encode(r#"{"alg":"none","typ":"at+jwt","kid":"k1"}"#), BASE64.encode(&payload));
    assert_eq!(reason(&unsigned), "algorithm");
}

#[test]
fn the_public_key_is_not_an_hmac_secret() {
    let payload = serde_json::to_string(&claims()).unwrap();
    let secret = hmac::Key::new(hmac::HMAC_SHA256, key(1).public_key().as_ref());
    for (alg, expected) in [("HS256", "algorithm"), ("EdDSA", "signature")] {
        let text = format!("{}.{}", BASE64.encode(format!(r#"{{"alg":"{alg}","typ":"at+jwt","kid":"k1"}}"#)), BASE64.encode(&payload));
        let forged = format!("{text}.{}", BASE64.encode(hmac::sign(&secret, text.as_bytes())));
        assert_eq!(reason(&forged), expected);
    }
}

#[test]
fn another_type_and_another_key_are_refused() {
    let payload = serde_json::to_string(&claims()).unwrap();
    for typ in ["JWT", "at+JWT", "logout+jwt", ""] {
        assert_eq!(reason(&signed(&format!(r#"{{"alg":"EdDSA","typ":"{typ}","kid":"k1"}}"#), &payload)), "type", "{typ}");
    }
    assert_eq!(reason(&signed(r#"{"alg":"EdDSA","kid":"k1"}"#, &payload)), "type");
    assert_eq!(reason(&mint(&claims(), "k2", &key(1)).unwrap()), "unknown-key");
    assert_eq!(reason(&signed(r#"{"alg":"EdDSA","typ":"at+jwt"}"#, &payload)), "malformed");
    assert_eq!(reason(&signed(&format!(r#"{{"alg":"EdDSA","typ":"at+jwt","kid":"{}"}}"#, "k".repeat(65)), &payload)), "malformed");
    assert_eq!(reason(&signed(r#"{"alg":"EdDSA","typ":"at+jwt","kid":"k1","crit":["exp"]}"#, &payload)), "malformed");
}

#[test]
fn every_claim_counts() {
    assert_eq!(reason_of(|claims| claims.aud = "another".into()), "audience");
    assert_eq!(reason_of(|claims| claims.iss = "another".into()), "issuer");
    assert_eq!(reason_of(|claims| claims.exp = NOW), "expired");
    assert_eq!(reason_of(|claims| claims.nbf = NOW + 31), "not-yet-valid");
    assert_eq!(reason_of(|claims| claims.iat = NOW + 31), "not-yet-valid");
    let whole = serde_json::to_value(claims()).unwrap();
    for name in ["iss", "aud", "sub", "ten", "sid", "iat", "nbf", "exp", "jti"] {
        let mut part = whole.clone();
        part.as_object_mut().unwrap().remove(name);
        assert_eq!(reason(&signed(&good_header(), &part.to_string())), "malformed", "without {name}");
    }
    let mut list = whole.clone();
    list["aud"] = serde_json::json!(["plimsoll-api"]);
    assert_eq!(reason(&signed(&good_header(), &list.to_string())), "malformed");
}

#[test]
fn a_clock_a_little_ahead_is_forgiven() {
    let ahead = Claims { iat: NOW + 30, nbf: NOW + 30, ..claims() };
    assert!(check_at(&mint(&ahead, "k1", &key(1)).unwrap(), NOW).is_ok());
}

#[test]
fn whatever_is_not_a_token_is_malformed() {
    let token = mint(&claims(), "k1", &key(1)).unwrap();
    let payload = serde_json::to_string(&claims()).unwrap();
    let twice = format!(r#"{},"exp":{}}}"#, payload.trim_end_matches('}'), NOW + 9_999);
    let parts: Vec<&str> = token.split('.').collect();
    let broken = [
        String::new(),
        "..".into(),
        "a.b.c".into(),
        parts[0].to_owned(),
        format!("{}.{}", parts[0], parts[1]),
        format!("{token}.{}", parts[2]),
        format!(".{token}"),
        format!("{}.!!!.{}", parts[0], parts[2]),
        format!("{token}=="),
        format!("{token} "),
        format!("{}.{}.{}", parts[0], parts[1], "é"),
        signed(r#"["alg","EdDSA"]"#, &payload),
        signed(r#"{"alg":"EdDSA","alg":"EdDSA","typ":"at+jwt","kid":"k1"}"#, &payload),
        signed(&good_header(), &twice),
        signed(&good_header(), "not json"),
        signed(&good_header(), &format!(r#"{},"pad":"{}"}}"#, payload.trim_end_matches('}'), "x".repeat(4096))),
    ];
    for text in broken {
        assert_eq!(reason(&text), "malformed", "{text}");
    }
    for cut in 0..token.len() {
        assert!(check_at(&token[..cut], NOW).is_err(), "cut at {cut}");
    }
}

#[test]
fn no_single_altered_character_passes() {
    let token = mint(&claims(), "k1", &key(1)).unwrap();
    for position in 0..token.len() {
        let mut bytes = token.clone().into_bytes();
        bytes[position] = if bytes[position] == b'A' { b'B' } else { b'A' };
        assert!(check_at(std::str::from_utf8(&bytes).unwrap(), NOW).is_err(), "altered at {position}");
    }
}
