//! Which failures are tried again, and after which pause.

use std::time::Duration;

use http::{HeaderMap, Method, header};
use plimsoll_core::Seed;

/// The header with which a caller names an operation so that it has one effect.
pub const IDEMPOTENCY_KEY: &str = "idempotency-key";

/// How one attempt failed.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Failure {
    /// Nothing was sent.
    Unsent,
    /// The connection broke before the head of the answer.
    Broken,
    /// The time of this attempt was over.
    Late,
    /// The upstream answered with one of the statuses that time may heal, and said when to come back.
    Status(Option<Duration>),
    /// The upstream answered so and said when to come back in a form that is not read here.
    StatusAtSomeTime,
}

/// Whether a request may be sent twice although the first may have had its effect: what only
/// reads may, and what carries a key that the service promises to honour.
pub fn may_act_twice(method: &Method, headers: &HeaderMap, service_honours_keys: bool) -> bool {
    let reads = matches!(*method, Method::GET | Method::HEAD | Method::OPTIONS);
    reads || (service_honours_keys && headers.get(IDEMPOTENCY_KEY).is_some_and(|key| !key.is_empty()))
}

/// The pause before another attempt; nothing where this failure is not repeated.
pub fn pause(failure: Failure, act_twice: bool, backoff: &Backoff, attempt: u32, seed: &Seed) -> Option<Duration> {
    match failure {
        Failure::Unsent => Some(backoff.pause(attempt, seed)),
        Failure::Broken | Failure::Late if act_twice => Some(backoff.pause(attempt, seed)),
        Failure::Status(wanted) if act_twice => Some(backoff.pause(attempt, seed).max(wanted.unwrap_or_default())),
        _ => None,
    }
}

/// What an answer's `Retry-After` says. Only seconds are read: a date would need both clocks to agree.
pub fn status_failure(headers: &HeaderMap) -> Failure {
    match headers.get(header::RETRY_AFTER).map(|value| value.to_str().ok().and_then(|text| text.trim().parse().ok())) {
        None => Failure::Status(None),
        Some(Some(seconds)) => Failure::Status(Some(Duration::from_secs(seconds))),
        Some(None) => Failure::StatusAtSomeTime,
    }
}

/// Exponential backoff with full jitter: a random time up to a bound that doubles.
#[derive(Debug, Clone, Copy)]
pub struct Backoff {
    /// The bound before the second attempt.
    pub first: Duration,
    /// The largest bound.
    pub most: Duration,
}

impl Backoff {
    /// The bound of the pause after so many attempts.
    pub fn bound(&self, attempts: u32) -> Duration {
        let doubled = 1u32.checked_shl(attempts.saturating_sub(1)).unwrap_or(u32::MAX);
        self.first.saturating_mul(doubled).min(self.most)
    }
    fn pause(&self, attempts: u32, seed: &Seed) -> Duration {
        let bound = u64::try_from(self.bound(attempts).as_micros()).unwrap_or(u64::MAX);
        Duration::from_micros(seed.below(bound.saturating_add(1).max(1)))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const BACKOFF: Backoff = Backoff { first: Duration::from_millis(100), most: Duration::from_secs(1) };

    #[test]
    fn pauses_are_random_below_a_bound_that_doubles() {
        let seed = Seed::fixed(1);
        for (attempt, bound) in [(1, 100), (2, 200), (3, 400), (4, 800), (5, 1_000), (60, 1_000)] {
            assert_eq!(BACKOFF.bound(attempt), Duration::from_millis(bound));
            let pauses: Vec<_> = (0..200).map(|_| BACKOFF.pause(attempt, &seed)).collect();
            assert!(pauses.iter().all(|pause| *pause <= BACKOFF.bound(attempt)));
            let (short, long) = (bound / 4, bound * 3 / 4);
            assert!(pauses.iter().any(|pause| *pause < Duration::from_millis(short)), "full jitter begins at nothing");
            assert!(pauses.iter().any(|pause| *pause > Duration::from_millis(long)));
        }
    }

    #[test]
    fn what_may_have_acted_is_repeated_only_where_twice_is_as_good_as_once() {
        let seed = Seed::fixed(1);
        for failure in [Failure::Broken, Failure::Late, Failure::Status(None)] {
            assert!(pause(failure, true, &BACKOFF, 1, &seed).is_some(), "{failure:?}");
            assert!(pause(failure, false, &BACKOFF, 1, &seed).is_none(), "{failure:?}");
        }
        assert!(pause(Failure::Unsent, false, &BACKOFF, 1, &seed).is_some());
        assert!(pause(Failure::StatusAtSomeTime, true, &BACKOFF, 1, &seed).is_none());
    }

    #[test]
    fn an_upstream_that_says_when_to_come_back_is_believed() {
        let wanted = |text: &'static str| {
            let mut headers = HeaderMap::new();
            headers.insert(header::RETRY_AFTER, text.parse().unwrap());
            status_failure(&headers)
        };
        assert_eq!(wanted("7"), Failure::Status(Some(Duration::from_secs(7))));
        assert_eq!(wanted("Fri, 31 Dec 2027 23:59:59 GMT"), Failure::StatusAtSomeTime);
        assert_eq!(status_failure(&HeaderMap::new()), Failure::Status(None));
        let pause = pause(wanted("7"), true, &BACKOFF, 1, &Seed::fixed(1)).unwrap();
        assert_eq!(pause, Duration::from_secs(7));
    }

    #[test]
    fn a_key_counts_only_where_the_service_honours_it() {
        let mut headers = HeaderMap::new();
        for (method, plain) in [(Method::GET, true), (Method::HEAD, true), (Method::OPTIONS, true), (Method::DELETE, false)] {
            assert_eq!(may_act_twice(&method, &headers, true), plain, "{method}");
        }
        headers.insert(IDEMPOTENCY_KEY, "a".parse().unwrap());
        assert!(may_act_twice(&Method::POST, &headers, true));
        assert!(!may_act_twice(&Method::POST, &headers, false));
    }
}
