//! What a store is told before it opens.

use std::{fmt, num::NonZero, path::PathBuf, thread::available_parallelism, time::Duration};

use plimsoll_core::Clock;

/// Where the data lies.
#[derive(Clone)]
pub enum Place {
    /// One file, opened by this process.
    Sqlite {
        /// The database file; its folder is made where it is missing.
        path: PathBuf,
    },
    /// A server, reached over the network or a local socket.
    Postgres {
        /// `postgres://user:password@host:port/database?sslmode=require`, or `key=value` pairs.
        url: String,
    },
}

/// A server's address may hold a password, so only its kind is shown.
impl fmt::Debug for Place {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Place::Sqlite { path } => f.debug_struct("Sqlite").field("path", path).finish(),
            Place::Postgres { .. } => f.write_str("Postgres(address withheld)"),
        }
    }
}

/// How a store behaves. The default suits one machine and a SQLite file in the current folder.
#[derive(Clone)]
pub struct Settings {
    /// Which database.
    pub place: Place,
    /// Threads that read, each with a connection; SQLite keeps as many connections again for
    /// reads that are quick enough to run where they are asked.
    pub readers: usize,
    /// Threads that write to PostgreSQL, each with a connection. SQLite has one writer by nature.
    pub writers: usize,
    /// How many reads, and how many writes per lane, may wait before further ones are refused.
    pub queue: usize,
    /// How long a caller waits for its work to start, a lock to become free, a connection to open.
    pub acquire_timeout: Duration,
    /// How long one statement may run.
    pub statement_timeout: Duration,
    /// A statement that takes at least this long is logged, without its values.
    pub slow_statement: Duration,
    /// The most pages (of 4096 bytes) a SQLite file may grow to: a quota.
    pub page_limit: Option<u32>,
    /// PEM file with certificates to trust for PostgreSQL besides the public ones.
    pub root_certificates: Option<PathBuf>,
    /// Whether a connection that is dead when work begins is renewed for that work. Only the proof
    /// that it is switches it off.
    pub renew: bool,
    /// Tables whose changes the change log leaves out: what nobody needs after a restore.
    pub unlogged: &'static [&'static str],
    /// Says when a migration was applied, and on SQLite when a change was logged.
    pub clock: Clock,
}

impl Default for Settings {
    fn default() -> Settings {
        Settings {
            place: Place::Sqlite { path: PathBuf::from("plimsoll-data/plimsoll.db") },
            readers: available_parallelism().map_or(4, NonZero::get).clamp(2, 16),
            writers: 4,
            queue: 4096,
            acquire_timeout: Duration::from_secs(2),
            statement_timeout: Duration::from_secs(5),
            slow_statement: Duration::from_millis(200),
            page_limit: None,
            root_certificates: None,
            renew: true,
            unlogged: &[],
            clock: Clock::system(),
        }
    }
}
