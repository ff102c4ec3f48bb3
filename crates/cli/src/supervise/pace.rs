//! How long to wait before the next start.

use std::time::Duration;

use plimsoll_core::Seed;

/// The first wait, at most.
const FIRST: Duration = Duration::from_millis(200);
/// No wait is longer.
const LONGEST: Duration = Duration::from_secs(30);
/// After this long in health an end is an event of its own and no longer part of a series.
const HEALTHY: Duration = Duration::from_secs(60);

/// Counts failures in a row and says how long to wait.
#[derive(Debug, Default)]
pub struct Pace {
    failures: u32,
}

impl Pace {
    /// Takes note of an end. `ready` is how long the process had been ready, if it ever was.
    /// Answers how long to wait: twice as long as before, at most 30 seconds, of which up to half
    /// is left to chance so that many instances do not start in step.
    pub fn after(&mut self, ready: Option<Duration>, seed: &Seed) -> Duration {
        if ready.is_some_and(|lasted| lasted >= HEALTHY) {
            self.failures = 0;
        }
        let full = FIRST.saturating_mul(1u32.checked_shl(self.failures).unwrap_or(u32::MAX)).min(LONGEST);
        self.failures = self.failures.saturating_add(1);
        let half = u64::try_from(full.as_micros() / 2).unwrap_or_default();
        Duration::from_micros(half + seed.below(half.max(1)))
    }

    /// How many ends in a row there were.
    pub fn failures(&self) -> u32 {
        self.failures
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn waits_double_up_to_thirty_seconds_and_begin_anew_after_a_minute_of_health() {
        let (mut pace, seed) = (Pace::default(), Seed::fixed(1));
        for round in 0..40 {
            let wait = pace.after(Some(Duration::from_secs(59)), &seed);
            let full = Duration::from_millis(200 * 2u64.pow(round.min(20))).min(Duration::from_secs(30));
            assert!(wait >= full / 2 && wait < full, "round {round}: {wait:?} of {full:?}");
        }
        assert_eq!(pace.failures(), 40);
        assert!(pace.after(Some(Duration::from_secs(60)), &seed) < Duration::from_millis(200));
        assert_eq!(pace.failures(), 1);
        assert!(pace.after(None, &seed) >= Duration::from_millis(200));
    }
}
