//! A job that nobody will try again is news: `job.dead`.

use plimsoll_core::{Access, Code, Result, Role, Time};
use plimsoll_store::{Tx, bind};
use serde_json::json;

use super::Event;
use crate::{
    ledger::{Change, Origin},
    work::{Lease, Work},
};

const READ: Access = Access::needs("jobs:watch", Role::Admin);

/// Tells that a job has become a dead letter, in the transaction that made it one (in its tenant's
/// scope). Says nothing where it is none, or where it is itself what carries events: a receiver that
/// cannot be reached would otherwise be told of that, again and again.
///
/// # Errors
/// What the database says.
pub(crate) fn job_dead(tx: &mut Tx<'_>, work: &Work, now: Time, lease: &Lease, code: Code) -> Result<()> {
    let subscribes = work.kinds.get(lease.kind.as_str()).is_some_and(|kind| !kind.on.is_empty());
    if subscribes || lease.kind.starts_with("webhook") || lease.kind.starts_with("events.") {
        return Ok(());
    }
    let dead: Option<i64> = tx.maybe(
        "SELECT attempt FROM job WHERE tenant_id = :tenant AND id = :id AND state = 'dead' AND attempt = :attempt",
        bind! { id: lease.job, attempt: lease.attempt },
    )?;
    if dead.is_none() {
        return Ok(());
    }
    let origin = Origin::host(now, "job.dead");
    let mut change = Change::new(tx, &origin).telling(&work.bus);
    let data = json!({ "id": lease.job, "kind": lease.kind, "attempts": lease.attempt, "code": code.stable() });
    change.emit(Event::new("job.dead", "/v1/jobs", READ, data).about(lease.job.to_string()));
    change.publish()
}
