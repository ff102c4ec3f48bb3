//! The transactions of a restore.

use plimsoll_core::{Result, TenantId};
use plimsoll_store::{Bind, Datum, Load, Scope, Store, Table, Tx, bind};

use super::rows::Heap;

/// So many rows are removed in one transaction.
const CLEARED: u32 = 1000;

/// Removes every row of the tenant from these tables, parents last; how many.
pub(super) async fn clear(store: &Store, tenant: TenantId, parents_first: &[Table]) -> Result<u64> {
    let mut removed = 0;
    for table in parents_first.iter().rev() {
        loop {
            let table = table.clone();
            let gone = store.commit(Scope::Tenant(tenant), move |tx| tx.clear(&table, None, CLEARED)).await?;
            removed += gone;
            if gone == 0 {
                break;
            }
        }
    }
    Ok(removed)
}

/// Writes one heap.
pub(super) async fn pour(store: &Store, tenant: TenantId, heap: Heap) -> Result<u64> {
    let scope = if heap.table.tenant { Scope::Tenant(tenant) } else { Scope::Host };
    store
        .commit(scope, move |tx| {
            if heap.table.name == "tally" {
                return counts(tx, &heap);
            }
            let columns: Vec<&str> = heap.columns.iter().map(String::as_str).collect();
            let rows: Vec<Vec<_>> = heap.rows.iter().map(|row| row.iter().map(Datum::value).collect()).collect();
            // What is there already was written by an attempt that was killed.
            // An account that is known here is that of a person who is here already.
            let how = if heap.table.name == "person" { Load::Keep } else { Load::Upsert };
            tx.load(&heap.table, &columns, &rows, how)
        })
        .await
}

/// Counts come back, numbers do not: the next one is the higher of the two.
fn counts(tx: &mut Tx<'_>, heap: &Heap) -> Result<u64> {
    let of = |row: &[Datum], name: &str| heap.columns.iter().position(|column| column == name).and_then(|at| row.get(at).cloned());
    let mut written = 0;
    for row in &heap.rows {
        let (Some(noun), Some(next), Some(live)) = (of(row, "noun"), of(row, "next"), of(row, "live")) else { continue };
        written += tx.write(
            "INSERT INTO tally (tenant_id, noun, next, live) VALUES (:tenant, :noun, :next, :live) \
             ON CONFLICT (tenant_id, noun) DO UPDATE SET live = excluded.live, \
             next = CASE WHEN excluded.next > tally.next THEN excluded.next ELSE tally.next END",
            bind! { noun: noun, next: next, live: live },
        )?;
    }
    Ok(written)
}

/// Nothing of what is counted lives until the archive says so.
pub(super) async fn zero(store: &Store, tenant: TenantId) -> Result<()> {
    store.commit(Scope::Tenant(tenant), |tx| tx.write("UPDATE tally SET live = 0 WHERE tenant_id = :tenant", &[]).map(drop)).await
}
