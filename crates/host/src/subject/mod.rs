//! One person's data: handed out, removed, and kept removed.
//!
//! Systems declare where personal data of theirs lies ([`Subject`]); the host declares its own
//! ([`own`]). An *export* is everything the declarations reach, readable by programs. An *erasure*
//! deletes or blanks it in one commit and leaves three things: an entry in the ledger, a
//! *tombstone*, and a *certificate*.
//!
//! **Promises.** What was erased is gone from every declared table, soft-deleted rows included, and
//! from answers that were kept for repeats or in the cache. It stays gone after an older archive is
//! restored: each restored row is held against the tombstones ([`tombstone`]), which lie in the
//! database and beside the archives. A certificate names tables and counts, never a value, and
//! anyone can check it without asking us ([`certificate`]).
//!
//! **Does not promise** anything about data that nobody declared, about mounted services, whose
//! data is their own, or about copies that left the host: an archive that holds the erased rows
//! holds them until it is pruned. The certificate says so.
//!
//! **A tombstone is no list of names.** It is an HMAC of tenant, kind and key under a key derived
//! from the master key: without that key nobody can tell whose it is, with it only a guess can be
//! checked. It takes effect on rows from before it only, so a person who comes back later is not
//! removed by the next restore.

pub mod certificate;
mod erase;
mod export;
pub mod operate;
pub mod own;
pub mod placed;
mod register;
mod routes;
mod statements;
pub mod sweep;
pub mod tombstone;

#[cfg(test)]
mod tests;

use std::sync::Arc;

use plimsoll_core::Result;
use plimsoll_store::{Migration, Schema};

pub use self::{
    export::{Copy, Part},
    register::Register,
    routes::{routes, well_known},
};
use crate::identity::Master;

/// The table of tombstones.
pub const SCHEMA: Schema = Schema {
    name: "subject",
    migrations: &[Migration { id: "0001_subject", up: include_str!("schema.sql"), down: "DROP TABLE erasure;" }],
};

/// One table in which data about persons of one kind lies.
///
/// Several entries of one kind belong together: all their `key` columns hold the same key. They are
/// worked off in the order of their declaration, so tables that refer come before those they refer
/// to.
#[derive(Debug, Clone, Copy)]
pub struct Subject {
    /// What the person is to the system: `patient`, `artist`.
    pub kind: &'static str,
    /// The table.
    pub table: &'static str,
    /// The column that says whose row it is.
    pub key: Key,
    /// What becomes of the rows.
    pub erase: Erase,
    /// The noun under which living rows of the table are counted ([`plimsoll_store::Tx::born`]); rows
    /// with a `deleted_at` do not live.
    pub counted: Option<&'static str>,
    /// Columns that are no part of the person's own copy: secrets and what belongs to others.
    pub withheld: &'static [&'static str],
}

/// Where the subject's key stands.
#[derive(Debug, Clone, Copy)]
pub enum Key {
    /// A column of text.
    Text(&'static str),
    /// A column of whole numbers.
    Number(&'static str),
    /// Not in the table itself: `column` refers to `id` of `table`, whose text column `key` it is.
    Via {
        /// The referring column.
        column: &'static str,
        /// The table it refers to.
        table: &'static str,
        /// That table's column with the key.
        key: &'static str,
    },
    /// A column of text that holds no key but what [`Ctx::mark`](crate::Ctx::mark) makes of it: for
    /// tables that must not say whose their rows are, and from which a person's still must go.
    Marked(&'static str),
}

/// What becomes of the rows of an erased subject.
#[derive(Debug, Clone, Copy)]
pub enum Erase {
    /// They go.
    Delete,
    /// They stay, for what refers to them, without these columns' values.
    Blank(&'static [(&'static str, With)]),
    /// They stay as they are, for this reason, which the certificate repeats.
    Keep(&'static str),
}

/// What a blanked column holds afterwards.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum With {
    /// Nothing.
    Null,
    /// An empty text.
    Empty,
    /// Zero.
    Zero,
    /// `erased:` and 16 hexadecimal digits, another one for each subject: for columns that must not
    /// be empty or must not repeat.
    Mark,
}

impl Subject {
    /// Rows that go.
    pub const fn delete(kind: &'static str, table: &'static str, key: Key) -> Subject {
        Subject { kind, table, key, erase: Erase::Delete, counted: None, withheld: &[] }
    }
    /// Rows that stay without the values of these columns.
    pub const fn blank(kind: &'static str, table: &'static str, key: Key, columns: &'static [(&'static str, With)]) -> Subject {
        Subject { kind, table, key, erase: Erase::Blank(columns), counted: None, withheld: &[] }
    }
    /// Rows that stay, and why.
    pub const fn keep(kind: &'static str, table: &'static str, key: Key, why: &'static str) -> Subject {
        Subject { kind, table, key, erase: Erase::Keep(why), counted: None, withheld: &[] }
    }
    /// Living rows are counted under this noun.
    #[must_use]
    pub const fn counted(mut self, noun: &'static str) -> Subject {
        self.counted = Some(noun);
        self
    }
    /// These columns are no part of the person's copy.
    #[must_use]
    pub const fn withholding(mut self, columns: &'static [&'static str]) -> Subject {
        self.withheld = columns;
        self
    }
}

/// The engine: the declarations, and the two keys derived from the master key.
pub struct Subjects {
    /// Everything that was declared.
    pub register: Register,
    /// Hashes keys into tombstones.
    pub marker: tombstone::Marker,
    /// Signs certificates.
    pub signer: certificate::Signer,
}

impl Subjects {
    /// The engine for these declarations.
    ///
    /// # Errors
    /// [`plimsoll_core::Code::Internal`] for declarations that contradict themselves.
    pub fn new(register: Register, master: &Master) -> Result<Arc<Subjects>> {
        Ok(Arc::new(Subjects { register, marker: tombstone::Marker::new(master)?, signer: certificate::Signer::new(master)? }))
    }
}
