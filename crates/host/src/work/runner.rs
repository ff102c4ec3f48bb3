//! What runs jobs in this process.

use std::{
    sync::{Arc, Weak, atomic::Ordering},
    time::{Duration, Instant},
};

use plimsoll_core::{Code, Error, Result, TenantId, Time};
use plimsoll_store::{Scope, bind};
use tokio::task::JoinHandle;

use super::{
    BATCH, CALLS, Policy, Work,
    claim::{Ask, Claimed, claim},
    events, heartbeat,
    lease::{Lease, Next, Place, Wish},
    policy::{SETBACKS, is_setback, worth_repeating},
    schedules,
};
use crate::{
    Host,
    telemetry::{Attempted, Within},
};

/// How long this process sleeps at most when nothing is due.
const LONGEST: Duration = Duration::from_secs(3600);
/// The pause after a claim that failed.
const AFTER_FAILURE: Duration = Duration::from_millis(500);
/// The shortest sleep until something is due: a lease that another claim rescues just now.
const SHORTEST: Duration = Duration::from_millis(20);
/// How often a process without room looks for what is due: what others put into the log meanwhile.
const WITHOUT_ROOM: Duration = Duration::from_secs(1);
/// The pause before the end of an attempt is put on record again, where the database was away.
const UNSETTLED: Duration = Duration::from_millis(250);
/// How long an attempt that was told to stop has to end by itself.
const GRACE: Duration = Duration::from_secs(5);
/// How long a job that was leased ahead waits for a place here before others may have it.
const WAITS_HERE: Duration = Duration::from_millis(500);

/// Claims and runs jobs for as long as the host lives and has not begun to stop.
pub(crate) async fn run(host: Weak<Host>) {
    tokio::spawn(heartbeat::run(host.clone()));
    if let Some(host) = host.upgrade().filter(|host| !host.holds("job-queue")) {
        forget(&host).await;
    }
    let Some(mut calls) = host.upgrade().map(|host| host.store.changes(CALLS)) else { return };
    let mut state = Looking { look: true, looked: Instant::now(), blocked: false, due: None, after: None };
    loop {
        let Some(host) = host.upgrade() else { return };
        let work = host.work.clone();
        if work.stopping() || work.slots == 0 {
            return;
        }
        let room = work.room();
        if state.looks(room, state.looked.elapsed()) {
            let pause = look(&host, &mut state, room).await;
            drop(host);
            if let Some(pause) = pause {
                tokio::time::sleep(pause).await;
            }
            state.hear(&work);
            continue;
        }
        let pause = state.pause(host.clock.now(), room, state.looked.elapsed());
        drop(host);
        tokio::select! {
            () = work.woken() => {}
            () = calls.changed() => state.look = true,
            () = tokio::time::sleep(pause) => state.look = true,
        }
        state.hear(&work);
    }
}

/// What is not to be done: a process that begins knows nothing of what was accepted before, as if
/// jobs were kept in memory.
async fn forget(host: &Host) {
    let gone = host.store.commit(Scope::Host, |tx| tx.write("DELETE FROM job WHERE state IN ('waiting', 'ready', 'running')", bind! {}));
    if let Err(error) = gone.await {
        tracing::warn!(cause = error.cause(), "jobs were not forgotten: {}", error.public());
    }
}

/// What the loop knows about the log.
struct Looking {
    /// Something may be there.
    look: bool,
    /// When it was looked last.
    looked: Instant,
    /// Jobs wait for others to end.
    blocked: bool,
    due: Option<Time>,
    after: Option<TenantId>,
}

impl Looking {
    /// Takes in a wake-up: somebody called, or an attempt ended.
    fn hear(&mut self, work: &Work) {
        self.look |= work.called.swap(false, Ordering::SeqCst) || self.blocked;
    }

    /// Whether to claim now. Full rooms wake us when one is left, and an empty look would find
    /// nothing to take; but what is due by the clock is due here too: schedules fire, leases of
    /// lost processes are taken back.
    fn looks(&self, room: usize, since: Duration) -> bool {
        self.look && (room > 0 || since >= WITHOUT_ROOM)
    }

    fn pause(&self, now: Time, room: usize, since: Duration) -> Duration {
        if room == 0 {
            return WITHOUT_ROOM.saturating_sub(since).max(SHORTEST);
        }
        self.due.map_or(LONGEST, |due| due.since(now)).clamp(SHORTEST, LONGEST)
    }
}

/// One claim, and the attempts it brings; how long to wait where it failed.
async fn look(host: &Arc<Host>, state: &mut Looking, room: usize) -> Option<Duration> {
    let claiming = host.work.claiming.lock().await;
    (state.look, state.looked) = (false, Instant::now());
    let (work, clock, seed, after, keeps) = (host.work.clone(), host.clock.clone(), host.seed.clone(), state.after, host.holds("dlq"));
    let most = room.min(BATCH);
    let taken = host.store.commit(Scope::Host, move |tx| {
        let ask = Ask { clock: &clock, seed: &seed, worker: &work.worker, kinds: &work.kinds, most, term: work.term, after, keeps };
        // Whatever became due by the clock is among what is claimed.
        let next = schedules::fire_due(tx, clock.now(), &work.kinds, &seed)?;
        let mut claimed = claim(tx, &ask)?;
        claimed.due = claimed.due.into_iter().chain(next).min();
        Ok(claimed)
    });
    match taken.await {
        Ok(claimed) => {
            let tally = &host.work.tally;
            tally.claims.fetch_add(1, Ordering::Relaxed);
            tally.leased.fetch_add(claimed.leases.len() as u64, Ordering::Relaxed);
            tally.rescued.fetch_add(claimed.rescued.len() as u64, Ordering::Relaxed);
            state.blocked = claimed.blocked;
            state.due = claimed.due;
            state.after = claimed.after;
            // Without room nothing was looked for but what is due.
            state.look = claimed.more || room == 0;
            open(host, claimed);
            drop(claiming);
            None
        }
        Err(error) => {
            host.work.tally.unclaimed.fetch_add(1, Ordering::Relaxed);
            tracing::warn!(cause = error.cause(), "jobs could not be claimed: {}", error.public());
            state.look = true;
            Some(AFTER_FAILURE)
        }
    }
}

/// Begins the attempts that a claim brought.
fn open(host: &Arc<Host>, claimed: Claimed) {
    let work = &host.work;
    for lost in claimed.rescued {
        tracing::warn!(
            tenant = %lost.tenant, job = %lost.job, kind = lost.kind, attempt = lost.attempt, until = %lost.until, state = lost.state,
            "the lease of a job had run out"
        );
        // It may be one of ours, if this process stood still for long.
        let ours = work.open().get(&(lost.tenant, lost.job)).filter(|lease| lease.attempt == lost.attempt).cloned();
        ours.inspect(|lease| lease.want(Wish::Lost));
    }
    let leases: Vec<Arc<Lease>> = claimed.leases.into_iter().map(Arc::new).collect();
    work.held.fetch_add(leases.len(), Ordering::SeqCst);
    for lease in leases {
        work.open().insert((lease.tenant, lease.job), lease.clone());
        if work.stopping() {
            lease.want(Wish::GiveBack);
        }
        let host = host.clone();
        tokio::spawn(async move {
            let current = lease.current(&host.clock, &host.seed);
            let inner = Box::pin(attempt(host.clone(), lease.clone(), current));
            Within { current, inner }.await;
            host.work.close(&lease);
        });
    }
}

impl Work {
    /// An attempt has ended.
    fn close(&self, lease: &Arc<Lease>) {
        if !lease.has_begun() {
            self.held.fetch_sub(1, Ordering::SeqCst);
        }
        self.leave(lease);
        let mut open = self.open();
        // The job may run here again already, under another lease.
        if open.get(&(lease.tenant, lease.job)).is_some_and(|now| Arc::ptr_eq(now, lease)) {
            open.remove(&(lease.tenant, lease.job));
        }
        drop(open);
        self.ended.notify_waiters();
        self.wake.notify_one();
    }

    /// Waits for a place; `None` where the attempt is not to begin.
    async fn place(&self, lease: &Lease) -> Option<Place> {
        tokio::select! {
            biased;
            () = lease.wished(Wish::Cancel) => None,
            permit = self.places.clone().acquire_owned() => Some(Place { permit: permit.ok()?, since: Instant::now() }),
            () = tokio::time::sleep(WAITS_HERE) => {
                // Jobs take longer than was thought: lease no more of them ahead.
                self.held(WAITS_HERE);
                lease.want(Wish::GiveBack);
                None
            }
        }
    }
}

/// How an attempt ended.
enum End {
    Done,
    Failed(Error),
    Cancelled,
    GivenBack,
    Lost,
}

/// Runs one attempt and puts its end on record.
async fn attempt(host: Arc<Host>, lease: Arc<Lease>, current: crate::telemetry::Current) {
    let Some(kind) = host.work.kinds.get(lease.kind.as_str()) else { return };
    let mut started = Instant::now();
    let end = match host.work.place(&lease).await {
        None => interrupted(lease.wish()),
        Some(place) => {
            started = place.since;
            lease.begin(place);
            match (kind.run)(host.clone(), kind.route.clone(), lease.clone()) {
                Err(error) => End::Failed(error),
                Ok(inner) => watch(&lease, kind.policy.deadline, tokio::spawn(Within { current, inner })).await,
            }
        }
    };
    let code = if let End::Failed(error) = &end { Some(error.code()) } else { None };
    let outcome = settle(&host, &lease, &kind.policy, end).await;
    let took = started.elapsed();
    host.work.tally.ended(&lease.kind, outcome, took);
    host.telemetry.attempted(&Attempted {
        at: host.clock.now(),
        took,
        request: current.request,
        trace: current.trace,
        tenant: lease.tenant,
        job: lease.job,
        kind: &lease.kind,
        attempt: u64::try_from(lease.attempt).unwrap_or(0),
        outcome,
        code,
    });
    tracing::info!(
        job = %lease.job, kind = lease.kind, tenant = %lease.tenant, attempt = lease.attempt, outcome,
        duration_ms = took.as_micros() as f64 / 1e3, made_by = lease.request, "an attempt ended"
    );
}

/// What an attempt comes to that is not to go on.
fn interrupted(wish: Wish) -> End {
    match wish {
        Wish::Lost => End::Lost,
        Wish::GiveBack | Wish::GoOn => End::GivenBack,
        Wish::Cancel => End::Cancelled,
    }
}

/// Lets an attempt run until it ends, its time is up, or the process wants otherwise. What does not
/// end by itself is dropped, not left behind.
async fn watch(lease: &Lease, deadline: Duration, mut running: JoinHandle<Result<()>>) -> End {
    let cancelled = async {
        lease.wished(Wish::Cancel).await;
        tokio::select! {
            () = lease.wished(Wish::GiveBack) => {}
            () = tokio::time::sleep(GRACE) => {}
        }
    };
    let late = tokio::select! {
        ended = &mut running => return of(ended, lease),
        () = tokio::time::sleep(deadline) => true,
        () = cancelled => false,
    };
    running.abort();
    match running.await {
        // It ended just now, and what it did stands.
        Ok(Ok(())) => End::Done,
        _ if late => End::Failed(Code::HandlerTimeout.because(format!("The attempt did not end within {} s.", deadline.as_secs()))),
        _ => interrupted(lease.wish()),
    }
}

fn of(ended: std::result::Result<Result<()>, tokio::task::JoinError>, lease: &Lease) -> End {
    match ended {
        Ok(Ok(())) => End::Done,
        Ok(Err(error)) if error.code() == Code::LeaseLost => {
            tracing::warn!(job = %lease.job, kind = lease.kind, attempt = lease.attempt, "an attempt was refused its commit");
            End::Lost
        }
        Ok(Err(_)) if lease.is_cancelled() && lease.wish() == Wish::Cancel => End::Cancelled,
        Ok(Err(error)) => End::Failed(error),
        Err(panicked) => End::Failed(Code::Internal.because("The job panicked.").caused_by(panicked)),
    }
}

/// Puts the end of an attempt on record; its name in logs and metrics.
async fn settle(host: &Arc<Host>, lease: &Arc<Lease>, policy: &Policy, end: End) -> &'static str {
    let (now, kept) = (host.clock.now(), policy.kept);
    let (error, next) = match end {
        End::Done => return "done",
        End::Lost => return "lost",
        End::GivenBack => {
            let mine = lease.clone();
            let back = host.store.commit(Scope::Tenant(lease.tenant), move |tx| mine.give_back(tx, now, kept)).await;
            match back {
                Ok(true) => host.work.wake(),
                Ok(false) => return "lost",
                Err(error) => {
                    tracing::warn!(job = %lease.job, cause = error.cause(), "a job is not given back, its lease will run out: {}", error.public());
                    return "lost";
                }
            }
            return "given_back";
        }
        End::Cancelled => (Code::JobCancelled.because("The job was cancelled while it ran."), Next::Cancelled),
        End::Failed(error) => {
            let asked = error.retry_after_seconds().map(|seconds| Duration::from_secs(seconds.into())).unwrap_or_default();
            let next = if is_setback(&error) {
                let times = u32::try_from(lease.setbacks).unwrap_or(u32::MAX).saturating_add(1);
                Next::Later(now.plus(SETBACKS.after(times, &host.seed)))
            } else if lease.attempt < lease.most && worth_repeating(&error) {
                Next::Again(now.plus(policy.pauses.after(lease.turn(), &host.seed).max(asked)))
            } else {
                Next::Dead
            };
            (error, next)
        }
    };
    tracing::warn!(
        job = %lease.job, kind = lease.kind, attempt = lease.attempt, code = error.code().stable(), cause = error.cause(),
        "a job failed: {}", error.public()
    );
    // Its place is free while this is written.
    host.work.leave(lease);
    match record(host, lease, Arc::new(error), kept, next).await {
        Ok(Some(Next::Again(_))) => {
            // The loop has to know when it is due.
            host.work.wake();
            "failed"
        }
        Ok(Some(Next::Later(_))) => {
            host.work.wake();
            "delayed"
        }
        Ok(Some(Next::Dead)) => "dead",
        Ok(Some(Next::Cancelled)) => "cancelled",
        Ok(None) => "lost",
        Err(error) => {
            tracing::error!(
                job = %lease.job, cause = error.cause(), "a failed attempt could not be put on record; its lease will run out: {}", error.public()
            );
            "lost"
        }
    }
}

/// Writes how an attempt failed. Where the database is away, as it may be if that is why the attempt
/// failed, it is written once it is back: the row says whether the attempt still counts by then.
async fn record(host: &Arc<Host>, lease: &Arc<Lease>, error: Arc<Error>, kept: Duration, next: Next) -> Result<Option<Next>> {
    let keeps = host.holds("dlq");
    loop {
        let (mine, work, error, now) = (lease.clone(), host.work.clone(), error.clone(), host.clock.now());
        let written = host.store.commit(Scope::Tenant(lease.tenant), move |tx| {
            let settled = mine.fail(tx, now, &error, kept, next)?;
            events::job_dead(tx, &work, now, &mine, error.code())?;
            if settled == Some(Next::Dead) && !keeps {
                super::admin::order::forget(tx, mine.job)?;
            }
            Ok(settled)
        });
        match written.await {
            Err(error) if is_setback(&error) && !host.work.stopping() => tokio::time::sleep(UNSETTLED).await,
            written => return written,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_process_without_room_looks_for_what_is_due_and_for_nothing_else() {
        let now = Time::parse("2026-11-21T10:00:00Z").unwrap();
        let mut state = Looking { look: true, looked: Instant::now(), blocked: false, due: Some(now), after: None };
        let soon = WITHOUT_ROOM / 4;
        assert!(state.looks(1, soon) && !state.looks(0, soon) && state.looks(0, WITHOUT_ROOM));
        assert_eq!((state.pause(now, 0, soon), state.pause(now, 1, soon)), (soon * 3, SHORTEST), "what is due does not make it spin");
        state.due = None;
        assert_eq!((state.pause(now, 0, soon), state.pause(now, 1, soon)), (soon * 3, LONGEST), "nothing is looked for while idle");
    }
}
