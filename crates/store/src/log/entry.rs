//! Rows of the log as they are read again, and where a snapshot stands among them.

use std::{fmt, str::FromStr};

use plimsoll_core::{Code, Error, Result, Time};

use super::capture::{CHANGES, GONE, MARK, Mark, PUT};
use crate::{
    encoding::{take_bytes, take_number, take_row},
    value::Value,
};

/// A row of the log: what one transaction changed, or a mark.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Entry {
    /// Its number: of two transactions of which one saw the other, the later has the higher one.
    pub seq: i64,
    /// When it was committed, by the clock of the database's server, or of the writer of a file.
    pub at: Time,
    /// PostgreSQL: the transaction that wrote it; 0 on SQLite.
    pub transaction: i64,
    /// What it holds; see [`changes`].
    pub body: Vec<u8>,
}

/// What a snapshot holds of the log, however much of the log is still there.
///
/// Prints as text that can be read again, so that a backup can remember it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Position {
    /// SQLite: everything up to this entry.
    Upto(i64),
    /// PostgreSQL: what these transactions wrote.
    Seen {
        /// All transactions below this one,
        below: i64,
        /// none from this one on,
        end: i64,
        /// and of those between them all but these.
        running: Vec<i64>,
    },
}

impl Position {
    /// Whether the snapshot holds what the entry says.
    pub fn holds(&self, entry: &Entry) -> bool {
        match self {
            Position::Upto(seq) => entry.seq <= *seq,
            Position::Seen { below, end, running } => {
                entry.transaction < *below || (entry.transaction < *end && !running.contains(&entry.transaction))
            }
        }
    }
}

impl fmt::Display for Position {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Position::Upto(seq) => write!(f, "{seq}"),
            Position::Seen { below, end, running } => {
                write!(f, "{below}:{end}:")?;
                let running: Vec<String> = running.iter().map(i64::to_string).collect();
                f.write_str(&running.join(","))
            }
        }
    }
}

impl FromStr for Position {
    type Err = Error;

    /// PostgreSQL's own form of a snapshot, or a number.
    fn from_str(text: &str) -> Result<Position> {
        let bad = || Code::Invalid.because("A position in the change log cannot be read.").caused_by(format!("a position is `{text}`"));
        let number = |text: &str| text.parse::<i64>().map_err(|_| bad());
        match text.split(':').collect::<Vec<_>>()[..] {
            [seq] => Ok(Position::Upto(number(seq)?)),
            [below, end, running] => {
                let running = running.split(',').filter(|one| !one.is_empty()).map(number).collect::<Result<_>>()?;
                Ok(Position::Seen { below: number(below)?, end: number(end)?, running })
            }
            _ => Err(bad()),
        }
    }
}

/// A table as an entry names it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Named<'b> {
    /// Its name.
    pub name: &'b str,
    /// All its columns, as they were.
    pub columns: Vec<&'b str>,
    /// Places of the key's columns.
    pub key: Vec<usize>,
}

/// One changed row.
#[derive(Debug, Clone, PartialEq)]
pub enum Change<'b> {
    /// The row is now so: a value for every column.
    Put(Vec<Value<'b>>),
    /// The row with this key is gone.
    Gone(Vec<Value<'b>>),
}

/// What an entry's body holds.
#[derive(Debug, Clone, PartialEq)]
pub enum Body<'b> {
    /// What a transaction changed, in order; each change with the place of its table.
    Changes(Vec<Named<'b>>, Vec<(usize, Change<'b>)>),
    /// A mark.
    Mark(Mark),
}

#[track_caller]
fn broken(why: &str) -> Error {
    Code::Invalid.because("The change log is damaged: an entry in it cannot be read.").caused_by(why.to_owned())
}

fn text<'b>(from: &mut &'b [u8]) -> Result<&'b str> {
    let length = take_number(from)?;
    std::str::from_utf8(take_bytes(from, length)?).map_err(|_| broken("a name that is not UTF-8"))
}

/// A list whose length comes first. Each item takes a byte at least.
fn list<'b, T>(from: &mut &'b [u8], mut item: impl FnMut(&mut &'b [u8]) -> Result<T>) -> Result<Vec<T>> {
    let count = take_number(from)?;
    if count > from.len() as u64 {
        return Err(broken("cut off"));
    }
    (0..count).map(|_| item(from)).collect()
}

fn place(from: &mut &[u8], of: usize) -> Result<usize> {
    usize::try_from(take_number(from)?).ok().filter(|at| *at < of).ok_or_else(|| broken("a place that does not exist"))
}

/// Reads the body of an entry.
///
/// # Errors
/// [`Code::Invalid`] where it is damaged, or written by a later version.
pub fn changes(body: &[u8]) -> Result<Body<'_>> {
    let mut rest = body;
    let from = &mut rest;
    match take_bytes(from, 1)?[0] {
        MARK => {
            let (kind, text) = (take_bytes(from, 1)?[0], text(from)?);
            Ok(Body::Mark(match kind {
                1 => Mark::Begins(text.to_owned()),
                2 => Mark::Ends,
                3 => Mark::Schema(text.to_owned()),
                _ => return Err(broken("an unknown mark")),
            }))
        }
        CHANGES => {
            let tables = list(from, |from| {
                let name = text(from)?;
                let columns = list(from, text)?;
                let key = list(from, |from| place(from, columns.len()))?;
                Ok(Named { name, columns, key })
            })?;
            let mut all = Vec::new();
            while !from.is_empty() {
                let kind = take_bytes(from, 1)?[0];
                let table = place(from, tables.len())?;
                let mut row = Vec::new();
                take_row(from, &mut row)?;
                let (wanted, change) = match kind {
                    PUT => (tables[table].columns.len(), Change::Put(row)),
                    GONE => (tables[table].key.len(), Change::Gone(row)),
                    _ => return Err(broken("an unknown kind of change")),
                };
                let (Change::Put(found) | Change::Gone(found)) = &change;
                if found.len() != wanted {
                    return Err(broken("a row with another number of values than columns"));
                }
                all.push((table, change));
            }
            Ok(Body::Changes(tables, all))
        }
        _ => Err(broken("an unknown form")),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn entry(seq: i64, transaction: i64) -> Entry {
        Entry { seq, at: Time::from_micros(0), transaction, body: Vec::new() }
    }

    #[test]
    fn a_position_knows_what_its_snapshot_saw() {
        let file: Position = "12".parse().unwrap();
        assert!(file.holds(&entry(12, 0)) && !file.holds(&entry(13, 0)));
        let server: Position = "100:110:100,105".parse().unwrap();
        let held: Vec<bool> = [99, 100, 101, 105, 109, 110, 500].iter().map(|xid| server.holds(&entry(1, *xid))).collect();
        assert_eq!(held, [true, false, true, false, true, false, false]);
        for text in ["12", "100:110:100,105", "7:7:"] {
            assert_eq!(text.parse::<Position>().unwrap().to_string(), text);
        }
        for text in ["", "a", "1:2", "1:2:x", "1:2:3:4"] {
            assert!(text.parse::<Position>().is_err(), "{text}");
        }
    }

    #[test]
    fn marks_come_back_and_damage_is_refused() {
        for mark in [Mark::Begins("ab".into()), Mark::Ends, Mark::Schema("host/0001".into())] {
            assert_eq!(changes(&mark.body()).unwrap(), Body::Mark(mark));
        }
        let body = [1, 1, 1, b't', 2, 1, b'a', 1, b'b', 1, 0, 1, 0, 2, 1, 2, 0, 2, 0, 1, 1, 2];
        let Body::Changes(tables, all) = changes(&body).unwrap() else { panic!("changes") };
        assert_eq!((tables[0].name, &tables[0].columns[..], &tables[0].key[..]), ("t", &["a", "b"][..], &[0][..]));
        assert_eq!(all, [(0, Change::Put(vec![Value::Int(1), Value::Null])), (0, Change::Gone(vec![Value::Int(1)]))]);
        for end in (0..body.len()).filter(|end| ![11, 17].contains(end)) {
            assert_eq!(changes(&body[..end]).unwrap_err().code(), Code::Invalid, "{end}");
        }
        assert!(changes(&[7]).is_err());
    }
}
