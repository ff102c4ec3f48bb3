//! Where a read runs.
//!
//! Handing work to another thread and back costs several times what reading one record by its key
//! costs. So reads of one kind that have proven quick run on the thread that asks; one slow one
//! sends the kind back to the reader threads for a long while, so that the network's threads are
//! never held up for more than a moment.

use std::{
    sync::atomic::{AtomicU32, Ordering},
    time::Duration,
};

/// A read below this counts as quick.
const QUICK: Duration = Duration::from_micros(500);
/// A read above this sends its kind back to the threads.
const SLOW: Duration = Duration::from_millis(2);
/// So many quick reads in a row are proof.
const PROOF: u32 = 32;
/// So many reads run on threads after a slow one.
const PENALTY: u32 = 1000;

/// How long reads of one kind take; decides whether they run where they are asked or on a thread.
///
/// Counts are approximate under contention, which is good enough: they only choose a thread.
#[derive(Debug, Default)]
pub struct Pace {
    quick: AtomicU32,
    penalty: AtomicU32,
}

impl Pace {
    /// Starts without knowledge: the first reads run on threads.
    pub const fn new() -> Pace {
        Pace { quick: AtomicU32::new(0), penalty: AtomicU32::new(0) }
    }

    /// Whether the next read may run where it is asked.
    pub(crate) fn is_proven(&self) -> bool {
        let left = self.penalty.load(Ordering::Relaxed);
        if left > 0 {
            self.penalty.store(left - 1, Ordering::Relaxed);
            return false;
        }
        self.quick.load(Ordering::Relaxed) >= PROOF
    }

    /// Notes how long a read took.
    pub(crate) fn note(&self, took: Duration) {
        let quick = self.quick.load(Ordering::Relaxed);
        if took > SLOW {
            self.quick.store(0, Ordering::Relaxed);
            self.penalty.store(PENALTY, Ordering::Relaxed);
        } else if quick < PROOF {
            self.quick.store(if took < QUICK { quick + 1 } else { 0 }, Ordering::Relaxed);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn quick_reads_earn_their_place_and_one_slow_read_loses_it() {
        let pace = Pace::new();
        for _ in 0..PROOF {
            assert!(!pace.is_proven());
            pace.note(Duration::from_micros(10));
        }
        assert!(pace.is_proven());
        pace.note(Duration::from_micros(900));
        assert!(pace.is_proven(), "neither quick nor slow changes nothing once proven");
        pace.note(Duration::from_millis(3));
        for _ in 0..PENALTY {
            assert!(!pace.is_proven());
            pace.note(Duration::from_micros(10));
        }
        assert!(pace.is_proven());
    }
}
