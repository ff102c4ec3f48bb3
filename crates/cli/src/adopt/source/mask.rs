//! Which bytes of a program are code, and which are comments or inside of strings.

use super::Language;

/// The text without comments, and without what strings hold; every byte stays at its place.
pub(super) fn mask(text: &str, language: Language) -> (String, String) {
    let bytes = text.as_bytes();
    let (mut code, mut bare) = (bytes.to_vec(), bytes.to_vec());
    let blank = |out: &mut Vec<u8>, from: usize, to: usize| {
        for byte in &mut out[from..to] {
            if *byte != b'\n' {
                *byte = b' ';
            }
        }
    };
    let hash = matches!(language, Language::Python | Language::Ruby);
    let mut at = 0;
    // The last byte of code before this one: whether a slash divides or begins an expression.
    let mut last = b'\n';
    while at < bytes.len() {
        let rest = &bytes[at..];
        let byte = bytes[at];
        if (hash && byte == b'#') || (!hash && rest.starts_with(b"//")) {
            let end = find(bytes, at, b"\n").unwrap_or(bytes.len());
            blank(&mut code, at, end);
            blank(&mut bare, at, end);
            at = end;
        } else if !hash && rest.starts_with(b"/*") {
            let end = find(bytes, at + 2, b"*/").map_or(bytes.len(), |end| end + 2);
            blank(&mut code, at, end);
            blank(&mut bare, at, end);
            at = end;
        } else if language == Language::Python && (rest.starts_with(b"\"\"\"") || rest.starts_with(b"'''")) {
            let end = find(bytes, at + 3, &rest[..3]).map_or(bytes.len(), |end| end + 3);
            blank(&mut code, at, end);
            blank(&mut bare, at, end);
            at = end;
        } else if let Some(end) = string(bytes, at, language, last) {
            // What never closes is blank to its end, so that no character is cut in two.
            let inner = if end > at + 1 && bytes[end - 1].is_ascii() { end - 1 } else { end };
            blank(&mut bare, at + 1, inner);
            last = b'"';
            at = end;
        } else {
            if !byte.is_ascii_whitespace() {
                last = byte;
            }
            at += 1;
        }
    }
    let out = |bytes: Vec<u8>| String::from_utf8(bytes).unwrap_or_default();
    (out(code), out(bare))
}

/// The end of the string, character or pattern that begins here.
fn string(bytes: &[u8], at: usize, language: Language, last: u8) -> Option<usize> {
    let quote = bytes[at];
    match (quote, language) {
        (b'"', Language::Rust) if at > 0 && matches!(bytes[at - 1], b'#' | b'r') => {
            let hashes = bytes[..at].iter().rev().take_while(|byte| **byte == b'#').count();
            let raw = at > hashes && bytes[at - 1 - hashes] == b'r';
            if raw {
                let close: Vec<u8> = [b"\"".as_slice(), &vec![b'#'; hashes]].concat();
                return Some(find(bytes, at + 1, &close).map_or(bytes.len(), |end| end + 1));
            }
            Some(quoted(bytes, at, quote, true))
        }
        (b'\'', Language::Rust) => {
            // A lifetime has no second quote behind one character.
            let character = bytes.get(at + 1) == Some(&b'\\') || bytes.get(at + 2) == Some(&b'\'');
            character.then(|| quoted(bytes, at, quote, false))
        }
        (b'"' | b'\'', Language::Rust | Language::Java) => Some(quoted(bytes, at, quote, true)),
        (b'"' | b'\'', _) => Some(quoted(bytes, at, quote, false)),
        (b'`', Language::Script) => Some(quoted(bytes, at, quote, true)),
        (b'`', Language::Go) => Some(find(bytes, at + 1, b"`").map_or(bytes.len(), |end| end + 1)),
        (b'/', Language::Script)
            if matches!(last, b'(' | b',' | b'=' | b':' | b'[' | b'!' | b'&' | b'|' | b'?' | b'{' | b'}' | b';' | b'\n') =>
        {
            let end = quoted(bytes, at, quote, false);
            // Not a pattern when the line ends first.
            (bytes[at..end].last() == Some(&b'/') && end > at + 1).then_some(end)
        }
        _ => None,
    }
}

/// The end of a quoted text: behind the same quote again, or at the end of the line.
fn quoted(bytes: &[u8], at: usize, quote: u8, lines: bool) -> usize {
    let mut end = at + 1;
    while end < bytes.len() {
        match bytes[end] {
            b'\\' => end += 1,
            b'\n' if !lines => return end,
            byte if byte == quote => return end + 1,
            _ => {}
        }
        end += 1;
    }
    bytes.len()
}

fn find(bytes: &[u8], from: usize, wanted: &[u8]) -> Option<usize> {
    bytes.get(from..)?.windows(wanted.len()).position(|window| window == wanted).map(|at| from + at)
}
