//! The files that are looked at, and what is remembered of them.

use std::{
    env,
    ffi::OsString,
    path::{Path, PathBuf},
    time::UNIX_EPOCH,
};

use plimsoll_assess::{
    cache::Cache,
    fact::Facts,
    source::{self, Access, Caps, Location, Refusal, Tree},
    wiring,
};

use super::{Ended, Progress, interrupt, usage};
use crate::{arguments::Repository, output};

/// Reads what was named: a folder, a commit, or a repository elsewhere.
pub fn tree(subject: &Repository, progress: &Progress) -> Result<Tree, Ended> {
    let (caps, seen) = (Caps::default(), progress.seen());
    let reference = subject.reference.as_deref();
    let tree = if Location::is_meant(&subject.place) && !Path::new(&subject.place).exists() {
        let access = access(subject)?;
        Location::parse(&subject.place).and_then(|location| source::remote(&location, reference, &access, &caps, &*seen))
    } else if subject.credential.is_some() || subject.ca.is_some() || subject.allow_private_address {
        return Err(usage("--credential, --ca and --allow-private-address are for an address, not for a folder"));
    } else {
        local(Path::new(&subject.place), reference, &caps, progress)
    };
    tree.map_err(refused)
}

/// A folder, or a commit of the repository that it is.
pub fn local(path: &Path, reference: Option<&str>, caps: &Caps, progress: &Progress) -> Result<Tree, Refusal> {
    let seen = progress.seen();
    match reference {
        Some(reference) => source::commit(path, reference, caps, &*seen),
        // A store without a work tree has no files but those of its commits.
        None if source::is_bare(path) => source::commit(path, "HEAD", caps, &*seen),
        None => source::folder(path, caps, &*seen),
    }
}

/// What a report calls the subject: the address without what is no part of it, or the folder's own name.
pub fn named(place: &str) -> String {
    if let Ok(location) = Location::parse(place)
        && Location::is_meant(place)
    {
        return location.to_string();
    }
    let whole = Path::new(place).canonicalize().ok();
    whole.as_deref().and_then(Path::file_name).map_or_else(|| place.to_owned(), |name| name.to_string_lossy().into_owned())
}

/// Prints why there are no files; the exit code.
pub fn refused(refusal: Refusal) -> Ended {
    interrupt::heed();
    output::complain(&refusal.to_string());
    Ended::Reported(match refusal {
        Refusal::NotThere(_) | Refusal::Unsafe(_) => 2,
        Refusal::Failed(_) => 3,
    })
}

fn access(subject: &Repository) -> Result<Access, Ended> {
    let token = subject.credential.as_deref().map(secret).transpose()?;
    Ok(Access { private: subject.allow_private_address, token, authorities: subject.ca.clone(), agent: env::var_os("SSH_AUTH_SOCK") })
}

/// The token in a variable. Neither its value nor a wrong one is shown.
fn secret(name: &str) -> Result<String, Ended> {
    let value = env::var_os(name).and_then(|value| value.into_string().ok()).unwrap_or_default();
    let value = value.trim();
    if value.is_empty() || value.chars().any(|one| one.is_control() || one.is_whitespace()) {
        return Err(usage(format!("the variable {name} holds no token")));
    }
    Ok(value.to_owned())
}

/// What unchanged files said before.
pub struct Memory(Cache);

impl Memory {
    /// The memory of a subject; none where it is not wanted or has no place.
    pub fn open(refused: bool, place: &str) -> Memory {
        let subject = Path::new(place).canonicalize().map_or_else(|_| place.to_owned(), |path| path.to_string_lossy().into_owned());
        Memory(match (refused, folder(), version()) {
            (false, Some(folder), Some(version)) => Cache::open(&folder, &subject, &version),
            _ => Cache::none(),
        })
    }
    /// All facts of a tree.
    pub fn facts(&self, tree: &Tree) -> Facts {
        wiring::facts_with(tree, &|file| self.0.read(file))
    }
    /// Writes down what was read. That it cannot be written changes nothing of what was found.
    pub fn keep(self) {
        let _ = self.0.keep();
    }
}

/// Where this user's programs keep what they can do without.
fn folder() -> Option<PathBuf> {
    let set = |name: &str| env::var_os(name).filter(|value: &OsString| Path::new(value).is_absolute()).map(PathBuf::from);
    let caches =
        set("XDG_CACHE_HOME").or_else(|| Some(set("HOME")?.join(if cfg!(target_os = "macos") { "Library/Caches" } else { ".cache" })));
    Some(caches?.join("plimsoll/extracts"))
}

/// What tells this program from every other one: another build may read files differently.
fn version() -> Option<String> {
    let data = env::current_exe().ok()?.metadata().ok()?;
    let built = data.modified().ok()?.duration_since(UNIX_EPOCH).ok()?.as_nanos();
    Some(format!("{} {} {built}", env!("CARGO_PKG_VERSION"), data.len()))
}
