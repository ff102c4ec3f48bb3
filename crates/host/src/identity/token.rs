//! Access tokens: JWS in compact form, Ed25519, nothing else.
//!
//! Not a general JWT library, on purpose. The classic failures (`alg: none`, a public key used as
//! an HMAC secret, a header that chooses the key) come from negotiation; here is none. One
//! algorithm, one type, keys only from the ring's own list, every claim demanded. What is not
//! needed is not here, so it cannot be reached.

use base64::{Engine, engine::general_purpose::URL_SAFE_NO_PAD as BASE64};
use plimsoll_core::{Code, Error, Result, Role, SessionId, TenantId, Time, UserId};
use ring::signature::{ED25519, Ed25519KeyPair, UnparsedPublicKey};
use serde::{Deserialize, Serialize};
use serde_json::Value;

/// Longest token that is looked at; ours are about 500 bytes.
const LONGEST: usize = 4096;
/// How far another machine's clock may be ahead.
const LEEWAY_SECONDS: i64 = 30;
const TYPE: &str = "at+jwt";
const ALGORITHM: &str = "EdDSA";

/// What a token says. Times are whole seconds since 1970.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Claims {
    /// Who issued it.
    pub iss: String,
    /// For whom it is meant.
    pub aud: String,
    /// The person.
    pub sub: UserId,
    /// The tenant the session is for.
    pub ten: TenantId,
    /// The session.
    pub sid: SessionId,
    /// The role when it was issued: for display; what counts is read from the database.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub role: Option<Role>,
    /// Issued at.
    pub iat: i64,
    /// Not valid before.
    pub nbf: i64,
    /// Not valid from here on.
    pub exp: i64,
    /// Unique to this token.
    pub jti: String,
}

#[derive(Serialize)]
struct Header<'a> {
    alg: &'a str,
    typ: &'a str,
    kid: &'a str,
}

/// What a token must say to be ours.
#[derive(Debug, Clone)]
pub struct Rules {
    /// The only accepted issuer.
    pub issuer: String,
    /// The only accepted audience.
    pub audience: String,
}

/// Signs `claims` with the key called `kid`.
///
/// # Errors
/// [`Code::Internal`] if the claims cannot be written as JSON, which they always can.
pub fn mint(claims: &Claims, kid: &str, key: &Ed25519KeyPair) -> Result<String> {
    sign(TYPE, claims, kid, key)
}

/// Signs `claims` as a token of the type `typ` with the key called `kid`.
///
/// # Errors
/// As [`mint`].
pub fn sign(typ: &str, claims: &impl Serialize, kid: &str, key: &Ed25519KeyPair) -> Result<String> {
    let header = serde_json::to_vec(&Header { alg: ALGORITHM, typ, kid })?;
    let mut token = format!("{}.{}", BASE64.encode(header), BASE64.encode(serde_json::to_vec(claims)?));
    let signature = key.sign(token.as_bytes());
    token.push('.');
    BASE64.encode_string(signature, &mut token);
    Ok(token)
}

/// A token whose header was read and whose signature was not yet checked.
#[derive(Debug)]
pub struct Unverified<'t> {
    /// The key it claims to be signed with.
    pub kid: String,
    signed: &'t str,
    payload: &'t str,
    signature: Vec<u8>,
}

fn bad(reason: &'static str, sentence: &'static str) -> Error {
    Code::CredentialInvalid.because(sentence).reasoned(reason)
}
fn malformed() -> Error {
    bad("malformed", "the access token is not a well-formed signed token; log in for a new one")
}
fn object(part: &str) -> Result<Value> {
    let bytes = BASE64.decode(part).map_err(|_| malformed())?;
    // The strict reader: two readers of one document must not see two values of one name.
    crate::json::parse(&bytes).ok().filter(Value::is_object).ok_or_else(malformed)
}

impl<'t> Unverified<'t> {
    /// Takes `token` apart and reads its header.
    ///
    /// # Errors
    /// [`Code::CredentialInvalid`] with the reason `malformed`, `algorithm` or `type`.
    pub fn parse(token: &'t str) -> Result<Unverified<'t>> {
        if token.len() > LONGEST {
            return Err(malformed());
        }
        let (signed, signature) = token.rsplit_once('.').ok_or_else(malformed)?;
        let (header, payload) = signed.split_once('.').filter(|(_, payload)| !payload.contains('.')).ok_or_else(malformed)?;
        let header = object(header)?;
        if header["alg"] != ALGORITHM {
            return Err(bad("algorithm", "the access token is signed with an algorithm that is not accepted; only EdDSA is"));
        }
        if header["typ"] != TYPE {
            return Err(bad("type", "the token is of another type than an access token"));
        }
        if header.get("crit").is_some() {
            return Err(malformed());
        }
        let kid = header["kid"].as_str().filter(|kid| !kid.is_empty() && kid.len() <= 64).ok_or_else(malformed)?.to_owned();
        let signature = BASE64.decode(signature).map_err(|_| malformed())?;
        Ok(Unverified { kid, signed, payload, signature })
    }

    /// What it says, without a look at the signature: the practice `auth-jwt` is switched off, which
    /// only the development profile allows.
    pub fn believed(&self) -> Result<Claims> {
        serde_json::from_value(object(self.payload)?).map_err(|_| malformed())
    }

    /// Checks the signature with `public`, then every claim against `rules` and the time `now`.
    ///
    /// # Errors
    /// [`Code::CredentialInvalid`] (`signature`, `malformed`, `issuer`, `audience`, `not-yet-valid`)
    /// or [`Code::CredentialExpired`].
    pub fn verify(&self, public: &[u8], rules: &Rules, now: Time) -> Result<Claims> {
        UnparsedPublicKey::new(&ED25519, public)
            .verify(self.signed.as_bytes(), &self.signature)
            .map_err(|_| bad("signature", "the access token's signature does not match; log in for a new one"))?;
        let claims: Claims = serde_json::from_value(object(self.payload)?).map_err(|_| malformed())?;
        if claims.iss != rules.issuer {
            return Err(bad("issuer", "the access token comes from another issuer"));
        }
        if claims.aud != rules.audience {
            return Err(bad("audience", "the access token is meant for another audience"));
        }
        let now = now.seconds();
        if claims.nbf > now + LEEWAY_SECONDS || claims.iat > now + LEEWAY_SECONDS {
            return Err(bad("not-yet-valid", "the access token is not valid yet; compare the clocks of the machines"));
        }
        if claims.exp <= now {
            return Err(Code::CredentialExpired
                .because("the access token has expired; use the refresh token or log in again")
                .reasoned("expired"));
        }
        Ok(claims)
    }
}

#[cfg(test)]
#[path = "token_tests.rs"]
mod tests;
