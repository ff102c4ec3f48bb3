//! How many requests at the same time an upstream does well with, found out from its answers.
//!
//! The idea is that of the gradient limiter in Netflix' `concurrency-limits` ("Performance Under
//! Load", 2018), itself after the delay-based congestion control of TCP Vegas; the code is ours.
//! A queue inside the upstream shows as time. So the time of a recent handful of answers is held
//! against a long average: as long as the recent ones take no more than half as long again, the
//! limit grows by a small allowance for waiting; when they take longer, it shrinks in proportion,
//! by a half of the difference at most. It never leaves its bounds, and it grows only while it is
//! used. Answers that never came shrink it at once.

use std::time::Duration;

/// Answers of one window, and how long it lasts at least.
const SAMPLES: u32 = 10;
const WINDOW: Duration = Duration::from_millis(100);
/// How much slower than usual is still usual.
const TOLERANCE: f64 = 1.5;
/// How much room is tried beyond what is known to go well.
const ALLOWANCE: f64 = 4.0;
/// How far one window moves the limit towards what it found.
const STEP: f64 = 0.2;
/// How far one window moves the long average, up and down. Up it goes slowly, or a queue that
/// lasts for a minute would pass for the usual; a service that is slower for good is believed
/// after some minutes.
const RISE: f64 = 0.002;
const FALL: f64 = 0.1;
/// What is left of the limit after a window in which answers did not come.
const CUT: f64 = 0.9;

/// A limit that follows an upstream.
#[derive(Debug)]
pub struct Adaptive {
    least: f64,
    most: f64,
    limit: f64,
    /// The long average, in seconds.
    usual: Option<f64>,
    began: Duration,
    sum: f64,
    answers: u32,
    missing: u32,
    busiest: usize,
}

impl Adaptive {
    /// Between `least` and `most`; begins with `most`, for nothing is known yet that speaks against it.
    pub fn new(least: usize, most: usize) -> Adaptive {
        let most = most.max(1) as f64;
        Adaptive {
            least: (least.max(1) as f64).min(most),
            most,
            limit: most,
            usual: None,
            began: Duration::ZERO,
            sum: 0.0,
            answers: 0,
            missing: 0,
            busiest: 0,
        }
    }

    /// The limit.
    pub fn places(&self) -> usize {
        self.limit as usize
    }

    /// An answer that took `took`, or none that came, while `busy` requests were under way.
    pub fn sample(&mut self, took: Option<Duration>, busy: usize, now: Duration) {
        match took {
            Some(took) => {
                self.sum += took.as_secs_f64();
                self.answers += 1;
            }
            None => self.missing += 1,
        }
        self.busiest = self.busiest.max(busy);
        if self.answers + self.missing >= SAMPLES && now.saturating_sub(self.began) >= WINDOW {
            self.conclude();
            (self.began, self.sum, self.answers, self.missing, self.busiest) = (now, 0.0, 0, 0, 0);
        }
    }

    fn conclude(&mut self) {
        if self.missing * 10 > self.answers + self.missing {
            self.limit = (self.limit * CUT).clamp(self.least, self.most);
            return;
        }
        // Below a tenth of a millisecond differences are those of the clock and the scheduler.
        let recent = (self.sum / f64::from(self.answers)).max(1e-4);
        let usual = self.usual.unwrap_or(recent);
        let usual = usual + (recent - usual) * if recent > usual { RISE } else { FALL };
        self.usual = Some(usual);
        let gradient = (TOLERANCE * usual / recent).clamp(0.5, 1.0);
        // A limit that nobody comes near to has not been tried: it may shrink, not grow.
        if gradient >= 1.0 && (self.busiest as f64) < self.limit / 2.0 {
            return;
        }
        let found = self.limit * gradient + ALLOWANCE;
        self.limit = (self.limit + (found - self.limit) * STEP).clamp(self.least, self.most);
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use plimsoll_core::Seed;

    /// Answers that take `millis` each, as many at the same time as there may be.
    fn feed(limit: &mut Adaptive, millis: f64, windows: u32, now: &mut Duration) {
        for _ in 0..windows {
            *now += WINDOW;
            for _ in 0..SAMPLES {
                limit.sample(Some(Duration::from_secs_f64(millis / 1e3)), limit.places(), *now);
            }
        }
    }

    #[test]
    fn an_upstream_that_slows_down_gets_less_at_once_and_more_again_when_it_recovers() {
        let (mut limit, mut now) = (Adaptive::new(4, 100), Duration::ZERO);
        feed(&mut limit, 10.0, 20, &mut now);
        assert_eq!(limit.places(), 100);
        feed(&mut limit, 200.0, 10, &mut now);
        assert!(limit.places() < 50, "{}", limit.places());
        feed(&mut limit, 10.0, 200, &mut now);
        assert_eq!(limit.places(), 100);
    }

    #[test]
    fn it_settles_where_a_queue_begins() {
        // Twenty at once are answered in 10 ms; what is beyond them waits its turn.
        let (mut limit, mut now) = (Adaptive::new(4, 200), Duration::ZERO);
        feed(&mut limit, 10.0, 30, &mut now);
        for _ in 0..60 {
            let millis = 10.0 * (limit.places() as f64 / 20.0).max(1.0);
            feed(&mut limit, millis, 1, &mut now);
        }
        assert!((20..60).contains(&limit.places()), "{}", limit.places());
    }

    #[test]
    fn answers_that_do_not_come_shrink_it_to_its_least_and_no_further() {
        let (mut limit, mut now) = (Adaptive::new(4, 100), Duration::ZERO);
        for _ in 0..1_000 {
            now += WINDOW / 5;
            limit.sample(None, limit.places(), now);
        }
        assert_eq!(limit.places(), 4);
    }

    #[test]
    fn a_limit_that_nobody_reaches_does_not_grow() {
        let (mut limit, mut now) = (Adaptive::new(4, 100), Duration::ZERO);
        (limit.limit, now) = (20.0, now + WINDOW);
        for _ in 0..500 {
            now += WINDOW / 5;
            limit.sample(Some(Duration::from_millis(5)), 3, now);
        }
        assert_eq!(limit.places(), 20);
    }

    #[test]
    fn whatever_it_is_told_it_stays_within_its_bounds() {
        for seed in 0..200 {
            let chance = Seed::fixed(seed);
            let least = 1 + chance.below(10) as usize;
            let most = least + chance.below(200) as usize;
            let (mut limit, mut now) = (Adaptive::new(least, most), Duration::ZERO);
            for _ in 0..2_000 {
                now += Duration::from_micros(chance.below(50_000));
                let took = (chance.below(10) > 0).then(|| Duration::from_micros(chance.below(3_000_000)));
                limit.sample(took, chance.below(most as u64 + 1) as usize, now);
                assert!((least..=most).contains(&limit.places()), "seed {seed}: {}", limit.places());
            }
        }
    }
}
