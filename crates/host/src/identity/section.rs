//! The section `[identity]` as it is written in the file.

use super::{Config, Master};
use crate::{
    config::{self, Profile, Rules, Secret, Span},
    database,
    practices::PracticesConfig,
};

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
        /// How long a new signing key is public before it signs, so that whoever keeps a copy of the public keys knows it by then.
        pub signing_notice: Span = "10m",
        /// Failed logins from one address within ten minutes; above it the address waits until they have passed.
        pub address_failures: u32 = "50",
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
            signing_notice: written.signing_notice.duration(),
            address_failures: written.address_failures.max(1),
            cache_lifetime: written.cache_lifetime.duration(),
            key_overlap: written.key_overlap.duration(),
            password_min: usize::from(written.password_min.max(8)),
            register: written.register,
            master_key: written.master_key,
        }
    }
}

/// Fewer different bytes than this do not come from chance: 32 random ones have about thirty.
const VARIETY: usize = 12;

/// Refuses a master key that nobody chose or that anybody can guess.
pub fn rule(config: &config::Config, rules: &mut Rules<'_>) {
    const KEY: &str = "identity.master_key";
    let section: IdentityConfig = config.get();
    if !config.get::<PracticesConfig>().holds("no-default-secrets") {
        return;
    }
    match &section.master_key {
        None if config.profile() == Profile::Production && database::shared(config) => rules.refuse(
            KEY,
            "it is not set, and several processes share this database, so each of them must be given the same key",
            "`openssl rand -hex 32` makes one; name its file in PLIMSOLL_IDENTITY__MASTER_KEY_FILE",
        ),
        None => {}
        Some(key) => match Master::parse(key.expose()) {
            Err(error) => rules.refuse(KEY, error.public(), "`openssl rand -hex 32` makes one"),
            Ok(master) if master.variety() < VARIETY => {
                rules.refuse(KEY, "it is not random: an example, or made up by hand", "`openssl rand -hex 32` makes one");
            }
            Ok(_) => {}
        },
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::{
        config::{Config, Schema, Sources},
        practices::{self, PracticesConfig},
    };

    const GOOD: &str = "9f86d081884c7d659a2feaa0c55ad015a3bf4f1b2b0b822cd15d6c15b0f00a08";

    fn refused(file: &str) -> String {
        let schema = Schema::new()
            .section::<IdentityConfig>()
            .section::<database::DatabaseConfig>()
            .section::<PracticesConfig>()
            .rule(rule)
            .rule(database::rule)
            .rule(practices::rule);
        let sources = Sources { file: Some(("plimsoll.toml".into(), file.into())), ..Sources::default() };
        Config::load(&schema, sources).err().map(|faults| faults.to_string()).unwrap_or_default()
    }

    #[test]
    fn a_master_key_that_nobody_chose_is_refused_and_not_repeated() {
        assert_eq!(refused(&format!("[identity]\nmaster_key = \"{GOOD}\"")), "");
        for weak in ["changeme".to_owned(), "00".repeat(32), "0123456789abcdef".repeat(4)] {
            let said = refused(&format!("[identity]\nmaster_key = \"{weak}\""));
            assert!(said.contains("master_key") && !said.contains(&weak), "{said}");
        }
    }

    #[test]
    fn production_on_a_shared_database_wants_secrets_that_somebody_chose() {
        let with = |password: &str, key: &str| {
            refused(&format!("profile = \"production\"\n[database]\nurl = \"postgres://me:{password}@db/x\"\n[identity]\n{key}"))
        };
        let key = format!("master_key = \"{GOOD}\"");
        assert_eq!(with("k2-harbour-77", &key), "");
        assert!(with("k2-harbour-77", "").contains("must be given the same key"));
        for known in ["postgres", "ChangeMe", "me"] {
            assert!(with(known, &key).contains("stands in every example"), "{known}");
        }
    }

    #[test]
    fn a_switched_off_practice_changes_nothing_in_production() {
        let off = "[practices]\noff = { config-validation = \"shown to be missed\" }\n[identity]\nregister = \"perhaps\"";
        assert_eq!(refused(off), "", "development believes what it is told");
        let said = refused(&format!("profile = \"production\"\n{off}"));
        assert!(said.contains("register"), "{said}");
    }
}
