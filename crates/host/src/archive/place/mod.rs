//! Where archives lie: a folder, or an object store.
//!
//! What a place promises: an object appears whole or not at all, under its name, and is on disk
//! when [`Place::put`] returns; names are `a-z 0-9 - _ . /`; a listing is in order of names.

#[cfg(test)]
mod contract;
mod directory;
mod s3;
#[cfg(test)]
mod tests;

pub use directory::Directory;
pub use s3::S3;

use plimsoll_core::{Code, Result};

use super::format::Outgoing;
use crate::stack::Boxed;

/// An object at a place.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Object {
    /// Its name.
    pub name: String,
    /// Length in bytes.
    pub bytes: u64,
}

/// Where archives lie.
pub trait Place: Send + Sync {
    /// Takes an object; its length. An object of the same name is replaced at once, when the new
    /// one is whole. Where the writer fails or goes away, nothing is left.
    ///
    /// # Errors
    /// [`Code::StorageFull`], [`Code::ArchivePlace`], and what the writer failed with.
    fn put<'a>(&'a self, name: &'a str, body: Outgoing) -> Boxed<'a, Result<u64>>;

    /// Gives an object, as it is asked for.
    ///
    /// # Errors
    /// [`Code::NotFound`], [`Code::ArchivePlace`].
    fn get<'a>(&'a self, name: &'a str) -> Boxed<'a, Result<Outgoing>>;

    /// All objects whose names begin with `prefix`, in order of their names.
    ///
    /// # Errors
    /// [`Code::ArchivePlace`].
    fn list<'a>(&'a self, prefix: &'a str) -> Boxed<'a, Result<Vec<Object>>>;

    /// Removes an object; one that is not there is no fault.
    ///
    /// # Errors
    /// [`Code::ArchivePlace`].
    fn delete<'a>(&'a self, name: &'a str) -> Boxed<'a, Result<()>>;

    /// What it is called in messages; holds no secret.
    fn shown(&self) -> String;
}

/// Refuses a name that could lead out of a place.
pub(crate) fn proper(name: &str) -> Result<()> {
    let plain = |part: &str| {
        !part.is_empty()
            && !part.starts_with('.')
            && part.bytes().all(|byte| byte.is_ascii_lowercase() || byte.is_ascii_digit() || b"-_.".contains(&byte))
    };
    if !name.is_empty() && name.len() <= 200 && name.split('/').all(plain) {
        return Ok(());
    }
    Err(Code::Invalid.because(format!("`{name}` is no name of an archive: lower-case letters, digits and `-_.` only")))
}
