//! CSV (RFC 4180): the rows of one table, with the line on which each begins.

use std::io::BufRead;

use serde_json::{Map, Value};

use super::{Reject, bundle::Table, line::Lines};
use crate::record::Reason;

/// The longest row, in bytes.
const LONGEST: usize = 1 << 20;
/// The most columns.
const COLUMNS: usize = 256;

/// A row of a table.
#[derive(Clone, Debug)]
pub struct Row {
    /// The line on which it begins, from 1.
    pub line: u64,
    /// The patient it names; empty where it names none.
    pub patient: String,
    /// Its values by the names of the tree; empty ones are not there.
    pub fields: Map<String, Value>,
    /// What is wrong with the row as a row.
    pub wrong: Option<Reason>,
}

/// The rows of a table. The first line names the columns, in any order and spelling (`patient_uuid`,
/// `patientUuid`); columns that mean nothing here are skipped. Comma, semicolon and tab separate.
pub struct Rows<R> {
    bytes: Lines<R>,
    table: Table,
    mark: u8,
    /// What each column is called in the tree.
    columns: Vec<Option<&'static str>>,
    over: bool,
}

/// A name without what spellings differ in.
fn bare(name: &str) -> String {
    name.chars().filter(char::is_ascii_alphanumeric).map(|mark| mark.to_ascii_lowercase()).collect()
}

impl<R: BufRead> Rows<R> {
    /// Reads the first line.
    pub fn new(stream: R, table: Table) -> Result<Rows<R>, Reject> {
        let mut rows = Rows { bytes: Lines::new(stream), table, mark: b',', columns: Vec::new(), over: false };
        let at = |reason, pointer: &str| Reject {
            reason,
            pointer: pointer.to_owned(),
            excerpt: String::new(),
            line: Some(1),
            file: Some(table.file()),
        };
        rows.bytes.skip_mark().map_err(|reason| at(reason, ""))?;
        let names = rows.header().map_err(|reason| at(reason, ""))?;
        rows.columns = names.iter().map(|name| table.column(&bare(name))).collect();
        for needed in table.needed() {
            match rows.columns.iter().filter(|column| **column == Some(*needed)).count() {
                1 => {}
                0 => return Err(at(Reason::NoHeader, &format!("/{needed}"))),
                _ => return Err(at(Reason::DuplicateId, &format!("/{needed}"))),
            }
        }
        Ok(rows)
    }

    /// Whether all rows stand in ascending order of their patient: what [`super::Bundle`] relies on. How many rows there are.
    pub fn in_order(self) -> Result<u64, Reject> {
        let (mut last, mut count) = (String::new(), 0);
        let file = Some(self.table.file());
        for row in self {
            if row.wrong.is_none() && row.patient < last {
                let pointer = "/patientUuid".to_owned();
                return Err(Reject { reason: Reason::NotSorted, pointer, excerpt: String::new(), line: Some(row.line), file });
            }
            if row.wrong.is_none() {
                last = row.patient;
            }
            count += 1;
        }
        Ok(count)
    }

    fn header(&mut self) -> Result<Vec<String>, Reason> {
        let mut counts = [(b',', 0_u32), (b';', 0), (b'\t', 0)];
        let mut line = Vec::new();
        self.bytes.take(&mut line, LONGEST, |byte| {
            if let Some((_, count)) = counts.iter_mut().find(|(mark, _)| *mark == byte) {
                *count += 1;
            }
            byte == b'\n'
        })?;
        self.mark = counts.iter().max_by_key(|(mark, count)| (*count, *mark == b',')).map_or(b',', |(mark, _)| *mark);
        let text = String::from_utf8(line).map_err(|_| Reason::NotText)?;
        let names: Vec<String> =
            text.trim_end().split(char::from(self.mark)).map(|name| name.trim().trim_matches('"').to_owned()).collect();
        if names.len() > COLUMNS { Err(Reason::TooMany) } else { Ok(names) }
    }

    /// The cells of the next row; none at the end.
    fn cells(&mut self) -> Result<Option<Vec<Vec<u8>>>, Reason> {
        let (mut cells, mut cell, mut length) = (Vec::new(), Vec::new(), 0_usize);
        let mut state = State::Begin;
        let (mut wrong, mark) = (None, self.mark);
        // The cells are kept, not the line.
        let more = self.bytes.take(&mut Vec::new(), 0, |byte| {
            length += 1;
            if length > LONGEST {
                wrong = Some(Reason::TooLarge);
                return true;
            }
            match (state, byte) {
                (State::Begin, b'"') => state = State::Quoted,
                (State::Quoted, b'"') => state = State::Quote,
                (State::Quote, b'"') => {
                    cell.push(b'"');
                    state = State::Quoted;
                }
                (State::Quoted, byte) => cell.push(byte),
                (_, b'\n') => return true,
                (_, byte) if byte == mark => {
                    if cells.len() < COLUMNS {
                        cells.push(std::mem::take(&mut cell));
                    }
                    state = State::Begin;
                }
                (State::Quote, b'\r') => {}
                // Text behind a closing quote: the row is wrong, and its end is the end of the line.
                (State::Quote, _) => {
                    wrong = wrong.or(Some(Reason::Syntax));
                    state = State::Plain;
                }
                (_, byte) => {
                    cell.push(byte);
                    state = State::Plain;
                }
            }
            false
        })?;
        if length == 0 && !more {
            return Ok(None);
        }
        match wrong {
            Some(Reason::TooLarge) => return Err(Reason::TooLarge),
            Some(_) => return Ok(Some(Vec::new())),
            None if state == State::Quoted => return Err(Reason::Unfinished),
            None => {}
        }
        if cell.last() == Some(&b'\r') {
            cell.pop();
        }
        cells.push(cell);
        Ok(Some(cells))
    }

    fn row(&mut self) -> Result<Option<Row>, Reason> {
        loop {
            let line = self.bytes.line;
            let Some(cells) = self.cells()? else { return Ok(None) };
            // An empty line is no row.
            if cells.len() == 1 && cells[0].is_empty() && self.columns.len() > 1 {
                continue;
            }
            let mut row = Row { line, patient: String::new(), fields: Map::new(), wrong: None };
            if cells.len() != self.columns.len() {
                row.wrong = Some(Reason::Syntax);
            }
            for (column, cell) in self.columns.iter().zip(cells) {
                let Some(name) = *column else { continue };
                match String::from_utf8(cell) {
                    Ok(text) if text.trim().is_empty() => {}
                    Ok(text) if name == "patientUuid" => row.patient = text.trim().to_owned(),
                    Ok(text) => {
                        row.fields.insert(name.to_owned(), Value::String(text));
                    }
                    Err(_) => row.wrong = Some(Reason::NotText),
                }
            }
            return Ok(Some(row));
        }
    }
}

#[derive(Clone, Copy, PartialEq)]
enum State {
    Begin,
    Plain,
    Quoted,
    /// A quote within quotes: the end, or the first of two.
    Quote,
}

impl<R: BufRead> Iterator for Rows<R> {
    type Item = Row;

    fn next(&mut self) -> Option<Row> {
        if self.over {
            return None;
        }
        match self.row() {
            Ok(row) => row,
            Err(reason) => {
                self.over = true;
                Some(Row { line: self.bytes.line, patient: String::new(), fields: Map::new(), wrong: Some(reason) })
            }
        }
    }
}

impl Row {
    /// What is wrong with the row, as a reject of its file.
    pub(super) fn reject(&self, table: Table, reason: Reason) -> Reject {
        Reject { reason, pointer: String::new(), excerpt: String::new(), line: Some(self.line), file: Some(table.file()) }
    }
}
