//! What is wrong with a configuration, where, and what to write instead.

use std::{fmt, ops::Range, path::PathBuf};

use plimsoll_core::{Code, Error, Fault as Broken};
use serde::{Serialize, Serializer, ser::SerializeMap};

/// Where a value, or a fault, comes from.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Place {
    /// Nobody gave a value: the default of the section.
    Default,
    /// A place in the file; line and column count from one, columns in characters.
    Line {
        /// The file, as it was named.
        path: PathBuf,
        /// The line.
        line: usize,
        /// The column.
        column: usize,
    },
    /// A file as a whole.
    File {
        /// The file, as it was named.
        path: PathBuf,
    },
    /// An environment variable.
    Variable {
        /// Its name.
        name: String,
    },
    /// A flag of the command line.
    Flag {
        /// Its name with the dashes: `--listen`.
        name: &'static str,
    },
    /// A file that holds nothing but a secret.
    SecretFile {
        /// The file, as it was named.
        path: PathBuf,
        /// Where it was named.
        named_by: Box<Place>,
    },
}

impl fmt::Display for Place {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Place::Default => f.write_str("default"),
            Place::Line { path, line, column } => write!(f, "{}:{line}:{column}", path.display()),
            Place::File { path } => write!(f, "{}", path.display()),
            Place::Variable { name } => write!(f, "environment variable {name}"),
            Place::Flag { name } => write!(f, "flag {name}"),
            Place::SecretFile { path, named_by } => write!(f, "secret file {} (named by {named_by})", path.display()),
        }
    }
}

/// As the text it prints.
impl Serialize for Place {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.collect_str(self)
    }
}

/// The line a fault is about, with secrets blotted out, and where the caret stands in it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Excerpt {
    line: String,
    start: usize,
    width: usize,
}

/// Characters of a line that are worth printing.
const EXCERPT_CHARACTERS: usize = 140;

impl Excerpt {
    /// The line around `span`; bytes in `hidden` become one `…` per range and line.
    pub(super) fn of(source: &str, span: &Range<usize>, hidden: &[Range<usize>]) -> Excerpt {
        let begin = source.floor_char_boundary(span.start.min(source.len()));
        let from = source[..begin].rfind('\n').map_or(0, |at| at + 1);
        let until = source[begin..].find('\n').map_or(source.len(), |at| begin + at);
        let (mut line, mut start, mut end) = (Vec::new(), None, 0);
        let mut blotted = None;
        for (at, c) in source[from..until].char_indices().map(|(at, c)| (from + at, c)) {
            if at >= begin && start.is_none() {
                start = Some(line.len());
            }
            match hidden.iter().position(|range| range.contains(&at)) {
                Some(range) if blotted == Some(range) => start = start.map(|start: usize| start.min(line.len() - 1)),
                Some(range) => {
                    line.push('…');
                    blotted = Some(range);
                }
                None if c == '\r' => {}
                None => line.push(if c == '\t' { ' ' } else { printable(c) }),
            }
            if at < span.end {
                end = line.len();
            }
        }
        let start = start.unwrap_or(line.len());
        let skipped = if line.len() > EXCERPT_CHARACTERS { start.saturating_sub(EXCERPT_CHARACTERS / 2) } else { 0 };
        let shown: String = line[skipped..].iter().take(EXCERPT_CHARACTERS).collect();
        let width = end.saturating_sub(start).clamp(1, EXCERPT_CHARACTERS / 2);
        Excerpt { line: shown, start: start - skipped, width }
    }
}

/// Line and column of a byte, both from one; columns in characters.
pub(super) fn line_and_column(source: &str, byte: usize) -> (usize, usize) {
    let before = &source[..source.floor_char_boundary(byte.min(source.len()))];
    let from = before.rfind('\n').map_or(0, |at| at + 1);
    (before.matches('\n').count() + 1, before[from..].chars().count() + 1)
}

fn printable(c: char) -> char {
    if c.is_control() { '\u{fffd}' } else { c }
}

/// Text from outside, without anything that could move the cursor of a terminal.
pub(super) fn plain(text: &str) -> String {
    text.chars().map(printable).collect()
}

/// One thing that is wrong.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Fault {
    /// Where.
    pub place: Place,
    /// What, in one sentence; names the key, never a secret.
    pub message: String,
    /// What to do about it.
    pub help: Option<String>,
    pub(super) excerpt: Option<Excerpt>,
}

impl Fault {
    pub(super) fn new(place: Place, message: impl Into<String>, help: Option<String>) -> Fault {
        Fault { place, message: plain(&message.into()), help: help.map(|help| plain(&help)), excerpt: None }
    }
}

/// `{place, file, line, column, message, help}`; what does not apply is left out.
impl Serialize for Fault {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        let mut map = serializer.serialize_map(None)?;
        map.serialize_entry("place", &self.place)?;
        if let Place::Line { path, .. } | Place::File { path } = &self.place {
            map.serialize_entry("file", &path.to_string_lossy())?;
        }
        if let Place::Line { line, column, .. } = &self.place {
            map.serialize_entry("line", line)?;
            map.serialize_entry("column", column)?;
        }
        map.serialize_entry("message", &self.message)?;
        if let Some(help) = &self.help {
            map.serialize_entry("help", help)?;
        }
        map.end()
    }
}

/// As a compiler prints it, without a line break at the end.
impl fmt::Display for Fault {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let line = match &self.place {
            Place::Line { line, .. } => line.to_string(),
            _ => " ".into(),
        };
        let gutter = " ".repeat(line.len() + 1);
        write!(f, "error: {}\n{gutter}--> {}", self.message, plain(&self.place.to_string()))?;
        match (&self.excerpt, &self.help) {
            (None, None) => Ok(()),
            (None, Some(help)) => write!(f, "\n{gutter} = {help}"),
            (Some(excerpt), help) => {
                let caret = format!("{}{}", " ".repeat(excerpt.start), "^".repeat(excerpt.width));
                write!(f, "\n{gutter} |\n {line} | {}\n{gutter} | {caret}", excerpt.line)?;
                help.as_ref().map_or(Ok(()), |help| write!(f, " {help}"))
            }
        }
    }
}

/// Everything that is wrong with a configuration; never empty.
#[derive(Clone)]
pub struct Faults(pub(super) Vec<Fault>);

impl Faults {
    /// The faults: those of the file from top to bottom, then variables, flags, secret files and rules.
    pub fn iter(&self) -> std::slice::Iter<'_, Fault> {
        self.0.iter()
    }
    /// How many.
    #[expect(clippy::len_without_is_empty, reason = "there is at least one")]
    pub fn len(&self) -> usize {
        self.0.len()
    }
}

impl<'a> IntoIterator for &'a Faults {
    type Item = &'a Fault;
    type IntoIter = std::slice::Iter<'a, Fault>;
    fn into_iter(self) -> Self::IntoIter {
        self.iter()
    }
}

/// An array of faults.
impl Serialize for Faults {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        self.0.serialize(serializer)
    }
}

/// Every fault as a compiler prints it, with an empty line between them.
impl fmt::Display for Faults {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        for (at, fault) in self.iter().enumerate() {
            write!(f, "{}{fault}", if at == 0 { "" } else { "\n\n" })?;
        }
        Ok(())
    }
}

/// The same text as `Display`, so that a failing test can be read.
impl fmt::Debug for Faults {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "\n{self}")
    }
}

/// [`Code::ConfigInvalid`] with every fault; the place stands where a pointer would.
impl From<Faults> for Error {
    #[track_caller]
    fn from(faults: Faults) -> Error {
        let public = match faults.iter().next() {
            Some(only) if faults.len() == 1 => format!("{}: {}", only.place, only.message),
            _ => format!("the configuration has {} faults; `plimsoll config check` shows them", faults.len()),
        };
        let broken = faults.iter().map(|fault| Broken::at(fault.place.to_string(), fault.message.clone())).collect();
        Code::ConfigInvalid.because(public).with_faults(broken)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn shown(source: &str, span: Range<usize>, hidden: &[Range<usize>]) -> (String, usize, usize) {
        let Excerpt { line, start, width } = Excerpt::of(source, &span, hidden);
        (line, start, width)
    }

    #[test]
    fn an_excerpt_is_the_line_with_the_caret_below_the_span() {
        assert_eq!(shown("a = 1\nbc = 2\r\nd = 3", 6..8, &[]), ("bc = 2".into(), 0, 2));
        assert_eq!(shown("a = 1", 5..5, &[]), ("a = 1".into(), 5, 1));
        assert_eq!(shown("", 0..0, &[]), (String::new(), 0, 1));
        assert_eq!(shown("é\t= \u{1b}[1m", 0..2, &[]), ("é = \u{fffd}[1m".into(), 0, 1));
    }

    #[test]
    fn hidden_bytes_do_not_reach_an_excerpt() {
        let source = "k = { a = \"hush\", b = 1 }";
        let hidden = 10..16;
        assert_eq!(shown(source, 18..19, std::slice::from_ref(&hidden)), ("k = { a = …, b = 1 }".into(), 13, 1));
        assert_eq!(shown(source, 10..16, std::slice::from_ref(&hidden)), ("k = { a = …, b = 1 }".into(), 10, 1));
        assert_eq!(shown(source, 12..13, std::slice::from_ref(&hidden)).1, 10, "the caret stands under the blot");
    }

    #[test]
    fn a_long_line_is_cut_around_the_caret() {
        let source = format!("{}x{}", "a".repeat(5000), "b".repeat(5000));
        let (line, start, width) = shown(&source, 5000..9000, &[]);
        assert_eq!(line.chars().count(), EXCERPT_CHARACTERS);
        assert_eq!(line.chars().nth(start), Some('x'));
        assert!(start + width <= EXCERPT_CHARACTERS);
    }

    #[test]
    fn columns_count_characters() {
        assert_eq!(line_and_column("äö = 1\nü", 7), (1, 6));
        assert_eq!(line_and_column("äö = 1\nü", 9), (2, 1));
        assert_eq!(line_and_column("", 7), (1, 1));
    }
}
