//! How much waits, how long, and how fast it goes.

use std::time::Duration;

use plimsoll_core::{Result, Time};
use plimsoll_store::{FromRow, Row, Sql, Tx, bind};
use schemars::JsonSchema;
use serde::Serialize;

/// Jobs of one kind in one state.
#[derive(Debug, Clone, Serialize, JsonSchema)]
#[schemars(rename = "JobCount")]
pub struct Count {
    /// The kind.
    pub kind: String,
    /// The state.
    pub state: String,
    /// How many.
    pub count: i64,
}

impl FromRow for Count {
    fn from_row(row: &Row<'_>) -> Result<Count> {
        Ok(Count { kind: row.get(0)?, state: row.get(1)?, count: row.get(2)? })
    }
}

/// What happened in the last minutes.
#[derive(Debug, Clone, Serialize, JsonSchema)]
#[schemars(rename = "JobThroughput")]
pub struct Throughput {
    /// The last so many minutes.
    pub minutes: i64,
    /// Jobs that were done.
    pub done: i64,
    /// Jobs that became dead letters.
    pub dead: i64,
    /// Attempts that failed.
    pub failed: i64,
}

/// All of it.
#[derive(Debug, Clone, Serialize, JsonSchema)]
#[schemars(rename = "JobStats")]
pub struct Stats {
    /// When this was counted.
    pub at: Time,
    /// By kind and state; what is not there is 0.
    pub counts: Vec<Count>,
    /// Since when the oldest job that could run waits for a worker.
    pub oldest_ready_at: Option<Time>,
    /// How long that is, in seconds.
    pub oldest_ready_seconds: Option<f64>,
    /// When the oldest dead letter died.
    pub oldest_dead_at: Option<Time>,
    /// How long ago that is, in seconds.
    pub oldest_dead_seconds: Option<f64>,
    /// The last minute, the last five and the last fifteen.
    pub throughput: Vec<Throughput>,
}

const WINDOWS: [i64; 3] = [1, 5, 15];

/// Which jobs are counted.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Whose {
    /// Those of the transaction's tenant.
    Tenant,
    /// Everybody's, in the host's own scope.
    Everybody,
}

impl Whose {
    fn only(self, head: &'static str) -> Sql {
        let mut sql = Sql::from(head);
        sql.push(match self {
            Whose::Tenant => " WHERE tenant_id = :tenant",
            Whose::Everybody => " WHERE 1 = 1",
        });
        sql
    }
    fn with(self, head: &'static str, tail: &'static str) -> Sql {
        let mut sql = self.only(head);
        sql.push(tail);
        sql
    }
}

impl Stats {
    /// Counts.
    ///
    /// # Errors
    /// What the database says.
    pub fn count(tx: &Tx<'_>, whose: Whose, now: Time) -> Result<Stats> {
        let counts = tx.rows(whose.with("SELECT kind, state, COUNT(*) FROM job", " GROUP BY kind, state ORDER BY kind, state"), &[])?;
        let (ready, dead): (Option<Time>, Option<Time>) = tx.row(
            whose.with(
                "SELECT MIN(CASE WHEN state = 'ready' THEN run_at END), MIN(CASE WHEN state = 'dead' THEN finished_at END) FROM job",
                " AND state IN ('ready', 'dead')",
            ),
            &[],
        )?;
        let mut throughput = Vec::new();
        for minutes in WINDOWS {
            let since = now.minus(Duration::from_secs(60 * minutes.unsigned_abs()));
            let ended = |tail| tx.row::<i64>(whose.with("SELECT COUNT(*) FROM job", tail), bind! { since: since });
            throughput.push(Throughput {
                minutes,
                done: ended(" AND state = 'done' AND finished_at > :since")?,
                dead: ended(" AND state = 'dead' AND finished_at > :since")?,
                failed: tx.row(whose.with("SELECT COUNT(*) FROM job_failure", " AND at > :since"), bind! { since: since })?,
            });
        }
        Ok(Stats {
            at: now,
            counts,
            oldest_ready_at: ready,
            oldest_ready_seconds: ready.map(|at| now.since(at).as_secs_f64()),
            oldest_dead_at: dead,
            oldest_dead_seconds: dead.map(|at| now.since(at).as_secs_f64()),
            throughput,
        })
    }

    /// How many are in this state.
    pub fn in_state(&self, state: &str) -> i64 {
        self.counts.iter().filter(|count| count.state == state).map(|count| count.count).sum()
    }
}
