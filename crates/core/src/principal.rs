//! Who asks, and what they may do.

use std::{fmt, str::FromStr, sync::Arc};

use crate::{Code, Error, TenantId};

/// What a member of a tenant may do; each role includes those below it.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, serde::Serialize, serde::Deserialize, schemars::JsonSchema)]
#[schemars(inline)]
#[serde(rename_all = "lowercase")]
pub enum Role {
    /// Reads.
    Viewer,
    /// Reads and changes what the systems hold.
    Editor,
    /// Also administers: users, keys, audit, destructive cascades.
    Admin,
    /// Also owns: may make and unmake admins and owners, and close the tenant.
    Owner,
}

impl Role {
    /// All roles, weakest first.
    pub const ALL: &'static [Role] = &[Role::Viewer, Role::Editor, Role::Admin, Role::Owner];

    /// The name used in configuration, database and API.
    pub const fn name(self) -> &'static str {
        match self {
            Role::Viewer => "viewer",
            Role::Editor => "editor",
            Role::Admin => "admin",
            Role::Owner => "owner",
        }
    }
}

impl fmt::Display for Role {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.name())
    }
}
impl FromStr for Role {
    type Err = Error;
    fn from_str(text: &str) -> Result<Role, Error> {
        Role::ALL
            .iter()
            .copied()
            .find(|role| role.name() == text)
            .ok_or_else(|| Code::Invalid.because("expected a role: viewer, editor, admin or owner"))
    }
}

/// What a route demands before its handler runs. There is no route without one.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Access {
    /// A permission `resource:action`, held by `least` and every role above it.
    Needs {
        /// `resource:action`, such as `songs:write`.
        permission: &'static str,
        /// The weakest role that holds it.
        least: Role,
    },
    /// Any authenticated principal, whatever its role: one's own session, one's own profile.
    Authenticated,
    /// Anyone; the sentence says why that is right.
    Public {
        /// Shown in the API description and in the proof.
        because: &'static str,
    },
    /// Nobody, whatever its role: what an operator has closed.
    Nobody,
}

impl Access {
    /// A permission and the weakest role that holds it.
    pub const fn needs(permission: &'static str, least: Role) -> Access {
        Access::Needs { permission, least }
    }
    /// Open to anyone, with the reason.
    pub const fn public(because: &'static str) -> Access {
        Access::Public { because }
    }
}

/// What kind of caller a principal is.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum PrincipalKind {
    /// Somebody who logged in.
    Person,
    /// An API key.
    Key,
    /// Work the host sends to itself, and the command line.
    Host,
    /// Nobody: no credential on a route that allows it.
    Anonymous,
}

impl PrincipalKind {
    /// The name used in logs and in the ledger.
    pub const fn name(self) -> &'static str {
        match self {
            PrincipalKind::Person => "person",
            PrincipalKind::Key => "key",
            PrincipalKind::Host => "host",
            PrincipalKind::Anonymous => "anonymous",
        }
    }
}

/// Who asks, for which tenant, with which rights.
#[derive(Debug, Clone)]
pub struct Principal {
    /// Person, key, host or nobody.
    pub kind: PrincipalKind,
    /// The id as it stands in the ledger: `usr_…`, `key_…`, `host`, `anonymous`.
    pub id: Arc<str>,
    /// The tenant this principal acts for.
    pub tenant: TenantId,
    /// The role in that tenant.
    pub role: Role,
    /// Where not empty, the only permissions held: `songs:read`, `songs:*`, `*:read`.
    pub scopes: Arc<[String]>,
    /// The session, for a person.
    pub session: Option<crate::SessionId>,
}

impl Principal {
    /// The principal of a request without a credential, reading what `tenant` made public.
    pub fn anonymous(tenant: TenantId) -> Principal {
        Principal {
            kind: PrincipalKind::Anonymous,
            id: "anonymous".into(),
            tenant,
            role: Role::Viewer,
            scopes: Arc::new([]),
            session: None,
        }
    }
    /// The host itself, acting for `tenant`.
    pub fn host(tenant: TenantId) -> Principal {
        Principal { kind: PrincipalKind::Host, id: "host".into(), tenant, role: Role::Owner, scopes: Arc::new([]), session: None }
    }

    /// Whether this principal holds `permission`, which belongs to `least` and above.
    pub fn holds(&self, permission: &str, least: Role) -> bool {
        self.role >= least && (self.scopes.is_empty() || self.scopes.iter().any(|scope| scope_covers(scope, permission)))
    }
}

/// Whether `scope` (`songs:read`, `songs:*`, `*:read`, `*`) covers `permission`.
pub fn scope_covers(scope: &str, permission: &str) -> bool {
    if scope == "*" {
        return true;
    }
    let (Some((noun, verb)), Some((wanted_noun, wanted_verb))) = (scope.split_once(':'), permission.split_once(':')) else {
        return false;
    };
    (noun == "*" || noun == wanted_noun) && (verb == "*" || verb == wanted_verb)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_scope_only_narrows_what_the_role_gives() {
        let mut who = Principal::anonymous(TenantId::from_bits(1));
        assert!(who.holds("songs:read", Role::Viewer) && !who.holds("songs:write", Role::Editor));
        who.role = Role::Admin;
        who.scopes = vec!["songs:*".to_string(), "*:read".to_string()].into();
        assert!(who.holds("songs:write", Role::Editor) && who.holds("artists:read", Role::Viewer));
        assert!(!who.holds("artists:write", Role::Editor) && !who.holds("tenant:delete", Role::Owner));
    }

    #[test]
    fn scopes_are_matched_by_part_and_never_by_prefix() {
        assert!(scope_covers("songs:read", "songs:read") && scope_covers("*", "a:b"));
        for (scope, permission) in [("songs", "songs:read"), ("song:*", "songs:read"), ("songs:rea", "songs:read"), ("", "songs:read")] {
            assert!(!scope_covers(scope, permission), "{scope} {permission}");
        }
    }
}
