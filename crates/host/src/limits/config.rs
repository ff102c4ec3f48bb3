//! What may be asked for, and how much of it: the section `[limits]`.

use std::{collections::BTreeMap, fmt};

use super::shared::{COUNTED, WhenLost};
use crate::config::{Config, Node, Rate, Rules, Setting, Span, Wrong};

/// So many requests in so much time, written `600/1m`; or `off`.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Quota(pub Option<Rate>);

impl fmt::Display for Quota {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self.0 {
            Some(rate) => rate.fmt(f),
            None => f.write_str("off"),
        }
    }
}

impl Setting for Quota {
    fn kind() -> String {
        "a rate such as 600/1m, or off".into()
    }
    fn example() -> String {
        "\"600/1m\"".into()
    }
    fn from_toml(value: &Node, wrong: &mut Vec<Wrong>) -> Option<Self> {
        let read = match value.text() {
            Some(text) => Self::from_text(text),
            None => Err(Wrong::other_type::<Self>(value)),
        };
        read.map_err(|it| wrong.push(it.at(value.span()))).ok()
    }
    fn from_text(text: &str) -> Result<Self, Wrong> {
        match text.trim() {
            "off" => Ok(Quota(None)),
            text => match Rate::from_text(text) {
                Ok(rate) => Ok(Quota(Some(rate))),
                Err(_) => Err(Wrong::text::<Self>(text).help("write how many and in how long, such as 600/1m, or off")),
            },
        }
    }
    fn show(&self) -> String {
        format!("\"{self}\"")
    }
}

crate::section! {
    /// How often, and how much at the same time.
    pub struct LimitsConfig["limits"] {
        /// Requests of one address (an IPv6 address counts as its /64), before credentials are tried.
        pub address: Quota = "1200/1m",
        /// Requests of one principal; without credential, of one address.
        pub principal: Quota = "600/1m",
        /// Requests of all principals of a tenant together.
        pub tenant: Quota = "6000/1m",
        /// Reads of one principal.
        pub read: Quota = "off",
        /// Changes of one principal.
        pub write: Quota = "300/1m",
        /// Attempts with credentials of one address.
        pub auth: Quota = "30/1m",
        /// Pages and assets of one principal or address.
        pub page: Quota = "off",
        /// What each limit does while the shared server is lost: `local` counts in this process, `open` lets pass, `closed` refuses. Limits that are not named count locally. Matters only with `[redis] url`; the limit per address is always counted in this process.
        pub when_shared_lost: BTreeMap<String, WhenLost> = "{}",
        /// Callers remembered per policy. Above it those closest to a full quota are forgotten first.
        pub cells: usize = "100000",
        /// Whether to send `X-RateLimit-Limit`, `-Remaining` and `-Reset` as well.
        pub legacy_headers: bool = "false",
        /// Most requests at the same time; the next one is answered 503.
        pub in_flight: usize = "512",
        /// Most reads at the same time.
        pub read_places: usize = "384",
        /// Most changes at the same time.
        pub write_places: usize = "256",
        /// Most attempts with credentials at the same time; each may cost a password hash.
        pub auth_places: usize = "4",
        /// Most pages and assets at the same time.
        pub page_places: usize = "128",
        /// Most requests of one class that wait for a place.
        pub queue: usize = "32",
        /// How long a request waits for a place.
        pub patience: Span = "3s",
    }
}

/// Refuses a declaration for a limit that is not counted together.
pub fn rule(config: &Config, rules: &mut Rules<'_>) {
    for name in config.get::<LimitsConfig>().when_shared_lost.keys() {
        if !COUNTED.contains(&name.as_str()) {
            let help = format!("these are counted together: {}", COUNTED.join(", "));
            rules.refuse("limits.when_shared_lost", format!("`{name}` is no limit that processes count together"), help);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn quotas_are_read_as_they_are_printed() {
        for text in ["600/1m", "5/1s", "100/30s", "1000/1h", "off"] {
            assert_eq!(Quota::from_text(text).unwrap().to_string(), text);
        }
        for bad in ["", "600", "/1m", "0/1m", "-1/1m", "600/0m", "on", "99999999999/1m"] {
            assert!(Quota::from_text(bad).is_err(), "{bad}");
        }
    }
}
