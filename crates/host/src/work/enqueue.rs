//! How a job gets into the log: in the transaction of the change that wants it.

use plimsoll_core::{Code, Id, JobId, Result, Time};
use plimsoll_store::bind;

use super::{job::Job, policy::Policy};
use crate::ledger::Change;

/// The largest payload: what is larger belongs into a table, and its key into the payload.
const LARGEST: usize = 256 * 1024;

/// What is particular about one job; the default runs as soon as it can.
#[derive(Debug, Clone, Default)]
pub struct Order {
    /// Not before this moment.
    pub at: Option<Time>,
    /// While a job of this kind with this key waits or runs, no second one is made.
    pub unique: Option<String>,
    /// Another priority than the kind's: 0 first, 9 last.
    pub priority: Option<u8>,
}

/// A job in the log.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Enqueued {
    /// Its id; of the earlier one where a unique job was there already.
    pub id: JobId,
    /// Whether it was made now.
    pub new: bool,
}

impl Change<'_, '_> {
    /// Puts a job into the log: it runs after this change is durable, or never if the change fails.
    ///
    /// # Errors
    /// [`Code::Invalid`] for a payload of more than 256 KiB; what the database says.
    pub fn enqueue<J: Job>(&mut self, job: &J) -> Result<JobId> {
        self.enqueue_as(job, &Order::default()).map(|enqueued| enqueued.id)
    }

    /// The same with a time, a priority or a key of its own.
    ///
    /// # Errors
    /// What the database says.
    pub fn enqueue_as<J: Job>(&mut self, job: &J, order: &Order) -> Result<Enqueued> {
        if !J::BOUND_TOO && self.reach().is_some() {
            return Err(Code::Forbidden.because("this is done for everybody, and you are bound to a part of them").reasoned("reach"));
        }
        let payload = serde_json::to_string(job)?;
        self.enqueue_raw(J::KIND, &J::POLICY, &payload, order)
    }

    /// The same without types: for kinds that are known by name only.
    ///
    /// # Errors
    /// What the database says.
    pub(crate) fn enqueue_raw(&mut self, kind: &str, policy: &Policy, payload: &str, order: &Order) -> Result<Enqueued> {
        if payload.len() > LARGEST {
            let (size, most) = (payload.len() / 1024, LARGEST / 1024);
            return Err(Code::Invalid.because(format!("The payload of a `{kind}` is {size} KiB; a job carries at most {most}.")));
        }
        if let Some(key) = &order.unique {
            let earlier: Option<JobId> = self.maybe(
                "SELECT id FROM job WHERE tenant_id = :tenant AND kind = :kind AND unique_key = :key \
                 AND state IN ('waiting', 'ready', 'running')",
                bind! { kind: kind, key: key },
            )?;
            if let Some(id) = earlier {
                return Ok(Enqueued { id, new: false });
            }
        }
        let (id, now): (JobId, Time) = (Id::new(self.now(), &plimsoll_core::Seed::system()), self.now());
        let at = order.at.unwrap_or(now);
        let state = if at > now { "waiting" } else { "ready" };
        let origin = self.origin();
        let (actor, request) = (origin.actor.clone(), origin.request.map(|id| id.to_string()));
        let traceparent = (origin.trace.trace_id != 0).then(|| origin.trace.traceparent());
        self.write(
            "INSERT INTO job (tenant_id, id, kind, state, priority, run_at, attempt, most_attempts, unique_key, payload, actor, request, \
             traceparent, created_at) VALUES (:tenant, :id, :kind, :state, :priority, :at, 0, :most, :key, :payload, :actor, :request, \
             :traceparent, :now)",
            bind! {
                id: id, kind: kind, state: state, priority: i64::from(order.priority.unwrap_or(policy.priority)), at: at,
                most: i64::from(policy.attempts.max(1)), key: order.unique, payload: payload, actor: actor, request: request,
                traceparent: traceparent, now: now,
            },
        )?;
        self.wakes();
        Ok(Enqueued { id, new: true })
    }
}
