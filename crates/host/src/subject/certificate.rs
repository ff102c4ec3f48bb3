//! A statement about what was erased or handed out, which nobody can change unnoticed.
//!
//! ```json
//! {
//!   "schema": "plimsoll.certificate/1",
//!   "certificate": { "action": "erased", "id": "ers_…", "tables": [ … ] },
//!   "signature": {
//!     "algorithm": "Ed25519",
//!     "kid": "<name of the key>",
//!     "key": "<the public key, 32 bytes, base64url>",
//!     "value": "<the signature, 64 bytes, base64url>"
//!   }
//! }
//! ```
//!
//! **The signed bytes** are the line `plimsoll.certificate/1` with its line feed, and after it the
//! text of the member `certificate` as it stands in the file, without white space outside of
//! strings. **The key** is derived from the master key and is the same for as long as that is: a
//! certificate has to be checked after years, when the keys of access tokens are long gone. Its
//! public part is at `/.well-known/certificate-keys.json`, as a JSON Web Key Set. The key inside of
//! a certificate shows only that the document is whole; whether it is *ours* shows the key that
//! was fetched from us.

use std::fmt;

use base64::{Engine, engine::general_purpose::URL_SAFE_NO_PAD as BASE64};
use plimsoll_core::{Code, Result, Time};
use ring::signature::{ED25519, Ed25519KeyPair, KeyPair, UnparsedPublicKey};
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};
use serde_json::{Value, json, value::RawValue};

use crate::identity::{Master, sha256};

/// The form of a certificate. A reader refuses others.
pub const SCHEMA: &str = "plimsoll.certificate/1";
const ALGORITHM: &str = "Ed25519";
/// The largest file that is read as a certificate.
pub const LARGEST: usize = 1 << 20;

/// What a certificate says.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct Certificate {
    /// `erased` or `exported`.
    pub action: String,
    /// Its id, also in the ledger.
    pub id: String,
    /// When.
    pub at: Time,
    /// In which tenant.
    pub tenant: String,
    /// Whose data, without saying who.
    pub subject: Subject,
    /// What was done in each table.
    pub tables: Vec<Entry>,
    /// What was not reached, and what becomes of it.
    pub beyond: Vec<String>,
}

/// Whose data it was.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
#[schemars(rename = "CertifiedSubject")]
pub struct Subject {
    /// The declared kind.
    pub kind: String,
    /// Keyed hashes of the subject's keys: whoever has the master key can tell whether they are a given person's.
    pub tombstones: Vec<String>,
}

/// What was done in one table.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
#[schemars(rename = "CertifiedTable")]
pub struct Entry {
    /// Whose table it is.
    pub system: String,
    /// Its name.
    pub table: String,
    /// `deleted`, `blanked`, `kept` or `exported`.
    pub outcome: String,
    /// How many rows.
    pub rows: i64,
    /// Why, where it is not plain.
    pub why: Option<String>,
}

/// A certificate with its signature.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
#[schemars(rename = "SignedCertificate")]
pub struct Signed {
    /// `plimsoll.certificate/1`.
    pub schema: String,
    /// What was signed.
    pub certificate: Certificate,
    /// Who signed.
    pub signature: Signature,
}

/// Who signed.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
#[schemars(rename = "CertificateSignature")]
pub struct Signature {
    /// `Ed25519`.
    pub algorithm: String,
    /// The name of the key in `/.well-known/certificate-keys.json`.
    pub kid: String,
    /// The public key, 32 bytes in base64url.
    pub key: String,
    /// The signature, 64 bytes in base64url.
    pub value: String,
}

/// The key that signs certificates.
pub struct Signer(Ed25519KeyPair);

impl Signer {
    /// The key that belongs to this master key.
    ///
    /// # Errors
    /// [`Code::Internal`] where it cannot be derived, which does not happen.
    pub fn new(master: &Master) -> Result<Signer> {
        let seed = master.subkey("certificate signing")?;
        let pair = Ed25519KeyPair::from_seed_unchecked(seed.as_slice());
        pair.map(Signer).map_err(|_| Code::Internal.error().caused_by("could not make the key of certificates"))
    }

    /// The public key.
    pub fn public(&self) -> [u8; 32] {
        let mut key = [0; 32];
        key.copy_from_slice(self.0.public_key().as_ref());
        key
    }

    /// The public key as a JSON Web Key Set.
    pub fn jwks(&self) -> Value {
        let key = self.public();
        json!({ "keys": [{ "kty": "OKP", "crv": "Ed25519", "use": "sig", "alg": "EdDSA", "kid": kid(&key), "x": BASE64.encode(key) }] })
    }

    /// Signs.
    ///
    /// # Errors
    /// [`Code::Internal`] where it cannot be written as JSON, which does not happen.
    pub fn sign(&self, certificate: Certificate) -> Result<Signed> {
        let value = self.0.sign(&signed_bytes(&serde_json::to_string(&certificate)?));
        let key = self.public();
        let signature =
            Signature { algorithm: ALGORITHM.into(), kid: kid(&key), key: BASE64.encode(key), value: BASE64.encode(value.as_ref()) };
        Ok(Signed { schema: SCHEMA.into(), certificate, signature })
    }
}

fn kid(key: &[u8]) -> String {
    BASE64.encode(&sha256(key)[..12])
}

/// The prefix line and the text without white space outside of strings.
fn signed_bytes(text: &str) -> Vec<u8> {
    let mut bytes = Vec::with_capacity(SCHEMA.len() + 1 + text.len());
    bytes.extend(SCHEMA.as_bytes());
    bytes.push(b'\n');
    let (mut quoted, mut escaped) = (false, false);
    for byte in text.bytes() {
        match byte {
            _ if escaped => escaped = false,
            b'\\' if quoted => escaped = true,
            b'"' => quoted = !quoted,
            b' ' | b'\t' | b'\n' | b'\r' if !quoted => continue,
            _ => {}
        }
        bytes.push(byte);
    }
    bytes
}

/// What is wrong with a certificate.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Flaw {
    /// The file is no certificate, and why.
    NotOne(String),
    /// It has another version.
    UnknownSchema(String),
    /// A part of the signature cannot be read.
    Unreadable(&'static str),
    /// It was signed with another key than the given ones.
    OtherKey(String),
    /// It was changed after it was signed, or never was.
    Altered,
}

impl fmt::Display for Flaw {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Flaw::NotOne(why) => write!(f, "the file is no certificate: {why}"),
            Flaw::UnknownSchema(schema) => write!(f, "the schema is `{schema}`; this program reads {SCHEMA}"),
            Flaw::Unreadable(part) => write!(f, "the signature's {part} cannot be read"),
            Flaw::OtherKey(kid) => write!(f, "it was signed with the key {kid}, which is none of the keys it was to be checked against"),
            Flaw::Altered => f.write_str("the certificate was changed after it was signed, or the signature is not its own"),
        }
    }
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Envelope<'a> {
    schema: String,
    #[serde(borrow)]
    certificate: &'a RawValue,
    signature: Signature,
}

/// A key set as it was fetched, or a public key by itself: hexadecimal or base64url.
///
/// # Errors
/// [`Code::Invalid`] where there is no Ed25519 key in it.
pub fn keys(text: &str) -> Result<Vec<[u8; 32]>> {
    let text = text.trim();
    let one = |text: &str| -> Option<[u8; 32]> { BASE64.decode(text.trim_end_matches('=')).ok()?.try_into().ok() };
    let found: Vec<[u8; 32]> = match serde_json::from_str::<Value>(text) {
        Ok(set) => set["keys"]
            .as_array()
            .into_iter()
            .flatten()
            .filter(|key| key["crv"] == ALGORITHM)
            .filter_map(|key| one(key["x"].as_str()?))
            .collect(),
        Err(_) => one(text).into_iter().collect(),
    };
    if found.is_empty() {
        return Err(
            Code::Invalid.because("there is no Ed25519 key in what was given: neither a JSON Web Key Set nor 32 bytes in base64url")
        );
    }
    Ok(found)
}

/// Reads a certificate and checks that it is what was signed; with `known`, by one of those keys.
///
/// # Errors
/// The first [`Flaw`] that is found.
pub fn verify(file: &[u8], known: Option<&[[u8; 32]]>) -> std::result::Result<Signed, Flaw> {
    if file.len() > LARGEST {
        return Err(Flaw::NotOne(format!("it has {} bytes, and a certificate has at most {LARGEST}", file.len())));
    }
    let text = std::str::from_utf8(file).map_err(|_| Flaw::NotOne("it is not text".into()))?;
    let text = inner(text)?;
    let envelope: Envelope<'_> = serde_json::from_str(&text).map_err(|error| Flaw::NotOne(error.to_string()))?;
    if envelope.schema != SCHEMA {
        return Err(Flaw::UnknownSchema(envelope.schema));
    }
    let signature = envelope.signature;
    if signature.algorithm != ALGORITHM {
        return Err(Flaw::Unreadable("algorithm"));
    }
    let key: [u8; 32] = BASE64.decode(&signature.key).ok().and_then(|key| key.try_into().ok()).ok_or(Flaw::Unreadable("key"))?;
    if signature.kid != kid(&key) {
        return Err(Flaw::Unreadable("name of the key"));
    }
    if known.is_some_and(|known| !known.contains(&key)) {
        return Err(Flaw::OtherKey(signature.kid));
    }
    let value = BASE64.decode(&signature.value).map_err(|_| Flaw::Unreadable("value"))?;
    UnparsedPublicKey::new(&ED25519, &key).verify(&signed_bytes(envelope.certificate.get()), &value).map_err(|_| Flaw::Altered)?;
    let certificate = serde_json::from_str(envelope.certificate.get()).map_err(|error| Flaw::NotOne(error.to_string()))?;
    Ok(Signed { schema: envelope.schema, certificate, signature })
}

/// The certificate itself, or the receipt inside of a person's copy.
fn inner(text: &str) -> std::result::Result<std::borrow::Cow<'_, str>, Flaw> {
    #[derive(Deserialize)]
    struct Look<'a> {
        schema: String,
        #[serde(borrow, default)]
        receipt: Option<&'a RawValue>,
    }
    let look: Look<'_> = serde_json::from_str(text).map_err(|error| Flaw::NotOne(error.to_string()))?;
    match look.receipt {
        Some(receipt) if look.schema == super::export::SCHEMA => Ok(receipt.get().to_owned().into()),
        _ => Ok(text.into()),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn signed() -> (Signer, String) {
        let signer = Signer::new(&Master::from_bytes([5; 32])).unwrap();
        let certificate = Certificate {
            action: "erased".into(),
            id: "ers_1".into(),
            at: Time::from_micros(1),
            tenant: "ten_1".into(),
            subject: Subject { kind: "artist".into(), tombstones: vec!["ab".into()] },
            tables: vec![Entry { system: "catalogue".into(), table: "artist".into(), outcome: "deleted".into(), rows: 1, why: None }],
            beyond: vec!["a b".into()],
        };
        let text = serde_json::to_string_pretty(&signer.sign(certificate).unwrap()).unwrap();
        (signer, text)
    }

    #[test]
    fn a_certificate_verifies_by_itself_with_our_key_and_in_any_layout() {
        let (signer, text) = signed();
        let fetched = keys(&signer.jwks().to_string()).unwrap();
        assert_eq!(fetched, [signer.public()]);
        assert_eq!(verify(text.as_bytes(), Some(&fetched)).unwrap().certificate.tables[0].rows, 1);
        let flat: Value = serde_json::from_str(&text).unwrap();
        assert!(verify(flat.to_string().as_bytes(), None).is_ok());
        assert_eq!(keys(&BASE64.encode(signer.public())).unwrap(), fetched);
        assert!(keys("{}").is_err() && keys("none").is_err());
    }

    #[test]
    fn whatever_is_altered_is_refused() {
        let (_, text) = signed();
        for (from, to) in
            [("\"rows\": 1", "\"rows\": 2"), ("artist", "singer"), ("a b", "a  b"), ("erased", "exported"), ("ten_1", "ten_2")]
        {
            assert_eq!(verify(text.replacen(from, to, 1).as_bytes(), None), Err(Flaw::Altered), "{from}");
        }
        assert!(matches!(verify(text.replace("certificate/1", "certificate/2").as_bytes(), None), Err(Flaw::UnknownSchema(_))));
        assert!(matches!(verify(&text.as_bytes()[..text.len() - 9], None), Err(Flaw::NotOne(_))));
        assert!(matches!(verify(text.replace("\"action\"", "\"more\": 1, \"action\"").as_bytes(), None), Err(Flaw::Altered)));
        let other = Signer::new(&Master::from_bytes([6; 32])).unwrap();
        assert!(matches!(verify(text.as_bytes(), Some(&[other.public()])), Err(Flaw::OtherKey(_))));
    }
}
