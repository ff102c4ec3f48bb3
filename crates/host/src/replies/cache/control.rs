//! `Cache-Control` of requests and answers (RFC 9111 §5.2).

use std::time::Duration;

use http::{HeaderMap, header};

/// The longest time a directive may name: what is larger counts as this (RFC 9111 §1.2.2).
const LONGEST: u64 = 1 << 31;

/// The directives of one message, as far as a shared cache has to know them.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Control {
    /// Whether there was any directive at all.
    pub said: bool,
    /// Not to be kept.
    pub no_store: bool,
    /// To be asked about before every use.
    pub no_cache: bool,
    /// For one person only.
    pub private: bool,
    /// For everybody.
    pub public: bool,
    /// Never to be given stale: `must-revalidate`, or `proxy-revalidate`.
    pub must_revalidate: bool,
    /// Only `must-revalidate`, which also opens answers to requests with a credential (§3.5).
    pub opens: bool,
    /// `max-age`.
    pub max_age: Option<Duration>,
    /// `s-maxage`.
    pub s_maxage: Option<Duration>,
    /// `min-fresh` of a request.
    pub min_fresh: Option<Duration>,
    /// `only-if-cached` of a request.
    pub only_if_cached: bool,
    /// `stale-while-revalidate` (RFC 5861).
    pub stale_while_revalidate: Option<Duration>,
    /// `stale-if-error` (RFC 5861).
    pub stale_if_error: Option<Duration>,
}

impl Control {
    /// Reads all `Cache-Control` lines; of a request, `Pragma: no-cache` where there is none (§5.4).
    pub fn of(headers: &HeaderMap) -> Control {
        let mut control = Control::default();
        for value in headers.get_all(header::CACHE_CONTROL) {
            control.said = true;
            match value.to_str() {
                Ok(text) => directives(text).for_each(|(name, value)| control.take(&name.to_ascii_lowercase(), value.as_deref())),
                // What cannot be read may have said "never".
                Err(_) => control.no_store = true,
            }
        }
        if !control.said {
            control.no_cache = headers.get(header::PRAGMA).is_some_and(|pragma| pragma.as_bytes().eq_ignore_ascii_case(b"no-cache"));
        }
        control
    }

    fn take(&mut self, name: &str, value: Option<&str>) {
        let seconds = || value.map(|value| Duration::from_secs(seconds(value)));
        match name {
            "no-store" => self.no_store = true,
            // With field names the rest could be kept; without them is the safer reading of both.
            "no-cache" => self.no_cache = true,
            "private" => self.private = true,
            "public" => self.public = true,
            "must-revalidate" => (self.must_revalidate, self.opens) = (true, true),
            "proxy-revalidate" => self.must_revalidate = true,
            "max-age" => shortest(&mut self.max_age, seconds().unwrap_or_default()),
            "s-maxage" => shortest(&mut self.s_maxage, seconds().unwrap_or_default()),
            "min-fresh" => self.min_fresh = seconds(),
            "only-if-cached" => self.only_if_cached = true,
            "stale-while-revalidate" => self.stale_while_revalidate = seconds(),
            "stale-if-error" => self.stale_if_error = seconds(),
            _ => {}
        }
    }
}

/// Of a directive that is there twice the shorter time counts (§4.2.1).
fn shortest(slot: &mut Option<Duration>, value: Duration) {
    *slot = Some(slot.map_or(value, |before| before.min(value)));
}

/// Delta-seconds; what is no number is stale at once, what is too large is very long (§1.2.2).
pub fn seconds(text: &str) -> u64 {
    let text = text.trim();
    if text.is_empty() || !text.bytes().all(|byte| byte.is_ascii_digit()) {
        return 0;
    }
    text.parse().unwrap_or(LONGEST).min(LONGEST)
}

/// Names and values, with quoted values read as one.
fn directives(text: &str) -> impl Iterator<Item = (&str, Option<String>)> {
    let mut rest = text;
    std::iter::from_fn(move || {
        loop {
            rest = rest.trim_start_matches([',', ' ', '\t']);
            if rest.is_empty() {
                return None;
            }
            let end = rest.find(['=', ',']).unwrap_or(rest.len());
            let name = rest[..end].trim();
            let valued = rest[end..].starts_with('=');
            rest = &rest[end..];
            let mut value = None;
            if valued {
                rest = rest[1..].trim_start();
                let (read, left) = match rest.strip_prefix('"') {
                    Some(inner) => quoted(inner),
                    None => {
                        let end = rest.find(',').unwrap_or(rest.len());
                        (rest[..end].trim().to_owned(), &rest[end..])
                    }
                };
                (value, rest) = (Some(read), left);
            }
            if !name.is_empty() {
                return Some((name, value));
            }
        }
    })
}

fn quoted(inner: &str) -> (String, &str) {
    let (mut read, mut escaped) = (String::new(), false);
    for (at, letter) in inner.char_indices() {
        match letter {
            _ if escaped => {
                read.push(letter);
                escaped = false;
            }
            '\\' => escaped = true,
            '"' => return (read, &inner[at + 1..]),
            other => read.push(other),
        }
    }
    (read, "")
}

#[cfg(test)]
mod tests {
    use super::*;
    use http::HeaderValue;

    fn control(text: &str) -> Control {
        let mut headers = HeaderMap::new();
        headers.insert(header::CACHE_CONTROL, HeaderValue::from_str(text).unwrap());
        Control::of(&headers)
    }

    #[test]
    fn directives_are_read_whatever_their_case_and_spacing() {
        let read = control("PUBLIC ,max-age = 60,, s-maxage=\"30\" ,stale-if-error=5");
        assert!(read.public && read.said && !read.no_store);
        assert_eq!((read.max_age, read.s_maxage), (Some(Duration::from_secs(60)), Some(Duration::from_secs(30))));
        assert_eq!(read.stale_if_error, Some(Duration::from_secs(5)));
    }

    #[test]
    fn a_quoted_value_hides_no_directive_and_shows_none() {
        let read = control("private=\"x, public\", no-store");
        assert!(read.private && read.no_store && !read.public);
        assert!(!control("ext=\"no-store\"").no_store);
        assert!(control("no-cache=\"set-cookie").no_cache, "an open quote ends with the line");
    }

    #[test]
    fn times_are_read_as_rfc_9111_1_2_2_says() {
        for (text, seconds) in [("max-age=10", 10), ("max-age=-1", 0), ("max-age=1.5", 0), ("max-age", 0), ("max-age=\"7\"", 7)] {
            assert_eq!(control(text).max_age, Some(Duration::from_secs(seconds)), "{text}");
        }
        assert_eq!(control("max-age=99999999999999999999").max_age, Some(Duration::from_secs(LONGEST)));
        assert_eq!(control("max-age=9, max-age=3").max_age, Some(Duration::from_secs(3)), "the shorter of two counts");
    }

    #[test]
    fn what_cannot_be_read_is_not_kept() {
        let mut headers = HeaderMap::new();
        headers.insert(header::CACHE_CONTROL, HeaderValue::from_bytes(b"public, \xff").unwrap());
        assert!(Control::of(&headers).no_store);
    }
}
