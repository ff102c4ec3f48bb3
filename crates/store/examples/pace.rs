//! Prints how fast this machine reads and writes: `cargo run --release -p plimsoll-store --example pace [postgres://…]`.

use std::{
    path::PathBuf,
    time::{Duration, Instant},
};

use plimsoll_core::{Result, TenantId};
use plimsoll_store::{Migration, Pace, Place, Schema, Scope, Settings, Store, bind};

const SCHEMA: Schema = Schema {
    name: "pace",
    migrations: &[Migration {
        id: "0001_thing",
        up: "CREATE TABLE thing (tenant_id TEXT NOT NULL, id INTEGER NOT NULL, name TEXT NOT NULL, PRIMARY KEY (tenant_id, id)) STRICT, WITHOUT ROWID",
        down: "DROP TABLE thing",
    }],
};
const TENANT: Scope = Scope::Tenant(TenantId::from_bits(7));
const CALLERS: u32 = 32;

#[tokio::main]
async fn main() -> Result<()> {
    let folder: PathBuf = std::env::temp_dir().join(format!("plimsoll-pace-{}", std::process::id()));
    let mut places = vec![Place::Sqlite { path: folder.join("pace.db") }];
    places.extend(std::env::args().skip(1).map(|url| Place::Postgres { url }));
    for place in places {
        let store = Store::open(Settings { place, ..Settings::default() }, &[SCHEMA])?;
        store.migrate_up().await?;
        measure(&store).await?;
        store.close().await?;
    }
    std::fs::remove_dir_all(folder)?;
    Ok(())
}

async fn add(store: &Store) -> Result<i64> {
    let sql = "INSERT INTO thing (tenant_id, id, name) VALUES (:tenant, :id, :name)";
    let change = store.commit(TENANT, move |tx| {
        let id = tx.born("thing")?;
        tx.write(sql, bind! { id: id, name: "a thing with a name" })?;
        Ok(id)
    });
    change.await
}

async fn one(store: &Store, pace: &Pace) -> Result<String> {
    store.read(TENANT, pace, |tx| tx.row("SELECT name FROM thing WHERE tenant_id = :tenant AND id = :id", bind! { id: 1 })).await
}

async fn measure(store: &Store) -> Result<()> {
    let name = store.kind().name();
    add(store).await?;
    for (how, proven) in [("on a thread", false), ("proven quick", true)] {
        let (pace, rounds) = (Pace::new(), 5_000);
        for _ in 0..64 {
            one(store, &pace).await?;
        }
        let started = Instant::now();
        for _ in 0..rounds {
            // A pace without knowledge sends the read to a thread.
            let fresh = Pace::new();
            one(store, if proven { &pace } else { &fresh }).await?;
        }
        println!("{name}: {:.1} us per read by key, {how}", started.elapsed().as_secs_f64() * 1e6 / f64::from(rounds));
    }
    let (started, before) = (Instant::now(), store.gauges());
    let callers: Vec<_> = (0..CALLERS)
        .map(|_| {
            let store = store.clone();
            tokio::spawn(async move {
                while started.elapsed() < Duration::from_secs(3) {
                    add(&store).await?;
                }
                Ok::<_, plimsoll_core::Error>(())
            })
        })
        .collect();
    for caller in callers {
        caller.await??;
    }
    let (after, seconds) = (store.gauges(), started.elapsed().as_secs_f64());
    let (commits, batches) = (after.commits - before.commits, after.batches - before.batches);
    println!(
        "{name}: {:.0} commits/s by {CALLERS} callers of one tenant, {:.1} per transaction",
        commits as f64 / seconds,
        commits as f64 / batches as f64
    );
    Ok(())
}
