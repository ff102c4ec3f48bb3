//! Names of gaps that survive moved lines.
//!
//! A name is a digest over practice, service, path, enclosing definition and the text without its white space. Line numbers are
//! no part of it: who adds an import must not see everything below it anew. The path is, so that a new fault in another file is
//! not taken for the old one. The second gap with the same name in one report gets a number, so that a copy of a fault is new.

use std::collections::BTreeMap;

use super::Gap;
use crate::{detect::Sight, proof::Digest};

/// Digits of a fingerprint: 128 bits.
const DIGITS: usize = 32;

/// The name of what is wrong in this place. Of what is absent the text does not count: it is that of the place where the
/// practice would have to be, and changes for other reasons.
pub(super) fn fingerprint(practice: &str, service: Option<&str>, place: &Sight, absent: bool, copy: usize) -> String {
    let text = if absent { String::new() } else { normalised(&place.snippet) };
    let copy = if copy == 0 { String::new() } else { copy.to_string() };
    let mut digest = Digest::new();
    for part in ["plimsoll.gap/1", practice, service.unwrap_or(""), &place.file, &place.symbol, &text, &copy] {
        // With its length before it, so that no two lists of parts are one text.
        digest.update(format!("{}:", part.len()).as_bytes());
        digest.update(part.as_bytes());
    }
    digest.finish().trim_start_matches("sha256:").chars().take(DIGITS).collect()
}

/// The text in which white space is one space, and none beside punctuation: formatters move it.
fn normalised(text: &str) -> String {
    let mut out = String::with_capacity(text.len());
    let mut space = false;
    for char in text.chars() {
        if char.is_whitespace() {
            space = true;
            continue;
        }
        let word = |char: char| char.is_alphanumeric() || char == '_';
        if space && word(char) && out.chars().next_back().is_some_and(word) {
            out.push(' ');
        }
        space = false;
        out.push(char);
    }
    out
}

/// Gives every gap of a practice its name. A gap at the anchor is an absence.
pub(super) fn name(practice: &str, gaps: &mut [Gap], anchor: Option<&Sight>) {
    let mut seen: BTreeMap<String, usize> = BTreeMap::new();
    for gap in gaps {
        let absent = anchor == Some(&gap.place);
        let first = fingerprint(practice, gap.service.as_deref(), &gap.place, absent, 0);
        let copy = seen.entry(first.clone()).and_modify(|count| *count += 1).or_default();
        gap.fingerprint = if *copy == 0 { first } else { fingerprint(practice, gap.service.as_deref(), &gap.place, absent, *copy) };
    }
}
