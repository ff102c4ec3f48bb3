//! What an operator does at the command line, without a running server.
//!
//! Every change is committed with the host as its actor, in the ledger of the tenant it concerns.
//! A running server notices within its `cache_lifetime`, a rotation of signing keys within a minute.
//! Answers can be printed as JSON; secrets appear in them once and nowhere else.

use std::time::Duration;

use plimsoll_core::{Clock, Code, KeyId, Result, Role, Seed, TenantId, UserId};
use plimsoll_store::{Pace, Scope, Store, Tx, bind};
use serde::Serialize;
use serde_json::json;

use super::{
    Config, Master, Rotation, events, keyring,
    password::Password,
    people::{self, NewKey},
    secret::{KEY_PREFIX, Token},
};
use crate::ledger::{Change, Note, Origin};

pub use super::people::{Key, Tenant, User};

static PACE: Pace = Pace::new();

/// What an operator's commands work with.
#[derive(Clone)]
pub struct Desk {
    /// The data.
    pub store: Store,
    /// The clock.
    pub clock: Clock,
    /// Chance.
    pub seed: Seed,
    /// The section `[identity]`.
    pub config: Config,
}

/// A key just made, with the only copy of its secret.
#[derive(Debug, Serialize)]
pub struct MadeKey {
    /// The record.
    #[serde(flatten)]
    pub key: Key,
    /// The secret: shown now and never again.
    #[serde(rename = "key")]
    pub secret: String,
}

/// A signing key just made.
#[derive(Debug, Serialize)]
pub struct Rotated {
    /// Its name in `/.well-known/jwks.json`.
    pub kid: String,
}

/// One commit in `tenant`'s scope with its ledger entry, without a running host.
///
/// # Errors
/// What `f` and the database say.
pub(crate) async fn commit<T: Send + 'static>(
    store: &Store,
    tenant: TenantId,
    origin: Origin,
    f: impl FnOnce(&mut Change<'_, '_>) -> Result<T> + Send + 'static,
) -> Result<T> {
    store
        .commit(Scope::Tenant(tenant), move |tx| {
            let mut change = Change::new(tx, &origin);
            let answer = f(&mut change)?;
            change.publish()?;
            change.finish(None, true)?;
            Ok(answer)
        })
        .await
}

fn note(target: String, detail: Option<serde_json::Value>) -> Note {
    Note { target, detail, ..Note::default() }
}

impl Desk {
    pub(super) fn origin(&self, action: &'static str) -> Origin {
        Origin::host(self.clock.now(), action)
    }

    async fn read<T: Send + 'static>(&self, f: impl FnOnce(&Tx<'_>) -> Result<T> + Send + 'static) -> Result<T> {
        self.store.read(Scope::Host, &PACE, f).await
    }

    /// The tenant with this slug.
    ///
    /// # Errors
    /// [`Code::NotFound`].
    pub async fn tenant(&self, slug: &str) -> Result<Tenant> {
        let slug = slug.to_owned();
        self.read(move |tx| {
            tx.maybe("SELECT id, slug, name, created_at, closed_at FROM tenant WHERE slug = :slug", bind! { slug: slug })?
                .ok_or_else(|| Code::NotFound.because(format!("there is no tenant `{slug}`; `plimsoll tenant list` shows those there are")))
        })
        .await
    }

    /// Every tenant, by slug.
    ///
    /// # Errors
    /// What the database says.
    pub async fn list_tenants(&self) -> Result<Vec<Tenant>> {
        self.read(|tx| tx.rows("SELECT id, slug, name, created_at, closed_at FROM tenant ORDER BY slug", &[])).await
    }

    /// Makes a tenant without members.
    ///
    /// # Errors
    /// [`Code::Invalid`] for a slug or name that does not fit, [`Code::Conflict`] for a slug that is taken.
    pub async fn create_tenant(&self, slug: &str, name: &str) -> Result<Tenant> {
        let (slug, name) = (people::slug(slug, "/slug")?, people::name(name, "/name")?);
        let id = TenantId::new(self.clock.now(), &self.seed);
        commit(&self.store, id, self.origin("tenant.create"), move |change| {
            change.note(note(format!("tenants/{id}"), None));
            events::tenant(change, "created", id);
            people::insert_tenant(change, id, &slug, &name)
        })
        .await
    }

    /// Closes a tenant: its sessions end, its keys are revoked, nobody can act for it. Its data stays.
    ///
    /// # Errors
    /// [`Code::NotFound`]; [`Code::Conflict`] when it is closed already.
    pub async fn close_tenant(&self, slug: &str) -> Result<Tenant> {
        let tenant = self.open_tenant(slug).await?;
        let id = tenant.id;
        commit(&self.store, id, self.origin("tenant.close"), move |change| {
            let now = change.now();
            change.write("UPDATE tenant SET closed_at = :now WHERE id = :id", bind! { now: now, id: id })?;
            change.write(
                "UPDATE session SET ended_at = :now, end_reason = 'tenant closed' WHERE tenant_id = :tenant AND ended_at IS NULL",
                bind! { now: now },
            )?;
            change.write("UPDATE api_key SET revoked_at = :now WHERE tenant_id = :tenant AND revoked_at IS NULL", bind! { now: now })?;
            change.note(note(format!("tenants/{id}"), None));
            events::tenant(change, "closed", id);
            Ok(Tenant { closed_at: Some(now), ..tenant })
        })
        .await
    }

    async fn open_tenant(&self, slug: &str) -> Result<Tenant> {
        let tenant = self.tenant(slug).await?;
        if tenant.closed_at.is_some() {
            return Err(Code::Conflict.because(format!("the tenant `{slug}` is closed")));
        }
        Ok(tenant)
    }

    /// Makes a person a member of a tenant; the person too, if nobody has this e-mail address yet.
    /// The password counts only for a new person, who cannot log in without one.
    ///
    /// # Errors
    /// [`Code::Invalid`], [`Code::PasswordRefused`], [`Code::NotFound`] for the tenant,
    /// [`Code::Conflict`] for a member.
    pub async fn create_user(&self, tenant: &str, email: &str, role: Role, password: Option<&str>) -> Result<User> {
        let tenant = self.open_tenant(tenant).await?;
        let email = people::email(email, "/email")?;
        let hash = self.hashed(password, &[&email, &tenant.slug, &tenant.name])?;
        let fresh = UserId::new(self.clock.now(), &self.seed);
        commit(&self.store, tenant.id, self.origin("user.create"), move |change| {
            let id = people::join(change, fresh, &email, hash.as_deref(), role)?;
            change.note(note(format!("users/{id}"), Some(json!({ "role": role.name() }))));
            events::user(change, "created", id, json!({ "role": role.name() }));
            people::member(change, id)
        })
        .await
    }

    fn hashed(&self, password: Option<&str>, known: &[&str]) -> Result<Option<String>> {
        let Some(text) = password else { return Ok(None) };
        let password = Password::new(text);
        password.check(self.config.password_min, known, "/password")?;
        password.hash(&self.seed).map(Some)
    }

    /// The members of a tenant, by e-mail address.
    ///
    /// # Errors
    /// [`Code::NotFound`] for the tenant.
    pub async fn list_users(&self, tenant: &str) -> Result<Vec<User>> {
        let id = self.tenant(tenant).await?.id;
        self.store
            .read(Scope::Tenant(id), &PACE, |tx| {
                tx.rows(
                    "SELECT p.id, p.email, m.role, m.active, m.created_at FROM member m JOIN person p ON p.id = m.person_id \
                     WHERE m.tenant_id = :tenant ORDER BY p.email",
                    &[],
                )
            })
            .await
    }

    /// Lets a person act for nobody any more, or again; ending, all sessions end. The change is in
    /// the ledger of every tenant the person is a member of.
    ///
    /// # Errors
    /// [`Code::NotFound`] for the e-mail address.
    pub async fn set_user_active(&self, email: &str, active: bool) -> Result<UserId> {
        let action = if active { "user.enable" } else { "user.disable" };
        self.for_every_membership(email, action, move |change, id| {
            change.write("UPDATE person SET active = :active WHERE id = :id", bind! { active: active, id: id })?;
            if !active {
                people::end_sessions(change, id, None, "user disabled")?;
            }
            Ok(())
        })
        .await
    }

    /// [`Desk::set_user_active`] with `false`.
    ///
    /// # Errors
    /// As there.
    pub async fn disable_user(&self, email: &str) -> Result<UserId> {
        self.set_user_active(email, false).await
    }

    /// Gives a person a new password and ends all their sessions.
    ///
    /// # Errors
    /// [`Code::NotFound`] for the e-mail address, [`Code::PasswordRefused`].
    pub async fn set_password(&self, email: &str, password: &str) -> Result<UserId> {
        let hash = self.hashed(Some(password), &[email])?;
        self.for_every_membership(email, "user.password", move |change, id| {
            let now = change.now();
            change
                .write("UPDATE person SET password = :hash, password_at = :now WHERE id = :id", bind! { hash: hash, now: now, id: id })?;
            people::end_sessions(change, id, None, "password changed")?;
            Ok(())
        })
        .await
    }

    async fn for_every_membership(
        &self,
        email: &str,
        action: &'static str,
        f: impl Fn(&mut Change<'_, '_>, UserId) -> Result<()> + Clone + Send + 'static,
    ) -> Result<UserId> {
        let email = people::email(email, "/email")?;
        let (id, mut tenants) = self
            .read(move |tx| {
                let id = people::person(tx, &email)?.ok_or_else(|| Code::NotFound.because("nobody has this e-mail address"))?;
                let tenants =
                    tx.rows::<TenantId>("SELECT tenant_id FROM member WHERE person_id = :id ORDER BY tenant_id", bind! { id: id })?;
                Ok((id, tenants))
            })
            .await?;
        if tenants.is_empty() {
            tenants.push(TenantId::from_bits(0));
        }
        for tenant in tenants {
            let f = f.clone();
            commit(&self.store, tenant, self.origin(action), move |change| {
                change.note(note(format!("users/{id}"), None));
                events::user(change, "updated", id, json!({ "fields": [if action == "user.password" { "password" } else { "active" }] }));
                f(change, id)
            })
            .await?;
        }
        Ok(id)
    }

    /// Makes an API key of a tenant.
    ///
    /// # Errors
    /// [`Code::Invalid`] for name or scopes, [`Code::NotFound`] for the tenant.
    pub async fn create_key(
        &self,
        tenant: &str,
        name: &str,
        role: Role,
        scopes: Vec<String>,
        lifetime: Option<Duration>,
    ) -> Result<MadeKey> {
        let tenant = self.open_tenant(tenant).await?;
        let name = people::name(name, "/name")?;
        people::scopes(&scopes)?;
        let (now, token) = (self.clock.now(), Token::new(KEY_PREFIX, &self.seed));
        let id = KeyId::new(now, &self.seed);
        let new = NewKey { name, role, scopes, expires_at: lifetime.map(|lifetime| now.plus(lifetime)), created_by: "host".into() };
        let (hash, hint) = (token.hash, token.hint().to_owned());
        let key = commit(&self.store, tenant.id, self.origin("key.create"), move |change| {
            change.note(note(format!("keys/{id}"), Some(json!({ "role": new.role.name(), "scopes": new.scopes }))));
            events::key(change, "created", id, json!({ "role": new.role.name(), "scopes": new.scopes }));
            people::insert_key(change, id, new, hash, &hint)
        })
        .await?;
        Ok(MadeKey { key, secret: token.text.to_string() })
    }

    /// The API keys of a tenant, newest first.
    ///
    /// # Errors
    /// [`Code::NotFound`] for the tenant.
    pub async fn list_keys(&self, tenant: &str) -> Result<Vec<Key>> {
        let id = self.tenant(tenant).await?.id;
        self.store
            .read(Scope::Tenant(id), &PACE, |tx| {
                tx.rows(
                    "SELECT id, name, hint, role, scopes, created_at, created_by, expires_at, revoked_at, used_at FROM api_key \
                     WHERE tenant_id = :tenant ORDER BY created_at DESC, id DESC",
                    &[],
                )
            })
            .await
    }

    /// Revokes an API key of whichever tenant it belongs to.
    ///
    /// # Errors
    /// [`Code::NotFound`].
    pub async fn revoke_key(&self, id: KeyId) -> Result<Key> {
        let tenant = self
            .read(move |tx| tx.maybe::<TenantId>("SELECT tenant_id FROM api_key WHERE id = :id", bind! { id: id }))
            .await?
            .ok_or_else(|| Code::NotFound.because("there is no such key"))?;
        commit(&self.store, tenant, self.origin("key.revoke"), move |change| {
            change.note(note(format!("keys/{id}"), None));
            events::key(change, "revoked", id, json!({}));
            people::revoke_key(change, id)
        })
        .await
    }

    /// Makes a new signing key. [`Rotation::Compromised`] also ends the old ones at once, and with
    /// them every access token; people get new ones from their refresh tokens.
    ///
    /// # Errors
    /// What the database says.
    pub async fn rotate_signing(&self, master: &Master, why: Rotation) -> Result<Rotated> {
        let now = self.clock.now();
        let kid = keyring::rotate(&self.store, master, &self.seed, now, why, (&self.config).into(), None).await?;
        Ok(Rotated { kid: kid.unwrap_or_default() })
    }
}
