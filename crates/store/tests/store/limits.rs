//! Limits: time, turns, room.

use std::{sync::mpsc, time::Duration};

use plimsoll_core::Code;
use plimsoll_store::{Pace, Scope, bind};

use crate::{
    bed::{ANN, Bed, added, hold, look, names, until},
    on_both,
};

on_both!(
    an_endless_statement_is_stopped,
    an_endless_change_is_stopped_and_nobody_is_told_a_lie,
    a_read_that_cannot_start_in_time_is_turned_away,
    a_change_that_cannot_start_in_time_never_happens,
    a_full_queue_turns_callers_away_at_once,
    slow_statements_are_counted,
);

const ANNS: Scope = Scope::Tenant(ANN);
const ENDLESS: &str = "WITH RECURSIVE n (x) AS (SELECT 1 UNION ALL SELECT x + 1 FROM n WHERE x < 2000000000) SELECT COUNT(*) FROM n";

async fn an_endless_statement_is_stopped(bed: Bed) {
    let store = bed.store_with(|settings| settings.statement_timeout = Duration::from_millis(300)).await;
    let read = look(&store, ANNS, |tx| tx.row::<i64>(ENDLESS, &[])).await.unwrap_err();
    let change = store.commit(ANNS, |tx| {
        crate::bed::add(tx, "undone")?;
        tx.row::<i64>(ENDLESS, &[])
    });
    let change = change.await.unwrap_err();
    assert_eq!((read.code(), change.code()), (Code::StatementTimeout, Code::StatementTimeout));
    assert_eq!(store.gauges().statement_timeouts, 2);
    added(&store, ANN, "after").await.unwrap();
    assert_eq!(names(&store, ANN).await, ["after"]);
}

/// Stopping a changing statement ends the whole transaction on SQLite, its neighbours' included.
async fn an_endless_change_is_stopped_and_nobody_is_told_a_lie(bed: Bed) {
    let store = bed.store_with(|settings| settings.statement_timeout = Duration::from_millis(300)).await;
    let (release, holding) = hold(&store).await;
    let waits = |name: &'static str, endless: bool| {
        let store = store.clone();
        tokio::spawn(async move {
            let change = store.commit(ANNS, move |tx| {
                crate::bed::add(tx, name)?;
                if endless {
                    let sql = "INSERT INTO note (id, words) WITH RECURSIVE n (x) AS (SELECT 1 UNION ALL SELECT x + 1 FROM n) SELECT x, 'w' FROM n";
                    tx.write(sql, &[])?;
                }
                Ok(())
            });
            change.await
        })
    };
    let before = waits("before", false);
    until("one waits", || store.gauges().write_queue == 1).await;
    let endless = waits("endless", true);
    until("two wait", || store.gauges().write_queue == 2).await;
    let after = waits("after", false);
    until("three wait", || store.gauges().write_queue == 3).await;
    drop(release);
    let held = holding.await.unwrap();
    assert!(held.is_ok() || bed.is_sqlite(), "on PostgreSQL a stopped statement harms its own change alone");
    assert_eq!(endless.await.unwrap().unwrap_err().code(), Code::StatementTimeout);
    let mut told = Vec::new();
    for (name, task) in [("before", before), ("after", after)] {
        match task.await.unwrap() {
            Ok(()) => told.push(name),
            Err(error) => assert_eq!((error.code(), error.retry_after_seconds()), (Code::DatabaseBusy, Some(1)), "{error:?}"),
        }
    }
    assert_eq!(names(&store, ANN).await, told);
    added(&store, ANN, "later").await.unwrap();
}

async fn a_read_that_cannot_start_in_time_is_turned_away(bed: Bed) {
    let store = bed
        .store_with(|settings| {
            settings.readers = 1;
            settings.acquire_timeout = Duration::from_millis(1500);
        })
        .await;
    let (release, held) = mpsc::channel::<()>();
    let held = std::sync::Mutex::new(held);
    let holding = tokio::spawn({
        let store = store.clone();
        async move {
            let read = look(&store, ANNS, move |_| {
                let _ = held.lock().unwrap().recv();
                Ok(())
            });
            read.await
        }
    });
    until("the reader is held", || store.gauges().readers_busy == 1).await;
    let error = look(&store, ANNS, |_| Ok(())).await.unwrap_err();
    assert_eq!((error.code(), error.retry_after_seconds()), (Code::DatabaseBusy, Some(1)));
    assert_eq!(store.gauges().acquire_timeouts, 1);
    store.ping(Duration::from_secs(30)).await.unwrap();
    drop(release);
    holding.await.unwrap().unwrap();
    assert!(names(&store, ANN).await.is_empty());
}

async fn a_change_that_cannot_start_in_time_never_happens(bed: Bed) {
    let store = bed.store_with(|settings| settings.acquire_timeout = Duration::from_millis(1500)).await;
    let (release, held) = mpsc::channel::<()>();
    let (begin, begun) = tokio::sync::oneshot::channel();
    let held = std::sync::Mutex::new(held);
    let holding = tokio::spawn({
        let store = store.clone();
        async move {
            let change = store.commit(ANNS, move |tx| {
                let _ = begin.send(());
                let _ = held.lock().unwrap().recv();
                crate::bed::add(tx, "slow but kept")
            });
            change.await
        }
    });
    begun.await.unwrap();
    let error = added(&store, ANN, "turned away").await.unwrap_err();
    assert_eq!(error.code(), Code::DatabaseBusy);
    drop(release);
    holding.await.unwrap().unwrap();
    added(&store, ANN, "after").await.unwrap();
    assert_eq!(names(&store, ANN).await, ["slow but kept", "after"]);
}

async fn a_full_queue_turns_callers_away_at_once(bed: Bed) {
    let store = bed
        .store_with(|settings| {
            settings.readers = 1;
            settings.queue = 1;
        })
        .await;
    let (release, held) = mpsc::channel::<()>();
    let held = std::sync::Mutex::new(held);
    let pace = std::sync::Arc::new(Pace::new());
    let spawn = |held: Option<std::sync::Mutex<mpsc::Receiver<()>>>| {
        let (store, pace) = (store.clone(), pace.clone());
        tokio::spawn(async move {
            let read = store.read(ANNS, &pace, move |_| {
                if let Some(held) = held {
                    let _ = held.lock().unwrap().recv();
                }
                Ok(())
            });
            read.await
        })
    };
    let first = spawn(Some(held));
    until("the reader is held", || store.gauges().readers_busy == 1).await;
    let second = spawn(None);
    until("one waits", || store.gauges().read_queue == 1).await;
    let third = spawn(None).await.unwrap();
    assert_eq!(third.unwrap_err().code(), Code::DatabaseBusy);
    drop(release);
    first.await.unwrap().unwrap();
    second.await.unwrap().unwrap();
}

async fn slow_statements_are_counted(bed: Bed) {
    let store = bed.store_with(|settings| settings.slow_statement = Duration::ZERO).await;
    let before = store.gauges().slow_statements;
    added(&store, ANN, "a").await.unwrap();
    assert_eq!(store.gauges().slow_statements - before, 2);
}

/// The quota stands for a full disk: SQLite answers both with the same error.
#[tokio::test(flavor = "multi_thread")]
async fn a_full_database_refuses_changes_and_keeps_what_it_has() {
    let bed = Bed::sqlite();
    let store = bed.store_with(|settings| settings.page_limit = Some(120)).await;
    let write = async |number: i64, size: usize| {
        let change = store.commit(ANNS, move |tx| {
            let sql = "INSERT INTO artist (tenant_id, id, name, photo) VALUES (:tenant, :id, :name, :photo)";
            tx.write(sql, bind! { id: number, name: format!("n{number}"), photo: vec![7u8; size] })
        });
        change.await
    };
    let mut kept = Vec::new();
    let error = loop {
        let number = kept.len() as i64;
        match write(number, 10_000).await {
            Ok(_) => kept.push(format!("n{number}")),
            Err(error) => break error,
        }
        assert!(kept.len() < 1000, "the quota holds");
    };
    assert_eq!(error.code(), Code::StorageFull, "{error:?}");
    assert!(!kept.is_empty());
    assert_eq!(names(&store, ANN).await, kept);
    // Full is not broken: room made is room used.
    let gone = store.commit(ANNS, |tx| tx.write("DELETE FROM artist WHERE tenant_id = :tenant AND id = 0", &[]));
    assert_eq!(gone.await.unwrap(), 1);
    write(5000, 5_000).await.unwrap();
    store.close().await.unwrap();
    drop(store);
    kept.remove(0);
    kept.push("n5000".into());
    assert_eq!(names(&bed.store().await, ANN).await, kept);
}

#[cfg(unix)]
#[tokio::test(flavor = "multi_thread")]
async fn only_this_user_can_read_the_file() {
    use std::os::unix::fs::PermissionsExt;
    let bed = Bed::sqlite();
    let _store = bed.store().await;
    let mode = |path: &std::path::Path| std::fs::metadata(path).unwrap().permissions().mode() & 0o777;
    assert_eq!((mode(bed.path()), mode(bed.path().parent().unwrap())), (0o600, 0o700));
}

#[tokio::test]
async fn a_file_that_is_no_database_is_refused() {
    let bed = Bed::sqlite();
    std::fs::create_dir_all(bed.path().parent().unwrap()).unwrap();
    std::fs::write(bed.path(), "not a database, but long enough to be looked at ".repeat(100)).unwrap();
    let error = plimsoll_store::Store::open(bed.settings(), &[]).map(drop).unwrap_err();
    assert_eq!(error.code(), Code::DatabaseUnavailable);
}
