//! Who asks: tenants, people, passwords, sessions, tokens, keys.
//!
//! A *person* has an e-mail address and a password, and is a *member* of tenants with a role in
//! each. A *session* is one login of a person for one tenant; access tokens, refresh tokens and the
//! browser's cookie all belong to a session and end with it. An *API key* belongs to a tenant.
//!
//! **Promises.** No secret is stored in a form that could be presented again. Whether an e-mail
//! address has an account shows in no answer. What is revoked is refused by the next request in
//! this process, and within `cache_lifetime` in every other. What concerns a tenant is in that
//! tenant's ledger. **Does not promise** e-mail: nothing here sends any.

pub mod access;
mod cache;
pub mod config;
mod events;
mod keyring;
pub mod layer;
mod mac;
pub mod operate;
mod password;
pub(crate) mod people;
pub mod purpose;
mod resolve;
mod routes;
pub mod scratch;
mod secret;
pub mod section;
pub(crate) mod session;
mod standing;
#[cfg(test)]
mod tests;
mod throttle;
mod token;

use std::{
    collections::HashMap,
    path::Path,
    sync::{Arc, Mutex, PoisonError},
    time::Duration,
};

use plimsoll_core::{Clock, Result, Seed, TenantId, Time};
use plimsoll_store::{Migration, Pace, Schema, Scope, Store, bind};

pub use config::Config;
pub use keyring::Rotation;
pub use mac::Mac;
pub(crate) use routes::{Merge, Perhaps};
pub use routes::{routes, well_known};
pub use secret::Master;
pub(crate) use secret::{hex, sha256};
pub(crate) use standing::Credential;

/// The tables of the identity engine.
pub const SCHEMA: Schema = Schema {
    name: "identity",
    migrations: &[
        Migration {
            id: "0001_identity",
            up: include_str!("schema.sql"),
            down: "DROP TABLE setup; DROP TABLE signing_key; DROP TABLE api_key; DROP TABLE refresh; DROP TABLE session; \
               DROP TABLE member; DROP TABLE person; DROP TABLE tenant;",
        },
        Migration {
            id: "0002_held",
            up: "ALTER TABLE tenant ADD COLUMN held_at INTEGER; ALTER TABLE tenant ADD COLUMN held_why TEXT;",
            down: "ALTER TABLE tenant DROP COLUMN held_why; ALTER TABLE tenant DROP COLUMN held_at;",
        },
    ],
};

/// How long a setup link works.
const SETUP_LIFETIME: Duration = Duration::from_secs(30 * 60);
/// How long retired signing keys are kept; sessions and refresh tokens are a class of the retention.
const KEPT_AFTER_END: Duration = Duration::from_secs(30 * 86_400);
/// How long the tenant behind a slug is believed.
const SLUG_LIFETIME: Duration = Duration::from_secs(2);

type Slugs = HashMap<String, (Option<TenantId>, Time)>;

/// The identity engine: what it may use and what it knows.
pub struct Identity {
    config: Config,
    store: Store,
    clock: Clock,
    seed: Seed,
    master: Arc<Master>,
    ring: keyring::Keyring,
    cache: cache::Cache,
    throttle: throttle::Throttle,
    /// For each system whose owner made a tenant's data public: that tenant's slug.
    public: HashMap<&'static str, String>,
    slugs: Mutex<Slugs>,
    slug_pace: Pace,
}

impl Identity {
    /// Raised whenever something about credentials changes in this process.
    pub(crate) fn generation(&self) -> u64 {
        self.cache.generation()
    }

    /// Reads the signing keys, makes the first one, and is ready. The schema must be in place.
    ///
    /// `public` names, per system, the tenant whose data may be read without a credential.
    ///
    /// # Errors
    /// [`plimsoll_core::Code::ConfigInvalid`] when stored keys do not open with `master`; what the database says.
    pub async fn start(
        config: Config,
        store: Store,
        clock: Clock,
        seed: Seed,
        master: Master,
        public: HashMap<&'static str, String>,
    ) -> Result<Identity> {
        let identity = Identity {
            cache: cache::Cache::new(config.cache_lifetime),
            throttle: throttle::Throttle::new(clock.clone(), config.address_failures),
            ring: keyring::Keyring::default(),
            master: Arc::new(master),
            slugs: Mutex::default(),
            slug_pace: Pace::new(),
            config,
            store,
            clock,
            seed,
            public,
        };
        identity.ring.load(&identity.store, &identity.master).await?;
        identity.rotate_if_due().await?;
        Ok(identity)
    }

    /// The master key for `config`: configured, or from `secret.key` in `folder`. With `explicit`
    /// (several processes on one database) only a configured one will do.
    ///
    /// # Errors
    /// [`plimsoll_core::Code::ConfigInvalid`] with what is wrong and how to put it right.
    pub fn master(config: &Config, folder: &Path, explicit: bool, seed: &Seed) -> Result<Master> {
        Master::load(config.master_key.as_ref().map(crate::config::Secret::expose), folder, explicit, seed)
    }

    /// What has to be done now and then: rotates signing keys that are old, learns of keys that
    /// other processes made, deletes what is long over. Call it about once a minute: that is also
    /// how long a rotation at the command line can go unnoticed here.
    ///
    /// # Errors
    /// What the database says; nothing is lost if it is called again later.
    pub async fn tend(&self) -> Result<()> {
        let now = self.clock.now();
        self.ring.reload(&self.store, &self.master, now).await?;
        self.rotate_if_due().await?;
        let limit = now.minus(KEPT_AFTER_END);
        self.store
            .commit(Scope::Host, move |tx| {
                tx.write("DELETE FROM signing_key WHERE retires_at < :limit", bind! { limit: limit })?;
                Ok(())
            })
            .await
    }

    async fn rotate_if_due(&self) -> Result<()> {
        let (now, age) = (self.clock.now(), self.config.signing_rotation);
        if !self.ring.due(age, now) {
            return Ok(());
        }
        let spans = keyring::Spans::from(&self.config);
        keyring::rotate(&self.store, &self.master, &self.seed, now, Rotation::Planned, spans, Some(age)).await?;
        self.ring.load(&self.store, &self.master).await
    }

    /// A one-time token for the first owner, while no person exists; it replaces earlier ones and
    /// works for 30 minutes. The page takes it as `/setup#token=…`: what stands behind the `#`
    /// reaches no log.
    ///
    /// # Errors
    /// What the database says.
    pub async fn setup_token(&self) -> Result<Option<String>> {
        let (now, token) = (self.clock.now(), secret::Token::new("", &self.seed));
        let hash = token.hash;
        let open = self
            .store
            .commit(Scope::Host, move |tx| {
                if tx.maybe::<String>("SELECT id FROM person LIMIT 1", &[])?.is_some() {
                    return Ok(false);
                }
                tx.write("DELETE FROM setup", &[])?;
                tx.write(
                    "INSERT INTO setup (hash, created_at, expires_at) VALUES (:hash, :now, :expires)",
                    bind! { hash: hash, now: now, expires: now.plus(SETUP_LIFETIME) },
                )?;
                Ok(true)
            })
            .await?;
        Ok(open.then(|| token.text.to_string()))
    }

    /// The setup link below `base` (`http://127.0.0.1:8080`), while no person exists.
    ///
    /// # Errors
    /// As [`Identity::setup_token`].
    pub async fn setup_link(&self, base: &str) -> Result<Option<String>> {
        Ok(self.setup_token().await?.map(|token| format!("{}/setup#token={token}", base.trim_end_matches('/'))))
    }

    /// The master key, for engines that seal what they keep.
    pub(crate) fn master_key(&self) -> Arc<Master> {
        self.master.clone()
    }

    /// Whether a key is active that signs access tokens.
    pub fn can_sign(&self) -> bool {
        self.ring.can_sign(self.clock.now())
    }

    /// The name in the `iss` claim of what is signed here.
    pub fn issuer(&self) -> &str {
        &self.config.issuer
    }

    /// Signs a statement for a mounted service: a token of a type of its own.
    ///
    /// # Errors
    /// [`plimsoll_core::Code::Internal`] when no key signs.
    pub fn assert(&self, typ: &str, claims: &impl serde::Serialize, now: Time) -> Result<String> {
        self.ring.sign_as(typ, claims, now)
    }

    /// Whether a bearer token is a credential of this host's, good or not.
    pub fn issued(&self, token: &str) -> bool {
        token.starts_with("plm_") || token::Unverified::parse(token).is_ok_and(|parsed| self.ring.knows(&parsed.kid))
    }

    /// Something was changed that decides who may do what: ask the database again.
    pub fn forget(&self) {
        self.cache.forget();
        self.slugs.lock().unwrap_or_else(PoisonError::into_inner).clear();
    }

    /// The tenant whose data of `system` anyone may read, if its owner said so and it is open.
    async fn public_tenant(&self, system: &str) -> Result<Option<TenantId>> {
        let Some(slug) = self.public.get(system) else { return Ok(None) };
        let now = self.clock.now();
        if let Some((tenant, read)) = self.slugs.lock().unwrap_or_else(PoisonError::into_inner).get(slug)
            && now >= *read
            && now.since(*read) < SLUG_LIFETIME
        {
            return Ok(*tenant);
        }
        let wanted = slug.clone();
        let tenant = self
            .store
            .read(Scope::Host, &self.slug_pace, move |tx| {
                tx.maybe::<TenantId>("SELECT id FROM tenant WHERE slug = :slug AND closed_at IS NULL", bind! { slug: wanted })
            })
            .await?;
        self.slugs.lock().unwrap_or_else(PoisonError::into_inner).insert(slug.clone(), (tenant, now));
        Ok(tenant)
    }
}
