//! The response cache: answers of mounted services that are given again without asking.
//!
//! It is a shared cache as RFC 9111 describes it, and keeps only what the service declares as
//! cacheable or a rule of the operator grants. Heuristics are off. What it promises besides:
//! nobody gets what was made for somebody else (a key holds host, path, query, tenant and person,
//! and every header that the service named in `Vary`); a body is kept only once it has arrived
//! whole; memory is bounded; of identical requests that find nothing one goes and the others wait
//! a bounded time; where the service fails, an answer that is no longer fresh stands in for it and
//! says so. What it does not: it cannot know that a service uses a header it does not name in
//! `Vary`. Headers that name another resource or host are the exception: a request that carries
//! one passes the cache by.
//!
//! With a shared server ([`Shared`]) the shelf of this process is the first tier and the server
//! the second; a server that is away only means fewer hits.

mod answering;
pub mod config;
pub mod control;
pub mod entry;
pub mod fill;
pub mod flight;
pub mod key;
mod layer;
pub mod metrics;
pub mod purge;
pub mod routes;
pub mod second;
mod settling;
pub mod shelf;
#[cfg(test)]
mod tests;

use std::{
    sync::{Arc, Weak},
    time::Duration,
};

use http::{HeaderName, Request, Response};
use plimsoll_core::{Clock, Result, Seed};

pub(crate) use self::answering::{answer, status};
pub use self::layer::{around, wants};
use self::{
    config::{CacheConfig, Granted},
    entry::{Mark, Stored},
    flight::Flights,
    key::{Asked, Key, shelf_mark},
    metrics::Tally,
    purge::{Purge, Purges, What},
    second::{News, Second},
    shelf::{Found, Shelf},
};
use crate::{
    Body,
    shared::{Lost, Shared},
    stack::Boxed,
};

/// How often the shared list of purges is read.
const FOLLOWED: Duration = Duration::from_millis(250);

/// Every kept answer, and what is under way to become one.
pub struct Cache {
    config: CacheConfig,
    rules: Granted,
    shelf: Shelf,
    flights: Arc<Flights>,
    purges: Purges,
    second: Option<Second>,
    tally: Tally,
    clock: Clock,
}

/// What stands below the cache: the service, or a stand-in for tests.
pub(crate) trait Below<'a>: Send {
    /// Asks now, in the caller's place.
    fn ask(self, request: Request<Body>) -> Boxed<'a, Result<Response<Body>>>;
    /// Asks behind the caller's back; works on when the caller has left.
    fn later(&self, request: Request<Body>) -> Boxed<'static, Result<Response<Body>>>;
}

/// A kept answer and where it lies.
type Met = Option<(Key, Arc<Stored>)>;

impl Cache {
    /// What the section says.
    ///
    /// # Errors
    /// `ConfigInvalid` for a rule that cannot be read.
    pub fn new(config: &CacheConfig, shared: Option<Arc<Shared>>, clock: Clock, seed: &Seed) -> Result<Arc<Cache>> {
        Ok(Arc::new(Cache {
            rules: Granted::read(&config.rules)?,
            shelf: Shelf::new(config.size.length()),
            flights: Arc::default(),
            purges: Purges::default(),
            second: shared.map(|shared| Second::new(shared, seed.clone())),
            tally: Tally::default(),
            config: config.clone(),
            clock,
        }))
    }

    /// Whether answers are kept.
    pub fn is_on(&self) -> bool {
        self.config.enabled
    }
    /// The largest body that is kept, in bytes.
    pub fn largest(&self) -> usize {
        self.config.largest.length()
    }

    /// Follows the shared list of purges for as long as the value lives; does nothing without one.
    pub fn follow(self: &Arc<Cache>) {
        if self.second.is_some() && self.is_on() {
            tokio::spawn(follow(Arc::downgrade(self)));
        }
    }

    /// What is known of purges, before the service is asked.
    fn mark(&self) -> Mark {
        Mark { own: self.purges.number(), shared: self.second.as_ref().and_then(Second::mark) }
    }

    /// The answer that lies in this process.
    fn near(&self, asked: &Asked) -> Met {
        let path = shelf_mark(&asked.host, &asked.path);
        asked.scopes().find_map(|scope| {
            let base = asked.base(scope);
            match self.shelf.get(path, &base)? {
                Found::Answer(stored) => Some((base, stored)),
                Found::Names(names) => {
                    let key = asked.variant(base, &names);
                    match self.shelf.get(path, &key)? {
                        Found::Answer(stored) => Some((key, stored)),
                        Found::Names(_) => None,
                    }
                }
            }
        })
    }

    /// The answer that lies here, or on the shared server if that one is better.
    async fn look(&self, asked: &Asked) -> Met {
        let near = self.near(asked);
        let now = self.clock.now();
        let Some(second) = self.second.as_ref().filter(|_| near.as_ref().is_none_or(|(_, stored)| !stored.is_fresh(now))) else {
            return near;
        };
        match second.look(asked).await {
            Ok(Some((key, stored, names))) if near.as_ref().is_none_or(|(_, near)| near.at < stored.at) => {
                self.tally.second_hit();
                let path = shelf_mark(&stored.host, &stored.path);
                if let Some(names) = names {
                    self.shelf.put(path, stored.base, Found::Names(names));
                }
                self.shelf.put(path, key, Found::Answer(stored.clone()));
                Some((key, stored))
            }
            _ => near,
        }
    }

    /// Puts an answer on the shelf, unless it was purged while it was on its way.
    fn keep(self: &Arc<Cache>, key: Key, stored: Stored, names: Vec<HeaderName>) {
        if !self.purges.spares(&stored, stored.mark.own) {
            return;
        }
        let (path, stored) = (shelf_mark(&stored.host, &stored.path), Arc::new(stored));
        if key != stored.base {
            self.shelf.put(path, stored.base, Found::Names(Arc::new(names.clone())));
        }
        self.shelf.put(path, key, Found::Answer(stored.clone()));
        self.tally.stored();
        // Between the look above and the shelf somebody may have purged.
        if !self.purges.spares(&stored, stored.mark.own) {
            self.shelf.drop_path(path, |other| other.base == stored.base);
            return;
        }
        if self.second.is_some() {
            let cache = self.clone();
            tokio::spawn(async move {
                if let Some(second) = &cache.second {
                    let _ = second.keep(&key, &stored, &names).await;
                    // Purged while it was being written.
                    if !cache.purges.spares(&stored, stored.mark.own) {
                        let _ = second.forget(&key).await;
                    }
                }
            });
        }
    }

    /// Takes answers out, here and, where there is a shared server, for everybody. Says how many
    /// lay here, and whether everybody will know.
    pub async fn purge(&self, purge: Purge) -> (usize, bool) {
        let dropped = self.drop_local(&purge);
        let reached = match &self.second {
            // What is read of the list here must hold at once what was just put there.
            Some(second) => second.add(&purge).await.is_ok() && self.catch_up().await.is_ok(),
            None => false,
        };
        (dropped, reached)
    }

    fn drop_local(&self, purge: &Purge) -> usize {
        self.purges.note(purge.clone());
        let dropped = match &purge.what {
            What::Path(path, Some(host)) => self.shelf.drop_path(shelf_mark(host, path), |stored| purge.takes(stored)),
            _ => self.shelf.drop_all(|stored| purge.takes(stored)),
        };
        self.tally.purged(dropped);
        dropped
    }

    /// Reads what is new on the shared list, and takes out what it says.
    async fn catch_up(&self) -> Result<(), Lost> {
        let Some(second) = &self.second else { return Ok(()) };
        match second.follow().await? {
            News::Everything => drop(self.shelf.drop_all(|_| true)),
            News::Purges(purges) => {
                for (number, purge) in purges {
                    let before = |stored: &Stored| stored.mark.shared.is_none_or(|(_, known)| known < number) && purge.takes(stored);
                    match &purge.what {
                        What::Path(path, Some(host)) => self.shelf.drop_path(shelf_mark(host, path), before),
                        _ => self.shelf.drop_all(before),
                    };
                }
            }
        }
        Ok(())
    }

    /// A request that may have changed something at `path` was not refused (RFC 9111 §4.4).
    pub async fn changed(&self, host: &str, path: &str) {
        self.purge(Purge { what: What::Path(path.to_owned(), Some(host.to_owned())), tenant: None }).await;
    }
}

async fn follow(cache: Weak<Cache>) {
    let mut lost = false;
    loop {
        {
            let Some(cache) = cache.upgrade() else { return };
            match cache.catch_up().await {
                Ok(()) if std::mem::take(&mut lost) => {
                    // Kept while nobody could say what others had changed.
                    cache.shelf.drop_all(|stored| stored.mark.shared.is_none());
                }
                Ok(()) => {}
                Err(Lost) => lost = true,
            }
        }
        tokio::time::sleep(FOLLOWED).await;
    }
}
