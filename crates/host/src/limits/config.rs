//! What may be asked for, and how much of it: the section `[limits]`.

use std::{fmt, str::FromStr, time::Duration};

use plimsoll_core::{Code, Error, Result};

/// So many requests in so much time, written `600/1m`; or `off`.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Rate {
    /// Requests; 0 means no limit.
    pub quota: u32,
    /// The time over which they count.
    pub window: Duration,
}

impl Rate {
    /// No limit.
    pub const OFF: Rate = Rate { quota: 0, window: Duration::from_secs(1) };

    /// This many per minute.
    pub const fn per_minute(quota: u32) -> Rate {
        Rate { quota, window: Duration::from_secs(60) }
    }
    /// Whether there is no limit.
    pub fn is_off(self) -> bool {
        self.quota == 0
    }
}

impl FromStr for Rate {
    type Err = Error;

    /// Reads `600/1m`, `5/s`, `100/30s`, `1000/1h`, or `off`.
    fn from_str(text: &str) -> Result<Rate> {
        if text == "off" {
            return Ok(Rate::OFF);
        }
        let read = || {
            let (quota, window) = text.split_once('/')?;
            let unit = window.chars().last()?;
            let seconds = match unit {
                's' => 1,
                'm' => 60,
                'h' => 3600,
                _ => return None,
            };
            let digits = &window[..window.len() - 1];
            let count: u64 = if digits.is_empty() { 1 } else { digits.parse().ok()? };
            let quota: u32 = quota.parse().ok()?;
            let window = Duration::from_secs(count.checked_mul(seconds).filter(|seconds| (1..=86_400).contains(seconds))?);
            (1..=100_000_000).contains(&quota).then_some(Rate { quota, window })
        };
        read().ok_or_else(|| {
            Code::ConfigInvalid.because(format!(
                "\"{text}\" is not a rate; write requests per time such as \"600/1m\" (s, m or h, at most a day), or \"off\""
            ))
        })
    }
}

impl fmt::Display for Rate {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let seconds = self.window.as_secs();
        match seconds {
            _ if self.is_off() => f.write_str("off"),
            _ if seconds.is_multiple_of(3600) => write!(f, "{}/{}h", self.quota, seconds / 3600),
            _ if seconds.is_multiple_of(60) => write!(f, "{}/{}m", self.quota, seconds / 60),
            _ => write!(f, "{}/{seconds}s", self.quota),
        }
    }
}

impl<'de> serde::Deserialize<'de> for Rate {
    fn deserialize<D: serde::Deserializer<'de>>(deserializer: D) -> Result<Rate, D::Error> {
        <String as serde::Deserialize>::deserialize(deserializer)?.parse().map_err(serde::de::Error::custom)
    }
}
impl serde::Serialize for Rate {
    fn serialize<S: serde::Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.collect_str(self)
    }
}

/// `[limits]`: rates, and room for work at the same time.
#[derive(Debug, Clone)]
pub struct Limits {
    /// Requests of one address (an IPv6 address counts as its /64), before credentials are tried.
    pub address: Rate,
    /// Requests of one principal; without credential, of one address.
    pub principal: Rate,
    /// Requests of all principals of a tenant together.
    pub tenant: Rate,
    /// Reads of one principal.
    pub read: Rate,
    /// Changes of one principal.
    pub write: Rate,
    /// Attempts with credentials of one address.
    pub auth: Rate,
    /// Pages and assets of one principal or address.
    pub page: Rate,
    /// Callers remembered per policy. Above it those closest to a full quota are forgotten first.
    pub cells: usize,
    /// Also send `X-RateLimit-Limit`, `-Remaining` and `-Reset`.
    pub legacy_headers: bool,
    /// Most requests at the same time; the next one is answered 503.
    pub in_flight: usize,
    /// Most reads at the same time.
    pub read_places: usize,
    /// Most changes at the same time.
    pub write_places: usize,
    /// Most attempts with credentials at the same time; each may cost a password hash.
    pub auth_places: usize,
    /// Most pages and assets at the same time.
    pub page_places: usize,
    /// Most requests of one class that wait for a place.
    pub queue: usize,
    /// How long a request waits for a place.
    pub patience: Duration,
}

impl Default for Limits {
    fn default() -> Limits {
        Limits {
            address: Rate::per_minute(1200),
            principal: Rate::per_minute(600),
            tenant: Rate::per_minute(6000),
            read: Rate::OFF,
            write: Rate::per_minute(300),
            auth: Rate::per_minute(30),
            page: Rate::OFF,
            cells: 100_000,
            legacy_headers: false,
            in_flight: 512,
            read_places: 384,
            write_places: 256,
            auth_places: 4,
            page_places: 128,
            queue: 32,
            patience: Duration::from_secs(3),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn rates_are_read_as_they_are_printed() {
        for text in ["600/1m", "5/1s", "100/30s", "1000/1h", "off"] {
            assert_eq!(text.parse::<Rate>().unwrap().to_string(), text);
        }
        assert_eq!("5/s".parse::<Rate>().unwrap(), Rate { quota: 5, window: Duration::from_secs(1) });
        for bad in ["", "600", "600/", "/1m", "0/1m", "-1/1m", "600/0m", "600/1d", "600/25h", "1/ä", "99999999999/1m"] {
            assert_eq!(bad.parse::<Rate>().unwrap_err().code(), Code::ConfigInvalid, "{bad}");
        }
    }
}
