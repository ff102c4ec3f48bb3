//! A named rate with its meter, and what is said about it in headers.

use std::{
    fmt::Write,
    sync::atomic::{AtomicU64, Ordering},
    time::Duration,
};

use http::{HeaderName, HeaderValue};
use plimsoll_core::{Code, Error};

use super::{
    config::Quota,
    meter::{Meter, Reading},
};
use crate::{config::Rate, exchange::Exchange};

const CURRENT: HeaderName = HeaderName::from_static("ratelimit");
const POLICY: HeaderName = HeaderName::from_static("ratelimit-policy");
const LEGACY_LIMIT: HeaderName = HeaderName::from_static("x-ratelimit-limit");
const LEGACY_LEFT: HeaderName = HeaderName::from_static("x-ratelimit-remaining");
const LEGACY_RESET: HeaderName = HeaderName::from_static("x-ratelimit-reset");

/// A rate that is enforced.
pub struct Policy {
    /// As it appears in headers, problems and metrics.
    pub name: &'static str,
    rate: Rate,
    meter: Meter,
    refused: AtomicU64,
}

impl Policy {
    /// `None` where the quota is off.
    pub fn new(name: &'static str, quota: Quota, cells: usize) -> Option<Policy> {
        Some(Policy { name, rate: quota.0?, meter: Meter::new(quota, cells)?, refused: AtomicU64::new(0) })
    }

    /// Takes one unit; counts the refusal if there is none.
    pub fn take(&self, key: u64, now: Duration) -> Result<Reading, Reading> {
        self.meter.take(key, now).inspect_err(|_| {
            self.refused.fetch_add(1, Ordering::Relaxed);
        })
    }
    /// Counts a refusal that was found out elsewhere.
    pub fn refuse(&self) {
        self.refused.fetch_add(1, Ordering::Relaxed);
    }
    /// What one request costs and what a full quota is worth, in microseconds.
    pub fn micros(&self) -> (u64, u64) {
        let window = u64::try_from(self.rate.window.as_micros()).unwrap_or(u64::MAX / 4);
        let interval = (window / u64::from(self.rate.count.max(1))).max(1);
        (interval, interval * u64::from(self.rate.count))
    }
    /// Gives a unit back.
    pub fn give_back(&self, key: u64) {
        self.meter.give_back(key);
    }
    /// How often this policy refused.
    pub fn refused(&self) -> u64 {
        self.refused.load(Ordering::Relaxed)
    }
    /// How many callers it remembers.
    pub fn cells(&self) -> usize {
        self.meter.cells()
    }

    /// The window; less than a second counts as one, headers know no smaller unit.
    fn seconds(&self) -> u64 {
        self.rate.window.as_secs().max(1)
    }

    /// Its member of `RateLimit-Policy`: name, quota, window in seconds.
    pub fn member(&self) -> String {
        format!("\"{}\";q={};w={}", self.name, self.rate.count, self.seconds())
    }

    /// The refusal, in words.
    pub fn error(&self, reading: Reading) -> Error {
        let (quota, window, wait) = (self.rate.count, self.seconds(), reading.seconds());
        let plural = if quota == 1 { "" } else { "s" };
        Code::QuotaExceeded
            .because(format!("the policy \"{}\" allows {quota} request{plural} in {window} s; try again in {wait} s", self.name))
            .retry_after(wait)
            .reasoned(self.name)
    }

    /// Says in the answer's headers what is left.
    pub fn announce(&self, x: &mut Exchange, reading: Reading, policies: HeaderValue, legacy: bool) {
        let seconds = reading.seconds();
        if let Ok(current) = HeaderValue::from_maybe_shared(bytes::Bytes::from(current(self.name, reading))) {
            x.header(POLICY, policies);
            x.header(CURRENT, current);
        }
        if legacy {
            x.header(LEGACY_LIMIT, self.rate.count.into());
            x.header(LEGACY_LEFT, reading.left.into());
            x.header(LEGACY_RESET, seconds.into());
        }
    }
}

/// Whether a header is one of those that [`Policy::announce`] sets.
pub fn is_announcement(name: &HeaderName) -> bool {
    [&CURRENT, &POLICY, &LEGACY_LIMIT, &LEGACY_LEFT, &LEGACY_RESET].contains(&name)
}

fn current(name: &str, reading: Reading) -> String {
    let mut text = String::with_capacity(40);
    let _ = write!(text, "\"{name}\";r={};t={}", reading.left, reading.seconds());
    text
}

#[cfg(test)]
mod tests {
    use super::*;

    fn per_minute(count: u32) -> Quota {
        Quota(Some(Rate { count, window: Duration::from_secs(60) }))
    }

    #[test]
    fn headers_are_structured_fields_of_the_current_draft() {
        let policy = Policy::new("principal", per_minute(600), 64).unwrap();
        assert_eq!(policy.member(), "\"principal\";q=600;w=60");
        assert_eq!(current("principal", policy.take(1, Duration::ZERO).unwrap()), "\"principal\";r=599;t=1");
    }

    #[test]
    fn a_refusal_names_its_policy_and_is_counted() {
        let policy = Policy::new("auth", per_minute(1), 64).unwrap();
        assert!(policy.take(1, Duration::ZERO).is_ok());
        let error = policy.error(policy.take(1, Duration::ZERO).unwrap_err());
        assert_eq!(error.retry_after_seconds(), Some(60));
        assert_eq!(error.public(), "the policy \"auth\" allows 1 request in 60 s; try again in 60 s");
        assert_eq!(policy.refused(), 1);
    }
}
