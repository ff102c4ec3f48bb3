//! What came of the requests of the last while, in figures that cost the same for ten as for ten million.

use std::time::Duration;

/// Parts of a window; the oldest falls out when a new one begins.
const PARTS: usize = 12;
/// Upper bounds of latencies in milliseconds; what lies above the last is in the last place.
const BOUNDS: [u64; 24] =
    [1, 2, 3, 5, 7, 10, 15, 20, 30, 50, 75, 100, 150, 200, 300, 500, 750, 1_000, 1_500, 2_000, 3_000, 5_000, 10_000, 30_000];

/// Requests of one arm in one window.
#[derive(Debug, Clone)]
pub struct Window {
    part: u64,
    parts: [Part; PARTS],
}

#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
struct Part {
    number: u64,
    count: u64,
    failed: u64,
    slower: [u64; BOUNDS.len() + 1],
}

/// What a window says.
#[derive(Debug, Clone, Copy, PartialEq, Default)]
pub struct Summary {
    /// Requests that were answered or failed.
    pub count: u64,
    /// How many of them failed.
    pub failed: u64,
    /// The 95th percentile of the time to the head of the answer, rounded up to a bound, in
    /// milliseconds; 0 without requests.
    pub p95_ms: u64,
}

impl Summary {
    /// The share that failed, from 0 to 1.
    #[expect(clippy::cast_precision_loss, reason = "a share of so many requests needs no more digits")]
    pub fn failing(&self) -> f64 {
        if self.count == 0 { 0.0 } else { self.failed as f64 / self.count as f64 }
    }
}

impl Window {
    /// An empty one, `length` long.
    pub fn new(length: Duration) -> Window {
        let part = u64::try_from(length.as_millis()).unwrap_or(u64::MAX) / PARTS as u64;
        Window { part: part.max(1), parts: [Part::default(); PARTS] }
    }

    /// Counts a request that ended `now` (milliseconds on a clock that only goes forward).
    pub fn add(&mut self, now: u64, failed: bool, took: Duration) {
        let number = now / self.part + 1;
        let part = &mut self.parts[usize::try_from(number % PARTS as u64).unwrap_or_default()];
        if part.number != number {
            *part = Part { number, ..Part::default() };
        }
        let took = u64::try_from(took.as_millis()).unwrap_or(u64::MAX);
        part.count += 1;
        part.failed += u64::from(failed);
        part.slower[BOUNDS.iter().position(|bound| took <= *bound).unwrap_or(BOUNDS.len())] += 1;
    }

    /// What it says `now`.
    pub fn summary(&self, now: u64) -> Summary {
        let number = now / self.part + 1;
        let mut all = Part::default();
        for part in self.parts.iter().filter(|part| part.number <= number && part.number + PARTS as u64 > number) {
            all.count += part.count;
            all.failed += part.failed;
            all.slower.iter_mut().zip(part.slower).for_each(|(sum, count)| *sum += count);
        }
        let rank = (all.count * 95).div_ceil(100);
        let mut seen = 0;
        let place = all.slower.iter().position(|count| {
            seen += count;
            seen >= rank && rank > 0
        });
        let p95_ms = place.map_or(0, |place| BOUNDS.get(place).copied().unwrap_or(u64::MAX));
        Summary { count: all.count, failed: all.failed, p95_ms }
    }

    /// Forgets everything.
    pub fn clear(&mut self) {
        self.parts = [Part::default(); PARTS];
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_old_falls_out() {
        let mut window = Window::new(Duration::from_secs(12));
        window.add(0, true, Duration::from_millis(40));
        window.add(6_000, false, Duration::from_millis(4));
        assert_eq!(window.summary(6_000), Summary { count: 2, failed: 1, p95_ms: 50 });
        assert_eq!(window.summary(11_999).count, 2);
        assert_eq!(window.summary(12_000), Summary { count: 1, failed: 0, p95_ms: 5 });
        assert_eq!(window.summary(60_000), Summary::default());
        assert!((window.summary(60_000).failing() - 0.0).abs() < f64::EPSILON);
    }

    #[test]
    fn the_95th_of_a_hundred_is_the_95th() {
        let mut window = Window::new(Duration::from_secs(60));
        (0..95).for_each(|_| window.add(1, false, Duration::from_millis(9)));
        (0..5).for_each(|_| window.add(1, false, Duration::from_secs(60)));
        assert_eq!(window.summary(1).p95_ms, 10);
        window.add(1, false, Duration::from_secs(60));
        assert_eq!(window.summary(1).p95_ms, u64::MAX);
    }
}
