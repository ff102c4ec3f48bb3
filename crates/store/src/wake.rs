//! Wake-ups: who waits for work learns that another transaction left some, and asks nothing
//! meanwhile.
//!
//! Within a process a wake-up follows the commit at once. Between processes PostgreSQL carries it
//! (`NOTIFY`, heard on a connection of its own). SQLite has no such words; there the system
//! tells when the file is written to, the idle writer looks whether somebody else has changed it,
//! which reads nothing from disk, and every channel is woken if so. Where the system cannot tell,
//! the writer looks a few times a second. A wake-up may come without a reason, and never fails to
//! come with one: a listener that was away for a moment is woken when it is back.

use std::{
    collections::{BTreeSet, HashMap},
    sync::{
        Mutex, MutexGuard, PoisonError,
        atomic::{AtomicBool, Ordering},
    },
    time::Duration,
};

use plimsoll_core::Seed;
use tokio::sync::watch;

use crate::{Store, Tx, postgres, sqlite, store::Engine};

/// The name under which a PostgreSQL server carries all wake-ups.
pub(crate) const CARRIER: &str = "plimsoll";
/// How often the idle writer of a SQLite file looks for changes of other processes.
pub(crate) const LOOK: Duration = Duration::from_millis(200);
/// How often it looks while the file is being written to,
pub(crate) const CLOSE_LOOK: Duration = Duration::from_millis(2);
/// and for how long after the last write: a commit can be seen once it is on disk.
pub(crate) const LIVELY: Duration = Duration::from_millis(100);

/// Fires when a transaction that named the channel was committed, by this process or another.
///
/// Take it first, look for work then, wait last: nothing that is committed after it was taken is
/// missed.
#[derive(Debug, Clone)]
pub struct Changes(watch::Receiver<u64>);

impl Changes {
    /// Waits for the next wake-up since this was taken or last returned. Any number of commits in
    /// between are one wake-up. Never returns once the store is gone.
    pub async fn changed(&mut self) {
        if self.0.changed().await.is_err() {
            std::future::pending::<()>().await;
        }
    }
}

/// All channels of a store.
pub(crate) struct Hub {
    channels: Mutex<HashMap<&'static str, watch::Sender<u64>>>,
    heard: AtomicBool,
    /// Somebody has written to the file since the writer asked last.
    stirred: AtomicBool,
    /// Tells this store's own wake-ups from those of others when the server sends them back.
    me: String,
}

impl Hub {
    pub(crate) fn new() -> Hub {
        let chance: [u8; 6] = Seed::system().bytes();
        let me = chance.iter().map(|byte| format!("{byte:02x}")).collect();
        Hub { channels: Mutex::default(), heard: AtomicBool::new(false), stirred: AtomicBool::new(false), me }
    }

    fn channels(&self) -> MutexGuard<'_, HashMap<&'static str, watch::Sender<u64>>> {
        self.channels.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Whether anybody has ever asked for wake-ups.
    pub(crate) fn heard(&self) -> bool {
        self.heard.load(Ordering::Relaxed)
    }

    /// The file is being written to, by this process or another.
    pub(crate) fn stir(&self) {
        self.stirred.store(true, Ordering::Relaxed);
    }
    /// Whether it was since this was asked last.
    pub(crate) fn stirred(&self) -> bool {
        self.stirred.swap(false, Ordering::Relaxed)
    }

    /// A new listener, and whether it is the first.
    fn listen(&self, channel: &'static str) -> (Changes, bool) {
        let receiver = self.channels().entry(channel).or_insert_with(|| watch::Sender::new(0)).subscribe();
        (Changes(receiver), !self.heard.swap(true, Ordering::Relaxed))
    }

    pub(crate) fn fire(&self, channel: &str) {
        if let Some(sender) = self.channels().get(channel) {
            sender.send_modify(|count| *count += 1);
        }
    }

    pub(crate) fn fire_all(&self) {
        self.channels().values().for_each(|sender| sender.send_modify(|count| *count += 1));
    }

    /// The words that tell other processes, sent within the transaction.
    pub(crate) fn words(&self, channels: &BTreeSet<&'static str>) -> String {
        channels.iter().map(|channel| format!("NOTIFY {CARRIER}, '{} {}';", self.me, channel.replace('\'', "''"))).collect()
    }

    /// What a server carried here.
    pub(crate) fn carried(&self, payload: &str) {
        match payload.split_once(' ') {
            Some((who, _)) if who == self.me => {}
            Some((_, channel)) => self.fire(channel),
            None => self.fire_all(),
        }
    }
}

impl Tx<'_> {
    /// Wakes everybody who listens on `channel`, here and in other processes, once this
    /// transaction is committed; nobody if it is not.
    pub fn notify(&mut self, channel: &'static str) {
        self.notices.push(channel);
    }
}

impl Store {
    /// A listener on `channel`. The first one starts what hears other processes: on PostgreSQL a
    /// connection of its own, made anew when it is lost; on SQLite a look at the file whenever it is
    /// written to, since it cannot tell the channel every one is woken by another process's commit.
    pub fn changes(&self, channel: &'static str) -> Changes {
        let (changes, first) = self.0.shared.hub.listen(channel);
        if first {
            match &self.0.engine {
                Engine::Lite(lite) => self.0.lanes.changes.iter().for_each(|queue| {
                    queue.nudge();
                    sqlite::listen(&lite.path, self.0.shared.clone(), queue.clone());
                }),
                Engine::Pg(dial) => postgres::listen(dial.clone(), self.0.shared.clone(), self.0.lanes.pulse.clone()),
            }
        }
        changes
    }
}
