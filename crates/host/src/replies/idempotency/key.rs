//! The header `Idempotency-Key`: a structured-field string (RFC 9651), or the same without quotes.

use http::{HeaderMap, HeaderName};
use plimsoll_core::{Code, Error, Result};

/// The header.
pub static KEY: HeaderName = HeaderName::from_static("idempotency-key");

const LONGEST: usize = 255;

/// The key that came with a request; `"a"` and `a` are the same key.
///
/// # Errors
/// `IdempotencyKeyInvalid` for a header that came twice or cannot be read.
pub fn read(headers: &HeaderMap) -> Result<Option<String>> {
    let mut lines = headers.get_all(&KEY).iter();
    let Some(line) = lines.next() else { return Ok(None) };
    if lines.next().is_some() {
        return Err(wrong("came twice"));
    }
    let text = line.to_str().map_err(|_| wrong("holds what is not ASCII"))?.trim_matches([' ', '\t']);
    let key = match text.strip_prefix('"') {
        Some(rest) => quoted(rest)?,
        None => bare(text)?,
    };
    match key.len() {
        0 => Err(wrong("is empty")),
        length if length > LONGEST => Err(wrong("is longer than 255 characters")),
        _ => Ok(Some(key)),
    }
}

/// The rest of a structured-field string, behind its first quote.
fn quoted(rest: &str) -> Result<String> {
    let (mut key, mut letters) = (String::with_capacity(rest.len()), rest.chars());
    loop {
        match letters.next() {
            Some('"') => break,
            Some('\\') => match letters.next() {
                Some(escaped @ ('"' | '\\')) => key.push(escaped),
                _ => return Err(wrong("escapes what needs no escape")),
            },
            Some(letter @ ' '..='~') => key.push(letter),
            Some(_) => return Err(wrong("holds a control character")),
            None => return Err(wrong("has no closing quote")),
        }
    }
    if letters.next().is_some() { Err(wrong("goes on behind its closing quote")) } else { Ok(key) }
}

/// What clients send that know no structured fields: a UUID, a token.
fn bare(text: &str) -> Result<String> {
    let plain = |byte: u8| byte.is_ascii_graphic() && !matches!(byte, b'"' | b',' | b';' | b'\\');
    if text.bytes().all(plain) { Ok(text.to_owned()) } else { Err(wrong("holds a character that has to stand in quotes")) }
}

#[track_caller]
fn wrong(what: &str) -> Error {
    Code::IdempotencyKeyInvalid.because(format!(
        "the header `Idempotency-Key` {what}; send one string of 1 to 255 characters, such as \"8e03978e-40d5-43dd-bc93-6894a57f9324\""
    ))
}

#[cfg(test)]
mod tests {
    use super::*;
    use http::HeaderValue;

    fn given(lines: &[&str]) -> Result<Option<String>> {
        let mut headers = HeaderMap::new();
        for line in lines {
            headers.append(&KEY, HeaderValue::from_bytes(line.as_bytes()).unwrap());
        }
        read(&headers)
    }

    #[test]
    fn a_key_is_a_string_with_or_without_quotes() {
        assert_eq!(given(&[]).unwrap(), None);
        for text in [
            "8e03978e-40d5-43dd-bc93-6894a57f9324",
            "\"8e03978e-40d5-43dd-bc93-6894a57f9324\"",
            " \"8e03978e-40d5-43dd-bc93-6894a57f9324\" ",
        ] {
            assert_eq!(given(&[text]).unwrap().as_deref(), Some("8e03978e-40d5-43dd-bc93-6894a57f9324"));
        }
        assert_eq!(given(&["\"a b, c; \\\"d\\\" \\\\\""]).unwrap().as_deref(), Some("a b, c; \"d\" \\"));
        assert_eq!(given(&[&"x".repeat(255)]).unwrap().map(|key| key.len()), Some(255));
    }

    #[test]
    fn what_cannot_be_read_is_refused_and_never_ignored() {
        let (long, quoted) = ("x".repeat(256), format!("\"{}\"", "x".repeat(256)));
        for lines in [
            &["a", "a"][..],
            &[""],
            &["\"\""],
            &["\"a"],
            &["a\""],
            &["\"a\"b"],
            &["\"a\\b\""],
            &["a b"],
            &["a,b"],
            &["a;b=1"],
            &["\u{e4}"],
            &["\"a\tb\""],
            &[&long],
            &[&quoted],
        ] {
            assert_eq!(given(lines).unwrap_err().code(), Code::IdempotencyKeyInvalid, "{lines:?}");
        }
    }
}
