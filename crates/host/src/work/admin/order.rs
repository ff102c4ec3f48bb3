//! What may be ordered about a job: cancel it, replay it, discard it. Each order is on record in
//! the transaction that carries it out.

use plimsoll_core::{Code, Error, Fault, JobId, Result};
use plimsoll_store::{FromRow, Row, Tx, bind};
use serde_json::{Value, json};

use super::{find::Filter, record::Line};
use crate::{
    ledger::{Change, Note},
    work::{Kinds, Policy},
};

/// Most jobs of one order about many: each is a line in the ledger, in one transaction.
pub const MOST: i64 = 1_000;

/// What stands in a row that an order is about.
struct Standing {
    kind: String,
    state: String,
    attempts: i64,
    most: i64,
    before: i64,
    unique: Option<String>,
}

impl FromRow for Standing {
    fn from_row(row: &Row<'_>) -> Result<Standing> {
        Ok(Standing {
            kind: row.get(0)?,
            state: row.get(1)?,
            attempts: row.get(2)?,
            most: row.get(3)?,
            before: row.get(4)?,
            unique: row.get(5)?,
        })
    }
}

/// Nobody has a job with this id, as far as the caller may know.
pub fn absent() -> Error {
    Code::NotFound.because("there is no job with this id")
}

fn standing(change: &Change<'_, '_>, id: JobId) -> Result<Standing> {
    change
        .maybe(
            "SELECT kind, state, attempt, most_attempts, attempts_before, unique_key FROM job WHERE tenant_id = :tenant AND id = :id",
            bind! { id: id },
        )?
        .ok_or_else(absent)
}

/// What an order did.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Done {
    /// It is in the queue again.
    Replayed,
    /// It was thrown away.
    Discarded,
    /// It will not run.
    Cancelled,
    /// It runs, and ends at its next sign of life.
    Cancelling,
}

/// Puts a dead or cancelled job back into the queue, perhaps with another payload.
///
/// It keeps its id and its failures; its policy's attempts begin anew. Attempts are counted on and
/// not from zero: a process that still holds an old attempt can then never be taken for the new one.
///
/// # Errors
/// [`Code::NotFound`]; [`Code::Conflict`] for a job that is not dead (so the second of two replays
/// at once has no effect) or whose unique key is taken by another one; [`Code::Invalid`] for a
/// payload that its kind cannot read.
pub fn replay(change: &mut Change<'_, '_>, kinds: &Kinds, id: JobId, payload: Option<&Value>, reason: Option<&str>) -> Result<Done> {
    let job = standing(change, id)?;
    if !matches!(job.state.as_str(), "dead" | "cancelled") {
        return Err(Code::Conflict.because(format!("this job is `{}`: only a dead letter or a cancelled job can be replayed", job.state)));
    }
    let kind = kinds.get(job.kind.as_str());
    let text = payload.map(Value::to_string);
    if let (Some(kind), Some(text)) = (kind, &text) {
        (kind.reads)(text).map_err(|error| Error::invalid(vec![Fault::at("/payload".to_owned(), error.public().to_owned())]))?;
    }
    if let Some(key) = &job.unique {
        let other: Option<JobId> = change.maybe(
            "SELECT id FROM job WHERE tenant_id = :tenant AND kind = :kind AND unique_key = :key AND state IN ('waiting', 'ready', 'running')",
            bind! { kind: job.kind, key: key },
        )?;
        if let Some(other) = other {
            return Err(
                Code::Conflict.because(format!("{other} does the same and is in the queue: discard this one, or wait for that one"))
            );
        }
    }
    let granted = kind.map_or(job.most - job.before, |kind| i64::from(kind.policy.attempts)).max(1);
    let now = change.now();
    let moved = change.write(
        "UPDATE job SET state = 'ready', run_at = :now, attempts_before = attempt, most_attempts = attempt + :granted, \
         replays = replays + 1, setbacks = 0, payload = COALESCE(:payload, payload), finished_at = NULL, expires_at = NULL, cancel_at = NULL, \
         lease_until = NULL, worker = NULL, result = NULL, done_units = NULL, total_units = NULL, progress = NULL, reason = NULL \
         WHERE tenant_id = :tenant AND id = :id AND state = :state",
        bind! { now: now, granted: granted, payload: text, id: id, state: job.state },
    )?;
    if moved == 0 {
        return Err(Code::Conflict.because("this job was replayed or discarded a moment ago"));
    }
    change.wakes();
    note(change, "jobs.replay", id, json!({ "kind": job.kind, "attempts": job.attempts, "fixed": payload.is_some(), "reason": reason }));
    Ok(Done::Replayed)
}

/// Throws a dead letter away: it is `cancelled` and goes when its kind's jobs are forgotten.
///
/// # Errors
/// [`Code::NotFound`]; [`Code::Conflict`] for a job that is not dead.
pub fn discard(change: &mut Change<'_, '_>, kinds: &Kinds, id: JobId, reason: &str) -> Result<Done> {
    let job = standing(change, id)?;
    if job.state != "dead" {
        return Err(Code::Conflict.because(format!("this job is `{}`: only a dead letter can be discarded", job.state)));
    }
    end(change, kinds, id, &job, reason)?;
    note(change, "jobs.discard", id, json!({ "kind": job.kind, "attempts": job.attempts, "reason": reason }));
    Ok(Done::Discarded)
}

/// Keeps a job from running; one that runs is told to stop, and takes no effect if it listens or
/// is still at work at its next sign of life.
///
/// # Errors
/// [`Code::NotFound`]; [`Code::Conflict`] for a job that has come to its end.
pub fn cancel(change: &mut Change<'_, '_>, kinds: &Kinds, id: JobId, reason: Option<&str>) -> Result<Done> {
    let job = standing(change, id)?;
    let reason = reason.unwrap_or("cancelled");
    let done = match job.state.as_str() {
        "waiting" | "ready" => {
            end(change, kinds, id, &job, reason)?;
            Done::Cancelled
        }
        "running" => {
            let now = change.now();
            change.write(
                "UPDATE job SET cancel_at = COALESCE(cancel_at, :now), reason = :reason WHERE tenant_id = :tenant AND id = :id AND state = 'running'",
                bind! { now: now, reason: reason, id: id },
            )?;
            change.hurries();
            Done::Cancelling
        }
        "dead" => return Err(Code::Conflict.because("this job is a dead letter: it does not run; replay or discard it")),
        state => return Err(Code::Conflict.because(format!("this job is `{state}`: it has come to its end"))),
    };
    note(change, "jobs.cancel", id, json!({ "kind": job.kind, "was": job.state, "reason": reason }));
    Ok(done)
}

fn end(change: &mut Change<'_, '_>, kinds: &Kinds, id: JobId, job: &Standing, reason: &str) -> Result<()> {
    let kept = kinds.get(job.kind.as_str()).map_or(Policy::DEFAULT.kept, |kind| kind.policy.kept);
    let now = change.now();
    let ended = change.write(
        "UPDATE job SET state = 'cancelled', finished_at = :now, expires_at = :expires, cancel_at = :now, lease_until = NULL, \
         reason = :reason WHERE tenant_id = :tenant AND id = :id AND state = :state",
        bind! { now: now, expires: now.plus(kept), reason: reason, id: id, state: job.state },
    )?;
    if ended == 0 {
        return Err(Code::Conflict.because("this job has just gone on to another state; look again"));
    }
    Ok(())
}

fn note(change: &mut Change<'_, '_>, action: &'static str, id: JobId, detail: Value) {
    change.note(Note { action: action.into(), target: format!("jobs/{id}"), detail: Some(detail), ..Note::default() });
}

/// Drops a job that has just become a dead letter: what is not to be done, and is while the practice
/// `dlq` is switched off.
///
/// # Errors
/// What the database says.
pub(crate) fn forget(tx: &mut Tx<'_>, id: JobId) -> Result<()> {
    tx.write("DELETE FROM job_failure WHERE tenant_id = :tenant AND job_id = :id", bind! { id: id })?;
    tx.write("DELETE FROM job WHERE tenant_id = :tenant AND id = :id AND state = 'dead'", bind! { id: id }).map(drop)
}

/// What an order about many did.
#[derive(Debug, Clone, Default)]
pub struct Tally {
    /// Those it was carried out on, the oldest first.
    pub done: Vec<JobId>,
    /// Those it could not be carried out on, and why.
    pub left: Vec<(JobId, String)>,
    /// Dead letters that fit and were not reached.
    pub remaining: i64,
}

/// Replays or discards the oldest dead letters that fit, at most `limit` of them. One that cannot
/// be replayed (its unique key is taken) is left where it is, and said.
///
/// # Errors
/// What the database says.
pub fn many(
    change: &mut Change<'_, '_>,
    filter: &Filter,
    limit: i64,
    each: impl Fn(&mut Change<'_, '_>, JobId) -> Result<Done>,
) -> Result<Tally> {
    let filter = Filter { state: Some("dead".to_owned()), everywhere: false, ..filter.clone() };
    let all = filter.count(change)?;
    let chosen: Vec<Line> = filter.oldest(change, limit.clamp(1, MOST))?;
    let mut tally = Tally { remaining: all - i64::try_from(chosen.len()).unwrap_or(0), ..Tally::default() };
    for line in chosen {
        match each(change, line.id) {
            Ok(_) => tally.done.push(line.id),
            Err(error) if matches!(error.code(), Code::Conflict | Code::Invalid) => {
                tally.left.push((line.id, error.public().to_owned()));
            }
            Err(error) => return Err(error),
        }
    }
    if tally.done.is_empty() {
        let asked = json!({ "kind": filter.kind, "code": filter.code });
        change.note(Note { target: "jobs".to_owned(), detail: Some(json!({ "count": 0, "asked": asked })), ..Note::default() });
    }
    Ok(tally)
}
