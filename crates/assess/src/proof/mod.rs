//! A report that nobody can change unnoticed.
//!
//! A proof is one JSON object:
//!
//! ```json
//! {
//!   "schema": "plimsoll.proof/1",
//!   "report": { "schema": "plimsoll.report/1", "verdict": "…" },
//!   "signature": {
//!     "algorithm": "Ed25519",
//!     "key": "<the public key, 32 bytes, base64>",
//!     "fingerprint": "sha256:<digest of those 32 bytes, hexadecimal>",
//!     "value": "<the signature, 64 bytes, base64>",
//!     "signed": "sha256:<digest of the signed bytes, hexadecimal>"
//!   }
//! }
//! ```
//!
//! **The signed bytes** are the line `plimsoll.proof/1` with its line feed, and after it the text
//! of the member `report` as it stands in the file, without the white space (space, tab, line
//! feed, carriage return) outside of strings. Nothing is sorted and nothing is written anew, so no
//! two programs can disagree about numbers or escapes. In Python these are the bytes
//! `b"plimsoll.proof/1\n" + json.dumps(report, ensure_ascii=False, separators=(",", ":")).encode()`,
//! because reports hold no number that languages print differently.
//!
//! A reader refuses an object with two members of one name, at any depth: programs differ in which
//! of the two they believe.

mod key;
mod strict;

use std::{collections::BTreeSet, fmt};

use base64::{Engine, engine::general_purpose::STANDARD};
use ring::{
    digest::{Context, SHA256},
    signature::{ED25519, UnparsedPublicKey},
};
use serde::{Deserialize, Serialize};
use serde_json::value::RawValue;

pub use key::{KeyTrouble, SigningKey, known};

use crate::report::{self, Report};

/// The version of the envelope. A reader refuses others.
pub const SCHEMA: &str = "plimsoll.proof/1";
/// The most that is read: a catalogue of this size a hundred times over.
pub const LARGEST: usize = 64 << 20;
const ALGORITHM: &str = "Ed25519";

/// SHA-256, written as `sha256:` and hexadecimal digits.
pub struct Digest(Context);

impl Default for Digest {
    fn default() -> Digest {
        Digest::new()
    }
}

impl Digest {
    /// Of nothing yet.
    pub fn new() -> Digest {
        Digest(Context::new(&SHA256))
    }
    /// Takes these bytes in.
    pub fn update(&mut self, bytes: &[u8]) {
        self.0.update(bytes);
    }
    /// The digest.
    pub fn finish(self) -> String {
        let mut text = String::from("sha256:");
        for byte in self.0.finish().as_ref() {
            text.push_str(&format!("{byte:02x}"));
        }
        text
    }
    /// The digest of these bytes.
    pub fn of(bytes: &[u8]) -> String {
        let mut digest = Digest::new();
        digest.update(bytes);
        digest.finish()
    }
}

/// Who signed what.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
struct Signature {
    algorithm: String,
    key: String,
    fingerprint: String,
    value: String,
    signed: String,
}

#[derive(Serialize)]
struct Written<'a> {
    schema: &'a str,
    report: &'a Report,
    signature: Signature,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Envelope<'a> {
    /// Looked at by [`identify`] already; it may be there.
    #[serde(rename = "schema")]
    _schema: serde::de::IgnoredAny,
    #[serde(borrow)]
    report: &'a RawValue,
    signature: Signature,
}

/// Signs a report; the text of the proof.
pub fn sign(report: &Report, key: &SigningKey) -> String {
    let bytes = signed_bytes(&serde_json::to_string(report).unwrap_or_default());
    let signature = Signature {
        algorithm: ALGORITHM.into(),
        key: STANDARD.encode(key.public()),
        fingerprint: key.fingerprint(),
        value: STANDARD.encode(key.sign(&bytes)),
        signed: Digest::of(&bytes),
    };
    let mut text = serde_json::to_string_pretty(&Written { schema: SCHEMA, report, signature }).unwrap_or_default();
    text.push('\n');
    text
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

/// What is wrong with a proof.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Flaw {
    /// It is larger than [`LARGEST`].
    TooLarge(usize),
    /// It is no UTF-8 text.
    NotText,
    /// It ends too early.
    Truncated,
    /// It is no JSON; what and where.
    NotJson(String),
    /// An object has two members of this name.
    Twice(String),
    /// It is JSON, but no proof.
    NotAProof(String),
    /// It is a report without a signature.
    NotSigned,
    /// The envelope or the report has another version.
    UnknownSchema(String),
    /// A part of the signature cannot be read.
    Unreadable(&'static str),
    /// The fingerprint is not that of the key.
    WrongFingerprint,
    /// The report is not the one that was signed.
    Altered,
    /// The digest fits, the signature does not.
    Forged,
    /// It was signed, but cannot be read as a report.
    NotAReport(String),
}

impl fmt::Display for Flaw {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Flaw::TooLarge(size) => write!(f, "the file has {size} bytes; a proof has at most {LARGEST}"),
            Flaw::NotText => f.write_str("the file is not text (UTF-8)"),
            Flaw::Truncated => f.write_str("the file ends before the proof does: it was cut off"),
            Flaw::NotJson(what) => write!(f, "the file is not JSON: {what}"),
            Flaw::Twice(what) => write!(f, "{what}: programs would differ in which one they believe"),
            Flaw::NotAProof(what) => write!(f, "the file is not a proof: {what}"),
            Flaw::NotSigned => {
                f.write_str("the file is a report without a signature; the signed form is kept in the data folder under proofs/")
            }
            Flaw::UnknownSchema(schema) => {
                write!(f, "the schema is `{schema}`; this program reads {SCHEMA} with {}", report::SCHEMA)
            }
            Flaw::Unreadable(part) => write!(f, "the signature's {part} cannot be read"),
            Flaw::WrongFingerprint => f.write_str("the fingerprint is not that of the key beside it"),
            Flaw::Altered => f.write_str("the report was changed after it was signed: its digest is not the signed one"),
            Flaw::Forged => f.write_str("the signature does not belong to this report and this key"),
            Flaw::NotAReport(what) => write!(f, "the signed report cannot be read: {what}"),
        }
    }
}

/// Whether the key that signed is one that the reader trusts.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
#[serde(rename_all = "kebab-case")]
pub enum Signer {
    /// It is.
    Known,
    /// Anybody may have made this proof.
    Unknown,
}

/// A proof as it was signed.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Verified {
    /// What it says.
    pub report: Report,
    /// Whether the reader knows who signed.
    pub signer: Signer,
    /// Who signed: the digest of the public key.
    pub fingerprint: String,
    /// The digest of the signed bytes.
    pub signed: String,
    /// Whether verdict, score and gate follow from the rows. If not, whoever signed it made it up.
    pub adds_up: bool,
}

/// Reads a proof and checks that it is what was signed.
///
/// # Errors
/// The first [`Flaw`] that is found.
pub fn verify(file: &[u8], known: &BTreeSet<String>) -> Result<Verified, Flaw> {
    if file.len() > LARGEST {
        return Err(Flaw::TooLarge(file.len()));
    }
    let text = std::str::from_utf8(file).map_err(|_| Flaw::NotText)?;
    strict::check(text)?;
    identify(text)?;
    let envelope: Envelope<'_> = serde_json::from_str(text).map_err(|error| Flaw::NotAProof(error.to_string()))?;
    let Signature { algorithm, key, fingerprint, value, signed } = envelope.signature;
    if algorithm != ALGORITHM {
        return Err(Flaw::Unreadable("algorithm"));
    }
    let key = STANDARD.decode(&key).ok().filter(|key| key.len() == 32).ok_or(Flaw::Unreadable("key"))?;
    let value = STANDARD.decode(&value).map_err(|_| Flaw::Unreadable("value"))?;
    if fingerprint != Digest::of(&key) {
        return Err(Flaw::WrongFingerprint);
    }
    let bytes = signed_bytes(envelope.report.get());
    if signed != Digest::of(&bytes) {
        return Err(Flaw::Altered);
    }
    UnparsedPublicKey::new(&ED25519, &key).verify(&bytes, &value).map_err(|_| Flaw::Forged)?;
    let report: Report = serde_json::from_str(envelope.report.get()).map_err(|error| Flaw::NotAReport(error.to_string()))?;
    if report.schema != report::SCHEMA {
        return Err(Flaw::UnknownSchema(report.schema));
    }
    let signer = if known.contains(&fingerprint) { Signer::Known } else { Signer::Unknown };
    Ok(Verified { adds_up: report.adds_up(), report, signer, fingerprint, signed })
}

/// What kind of file it is, before its form is looked at: another version may have another form.
fn identify(text: &str) -> Result<(), Flaw> {
    #[derive(Deserialize)]
    struct Named {
        schema: Option<serde_json::Value>,
    }
    let named: Named = serde_json::from_str(text).map_err(|_| Flaw::NotAProof("it is not an object".into()))?;
    match named.schema.as_ref().and_then(|schema| schema.as_str()) {
        Some(SCHEMA) => Ok(()),
        Some(report::SCHEMA) => Err(Flaw::NotSigned),
        Some(other) if other.starts_with("plimsoll.") => Err(Flaw::UnknownSchema(other.into())),
        _ => Err(Flaw::NotAProof(format!("it has no member `schema` that says `{SCHEMA}`"))),
    }
}

/// The report in a proof, without asking who signed it.
///
/// # Errors
/// As for [`verify`].
pub fn read(file: &[u8]) -> Result<Report, Flaw> {
    verify(file, &BTreeSet::new()).map(|verified| verified.report)
}

/// A fingerprint as people write it: with or without `sha256:`, in any case; `None` for anything
/// that is not one whole digest.
pub fn fingerprint(text: &str) -> Option<String> {
    let digits = text.trim().to_ascii_lowercase();
    let digits = digits.strip_prefix("sha256:").unwrap_or(&digits);
    (digits.len() == 64 && digits.bytes().all(|byte| byte.is_ascii_hexdigit())).then(|| format!("sha256:{digits}"))
}

#[cfg(test)]
pub(crate) mod tests;
