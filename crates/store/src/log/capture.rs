//! What the statements of a transaction changed, on its way into the log.
//!
//! ```text
//! body   = 1, number of tables, tables, changes        what one transaction changed
//!        | 0, kind, text                               a mark: 1 the log begins here, its id follows;
//!                                                      2 it ends here; 3 the schema changed, its name follows
//! table  = name, number of columns, their names, number of key columns, their places
//! change = 1, table, row of all columns                the row is now so
//!        | 2, table, row of the key's columns          the row is gone
//! name, text = length, UTF-8
//! ```
//! Numbers and rows are those of the encoding of rows; tables are counted from 0. Changes stand in
//! the order in which they were made.

use std::sync::Arc;

use plimsoll_core::Result;

use super::statement::Watched;
use crate::{
    Row,
    encoding::{put_number, put_row},
    tables::Table,
};

pub(super) const CHANGES: u8 = 1;
pub(super) const MARK: u8 = 0;
pub(super) const PUT: u8 = 1;
pub(super) const GONE: u8 = 2;

/// The changes of one database transaction so far.
#[derive(Debug, Default)]
pub(crate) struct Capture {
    tables: Vec<Arc<Table>>,
    changes: Vec<u8>,
}

impl Capture {
    /// Adds what a row of a watched statement shows behind its own columns.
    pub(crate) fn add(&mut self, watched: &Watched, row: &Row<'_>) -> Result<()> {
        let table = match self.tables.iter().position(|known| Arc::ptr_eq(known, &watched.table)) {
            Some(at) => at,
            None => {
                self.tables.push(watched.table.clone());
                self.tables.len() - 1
            }
        };
        self.changes.push(if watched.deletes { GONE } else { PUT });
        put_number(&mut self.changes, table as u64);
        put_row(&mut self.changes, &row.without_first(row.len() - watched.added))
    }

    /// How far it has come, to go back to.
    pub(crate) fn mark(&self) -> usize {
        self.changes.len()
    }

    /// Forgets what was added since.
    pub(crate) fn undo(&mut self, mark: usize) {
        self.changes.truncate(mark);
    }

    /// The body of the log's row; `None` where nothing was changed.
    pub(crate) fn body(&self) -> Option<Vec<u8>> {
        if self.changes.is_empty() {
            return None;
        }
        let mut out = Vec::with_capacity(self.changes.len() + 256);
        out.push(CHANGES);
        put_number(&mut out, self.tables.len() as u64);
        for table in &self.tables {
            put_text(&mut out, &table.name);
            put_number(&mut out, table.columns.len() as u64);
            table.names().for_each(|name| put_text(&mut out, name));
            put_number(&mut out, table.key.len() as u64);
            table.key.iter().for_each(|at| put_number(&mut out, *at as u64));
        }
        out.extend_from_slice(&self.changes);
        Some(out)
    }
}

pub(super) fn put_text(out: &mut Vec<u8>, text: &str) {
    put_number(out, text.len() as u64);
    out.extend_from_slice(text.as_bytes());
}

/// What a mark says.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Mark {
    /// The log begins here and has this id.
    Begins(String),
    /// The log ends here: what follows it is not recorded.
    Ends,
    /// The schema was changed by this migration. What a migration does to rows is not recorded,
    /// so nothing after it can be put upon rows from before it.
    Schema(String),
}

impl Mark {
    /// The body of the log's row.
    pub(crate) fn body(&self) -> Vec<u8> {
        let (kind, text) = match self {
            Mark::Begins(id) => (1, id.as_str()),
            Mark::Ends => (2, ""),
            Mark::Schema(name) => (3, name.as_str()),
        };
        let mut out = vec![MARK, kind];
        put_text(&mut out, text);
        out
    }
}
