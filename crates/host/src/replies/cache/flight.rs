//! Single flight: of identical requests that find nothing, one goes and the others wait for it.

use std::{
    collections::HashMap,
    sync::{Arc, Mutex, MutexGuard, PoisonError},
    time::{Duration, Instant},
};

use tokio::sync::watch;

use super::key::Key;

/// How a flight ended.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Landing {
    /// Still under way.
    Flying,
    /// The answer is kept: look again.
    Kept,
    /// The answer is for nobody else: everybody goes.
    Alone,
    /// The one that went did not come back: one of the others goes.
    Failed,
}

/// How long a request that answered for itself alone is remembered: identical ones do not wait.
const REMEMBERED: Duration = Duration::from_secs(120);
/// Most of them.
const MOST: usize = 10_000;

/// Requests under way.
#[derive(Default)]
pub struct Flights {
    under_way: Mutex<HashMap<Key, watch::Sender<Landing>>>,
    alone: Mutex<HashMap<Key, Instant>>,
}

/// One's part in a flight.
pub enum Part {
    /// Goes; the others wait.
    Leader(Leader),
    /// Waits.
    Follower(watch::Receiver<Landing>),
    /// Goes, and nobody waits: identical requests have no answer in common.
    Alone,
}

/// The one that goes. Dropped without a word it has failed.
pub struct Leader {
    flights: Arc<Flights>,
    key: Key,
    said: bool,
}

impl Flights {
    /// Joins the flight of `key`, or begins it.
    pub fn join(self: &Arc<Flights>, key: Key) -> Part {
        if lock(&self.alone).get(&key).is_some_and(|at| at.elapsed() < REMEMBERED) {
            return Part::Alone;
        }
        let mut under_way = lock(&self.under_way);
        if let Some(sender) = under_way.get(&key) {
            return Part::Follower(sender.subscribe());
        }
        under_way.insert(key, watch::channel(Landing::Flying).0);
        Part::Leader(Leader { flights: self.clone(), key, said: false })
    }

    /// How many requests are being waited for, or could be.
    pub fn count(&self) -> usize {
        lock(&self.under_way).len()
    }

    fn land(&self, key: &Key, landing: Landing) {
        let sender = lock(&self.under_way).remove(key);
        if let Some(sender) = sender {
            sender.send_replace(landing);
        }
    }
}

impl Leader {
    /// The answer is kept.
    pub fn kept(mut self) {
        lock(&self.flights.alone).remove(&self.key);
        self.say(Landing::Kept);
    }
    /// The answer is the leader's alone.
    pub fn alone(mut self) {
        let mut alone = lock(&self.flights.alone);
        if alone.len() >= MOST {
            alone.retain(|_, at| at.elapsed() < REMEMBERED);
        }
        if alone.len() < MOST {
            alone.insert(self.key, Instant::now());
        }
        drop(alone);
        self.say(Landing::Alone);
    }
    /// Nobody need wait; the next time may be another matter.
    pub fn release(mut self) {
        self.say(Landing::Alone);
    }
    fn say(&mut self, landing: Landing) {
        self.said = true;
        self.flights.land(&self.key, landing);
    }
}

impl Drop for Leader {
    fn drop(&mut self) {
        if !self.said {
            self.say(Landing::Failed);
        }
    }
}

/// Waits until the flight has ended, at most until `until`; still [`Landing::Flying`] then.
pub async fn wait(mut flight: watch::Receiver<Landing>, until: Instant) -> Landing {
    let landed = tokio::time::timeout_at(until.into(), flight.wait_for(|landing| *landing != Landing::Flying)).await;
    match landed {
        Ok(Ok(landing)) => *landing,
        Ok(Err(_)) => Landing::Failed,
        Err(_) => Landing::Flying,
    }
}

fn lock<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}
