//! What this process counts about the attempts it runs.

use std::{
    collections::BTreeMap,
    sync::atomic::{AtomicU64, Ordering},
    time::Duration,
};

use super::Kinds;
use crate::telemetry::Page;

/// How an attempt can end, as logs and metrics call it.
pub(super) const OUTCOMES: [&str; 7] = ["done", "failed", "delayed", "dead", "cancelled", "given_back", "lost"];

/// Upper bounds in microseconds, and as they are shown in seconds: an attempt may be a query or an hour.
const BUCKETS: [(u64, &str); 10] = [
    (5_000, "0.005"),
    (25_000, "0.025"),
    (100_000, "0.1"),
    (500_000, "0.5"),
    (1_000_000, "1"),
    (5_000_000, "5"),
    (30_000_000, "30"),
    (60_000_000, "60"),
    (600_000_000, "600"),
    (3_600_000_000, "3600"),
];

#[derive(Default)]
struct Counts {
    outcomes: [AtomicU64; OUTCOMES.len()],
    buckets: [AtomicU64; BUCKETS.len() + 1],
    sum_nanos: AtomicU64,
}

/// Counts by kind, and those of the engine itself.
pub(crate) struct Tally {
    kinds: BTreeMap<&'static str, Counts>,
    pub(super) claims: AtomicU64,
    pub(super) leased: AtomicU64,
    pub(super) rescued: AtomicU64,
    pub(super) unclaimed: AtomicU64,
}

impl Tally {
    pub(super) fn new(kinds: &Kinds) -> Tally {
        Tally {
            kinds: kinds.keys().map(|kind| (*kind, Counts::default())).collect(),
            claims: AtomicU64::new(0),
            leased: AtomicU64::new(0),
            rescued: AtomicU64::new(0),
            unclaimed: AtomicU64::new(0),
        }
    }

    /// Counts the end of an attempt.
    pub(super) fn ended(&self, kind: &str, outcome: &str, took: Duration) {
        let Some(counts) = self.kinds.get(kind) else { return };
        if let Some(place) = OUTCOMES.iter().position(|known| *known == outcome) {
            counts.outcomes[place].fetch_add(1, Ordering::Relaxed);
        }
        let micros = u64::try_from(took.as_micros()).unwrap_or(u64::MAX);
        let place = BUCKETS.iter().position(|(bound, _)| micros <= *bound).unwrap_or(BUCKETS.len());
        counts.buckets[place].fetch_add(1, Ordering::Relaxed);
        counts.sum_nanos.fetch_add(u64::try_from(took.as_nanos()).unwrap_or(u64::MAX), Ordering::Relaxed);
    }

    /// Writes everything; kinds that have not run yet are left out.
    pub(crate) fn write(&self, page: &mut Page) {
        let read = |count: &AtomicU64| count.load(Ordering::Relaxed);
        let counts: [(&str, &str, &AtomicU64); 4] = [
            ("plimsoll_job_claims_total", "Looks into the log of jobs by this process.", &self.claims),
            ("plimsoll_jobs_leased_total", "Jobs this process took.", &self.leased),
            (
                "plimsoll_job_leases_lost_total",
                "Leases that had run out, found by this process: a process died or stood still.",
                &self.rescued,
            ),
            ("plimsoll_job_claim_errors_total", "Looks into the log that failed.", &self.unclaimed),
        ];
        for (name, help, count) in counts {
            page.counter(name, help, read(count));
        }
        page.family("plimsoll_job_attempts_total", "counter", "Attempts that ended in this process, by kind and outcome.");
        for (kind, counts) in &self.kinds {
            for (outcome, count) in OUTCOMES.iter().zip(&counts.outcomes).filter(|(_, count)| read(count) > 0) {
                page.sample("plimsoll_job_attempts_total", &[("kind", kind), ("outcome", outcome)], read(count));
            }
        }
        page.family("plimsoll_job_attempt_duration_seconds", "histogram", "Duration of attempts, from their place to their end.");
        for (kind, counts) in &self.kinds {
            let shown = counts.buckets.iter().map(read).sum::<u64>() > 0;
            let mut total = 0;
            for (place, bucket) in counts.buckets.iter().enumerate().filter(|_| shown) {
                total += read(bucket);
                let bound = BUCKETS.get(place).map_or("+Inf", |(_, bound)| bound);
                page.sample("plimsoll_job_attempt_duration_seconds_bucket", &[("kind", kind), ("le", bound)], total);
            }
            if shown {
                let seconds = Duration::from_nanos(read(&counts.sum_nanos)).as_secs_f64();
                page.sample("plimsoll_job_attempt_duration_seconds_sum", &[("kind", kind)], seconds);
                page.sample("plimsoll_job_attempt_duration_seconds_count", &[("kind", kind)], total);
            }
        }
    }
}
