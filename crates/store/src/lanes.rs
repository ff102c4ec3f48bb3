//! The threads of a store and the queues they serve.

use std::{
    sync::{Arc, Mutex, PoisonError},
    thread::JoinHandle,
};

use crate::{
    Scope,
    queue::Queue,
    work::{Change, Look},
};

pub(crate) struct Lanes {
    pub(crate) looks: Arc<Queue<Look>>,
    /// Answers questions about health, whatever else is going on.
    pub(crate) pulse: Arc<Queue<Look>>,
    pub(crate) changes: Vec<Arc<Queue<Change>>>,
    threads: Mutex<Vec<JoinHandle<()>>>,
}

impl Lanes {
    pub(crate) fn new(limit: usize, writers: usize) -> Lanes {
        Lanes {
            looks: Queue::new(limit),
            pulse: Queue::new(limit),
            changes: (0..writers).map(|_| Queue::new(limit)).collect(),
            threads: Mutex::default(),
        }
    }

    pub(crate) fn keep(&self, threads: Vec<JoinHandle<()>>) {
        *self.threads.lock().unwrap_or_else(PoisonError::into_inner) = threads;
    }

    /// The lane of a scope's writers: always the same, so that its changes stay in order.
    pub(crate) fn changes(&self, scope: Scope) -> &Queue<Change> {
        let lane = match scope {
            Scope::Tenant(id) => (id.bits() % self.changes.len() as u128) as usize,
            Scope::Host => 0,
        };
        &self.changes[lane]
    }

    /// Takes no more work; the threads end when they have done what waits.
    pub(crate) fn close(&self) {
        // Health last: once it is refused, so is everything else.
        self.changes.iter().for_each(|queue| queue.close());
        self.looks.close();
        self.pulse.close();
    }

    /// Waits for the threads to end.
    pub(crate) fn join(&self) {
        let threads = std::mem::take(&mut *self.threads.lock().unwrap_or_else(PoisonError::into_inner));
        for thread in threads {
            if thread.join().is_err() {
                tracing::error!("a thread of the store had panicked");
            }
        }
    }
}

impl Drop for Lanes {
    fn drop(&mut self) {
        self.close();
    }
}
