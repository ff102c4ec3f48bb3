//! Which jobs: one filter for lists and for orders about many.

use std::time::Duration;

use plimsoll_core::{Result, Time};
use plimsoll_store::{Bind, Sql, Tx, Value as Bound};

use super::record::{LINE, Line};

/// The states of a job, in the order of its life.
pub const STATES: [&str; 6] = ["waiting", "ready", "running", "done", "dead", "cancelled"];

/// Which jobs. Of the transaction's tenant, or of all tenants in the host's own scope.
#[derive(Debug, Clone, Default)]
pub struct Filter {
    /// One of [`STATES`].
    pub state: Option<String>,
    /// A kind, or the beginning of one followed by a star (`webhook.*`).
    pub kind: Option<String>,
    /// The request that made it.
    pub request: Option<String>,
    /// Who made it.
    pub actor: Option<String>,
    /// The code of its last failure.
    pub code: Option<String>,
    /// Made at this moment or later.
    pub made_from: Option<Time>,
    /// Made before this moment.
    pub made_to: Option<Time>,
    /// Came to its end at this moment or later.
    pub ended_from: Option<Time>,
    /// Came to its end before this moment.
    pub ended_to: Option<Time>,
    /// Whether jobs of all tenants are meant: in the host's own scope only.
    pub everywhere: bool,
}

impl Filter {
    /// Only jobs that were made longer ago than this.
    pub fn older_than(&mut self, now: Time, age: Duration) {
        let moment = now.minus(age);
        self.made_to = Some(self.made_to.map_or(moment, |to| to.min(moment)));
    }

    /// `head` with the conditions, and the values they bind. `end` is where a kind's prefix ends.
    fn with<'a>(&'a self, head: &'static str, end: &'a str) -> (Sql, Vec<(&'static str, Bound<'a>)>) {
        let (mut sql, mut bound) = (Sql::from(head), Vec::new());
        sql.push(if self.everywhere { " WHERE 1 = 1" } else { " WHERE j.tenant_id = :tenant" });
        if let Some(kind) = &self.kind {
            if let Some(prefix) = kind.strip_suffix('*') {
                sql.push(" AND j.kind >= :kind AND j.kind < :kind_end");
                bound.extend([("kind", Bound::Text(prefix)), ("kind_end", Bound::Text(end))]);
            } else {
                sql.push(" AND j.kind = :kind");
                bound.push(("kind", kind.value()));
            }
        }
        let last = " AND EXISTS (SELECT 1 FROM job_failure c WHERE c.tenant_id = j.tenant_id AND c.job_id = j.id AND c.code = :code \
                    AND c.seq = (SELECT MAX(l.seq) FROM job_failure l WHERE l.tenant_id = j.tenant_id AND l.job_id = j.id))";
        for (name, condition, value) in [
            ("state", " AND j.state = :state", &self.state),
            ("request", " AND j.request = :request", &self.request),
            ("actor", " AND j.actor = :actor", &self.actor),
            ("code", last, &self.code),
        ] {
            if let Some(value) = value {
                sql.push(condition);
                bound.push((name, value.value()));
            }
        }
        for (name, condition, value) in [
            ("made_from", " AND j.created_at >= :made_from", self.made_from),
            ("made_to", " AND j.created_at < :made_to", self.made_to),
            ("ended_from", " AND j.finished_at >= :ended_from", self.ended_from),
            ("ended_to", " AND j.finished_at < :ended_to", self.ended_to),
        ] {
            if let Some(value) = value {
                sql.push(condition);
                bound.push((name, Bound::Int(value.micros())));
            }
        }
        (sql, bound)
    }

    fn end(&self) -> String {
        self.kind.as_deref().and_then(|kind| kind.strip_suffix('*')).map_or_else(String::new, |prefix| format!("{prefix}\u{10ffff}"))
    }

    /// How many there are.
    ///
    /// # Errors
    /// What the database says.
    pub fn count(&self, tx: &Tx<'_>) -> Result<i64> {
        let end = self.end();
        let (sql, bound) = self.with("SELECT COUNT(*) FROM job j", &end);
        tx.row(sql, &bound)
    }

    /// Some of them, newest first.
    ///
    /// # Errors
    /// What the database says.
    pub fn lines(&self, tx: &Tx<'_>, limit: i64, offset: i64) -> Result<Vec<Line>> {
        self.sorted(tx, " ORDER BY j.created_at DESC, j.id DESC LIMIT :limit OFFSET :offset", limit, offset)
    }

    /// The ones that came to their end first: the order in which many are replayed.
    ///
    /// # Errors
    /// What the database says.
    pub fn oldest(&self, tx: &Tx<'_>, limit: i64) -> Result<Vec<Line>> {
        self.sorted(tx, " ORDER BY j.finished_at, j.id LIMIT :limit OFFSET :offset", limit, 0)
    }

    fn sorted(&self, tx: &Tx<'_>, order: &'static str, limit: i64, offset: i64) -> Result<Vec<Line>> {
        let end = self.end();
        let (mut sql, mut bound) = self.with(LINE, &end);
        sql.push(order);
        bound.extend([("limit", Bound::Int(limit)), ("offset", Bound::Int(offset))]);
        tx.rows(sql, &bound)
    }
}
