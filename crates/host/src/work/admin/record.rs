//! A job as people and programs see it.

use plimsoll_core::{JobId, Result, TenantId, Time};
use plimsoll_store::{FromRow, Row, Tx, bind};
use schemars::JsonSchema;
use serde::Serialize;
use serde_json::Value;

/// How an attempt failed last, without what only an administrator may read.
#[derive(Debug, Clone, Serialize, JsonSchema)]
#[schemars(rename = "JobError")]
pub struct Last {
    /// The stable code of the problem: `plimsoll explain` and `/problems` know it.
    pub code: String,
    /// What happened, in a sentence.
    pub detail: String,
    /// When.
    pub at: Time,
}

/// How far a running job has come, as far as it says so.
#[derive(Debug, Clone, Serialize, JsonSchema)]
#[schemars(rename = "JobProgress")]
pub struct Progress {
    /// Units that are done.
    pub done: Option<i64>,
    /// Units in all.
    pub total: Option<i64>,
    /// What is being done.
    pub note: Option<String>,
}

/// A line of a list.
#[derive(Debug, Clone, Serialize, JsonSchema)]
#[schemars(rename = "Job")]
pub struct Line {
    /// Its id.
    pub id: JobId,
    /// Whose it is; shown on the command line, where all tenants' jobs are listed.
    #[serde(skip)]
    pub tenant: TenantId,
    /// What it does, such as `songs.reindex`.
    pub kind: String,
    /// `waiting`, `ready`, `running`, `done`, `dead` or `cancelled`.
    pub state: String,
    /// 0 is served first, 9 last.
    pub priority: i64,
    /// Attempts so far, those before a replay included.
    pub attempts: i64,
    /// Attempts at which it becomes a dead letter.
    pub most_attempts: i64,
    /// How often it was replayed.
    pub replays: i64,
    /// Who made it.
    pub actor: String,
    /// The request that made it.
    pub request: Option<String>,
    /// When it was made.
    pub created_at: Time,
    /// Not before this moment.
    pub run_at: Time,
    /// When the last attempt began.
    pub started_at: Option<Time>,
    /// When it came to its end.
    pub finished_at: Option<Time>,
    /// How far it has come.
    pub progress: Option<Progress>,
    /// How the last attempt failed.
    pub error: Option<Last>,
    /// Since when it is to be cancelled; a running job ends at its next sign of life.
    pub cancel_at: Option<Time>,
    /// Why it was cancelled or discarded.
    pub reason: Option<String>,
}

/// The columns of a [`Line`], of `job j` and its last failure `f`.
pub(super) const LINE: &str = "SELECT j.tenant_id, j.id, j.kind, j.state, j.priority, j.attempt, j.most_attempts, j.replays, j.actor, j.request, \
     j.created_at, j.run_at, j.started_at, j.finished_at, j.done_units, j.total_units, j.progress, f.code, f.sentence, f.at, j.cancel_at, \
     j.reason FROM job j LEFT JOIN job_failure f ON f.tenant_id = j.tenant_id AND f.job_id = j.id AND f.seq = (SELECT MAX(l.seq) \
     FROM job_failure l WHERE l.tenant_id = j.tenant_id AND l.job_id = j.id)";

impl FromRow for Line {
    fn from_row(row: &Row<'_>) -> Result<Line> {
        let progress = Progress { done: row.get(14)?, total: row.get(15)?, note: row.get(16)? };
        let said = progress.done.is_some() || progress.total.is_some() || progress.note.is_some();
        let code: Option<String> = row.get(17)?;
        let error = match code {
            Some(code) => Some(Last { code, detail: row.get(18)?, at: row.get(19)? }),
            None => None,
        };
        Ok(Line {
            tenant: row.get(0)?,
            id: row.get(1)?,
            kind: row.get(2)?,
            state: row.get(3)?,
            priority: row.get(4)?,
            attempts: row.get(5)?,
            most_attempts: row.get(6)?,
            replays: row.get(7)?,
            actor: row.get(8)?,
            request: row.get(9)?,
            created_at: row.get(10)?,
            run_at: row.get(11)?,
            started_at: row.get(12)?,
            finished_at: row.get(13)?,
            progress: said.then_some(progress),
            error,
            cancel_at: row.get(20)?,
            reason: row.get(21)?,
        })
    }
}

/// One failed attempt.
#[derive(Debug, Clone, Serialize, JsonSchema)]
#[schemars(rename = "JobFailure")]
pub struct Failure {
    /// The number of the attempt.
    pub attempt: i64,
    /// When it failed.
    pub at: Time,
    /// The stable code of the problem.
    pub code: String,
    /// What happened, in a sentence.
    pub detail: String,
    /// What lay behind it, for who repairs it. Only for those who may see payloads.
    pub cause: Option<String>,
    /// The process that ran it.
    pub worker: String,
}

impl FromRow for Failure {
    fn from_row(row: &Row<'_>) -> Result<Failure> {
        Ok(Failure {
            attempt: row.get(0)?,
            at: row.get(1)?,
            code: row.get(2)?,
            detail: row.get(3)?,
            cause: row.get(4)?,
            worker: row.get(5)?,
        })
    }
}

/// A job with everything that is known about it.
#[derive(Debug, Clone, Serialize, JsonSchema)]
#[schemars(rename = "JobDetail")]
pub struct Detail {
    /// What lists show.
    #[serde(flatten)]
    pub line: Line,
    /// The trace of the request that made it.
    pub trace_id: Option<String>,
    /// What it was made with. Null for who may not see it; a text where it is no JSON.
    pub payload: Option<Value>,
    /// What it ended with. Null for who may not see it.
    pub result: Option<Value>,
    /// Until when it can be asked for, once it has ended; dead letters stay until they are settled.
    pub expires_at: Option<Time>,
    /// When an attempt failed first.
    pub first_failed_at: Option<Time>,
    /// When an attempt failed last.
    pub last_failed_at: Option<Time>,
    /// Every failed attempt, the first one first; of very many the last hundred.
    pub failures: Vec<Failure>,
}

/// Most failures that are shown of one job.
const CHAIN: i64 = 100;

struct Rest {
    traceparent: Option<String>,
    payload: String,
    result: Option<String>,
    expires_at: Option<Time>,
}

impl FromRow for Rest {
    fn from_row(row: &Row<'_>) -> Result<Rest> {
        Ok(Rest { traceparent: row.get(0)?, payload: row.get(1)?, result: row.get(2)?, expires_at: row.get(3)? })
    }
}

fn json(text: String) -> Value {
    serde_json::from_str(&text).unwrap_or(Value::String(text))
}

impl Detail {
    /// A job of the transaction's tenant, with everything.
    ///
    /// # Errors
    /// What the database says; no job is `None`.
    pub fn find(tx: &Tx<'_>, id: JobId) -> Result<Option<Detail>> {
        let mut sql = plimsoll_store::Sql::from(LINE);
        sql.push(" WHERE j.tenant_id = :tenant AND j.id = :id");
        let Some(line) = tx.maybe::<Line>(sql, bind! { id: id })? else { return Ok(None) };
        let rest: Rest =
            tx.row("SELECT traceparent, payload, result, expires_at FROM job WHERE tenant_id = :tenant AND id = :id", bind! { id: id })?;
        let mut failures: Vec<Failure> = tx.rows(
            "SELECT attempt, at, code, sentence, cause, worker FROM job_failure WHERE tenant_id = :tenant AND job_id = :id \
             ORDER BY seq DESC LIMIT :most",
            bind! { id: id, most: CHAIN },
        )?;
        failures.reverse();
        let (first, last): (Option<Time>, Option<Time>) =
            tx.row("SELECT MIN(at), MAX(at) FROM job_failure WHERE tenant_id = :tenant AND job_id = :id", bind! { id: id })?;
        Ok(Some(Detail {
            line,
            trace_id: rest.traceparent.and_then(|text| text.split('-').nth(1).map(str::to_owned)),
            payload: Some(json(rest.payload)),
            result: rest.result.map(json),
            expires_at: rest.expires_at,
            first_failed_at: first,
            last_failed_at: last,
            failures,
        }))
    }

    /// Without what only an administrator may read: what it was made with, and private causes.
    #[must_use]
    pub fn without_payload(mut self) -> Detail {
        self.payload = None;
        self.failures.iter_mut().for_each(|failure| failure.cause = None);
        self
    }
}
