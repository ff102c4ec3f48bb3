//! A path as the services of this world may understand it.
//!
//! The host judges a request before the service routes it, and does not know how the service
//! reads: some decode `%61`, some do not; some take `/Admin` and `/admin/` for `/admin`; some cut
//! `;a=b` off, take `\` for `/`, decode twice. A rule that held for one reading only could be
//! slipped past with another. So a path is judged under each reading that makes a difference, and
//! the request has to satisfy what each of them demands.

use unicode_normalization::UnicodeNormalization;

use super::template::End;

/// How often a path may be encoded upon itself before nobody is allowed to ask for it.
const ROUNDS: usize = 4;

/// One path, read.
#[derive(Debug)]
pub struct Asked {
    /// Segments as nearly every service sees them: decoded once, `%2F` no separator.
    pub segments: Vec<String>,
    /// As they were sent, where that differs: some match before they decode.
    pub raw: Option<Vec<String>>,
    /// Whether a slash stands at the end.
    pub end: End,
    /// Whether services differ about it beyond escapes, letter case and the slash at the end.
    pub oddness: Oddness,
}

/// How far services differ about a path.
#[derive(Debug, PartialEq, Eq)]
pub enum Oddness {
    /// Not beyond escapes, letter case and the slash at the end.
    Plain,
    /// Separators or parameters that some see and some do not. The segments are those of the one
    /// that sees all of them, in one letter case.
    Odd(Vec<String>),
    /// Dot segments, overlong escapes, endless escapes: made to be misread.
    Hopeless,
}

impl Asked {
    /// Reads a path as it stands in the request.
    pub fn read(path: &str) -> Asked {
        let rest = path.strip_prefix('/').unwrap_or(path);
        let mut raw: Vec<&str> = rest.split('/').collect();
        let slashed = raw.last().is_some_and(|last| last.is_empty());
        if slashed {
            raw.pop();
        }
        let segments: Vec<String> = raw.iter().map(|part| decoded(part)).collect();
        let differs = raw.iter().zip(&segments).any(|(raw, decoded)| raw != decoded);
        let oddness = oddness(rest, &raw, &segments);
        Asked {
            raw: differs.then(|| raw.iter().map(|&part| part.to_owned()).collect()),
            segments,
            end: if slashed { End::Slashed } else { End::Plain },
            oddness,
        }
    }
}

fn oddness(path: &str, raw: &[&str], segments: &[String]) -> Oddness {
    let odd = |c: char| matches!(c, '/' | '\\' | ';') || c.is_control();
    let edge = |c: char| c.is_whitespace();
    let strange = |part: &String| {
        part.is_empty()
            || part.contains(odd)
            || part.starts_with(edge)
            || part.ends_with(edge)
            || escape(part.as_bytes()).is_some()
            || dots(part)
    };
    if !segments.iter().any(strange) && !raw.iter().any(|part| part.contains(odd)) {
        return if overlong(path) { Oddness::Hopeless } else { Oddness::Plain };
    }
    let mut whole = path.to_owned();
    for _ in 0..ROUNDS {
        if overlong(&whole) {
            return Oddness::Hopeless;
        }
        whole = decoded(&whole);
    }
    if escape(whole.as_bytes()).is_some() {
        return Oddness::Hopeless;
    }
    let mut seen = Vec::new();
    for part in whole.split(['/', '\\']) {
        let part = part.split([';', '\0']).next().unwrap_or_default().trim_matches(|c: char| c.is_whitespace() || c.is_control());
        if dots(part) {
            return Oddness::Hopeless;
        }
        if !part.is_empty() {
            seen.push(fold(part));
        }
    }
    Oddness::Odd(seen)
}

fn dots(part: &str) -> bool {
    matches!(part, "." | "..")
}

/// The value of a valid escape anywhere in the text.
fn escape(text: &[u8]) -> Option<u8> {
    text.windows(3).filter(|part| part[0] == b'%').find_map(|part| byte(part[1], part[2]))
}

fn byte(high: u8, low: u8) -> Option<u8> {
    let digit = |byte: u8| (byte as char).to_digit(16);
    u8::try_from(digit(high)? * 16 + digit(low)?).ok()
}

/// Bytes that never begin a letter: the long way to write a short one.
fn overlong(text: &str) -> bool {
    text.as_bytes().windows(3).any(|part| part[0] == b'%' && matches!(byte(part[1], part[2]), Some(0xc0 | 0xc1 | 0xf5..)))
}

/// Percent-decoded once; broken escapes stay as they are, broken UTF-8 becomes a replacement letter.
pub fn decoded(text: &str) -> String {
    if !text.contains('%') {
        return text.to_owned();
    }
    let (bytes, mut out, mut place) = (text.as_bytes(), Vec::with_capacity(text.len()), 0);
    while place < bytes.len() {
        let value = (bytes[place] == b'%').then(|| bytes.get(place + 1).zip(bytes.get(place + 2))).flatten();
        match value.and_then(|(high, low)| byte(*high, *low)) {
            Some(value) => {
                out.push(value);
                place += 3;
            }
            None => {
                out.push(bytes[place]);
                place += 1;
            }
        }
    }
    String::from_utf8(out).unwrap_or_else(|broken| String::from_utf8_lossy(broken.as_bytes()).into_owned())
}

/// One letter case for all that look alike.
pub fn fold(text: &str) -> String {
    if text.is_ascii() {
        return text.to_ascii_lowercase();
    }
    text.nfkc().flat_map(char::to_uppercase).flat_map(char::to_lowercase).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn odd(path: &str) -> Vec<String> {
        match Asked::read(path).oddness {
            Oddness::Odd(seen) => seen,
            other => panic!("{path}: {other:?}"),
        }
    }

    #[test]
    fn what_services_agree_about_is_plain() {
        for path in
            ["/", "/a", "/a/", "/A/b.c", "/my%20file.txt", "/%61dmin", "/100%25", "/%C3%A4", "/a%ZZ", "/a,b:c@d", "/...", "/%E9t%E9"]
        {
            assert_eq!(Asked::read(path).oddness, Oddness::Plain, "{path}");
        }
        let asked = Asked::read("/a%2fb/%61");
        assert_eq!((asked.segments, asked.raw), (vec!["a/b".into(), "a".into()], Some(vec!["a%2fb".into(), "%61".into()])));
    }

    #[test]
    fn what_they_see_differently_is_seen_in_full() {
        for path in [
            "/ADMIN%2Fstats",
            "//admin/stats",
            "/admin;x=1/stats",
            "/admin%5cstats",
            "/admin/%2573tats",
            "/admin/stats%00",
            "/admin/stats%20",
            "/admin//stats",
            "/admin%3Bx/stats",
        ] {
            assert_eq!(odd(path), ["admin", "stats"], "{path}");
        }
    }

    #[test]
    fn what_is_made_to_be_misread_is_hopeless() {
        for path in [
            "/a/../b",
            "/a/%2e%2E/b",
            "/a/..%2fb",
            "/a/%252e%252e/b",
            "/a/..;/b",
            "/a/./b",
            "/%c0%afadmin",
            "/%25252525252541",
            "/a%5c..%5cb",
        ] {
            assert_eq!(Asked::read(path).oddness, Oddness::Hopeless, "{path}");
        }
    }

    #[test]
    fn letters_that_look_alike_are_one() {
        assert_eq!(fold("AdMiN"), "admin");
        assert_eq!(fold("ａdmin"), "admin");
        assert_eq!(fold("ſtats"), fold("STATS"));
    }
}
