//! What is due becomes a job: inside the claim, which is serial over all processes.

use plimsoll_core::{Id, JobId, Result, Seed, TenantId, Time};
use plimsoll_store::{FromRow, Row, Tx, bind};

use super::cron::{Cron, zone};
use crate::work::Kinds;

/// So many schedules fire in one claim; the rest in the next one.
const AT_ONCE: i64 = 100;
/// Moments that are counted as missed at most.
const COUNTED: i64 = 10_000;

struct Due {
    tenant: TenantId,
    name: String,
    kind: String,
    cron: String,
    zone: String,
    payload: String,
    next: Time,
}

impl FromRow for Due {
    fn from_row(row: &Row<'_>) -> Result<Due> {
        Ok(Due {
            tenant: row.get(0)?,
            name: row.get(1)?,
            kind: row.get(2)?,
            cron: row.get(3)?,
            zone: row.get(4)?,
            payload: row.get(5)?,
            next: row.get(6)?,
        })
    }
}

/// Makes a job for every schedule that is due at `now`, in a transaction of the host's scope; when
/// the next one will be due.
///
/// Each fires once: the row names its next moment, and moving it on is part of this transaction.
/// Schedules of kinds that this process does not know are left to one that does.
///
/// # Errors
/// What the database says.
pub(crate) fn fire_due(tx: &mut Tx<'_>, now: Time, kinds: &Kinds, seed: &Seed) -> Result<Option<Time>> {
    let due: Vec<Due> = tx.rows(
        "SELECT s.tenant_id, s.name, s.kind, s.cron, s.zone, s.payload, s.next_at FROM job_schedule s \
         WHERE s.paused = 0 AND s.next_at <= :now \
         AND NOT EXISTS (SELECT 1 FROM tenant t WHERE t.id = s.tenant_id AND t.closed_at IS NOT NULL) \
         ORDER BY s.next_at, s.tenant_id, s.name LIMIT :most",
        bind! { now: now, most: AT_ONCE },
    )?;
    let more = i64::try_from(due.len()).unwrap_or(0) == AT_ONCE;
    let mut fired = false;
    for one in due {
        fired |= fire(tx, now, kinds, seed, &one)?;
    }
    if more && fired {
        return Ok(Some(now));
    }
    tx.row::<Option<i64>>("SELECT MIN(next_at) FROM job_schedule WHERE paused = 0 AND next_at > :now", bind! { now: now })
        .map(|next| next.map(Time::from_micros))
}

/// The last moment that has come, how many before it were missed, and the next one.
fn moments(cron: &Cron, zone: &jiff::tz::TimeZone, first: Time, now: Time) -> (Time, i64, Option<Time>) {
    let (mut last, mut missed) = (first, 0);
    loop {
        match cron.next(last, zone) {
            Some(next) if next <= now && missed < COUNTED => (last, missed) = (next, missed + 1),
            // Nobody needs the exact number of ten thousand missed moments.
            Some(next) if next <= now => return (last, missed, cron.next(now, zone)),
            next => return (last, missed, next),
        }
    }
}

fn fire(tx: &mut Tx<'_>, now: Time, kinds: &Kinds, seed: &Seed, due: &Due) -> Result<bool> {
    let Some(kind) = kinds.get(due.kind.as_str()) else { return Ok(false) };
    let (cron, zone) = (Cron::parse(&due.cron)?, zone(&due.zone)?);
    let (moment, missed, next) = moments(&cron, &zone, due.next, now);
    let job: JobId = Id::new(now, seed);
    // A schedule whose last moment has come stands still from now on.
    let (paused, next) = (next.is_none(), next.unwrap_or(due.next));
    let mine = tx.write(
        "UPDATE job_schedule SET next_at = :next, paused = :paused, last_at = :moment, last_job = :job, missed = missed + :missed \
         WHERE tenant_id = :tenant AND name = :name AND next_at = :seen AND paused = 0",
        bind! { tenant: due.tenant, next: next, paused: paused, moment: moment, job: job, missed: missed, name: due.name, seen: due.next },
    )?;
    if mine == 0 {
        return Ok(false);
    }
    if missed > 0 {
        tracing::warn!(schedule = due.name, missed, "a schedule fires once for moments that came while nothing ran");
    }
    // The key makes the job one of its kind while it waits or runs, whatever else goes wrong.
    let key = format!("schedule:{}:{moment}", due.name);
    let actor = format!("schedule:{}", due.name);
    tx.write(
        "INSERT INTO job (tenant_id, id, kind, state, priority, run_at, attempt, most_attempts, unique_key, payload, actor, created_at) \
         VALUES (:tenant, :id, :kind, 'ready', :priority, :now, 0, :most, :key, :payload, :actor, :now) ON CONFLICT DO NOTHING",
        bind! {
            tenant: due.tenant, id: job, kind: due.kind, priority: i64::from(kind.policy.priority), now: now,
            most: i64::from(kind.policy.attempts.max(1)), key: key, payload: due.payload, actor: actor,
        },
    )?;
    Ok(true)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_was_missed_fires_once_for_the_latest_moment_and_is_counted() {
        let (cron, utc) = (Cron::parse("0 * * * *").unwrap(), jiff::tz::TimeZone::UTC);
        let at = |text| Time::parse(text).unwrap();
        let (last, missed, next) = moments(&cron, &utc, at("2026-11-21T10:00:00Z"), at("2026-11-21T13:30:00Z"));
        assert_eq!((last, missed, next), (at("2026-11-21T13:00:00Z"), 3, Some(at("2026-11-21T14:00:00Z"))));
        let (last, missed, next) = moments(&cron, &utc, at("2026-11-21T10:00:00Z"), at("2026-11-21T10:00:01Z"));
        assert_eq!((last, missed, next), (at("2026-11-21T10:00:00Z"), 0, Some(at("2026-11-21T11:00:00Z"))));
        let minutely = Cron::parse("* * * * *").unwrap();
        let (_, missed, next) = moments(&minutely, &utc, at("2026-01-01T00:00:00Z"), at("2026-11-21T10:00:30Z"));
        assert_eq!((missed, next), (COUNTED, Some(at("2026-11-21T10:01:00Z"))));
    }
}
