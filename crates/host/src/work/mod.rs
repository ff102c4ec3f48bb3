//! Work that was accepted and is done later: one durable log of jobs.
//!
//! **Promises.** A job is put into the log in the transaction of the change that wants it: both are
//! there or neither. It runs at least once; its effect inside the database and its end are one
//! transaction, so that effect happens once. A process that dies gives its jobs to others when
//! their leases run out. A job that fails too often, or that cannot be understood, is a dead letter
//! and stays until somebody replays or discards it.
//!
//! **Does not promise** that an attempt runs only once, nor an order between jobs.

mod claim;
pub mod config;
mod enqueue;
pub mod events;
pub mod job;
pub mod lease;
pub mod policy;
mod runner;
pub mod webhooks;

use std::{
    sync::{
        Arc,
        atomic::{AtomicBool, Ordering},
    },
    time::Duration,
};

use plimsoll_core::Seed;
use plimsoll_store::{Migration, Schema};
use tokio::sync::{Notify, Semaphore};

pub use self::{
    enqueue::{Enqueued, Order},
    job::{Finished, Job, Jobs, Kind, Kinds},
    lease::Lease,
    policy::{Pauses, Policy},
};
pub(crate) use self::{job::table, runner::run};

/// The log.
pub const SCHEMA: Schema = Schema {
    name: "work",
    migrations: &[Migration { id: "0001_work", up: include_str!("schema.sql"), down: "DROP TABLE job_failure; DROP TABLE job;" }],
};

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
    places: Arc<Semaphore>,
    wake: Notify,
    stopping: AtomicBool,
}

impl Work {
    /// The engine with these kinds; runs nothing until [`run`].
    pub fn new(config: &config::WorkConfig, bus: events::Bus, kinds: Kinds, seed: &Seed) -> Work {
        let slots = usize::from(config.slots);
        Work {
            kinds,
            worker: crate::identity::hex(&seed.bytes::<8>()),
            term: config.lease.duration(),
            slots,
            bus: Arc::new(bus),
            places: Arc::new(Semaphore::new(slots)),
            wake: Notify::new(),
            stopping: AtomicBool::new(false),
        }
    }

    /// Something may be there to be done.
    pub fn wake(&self) {
        self.wake.notify_one();
    }

    /// Waits until [`Work::wake`] was called.
    pub(crate) async fn woken(&self) {
        self.wake.notified().await;
    }

    /// Whether no more jobs are to be begun.
    pub fn stopping(&self) -> bool {
        self.stopping.load(Ordering::SeqCst)
    }

    /// Begins no more jobs and waits for those that run, for as long as `patience`.
    pub async fn stop(&self, patience: Duration) {
        self.stopping.store(true, Ordering::SeqCst);
        self.wake();
        let all = u32::try_from(self.slots).unwrap_or(u32::MAX);
        if tokio::time::timeout(patience, self.places.acquire_many(all)).await.is_err() {
            tracing::warn!("jobs still run; their leases will run out and others will do them again");
        }
    }
}
