//! The threads of a SQLite store: one that writes, some that read, and spare connections for
//! reads that are quick enough to run where they are asked.

use std::{
    cell::Cell,
    path::PathBuf,
    sync::{
        Arc, Mutex, MutexGuard, TryLockError,
        atomic::{AtomicUsize, Ordering},
    },
    thread::Builder,
    time::{Duration, Instant},
};

use plimsoll_core::{Code, Result};

use super::{
    anchor::Anchor,
    connection::{Connection, Use, failure},
};
use crate::{
    Scope,
    failure::Failure,
    gauges::{Busy, add},
    queue::{Next, Queue},
    settings::Settings,
    tx::{Link, Shared, Tx},
    wake::{CLOSE_LOOK, LIVELY, LOOK},
    work::{BATCH, BATCH_TIME, Batch, Change, Look, Verdict, refuse},
};

/// The SQLite half of a store.
pub(crate) struct Lite {
    pub(crate) path: PathBuf,
    anchor: Arc<Anchor>,
    spare: Box<[Mutex<Connection>]>,
}

impl Lite {
    /// Opens all connections and starts the threads.
    ///
    /// # Errors
    /// [`Code::DatabaseUnavailable`] where the file cannot be used.
    pub(crate) fn open(path: PathBuf, settings: &Settings, shared: &Arc<Shared>) -> Result<(Lite, crate::Lanes)> {
        let writer = Connection::open(&path, Use::Write, settings)?;
        let anchor = Arc::new(Anchor::new(&path, settings.renew)?);
        shared.learn(owned(&writer)?);
        let reader = || Connection::open(&path, Use::Read, settings);
        let readers = settings.readers.max(1);
        let spare = (0..readers).map(|_| reader().map(Mutex::new)).collect::<Result<_>>()?;
        let lanes = crate::Lanes::new(settings.queue, 1);
        let mut threads = Vec::new();
        for number in 0..=readers {
            let (connection, shared, anchor) = (reader()?, shared.clone(), anchor.clone());
            let queue = if number == 0 { lanes.pulse.clone() } else { lanes.looks.clone() };
            threads.push(Builder::new().name(format!("store-reader-{number}")).spawn(move || read(&connection, &anchor, &queue, &shared))?);
        }
        let (queue, shared, held) = (lanes.changes[0].clone(), shared.clone(), anchor.clone());
        threads.push(Builder::new().name("store-writer".into()).spawn(move || write(&writer, &held, &queue, &shared))?);
        lanes.keep(threads);
        Ok((Lite { path, anchor, spare }, lanes))
    }

    /// Whether the file is where it was when it was opened.
    ///
    /// # Errors
    /// [`Code::DatabaseUnavailable`] where it is not.
    pub(crate) fn present(&self) -> Result<()> {
        self.anchor.look().map_err(|failure| failure.error())
    }

    /// Runs a read where it is asked, if a spare connection is free.
    pub(crate) fn inline<T, F>(&self, shared: &Shared, scope: Scope, f: F) -> Result<Result<T>, F>
    where
        F: FnOnce(&Tx<'_>) -> Result<T>,
    {
        let Some(connection) = self.spare() else { return Err(f) };
        add(&shared.counts.inline);
        Ok(snapshot(&connection, &self.anchor, shared, scope, |tx| tx.and_then(|tx| crate::work::guarded(|| f(tx)))))
    }

    /// Runs a read on a connection that is opened for it and has no limit on statements.
    ///
    /// # Errors
    /// What `f` returns; [`Code::DatabaseUnavailable`] where the file cannot be read.
    pub(crate) fn long<T>(&self, settings: &Settings, shared: &Shared, scope: Scope, f: impl FnOnce(&Tx<'_>) -> Result<T>) -> Result<T> {
        let connection = Connection::open(&self.path, Use::Snapshot, settings)?;
        self.anchor.look().map_err(|failure| failure.error())?;
        connection.control("BEGIN DEFERRED").map_err(|failure| failure.error())?;
        // Its end ends the snapshot.
        f(&Tx::new(Link::Lite(&connection), shared, scope, None))
    }

    /// A free connection, starting with the one this thread used last: its cache is warm.
    fn spare(&self) -> Option<MutexGuard<'_, Connection>> {
        static THREADS: AtomicUsize = AtomicUsize::new(0);
        thread_local! { static NUMBER: Cell<usize> = Cell::new(THREADS.fetch_add(1, Ordering::Relaxed)) }
        let (count, first) = (self.spare.len(), NUMBER.get());
        (0..count).find_map(|step| match self.spare[(first + step) % count].try_lock() {
            Ok(connection) => Some(connection),
            Err(TryLockError::Poisoned(poisoned)) => Some(poisoned.into_inner()),
            Err(TryLockError::WouldBlock) => None,
        })
    }
}

/// Tables with a tenant's column.
fn owned(connection: &Connection) -> Result<Vec<String>> {
    let sql = "SELECT DISTINCT m.name FROM sqlite_schema m, pragma_table_info(m.name) c
        WHERE m.type IN ('table', 'view') AND c.name = 'tenant_id'";
    let mut statement = connection.raw.prepare(sql)?;
    let names = statement.query_map([], |row| row.get(0))?.collect::<rusqlite::Result<Vec<String>>>()?;
    Ok(names)
}

/// Runs a read in one snapshot.
fn snapshot<R>(connection: &Connection, anchor: &Anchor, shared: &Shared, scope: Scope, f: impl FnOnce(Result<&Tx<'_>>) -> R) -> R {
    let _busy = Busy::new(&shared.counts.busy);
    add(&shared.counts.reads);
    if let Err(failure) = anchor.known().and_then(|()| connection.control("BEGIN DEFERRED")) {
        return f(Err(failure.error()));
    }
    let out = f(Ok(&Tx::new(Link::Lite(connection), shared, scope, None)));
    // Nothing was changed, so nothing can be lost: either word only ends the snapshot.
    if connection.control("COMMIT").is_err() && !connection.raw.is_autocommit() {
        let _ = connection.control("ROLLBACK");
    }
    out
}

fn read(connection: &Connection, anchor: &Anchor, queue: &Queue<Look>, shared: &Shared) {
    while let Some(job) = queue.pop() {
        if job.claim.start() {
            snapshot(connection, anchor, shared, job.scope, job.work);
        }
    }
}

fn write(connection: &Connection, anchor: &Anchor, queue: &Queue<Change>, shared: &Shared) {
    let mut outside = Outside { version: None, looked: Instant::now(), stirred: Cell::new(None) };
    loop {
        match queue.pop_within(|| shared.hub.heard().then(|| outside.pause(shared))) {
            Next::Job(job) => group(connection, anchor, job, queue, shared),
            Next::Quiet => {}
            Next::End => break,
        }
        outside.look(connection, shared);
    }
    // The last connection to close would do this too; here the log can say that it failed.
    if let Err(error) = connection.raw.query_row("PRAGMA wal_checkpoint(TRUNCATE)", [], |_| Ok(())) {
        tracing::warn!(cause = %error, "the write-ahead log could not be emptied at the end; the next start reads it");
    }
}

/// What other processes do to the file.
struct Outside {
    /// The file's version as this connection saw it last; its own changes do not count.
    version: Option<i64>,
    looked: Instant,
    /// When the file was written to last, as far as the system has told.
    stirred: Cell<Option<Instant>>,
}

impl Outside {
    /// How long until the next look.
    fn pause(&self, shared: &Shared) -> Duration {
        if shared.hub.stirred() {
            self.stirred.set(Some(Instant::now()));
        }
        if self.stirred.get().is_some_and(|at| at.elapsed() < LIVELY) { CLOSE_LOOK } else { LOOK }
    }

    fn look(&mut self, connection: &Connection, shared: &Shared) {
        if !shared.hub.heard() || (self.version.is_some() && self.looked.elapsed() < self.pause(shared)) {
            return;
        }
        self.looked = Instant::now();
        let found = connection.raw.prepare_cached("PRAGMA data_version").and_then(|mut asked| asked.query_row([], |row| row.get(0)));
        // A file that cannot be read now is looked at again soon.
        let Ok(found) = found else { return };
        // The first look cannot tell what happened before it.
        if self.version != Some(found) {
            shared.hub.fire_all();
        }
        self.version = Some(found);
    }
}

/// One transaction for everything that waits.
fn group(connection: &Connection, anchor: &Anchor, first: Change, queue: &Queue<Change>, shared: &Shared) {
    if let Err(failure) = anchor.look().and_then(|()| connection.control("BEGIN IMMEDIATE")) {
        if first.claim.start() {
            refuse(shared, first, &failure);
        }
        return;
    }
    let logging = match logging(connection) {
        Ok(logging) => logging,
        Err(failure) => {
            undo(connection);
            if first.claim.start() {
                refuse(shared, first, &failure);
            }
            return;
        }
    };
    let (mut batch, started, mut next) = (Batch::new(shared, logging), Instant::now(), Some(first));
    while let Some(job) = next.take() {
        if job.claim.start()
            && let Err(failure) = one(connection, job, &mut batch)
        {
            undo(connection);
            return batch.end(Some(&Failure::neighbour(&failure)));
        }
        if batch.len() < BATCH && started.elapsed() < BATCH_TIME {
            next = queue.pop_fitting(|_| true);
        }
    }
    let logged = batch.body().map_or(Ok(()), |body| append(connection, shared, &body));
    match logged.and_then(|()| connection.control("COMMIT")) {
        // The file may have gone since the batch began: then it is not known who will ever read this.
        Ok(()) => batch.end(anchor.look().err().map(|_| Failure::unknown_outcome()).as_ref()),
        Err(failure) => {
            undo(connection);
            batch.end(Some(&failure));
        }
    }
}

/// Whether changes are logged, as the database says within this transaction.
fn logging(connection: &Connection) -> Result<bool, Failure> {
    let asked =
        connection.raw.prepare_cached("SELECT logging FROM change_switch").and_then(|mut asked| asked.query_row([], |row| row.get(0)));
    match asked {
        Ok(on) => Ok(on),
        Err(rusqlite::Error::QueryReturnedNoRows) => Ok(false),
        // Before the first migration nothing is there to be logged.
        Err(error) if error.to_string().contains("no such table") => Ok(false),
        Err(error) => Err(failure(&error)),
    }
}

/// Adds an entry to the change log, later than the one before even where the clock went back.
fn append(connection: &Connection, shared: &Shared, body: &[u8]) -> Result<(), Failure> {
    let text = "INSERT INTO change_log (at, xid, body)
        SELECT MAX(?1, COALESCE((SELECT at + 1 FROM change_log ORDER BY seq DESC LIMIT 1), ?1)), 0, ?2";
    let added = connection.raw.prepare_cached(text).and_then(|mut add| add.execute(rusqlite::params![shared.clock.now().micros(), body]));
    added.map(drop).map_err(|error| failure(&error))
}

/// One change between savepoints.
///
/// # Errors
/// Where the whole transaction is gone or cannot go on.
fn one(connection: &Connection, job: Change, batch: &mut Batch<'_>) -> Result<(), Failure> {
    if let Err(failure) = connection.control("SAVEPOINT change") {
        batch.refuse(job, &failure);
        return Err(failure);
    }
    let (verdict, broken) = batch.run(Link::Lite(connection), job);
    // A full disk, or a change stopped half way, may end the transaction and not only the statement.
    if connection.raw.is_autocommit() {
        return Err(match broken {
            Some(Code::StorageFull) => Failure::full(),
            _ => Failure::internal().caused("the database ended the transaction"),
        });
    }
    if matches!(verdict, Verdict::Undo) {
        connection.control("ROLLBACK TO SAVEPOINT change")?;
    }
    connection.control("RELEASE SAVEPOINT change")
}

fn undo(connection: &Connection) {
    if !connection.raw.is_autocommit()
        && let Err(failure) = connection.control("ROLLBACK")
    {
        tracing::error!(cause = ?failure, "a transaction could not be undone");
    }
}
