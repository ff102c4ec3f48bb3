//! The facts of one file of configuration, with a bound on their number and on the length of their values.

use crate::fact::{Extract, Fact, Kind};

use super::node::{At, Leaf};

/// How many facts a file may yield.
const FACTS: usize = 20_000;
/// How long a value may be, in bytes.
const VALUE: usize = 200;
/// How long a command may be.
const RUN: usize = 400;

/// Facts being collected.
#[derive(Debug, Default)]
pub struct Sheet {
    extract: Extract,
}

/// A text cut at a character's end.
pub fn cut(text: &str, at: usize) -> &str {
    if text.len() <= at {
        return text;
    }
    let mut end = at;
    while !text.is_char_boundary(end) {
        end -= 1;
    }
    &text[..end]
}

/// A text with runs of white space made one space, cut.
pub fn plain(text: &str, at: usize) -> String {
    // Only as much as can matter is looked at: a line may have megabytes.
    let mut out = String::new();
    for word in cut(text, at.saturating_mul(8)).split_whitespace() {
        if !out.is_empty() {
            out.push(' ');
        }
        out.push_str(word);
        if out.len() >= at {
            break;
        }
    }
    cut(&out, at).to_owned()
}

/// A value as facts hold it.
pub fn value(text: &str) -> String {
    plain(text, VALUE)
}

/// A command as facts hold it.
pub fn run(text: &str) -> String {
    plain(text, RUN)
}

impl Sheet {
    /// Adds a fact.
    pub fn push(&mut self, mut fact: Fact) {
        // Whatever a reader made of the text, a fact stays small.
        for text in std::iter::once(&mut fact.name).chain(fact.attrs.iter_mut().map(|(_, value)| value)).filter(|text| text.len() > RUN) {
            let end = cut(text, RUN).len();
            text.truncate(end);
        }
        match self.extract.facts.len() {
            count if count < FACTS => self.extract.facts.push(fact),
            FACTS if self.extract.trouble.last().is_none_or(|last| !last.ends_with("are left out")) => {
                self.extract.trouble.push(format!("line {}: more facts than {FACTS} are left out", fact.line));
            }
            _ => {}
        }
    }
    /// Adds what could not be read.
    pub fn trouble(&mut self, what: impl IntoIterator<Item = String>) {
        self.extract.trouble.extend(what);
    }
    /// Adds a value at a path.
    pub fn leaf(&mut self, kind: Kind, leaf: &Leaf) {
        self.push(Fact::new(kind, cut(&leaf.path, VALUE), leaf.line, leaf.end).with("value", value(&leaf.value)));
    }
    /// Adds everything below a place as values of this kind.
    pub fn leaves(&mut self, kind: Kind, at: At<'_>, prefix: &str, joined: &[&str]) {
        for leaf in at.leaves(prefix, joined) {
            self.leaf(kind, &leaf);
        }
    }
    /// Whether nothing was found.
    pub fn is_empty(&self) -> bool {
        self.extract.facts.is_empty() && self.extract.trouble.is_empty()
    }
    /// The facts.
    pub fn done(mut self) -> Extract {
        // Something without a place of its own, such as an empty key of an odd text, stands in the first line.
        for fact in &mut self.extract.facts {
            fact.line = fact.line.max(1);
            fact.end = fact.end.max(fact.line);
        }
        self.extract
    }
}

/// `yes` or `no`.
pub fn yes(is: bool) -> &'static str {
    if is { "yes" } else { "no" }
}
