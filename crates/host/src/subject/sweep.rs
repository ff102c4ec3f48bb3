//! Erasing once more what an archive brought back, in a whole database that nobody serves yet.
//!
//! A tombstone is a hash, so nobody can look its subject up. But every key that stands in a declared
//! table can be hashed: one pass over the distinct keys of each table finds those that were erased,
//! and they are erased again, everywhere, by the same statements.

use std::{collections::BTreeSet, sync::Arc};

use plimsoll_core::{Result, TenantId};
use plimsoll_store::{Pace, Scope, Store, Value};

use super::{
    Key, Subjects,
    own::PERSON,
    tombstone::{self, Mark, Stone, Tombstones, read_mark},
};

static PACE: Pace = Pace::new();

/// Applies tombstones to a database that was restored as it was at `moment`, and puts them into it;
/// how many subjects were found and erased again.
///
/// # Errors
/// What the database says; a tombstone that cannot be read.
pub async fn sweep(store: &Store, subjects: &Arc<Subjects>, moment: Option<plimsoll_core::Time>, stones: Vec<Stone>) -> Result<u64> {
    let mut tombstones = Tombstones::new(subjects.clone(), moment);
    tombstones.add(stones)?;
    let tombstones = Arc::new(tombstones);
    let mut found = 0;
    if !tombstones.is_empty() {
        let tenants: Vec<TenantId> = store.read(Scope::Host, &PACE, |tx| tx.rows("SELECT id FROM tenant ORDER BY id", &[])).await?;
        for tenant in tenants {
            found += owned(store, subjects, &tombstones, tenant).await?;
        }
        found += accounts(store, subjects, &tombstones).await?;
    }
    let all = tombstones.clone();
    store.commit(Scope::Host, move |tx| tombstone::put(tx, all.stones())).await?;
    Ok(found)
}

async fn owned(store: &Store, subjects: &Arc<Subjects>, tombstones: &Arc<Tombstones>, tenant: TenantId) -> Result<u64> {
    // Where only the mark of a key stands, the key itself is not known.
    let mut condemned: BTreeSet<(&'static str, Mark, Option<String>)> = BTreeSet::new();
    for at in 0..subjects.register.holdings.len() {
        let (subjects, tombstones) = (subjects.clone(), tombstones.clone());
        let some = store
            .snapshot(Scope::Tenant(tenant), move |tx| {
                let holding = &subjects.register.holdings[at];
                let (true, Some(sql)) = (holding.owned, holding.statements.keys) else { return Ok(Vec::new()) };
                let (owner, mut some) = (tenant.to_string(), Vec::new());
                tx.each(sql, &[], &mut |row| {
                    let key = match row.value(0)? {
                        Value::Int(number) => number.to_string(),
                        other => other.text().unwrap_or_default().to_owned(),
                    };
                    let kind = holding.subject.kind;
                    let (mark, key) = match holding.subject.key {
                        Key::Marked(_) => (read_mark(&key).unwrap_or_default(), None),
                        _ => (subjects.marker.mark(Some(&owner), kind, &key), Some(key)),
                    };
                    if tombstones.names(&mark) {
                        some.push((kind, mark, key));
                    }
                    Ok(())
                })?;
                Ok(some)
            })
            .await?;
        condemned.extend(some);
    }
    let count = condemned.iter().map(|(kind, mark, _)| (kind, mark)).collect::<BTreeSet<_>>().len() as u64;
    for (kind, mark, key) in condemned {
        let subjects = subjects.clone();
        store
            .commit(Scope::Tenant(tenant), move |tx| {
                for holding in subjects.register.of(kind) {
                    let marked = matches!(holding.subject.key, Key::Marked(_));
                    if marked || key.is_some() {
                        holding.statements.erase(tx, &holding.subject, key.as_deref().unwrap_or_default(), &mark)?;
                    }
                }
                Ok(())
            })
            .await?;
    }
    // Answers kept for repeats may hold anybody's data, as at the erasure itself.
    if tombstones.touches(&tenant.to_string()) {
        store.commit(Scope::Tenant(tenant), |tx| super::erase::withhold(tx).map(drop)).await?;
    }
    Ok(count)
}

/// Accounts, which belong to no tenant: by id, and by address.
async fn accounts(store: &Store, subjects: &Arc<Subjects>, tombstones: &Arc<Tombstones>) -> Result<u64> {
    let (subjects, tombstones) = (subjects.clone(), tombstones.clone());
    store
        .commit(Scope::Host, move |tx| {
            let people: Vec<(String, String)> = tx.rows("SELECT id, email FROM person ORDER BY id", &[])?;
            let mut count = 0;
            for (id, email) in people {
                let by_id = subjects.marker.mark(None, PERSON, &id);
                if !tombstones.names(&by_id) && !tombstones.names(&subjects.marker.mark(None, PERSON, &email)) {
                    continue;
                }
                if let Some(holding) = subjects.register.account() {
                    holding.statements.erase(tx, &holding.subject, &id, &by_id)?;
                    count += 1;
                }
            }
            Ok(count)
        })
        .await
}
