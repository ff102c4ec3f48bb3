//! What is on record of backups and drills.

use plimsoll_core::{Code, Error, Result, Time};
use plimsoll_store::{FromRow, Pace, Row, Scope, Store, Tx, bind};
use schemars::JsonSchema;
use serde::Serialize;

static PACE: Pace = Pace::new();

/// How a backup went.
#[derive(Debug, Clone, Serialize, JsonSchema)]
pub struct Backup {
    /// Its id.
    pub id: String,
    /// Its name at the place.
    pub name: String,
    /// `running`, `whole`, `failed` or `pruned`.
    pub state: String,
    /// When it began; everything acknowledged before is in it.
    pub started_at: Time,
    /// When it was complete.
    pub finished_at: Option<Time>,
    /// Length in bytes.
    pub bytes: Option<i64>,
    /// How many rows it holds.
    pub rows: Option<i64>,
    /// SHA-256 of the file.
    pub digest: Option<String>,
    /// Where it lies.
    pub place: String,
    /// The code of the problem, where it failed.
    pub code: Option<String>,
    /// What was wrong, where it failed.
    pub reason: Option<String>,
}

impl FromRow for Backup {
    fn from_row(row: &Row<'_>) -> Result<Backup> {
        Ok(Backup {
            id: row.get(0)?,
            name: row.get(1)?,
            state: row.get(2)?,
            started_at: row.get(3)?,
            finished_at: row.get(4)?,
            bytes: row.get(5)?,
            rows: row.get(6)?,
            digest: row.get(7)?,
            place: row.get(8)?,
            code: row.get(9)?,
            reason: row.get(10)?,
        })
    }
}

/// How a drill went.
#[derive(Debug, Clone, Serialize, JsonSchema)]
pub struct Drill {
    /// Its id.
    pub id: String,
    /// The backup that was restored.
    pub backup_id: Option<String>,
    /// When it began.
    pub started_at: Time,
    /// Whether everything was as it should be.
    pub good: bool,
    /// How old the newest backup was, in seconds: what would have been lost.
    pub rpo_seconds: Option<i64>,
    /// How long it took until the data was there again, in milliseconds.
    pub rto_millis: Option<i64>,
    /// How many rows were restored and compared.
    pub rows: Option<i64>,
    /// What was not as it should be.
    pub findings: Vec<String>,
}

impl FromRow for Drill {
    fn from_row(row: &Row<'_>) -> Result<Drill> {
        let findings: String = row.get(7)?;
        Ok(Drill {
            id: row.get(0)?,
            backup_id: row.get(1)?,
            started_at: row.get(2)?,
            good: row.get::<i64>(3)? != 0,
            rpo_seconds: row.get(4)?,
            rto_millis: row.get(5)?,
            rows: row.get(6)?,
            findings: serde_json::from_str(&findings).unwrap_or_default(),
        })
    }
}

/// Puts a backup on record that begins now. The sentinel travels in it.
pub(super) fn begin(tx: &mut Tx<'_>, id: &str, name: &str, place: &str, sentinel: &str, now: Time) -> Result<()> {
    tx.write(
        "INSERT INTO backup (id, name, state, sentinel, started_at, place) VALUES (:id, :name, 'running', :sentinel, :now, :place)",
        bind! { id: id, name: name, sentinel: sentinel, now: now, place: place },
    )?;
    Ok(())
}

/// Puts on record that a backup is complete.
pub(super) fn whole(tx: &mut Tx<'_>, id: &str, now: Time, bytes: i64, rows: i64, digest: &str) -> Result<()> {
    tx.write(
        "UPDATE backup SET state = 'whole', finished_at = :now, bytes = :bytes, rows = :rows, digest = :digest WHERE id = :id",
        bind! { id: id, now: now, bytes: bytes, rows: rows, digest: digest },
    )?;
    Ok(())
}

/// Puts on record that a backup failed.
pub(super) fn failed(tx: &mut Tx<'_>, id: &str, now: Time, error: &Error) -> Result<()> {
    tx.write(
        "UPDATE backup SET state = 'failed', finished_at = :now, code = :code, reason = :reason WHERE id = :id",
        bind! { id: id, now: now, code: *error.code().stable(), reason: *error.public() },
    )?;
    Ok(())
}

/// Puts on record that a backup was removed.
pub(super) fn pruned(tx: &mut Tx<'_>, id: &str) -> Result<()> {
    tx.write("UPDATE backup SET state = 'pruned' WHERE id = :id", bind! { id: id })?;
    Ok(())
}

/// Puts a drill on record.
pub(super) fn drilled(tx: &mut Tx<'_>, drill: &Drill) -> Result<()> {
    let findings = serde_json::to_string(&drill.findings)?;
    tx.write(
        "INSERT INTO drill (id, backup_id, started_at, good, rpo_seconds, rto_millis, rows, findings) \
         VALUES (:id, :backup, :at, :good, :rpo, :rto, :rows, :findings)",
        bind! {
            id: drill.id, backup: drill.backup_id, at: drill.started_at, good: drill.good, rpo: drill.rpo_seconds,
            rto: drill.rto_millis, rows: drill.rows, findings: findings,
        },
    )?;
    Ok(())
}

const BACKUP: &str = "SELECT id, name, state, started_at, finished_at, bytes, rows, digest, place, code, reason FROM backup";
const DRILL: &str = "SELECT id, backup_id, started_at, good, rpo_seconds, rto_millis, rows, findings FROM drill";

fn with(head: &'static str, tail: &'static str) -> plimsoll_store::Sql {
    let mut sql = plimsoll_store::Sql::from(head);
    sql.push(tail);
    sql
}

/// A backup that is on record.
///
/// # Errors
/// [`Code::NotFound`].
pub async fn backup(store: &Store, id: &str) -> Result<Backup> {
    let id = id.to_owned();
    store
        .read(Scope::Host, &PACE, move |tx| {
            tx.maybe(with(BACKUP, " WHERE id = :id"), bind! { id: id })?.ok_or_else(|| Code::NotFound.because("There is no such backup."))
        })
        .await
}

/// The newest backups, the newest first.
///
/// # Errors
/// What the database says.
pub async fn backups(store: &Store, limit: i64) -> Result<Vec<Backup>> {
    store
        .read(Scope::Host, &PACE, move |tx| {
            tx.rows(with(BACKUP, " ORDER BY started_at DESC, id DESC LIMIT :limit"), bind! { limit: limit })
        })
        .await
}

/// The newest drills, the newest first.
///
/// # Errors
/// What the database says.
pub async fn drills(store: &Store, limit: i64) -> Result<Vec<Drill>> {
    store
        .read(Scope::Host, &PACE, move |tx| tx.rows(with(DRILL, " ORDER BY started_at DESC, id DESC LIMIT :limit"), bind! { limit: limit }))
        .await
}

/// The newest backup that is whole, and the newest drill that was good.
///
/// # Errors
/// What the database says.
pub async fn newest(store: &Store) -> Result<(Option<Backup>, Option<Drill>)> {
    store
        .read(Scope::Host, &PACE, |tx| {
            let backup = tx.maybe(with(BACKUP, " WHERE state = 'whole' ORDER BY started_at DESC LIMIT 1"), &[])?;
            let drill = tx.maybe(with(DRILL, " WHERE good = 1 ORDER BY started_at DESC LIMIT 1"), &[])?;
            Ok((backup, drill))
        })
        .await
}
