//! The key that signs proofs.

use std::{
    fmt,
    fs::{self, OpenOptions},
    io::{ErrorKind, Write},
    path::{Path, PathBuf},
};

use base64::{Engine, engine::general_purpose::STANDARD};
use plimsoll_core::Seed;
use ring::signature::{Ed25519KeyPair, KeyPair};

use super::Digest;

/// What stands before the 32 bytes of an Ed25519 key in a SubjectPublicKeyInfo (RFC 8410).
const SPKI: [u8; 12] = [0x30, 0x2a, 0x30, 0x05, 0x06, 0x03, 0x2b, 0x65, 0x70, 0x03, 0x21, 0x00];

/// What stands before the 32 bytes of a private one in PKCS#8, version 1, which every tool reads.
const PKCS8: [u8; 16] = [0x30, 0x2e, 0x02, 0x01, 0x00, 0x30, 0x05, 0x06, 0x03, 0x2b, 0x65, 0x70, 0x04, 0x22, 0x04, 0x20];

/// The private key, in PEM, for its owner only.
const KEY_FILE: &str = "signing.key";
/// The public key, in PEM, for everybody.
const PUBLIC_FILE: &str = "signing.pub";

/// An Ed25519 key pair.
pub struct SigningKey(Ed25519KeyPair);

/// Why there is no key.
#[derive(Debug)]
pub enum KeyTrouble {
    /// Others than its owner may read it.
    Exposed(PathBuf),
    /// The file holds no Ed25519 key.
    Unreadable(PathBuf),
    /// The file cannot be read or written.
    File(PathBuf, std::io::Error),
}

impl fmt::Display for KeyTrouble {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            KeyTrouble::Exposed(path) => {
                write!(
                    f,
                    "{} can be read by others, so anybody could have signed; chmod 600 it, or remove it to make a new key",
                    path.display()
                )
            }
            KeyTrouble::Unreadable(path) => write!(f, "{} holds no Ed25519 key (PKCS#8, PEM)", path.display()),
            KeyTrouble::File(path, error) => write!(f, "{}: {error}", path.display()),
        }
    }
}

impl SigningKey {
    /// A key from 32 bytes of chance: its PKCS#8 form.
    pub fn generate(seed: &Seed) -> Vec<u8> {
        let mut der = PKCS8.to_vec();
        der.extend(seed.bytes::<32>());
        der
    }

    /// The key in this PKCS#8 form; `None` if there is none.
    pub fn from_pkcs8(der: &[u8]) -> Option<SigningKey> {
        Ed25519KeyPair::from_pkcs8_maybe_unchecked(der).ok().map(SigningKey)
    }

    /// The key of this folder, made on first use. The public part lies beside it.
    ///
    /// # Errors
    /// A file that others can read, that is no key, or that cannot be written.
    pub fn of_folder(folder: &Path, seed: &Seed) -> Result<SigningKey, KeyTrouble> {
        let path = folder.join(KEY_FILE);
        if !path.try_exists().map_err(|error| KeyTrouble::File(path.clone(), error))? {
            let text = pem("PRIVATE KEY", &SigningKey::generate(seed));
            place(folder, &path, &text).map_err(|error| KeyTrouble::File(path.clone(), error))?;
        }
        let key = open(&path)?;
        let public = folder.join(PUBLIC_FILE);
        let text = pem("PUBLIC KEY", &[&SPKI[..], key.public()].concat());
        if fs::read_to_string(&public).ok().as_deref() != Some(&text) {
            crate::history::replace(&public, text.as_bytes()).map_err(|error| KeyTrouble::File(public, error))?;
        }
        Ok(key)
    }

    /// The public key, 32 bytes.
    pub fn public(&self) -> &[u8] {
        self.0.public_key().as_ref()
    }
    /// The digest of the public key.
    pub fn fingerprint(&self) -> String {
        Digest::of(self.public())
    }
    pub(super) fn sign(&self, bytes: &[u8]) -> Vec<u8> {
        self.0.sign(bytes).as_ref().to_vec()
    }
}

/// The fingerprint of the key of a folder, where there is one; nothing is made.
pub fn known(folder: &Path) -> Option<String> {
    let der = unpem(&fs::read_to_string(folder.join(PUBLIC_FILE)).ok()?, "PUBLIC KEY")?;
    let key = der.strip_prefix(&SPKI).filter(|key| key.len() == 32)?;
    Some(Digest::of(key))
}

/// Writes the key under another name first: who looks sees a whole key or none, and of two that
/// come at once the first one stays.
fn place(folder: &Path, path: &Path, text: &str) -> std::io::Result<()> {
    crate::history::make_folder(folder)?;
    let draft = folder.join(format!("{KEY_FILE}.{}", std::process::id()));
    let mut options = OpenOptions::new();
    options.write(true).create_new(true);
    #[cfg(unix)]
    std::os::unix::fs::OpenOptionsExt::mode(&mut options, 0o600);
    let written = options.open(&draft).and_then(|mut file| file.write_all(text.as_bytes()).and_then(|()| file.sync_all()));
    let linked = written.and_then(|()| match fs::hard_link(&draft, path) {
        Err(error) if error.kind() == ErrorKind::AlreadyExists => Ok(()),
        other => other,
    });
    let _ = fs::remove_file(&draft);
    linked
}

fn open(path: &Path) -> Result<SigningKey, KeyTrouble> {
    let trouble = |error| KeyTrouble::File(path.to_owned(), error);
    #[cfg(unix)]
    {
        use std::os::unix::fs::PermissionsExt;
        if fs::metadata(path).map_err(trouble)?.permissions().mode() & 0o077 != 0 {
            return Err(KeyTrouble::Exposed(path.to_owned()));
        }
    }
    let text = fs::read_to_string(path).map_err(trouble)?;
    unpem(&text, "PRIVATE KEY").and_then(|der| SigningKey::from_pkcs8(&der)).ok_or_else(|| KeyTrouble::Unreadable(path.to_owned()))
}

fn pem(label: &str, der: &[u8]) -> String {
    let encoded = STANDARD.encode(der);
    let mut text = format!("-----BEGIN {label}-----\n");
    for line in encoded.as_bytes().chunks(64) {
        text.push_str(&String::from_utf8_lossy(line));
        text.push('\n');
    }
    text.push_str(&format!("-----END {label}-----\n"));
    text
}

fn unpem(text: &str, label: &str) -> Option<Vec<u8>> {
    let inner = text.trim().strip_prefix(&format!("-----BEGIN {label}-----"))?.strip_suffix(&format!("-----END {label}-----"))?;
    STANDARD.decode(inner.split_whitespace().collect::<String>()).ok()
}
