//! Work that was accepted and is done later: one durable log of jobs.
//!
//! **Promises.** A job is put into the log in the transaction of the change that wants it: both are
//! there or neither. It runs at least once; its effect inside the database and its end are one
//! transaction, so that effect happens once. A process that dies gives its jobs to others when
//! their leases run out. A job that fails too often, or that cannot be understood, is a dead letter
//! and stays until somebody replays or discards it.
//!
//! **Does not promise** that an attempt runs only once, nor an order between jobs, nor anything
//! where the clocks of two machines differ by more than a lease.
//!
//! # States
//!
//! | From | To | Who, and when |
//! |---|---|---|
//! | | `ready` | the change that wants it, where it is due at once |
//! | | `waiting` | the change that wants it, where it is due later |
//! | `waiting` | `ready` | a claim, once `run_at` has come |
//! | `ready` | `running` | a claim: `attempt` grows by one, a lease is given until `lease_until` |
//! | `running` | `running` | a sign of life of the same process: `lease_until` moves on |
//! | `running` | `done` | the commit of the attempt, with its effect |
//! | `running` | `waiting` | a failed attempt that is not the last, or a claim that finds the lease run out again |
//! | `running` | `waiting` | an attempt that failed for what is around it (no room, no database): it does not count |
//! | `running` | `ready` | a claim that finds the lease run out for the first time |
//! | `running` | `dead` | the last failed attempt (its own process, or a claim); a failure that would come again |
//! | `running` | `ready` | a process that stops, or has no room: the attempt does not count |
//! | `running` | `cancelled` | as to `waiting`, `dead` and `ready`, where `cancel_at` was set |
//! | `waiting`, `ready` | `cancelled` | a cancellation |
//! | `dead`, `cancelled` | `ready` | a replay: `most_attempts` grows, attempts are counted on |
//! | `dead` | `cancelled` | a discard |
//! | `done`, `cancelled` | | removed once `expires_at` has passed |
//!
//! # Invariants
//!
//! 1. A row leaves the log only by the last line of the table: nothing accepted vanishes.
//! 2. The way from `running` belongs to whom the row names (`worker`, `attempt`), or to a claim
//!    once `lease_until` has passed. Every such statement asks for exactly that, so of two that
//!    believe to run a job one commits and the other is refused with all it did.
//! 3. `attempt` never exceeds `most_attempts`, and every attempt that failed or was lost has one
//!    row in `job_failure`. So a job that is `done` has one less of them than attempts, a dead one
//!    as many, a replayed one keeps them. Attempts that failed for what is around the job do not
//!    count; the first of several in a row has a row too.
//! 4. No row is `running` past `lease_until` for longer than until the next claim.
//! 5. Of the jobs of a tenant and kind with one `unique_key`, one at most is waiting, ready or running.
//! 6. No more jobs of a kind (of a kind and tenant) are `running` than its policy says.
//! 7. No job of a tenant that is closed or held begins to run.
//!
//! Claims are serial over all processes; everything else is done in the tenant's own scope, and
//! so is serial per tenant. A model of this table is run against both databases in `model`.

pub mod admin;
mod claim;
pub mod config;
mod enqueue;
pub mod events;
mod heartbeat;
pub mod job;
pub mod lease;
#[cfg(test)]
mod model;
pub mod policy;
pub mod requests;
mod rescue;
mod runner;
pub mod schedules;
pub(crate) mod tally;
mod tend;
#[cfg(test)]
mod turns;
pub mod webhooks;

use std::{
    collections::BTreeMap,
    sync::{
        Arc, Mutex, MutexGuard, PoisonError,
        atomic::{AtomicBool, AtomicU64, AtomicUsize, Ordering},
    },
    time::{Duration, Instant},
};

use plimsoll_core::{JobId, Seed, TenantId};
use plimsoll_store::{Migration, Schema};
use tokio::sync::{Notify, Semaphore};

pub use self::{
    enqueue::{Enqueued, Order},
    job::{Finished, Job, Jobs, Kind, Kinds},
    lease::{Lease, Wish},
    policy::{Pauses, Policy},
};
pub(crate) use self::{job::table, runner::run, tend::tend};

/// The log.
pub const SCHEMA: Schema = Schema {
    name: "work",
    migrations: &[
        Migration { id: "0001_work", up: include_str!("schema.sql"), down: "DROP TABLE job_failure; DROP TABLE job;" },
        Migration {
            id: "0002_replay",
            up: include_str!("replay.sql"),
            down: "ALTER TABLE job DROP COLUMN reason; ALTER TABLE job DROP COLUMN attempts_before; ALTER TABLE job DROP COLUMN replays;",
        },
        Migration { id: "0003_setbacks", up: include_str!("setbacks.sql"), down: "ALTER TABLE job DROP COLUMN setbacks;" },
    ],
};

/// The channel that says that something may be there to be done,
pub(crate) const CALLS: &str = "work";
/// and the one that says that a running attempt is to be told something.
pub(crate) const ORDERS: &str = "work-orders";

/// The most jobs that one claim leases.
const BATCH: usize = 128;
/// The most attempts that a process has open, those at their commit included.
const OPEN: usize = 512;
/// So much work is leased ahead of the places there are, so that nobody waits for the next claim.
const AHEAD: Duration = Duration::from_millis(20);
/// How long a stopping process waits for attempts that were dropped to be given back.
const GIVING_BACK: Duration = Duration::from_secs(5);

/// The engine of one process.
pub struct Work {
    /// Every kind this binary knows.
    pub kinds: Kinds,
    /// The name under which this process holds leases.
    pub worker: String,
    /// How long a lease lasts without a sign of life.
    pub term: Duration,
    /// How many jobs run at once here.
    pub slots: usize,
    /// Who is told of what has happened.
    pub bus: Arc<events::Bus>,
    pub(crate) watch: admin::watch::Watch,
    places: Arc<Semaphore>,
    /// Attempts of this process, by job.
    open: Mutex<BTreeMap<(TenantId, JobId), Arc<Lease>>>,
    /// Leased and not yet at their commit.
    held: AtomicUsize,
    /// How long an attempt holds its place, in microseconds: a moving mean that grows quickly and
    /// shrinks slowly.
    mean: AtomicU64,
    /// Held while a claim is under way.
    claiming: tokio::sync::Mutex<()>,
    wake: Notify,
    called: AtomicBool,
    ended: Notify,
    stopping: AtomicBool,
    retired: Mutex<Option<Instant>>,
    patience: Duration,
    pub(crate) tally: tally::Tally,
}

impl Work {
    /// The engine with these kinds; runs nothing until [`run`].
    pub fn new(config: &config::WorkConfig, bus: events::Bus, kinds: Kinds, seed: &Seed) -> Work {
        let slots = usize::from(config.slots);
        Work {
            tally: tally::Tally::new(&kinds),
            kinds,
            worker: crate::identity::hex(&seed.bytes::<8>()),
            term: config.lease.duration(),
            slots,
            bus: Arc::new(bus),
            watch: admin::watch::Watch::default(),
            places: Arc::new(Semaphore::new(slots)),
            open: Mutex::default(),
            held: AtomicUsize::new(0),
            mean: AtomicU64::new(u64::try_from(AHEAD.as_micros()).unwrap_or(1)),
            claiming: tokio::sync::Mutex::default(),
            wake: Notify::new(),
            called: AtomicBool::new(false),
            ended: Notify::new(),
            stopping: AtomicBool::new(false),
            retired: Mutex::default(),
            patience: Duration::from_secs(10),
        }
    }

    /// The same with another patience for running attempts when the process stops.
    #[must_use]
    pub fn patient(mut self, patience: Duration) -> Work {
        self.patience = patience;
        self
    }

    /// Something may be there to be done.
    pub fn wake(&self) {
        self.called.store(true, Ordering::SeqCst);
        self.wake.notify_one();
    }

    /// A job that may run in this process is to stop: it is told at once.
    pub fn cancel(&self, tenant: TenantId, job: JobId) {
        if let Some(lease) = self.open().get(&(tenant, job)) {
            lease.want(Wish::Cancel);
        }
    }

    /// Whether no more jobs are to be begun.
    pub fn stopping(&self) -> bool {
        self.stopping.load(Ordering::SeqCst)
    }

    /// Begins no more jobs; those that run go on.
    pub fn retire(&self) {
        self.stopping.store(true, Ordering::SeqCst);
        self.retired.lock().unwrap_or_else(PoisonError::into_inner).get_or_insert_with(Instant::now);
        self.leases().iter().filter(|lease| !lease.has_begun()).for_each(|lease| lease.want(Wish::GiveBack));
        self.wake.notify_one();
    }

    /// Begins no more jobs, waits for those that run as long as there is patience, and gives the
    /// rest back: their attempts do not count.
    pub async fn stop(&self) {
        self.retire();
        // A claim that is under way ends first, and what it brings is given back.
        drop(self.claiming.lock().await);
        let since = self.retired.lock().unwrap_or_else(PoisonError::into_inner).unwrap_or_else(Instant::now);
        if self.ends_within(self.patience.saturating_sub(since.elapsed())).await {
            return;
        }
        let left = self.leases();
        tracing::info!(jobs = left.len(), "jobs that still run are given back; others will do them from the start");
        left.iter().for_each(|lease| lease.want(Wish::GiveBack));
        if !self.ends_within(GIVING_BACK).await {
            tracing::warn!("jobs could not be given back; their leases will run out and others will do them again");
        }
    }

    /// Whether every open attempt has ended before this much time has passed.
    async fn ends_within(&self, limit: Duration) -> bool {
        let ended = async {
            loop {
                let next = self.ended.notified();
                tokio::pin!(next);
                next.as_mut().enable();
                if self.open().is_empty() {
                    return;
                }
                next.await;
            }
        };
        tokio::time::timeout(limit, ended).await.is_ok()
    }

    fn open(&self) -> MutexGuard<'_, BTreeMap<(TenantId, JobId), Arc<Lease>>> {
        self.open.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// The attempts of this process.
    fn leases(&self) -> Vec<Arc<Lease>> {
        self.open().values().cloned().collect()
    }

    /// Waits until something may have changed: a call, a place left, an attempt ended.
    async fn woken(&self) {
        self.wake.notified().await;
    }

    /// How many more jobs this process should lease now.
    fn room(&self) -> usize {
        let mean = u128::from(self.mean.load(Ordering::Relaxed).max(1));
        let ahead = usize::try_from(self.slots as u128 * AHEAD.as_micros() / mean).unwrap_or(BATCH).min(BATCH);
        // With long jobs nothing is leased ahead: it would only wait here and not elsewhere.
        let ahead = if ahead <= self.slots { 0 } else { ahead };
        let goal = self.slots + ahead;
        goal.saturating_sub(self.held.load(Ordering::SeqCst)).min(BATCH).min(OPEN.saturating_sub(self.open().len()))
    }

    /// An attempt is at its commit, or has ended without one: its place is free.
    pub(crate) fn leave(&self, lease: &Lease) {
        if let Some(held) = lease.leave() {
            self.held(held);
            self.held.fetch_sub(1, Ordering::SeqCst);
            self.wake.notify_one();
        }
    }

    fn held(&self, held: Duration) {
        let held = u64::try_from(held.as_micros()).unwrap_or(u64::MAX).max(1);
        let mean = self.mean.load(Ordering::Relaxed);
        let next = if held > mean { mean.midpoint(held) } else { mean - (mean - held) / 8 };
        self.mean.store(next, Ordering::Relaxed);
    }
}
