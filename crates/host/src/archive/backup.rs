//! Making a backup, while everything goes on.

use std::sync::Arc;

use plimsoll_core::{BackupId, Code, Result, Time};
use plimsoll_store::{Schema, Scope, State, Store, Table, Tx, bind};
use serde_json::json;

use super::{
    Archive,
    depot::{BACKUPS, ENDING, both},
    format::{ArchiveWriter, Incoming, Keys, Kind, Manifest, Migrated, Written, pipe},
    progress::Progress,
    record::{self, Backup, Draft},
    tables,
};
use crate::{
    identity::{hex, operate, sha256},
    ledger::{Note, Origin},
};

impl Archive {
    /// Makes a backup of everything and waits until it lies whole at its place. It is one snapshot:
    /// all that was acknowledged before is in it. Readers and writers go on meanwhile.
    ///
    /// # Errors
    /// What database and place say; it is on record then too, and nothing is left at the place.
    pub async fn create(&self, progress: &Progress) -> Result<Backup> {
        self.store.schema_state().await?.ready()?;
        let draft = self.draft();
        let begun = draft.clone();
        self.store.commit(Scope::Host, move |tx| record::begin(tx, &begun)).await?;
        self.carry_out(&draft, progress).await
    }

    /// A backup that is about to begin: its id, its name, its sentinel.
    pub(super) fn draft(&self) -> Draft {
        let at = self.depot.clock.now();
        let id = BackupId::new(at, &self.depot.seed);
        let name = format!("{BACKUPS}{}-{id}{ENDING}", stamp(at));
        Draft { id, name, place: self.depot.place.shown(), sentinel: hex(&self.depot.seed.bytes::<16>()), at }
    }

    /// Makes the backup that was put on record.
    ///
    /// # Errors
    /// As [`Archive::create`].
    pub(super) async fn carry_out(&self, draft: &Draft, progress: &Progress) -> Result<Backup> {
        let made = self.write(draft.id, &draft.name, progress).await;
        let now = self.depot.clock.now();
        let text = draft.id.to_string();
        match made {
            Ok(written) => {
                let (bytes, rows) = (number(written.bytes), number(written.footer.rows()));
                self.entry("backup.create", text.clone(), json!({ "bytes": bytes, "rows": rows }), "ok", move |tx| {
                    record::whole(tx, &text, now, bytes, rows, &written.digest)
                })
                .await?;
                self.tally.made(bytes, now.since(draft.at));
                record::backup(&self.store, &draft.id.to_string()).await
            }
            Err(error) => {
                self.tally.failed();
                let (code, reason) = (error.code(), error.public().to_owned());
                tracing::error!(backup = %draft.id, code = code.stable(), cause = error.cause(), "a backup failed: {reason}");
                let kept = self
                    .entry("backup.create", text.clone(), json!({ "code": code.stable() }), "failed", move |tx| {
                        record::failed(tx, &text, now, &code.because(reason))
                    })
                    .await;
                if let Err(second) = kept {
                    // A full disk may refuse this as well; the first error matters.
                    tracing::warn!(cause = second.cause(), "that a backup failed could not be put on record: {}", second.public());
                }
                Err(error)
            }
        }
    }

    async fn write(&self, id: BackupId, name: &str, progress: &Progress) -> Result<Written<()>> {
        let manifest = Manifest {
            kind: Kind::Backup,
            id: id.to_string(),
            at: self.depot.clock.now(),
            made_by: env!("CARGO_PKG_VERSION").into(),
            database: self.store.kind().name().into(),
            tenant: None,
            log: None,
            schema: applied(&self.store).await?,
        };
        let (sink, body) = pipe();
        let (keys, seed, progress) = (self.depot.keys.clone(), self.depot.seed.clone(), progress.clone());
        let dumping = self.store.snapshot(Scope::Host, move |tx| dump_all(tx, &manifest, &keys, &seed, sink, &progress));
        let (put, dumped) = tokio::join!(self.depot.place.put(name, body), dumping);
        let (length, written) = both(put, dumped)?;
        if length != written.bytes {
            return Err(Code::ArchivePlace.because(format!("{} bytes were written and {length} arrived.", written.bytes)));
        }
        Ok(written)
    }

    /// One change with its entry in the host's ledger.
    pub(super) async fn entry(
        &self,
        action: &'static str,
        target: String,
        detail: serde_json::Value,
        outcome: &'static str,
        f: impl FnOnce(&mut Tx<'_>) -> Result<()> + Send + 'static,
    ) -> Result<()> {
        let origin = Origin::host(self.depot.clock.now(), action);
        operate::commit(&self.store, crate::archive::HOST, origin, move |change| {
            change.note(Note { target: format!("backups/{target}"), detail: Some(detail), outcome, ..Note::default() });
            f(change)
        })
        .await
    }
}

fn dump_all(
    tx: &Tx<'_>,
    manifest: &Manifest,
    keys: &Arc<Keys>,
    seed: &plimsoll_core::Seed,
    sink: Incoming,
    progress: &Progress,
) -> Result<Written<()>> {
    // Asked first, so that its moment is not after the snapshot.
    let manifest = &Manifest { log: super::log::point(tx)?, ..manifest.clone() };
    let mut writer = ArchiveWriter::begin(manifest, keys, seed, sink)?;
    for table in tx.tables()? {
        tables::dump(tx, &table, None, &mut writer, progress)?;
    }
    let facts = json!({ "heads": heads(tx)?, "sentinel": sentinel(tx, &manifest.id)? });
    let Written { sink, bytes, frames, digest, footer } = writer.finish(facts)?;
    sink.end()?;
    Ok(Written { sink: (), bytes, frames, digest, footer })
}

/// What a backup says of itself in the table of backups, which travels in it; hashed, since the
/// footer is shown.
pub(super) fn sentinel(tx: &Tx<'_>, id: &str) -> Result<Option<String>> {
    let found: Option<String> = tx.maybe("SELECT sentinel FROM backup WHERE id = :id", bind! { id: id })?;
    Ok(found.map(|text| hex(&sha256(text.as_bytes()))))
}

/// The last entry of every tenant's ledger: tenant, number, hash.
pub(super) fn heads(tx: &Tx<'_>) -> Result<Vec<(String, i64, String)>> {
    let rows: Vec<(String, i64, Vec<u8>)> = tx.rows(
        "SELECT l.tenant_id, l.seq, l.hash FROM ledger l \
         JOIN (SELECT tenant_id, MAX(seq) AS last FROM ledger GROUP BY tenant_id) m ON l.tenant_id = m.tenant_id AND l.seq = m.last \
         ORDER BY l.tenant_id",
        &[],
    )?;
    Ok(rows.into_iter().map(|(tenant, seq, hash)| (tenant, seq, hex(&hash))).collect())
}

/// The migrations that a database has, each with the digest of its text.
pub(super) async fn applied(store: &Store) -> Result<Vec<Migrated>> {
    let state = store.schema_state().await?;
    let checksum = |owner: &str, id: &str| checksum(store.schemas(), owner, id);
    Ok(state
        .0
        .iter()
        .filter(|one| one.state == State::Applied)
        .map(|one| Migrated { owner: one.owner.clone(), id: one.id.clone(), checksum: checksum(&one.owner, &one.id).unwrap_or_default() })
        .collect())
}

/// The digest of a migration's text, where this binary knows it.
pub(super) fn checksum(schemas: &[Schema], owner: &str, id: &str) -> Option<String> {
    let schema = schemas.iter().find(|schema| schema.name == owner)?;
    let migration = schema.migrations.iter().find(|migration| migration.id == id)?;
    Some(hex(&sha256(migration.up.as_bytes())))
}

/// How many tables hold something.
pub(super) fn occupied(tx: &Tx<'_>, tables: &[Table]) -> Result<Option<String>> {
    for table in tables {
        let mut any = false;
        let looked = tx.dump(table, None, &mut |_| {
            any = true;
            // One row is answer enough.
            Err(Code::Conflict.error())
        });
        match looked {
            Err(_) if any => return Ok(Some(table.name.clone())),
            other => other?,
        }
    }
    Ok(None)
}

/// A moment as a part of a name, which sorts by time.
fn stamp(at: Time) -> String {
    let text = at.to_string();
    text.chars().take(19).filter(|c| c.is_ascii_alphanumeric()).collect::<String>().to_lowercase() + "z"
}

fn number(value: u64) -> i64 {
    i64::try_from(value).unwrap_or(i64::MAX)
}
