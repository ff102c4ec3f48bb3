//! What the store counts about itself.

use std::{
    sync::atomic::{AtomicU64, Ordering},
    time::Duration,
};

/// A moment's view; counters only ever grow.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct Gauges {
    /// Reader threads.
    pub readers_total: u64,
    /// Reads that run at this moment, on reader threads or where they were asked.
    pub readers_busy: u64,
    /// Reads that wait for a thread.
    pub read_queue: u64,
    /// Changes that wait for the writer.
    pub write_queue: u64,
    /// Reads done, of either kind.
    pub reads: u64,
    /// Reads that ran where they were asked.
    pub reads_inline: u64,
    /// Changes made durable.
    pub commits: u64,
    /// Database transactions that carried them.
    pub batches: u64,
    /// Changes that left nothing behind because they failed.
    pub rollbacks: u64,
    /// Statements that took longer than the setting.
    pub slow_statements: u64,
    /// Statements that were stopped because they took too long.
    pub statement_timeouts: u64,
    /// Callers that were turned away because nothing became free in time.
    pub acquire_timeouts: u64,
    /// Connections made to a server after the first of each thread.
    pub reconnects: u64,
}

#[derive(Debug, Default)]
pub(crate) struct Counts {
    pub(crate) busy: AtomicU64,
    pub(crate) reads: AtomicU64,
    pub(crate) inline: AtomicU64,
    pub(crate) commits: AtomicU64,
    pub(crate) batches: AtomicU64,
    pub(crate) rollbacks: AtomicU64,
    pub(crate) slow: AtomicU64,
    pub(crate) timeouts: AtomicU64,
    pub(crate) refused: AtomicU64,
    pub(crate) reconnects: AtomicU64,
}

pub(crate) fn add(counter: &AtomicU64) {
    counter.fetch_add(1, Ordering::Relaxed);
}

pub(crate) fn read(counter: &AtomicU64) -> u64 {
    counter.load(Ordering::Relaxed)
}

/// Counts a running read for as long as it lives, a panic included.
pub(crate) struct Busy<'a>(&'a AtomicU64);

impl Busy<'_> {
    pub(crate) fn new(counter: &AtomicU64) -> Busy<'_> {
        add(counter);
        Busy(counter)
    }
}

impl Drop for Busy<'_> {
    fn drop(&mut self) {
        self.0.fetch_sub(1, Ordering::Relaxed);
    }
}

impl Counts {
    /// Logs and counts a statement that took longer than `limit`. Values never appear.
    pub(crate) fn statement(&self, text: &str, took: Duration, limit: Duration) {
        if took >= limit {
            add(&self.slow);
            tracing::warn!(sql = text, millis = took.as_millis() as u64, "slow statement");
        }
    }
}
