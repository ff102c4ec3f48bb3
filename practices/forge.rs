//! Access tokens as an attacker makes them: JSON Web Tokens written by hand.

use base64::{Engine, engine::general_purpose::URL_SAFE_NO_PAD as BASE64};
use ring::{
    hmac,
    signature::{ED25519, Ed25519KeyPair, KeyPair, UnparsedPublicKey},
};
use serde_json::{Value, json};

/// The three parts of a token, read without any check.
#[derive(Debug, Clone)]
pub(crate) struct Token {
    /// The first part.
    pub header: Value,
    /// The second part.
    pub claims: Value,
    /// The third part.
    pub signature: Vec<u8>,
    signed: String,
}

impl Token {
    /// Takes a token apart.
    pub fn read(text: &str) -> Option<Token> {
        let mut parts = text.split('.');
        let (header, claims, signature) = (parts.next()?, parts.next()?, parts.next()?);
        let value = |part: &str| serde_json::from_slice(&BASE64.decode(part).ok()?).ok();
        Some(Token {
            header: value(header)?,
            claims: value(claims)?,
            signature: BASE64.decode(signature).ok()?,
            signed: format!("{header}.{claims}"),
        })
    }

    /// Whether the key with this token's `kid` in a published set fits its signature.
    pub fn fits(&self, published: &Value) -> bool {
        let Some(key) = key_of(published, &self.header["kid"]) else { return false };
        UnparsedPublicKey::new(&ED25519, key).verify(self.signed.as_bytes(), &self.signature).is_ok()
    }

    /// The same signature below other contents.
    pub fn altered(&self, header: &Value, claims: &Value) -> String {
        format!("{}.{}", unsigned(header, claims), BASE64.encode(&self.signature))
    }
}

/// The public key called `kid` in a JSON Web Key Set.
pub(crate) fn key_of(published: &Value, kid: &Value) -> Option<Vec<u8>> {
    let key = published["keys"].as_array()?.iter().find(|key| key["kid"] == *kid)?;
    BASE64.decode(key["x"].as_str()?).ok()
}

/// Header and claims as they are signed.
fn unsigned(header: &Value, claims: &Value) -> String {
    format!("{}.{}", BASE64.encode(header.to_string()), BASE64.encode(claims.to_string()))
}

/// A token that claims to need no signature.
pub(crate) fn bare(header: &Value, claims: &Value) -> String {
    format!("{}.", unsigned(header, claims))
}

/// A token signed with the attacker's own Ed25519 key, made from `seed`.
pub(crate) fn signed(header: &Value, claims: &Value, seed: &[u8; 32]) -> Option<String> {
    let pair = Ed25519KeyPair::from_seed_unchecked(seed).ok()?;
    let mut header = header.clone();
    if header.get("jwk").is_some() {
        header["jwk"] = json!({ "kty": "OKP", "crv": "Ed25519", "x": BASE64.encode(pair.public_key().as_ref()) });
    }
    let text = unsigned(&header, claims);
    Some(format!("{text}.{}", BASE64.encode(pair.sign(text.as_bytes()).as_ref())))
}

/// A token signed with HMAC-SHA-256 under `secret`, such as a public key that everybody has.
pub(crate) fn keyed(header: &Value, claims: &Value, secret: &[u8]) -> String {
    let text = unsigned(header, claims);
    let tag = hmac::sign(&hmac::Key::new(hmac::HMAC_SHA256, secret), text.as_bytes());
    format!("{text}.{}", BASE64.encode(tag.as_ref()))
}

/// The object with one field changed.
pub(crate) fn with(value: &Value, field: &str, changed: impl Into<Value>) -> Value {
    let mut value = value.clone();
    value[field] = changed.into();
    value
}
