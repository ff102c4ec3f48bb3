//! Which paths reach a mounted service, and what they are judged by.
//!
//! `[routes]` says who may ask for a path, and the service decides what the path means. Where the
//! two may read one path differently, somebody reads the public page's rule and gets the private
//! page. So what parsers are known to disagree about is refused, and the rest is judged by every
//! reading that a usual service has. What is sent is byte for byte what was judged.
//!
//! | In a path | | Why |
//! |---|---|---|
//! | `.` and `..` as segments, also encoded, also `..;` | refused | one side resolves them, the other does not |
//! | `%2f`, `%252f` | refused, unless `[service] paths` has `encoded-slash` | package and project names need them; then judged in both readings |
//! | `\`, `%5c`, `%255c` | refused | some services take it for `/` |
//! | `//` | refused, unless `[service] paths` has `empty-segment` | object stores need it; then judged in both readings |
//! | `%00`, other encoded control characters, `%252e` | refused | they end strings, break lines, hide dots |
//! | `%` without two digits | refused | nobody agrees on what it means |
//! | escapes that are no UTF-8 | refused, unless `[service] paths` has `not-utf-8` | old encodings; overlong forms hide slashes |
//! | `%41` for `A` | passed, judged as `A` | it means the same everywhere |
//! | `/Admin`, `/admin/`, `/admin;x=1` | passed, judged as `/admin` too | some services do not tell them apart; the stricter rule holds |

use std::borrow::Cow;

use plimsoll_core::{Code, Error, Result};

/// What a service needs although parsers differ on it.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct Allowed {
    slash: bool,
    empty: bool,
    bytes: bool,
}

impl Allowed {
    /// Reads `[service] paths`.
    ///
    /// # Errors
    /// `ConfigInvalid` for a word that is none of the three.
    pub fn read(words: &[String]) -> Result<Allowed> {
        let mut allowed = Allowed::default();
        for word in words {
            match word.as_str() {
                "encoded-slash" => allowed.slash = true,
                "empty-segment" => allowed.empty = true,
                "not-utf-8" => allowed.bytes = true,
                _ => {
                    return Err(Code::ConfigInvalid.because(format!(
                        "`[service] paths` holds \"{word}\"; it may hold `encoded-slash`, `empty-segment` and `not-utf-8`"
                    )));
                }
            }
        }
        Ok(allowed)
    }
}

/// A path as a service may read it.
#[derive(Debug, PartialEq, Eq)]
pub struct Readings<'p> {
    /// With its escapes decoded; what rules are looked up by.
    pub plain: Cow<'p, str>,
    /// As a service reads it that ignores case, empty segments, parameters and a slash at the end;
    /// nothing where that is the same.
    pub loose: Option<String>,
}

fn refused(what: &str) -> Error {
    Code::Malformed.because(format!("the path {what}, which servers read differently; send it in its plain form"))
}

/// How the service may read `path`.
///
/// # Errors
/// `Malformed` where two parsers may come to different places.
pub fn readings(path: &str, allowed: Allowed) -> Result<Readings<'_>> {
    if !path.starts_with('/') {
        return Err(Code::Malformed.because("the request target is no path that begins with `/`"));
    }
    let (mut escaped, mut odd, mut begin) = (false, false, 1);
    let bytes = path.as_bytes();
    for (at, byte) in bytes.iter().enumerate().skip(1) {
        match byte {
            b'%' => escaped = true,
            b'\\' => return Err(refused("has a backslash")),
            b'A'..=b'Z' | b';' => odd = true,
            0..=0x1f | 0x7f => return Err(refused("has a control character")),
            b'/' => {
                segment(&bytes[begin..at])?;
                odd |= at == begin;
                if at == begin && !allowed.empty {
                    return Err(refused("has an empty segment (`//`)"));
                }
                begin = at + 1;
            }
            _ => {}
        }
    }
    segment(&bytes[begin..])?;
    odd |= bytes.len() > 1 && begin == bytes.len();
    let plain = if escaped { Cow::Owned(decoded(path, allowed)?) } else { Cow::Borrowed(path) };
    let loose = (odd || escaped).then(|| loosened(&plain)).filter(|loose| *loose != plain);
    Ok(Readings { plain, loose })
}

/// Refuses a segment that goes up or stays, without or with parameters behind it.
fn segment(bytes: &[u8]) -> Result<()> {
    if matches!(bytes, [b'.'] | [b'.', b'.'] | [b'.', b';', ..] | [b'.', b'.', b';', ..]) {
        return Err(refused("has a segment `.` or `..`"));
    }
    Ok(())
}

/// The path with every escape decoded once, except for a slash, which stays `%2F`.
fn decoded(path: &str, allowed: Allowed) -> Result<String> {
    let mut out = Vec::with_capacity(path.len());
    let mut rest = path.as_bytes();
    while let Some((&byte, behind)) = rest.split_first() {
        rest = behind;
        if byte != b'%' {
            out.push(byte);
            continue;
        }
        let [high, low, behind @ ..] = rest else { return Err(refused("has a `%` without two digits")) };
        let digits = (char::from(*high).to_digit(16), char::from(*low).to_digit(16));
        let (Some(high), Some(low)) = digits else { return Err(refused("has a `%` without two digits")) };
        rest = behind;
        match (high * 16 + low) as u8 {
            b'/' if allowed.slash => out.extend_from_slice(b"%2F"),
            b'/' => return Err(refused("has an encoded slash (`%2f`)")),
            b'\\' => return Err(refused("has an encoded backslash (`%5c`)")),
            0..=0x1f | 0x7f => return Err(refused("has an encoded control character")),
            b'%' => {
                let twice = rest.get(..2).and_then(|two| std::str::from_utf8(two).ok()).unwrap_or_default();
                if ["2e", "2E", "5c", "5C", "00"].contains(&twice) || (twice.eq_ignore_ascii_case("2f") && !allowed.slash) {
                    return Err(refused("is encoded twice"));
                }
                out.push(b'%');
            }
            plain => out.push(plain),
        }
    }
    let text = match String::from_utf8(out) {
        Ok(text) => text,
        Err(other) if allowed.bytes => String::from_utf8_lossy(other.as_bytes()).into_owned(),
        Err(_) => return Err(refused("has escapes that are no UTF-8")),
    };
    // Who decodes slashes too sees these segments.
    text.replace("%2F", "/").split('/').skip(1).try_for_each(|one| segment(one.as_bytes()))?;
    Ok(text)
}

/// The widest reading: lower case, slashes decoded, no parameters, no empty segments.
fn loosened(plain: &str) -> String {
    let wide = plain.replace("%2F", "/").to_lowercase();
    let segments = wide.split('/').map(|one| one.split(';').next().unwrap_or_default());
    let mut loose = String::with_capacity(wide.len());
    segments.filter(|one| !one.is_empty()).for_each(|one| {
        loose.push('/');
        loose.push_str(one);
    });
    if loose.is_empty() { "/".to_owned() } else { loose }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn all() -> Allowed {
        Allowed { slash: true, empty: true, bytes: true }
    }

    #[test]
    fn an_ordinary_path_is_read_as_it_is() {
        for path in ["/", "/a", "/a/b.c", "/a/..b", "/a/b..", "/.well-known/x", "/a:b@c!$&'()*+,=~-_", "/ä"] {
            assert_eq!(readings(path, Allowed::default()).unwrap(), Readings { plain: path.into(), loose: None }, "{path}");
        }
    }

    #[test]
    fn what_parsers_read_differently_is_refused() {
        for path in [
            "/a/../b",
            "/..",
            "/./a",
            "/a/.",
            "/a/..",
            "/%2e%2e/a",
            "/a/%2E",
            "/.%2e/a",
            "/a/..;/b",
            "/a/..;x=1/b",
            "/a/%2e%2e;/b",
            "/a%2fb",
            "/a%2Fb",
            "/a\\b",
            "/a%5cb",
            "/a%5Cb",
            "//a",
            "/a//b",
            "/a//",
            "/a%00",
            "/a%0d%0ab",
            "/a%7f",
            "/a%1f",
            "/%",
            "/a%2",
            "/a%zz",
            "/a%+1",
            "/%ff",
            "/%c0%af",
            "/%c0%ae%c0%ae/",
            "/%252e%252e/a",
            "/a%252fb",
            "/a%255cb",
            "/a%2500",
            "",
            "a",
            "*",
        ] {
            assert_eq!(readings(path, Allowed::default()).unwrap_err().code(), Code::Malformed, "{path}");
        }
        for path in
            ["/a/../b", "/a/%2e%2e/b", "/a/%2e%2e%2fb", "/a%2f..", "/a%2f..;%2fb", "/a%5cb", "/a%00", "/%zz", "/a//../b", "/%252e%252e/"]
        {
            assert!(readings(path, all()).is_err(), "{path} stays refused whatever is allowed");
        }
    }

    #[test]
    fn what_a_service_needs_can_be_allowed_and_is_judged_in_both_readings() {
        let read = |path| readings(path, all()).map(|found| (found.plain.into_owned(), found.loose.unwrap_or_default())).unwrap();
        assert_eq!(read("/p/a%2Fb"), ("/p/a%2Fb".into(), "/p/a/b".into()));
        assert_eq!(read("/p//b"), ("/p//b".into(), "/p/b".into()));
        assert_eq!(read("/%e9").0, "/\u{fffd}");
    }

    #[test]
    fn a_rule_is_looked_up_by_what_the_path_means() {
        let read = |path| readings(path, Allowed::default()).map(|found| (found.plain.into_owned(), found.loose)).unwrap();
        assert_eq!(read("/%61dmin"), ("/admin".into(), None));
        assert_eq!(read("/ADMIN/"), ("/ADMIN/".into(), Some("/admin".into())));
        assert_eq!(read("/admin;x=1/a"), ("/admin;x=1/a".into(), Some("/admin/a".into())));
        assert_eq!(read("/a%3Bb"), ("/a;b".into(), Some("/a".into())), "an encoded semicolon is a semicolon to some");
        assert_eq!(read("/100%25"), ("/100%".into(), None));
    }

    #[test]
    fn only_known_words_allow_something() {
        assert_eq!(Allowed::read(&["encoded-slash".into(), "empty-segment".into(), "not-utf-8".into()]).unwrap(), all());
        assert!(Allowed::read(&["dots".into()]).is_err());
    }
}
