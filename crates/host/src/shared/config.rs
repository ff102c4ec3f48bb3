//! What replicas share: the section `[redis]`.

use crate::config::{Config, Rules, Secret, Span};

crate::section! {
    /// A Redis (or Valkey) server that several processes share: second tier of the cache, and the count of limits. Nothing is kept only there.
    pub struct RedisConfig["redis"] {
        /// Its address, such as `redis://:password@cache.internal:6379/0`, or `rediss://…` for TLS. Not set: every process counts and caches for itself.
        pub url: Option<Secret> = none,
        /// What every key begins with.
        pub prefix: String = "plimsoll",
        /// How long a request may wait for an answer of it. After one that did not come the server counts as lost, and no request waits for it until it answers again.
        pub timeout: Span = "50ms",
        /// How long a connection may take to be made, in the background.
        pub connect_timeout: Span = "1s",
        /// How long between two attempts to find a lost server again.
        pub pause: Span = "1s",
        /// PEM file with certificates to trust for `rediss://` instead of the public ones.
        pub root_certificates: Option<std::path::PathBuf> = none,
    }
}

/// Refuses an address that is none, and a prefix that could not be told apart.
pub fn rule(config: &Config, rules: &mut Rules<'_>) {
    let section: RedisConfig = config.get();
    if let Err(error) = super::client(&section) {
        let key = if section.root_certificates.is_some() && error.public().contains("certificates") {
            "redis.root_certificates"
        } else {
            "redis.url"
        };
        rules.refuse(key, error.public(), "");
    }
    let plain = |byte: u8| byte.is_ascii_alphanumeric() || b"-_.:".contains(&byte);
    if section.prefix.is_empty() || !section.prefix.bytes().all(plain) {
        rules.refuse("redis.prefix", "the prefix of keys is made of letters, digits and `-_.:`", "");
    }
}
