//! What is wrong with a record, and where.

use std::fmt;

use serde::Serialize;

use crate::record::{Reason, Record};

/// One thing that is wrong with a record.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct Reject {
    /// Why.
    pub reason: Reason,
    /// Where in the record, as a JSON pointer (RFC 6901); empty: the whole of it.
    pub pointer: String,
    /// The shape of the value, without the value ([`shape`]).
    pub excerpt: String,
    /// The line of the file, where there is one for the value.
    pub line: Option<u64>,
    /// The file of a bundle.
    pub file: Option<&'static str>,
}

impl Reject {
    /// Something wrong with the whole of a record.
    pub fn whole(reason: Reason, line: u64) -> Reject {
        Reject { reason, pointer: String::new(), excerpt: String::new(), line: Some(line), file: None }
    }
}

impl fmt::Display for Reject {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        if let Some(file) = self.file {
            write!(f, "{file}, ")?;
        }
        if let Some(line) = self.line {
            write!(f, "line {line}: ")?;
        }
        if !self.pointer.is_empty() {
            write!(f, "{}: ", self.pointer)?;
        }
        write!(f, "{}", self.reason)?;
        if !self.excerpt.is_empty() {
            write!(f, " (like {})", self.excerpt)?;
        }
        Ok(())
    }
}
impl std::error::Error for Reject {}

/// Shifts lines that were counted within a record to those of the file; what has no line has that of the record.
pub(super) fn placed(read: Result<Record, Vec<Reject>>, line: u64) -> Result<Record, Vec<Reject>> {
    read.map_err(|mut rejects| {
        for reject in &mut rejects {
            reject.line = Some(reject.line.map_or(line, |within| line + within.saturating_sub(1)));
        }
        rejects
    })
}

/// The shape of a value: letters become `a`, digits `9`, what is longer than 24 characters is cut.
/// Enough to see that a date was turned around, and nothing of the person.
pub fn shape(text: &str) -> String {
    const LONGEST: usize = 24;
    let mut out: String = text
        .chars()
        .take(LONGEST)
        .map(|mark| match mark {
            mark if mark.is_numeric() => '9',
            '-' | '/' | ':' | '.' | ',' | '+' | ' ' | '(' | ')' | '$' | '{' | '}' | '[' | ']' | '"' => mark,
            mark if mark.is_alphabetic() => 'a',
            _ => '?',
        })
        .collect();
    if text.chars().nth(LONGEST).is_some() {
        out.push('…');
    }
    out
}
