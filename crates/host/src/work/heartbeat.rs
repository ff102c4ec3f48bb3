//! The signs of life of all attempts of a process, what they bring back, and what they carry.

use std::{
    collections::BTreeSet,
    sync::{Arc, Weak},
    time::{Duration, Instant},
};

use plimsoll_core::{JobId, Result, TenantId, Time};
use plimsoll_store::{Scope, Sql, Tx, bind};

use super::{
    Work,
    lease::{Lease, Progress, Wish},
};
use crate::Host;

/// Progress is written no more often than this.
const PROGRESS_EVERY: Duration = Duration::from_secs(1);

/// What a sign of life found out.
#[derive(Default)]
pub(super) struct Heard {
    /// Attempts that still count.
    pub held: BTreeSet<(TenantId, JobId, i64)>,
    /// Jobs that somebody asked to stop.
    pub cancelled: Vec<(TenantId, JobId)>,
}

/// Prolongs the leases of these attempts in one statement.
///
/// Only of these: a row that carries this process's name and that it does not know of (a claim
/// whose outcome it never heard) must run out. Rows that a tenant's transaction holds are passed
/// over; there are three signs of life in each term.
///
/// # Errors
/// What the database says.
pub(super) fn beat(tx: &mut Tx<'_>, now: Time, worker: &str, term: Duration, leases: &[Arc<Lease>]) -> Result<Heard> {
    // Ids have one length and no sign that means something to LIKE but `_`, which stands for itself too.
    let mine: String = leases.iter().map(|lease| format!("{} ", lease.job)).collect();
    let mut sql = Sql::from(
        "UPDATE job SET lease_until = :until WHERE (tenant_id, id) IN (WITH mine AS MATERIALIZED (SELECT tenant_id, id FROM job \
         WHERE state = 'running' AND worker = :worker AND lease_until < :until AND :mine LIKE '%' || id || '%' ESCAPE '!'",
    );
    sql.push(tx.skipping_locked());
    sql.push(") SELECT tenant_id, id FROM mine)");
    tx.write(sql, bind! { until: now.plus(term), worker: worker, mine: mine })?;
    let rows: Vec<(TenantId, JobId, i64, Option<Time>)> = tx
        .rows("SELECT tenant_id, id, attempt, cancel_at FROM job WHERE state = 'running' AND worker = :worker", bind! { worker: worker })?;
    let mut heard = Heard::default();
    for (tenant, job, attempt, cancelled) in rows {
        heard.held.insert((tenant, job, attempt));
        if cancelled.is_some() {
            heard.cancelled.push((tenant, job));
        }
    }
    Ok(heard)
}

/// Writes how far attempts have come.
///
/// # Errors
/// What the database says.
pub(super) fn report(tx: &mut Tx<'_>, noted: &[(Arc<Lease>, Progress)]) -> Result<()> {
    for (lease, progress) in noted {
        let mut sql = Sql::from(
            "UPDATE job SET done_units = :done, total_units = :total, progress = :note WHERE (tenant_id, id) IN (WITH mine AS MATERIALIZED (\
             SELECT tenant_id, id FROM job WHERE tenant_id = :tenant AND id = :id AND state = 'running' AND attempt = :attempt \
             AND worker = :worker",
        );
        sql.push(tx.skipping_locked());
        sql.push(") SELECT tenant_id, id FROM mine)");
        tx.write(
            sql,
            bind! {
                done: progress.done, total: progress.total, note: progress.note, tenant: lease.tenant, id: lease.job,
                attempt: lease.attempt, worker: lease.worker,
            },
        )?;
    }
    Ok(())
}

/// Gives signs of life for as long as the host lives, and until its last attempt has ended.
pub(super) async fn run(host: Weak<Host>) {
    let mut last = Instant::now();
    let Some(mut orders) = host.upgrade().map(|host| host.store.changes(super::ORDERS)) else { return };
    loop {
        let Some(work) = host.upgrade().map(|host| host.work.clone()) else { return };
        let pause = (work.term / 3).min(PROGRESS_EVERY);
        drop(work);
        let ordered = tokio::time::timeout(pause, orders.changed()).await.is_ok();
        let Some(host) = host.upgrade() else { return };
        let leases = host.work.leases();
        let noted: Vec<(Arc<Lease>, Progress)> =
            leases.iter().filter_map(|lease| lease.noted().map(|progress| (lease.clone(), progress))).collect();
        let alive = ordered || last.elapsed() >= host.work.term / 3;
        if leases.is_empty() || (noted.is_empty() && !alive) {
            if leases.is_empty() {
                // Whoever holds nothing has nothing to lose.
                last = Instant::now();
            }
            continue;
        }
        last = sign(&host, leases, noted, alive).await.unwrap_or(last);
        if last.elapsed() > host.work.term {
            // Nobody could be told for a whole term: others have a right to these jobs.
            host.work.leases().iter().for_each(|lease| lease.want(Wish::Lost));
        }
    }
}

/// One sign of life; when it was given.
async fn sign(host: &Arc<Host>, leases: Vec<Arc<Lease>>, noted: Vec<(Arc<Lease>, Progress)>, alive: bool) -> Option<Instant> {
    let (given, work, clock) = (Instant::now(), host.work.clone(), host.clock.clone());
    let known = leases.clone();
    let again = noted.clone();
    let heard = host
        .store
        .commit(Scope::Host, move |tx| {
            report(tx, &noted)?;
            if !alive {
                return Ok(None);
            }
            beat(tx, clock.now(), &work.worker, work.term, &leases).map(Some)
        })
        .await;
    match heard {
        Ok(None) => None,
        Ok(Some(heard)) => {
            host.work.hear(&known, &heard);
            Some(given)
        }
        Err(error) => {
            for (lease, progress) in again {
                lease.note_again(progress);
            }
            tracing::warn!(cause = error.cause(), "no sign of life for running jobs: {}", error.public());
            None
        }
    }
}

impl Work {
    /// Takes in what a sign of life found out about attempts that were known when it was given.
    fn hear(&self, known: &[Arc<Lease>], heard: &Heard) {
        for lease in known {
            // What is at its commit learns there whether it still counts; it may be done already.
            if !lease.is_committing() && !heard.held.contains(&(lease.tenant, lease.job, lease.attempt)) {
                lease.want(Wish::Lost);
            }
            if heard.cancelled.contains(&(lease.tenant, lease.job)) {
                lease.want(Wish::Cancel);
            }
        }
    }
}
