//! What the engine is told, with times as durations; [`super::section`] is how it is written.

use std::time::Duration;

use super::section::IdentityConfig;
use crate::config::Secret;

/// How callers prove who they are.
#[derive(Debug, Clone)]
pub struct Config {
    /// The name in the `iss` claim of access tokens.
    pub issuer: String,
    /// The name in the `aud` claim of access tokens.
    pub audience: String,
    /// How long an access token is valid.
    pub access_lifetime: Duration,
    /// How long a login lasts at most.
    pub session_lifetime: Duration,
    /// How long a login lasts without being used.
    pub session_idle: Duration,
    /// The age at which a signing key is replaced.
    pub signing_rotation: Duration,
    /// How long a new signing key is public before it signs.
    pub signing_notice: Duration,
    /// Failed logins from one address in one window before it has to wait.
    pub address_failures: u32,
    /// How long a verified credential is believed before the database is asked again.
    pub cache_lifetime: Duration,
    /// How long an old API key still works after its rotation, unless the caller says otherwise.
    pub key_overlap: Duration,
    /// Least number of characters of a password; never below 8.
    pub password_min: usize,
    /// Whether anyone may make an account, and a tenant of their own with it.
    pub register: bool,
    /// 32 bytes from which other secrets are derived; the file `secret.key` in the data directory where not set.
    pub master_key: Option<Secret>,
}

impl Default for Config {
    fn default() -> Config {
        IdentityConfig::default().into()
    }
}
