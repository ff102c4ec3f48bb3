//! The proofs that were kept, and what changed between two of them.

mod diff;

use std::{
    fs::{self, DirBuilder, OpenOptions},
    io::Write,
    path::{Path, PathBuf},
};

use plimsoll_core::Time;

pub use diff::{Change, CheckChange, Diff, PracticeChange, diff};

use crate::proof::{self, Digest};

/// How many proofs are kept.
pub const KEPT: usize = 200;

/// The newest proof, and how it reads in a browser.
const LATEST: [&str; 2] = ["latest.json", "latest.html"];

/// Where the proofs of a data folder lie.
pub fn folder(data: &Path) -> PathBuf {
    data.join("proofs")
}

/// The name of a proof: when, in UTC, and the beginning of the digest of the file.
fn name(time: Time, proof: &str) -> String {
    let stamp = time.to_string().replace(['-', ':'], "");
    let digest = Digest::of(proof.as_bytes());
    format!("{stamp}-{}.json", &digest["sha256:".len()..][..12])
}

/// Whether this is a name that [`keep`] gave.
fn is_ours(name: &str) -> bool {
    let digits = |text: &str| !text.is_empty() && text.bytes().all(|byte| byte.is_ascii_digit());
    let parts = || {
        let (stamp, digest) = name.strip_suffix(".json")?.split_once('-')?;
        let (date, time) = stamp.strip_suffix('Z')?.split_once('T')?;
        let (second, micros) = time.split_once('.')?;
        Some(digits(date) && digits(second) && digits(micros) && digest.len() == 12 && digest.bytes().all(|b| b.is_ascii_hexdigit()))
    };
    parts().unwrap_or(false)
}

/// Keeps a signed proof, makes it the latest, and lets go of the oldest beyond [`KEPT`].
///
/// # Errors
/// What the file system says.
pub fn keep(folder: &Path, time: Time, proof: &str, page: &str) -> std::io::Result<PathBuf> {
    make_folder(folder)?;
    let path = folder.join(name(time, proof));
    replace(&path, proof.as_bytes())?;
    for (name, text) in LATEST.iter().zip([proof, page]) {
        replace(&folder.join(name), text.as_bytes())?;
    }
    prune(folder, KEPT)?;
    Ok(path)
}

/// Every kept proof, the oldest first.
///
/// # Errors
/// What the file system says; a folder that does not exist is empty.
pub fn list(folder: &Path) -> std::io::Result<Vec<PathBuf>> {
    let entries = match fs::read_dir(folder) {
        Err(error) if error.kind() == std::io::ErrorKind::NotFound => return Ok(Vec::new()),
        entries => entries?,
    };
    let mut found: Vec<PathBuf> = Vec::new();
    for entry in entries {
        let entry = entry?;
        if entry.file_name().to_str().is_some_and(is_ours) {
            found.push(entry.path());
        }
    }
    found.sort();
    Ok(found)
}

/// Removes the oldest proofs, but never the newest one whose gate let through: it is what a
/// deployment falls back to when it asks since when something is broken.
fn prune(folder: &Path, kept: usize) -> std::io::Result<()> {
    let all = list(folder)?;
    let (old, new) = all.split_at(all.len().saturating_sub(kept));
    let good = |path: &&PathBuf| fs::read(path).is_ok_and(|bytes| proof::read(&bytes).is_ok_and(|report| report.gate.passed));
    let spared = if old.is_empty() || new.iter().rev().any(|path| good(&path)) { None } else { old.iter().rev().find(good) };
    for path in old.iter().filter(|path| Some(*path) != spared) {
        fs::remove_file(path)?;
    }
    Ok(())
}

/// Makes a folder for its owner only.
pub(crate) fn make_folder(folder: &Path) -> std::io::Result<()> {
    let mut builder = DirBuilder::new();
    builder.recursive(true);
    #[cfg(unix)]
    std::os::unix::fs::DirBuilderExt::mode(&mut builder, 0o700);
    builder.create(folder)
}

/// Puts a whole file in the place of another: a reader sees the old one or the new one.
pub(crate) fn replace(path: &Path, bytes: &[u8]) -> std::io::Result<()> {
    let name = path.file_name().and_then(|name| name.to_str()).unwrap_or("file");
    let draft = path.with_file_name(format!(".{name}.{}", std::process::id()));
    let mut options = OpenOptions::new();
    options.write(true).create(true).truncate(true);
    let written = options.open(&draft).and_then(|mut file| file.write_all(bytes).and_then(|()| file.sync_all()));
    let placed = written.and_then(|()| fs::rename(&draft, path));
    if placed.is_err() {
        let _ = fs::remove_file(&draft);
    }
    placed
}

#[cfg(test)]
pub(crate) mod tests;
