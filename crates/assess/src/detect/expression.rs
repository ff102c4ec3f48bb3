//! Regular expressions of conditions, built when they are first asked.
//!
//! The pages have more than a thousand, many of them several times; a built one takes a hundred
//! times the memory of its text, and whoever only reads a page asks none of them. So each text is
//! built once, and for texts of ASCII in a form that knows nothing of Unicode: what `\w` and `(?i)`
//! mean beyond ASCII is most of the work of building one, and hardly any value needs it.

use std::{
    collections::HashMap,
    sync::{Arc, Mutex, OnceLock, Weak},
};

use regex::{Regex, bytes};

/// A regular expression whose form is known to be right.
#[derive(Debug, Clone)]
pub(super) struct Expression(Arc<Built>);

#[derive(Debug)]
struct Built {
    text: String,
    /// Nothing in it where it cannot be said without Unicode.
    ascii: OnceLock<Option<bytes::Regex>>,
    /// Nothing in it where it is larger than any may be, or asks for a class of characters that is not compiled in.
    whole: OnceLock<Option<Regex>>,
}

/// How many are known before those are forgotten that nobody uses any longer.
const MOST: usize = 4_096;

/// Those that are in use, by their text.
static KNOWN: Mutex<Option<HashMap<String, Weak<Built>>>> = Mutex::new(None);

impl Expression {
    pub(super) fn parse(text: &str) -> Result<Expression, String> {
        let mut known = KNOWN.lock().unwrap_or_else(|poisoned| poisoned.into_inner());
        let known = known.get_or_insert_default();
        if let Some(built) = known.get(text).and_then(Weak::upgrade) {
            return Ok(Expression(built));
        }
        regex_syntax::ast::parse::Parser::new().parse(text).map_err(|error| error.to_string())?;
        let built = Arc::new(Built { text: text.to_owned(), ascii: OnceLock::new(), whole: OnceLock::new() });
        if known.len() >= MOST {
            known.retain(|_, other| other.strong_count() > 0);
        }
        known.insert(text.to_owned(), Arc::downgrade(&built));
        Ok(Expression(built))
    }
    pub(super) fn text(&self) -> &str {
        &self.0.text
    }
    /// Whether it can be built; one that cannot is never true of a text beyond ASCII.
    pub(super) fn is_buildable(&self) -> bool {
        self.whole().is_some()
    }
    fn whole(&self) -> Option<&Regex> {
        self.0.whole.get_or_init(|| Regex::new(&self.0.text).ok()).as_ref()
    }
    fn ascii(&self) -> Option<&bytes::Regex> {
        self.0.ascii.get_or_init(|| bytes::RegexBuilder::new(&self.0.text).unicode(false).build().ok()).as_ref()
    }
    pub(super) fn fits(&self, value: &str) -> bool {
        if value.is_ascii()
            && let Some(ascii) = self.ascii()
        {
            return ascii.is_match(value.as_bytes());
        }
        self.whole().is_some_and(|regex| regex.is_match(value))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_text_of_ascii_and_any_other_are_held_against_the_same_expression() {
        for (text, value, expected) in [
            (r"(?i)\bstra\w+$", "Hauptstrasse Strand", true),
            (r"(?i)stra\w+e", "STRA\u{df}E", true),
            (r"^\w+$", "caf\u{e9}", true),
            (r"^\w+$", "cafe", true),
            (r"^[^a]$", "\u{e9}", true),
            ("\u{e9}|b", "b", true),
            ("\u{e9}|b", "\u{e9}", true),
            ("\u{e9}|b", "e", false),
            (r"(?i)k", "\u{212a}", true),
            (r"\d", "\u{0663}", true),
            (r"\d", "x", false),
        ] {
            assert_eq!(Expression::parse(text).unwrap().fits(value), expected, "{text} {value}");
        }
    }

    #[test]
    fn the_same_text_is_built_once() {
        let (one, other) = (Expression::parse("same(text)+").unwrap(), Expression::parse("same(text)+").unwrap());
        assert!(one.fits("sametexttext") && Arc::ptr_eq(&one.0, &other.0));
        assert!(Expression::parse("same(text").is_err());
    }
}
