//! XML with the tree of the messages.

use std::io::{self, Write};

use serde_json::Value;

use super::json::{Dialect, tree};
use crate::record::Record;

/// What the rows of a list are called.
const ROWS: [(&str, &str); 4] =
    [("visits", "visit"), ("encounters", "encounter"), ("obs", "observation"), ("patientIdentifiers", "patientIdentifier")];

/// Writes `<messages>` with a `<message>` for each record.
pub struct Xml<W: Write> {
    out: W,
}

impl<W: Write> Xml<W> {
    /// Writes the beginning.
    pub fn new(mut out: W) -> io::Result<Xml<W>> {
        out.write_all(b"<?xml version=\"1.0\" encoding=\"UTF-8\"?>\n<messages>\n")?;
        Ok(Xml { out })
    }

    /// Writes a record.
    pub fn record(&mut self, record: &Record) -> io::Result<()> {
        self.tree(&tree(record, Dialect::Message))
    }

    /// Writes a tree that stands for a record, whatever is in it.
    pub fn tree(&mut self, tree: &Value) -> io::Result<()> {
        self.element("message", tree)?;
        self.out.write_all(b"\n")
    }

    /// Writes the end and gives the stream back.
    pub fn finish(mut self) -> io::Result<W> {
        self.out.write_all(b"</messages>\n")?;
        Ok(self.out)
    }

    fn element(&mut self, name: &str, value: &Value) -> io::Result<()> {
        if value.is_null() {
            return Ok(());
        }
        write!(self.out, "<{name}>")?;
        match value {
            Value::Object(fields) => {
                for (name, value) in fields {
                    self.element(name, value)?;
                }
            }
            Value::Array(rows) => {
                let row = ROWS.iter().find(|(list, _)| *list == name).map_or("item", |(_, row)| *row);
                for value in rows {
                    self.element(row, value)?;
                }
            }
            Value::String(text) => self.text(text)?,
            other => self.text(&other.to_string())?,
        }
        write!(self.out, "</{name}>")
    }

    /// Text; a carriage return would be read as a line feed, so it is written as a number.
    fn text(&mut self, text: &str) -> io::Result<()> {
        let mut rest = text;
        while let Some(at) = rest.find(['&', '<', '>', '\r']) {
            let (before, mark) = rest.split_at(at);
            let written = match mark.as_bytes()[0] {
                b'&' => "&amp;",
                b'<' => "&lt;",
                b'>' => "&gt;",
                _ => "&#13;",
            };
            self.out.write_all(before.as_bytes())?;
            self.out.write_all(written.as_bytes())?;
            rest = &mark[1..];
        }
        self.out.write_all(rest.as_bytes())
    }
}
