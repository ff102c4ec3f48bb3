//! Sessions: how one begins, what it hands out, and the browser's cookie.

use std::net::IpAddr;

use http::{HeaderMap, HeaderValue, Response, StatusCode, header};
use plimsoll_core::{Principal, PrincipalKind, Result, Role, SessionId, TenantId, Time, UserId};
use plimsoll_store::bind;
use schemars::{JsonSchema, SchemaGenerator};
use serde::Serialize;
use serde_json::Value;

use super::{
    Identity,
    secret::{Token, sha256},
    token::Claims,
};
use crate::{Body, ledger::Change, route::Reply};

/// The cookie over HTTPS: bound to this host and to HTTPS by its name.
const SECURE_COOKIE: &str = "__Host-plimsoll";
/// The cookie over plain HTTP, which browsers would refuse under the other name.
const PLAIN_COOKIE: &str = "plimsoll_session";

/// What a login or a refresh hands out.
#[derive(Debug, Serialize, JsonSchema)]
pub struct Tokens {
    /// For `Authorization: Bearer …`; short-lived.
    pub access_token: String,
    /// Always `Bearer`.
    pub token_type: &'static str,
    /// Seconds until the access token expires.
    pub expires_in: u64,
    /// Good for one `POST /v1/auth/refresh`, which hands out its successor.
    pub refresh_token: String,
}

/// A session about to be stored.
pub struct Opening {
    /// Its id.
    pub id: SessionId,
    /// Whose it is.
    pub person: UserId,
    /// From which address.
    pub address: IpAddr,
    /// With which program, as it calls itself.
    pub agent: Option<String>,
    /// When it ends at the latest.
    pub expires_at: Time,
    /// What it hands out: a cookie or a refresh token.
    pub token: Token,
    /// Which of the two.
    pub cookie: bool,
}

impl Identity {
    /// Stores a session in the transaction's tenant.
    pub(super) fn open_session(change: &mut Change<'_, '_>, opening: &Opening, idle: std::time::Duration) -> Result<()> {
        let now = change.now();
        change.write(
            "INSERT INTO session (tenant_id, id, person_id, created_at, seen_at, expires_at, address, agent, cookie_hash) \
             VALUES (:tenant, :id, :person, :now, :now, :expires, :address, :agent, :cookie)",
            bind! {
                id: opening.id, person: opening.person, now: now, expires: opening.expires_at, address: opening.address.to_string(),
                agent: opening.agent, cookie: opening.cookie.then_some(opening.token.hash),
            },
        )?;
        if !opening.cookie {
            insert_refresh(change, opening.id, opening.token.hash, opening.expires_at.min(now.plus(idle)))?;
        }
        Ok(())
    }

    /// An access token for a session.
    pub(super) fn access_token(&self, person: UserId, tenant: TenantId, session: SessionId, role: Role, now: Time) -> Result<String> {
        let issued = now.seconds();
        let lifetime = i64::try_from(self.config.access_lifetime.as_secs()).unwrap_or(600);
        let claims = Claims {
            iss: self.config.issuer.clone(),
            aud: self.config.audience.clone(),
            sub: person,
            ten: tenant,
            sid: session,
            role: Some(role),
            iat: issued,
            nbf: issued,
            exp: issued + lifetime,
            jti: super::secret::hex(&self.seed.bytes::<12>()),
        };
        self.ring.sign(&claims, now)
    }

    /// The pair that a login or a refresh answers with.
    pub(super) fn tokens(&self, who: &Principal, person: UserId, session: SessionId, refresh: &Token, now: Time) -> Result<Tokens> {
        debug_assert_eq!(who.kind, PrincipalKind::Person, "only people have sessions");
        Ok(Tokens {
            access_token: self.access_token(person, who.tenant, session, who.role, now)?,
            token_type: "Bearer",
            expires_in: self.config.access_lifetime.as_secs(),
            refresh_token: refresh.text.to_string(),
        })
    }
}

/// Stores a refresh token of a session of the transaction's tenant.
pub(super) fn insert_refresh(change: &mut Change<'_, '_>, session: SessionId, hash: [u8; 32], expires: Time) -> Result<()> {
    let now = change.now();
    change.write(
        "INSERT INTO refresh (tenant_id, hash, session_id, issued_at, expires_at) VALUES (:tenant, :hash, :session, :now, :expires)",
        bind! { hash: hash, session: session, now: now, expires: expires },
    )?;
    Ok(())
}

/// The `Set-Cookie` that hands out `token`, or takes the cookie back where there is none.
pub fn set_cookie(token: Option<(&str, u64)>, secure: bool, strict: bool) -> Result<HeaderValue> {
    let name = if secure { SECURE_COOKIE } else { PLAIN_COOKIE };
    let (text, age) = token.unwrap_or(("", 0));
    let flags = match (strict, secure) {
        (true, true) => "; HttpOnly; SameSite=Strict; Secure",
        (true, false) => "; HttpOnly; SameSite=Strict",
        // The practice `secure-cookies` is switched off, which only the development profile allows;
        // a browser keeps a `__Host-` cookie only with `Secure`.
        (false, true) => "; Secure",
        (false, false) => "",
    };
    let mut value = HeaderValue::try_from(format!("{name}={text}; Path=/; Max-Age={age}{flags}"))?;
    value.set_sensitive(true);
    Ok(value)
}

/// The session token in the `Cookie` headers, if there is one under the name for this connection.
pub fn cookie(headers: &HeaderMap, secure: bool) -> Option<&str> {
    let name = if secure { SECURE_COOKIE } else { PLAIN_COOKIE };
    headers
        .get_all(header::COOKIE)
        .iter()
        .filter_map(|value| value.to_str().ok())
        .flat_map(|text| text.split(';'))
        .filter_map(|pair| pair.trim().split_once('='))
        .find(|(found, value)| *found == name && !value.is_empty())
        .map(|(_, value)| value)
}

/// The cookies of a request without the session's; nothing where there is none of the session's.
pub fn without_ours(value: &HeaderValue) -> Option<String> {
    let text = value.to_str().ok()?;
    let ours = |pair: &str| {
        let name = pair.split('=').next().unwrap_or_default().trim();
        name == SECURE_COOKIE || name == PLAIN_COOKIE
    };
    text.split(';').any(ours).then(|| text.split(';').map(str::trim).filter(|pair| !ours(pair)).collect::<Vec<_>>().join("; "))
}

/// What the program calls itself, cut to a length worth keeping.
pub fn agent(headers: &HeaderMap) -> Option<String> {
    let text = headers.get(header::USER_AGENT)?.to_str().ok()?;
    Some(text.chars().take(200).collect())
}

/// The hash under which a presented cookie or refresh token is stored.
pub fn hash_of(text: &str) -> [u8; 32] {
    sha256(text.as_bytes())
}

/// JSON that must not be kept by anybody on the way, with a cookie beside it.
pub struct Private<T, const STATUS: u16 = 200> {
    /// The answer.
    pub body: T,
    /// `Set-Cookie`, if one is set or taken back.
    pub cookie: Option<HeaderValue>,
    /// Where the new thing is, if one was made.
    pub location: Option<String>,
    /// What the effect was on, for the ledger.
    pub target: String,
}

impl<T: Serialize + JsonSchema + Send + 'static, const STATUS: u16> Reply for Private<T, STATUS> {
    fn response(self) -> Result<Response<Body>> {
        let mut answer = crate::route::Json(self.body).response()?;
        *answer.status_mut() = StatusCode::from_u16(STATUS)?;
        if let Some(location) = self.location {
            answer.headers_mut().insert(header::LOCATION, HeaderValue::from_str(&location)?);
        }
        answer.headers_mut().insert(header::CACHE_CONTROL, HeaderValue::from_static("no-store"));
        if let Some(cookie) = self.cookie {
            answer.headers_mut().insert(header::SET_COOKIE, cookie);
        }
        Ok(answer)
    }
    fn target(&self) -> Option<String> {
        Some(self.target.clone())
    }
    fn describe(schemas: &mut SchemaGenerator) -> (u16, Option<Value>) {
        (STATUS, Some(schemas.subschema_for::<T>().to_value()))
    }
}

/// 204, taking the session cookie back.
pub struct Ended {
    /// The `Set-Cookie` that does.
    pub cookie: HeaderValue,
    /// The session.
    pub target: String,
}

impl Reply for Ended {
    fn response(self) -> Result<Response<Body>> {
        let mut answer = crate::route::Empty.response()?;
        answer.headers_mut().insert(header::SET_COOKIE, self.cookie);
        Ok(answer)
    }
    fn target(&self) -> Option<String> {
        Some(self.target.clone())
    }
    fn describe(_: &mut SchemaGenerator) -> (u16, Option<Value>) {
        (204, None)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_cookie_is_out_of_reach_of_scripts_and_other_sites() {
        let text = |token, secure| set_cookie(token, secure, true).unwrap().to_str().unwrap().to_owned();
        assert_eq!(text(Some(("abc", 60)), true), "__Host-plimsoll=abc; Path=/; Max-Age=60; HttpOnly; SameSite=Strict; Secure");
        assert_eq!(text(Some(("abc", 60)), false), "plimsoll_session=abc; Path=/; Max-Age=60; HttpOnly; SameSite=Strict");
        assert_eq!(text(None, false), "plimsoll_session=; Path=/; Max-Age=0; HttpOnly; SameSite=Strict");
    }

    #[test]
    fn the_session_is_taken_out_and_other_cookies_stay() {
        let left = |text: &'static str| without_ours(&HeaderValue::from_static(text));
        assert_eq!(left("a=1; b=2"), None);
        assert_eq!(left("a=1; plimsoll_session=x ; b=2;__Host-plimsoll=y").as_deref(), Some("a=1; b=2"));
        assert_eq!(left("plimsoll_session=x").as_deref(), Some(""));
        assert_eq!(left("plimsoll_session_other=x"), None);
    }

    #[test]
    fn the_cookie_is_found_among_others_and_only_under_its_own_name() {
        let mut headers = HeaderMap::new();
        headers.append(header::COOKIE, HeaderValue::from_static("a=1; plimsoll_session=plain"));
        headers.append(header::COOKIE, HeaderValue::from_static("x__Host-plimsoll=no; __Host-plimsoll=safe ;b"));
        assert_eq!(cookie(&headers, false), Some("plain"));
        assert_eq!(cookie(&headers, true), Some("safe"), "a plain cookie does not count over HTTPS");
        headers.clear();
        headers.append(header::COOKIE, HeaderValue::from_static("plimsoll_session="));
        assert_eq!(cookie(&headers, false), None);
    }
}
