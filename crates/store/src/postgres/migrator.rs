//! Schema changes on PostgreSQL, with the rows' own protection.

use plimsoll_core::{Result, Time};
use postgres::Client;

use super::{dial::Dial, session::failure};
use crate::{
    Kind, dialect,
    failure::Failure,
    log::Mark,
    migrate::{ALL, Bench, TABLE},
    schema::Applied,
};

/// Any number that no other program on the server uses for its own advisory locks.
const LOCK: i64 = 0x504c_494d_534f_4c4c;

/// Tables with a tenant's column that row security does not bind yet.
const UNPROTECTED: &str = "SELECT quote_ident(c.relname) FROM pg_class c
    JOIN pg_namespace n ON n.oid = c.relnamespace
    JOIN pg_attribute a ON a.attrelid = c.oid AND a.attname = 'tenant_id' AND NOT a.attisdropped
    WHERE n.nspname = current_schema() AND c.relkind IN ('r', 'p')
        AND NOT EXISTS (SELECT 1 FROM pg_policy p WHERE p.polrelid = c.oid AND p.polname = 'plimsoll_tenant')";

struct Pg(Client);

/// A connection for changing the schema; holds the migrators' lock until it is dropped.
///
/// # Errors
/// [`plimsoll_core::Code::DatabaseUnavailable`] where there is no server,
/// [`plimsoll_core::Code::DatabaseBusy`] where another migrator holds the lock for a minute.
pub(crate) fn bench(dial: &Dial) -> Result<Box<dyn Bench>> {
    let client = dial.plain().map_err(|failure| failure.error())?;
    let mut bench = Pg(client);
    bench.batch("SET statement_timeout = 0; SET client_min_messages = warning; SET lock_timeout = '60s'")?;
    bench.batch(&format!("SELECT pg_advisory_lock({LOCK})"))?;
    Ok(Box::new(bench))
}

fn meant(error: &postgres::Error) -> plimsoll_core::Error {
    let found: Failure = failure(error);
    found.error()
}

impl Pg {
    fn batch(&mut self, text: &str) -> Result<()> {
        self.0.batch_execute(text).map_err(|error| meant(&error))
    }
}

impl Bench for Pg {
    fn begin(&mut self) -> Result<()> {
        self.batch("BEGIN; SET LOCAL plimsoll.tenant = '*'")?;
        let made = self.batch(&dialect::translate(Kind::Postgres, TABLE));
        if made.is_err() {
            self.rollback();
        }
        made
    }

    fn applied(&mut self) -> Result<Vec<Applied>> {
        let rows = self.0.query(ALL, &[]).map_err(|error| meant(&error))?;
        rows.iter()
            .map(|row| {
                let at = Time::from_micros(row.try_get(3)?);
                Ok(Applied { owner: row.try_get(0)?, id: row.try_get(1)?, checksum: row.try_get(2)?, at, version: row.try_get(4)? })
            })
            .collect()
    }

    fn run(&mut self, text: &str) -> Result<()> {
        self.batch(&dialect::translate(Kind::Postgres, text))
    }

    fn note(&mut self, one: &Applied) -> Result<()> {
        let sql = "INSERT INTO plimsoll_migration (owner, id, checksum, applied_at, version) VALUES ($1, $2, $3, $4, $5)";
        let done = self.0.execute(sql, &[&one.owner, &one.id, &one.checksum, &one.at.micros(), &one.version]);
        done.map(drop).map_err(|error| meant(&error))
    }

    fn erase(&mut self, owner: &str, id: &str) -> Result<()> {
        let done = self.0.execute("DELETE FROM plimsoll_migration WHERE owner = $1 AND id = $2", &[&owner, &id]);
        done.map(drop).map_err(|error| meant(&error))
    }

    fn mark(&mut self, at: Time, mark: &Mark) -> Result<()> {
        let exists = self.0.query_one("SELECT to_regclass('change_switch') IS NOT NULL", &[]).map_err(|error| meant(&error))?;
        if exists.try_get::<_, bool>(0)? {
            let sql = "INSERT INTO change_log (at, xid, body)
                SELECT $1, pg_current_xact_id()::text::bigint, $2 FROM change_switch WHERE logging = 1";
            self.0.execute(sql, &[&at.micros(), &mark.body()]).map_err(|error| meant(&error))?;
        }
        Ok(())
    }

    /// Binds every tenant's table by row security, its owner included. `*` is what the host's own
    /// transactions say; a session that says nothing sees nothing.
    fn finish(&mut self) -> Result<()> {
        let tables = self.0.query(UNPROTECTED, &[]).map_err(|error| meant(&error))?;
        for row in &tables {
            let table: &str = row.try_get(0)?;
            let rule = "current_setting('plimsoll.tenant', true) = tenant_id OR current_setting('plimsoll.tenant', true) = '*'";
            self.batch(&format!(
                "ALTER TABLE {table} ENABLE ROW LEVEL SECURITY; ALTER TABLE {table} FORCE ROW LEVEL SECURITY;
                 CREATE POLICY plimsoll_tenant ON {table} USING ({rule}) WITH CHECK ({rule});"
            ))?;
        }
        Ok(())
    }

    fn commit(&mut self) -> Result<()> {
        self.batch("COMMIT")
    }

    fn rollback(&mut self) {
        if let Err(error) = self.batch("ROLLBACK") {
            tracing::warn!(cause = ?error, "a migration could not be undone on this connection, which is closed now");
        }
    }
}
