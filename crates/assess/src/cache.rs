//! What files said when they were last read, so that only changed ones are read again.
//!
//! One pack per repository, in the user's cache folder. An entry is found by the SHA-256 of the
//! program's version, the file's path and its bytes, and stands on a line with a checksum of its
//! own: a damaged one is as if it were not there. A pack is replaced as a whole, by renaming, and
//! only what the last run asked for is kept in it.

use std::{
    collections::{BTreeMap, BTreeSet, HashMap},
    fs, io,
    ops::Range,
    path::{Path, PathBuf},
    sync::Mutex,
};

use ring::digest::{Context, SHA256, digest};
use serde::{Deserialize, Serialize};

use crate::{
    fact::Extract,
    source::File,
    wiring::{self, Read},
};

/// The largest pack that is read or written, in bytes.
const PACK: u64 = 256 << 20;
/// How many packs are kept, those that were written last.
const PACKS: usize = 64;
/// How many sorts of files there can be; the words of a cache live as long as the process.
const SORTS: usize = 256;

type Key = [u8; 32];

/// What files said before.
#[derive(Default)]
pub struct Cache {
    place: Option<PathBuf>,
    version: String,
    pack: Vec<u8>,
    held: HashMap<Key, Range<usize>>,
    now: Mutex<Now>,
}

#[derive(Default)]
struct Now {
    used: BTreeSet<Key>,
    fresh: BTreeMap<Key, String>,
}

/// An entry as it is written.
#[derive(Serialize)]
struct Written<'a> {
    sort: &'a str,
    extract: &'a Extract,
}

#[derive(Deserialize)]
struct Kept {
    sort: String,
    extract: Extract,
}

impl Cache {
    /// One that remembers nothing.
    pub fn none() -> Cache {
        Cache::default()
    }
    /// The cache of a repository, below `folder`. `subject` is what tells it from others, such as its path; `version` what tells
    /// this program from one that reads files differently.
    pub fn open(folder: &Path, subject: &str, version: &str) -> Cache {
        let name = hex(digest(&SHA256, subject.as_bytes()).as_ref());
        let place = folder.join(format!("{}.pack", &name[..32]));
        let small = place.symlink_metadata().is_ok_and(|data| data.is_file() && data.len() <= PACK);
        let pack = if small { fs::read(&place).unwrap_or_default() } else { Vec::new() };
        let held = entries(&pack);
        Cache { place: Some(place), version: version.to_owned(), pack, held, now: Mutex::default() }
    }
    /// Reads a file, or remembers what it said.
    pub fn read(&self, file: &File) -> Option<Read> {
        if self.place.is_none() {
            return wiring::read(&file.path, &file.bytes);
        }
        let key = self.key(file);
        if let Some(read) = self.recall(&key) {
            self.with(|now| now.used.insert(key));
            return Some(read);
        }
        let read = wiring::read(&file.path, &file.bytes)?;
        // Many small files are read faster than they are remembered.
        if file.bytes.len() > 64
            && let Ok(text) = serde_json::to_string(&Written { sort: read.sort, extract: &read.extract })
        {
            self.with(|now| now.fresh.insert(key, text));
        }
        Some(read)
    }
    /// How many files were remembered, and how many were read.
    pub fn counts(&self) -> (usize, usize) {
        self.with(|now| (now.used.len(), now.fresh.len()))
    }
    /// Writes down what was read. Nothing is written where nothing has changed.
    ///
    /// # Errors
    /// Where the folder cannot be written; what was found stays true.
    pub fn keep(self) -> io::Result<()> {
        let now = self.now.into_inner().unwrap_or_else(|poisoned| poisoned.into_inner());
        let Some(place) = self.place.filter(|_| !now.fresh.is_empty() || now.used.len() < self.held.len()) else { return Ok(()) };
        let mut out = Vec::with_capacity(self.pack.len());
        for key in &now.used {
            if let Some(range) = self.held.get(key) {
                out.extend_from_slice(&self.pack[range.clone()]);
                out.push(b'\n');
            }
        }
        for (key, text) in &now.fresh {
            let mark = hex(&digest(&SHA256, text.as_bytes()).as_ref()[..8]);
            out.extend_from_slice(format!("{} {mark} ", hex(key)).as_bytes());
            out.extend_from_slice(text.as_bytes());
            out.push(b'\n');
        }
        if out.len() as u64 > PACK {
            return Ok(());
        }
        let folder = place.parent().unwrap_or(Path::new("."));
        private(folder)?;
        let chance = u64::from_le_bytes(plimsoll_core::Seed::system().bytes());
        let beside = folder.join(format!("{chance:016x}.new"));
        let written = fs::write(&beside, out).and_then(|()| fs::rename(&beside, &place));
        if written.is_err() {
            let _ = fs::remove_file(&beside);
        }
        tidy(folder);
        written
    }

    fn with<T>(&self, what: impl FnOnce(&mut Now) -> T) -> T {
        what(&mut self.now.lock().unwrap_or_else(|poisoned| poisoned.into_inner()))
    }
    fn key(&self, file: &File) -> Key {
        let mut context = Context::new(&SHA256);
        for part in [self.version.as_bytes(), file.path.as_bytes(), &file.bytes] {
            context.update(&(part.len() as u64).to_le_bytes());
            context.update(part);
        }
        let mut key = [0; 32];
        key.copy_from_slice(context.finish().as_ref());
        key
    }
    fn recall(&self, key: &Key) -> Option<Read> {
        let line = self.pack.get(self.held.get(key)?.clone())?;
        let (mark, text) = (line.get(65..81)?, line.get(82..)?);
        if hex(&digest(&SHA256, text).as_ref()[..8]).as_bytes() != mark {
            return None;
        }
        let kept: Kept = serde_json::from_slice(text).ok()?;
        Some(Read { sort: word(&kept.sort)?, extract: kept.extract })
    }
}

/// Where each entry of a pack stands.
fn entries(pack: &[u8]) -> HashMap<Key, Range<usize>> {
    let mut held = HashMap::new();
    let mut start = 0;
    for line in pack.split(|byte| *byte == b'\n') {
        let range = start..start + line.len();
        start = range.end + 1;
        if let Some(key) = line.get(..64).and_then(unhex) {
            held.insert(key, range);
        }
    }
    held
}

/// The word for a sort of files that lives as long as the process.
fn word(text: &str) -> Option<&'static str> {
    static WORDS: Mutex<BTreeSet<&'static str>> = Mutex::new(BTreeSet::new());
    let mut words = WORDS.lock().unwrap_or_else(|poisoned| poisoned.into_inner());
    if let Some(word) = words.get(text) {
        return Some(word);
    }
    if words.len() >= SORTS || text.len() > 64 {
        return None;
    }
    let word: &'static str = Box::leak(text.to_owned().into_boxed_str());
    words.insert(word);
    Some(word)
}

/// A folder for nobody else to read: what files said is as private as they are.
fn private(folder: &Path) -> io::Result<()> {
    let mut builder = fs::DirBuilder::new();
    builder.recursive(true);
    #[cfg(unix)]
    std::os::unix::fs::DirBuilderExt::mode(&mut builder, 0o700);
    builder.create(folder)
}

/// Removes the packs that were written longest ago, and what an interrupted run has left.
fn tidy(folder: &Path) {
    let mut packs = Vec::new();
    for entry in fs::read_dir(folder).into_iter().flatten().flatten() {
        let name = entry.file_name().to_string_lossy().into_owned();
        if name.ends_with(".pack") || name.ends_with(".new") {
            packs.push((entry.metadata().and_then(|data| data.modified()).ok(), entry.path()));
        }
    }
    packs.sort();
    let more = packs.len().saturating_sub(PACKS);
    for (_, path) in packs.into_iter().take(more) {
        let _ = fs::remove_file(path);
    }
}

fn hex(bytes: &[u8]) -> String {
    bytes.iter().map(|byte| format!("{byte:02x}")).collect()
}

fn unhex(text: &[u8]) -> Option<Key> {
    let mut key = [0; 32];
    for (place, pair) in key.iter_mut().zip(text.chunks_exact(2)) {
        *place = u8::from_str_radix(std::str::from_utf8(pair).ok()?, 16).ok()?;
    }
    Some(key)
}

#[cfg(test)]
mod tests;
