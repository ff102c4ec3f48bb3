//! One SQLite connection: how it is set up, how statements run on it, what its errors mean.

use std::{
    cell::RefCell,
    fs,
    path::Path,
    sync::{
        Arc,
        atomic::{AtomicU64, Ordering},
    },
    time::{Duration, Instant},
};

use plimsoll_core::{Code, Error, Result};
use rusqlite::{
    OpenFlags, ToSql,
    config::DbConfig,
    ffi,
    types::{ToSqlOutput, ValueRef},
};

use crate::{
    failure::Failure,
    row::Row,
    settings::Settings,
    sql::{Plans, mistake},
    tx::{Bound, Stop, Visit},
    value::Value,
};

/// How many virtual machine steps run between two looks at the clock: a few microseconds' worth.
const STEPS: i32 = 4000;
/// More than the statements of one service, so that none is prepared twice.
const STATEMENTS: usize = 1024;

/// A connection and what belongs to it.
pub(crate) struct Connection {
    pub(crate) raw: rusqlite::Connection,
    pub(crate) plans: RefCell<Plans>,
    limit: Duration,
    opened: Instant,
    /// Microseconds after `opened` at which the running statement is stopped; 0 while none runs.
    deadline: Arc<AtomicU64>,
}

/// What a connection is for.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Use {
    Write,
    Read,
    /// Reads for long: no limit on statements, and what has to be sorted goes to disk.
    Snapshot,
    /// Changes the schema: no limit on statements, foreign keys checked at the end.
    Migrate,
}

impl Connection {
    /// Opens the file, which is made with its folder for writers, and checks its setup.
    ///
    /// # Errors
    /// [`Code::DatabaseUnavailable`] where the file cannot be opened or set up as required.
    pub(crate) fn open(path: &Path, usage: Use, settings: &Settings) -> Result<Connection> {
        let reads = matches!(usage, Use::Read | Use::Snapshot);
        let access = if reads { OpenFlags::SQLITE_OPEN_READ_ONLY } else { OpenFlags::SQLITE_OPEN_READ_WRITE };
        if !reads {
            create(path)?;
        }
        let raw = rusqlite::Connection::open_with_flags(path, access | OpenFlags::SQLITE_OPEN_NO_MUTEX).map_err(|error| refused(&error))?;
        let mut connection = Connection {
            raw,
            plans: RefCell::default(),
            limit: settings.statement_timeout,
            opened: Instant::now(),
            deadline: Arc::default(),
        };
        connection.set_up(usage, settings).map_err(|error| refused(&error))?;
        connection.assert(usage)?;
        Ok(connection)
    }

    fn set_up(&mut self, usage: Use, settings: &Settings) -> rusqlite::Result<()> {
        let raw = &mut self.raw;
        raw.busy_timeout(if usage == Use::Migrate { Duration::from_secs(60) } else { settings.acquire_timeout })?;
        raw.set_db_config(DbConfig::SQLITE_DBCONFIG_DQS_DML, false)?;
        raw.set_db_config(DbConfig::SQLITE_DBCONFIG_DQS_DDL, false)?;
        // LIKE tells letters apart by case, as PostgreSQL's does.
        raw.execute_batch("PRAGMA trusted_schema = OFF; PRAGMA case_sensitive_like = ON;")?;
        raw.execute_batch(if usage == Use::Snapshot { "PRAGMA temp_store = FILE;" } else { "PRAGMA temp_store = MEMORY;" })?;
        if matches!(usage, Use::Read | Use::Snapshot) {
            raw.execute_batch("PRAGMA query_only = ON;")?;
        } else {
            raw.execute_batch("PRAGMA journal_mode = WAL; PRAGMA synchronous = FULL; PRAGMA journal_size_limit = 67108864;")?;
        }
        if let (Some(pages), Use::Write) = (settings.page_limit, usage) {
            raw.execute_batch(&format!("PRAGMA max_page_count = {pages};"))?;
        }
        raw.execute_batch(if usage == Use::Migrate { "PRAGMA foreign_keys = OFF;" } else { "PRAGMA foreign_keys = ON;" })?;
        raw.set_prepared_statement_cache_capacity(STATEMENTS);
        if matches!(usage, Use::Read | Use::Write) {
            let (deadline, opened) = (self.deadline.clone(), self.opened);
            raw.progress_handler(
                STEPS,
                Some(move || {
                    let end = deadline.load(Ordering::Relaxed);
                    end != 0 && micros(opened.elapsed()) > end
                }),
            )?;
        }
        Ok(())
    }

    /// A setting that silently did not take would be found out when data is lost.
    fn assert(&self, usage: Use) -> Result<()> {
        let expected: &[(&str, &str)] = match usage {
            Use::Write => &[("journal_mode", "wal"), ("synchronous", "2"), ("foreign_keys", "1"), ("trusted_schema", "0")],
            Use::Read | Use::Snapshot => &[("journal_mode", "wal"), ("query_only", "1"), ("trusted_schema", "0")],
            Use::Migrate => &[("journal_mode", "wal"), ("synchronous", "2"), ("foreign_keys", "0")],
        };
        for (pragma, wanted) in expected {
            let found = self.raw.pragma_query_value(None, pragma, |row| {
                Ok(match row.get_ref(0)? {
                    ValueRef::Integer(number) => number.to_string(),
                    other => other.as_str().unwrap_or_default().to_string(),
                })
            });
            let found = found.map_err(|error| refused(&error))?;
            if found != *wanted {
                let sentence = "The database file cannot be used safely: its file system may not support what SQLite's write-ahead log needs. \
                                Put the data folder on a local disk.";
                return Err(Code::DatabaseUnavailable.because(sentence).caused_by(format!("{pragma} is {found}, not {wanted}")));
            }
        }
        Ok(())
    }

    /// Runs `BEGIN`, `SAVEPOINT` and their like.
    pub(crate) fn control(&self, text: &str) -> Result<(), Failure> {
        self.raw.prepare_cached(text).and_then(|mut statement| statement.raw_execute()).map(drop).map_err(|error| failure(&error))
    }

    /// Runs a statement without rows; how many rows it changed.
    pub(crate) fn execute(&self, bound: &Bound<'_>) -> Result<u64, Stop> {
        let mut statement = self.prepare(bound)?;
        if statement.column_count() > 0 {
            return Err(Stop::Above(mistake("a statement with RETURNING is run with `writing`", bound.text.text())));
        }
        let _running = self.running();
        let changed = statement.raw_execute().map_err(|error| Stop::Failed(failure(&error)))?;
        Ok(changed as u64)
    }

    /// Runs a statement and shows its rows to `visit` for as long as that wants more.
    pub(crate) fn query(&self, bound: &Bound<'_>, visit: Visit<'_>) -> Result<u64, Stop> {
        let mut statement = self.prepare(bound)?;
        let columns = statement.column_count();
        let _running = self.running();
        let mut rows = statement.raw_query();
        let mut seen = 0;
        while let Some(row) = rows.next().map_err(|error| Stop::Failed(failure(&error)))? {
            seen += 1;
            if !visit(&Row::lite(row, columns)).map_err(Stop::Above)? {
                break;
            }
        }
        Ok(seen)
    }

    fn prepare(&self, bound: &Bound<'_>) -> Result<rusqlite::CachedStatement<'_>, Stop> {
        let failed = |error: rusqlite::Error| Stop::Failed(failure(&error));
        let mut statement = self.raw.prepare_cached(bound.text.text()).map_err(failed)?;
        if statement.parameter_count() != bound.values.len() {
            return Err(Stop::Above(mistake("the database sees other parameters than were found", bound.text.text())));
        }
        for (at, value) in bound.values.iter().enumerate() {
            statement.raw_bind_parameter(at + 1, Given(value)).map_err(failed)?;
        }
        Ok(statement)
    }

    fn running(&self) -> Running<'_> {
        self.deadline.store(micros(self.opened.elapsed() + self.limit).max(1), Ordering::Relaxed);
        Running(&self.deadline)
    }
}

/// Takes the deadline away when a statement ends, however it ends.
struct Running<'a>(&'a AtomicU64);

impl Drop for Running<'_> {
    fn drop(&mut self) {
        self.0.store(0, Ordering::Relaxed);
    }
}

fn micros(duration: Duration) -> u64 {
    u64::try_from(duration.as_micros()).unwrap_or(u64::MAX)
}

/// Makes the folder and an empty file that only this user can read.
fn create(path: &Path) -> Result<()> {
    let unable = |error: std::io::Error| {
        Code::DatabaseUnavailable
            .because("The database file cannot be made: check that the data folder exists and can be written by this user.")
            .caused_by(error)
    };
    let mut folders = fs::DirBuilder::new();
    let mut file = fs::OpenOptions::new();
    #[cfg(unix)]
    {
        use std::os::unix::fs::{DirBuilderExt, OpenOptionsExt};
        folders.mode(0o700);
        file.mode(0o600);
    }
    if let Some(folder) = path.parent().filter(|folder| !folder.as_os_str().is_empty()) {
        folders.recursive(true).create(folder).map_err(unable)?;
    }
    file.create(true).append(true).open(path).map(drop).map_err(unable)
}

/// A borrowed value on its way into a statement.
struct Given<'a>(&'a Value<'a>);

impl ToSql for Given<'_> {
    fn to_sql(&self) -> rusqlite::Result<ToSqlOutput<'_>> {
        Ok(ToSqlOutput::Borrowed(match self.0 {
            Value::Null => ValueRef::Null,
            Value::Int(number) => ValueRef::Integer(*number),
            Value::Real(number) => ValueRef::Real(*number),
            Value::Text(text) => ValueRef::Text(text.as_bytes()),
            Value::Blob(bytes) => ValueRef::Blob(bytes),
            Value::Id(id) => ValueRef::Text(id.as_str().as_bytes()),
        }))
    }
}

/// The value of a column, whose number has been checked.
pub(crate) fn value<'r>(row: &'r rusqlite::Row<'_>, column: usize) -> Result<Value<'r>> {
    Ok(match row.get_ref(column)? {
        ValueRef::Null => Value::Null,
        ValueRef::Integer(number) => Value::Int(number),
        ValueRef::Real(number) => Value::Real(number),
        ValueRef::Text(bytes) => Value::Text(std::str::from_utf8(bytes)?),
        ValueRef::Blob(bytes) => Value::Blob(bytes),
    })
}

/// What SQLite's errors mean to a caller. Its messages name tables and columns, never values.
pub(crate) fn failure(error: &rusqlite::Error) -> Failure {
    use ffi::ErrorCode as E;
    let meaning = match error.sqlite_error() {
        None => Failure::internal(),
        Some(found) => match (found.code, found.extended_code) {
            (E::DiskFull, _) | (_, ffi::SQLITE_IOERR_SHMSIZE) => Failure::full(),
            (E::DatabaseBusy | E::DatabaseLocked, _) => Failure::busy(),
            (E::OperationInterrupted, _) => Failure::slow(),
            (E::ConstraintViolation, ffi::SQLITE_CONSTRAINT_FOREIGNKEY) => Failure::conflict("foreign_key"),
            // `ON DELETE RESTRICT` is a trigger inside SQLite.
            (E::ConstraintViolation, ffi::SQLITE_CONSTRAINT_TRIGGER) if error.to_string().starts_with("FOREIGN KEY") => {
                Failure::conflict("foreign_key")
            }
            (E::ConstraintViolation, ffi::SQLITE_CONSTRAINT_UNIQUE | ffi::SQLITE_CONSTRAINT_PRIMARYKEY | ffi::SQLITE_CONSTRAINT_ROWID) => {
                Failure::conflict("unique")
            }
            (E::ConstraintViolation | E::TooBig, _) => Failure::invalid(),
            (E::SystemIoFailure | E::CannotOpen | E::ReadOnly | E::PermissionDenied | E::FileLockingProtocolFailed, _) => Failure::away(),
            _ => Failure::internal(),
        },
    };
    // The display form of a failed preparation repeats the statement, which is source text.
    meaning.caused(error.to_string())
}

fn refused(error: &rusqlite::Error) -> Error {
    let found = failure(error);
    match found.code {
        Code::Internal => Code::DatabaseUnavailable
            .because("The database file cannot be opened: it may be damaged, or not be a database.")
            .caused_by(error.to_string()),
        _ => found.error(),
    }
}
