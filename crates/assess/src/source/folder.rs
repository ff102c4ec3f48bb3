//! A folder: listed level by level, then read, both side by side.
//!
//! The order of a listing is the file system's; so each level is sorted before a bound cuts it,
//! and the same folder yields the same tree.

use std::{
    collections::BTreeSet,
    fs::{self, FileType},
    io::{self, Read},
    path::{Path, PathBuf},
    sync::atomic::{AtomicU64, Ordering},
    time::Instant,
};

use rayon::prelude::*;

use super::{
    Caps, File, Phase, Refusal, Seen, Sort, Tree, git,
    ignored::{self, Rules},
    skipped::Skipped,
    sort,
};

/// A folder that is still to be listed.
struct Open {
    /// Below the root; empty for the root.
    path: String,
    place: PathBuf,
    rules: Option<Rules>,
}

/// What a folder holds.
#[derive(Default)]
struct Listed {
    files: Vec<(String, PathBuf, u64)>,
    folders: Vec<Open>,
    skipped: Skipped,
    entries: usize,
}

/// Reads a folder.
///
/// # Errors
/// When the folder itself is not one, or cannot be read.
pub fn folder(root: &Path, caps: &Caps, seen: Seen<'_>) -> Result<Tree, Refusal> {
    let named = |error: io::Error| Refusal::NotThere(format!("{}: {error}", root.display()));
    let place = root.canonicalize().map_err(named)?;
    fs::read_dir(&place).map_err(named)?;
    let until = caps.until();
    let rules = Rules::at(&place);
    // What is in the index is the repository's, whatever an ignore file says.
    let tracked = ignored::repository(&place).filter(|_| rules.is_some()).and_then(|home| git::tracked(&home, &place, caps));
    let mut skipped = Skipped::default();
    let found = list(Open { path: String::new(), place, rules }, tracked.as_ref(), caps, until, &mut skipped, seen);
    let tree = read(found, caps, until, &mut skipped, seen);
    let mut tree = tree.sorted();
    skipped.into(&mut tree);
    Ok(tree)
}

fn list(
    root: Open,
    tracked: Option<&BTreeSet<String>>,
    caps: &Caps,
    until: Instant,
    skipped: &mut Skipped,
    seen: Seen<'_>,
) -> Vec<(String, PathBuf, u64)> {
    let (mut files, mut level, mut entries, mut depth) = (Vec::new(), vec![root], 0, 0);
    while !level.is_empty() {
        let room = caps.entries.saturating_sub(entries);
        if room == 0 || Instant::now() >= until {
            let why = if room == 0 { format!("more than {} names", caps.entries) } else { "listing took too long".into() };
            for open in level {
                skipped.grave(format!("{}/", open.path), why.clone());
            }
            break;
        }
        let mut listed: Vec<Listed> = level.par_iter().map(|open| enter(open, tracked, room, until)).collect();
        level.clear();
        for one in &mut listed {
            entries += one.entries;
            files.append(&mut one.files);
            skipped.append(std::mem::take(&mut one.skipped));
            level.append(&mut one.folders);
        }
        depth += 1;
        if depth > caps.depth {
            for open in level.drain(..) {
                skipped.grave(format!("{}/", open.path), format!("more than {} folders deep", caps.depth));
            }
        }
        seen(Phase::Listing, files.len() as u64, 0);
    }
    files.sort();
    files
}

fn enter(open: &Open, tracked: Option<&BTreeSet<String>>, room: usize, until: Instant) -> Listed {
    let mut listed = Listed::default();
    let listing = match fs::read_dir(&open.place) {
        Ok(listing) => listing,
        Err(error) => {
            listed.skipped.grave(format!("{}/", open.path), error.kind().to_string());
            return listed;
        }
    };
    let mut names: Vec<(String, PathBuf, Option<FileType>)> = Vec::new();
    for entry in listing {
        listed.entries += 1;
        if listed.entries > room || listed.entries % 1024 == 0 && Instant::now() >= until {
            listed.skipped.grave(format!("{}/", open.path), "more names than are looked at");
            break;
        }
        let Ok(entry) = entry else { continue };
        let path = |name: &str| if open.path.is_empty() { name.to_owned() } else { format!("{}/{name}", open.path) };
        match entry.file_name().into_string() {
            Ok(name) => names.push((path(&name), entry.path(), entry.file_type().ok())),
            Err(name) => {
                let name = path(&name.to_string_lossy());
                let folder = entry.file_type().is_ok_and(|kind| kind.is_dir());
                let idle = !folder && sort::sort(&name) != Sort::Matters;
                if idle { listed.skipped.idle(name, "its name is no UTF-8") } else { listed.skipped.grave(name, "its name is no UTF-8") }
            }
        }
    }
    names.sort_by(|a, b| a.0.cmp(&b.0));
    let has = |name: &str| names.iter().any(|(path, ..)| path.rsplit('/').next() == Some(name));
    if !open.path.is_empty()
        && let Some(why) = sort::made(has)
    {
        listed.skipped.idle(format!("{}/", open.path), why);
        return Listed { skipped: listed.skipped, entries: listed.entries, ..Listed::default() };
    }
    let rules = open.rules.as_ref().map(|rules| rules.with(&open.place, &open.place.join(".gitignore")));
    for (path, place, kind) in names {
        one(path, place, kind, rules.as_ref(), tracked, &mut listed);
    }
    listed
}

fn one(
    path: String,
    place: PathBuf,
    kind: Option<FileType>,
    rules: Option<&Rules>,
    tracked: Option<&BTreeSet<String>>,
    listed: &mut Listed,
) {
    let Some(kind) = kind else {
        listed.skipped.grave(path, "cannot be looked at");
        return;
    };
    let name = path.rsplit('/').next().unwrap_or(&path);
    // The repository's own store is no part of what it says.
    if name == ".git" {
        return;
    }
    if kind.is_dir() {
        if let Some(why) = sort::foreign(name) {
            listed.skipped.idle(format!("{path}/"), why);
        } else if rules.is_some_and(|rules| rules.ignore(&place, true)) && !holds(tracked, &path) {
            listed.skipped.idle(format!("{path}/"), "ignored by .gitignore");
        } else if place.join(".git").symlink_metadata().is_ok() {
            listed.skipped.idle(format!("{path}/"), "a repository of its own");
        } else {
            listed.folders.push(Open { path, place, rules: rules.cloned() });
        }
        return;
    }
    if rules.is_some_and(|rules| rules.ignore(&place, false)) && tracked.is_none_or(|tracked| !tracked.contains(&path)) {
        listed.skipped.idle(path, "ignored by .gitignore");
    } else if kind.is_symlink() {
        link(path, &place, listed);
    } else if !kind.is_file() {
        listed.skipped.idle(path, "no regular file");
    } else {
        match place.symlink_metadata() {
            Ok(data) => listed.files.push((path, place, data.len())),
            Err(error) => listed.skipped.grave(path, error.kind().to_string()),
        }
    }
}

/// A link is never followed. Where it leads to a place inside, that place is read by its own name.
fn link(path: String, place: &Path, listed: &mut Listed) {
    let target = fs::read_link(place).ok().and_then(|target| target.to_str().map(str::to_owned)).unwrap_or_default();
    if inside(&path, &target) {
        listed.skipped.idle(path, format!("a link to {}, not followed", super::skipped::shown(&target)));
    } else {
        let why = format!("a link that leads outside, to {}, not followed", super::skipped::shown(&target));
        if sort::sort(&path) == Sort::Matters { listed.skipped.grave(path, why) } else { listed.skipped.idle(path, why) }
    }
}

/// Whether a link at `path` leads to a place below the root, by the words alone.
pub(super) fn inside(path: &str, target: &str) -> bool {
    if target.is_empty() || target.starts_with('/') {
        return false;
    }
    let mut depth = path.split('/').count() - 1;
    for part in target.split('/') {
        match part {
            "" | "." => {}
            ".." if depth == 0 => return false,
            ".." => depth -= 1,
            _ => depth += 1,
        }
    }
    true
}

/// Whether something below this folder is in the index.
fn holds(tracked: Option<&BTreeSet<String>>, folder: &str) -> bool {
    let prefix = format!("{folder}/");
    tracked.is_some_and(|tracked| tracked.range(prefix.clone()..).next().is_some_and(|path| path.starts_with(&prefix)))
}

/// What became of a file.
enum Became {
    Read(Vec<u8>),
    Unread(String, bool),
}

fn read(found: Vec<(String, PathBuf, u64)>, caps: &Caps, until: Instant, skipped: &mut Skipped, seen: Seen<'_>) -> Tree {
    let mut tree = Tree::default();
    let (mut wanted, mut total) = (Vec::new(), 0_u64);
    for (path, place, size) in found {
        let grave = sort::sort(&path) == Sort::Matters;
        if sort::sort(&path) == Sort::Binary {
            skipped.idle(path.clone(), "no text, by its name");
        } else if size > caps.of(&path) {
            let (path, why) = (path.clone(), format!("larger than {} KiB", caps.of(&path) >> 10));
            if grave && !head(&place).is_some_and(|head| sort::generated(&head) || sort::is_binary(&head)) {
                skipped.grave(path, why);
            } else {
                skipped.idle(path, why);
            }
        } else if wanted.len() >= caps.files || total + size > caps.total {
            let why = if wanted.len() >= caps.files {
                format!("more than {} files", caps.files)
            } else {
                format!("more than {} MiB in all", caps.total >> 20)
            };
            if grave { skipped.grave(path.clone(), why) } else { skipped.idle(path.clone(), why) }
        } else {
            total += size;
            wanted.push((path, place, size));
            continue;
        }
        tree.unread.push((path, size));
    }
    let (all, done) = (wanted.len() as u64, AtomicU64::new(0));
    let became: Vec<Became> = wanted
        .par_iter()
        .map(|(path, place, _)| {
            let count = done.fetch_add(1, Ordering::Relaxed);
            if count % 512 == 0 {
                seen(Phase::Reading, count, all);
            }
            if Instant::now() >= until { Became::Unread("reading took too long".into(), true) } else { bytes(place, caps.of(path)) }
        })
        .collect();
    for ((path, _, size), became) in wanted.into_iter().zip(became) {
        match became {
            Became::Read(bytes) => tree.files.push(File { path, bytes }),
            Became::Unread(why, could) => {
                let grave = could && sort::sort(&path) == Sort::Matters;
                if grave {
                    skipped.grave(path.clone(), why)
                } else {
                    skipped.idle(path.clone(), why)
                }
                tree.unread.push((path, size));
            }
        }
    }
    tree
}

/// The file's bytes. It may have become something else since it was listed, and it may be longer than it says.
fn bytes(place: &Path, cap: u64) -> Became {
    let mut bytes = Vec::new();
    let read = regular(place).and_then(|file| file.take(cap + 1).read_to_end(&mut bytes));
    match read {
        Err(error) => Became::Unread(error.kind().to_string(), true),
        Ok(_) if bytes.len() as u64 > cap => Became::Unread(format!("larger than {} KiB", cap >> 10), true),
        Ok(_) => text(bytes).map_or_else(|| Became::Unread("no text".into(), false), Became::Read),
    }
}

/// Bytes that are text, in UTF-8 as far as they were in UTF-16; nothing where they are none.
pub(super) fn text(bytes: Vec<u8>) -> Option<Vec<u8>> {
    match sort::narrowed(&bytes) {
        Some(narrow) => Some(narrow),
        None if sort::is_binary(&bytes) => None,
        None => Some(bytes),
    }
}

fn head(place: &Path) -> Option<Vec<u8>> {
    let mut head = Vec::new();
    regular(place).and_then(|file| file.take(4096).read_to_end(&mut head)).ok().map(|_| head)
}

/// Opens a regular file and nothing else: a pipe would wait for ever, a link leads elsewhere.
fn regular(place: &Path) -> io::Result<fs::File> {
    let mut options = fs::OpenOptions::new();
    options.read(true);
    #[cfg(unix)]
    {
        use std::os::unix::fs::OpenOptionsExt;
        let flags = rustix::fs::OFlags::NOFOLLOW | rustix::fs::OFlags::NONBLOCK;
        options.custom_flags(i32::try_from(flags.bits()).unwrap_or(0));
    }
    let file = options.open(place)?;
    if file.metadata()?.is_file() { Ok(file) } else { Err(io::Error::new(io::ErrorKind::InvalidInput, "no regular file")) }
}
