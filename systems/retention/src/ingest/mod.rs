//! Exports of record systems become records: as jobs, with every record that is refused kept for
//! whoever can mend it.
//!
//! **Promises.** A file is worked off in steps of a few records; a step's records, its rejects and
//! the place where the next one begins are one transaction. So a process that dies in the middle
//! loses nothing and does nothing twice, and the same file again changes nothing. Uploaded bytes and
//! refused records lie sealed in the database, and are removed when the file is done, or the reject
//! is settled.

mod file;
mod job;
mod packed;
mod rejects;
mod routes;

pub use job::Ingest;
pub use routes::routes;

use plimsoll::{FromRow, Result, Row, Time};
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use crate::record::dates::{Order, Reading};

/// What a file's source declares.
#[derive(Debug, Clone, Default, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct Declared {
    /// Which comes first in `05/03/2024`: `day` or `month`. Undeclared, such a date is refused.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schemars(regex(pattern = "^(day|month)$"))]
    pub dates: Option<String>,
    /// Minutes by which the facility's clock is ahead of UTC, for dates that carry a zone.
    #[serde(default)]
    #[schemars(range(min = -720, max = 840))]
    pub ahead: i32,
    /// The country code of national phone numbers, such as 234.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schemars(range(min = 1, max = 999))]
    pub country: Option<u16>,
}

impl Declared {
    fn reading(&self) -> Reading {
        let order = self.dates.as_deref().map(|first| if first == "day" { Order::DayFirst } else { Order::MonthFirst });
        Reading { order, ahead: self.ahead }
    }
}

/// A file and how far it has come.
#[derive(Debug, Clone, Serialize, JsonSchema)]
pub struct Batch {
    /// Its number.
    pub id: i64,
    /// The name under which it came.
    pub name: String,
    /// `json`, `ndjson`, `xml` or `csv`.
    pub format: String,
    /// Whether it is a ZIP archive of such files.
    pub packed: bool,
    /// Its size.
    pub bytes: i64,
    /// SHA-256 of its bytes.
    pub sha256: String,
    /// `waiting`, `running`, `done` or `failed`.
    pub state: String,
    /// Records that are settled.
    pub settled: i64,
    /// Of these: people who were not known,
    pub added: i64,
    /// whose record changed,
    pub changed: i64,
    /// whose record is the same,
    pub unchanged: i64,
    /// of whom a newer one is there,
    pub older: i64,
    /// whose record was refused.
    pub rejected: i64,
    /// Why it failed.
    pub why: Option<String>,
    /// The job that works it off.
    pub job: Option<String>,
    /// When it came.
    pub created_at: Time,
    /// When it ended.
    pub finished_at: Option<Time>,
}

const BATCH: &str = "SELECT id, name, format, bytes, sha256, state, settled, added, changed, unchanged, older, rejected, why, job, created_at, \
     finished_at, packed FROM ingest WHERE tenant_id = :tenant AND id = :id";

impl FromRow for Batch {
    fn from_row(row: &Row<'_>) -> Result<Batch> {
        Ok(Batch {
            id: row.get(0)?,
            name: row.get(1)?,
            format: row.get(2)?,
            bytes: row.get(3)?,
            sha256: row.get(4)?,
            state: row.get(5)?,
            settled: row.get(6)?,
            added: row.get(7)?,
            changed: row.get(8)?,
            unchanged: row.get(9)?,
            older: row.get(10)?,
            rejected: row.get(11)?,
            why: row.get(12)?,
            job: row.get(13)?,
            created_at: row.get(14)?,
            finished_at: row.get(15)?,
            packed: row.get::<i64>(16)? != 0,
        })
    }
}
