//! Keys that wrap the keys of archives.

use plimsoll_core::{Code, Result, Seed};
use ring::{
    aead::{Aad, CHACHA20_POLY1305, LessSafeKey, NONCE_LEN, Nonce, UnboundKey},
    hmac,
};
use zeroize::Zeroizing;

use super::fault;
use crate::identity::{Master, hex};

/// Length of a key, wrapping or wrapped.
const KEY: usize = 32;
/// Length of a wrapping key's id.
const ID: usize = 8;
const TAG: usize = 16;
/// Length of a lock: id, nonce, wrapped key.
pub(super) const LOCK: usize = ID + NONCE_LEN + KEY + TAG;
/// What is derived from the master key where no key is configured.
const PURPOSE: &str = "archive key";

struct Wrapping {
    id: [u8; ID],
    key: Zeroizing<[u8; KEY]>,
}

impl Wrapping {
    fn new(key: Zeroizing<[u8; KEY]>) -> Wrapping {
        let tag = hmac::sign(&hmac::Key::new(hmac::HMAC_SHA256, key.as_slice()), b"plimsoll archive key id");
        let mut id = [0; ID];
        id.copy_from_slice(&tag.as_ref()[..ID]);
        Wrapping { id, key }
    }
}

/// The key that wraps, and older ones that still open.
pub struct Keys {
    active: Wrapping,
    old: Vec<Wrapping>,
}

impl Keys {
    /// From the key with which everything is sealed now and those of before, as 64 hexadecimal
    /// digits or base64 each. Without `active` a key is derived from `master`, which opens old
    /// archives in any case.
    ///
    /// # Errors
    /// [`Code::ConfigInvalid`] for a text that is no key of 32 bytes, and where there is no key at all.
    pub fn new<'a>(master: Option<&Master>, active: Option<&str>, old: impl IntoIterator<Item = &'a str>) -> Result<Keys> {
        let wrong = |_| {
            Code::ConfigInvalid.because("archive.key and archive.old_keys must be 32 bytes each, as 64 hexadecimal digits or as base64")
        };
        let read = |text: &str| -> Result<Wrapping> { Ok(Wrapping::new(Master::parse(text).map_err(wrong)?.bytes())) };
        let mut rest = old.into_iter().map(read).collect::<Result<Vec<_>>>()?;
        let derived = master.map(|master| master.subkey(PURPOSE).map(Wrapping::new)).transpose()?;
        let active = match (active, derived) {
            (Some(text), derived) => {
                rest.extend(derived);
                read(text)?
            }
            (None, Some(derived)) => derived,
            (None, None) => {
                return Err(Code::ConfigInvalid.because(
                    "there is no key that opens archives: set archive.key, or give the master key of the deployment that made them \
                     (identity.master_key, or its secret.key in the data folder)",
                ));
            }
        };
        Ok(Keys { active, old: rest })
    }

    /// The keys that are configured.
    ///
    /// # Errors
    /// As [`Keys::new`].
    pub fn configured(section: &crate::archive::config::ArchiveConfig, master: Option<&Master>) -> Result<Keys> {
        let exposed = crate::config::Secret::expose;
        Keys::new(master, section.key.as_ref().map(exposed), section.old_keys.iter().map(exposed))
    }

    /// The id of the key that wraps now, in hexadecimal.
    pub fn id(&self) -> String {
        hex(&self.active.id)
    }

    /// The ids of all keys, the active one first.
    pub fn known(&self) -> Vec<String> {
        std::iter::once(&self.active).chain(&self.old).map(|one| hex(&one.id)).collect()
    }

    /// Wraps an archive's key, bound to its manifest.
    pub(super) fn wrap(&self, key: &[u8; KEY], bound: &[u8], seed: &Seed) -> Result<[u8; LOCK]> {
        let nonce: [u8; NONCE_LEN] = seed.bytes();
        let mut body = Zeroizing::new(key.to_vec());
        let tag = cipher(&self.active.key)?
            .seal_in_place_separate_tag(Nonce::assume_unique_for_key(nonce), Aad::from(bound), &mut body)
            .map_err(|_| Code::Internal.error().caused_by("an archive's key could not be wrapped"))?;
        let mut lock = [0; LOCK];
        let parts: [&[u8]; 4] = [&self.active.id, &nonce, &body, tag.as_ref()];
        let mut at = 0;
        for part in parts {
            lock[at..at + part.len()].copy_from_slice(part);
            at += part.len();
        }
        Ok(lock)
    }

    /// Opens a lock.
    pub(super) fn unwrap(&self, lock: &[u8; LOCK], bound: &[u8]) -> Result<Zeroizing<[u8; KEY]>> {
        let (id, rest) = lock.split_at(ID);
        let (nonce, sealed) = rest.split_at(NONCE_LEN);
        let Some(with) = std::iter::once(&self.active).chain(&self.old).find(|one| one.id == id) else {
            return Err(fault::locked(&hex(id), &self.known()));
        };
        let mut body = Zeroizing::new(sealed.to_vec());
        let nonce = Nonce::try_assume_unique_for_key(nonce).map_err(|_| fault::unlockable())?;
        let opened = cipher(&with.key)?.open_in_place(nonce, Aad::from(bound), &mut body).map_err(|_| fault::unlockable())?;
        let mut key = Zeroizing::new([0; KEY]);
        key.copy_from_slice(opened);
        Ok(key)
    }
}

/// The id of the key that wrapped `lock`, in hexadecimal.
pub(super) fn wrapped_by(lock: &[u8; LOCK]) -> String {
    hex(&lock[..ID])
}

/// The cipher with this key.
pub(super) fn cipher(key: &[u8; KEY]) -> Result<LessSafeKey> {
    let key = UnboundKey::new(&CHACHA20_POLY1305, key).map_err(|_| Code::Internal.error().caused_by("a key could not be used"))?;
    Ok(LessSafeKey::new(key))
}
