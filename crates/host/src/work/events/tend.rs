//! What was kept long enough is removed.

use plimsoll_core::{Result, TenantId, Time};
use plimsoll_store::{Pace, Scope, Sql, Tx, bind};

use crate::Host;

static PACE: Pace = Pace::new();

/// So many at once: a tenant's changes wait meanwhile.
const AT_ONCE: i64 = 1000;

/// The oldest go first. The newest event of a tenant stays, whatever its age: the next number
/// follows from it.
const REMOVE: &str = "DELETE FROM event WHERE tenant_id = :tenant AND at < :before \
     AND seq IN (SELECT seq FROM event WHERE tenant_id = :tenant ORDER BY seq LIMIT :most) \
     AND seq < (SELECT MAX(seq) FROM event WHERE tenant_id = :tenant)";
const OLD: &str = "SELECT 1 FROM event WHERE tenant_id = :tenant AND at < :before \
     AND seq = (SELECT MIN(seq) FROM event WHERE tenant_id = :tenant) AND seq < (SELECT MAX(seq) FROM event WHERE tenant_id = :tenant)";

/// Removes events that were kept for as long as `[events] kept` says.
///
/// # Errors
/// What the database says.
pub(crate) async fn tend(host: &Host) -> Result<()> {
    let before = host.clock.now().minus(host.work.bus.kept);
    let mut tenants: Vec<TenantId> = host.store.read(Scope::Host, &PACE, |tx| tx.rows("SELECT id FROM tenant ORDER BY id", &[])).await?;
    tenants.push(TenantId::from_bits(0));
    for tenant in tenants {
        while host.store.read(Scope::Tenant(tenant), &PACE, move |tx| has_old(tx, before)).await? {
            let removed = host.store.commit(Scope::Tenant(tenant), move |tx| tx.write(REMOVE, bind! { before: before, most: AT_ONCE }));
            if removed.await? == 0 {
                break;
            }
        }
    }
    Ok(())
}

fn has_old(tx: &Tx<'_>, before: Time) -> Result<bool> {
    Ok(tx.maybe::<i64>(Sql::from(OLD), bind! { before: before })?.is_some())
}
