//! Archives of an older schema and of a newer one.

use plimsoll::{
    Migration, Store,
    archive::{Archive, Progress},
    config::{Config, Sources},
    host::Mounts,
    identity::Master,
};
use plimsoll_core::{Clock, Seed};
use plimsoll_store::{Place, Schema, Settings};
use plimsoll_testkit::{Db, Scratch, both, both::Ground};

use crate::yard::{MASTER, at};

/// A backup of a database with these schemas.
async fn made_with(schemas: &[Schema], ground: &Ground, place: &std::path::Path) {
    let place_of_data = match ground.url() {
        Some(url) => Place::Postgres { url: url.to_owned() },
        None => Place::Sqlite { path: ground.data.join("plimsoll.db") },
    };
    let store = Store::open(Settings { place: place_of_data, ..Settings::default() }, schemas).unwrap();
    store.migrate_up().await.unwrap();
    let mut sources = Sources::default();
    sources.overrides.push(("archive.place".into(), place.display().to_string(), "test"));
    let config = Config::load(&plimsoll::host::schema(), sources).unwrap();
    let master = Master::parse(MASTER).unwrap();
    let archive = Archive::new(&config, ground.data.path(), store.clone(), &master, Clock::system(), Seed::system()).unwrap();
    archive.create(&Progress::default()).await.unwrap();
    store.close().await.unwrap();
}

both! {
    async fn an_archive_of_an_older_schema_is_restored_and_brought_up_to_date(db: Db) {
        let (ground, place, target) = (db.ground(), Scratch::new(), db.ground());
        // Before there was a catalogue.
        made_with(Mounts::new().schemas(), &ground, place.path()).await;
        let plimsoll = at(&target, place.path());
        let done = plimsoll.run(["backup", "restore", "--json"]).await.expect(0).json();
        assert!(done["migrated"].to_string().contains("catalogue/"), "{done}");
        let running = plimsoll.start().await;
        running.client().get("/health/ready").await.expect(200);
        running.stop().await;
    }

    async fn an_archive_of_a_newer_schema_is_refused(db: Db) {
        let (ground, place, target) = (db.ground(), Scratch::new(), db.ground());
        const NEWER: &[Migration] = &[Migration { id: "0001_later", up: "CREATE TABLE later (id INTEGER NOT NULL PRIMARY KEY) STRICT;", down: "DROP TABLE later;" }];
        let schemas: Vec<Schema> = Mounts::new().schemas().iter().copied().chain([Schema { name: "later", migrations: NEWER }]).collect();
        made_with(&schemas, &ground, place.path()).await;
        let plimsoll = at(&target, place.path());
        let refused = plimsoll.run(["backup", "restore"]).await.expect(1);
        assert!(refused.stderr.contains("PLM-ARC-003") && refused.stderr.contains("later/0001_later"), "{refused}");
        // Nothing is there: the same target takes an archive that fits.
        let (second, whole) = (db.ground(), Scratch::new());
        made_with(Mounts::new().schemas(), &second, whole.path()).await;
        at(&target, whole.path()).run(["backup", "restore"]).await.expect(0);
    }
}
