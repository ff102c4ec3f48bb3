//! Where a read runs.
//!
//! Handing work to another thread and back costs several times what reading one record by its key
//! costs. So reads of one kind that have proven quick run on the thread that asks; when their mean
//! turns slow, the kind goes back to the reader threads for a long while, so that the network's
//! threads are not held up. The mean and not the slowest read decides: on a busy machine any read
//! can be interrupted for milliseconds, and moving it to another thread would not help.

use std::{
    sync::atomic::{AtomicU32, Ordering},
    time::Duration,
};

/// A read below this counts as quick.
const QUICK: Duration = Duration::from_micros(500);
/// So many quick reads in a row are proof.
const PROOF: u32 = 32;
/// A mean above this, in microseconds, sends a kind back to the threads.
const SLOW_MEAN: u32 = 1_000;
/// The most one read counts in the mean, in microseconds: one that the machine interrupted is no
/// proof against its kind, three in a row are.
const MOST: u32 = 8_000;
/// The weight of the newest read in the mean is one in so many.
const WEIGHT: u32 = 16;
/// So many reads run on threads after that.
const PENALTY: u32 = 1000;

/// How long reads of one kind take; decides whether they run where they are asked or on a thread.
///
/// Counts are approximate under contention, which is good enough: they only choose a thread.
#[derive(Debug, Default)]
pub struct Pace {
    quick: AtomicU32,
    mean: AtomicU32,
    penalty: AtomicU32,
}

impl Pace {
    /// Starts without knowledge: the first reads run on threads.
    pub const fn new() -> Pace {
        Pace { quick: AtomicU32::new(0), mean: AtomicU32::new(0), penalty: AtomicU32::new(0) }
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
        if quick < PROOF {
            self.quick.store(if took < QUICK { quick + 1 } else { 0 }, Ordering::Relaxed);
            return;
        }
        let micros = u32::try_from(took.as_micros()).unwrap_or(MOST).min(MOST);
        let mean = self.mean.load(Ordering::Relaxed);
        let next = mean - mean / WEIGHT + micros / WEIGHT;
        if next > SLOW_MEAN {
            self.quick.store(0, Ordering::Relaxed);
            self.mean.store(0, Ordering::Relaxed);
            self.penalty.store(PENALTY, Ordering::Relaxed);
        } else if next != mean {
            self.mean.store(next, Ordering::Relaxed);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn proven() -> Pace {
        let pace = Pace::new();
        for _ in 0..PROOF {
            assert!(!pace.is_proven());
            pace.note(Duration::from_micros(10));
        }
        assert!(pace.is_proven());
        pace
    }

    #[test]
    fn an_interrupted_read_is_forgiven() {
        let pace = proven();
        for _ in 0..20 {
            pace.note(Duration::from_millis(6));
            (0..40).for_each(|_| pace.note(Duration::from_micros(10)));
        }
        assert!(pace.is_proven());
    }

    #[test]
    fn a_kind_that_turns_slow_goes_back_to_the_threads_and_can_earn_its_place_again() {
        let pace = proven();
        (0..3).for_each(|_| pace.note(Duration::from_secs(1)));
        for _ in 0..PENALTY {
            assert!(!pace.is_proven());
            pace.note(Duration::from_micros(10));
        }
        assert!(pace.is_proven());
    }
}
