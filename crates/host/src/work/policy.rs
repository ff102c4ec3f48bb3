//! How often, how long and how soon again a kind of job is tried.

use std::time::Duration;

use plimsoll_core::{Code, Error, Seed};

/// What a kind of job may take and what follows when it fails.
#[derive(Debug, Clone, Copy)]
pub struct Policy {
    /// The most attempts, the first included; after the last one the job is a dead letter.
    pub attempts: u32,
    /// The pauses between them.
    pub pauses: Pauses,
    /// How long one attempt may take.
    pub deadline: Duration,
    /// How many may run at once, over all processes and tenants.
    pub at_once: Option<u32>,
    /// How many may run at once for one tenant, over all processes.
    pub per_tenant: Option<u32>,
    /// 0 is served first, 9 last.
    pub priority: u8,
    /// How long a finished job can be asked for, with its result.
    pub kept: Duration,
}

/// The pauses between attempts.
#[derive(Debug, Clone, Copy)]
pub enum Pauses {
    /// The first, doubled each time up to the longest; each shortened at random by up to a half, so
    /// that what failed together does not come back together.
    Doubling {
        /// After the first failure.
        first: Duration,
        /// Never more than this.
        longest: Duration,
    },
    /// One after the other, each lengthened at random by up to a tenth; the last one stays.
    Listed(&'static [Duration]),
}

impl Policy {
    /// Five attempts within about a quarter of an hour, a minute for each.
    pub const DEFAULT: Policy = Policy {
        attempts: 5,
        pauses: Pauses::Doubling { first: Duration::from_secs(5), longest: Duration::from_secs(600) },
        deadline: Duration::from_secs(60),
        at_once: None,
        per_tenant: None,
        priority: 5,
        kept: Duration::from_secs(7 * 86_400),
    };
}

impl Pauses {
    /// How long to wait after the attempt of this number (from 1) has failed.
    pub fn after(&self, attempt: u32, seed: &Seed) -> Duration {
        let share = |most: Duration| Duration::from_micros(seed.below(u64::try_from(most.as_micros()).unwrap_or(u64::MAX).max(1)));
        match self {
            Pauses::Doubling { first, longest } => {
                let full = first.saturating_mul(1 << attempt.saturating_sub(1).min(30)).min(*longest);
                full - share(full / 2)
            }
            Pauses::Listed(list) => {
                let position = (attempt.max(1) as usize - 1).min(list.len().saturating_sub(1));
                let full = list.get(position).copied().unwrap_or_default();
                full + share(full / 10)
            }
        }
    }
}

/// The pauses while the job waits for what is around it: for room, for the database, for its tenant.
pub(super) const SETBACKS: Pauses = Pauses::Doubling { first: Duration::from_secs(1), longest: Duration::from_secs(30) };

/// Whether what is around the job failed and not the job: such an attempt does not count.
pub fn is_setback(error: &Error) -> bool {
    matches!(error.code(), Code::StorageFull | Code::DatabaseUnavailable | Code::DatabaseBusy | Code::Draining | Code::TenantHeld)
}

/// Whether another attempt could end otherwise: what is wrong with the job itself stays wrong.
pub fn worth_repeating(error: &Error) -> bool {
    !matches!(error.code(), Code::Malformed | Code::Invalid | Code::OutcomeUnknown | Code::JobCancelled)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn pauses_double_up_to_the_longest_and_differ() {
        let pauses = Pauses::Doubling { first: Duration::from_secs(4), longest: Duration::from_secs(30) };
        let seed = Seed::fixed(7);
        for (attempt, full) in [(1, 4), (2, 8), (3, 16), (4, 30), (60, 30)] {
            let full = Duration::from_secs(full);
            let seen: Vec<Duration> = (0..50).map(|_| pauses.after(attempt, &seed)).collect();
            assert!(seen.iter().all(|pause| *pause <= full && *pause >= full / 2), "{attempt}: {seen:?}");
            assert!(seen.iter().any(|pause| *pause != seen[0]));
        }
    }

    #[test]
    fn listed_pauses_are_taken_in_order_and_the_last_one_stays() {
        const LIST: &[Duration] = &[Duration::from_secs(5), Duration::from_secs(300)];
        let seed = Seed::fixed(7);
        for (attempt, full) in [(1, 5), (2, 300), (3, 300), (9, 300)] {
            let pause = Pauses::Listed(LIST).after(attempt, &seed);
            assert!(pause >= Duration::from_secs(full) && pause <= Duration::from_secs(full) * 11 / 10, "{attempt}: {pause:?}");
        }
    }
}
