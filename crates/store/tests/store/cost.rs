//! What the change log costs: creates per second with and without it.
//!
//! `PLIMSOLL_TEST_COST=seconds cargo test --release -p plimsoll-store cost -- --nocapture`; without
//! the variable a short version checks that the log is on and complete in one half only.

use std::time::{Duration, Instant};

use plimsoll_core::{Result, TenantId};
use plimsoll_store::{Migration, Schema, Scope, Settings, Store, Tx, bind};

use crate::{
    bed::{Bed, look, wish},
    on_both,
};

on_both!(creates_with_and_without_the_log);

/// A row with four indexes and a ledger's entry with two: what a create of the host writes.
const SONGS: Schema = Schema {
    name: "songs",
    migrations: &[Migration {
        id: "0001",
        up: "CREATE TABLE song (tenant_id TEXT NOT NULL, id INTEGER NOT NULL, title TEXT NOT NULL, artist_id INTEGER, release_date TEXT,
                url TEXT, distance REAL, version INTEGER NOT NULL, created_at INTEGER NOT NULL, updated_at INTEGER NOT NULL,
                deleted_at INTEGER, PRIMARY KEY (tenant_id, id)) STRICT, WITHOUT ROWID;
            CREATE INDEX song_by_title ON song (tenant_id, lower(title), id);
            CREATE INDEX song_by_artist ON song (tenant_id, artist_id, id);
            CREATE INDEX song_by_date ON song (tenant_id, release_date, id);
            CREATE INDEX song_by_distance ON song (tenant_id, distance, id);
            CREATE TABLE entry (tenant_id TEXT NOT NULL, seq INTEGER NOT NULL, at INTEGER NOT NULL, actor_kind TEXT NOT NULL,
                actor TEXT NOT NULL, action TEXT NOT NULL, target TEXT NOT NULL, outcome TEXT NOT NULL, request TEXT, address TEXT,
                detail TEXT, hash BLOB NOT NULL, PRIMARY KEY (tenant_id, seq)) STRICT, WITHOUT ROWID;
            CREATE INDEX entry_by_action ON entry (tenant_id, action, seq);
            CREATE INDEX entry_by_actor ON entry (tenant_id, actor, seq);",
        down: "",
    }],
};

fn create(tx: &mut Tx<'_>) -> Result<i64> {
    let id = tx.born("song")?;
    tx.write(
        "INSERT INTO song (tenant_id, id, title, artist_id, release_date, url, distance, version, created_at, updated_at)
         VALUES (:tenant, :id, :title, :artist, '2001-02-03', :url, :distance, 1, :now, :now)",
        bind! { id: id, title: format!("A song with a usual title {id}"), artist: id % 1000, url: "https://example.com/songs/of/some/length",
        distance: id as f64 / 7.0, now: 1_700_000_000_000_000 + id },
    )?;
    tx.write(
        "INSERT INTO entry (tenant_id, seq, at, actor_kind, actor, action, target, outcome, request, address, detail, hash)
         VALUES (:tenant, :seq, :at, 'key', 'key_01hzy8x2v9c4r7t5m3k1n6p0qa', 'song.create', :target, 'ok',
            'req_01hzy8x2v9c4r7t5m3k1n6p0qa', '127.0.0.1', NULL, :hash)",
        bind! { seq: id, at: id, target: format!("song:{id}"), hash: [7u8; 32] },
    )?;
    Ok(id)
}

/// What this process has used of processors so far, in seconds; 0 where the system does not say.
/// Beside others on a busy machine this says more than the clock.
fn used() -> f64 {
    let text = std::fs::read_to_string("/proc/self/stat").unwrap_or_default();
    let fields: Vec<&str> = text.rsplit(')').next().unwrap_or_default().split_whitespace().collect();
    let ticks = |at: usize| fields.get(at).and_then(|field| field.parse::<f64>().ok()).unwrap_or(0.0);
    (ticks(11) + ticks(12)) / 100.0
}

/// Creates per second of so many callers at once, and processor time for each in microseconds.
async fn rate(store: &Store, callers: u64, time: Duration) -> (f64, f64) {
    let (started, before) = (Instant::now(), used());
    let tasks: Vec<_> = (0..callers)
        .map(|caller| {
            let store = store.clone();
            tokio::spawn(async move {
                let (scope, mut done) = (Scope::Tenant(TenantId::from_bits(u128::from(caller % 4) + 1)), 0u32);
                while started.elapsed() < time {
                    store.commit(scope, create).await.unwrap();
                    done += 1;
                }
                done
            })
        })
        .collect();
    let mut done = 0;
    for task in tasks {
        done += task.await.unwrap();
    }
    (f64::from(done) / started.elapsed().as_secs_f64(), (used() - before) * 1e6 / f64::from(done))
}

async fn creates_with_and_without_the_log(bed: Bed) {
    let seconds = wish("COST").map(|text| text.parse::<f64>().unwrap());
    let time = Duration::from_secs_f64(seconds.unwrap_or(0.05));
    let settings = Settings { writers: 4, ..bed.settings() };
    let store = Store::open(settings, &[SONGS]).unwrap();
    store.migrate_up().await.unwrap();
    let (rounds, loads) = if seconds.is_some() { (5, vec![1, 16, 64]) } else { (1, vec![4]) };
    for callers in loads {
        let (mut without, mut with) = (Vec::new(), Vec::new());
        for _ in 0..rounds {
            store.log_changes(false).await.unwrap();
            without.push(rate(&store, callers, time).await);
            store.log_changes(true).await.unwrap();
            with.push(rate(&store, callers, time).await);
            // As a shipper would: the log does not grow without end.
            let entries = look(&store, Scope::Host, |tx| tx.log_entries(usize::MAX)).await.unwrap();
            let logged: usize = entries.iter().map(|entry| entry.body.len()).sum();
            assert!(entries.len() > 2 && logged > 300 * (entries.len() - 3), "{} entries of {logged} bytes", entries.len());
            let numbers: Vec<i64> = entries.iter().map(|entry| entry.seq).collect();
            store.commit(Scope::Host, move |tx| tx.log_trim(&numbers)).await.unwrap();
        }
        let middle = |rates: &[(f64, f64)], which: fn(&(f64, f64)) -> f64| {
            let mut sorted: Vec<f64> = rates.iter().map(which).collect();
            sorted.sort_by(f64::total_cmp);
            sorted[sorted.len() / 2]
        };
        let rates = (middle(&without, |one| one.0), middle(&with, |one| one.0));
        let costs = (middle(&without, |one| one.1), middle(&with, |one| one.1));
        let kind = if bed.is_sqlite() { "sqlite" } else { "postgres" };
        println!(
            "{kind}, {callers} callers: {:.0}/s without, {:.0}/s with the log ({:+.1} %); {:.0} us without, {:.0} us with ({:+.1} %)",
            rates.0,
            rates.1,
            (rates.1 / rates.0 - 1.0) * 100.0,
            costs.0,
            costs.1,
            (costs.1 / costs.0 - 1.0) * 100.0
        );
    }
}
