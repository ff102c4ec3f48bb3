//! The keys that sign access tokens.
//!
//! A new key is published (`/.well-known/jwks.json`) for `identity.signing_notice` until it signs, so
//! that whoever keeps a copy of the list knows it by then; the old one verifies until the last
//! token it signed has expired. Seeds are stored sealed with a key derived from the master key,
//! bound to their `kid`. Every process reads the keys from the database; one that meets an unknown
//! `kid` reads again, at most every five seconds.

use std::{
    sync::{Arc, Mutex, PoisonError, RwLock},
    time::Duration,
};

use base64::{Engine, engine::general_purpose::URL_SAFE_NO_PAD as BASE64};
use plimsoll_core::{Code, Result, Seed, TenantId, Time};
use plimsoll_store::{Pace, Scope, Store, bind};
use ring::signature::{Ed25519KeyPair, KeyPair};
use serde_json::{Value, json};
use zeroize::Zeroizing;

use super::{
    operate,
    secret::{self, Master},
};
use crate::{
    ledger::{Note, Origin},
    route::Empty,
};

const RELOAD_AT_MOST_EVERY: Duration = Duration::from_secs(5);
/// Tokens may be this much longer on their way than their lifetime.
const GRACE: Duration = Duration::from_secs(60);
const PURPOSE: &str = "signing key";
/// The tenant whose ledger holds what concerns no tenant.
const HOST: TenantId = TenantId::from_bits(0);

struct Key {
    kid: String,
    pair: Ed25519KeyPair,
    created_at: Time,
    active_from: Time,
    retires_at: Option<Time>,
}

impl Key {
    fn verifies(&self, now: Time) -> bool {
        self.retires_at.is_none_or(|at| now < at)
    }
    fn signs(&self, now: Time) -> bool {
        self.active_from <= now && self.verifies(now)
    }
}

/// Why keys are exchanged.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Rotation {
    /// The keys are old: publish, overlap, retire.
    Planned,
    /// A key may be known to others: the new one signs at once, the old ones verify nothing more.
    Compromised,
}

/// Times that a rotation keeps to.
#[derive(Debug, Clone, Copy)]
pub struct Spans {
    /// How long a planned key is public before it signs.
    pub notice: Duration,
    /// How long an access token lives.
    pub access: Duration,
}

impl From<&super::Config> for Spans {
    fn from(config: &super::Config) -> Spans {
        Spans { notice: config.signing_notice, access: config.access_lifetime }
    }
}

/// The keys as this process knows them.
#[derive(Default)]
pub struct Keyring {
    keys: RwLock<Arc<Vec<Key>>>,
    loaded: Mutex<Option<Time>>,
    pace: Pace,
}

impl Keyring {
    fn keys(&self) -> Arc<Vec<Key>> {
        self.keys.read().unwrap_or_else(PoisonError::into_inner).clone()
    }

    /// Reads the keys from the database.
    ///
    /// # Errors
    /// [`Code::ConfigInvalid`] when they do not open with this master key; what the database says.
    pub async fn load(&self, store: &Store, master: &Master) -> Result<()> {
        let rows = store
            .read(Scope::Host, &self.pace, |tx| {
                tx.rows::<(String, Vec<u8>, Time, Time, Option<Time>)>(
                    "SELECT kid, seed, created_at, active_from, retires_at FROM signing_key ORDER BY active_from, kid",
                    &[],
                )
            })
            .await?;
        let mut keys = Vec::with_capacity(rows.len());
        for (kid, sealed, created_at, active_from, retires_at) in rows {
            let seed = master.open(PURPOSE, &kid, &sealed)?;
            let pair = pair(&seed)?;
            keys.push(Key { kid, pair, created_at, active_from, retires_at });
        }
        *self.keys.write().unwrap_or_else(PoisonError::into_inner) = Arc::new(keys);
        Ok(())
    }

    /// Reads again unless that was done just now; whether it did.
    ///
    /// # Errors
    /// As [`Keyring::load`].
    pub async fn reload(&self, store: &Store, master: &Master, now: Time) -> Result<bool> {
        {
            let mut loaded = self.loaded.lock().unwrap_or_else(PoisonError::into_inner);
            if loaded.is_some_and(|at| now >= at && now.since(at) < RELOAD_AT_MOST_EVERY) {
                return Ok(false);
            }
            *loaded = Some(now);
        }
        self.load(store, master).await?;
        Ok(true)
    }

    /// The public key called `kid`, if it still verifies.
    pub fn public(&self, kid: &str, now: Time) -> Option<[u8; 32]> {
        let keys = self.keys();
        let key = keys.iter().find(|key| key.kid == kid && key.verifies(now))?;
        key.pair.public_key().as_ref().try_into().ok()
    }

    /// Whether `kid` is the key that signs now.
    pub fn newest(&self, kid: &str, now: Time) -> bool {
        self.keys().iter().rev().find(|key| key.signs(now)).is_some_and(|key| key.kid == kid)
    }

    /// Signs with the newest key that may sign.
    ///
    /// # Errors
    /// [`Code::Internal`] when there is none, which a started host never is without.
    pub fn sign(&self, claims: &super::token::Claims, now: Time) -> Result<String> {
        let keys = self.keys();
        let key = keys.iter().rev().find(|key| key.signs(now)).ok_or_else(|| Code::Internal.because("there is no signing key"))?;
        super::token::mint(claims, &key.kid, &key.pair)
    }

    /// Signs `claims` as a token of another type than access tokens have.
    ///
    /// # Errors
    /// As [`Keyring::sign`].
    pub fn sign_as(&self, typ: &str, claims: &impl serde::Serialize, now: Time) -> Result<String> {
        let keys = self.keys();
        let key = keys.iter().rev().find(|key| key.signs(now)).ok_or_else(|| Code::Internal.because("there is no signing key"))?;
        super::token::sign(typ, claims, &key.kid, &key.pair)
    }

    /// Whether a key is called `kid`.
    pub fn knows(&self, kid: &str) -> bool {
        self.keys().iter().any(|key| key.kid == kid)
    }

    /// Whether some key may sign now.
    pub fn can_sign(&self, now: Time) -> bool {
        self.keys().iter().any(|key| key.signs(now))
    }

    /// Whether a planned rotation is due: the newest key is older than `age`, or there is none.
    pub fn due(&self, age: Duration, now: Time) -> bool {
        self.keys().iter().filter(|key| key.verifies(now)).map(|key| key.created_at).max().is_none_or(|newest| now.since(newest) >= age)
    }

    /// The public keys as a JSON Web Key Set (RFC 7517, RFC 8037).
    pub fn jwks(&self, now: Time) -> Value {
        let keys = self.keys();
        let public = keys.iter().filter(|key| key.verifies(now)).map(|key| {
            json!({ "kty": "OKP", "crv": "Ed25519", "use": "sig", "alg": "EdDSA", "kid": key.kid,
                    "x": BASE64.encode(key.pair.public_key().as_ref()) })
        });
        json!({ "keys": public.collect::<Vec<_>>() })
    }
}

fn pair(seed: &[u8]) -> Result<Ed25519KeyPair> {
    Ed25519KeyPair::from_seed_unchecked(seed).map_err(|_| Code::ConfigInvalid.because("a stored signing key is not 32 bytes"))
}

/// Makes a new key and lets the old ones end; the new key's `kid`.
///
/// With `older_than`, nothing happens (and `None` is returned) if another process made a key since.
///
/// # Errors
/// What the database says.
pub async fn rotate(
    store: &Store,
    master: &Master,
    seed: &Seed,
    now: Time,
    why: Rotation,
    spans: Spans,
    older_than: Option<Duration>,
) -> Result<Option<String>> {
    let secret = Zeroizing::new(seed.bytes::<32>());
    let public = pair(secret.as_slice())?.public_key().as_ref().to_vec();
    let kid = BASE64.encode(&secret::sha256(&public)[..12]);
    let sealed = master.seal(PURPOSE, &kid, secret.as_slice(), seed)?;
    let since = older_than.map_or(i64::MAX, |age| now.minus(age).micros());
    let named = kid.clone();
    let origin = Origin::host(now, "identity.rotate_signing");
    let made = operate::commit(store, HOST, origin, move |change| {
        if change.maybe::<String>("SELECT kid FROM signing_key WHERE created_at > :since LIMIT 1", bind! { since: since })?.is_some() {
            return Err(Code::Conflict.because("another process has just made a signing key"));
        }
        let first = change.maybe::<String>("SELECT kid FROM signing_key WHERE retires_at IS NULL LIMIT 1", &[])?.is_none();
        let at_once = first || why == Rotation::Compromised;
        let active_from = if at_once { now } else { now.plus(spans.notice) };
        let retires_at = if why == Rotation::Compromised { now } else { active_from.plus(spans.access).plus(GRACE) };
        change.write("UPDATE signing_key SET retires_at = :at WHERE retires_at IS NULL OR retires_at > :at", bind! { at: retires_at })?;
        change.write(
            "INSERT INTO signing_key (kid, seed, public, created_at, active_from) VALUES (:kid, :seed, :public, :now, :active_from)",
            bind! { kid: kid, seed: sealed, public: public, now: now, active_from: active_from },
        )?;
        change.note(Note {
            target: format!("signing-keys/{kid}"),
            detail: Some(json!({ "reason": if why == Rotation::Compromised { "compromised" } else { "planned" } })),
            ..Note::default()
        });
        Ok(Empty)
    })
    .await;
    match made {
        Ok(_) => Ok(Some(named)),
        Err(error) if error.code() == Code::Conflict && older_than.is_some() => Ok(None),
        Err(error) => Err(error),
    }
}
