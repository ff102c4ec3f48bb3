//! Who asks, told to the service: plain headers, and a signed statement for services that check.
//!
//! The statement (`X-Plimsoll-Assertion`) is a signed token like our access tokens, with a type and
//! an audience of its own, good for one method and one path for a minute. Its keys are those of
//! `/.well-known/jwks.json`. Signing costs as much as the rest of a request, so the same statement is
//! used again for some seconds for the same caller, method and path.

use std::{
    collections::HashMap,
    hash::{BuildHasher, RandomState},
    sync::{Mutex, PoisonError},
};

use base64::{Engine, engine::general_purpose::URL_SAFE_NO_PAD as BASE64};
use http::{HeaderMap, HeaderName, HeaderValue, Method};
use plimsoll_core::{Principal, Result, Time};
use ring::digest;
use serde::Serialize;

use crate::host::Host;

/// The type in the token's head: nothing that takes access tokens takes it.
pub const TYPE: &str = "plimsoll-assertion+jwt";
/// How long a statement is valid.
const LIFETIME_SECONDS: i64 = 60;
/// How long one is used again.
const AGAIN_SECONDS: i64 = 15;
/// How many are remembered; above it all are forgotten.
const MOST: usize = 4096;

/// Every header of identity begins with this, and a caller's are removed.
pub const PREFIX: &str = "x-plimsoll-";
const PRINCIPAL: HeaderName = HeaderName::from_static("x-plimsoll-principal");
const KIND: HeaderName = HeaderName::from_static("x-plimsoll-kind");
const TENANT: HeaderName = HeaderName::from_static("x-plimsoll-tenant");
const ROLE: HeaderName = HeaderName::from_static("x-plimsoll-role");
const SCOPES: HeaderName = HeaderName::from_static("x-plimsoll-scopes");
const ASSERTION: HeaderName = HeaderName::from_static("x-plimsoll-assertion");

/// What a statement says. Times are whole seconds since 1970.
#[derive(Serialize)]
struct Claims<'a> {
    iss: &'a str,
    /// The service it is for.
    aud: &'a str,
    sub: &'a str,
    /// `person`, `key` or `anonymous`.
    kind: &'a str,
    ten: String,
    role: &'a str,
    /// With spaces between; absent where the role alone decides.
    #[serde(skip_serializing_if = "str::is_empty")]
    scope: &'a str,
    /// The method it is good for.
    htm: &'a str,
    /// SHA-256 of the path it is good for, as it stands in the request, without the query; base64url.
    pth: String,
    iat: i64,
    exp: i64,
}

/// Statements that were made a moment ago.
#[derive(Default)]
pub struct Assertions {
    made: Mutex<HashMap<u64, Made>>,
    hasher: RandomState,
}

/// The headers for one caller, and for what they are good.
struct Made {
    who: Principal,
    method: Method,
    path: String,
    until: i64,
    headers: [Option<HeaderValue>; 6],
}

const NAMES: [HeaderName; 6] = [PRINCIPAL, KIND, TENANT, ROLE, SCOPES, ASSERTION];

impl Assertions {
    /// Writes who asks onto a request to the service called `audience`.
    ///
    /// # Errors
    /// `Internal` when no key signs, which a started host never is without.
    pub fn write(
        &self,
        host: &Host,
        audience: &str,
        who: &Principal,
        (method, path): (&Method, &str),
        now: Time,
        headers: &mut HeaderMap,
    ) -> Result<()> {
        let key = self.hasher.hash_one((&who.id, who.tenant.bits(), method, path));
        {
            let made = self.made.lock().unwrap_or_else(PoisonError::into_inner);
            if let Some(found) = made.get(&key).filter(|found| found.fits(who, method, path, now.seconds())) {
                put(headers, &found.headers);
                return Ok(());
            }
        }
        let fresh = Made::sign(host, audience, who, method, path, now)?;
        put(headers, &fresh.headers);
        let mut made = self.made.lock().unwrap_or_else(PoisonError::into_inner);
        if made.len() >= MOST {
            made.clear();
        }
        made.insert(key, fresh);
        Ok(())
    }
}

fn put(headers: &mut HeaderMap, values: &[Option<HeaderValue>; 6]) {
    for (name, value) in NAMES.iter().zip(values) {
        if let Some(value) = value {
            headers.insert(name, value.clone());
        }
    }
}

impl Made {
    fn fits(&self, who: &Principal, method: &Method, path: &str, now: i64) -> bool {
        let same = &self.who;
        now < self.until
            && same.id == who.id
            && same.tenant == who.tenant
            && same.role == who.role
            && same.kind == who.kind
            && same.scopes == who.scopes
            && self.method == method
            && self.path == path
    }

    fn sign(host: &Host, audience: &str, who: &Principal, method: &Method, path: &str, now: Time) -> Result<Made> {
        let scope = who.scopes.join(" ");
        let issued = now.seconds();
        let claims = Claims {
            iss: host.identity.issuer(),
            aud: audience,
            sub: &who.id,
            kind: who.kind.name(),
            ten: who.tenant.to_string(),
            role: who.role.name(),
            scope: &scope,
            htm: method.as_str(),
            pth: BASE64.encode(digest::digest(&digest::SHA256, path.as_bytes())),
            iat: issued,
            exp: issued + LIFETIME_SECONDS,
        };
        let token = host.identity.assert(TYPE, &claims, now)?;
        let value = |text: &str| HeaderValue::try_from(text).ok();
        let mut token = value(&token);
        token.iter_mut().for_each(|token| token.set_sensitive(true));
        Ok(Made {
            headers: [
                value(&who.id),
                value(who.kind.name()),
                value(&claims.ten),
                value(who.role.name()),
                value(&scope).filter(|scope| !scope.is_empty()),
                token,
            ],
            who: who.clone(),
            method: method.clone(),
            path: path.to_owned(),
            until: issued + AGAIN_SECONDS,
        })
    }
}
