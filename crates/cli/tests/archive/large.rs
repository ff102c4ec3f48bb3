//! Many rows: how long, how large, how much memory. A million of them with
//! `PLIMSOLL_TEST_ROWS=1000000 cargo test --release -p plimsoll-cli --test archive -- large --nocapture`.

use std::{
    path::Path,
    process::{Command, Stdio},
    time::{Duration, Instant},
};

use plimsoll_store::{Settings, Store};
use plimsoll_testkit::{Db, both, both::Ground};
use serde_json::Value;

use crate::{
    service::{number, status_kib},
    yard::{MASTER, Yard},
};

/// What a process may take, whatever the number of rows: frames, a heap of rows, the databases'
/// caches, and the binary itself.
const MOST_KIB: u64 = 250 << 10;

/// Fills the catalogue behind the host's back, which is much quicker.
async fn fill(yard: &Yard, rows: i64) {
    let place = match yard.ground.url() {
        Some(url) => plimsoll_store::Place::Postgres { url: url.to_owned() },
        None => plimsoll_store::Place::Sqlite { path: yard.ground.data.join("plimsoll.db") },
    };
    let store = Store::open(Settings { place, statement_timeout: Duration::from_secs(600), ..Settings::default() }, &[]).unwrap();
    let made = store
        .commit(plimsoll::Scope::Host, move |tx| {
            tx.write(
                "WITH RECURSIVE n (i) AS (SELECT 1 UNION ALL SELECT i + 1 FROM n WHERE i < :rows) \
                 INSERT INTO song (tenant_id, id, title, url, distance, version, created_at, updated_at) \
                 SELECT (SELECT id FROM tenant LIMIT 1), i, 'song number ' || i, 'https://example.org/songs/' || (i * 7), i * 0.5, 1, i, i FROM n",
                plimsoll::bind! { rows: rows },
            )
        })
        .await
        .unwrap();
    assert_eq!(i64::try_from(made).unwrap(), rows);
    store.close().await.unwrap();
}

/// Runs a command; what it printed, how long it took, and the most memory it was seen to take.
fn measured(ground: &Ground, place: &Path, arguments: &[&str]) -> (Value, Duration, u64) {
    let started = Instant::now();
    let mut command = Command::new(env!("CARGO_BIN_EXE_plimsoll"));
    command.arg("--data").arg(ground.data.path()).args(arguments).arg("--json").stdout(Stdio::piped());
    command.env("PLIMSOLL_ARCHIVE__PLACE", place).env("PLIMSOLL_IDENTITY__MASTER_KEY", MASTER);
    if let Some(url) = ground.url() {
        command.env("PLIMSOLL_DATABASE__URL", url);
    }
    let mut child = command.spawn().unwrap();
    let mut most = 0;
    while child.try_wait().unwrap().is_none() {
        // A process that has just ended has no figure any more.
        let running = std::fs::read_to_string(format!("/proc/{}/status", child.id())).is_ok_and(|text| text.contains("VmHWM"));
        if running && let Ok(now) = std::panic::catch_unwind(|| status_kib(child.id(), "VmHWM")) {
            most = most.max(now);
        }
        std::thread::sleep(Duration::from_millis(10));
    }
    let output = child.wait_with_output().unwrap();
    assert!(output.status.success(), "{arguments:?}");
    (serde_json::from_slice(&output.stdout).unwrap(), started.elapsed(), most)
}

both! {
    async fn many_rows_are_backed_up_and_restored_in_little_memory(db: Db) {
        let rows = i64::try_from(number("PLIMSOLL_TEST_ROWS", 20_000)).unwrap();
        let (yard, _) = Yard::settled(db).await;
        fill(&yard, rows).await;
        let (made, created, making) = measured(&yard.ground, &yard.place, &["backup", "create"]);
        assert!(made["rows"].as_i64().unwrap() >= rows, "{made}");
        let ground = db.ground();
        let (done, restored, restoring) = measured(&ground, &yard.place, &["backup", "restore"]);
        assert_eq!(done["rows"], made["rows"]);
        println!(
            "{db:?}: {rows} rows, archive {} bytes; created in {created:?} with {making} KiB, restored in {restored:?} with {restoring} KiB",
            made["bytes"]
        );
        assert!(making < MOST_KIB && restoring < MOST_KIB, "{making} KiB and {restoring} KiB");
    }
}
