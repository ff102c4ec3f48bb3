//! A commit, read from the store of a repository: no work tree, no filter, no hook.

use std::{
    collections::BTreeSet,
    io::{self, BufRead, Read},
    path::{Path, PathBuf},
    time::Instant,
};

use super::{
    Caps, File, Phase, Refusal, Seen, Sort, Tree,
    folder::{inside, text},
    git::{self, Git},
    ignored,
    skipped::{Skipped, shown},
    sort,
};

/// The largest object of which the beginning is looked at, to see whether a program wrote it.
const PEEK: u64 = 16 << 20;

/// Reads a commit of a repository on this machine. `path` is its folder, a folder in it, or a store without a work tree.
///
/// # Errors
/// Where there is no repository or no such commit, or `git` is not installed.
pub fn commit(path: &Path, reference: &str, caps: &Caps, seen: Seen<'_>) -> Result<Tree, Refusal> {
    let place = path.canonicalize().map_err(|error| Refusal::NotThere(format!("{}: {error}", path.display())))?;
    let (store, below) = store(&place).ok_or_else(|| Refusal::NotThere(format!("{} is no git repository", path.display())))?;
    of_store(&store, reference, &below, caps, seen)
}

/// Whether a folder is a store without a work tree.
pub fn is_bare(folder: &Path) -> bool {
    folder.join("HEAD").is_file() && folder.join("objects").is_dir() && folder.join("refs").is_dir()
}

/// The store that a folder belongs to, and the folder's path in it.
fn store(place: &Path) -> Option<(PathBuf, String)> {
    if is_bare(place) {
        return Some((place.to_owned(), String::new()));
    }
    let home = ignored::repository(place)?;
    let below = place.strip_prefix(&home).ok()?.to_str()?.replace(std::path::MAIN_SEPARATOR, "/");
    Some((home.join(".git"), below))
}

pub(super) fn of_store(store: &Path, reference: &str, below: &str, caps: &Caps, seen: Seen<'_>) -> Result<Tree, Refusal> {
    let until = caps.until();
    let commit = resolve(store, reference, until)?;
    let mut skipped = Skipped::default();
    let listed = list(store, &commit, below, caps, until, &mut skipped)?;
    seen(Phase::Listing, listed.len() as u64, 0);
    let mut tree = Tree { commit: Some(commit), ..Tree::default() };
    let wanted = choose(listed, caps, &mut tree, &mut skipped);
    read(store, wanted, until, &mut tree, &mut skipped, seen)?;
    let mut tree = tree.sorted();
    skipped.into(&mut tree);
    Ok(tree)
}

fn resolve(store: &Path, reference: &str, until: Instant) -> Result<String, Refusal> {
    if reference.is_empty() || reference.starts_with('-') || reference.chars().any(char::is_control) {
        return Err(Refusal::NotThere(format!("`{}` names no commit", shown(reference))));
    }
    let mut command = Git::local().command();
    command
        .arg("--git-dir")
        .arg(store)
        .args(["rev-parse", "--verify", "--quiet", "--end-of-options"])
        .arg(format!("{reference}^{{commit}}"));
    let said = git::ask(command, b"", until, "rev-parse", line);
    match said {
        Ok(id) if !id.is_empty() => Ok(id),
        // It says nothing where there is no such name, and something where it could not look.
        Err(Refusal::Failed(why)) if !why.contains("said nothing") => Err(Refusal::Failed(why)),
        _ => Err(Refusal::NotThere(format!("there is no commit `{}`", shown(reference)))),
    }
}

fn line(out: &mut dyn BufRead) -> io::Result<String> {
    let mut text = String::new();
    out.take(4096).read_to_string(&mut text)?;
    Ok(text.trim().to_owned())
}

/// An entry of a commit's trees.
struct Entry {
    path: String,
    mode: Mode,
    id: String,
    /// Nothing where the object is not in the store.
    size: Option<u64>,
}

#[derive(Clone, Copy, PartialEq, Eq)]
enum Mode {
    File,
    Link,
}

fn list(store: &Path, commit: &str, below: &str, caps: &Caps, until: Instant, skipped: &mut Skipped) -> Result<Vec<Entry>, Refusal> {
    let mut command = Git::local().command();
    let root = if below.is_empty() { commit.to_owned() } else { format!("{commit}:{below}") };
    command.arg("--git-dir").arg(store).args(["ls-tree", "-r", "-z", "-l", "--full-tree"]).arg(root);
    let mut entries = Vec::new();
    let mut many = false;
    let ended = git::ask(command, b"", until, "ls-tree", |out| {
        let mut record = Vec::new();
        loop {
            record.clear();
            // A path without end is no path.
            if Read::take(&mut *out, 1 << 16).read_until(0, &mut record)? == 0 {
                return Ok(());
            }
            if entries.len() >= caps.entries || record.pop() != Some(0) {
                many = true;
                return Ok(());
            }
            one(&record, caps, &mut entries, skipped);
        }
    });
    if many {
        skipped.whole(format!("the commit has more than {} entries; the rest was not looked at", caps.entries));
    } else {
        ended?;
    }
    Ok(own(entries, skipped))
}

fn one(record: &[u8], caps: &Caps, entries: &mut Vec<Entry>, skipped: &mut Skipped) {
    let Some(tab) = record.iter().position(|byte| *byte == b'\t') else { return };
    let (head, name) = (String::from_utf8_lossy(&record[..tab]), &record[tab + 1..]);
    let mut words = head.split_ascii_whitespace();
    let (Some(mode), Some(_), Some(id), size) = (words.next(), words.next(), words.next(), words.next()) else { return };
    let Ok(path) = std::str::from_utf8(name) else {
        let name = String::from_utf8_lossy(name);
        let grave = sort::sort(&name) == Sort::Matters;
        if grave {
            skipped.grave(name, "its name is no UTF-8")
        } else {
            skipped.idle(name, "its name is no UTF-8")
        }
        return;
    };
    if mode == "160000" {
        skipped.idle(path, "a repository of its own");
    } else if path.split('/').count() > caps.depth + 1 {
        skipped.grave(path, format!("more than {} folders deep", caps.depth));
    } else if path.split('/').any(|part| part.is_empty() || part == "." || part == "..") {
        skipped.grave(path, "its path is none");
    } else {
        let mode = if mode == "120000" { Mode::Link } else { Mode::File };
        entries.push(Entry { path: path.to_owned(), mode, id: id.to_owned(), size: size.and_then(|size| size.parse().ok()) });
    }
}

/// The entries without those in folders that are not looked into.
fn own(entries: Vec<Entry>, skipped: &mut Skipped) -> Vec<Entry> {
    let mut made: BTreeSet<&str> = BTreeSet::new();
    for entry in &entries {
        if let Some((folder, name)) = entry.path.rsplit_once('/')
            && sort::made(|wanted| wanted == name).is_some()
        {
            made.insert(folder);
        }
    }
    let made: BTreeSet<String> = made.into_iter().map(str::to_owned).collect();
    let mut left: BTreeSet<(String, &'static str)> = BTreeSet::new();
    let kept = entries
        .into_iter()
        .filter(|entry| {
            let folders = entry.path.match_indices('/').map(|(at, _)| &entry.path[..at]);
            for folder in folders {
                let foreign = sort::foreign(folder.rsplit('/').next().unwrap_or(folder));
                let why = foreign.or_else(|| made.contains(folder).then_some("a virtual environment or a cache: made by a tool"));
                if let Some(why) = why {
                    left.insert((format!("{folder}/"), why));
                    return false;
                }
            }
            true
        })
        .collect();
    for (folder, why) in left {
        skipped.idle(folder, why);
    }
    kept
}

/// What is wanted of an object.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Want {
    Text,
    /// Its beginning only.
    Peek,
    /// Where it leads to.
    Link,
}

fn choose(listed: Vec<Entry>, caps: &Caps, tree: &mut Tree, skipped: &mut Skipped) -> Vec<(Entry, Want)> {
    let (mut wanted, mut files, mut total) = (Vec::new(), 0, 0_u64);
    for entry in listed {
        let (path, sort) = (entry.path.clone(), sort::sort(&entry.path));
        let size = entry.size.unwrap_or(0);
        let left = match entry.size {
            Some(size) if entry.mode == Mode::Link && size <= 4096 => {
                wanted.push((entry, Want::Link));
                continue;
            }
            _ if entry.mode == Mode::Link => Some("a link, not followed".to_owned()),
            _ if sort == Sort::Binary => {
                skipped.idle(path.clone(), "no text, by its name");
                tree.unread.push((path, size));
                continue;
            }
            None => Some("not in the store: too large to be fetched, or lost".into()),
            Some(size) if size > caps.of(&path) && sort == Sort::Matters && size <= PEEK => {
                wanted.push((entry, Want::Peek));
                continue;
            }
            Some(size) if size > caps.of(&path) => Some(format!("larger than {} KiB", caps.of(&path) >> 10)),
            _ if files >= caps.files => Some(format!("more than {} files", caps.files)),
            Some(size) if total + size > caps.total => Some(format!("more than {} MiB in all", caps.total >> 20)),
            Some(_) => None,
        };
        if let Some(why) = left {
            if sort == Sort::Matters {
                skipped.grave(path.clone(), why)
            } else {
                skipped.idle(path.clone(), why)
            }
            tree.unread.push((path, size));
        } else {
            files += 1;
            total += size;
            wanted.push((entry, Want::Text));
        }
    }
    wanted
}

fn read(
    store: &Path,
    wanted: Vec<(Entry, Want)>,
    until: Instant,
    tree: &mut Tree,
    skipped: &mut Skipped,
    seen: Seen<'_>,
) -> Result<(), Refusal> {
    let input: String = wanted.iter().map(|(entry, _)| format!("{}\n", entry.id)).collect();
    let mut command = Git::local().command();
    command.arg("--git-dir").arg(store).args(["cat-file", "--batch"]);
    let all = wanted.len() as u64;
    let mut rest = wanted.into_iter();
    let ended = git::ask(command, input.as_bytes(), until, "cat-file", |out| {
        for (number, (entry, want)) in rest.by_ref().enumerate() {
            if number % 512 == 0 {
                seen(Phase::Reading, number as u64, all);
            }
            let bytes = object(out)?;
            kept(entry, want, bytes, tree, skipped);
        }
        Ok(())
    });
    match ended {
        Ok(()) => Ok(()),
        // What has been read stays true; the rest is said to be lacking.
        Err(refusal) if !tree.files.is_empty() => {
            skipped.whole(refusal.to_string());
            tree.unread.extend(rest.map(|(entry, _)| (entry.path, entry.size.unwrap_or(0))));
            Ok(())
        }
        Err(refusal) => Err(refusal),
    }
}

/// The next object that `cat-file` writes; nothing where it is lacking or no file.
fn object(out: &mut dyn BufRead) -> io::Result<Option<Vec<u8>>> {
    let mut head = Vec::new();
    Read::take(&mut *out, 4096).read_until(b'\n', &mut head)?;
    let head = String::from_utf8_lossy(&head);
    if head.is_empty() {
        return Err(io::ErrorKind::UnexpectedEof.into());
    }
    let mut words = head.trim_end().split(' ').skip(1);
    let (sort, size) = (words.next(), words.next().and_then(|size| size.parse::<u64>().ok()));
    let (Some(sort), Some(size)) = (sort, size) else { return Ok(None) };
    let mut bytes = Vec::new();
    let read = Read::take(&mut *out, size.min(PEEK)).read_to_end(&mut bytes)? as u64;
    io::copy(&mut Read::take(&mut *out, size - read + 1), &mut io::sink())?;
    Ok((sort == "blob").then_some(bytes))
}

fn kept(entry: Entry, want: Want, bytes: Option<Vec<u8>>, tree: &mut Tree, skipped: &mut Skipped) {
    let Entry { path, size, .. } = entry;
    let matters = sort::sort(&path) == Sort::Matters;
    let mut left = |path: String, why: String, grave: bool| {
        if grave && matters { skipped.grave(path, why) } else { skipped.idle(path, why) }
    };
    match (want, bytes) {
        (_, None) => left(path.clone(), "not in the store: too large to be fetched, or lost".into(), true),
        (Want::Link, Some(bytes)) => {
            let target = String::from_utf8_lossy(&bytes).into_owned();
            let within = inside(&path, &target);
            let outside = if within { "" } else { "that leads outside, " };
            left(path, format!("a link {outside}to {}, not followed", shown(&target)), !within);
            return;
        }
        (Want::Peek, Some(bytes)) => {
            let idle = sort::generated(&bytes) || sort::is_binary(&bytes);
            left(path.clone(), "larger than is read".into(), !idle);
        }
        (Want::Text, Some(bytes)) => match text(bytes) {
            Some(bytes) => {
                tree.files.push(File { path, bytes });
                return;
            }
            None => left(path.clone(), "no text".into(), false),
        },
    }
    tree.unread.push((path, size.unwrap_or(0)));
}
