//! Places for people: path, line, the lines themselves.

use std::{collections::BTreeSet, sync::OnceLock};

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
    /// Where the lines of each file begin, counted when the first is shown.
    begins: Vec<OnceLock<Vec<usize>>>,
}

impl<'a> Sights<'a> {
    pub(super) fn new(facts: &'a Facts, tree: &'a Tree) -> Sights<'a> {
        Sights { facts, tree, begins: vec![OnceLock::new(); tree.files.len()] }
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

    /// The first of the places of these facts, in order. A place is made only where it is shown.
    pub(super) fn first(&self, facts: &[(&Fact, String)], most: usize) -> Vec<Sight> {
        let place = |fact: &Fact| (self.facts.path(fact.file), fact.line, fact.end.max(fact.line), self.facts.symbol(fact));
        let mut sorted: Vec<&(&Fact, String)> = facts.iter().collect();
        sorted.sort_by(|(a, _), (b, _)| place(a).cmp(&place(b)));
        let mut shown = Vec::new();
        for same in sorted.chunk_by(|(a, _), (b, _)| place(a) == place(b)) {
            let same: BTreeSet<Sight> = same.iter().map(|(fact, note)| self.of(fact, note)).collect();
            shown.extend(same.into_iter().take(most - shown.len()));
            if shown.len() >= most {
                break;
            }
        }
        shown
    }

    fn lines(&self, path: &str, line: u32, end: u32) -> String {
        let Ok(number) = self.tree.files.binary_search_by(|file| file.path.as_str().cmp(path)) else { return String::new() };
        let (Some(file), Some(begins)) = (self.tree.files.get(number), self.begins.get(number)) else { return String::new() };
        let begins = begins.get_or_init(|| std::iter::once(0).chain(memchr::memchr_iter(b'\n', &file.bytes).map(|at| at + 1)).collect());
        let count = end.max(line).saturating_sub(line).min(LINES - 1) + 1;
        let first = line.saturating_sub(1) as usize;
        let lines = (first..first.saturating_add(count as usize)).map_while(|line| {
            let from = *begins.get(line)?;
            // A line ends before the break that the next one begins behind.
            let to = begins.get(line + 1).map_or(file.bytes.len(), |next| next - 1);
            file.bytes.get(from..to)
        });
        let shortened = lines.map(|line| {
            let text = crate::source::text(&line[..line.len().min(WIDE * 4)]);
            text.trim_end().chars().take(WIDE).collect::<String>()
        });
        shortened.collect::<Vec<_>>().join("\n")
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::fact::{FileId, FileInfo};

    #[test]
    fn places_are_shown_in_order_and_once_with_their_lines() {
        let tree = Tree::of([("a.py", "one\ntwo\nthree\n"), ("b.py", "last = 1")]);
        let files =
            tree.files.iter().map(|file| FileInfo { path: file.path.clone(), language: "python", test: false, symbols: Vec::new() });
        let fact = |file: u32, line: u32, end: u32| Fact { file: FileId(file), ..Fact::new(Kind::Call, "f", line, end) };
        let facts = Facts::new(files.collect(), Vec::new(), vec![fact(0, 1, 2), fact(0, 3, 9), fact(1, 1, 1), fact(1, 7, 7)]);
        let found: Vec<(&Fact, String)> = facts.all().iter().rev().chain(facts.all()).map(|fact| (fact, "here".to_owned())).collect();
        let shown = |most: usize| -> Vec<(String, u32, String)> {
            let all = Sights::new(&facts, &tree).first(&found, most);
            all.into_iter().map(|sight| (sight.file, sight.line, sight.snippet)).collect()
        };
        let line = |file: &str, line: u32, text: &str| (file.to_owned(), line, text.to_owned());
        let all = [line("a.py", 1, "one\ntwo"), line("a.py", 3, "three\n"), line("b.py", 1, "last = 1"), line("b.py", 7, "")];
        assert_eq!(shown(12), all);
        assert_eq!(shown(2), all[..2]);
    }
}
