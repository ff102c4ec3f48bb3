//! What is counted of backups and drills, on the page of metrics.

use std::{
    sync::atomic::{AtomicI64, AtomicU64, Ordering},
    time::Duration,
};

use plimsoll_core::Time;

use super::record::{Drill, Moments};
use crate::telemetry::Page;

/// Counts since the start, and what the record said last.
#[derive(Debug, Default)]
pub struct Tally {
    made: AtomicU64,
    failed: AtomicU64,
    bytes: AtomicI64,
    millis: AtomicU64,
    drills: AtomicU64,
    bad_drills: AtomicU64,
    rto_millis: AtomicI64,
    rpo_seconds: AtomicI64,
    /// Seconds since 1970, 0 for never.
    whole_at: AtomicI64,
    good_at: AtomicI64,
}

impl Tally {
    pub(super) fn made(&self, bytes: i64, took: Duration) {
        self.made.fetch_add(1, Ordering::Relaxed);
        self.bytes.store(bytes, Ordering::Relaxed);
        self.millis.store(u64::try_from(took.as_millis()).unwrap_or(u64::MAX), Ordering::Relaxed);
    }
    pub(super) fn failed(&self) {
        self.failed.fetch_add(1, Ordering::Relaxed);
    }
    pub(super) fn drilled(&self, drill: &Drill) {
        self.drills.fetch_add(1, Ordering::Relaxed);
        self.bad_drills.fetch_add(u64::from(!drill.good), Ordering::Relaxed);
        self.rto_millis.store(drill.rto_millis.unwrap_or(0), Ordering::Relaxed);
        self.rpo_seconds.store(drill.rpo_seconds.unwrap_or(0), Ordering::Relaxed);
    }
    /// What the record says, which other processes write too.
    pub(super) fn seen(&self, moments: &Moments) {
        let seconds = |at: Option<Time>| at.map_or(0, Time::seconds);
        self.whole_at.store(seconds(moments.whole), Ordering::Relaxed);
        self.good_at.store(seconds(moments.good), Ordering::Relaxed);
    }

    /// Writes the figures.
    pub fn write(&self, page: &mut Page) {
        let count = |value: &AtomicU64| value.load(Ordering::Relaxed);
        let number = |value: &AtomicI64| value.load(Ordering::Relaxed);
        page.gauge(
            "plimsoll_backup_last_success_timestamp_seconds",
            "When the newest whole backup began; 0 for never.",
            number(&self.whole_at),
        );
        page.gauge(
            "plimsoll_drill_last_success_timestamp_seconds",
            "When the newest good drill began; 0 for never.",
            number(&self.good_at),
        );
        page.counter("plimsoll_backups_total", "Backups this process has completed.", count(&self.made));
        page.counter("plimsoll_backups_failed_total", "Backups of this process that failed.", count(&self.failed));
        page.gauge("plimsoll_backup_last_bytes", "Length of the last backup of this process.", number(&self.bytes));
        page.gauge(
            "plimsoll_backup_last_duration_seconds",
            "How long the last backup of this process took.",
            count(&self.millis) as f64 / 1e3,
        );
        page.counter("plimsoll_drills_total", "Drills of this process.", count(&self.drills));
        page.counter("plimsoll_drills_bad_total", "Drills of this process that found something.", count(&self.bad_drills));
        page.gauge(
            "plimsoll_drill_last_rto_seconds",
            "How long the restore of the last drill took.",
            number(&self.rto_millis) as f64 / 1e3,
        );
        page.gauge("plimsoll_drill_last_rpo_seconds", "How old the newest backup was at the last drill.", number(&self.rpo_seconds));
    }
}
