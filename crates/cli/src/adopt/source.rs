//! Source text, read but never run: comments and strings told apart from code, calls with their
//! arguments.
//!
//! This is no parser. It knows of each language how comments and strings look, and that brackets
//! match. What it cannot tell for sure it does not answer.

mod mask;
mod value;

use std::cell::OnceCell;

use self::mask::mask;
pub use self::value::{literal, literals, property, size};

/// Longest text between the brackets of a call, in bytes.
const CALL_BYTES: usize = 64 << 10;

/// Longest part of a line that is looked at before a call, in bytes.
const LINE_BYTES: usize = 400;

/// How comments and strings look.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Language {
    Python,
    Script,
    Go,
    Rust,
    Java,
    Ruby,
}

impl Language {
    /// By the ending of the name.
    pub fn of(path: &str) -> Option<Language> {
        let name = path.rsplit('/').next().unwrap_or(path);
        Some(match name.rsplit_once('.')?.1 {
            "py" => Language::Python,
            "js" | "mjs" | "cjs" | "ts" | "mts" | "cts" => Language::Script,
            "go" => Language::Go,
            "rs" => Language::Rust,
            "java" | "kt" => Language::Java,
            "rb" => Language::Ruby,
            _ => return None,
        })
    }
}

/// One file of code.
pub struct Source {
    /// Relative to the top.
    pub path: String,
    /// What it is written in.
    pub language: Language,
    /// All of it.
    pub text: String,
    masked: OnceCell<(String, String)>,
    calls: OnceCell<Vec<Place>>,
    lines: OnceCell<Vec<usize>>,
}

/// A call `receiver.name(arguments)`.
#[derive(Clone, Copy)]
struct Place {
    receiver: (usize, usize),
    name: usize,
    open: usize,
    close: usize,
}

/// A call in a source.
#[derive(Clone, Copy)]
pub struct Call<'a> {
    /// The file.
    pub source: &'a Source,
    /// What stands before the last dot; `)` after another call, empty where there is none.
    pub receiver: &'a str,
    /// The name that is called.
    pub name: &'a str,
    /// Where the receiver or the name begins.
    pub start: usize,
    open: usize,
    close: usize,
}

/// One argument of a call.
#[derive(Clone, Copy)]
pub struct Argument<'a> {
    /// `name=` or `name:` before it.
    pub name: Option<&'a str>,
    /// The text, comments left out.
    pub text: &'a str,
}

impl Source {
    /// This text; it is taken apart when it is asked for.
    pub fn new(path: String, language: Language, text: String) -> Source {
        Source { path, language, text, masked: OnceCell::new(), calls: OnceCell::new(), lines: OnceCell::new() }
    }

    fn masked(&self) -> &(String, String) {
        self.masked.get_or_init(|| mask(&self.text, self.language))
    }

    /// The text with spaces for comments.
    pub fn code(&self) -> &str {
        &self.masked().0
    }

    /// The text with spaces for comments and for what strings hold.
    pub fn bare(&self) -> &str {
        &self.masked().1
    }

    /// The line of a byte, from one.
    pub fn line(&self, at: usize) -> usize {
        let ends = self.lines.get_or_init(|| self.text.bytes().enumerate().filter(|(_, byte)| *byte == b'\n').map(|(at, _)| at).collect());
        1 + ends.partition_point(|end| *end < at)
    }

    /// The first line with this word in code, strings included.
    pub fn mentions(&self, word: &str) -> Option<usize> {
        if !self.text.contains(word) {
            return None;
        }
        self.code().find(word).map(|at| self.line(at))
    }

    /// The first place of a word in code that is no import, not as part of a longer word and not in
    /// a string.
    pub fn word(&self, word: &str) -> Option<usize> {
        let bare = self.bare();
        if !self.text.contains(word) {
            return None;
        }
        let imports = |at: &usize| {
            let line = bare[..*at].rsplit('\n').next().unwrap_or("").trim_start();
            ["import ", "from ", "use "].iter().any(|word| line.starts_with(word))
        };
        words(bare, word).find(|at| !imports(at))
    }

    /// Every call, in order.
    pub fn calls(&self) -> impl Iterator<Item = Call<'_>> {
        let bare = self.bare();
        self.calls.get_or_init(|| calls(bare)).iter().map(move |place| Call {
            source: self,
            receiver: &bare[place.receiver.0..place.receiver.1],
            name: &bare[place.name..place.open],
            start: if matches!(&bare[place.receiver.0..place.receiver.1], "" | ")") { place.name } else { place.receiver.0 },
            open: place.open,
            close: place.close,
        })
    }

    /// Every call of this name.
    pub fn calls_of<'a>(&'a self, name: &'a str) -> impl Iterator<Item = Call<'a>> {
        let mentioned = self.text.contains(name);
        mentioned.then(|| self.calls()).into_iter().flatten().filter(move |call| call.name == name)
    }

    /// What is assigned to a name (`NAME = …`, `NAME: T = …`, `NAME := …`, `NAME: …`): the text up
    /// to the end of the expression, and where it begins.
    pub fn assigned(&self, name: &str) -> Option<(&str, usize)> {
        if !self.text.contains(name) {
            return None;
        }
        let (code, bare) = (self.code(), self.bare());
        words(bare, name).find_map(|at| {
            let rest = &bare[at + name.len()..];
            let line = &rest[..rest.find('\n').unwrap_or(rest.len()).min(400)];
            let equals = line.find('=')?;
            let between = line[..equals].trim();
            let annotated = between.starts_with(':') || between.is_empty() || between == "string" || between.starts_with("[]");
            let compared = line[equals + 1..].starts_with(['=', '>']) || between.ends_with(['!', '<', '>', '=', '+']);
            if !annotated || compared {
                return None;
            }
            let start = at + name.len() + equals + 1;
            Some((expression(code, bare, start), start))
        })
    }
}

impl<'a> Call<'a> {
    /// The line it begins in.
    pub fn line(&self) -> usize {
        self.source.line(self.start)
    }

    /// What stands between the brackets, comments left out.
    pub fn inside(&self) -> &'a str {
        &self.source.code()[self.open + 1..self.close]
    }

    /// The arguments in order.
    pub fn arguments(&self) -> Vec<Argument<'a>> {
        split(self.inside(), &self.source.bare()[self.open + 1..self.close])
    }

    /// The argument at this place, unless it has a name.
    pub fn positional(&self, at: usize) -> Option<&'a str> {
        self.arguments().into_iter().filter(|argument| argument.name.is_none()).nth(at).map(|argument| argument.text)
    }

    /// The argument of this name.
    pub fn named(&self, name: &str) -> Option<&'a str> {
        self.arguments().into_iter().find(|argument| argument.name == Some(name)).map(|argument| argument.text)
    }

    /// The value of a property of the objects among the arguments: `{ origin: … }`.
    pub fn property(&self, name: &str) -> Option<&'a str> {
        self.arguments().into_iter().find_map(|argument| property(argument.text, name))
    }

    /// What the outcome is assigned to, and how far the line is indented.
    pub fn target(&self) -> Option<(&'a str, usize)> {
        let bare = self.source.bare();
        // A line may be endless; what is assigned there is nobody's handwriting.
        let near = self.start.saturating_sub(LINE_BYTES);
        let line = bare.as_bytes()[near..self.start].iter().rposition(|byte| *byte == b'\n').map(|at| near + at + 1);
        let before = bare.get(line.or((near == 0).then_some(0))?..self.start)?;
        let before = if self.receiver == ")" { chain(before)? } else { before };
        let indent = before.len() - before.trim_start().len();
        let before = before.trim().trim_end_matches("await").trim_end().trim_end_matches("new").trim_end();
        let left = before.strip_suffix('=')?.trim_end().trim_end_matches(':').trim_end();
        let left = left.split(':').next().unwrap_or(left).trim();
        let name = left.rsplit(|c: char| c.is_whitespace() || c == ',').next()?;
        is_name(name).then_some((name, indent))
    }

    /// Whether it is a decorator (`@app.get(…)`) or an attribute (`#[get(…)]`).
    pub fn decorates(&self) -> bool {
        let before = self.source.bare()[..self.start].trim_end_matches(' ');
        before.ends_with('@') || before.ends_with("#[")
    }

    /// Where the brackets close.
    pub fn end(&self) -> usize {
        self.close + 1
    }
}

/// Whether these are letters, digits, underscores and dots only.
fn is_name(text: &str) -> bool {
    !text.is_empty() && text.chars().all(|c| c.is_alphanumeric() || matches!(c, '_' | '.' | '$'))
}

fn is_word_byte(byte: u8) -> bool {
    byte.is_ascii_alphanumeric() || byte == b'_' || byte >= 0x80
}

/// Every place of the word, not as part of a longer one.
fn words<'a>(bare: &'a str, word: &'a str) -> impl Iterator<Item = usize> + 'a {
    let bytes = bare.as_bytes();
    bare.match_indices(word).map(|(at, _)| at).filter(move |at| {
        let before = at.checked_sub(1).is_some_and(|before| is_word_byte(bytes[before]));
        let after = bytes.get(at + word.len()).is_some_and(|byte| is_word_byte(*byte));
        !before && !after
    })
}

fn calls(bare: &str) -> Vec<Place> {
    let bytes = bare.as_bytes();
    let mut found = Vec::new();
    for (open, close) in pairs(bytes) {
        let mut name = open;
        while name > 0 && (is_word_byte(bytes[name - 1]) || bytes[name - 1] == b'$') {
            name -= 1;
        }
        if name == open {
            continue;
        }
        let mut receiver = (name, name);
        let colons = name >= 2 && &bytes[name - 2..name] == b"::";
        if colons || (name > 0 && bytes[name - 1] == b'.') {
            let mut end = name - if colons { 2 } else { 1 };
            // A chain may go on in the next line.
            while end > 0 && bytes[end - 1].is_ascii_whitespace() {
                end -= 1;
            }
            let mut start = end;
            if end > 0 && bytes[end - 1] == b')' {
                start = end - 1;
            } else {
                while start > 0 && (is_word_byte(bytes[start - 1]) || matches!(bytes[start - 1], b'.' | b':' | b'$')) {
                    start -= 1;
                }
            }
            receiver = (start, end);
        }
        found.push(Place { receiver, name, open, close });
    }
    found
}

/// What stands before a chain of calls in one line: `const r = ` of `const r = require(x).`.
fn chain(before: &str) -> Option<&str> {
    let mut rest = before.trim_end().strip_suffix('.')?;
    while rest.ends_with(')') {
        let mut depth = 0_usize;
        let open = rest.rfind(|c| {
            depth = match c {
                ')' => depth + 1,
                '(' => depth - 1,
                _ => depth,
            };
            depth == 0
        })?;
        rest = rest[..open].trim_end_matches(|c: char| c.is_alphanumeric() || matches!(c, '_' | '$' | '.'));
    }
    Some(rest)
}

/// Every round bracket with the one that closes it, in the order they open; in one pass, however
/// deep they lie.
fn pairs(bytes: &[u8]) -> Vec<(usize, usize)> {
    let (mut open, mut found) = (Vec::new(), Vec::new());
    for (at, byte) in bytes.iter().enumerate() {
        match byte {
            b'(' | b'[' | b'{' => open.push(at),
            b')' | b']' | b'}' => {
                if let Some(start) = open.pop().filter(|start| bytes[*start] == b'(' && at - start <= CALL_BYTES) {
                    found.push((start, at));
                }
            }
            _ => {}
        }
    }
    found.sort_unstable();
    found
}

/// The expression that begins here: to the end of the line, or further while a bracket is open.
fn expression<'a>(code: &'a str, bare: &str, start: usize) -> &'a str {
    let mut depth = 0_i32;
    let mut end = bare.len();
    for (at, byte) in bare.as_bytes()[start..].iter().enumerate() {
        match byte {
            b'(' | b'[' | b'{' => depth += 1,
            b')' | b']' | b'}' => depth -= 1,
            _ => {}
        }
        if depth < 0 || (depth == 0 && matches!(byte, b'\n' | b';')) || at > CALL_BYTES {
            end = start + at;
            break;
        }
    }
    code.get(start..end).unwrap_or("").trim()
}

/// Splits at the commas that stand outside of brackets.
fn split<'a>(code: &'a str, bare: &str) -> Vec<Argument<'a>> {
    let mut found = Vec::new();
    let (mut depth, mut start) = (0_i32, 0);
    for (at, byte) in bare.bytes().chain([b',']).enumerate() {
        match byte {
            b'(' | b'[' | b'{' => depth += 1,
            b')' | b']' | b'}' => depth -= 1,
            b',' if depth == 0 => {
                if let Some(argument) = argument(&code[start..at.min(code.len())], &bare[start..at.min(bare.len())]) {
                    found.push(argument);
                }
                start = at + 1;
            }
            _ => {}
        }
    }
    found
}

fn argument<'a>(code: &'a str, bare: &str) -> Option<Argument<'a>> {
    if code.trim().is_empty() {
        return None;
    }
    let lead = bare.trim_start();
    let end = lead.find(|c: char| !(c.is_alphanumeric() || c == '_')).unwrap_or(lead.len());
    let after = lead[end..].trim_start();
    let named = end > 0
        && ((after.starts_with('=') && !after.starts_with("==") && !after.starts_with("=>"))
            || (after.starts_with(':') && !after.starts_with("::")));
    if !named {
        return Some(Argument { name: None, text: code.trim() });
    }
    let code_lead = code.trim_start();
    let rest = code_lead[end..].trim_start();
    Some(Argument { name: code_lead.get(..end), text: rest[1..].trim() })
}
