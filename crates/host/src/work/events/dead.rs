//! A job that nobody will try again is news: `job.dead`.

use plimsoll_core::{Access, Code, Id, JobId, Result, Role, Seed, TenantId, Time};
use plimsoll_store::{Tx, bind};
use serde::{Deserialize, Serialize};
use serde_json::json;

use super::Event;
use crate::{
    Committed, Ctx, Write,
    ledger::{Change, Origin},
    work::{Finished, Job, Kinds, Lease, Work},
};

const READ: Access = Access::needs("jobs:watch", Role::Admin);

/// What is told of a dead letter, and the job that tells it where its death was found outside its
/// tenant's scope: by a claim, which holds the host's.
#[derive(Debug, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct Death {
    /// The job.
    pub id: JobId,
    /// Its kind.
    pub kind: String,
    /// How many attempts there were.
    pub attempts: i64,
    /// Of what it died: a stable code.
    pub code: String,
}

impl Death {
    fn event(&self) -> Event {
        let data = json!({ "id": self.id, "kind": self.kind, "attempts": self.attempts, "code": self.code });
        Event::new("job.dead", "/v1/jobs", READ, data).about(self.id.to_string())
    }

    /// Whether it is told: not where the job is itself what carries events, for a receiver that
    /// cannot be reached would otherwise be told of that, again and again.
    fn is_news(&self, kinds: &Kinds) -> bool {
        let subscribes = kinds.get(self.kind.as_str()).is_some_and(|kind| !kind.on.is_empty());
        !subscribes && !self.kind.starts_with("webhook") && !self.kind.starts_with("events.")
    }
}

impl Job for Death {
    type System = ();
    const KIND: &'static str = "events.dead";

    async fn run(self, ctx: Ctx<(), Write>) -> Result<Committed<Finished>> {
        ctx.commit(move |change| {
            change.emit(self.event());
            Ok(Finished(None))
        })
        .await
    }
}

/// Tells that a job has become a dead letter, in the transaction that made it one (in its tenant's
/// scope). Says nothing where it is none.
///
/// # Errors
/// What the database says.
pub(crate) fn job_dead(tx: &mut Tx<'_>, work: &Work, now: Time, lease: &Lease, code: Code) -> Result<()> {
    let death = Death { id: lease.job, kind: lease.kind.clone(), attempts: lease.attempt, code: code.stable().to_owned() };
    if !death.is_news(&work.kinds) {
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
    change.emit(death.event());
    change.publish()
}

/// Puts a job that tells of this death into the log, in the transaction that made the dead letter
/// (in the host's scope): it is told even where the process that found it is gone a moment later.
///
/// # Errors
/// What the database says.
pub(crate) fn died(tx: &mut Tx<'_>, kinds: &Kinds, (now, seed): (Time, &Seed), tenant: TenantId, death: &Death) -> Result<()> {
    // A binary that does not know the kind could not run it either.
    let Some(kind) = kinds.get(Death::KIND).filter(|_| death.is_news(kinds)) else { return Ok(()) };
    let id: JobId = Id::new(now, seed);
    tx.write(
        "INSERT INTO job (tenant_id, id, kind, state, priority, run_at, attempt, most_attempts, payload, actor, created_at) \
         VALUES (:tenant, :id, :kind, 'ready', :priority, :now, 0, :most, :payload, 'host', :now)",
        bind! {
            tenant: tenant, id: id, kind: kind.name, priority: i64::from(kind.policy.priority), now: now,
            most: i64::from(kind.policy.attempts.max(1)), payload: serde_json::to_string(death)?,
        },
    )
    .map(drop)
}
