//! Where the bytes of a file are, what format they have, and its records one after the other.

use std::{
    fs::File,
    io::{BufRead, BufReader, Cursor, Read},
    path::{Path, PathBuf},
    sync::Arc,
};

use plimsoll::{Code, Result};
use ring::digest::{Context, SHA256};
use tokio::sync::mpsc;

use super::packed::{self, Contents, Packed, Place};
use crate::{
    chart,
    formats::{Bundle, Entry, Json, Ndjson, Source, Table, Xml},
    record::Reason,
};

/// Bytes that are read at once when a file is hashed.
pub(super) const PIECE: usize = 1 << 16;

/// A file's bytes: uploaded, or in the inbox.
#[derive(Debug, Clone)]
pub enum Bytes {
    /// In memory.
    Here(Arc<[u8]>),
    /// A file.
    At(PathBuf),
    /// A folder with the four files of a bundle.
    Bundle(PathBuf),
}

/// What a file is.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Look {
    /// Its bytes.
    pub size: u64,
    /// Their SHA-256.
    pub sha: String,
    /// The format of its records.
    pub format: &'static str,
    /// Whether they lie in a ZIP archive.
    pub packed: bool,
}

/// The format of a file by its name and first bytes.
///
/// # Errors
/// [`Code::UnsupportedMedia`] for what is none of ours.
pub fn format(name: &str, start: &[u8]) -> Result<&'static str> {
    let ending = name.rsplit('.').next().unwrap_or_default().to_ascii_lowercase();
    let text = start.strip_prefix(b"\xef\xbb\xbf").unwrap_or(start);
    match (ending.as_str(), text.iter().find(|byte| !byte.is_ascii_whitespace())) {
        ("ndjson" | "jsonl", Some(b'{')) => Ok("ndjson"),
        (_, Some(b'[')) => Ok("json"),
        // One object on the first line and something after it: lines.
        (_, Some(b'{')) => {
            let mut lines = text.split(|byte| *byte == b'\n');
            let first = lines.next().unwrap_or_default();
            let whole = serde_json::from_slice::<serde::de::IgnoredAny>(first).is_ok();
            Ok(if whole && lines.any(|line| !line.trim_ascii().is_empty()) { "ndjson" } else { "json" })
        }
        (_, Some(b'<')) => Ok("xml"),
        _ => Err(Code::UnsupportedMedia.because("this is no export that is understood here: JSON, NDJSON, XML, four CSV files in a folder of the inbox, or a ZIP archive of these")),
    }
}

impl Bytes {
    /// A file or folder of the inbox. The name is one step: nothing outside of the inbox is reached.
    ///
    /// # Errors
    /// [`Code::Invalid`] for a name that leads elsewhere, [`Code::NotFound`] for what is not there.
    pub fn in_inbox(inbox: &Path, name: &str) -> Result<Bytes> {
        let plain = !name.is_empty() && !name.starts_with('.') && !name.contains(['/', '\\', '\0']);
        if !plain {
            return Err(Code::Invalid.because("`file` is the name of a file or folder in the inbox, without a path"));
        }
        let path = inbox.join(name);
        // A link could lead out of the inbox.
        let about = std::fs::symlink_metadata(&path).map_err(|_| Code::NotFound.because(format!("there is no `{name}` in the inbox")))?;
        if about.is_dir() {
            let linked = |table: Table| std::fs::symlink_metadata(path.join(table.file())).is_ok_and(|about| !about.is_file());
            if let Some(table) = Table::ALL.into_iter().find(|table| linked(*table)) {
                return Err(Code::Invalid.because(format!("`{}` in `{name}` is no file", table.file())));
            }
            Ok(Bytes::Bundle(path))
        } else if about.is_file() {
            Ok(Bytes::At(path))
        } else {
            Err(Code::Invalid.because(format!("`{name}` in the inbox is neither a file nor a folder")))
        }
    }

    /// What it is, by its bytes.
    ///
    /// # Errors
    /// [`Code::UnsupportedMedia`] for what is none of ours; [`Code::NotFound`] for what cannot be read.
    pub fn look(&self, name: &str) -> Result<Look> {
        match self {
            Bytes::Here(bytes) => {
                let (size, sha) = hashed(&mut [Box::new(&bytes[..])])?;
                self.within(name, bytes.get(..PIECE).unwrap_or(bytes), size, sha)
            }
            Bytes::At(path) => {
                let mut start = vec![0; PIECE];
                let mut file = opened(path)?;
                let mut length = 0;
                while length < PIECE {
                    match file.read(&mut start[length..]).map_err(|error| unreadable(path, &error))? {
                        0 => break,
                        more => length += more,
                    }
                }
                let (size, sha) = hashed(&mut [Box::new(opened(path)?)])?;
                self.within(name, &start[..length], size, sha)
            }
            Bytes::Bundle(folder) => {
                let mut files: Vec<Box<dyn Read>> = Vec::new();
                for table in Table::ALL {
                    files.push(Box::new(opened(&folder.join(table.file()))?));
                }
                let (size, sha) = hashed(&mut files)?;
                Ok(Look { size, sha, format: "csv", packed: false })
            }
        }
    }

    fn within(&self, name: &str, start: &[u8], size: u64, sha: String) -> Result<Look> {
        match self.place().filter(|_| packed::is_archive(start)) {
            Some(place) => Ok(Look { size, sha, format: Packed::open(&place)?.look(size)?.format(), packed: true }),
            None => Ok(Look { size, sha, format: format(name, start)?, packed: false }),
        }
    }

    /// Where its bytes lie, unless they are several files.
    fn place(&self) -> Option<Place> {
        match self {
            Bytes::Here(bytes) => Some(Place::Here(bytes.clone())),
            Bytes::At(path) => Some(Place::At(path.clone())),
            Bytes::Bundle(_) => None,
        }
    }

    /// Hands over every entry from `skip` on, until nobody takes them any more; where the file is torn. Blocks.
    ///
    /// # Errors
    /// As [`Bytes::look`]; [`Code::Malformed`] where not even the first line of a table is one.
    pub fn send(self, about: &Look, source: &Source, skip: u64, to: &mpsc::Sender<Vec<Entry>>) -> Result<Option<Torn>> {
        let mut delivery = Delivery { to, skip, base: 0, torn: None, ending: None, step: Vec::with_capacity(STEP) };
        match (self.place(), self) {
            (Some(place), _) if about.packed => unpack(&place, about, source, &mut delivery)?,
            (_, Bytes::Bundle(folder)) => {
                for table in Table::ALL {
                    in_order(buffered(&folder.join(table.file()))?, table)?;
                }
                let [a, b, c, d] = Table::ALL.map(|table| buffered(&folder.join(table.file())));
                let bundle = Bundle::new([a?, b?, c?, d?], source).map_err(|reject| refused(&reject))?;
                delivery.all(bundle);
            }
            (_, Bytes::At(path)) => read(buffered(&path)?, about.format, source, &mut delivery),
            (_, Bytes::Here(bytes)) => read(Cursor::new(bytes), about.format, source, &mut delivery),
        }
        delivery.end();
        Ok(delivery.torn.or(delivery.ending))
    }
}

fn unpack(place: &Place, about: &Look, source: &Source, delivery: &mut Delivery<'_>) -> Result<()> {
    let mut packed = Packed::open(place)?;
    match packed.look(about.size)? {
        Contents::Files(files) => {
            for (index, format) in files {
                read(packed.member(index)?, format, source, delivery);
            }
        }
        Contents::Bundle(tables) => {
            for (index, table) in tables.into_iter().zip(Table::ALL) {
                in_order(packed.member(index)?, table)?;
            }
            // Four streams out of one archive at once: each has it open for itself.
            let [mut a, mut b, mut c, mut d] = [Packed::open(place)?, Packed::open(place)?, Packed::open(place)?, packed];
            let [at_a, at_b, at_c, at_d] = tables;
            let streams = [a.member(at_a)?, b.member(at_b)?, c.member(at_c)?, d.member(at_d)?];
            delivery.all(Bundle::new(streams, source).map_err(|reject| refused(&reject))?);
        }
    }
    Ok(())
}

/// A walk over files side by side needs them sorted; asking first costs one pass and loses nobody's rows.
fn in_order(stream: impl BufRead, table: Table) -> Result<()> {
    let rows = crate::formats::Rows::new(stream, table).map_err(|reject| refused(&reject))?;
    rows.in_order().map(drop).map_err(|reject| refused(&reject))
}

fn refused(reject: &crate::formats::Reject) -> plimsoll::Error {
    Code::Malformed.because(format!("the file cannot be read: {reject}"))
}

fn read(stream: impl BufRead, format: &str, source: &Source, delivery: &mut Delivery<'_>) {
    match format {
        "ndjson" => delivery.all(Ndjson::new(stream, source)),
        "xml" => delivery.all(Xml::new(stream, source)),
        _ => delivery.all(Json::new(stream, source)),
    }
}

/// Records of one step: few enough that others' changes need not wait long.
const STEP: usize = 100;

/// A line, and why nothing could be read from there on.
pub type Torn = (u64, Reason);

/// Where and why a file could not be read past an entry.
fn broken(entry: &Entry) -> Option<(u64, Reason)> {
    const ENDS: [Reason; 6] = [Reason::Unread, Reason::Unfinished, Reason::Syntax, Reason::DocumentType, Reason::Entity, Reason::NotSorted];
    let faults = entry.read.as_ref().err().filter(|_| entry.original.is_empty())?;
    faults.iter().find(|fault| fault.pointer.is_empty() && ENDS.contains(&fault.reason)).map(|fault| (entry.line, fault.reason))
}

/// The same of what may be the last line of a file that was cut off.
fn cut_off(entry: &Entry) -> Option<(u64, Reason)> {
    let faults = entry.read.as_ref().err()?;
    faults.iter().find(|fault| fault.reason == Reason::Unfinished).map(|fault| (entry.line, fault.reason))
}

/// Hands records over, those of one file after those of the other.
struct Delivery<'a> {
    to: &'a mpsc::Sender<Vec<Entry>>,
    /// Those before this one were handed over by an attempt before.
    skip: u64,
    /// Records of the files before.
    base: u64,
    step: Vec<Entry>,
    /// Where a file could not be read further,
    torn: Option<Torn>,
    /// and where the last record was cut off. Also of records that an attempt before has settled.
    ending: Option<Torn>,
}

impl Delivery<'_> {
    fn all(&mut self, entries: impl Iterator<Item = Entry>) {
        let mut next = self.base;
        for mut entry in entries {
            if self.to.is_closed() {
                return;
            }
            (self.ending, self.torn) = (cut_off(&entry), self.torn.or_else(|| broken(&entry)));
            entry.index += self.base;
            next = entry.index + 1;
            if entry.index < self.skip {
                continue;
            }
            self.step.push(entry);
            if self.step.len() == STEP {
                self.end();
            }
        }
        self.base = next;
    }

    /// Nobody there any more is no failure: the work was given up.
    fn end(&mut self) {
        if !self.step.is_empty() {
            let _ = self.to.blocking_send(std::mem::replace(&mut self.step, Vec::with_capacity(STEP)));
        }
    }
}

pub(super) fn unreadable(path: &Path, error: &std::io::Error) -> plimsoll::Error {
    let name = path.file_name().unwrap_or_default().to_string_lossy();
    Code::NotFound.because(format!("`{name}` in the inbox cannot be read: {error}"))
}

fn opened(path: &Path) -> Result<File> {
    File::open(path).map_err(|error| unreadable(path, &error))
}

fn buffered(path: &Path) -> Result<BufReader<File>> {
    Ok(BufReader::with_capacity(PIECE, opened(path)?))
}

fn hashed(files: &mut [Box<dyn Read + '_>]) -> Result<(u64, String)> {
    let (mut hash, mut size, mut piece) = (Context::new(&SHA256), 0, vec![0; PIECE]);
    for file in files {
        loop {
            let length = file.read(&mut piece).map_err(|error| Code::NotFound.because(format!("the file cannot be read: {error}")))?;
            if length == 0 {
                break;
            }
            hash.update(&piece[..length]);
            size += length as u64;
        }
    }
    Ok((size, chart::hex(hash.finish().as_ref())))
}
