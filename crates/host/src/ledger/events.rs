//! Security events that have no commit of their own: refusals, failed logins, bad credentials.
//!
//! The first of a kind is written at once. Repeats of the same action, address and reason within a
//! minute are only counted, and the next entry says how many there were: an attacker must not be
//! able to fill the disk with the record of the attack.

use std::{collections::HashMap, net::IpAddr, sync::Mutex, time::Duration};

use plimsoll_core::{Result, TenantId, Time};
use plimsoll_store::{Scope, Store};
use serde_json::{Value, json};

use super::{Note, Origin, chain};

const WINDOW: Duration = Duration::from_secs(60);
const KINDS_KEPT: usize = 10_000;

#[derive(PartialEq, Eq, Hash)]
struct Kind {
    tenant: TenantId,
    action: String,
    actor: String,
    address: Option<IpAddr>,
    reason: String,
}

struct Seen {
    since: Time,
    repeats: u64,
}

/// Writes security events, folding floods.
#[derive(Default)]
pub struct Events {
    seen: Mutex<HashMap<Kind, Seen>>,
}

impl Events {
    /// Puts an event on the record of `tenant` (the host's own where none is known) and waits until it is durable.
    pub async fn record(&self, store: &Store, tenant: TenantId, origin: Origin, mut note: Note) -> Result<()> {
        let Some(folded) = self.admit(tenant, &origin, &note) else { return Ok(()) };
        if folded > 0 {
            let mut detail = note.detail.take().unwrap_or_else(|| json!({}));
            if let Some(fields) = detail.as_object_mut() {
                fields.insert("repeats_before".into(), Value::from(folded));
            }
            note.detail = Some(detail);
        }
        store.commit(Scope::Tenant(tenant), move |tx| chain::append(tx, &origin, &note)).await
    }

    /// `None`: only counted. `Some(n)`: write it, after `n` that were only counted.
    fn admit(&self, tenant: TenantId, origin: &Origin, note: &Note) -> Option<u64> {
        let reason = note.detail.as_ref().and_then(|detail| detail.get("reason")).and_then(Value::as_str).unwrap_or_default().to_owned();
        let action = if note.action.is_empty() { origin.action.to_string() } else { note.action.to_string() };
        let kind = Kind { tenant, action, actor: origin.actor.to_string(), address: origin.address, reason };
        let mut seen = self.seen.lock().unwrap_or_else(std::sync::PoisonError::into_inner);
        if seen.len() >= KINDS_KEPT {
            seen.retain(|_, one| origin.at.since(one.since) < WINDOW);
        }
        match seen.get_mut(&kind) {
            Some(one) if origin.at.since(one.since) < WINDOW => {
                one.repeats += 1;
                None
            }
            Some(one) => {
                one.since = origin.at;
                Some(std::mem::take(&mut one.repeats))
            }
            None => {
                if seen.len() < KINDS_KEPT {
                    seen.insert(kind, Seen { since: origin.at, repeats: 0 });
                }
                Some(0)
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_flood_becomes_one_entry_and_a_count() {
        let events = Events::default();
        let tenant = TenantId::from_bits(1);
        let mut origin = Origin::host(Time::from_micros(0), "access.denied");
        let note = Note { detail: Some(json!({"reason": "role"})), ..Note::default() };
        assert_eq!(events.admit(tenant, &origin, &note), Some(0));
        for _ in 0..5 {
            assert_eq!(events.admit(tenant, &origin, &note), None);
        }
        assert_eq!(events.admit(TenantId::from_bits(2), &origin, &note), Some(0), "another tenant's record is its own");
        origin.at = Time::from_micros(61_000_000);
        assert_eq!(events.admit(tenant, &origin, &note), Some(5));
        assert_eq!(events.admit(tenant, &origin, &note), None);
    }
}
