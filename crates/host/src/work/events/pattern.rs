//! Which types of event somebody wants: `song.created`, `song.*`, `*`.

use plimsoll_core::{Code, Result};

/// A type, the beginning of one followed by `.*`, or `*` for all.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Pattern {
    text: String,
}

/// Whether `text` can be the type of an event: words with points between them, two at least.
pub(super) fn is_type(text: &str) -> bool {
    let word = |word: &str| {
        word.starts_with(|first: char| first.is_ascii_lowercase())
            && word.chars().all(|one| one.is_ascii_lowercase() || one.is_ascii_digit() || one == '_' || one == '-')
    };
    text.len() <= 100 && text.contains('.') && text.split('.').all(word)
}

impl Pattern {
    /// Reads it.
    ///
    /// # Errors
    /// [`Code::Invalid`] for what can match no type.
    pub fn parse(text: &str) -> Result<Pattern> {
        let fits = text == "*" || is_type(text) || text.strip_suffix(".*").is_some_and(|head| is_type(&format!("{head}.x")));
        if !fits {
            let shown: String = text.chars().take(64).collect();
            return Err(Code::Invalid.because(format!("`{shown}` is no type of event, nor the beginning of one followed by `.*`")));
        }
        Ok(Pattern { text: text.to_owned() })
    }

    /// Whether events of this type are wanted.
    pub fn covers(&self, kind: &str) -> bool {
        match self.text.strip_suffix('*') {
            Some(head) => kind.starts_with(head),
            None => kind == self.text,
        }
    }

    /// As it was written.
    pub fn text(&self) -> &str {
        &self.text
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_pattern_covers_a_type_or_all_types_below_a_word() {
        let covers = |pattern: &str, kind: &str| Pattern::parse(pattern).unwrap().covers(kind);
        assert!(covers("*", "song.created") && covers("song.*", "song.created") && covers("song.created", "song.created"));
        assert!(!covers("song.*", "songs.created") && !covers("song.created", "song.created_again") && !covers("song.*", "song"));
        assert!(covers("release.candidate.*", "release.candidate.begun"));
    }

    #[test]
    fn what_can_match_no_type_is_refused() {
        for text in ["", "song", "Song.created", "song.", ".created", "song*", "*.created", "song.*.x", "song..created", "so ng.created"] {
            assert!(Pattern::parse(text).is_err(), "{text}");
        }
    }
}
