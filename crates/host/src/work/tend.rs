//! What has to be done in the log now and then.

use std::sync::Arc;

use plimsoll_core::{JobId, Result, TenantId, Time};
use plimsoll_store::{Scope, Sql, Tx, bind};

use crate::Host;

/// Jobs that are removed in one transaction: other claims wait for it.
const AT_ONCE: i64 = 250;
/// Transactions of one round: the rest waits for the next.
const ROUNDS: usize = 200;

/// Removes jobs that ended so long ago that nobody may ask for them any more.
///
/// # Errors
/// What the database says.
pub(crate) async fn tend(host: &Arc<Host>) -> Result<()> {
    for _ in 0..ROUNDS {
        let now = host.clock.now();
        if host.store.commit(Scope::Host, move |tx| remove(tx, now)).await? < AT_ONCE as usize {
            break;
        }
        tokio::task::yield_now().await;
    }
    Ok(())
}

pub(super) fn remove(tx: &mut Tx<'_>, now: Time) -> Result<usize> {
    let mut sql = Sql::from(
        "DELETE FROM job WHERE (tenant_id, id) IN (WITH old AS MATERIALIZED (\
         SELECT tenant_id, id FROM job WHERE expires_at <= :now ORDER BY expires_at LIMIT :most",
    );
    sql.push(tx.skipping_locked());
    sql.push(") SELECT tenant_id, id FROM old) RETURNING tenant_id, id, attempt, state");
    let gone: Vec<(TenantId, JobId, i64, String)> = tx.writing(sql, bind! { now: now, most: AT_ONCE })?;
    // A job that was done at its first attempt has no failures.
    for (tenant, job, ..) in gone.iter().filter(|(_, _, attempt, state)| *attempt != 1 || state != "done") {
        tx.write("DELETE FROM job_failure WHERE tenant_id = :tenant AND job_id = :id", bind! { tenant: tenant, id: job })?;
    }
    Ok(gone.len())
}
