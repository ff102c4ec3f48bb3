//! Schema changes on SQLite.

use std::path::Path;

use plimsoll_core::{Code, Result, Time};
use rusqlite::params;

use super::connection::{Connection, Use, failure};
use crate::{
    log::Mark,
    migrate::{ALL, Bench, TABLE},
    schema::Applied,
    settings::Settings,
};

struct Lite(Connection);

/// A connection for changing the schema.
///
/// # Errors
/// [`Code::DatabaseUnavailable`] where the file cannot be used.
pub(crate) fn bench(path: &Path, settings: &Settings) -> Result<Box<dyn Bench>> {
    Ok(Box::new(Lite(Connection::open(path, Use::Migrate, settings)?)))
}

impl Lite {
    fn batch(&self, text: &str) -> Result<()> {
        self.0.raw.execute_batch(text).map_err(|error| failure(&error).error())
    }
}

impl Bench for Lite {
    fn begin(&mut self) -> Result<()> {
        self.batch("BEGIN IMMEDIATE")?;
        let made = self.batch(TABLE);
        if made.is_err() {
            self.rollback();
        }
        made
    }

    fn applied(&mut self) -> Result<Vec<Applied>> {
        let mut statement = self.0.raw.prepare(ALL)?;
        let rows = statement.query_map([], |row| {
            let at = Time::from_micros(row.get(3)?);
            Ok(Applied { owner: row.get(0)?, id: row.get(1)?, checksum: row.get(2)?, at, version: row.get(4)? })
        })?;
        Ok(rows.collect::<rusqlite::Result<_>>()?)
    }

    fn run(&mut self, text: &str) -> Result<()> {
        self.batch(text)
    }

    fn note(&mut self, one: &Applied) -> Result<()> {
        let sql = "INSERT INTO plimsoll_migration (owner, id, checksum, applied_at, version) VALUES (?, ?, ?, ?, ?)";
        let done = self.0.raw.execute(sql, params![one.owner, one.id, one.checksum, one.at.micros(), one.version]);
        done.map(drop).map_err(|error| failure(&error).error())
    }

    fn erase(&mut self, owner: &str, id: &str) -> Result<()> {
        let done = self.0.raw.execute("DELETE FROM plimsoll_migration WHERE owner = ? AND id = ?", params![owner, id]);
        done.map(drop).map_err(|error| failure(&error).error())
    }

    fn mark(&mut self, at: Time, mark: &Mark) -> Result<()> {
        let raw = &self.0.raw;
        let exists = "SELECT COUNT(*) FROM sqlite_schema WHERE type = 'table' AND name = 'change_switch'";
        if raw.query_row(exists, [], |row| row.get::<_, i64>(0))? > 0 {
            raw.execute(
                "INSERT INTO change_log (at, xid, body) SELECT ?, 0, ? FROM change_switch WHERE logging = 1",
                params![at.micros(), mark.body()],
            )?;
        }
        Ok(())
    }

    /// Foreign keys are off while a table is rebuilt, so they are checked here.
    fn finish(&mut self) -> Result<()> {
        let mut statement = self.0.raw.prepare("PRAGMA foreign_key_check")?;
        let broken: Vec<String> = statement.query_map([], |row| row.get(0))?.collect::<rusqlite::Result<_>>()?;
        match broken.first() {
            None => Ok(()),
            Some(table) => Err(Code::Internal.error().caused_by(format!("{} foreign keys are broken, first in `{table}`", broken.len()))),
        }
    }

    fn commit(&mut self) -> Result<()> {
        self.batch("COMMIT")
    }

    fn rollback(&mut self) {
        if !self.0.raw.is_autocommit()
            && let Err(error) = self.batch("ROLLBACK")
        {
            tracing::warn!(cause = ?error, "a migration could not be undone on this connection, which is closed now");
        }
    }
}
