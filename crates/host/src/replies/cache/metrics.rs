//! What the cache did, counted.

use std::sync::atomic::{AtomicU64, Ordering};

use serde_json::{Value, json};

use super::Cache;
use crate::telemetry::Page;

/// Where an answer came from.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Outcome {
    /// Kept, and fresh.
    Hit,
    /// Kept by an identical request that was waited for.
    Collapsed,
    /// Kept, no longer fresh, and given while a new one is fetched.
    Stale,
    /// Kept, no longer fresh, and given because the service failed.
    StaleOnError,
    /// Kept, and the service said that it still holds.
    Revalidated,
    /// From the service.
    Miss,
    /// From the service, because the request is none that can be answered otherwise.
    Bypass,
}

impl Outcome {
    /// Every outcome.
    pub const ALL: [Outcome; 7] =
        [Outcome::Hit, Outcome::Collapsed, Outcome::Stale, Outcome::StaleOnError, Outcome::Revalidated, Outcome::Miss, Outcome::Bypass];
    /// The name in metrics.
    pub const fn name(self) -> &'static str {
        match self {
            Outcome::Hit => "hit",
            Outcome::Collapsed => "collapsed",
            Outcome::Stale => "stale",
            Outcome::StaleOnError => "stale_on_error",
            Outcome::Revalidated => "revalidated",
            Outcome::Miss => "miss",
            Outcome::Bypass => "bypass",
        }
    }
}

/// Counters of the cache.
#[derive(Default)]
pub struct Tally {
    answered: [AtomicU64; Outcome::ALL.len()],
    stored: AtomicU64,
    purged: AtomicU64,
    second: AtomicU64,
}

impl Tally {
    /// Counts an answer.
    pub fn answered(&self, outcome: Outcome) {
        self.answered[outcome as usize].fetch_add(1, Ordering::Relaxed);
    }
    /// How many answers had this outcome.
    pub fn count(&self, outcome: Outcome) -> u64 {
        self.answered[outcome as usize].load(Ordering::Relaxed)
    }
    /// Counts an answer that was kept.
    pub fn stored(&self) {
        self.stored.fetch_add(1, Ordering::Relaxed);
    }
    /// Counts answers that were purged.
    pub fn purged(&self, count: usize) {
        self.purged.fetch_add(count as u64, Ordering::Relaxed);
    }
    /// Counts an answer that another process had kept.
    pub fn second_hit(&self) {
        self.second.fetch_add(1, Ordering::Relaxed);
    }
}

/// The most telling of them, for the page about what is bounded.
pub fn figures(cache: &Cache) -> Value {
    json!({
        "hits": cache.tally.count(Outcome::Hit),
        "misses": cache.tally.count(Outcome::Miss),
        "bytes": cache.shelf.bytes(),
        "evicted": cache.shelf.evicted(),
    })
}

/// Writes them out.
pub fn write(page: &mut Page, cache: &Cache) {
    let tally = &cache.tally;
    page.family("plimsoll_cache_answers_total", "counter", "Answers of mounted services, by where they came from.");
    for outcome in Outcome::ALL {
        page.sample("plimsoll_cache_answers_total", &[("outcome", outcome.name())], tally.count(outcome));
    }
    let read = |counter: &AtomicU64| counter.load(Ordering::Relaxed);
    page.counter("plimsoll_cache_stored_total", "Answers kept.", read(&tally.stored));
    page.counter("plimsoll_cache_purged_total", "Answers taken out on request or because of a change.", read(&tally.purged));
    page.counter("plimsoll_cache_evicted_total", "Answers pushed out by others for want of room.", cache.shelf.evicted());
    page.counter("plimsoll_cache_shared_hits_total", "Answers found that another process had kept.", read(&tally.second));
    page.gauge("plimsoll_cache_bytes", "Memory taken by kept answers.", cache.shelf.bytes());
    page.gauge("plimsoll_cache_bytes_max", "Memory that kept answers may take.", cache.config.size.bytes());
    page.gauge("plimsoll_cache_entries", "Answers kept in this process.", cache.shelf.count());
    page.gauge("plimsoll_cache_flights", "Requests under way that identical ones wait for.", cache.flights.count());
}
