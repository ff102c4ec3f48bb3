//! Replacing what differs from run to run by its name, so that whole answers can be compared
//! with text in the test.

/// Length of an id after its prefix and underscore; the alphabet is Crockford's base 32.
const DIGITS: usize = 26;

/// `text` with ids (`art_` and 26 characters, or a UUID) as `[id]` and times (RFC 3339, with a
/// time of day and an offset) as `[time]`, wherever a word begins and ends with them.
pub fn redact(text: &str) -> String {
    let mut out = String::with_capacity(text.len());
    let mut rest = text;
    let mut inside = false;
    while let Some(c) = rest.chars().next() {
        if !inside && let Some((length, name)) = id(rest).map(|n| (n, "[id]")).or_else(|| time(rest).map(|n| (n, "[time]"))) {
            out.push_str(name);
            rest = &rest[length..];
            // What follows is no letter, digit or underscore: that ended the match.
            continue;
        }
        inside = word(c);
        out.push(c);
        rest = &rest[c.len_utf8()..];
    }
    out
}

fn word(c: char) -> bool {
    c.is_alphanumeric() || c == '_'
}

/// The length of the id that `text` begins with.
fn id(text: &str) -> Option<usize> {
    let end = text.find(|c| !word(c)).unwrap_or(text.len());
    if let Some((prefix, digits)) = text[..end].rsplit_once('_')
        && prefix.starts_with(|c: char| c.is_ascii_lowercase())
        && prefix.chars().all(|c| c.is_ascii_lowercase() || c.is_ascii_digit())
        && digits.len() == DIGITS
        && digits.chars().all(|c| matches!(c, '0'..='9' | 'a'..='h' | 'j' | 'k' | 'm' | 'n' | 'p'..='t' | 'v'..='z'))
    {
        return Some(end);
    }
    shaped(text, "xxxxxxxx-xxxx-xxxx-xxxx-xxxxxxxxxxxx").filter(|end| ends(text, *end))
}

/// The length of the time that `text` begins with.
fn time(text: &str) -> Option<usize> {
    let mut end = shaped(text, "dddd-dd-ddTdd:dd:dd")?;
    if let Some(fraction) = text[end..].strip_prefix('.') {
        let digits = fraction.find(|c: char| !c.is_ascii_digit()).unwrap_or(fraction.len());
        end += 1 + digits;
    }
    let offset = ["Z", "+dd:dd", "-dd:dd"].iter().find_map(|shape| shaped(&text[end..], shape))?;
    Some(end + offset).filter(|end| ends(text, *end))
}

/// The length of `shape` if `text` begins like it: `d` is a digit, `x` a hexadecimal digit in
/// lower case, everything else itself.
fn shaped(text: &str, shape: &str) -> Option<usize> {
    let bytes = text.as_bytes().get(..shape.len())?;
    let fits = bytes.iter().zip(shape.bytes()).all(|(&byte, shape)| match shape {
        b'd' => byte.is_ascii_digit(),
        b'x' => matches!(byte, b'0'..=b'9' | b'a'..=b'f'),
        other => byte == other,
    });
    fits.then_some(shape.len())
}

fn ends(text: &str, at: usize) -> bool {
    !text[at..].starts_with(word)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn ids_and_times_lose_their_accidents() {
        let line = r#"201 Created {"id":"art_01jd0000000000000000000abc","at":"2026-11-21T10:00:00.250000Z","of":"ten_7zzzzzzzzzzzzzzzzzzzzzzzzz"}"#;
        assert_eq!(redact(line), r#"201 Created {"id":"[id]","at":"[time]","of":"[id]"}"#);
        assert_eq!(redact("no artist art_01jd0000000000000000000abc here"), "no artist [id] here");
        assert_eq!(redact("/v1/artists/art_01jd0000000000000000000abc?x"), "/v1/artists/[id]?x");
        assert_eq!(redact("0b6e8f0a-5a0e-4c3e-9a53-0c9e8f1b2a3d."), "[id].");
        assert_eq!(redact("from 2026-11-21T10:00:00+02:00 on"), "from [time] on");
    }

    #[test]
    fn what_only_resembles_them_stays() {
        for text in [
            "art_short",
            "art_01jd0000000000000000000abcd",
            "ART_01jd0000000000000000000abc",
            "art_01jd0000000000000000000abu",
            "2026-11-21",
            "2026-11-21T10:00:00",
            "2026-11-21T10:00:00Zebra",
            "0b6e8f0a-5a0e-4c3e-9a53-0c9e8f1b2a3d7",
            "größe_01jd0000000000000000000abc",
            "",
        ] {
            assert_eq!(redact(text), text);
        }
    }

    #[test]
    fn the_hosts_own_ids_are_recognised() {
        let id: plimsoll_core::TenantId = plimsoll_core::Id::new(plimsoll_core::Time::from_micros(1), &plimsoll_core::Seed::fixed(1));
        assert_eq!(redact(&id.to_string()), "[id]");
        assert_eq!(redact(&plimsoll_core::Time::from_micros(1).to_string()), "[time]");
    }
}
