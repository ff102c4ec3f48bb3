//! What is asked for and stands in no description.
//!
//! Paths are kept with their values taken out, so that neither an id nor what a caller wrote is
//! remembered, and there are never more than [`MOST`] of them: a stranger who tries addresses
//! pushes out what was only ever refused before anything that was answered.

use std::{
    collections::{BTreeMap, HashMap},
    sync::{Mutex, PoisonError},
};

use plimsoll_core::Time;

use super::reading::Asked;

/// Most paths that are kept.
const MOST: usize = 500;
/// Most different statuses of one path.
const STATUSES: usize = 20;
/// Most segments of a path; what lies deeper is one star.
const DEEP: usize = 12;

/// Undocumented paths, counted.
#[derive(Debug, Default)]
pub struct Traffic {
    seen: Mutex<Seen>,
}

#[derive(Debug, Default)]
struct Seen {
    paths: HashMap<(String, String), Entry>,
    pushed_out: u64,
}

/// One of them.
#[derive(Debug, Clone)]
pub struct Entry {
    /// How often it was asked for.
    pub count: u64,
    /// For the first time.
    pub first: Time,
    /// For the last time.
    pub last: Time,
    /// What was answered how often.
    pub statuses: BTreeMap<u16, u64>,
}

impl Entry {
    fn answered(&self) -> bool {
        self.statuses.keys().any(|status| !matches!(status, 401 | 403 | 404 | 405))
    }
}

impl Traffic {
    /// Counts a request that no description knows.
    pub fn note(&self, method: &http::Method, path: &str, status: u16, now: Time) {
        let method: String = method.as_str().chars().take(20).collect();
        let key = (method, normal(path));
        let mut seen = self.seen.lock().unwrap_or_else(PoisonError::into_inner);
        if !seen.paths.contains_key(&key) && seen.paths.len() >= MOST {
            let weakest = seen.paths.iter().min_by_key(|(_, entry)| (entry.answered(), entry.last)).map(|(key, _)| key.clone());
            seen.pushed_out += 1;
            if let Some(weakest) = weakest {
                seen.paths.remove(&weakest);
            }
        }
        let entry = seen.paths.entry(key).or_insert_with(|| Entry { count: 0, first: now, last: now, statuses: BTreeMap::new() });
        entry.count += 1;
        entry.last = now;
        if entry.statuses.len() < STATUSES || entry.statuses.contains_key(&status) {
            *entry.statuses.entry(status).or_default() += 1;
        }
    }

    /// Method, path and what is known about it, the most frequent first; and how many were pushed out.
    pub fn list(&self) -> (Vec<(String, String, Entry)>, u64) {
        let seen = self.seen.lock().unwrap_or_else(PoisonError::into_inner);
        let mut all: Vec<_> = seen.paths.iter().map(|((method, path), entry)| (method.clone(), path.clone(), entry.clone())).collect();
        all.sort_by(|a, b| (b.2.count, &a.1, &a.0).cmp(&(a.2.count, &b.1, &b.0)));
        (all, seen.pushed_out)
    }
}

/// The path with everything that may be a value taken out.
fn normal(path: &str) -> String {
    let asked = Asked::read(path);
    let mut out = String::new();
    for part in asked.segments.iter().take(DEEP) {
        out.push('/');
        out.push_str(if is_word(part) { part } else { "{value}" });
    }
    if asked.segments.len() > DEEP {
        out.push_str("/*");
    }
    if asked.end == super::template::End::Slashed {
        out.push('/');
    }
    out
}

/// Whether a segment is rather a name in a program than a value: letters, few digits, short.
fn is_word(part: &str) -> bool {
    let digits = part.bytes().filter(u8::is_ascii_digit).count();
    let version = part.len() <= 4 && part.starts_with('v') && digits == part.len() - 1;
    let plain = part.bytes().all(|byte| byte.is_ascii_alphanumeric() || matches!(byte, b'-' | b'_' | b'.'));
    // Eight letters of hexadecimal digits and nothing else are an id more often than a word.
    let hex = part.len() >= 8 && part.bytes().all(|byte| byte.is_ascii_hexdigit() || byte == b'-');
    plain && part.len() <= 40 && (version || digits <= 2 && digits * 3 < part.len()) && !hex
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn values_are_taken_out_of_paths() {
        for (path, expected) in [
            ("/", "/"),
            ("/items/17", "/items/{value}"),
            ("/v1/users/550e8400-e29b-41d4-a716-446655440000/avatar.png", "/v1/users/{value}/avatar.png"),
            ("/people/anna@example.org", "/people/{value}"),
            ("/search/my%20secret", "/search/{value}"),
            ("/commit/deadbeef", "/commit/{value}"),
            ("/orders/A1B2C3D4E5/", "/orders/{value}/"),
            ("/oauth2/token", "/oauth2/token"),
        ] {
            assert_eq!(normal(path), expected, "{path}");
        }
        assert_eq!(normal(&"/a".repeat(50)).matches("/a").count(), DEEP);
    }

    #[test]
    fn strangers_push_out_what_was_refused_before_what_was_answered() {
        let traffic = Traffic::default();
        let get = http::Method::GET;
        let word = |n: usize| n.to_string().bytes().map(|digit| (b'a' + digit - b'0') as char).collect::<String>();
        traffic.note(&get, "/hidden", 200, Time::from_micros(1));
        traffic.note(&get, "/hidden", 500, Time::from_micros(2));
        (0..2 * MOST).for_each(|n| traffic.note(&get, &format!("/guess-{}", word(n)), 404, Time::from_micros(10 + n as i64)));
        let (list, pushed_out) = traffic.list();
        assert_eq!((list.len(), pushed_out), (MOST, (MOST + 1) as u64));
        assert_eq!(
            (list[0].1.as_str(), list[0].2.count, list[0].2.first, list[0].2.last),
            ("/hidden", 2, Time::from_micros(1), Time::from_micros(2))
        );
        assert_eq!(list[0].2.statuses, BTreeMap::from([(200, 1), (500, 1)]));
    }
}
