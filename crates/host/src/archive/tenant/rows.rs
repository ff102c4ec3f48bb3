//! An archive's rows on their way to one tenant: those of others left out, tombstones applied, in
//! heaps that fit into a short transaction.

use std::collections::HashMap;

use plimsoll_core::{Code, Result, TenantId};
use plimsoll_store::{Datum, Table, take_row};
use tokio::sync::mpsc;

use crate::{
    archive::format::{ArchiveReader, Item, Source},
    subject::tombstone::Tombstones,
};

/// So many rows are written in one transaction.
const HEAP_ROWS: usize = 500;
/// Or about so many bytes.
const HEAP_BYTES: usize = 1 << 20;

/// Rows of one table for one transaction.
pub(super) struct Heap {
    pub(super) table: Table,
    pub(super) columns: Vec<String>,
    pub(super) rows: Vec<Vec<Datum>>,
}

/// What of an archive is wanted, and for whom.
pub(super) struct Wanted {
    /// The tenant as the archive knows it.
    pub(super) from: TenantId,
    /// The tenant whose rows they become.
    pub(super) to: TenantId,
    /// Tables of the target that are filled.
    pub(super) tables: HashMap<String, Table>,
    /// What was erased meanwhile.
    pub(super) tombstones: std::sync::Arc<Tombstones>,
}

/// Reads an archive to its end and sends what is wanted; how many rows were left out because of
/// tombstones. Runs where it may block.
pub(super) fn read<S: Source>(mut reader: ArchiveReader<S>, wanted: &Wanted, into: &mpsc::Sender<Result<Heap>>) -> Result<u64> {
    let (owner, new_owner) = (wanted.from.to_string(), wanted.to.to_string());
    let mut heap: Option<Heap> = None;
    let (mut bytes, mut erased) = (0, 0);
    while let Some(item) = reader.item()? {
        match item {
            Item::Table(head) => {
                flush(&mut heap, into, None)?;
                bytes = 0;
                let Some(table) = wanted.tables.get(&head.name) else { continue };
                fitting(table, &head.columns)?;
                heap = Some(Heap { table: table.clone(), columns: head.columns.clone(), rows: Vec::new() });
            }
            Item::Row(row) => {
                let Some(open) = &mut heap else { continue };
                let Some(kept) = wanted.tombstones.rewrite(&open.table.name, &open.columns, row)? else {
                    erased += 1;
                    continue;
                };
                let (mut rest, mut values) = (&kept[..], Vec::with_capacity(open.columns.len()));
                take_row(&mut rest, &mut values)?;
                let mut row: Vec<Datum> = values.into_iter().map(Datum::from).collect();
                if let Some(at) = open.columns.iter().position(|column| column == "tenant_id") {
                    match row.get_mut(at) {
                        Some(Datum::Text(whose)) if *whose == owner => *whose = new_owner.clone(),
                        _ => continue,
                    }
                }
                bytes += kept.len();
                open.rows.push(row);
                if open.rows.len() >= HEAP_ROWS || bytes >= HEAP_BYTES {
                    let next = Heap { table: open.table.clone(), columns: open.columns.clone(), rows: Vec::new() };
                    flush(&mut heap, into, Some(next))?;
                    bytes = 0;
                }
            }
        }
    }
    flush(&mut heap, into, None)?;
    Ok(erased)
}

fn flush(heap: &mut Option<Heap>, into: &mpsc::Sender<Result<Heap>>, next: Option<Heap>) -> Result<()> {
    if let Some(full) = std::mem::replace(heap, next).filter(|heap| !heap.rows.is_empty()) {
        // A writer that has stopped has said why already.
        into.blocking_send(Ok(full)).map_err(|_| Code::Internal.error().caused_by("nobody writes the rows any more"))?;
    }
    Ok(())
}

/// Refuses an archive with columns that the table does not have.
pub(super) fn fitting(table: &Table, columns: &[String]) -> Result<()> {
    match columns.iter().find(|column| table.position(column).is_none()) {
        None => Ok(()),
        Some(column) => Err(Code::ArchiveVersion.because(format!(
            "The archive holds the column `{column}` of `{}`, which this database does not have: it was made with a newer version. Nothing was changed.",
            table.name
        ))),
    }
}
