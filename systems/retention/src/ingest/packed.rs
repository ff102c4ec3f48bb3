//! ZIP archives: files of one kind, or the four tables of a bundle, within bounds.
//!
//! An archive says itself how much is in it, and may lie. What it says is held against the bounds before
//! anything is unpacked, and what comes out is held against what it said. Names of files within are looked
//! at for their endings and told to nobody: people name files after people.

use std::{
    fs::File,
    io::{self, BufRead, BufReader, Cursor, Read, Seek, SeekFrom},
    path::PathBuf,
    sync::Arc,
};

use plimsoll::{Code, Error, Result};
use zip::{CompressionMethod, ZipArchive};

use super::file::{PIECE, format, unreadable};
use crate::formats::Table;

/// The most files.
const FILES: usize = 10_000;
/// The most bytes of its list of files.
const LIST: u64 = 8 << 20;
/// The most bytes of everything that is in it.
const BYTES: u64 = 16 << 30;
/// How many times larger everything may be than the archive. Exports come to twenty or thirty.
const RATIO: u64 = 250;

/// Where an archive lies.
#[derive(Debug, Clone)]
pub(super) enum Place {
    /// In memory.
    Here(Arc<[u8]>),
    /// A file.
    At(PathBuf),
}

trait Bytes: Read + Seek + Send {}
impl<T: Read + Seek + Send> Bytes for T {}

/// The bytes of an archive, of which only so many are read until it is open.
struct Metered {
    inner: Box<dyn Bytes>,
    left: Arc<std::sync::atomic::AtomicU64>,
}

impl Read for Metered {
    fn read(&mut self, out: &mut [u8]) -> io::Result<usize> {
        use std::sync::atomic::Ordering::Relaxed;
        let left = self.left.load(Relaxed);
        if left == 0 {
            return Err(io::Error::other("its list of files is too long"));
        }
        let most = out.len().min(usize::try_from(left).unwrap_or(usize::MAX));
        let length = self.inner.read(&mut out[..most])?;
        self.left.fetch_sub(length as u64, Relaxed);
        Ok(length)
    }
}

impl Seek for Metered {
    fn seek(&mut self, to: SeekFrom) -> io::Result<u64> {
        self.inner.seek(to)
    }
}

/// What is in an archive.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) enum Contents {
    /// Files with records, each with its format, in the archive's order.
    Files(Vec<(usize, &'static str)>),
    /// The four tables of a bundle.
    Bundle([usize; 4]),
}

impl Contents {
    /// The format of the first file; there are no more where it is a bundle.
    pub(super) fn format(&self) -> &'static str {
        match self {
            Contents::Bundle(_) => "csv",
            Contents::Files(all) => all.first().map_or("json", |(_, format)| format),
        }
    }
}

/// Whether this is the beginning of an archive.
pub(super) fn is_archive(start: &[u8]) -> bool {
    start.starts_with(b"PK\x03\x04") || start.starts_with(b"PK\x05\x06")
}

fn refused(why: impl std::fmt::Display) -> Error {
    Code::UnsupportedMedia.because(format!("the archive cannot be taken: {why}"))
}

/// An open archive.
pub(super) struct Packed(ZipArchive<Metered>);

impl Packed {
    /// Opens an archive.
    pub(super) fn open(place: &Place) -> Result<Packed> {
        let inner: Box<dyn Bytes> = match place {
            Place::Here(bytes) => Box::new(Cursor::new(bytes.clone())),
            Place::At(path) => Box::new(BufReader::with_capacity(PIECE, File::open(path).map_err(|error| unreadable(path, &error))?)),
        };
        let left = Arc::new(std::sync::atomic::AtomicU64::new(LIST));
        let archive = ZipArchive::new(Metered { inner, left: left.clone() }).map_err(|error| refused(format!("{error}")))?;
        left.store(u64::MAX, std::sync::atomic::Ordering::Relaxed);
        Ok(Packed(archive))
    }

    /// What is in it, where that is within the bounds and all of it can be read here. `size` is the archive's own.
    pub(super) fn look(&mut self, size: u64) -> Result<Contents> {
        if self.0.len() > FILES {
            return Err(refused(format!("it holds more than {FILES} files")));
        }
        let (mut bytes, mut files, mut tables) = (0_u64, Vec::new(), [None; 4]);
        for index in 0..self.0.len() {
            let (name, within) = {
                let about = self.0.by_index_data(index).map_err(refused)?;
                if about.is_dir() {
                    continue;
                }
                let path = about.name_raw().to_vec();
                if about.encrypted() {
                    return Err(refused("a file in it is encrypted"));
                }
                if !matches!(about.compression(), CompressionMethod::Stored | CompressionMethod::Deflated) {
                    return Err(refused("a file in it is packed in another way than deflate"));
                }
                (path, about.size())
            };
            let last = name.rsplit(|byte| matches!(byte, b'/' | b'\\')).next().unwrap_or_default();
            // What the Finder of macOS adds.
            if name.starts_with(b"__MACOSX/") || last.starts_with(b".") {
                continue;
            }
            bytes = bytes.saturating_add(within);
            if bytes > BYTES || bytes / RATIO > size {
                return Err(refused("it would become too large when unpacked"));
            }
            let last = String::from_utf8_lossy(last).to_ascii_lowercase();
            match Table::ALL.iter().position(|table| table.file() == last) {
                Some(at) if tables[at].is_some() => return Err(refused("a table stands in it twice")),
                Some(at) => tables[at] = Some(index),
                None => {
                    let number = files.len() + 1;
                    let mut start = Vec::new();
                    self.member(index)?.take(PIECE as u64).read_to_end(&mut start).map_err(refused)?;
                    let format =
                        format(&last, &start).map_err(|_| refused(format!("file {number} in it is no export that is understood here")))?;
                    files.push((index, format));
                }
            }
        }
        match (tables, files.is_empty()) {
            ([Some(a), Some(b), Some(c), Some(d)], true) => Ok(Contents::Bundle([a, b, c, d])),
            ([None, None, None, None], false) => Ok(Contents::Files(files)),
            ([None, None, None, None], true) => Err(refused("there is nothing in it")),
            (_, true) => {
                let names = Table::ALL.map(Table::file).join(", ");
                Err(refused(format!("a bundle has four tables: {names}")))
            }
            (_, false) => Err(refused("it holds tables and other files; hand them over one by one")),
        }
    }

    /// A file in it, unpacked as it is read.
    pub(super) fn member(&mut self, index: usize) -> Result<impl BufRead + Send + '_> {
        let file = self.0.by_index(index).map_err(refused)?;
        let said = file.size();
        Ok(BufReader::with_capacity(PIECE, Measured { inner: file, left: said }))
    }
}

/// A stream that may not be longer than it was said to be.
struct Measured<R> {
    inner: R,
    left: u64,
}

impl<R: Read> Read for Measured<R> {
    fn read(&mut self, out: &mut [u8]) -> io::Result<usize> {
        // Asking at the end too lets the archive compare its checksum.
        let length = self.inner.read(out)?;
        self.left = self.left.checked_sub(length as u64).ok_or_else(|| io::Error::other("longer than the archive says"))?;
        Ok(length)
    }
}
