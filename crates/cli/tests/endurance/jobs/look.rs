//! The database itself, as no process of ours shows it.

use std::{
    collections::BTreeMap,
    path::{Path, PathBuf},
};

use plimsoll_core::Time;
use plimsoll_testkit::{both::Ground, postgres};

/// Reads the tables directly.
#[derive(Clone)]
pub enum Eye {
    Sqlite(PathBuf),
    Postgres(String),
}

/// A job as it was left.
#[derive(Debug)]
pub struct Left {
    pub name: String,
    pub state: String,
    pub attempt: i64,
}

/// Everything there is.
#[derive(Debug)]
pub struct Kept {
    pub jobs: BTreeMap<String, Left>,
    /// Attempt and code of each failure, in order, by job.
    pub failures: BTreeMap<String, Vec<(i64, String)>>,
    /// How many artists have this name.
    pub artists: BTreeMap<String, usize>,
}

impl Eye {
    /// On the data of this ground; `home` is where a SQLite file lies otherwise.
    pub fn new(ground: &Ground, home: &Path) -> Eye {
        let file = |folder: &Path| folder.join("plimsoll.db");
        match ground.url() {
            Some(url) => Eye::Postgres(url.to_owned()),
            None if file(ground.data.path()).exists() => Eye::Sqlite(file(ground.data.path())),
            None => Eye::Sqlite(file(home)),
        }
    }

    /// All rows of a query whose columns are texts; `None` while there is no database.
    pub fn rows(&self, sql: &str) -> Option<Vec<Vec<String>>> {
        match self {
            Eye::Sqlite(path) => {
                let flags = rusqlite::OpenFlags::SQLITE_OPEN_READ_ONLY;
                let database = rusqlite::Connection::open_with_flags(path, flags).unwrap();
                database.busy_timeout(std::time::Duration::from_secs(10)).unwrap();
                let mut statement = database.prepare(sql).unwrap();
                let count = statement.column_count();
                let rows = statement.query_map([], |row| (0..count).map(|at| row.get::<_, String>(at)).collect()).unwrap();
                Some(rows.map(Result::unwrap).collect())
            }
            Eye::Postgres(url) => postgres::attempt(url, |client| {
                client.batch_execute("SET plimsoll.tenant = '*'")?;
                let rows = client.query(sql, &[])?;
                Ok(rows.iter().map(|row| (0..row.len()).map(|at| row.get::<_, String>(at)).collect()).collect())
            })
            .ok(),
        }
    }

    /// How many jobs are not at their end.
    pub fn open(&self) -> Option<i64> {
        let rows = self.rows("SELECT CAST(COUNT(*) AS TEXT) FROM job WHERE state IN ('waiting', 'ready', 'running')")?;
        rows[0][0].parse().ok()
    }

    /// By how much the oldest lease is over, in microseconds; `None` where there is none, or no database.
    pub fn overdue(&self, now: Time) -> Option<i64> {
        let rows = self.rows("SELECT COALESCE(CAST(MIN(lease_until) AS TEXT), '') FROM job WHERE state = 'running'")?;
        Some(now.micros() - rows[0][0].parse::<i64>().ok()?)
    }

    /// Everything.
    pub fn kept(&self) -> Kept {
        let jobs = self.rows("SELECT id, state, CAST(attempt AS TEXT), payload FROM job WHERE kind LIKE 'rehearsal.%'").unwrap();
        let failures = self.rows("SELECT job_id, CAST(attempt AS TEXT), code FROM job_failure ORDER BY tenant_id, job_id, seq").unwrap();
        let artists = self.rows("SELECT name, CAST(COUNT(*) AS TEXT) FROM artist GROUP BY name").unwrap();
        let mut kept = Kept { jobs: BTreeMap::new(), failures: BTreeMap::new(), artists: BTreeMap::new() };
        for row in jobs {
            let payload: serde_json::Value = serde_json::from_str(&row[3]).unwrap();
            let left = Left { name: payload["name"].as_str().unwrap().to_owned(), state: row[1].clone(), attempt: row[2].parse().unwrap() };
            assert!(kept.jobs.insert(row[0].clone(), left).is_none(), "{} is there twice", row[0]);
        }
        for row in failures {
            kept.failures.entry(row[0].clone()).or_default().push((row[1].parse().unwrap(), row[2].clone()));
        }
        for row in artists {
            kept.artists.insert(row[0].clone(), row[1].parse().unwrap());
        }
        kept
    }
}
