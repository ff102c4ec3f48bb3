//! The store: how work gets to a database and its result back.

use std::{
    collections::HashSet,
    sync::{
        Arc, RwLock,
        atomic::{AtomicU8, AtomicU64, Ordering},
    },
    time::{Duration, Instant},
};

use plimsoll_core::{Code, Error, Result};
use tokio::{sync::oneshot, time::timeout};

use crate::{
    Gauges, Kind, Lanes, Pace, Place, Schema, Scope, Settings, Tx,
    failure::Failure,
    gauges::{add, read},
    postgres,
    queue::{Claim, Full, Interest, Queue},
    schema, sql,
    sqlite::Lite,
    tx::Shared,
    wake::Hub,
    work::{Look, change, look},
};

/// A database. Cheap to clone; the threads end when the last clone is gone.
#[derive(Clone)]
pub struct Store(pub(crate) Arc<Inner>);

pub(crate) struct Inner {
    pub(crate) engine: Engine,
    pub(crate) lanes: Lanes,
    pub(crate) shared: Arc<Shared>,
    pub(crate) schemas: Vec<Schema>,
    pub(crate) settings: Settings,
}

/// Which database, and what only that one needs.
pub(crate) enum Engine {
    Lite(Lite),
    Pg(Arc<postgres::Dial>),
}

impl Store {
    /// Opens a database. Migrates nothing: [`Store::schema_state`] tells how it stands.
    ///
    /// A SQLite file is made where it is missing, readable by this user only. A PostgreSQL server
    /// may be away: the store opens nevertheless, answers [`Code::DatabaseUnavailable`] and
    /// connects as soon as there is work and a server.
    ///
    /// # Errors
    /// [`Code::ConfigInvalid`] for an address that cannot be read, [`Code::DatabaseUnavailable`]
    /// for a file that cannot be used, [`Code::Internal`] for schemas that contradict themselves.
    pub fn open(settings: Settings, schemas: &[Schema]) -> Result<Store> {
        let schemas: Vec<Schema> = std::iter::once(schema::OWN).chain(schemas.iter().copied()).collect();
        schema::check(&schemas)?;
        let mut owned = HashSet::new();
        schemas.iter().flat_map(|schema| schema.migrations).for_each(|migration| sql::tenant_tables(migration.up, &mut owned));
        let shared = Arc::new(Shared {
            slow_statement: settings.slow_statement,
            owned: RwLock::new(owned),
            durable: AtomicU8::new(0),
            counts: Default::default(),
            hub: Hub::new(),
            clock: settings.clock.clone(),
            unlogged: settings.unlogged,
            tables: RwLock::default(),
            generation: AtomicU64::new(0),
        });
        let (engine, lanes) = match &settings.place {
            Place::Sqlite { path } => {
                let (lite, lanes) = Lite::open(path.clone(), &settings, &shared)?;
                // The writer's setup was checked when it was opened.
                shared.set_durable(true);
                (Engine::Lite(lite), lanes)
            }
            Place::Postgres { url } => {
                let dial = Arc::new(postgres::Dial::new(url, &settings)?);
                let lanes = postgres::open(dial.clone(), &settings, &shared)?;
                (Engine::Pg(dial), lanes)
            }
        };
        Ok(Store(Arc::new(Inner { engine, lanes, shared, schemas, settings })))
    }

    /// Runs `f` on one snapshot of the data.
    ///
    /// `pace` belongs to the kind of read (one per route) and learns how long it takes.
    ///
    /// # Errors
    /// What `f` returns; [`Code::DatabaseBusy`] where it could not start in time,
    /// [`Code::DatabaseUnavailable`] where there is no database, [`Code::Draining`] after
    /// [`Store::close`].
    pub async fn read<T: Send + 'static>(
        &self,
        scope: Scope,
        pace: &Pace,
        f: impl FnOnce(&Tx<'_>) -> Result<T> + Send + 'static,
    ) -> Result<T> {
        let f = match self.inline(scope, pace, f) {
            Ok(done) => return done,
            Err(f) => f,
        };
        let (result, took) = self.look(&self.0.lanes.looks, scope, self.0.settings.acquire_timeout, f).await?;
        pace.note(took);
        result
    }

    /// Runs `f` in one transaction, whose changes are durable when this returns `Ok` and gone
    /// when it returns `Err`. Runs to its end even if this future is dropped once it has begun
    /// to wait.
    ///
    /// # Errors
    /// What `f` returns; else as for [`Store::read`], and [`Code::StorageFull`] where there is no
    /// room. A [`Code::DatabaseUnavailable`] says so when it is not known whether the changes
    /// were kept.
    pub async fn commit<T: Send + 'static>(&self, scope: Scope, f: impl FnOnce(&mut Tx<'_>) -> Result<T> + Send + 'static) -> Result<T> {
        let (job, receiver) = change(scope, f);
        let claim = job.claim.clone();
        self.0.lanes.changes(scope).push(job).map_err(|full| self.refused(&full))?;
        self.wait(receiver, &claim, self.0.settings.acquire_timeout).await?
    }

    /// Whether the database answers within `limit`, asked on a thread that does nothing else, and
    /// an embedded one is still the file at its path.
    ///
    /// # Errors
    /// [`Code::DatabaseUnavailable`] where it does not.
    pub async fn ping(&self, limit: Duration) -> Result<()> {
        if let Engine::Lite(lite) = &self.0.engine {
            lite.present()?;
        }
        let asked = self.ask(|tx| tx.row::<i64>("SELECT 1", &[]));
        match timeout(limit, asked).await {
            Ok(answer) => answer.map(drop),
            Err(_) => Err(Failure::away().caused(format!("no answer within {} ms", limit.as_millis())).error()),
        }
    }

    /// Whether what is acknowledged survives a loss of power, as far as the database's settings
    /// tell; false also while that is not known because no connection was ever made.
    pub fn durable(&self) -> bool {
        self.0.shared.durable()
    }

    /// Which database this is, for what is shown to operators.
    pub fn kind(&self) -> Kind {
        match self.0.engine {
            Engine::Lite(_) => Kind::Sqlite,
            Engine::Pg(_) => Kind::Postgres,
        }
    }

    /// The migrations it was opened with, its own first.
    pub fn schemas(&self) -> &[Schema] {
        &self.0.schemas
    }

    /// What the store counts about itself, at this moment.
    pub fn gauges(&self) -> Gauges {
        let (counts, lanes) = (&self.0.shared.counts, &self.0.lanes);
        Gauges {
            readers_total: self.0.settings.readers.max(1) as u64,
            readers_busy: read(&counts.busy),
            read_queue: lanes.looks.len() as u64,
            write_queue: lanes.changes.iter().map(|queue| queue.len() as u64).sum(),
            reads: read(&counts.reads),
            reads_inline: read(&counts.inline),
            commits: read(&counts.commits),
            batches: read(&counts.batches),
            rollbacks: read(&counts.rollbacks),
            slow_statements: read(&counts.slow),
            statement_timeouts: read(&counts.timeouts),
            acquire_timeouts: read(&counts.refused),
            reconnects: read(&counts.reconnects),
        }
    }

    /// Takes no more work, waits for what was taken, and leaves a tidy database behind. Work that
    /// comes later is answered with [`Code::Draining`].
    ///
    /// # Errors
    /// [`Code::Internal`] where the system gives no thread to wait on.
    pub async fn close(&self) -> Result<()> {
        self.0.lanes.close();
        let inner = self.0.clone();
        aside(move || {
            inner.lanes.join();
            Ok(())
        })
        .await
    }

    /// Runs a read on the thread for questions about health.
    pub(crate) async fn ask<T: Send + 'static>(&self, f: impl FnOnce(&Tx<'_>) -> Result<T> + Send + 'static) -> Result<T> {
        self.look(&self.0.lanes.pulse, Scope::Host, self.0.settings.acquire_timeout, f).await?.0
    }

    fn inline<T, F>(&self, scope: Scope, pace: &Pace, f: F) -> Result<Result<T>, F>
    where
        F: FnOnce(&Tx<'_>) -> Result<T>,
    {
        let Engine::Lite(lite) = &self.0.engine else { return Err(f) };
        if !pace.is_proven() {
            return Err(f);
        }
        let started = Instant::now();
        let done = lite.inline(&self.0.shared, scope, f)?;
        pace.note(started.elapsed());
        Ok(done)
    }

    async fn look<T: Send + 'static>(
        &self,
        queue: &Queue<Look>,
        scope: Scope,
        limit: Duration,
        f: impl FnOnce(&Tx<'_>) -> Result<T> + Send + 'static,
    ) -> Result<(Result<T>, Duration)> {
        let (job, receiver) = look(scope, f);
        let interest = Interest(job.claim.clone());
        queue.push(job).map_err(|full| self.refused(&full))?;
        self.wait(receiver, &interest.0, limit).await
    }

    /// Waits for a result: for its work to start no longer than `limit`, then to its end, which
    /// the limit on statements bounds.
    async fn wait<T>(&self, mut receiver: oneshot::Receiver<T>, claim: &Claim, limit: Duration) -> Result<T> {
        let arrived = match timeout(limit, &mut receiver).await {
            Ok(arrived) => arrived,
            Err(_) if claim.abandon() => return Err(self.refused(&Full::Crowded)),
            Err(_) => receiver.await,
        };
        arrived.map_err(|_| Code::Internal.error().caused_by("a thread of the store ended without an answer"))
    }

    fn refused(&self, full: &Full) -> Error {
        match full {
            Full::Closed => Failure::closing().error(),
            Full::Crowded => {
                add(&self.0.shared.counts.refused);
                Failure::busy().error()
            }
        }
    }
}

impl Shared {
    pub(crate) fn set_durable(&self, durable: bool) {
        self.durable.store(if durable { 1 } else { 2 }, Ordering::Relaxed);
    }
    pub(crate) fn durable(&self) -> bool {
        self.durable.load(Ordering::Relaxed) == 1
    }
}

/// Runs what blocks for long on a thread of its own: migrations, the end.
pub(crate) async fn aside<T: Send + 'static>(f: impl FnOnce() -> Result<T> + Send + 'static) -> Result<T> {
    let (sender, receiver) = oneshot::channel();
    std::thread::Builder::new().name("store-aside".into()).spawn(move || {
        let _ = sender.send(crate::work::guarded(f));
    })?;
    receiver.await.map_err(|_| Code::Internal.error().caused_by("a thread ended without an answer"))?
}
