//! Wake-ups: with a reason always, across stores, and after a connection was lost.

use std::time::Duration;

use plimsoll_core::{Code, Result};
use plimsoll_store::{Changes, Place, Scope, Settings, Store};
use tokio::time::timeout;

use crate::{
    bed::{ANN, BOB, Bed, SCHEMA, add, look},
    on_both,
    server::Server,
};

on_both!(
    a_commit_wakes_its_channel_and_no_other,
    what_is_undone_wakes_nobody,
    another_store_is_woken,
    nothing_between_taking_and_waiting_is_missed,
);

const PATIENCE: Duration = Duration::from_secs(30);

async fn told(changes: &mut Changes) {
    timeout(PATIENCE, changes.changed()).await.expect("woken");
}

async fn tell(store: &Store, channel: &'static str) {
    let told = store.commit(Scope::Tenant(ANN), move |tx| {
        tx.notify(channel);
        Ok(())
    });
    told.await.unwrap();
}

/// Waits until the listeners of a fresh store have had the wake-up that says "look once".
async fn settled(store: &Store, changes: &mut Changes) {
    told(changes).await;
    // Its own wake-up proves that nothing older is still on its way.
    tell(store, "settled").await;
}

async fn a_commit_wakes_its_channel_and_no_other(bed: Bed) {
    let store = bed.store().await;
    let mut marks = store.changes("settled");
    settled(&store, &mut marks).await;
    let (mut jobs, mut events) = (store.changes("jobs"), store.changes("events"));
    tell(&store, "jobs").await;
    told(&mut jobs).await;
    tell(&store, "events").await;
    told(&mut events).await;
    // One process, one order: what was not woken by now was not meant.
    let mut jobs = jobs.clone();
    assert!(timeout(Duration::ZERO, jobs.changed()).await.is_err(), "`jobs` was woken for `events`");
}

async fn what_is_undone_wakes_nobody(bed: Bed) {
    let store = bed.store().await;
    let mut marks = store.changes("settled");
    settled(&store, &mut marks).await;
    let mut jobs = store.changes("jobs");
    let failed: Result<()> = store
        .commit(Scope::Tenant(ANN), |tx| {
            tx.notify("jobs");
            Err(Code::Conflict.because("no"))
        })
        .await;
    assert!(failed.is_err());
    let attempted = store.commit(Scope::Tenant(ANN), |tx| {
        let undone: Result<()> = tx.attempt(|tx| {
            tx.notify("jobs");
            Err(Code::Conflict.because("no"))
        });
        assert!(undone.is_err());
        tx.notify("other");
        Ok(())
    });
    attempted.await.unwrap();
    assert!(timeout(Duration::ZERO, jobs.changed()).await.is_err(), "woken for nothing");
}

async fn another_store_is_woken(bed: Bed) {
    let (here, there) = (bed.store().await, bed.store().await);
    let mut jobs = there.changes("jobs");
    told(&mut jobs).await;
    for round in 0..3 {
        // On SQLite an empty transaction changes nothing that anybody could see.
        let change = here.commit(Scope::Tenant(ANN), move |tx| {
            tx.notify("jobs");
            add(tx, &format!("n{round}"))
        });
        change.await.unwrap();
        let seen = || look(&there, Scope::Host, |tx| tx.row::<i64>("SELECT COUNT(*) FROM artist", &[]));
        while seen().await.unwrap() <= round {
            told(&mut jobs).await;
        }
    }
}

async fn nothing_between_taking_and_waiting_is_missed(bed: Bed) {
    let store = bed.store().await;
    let mut jobs = store.changes("jobs");
    for number in 0..50 {
        let change = store.commit(Scope::Tenant(BOB), move |tx| {
            tx.notify("jobs");
            add(tx, &format!("n{number}"))
        });
        change.await.unwrap();
        told(&mut jobs).await;
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_listener_that_lost_its_server_is_woken_when_it_is_back() {
    let server = tokio::task::spawn_blocking(Server::start).await.unwrap();
    let settings = Settings { place: Place::Postgres { url: server.database() }, readers: 1, writers: 1, ..Settings::default() };
    let store = Store::open(settings, &[SCHEMA]).unwrap();
    store.migrate_up().await.unwrap();
    let mut jobs = store.changes("jobs");
    told(&mut jobs).await;
    server.stop();
    server.resume("");
    told(&mut jobs).await;
}
