//! What is on record of backups and drills.

use plimsoll_core::{BackupId, Code, Error, Result, Time};
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

/// A backup that is about to begin.
#[derive(Debug, Clone)]
pub struct Draft {
    /// Its id.
    pub id: BackupId,
    /// Its name at the place.
    pub name: String,
    /// Where it will lie.
    pub(super) place: String,
    /// A random text that travels in it.
    pub(super) sentinel: String,
    /// When.
    pub(super) at: Time,
}

impl Backup {
    /// One that has just begun.
    pub(super) fn begun(draft: &Draft) -> Backup {
        Backup {
            id: draft.id.to_string(),
            name: draft.name.clone(),
            state: "running".into(),
            started_at: draft.at,
            finished_at: None,
            bytes: None,
            rows: None,
            digest: None,
            place: draft.place.clone(),
            code: None,
            reason: None,
        }
    }
}

/// Puts a backup on record that begins now. The sentinel travels in it.
pub(super) fn begin(tx: &mut Tx<'_>, draft: &Draft) -> Result<()> {
    tx.write(
        "INSERT INTO backup (id, name, state, sentinel, started_at, place) VALUES (:id, :name, 'running', :sentinel, :now, :place)",
        bind! { id: draft.id, name: draft.name, sentinel: draft.sentinel, now: draft.at, place: draft.place },
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

/// Puts a drill on record that begins now. Until it has ended it counts as one that did not.
pub(super) fn drilling(tx: &mut Tx<'_>, drill: &Drill) -> Result<()> {
    tx.write(
        "INSERT INTO drill (id, started_at, good, findings) VALUES (:id, :at, 0, '[\"The drill did not end.\"]')",
        bind! { id: drill.id, at: drill.started_at },
    )?;
    Ok(())
}

/// Puts on record what a drill found.
pub(super) fn drilled(tx: &mut Tx<'_>, drill: &Drill) -> Result<()> {
    let findings = serde_json::to_string(&drill.findings)?;
    tx.write(
        "UPDATE drill SET backup_id = :backup, good = :good, rpo_seconds = :rpo, rto_millis = :rto, rows = :rows, findings = :findings WHERE id = :id",
        bind! {
            id: drill.id, backup: drill.backup_id, good: drill.good, rpo: drill.rpo_seconds, rto: drill.rto_millis, rows: drill.rows,
            findings: findings,
        },
    )?;
    Ok(())
}

/// The moments that count: of the newest whole backup, the newest backup that was begun, the
/// newest good drill, and the newest drill.
pub(super) fn moments(tx: &Tx<'_>) -> Result<Moments> {
    let (whole, begun): (Option<Time>, Option<Time>) = tx.row(
        "SELECT MAX(CASE WHEN state IN ('whole', 'pruned') THEN started_at END), MAX(CASE WHEN state <> 'failed' THEN started_at END) FROM backup",
        &[],
    )?;
    let (good, drilled): (Option<Time>, Option<Time>) =
        tx.row("SELECT MAX(CASE WHEN good = 1 THEN started_at END), MAX(started_at) FROM drill", &[])?;
    Ok(Moments { whole, begun, good, drilled })
}

/// When what happened last.
#[derive(Debug, Clone, Copy, Default)]
pub struct Moments {
    /// The newest backup that is whole.
    pub whole: Option<Time>,
    /// The newest backup that was begun and has not failed.
    pub begun: Option<Time>,
    /// The newest drill that was good.
    pub good: Option<Time>,
    /// The newest drill.
    pub drilled: Option<Time>,
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
