//! The section `[identity]` as it is written in the file.

use super::Config;
use crate::config::{Secret, Span};

crate::section! {
    /// How callers prove who they are.
    pub struct IdentityConfig["identity"] {
        /// The name in the `iss` claim of access tokens.
        pub issuer: String = "plimsoll",
        /// The name in the `aud` claim of access tokens.
        pub audience: String = "plimsoll-api",
        /// How long an access token is valid.
        pub access_lifetime: Span = "10m",
        /// How long a login lasts at most.
        pub session_lifetime: Span = "30d",
        /// How long a login lasts without being used.
        pub session_idle: Span = "7d",
        /// The age at which a signing key is replaced.
        pub signing_rotation: Span = "30d",
        /// How long a verified credential is believed before the database is asked again; also how long a revocation made by another process can go unnoticed.
        pub cache_lifetime: Span = "2s",
        /// How long an old API key still works after its rotation, unless the caller says otherwise.
        pub key_overlap: Span = "1h",
        /// Least number of characters of a password; never below 8, and below 15 only beside a second factor.
        pub password_min: u16 = "15",
        /// Whether anyone may make an account, and a tenant of their own with it.
        pub register: bool = "false",
        /// 32 bytes, as 64 hexadecimal digits or in base64, from which the keys that seal others are derived; the file `secret.key` in the data folder where this is not set.
        pub master_key: Option<Secret> = none,
    }
}

impl From<IdentityConfig> for Config {
    fn from(written: IdentityConfig) -> Config {
        Config {
            issuer: written.issuer,
            audience: written.audience,
            access_lifetime: written.access_lifetime.duration(),
            session_lifetime: written.session_lifetime.duration(),
            session_idle: written.session_idle.duration(),
            signing_rotation: written.signing_rotation.duration(),
            cache_lifetime: written.cache_lifetime.duration(),
            key_overlap: written.key_overlap.duration(),
            password_min: usize::from(written.password_min.max(8)),
            register: written.register,
            master_key: written.master_key,
        }
    }
}
