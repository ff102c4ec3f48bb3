//! The right to run one attempt of one job, for a while.

use plimsoll_core::{Code, Error, JobId, Result, TenantId, Time};
use plimsoll_store::{Tx, bind};
use serde_json::Value;

use super::policy::Policy;

/// An attempt that this process runs.
#[derive(Debug)]
pub struct Lease {
    /// Whose job.
    pub tenant: TenantId,
    /// Which one.
    pub job: JobId,
    /// Its kind.
    pub kind: String,
    /// The number of the attempt, from 1: what a process that lost its lease is told apart by.
    pub attempt: i64,
    /// The most attempts.
    pub most: i64,
    /// What it was made with, as JSON.
    pub payload: String,
    /// The request that made it.
    pub request: Option<String>,
    /// The trace it belongs to.
    pub traceparent: Option<String>,
    /// Which process.
    pub worker: String,
}

impl Lease {
    /// Marks the job as done, in the transaction of its effect.
    ///
    /// # Errors
    /// [`Code::Conflict`] where the lease was lost: another attempt runs or has run, so nothing of
    /// this one may stay.
    pub(crate) fn finish(&self, tx: &mut Tx<'_>, now: Time, kept: std::time::Duration, result: Option<Value>) -> Result<()> {
        let result = result.map(|value| value.to_string());
        let done = tx.write(
            "UPDATE job SET state = 'done', result = :result, finished_at = :now, expires_at = :expires, lease_until = NULL \
             WHERE tenant_id = :tenant AND id = :id AND state = 'running' AND attempt = :attempt",
            bind! { result: result, now: now, expires: now.plus(kept), id: self.job, attempt: self.attempt },
        )?;
        if done == 0 {
            return Err(Code::Conflict.because("another attempt of this job was begun, so this one has no effect"));
        }
        Ok(())
    }

    /// Puts a failed attempt on record, and the job back into the log or among the dead letters.
    ///
    /// # Errors
    /// What the database says.
    pub(crate) fn fail(&self, tx: &mut Tx<'_>, now: Time, error: &Error, policy: &Policy, again: Option<Time>) -> Result<()> {
        let state = if again.is_some() { "waiting" } else { "dead" };
        let finished = again.is_none().then_some(now);
        let _ = policy;
        let mine = tx.write(
            "UPDATE job SET state = :state, run_at = COALESCE(:again, run_at), lease_until = NULL, worker = NULL, finished_at = :finished \
             WHERE tenant_id = :tenant AND id = :id AND state = 'running' AND attempt = :attempt",
            bind! { state: state, again: again, finished: finished, id: self.job, attempt: self.attempt },
        )?;
        if mine == 0 {
            return Ok(());
        }
        let seq: i64 =
            tx.row("SELECT COALESCE(MAX(seq), 0) + 1 FROM job_failure WHERE tenant_id = :tenant AND job_id = :id", bind! { id: self.job })?;
        tx.write(
            "INSERT INTO job_failure (tenant_id, job_id, seq, attempt, at, code, sentence, cause, worker) \
             VALUES (:tenant, :id, :seq, :attempt, :now, :code, :sentence, :cause, :worker)",
            bind! {
                id: self.job, seq: seq, attempt: self.attempt, now: now, code: error.code().stable(), sentence: error.public(),
                cause: error.cause(), worker: self.worker,
            },
        )?;
        Ok(())
    }
}

impl Lease {
    /// What log lines and spans of the attempt belong to: an id of its own in the trace of the
    /// request that made the job.
    pub(crate) fn current(&self, clock: &plimsoll_core::Clock, seed: &plimsoll_core::Seed) -> crate::telemetry::Current {
        let request = plimsoll_core::RequestId::new(clock.now(), seed);
        let mut headers = http::HeaderMap::new();
        if let Some(parent) = self.traceparent.as_ref().and_then(|text| http::HeaderValue::from_str(text).ok()) {
            headers.insert(crate::telemetry::TRACEPARENT.clone(), parent);
        }
        crate::telemetry::Current { request, trace: crate::telemetry::Trace::begin(&headers, request, 0.0) }
    }
}
