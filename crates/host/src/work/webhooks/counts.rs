//! What is counted about deliveries.

use std::sync::atomic::{AtomicU64, Ordering};

use crate::telemetry::exposition::Page;

/// Every outcome of an attempt, as it stands in the log of attempts.
const OUTCOMES: [&str; 11] =
    ["delivered", "redirected", "gone", "throttled", "failed", "refused", "unresolved", "unreachable", "encryption", "late", "broken"];

/// The figures of one process.
#[derive(Default)]
pub(super) struct Counts {
    attempts: [AtomicU64; OUTCOMES.len()],
    delivered: AtomicU64,
    dead: AtomicU64,
    postponed: AtomicU64,
}

impl Counts {
    pub(super) fn attempt(&self, outcome: &str) {
        if let Some(place) = OUTCOMES.iter().position(|known| *known == outcome) {
            self.attempts[place].fetch_add(1, Ordering::Relaxed);
        }
    }
    pub(super) fn delivered(&self) {
        self.delivered.fetch_add(1, Ordering::Relaxed);
    }
    pub(super) fn dead(&self) {
        self.dead.fetch_add(1, Ordering::Relaxed);
    }
    pub(super) fn postponed(&self) {
        self.postponed.fetch_add(1, Ordering::Relaxed);
    }

    pub(super) fn write(&self, page: &mut Page) {
        let name = "plimsoll_webhook_attempts_total";
        page.family(name, "counter", "Attempts to deliver a webhook, by what came of it.");
        for (outcome, count) in OUTCOMES.iter().zip(&self.attempts) {
            page.sample(name, &[("outcome", outcome)], count.load(Ordering::Relaxed));
        }
        let name = "plimsoll_webhook_deliveries_total";
        page.family(name, "counter", "Deliveries of webhooks that ended, by how.");
        for (outcome, count) in [("delivered", &self.delivered), ("dead", &self.dead)] {
            page.sample(name, &[("outcome", outcome)], count.load(Ordering::Relaxed));
        }
        let help = "Deliveries put back because their endpoint is paused or has no place.";
        page.counter("plimsoll_webhook_postponed_total", help, self.postponed.load(Ordering::Relaxed));
    }
}
