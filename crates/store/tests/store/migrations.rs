//! Schema changes: there and back, once each, and never into the unknown.

use plimsoll_core::{Code, Result};
use plimsoll_store::{Down, Migration, Schema, State, Store};

use crate::{
    bed::{ANN, Bed, SCHEMA, added, names},
    on_both, server,
};

on_both!(
    up_and_down_and_up_make_the_same_schema,
    racing_migrators_apply_each_migration_once,
    a_database_ahead_is_refused,
    a_changed_migration_is_refused,
    going_back_to_a_migration_keeps_it,
    a_broken_migration_is_undone_alone,
    an_unmigrated_database_says_so,
);

/// Everything a schema consists of, as text.
fn shape(bed: &Bed) -> Vec<String> {
    if bed.is_sqlite() {
        let raw = rusqlite::Connection::open(bed.path()).unwrap();
        let mut statement = raw.prepare("SELECT type || ' ' || name || ' ' || coalesce(sql, '') FROM sqlite_schema ORDER BY 1").unwrap();
        return statement.query_map([], |row| row.get(0)).unwrap().map(Result::unwrap).collect();
    }
    server::raw(bed.url(), |client| {
        let sql = "SELECT table_name || '.' || column_name || ' ' || data_type || ' ' || is_nullable || ' ' || coalesce(collation_name, '')
                FROM information_schema.columns WHERE table_schema = 'public'
            UNION ALL SELECT indexdef FROM pg_indexes WHERE schemaname = 'public'
            UNION ALL SELECT conrelid::regclass || ' ' || pg_get_constraintdef(oid) FROM pg_constraint WHERE connamespace = 'public'::regnamespace
            UNION ALL SELECT tablename || ' ' || policyname || ' ' || qual || ' ' || with_check FROM pg_policies
            ORDER BY 1";
        client.query(sql, &[]).unwrap().iter().map(|row| row.get(0)).collect()
    })
}

async fn up_and_down_and_up_make_the_same_schema(bed: Bed) {
    let store = bed.open(bed.settings());
    let state = store.schema_state().await.unwrap();
    assert_eq!(state.named(State::Pending), ["store/0001_store", "store/0002_change_log", "test/0001_artist", "test/0002_note"]);
    assert!(state.fit().is_ok());
    assert_eq!(state.ready().unwrap_err().code(), Code::SchemaMismatch);

    assert_eq!(store.migrate_up().await.unwrap(), ["store/0001_store", "store/0002_change_log", "test/0001_artist", "test/0002_note"]);
    assert!(store.migrate_up().await.unwrap().is_empty());
    let first = shape(&bed);
    assert!(first.iter().any(|line| line.contains("song_by_artist")));
    let state = store.schema_state().await.unwrap();
    state.ready().unwrap();
    assert!(state.0.iter().all(|one| one.state == State::Applied && one.applied_at.is_some()));
    added(&store, ANN, "a").await.unwrap();

    assert_eq!(store.migrate_down(Down::Steps(1)).await.unwrap(), ["test/0002_note"]);
    assert_ne!(shape(&bed), first);
    assert_eq!(names(&store, ANN).await, ["a"], "what the migration did not touch is still there");
    assert_eq!(store.migrate_down(Down::Steps(9)).await.unwrap(), ["test/0001_artist", "store/0002_change_log", "store/0001_store"]);
    assert!(!shape(&bed).iter().any(|line| line.contains("artist") || line.contains("tally")));
    assert!(store.migrate_down(Down::Steps(1)).await.unwrap().is_empty());

    assert_eq!(store.migrate_up().await.unwrap().len(), 4);
    assert_eq!(shape(&bed), first);
    until_works(&store).await;
    assert!(!names(&store, ANN).await.is_empty());
}

/// A statement that was prepared against a table that is gone may fail once, and asks to be tried again.
async fn until_works(store: &Store) {
    for _ in 0..20 {
        match added(store, ANN, "again").await {
            Ok(_) => return,
            Err(error) => assert!(error.retry_after_seconds().is_some(), "{error:?}"),
        }
    }
    panic!("the store recovers after a migration");
}

async fn racing_migrators_apply_each_migration_once(bed: Bed) {
    let bed = std::sync::Arc::new(bed);
    let tasks: Vec<_> = (0..6)
        .map(|_| {
            let bed = bed.clone();
            tokio::task::spawn_blocking(move || {
                let store = bed.open(bed.settings());
                tokio::runtime::Handle::current().block_on(store.migrate_up()).unwrap()
            })
        })
        .collect();
    let mut applied = Vec::new();
    for task in tasks {
        applied.extend(task.await.unwrap());
    }
    applied.sort();
    assert_eq!(applied, ["store/0001_store", "store/0002_change_log", "test/0001_artist", "test/0002_note"]);
}

async fn a_database_ahead_is_refused(bed: Bed) {
    drop(bed.store().await);
    const OLD: Schema = Schema { name: "test", migrations: &[SCHEMA.migrations[0]] };
    let store = Store::open(bed.settings(), &[OLD]).unwrap();
    let state = store.schema_state().await.unwrap();
    assert_eq!(state.named(State::Ahead), ["test/0002_note"]);
    for error in [state.ready().unwrap_err(), store.migrate_up().await.unwrap_err(), store.migrate_down(Down::Steps(1)).await.unwrap_err()]
    {
        assert_eq!(error.code(), Code::SchemaMismatch);
        assert!(error.public().contains("test/0002_note") && error.public().contains("ahead"), "{}", error.public());
    }
}

async fn a_changed_migration_is_refused(bed: Bed) {
    drop(bed.store().await);
    const OTHER: Schema = Schema {
        name: "test",
        migrations: &[
            SCHEMA.migrations[0],
            Migration { id: "0002_note", up: "CREATE TABLE other (id INTEGER) STRICT;", down: "DROP TABLE other;" },
        ],
    };
    let store = Store::open(bed.settings(), &[OTHER]).unwrap();
    let error = store.migrate_up().await.unwrap_err();
    assert_eq!(error.code(), Code::SchemaMismatch);
    assert!(error.public().contains("test/0002_note"), "{}", error.public());
    assert_eq!(store.schema_state().await.unwrap().named(State::Changed), ["test/0002_note"]);
}

async fn going_back_to_a_migration_keeps_it(bed: Bed) {
    let store = bed.store().await;
    let to = |id: &str| Down::To { owner: "test".into(), id: id.into() };
    assert!(store.migrate_down(to("0002_note")).await.unwrap().is_empty());
    assert_eq!(store.migrate_down(to("0001_artist")).await.unwrap(), ["test/0002_note"]);
    assert_eq!(store.migrate_down(to("0002_note")).await.unwrap_err().code(), Code::NotFound);
    assert_eq!(store.migrate_up().await.unwrap(), ["test/0002_note"]);
}

async fn a_broken_migration_is_undone_alone(bed: Bed) {
    const BROKEN: Schema = Schema {
        name: "test",
        migrations: &[
            SCHEMA.migrations[0],
            Migration { id: "0002_broken", up: "CREATE TABLE half (id INTEGER) STRICT; CREATE TABLE nonsense (", down: "" },
        ],
    };
    let store = Store::open(bed.settings(), &[BROKEN]).unwrap();
    let error = store.migrate_up().await.unwrap_err();
    assert!(error.public().contains("test/0002_broken"), "{error:?}");
    assert!(!shape(&bed).iter().any(|line| line.contains("half")));
    let state = store.schema_state().await.unwrap();
    assert_eq!(state.named(State::Applied), ["store/0001_store", "store/0002_change_log", "test/0001_artist"]);
    assert_eq!(state.named(State::Pending), ["test/0002_broken"]);
}

async fn an_unmigrated_database_says_so(bed: Bed) {
    let store = bed.open(bed.settings());
    let error = store.schema_state().await.unwrap().ready().unwrap_err();
    assert!(error.public().contains("migrate up"), "{}", error.public());
    assert!(added(&store, ANN, "a").await.is_err());
}

#[test]
fn schemas_that_contradict_themselves_are_refused() {
    let bed = Bed::sqlite();
    const DEFERRED: Schema = Schema {
        name: "late",
        migrations: &[Migration {
            id: "1",
            up: "CREATE TABLE a (b INTEGER REFERENCES c (d) DEFERRABLE INITIALLY DEFERRED) STRICT",
            down: "",
        }],
    };
    for schemas in [&[SCHEMA, SCHEMA][..], &[Schema { name: "store", migrations: &[] }], &[DEFERRED]] {
        assert!(Store::open(bed.settings(), schemas).is_err());
    }
}
