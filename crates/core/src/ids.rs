//! Ids with a type and a prefix.
//!
//! An [`Id`] is 128 bits: 48 bits of milliseconds since 1970, then 80 random bits, so ids made
//! later sort later and cannot be guessed. It prints as its kind's prefix, an underscore and 26
//! characters of Crockford's base 32 in lower case (`ten_01jd…`). Ids of different kinds do not
//! mix: the compiler refuses one where the other is expected, and parsing refuses a wrong prefix
//! with a sentence that names the expected one.

use std::{borrow::Cow, fmt, hash::Hash, hash::Hasher, marker::PhantomData, str::FromStr};

use crate::{Code, Error, Seed, Time};

/// The kind of thing an id names. Implemented by empty marker types.
pub trait Kind: 'static {
    /// Three or so lower-case letters before the underscore; unique in the binary.
    const PREFIX: &'static str;
}

/// A type-prefixed, time-ordered, unguessable id.
pub struct Id<K>(u128, PhantomData<fn() -> K>);

macro_rules! kinds {
    ($($(#[$doc:meta])* $marker:ident $alias:ident $prefix:literal;)*) => {
        $(
            #[doc = concat!("Marker of ids that begin with `", $prefix, "_`.")]
            pub enum $marker {}
            impl Kind for $marker { const PREFIX: &'static str = $prefix; }
            $(#[$doc])*
            pub type $alias = Id<$marker>;
        )*
        /// Every prefix the host itself uses, in alphabetical order of the kind.
        pub const PREFIXES: &[&str] = &[$($prefix),*];
    };
}

// Alphabetical. A system's own kinds live in its own `ids.rs`.
kinds! {
    /// A backup.
    BackupKind BackupId "bak";
    /// A drill: a backup that was restored to see whether it can be.
    DrillKind DrillId "drl";
    /// One erasure of a person's data, or one copy of it that was handed out.
    ErasureKind ErasureId "ers";
    /// An event in a tenant's log.
    EventKind EventId "evt";
    /// A job in the log of work.
    JobKind JobId "job";
    /// An API key (the record, not the secret).
    KeyKind KeyId "key";
    /// One request, as it appears in headers, logs, spans and the ledger.
    RequestKind RequestId "req";
    /// One login: all access and refresh tokens that descend from it.
    SessionKind SessionId "ses";
    /// A tenant.
    TenantKind TenantId "ten";
    /// A person with a password.
    UserKind UserId "usr";
    /// An address that is told of events.
    WebhookKind WebhookId "whk";
}

const ALPHABET: &[u8; 32] = b"0123456789abcdefghjkmnpqrstvwxyz";
const DIGITS: usize = 26;

impl<K> Id<K> {
    /// A new id at `now`, with randomness from `seed`.
    pub fn new(now: Time, seed: &Seed) -> Self {
        let mut random = [0u8; 16];
        seed.fill(&mut random[6..]);
        let millis = (now.micros() / 1_000).max(0) as u64;
        random[..6].copy_from_slice(&millis.to_be_bytes()[2..]);
        Id(u128::from_be_bytes(random), PhantomData)
    }

    /// The id with these 128 bits; for fixed ids and for storage.
    pub const fn from_bits(bits: u128) -> Self {
        Id(bits, PhantomData)
    }

    /// The 128 bits, for instance to choose a shard.
    pub const fn bits(self) -> u128 {
        self.0
    }
}

impl<K: Kind> Id<K> {
    fn write(self, out: &mut [u8; DIGITS]) {
        let mut rest = self.0;
        for slot in out.iter_mut().rev() {
            *slot = ALPHABET[(rest & 31) as usize];
            rest >>= 5;
        }
    }
}

impl<K> Clone for Id<K> {
    fn clone(&self) -> Self {
        *self
    }
}
impl<K> Copy for Id<K> {}
impl<K> PartialEq for Id<K> {
    fn eq(&self, other: &Self) -> bool {
        self.0 == other.0
    }
}
impl<K> Eq for Id<K> {}
impl<K> PartialOrd for Id<K> {
    fn partial_cmp(&self, other: &Self) -> Option<std::cmp::Ordering> {
        Some(self.cmp(other))
    }
}
impl<K> Ord for Id<K> {
    fn cmp(&self, other: &Self) -> std::cmp::Ordering {
        self.0.cmp(&other.0)
    }
}
impl<K> Hash for Id<K> {
    fn hash<H: Hasher>(&self, state: &mut H) {
        self.0.hash(state);
    }
}
impl<K: Kind> fmt::Display for Id<K> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let mut digits = [0u8; DIGITS];
        self.write(&mut digits);
        f.write_str(K::PREFIX)?;
        f.write_str("_")?;
        f.write_str(std::str::from_utf8(&digits).map_err(|_| fmt::Error)?)
    }
}
impl<K: Kind> fmt::Debug for Id<K> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        fmt::Display::fmt(self, f)
    }
}

impl<K: Kind> FromStr for Id<K> {
    type Err = Error;

    fn from_str(text: &str) -> Result<Self, Error> {
        let wrong = || Code::Malformed.because(format!("expected an id that looks like `{}_` and 26 letters or digits", K::PREFIX));
        let digits = text.strip_prefix(K::PREFIX).and_then(|rest| rest.strip_prefix('_')).ok_or_else(wrong)?;
        if digits.len() != DIGITS {
            return Err(wrong());
        }
        let mut bits: u128 = 0;
        for (position, byte) in digits.bytes().enumerate() {
            let value = ALPHABET.iter().position(|&letter| letter == byte).ok_or_else(wrong)? as u128;
            // 26 digits hold 130 bits; the first may only use three of its five.
            if position == 0 && value > 7 {
                return Err(wrong());
            }
            bits = (bits << 5) | value;
        }
        Ok(Id(bits, PhantomData))
    }
}

impl<K: Kind> serde::Serialize for Id<K> {
    fn serialize<S: serde::Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.collect_str(self)
    }
}
impl<'de, K: Kind> serde::Deserialize<'de> for Id<K> {
    fn deserialize<D: serde::Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        let text = <String as serde::Deserialize>::deserialize(deserializer)?;
        text.parse().map_err(|error: Error| serde::de::Error::custom(error.public()))
    }
}

impl<K: Kind> schemars::JsonSchema for Id<K> {
    fn inline_schema() -> bool {
        true
    }
    fn schema_name() -> Cow<'static, str> {
        K::PREFIX.into()
    }
    fn json_schema(_: &mut schemars::SchemaGenerator) -> schemars::Schema {
        schemars::json_schema!({ "type": "string", "pattern": format!("^{}_[0-7][0-9a-hjkmnp-tv-z]{{25}}$", K::PREFIX), "examples": [Id::<K>::from_bits(0x0193_4f5e_9a00_7c3b_b21d_1f0e_5a6c_9d42)] })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_id_survives_the_round_trip_and_sorts_by_time() {
        let seed = Seed::fixed(7);
        let early = TenantId::new(Time::from_micros(1_700_000_000_000_000), &seed);
        let late = TenantId::new(Time::from_micros(1_700_000_000_001_000), &seed);
        assert!(early < late && early.to_string() < late.to_string());
        assert_eq!(early.to_string().parse::<TenantId>().unwrap(), early);
        assert_eq!(early.to_string().len(), 30);
    }

    #[test]
    fn another_kind_s_id_is_refused_with_the_expected_prefix() {
        let user = UserId::new(Time::from_micros(0), &Seed::fixed(1)).to_string();
        let error = user.parse::<TenantId>().unwrap_err();
        assert!(error.public().contains("`ten_`"), "{}", error.public());
        for broken in ["", "ten_", "ten_0", "ten_z1jd0000000000000000000000", "ten_01jd00000000000000000000u0"] {
            assert!(broken.parse::<TenantId>().is_err(), "{broken}");
        }
    }

    #[test]
    fn no_two_kinds_share_a_prefix() {
        let mut seen = std::collections::HashSet::new();
        assert!(PREFIXES.iter().all(|prefix| seen.insert(prefix)));
    }
}
