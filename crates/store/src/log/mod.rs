//! The change log: what every transaction changed, written in that very transaction, so that a
//! backup and the log after it give any later moment back.
//!
//! While the log is on, each statement that changes rows is asked to return them (`RETURNING`), and
//! before the commit one row goes into `change_log` with all that the transaction changed: the rows
//! as they are now, and the keys of those that are gone. What was undone, by a savepoint or with the
//! change as a whole, is not in it. A change that cannot be seen completely (a key that is
//! overwritten, a table without a key, a delete that takes other tables' rows with it) is refused.
//!
//! **Whether the log is on stands in the database**, not in a setting of a process: every writer of
//! every process looks at the start of its transaction, so there is no change beside the log.
//!
//! **Order.** On SQLite the number of an entry is the order of commits. On PostgreSQL tenants commit
//! side by side, and an entry may become visible after one with a higher number; the number is drawn
//! when the transaction holds all its locks, so of two transactions that touch the same row or see
//! each other the later one has the higher number. Whoever ships the log in rounds keeps the order
//! of (round, number). A snapshot's [`Position`] says exactly which entries it holds.
//!
//! **Not in it:** what a migration does to rows. It leaves a mark instead, past which nothing is
//! replayed onto rows from before.

mod capture;
mod entry;
mod replay;
mod statement;
mod switch;

pub(crate) use capture::Capture;
pub use capture::Mark;
pub use entry::{Body, Change, Entry, Named, Position, changes};
pub(crate) use statement::{Logged, Watched, changes as changes_rows, watch};
pub use switch::LogState;

/// The table of the log, and the row that says whether it is on.
pub(crate) const MIGRATION: crate::Migration = crate::Migration {
    id: "0002_change_log",
    up: "CREATE TABLE change_log (
            seq INTEGER PRIMARY KEY AUTOINCREMENT,
            at INTEGER NOT NULL,
            xid INTEGER NOT NULL,
            body BLOB NOT NULL
        ) STRICT;
        CREATE TABLE change_switch (
            one INTEGER NOT NULL PRIMARY KEY CHECK (one = 1),
            logging INTEGER NOT NULL,
            log_id TEXT NOT NULL,
            since INTEGER,
            shipper TEXT,
            shipper_until INTEGER
        ) STRICT;",
    down: "DROP TABLE change_switch; DROP TABLE change_log;",
};
