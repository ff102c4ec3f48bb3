//! Records as files: readers and writers of what record systems export.
//!
//! Every reader takes a stream and gives one [`Entry`] after the other, with the memory of one record.
//! A record is taken whole or refused whole, with everything that is wrong with it: half a record would
//! make a wrong history, and a pick-up that is left out looks like a missed one. All formats become the
//! same tree ([`tree`]) and are judged by the same rules.

mod bundle;
mod csv;
mod json;
mod line;
mod node;
mod reject;
pub mod tree;
pub mod write;
mod xml;

use crate::record::{Record, Stamp, dates::Reading};

pub use bundle::{Bundle, Table};
pub use csv::{Row, Rows};
pub use json::{Json, Ndjson};
pub use reject::{Reject, shape};
pub use xml::Xml;

/// What the source of a file declares, and what is allowed of it.
#[derive(Clone, Debug)]
pub struct Source {
    /// How its dates are read.
    pub reading: Reading,
    /// The country code of national phone numbers, such as 234.
    pub country: Option<u16>,
    /// The time at the facility: nothing lies after it.
    pub now: Stamp,
    /// What is allowed of one record.
    pub limits: Limits,
}

impl Source {
    /// A source that declares nothing, read at this time.
    pub fn at(now: Stamp) -> Source {
        Source { reading: Reading::default(), country: None, now, limits: Limits::default() }
    }
}

/// What is allowed of one record.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Limits {
    /// Bytes of its text.
    pub bytes: usize,
    /// Values within values.
    pub depth: usize,
    /// Visits, encounters, observations: of each.
    pub rows: usize,
    /// Values of its tree.
    pub values: usize,
    /// Rejects that are told; those above are not.
    pub rejects: usize,
}

impl Default for Limits {
    fn default() -> Limits {
        Limits { bytes: 8 << 20, depth: 24, rows: 20_000, values: 300_000, rejects: 100 }
    }
}

/// One record of a file, or why it is none.
#[derive(Clone, Debug)]
pub struct Entry {
    /// The how manieth of the file, from 0.
    pub index: u64,
    /// The line of the file in which it begins, from 1.
    pub line: u64,
    /// Its text, to be kept where it is refused; of XML and CSV the same tree as JSON, which [`Json`]
    /// reads. Empty where there was none to keep.
    pub original: Vec<u8>,
    /// The record, or all that is wrong with it.
    pub read: Result<Record, Vec<Reject>>,
}

/// Reads one record out of the text of one JSON object.
pub fn one(text: &[u8], source: &Source) -> Result<Record, Vec<Reject>> {
    json::record(text, source)
}
