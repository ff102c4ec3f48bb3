//! The meter: how much of a quota each caller has left.
//!
//! The generic cell rate algorithm: per caller one number, the time at which its quota is full
//! again. A request moves it forward by one interval (window ÷ quota) and passes while it stays
//! within one window from now. From rest exactly the quota passes in a burst, after that one
//! request per interval; there is no edge of a window at which a double burst fits.
//!
//! Times are whole nanoseconds since the meter began, handed in by the caller. Nothing here reads
//! a clock.

use std::{
    collections::{HashMap, hash_map::Entry},
    hash::{BuildHasher, BuildHasherDefault, Hash, Hasher, RandomState},
    sync::{Mutex, MutexGuard, PoisonError},
    time::Duration,
};

use super::config::Quota;

const SHARDS: usize = 64;

/// One policy and all its callers.
pub struct Meter {
    /// Nanoseconds that one request costs.
    interval: u64,
    /// Nanoseconds that a full quota is worth.
    burst: u64,
    quota: u32,
    /// Most cells in one shard.
    most: usize,
    shards: Box<[Mutex<Cells>; SHARDS]>,
}

type Cells = HashMap<u64, u64, BuildHasherDefault<Hashed>>;

/// The keys of a shard are hashes already.
#[derive(Default)]
struct Hashed(u64);
impl Hasher for Hashed {
    fn finish(&self) -> u64 {
        self.0
    }
    fn write(&mut self, bytes: &[u8]) {
        for &byte in bytes {
            self.0 = self.0.rotate_left(8) ^ u64::from(byte);
        }
    }
    fn write_u64(&mut self, number: u64) {
        self.0 = number;
    }
}

/// Names callers by hash; keyed at random per process, so that nobody can aim at another's cell.
#[derive(Debug, Default)]
pub struct Keys(RandomState);

impl Keys {
    /// The number under which a caller is remembered.
    pub fn of(&self, caller: impl Hash) -> u64 {
        self.0.hash_one(caller)
    }
}

/// What a request found.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Reading {
    /// Requests left; after a refusal 0.
    pub left: u32,
    /// Nanoseconds until the quota is full again, which lets a client pace what is left over them.
    /// Where nothing is left: until the next request passes.
    pub wait: u64,
}

impl Reading {
    /// `wait` in seconds, rounded up, at least 1.
    pub fn seconds(self) -> u32 {
        u32::try_from(self.wait.div_ceil(1_000_000_000)).unwrap_or(u32::MAX).max(1)
    }
}

impl Meter {
    /// A meter for `quota` that remembers about `cells` callers; `None` where there is no limit.
    pub fn new(quota: Quota, cells: usize) -> Option<Meter> {
        let rate = quota.0?;
        let window = u64::try_from(rate.window.as_nanos()).unwrap_or(u64::MAX / 4);
        let interval = window.checked_div(u64::from(rate.count))?.max(1);
        Some(Meter {
            interval,
            // Not the window itself: the division's remainder must not let one more pass.
            burst: interval * u64::from(rate.count),
            quota: rate.count,
            most: cells.div_ceil(SHARDS).max(1),
            shards: Box::new(std::array::from_fn(|_| Mutex::default())),
        })
    }

    /// Takes one unit from `key`'s quota. `Err` where there is none; nothing is taken then.
    pub fn take(&self, key: u64, now: Duration) -> Result<Reading, Reading> {
        let now = nanos(now);
        let mut cells = self.shard(key);
        let room = cells.len() < self.most;
        let full_at = match cells.entry(key) {
            Entry::Occupied(cell) => cell.into_mut(),
            Entry::Vacant(cell) if room => cell.insert(now),
            Entry::Vacant(_) => {
                make_room(&mut cells, now, self.most);
                cells.entry(key).or_insert(now)
            }
        };
        let next = (*full_at).max(now) + self.interval;
        let owed = next - now;
        if owed > self.burst {
            return Err(Reading { left: 0, wait: owed - self.burst });
        }
        *full_at = next;
        // At most the quota, which fits.
        let left = u32::try_from((self.burst - owed) / self.interval).unwrap_or(self.quota);
        Ok(Reading { left, wait: if left > 0 { owed } else { owed + self.interval - self.burst } })
    }

    /// Gives back a unit that was taken for a request which another meter then refused.
    pub fn give_back(&self, key: u64) {
        if let Some(full_at) = self.shard(key).get_mut(&key) {
            *full_at = full_at.saturating_sub(self.interval);
        }
    }

    /// How many callers are remembered.
    pub fn cells(&self) -> usize {
        self.shards.iter().map(|shard| lock(shard).len()).sum()
    }

    fn shard(&self, key: u64) -> MutexGuard<'_, Cells> {
        // The high bits; the map below uses the low ones.
        lock(&self.shards[(key >> 58) as usize])
    }
}

/// Forgets every caller whose quota is full, which changes nothing, and if that is not enough the
/// one that is closest to it.
fn make_room(cells: &mut Cells, now: u64, most: usize) {
    cells.retain(|_, full_at| *full_at > now);
    while cells.len() >= most {
        let Some(closest) = cells.iter().min_by_key(|(_, full_at)| **full_at).map(|(key, _)| *key) else { return };
        cells.remove(&closest);
    }
}

/// A panic cannot leave a cell half written, so a poisoned lock is as good as any.
fn lock(shard: &Mutex<Cells>) -> MutexGuard<'_, Cells> {
    shard.lock().unwrap_or_else(PoisonError::into_inner)
}

fn nanos(since: Duration) -> u64 {
    u64::try_from(since.as_nanos()).unwrap_or(u64::MAX / 2)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::config::Setting;
    use std::sync::atomic::{AtomicU32, Ordering};

    const START: Duration = Duration::from_secs(1000);

    fn meter(rate: &str, cells: usize) -> Meter {
        Meter::new(Quota::from_text(rate).unwrap(), cells).unwrap()
    }

    #[test]
    fn exactly_the_quota_passes_in_a_burst() {
        // 7 does not divide a minute in nanoseconds; 100 000 000 comes close to one per nanosecond.
        for rate in ["1/1s", "7/1m", "600/1m", "1000/1s", "100000/1h"] {
            let (meter, quota) = (meter(rate, 64), Quota::from_text(rate).unwrap().0.unwrap().count);
            for count in 1..=quota {
                assert_eq!(meter.take(1, START).map(|reading| reading.left), Ok(quota - count), "{rate}");
            }
            assert!(meter.take(1, START).is_err(), "{rate}: one more than the quota passed");
        }
    }

    #[test]
    fn exactly_the_quota_passes_under_eight_threads() {
        let (meter, passed) = (meter("5000/1m", 6400), AtomicU32::new(0));
        std::thread::scope(|scope| {
            for _ in 0..8 {
                scope.spawn(|| {
                    for _ in 0..2000 {
                        passed.fetch_add(u32::from(meter.take(42, START).is_ok()), Ordering::Relaxed);
                    }
                });
            }
        });
        assert_eq!(passed.into_inner(), 5000);
    }

    #[test]
    fn a_refusal_says_when_the_next_request_passes_and_takes_nothing() {
        let meter = meter("60/1m", 64);
        (0..60).for_each(|_| assert!(meter.take(1, START).is_ok()));
        for _ in 0..100 {
            assert_eq!(meter.take(1, START), Err(Reading { left: 0, wait: 1_000_000_000 }));
        }
        let soon = START + Duration::from_millis(999);
        assert_eq!(meter.take(1, soon).unwrap_err().wait, 1_000_000);
        assert!(meter.take(1, START + Duration::from_secs(1)).is_ok());
        assert!(meter.take(1, START + Duration::from_secs(1)).is_err());
    }

    #[test]
    fn who_has_something_left_learns_when_all_is_back_and_who_has_not_when_the_next_passes() {
        let meter = meter("3/30s", 64);
        let waits: Vec<_> = (0..3).map(|_| meter.take(1, START).unwrap().seconds()).collect();
        assert_eq!(waits, [10, 20, 10]);
    }

    #[test]
    fn after_a_rest_the_quota_is_full_and_not_fuller() {
        let meter = meter("10/1m", 64);
        (0..10).for_each(|_| assert!(meter.take(1, START).is_ok()));
        let later = START + Duration::from_secs(3600);
        assert_eq!(meter.take(1, later).unwrap().left, 9);
    }

    #[test]
    fn callers_do_not_draw_on_each_other_and_a_unit_can_be_given_back() {
        let meter = meter("1/1m", 64);
        let keys = Keys::default();
        let (a, b) = (keys.of("a"), keys.of("b"));
        assert!(meter.take(a, START).is_ok() && meter.take(b, START).is_ok());
        assert!(meter.take(a, START).is_err());
        meter.give_back(a);
        assert!(meter.take(a, START).is_ok() && meter.take(b, START).is_err());
    }

    #[test]
    fn memory_is_bounded_and_a_flood_of_callers_does_not_free_one_that_is_refused() {
        let meter = meter("2/1m", 64 * 8);
        let keys = Keys::default();
        let hot = keys.of("hot");
        while meter.take(hot, START).is_ok() {}
        for number in 0..20_000 {
            let _ = meter.take(keys.of(number), START);
        }
        assert!(meter.cells() <= 64 * 8, "{}", meter.cells());
        assert!(meter.take(hot, START).is_err(), "a flood must not reset a used-up quota");
    }

    #[test]
    fn a_clock_that_stands_before_the_last_request_does_no_harm() {
        let meter = meter("2/1m", 64);
        assert!(meter.take(1, START).is_ok());
        assert!(meter.take(1, START - Duration::from_secs(30)).is_err(), "time that runs back gives nothing");
    }

    #[test]
    fn off_is_no_meter() {
        assert!(Meter::new(Quota(None), 64).is_none());
    }
}
