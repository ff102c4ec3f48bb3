//! The right to run one attempt of one job, for a while.

use std::{
    sync::{
        Mutex, PoisonError,
        atomic::{AtomicBool, Ordering},
    },
    time::Duration,
};

use plimsoll_core::{Clock, Code, Error, JobId, RequestId, Result, Seed, TenantId, Time};
use plimsoll_store::{Tx, bind};
use serde_json::{Value, json};
use tokio::sync::{OwnedSemaphorePermit, watch};

use super::rescue::{self, Failed};

/// What the process wants of an attempt that it runs. Later ones outrank earlier ones.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub enum Wish {
    /// That it goes on.
    GoOn,
    /// That it ends soon: somebody cancelled the job.
    Cancel,
    /// That it ends now and does not count: the process stops.
    GiveBack,
    /// That it ends now: another process may run the job.
    Lost,
}

/// How far an attempt has come.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Progress {
    /// Units done,
    pub done: i64,
    /// of so many, where that is known.
    pub total: Option<i64>,
    /// What it is at.
    pub note: String,
}

/// An attempt that this process runs.
#[derive(Debug)]
pub struct Lease {
    /// Whose job.
    pub tenant: TenantId,
    /// Which one.
    pub job: JobId,
    /// Its kind.
    pub kind: String,
    /// The number of the attempt, from 1. With the name of the process it tells this attempt from
    /// all others.
    pub attempt: i64,
    /// The most attempts.
    pub most: i64,
    /// The attempts before the last replay.
    pub before: i64,
    /// How often in a row an attempt failed for what is around the job.
    pub(super) setbacks: i64,
    /// What it was made with, as JSON.
    pub payload: String,
    /// The request that made it.
    pub request: Option<String>,
    /// The trace it belongs to.
    pub traceparent: Option<String>,
    /// Which process.
    pub worker: String,
    wish: watch::Sender<Wish>,
    begun: AtomicBool,
    place: Mutex<Option<Place>>,
    progress: Mutex<Option<Progress>>,
}

/// A place among the jobs that run at once; left when dropped.
#[derive(Debug)]
pub(super) struct Place {
    pub permit: OwnedSemaphorePermit,
    pub since: std::time::Instant,
}

/// Which attempt of how many.
#[derive(Debug, Clone, Copy, Default)]
pub(super) struct Count {
    pub attempt: i64,
    pub most: i64,
    pub before: i64,
    pub setbacks: i64,
}

/// What a job was made with.
pub(super) struct Asked {
    pub payload: String,
    pub request: Option<String>,
    pub traceparent: Option<String>,
}

/// What follows a failed attempt.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Next {
    /// Another one, not before this moment.
    Again(Time),
    /// The same one, not before this moment: it failed for what is around it, and does not count.
    Later(Time),
    /// None: the job becomes a dead letter.
    Dead,
    /// None: the job was cancelled.
    Cancelled,
}

/// The longest result that is kept, in bytes of JSON,
const LONGEST_RESULT: usize = 64 * 1024;
/// the beginning of a longer one,
const BEGINNING: usize = 1024;
/// and the longest note about progress.
const LONGEST_NOTE: usize = 1024;

impl Lease {
    pub(super) fn new(tenant: TenantId, job: JobId, kind: String, count: Count, worker: &str, asked: Asked) -> Lease {
        Lease {
            tenant,
            job,
            kind,
            attempt: count.attempt,
            most: count.most,
            before: count.before,
            setbacks: count.setbacks,
            payload: asked.payload,
            request: asked.request,
            traceparent: asked.traceparent,
            worker: worker.to_owned(),
            wish: watch::Sender::new(Wish::GoOn),
            begun: AtomicBool::new(false),
            place: Mutex::default(),
            progress: Mutex::default(),
        }
    }

    /// The number of the attempt since the last replay, from 1.
    pub(super) fn turn(&self) -> u32 {
        u32::try_from(self.attempt - self.before).unwrap_or(u32::MAX)
    }

    /// What the process wants of this attempt.
    pub fn wish(&self) -> Wish {
        *self.wish.borrow()
    }

    /// Whether somebody asked that the job stop. A handler that sees it should end soon, with any
    /// error: the job is cancelled then and not tried again.
    pub fn is_cancelled(&self) -> bool {
        self.wish() >= Wish::Cancel
    }

    /// Waits until somebody asks that the job stop.
    pub async fn cancelled(&self) {
        self.wished(Wish::Cancel).await;
    }

    /// Waits until at least this is wanted.
    pub(super) async fn wished(&self, least: Wish) {
        // The sender lives in `self`, so this cannot end without the wish.
        let _ = self.wish.subscribe().wait_for(|wish| *wish >= least).await;
    }

    /// Wants this of the attempt, unless more is wanted already.
    pub(super) fn want(&self, wish: Wish) {
        self.wish.send_if_modified(|now| {
            let more = wish > *now;
            if more {
                *now = wish;
            }
            more
        });
    }

    /// The attempt has a place now and begins.
    pub(super) fn begin(&self, place: Place) {
        *self.place.lock().unwrap_or_else(PoisonError::into_inner) = Some(place);
        self.begun.store(true, Ordering::SeqCst);
    }

    pub(super) fn has_begun(&self) -> bool {
        self.begun.load(Ordering::SeqCst)
    }

    /// Takes the place from the attempt: while it waits for its commit to be durable, another job
    /// may run.
    pub(super) fn leave(&self) -> Option<Duration> {
        let place = self.place.lock().unwrap_or_else(PoisonError::into_inner).take()?;
        let held = place.since.elapsed();
        drop(place.permit);
        Some(held)
    }

    /// Whether it has begun and left its place: it is at its commit, or past it.
    pub(super) fn is_committing(&self) -> bool {
        self.has_begun() && self.place.lock().unwrap_or_else(PoisonError::into_inner).is_none()
    }

    /// Notes what could not be written, unless something newer was noted meanwhile.
    pub(super) fn note_again(&self, progress: Progress) {
        self.progress.lock().unwrap_or_else(PoisonError::into_inner).get_or_insert(progress);
    }

    /// Notes how far the attempt has come.
    pub(crate) fn note(&self, done: i64, total: Option<i64>, note: &str) {
        let note = rescue::cut(&note.replace('\0', " "), LONGEST_NOTE).into_owned();
        *self.progress.lock().unwrap_or_else(PoisonError::into_inner) = Some(Progress { done, total, note });
    }

    /// What was noted since this was last asked.
    pub(super) fn noted(&self) -> Option<Progress> {
        self.progress.lock().unwrap_or_else(PoisonError::into_inner).take()
    }

    /// Marks the job as done, in the transaction of its effect.
    ///
    /// # Errors
    /// [`Code::LeaseLost`] where the lease was lost: another attempt runs or has run, so nothing of
    /// this one may stay.
    pub(crate) fn finish(&self, tx: &mut Tx<'_>, now: Time, kept: Duration, result: Option<Value>) -> Result<()> {
        let result = result.map(|value| bounded(value.to_string()));
        let progress = self.noted();
        let done = tx.write(
            "UPDATE job SET state = 'done', result = :result, finished_at = :now, expires_at = :expires, lease_until = NULL, cancel_at = NULL, \
             done_units = COALESCE(:done, done_units), total_units = COALESCE(:total, total_units), progress = COALESCE(:note, progress) \
             WHERE tenant_id = :tenant AND id = :id AND state = 'running' AND attempt = :attempt AND worker = :worker",
            bind! {
                result: result, now: now, expires: now.plus(kept), id: self.job, attempt: self.attempt, worker: self.worker,
                done: progress.as_ref().map(|progress| progress.done), total: progress.as_ref().and_then(|progress| progress.total),
                note: progress.as_ref().map(|progress| &progress.note),
            },
        )?;
        if done == 0 {
            return Err(Code::LeaseLost.because("This attempt of the job is not the one that counts any more, so nothing of it was kept."));
        }
        Ok(())
    }

    /// Refuses where another attempt runs or has run instead of this one.
    ///
    /// # Errors
    /// [`Code::LeaseLost`] there; what the database says.
    pub(crate) fn still_ours(&self, tx: &mut Tx<'_>) -> Result<()> {
        // Written and not only read: whoever takes the job over waits for this transaction, or this one for theirs.
        const MINE: &str = "UPDATE job SET attempt = attempt \
             WHERE tenant_id = :tenant AND id = :id AND state = 'running' AND attempt = :attempt AND worker = :worker";
        match tx.write(MINE, bind! { id: self.job, attempt: self.attempt, worker: self.worker })? {
            1.. => Ok(()),
            0 => Err(Code::LeaseLost.because("This attempt of the job is not the one that counts any more, so its step was not kept.")),
        }
    }

    /// Puts a failed attempt on record, and the job back into the log, among the dead letters or
    /// at its end. `None` where the attempt does not count any more, or was kept after all.
    ///
    /// # Errors
    /// What the database says.
    pub(super) fn fail(&self, tx: &mut Tx<'_>, now: Time, error: &Error, kept: Duration, next: Next) -> Result<Option<Next>> {
        const MINE: &str = "SELECT cancel_at FROM job \
             WHERE tenant_id = :tenant AND id = :id AND state = 'running' AND attempt = :attempt AND worker = :worker";
        let Some((cancel,)) = tx.maybe::<(Option<Time>,)>(MINE, bind! { id: self.job, attempt: self.attempt, worker: self.worker })? else {
            return Ok(None);
        };
        let next = if cancel.is_some() { Next::Cancelled } else { next };
        let (state, again, finished, expires) = match next {
            Next::Again(at) | Next::Later(at) => ("waiting", Some(at), None, None),
            Next::Dead => ("dead", None, Some(now), None),
            Next::Cancelled => ("cancelled", None, Some(now), Some(now.plus(kept))),
        };
        let uncounted = i64::from(matches!(next, Next::Later(_)));
        let mine = tx.write(
            "UPDATE job SET state = :state, run_at = COALESCE(:again, run_at), lease_until = NULL, worker = NULL, finished_at = :finished, \
             expires_at = :expires, attempt = attempt - :uncounted, setbacks = (setbacks + 1) * :uncounted \
             WHERE tenant_id = :tenant AND id = :id AND state = 'running' AND attempt = :attempt AND worker = :worker",
            bind! {
                uncounted: uncounted, state: state, again: again, finished: finished, expires: expires, id: self.job, attempt: self.attempt, worker: self.worker,
            },
        )?;
        if mine == 0 {
            return Ok(None);
        }
        if uncounted == 1 && self.setbacks > 0 {
            // It is on record that the job waits for this.
            return Ok(Some(next));
        }
        rescue::record(tx, self.tenant, &Failed { job: self.job, attempt: self.attempt, at: now, error, worker: &self.worker })?;
        Ok(Some(next))
    }

    /// Gives the job back as if the attempt had never begun: the process stops, or has no room.
    ///
    /// # Errors
    /// What the database says.
    pub(super) fn give_back(&self, tx: &mut Tx<'_>, now: Time, kept: Duration) -> Result<bool> {
        let back = tx.write(
            "UPDATE job SET state = CASE WHEN cancel_at IS NULL THEN 'ready' ELSE 'cancelled' END, attempt = attempt - 1, \
             finished_at = CASE WHEN cancel_at IS NULL THEN NULL ELSE :now END, expires_at = CASE WHEN cancel_at IS NULL THEN NULL ELSE :expires END, \
             lease_until = NULL, worker = NULL \
             WHERE tenant_id = :tenant AND id = :id AND state = 'running' AND attempt = :attempt AND worker = :worker",
            bind! { now: now, expires: now.plus(kept), id: self.job, attempt: self.attempt, worker: self.worker },
        )?;
        Ok(back > 0)
    }

    /// What log lines and spans of the attempt belong to: an id of its own in the trace of the
    /// request that made the job.
    pub(crate) fn current(&self, clock: &Clock, seed: &Seed) -> crate::telemetry::Current {
        let request = RequestId::new(clock.now(), seed);
        let mut headers = http::HeaderMap::new();
        if let Some(parent) = self.traceparent.as_ref().and_then(|text| http::HeaderValue::from_str(text).ok()) {
            headers.insert(crate::telemetry::TRACEPARENT.clone(), parent);
        }
        crate::telemetry::Current { request, trace: crate::telemetry::Trace::begin(&headers, request, 0.0) }
    }
}

/// A result as it is kept: one that is too long becomes a note that says so, with its beginning.
fn bounded(result: String) -> String {
    // PostgreSQL keeps no zero character; in JSON one is always written as an escape, which it keeps as text.
    if result.len() <= LONGEST_RESULT {
        return result;
    }
    json!({ "cut": true, "bytes": result.len(), "beginning": rescue::cut(&result, BEGINNING) }).to_string()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_outranks_stays() {
        let asked = Asked { payload: "{}".into(), request: None, traceparent: None };
        let lease = Lease::new(
            TenantId::from_bits(1),
            JobId::from_bits(2),
            "a".into(),
            Count { attempt: 1, most: 3, ..Count::default() },
            "w",
            asked,
        );
        assert!(!lease.is_cancelled());
        lease.want(Wish::Lost);
        lease.want(Wish::Cancel);
        assert_eq!((lease.wish(), lease.is_cancelled()), (Wish::Lost, true));
    }

    #[test]
    fn turns_are_counted_from_the_last_replay() {
        let asked = Asked { payload: "{}".into(), request: None, traceparent: None };
        let count = Count { attempt: 7, most: 10, before: 5, setbacks: 0 };
        assert_eq!(Lease::new(TenantId::from_bits(1), JobId::from_bits(2), "a".into(), count, "w", asked).turn(), 2);
    }

    #[test]
    fn a_result_that_is_too_long_says_that_it_was_cut() {
        assert_eq!(bounded("[1]".into()), "[1]");
        let long = bounded(Value::from("x".repeat(70_000)).to_string());
        let kept: Value = serde_json::from_str(&long).unwrap();
        assert_eq!((&kept["cut"], &kept["bytes"]), (&true.into(), &70_002.into()));
        assert!(long.len() < 2_000);
    }
}
