//! A schedule for every tenant: one job that makes one for each.

use plimsoll_core::{Id, JobId, Result, TenantId};
use plimsoll_store::{Pace, Scope, bind};
use ring::digest;
use serde::{Deserialize, Serialize};

use super::declared::Every;
use crate::{
    Committed, Ctx, Write,
    work::{Finished, Job, Jobs},
};

/// The kind's name.
pub(super) const KIND: &str = "schedules.spread";

static PACE: Pace = Pace::new();

/// Makes a job of `kind` for every open tenant. Each has an id that follows from this job and the
/// tenant, so a second attempt makes none twice.
#[derive(Serialize, Deserialize)]
struct Spread {
    schedule: String,
    kind: String,
    payload: String,
}

/// What such a schedule carries.
///
/// # Errors
/// None that a declaration can cause.
pub(super) fn payload(kind: &str, every: &Every) -> Result<String> {
    Ok(serde_json::to_string(&Spread { schedule: every.name.to_owned(), kind: kind.to_owned(), payload: every.payload.clone() })?)
}

impl Job for Spread {
    type System = ();
    const KIND: &'static str = KIND;

    async fn run(self, ctx: Ctx<(), Write>) -> Result<Committed<Finished>> {
        let open = |tx: &plimsoll_store::Tx<'_>| tx.rows::<TenantId>("SELECT id FROM tenant WHERE closed_at IS NULL ORDER BY id", &[]);
        let tenants = ctx.host.store.read(Scope::Host, &PACE, open).await?;
        let mine = ctx.lease().map(|lease| lease.job.to_string()).unwrap_or_default();
        let (count, now) = (tenants.len(), ctx.now());
        let policy = ctx.host.work.kinds.get(self.kind.as_str()).map_or(super::super::Policy::DEFAULT, |kind| kind.policy);
        for tenant in tenants {
            let (id, kind, payload) = (one_for(&mine, tenant), self.kind.clone(), self.payload.clone());
            let actor = format!("schedule:{}", self.schedule);
            let made = ctx.host.store.commit(Scope::Tenant(tenant), move |tx| {
                tx.write(
                    "INSERT INTO job (tenant_id, id, kind, state, priority, run_at, attempt, most_attempts, payload, actor, created_at) \
                     VALUES (:tenant, :id, :kind, 'ready', :priority, :now, 0, :most, :payload, :actor, :now) ON CONFLICT DO NOTHING",
                    bind! {
                        id: id, kind: kind, priority: i64::from(policy.priority), now: now, most: i64::from(policy.attempts.max(1)),
                        payload: payload, actor: actor,
                    },
                )
            });
            made.await?;
        }
        ctx.host.work.wake();
        ctx.commit(move |_| Ok(Finished(Some(serde_json::json!({ "tenants": count }))))).await
    }
}

/// An id that this job makes for this tenant, and for no other.
fn one_for(job: &str, tenant: TenantId) -> JobId {
    let hash = digest::digest(&digest::SHA256, format!("{job} {tenant}").as_bytes());
    let mut bits = [0; 16];
    bits.copy_from_slice(&hash.as_ref()[..16]);
    Id::from_bits(u128::from_be_bytes(bits))
}

/// The host's own kinds of job around schedules.
pub(crate) fn declare(jobs: &mut Jobs<'_, ()>) {
    jobs.runs::<Spread>();
    jobs.runs::<super::remind::Remind>();
}
