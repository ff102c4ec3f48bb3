//! From a credential to a principal.

use std::sync::Arc;
use std::time::Duration;

use plimsoll_core::{Code, Error, KeyId, Principal, PrincipalKind, Result, Role, SessionId, TenantId, Time, UserId};
use plimsoll_store::{FromRow, Pace, Row, Scope, Tx, bind};

use super::{
    Identity, people, secret, session,
    token::{Rules, Unverified},
};
use crate::{
    Host,
    archive::tenant::hold,
    ledger::{Note, Origin, chain},
};

/// How often the use of a key or a session is written down at most.
const KEY_USE_EVERY: Duration = Duration::from_secs(3600);
const SEEN_EVERY: Duration = Duration::from_secs(300);

/// A credential as it was presented.
pub enum Presented {
    /// `Authorization: Bearer …`
    Bearer(String),
    /// The session cookie.
    Cookie(String),
}

impl Presented {
    /// The text itself.
    pub fn text(&self) -> &str {
        match self {
            Presented::Bearer(text) | Presented::Cookie(text) => text,
        }
    }
    /// The key under which the cache knows it. A cookie's text must not work as a bearer token.
    pub fn cache_key(&self) -> [u8; 32] {
        let mut key = secret::sha256(self.text().as_bytes());
        if matches!(self, Presented::Cookie(_)) {
            key[31] = !key[31];
        }
        key
    }
    /// What it is, for the ledger.
    pub fn kind(&self) -> &'static str {
        match self {
            Presented::Bearer(text) if text.starts_with(secret::KEY_PREFIX) => "api-key",
            Presented::Bearer(_) => "access-token",
            Presented::Cookie(_) => "cookie",
        }
    }
}

/// Which of the checks are enforced; all, outside the development profile.
#[derive(Clone, Copy)]
pub struct Enforced {
    /// Whether sessions that were ended are refused.
    pub revocation: bool,
    /// Whether the signature and the claims of an access token are checked.
    pub tokens: bool,
    /// Whether a replaced signing key still verifies what it signed.
    pub overlap: bool,
    /// Whether keys that were revoked or have expired are refused.
    pub keys: bool,
    /// Whether a role counts only in the tenant that gave it.
    pub roles: bool,
    /// Whether people who are not active any more are refused.
    pub accounts: bool,
}

impl Enforced {
    /// Everything.
    #[cfg(test)]
    pub const ALL: Enforced = Enforced { revocation: true, tokens: true, overlap: true, keys: true, roles: true, accounts: true };

    /// What `host` enforces.
    pub fn by(host: &Host) -> Enforced {
        Enforced {
            revocation: host.holds("token-revocation"),
            tokens: host.holds("auth-jwt"),
            overlap: host.holds("secrets-rotation"),
            keys: host.holds("api-keys"),
            roles: host.holds("tenant-rbac"),
            accounts: host.holds("user-accounts"),
        }
    }
}

/// Why a credential does not count, and whose it is where that is known.
pub struct Refusal {
    /// For the caller.
    pub error: Error,
    /// The tenant in whose ledger it belongs.
    pub tenant: Option<TenantId>,
    /// The person or key.
    pub actor: Option<String>,
}

impl From<Error> for Refusal {
    fn from(error: Error) -> Refusal {
        Refusal { error, tenant: None, actor: None }
    }
}

/// A principal and until when its credential may be believed.
struct Found {
    who: Principal,
    expires: Time,
}

static SESSION_PACE: Pace = Pace::new();
static KEY_PACE: Pace = Pace::new();

struct SessionRow {
    tenant: TenantId,
    id: SessionId,
    person: UserId,
    expires: Time,
    ended: Option<Time>,
    seen: Time,
    active: bool,
    role: Option<String>,
    member: Option<bool>,
    closed: Option<Time>,
    held: Option<Time>,
}

impl FromRow for SessionRow {
    fn from_row(row: &Row<'_>) -> Result<SessionRow> {
        Ok(SessionRow {
            tenant: row.get(0)?,
            id: row.get(1)?,
            person: row.get(2)?,
            expires: row.get(3)?,
            ended: row.get(4)?,
            seen: row.get(5)?,
            active: row.get(6)?,
            role: row.get(7)?,
            member: row.get(8)?,
            closed: row.get(9)?,
            held: row.get(10)?,
        })
    }
}

const BY_ID: &str = "SELECT s.tenant_id, s.id, s.person_id, s.expires_at, s.ended_at, s.seen_at, p.active, m.role, m.active, t.closed_at, t.held_at \
     FROM session s JOIN person p ON p.id = s.person_id JOIN tenant t ON t.id = s.tenant_id \
     LEFT JOIN member m ON m.tenant_id = s.tenant_id AND m.person_id = s.person_id \
     WHERE s.tenant_id = :tenant AND s.id = :id";
const BY_COOKIE: &str = "SELECT s.tenant_id, s.id, s.person_id, s.expires_at, s.ended_at, s.seen_at, p.active, m.role, m.active, t.closed_at, t.held_at \
     FROM session s JOIN person p ON p.id = s.person_id JOIN tenant t ON t.id = s.tenant_id \
     LEFT JOIN member m ON m.tenant_id = s.tenant_id AND m.person_id = s.person_id \
     WHERE s.cookie_hash = :hash";

struct KeyRow {
    tenant: TenantId,
    id: KeyId,
    role: String,
    scopes: String,
    expires: Option<Time>,
    revoked: Option<Time>,
    used: Option<Time>,
    closed: Option<Time>,
    held: Option<Time>,
}

impl FromRow for KeyRow {
    fn from_row(row: &Row<'_>) -> Result<KeyRow> {
        Ok(KeyRow {
            tenant: row.get(0)?,
            id: row.get(1)?,
            role: row.get(2)?,
            scopes: row.get(3)?,
            expires: row.get(4)?,
            revoked: row.get(5)?,
            used: row.get(6)?,
            closed: row.get(7)?,
            held: row.get(8)?,
        })
    }
}

fn revoked(reason: &'static str, sentence: &'static str) -> Error {
    Code::CredentialRevoked.because(sentence).reasoned(reason)
}
fn expired(sentence: &'static str) -> Error {
    Code::CredentialExpired.because(sentence).reasoned("expired")
}
fn unknown(sentence: &'static str) -> Error {
    Code::CredentialInvalid.because(sentence).reasoned("unknown-key")
}

impl Identity {
    /// Who presents this, if that is remembered: no database, no cryptography.
    pub(super) fn remembered(&self, credential: &[u8; 32], now: Time) -> Option<Principal> {
        self.cache.get(credential, now)
    }

    /// Who presents this, asking the database.
    pub(super) async fn resolve(&self, enforced: Enforced, presented: &Presented, now: Time) -> Result<Principal, Refusal> {
        let generation = self.cache.generation();
        let found = match presented {
            Presented::Bearer(text) if text.starts_with(secret::KEY_PREFIX) => self.by_key(enforced, text, now).await?,
            Presented::Bearer(text) => self.by_token(enforced, text, now).await?,
            Presented::Cookie(text) => self.by_cookie(enforced, text, now).await?,
        };
        self.cache.put(presented.cache_key(), found.who.clone(), found.expires, now, generation);
        Ok(found.who)
    }

    async fn by_token(&self, enforced: Enforced, text: &str, now: Time) -> Result<Found, Refusal> {
        let token = Unverified::parse(text)?;
        let mut public = self.ring.public(&token.kid, now);
        if public.is_none() && self.ring.reload(&self.store, &self.master, now).await? {
            public = self.ring.public(&token.kid, now);
        }
        let public = public.filter(|_| enforced.overlap || self.ring.newest(&token.kid, now)).ok_or_else(|| {
            Code::CredentialInvalid
                .because("the access token is signed with a key that is not known here; log in for a new one")
                .reasoned("key")
        })?;
        let rules = Rules { issuer: self.config.issuer.clone(), audience: self.config.audience.clone() };
        let claims = if enforced.tokens { token.verify(&public, &rules, now)? } else { token.believed()? };
        let row = self.session(claims.ten, claims.sid).await?.filter(|row| row.person == claims.sub).ok_or_else(|| Refusal {
            error: revoked("session-ended", "the session of this access token has ended; log in again"),
            tenant: None,
            actor: Some(claims.sub.to_string()),
        })?;
        let mut found = self.by_session(enforced, row, now).await?;
        if enforced.tokens {
            found.expires = found.expires.min(Time::from_micros(claims.exp.saturating_mul(1_000_000)));
        }
        Ok(found)
    }

    async fn session(&self, tenant: TenantId, id: SessionId) -> Result<Option<SessionRow>> {
        self.store.read(Scope::Tenant(tenant), &SESSION_PACE, move |tx| tx.maybe::<SessionRow>(BY_ID, bind! { id: id })).await
    }

    /// Who a session belongs to, if everything it rests on stands.
    pub(super) async fn by_session_id(&self, enforced: Enforced, tenant: TenantId, id: SessionId, now: Time) -> Result<Principal, Refusal> {
        let row = self.session(tenant, id).await?;
        let row = row.ok_or_else(|| revoked("session-ended", "the session has ended; log in again"))?;
        self.by_session(enforced, row, now).await.map(|found| found.who)
    }

    async fn by_cookie(&self, enforced: Enforced, text: &str, now: Time) -> Result<Found, Refusal> {
        if !secret::well_formed(text, "") {
            return Err(Code::CredentialInvalid
                .because("the session cookie is not well-formed; log in again")
                .reasoned("malformed")
                .into());
        }
        let hash = session::hash_of(text);
        let row = self.store.read(Scope::Host, &SESSION_PACE, move |tx| tx.maybe::<SessionRow>(BY_COOKIE, bind! { hash: hash })).await?;
        let row = row.ok_or_else(|| unknown("the session cookie belongs to no session; log in again"))?;
        self.by_session(enforced, row, now).await
    }

    async fn by_session(&self, enforced: Enforced, row: SessionRow, now: Time) -> Result<Found, Refusal> {
        let idle_until = row.seen.plus(self.config.session_idle);
        let judged = standing(&row, idle_until, now, enforced);
        let refusal = |error| Refusal { error, tenant: Some(row.tenant), actor: Some(row.person.to_string()) };
        judged.map_err(refusal)?;
        let role = people::role(row.role.as_deref().unwrap_or("viewer"))?;
        let role = if enforced.roles { role } else { self.strongest(row.person).await? };
        if now.since(row.seen) >= SEEN_EVERY {
            self.seen(row.tenant, row.id, now).await;
        }
        let who = Principal {
            kind: PrincipalKind::Person,
            id: row.person.to_string().into(),
            tenant: row.tenant,
            role,
            scopes: Arc::new([]),
            session: Some(row.id),
        };
        Ok(Found { who, expires: row.expires })
    }

    /// The strongest role of a person anywhere: what counts where the practice `tenant-rbac` is
    /// switched off.
    async fn strongest(&self, person: UserId) -> Result<Role> {
        let roles = move |tx: &Tx<'_>| tx.rows::<String>("SELECT role FROM member WHERE person_id = :person", bind! { person: person });
        let names = self.store.read(Scope::Host, &SESSION_PACE, roles).await?;
        Ok(names.iter().filter_map(|name| people::role(name).ok()).max().unwrap_or(Role::Viewer))
    }

    /// Notes that a session is in use. Not a change anybody asked for, so not in the ledger; and
    /// not worth failing a request for.
    async fn seen(&self, tenant: TenantId, id: SessionId, now: Time) {
        let noted = self.store.commit(Scope::Tenant(tenant), move |tx| {
            tx.write(
                "UPDATE session SET seen_at = :now WHERE tenant_id = :tenant AND id = :id AND seen_at < :now",
                bind! { now: now, id: id },
            )
        });
        if let Err(error) = noted.await {
            tracing::warn!(error = ?error, "the use of a session could not be noted");
        }
    }

    async fn by_key(&self, enforced: Enforced, text: &str, now: Time) -> Result<Found, Refusal> {
        if !secret::well_formed(text, secret::KEY_PREFIX) {
            return Err(Code::CredentialInvalid
                .because("the API key is not well-formed: `plm_` and 43 characters")
                .reasoned("malformed")
                .into());
        }
        let hash = secret::sha256(text.as_bytes());
        let row = self.store.read(Scope::Host, &KEY_PACE, move |tx| {
            tx.maybe::<KeyRow>(
                "SELECT k.tenant_id, k.id, k.role, k.scopes, k.expires_at, k.revoked_at, k.used_at, t.closed_at, t.held_at \
                 FROM api_key k JOIN tenant t ON t.id = k.tenant_id WHERE k.hash = :hash",
                bind! { hash: hash },
            )
        });
        let row = row.await?.ok_or_else(|| unknown("the API key is not known here"))?;
        let refusal = |error| Refusal { error, tenant: Some(row.tenant), actor: Some(row.id.to_string()) };
        if row.revoked.is_some() && enforced.keys {
            return Err(refusal(revoked("revoked", "the API key was revoked; ask an administrator for another")));
        }
        if row.closed.is_some() {
            return Err(refusal(revoked("disabled", "the tenant of this API key is closed")));
        }
        if row.held.is_some() {
            return Err(refusal(hold::refusal()));
        }
        if enforced.keys && row.expires.is_some_and(|at| at <= now) {
            return Err(refusal(expired("the API key has expired; ask an administrator for another")));
        }
        if row.used.is_none_or(|at| now.since(at) >= KEY_USE_EVERY) {
            self.used(row.tenant, row.id, now).await;
        }
        let scopes: Vec<String> = serde_json::from_str(&row.scopes).map_err(Error::from)?;
        let who = Principal {
            kind: PrincipalKind::Key,
            id: row.id.to_string().into(),
            tenant: row.tenant,
            role: people::role(&row.role)?,
            scopes: scopes.into(),
            session: None,
        };
        Ok(Found { who, expires: row.expires.filter(|_| enforced.keys).unwrap_or(Time::from_micros(i64::MAX)) })
    }

    /// Notes that a key is in use, at most once an hour, in the ledger too.
    async fn used(&self, tenant: TenantId, id: KeyId, now: Time) {
        let before = now.minus(KEY_USE_EVERY);
        let noted = self.store.commit(Scope::Tenant(tenant), move |tx| {
            let first = tx.write(
                "UPDATE api_key SET used_at = :now WHERE tenant_id = :tenant AND id = :id AND (used_at IS NULL OR used_at <= :before)",
                bind! { now: now, id: id, before: before },
            )?;
            if first == 0 {
                return Ok(());
            }
            let origin = Origin { actor_kind: "key", actor: id.to_string().into(), ..Origin::host(now, "key.use") };
            chain::append(tx, &origin, &Note { target: format!("keys/{id}"), ..Note::default() })
        });
        if let Err(error) = noted.await {
            tracing::warn!(error = ?error, "the use of an API key could not be noted");
        }
    }
}

fn standing(row: &SessionRow, idle_until: Time, now: Time, enforced: Enforced) -> Result<()> {
    if row.ended.is_some() && enforced.revocation {
        return Err(revoked("session-ended", "the session has ended; log in again"));
    }
    if row.closed.is_some() {
        return Err(revoked("disabled", "the tenant of this session is closed"));
    }
    if row.held.is_some() {
        return Err(hold::refusal());
    }
    if enforced.accounts && (!row.active || row.member != Some(true)) {
        return Err(revoked("disabled", "the user is not active in this tenant any more"));
    }
    if row.expires <= now || idle_until <= now {
        return Err(expired("the session has expired; log in again"));
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;

    fn row() -> SessionRow {
        SessionRow {
            tenant: TenantId::from_bits(1),
            id: SessionId::from_bits(2),
            person: UserId::from_bits(3),
            expires: Time::from_micros(100),
            ended: None,
            seen: Time::from_micros(0),
            active: true,
            role: Some("editor".into()),
            member: Some(true),
            closed: None,
            held: None,
        }
    }
    fn reason(row: &SessionRow, now: i64) -> Option<&'static str> {
        standing(row, Time::from_micros(50), Time::from_micros(now), Enforced::ALL).err().and_then(|error| error.reason())
    }

    #[test]
    fn a_session_counts_only_while_everything_it_rests_on_stands() {
        assert_eq!(reason(&row(), 49), None);
        assert_eq!(reason(&row(), 50), Some("expired"));
        assert_eq!(reason(&SessionRow { expires: Time::from_micros(10), ..row() }, 10), Some("expired"));
        assert_eq!(reason(&SessionRow { ended: Some(Time::from_micros(1)), ..row() }, 5), Some("session-ended"));
        assert_eq!(reason(&SessionRow { active: false, ..row() }, 5), Some("disabled"));
        assert_eq!(reason(&SessionRow { member: Some(false), ..row() }, 5), Some("disabled"));
        assert_eq!(reason(&SessionRow { member: None, role: None, ..row() }, 5), Some("disabled"));
        assert_eq!(reason(&SessionRow { closed: Some(Time::from_micros(1)), ..row() }, 5), Some("disabled"));
    }

    #[test]
    fn a_cookie_and_a_bearer_of_the_same_text_are_different_credentials() {
        let text = || "a".repeat(43);
        assert_ne!(Presented::Cookie(text()).cache_key(), Presented::Bearer(text()).cache_key());
    }
}
