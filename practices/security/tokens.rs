//! Access tokens and refresh tokens: what is accepted, what is not, and when they end.

use std::time::Duration;

use plimsoll_assess::{
    Rig, Trouble,
    rig::{Ask, get, post},
};
use serde_json::{Value, json};

use crate::forge::{self, Token, with};

fn me(token: impl AsRef<str>, what: &str) -> Ask {
    get("/v1/auth/me").bearer(token).shown(format!("/v1/auth/me with {what}"))
}

async fn refused(rig: &mut Rig, token: impl AsRef<str>, what: &str) -> Result<(), Trouble> {
    let reply = rig.send(me(token, what)).await?;
    rig.must(reply.status == 401, format!("{what} is refused with 401"));
    Ok(())
}

/// Signed access tokens: every way to make one up.
pub(crate) async fn jwt(rig: &mut Rig) -> Result<(), Trouble> {
    // Three processes on one data, so that tokens exist that are genuine and meant for others.
    let copy = rig.copy(&[]).await?;
    let audience = copy.beside(&[("identity.audience", "another-api")]).await?;
    let issuer = copy.beside(&[("identity.issuer", "another-issuer"), ("identity.access_lifetime", "1s")]).await?;
    rig.turn_to(&copy);
    let tenant = rig.tenant_on(&copy).await?;
    let person = rig.person(&tenant, "editor").await?;
    let published = rig.quietly(get("/.well-known/jwks.json")).await?.json();
    let token = Token::read(&person.access).ok_or_else(|| Trouble::new("the access token is not a JSON Web Token in compact form"))?;
    let (header, claims) = (&token.header, &token.claims);

    rig.check("signed");
    let reply = rig.send(me(&person.access, "the token of a login")).await?;
    rig.must(reply.status == 200, "the token of a login is accepted");
    rig.must(token.fits(&published), "its signature fits the published key that it names");
    for claim in ["iss", "aud", "sub", "exp", "ten"] {
        rig.must(!claims[claim].is_null(), format!("it has the claim `{claim}`"));
    }
    let life = claims["exp"].as_i64().unwrap_or(i64::MAX).saturating_sub(claims["iat"].as_i64().unwrap_or(0));
    rig.must((1..=3600).contains(&life), "it lives for an hour at most");

    rig.check("altered");
    let later = claims["exp"].as_i64().unwrap_or(0).saturating_add(86_400);
    refused(rig, token.altered(header, &with(claims, "exp", later)), "a token whose expiry was moved").await?;
    refused(rig, token.altered(header, &with(claims, "role", "owner")), "a token whose role was raised").await?;
    refused(rig, token.altered(&with(header, "x", 1), claims), "a token with another header").await?;
    let (body, signature) = person.access.rsplit_once('.').unwrap_or_default();
    let turned: String = signature.chars().rev().collect();
    refused(rig, format!("{body}.{turned}"), "a token with another signature").await?;
    refused(rig, format!("{body}."), "a token without its signature").await?;
    refused(rig, body, "two parts of a token").await?;

    rig.check("algorithm");
    for name in ["none", "None", "NONE", ""] {
        refused(rig, forge::bare(&with(header, "alg", name), claims), &format!("a bare token of the algorithm `{name}`")).await?;
    }
    let public = forge::key_of(&published, &header["kid"]).unwrap_or_default();
    let symmetric = with(header, "alg", "HS256");
    refused(rig, forge::keyed(&symmetric, claims, &public), "HMAC under the bytes of the public key").await?;
    let text = published["keys"][0].to_string();
    refused(rig, forge::keyed(&symmetric, claims, text.as_bytes()), "HMAC under the text of the public key").await?;

    rig.check("foreign-key");
    let seed: [u8; 32] = rig.seed.bytes();
    let own = |header: &Value| forge::signed(header, claims, &seed).ok_or_else(|| Trouble::new("no token could be signed"));
    refused(rig, own(header)?, "a token of another key under the name of the right one").await?;
    refused(rig, own(&with(header, "kid", "made-up"))?, "a token of another key under its own name").await?;
    refused(rig, own(&with(header, "jwk", json!({})))?, "a token that brings its own key along").await?;
    refused(rig, own(&with(header, "typ", "JWT"))?, "a token of another type").await?;
    refused(rig, &person.refresh, "a refresh token in the place of an access token").await?;

    rig.check("claims");
    for (other, what) in [(&audience, "a genuine token for another audience"), (&issuer, "a genuine token of another issuer")] {
        rig.turn_to(other);
        let elsewhere = rig.log_in(&person).await?;
        rig.turn_to(&copy);
        refused(rig, &elsewhere.access, what).await?;
    }

    rig.check("expired");
    rig.turn_to(&issuer);
    let brief = rig.log_in(&person).await?;
    let ended = rig.until(Duration::from_secs(4), || me(&brief.access, "a brief token"), |reply| reply.status == 401).await?;
    rig.must(ended.is_some_and(|reply| reply.code() == "PLM-AUTH-003"), "a token that lives for a second is refused as expired after it");
    Ok(())
}

fn refresh(token: &str, what: &str) -> Ask {
    post("/v1/auth/refresh").json(&json!({ "refresh_token": token })).shown(format!("/v1/auth/refresh with {what}"))
}

/// Refresh tokens: each works once, and the second use ends them all.
pub(crate) async fn refreshing(rig: &mut Rig) -> Result<(), Trouble> {
    let tenant = rig.tenant().await?;
    let person = rig.person(&tenant, "viewer").await?;

    rig.check("rotates");
    let renewed = rig.send(refresh(&person.refresh, "the token of a login")).await?;
    let (access, next) = (renewed.str("/access_token"), renewed.str("/refresh_token"));
    rig.must(renewed.status == 200 && !access.is_empty(), "the token of a login is exchanged for a new pair");
    rig.must(!next.is_empty() && next != person.refresh && access != person.access, "both tokens of the pair are new");
    let reply = rig.send(me(&access, "the new access token")).await?;
    rig.must(reply.status == 200, "the new access token is accepted");

    rig.check("only-its-own");
    for (token, what) in [(access.as_str(), "an access token"), ("kQ3vX0cJ7pW2mTzH5sLyB8nRfD1gUaEo6iKtPwSxVrM", "a token nobody issued")] {
        let reply = rig.send(refresh(token, what)).await?;
        rig.must((400..500).contains(&reply.status), format!("{what} is not exchanged"));
    }

    rig.check("reuse");
    let again = rig.send(refresh(&person.refresh, "the token of a login, a second time")).await?;
    rig.must(again.status == 401, "a token that was exchanged already is refused with 401");
    let family = rig.send(refresh(&next, "its successor")).await?;
    rig.must(family.status == 401, "with that, its successor is refused too");

    rig.check("ends-with-logout");
    let person = rig.log_in(&person).await?;
    let left = rig.send(post("/v1/auth/logout").bearer(&person.access)).await?;
    rig.must(left.good(), "the person logs out");
    let after = rig.send(refresh(&person.refresh, "the token of a session that was logged out")).await?;
    rig.must(after.status == 401, "after the logout the session is not renewed");
    Ok(())
}

/// Ended sessions: refused here at once, and by every other process soon.
pub(crate) async fn revocation(rig: &mut Rig) -> Result<(), Trouble> {
    let copy = rig.copy(&[("identity.cache_lifetime", "500ms")]).await?;
    let other = copy.beside(&[]).await?;
    rig.turn_to(&copy);
    let tenant = rig.tenant_on(&copy).await?;

    rig.check("logout");
    let person = rig.person(&tenant, "viewer").await?;
    let before = rig.send(me(&person.access, "the token of a login")).await?;
    rig.must(before.status == 200, "the token of a login is accepted");
    let left = rig.send(post("/v1/auth/logout").bearer(&person.access)).await?;
    rig.must(left.good(), "the person logs out");
    let after = rig.send(me(&person.access, "the token after the logout")).await?;
    rig.must(after.status == 401, "long before its expiry, the next request with the token is refused with 401");

    rig.check("everywhere");
    // The cookie, because it is asked for in the data and not in the token.
    let login = json!({ "email": person.email, "password": person.password, "cookie": true });
    let reply = rig.quietly(post("/v1/auth/login").json(&login)).await?;
    let cookie = reply.header("set-cookie").and_then(|text| text.split(';').next()).unwrap_or_default().to_owned();
    let asked = || get("/v1/auth/me").header("cookie", &cookie).shown("/v1/auth/me with the session's cookie");
    rig.turn_to(&other);
    let there = rig.send(asked()).await?;
    rig.must(there.status == 200, "a session that began in one process is known to the other");
    rig.turn_to(&copy);
    let left = rig.send(post("/v1/auth/logout").header("cookie", &cookie).header("sec-fetch-site", "same-origin")).await?;
    rig.must(left.good(), "it ends in the first process");
    rig.turn_to(&other);
    let gone = rig.until(Duration::from_secs(4), asked, |reply| reply.status == 401).await?;
    rig.must(gone.is_some(), "the other process refuses it once its half second of memory has passed");
    Ok(())
}
