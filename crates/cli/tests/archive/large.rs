//! Many rows: how long, how large. A million of them with `PLIMSOLL_TEST_ROWS=1000000`; the
//! memory of each step is what `bench/archive` measures.

use std::time::Instant;

use plimsoll_store::{Settings, Store};
use plimsoll_testkit::{Db, both};

use crate::{
    service::number,
    yard::{Yard, at},
};

/// Fills the catalogue behind the host's back, which is much quicker.
async fn fill(yard: &Yard, rows: i64) {
    let place = match yard.ground.url() {
        Some(url) => plimsoll_store::Place::Postgres { url: url.to_owned() },
        None => plimsoll_store::Place::Sqlite { path: yard.ground.data.join("plimsoll.db") },
    };
    let store =
        Store::open(Settings { place, statement_timeout: std::time::Duration::from_secs(600), ..Settings::default() }, &[]).unwrap();
    let made = store
        .commit(plimsoll::Scope::Host, move |tx| {
            tx.write(
                "WITH RECURSIVE n (i) AS (SELECT 1 UNION ALL SELECT i + 1 FROM n WHERE i < :rows) \
                 INSERT INTO song (tenant_id, id, title, url, distance, version, created_at, updated_at) \
                 SELECT (SELECT id FROM tenant LIMIT 1), i, 'song number ' || i, 'https://example.org/songs/' || (i * 7919), i * 0.5, 1, i, i FROM n",
                plimsoll::bind! { rows: rows },
            )
        })
        .await
        .unwrap();
    assert_eq!(i64::try_from(made).unwrap(), rows);
    store.close().await.unwrap();
}

both! {
    async fn many_rows_are_backed_up_and_restored(db: Db) {
        let rows = i64::try_from(number("PLIMSOLL_TEST_ROWS", 20_000)).unwrap();
        let (yard, _) = Yard::settled(db).await;
        fill(&yard, rows).await;
        let plimsoll = yard.again().within(std::time::Duration::from_secs(1200));
        let started = Instant::now();
        let made = plimsoll.run(["backup", "create", "--json"]).await.expect(0).json();
        let created = started.elapsed();
        assert!(made["rows"].as_i64().unwrap() >= rows, "{made}");
        let ground = db.ground();
        let started = Instant::now();
        let target = at(&ground, &yard.place).within(std::time::Duration::from_secs(1200));
        let done = target.run(["backup", "restore", "--json"]).await.expect(0).json();
        assert_eq!(done["rows"], made["rows"]);
        println!("{db:?}: {rows} rows, {} bytes, created in {created:?}, restored in {:?}", made["bytes"], started.elapsed());
    }
}
