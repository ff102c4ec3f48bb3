//! Whether a file may be replaced.

use std::path::Path;

use plimsoll_core::{Code, Result};
use rusqlite::{ErrorCode, OpenFlags};

/// Whether nobody else has the SQLite file at `path` open. What its write-ahead log held is in the
/// file then, and the log is gone, so that the file alone is the whole database. A file that is
/// none, or is damaged, is nobody's.
///
/// # Errors
/// [`Code::DatabaseUnavailable`] where the file cannot be opened.
pub fn settle_alone(path: &Path) -> Result<bool> {
    let refused = |error: rusqlite::Error| Code::DatabaseUnavailable.because("The database file cannot be opened.").caused_by(error);
    let raw = rusqlite::Connection::open_with_flags(path, OpenFlags::SQLITE_OPEN_READ_WRITE).map_err(refused)?;
    // Leaving the write-ahead log needs the file for oneself.
    match raw.query_row("PRAGMA journal_mode = DELETE", [], |row| row.get::<_, String>(0)) {
        Ok(mode) => Ok(mode == "delete"),
        Err(error) => match error.sqlite_error_code() {
            Some(ErrorCode::DatabaseBusy | ErrorCode::DatabaseLocked) => Ok(false),
            Some(ErrorCode::NotADatabase | ErrorCode::DatabaseCorrupt) => Ok(true),
            _ => Err(refused(error)),
        },
    }
}
