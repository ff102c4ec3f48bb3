//! Places for people: path, line, the lines themselves.

use super::Sight;
use crate::{
    fact::{Fact, Facts, Kind},
    source::Tree,
};

/// How many lines of a place are shown.
const LINES: u32 = 3;
/// How many characters of a line are shown.
const WIDE: usize = 160;

/// Makes places from facts.
pub(super) struct Sights<'a> {
    facts: &'a Facts,
    tree: &'a Tree,
}

impl<'a> Sights<'a> {
    pub(super) fn new(facts: &'a Facts, tree: &'a Tree) -> Sights<'a> {
        Sights { facts, tree }
    }

    /// The place of a fact. What is secret in it is not shown.
    pub(super) fn of(&self, fact: &Fact, note: &str) -> Sight {
        let path = self.facts.path(fact.file);
        let mut snippet = self.lines(path, fact.line, fact.end);
        if fact.kind == Kind::Secret {
            for value in fact.all("value").filter(|value| value.len() > 1) {
                snippet = snippet.replace(value, "***");
            }
        }
        Sight {
            file: path.to_owned(),
            line: fact.line,
            end: fact.end.max(fact.line),
            symbol: self.facts.symbol(fact).to_owned(),
            snippet,
            note: note.to_owned(),
        }
    }

    fn lines(&self, path: &str, line: u32, end: u32) -> String {
        let Some(file) = self.tree.get(path) else { return String::new() };
        let count = end.max(line).saturating_sub(line).min(LINES - 1) + 1;
        let lines = file.bytes.split(|byte| *byte == b'\n').skip(line.saturating_sub(1) as usize).take(count as usize);
        let shortened = lines.map(|line| {
            let text = String::from_utf8_lossy(&line[..line.len().min(WIDE * 4)]);
            text.trim_end().chars().take(WIDE).collect::<String>()
        });
        shortened.collect::<Vec<_>>().join("\n")
    }
}
