//! Which jobs this process runs next: one transaction, serial over all processes.

use std::time::Duration;

use plimsoll_core::{JobId, Result, TenantId, Time};
use plimsoll_store::{FromRow, Row, Tx, bind};

use super::{job::Kinds, lease::Lease};

struct Taken {
    tenant: TenantId,
    job: JobId,
    kind: String,
    attempt: i64,
    most: i64,
    payload: String,
    request: Option<String>,
    traceparent: Option<String>,
}

impl FromRow for Taken {
    fn from_row(row: &Row<'_>) -> Result<Taken> {
        Ok(Taken {
            tenant: row.get(0)?,
            job: row.get(1)?,
            kind: row.get(2)?,
            attempt: row.get(3)?,
            most: row.get(4)?,
            payload: row.get(5)?,
            request: row.get(6)?,
            traceparent: row.get(7)?,
        })
    }
}

/// Takes up to `most` jobs of `kinds` for `worker`.
///
/// # Errors
/// What the database says.
pub(super) fn claim(tx: &mut Tx<'_>, now: Time, worker: &str, kinds: &Kinds, most: i64, term: Duration) -> Result<Vec<Lease>> {
    tx.write("UPDATE job SET state = 'ready' WHERE state = 'waiting' AND run_at <= :now", bind! { now: now })?;
    tx.write("UPDATE job SET state = 'ready' WHERE state = 'running' AND lease_until <= :now", bind! { now: now })?;
    let mut taken = Vec::new();
    for kind in kinds.keys() {
        let left = most - i64::try_from(taken.len()).unwrap_or(most);
        if left <= 0 {
            break;
        }
        let rows: Vec<Taken> = tx.writing(
            "UPDATE job SET state = 'running', attempt = attempt + 1, worker = :worker, lease_until = :until, started_at = :now \
             WHERE (tenant_id, id) IN (SELECT tenant_id, id FROM job WHERE state = 'ready' AND kind = :kind \
             ORDER BY priority, run_at, id LIMIT :left) \
             RETURNING tenant_id, id, kind, attempt, most_attempts, payload, request, traceparent",
            bind! { worker: worker, until: now.plus(term), now: now, kind: *kind, left: left },
        )?;
        taken.extend(rows);
    }
    Ok(taken
        .into_iter()
        .map(|one| Lease {
            tenant: one.tenant,
            job: one.job,
            kind: one.kind,
            attempt: one.attempt,
            most: one.most,
            payload: one.payload,
            request: one.request,
            traceparent: one.traceparent,
            worker: worker.to_owned(),
        })
        .collect())
}
