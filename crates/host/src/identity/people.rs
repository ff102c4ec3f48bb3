//! Tenants, people and their memberships as statements: what the routes and the command line share.

use plimsoll_core::{Code, Error, Fault, KeyId, Result, Role, SessionId, TenantId, Time, UserId};
use plimsoll_store::{FromRow, Row, Tx, bind};
use schemars::JsonSchema;
use serde::Serialize;
use unicode_normalization::UnicodeNormalization;

use super::scratch;
use crate::ledger::Change;

/// A tenant, as its members see it.
#[derive(Debug, Clone, Serialize, JsonSchema)]
pub struct Tenant {
    /// Its id.
    pub id: TenantId,
    /// Its short name, unique on this server: lower-case letters, digits, hyphens.
    pub slug: String,
    /// Its name, for people.
    pub name: String,
    /// Since when it exists.
    pub created_at: Time,
    /// Since when it is closed: nobody can act for it any more.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub closed_at: Option<Time>,
}

impl FromRow for Tenant {
    fn from_row(row: &Row<'_>) -> Result<Tenant> {
        Ok(Tenant { id: row.get(0)?, slug: row.get(1)?, name: row.get(2)?, created_at: row.get(3)?, closed_at: row.get(4)? })
    }
}

/// A member of a tenant.
#[derive(Debug, Clone, Serialize, JsonSchema)]
pub struct User {
    /// The person's id, the same in every tenant.
    pub id: UserId,
    /// The e-mail address, in lower case.
    pub email: String,
    /// The role in this tenant.
    pub role: Role,
    /// Whether the person may act for this tenant.
    pub active: bool,
    /// Since when the person is a member.
    pub created_at: Time,
}

impl FromRow for User {
    fn from_row(row: &Row<'_>) -> Result<User> {
        Ok(User { id: row.get(0)?, email: row.get(1)?, role: role(&row.get::<String>(2)?)?, active: row.get(3)?, created_at: row.get(4)? })
    }
}

/// An API key, without its secret.
#[derive(Debug, Clone, Serialize, JsonSchema)]
pub struct Key {
    /// The id of the record.
    pub id: KeyId,
    /// What it is for.
    pub name: String,
    /// The last four characters of the secret.
    pub hint: String,
    /// What it may do at most.
    pub role: Role,
    /// Where not empty, the only permissions it holds.
    pub scopes: Vec<String>,
    /// When it was made.
    pub created_at: Time,
    /// Who made it.
    pub created_by: String,
    /// From when on it is refused.
    pub expires_at: Option<Time>,
    /// When it was revoked.
    pub revoked_at: Option<Time>,
    /// When it was last used, to the hour.
    pub used_at: Option<Time>,
}

impl FromRow for Key {
    fn from_row(row: &Row<'_>) -> Result<Key> {
        Ok(Key {
            id: row.get(0)?,
            name: row.get(1)?,
            hint: row.get(2)?,
            role: role(&row.get::<String>(3)?)?,
            scopes: serde_json::from_str(&row.get::<String>(4)?)?,
            created_at: row.get(5)?,
            created_by: row.get(6)?,
            expires_at: row.get(7)?,
            revoked_at: row.get(8)?,
            used_at: row.get(9)?,
        })
    }
}

/// The role with this name in the database.
pub fn role(name: &str) -> Result<Role> {
    name.parse().map_err(|error: Error| Code::Internal.error().caused_by(error.to_string()))
}

/// An e-mail address in the form in which it is stored and compared: NFKC, lower case.
///
/// # Errors
/// [`Code::Invalid`] with a fault at `pointer` when it cannot be an address.
pub fn email(text: &str, pointer: &'static str) -> Result<String> {
    let plain: String = text.trim().nfkc().flat_map(char::to_lowercase).collect();
    if plain.len() > 254 || plain.chars().any(char::is_control) || !crate::shape::is_email(&plain) {
        return Err(fault(pointer, "must be an e-mail address"));
    }
    Ok(plain)
}

/// What [`email`] accepts, as a pattern for the API description.
pub const EMAIL: &str = concat!(
    r#"^\s*[^\s\x00-\x1f\x7f-\x9f@<>()\[\],;:\\"]+@[^\s\x00-\x1f\x7f-\x9f@<>()\[\],;:\\".]"#,
    r#"([^\s\x00-\x1f\x7f-\x9f@<>()\[\],;:\\"]*[^\s\x00-\x1f\x7f-\x9f@<>()\[\],;:\\".])?\s*$"#,
);
/// What [`slug`] accepts, as a pattern for the API description.
pub const SLUG: &str = "^[a-z](-?[a-z0-9])+$";
/// What [`name`] accepts, as a pattern for the API description.
pub const NAME: &str = r"^[^\x00-\x1f\x7f-\x9f]*[^\s\x00-\x1f\x7f-\x9f][^\x00-\x1f\x7f-\x9f]*$";
/// What [`scopes`] accepts in each place, as a pattern for the API description.
pub const SCOPE: &str = r"^(\*|(\*|[a-z_-]+):(\*|[a-z_-]+))$";

/// Checks a slug as [`any_slug`] does, and leaves those of scratch tenants to probes.
///
/// # Errors
/// [`Code::Invalid`] with a fault at `pointer`.
pub fn slug(text: &str, pointer: &'static str) -> Result<String> {
    if text.starts_with(scratch::PREFIX) {
        return Err(fault(pointer, format!("must not begin with `{}`, which is kept for the scratch tenants of a proof", scratch::PREFIX)));
    }
    any_slug(text, pointer)
}

/// Checks a slug: 2 to 40 lower-case letters, digits and single hyphens, beginning with a letter.
///
/// # Errors
/// [`Code::Invalid`] with a fault at `pointer`.
pub fn any_slug(text: &str, pointer: &'static str) -> Result<String> {
    let fits = (2..=40).contains(&text.len())
        && text.starts_with(|c: char| c.is_ascii_lowercase())
        && !text.ends_with('-')
        && !text.contains("--")
        && text.bytes().all(|byte| byte.is_ascii_lowercase() || byte.is_ascii_digit() || byte == b'-');
    if fits {
        Ok(text.to_owned())
    } else {
        Err(fault(pointer, "must be 2 to 40 lower-case letters, digits and single hyphens, beginning with a letter"))
    }
}

/// Checks a name for people: 1 to 100 characters, not blank, no control characters.
///
/// # Errors
/// [`Code::Invalid`] with a fault at `pointer`.
pub fn name(text: &str, pointer: &'static str) -> Result<String> {
    let text = text.trim();
    if text.is_empty() || text.chars().count() > 100 || text.chars().any(char::is_control) {
        return Err(fault(pointer, "must be 1 to 100 characters without control characters"));
    }
    Ok(text.to_owned())
}

/// Checks scopes: at most 50, each `noun:verb` with stars allowed on either side, or `*`.
///
/// # Errors
/// [`Code::Invalid`] with a fault for each that does not fit.
pub fn scopes(list: &[String]) -> Result<()> {
    let part = |text: &str| {
        text == "*" || (!text.is_empty() && text.bytes().all(|byte| byte.is_ascii_lowercase() || byte == b'-' || byte == b'_'))
    };
    let fits = |scope: &String| scope == "*" || scope.split_once(':').is_some_and(|(noun, verb)| part(noun) && part(verb));
    let mut faults: Vec<Fault> = list
        .iter()
        .enumerate()
        .filter(|(_, scope)| scope.len() > 100 || !fits(scope))
        .map(|(at, _)| Fault::at(format!("/scopes/{at}"), "must be `noun:verb`, with `*` for either side, such as `songs:read`"))
        .collect();
    if list.len() > 50 {
        faults.push(Fault::at("/scopes", "must have at most 50 items"));
    }
    if faults.is_empty() { Ok(()) } else { Err(Error::invalid(faults)) }
}

/// An invalid request with one fault.
pub fn fault(pointer: &'static str, detail: impl Into<std::borrow::Cow<'static, str>>) -> Error {
    Error::invalid(vec![Fault::at(pointer, detail)])
}

/// Makes a tenant. The transaction must be in the scope of the new tenant.
///
/// # Errors
/// [`Code::Conflict`] when the slug is taken.
pub fn insert_tenant(change: &mut Change<'_, '_>, id: TenantId, slug: &str, name: &str) -> Result<Tenant> {
    if change.maybe::<String>("SELECT id FROM tenant WHERE slug = :slug", bind! { slug: slug })?.is_some() {
        return Err(Code::Conflict.because(format!("the short name `{slug}` is taken; choose another")));
    }
    let now = change.now();
    change.write(
        "INSERT INTO tenant (id, slug, name, created_at) VALUES (:id, :slug, :name, :now)",
        bind! { id: id, slug: slug, name: name, now: now },
    )?;
    Ok(Tenant { id, slug: slug.to_owned(), name: name.to_owned(), created_at: now, closed_at: None })
}

/// Makes a person. The e-mail address must be free: ask [`person`] in the same transaction first.
///
/// # Errors
/// What the database says.
pub fn insert_person(change: &mut Change<'_, '_>, id: UserId, email: &str, password: Option<&str>) -> Result<()> {
    let now = change.now();
    change.write(
        "INSERT INTO person (id, email, password, active, created_at, password_at) VALUES (:id, :email, :password, 1, :now, :password_at)",
        bind! { id: id, email: email, password: password, now: now, password_at: password.map(|_| now) },
    )?;
    Ok(())
}

/// Gives whoever has the address `email` a role in the transaction's tenant, and makes that person,
/// as `fresh` and with this password, where there is none. The person's id.
///
/// # Errors
/// [`Code::Conflict`] for a member.
pub fn join(change: &mut Change<'_, '_>, fresh: UserId, email: &str, password: Option<&str>, role: Role) -> Result<UserId> {
    let id = match person(change, email)? {
        Some(known) => known,
        None => {
            insert_person(change, fresh, email, password)?;
            fresh
        }
    };
    insert_member(change, id, role)?;
    Ok(id)
}

/// Makes a person a member of the transaction's tenant.
///
/// # Errors
/// [`Code::Conflict`] when the person is one already.
pub fn insert_member(change: &mut Change<'_, '_>, person: UserId, role: Role) -> Result<()> {
    let known = "SELECT person_id FROM member WHERE tenant_id = :tenant AND person_id = :person";
    if change.maybe::<UserId>(known, bind! { person: person })?.is_some() {
        return Err(Code::Conflict.because("this person is a member already"));
    }
    let now = change.now();
    change.write(
        "INSERT INTO member (tenant_id, person_id, role, active, created_at) VALUES (:tenant, :person, :role, 1, :now)",
        bind! { person: person, role: role.name(), now: now },
    )?;
    Ok(())
}

/// The person with this e-mail address.
///
/// # Errors
/// What the database says.
pub fn person(tx: &Tx<'_>, email: &str) -> Result<Option<UserId>> {
    tx.maybe("SELECT id FROM person WHERE email = :email", bind! { email: email })
}

/// A member of the transaction's tenant.
///
/// # Errors
/// [`Code::NotFound`] for anybody else.
pub fn member(tx: &Tx<'_>, person: UserId) -> Result<User> {
    tx.maybe(
        "SELECT p.id, p.email, m.role, m.active, m.created_at FROM member m JOIN person p ON p.id = m.person_id \
         WHERE m.tenant_id = :tenant AND m.person_id = :person",
        bind! { person: person },
    )?
    .ok_or_else(|| Code::NotFound.because("there is no such user"))
}

/// Refuses to leave the transaction's tenant without an active owner when `person` stops being one.
///
/// # Errors
/// [`Code::Conflict`].
pub fn keep_an_owner(tx: &Tx<'_>, person: UserId) -> Result<()> {
    let others: i64 = tx.row(
        "SELECT count(*) FROM member m JOIN person p ON p.id = m.person_id \
         WHERE m.tenant_id = :tenant AND m.person_id <> :person AND m.role = 'owner' AND m.active = 1 AND p.active = 1",
        bind! { person: person },
    )?;
    if others == 0 {
        return Err(Code::Conflict.because("this is the last owner; make somebody else an owner first"));
    }
    Ok(())
}

/// Ends the sessions of `person` in the transaction's tenant, except `kept`; how many.
///
/// # Errors
/// What the database says.
pub fn end_sessions(change: &mut Change<'_, '_>, person: UserId, kept: Option<SessionId>, reason: &'static str) -> Result<u64> {
    let now = change.now();
    let kept = kept.map(|id| id.to_string()).unwrap_or_default();
    change.write(
        "UPDATE session SET ended_at = :now, end_reason = :reason \
         WHERE tenant_id = :tenant AND person_id = :person AND ended_at IS NULL AND id <> :kept",
        bind! { now: now, reason: reason, person: person, kept: kept },
    )
}

/// Ends one session of the transaction's tenant; whether it was still open.
///
/// # Errors
/// What the database says.
pub fn end_session(change: &mut Change<'_, '_>, id: SessionId, reason: &'static str) -> Result<bool> {
    let now = change.now();
    let ended = change.write(
        "UPDATE session SET ended_at = :now, end_reason = :reason WHERE tenant_id = :tenant AND id = :id AND ended_at IS NULL",
        bind! { now: now, reason: reason, id: id },
    )?;
    Ok(ended > 0)
}

/// What a new API key shall be.
#[derive(Debug, Clone)]
pub struct NewKey {
    /// What it is for.
    pub name: String,
    /// What it may do at most.
    pub role: Role,
    /// Where not empty, the only permissions it holds.
    pub scopes: Vec<String>,
    /// From when on it is refused.
    pub expires_at: Option<Time>,
    /// Who makes it.
    pub created_by: String,
}

/// Makes an API key of the transaction's tenant from the hash and the hint of its secret.
///
/// # Errors
/// What the database says.
pub fn insert_key(change: &mut Change<'_, '_>, id: KeyId, new: NewKey, hash: [u8; 32], hint: &str) -> Result<Key> {
    let now = change.now();
    change.write(
        "INSERT INTO api_key (tenant_id, id, name, hash, hint, role, scopes, created_at, created_by, expires_at) \
         VALUES (:tenant, :id, :name, :hash, :hint, :role, :scopes, :now, :by, :expires)",
        bind! {
            id: id, name: new.name, hash: hash, hint: hint, role: new.role.name(), scopes: serde_json::to_string(&new.scopes)?,
            now: now, by: new.created_by, expires: new.expires_at,
        },
    )?;
    Ok(Key {
        id,
        name: new.name,
        hint: hint.to_owned(),
        role: new.role,
        scopes: new.scopes,
        created_at: now,
        created_by: new.created_by,
        expires_at: new.expires_at,
        revoked_at: None,
        used_at: None,
    })
}

/// An API key of the transaction's tenant.
///
/// # Errors
/// [`Code::NotFound`] for any other.
pub fn key(tx: &Tx<'_>, id: KeyId) -> Result<Key> {
    tx.maybe(
        "SELECT id, name, hint, role, scopes, created_at, created_by, expires_at, revoked_at, used_at FROM api_key \
         WHERE tenant_id = :tenant AND id = :id",
        bind! { id: id },
    )?
    .ok_or_else(|| Code::NotFound.because("there is no such key"))
}

/// Revokes a key of the transaction's tenant. Revoking it again changes nothing.
///
/// # Errors
/// [`Code::NotFound`] for a key of anybody else.
pub fn revoke_key(change: &mut Change<'_, '_>, id: KeyId) -> Result<Key> {
    let now = change.now();
    change.write(
        "UPDATE api_key SET revoked_at = :now WHERE tenant_id = :tenant AND id = :id AND revoked_at IS NULL",
        bind! { now: now, id: id },
    )?;
    key(change, id)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn addresses_are_compared_in_one_form() {
        assert_eq!(email(" Jane.Doe@Example.ORG ", "/email").unwrap(), "jane.doe@example.org");
        assert_eq!(email("ＪＡＮＥ@example.org", "/email").unwrap(), "jane@example.org");
        for wrong in
            ["", "jane", "@example.org", "jane@", "a b@example.org", "a\u{7}@example.org", &format!("{}@example.org", "x".repeat(250))]
        {
            assert_eq!(email(wrong, "/email").unwrap_err().faults()[0].pointer, "/email", "{wrong}");
        }
    }

    #[test]
    fn slugs_fit_everywhere_a_name_must() {
        for good in ["ab", "harbour-works", "a1", "x2-y3-z4"] {
            assert!(slug(good, "/slug").is_ok(), "{good}");
        }
        for bad in ["", "a", "1a", "-ab", "ab-", "a--b", "Ab", "a_b", "a.b", "ä-b", "probe-1", &"a".repeat(41)] {
            assert!(slug(bad, "/slug").is_err(), "{bad}");
        }
    }

    #[test]
    fn scopes_are_nouns_and_verbs() {
        let list = |scopes: &[&str]| scopes.iter().map(|scope| (*scope).to_owned()).collect::<Vec<_>>();
        assert!(scopes(&list(&["songs:read", "songs:*", "*:read", "*", "api-keys:write"])).is_ok());
        let error = scopes(&list(&["songs:read", "songs", "Songs:read", ":", "a:b:c"])).unwrap_err();
        let pointers: Vec<&str> = error.faults().iter().map(|fault| fault.pointer.as_str()).collect();
        assert_eq!(pointers, ["/scopes/1", "/scopes/2", "/scopes/3", "/scopes/4"]);
    }
}
