//! Four CSV files, one for each kind of row, put together again into records.
//!
//! The files are walked side by side, so they must be in ascending order of the patient's id (in bytes).
//! A file that is not would lose rows of patients that were given out already: ask [`Rows::in_order`]
//! of each file first, which takes one pass and no memory. The walk stops where it sees the order broken.

use std::{io::BufRead, iter::Peekable};

use serde_json::{Map, Value};

use super::{Entry, Reject, Row, Rows, Source, tree};
use crate::record::Reason;

/// A table of a bundle.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Table {
    /// People.
    Patients,
    /// Visits.
    Visits,
    /// Encounters.
    Encounters,
    /// Observations.
    Observations,
}

impl Table {
    /// All four, in the order in which they are read.
    pub const ALL: [Table; 4] = [Table::Patients, Table::Visits, Table::Encounters, Table::Observations];

    /// The name of its file.
    pub const fn file(self) -> &'static str {
        match self {
            Table::Patients => "patients.csv",
            Table::Visits => "visits.csv",
            Table::Encounters => "encounters.csv",
            Table::Observations => "observations.csv",
        }
    }

    /// Its name in the tree.
    const fn list(self) -> &'static str {
        match self {
            Table::Patients => "demographics",
            Table::Visits => "visits",
            Table::Encounters => "encounters",
            Table::Observations => "obs",
        }
    }

    /// Its columns, by their names in the tree and in the order in which they are written.
    pub const fn columns(self) -> &'static [&'static str] {
        match self {
            Table::Patients => &[
                "patientUuid",
                "facilityDatimCode",
                "pepfarId",
                "givenName",
                "familyName",
                "birthdate",
                "gender",
                "stateProvince",
                "cityVillage",
                "phoneNumber",
                "touchTime",
            ],
            Table::Visits => &["patientUuid", "visitUuid", "visitType", "dateStarted", "dateStopped", "locationId", "voided"],
            Table::Encounters => {
                &["patientUuid", "encounterUuid", "visitUuid", "encounterDatetime", "encounterType", "pmmForm", "formId", "voided"]
            }
            Table::Observations => &[
                "patientUuid",
                "obsUuid",
                "encounterUuid",
                "obsDatetime",
                "conceptId",
                "variableName",
                "valueNumeric",
                "valueText",
                "valueCoded",
                "voided",
            ],
        }
    }

    /// The columns without which the table says nothing.
    pub(super) const fn needed(self) -> &'static [&'static str] {
        match self {
            Table::Patients => &["patientUuid", "birthdate", "gender"],
            Table::Visits => &["patientUuid", "dateStarted"],
            Table::Encounters => &["patientUuid", "encounterUuid", "encounterDatetime"],
            Table::Observations => &["patientUuid", "encounterUuid", "variableName", "obsDatetime"],
        }
    }

    /// The name in the tree of a column, given in small letters and digits only.
    pub(super) fn column(self, bare: &str) -> Option<&'static str> {
        let renamed = match (self, bare) {
            (Table::Patients, "datimid") => "facilitydatimcode",
            (Table::Patients, "firstname") => "givenname",
            (Table::Patients, "lastname") => "familyname",
            (Table::Encounters, "form") => "pmmform",
            (_, other) => other,
        };
        self.columns().iter().find(|name| name.eq_ignore_ascii_case(renamed)).copied()
    }
}

/// The records of four files.
pub struct Bundle<'a, R: BufRead> {
    source: &'a Source,
    patients: Peekable<Rows<R>>,
    parts: [Part<R>; 3],
    last: Option<String>,
    index: u64,
    over: bool,
}

/// A file of rows that belong to patients.
struct Part<R: BufRead> {
    table: Table,
    rows: Peekable<Rows<R>>,
    last: String,
}

/// What the walk found in one file for one patient.
#[derive(Default)]
struct Taken {
    rows: Vec<Value>,
    lines: Vec<u64>,
    wrong: Vec<Reject>,
}

impl<'a, R: BufRead> Bundle<'a, R> {
    /// Reads the files' first lines; the streams in the order of [`Table::ALL`].
    pub fn new(streams: [R; 4], source: &'a Source) -> Result<Bundle<'a, R>, Reject> {
        let [patients, visits, encounters, observations] = streams;
        let part = |stream, table| Ok(Part { table, rows: Rows::new(stream, table)?.peekable(), last: String::new() });
        Ok(Bundle {
            source,
            patients: Rows::new(patients, Table::Patients)?.peekable(),
            parts: [part(visits, Table::Visits)?, part(encounters, Table::Encounters)?, part(observations, Table::Observations)?],
            last: None,
            index: 0,
            over: false,
        })
    }

    fn entry(&mut self, line: u64, original: Vec<u8>, read: Result<crate::record::Record, Vec<Reject>>) -> Entry {
        self.index += 1;
        Entry { index: self.index - 1, line, original, read }
    }

    fn stop(&mut self, reject: Reject) -> Entry {
        self.over = true;
        self.entry(reject.line.unwrap_or(1), Vec::new(), Err(vec![reject]))
    }

    /// Rows of patients before this one, or of any where there is none: nobody they belong to is in the file.
    fn orphan(&mut self, before: Option<&str>) -> Option<Entry> {
        let at = self.parts.iter_mut().position(|part| {
            part.rows
                .peek()
                .is_some_and(|row| before.is_none_or(|patient| row.patient.as_str() < patient) && (row.wrong.is_none() || before.is_none()))
        })?;
        let part = &mut self.parts[at];
        let (row, table) = (part.rows.next()?, part.table);
        if row.wrong.is_none() && row.patient < part.last {
            return Some(self.stop(row.reject(table, Reason::NotSorted)));
        }
        part.last.clone_from(&row.patient);
        let reject = row.reject(table, row.wrong.unwrap_or(Reason::UnknownPatient));
        Some(self.entry(row.line, Vec::new(), Err(vec![reject])))
    }

    fn patient(&mut self, row: &Row) -> Entry {
        let mut data = Map::new();
        let mut tree = Map::new();
        let mut demographics = row.fields.clone();
        demographics.insert("patientUuid".to_owned(), Value::String(row.patient.clone()));
        if let Some(touched) = demographics.shift_remove("touchTime") {
            tree.insert("touchTime".to_owned(), touched);
        }
        data.insert("demographics".to_owned(), Value::Object(demographics));
        let mut rejects: Vec<Reject> = row.wrong.map(|reason| row.reject(Table::Patients, reason)).into_iter().collect();
        let mut lines = Vec::new();
        for part in &mut self.parts {
            let taken = part.take(&row.patient, self.source.limits.rows);
            rejects.extend(taken.wrong);
            data.insert(part.table.list().to_owned(), Value::Array(taken.rows));
            lines.push((part.table, taken.lines));
        }
        tree.insert("messageData".to_owned(), Value::Object(data));
        let tree = Value::Object(tree);
        let original = serde_json::to_vec(&tree).unwrap_or_default();
        // Rows that are wrong as rows are not in the tree; what would be said of the rest is only half of it.
        let read = if rejects.is_empty() { tree::read(&tree, self.source) } else { Err(rejects) };
        let read = read.map_err(|rejects| rejects.into_iter().map(|reject| place(reject, row.line, &lines)).collect());
        self.entry(row.line, original, read)
    }
}

/// Adds file and line to a reject whose pointer names a row of the tree.
fn place(mut reject: Reject, patient: u64, lines: &[(Table, Vec<u64>)]) -> Reject {
    if reject.file.is_some() {
        return reject;
    }
    let mut steps = reject.pointer.split('/').skip(2);
    let (list, row) = (steps.next(), steps.next().and_then(|row| row.parse::<usize>().ok()));
    let found = lines.iter().find(|(table, _)| Some(table.list()) == list);
    (reject.file, reject.line) = match found {
        Some((table, lines)) => (Some(table.file()), row.and_then(|row| lines.get(row).copied())),
        None => (Some(Table::Patients.file()), Some(patient)),
    };
    reject
}

impl<R: BufRead> Part<R> {
    /// The rows of a patient. A row that names nobody because it is broken is taken as one of theirs.
    fn take(&mut self, patient: &str, most: usize) -> Taken {
        let mut taken = Taken::default();
        while let Some(row) = self.rows.next_if(|row| row.patient == patient || (row.wrong.is_some() && row.patient.as_str() <= patient)) {
            patient.clone_into(&mut self.last);
            match row.wrong {
                Some(reason) => taken.wrong.push(row.reject(self.table, reason)),
                None if taken.rows.len() < most => {
                    taken.rows.push(Value::Object(row.fields));
                    taken.lines.push(row.line);
                }
                None if taken.wrong.is_empty() => taken.wrong.push(row.reject(self.table, Reason::TooMany)),
                None => {}
            }
        }
        taken
    }
}

impl<R: BufRead> Iterator for Bundle<'_, R> {
    type Item = Entry;

    fn next(&mut self) -> Option<Entry> {
        if self.over {
            return None;
        }
        let Some(next) = self.patients.peek() else { return self.orphan(None) };
        let named = next.patient.clone();
        let broken = next.wrong.is_some() || named.is_empty();
        if !broken && let Some(entry) = self.orphan(Some(&named)) {
            return Some(entry);
        }
        let row = self.patients.next()?;
        if broken {
            let reject = row.reject(Table::Patients, row.wrong.unwrap_or(Reason::Missing));
            return Some(self.entry(row.line, Vec::new(), Err(vec![reject])));
        }
        let before = self.last.replace(named.clone()).map(|last| last.cmp(&named));
        match before {
            Some(std::cmp::Ordering::Greater) => Some(self.stop(row.reject(Table::Patients, Reason::NotSorted))),
            Some(std::cmp::Ordering::Equal) => {
                Some(self.entry(row.line, Vec::new(), Err(vec![row.reject(Table::Patients, Reason::DuplicateId)])))
            }
            _ => Some(self.patient(&row)),
        }
    }
}
