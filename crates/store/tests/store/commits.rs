//! Changes: together, apart, and to the end.

use std::{
    future::Future,
    task::{Context, Poll, Waker},
    time::Duration,
};

use plimsoll_core::{Code, Result};
use plimsoll_store::{Head, Scope, bind};

use crate::{
    bed::{ANN, BOB, Bed, add, added, hold, live, names, until},
    on_both,
};

on_both!(
    waiting_changes_share_a_transaction,
    a_failed_change_leaves_nothing_and_its_neighbours_stay,
    a_panic_is_an_error_and_the_writer_lives_on,
    a_change_runs_to_its_end_when_its_caller_has_gone,
    an_attempt_undoes_only_itself,
    a_swallowed_failure_is_not_kept,
    broken_rules_have_neutral_sentences,
    counts_are_right_after_failures,
    the_head_moves_within_a_batch_and_back_with_a_failure,
    closing_waits_for_what_was_taken,
    many_writers_of_one_tenant_lose_nothing,
);

const ANNS: Scope = Scope::Tenant(ANN);

async fn waiting_changes_share_a_transaction(bed: Bed) {
    let store = bed.store().await;
    let before = store.gauges();
    let (release, first) = hold(&store).await;
    let tasks: Vec<_> = (0..40)
        .map(|number| {
            let store = store.clone();
            tokio::spawn(async move { added(&store, ANN, &format!("n{number}")).await })
        })
        .collect();
    until("all wait", || store.gauges().write_queue == 40).await;
    drop(release);
    first.await.unwrap().unwrap();
    for task in tasks {
        task.await.unwrap().unwrap();
    }
    let after = store.gauges();
    assert_eq!(after.commits - before.commits, 41);
    assert!(after.batches - before.batches < 20, "{} transactions for 41 changes", after.batches - before.batches);
    assert_eq!((names(&store, ANN).await.len(), live(&store, ANN).await), (40, 40));
}

async fn a_failed_change_leaves_nothing_and_its_neighbours_stay(bed: Bed) {
    let store = bed.store().await;
    let (release, first) = hold(&store).await;
    let tasks: Vec<_> = (0..10)
        .map(|number| {
            let store = store.clone();
            tokio::spawn(async move {
                let change = store.commit(ANNS, move |tx| {
                    add(tx, &format!("n{number}"))?;
                    match number % 3 {
                        0 => Err(Code::Conflict.because("no")),
                        1 => add(tx, &format!("n{number}")).map(drop),
                        _ => Ok(()),
                    }
                });
                change.await.map_err(|error| error.code())
            })
        })
        .collect();
    until("all wait", || store.gauges().write_queue == 10).await;
    drop(release);
    first.await.unwrap().unwrap();
    for (number, task) in tasks.into_iter().enumerate() {
        let wanted = if number % 3 == 2 { Ok(()) } else { Err(Code::Conflict) };
        assert_eq!(task.await.unwrap(), wanted, "{number}");
    }
    let mut kept = names(&store, ANN).await;
    kept.sort();
    assert_eq!(kept, ["n2", "n5", "n8"]);
    assert_eq!(live(&store, ANN).await, 3);
}

async fn a_panic_is_an_error_and_the_writer_lives_on(bed: Bed) {
    let store = bed.store().await;
    let change = store.commit(ANNS, |tx| -> Result<()> {
        add(tx, "lost")?;
        panic!("a bug in a closure");
    });
    let error = change.await.unwrap_err();
    assert_eq!(error.code(), Code::Internal);
    assert!(error.cause().unwrap().contains("a bug in a closure") && !error.public().contains("bug"));
    added(&store, ANN, "kept").await.unwrap();
    assert_eq!(names(&store, ANN).await, ["kept"]);
}

async fn a_change_runs_to_its_end_when_its_caller_has_gone(bed: Bed) {
    let store = bed.store().await;
    for number in 0..100 {
        let name = format!("n{number}");
        let mut change = Box::pin(store.commit(ANNS, move |tx| add(tx, &name)));
        let mut nobody = Context::from_waker(Waker::noop());
        assert!(matches!(change.as_mut().poll(&mut nobody), Poll::Pending | Poll::Ready(Ok(_))));
    }
    added(&store, ANN, "last").await.unwrap();
    assert_eq!(names(&store, ANN).await.len(), 101);
}

async fn an_attempt_undoes_only_itself(bed: Bed) {
    let store = bed.store().await;
    let change = store.commit(ANNS, |tx| {
        add(tx, "first")?;
        let twice = tx.attempt(|tx| {
            add(tx, "second")?;
            add(tx, "first")
        });
        assert_eq!(twice.unwrap_err().code(), Code::Conflict);
        tx.attempt(|tx| {
            assert!(tx.attempt(|tx| add(tx, "first")).is_err());
            add(tx, "third")
        })
    });
    assert_eq!(change.await.unwrap(), 2);
    assert_eq!(names(&store, ANN).await, ["first", "third"]);
}

async fn a_swallowed_failure_is_not_kept(bed: Bed) {
    let store = bed.store().await;
    added(&store, ANN, "taken").await.unwrap();
    let change = store.commit(ANNS, |tx| {
        add(tx, "other")?;
        assert_eq!(add(tx, "taken").unwrap_err().code(), Code::Conflict);
        assert!(tx.live("artist").unwrap_err().cause().unwrap().contains("earlier statement failed"));
        Ok(())
    });
    assert!(change.await.unwrap_err().cause().unwrap().contains("attempt"));
    assert_eq!(names(&store, ANN).await, ["taken"]);
}

async fn broken_rules_have_neutral_sentences(bed: Bed) {
    let store = bed.store().await;
    added(&store, ANN, "Secretname").await.unwrap();
    let song = "INSERT INTO song (tenant_id, id, artist_id, title) VALUES (:tenant, 1, 99, 'x')";
    let orphan = store.commit(ANNS, move |tx| tx.write(song, &[])).await.unwrap_err();
    let taken = added(&store, ANN, "Secretname").await.unwrap_err();
    let empty = added(&store, ANN, "").await.unwrap_err();
    let missing = "INSERT INTO artist (tenant_id, id, name) VALUES (:tenant, 7, :name)";
    let missing = store.commit(ANNS, move |tx| tx.write(missing, bind! { name: None::<&str> })).await.unwrap_err();
    assert_eq!((orphan.code(), orphan.reason()), (Code::Conflict, Some("foreign_key")));
    assert_eq!((taken.code(), taken.reason()), (Code::Conflict, Some("unique")));
    assert_eq!((empty.code(), missing.code()), (Code::Invalid, Code::Invalid));
    for error in [orphan, taken, empty, missing] {
        assert!(!error.public().contains("artist") && !format!("{error:?}").contains("Secretname"), "{error:?}");
    }
}

async fn counts_are_right_after_failures(bed: Bed) {
    let store = bed.store().await;
    for name in ["a", "b", "c"] {
        added(&store, ANN, name).await.unwrap();
    }
    assert!(added(&store, ANN, "a").await.is_err());
    let undone = store.commit(ANNS, |tx| {
        tx.gone("artist", 3)?;
        Err::<(), _>(Code::Refused.error())
    });
    assert!(undone.await.is_err());
    assert_eq!(live(&store, ANN).await, 3);
    let numbers = store.commit(ANNS, |tx| {
        tx.gone("artist", 2)?;
        tx.back("artist", 1)?;
        tx.back("song", 5)?;
        Ok((tx.next("artist")?, tx.live("artist")?, tx.live("song")?, tx.born("song")?, tx.live("nothing")?))
    });
    assert_eq!(numbers.await.unwrap(), (4, 2, 5, 1, 0));
    assert_eq!((live(&store, ANN).await, live(&store, BOB).await), (2, 0));
    assert!(store.commit(Scope::Host, |tx| tx.next("artist")).await.is_err());
}

async fn the_head_moves_within_a_batch_and_back_with_a_failure(bed: Bed) {
    let store = bed.store().await;
    let head = |seq| Head { seq, hash: [7; 32] };
    let change = store.commit(ANNS, move |tx| {
        assert_eq!(tx.head(), None, "a batch starts without knowledge");
        tx.set_head(head(1));
        let _ = tx.attempt(|tx| {
            tx.set_head(head(2));
            Err::<(), _>(Code::Refused.error())
        });
        Ok(tx.head())
    });
    assert_eq!(change.await.unwrap(), Some(head(1)));

    let (release, first) = hold(&store).await;
    let spawn = |f: fn(&mut plimsoll_store::Tx<'_>) -> Result<Option<Head>>| {
        let store = store.clone();
        tokio::spawn(async move { store.commit(ANNS, f).await })
    };
    let moved = spawn(|tx| {
        tx.set_head(Head { seq: 5, hash: [7; 32] });
        Ok(None)
    });
    until("the first waits", || store.gauges().write_queue == 1).await;
    let failed = spawn(|tx| {
        tx.set_head(Head { seq: 6, hash: [7; 32] });
        Err(Code::Refused.error())
    });
    until("the second waits", || store.gauges().write_queue == 2).await;
    let seen = spawn(|tx| Ok(tx.head()));
    until("the third waits", || store.gauges().write_queue == 3).await;
    drop(release);
    first.await.unwrap().unwrap();
    moved.await.unwrap().unwrap();
    failed.await.unwrap().unwrap_err();
    // Either still the same batch, which knows the moved head, or a later one, which knows none.
    let seen = seen.await.unwrap().unwrap();
    assert!(seen.is_none() || seen == Some(head(5)), "{seen:?}");
}

async fn closing_waits_for_what_was_taken(bed: Bed) {
    let store = bed.store().await;
    let (release, first) = hold(&store).await;
    let waiting = tokio::spawn({
        let store = store.clone();
        async move { added(&store, ANN, "waiting").await }
    });
    until("one waits", || store.gauges().write_queue == 1).await;
    let closing = tokio::spawn({
        let store = store.clone();
        async move { store.close().await }
    });
    let asked = store.clone();
    let closed = async move {
        while asked.ping(Duration::from_secs(30)).await.is_ok() {
            tokio::task::yield_now().await;
        }
    };
    tokio::time::timeout(Duration::from_secs(60), closed).await.unwrap();
    assert_eq!(added(&store, BOB, "late").await.unwrap_err().code(), Code::Draining);
    assert!(!closing.is_finished());
    drop(release);
    first.await.unwrap().unwrap();
    waiting.await.unwrap().unwrap();
    closing.await.unwrap().unwrap();
    drop(store);
    if bed.is_sqlite() {
        let log = bed.path().with_extension("db-wal");
        assert!(std::fs::metadata(log).map_or(0, |file| file.len()) == 0, "the log is empty or gone");
    }
    assert_eq!(names(&bed.store().await, ANN).await, ["waiting"]);
}

async fn many_writers_of_one_tenant_lose_nothing(bed: Bed) {
    // Two stores on one database, as two copies of the program would have.
    let stores = [bed.store().await, bed.store().await];
    let tasks: Vec<_> = (0..60)
        .map(|number| {
            let store = stores[number % 2].clone();
            tokio::spawn(async move {
                let change = store.commit(ANNS, |tx| {
                    // Reading and then writing what was read is only right when writers take turns.
                    let live = tx.live("thing")?;
                    let sql = "INSERT INTO tally (tenant_id, noun, next, live) VALUES (:tenant, 'thing', 1, :live)
                        ON CONFLICT (tenant_id, noun) DO UPDATE SET live = excluded.live";
                    tx.write(sql, bind! { live: live + 1 })
                });
                change.await
            })
        })
        .collect();
    for task in tasks {
        task.await.unwrap().unwrap();
    }
    let pace = plimsoll_store::Pace::new();
    assert_eq!(stores[0].read(ANNS, &pace, |tx| tx.live("thing")).await.unwrap(), 60);
}
