//! Jobs whose process is gone: what becomes of them, and what is put on record about it.

use plimsoll_core::{Code, Error, JobId, Result, TenantId, Time};
use plimsoll_store::{FromRow, Row, Scope, Sql, Tx, Value, bind};

use super::{claim::Ask, events, policy::Policy};

/// Leases that are looked at in one claim.
pub(super) const MOST: usize = 100;

/// An attempt whose lease had run out.
pub(super) struct Rescued {
    pub tenant: TenantId,
    pub job: JobId,
    pub kind: String,
    pub attempt: i64,
    /// When the lease had run out.
    pub until: Time,
    /// `ready`, `waiting`, `dead` or `cancelled`.
    pub state: &'static str,
}

struct Lost {
    tenant: TenantId,
    job: JobId,
    kind: String,
    attempt: i64,
    most: i64,
    before: i64,
    worker: Option<String>,
    until: Time,
    cancelled: Option<Time>,
    /// Attempts that were lost before this one, since the last replay.
    earlier: i64,
}

impl FromRow for Lost {
    fn from_row(row: &Row<'_>) -> Result<Lost> {
        Ok(Lost {
            tenant: row.get(0)?,
            job: row.get(1)?,
            kind: row.get(2)?,
            attempt: row.get(3)?,
            most: row.get(4)?,
            before: row.get(5)?,
            worker: row.get(6)?,
            until: row.get(7)?,
            cancelled: row.get(8)?,
            earlier: row.get(9)?,
        })
    }
}

/// Ends attempts whose leases have run out: each counts as a failed one. After the first that is
/// lost the job is ready at once, since most processes die of something else than it; after that
/// its policy's pauses hold. A job that dies here is told of by a job of its own, made in this
/// transaction: events are written in the tenant's scope.
///
/// # Errors
/// What the database says.
pub(super) fn rescue(tx: &mut Tx<'_>, now: Time, ask: &Ask<'_>) -> Result<Vec<Rescued>> {
    let mut sql = Sql::from(
        "SELECT tenant_id, id, kind, attempt, most_attempts, attempts_before, worker, lease_until, cancel_at, \
         (SELECT COUNT(*) FROM job_failure f WHERE f.tenant_id = job.tenant_id AND f.job_id = job.id AND f.code = :lost \
            AND f.attempt > job.attempts_before) \
         FROM job WHERE state = 'running' AND lease_until <= :now ORDER BY lease_until LIMIT :most",
    );
    sql.push(tx.skipping_locked());
    let lost: Vec<Lost> = tx.rows(sql, bind! { lost: Code::LeaseLost.stable(), now: now, most: MOST as i64 })?;
    let mut rescued = Vec::with_capacity(lost.len());
    for one in lost {
        let policy = ask.kinds.get(one.kind.as_str()).map_or(Policy::DEFAULT, |kind| kind.policy);
        let attempt = u32::try_from(one.attempt - one.before).unwrap_or(u32::MAX);
        let again = now.plus(policy.pauses.after(attempt, ask.seed));
        let (state, run_at, finished, expires) = match one.cancelled {
            Some(_) => ("cancelled", None, Some(now), Some(now.plus(policy.kept))),
            None if one.attempt >= one.most => ("dead", None, Some(now), None),
            None if one.earlier == 0 => ("ready", None, None, None),
            None => ("waiting", Some(again), None, None),
        };
        tx.write(
            "UPDATE job SET state = :state, run_at = COALESCE(:again, run_at), lease_until = NULL, worker = NULL, finished_at = :finished, \
             expires_at = :expires, setbacks = 0 WHERE tenant_id = :tenant AND id = :id AND state = 'running' AND attempt = :attempt",
            bind! {
                state: state, again: run_at, finished: finished, expires: expires, tenant: one.tenant, id: one.job, attempt: one.attempt,
            },
        )?;
        let worker = one.worker.unwrap_or_default();
        let why = Code::LeaseLost
            .because("The process that ran this attempt gave no sign of life until its lease ran out, so how far it came is not known.")
            .caused_by(format!("lease of {worker} until {}", one.until));
        record(tx, one.tenant, &Failed { job: one.job, attempt: one.attempt, at: now, error: &why, worker: &worker })?;
        if state == "dead" {
            let death = events::Death { id: one.job, kind: one.kind.clone(), attempts: one.attempt, code: Code::LeaseLost.stable().into() };
            events::died(tx, ask.kinds, (now, ask.seed), one.tenant, &death)?;
            if !ask.keeps {
                let dead = bind! { tenant: one.tenant, id: one.job };
                tx.write("DELETE FROM job_failure WHERE tenant_id = :tenant AND job_id = :id", dead)?;
                tx.write("DELETE FROM job WHERE tenant_id = :tenant AND id = :id AND state = 'dead'", dead)?;
            }
        }
        rescued.push(Rescued { tenant: one.tenant, job: one.job, kind: one.kind, attempt: one.attempt, until: one.until, state });
    }
    Ok(rescued)
}

/// A failed attempt, as it is put on record.
pub(super) struct Failed<'a> {
    pub job: JobId,
    pub attempt: i64,
    pub at: Time,
    pub error: &'a Error,
    pub worker: &'a str,
}

/// The longest text of a failure that is kept, in bytes.
const LONGEST: usize = 64 * 1024;

/// `text`, cut where it is too long to be kept, and saying so.
pub(super) fn cut(text: &str, longest: usize) -> std::borrow::Cow<'_, str> {
    if text.len() <= longest {
        return text.into();
    }
    let end = (0..=longest).rev().find(|at| text.is_char_boundary(*at)).unwrap_or(0);
    format!("{} … (cut: {} of {} bytes)", &text[..end], end, text.len()).into()
}

/// Puts a failed attempt on record.
///
/// # Errors
/// What the database says.
pub(super) fn record(tx: &mut Tx<'_>, tenant: TenantId, failed: &Failed<'_>) -> Result<()> {
    // A tenant's transaction binds the tenant itself.
    let named = bind! { tenant: tenant };
    let own: &[(&'static str, Value<'_>)] = if tx.scope() == Scope::Host { named } else { &[] };
    let found = [own, bind! { id: failed.job }].concat();
    let seq: i64 = tx.row("SELECT COALESCE(MAX(seq), 0) + 1 FROM job_failure WHERE tenant_id = :tenant AND job_id = :id", &found)?;
    // A zero character cannot be stored, and a failure that cannot be stored would be no record.
    let (sentence, cause) = (failed.error.public().replace('\0', " "), failed.error.cause().map(|cause| cause.replace('\0', " ")));
    let (sentence, cause) = (cut(&sentence, LONGEST), cause.as_deref().map(|cause| cut(cause, LONGEST)));
    let code = failed.error.code().stable();
    let written = [
        own,
        bind! {
            id: failed.job, seq: seq, attempt: failed.attempt, now: failed.at, code: code,
            sentence: sentence, cause: cause, worker: failed.worker,
        },
    ]
    .concat();
    tx.write(
        "INSERT INTO job_failure (tenant_id, job_id, seq, attempt, at, code, sentence, cause, worker) \
         VALUES (:tenant, :id, :seq, :attempt, :now, :code, :sentence, :cause, :worker)",
        &written,
    )?;
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::cut;

    #[test]
    fn what_is_too_long_is_cut_between_letters_and_says_so() {
        assert_eq!(cut("größe", 7), "größe");
        assert_eq!(cut("größe", 3), "gr … (cut: 2 of 7 bytes)");
    }
}
