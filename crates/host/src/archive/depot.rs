//! A place with its keys: all that is needed to read archives, and no database.

use std::{path::Path, sync::Arc};

use bytes::Bytes;
use plimsoll_core::{Clock, Code, Result, Seed, Time};
use serde::Serialize;
use tokio::task::spawn_blocking;

use super::{
    config::ArchiveConfig,
    format::{ArchiveReader, Footer, Header, Incoming, Keys, Kind, LogPoint, Manifest, Outgoing, Sink, Source, check, pipe},
    log::{self, Window},
    place::{Directory, Place, S3},
    progress::Progress,
};
use crate::{config::Secret, identity::Master};

/// What names of backups begin with,
pub const BACKUPS: &str = "backup/";
/// and end with.
pub const ENDING: &str = ".plm";

/// A place with its keys.
#[derive(Clone)]
pub struct Depot {
    /// Where archives lie.
    pub place: Arc<dyn Place>,
    /// What opens them.
    pub keys: Arc<Keys>,
    /// The clock.
    pub clock: Clock,
    /// Chance.
    pub seed: Seed,
    /// Whether a loss of the data folder's disk spares them, as far as their address tells.
    pub elsewhere: bool,
}

/// An archive at the place.
#[derive(Debug, Clone, Serialize)]
pub struct Entry {
    /// The archive's own name.
    pub id: String,
    /// Its name at the place.
    pub name: String,
    /// The moment of its snapshot.
    pub at: Time,
    /// Length in bytes.
    pub bytes: u64,
    /// The key it is sealed under.
    pub key: String,
    /// The version of the binary that made it.
    pub made_by: String,
    /// The database it was made from.
    pub database: String,
}

/// What reading an archive to its end found.
#[derive(Debug, Clone)]
pub struct Verified {
    /// What it is.
    pub manifest: Manifest,
    /// What it holds.
    pub footer: Footer,
}

/// The place that is configured.
///
/// # Errors
/// [`Code::ConfigInvalid`] for an address that cannot be read.
pub(super) fn place(section: &ArchiveConfig, data: &Path, clock: Clock) -> Result<(Arc<dyn Place>, bool)> {
    let Some(text) = section.place.as_deref() else {
        return Ok((Arc::new(Directory::new(data.join("backups"))), false));
    };
    if let Some(rest) = text.strip_prefix("s3://") {
        let secret = |secret: &Option<Secret>| secret.as_ref().map(|secret| secret.expose().to_owned()).unwrap_or_default();
        let place =
            S3::new(rest, section.endpoint.as_deref(), &section.region, secret(&section.access_key), secret(&section.secret_key), clock)?;
        return Ok((Arc::new(place), true));
    }
    if text.contains("://") || text.is_empty() {
        return Err(Code::ConfigInvalid.because("archive.place is a folder or an address such as s3://bucket/prefix"));
    }
    let folder = Path::new(text);
    Ok((Arc::new(Directory::new(folder)), !folder.starts_with(data)))
}

impl Depot {
    /// The place and the keys that are configured. Without a master key and without `archive.key`
    /// nothing can be opened.
    ///
    /// # Errors
    /// [`Code::ConfigInvalid`] for what cannot be read.
    pub fn new(section: &ArchiveConfig, data: &Path, master: Option<&Master>, clock: Clock, seed: Seed) -> Result<Depot> {
        let (place, elsewhere) = place(section, data, clock.clone())?;
        let keys = Keys::configured(section, master)?;
        Ok(Depot { place, keys: Arc::new(keys), clock, seed, elsewhere })
    }

    /// Every backup at the place, oldest first. What cannot be read is left out and named.
    ///
    /// # Errors
    /// [`Code::ArchivePlace`].
    pub async fn list(&self) -> Result<(Vec<Entry>, Vec<String>)> {
        let (mut found, mut unreadable) = (Vec::new(), Vec::new());
        for object in self.place.list(BACKUPS).await?.into_iter().filter(|object| object.name.ends_with(ENDING)) {
            match self.header(&object.name).await {
                Ok(header) if header.manifest.kind == Kind::Backup => found.push(Entry {
                    id: header.manifest.id.clone(),
                    name: object.name,
                    at: header.manifest.at,
                    bytes: object.bytes,
                    key: header.sealed_under(),
                    made_by: header.manifest.made_by.clone(),
                    database: header.manifest.database,
                }),
                // Between listing and looking somebody may have pruned it.
                Err(error) if error.code() == Code::NotFound => {}
                Err(error) if error.code() == Code::ArchivePlace => return Err(error),
                _ => unreadable.push(object.name),
            }
        }
        found.sort_by(|a, b| (a.at, &a.id).cmp(&(b.at, &b.id)));
        Ok((found, unreadable))
    }

    /// The backup that is meant: by its id, by its name, or `latest`.
    ///
    /// # Errors
    /// [`Code::NotFound`].
    pub async fn find(&self, what: &str) -> Result<Entry> {
        let (mut all, _) = self.list().await?;
        let at = match what {
            "latest" => all.len().checked_sub(1),
            _ => all.iter().position(|entry| entry.id == what || entry.name == what),
        };
        match at {
            Some(at) => Ok(all.swap_remove(at)),
            None if what == "latest" => Err(Code::NotFound.because(format!("There is no backup at {}.", self.place.shown()))),
            None => Err(Code::NotFound
                .because(format!("There is no backup `{what}` at {}; `plimsoll backup list` shows those there are.", self.place.shown()))),
        }
    }

    /// The newest backup before a moment that the change log can bring forward to it, and how it
    /// stands to the log; only `from` where that is not `latest`.
    ///
    /// # Errors
    /// [`Code::NotFound`] where there is none.
    pub async fn base(&self, from: &str, until: Time) -> Result<(Entry, LogPoint)> {
        let entries = if from == "latest" { self.list().await?.0 } else { vec![self.find(from).await?] };
        for entry in entries.into_iter().rev() {
            let Some(point) = self.header(&entry.name).await?.manifest.log else { continue };
            if point.at <= until {
                return Ok((entry, point));
            }
        }
        Err(Code::NotFound.because(format!(
            "No backup that is asked for has a change log and is from before {until}; `plimsoll backup list` shows which moments can be restored."
        )))
    }

    /// The moments that can be restored, for each change log that has a backup, the oldest first.
    ///
    /// # Errors
    /// [`Code::ArchivePlace`].
    pub async fn windows(&self) -> Result<Vec<Window>> {
        let mut oldest: Vec<LogPoint> = Vec::new();
        for entry in self.list().await?.0 {
            let Some(point) = self.header(&entry.name).await?.manifest.log else { continue };
            if oldest.iter().all(|known| known.id != point.id) {
                oldest.push(point);
            }
        }
        let mut windows = Vec::new();
        for point in oldest {
            windows.extend(log::window(&*self.place, &point.id, point.at).await?);
        }
        Ok(windows)
    }

    /// The head of an archive.
    ///
    /// # Errors
    /// As [`Header::read`].
    pub async fn header(&self, name: &str) -> Result<Header> {
        let source = self.place.get(name).await?;
        aside(move || Header::read(source)).await
    }

    /// Reads an archive to its end.
    ///
    /// # Errors
    /// The first thing that is wrong with it.
    pub async fn verify(&self, name: &str, progress: &Progress) -> Result<Verified> {
        let source = self.place.get(name).await?;
        let (keys, progress) = (self.keys.clone(), progress.clone());
        aside(move || read_through(source, &keys, &progress)).await
    }

    /// Wraps the keys of all archives at the place with the active key; how many were changed. What was sealed stays as it is: only headers are
    /// new, and each archive is replaced at once, when its new form is complete.
    ///
    /// # Errors
    /// [`Code::ArchiveKey`] for one whose key is not known: those before it are done.
    pub async fn rewrap(&self) -> Result<u64> {
        let mut changed = 0;
        for object in self.place.list("").await?.into_iter().filter(|object| object.name.ends_with(ENDING)) {
            if self.header(&object.name).await?.sealed_under() == self.keys.id() {
                continue;
            }
            let source = self.place.get(&object.name).await?;
            let (sink, body) = pipe();
            let (keys, seed) = (self.keys.clone(), self.seed.clone());
            let copying = aside(move || copy_rewrapped(source, sink, &keys, &seed));
            let (put, copied) = tokio::join!(self.place.put(&object.name, body), copying);
            both(put, copied)?;
            changed += 1;
        }
        Ok(changed)
    }
}

/// Copies an archive with a new header. The copy is checked while it passes, and what is not whole
/// never gets its end, so that it never takes the place of the old one.
fn copy_rewrapped(mut source: Outgoing, sink: Incoming, keys: &Keys, seed: &Seed) -> Result<()> {
    let header = Header::read(&mut source)?.rewrapped(keys, seed)?;
    let mut passing = Passing { head: header.bytes().into(), source, sink };
    check(&mut passing)?;
    passing.sink.end()
}

/// What is read of it is written on: first a header, then the rest of a source.
struct Passing {
    head: Bytes,
    source: Outgoing,
    sink: Incoming,
}

impl Source for &mut Passing {
    fn take(&mut self, into: &mut [u8]) -> Result<usize> {
        let now = if self.head.is_empty() {
            self.source.take(into)?
        } else {
            let now = into.len().min(self.head.len());
            into[..now].copy_from_slice(&self.head.split_to(now));
            now
        };
        self.sink.put(&into[..now])?;
        Ok(now)
    }
}

/// Reads a source to its end.
pub(super) fn read_through(source: Outgoing, keys: &Keys, progress: &Progress) -> Result<Verified> {
    let mut reader = ArchiveReader::open(source, keys)?;
    while reader.item()?.is_some() {
        progress.row();
    }
    let footer = reader.footer().cloned().ok_or_else(|| Code::Internal.error().caused_by("an archive ended without a footer"))?;
    Ok(Verified { manifest: reader.manifest().clone(), footer })
}

/// The result of two sides of a pipe: where both failed, the one that was not merely left alone.
pub(super) fn both<A, B>(one: Result<A>, other: Result<B>) -> Result<(A, B)> {
    match (one, other) {
        (Ok(one), Ok(other)) => Ok((one, other)),
        (Err(error), Ok(_)) | (Ok(_), Err(error)) => Err(error),
        (Err(one), Err(other)) => Err(if one.reason() == Some(super::format::HUNG_UP) { other } else { one }),
    }
}

/// Runs what blocks where it may.
pub(super) async fn aside<T: Send + 'static>(f: impl FnOnce() -> Result<T> + Send + 'static) -> Result<T> {
    spawn_blocking(f).await.map_err(|error| Code::Internal.error().caused_by(error))?
}
