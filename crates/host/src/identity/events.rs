//! What administration tells: people, keys and tenants that came, changed and went.

use std::fmt::Display;

use plimsoll_core::{Access, Role};
use serde_json::{Map, Value, json};

use crate::{ledger::Change, work::events::Event};

const USERS: Access = Access::needs("users:read", Role::Admin);
const KEYS: Access = Access::needs("keys:read", Role::Admin);
const TENANTS: Access = Access::needs("tenants:read", Role::Viewer);

/// `user.created`, `user.updated`, `user.deleted`; `more` names roles and fields, never a value of personal data.
pub(super) fn user(change: &mut Change<'_, '_>, verb: &str, id: impl Display, more: Value) {
    tell(change, ("user", "/v1/users", USERS), verb, &id.to_string(), more);
}
/// `key.created`, `key.rotated`, `key.revoked`.
pub(super) fn key(change: &mut Change<'_, '_>, verb: &str, id: impl Display, more: Value) {
    tell(change, ("key", "/v1/keys", KEYS), verb, &id.to_string(), more);
}
/// `tenant.created`, `tenant.updated`, `tenant.closed`.
pub(super) fn tenant(change: &mut Change<'_, '_>, verb: &str, id: impl Display) {
    tell(change, ("tenant", "/v1/tenants", TENANTS), verb, &id.to_string(), Value::Null);
}

fn tell(change: &mut Change<'_, '_>, (noun, source, access): (&str, &'static str, Access), verb: &str, id: &str, more: Value) {
    let mut data = Map::from_iter([("id".to_owned(), json!(id))]);
    if let Value::Object(more) = more {
        data.extend(more);
    }
    change.emit(Event::new(format!("{noun}.{verb}"), source, access, Value::Object(data)).about(id));
}
