//! What is kept, how much, and for how long: the section `[cache]`.

use std::{collections::BTreeMap, time::Duration};

use http::Method;
use plimsoll_core::{Code, Result};

use crate::config::{ByteSize, Config, Rules, Setting as _, Span};

crate::section! {
    /// Answers of mounted services that are given again without asking (RFC 9111, as a shared cache). Only what the service allows, or a rule here.
    pub struct CacheConfig["cache"] {
        /// Whether answers are kept at all. What a service does not declare as cacheable is not kept either way.
        pub enabled: bool = "true",
        /// The most memory that kept answers take.
        pub size: ByteSize = "64MiB",
        /// The largest body that is kept; a larger one passes through as it arrives. At most an eighth of `size`.
        pub largest: ByteSize = "1MiB",
        /// The longest that an answer counts as fresh, whatever the service says.
        pub longest: Span = "1d",
        /// For services that say nothing about caching: path and how long, `{ "GET /catalogue/{*rest}" = "60s" }`. Applies to requests without credential; `60s tenant` lets the people of one tenant share, `60s public` everybody.
        pub rules: BTreeMap<String, String> = "{}",
        /// Whether answers to people that are not for everybody are kept, each for the person it was made for.
        pub personal: bool = "false",
        /// How long an answer that is no longer fresh may stand in for a service that fails.
        pub stale_if_error: Span = "5m",
        /// How long it may be given while a new one is fetched behind it, where the service does not say.
        pub stale_while_revalidate: Span = "0s",
        /// How long a request waits for the answer to an identical one that is under way, before it goes itself.
        pub wait: Span = "5s",
    }
}

/// Refuses rules that cannot be read, and a largest body that would push out everything else.
pub fn rule(config: &Config, rules: &mut Rules<'_>) {
    let section: CacheConfig = config.get();
    if section.largest.bytes() > section.size.bytes() / super::shelf::SHARDS as u64 {
        rules.refuse("cache.largest", "one answer could take more than an eighth of the cache", "raise cache.size, or lower cache.largest");
    }
    if let Err(error) = Granted::read(&section.rules) {
        rules.refuse("cache.rules", error.public(), "");
    }
}

/// Who may share what a rule keeps.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Sharing {
    /// Those who come without credential; with one, only the person itself where `personal` is on.
    Strangers,
    /// Everybody of one tenant.
    Tenant,
    /// Everybody.
    Public,
}

/// What the rules of the section come to.
#[derive(Debug, Default)]
pub struct Granted(matchit::Router<(Duration, Sharing)>);

impl Granted {
    /// Reads the rules.
    ///
    /// # Errors
    /// `ConfigInvalid`, naming the rule.
    pub fn read(rules: &BTreeMap<String, String>) -> Result<Granted> {
        let mut router = matchit::Router::new();
        for (place, text) in rules {
            let wrong = |what: &str| Code::ConfigInvalid.because(format!("the rule \"{place}\" = \"{text}\" {what}"));
            let path = match place.trim().split_once(' ') {
                Some((method, path)) if method == Method::GET => path.trim(),
                Some(_) => return Err(wrong("is not about GET; only what is read can be kept")),
                None => place.trim(),
            };
            if !path.starts_with('/') {
                return Err(wrong("names no path; write `GET /path`"));
            }
            let (span, sharing) = match text.trim().split_once(' ') {
                None => (text.trim(), Sharing::Strangers),
                Some((span, "tenant")) => (span, Sharing::Tenant),
                Some((span, "public")) => (span, Sharing::Public),
                Some(_) => return Err(wrong("says not who shares; write `60s`, `60s tenant` or `60s public`")),
            };
            let span = Span::from_text(span).map_err(|_| wrong("says not how long; write `60s`"))?.duration();
            router.insert(path, (span, sharing)).map_err(|error| wrong(&format!("cannot be used: {error}")))?;
        }
        Ok(Granted(router))
    }

    /// What holds for a path. Nothing where the service could read the path differently than we
    /// do: a rule for `/catalogue/` must not keep `/catalogue/..%2faccount`.
    pub fn of(&self, path: &str) -> Option<(Duration, Sharing)> {
        if ambiguous(path) {
            return None;
        }
        self.0.at(path).ok().map(|found| *found.value)
    }
}

/// Whether two programs could disagree about which resource a path names.
fn ambiguous(path: &str) -> bool {
    let lower = path.to_ascii_lowercase();
    ["//", "/../", "/./", ";", "\\", "%2f", "%5c", "%2e", "%3f", "%23", "%3b", "%25", "%00", "%0a", "%0d"]
        .iter()
        .any(|part| lower.contains(part))
        || lower.ends_with("/..")
        || lower.ends_with("/.")
}

#[cfg(test)]
mod tests {
    use super::*;

    fn granted(place: &str, text: &str) -> Result<Granted> {
        Granted::read(&BTreeMap::from([(place.to_owned(), text.to_owned())]))
    }

    #[test]
    fn a_rule_says_where_how_long_and_who_shares() {
        let minute = Duration::from_secs(60);
        for (text, sharing) in [("60s", Sharing::Strangers), ("60s tenant", Sharing::Tenant), ("1m public", Sharing::Public)] {
            assert_eq!(granted("GET /a/{*rest}", text).unwrap().of("/a/b"), Some((minute, sharing)), "{text}");
        }
        assert_eq!(granted("/a", "60s").unwrap().of("/b"), None);
        for (place, text) in [("POST /a", "60s"), ("a", "60s"), ("GET /a", "long"), ("GET /a", "60s friends"), ("GET /{a}b{c}d", "1s")] {
            assert!(granted(place, text).is_err(), "{place} = {text}");
        }
    }

    #[test]
    fn a_rule_keeps_nothing_whose_path_can_be_read_in_two_ways() {
        let rules = granted("GET /a/{*rest}", "60s").unwrap();
        assert!(rules.of("/a/b.css").is_some());
        for path in ["/a/..%2fme", "/a/../me", "/a//me", "/a/me;x.css", "/a/me%3fx.css", "/a/%2e%2e/me", "/a/me%00.css", "/a/me%23.css"] {
            assert_eq!(rules.of(path), None, "{path}");
        }
    }
}
