//! The one file format: backup, log segment, tenant export and subject export.
//!
//! **Rows, not pages.** An archive is a stream of tables and their rows in the store's own
//! encoding of values, so what SQLite wrote PostgreSQL can read. It is written and read in one
//! pass; memory holds one frame and one row, whatever the size of the data.
//!
//! ```text
//! header   89 "PLM" 0D 0A 1A 0A   the mark: 8 bytes that no text tool leaves whole
//!          u16 version            of this layout
//!          u32 length, manifest   JSON in plain text: what this is, from when, of which schema
//!          u16 length, lock       id of the wrapping key, nonce, the archive's own key, wrapped
//!          16 bytes               digest of all of the above
//! frame    u8 kind                0 more follow, 1 the last
//!          u32 length, 16 bytes   of the sealed text, and its digest
//!          sealed text            ChaCha20-Poly1305( zstd( at most 256 KiB of records ) )
//! record   u8 tag, u32 length, …  table (JSON), row (bytes), footer (JSON); may cross frames
//! ```
//!
//! Numbers are big-endian. **Sealing** follows STREAM: each archive has a random key of its own,
//! the nonce is the frame's number and whether it is the last, and the associated data is the
//! digest of mark, version and manifest. So no frame can be left out, moved, repeated or brought
//! in from another archive, the end cannot be cut off, and the manifest cannot be exchanged. The
//! digests beside that need no key: a place that stores archives can look for rot.
//!
//! **The lock** is the only part that changes when the wrapping key does
//! ([`rewrap`](super::rewrap)); its associated data is the manifest's digest as well.
//!
//! **The footer** is the last record: rows and digest of every table, and what the writer adds. A
//! reader that reached it has seen everything, in order, unaltered.

mod fault;
mod frame;
mod keys;
mod manifest;
mod pipe;
mod reader;
#[cfg(test)]
mod tests;
mod writer;

pub use frame::{Header, Sink, Source, check};
pub use keys::Keys;
pub use manifest::{Footer, Kind, LogPoint, Manifest, Migrated, Sum, Table};
pub use pipe::{Incoming, Outgoing, Piece, pipe};
pub use reader::{ArchiveReader, Item};
pub use writer::{ArchiveWriter, Tally, Written};

pub(crate) use fault::io;
pub(crate) use pipe::HUNG_UP;

/// The version of the layout that is written, and the only one there has been.
pub const VERSION: u16 = 1;
