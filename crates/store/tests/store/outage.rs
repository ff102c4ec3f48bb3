//! A server that goes away and comes back.

use std::time::{Duration, Instant};

use plimsoll_core::Code;
use plimsoll_store::{Place, Scope, Settings, Store};

use crate::{
    bed::{ANN, Bed, SCHEMA, added, hold, look, names},
    server::Server,
};

async fn recovered(store: &Store, name: &str) {
    let started = Instant::now();
    while let Err(error) = added(store, ANN, name).await {
        assert!(matches!(error.code(), Code::DatabaseUnavailable | Code::DatabaseBusy), "{error:?}");
        assert!(started.elapsed() < Duration::from_secs(60), "the store finds its server again: {error:?}");
        tokio::time::sleep(Duration::from_millis(20)).await;
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_store_outlives_its_server() {
    let server = tokio::task::spawn_blocking(Server::start).await.unwrap();
    let url = server.database();
    let settings = Settings { place: Place::Postgres { url }, readers: 2, writers: 2, ..Settings::default() };
    let store = Store::open(settings.clone(), &[SCHEMA]).unwrap();
    store.migrate_up().await.unwrap();
    added(&store, ANN, "before").await.unwrap();
    assert!(store.durable());

    server.stop();
    for _ in 0..20 {
        let error = added(&store, ANN, "lost").await.unwrap_err();
        assert_eq!((error.code(), error.retry_after_seconds()), (Code::DatabaseUnavailable, Some(2)), "{error:?}");
    }
    let read = look(&store, Scope::Tenant(ANN), |tx| tx.live("artist")).await;
    assert_eq!(read.unwrap_err().code(), Code::DatabaseUnavailable);
    assert_eq!(store.ping(Duration::from_secs(10)).await.unwrap_err().code(), Code::DatabaseUnavailable);
    // A store that starts while the server is away opens all the same.
    let early = Store::open(settings.clone(), &[SCHEMA]).unwrap();
    assert!(early.schema_state().await.is_err() && !early.durable());

    server.resume("-c fsync=off");
    recovered(&store, "after").await;
    recovered(&early, "early").await;
    assert_eq!(names(&store, ANN).await, ["before", "after", "early"]);
    assert!(store.gauges().reconnects > 0);
    assert!(!store.durable() && !store.facts().await.unwrap().durable, "fsync is off, and it is noticed");
    early.schema_state().await.unwrap().ready().unwrap();
}

#[tokio::test(flavor = "multi_thread")]
async fn a_connection_cut_in_the_middle_costs_one_transaction() {
    let server = tokio::task::spawn_blocking(Server::start).await.unwrap();
    let settings = Settings { place: Place::Postgres { url: server.database() }, readers: 1, writers: 1, ..Settings::default() };
    let store = Store::open(settings, &[SCHEMA]).unwrap();
    store.migrate_up().await.unwrap();
    let url = server.url("postgres", "postgres");
    let change = store.commit(Scope::Tenant(ANN), move |tx| {
        crate::bed::add(tx, "lost")?;
        crate::server::raw(&url, |client| {
            client.batch_execute("SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE usename = 'app'").unwrap();
        });
        crate::bed::add(tx, "lost too")
    });
    let error = change.await.unwrap_err();
    assert_eq!(error.code(), Code::DatabaseUnavailable, "{error:?}");
    recovered(&store, "next").await;
    assert_eq!(names(&store, ANN).await, ["next"]);
}

#[tokio::test(flavor = "multi_thread")]
async fn an_encrypted_connection_needs_a_certificate_that_is_trusted() {
    let server = tokio::task::spawn_blocking(Server::start).await.unwrap();
    let made = rcgen::generate_simple_self_signed(["localhost".to_string()]).unwrap();
    let certificate = made.cert.pem();
    server.put("server.crt", &certificate);
    server.put("server.key", &made.signing_key.serialize_pem());
    let url = format!("{}?sslmode=require", server.database().replace("127.0.0.1", "localhost"));
    let settings = Settings { place: Place::Postgres { url }, readers: 1, writers: 1, ..Settings::default() };

    let plain = Store::open(settings.clone(), &[SCHEMA]).unwrap();
    assert_eq!(plain.migrate_up().await.unwrap_err().code(), Code::DatabaseUnavailable, "this server does not encrypt yet");
    server.stop();
    server.resume("-c ssl=on");
    let stranger = Store::open(settings.clone(), &[SCHEMA]).unwrap();
    let error = stranger.migrate_up().await.unwrap_err();
    assert!(error.cause().unwrap().contains("certificate"), "{error:?}");

    let file = std::env::temp_dir().join(format!("plimsoll-store-roots-{}.pem", std::process::id()));
    std::fs::write(&file, &certificate).unwrap();
    let friend = Store::open(Settings { root_certificates: Some(file.clone()), ..settings.clone() }, &[SCHEMA]).unwrap();
    std::fs::write(&file, "nothing to see").unwrap();
    let unreadable = Store::open(Settings { root_certificates: Some(file.clone()), ..settings }, &[]).map(drop);
    std::fs::remove_file(&file).unwrap();
    friend.migrate_up().await.unwrap();
    recovered(&friend, "hidden").await;
    assert_eq!(names(&friend, ANN).await, ["hidden"]);
    assert_eq!(unreadable.unwrap_err().code(), Code::ConfigInvalid);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_file_that_goes_in_the_middle_of_a_change_is_noticed_before_anyone_hears_of_success() {
    let bed = Bed::sqlite();
    let store = bed.store().await;
    added(&store, ANN, "before").await.unwrap();
    let away = bed.path().with_extension("away");
    let (release, change) = hold(&store).await;
    std::fs::rename(bed.path(), &away).unwrap();
    drop(release);
    let error = change.await.unwrap().unwrap_err();
    assert_eq!(error.code(), Code::DatabaseUnavailable);
    assert!(error.public().contains("not known"), "{error:?}");
    assert_eq!(store.ping(Duration::from_secs(10)).await.unwrap_err().code(), Code::DatabaseUnavailable);
    let read = look(&store, Scope::Tenant(ANN), |tx| tx.live("artist")).await;
    assert_eq!(read.unwrap_err().code(), Code::DatabaseUnavailable);

    std::fs::rename(&away, bed.path()).unwrap();
    store.ping(Duration::from_secs(10)).await.unwrap();
    added(&store, ANN, "after").await.unwrap();
    assert_eq!(names(&store, ANN).await, ["before", "after"]);
}
