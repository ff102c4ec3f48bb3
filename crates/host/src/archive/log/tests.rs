//! Shipped and brought back, on a real file and a real folder.

use std::{path::PathBuf, sync::Arc};

use plimsoll_core::{Code, Result, Seed, TenantId, Time};
use plimsoll_store::{Load, Migration, Pace, Place as Database, Schema, Scope, Settings, Store, Tx, bind, put_row, take_row};

use super::{Shipper, check, forget, point, replay, segments, window};
use crate::{
    archive::{
        format::{Keys, LogPoint},
        place::{Directory, Place},
    },
    identity::{Master, hex},
};

static PACE: Pace = Pace::new();
const ANN: Scope = Scope::Tenant(TenantId::from_bits(7));

const SCHEMA: Schema = Schema {
    name: "test",
    migrations: &[Migration {
        id: "0001",
        up: "CREATE TABLE thing (tenant_id TEXT NOT NULL, id INTEGER NOT NULL, name TEXT NOT NULL, PRIMARY KEY (tenant_id, id)) STRICT;",
        down: "DROP TABLE thing;",
    }],
};

/// A store, and a folder that serves as the place.
struct Ground {
    folder: PathBuf,
    store: Store,
    place: Arc<dyn Place>,
    keys: Arc<Keys>,
}

impl Drop for Ground {
    fn drop(&mut self) {
        let _ = std::fs::remove_dir_all(&self.folder);
    }
}

/// Every row of every table.
type Dump = Vec<(String, Vec<u8>)>;

fn dumped(tx: &Tx<'_>) -> Result<Dump> {
    let all = tx.tables()?.into_iter().map(|table| {
        let mut bytes = Vec::new();
        tx.dump(&table, None, &mut |row| put_row(&mut bytes, row))?;
        Ok((table.name, bytes))
    });
    all.collect()
}

impl Ground {
    async fn new() -> Ground {
        let folder = std::env::temp_dir().join(format!("plimsoll-log-{}", hex(&Seed::system().bytes::<8>())));
        let store = opened(&folder.join("live.db")).await;
        let master = Master::parse(&"5e".repeat(32)).unwrap();
        let keys = Arc::new(Keys::new(Some(&master), None, []).unwrap());
        Ground { place: Arc::new(Directory::new(folder.join("place"))), folder, store, keys }
    }

    fn shipper(&self) -> Shipper {
        Shipper::new(self.store.clone(), self.place.clone(), self.keys.clone(), Seed::system())
    }

    async fn put(&self, id: i64, name: &'static str) {
        let sql = "INSERT INTO thing (tenant_id, id, name) VALUES (:tenant, :id, :name)
            ON CONFLICT (tenant_id, id) DO UPDATE SET name = excluded.name";
        self.store.commit(ANN, move |tx| tx.write(sql, bind! { id: id, name: name })).await.unwrap();
    }

    async fn dump(&self) -> Dump {
        self.store.snapshot(Scope::Host, dumped).await.unwrap()
    }

    /// A backup, as far as the log is concerned.
    async fn base(&self) -> (LogPoint, Dump) {
        self.store.snapshot(Scope::Host, |tx| Ok((point(tx)?.unwrap(), dumped(tx)?))).await.unwrap()
    }

    async fn now(&self) -> Time {
        self.store.read(Scope::Host, &PACE, |tx| tx.moment()).await.unwrap()
    }

    /// The rows at a moment, restored into another file.
    async fn at(&self, base: &(LogPoint, Dump), until: Time) -> Result<Dump> {
        let plan = check(&*self.place, &self.keys, &base.0, until).await?;
        let path = self.folder.join(format!("restored-{}.db", hex(&Seed::system().bytes::<4>())));
        let store = opened(&path).await;
        let from = base.1.clone();
        let loading = store.commit(Scope::Host, move |tx| {
            for (table, (_, bytes)) in tx.tables()?.into_iter().zip(&from) {
                let (mut rest, mut rows) = (&bytes[..], Vec::new());
                while !rest.is_empty() {
                    let mut row = Vec::new();
                    take_row(&mut rest, &mut row)?;
                    rows.push(row);
                }
                tx.load(&table, &table.names().collect::<Vec<_>>(), &rows, Load::Insert)?;
            }
            Ok(())
        });
        loading.await?;
        let reached = replay(&store, &*self.place, &self.keys, &plan).await?;
        assert_eq!(reached.entries, plan.entries);
        let dump = store.snapshot(Scope::Host, dumped).await?;
        store.close().await?;
        Ok(dump)
    }
}

async fn opened(path: &std::path::Path) -> Store {
    let settings = Settings { place: Database::Sqlite { path: path.into() }, readers: 1, ..Settings::default() };
    let store = Store::open(settings, &[SCHEMA]).unwrap();
    store.migrate_up().await.unwrap();
    store
}

#[tokio::test(flavor = "multi_thread")]
async fn every_moment_between_a_backup_and_the_last_look_comes_back() {
    let ground = Ground::new().await;
    let shipper = ground.shipper();
    assert_eq!(shipper.round().await.unwrap(), None, "the log is off");
    ground.put(1, "before the log").await;
    ground.store.log_changes(true).await.unwrap();
    ground.put(2, "in the backup").await;
    shipper.round().await.unwrap();
    ground.put(3, "in the backup, shipped later").await;
    let base = ground.base().await;
    let mut moments = vec![(ground.now().await, ground.dump().await)];
    for number in 0..6i64 {
        ground.put(number, ["a", "b", "c", "d", "e", "f"][number as usize]).await;
        let gone = ground
            .store
            .commit(ANN, move |tx| tx.write("DELETE FROM thing WHERE tenant_id = :tenant AND id = :id", bind! { id: number - 2 }));
        gone.await.unwrap();
        moments.push((ground.now().await, ground.dump().await));
        if number % 2 == 0 {
            assert!(shipper.round().await.unwrap().unwrap() > 0);
        }
    }
    while shipper.round().await.unwrap().unwrap() > 0 {}
    let (last, live) = (ground.now().await, ground.dump().await);
    for (moment, rows) in moments.into_iter().chain([(last, live)]) {
        assert!(ground.at(&base, moment).await.unwrap() == rows, "the rows of {moment}");
    }
    let seen = window(&*ground.place, &base.0.id, base.0.at).await.unwrap().unwrap();
    assert!(seen.from == base.0.at && seen.to > base.0.at && seen.to <= last, "{seen:?}");
    let state = ground.store.log_state().await.unwrap().unwrap();
    assert_eq!((state.entries, state.id.as_str()), (0, base.0.id.as_str()), "what was shipped is gone from the database");
}

#[tokio::test(flavor = "multi_thread")]
async fn what_was_shipped_twice_counts_once_and_what_is_missing_is_found() {
    let ground = Ground::new().await;
    ground.store.log_changes(true).await.unwrap();
    let base = ground.base().await;
    let (first, second) = (ground.shipper(), ground.shipper());
    for name in ["a", "b"] {
        ground.put(1, name).await;
        ground.put(2, name).await;
        // One that died between writing and removing leaves a segment that comes again.
        let kept = ground.store.read(Scope::Host, &PACE, |tx| tx.log_entries(usize::MAX)).await.unwrap();
        assert!(first.round().await.unwrap().unwrap() > 0);
        let again = ground.store.commit(Scope::Host, move |tx| {
            for entry in kept {
                let sql = "INSERT INTO change_log (seq, at, xid, body) VALUES (:seq, :at, 0, :body)";
                tx.write(sql, bind! { seq: entry.seq, at: entry.at, body: entry.body })?;
            }
            Ok(())
        });
        again.await.unwrap();
        ground.put(3, name).await;
        assert_eq!(second.round().await.unwrap(), None, "one ships at a time");
        assert!(first.round().await.unwrap().unwrap() > 1);
    }
    let live = ground.dump().await;
    let now = ground.now().await;
    assert!(ground.at(&base, now).await.unwrap() == live);

    let all = segments(&*ground.place, &base.0.id).await.unwrap();
    assert_eq!(all.len(), 4);
    assert_eq!(forget(&*ground.place, &base.0.id, base.0.at).await.unwrap(), 0, "the backup needs all of them");
    ground.place.delete(&all[1].name).await.unwrap();
    let error = ground.at(&base, now).await.unwrap_err();
    assert!(error.code() == Code::ArchiveDamaged && error.public().contains(&all[1].name), "{error:?}");

    // With a later backup the gap does not matter any more.
    let base = ground.base().await;
    ground.put(9, "later").await;
    assert!(first.round().await.unwrap().unwrap() > 0);
    ground.put(9, "last").await;
    assert!(first.round().await.unwrap().unwrap() > 0);
    assert!(forget(&*ground.place, &base.0.id, base.0.at).await.unwrap() > 0);
    let (now, live) = (ground.now().await, ground.dump().await);
    assert!(ground.at(&base, now).await.unwrap() == live);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_time_without_log_is_no_part_of_the_window() {
    let ground = Ground::new().await;
    let shipper = ground.shipper();
    ground.store.log_changes(true).await.unwrap();
    let base = ground.base().await;
    ground.put(1, "logged").await;
    let before = (ground.now().await, ground.dump().await);
    ground.store.log_changes(false).await.unwrap();
    ground.put(2, "not logged").await;
    ground.store.log_changes(true).await.unwrap();
    ground.put(3, "in another log").await;
    shipper.round().await.unwrap();
    let other = ground.base().await;
    assert!(other.0.id != base.0.id);
    // The old log ended before it was shipped: its rest lies with the new one, and neither reaches over the gap.
    let reached = ground.at(&base, before.0).await.unwrap();
    assert!(reached == base.1);
    let now = ground.now().await;
    assert!(ground.at(&other, now).await.unwrap() == ground.dump().await);
}
