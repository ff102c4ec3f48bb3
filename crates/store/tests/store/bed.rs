//! A database for one test.

use std::{
    path::{Path, PathBuf},
    sync::{
        Mutex,
        atomic::{AtomicU32, Ordering},
        mpsc,
    },
    time::{Duration, Instant},
};

use plimsoll_core::{Result, TenantId};
use plimsoll_store::{Migration, Pace, Place, Schema, Scope, Settings, Store, Tx, bind};

use crate::server::Server;

pub const SCHEMA: Schema = Schema {
    name: "test",
    migrations: &[
        Migration {
            id: "0001_artist",
            up: "CREATE TABLE artist (
                    tenant_id TEXT NOT NULL, id INTEGER NOT NULL, name TEXT NOT NULL CHECK (length(name) > 0),
                    born_at INTEGER, weight REAL, photo BLOB,
                    PRIMARY KEY (tenant_id, id), UNIQUE (tenant_id, name)
                ) STRICT, WITHOUT ROWID;
                CREATE TABLE song (
                    tenant_id TEXT NOT NULL, id INTEGER NOT NULL, artist_id INTEGER NOT NULL, title TEXT NOT NULL,
                    PRIMARY KEY (tenant_id, id),
                    FOREIGN KEY (tenant_id, artist_id) REFERENCES artist (tenant_id, id) ON DELETE RESTRICT
                ) STRICT, WITHOUT ROWID;",
            down: "DROP TABLE song; DROP TABLE artist;",
        },
        Migration {
            id: "0002_note",
            up: "CREATE TABLE note (id INTEGER PRIMARY KEY, words TEXT NOT NULL) STRICT;
                CREATE INDEX song_by_artist ON song (tenant_id, artist_id);
                ALTER TABLE song ADD COLUMN seconds INTEGER;",
            down: "ALTER TABLE song DROP COLUMN seconds; DROP INDEX song_by_artist; DROP TABLE note;",
        },
    ],
};

pub const ANN: TenantId = TenantId::from_bits(1);
pub const BOB: TenantId = TenantId::from_bits(2);

/// Where a test's data lies, removed at the end.
pub struct Bed {
    pub place: Place,
    folder: Option<PathBuf>,
}

impl Bed {
    pub fn sqlite() -> Bed {
        static COUNT: AtomicU32 = AtomicU32::new(0);
        let name = format!("plimsoll-store-{}-{}", std::process::id(), COUNT.fetch_add(1, Ordering::Relaxed));
        let folder = std::env::temp_dir().join(name);
        Bed { place: Place::Sqlite { path: folder.join("data").join("test.db") }, folder: Some(folder) }
    }

    pub fn postgres() -> Bed {
        Bed { place: Place::Postgres { url: Server::shared().database() }, folder: None }
    }

    /// Patient limits: a busy machine must not fail a test that is not about them.
    pub fn settings(&self) -> Settings {
        Settings {
            place: self.place.clone(),
            readers: 3,
            writers: 2,
            acquire_timeout: Duration::from_secs(30),
            statement_timeout: Duration::from_secs(30),
            ..Settings::default()
        }
    }

    pub fn open(&self, settings: Settings) -> Store {
        Store::open(settings, &[SCHEMA]).unwrap()
    }

    /// A store that is ready for work.
    pub async fn store(&self) -> Store {
        self.store_with(|_| ()).await
    }

    pub async fn store_with(&self, change: impl FnOnce(&mut Settings)) -> Store {
        let mut settings = self.settings();
        change(&mut settings);
        let store = self.open(settings);
        store.migrate_up().await.unwrap();
        store
    }

    pub fn path(&self) -> &Path {
        match &self.place {
            Place::Sqlite { path } => path,
            Place::Postgres { .. } => panic!("a server has no path"),
        }
    }

    pub fn url(&self) -> &str {
        match &self.place {
            Place::Postgres { url } => url,
            Place::Sqlite { .. } => panic!("a file has no address"),
        }
    }

    pub fn is_sqlite(&self) -> bool {
        matches!(self.place, Place::Sqlite { .. })
    }
}

impl Drop for Bed {
    fn drop(&mut self) {
        if let Some(folder) = &self.folder {
            let _ = std::fs::remove_dir_all(folder);
        }
    }
}

/// Adds an artist; its number.
pub fn add(tx: &mut Tx<'_>, name: &str) -> Result<i64> {
    let id = tx.born("artist")?;
    tx.write("INSERT INTO artist (tenant_id, id, name) VALUES (:tenant, :id, :name)", bind! { id: id, name: name })?;
    Ok(id)
}

pub async fn added(store: &Store, tenant: TenantId, name: &str) -> Result<i64> {
    let name = name.to_string();
    store.commit(Scope::Tenant(tenant), move |tx| add(tx, &name)).await
}

/// A read of a kind that was never seen before.
pub async fn look<T: Send + 'static>(store: &Store, scope: Scope, f: impl FnOnce(&Tx<'_>) -> Result<T> + Send + 'static) -> Result<T> {
    store.read(scope, &Pace::new(), f).await
}

/// The names a tenant sees, in order.
pub async fn names(store: &Store, tenant: TenantId) -> Vec<String> {
    let sql = "SELECT name FROM artist WHERE tenant_id = :tenant ORDER BY id";
    store.read(Scope::Tenant(tenant), &Pace::new(), move |tx| tx.rows(sql, &[])).await.unwrap()
}

pub async fn live(store: &Store, tenant: TenantId) -> i64 {
    store.read(Scope::Tenant(tenant), &Pace::new(), |tx| tx.live("artist")).await.unwrap()
}

/// Holds the writer until the sender is used or dropped.
pub async fn hold(store: &Store) -> (mpsc::Sender<()>, tokio::task::JoinHandle<Result<()>>) {
    let (release, held) = mpsc::channel::<()>();
    let (started, begun) = tokio::sync::oneshot::channel();
    let store = store.clone();
    let task = tokio::spawn(async move {
        let held = Mutex::new(held);
        let change = store.commit(Scope::Tenant(ANN), move |_| {
            let _ = started.send(());
            let _ = held.lock().unwrap().recv();
            Ok(())
        });
        change.await
    });
    begun.await.unwrap();
    (release, task)
}

/// Waits for a condition, within a bound.
pub async fn until(what: &str, mut condition: impl FnMut() -> bool) {
    let started = Instant::now();
    while !condition() {
        assert!(started.elapsed() < Duration::from_secs(60), "waited in vain: {what}");
        tokio::time::sleep(Duration::from_millis(2)).await;
    }
}

/// The private side of an error, which says what a caller must not learn.
pub fn cause<T: std::fmt::Debug>(result: Result<T>) -> String {
    result.unwrap_err().cause().unwrap_or_default()
}

/// What whoever starts the tests wants otherwise: longer runs, a seed again.
#[expect(clippy::disallowed_methods, reason = "long runs are asked for from outside")]
pub fn wish(name: &str) -> Option<String> {
    std::env::var(format!("PLIMSOLL_TEST_{name}")).ok()
}
