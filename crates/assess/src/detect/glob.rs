//! Texts with `*`, as patterns have them for names and values.

use memchr::memmem;

use crate::fact::Shape;

/// Alternatives of texts with `*`, in lower case.
#[derive(Debug, Clone)]
pub(super) struct Glob(Vec<Vec<String>>);

impl Glob {
    pub(super) fn new(text: &str) -> Glob {
        let alternatives = split(text, '|');
        Glob(alternatives.iter().map(|one| split(&one.to_lowercase(), '*').iter().map(|part| part.replace('\\', "")).collect()).collect())
    }
    pub(super) fn matches(&self, text: &str) -> bool {
        if text.bytes().any(|byte| byte.is_ascii_uppercase() || byte >= 0x80) { self.fits(&text.to_lowercase()) } else { self.fits(text) }
    }
    /// The same for a text in lower case.
    pub(super) fn fits(&self, text: &str) -> bool {
        self.0.iter().any(|parts| fits(parts, text))
    }
    /// Whether every text fits.
    pub(super) fn is_any(&self) -> bool {
        self.0.iter().any(|parts| parts.len() > 1 && parts.iter().all(String::is_empty))
    }
    /// What each alternative says of a name, by what finds the fewest names.
    pub(super) fn shapes(&self) -> impl Iterator<Item = Shape<'_>> {
        self.0.iter().map(|parts| {
            let (first, last) = (parts.first().map_or("", String::as_str), parts.last().map_or("", String::as_str));
            let middle = parts.iter().skip(1).take(parts.len().saturating_sub(2)).max_by_key(|part| part.len());
            match middle {
                _ if parts.len() < 2 => Shape::Is(first),
                _ if !first.is_empty() && first.len() >= last.len() => Shape::Begins(first),
                _ if !last.is_empty() => Shape::Ends(last),
                Some(middle) if !middle.is_empty() => Shape::Holds(middle),
                _ => Shape::Any,
            }
        })
    }
}

/// Splits at a character that no backslash stands before.
fn split(text: &str, at: char) -> Vec<String> {
    let (mut parts, mut now, mut escaped) = (Vec::new(), String::new(), false);
    for character in text.chars() {
        if character == at && !escaped {
            parts.push(std::mem::take(&mut now));
        } else {
            now.push(character);
        }
        escaped = character == '\\' && !escaped;
    }
    parts.push(now);
    parts
}

fn fits(parts: &[String], text: &str) -> bool {
    let Some((first, rest)) = parts.split_first() else { return text.is_empty() };
    let Some((last, middle)) = rest.split_last() else { return first == text };
    let Some(mut left) = text.strip_prefix(first.as_str()) else { return false };
    for part in middle {
        match memmem::find(left.as_bytes(), part.as_bytes()) {
            Some(at) => left = left.get(at + part.len()..).unwrap_or(""),
            None => return false,
        }
    }
    left.ends_with(last.as_str())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_glob_says_where_its_names_are() {
        let shapes = |text: &str| format!("{:?}", Glob::new(text).shapes().collect::<Vec<_>>());
        assert_eq!(shapes("A.B|a.*|*.b|*x*yz*|*|a*bc"), r#"[Is("a.b"), Begins("a."), Ends(".b"), Holds("yz"), Any, Ends("bc")]"#);
        assert_eq!(shapes(r"*\**"), r#"[Holds("*")]"#);
    }
}
