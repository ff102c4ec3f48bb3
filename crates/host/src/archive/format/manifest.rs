//! What an archive says about itself: in plain text at its head, sealed at its end.

use plimsoll_core::Time;
use serde::{Deserialize, Serialize};
use serde_json::Value;

/// What an archive is for.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Kind {
    /// Everything a store holds.
    Backup,
    /// A piece of the change log that follows a backup.
    Segment,
    /// One tenant.
    Tenant,
    /// One person's data in one tenant.
    Subject,
}

impl Kind {
    /// The word for it.
    pub const fn name(self) -> &'static str {
        match self {
            Kind::Backup => "backup",
            Kind::Segment => "segment",
            Kind::Tenant => "tenant",
            Kind::Subject => "subject",
        }
    }
}

/// How an archive stands to the change log of the store it was made from.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct LogPoint {
    /// The log's id.
    pub id: String,
    /// Of a backup: which entries it holds. Of a segment: the name of the one before it, empty for
    /// the first.
    pub position: String,
    /// The moment of the snapshot, by the log's own clock.
    pub at: Time,
}

/// A migration that was applied where the archive was made.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Migrated {
    /// Whose it is.
    pub owner: String,
    /// Its id.
    pub id: String,
    /// SHA-256 of its text, in hexadecimal.
    #[serde(default)]
    pub checksum: String,
}

/// What stands in plain text at the head of an archive: nothing of anybody's data. Whoever alters
/// it makes the archive unreadable.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Manifest {
    /// What it is.
    pub kind: Kind,
    /// Its own name: `bak_…` and the like.
    pub id: String,
    /// The moment of the snapshot: everything committed before is in it, nothing after.
    pub at: Time,
    /// The version of the binary that made it.
    pub made_by: String,
    /// The kind of database it was made from; any kind can read it.
    pub database: String,
    /// The tenant, where it holds one only.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub tenant: Option<String>,
    /// How it stands to the change log, where there is one.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub log: Option<LogPoint>,
    /// The migrations that were applied, in their order.
    #[serde(default)]
    pub schema: Vec<Migrated>,
}

/// The beginning of a table.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Table {
    /// Its name.
    pub name: String,
    /// Its columns, in the order of each row's values.
    pub columns: Vec<String>,
}

/// What a table came to.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Sum {
    /// The table's name.
    pub name: String,
    /// How many rows.
    pub rows: u64,
    /// SHA-256 over each row's length and bytes, in their order, in hexadecimal.
    pub digest: String,
}

/// The last record.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Footer {
    /// Every table in the order of the archive.
    pub tables: Vec<Sum>,
    /// What the writer adds: heads of ledgers, a sentinel, counts.
    #[serde(default)]
    pub facts: Value,
}

impl Footer {
    /// How many rows there are in all tables.
    pub fn rows(&self) -> u64 {
        self.tables.iter().map(|table| table.rows).sum()
    }
}
