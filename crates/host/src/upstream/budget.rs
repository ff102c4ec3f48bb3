//! How many repetitions an upstream may be sent: a bucket of tokens over a time that it is told.
//!
//! Each request puts a share of a token in, time puts in a small reserve, and each repetition
//! takes a whole one out. So repetitions stay a share of the traffic: an upstream that fails
//! altogether gets a tenth more requests, not three times as many.

use std::time::Duration;

/// A token, so that shares are whole numbers.
const TOKEN: u64 = 1_000_000;
/// Most that is kept of the reserve.
const SECONDS: u64 = 10;

/// The bucket.
#[derive(Debug)]
pub struct Budget {
    /// Per request, in millionths of a token.
    share: u64,
    /// Per second, in tokens.
    reserve: u64,
    held: u64,
    filled: Duration,
}

impl Budget {
    /// Repetitions for `percent` of the requests and `reserve` more per second.
    pub fn new(percent: u32, reserve: u32) -> Budget {
        let reserve = u64::from(reserve);
        Budget { share: u64::from(percent) * TOKEN / 100, reserve, held: reserve * TOKEN, filled: Duration::ZERO }
    }

    /// Counts a request.
    pub fn earn(&mut self) {
        self.held = (self.held + self.share).min(self.most());
    }

    /// Takes a token for a repetition; no when there is none.
    pub fn spend(&mut self, now: Duration) -> bool {
        let passed = u64::try_from(now.saturating_sub(self.filled).as_micros()).unwrap_or(u64::MAX);
        self.held = self.held.saturating_add(passed.saturating_mul(self.reserve)).min(self.most());
        self.filled = self.filled.max(now);
        let Some(left) = self.held.checked_sub(TOKEN) else { return false };
        self.held = left;
        true
    }

    /// Whole tokens in the bucket.
    pub fn left(&self) -> u64 {
        self.held / TOKEN
    }

    fn most(&self) -> u64 {
        (self.reserve * SECONDS * TOKEN).max(self.share * 100).max(TOKEN)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use plimsoll_core::Seed;

    #[test]
    fn a_tenth_of_many_requests_may_be_repeated_and_no_more() {
        let mut budget = Budget::new(10, 0);
        let repeated = (0..10_000).filter(|_| {
            budget.earn();
            budget.spend(Duration::ZERO)
        });
        assert_eq!(repeated.count(), 1_000);
    }

    #[test]
    fn a_service_with_little_traffic_has_its_reserve() {
        let mut budget = Budget::new(10, 3);
        let spent = |budget: &mut Budget, at| (0..100).filter(|_| budget.spend(Duration::from_secs(at))).count();
        assert_eq!([spent(&mut budget, 0), spent(&mut budget, 1), spent(&mut budget, 3_600)], [3, 3, 30]);
    }

    #[test]
    fn whatever_the_traffic_repetitions_stay_within_share_and_reserve() {
        for seed in 0..200 {
            let chance = Seed::fixed(seed);
            let (percent, reserve) = (chance.below(50) as u32, chance.below(10) as u32);
            let mut budget = Budget::new(percent, reserve);
            let (mut now, mut requests, mut repeated) = (Duration::ZERO, 0u64, 0u64);
            for _ in 0..2_000 {
                now += Duration::from_micros(chance.below(200_000));
                if chance.below(3) > 0 {
                    budget.earn();
                    requests += 1;
                }
                repeated += u64::from(chance.below(2) == 0 && budget.spend(now));
            }
            let most = requests * u64::from(percent) / 100 + (now.as_secs() + 2) * u64::from(reserve) + 1;
            assert!(repeated <= most, "seed {seed}: {repeated} of at most {most}");
        }
    }
}
