//! Tables into an archive and out of it.

use std::{borrow::Cow, collections::HashMap, sync::Arc};

use plimsoll_core::{Code, Result, TenantId};
use plimsoll_store::{Load, Table, Tx, Value, put_row, take_row};

use super::{
    format::{ArchiveReader, ArchiveWriter, Footer, Item, Sink, Source, Table as Head},
    progress::Progress,
};
use crate::subject::tombstone::Tombstones;

/// Rows go into the database in heaps of this many,
const HEAP_ROWS: usize = 500;
/// or of this many bytes.
const HEAP_BYTES: usize = 4 << 20;

/// Writes a table's rows, all of them or one tenant's, in the order of its key.
///
/// # Errors
/// What the database and the sink say.
pub fn dump<S: Sink>(tx: &Tx<'_>, table: &Table, tenant: Option<TenantId>, into: &mut ArchiveWriter<S>, progress: &Progress) -> Result<()> {
    into.table(&Head { name: table.name.clone(), columns: table.names().map(str::to_owned).collect() })?;
    let mut bytes = Vec::new();
    tx.dump(table, tenant, &mut |row| {
        bytes.clear();
        put_row(&mut bytes, row)?;
        into.row(&bytes)?;
        progress.row();
        progress.set_bytes(into.written());
        Ok(())
    })
}

/// What becomes of a table of an archive.
pub type Choose = Box<dyn Fn(&Table) -> Option<Load> + Send>;

/// An archive on its way into a database, which may take several transactions.
pub struct Loader<S> {
    reader: ArchiveReader<S>,
    tables: Option<HashMap<String, Table>>,
    choose: Choose,
    /// The table whose rows come: none where they are left out.
    current: Option<(Table, Vec<String>, Load)>,
    heap: Vec<Vec<u8>>,
    heap_bytes: usize,
    written: u64,
    left_out: u64,
    tombstones: Option<Arc<Tombstones>>,
    progress: Progress,
}

impl<S: Source> Loader<S> {
    /// Loads the tables that `choose` wants, in the way it says.
    pub fn new(reader: ArchiveReader<S>, choose: Choose, progress: Progress) -> Loader<S> {
        Loader {
            reader,
            tables: None,
            choose,
            current: None,
            heap: Vec::new(),
            heap_bytes: 0,
            written: 0,
            left_out: 0,
            tombstones: None,
            progress,
        }
    }

    /// The same with what was erased left out.
    #[must_use]
    pub fn without(mut self, tombstones: Option<Arc<Tombstones>>) -> Loader<S> {
        self.tombstones = tombstones;
        self
    }

    /// Loads about `limit` rows; whether that was the end.
    ///
    /// # Errors
    /// [`Code::ArchiveVersion`] for a table or column that the database does not have; what
    /// archive and database say.
    pub fn load(&mut self, tx: &mut Tx<'_>, limit: usize) -> Result<bool> {
        let tables = match self.tables.take() {
            Some(tables) => tables,
            None => tx.tables()?.into_iter().map(|table| (table.name.clone(), table)).collect(),
        };
        let mut left = limit;
        let ended = loop {
            match self.reader.item()? {
                None => {
                    self.written += pour(tx, &mut self.heap, &self.current)?;
                    break true;
                }
                Some(Item::Table(head)) => {
                    self.written += pour(tx, &mut self.heap, &self.current)?;
                    self.heap_bytes = 0;
                    self.current = accept(head, &tables, &self.choose)?;
                }
                Some(Item::Row(row)) if let Some((table, columns, _)) = &self.current => {
                    let row = match &self.tombstones {
                        Some(tombstones) => tombstones.rewrite(&table.name, columns, row)?.map(Cow::into_owned),
                        None => Some(row.to_vec()),
                    };
                    match row {
                        Some(row) => {
                            self.heap_bytes += row.len();
                            self.heap.push(row);
                        }
                        None => self.left_out += 1,
                    }
                    self.progress.row();
                    left = left.saturating_sub(1);
                    if self.heap.len() >= HEAP_ROWS || self.heap_bytes >= HEAP_BYTES || left == 0 {
                        self.written += pour(tx, &mut self.heap, &self.current)?;
                        self.heap_bytes = 0;
                    }
                    if left == 0 {
                        break false;
                    }
                }
                Some(Item::Row(_)) => {}
            }
        };
        self.tables = Some(tables);
        Ok(ended)
    }

    /// How many rows were written so far.
    pub fn written(&self) -> u64 {
        self.written
    }

    /// How many rows of erased subjects were left out so far.
    pub fn left_out(&self) -> u64 {
        self.left_out
    }

    /// The footer, once [`load`](Loader::load) has reached the end.
    pub fn footer(&self) -> Option<&Footer> {
        self.reader.footer()
    }
}

fn accept(head: &Head, tables: &HashMap<String, Table>, choose: &Choose) -> Result<Option<(Table, Vec<String>, Load)>> {
    let lacking = |what: String| {
        Code::ArchiveVersion.because(format!("The archive holds {what}, which this database does not have: it is of another schema."))
    };
    let table = tables.get(&head.name).ok_or_else(|| lacking(format!("the table `{}`", head.name)))?;
    if let Some(column) = head.columns.iter().find(|column| table.position(column).is_none()) {
        return Err(lacking(format!("the column `{column}` of `{}`", head.name)));
    }
    Ok(choose(table).map(|how| (table.clone(), head.columns.clone(), how)))
}

/// Writes the heap and empties it.
fn pour(tx: &mut Tx<'_>, heap: &mut Vec<Vec<u8>>, into: &Option<(Table, Vec<String>, Load)>) -> Result<u64> {
    let Some((table, columns, how)) = into.as_ref().filter(|_| !heap.is_empty()) else { return Ok(0) };
    let mut rows = Vec::with_capacity(heap.len());
    for bytes in heap.iter() {
        let (mut from, mut row): (&[u8], Vec<Value<'_>>) = (bytes, Vec::with_capacity(columns.len()));
        take_row(&mut from, &mut row)?;
        rows.push(row);
    }
    let columns: Vec<&str> = columns.iter().map(String::as_str).collect();
    let written = tx.load(table, &columns, &rows, *how)?;
    drop(rows);
    heap.clear();
    Ok(written)
}
