//! Writing an archive.

use plimsoll_core::{Code, Result, Seed};
use ring::digest;
use serde_json::Value;

use super::{
    frame::{FrameWriter, Header, Sink},
    keys::Keys,
    manifest::{Footer, Manifest, Sum, Table},
};
use crate::identity::hex;

pub(super) const TABLE: u8 = 1;
pub(super) const ROW: u8 = 2;
pub(super) const FOOTER: u8 = 3;

/// An archive that is being written: tables one after the other, rows in each, then the footer.
/// One that is dropped before [`finish`](ArchiveWriter::finish) has no last frame, which every
/// reader notices.
pub struct ArchiveWriter<S> {
    frames: FrameWriter<S>,
    open: Option<Tally>,
    sums: Vec<Sum>,
}

/// A table's count and digest so far.
pub struct Tally {
    name: String,
    rows: u64,
    digest: digest::Context,
}

impl Tally {
    /// Of a table with this name, before its first row.
    pub fn new(name: String) -> Tally {
        Tally { name, rows: 0, digest: digest::Context::new(&digest::SHA256) }
    }
    /// Counts a row.
    pub fn row(&mut self, bytes: &[u8]) {
        self.rows += 1;
        self.digest.update(&(bytes.len() as u64).to_be_bytes());
        self.digest.update(bytes);
    }
    /// What it came to.
    pub fn sum(self) -> Sum {
        Sum { name: self.name, rows: self.rows, digest: hex(self.digest.finish().as_ref()) }
    }
}

/// What was written.
#[derive(Debug, Clone)]
pub struct Written<S> {
    /// Where to.
    pub sink: S,
    /// Length in bytes.
    pub bytes: u64,
    /// How many frames.
    pub frames: u64,
    /// SHA-256 of the whole file, in hexadecimal.
    pub digest: String,
    /// The last record.
    pub footer: Footer,
}

impl<S: Sink> ArchiveWriter<S> {
    /// Writes the header. Every archive has a random key of its own, wrapped with the active one.
    ///
    /// # Errors
    /// What the sink says.
    pub fn begin(manifest: &Manifest, keys: &Keys, seed: &Seed, sink: S) -> Result<ArchiveWriter<S>> {
        let (header, key) = Header::make(manifest, keys, seed)?;
        Ok(ArchiveWriter { frames: FrameWriter::new(&header, key, sink)?, open: None, sums: Vec::new() })
    }

    /// Begins a table and ends the one before.
    ///
    /// # Errors
    /// [`Code::Internal`] for a table that was there already; what the sink says.
    pub fn table(&mut self, table: &Table) -> Result<()> {
        self.close();
        if self.sums.iter().any(|sum| sum.name == table.name) {
            return Err(Code::Internal.error().caused_by(format!("table {} is archived twice", table.name)));
        }
        self.record(TABLE, &serde_json::to_vec(table)?)?;
        self.open = Some(Tally::new(table.name.clone()));
        Ok(())
    }

    /// Adds a row to the table that was begun last.
    ///
    /// # Errors
    /// [`Code::Internal`] where no table was begun; what the sink says.
    pub fn row(&mut self, bytes: &[u8]) -> Result<()> {
        let Some(tally) = &mut self.open else {
            return Err(Code::Internal.error().caused_by("a row outside of any table"));
        };
        tally.row(bytes);
        self.record(ROW, bytes)
    }

    /// How many bytes have left so far.
    pub fn written(&self) -> u64 {
        self.frames.written
    }

    /// How many rows the tables have so far.
    pub fn rows(&self) -> u64 {
        self.sums.iter().map(|sum| sum.rows).sum::<u64>() + self.open.as_ref().map_or(0, |tally| tally.rows)
    }

    /// Writes the footer with `facts` and the last frame.
    ///
    /// # Errors
    /// What the sink says.
    pub fn finish(mut self, facts: Value) -> Result<Written<S>> {
        self.close();
        let footer = Footer { tables: std::mem::take(&mut self.sums), facts };
        self.record(FOOTER, &serde_json::to_vec(&footer)?)?;
        let ended = self.frames.end()?;
        Ok(Written { sink: ended.sink, bytes: ended.bytes, frames: ended.frames, digest: hex(&ended.digest), footer })
    }

    fn close(&mut self) {
        self.sums.extend(self.open.take().map(Tally::sum));
    }

    fn record(&mut self, tag: u8, bytes: &[u8]) -> Result<()> {
        let length = u32::try_from(bytes.len()).map_err(|_| Code::Internal.error().caused_by("a row of more than 4 GB"))?;
        let mut head = [tag, 0, 0, 0, 0];
        head[1..].copy_from_slice(&length.to_be_bytes());
        self.frames.add(&head)?;
        self.frames.add(bytes)
    }
}
