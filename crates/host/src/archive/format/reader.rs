//! Reading an archive.

use std::collections::HashSet;

use plimsoll_core::Result;

use super::{
    fault::damaged,
    frame::{FrameReader, Header, Source},
    keys::Keys,
    manifest::{Footer, Manifest, Sum, Table},
    writer::{FOOTER, ROW, TABLE, Tally},
};

/// What comes next in an archive.
#[derive(Debug, PartialEq)]
pub enum Item<'a> {
    /// A table begins.
    Table(&'a Table),
    /// A row of the table that began last.
    Row(&'a [u8]),
}

/// An archive that is being read, in one pass.
pub struct ArchiveReader<S> {
    header: Header,
    frames: FrameReader<S>,
    plain: Vec<u8>,
    at: usize,
    record: Vec<u8>,
    table: Option<Table>,
    tally: Option<Tally>,
    sums: Vec<Sum>,
    seen: HashSet<String>,
    footer: Option<Footer>,
}

impl<S: Source> ArchiveReader<S> {
    /// Reads the header and opens the lock.
    ///
    /// # Errors
    /// As [`Header::read`], and [`Code::ArchiveKey`](plimsoll_core::Code::ArchiveKey) where the key
    /// is not known.
    pub fn open(source: S, keys: &Keys) -> Result<ArchiveReader<S>> {
        let (header, frames) = FrameReader::open(source, keys)?;
        Ok(ArchiveReader {
            header,
            frames,
            plain: Vec::new(),
            at: 0,
            record: Vec::new(),
            table: None,
            tally: None,
            sums: Vec::new(),
            seen: HashSet::new(),
            footer: None,
        })
    }

    /// What the archive says it is.
    pub fn manifest(&self) -> &Manifest {
        &self.header.manifest
    }

    /// Its header.
    pub fn header(&self) -> &Header {
        &self.header
    }

    /// The next table or row; `None` at the end, where [`footer`](ArchiveReader::footer) is known
    /// and everything before has been compared with it.
    ///
    /// # Errors
    /// [`Code::ArchiveDamaged`](plimsoll_core::Code::ArchiveDamaged) at the first byte that is not
    /// as it was written.
    pub fn item(&mut self) -> Result<Option<Item<'_>>> {
        if self.footer.is_some() {
            return Ok(None);
        }
        match self.read_record()? {
            TABLE => {
                let table: Table = serde_json::from_slice(&self.record).map_err(|error| damaged("a table's head").caused_by(error))?;
                self.close();
                if !self.seen.insert(table.name.clone()) {
                    return Err(damaged(format!("table {} comes twice", table.name)));
                }
                self.tally = Some(Tally::new(table.name.clone()));
                Ok(Some(Item::Table(self.table.insert(table))))
            }
            ROW => {
                let tally = self.tally.as_mut().ok_or_else(|| damaged("a row outside of any table"))?;
                tally.row(&self.record);
                Ok(Some(Item::Row(&self.record)))
            }
            FOOTER => {
                let footer: Footer = serde_json::from_slice(&self.record).map_err(|error| damaged("its footer").caused_by(error))?;
                self.close();
                if self.at < self.plain.len() || self.refill()? {
                    return Err(damaged("records follow its footer"));
                }
                if let Some(wrong) = footer.tables.iter().zip(&self.sums).find(|(said, found)| said != found) {
                    return Err(damaged(format!("table {} is not what the footer says", wrong.1.name)));
                }
                if footer.tables.len() != self.sums.len() {
                    return Err(damaged("the footer names other tables"));
                }
                self.footer = Some(footer);
                Ok(None)
            }
            other => Err(damaged(format!("a record of unknown kind {other}"))),
        }
    }

    /// The footer, once [`item`](ArchiveReader::item) has answered `None`.
    pub fn footer(&self) -> Option<&Footer> {
        self.footer.as_ref()
    }

    /// Reads to the end and gives the footer.
    ///
    /// # Errors
    /// As [`item`](ArchiveReader::item).
    pub fn finish(mut self) -> Result<(Manifest, Footer)> {
        while self.item()?.is_some() {}
        let footer = self.footer.ok_or_else(|| damaged("it has no footer"))?;
        Ok((self.header.manifest, footer))
    }

    fn close(&mut self) {
        self.sums.extend(self.tally.take().map(Tally::sum));
    }

    /// Whether there is another frame, which is then the plain text.
    fn refill(&mut self) -> Result<bool> {
        while let Some(plain) = self.frames.frame()? {
            (self.plain, self.at) = (plain, 0);
            if !self.plain.is_empty() {
                return Ok(true);
            }
        }
        Ok(false)
    }

    /// Appends `length` bytes of plain text to the record.
    fn read(&mut self, mut length: usize) -> Result<()> {
        while length > 0 {
            if self.at == self.plain.len() && !self.refill()? {
                return Err(damaged("its last record is incomplete"));
            }
            let now = length.min(self.plain.len() - self.at);
            self.record.extend_from_slice(&self.plain[self.at..self.at + now]);
            self.at += now;
            length -= now;
        }
        Ok(())
    }

    /// Reads a record; its tag.
    fn read_record(&mut self) -> Result<u8> {
        self.record.clear();
        self.read(5)?;
        let tag = self.record[0];
        let length = u32::from_be_bytes([self.record[1], self.record[2], self.record[3], self.record[4]]) as usize;
        self.record.clear();
        self.read(length)?;
        Ok(tag)
    }
}
