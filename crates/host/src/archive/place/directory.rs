//! A folder as a place.

use std::{
    fs::{self, File, OpenOptions},
    io::Read,
    path::{Path, PathBuf},
};

use bytes::Bytes;
use plimsoll_core::{Code, Result, Seed};
use tokio::task::spawn_blocking;

use super::{Object, Place, proper};
use crate::{
    archive::format::{Outgoing, Piece, Sink, io, pipe},
    identity::hex,
    stack::Boxed,
};

/// What is being written ends with this, and is nobody's archive.
const DRAFT: &str = ".part";
const CHUNK: usize = 256 * 1024;

/// A folder. Objects are written aside, flushed, renamed, and the folder is flushed.
#[derive(Clone)]
pub struct Directory {
    root: PathBuf,
}

impl Directory {
    /// The folder at `root`, which is made with the first object, readable by this user only.
    pub fn new(root: impl Into<PathBuf>) -> Directory {
        Directory { root: root.into() }
    }

    fn at(&self, name: &str) -> Result<PathBuf> {
        proper(name)?;
        if name.ends_with(DRAFT) {
            return Err(Code::Invalid.because(format!("a name cannot end with {DRAFT}")));
        }
        Ok(self.root.join(name))
    }
}

/// A file that is removed unless it gets its name.
struct Draft {
    path: PathBuf,
    named: bool,
}

impl Drop for Draft {
    fn drop(&mut self) {
        if !self.named {
            // What cannot be removed is removed by the next sweep.
            let _ = fs::remove_file(&self.path);
        }
    }
}

impl Place for Directory {
    fn put<'a>(&'a self, name: &'a str, mut body: Outgoing) -> Boxed<'a, Result<u64>> {
        Box::pin(async move {
            let path = self.at(name)?;
            aside(move || {
                let folder = path.parent().unwrap_or(Path::new(".")).to_owned();
                folders(&folder)?;
                let mark: [u8; 4] = Seed::system().bytes();
                let named = path.file_name().unwrap_or_default().to_string_lossy().into_owned();
                let mut draft = Draft { path: folder.join(format!(".{named}.{}{DRAFT}", hex(&mark))), named: false };
                let mut options = OpenOptions::new();
                options.write(true).create_new(true);
                #[cfg(unix)]
                std::os::unix::fs::OpenOptionsExt::mode(&mut options, 0o600);
                let mut file = options.open(&draft.path).map_err(|error| io("the archive", error))?;
                let mut length = 0;
                while let Some(piece) = body.wait()? {
                    file.put(&piece)?;
                    length += piece.len() as u64;
                }
                file.sync_all().map_err(|error| io("the archive", error))?;
                fs::rename(&draft.path, &path).map_err(|error| io("the archive", error))?;
                draft.named = true;
                File::open(&folder).and_then(|folder| folder.sync_all()).map_err(|error| io("the folder of archives", error))?;
                Ok(length)
            })
            .await
        })
    }

    fn get<'a>(&'a self, name: &'a str) -> Boxed<'a, Result<Outgoing>> {
        Box::pin(async move {
            let path = self.at(name)?;
            let mut file = aside(move || {
                File::open(&path).map_err(|error| match error.kind() {
                    std::io::ErrorKind::NotFound => Code::NotFound.because("There is no such archive at this place."),
                    _ => io("the archive", error),
                })
            })
            .await?;
            let (sender, outgoing) = pipe();
            spawn_blocking(move || {
                let mut buffer = vec![0; CHUNK];
                loop {
                    let piece = match file.read(&mut buffer) {
                        Ok(0) => Ok(Piece::End),
                        Ok(length) => Ok(Piece::Data(Bytes::copy_from_slice(&buffer[..length]))),
                        Err(error) if error.kind() == std::io::ErrorKind::Interrupted => continue,
                        Err(error) => Err(io("the archive", error)),
                    };
                    let last = !matches!(piece, Ok(Piece::Data(_)));
                    // A reader that has gone away wants no more.
                    if sender.pass(piece).is_err() || last {
                        return;
                    }
                }
            });
            Ok(outgoing)
        })
    }

    fn list<'a>(&'a self, prefix: &'a str) -> Boxed<'a, Result<Vec<Object>>> {
        Box::pin(async move {
            let (root, prefix) = (self.root.clone(), prefix.to_owned());
            aside(move || {
                let mut found = Vec::new();
                walk(&root, "", &mut found)?;
                found.retain(|object| object.name.starts_with(&prefix));
                found.sort_by(|a, b| a.name.cmp(&b.name));
                Ok(found)
            })
            .await
        })
    }

    fn delete<'a>(&'a self, name: &'a str) -> Boxed<'a, Result<()>> {
        Box::pin(async move {
            let path = self.at(name)?;
            aside(move || match fs::remove_file(&path) {
                Err(error) if error.kind() != std::io::ErrorKind::NotFound => Err(io("the archive", error)),
                _ => Ok(()),
            })
            .await
        })
    }

    fn shown(&self) -> String {
        self.root.display().to_string()
    }
}

/// Makes a folder with those above it, readable by this user only.
fn folders(folder: &Path) -> Result<()> {
    let mut builder = fs::DirBuilder::new();
    builder.recursive(true);
    #[cfg(unix)]
    std::os::unix::fs::DirBuilderExt::mode(&mut builder, 0o700);
    builder.create(folder).map_err(|error| io("the folder of archives", error))
}

fn walk(folder: &Path, before: &str, found: &mut Vec<Object>) -> Result<()> {
    let entries = match fs::read_dir(folder) {
        Ok(entries) => entries,
        Err(error) if error.kind() == std::io::ErrorKind::NotFound => return Ok(()),
        Err(error) => return Err(io("the folder of archives", error)),
    };
    for entry in entries {
        let entry = entry.map_err(|error| io("the folder of archives", error))?;
        let name = format!("{before}{}", entry.file_name().to_string_lossy());
        // What we did not name is not ours: drafts, and files that somebody put there.
        if proper(&name).is_err() {
            continue;
        }
        match entry.metadata() {
            Ok(facts) if facts.is_dir() => walk(&entry.path(), &format!("{name}/"), found)?,
            Ok(facts) if facts.is_file() => found.push(Object { name, bytes: facts.len() }),
            // A link is none of ours; what is gone by now was there when we began.
            _ => {}
        }
    }
    Ok(())
}

async fn aside<T: Send + 'static>(f: impl FnOnce() -> Result<T> + Send + 'static) -> Result<T> {
    spawn_blocking(f).await.map_err(|error| Code::Internal.error().caused_by(error))?
}
