//! Where the bytes of a file are, what format they have, and its records one after the other.

use std::{
    fs::File,
    io::{BufRead, BufReader, Cursor, Read},
    path::{Path, PathBuf},
};

use plimsoll::{Code, Result};
use ring::digest::{Context, SHA256};
use tokio::sync::mpsc;

use crate::{
    chart,
    formats::{Bundle, Entry, Json, Ndjson, Source, Table, Xml},
};

/// Bytes that are read at once when a file is hashed.
const PIECE: usize = 1 << 16;

/// A file's bytes: uploaded, or in the inbox.
#[derive(Debug, Clone)]
pub enum Bytes {
    /// In memory.
    Here(Vec<u8>),
    /// A file.
    At(PathBuf),
    /// A folder with the four files of a bundle.
    Bundle(PathBuf),
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
        _ => Err(Code::UnsupportedMedia
            .because("this is no export that is understood here: JSON, NDJSON, XML, or four CSV files in a folder of the inbox")),
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
            Ok(Bytes::Bundle(path))
        } else if about.is_file() {
            Ok(Bytes::At(path))
        } else {
            Err(Code::Invalid.because(format!("`{name}` in the inbox is neither a file nor a folder")))
        }
    }

    /// Size, SHA-256 and format.
    ///
    /// # Errors
    /// [`Code::UnsupportedMedia`] for what is none of ours; [`Code::NotFound`] for what cannot be read.
    pub fn look(&self, name: &str) -> Result<(u64, String, &'static str)> {
        match self {
            Bytes::Here(bytes) => {
                let (size, sha) = hashed(&mut [Box::new(bytes.as_slice())])?;
                Ok((size, sha, format(name, bytes.get(..PIECE).unwrap_or(bytes))?))
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
                Ok((size, sha, format(name, &start[..length])?))
            }
            Bytes::Bundle(folder) => {
                let mut files: Vec<Box<dyn Read>> = Vec::new();
                for table in Table::ALL {
                    files.push(Box::new(opened(&folder.join(table.file()))?));
                }
                let (size, sha) = hashed(&mut files)?;
                Ok((size, sha, "csv"))
            }
        }
    }

    /// Hands over every entry from `skip` on, until nobody takes them any more. Blocks.
    ///
    /// # Errors
    /// As [`Bytes::look`]; [`Code::Malformed`] where not even the first line of a table is one.
    pub fn send(self, format: &str, source: &Source, skip: u64, to: &mpsc::Sender<Vec<Entry>>) -> Result<()> {
        match self {
            Bytes::Bundle(folder) => {
                for table in Table::ALL {
                    let rows =
                        crate::formats::Rows::new(buffered(&folder.join(table.file()))?, table).map_err(|reject| refused(&reject))?;
                    rows.in_order().map_err(|reject| refused(&reject))?;
                }
                let [a, b, c, d] = Table::ALL.map(|table| buffered(&folder.join(table.file())));
                let bundle = Bundle::new([a?, b?, c?, d?], source).map_err(|reject| refused(&reject))?;
                deliver(bundle, skip, to);
                Ok(())
            }
            Bytes::At(path) => read(buffered(&path)?, format, source, skip, to),
            Bytes::Here(bytes) => read(Cursor::new(bytes), format, source, skip, to),
        }
    }
}

fn refused(reject: &crate::formats::Reject) -> plimsoll::Error {
    Code::Malformed.because(format!("the file cannot be read: {reject}"))
}

fn read(stream: impl BufRead, format: &str, source: &Source, skip: u64, to: &mpsc::Sender<Vec<Entry>>) -> Result<()> {
    match format {
        "ndjson" => deliver(Ndjson::new(stream, source), skip, to),
        "xml" => deliver(Xml::new(stream, source), skip, to),
        _ => deliver(Json::new(stream, source), skip, to),
    }
    Ok(())
}

/// Records of one step: few enough that others' changes need not wait long.
const STEP: usize = 100;

fn deliver(entries: impl Iterator<Item = Entry>, skip: u64, to: &mpsc::Sender<Vec<Entry>>) {
    let mut step = Vec::with_capacity(STEP);
    for entry in entries {
        if entry.index < skip {
            continue;
        }
        step.push(entry);
        if step.len() == STEP && to.blocking_send(std::mem::take(&mut step)).is_err() {
            return;
        }
    }
    if !step.is_empty() {
        let _ = to.blocking_send(step);
    }
}

fn unreadable(path: &Path, error: &std::io::Error) -> plimsoll::Error {
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
