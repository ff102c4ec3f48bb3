//! An archive back into a database.

use std::{
    fs,
    path::{Path, PathBuf},
    sync::Arc,
    time::Duration,
};

use plimsoll_core::{Clock, Code, Result, Seed, Time};
use plimsoll_store::{Load, Place, Schema, Schemas, Scope, Settings, State, Store, Tx, Value, put_row, take_row};
use serde_json::json;

use super::{
    HOST,
    backup::{checksum, occupied},
    depot::{Depot, aside},
    format::{ArchiveReader, Footer, Kind, Manifest, Migrated, io},
    log,
    progress::Progress,
    tables::Loader,
};
use crate::{
    identity::{hex, operate},
    ledger::{Note, Origin},
    subject::{
        Subjects, placed,
        tombstone::{self, Tombstones},
    },
};

/// So many rows go into one transaction of a file that nobody sees yet.
const STEP: usize = 20_000;

/// Where an archive is restored to.
pub struct Target {
    /// The database.
    pub settings: Settings,
    /// Every migration this binary knows, of all systems.
    pub schemas: Vec<Schema>,
    /// Whether a SQLite file that is there gives way; it is kept under another name. A server's
    /// database has to be empty in any case.
    pub replace: bool,
    /// What recognises the data of persons who were erased since; without it nothing is restored
    /// where there are tombstones.
    pub subjects: Option<Arc<Subjects>>,
}

/// What a restore came to.
#[derive(Debug)]
pub struct Restored {
    /// What was restored.
    pub manifest: Manifest,
    /// The moment whose data it is.
    pub at: Time,
    /// How many commits of the change log were done again.
    pub commits: u64,
    /// How many rows came from the backup.
    pub rows: u64,
    /// How long it took, reading it once to see that it is whole included.
    pub took: Duration,
    /// Where the file lies that was there before.
    pub kept: Option<PathBuf>,
    /// Migrations that were applied besides, because the archive is older than this binary.
    pub migrated: Vec<String>,
}

/// Restores a backup. The target is not touched before the archive was read to its end.
///
/// # Errors
/// [`Code::Refused`] for a target that holds something, or that somebody uses;
/// [`Code::ArchiveVersion`] for a schema that this binary does not know; what is wrong with the
/// archive; what the database says. The target is as before then.
pub async fn restore(depot: &Depot, name: &str, target: &Target, progress: &Progress) -> Result<Restored> {
    bring(depot, name, target, None, progress).await
}

/// Restores the state at a moment: the newest backup before it (or `from`, where that is not
/// `latest`), and what the change log says after that. Every commit up to the moment is in it, and
/// none after.
///
/// # Errors
/// As for [`restore`]; [`Code::NotFound`] where no backup of the log reaches the moment, or it is
/// later than what was shipped; [`Code::ArchiveDamaged`] where a part of the log is missing.
pub async fn restore_at(depot: &Depot, from: &str, until: Time, target: &Target, progress: &Progress) -> Result<Restored> {
    let (entry, base) = depot.base(from, until).await?;
    let window = log::window(&*depot.place, &base.id, base.at).await?;
    match window {
        Some(window) if until <= window.to => {}
        other => {
            let end = other.map_or(base.at, |window| window.to);
            return Err(Code::NotFound.because(format!(
                "What was changed until {until} has not been shipped; the latest moment that can be restored is {end}."
            )));
        }
    }
    let plan = log::check(&*depot.place, &depot.keys, &base, until).await?;
    bring(depot, &entry.name, target, Some((plan, until)), progress).await
}

async fn bring(depot: &Depot, name: &str, target: &Target, plan: Option<(log::Plan, Time)>, progress: &Progress) -> Result<Restored> {
    let started = std::time::Instant::now();
    let manifest = depot.header(name).await?.manifest;
    if manifest.kind != Kind::Backup {
        return Err(Code::ArchiveForeign.because(format!("This is the archive of a {}, and no backup.", manifest.kind.name())));
    }
    let then = fitting(&manifest.schema, &target.schemas)?;
    vacant(target, &then).await?;
    let moment = plan.as_ref().map_or(manifest.at, |(_, until)| *until);
    let tombstones = tombstones(depot, target, moment).await?;
    let plan = plan.as_ref().map(|(plan, _)| plan);
    depot.verify(name, progress).await?;
    let commits;
    let (rows, migrated, kept) = match &target.settings.place {
        Place::Sqlite { path } => {
            let (rows, replayed, migrated, kept) = beside(depot, name, target, &then, path, tombstones, plan, progress).await?;
            commits = replayed;
            (rows, migrated, kept)
        }
        Place::Postgres { .. } => {
            let store = Store::open(target.settings.clone(), &then)?;
            let filled = forward(&store, depot, name, usize::MAX, tombstones.clone(), plan, progress).await;
            store.close().await?;
            let (rows, replayed) = filled?;
            commits = replayed;
            (rows, complete(&target.settings, &target.schemas, depot, &manifest, tombstones).await?, None)
        }
    };
    Ok(Restored { at: moment, commits, manifest, rows, took: started.elapsed(), kept, migrated })
}

/// What was erased since the moment of the archive, as far as it is told beside the archives.
async fn tombstones(depot: &Depot, target: &Target, moment: Time) -> Result<Option<Arc<Tombstones>>> {
    let stones = placed::fetch(&*depot.place, &depot.keys).await?;
    if stones.is_empty() {
        return Ok(None);
    }
    let Some(subjects) = target.subjects.clone() else {
        return Err(Code::ArchiveKey.because(
            "Persons were erased, and without the master key their data in the archive cannot be recognised. Give it: identity.master_key, or its secret.key in the data folder.",
        ));
    };
    let mut tombstones = Tombstones::new(subjects, Some(moment));
    tombstones.add(stones)?;
    Ok(Some(Arc::new(tombstones)))
}

/// The migrations of this binary, as far as the archive has them.
///
/// # Errors
/// [`Code::ArchiveVersion`] for one that this binary does not know, or knows with another text.
pub(super) fn fitting(has: &[Migrated], known: &[Schema]) -> Result<Vec<Schema>> {
    let foreign = |one: &Migrated, why: &str| {
        Code::ArchiveVersion.because(format!(
            "The archive is of a newer version, or of another set of systems: its data has the migration {}/{}, {why}. Use the version that made it, or a newer one.",
            one.owner, one.id
        ))
    };
    for one in has.iter().filter(|one| one.owner != "store") {
        match checksum(known, &one.owner, &one.id) {
            None => return Err(foreign(one, "which this binary does not know")),
            Some(ours) if !one.checksum.is_empty() && ours != one.checksum => {
                return Err(foreign(one, "which this binary knows with another text"));
            }
            Some(_) => {}
        }
    }
    let mut then = Vec::new();
    for schema in known {
        let count = schema.migrations.iter().filter(|known| has.iter().any(|one| one.owner == schema.name && one.id == known.id)).count();
        let first = &schema.migrations[..count];
        if let Some(gap) = first.iter().find(|known| !has.iter().any(|one| one.owner == schema.name && one.id == known.id)) {
            return Err(Code::ArchiveVersion.because(format!("The archive's schema has a gap: it lacks {}/{}.", schema.name, gap.id)));
        }
        if count > 0 {
            then.push(Schema { name: schema.name, migrations: first });
        }
    }
    Ok(then)
}

/// Refuses a target that must not be written to.
async fn vacant(target: &Target, then: &[Schema]) -> Result<()> {
    match &target.settings.place {
        Place::Sqlite { path } => {
            if !path.exists() {
                return Ok(());
            }
            if !target.replace {
                return Err(Code::Refused.because(
                    "There is a database already. Restore into another data folder, or repeat with --replace: the present file is then kept under another name.",
                ));
            }
            let path = path.clone();
            if aside(move || plimsoll_store::settle_alone(&path)).await? {
                return Ok(());
            }
            Err(Code::Refused.because("A process has the database open. Stop it first."))
        }
        Place::Postgres { .. } => {
            let store = Store::open(target.settings.clone(), &target.schemas)?;
            let found = standing(&store, then).await;
            store.close().await?;
            found
        }
    }
}

async fn standing(store: &Store, then: &[Schema]) -> Result<()> {
    let state = store.schema_state().await?;
    state.fit()?;
    let tables = if state.named(State::Applied).is_empty() { Vec::new() } else { store.tables().await? };
    if !tables.is_empty() && !same(&state, then) {
        return Err(Code::Refused.because(
            "The database has a schema already, and another one than the archive. Restore into a database without any; the schema is made and brought up to date.",
        ));
    }
    match store.snapshot(Scope::Host, move |tx| occupied(tx, &tables)).await? {
        Some(table) => Err(Code::Refused.because(format!("The database is not empty: `{table}` holds rows. Restore into an empty one."))),
        None => Ok(()),
    }
}

/// Whether exactly the migrations of the archive are applied.
fn same(state: &Schemas, then: &[Schema]) -> bool {
    let expected: usize = then.iter().map(|schema| schema.migrations.len()).sum();
    let applied: Vec<_> = state.0.iter().filter(|one| one.state == State::Applied && one.owner != "store").collect();
    applied.len() == expected && applied.iter().all(|one| checksum(then, &one.owner, &one.id).is_some())
}

/// Loads a backup into a database that is empty; `step` rows per transaction.
pub(super) async fn fill(
    store: &Store,
    depot: &Depot,
    name: &str,
    step: usize,
    tombstones: Option<Arc<Tombstones>>,
    progress: &Progress,
) -> Result<Footer> {
    store.migrate_up().await?;
    let source = depot.place.get(name).await?;
    let keys = depot.keys.clone();
    let reader = aside(move || ArchiveReader::open(source, &keys)).await?;
    let mut loader = Loader::new(reader, Box::new(|_| Some(Load::Insert)), progress.clone()).without(tombstones);
    loop {
        let (back, ended) = store
            .commit(Scope::Host, move |tx| {
                let ended = loader.load(tx, step)?;
                Ok((loader, ended))
            })
            .await?;
        loader = back;
        if ended {
            break;
        }
    }
    let footer = loader.footer().cloned().ok_or_else(|| Code::Internal.error().caused_by("an archive ended without a footer"))?;
    if loader.written() + loader.left_out() != footer.rows() {
        return Err(Code::Internal.error().caused_by(format!("{} rows were written of {}", loader.written(), footer.rows())));
    }
    Ok(footer)
}

/// Fills a database and brings it forward; how many rows came from the backup and how many commits
/// from the log.
async fn forward(
    store: &Store,
    depot: &Depot,
    name: &str,
    step: usize,
    tombstones: Option<Arc<Tombstones>>,
    plan: Option<&log::Plan>,
    progress: &Progress,
) -> Result<(u64, u64)> {
    let Some(plan) = plan else {
        return Ok((fill(store, depot, name, step, tombstones, progress).await?.rows(), 0));
    };
    // Erased persons are taken out at the end: the log's rows may refer to theirs on the way.
    let rows = fill(store, depot, name, step, None, progress).await?.rows();
    let reached = log::replay(store, &*depot.place, &depot.keys, plan).await?;
    if let Some(tombstones) = tombstones {
        store.commit(Scope::Host, move |tx| sweep(tx, &tombstones)).await?;
    }
    Ok((rows, reached.entries))
}

/// Takes erased persons out of a database that holds them.
fn sweep(tx: &mut Tx<'_>, tombstones: &Tombstones) -> Result<()> {
    let mut tables = tx.tables()?;
    // Whose a row is may stand in the one it refers to, so those are looked at first;
    for table in tables.iter().filter(|table| tombstones.concerns(&table.name)) {
        let columns: Vec<String> = table.names().map(str::to_owned).collect();
        let mut bytes = Vec::new();
        tx.dump(table, None, &mut |row| {
            bytes.clear();
            put_row(&mut bytes, row)?;
            tombstones.rewrite(&table.name, &columns, &bytes).map(drop)
        })?;
    }
    // and whoever refers to a row goes before it.
    tables.reverse();
    for table in tables.iter().filter(|table| tombstones.concerns(&table.name)) {
        let columns: Vec<String> = table.names().map(str::to_owned).collect();
        let (mut gone, mut altered): (Vec<Vec<u8>>, Vec<Vec<u8>>) = (Vec::new(), Vec::new());
        let mut bytes = Vec::new();
        tx.dump(table, None, &mut |row| {
            bytes.clear();
            put_row(&mut bytes, row)?;
            match tombstones.rewrite(&table.name, &columns, &bytes)? {
                None => gone.push(bytes.clone()),
                Some(new) if *new != *bytes => altered.push(new.into_owned()),
                Some(_) => {}
            }
            Ok(())
        })?;
        for bytes in &gone {
            let mut row = Vec::new();
            take_row(&mut &bytes[..], &mut row)?;
            let key: Vec<Value<'_>> = table.key.iter().map(|at| row[*at]).collect();
            tx.remove(table, &[key])?;
        }
        for bytes in &altered {
            let mut row = Vec::new();
            take_row(&mut &bytes[..], &mut row)?;
            tx.load(table, &table.names().collect::<Vec<_>>(), &[row], Load::Upsert)?;
        }
    }
    Ok(())
}

/// Brings the schema up to date and puts the restore on record.
async fn complete(
    settings: &Settings,
    schemas: &[Schema],
    depot: &Depot,
    manifest: &Manifest,
    tombstones: Option<Arc<Tombstones>>,
) -> Result<Vec<String>> {
    let store = Store::open(settings.clone(), schemas)?;
    let migrated = store.migrate_up().await?;
    if let Some(tombstones) = tombstones {
        store
            .commit(Scope::Host, move |tx| {
                tombstone::put(tx, tombstones.stones())?;
                tombstones.settle(tx)
            })
            .await?;
    }
    let origin = Origin::host(depot.clock.now(), "backup.restore");
    let note = Note {
        target: format!("backups/{}", manifest.id),
        detail: Some(json!({ "at": manifest.at, "made_by": manifest.made_by, "migrated": migrated.len() })),
        ..Note::default()
    };
    operate::commit(&store, HOST, origin, move |change| {
        change.note(note);
        Ok(())
    })
    .await?;
    store.close().await?;
    Ok(migrated)
}

/// A folder that goes when it is dropped.
pub(super) struct Scratch(pub(super) PathBuf);

impl Scratch {
    /// Makes one in `parent`, readable by this user only.
    pub(super) fn new(parent: &Path, what: &str, seed: &Seed) -> Result<Scratch> {
        let path = parent.join(format!("{what}-{}", hex(&seed.bytes::<6>())));
        let mut folders = fs::DirBuilder::new();
        folders.recursive(true);
        #[cfg(unix)]
        std::os::unix::fs::DirBuilderExt::mode(&mut folders, 0o700);
        folders.create(&path).map_err(|error| io("the scratch folder", error))?;
        Ok(Scratch(path))
    }
}

impl Drop for Scratch {
    fn drop(&mut self) {
        if let Err(error) = fs::remove_dir_all(&self.0) {
            tracing::warn!(%error, folder = %self.0.display(), "a scratch folder could not be removed");
        }
    }
}

/// Restores into a new file, which then takes the place of the old one.
#[expect(clippy::too_many_arguments, reason = "what is restored, where to, and what is left out of it")]
async fn beside(
    depot: &Depot,
    name: &str,
    target: &Target,
    then: &[Schema],
    path: &Path,
    tombstones: Option<Arc<Tombstones>>,
    plan: Option<&log::Plan>,
    progress: &Progress,
) -> Result<(u64, u64, Vec<String>, Option<PathBuf>)> {
    let folder = path.parent().filter(|folder| !folder.as_os_str().is_empty()).unwrap_or(Path::new("."));
    let scratch = Scratch::new(folder, "restore", &depot.seed)?;
    let draft = scratch.0.join("plimsoll.db");
    let settings = Settings { place: Place::Sqlite { path: draft.clone() }, page_limit: None, ..target.settings.clone() };
    let store = Store::open(settings.clone(), then)?;
    let filled = forward(&store, depot, name, STEP, tombstones.clone(), plan, progress).await;
    store.close().await?;
    let (rows, commits) = filled?;
    let manifest = depot.header(name).await?.manifest;
    let migrated = complete(&settings, &target.schemas, depot, &manifest, tombstones).await?;
    let (path, folder, clock) = (path.to_owned(), folder.to_owned(), depot.clock.clone());
    let kept = aside(move || exchange(&draft, &path, &folder, &clock)).await?;
    Ok((rows, commits, migrated, kept))
}

/// Gives the new file its name; the old one keeps its content under another.
fn exchange(draft: &Path, path: &Path, folder: &Path, clock: &Clock) -> Result<Option<PathBuf>> {
    let fault = |error| io("the database file", error);
    fs::File::open(draft).and_then(|file| file.sync_all()).map_err(fault)?;
    let mut kept = None;
    if path.exists() {
        let old = named(path, &format!(".before-{}", clock.now().micros()));
        fs::hard_link(path, &old).map_err(fault)?;
        // A log that was left by a crash belongs to the old file and would spoil the new one.
        for end in ["-wal", "-shm"] {
            match fs::rename(named(path, end), named(&old, end)) {
                Err(error) if error.kind() != std::io::ErrorKind::NotFound => return Err(fault(error)),
                _ => {}
            }
        }
        kept = Some(old);
    }
    fs::rename(draft, path).map_err(fault)?;
    fs::File::open(folder).and_then(|folder| folder.sync_all()).map_err(fault)?;
    Ok(kept)
}

fn named(path: &Path, end: &str) -> PathBuf {
    let mut name = path.as_os_str().to_owned();
    name.push(end);
    PathBuf::from(name)
}
