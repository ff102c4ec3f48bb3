//! CSV: four files, whose rows are written side by side.

use std::io::{self, Write};

use serde_json::Value;

use super::json::{Dialect, tree};
use crate::{formats::Table, record::Record};

/// Writes the four files of a bundle. Records must come in ascending order of the patient's id, or a
/// reader will refuse the files.
pub struct Csv<W: Write> {
    out: [W; 4],
}

impl<W: Write> Csv<W> {
    /// Writes the first lines; the streams in the order of [`Table::ALL`].
    pub fn new(mut out: [W; 4]) -> io::Result<Csv<W>> {
        for (out, table) in out.iter_mut().zip(Table::ALL) {
            writeln!(out, "{}", table.columns().join(","))?;
        }
        Ok(Csv { out })
    }

    /// Writes the rows of a record.
    pub fn record(&mut self, record: &Record) -> io::Result<()> {
        self.tree(&tree(record, Dialect::Message))
    }

    /// Writes the rows of a tree that stands for a record, whatever is in it.
    pub fn tree(&mut self, tree: &Value) -> io::Result<()> {
        let data = &tree["messageData"];
        let patient = data["demographics"]["patientUuid"].clone();
        let [people, rows @ ..] = &mut self.out;
        let mut person = data["demographics"].clone();
        if let Some(person) = person.as_object_mut() {
            for name in ["facilityDatimCode", "touchTime"] {
                person.insert(name.to_owned(), tree[name].clone());
            }
        }
        row(people, Table::Patients, &person, &patient)?;
        for ((out, table), list) in rows.iter_mut().zip(&Table::ALL[1..]).zip(["visits", "encounters", "obs"]) {
            for one in data[list].as_array().into_iter().flatten() {
                row(out, *table, one, &patient)?;
            }
        }
        Ok(())
    }

    /// Gives the streams back.
    pub fn finish(self) -> io::Result<[W; 4]> {
        Ok(self.out)
    }
}

fn row<W: Write>(out: &mut W, table: Table, row: &Value, patient: &Value) -> io::Result<()> {
    for (at, column) in table.columns().iter().enumerate() {
        if at > 0 {
            out.write_all(b",")?;
        }
        let value = row.get(*column).or((*column == "patientUuid").then_some(patient));
        match value {
            None | Some(Value::Null) => {}
            Some(Value::String(text)) => cell(out, text)?,
            Some(other) => cell(out, &other.to_string())?,
        }
    }
    out.write_all(b"\n")
}

/// A cell; with quotes where it holds what separates.
fn cell<W: Write>(out: &mut W, text: &str) -> io::Result<()> {
    if text.contains(['"', ',', ';', '\t', '\n', '\r']) {
        write!(out, "\"{}\"", text.replace('"', "\"\""))
    } else {
        out.write_all(text.as_bytes())
    }
}
