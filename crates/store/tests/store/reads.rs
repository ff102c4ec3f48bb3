//! Reads: one snapshot, wherever they run.

use std::sync::Arc;

use plimsoll_core::{Code, Result};
use plimsoll_store::{Pace, Scope, bind};

use crate::{
    bed::{ANN, Bed, added, cause, look, names, until},
    on_both,
};

on_both!(
    a_read_sees_one_moment,
    quick_reads_run_where_they_are_asked_only_on_sqlite,
    rows_can_be_visited_one_by_one,
    a_visit_occupies_the_connection,
    mistakes_in_statements_are_named_to_the_log_alone,
    a_read_cannot_change_anything,
    a_panic_in_a_read_is_an_error,
    the_database_describes_itself,
);

const ANNS: Scope = Scope::Tenant(ANN);
const COUNT: &str = "SELECT COUNT(*) FROM artist WHERE tenant_id = :tenant";

async fn a_read_sees_one_moment(bed: Bed) {
    let store = bed.store().await;
    added(&store, ANN, "before").await.unwrap();
    let (first, seen) = tokio::sync::oneshot::channel();
    let (go_on, wait) = std::sync::mpsc::channel::<()>();
    let wait = std::sync::Mutex::new(wait);
    let reading = tokio::spawn({
        let store = store.clone();
        async move {
            let read = look(&store, ANNS, move |tx| {
                let before: i64 = tx.row(COUNT, &[])?;
                let _ = first.send(());
                let _ = wait.lock().unwrap().recv();
                Ok((before, tx.row::<i64>(COUNT, &[])?))
            });
            read.await
        }
    });
    seen.await.unwrap();
    added(&store, ANN, "meanwhile").await.unwrap();
    drop(go_on);
    assert_eq!(reading.await.unwrap().unwrap(), (1, 1));
    assert_eq!(names(&store, ANN).await.len(), 2);
}

async fn quick_reads_run_where_they_are_asked_only_on_sqlite(bed: Bed) {
    let store = bed.store().await;
    let pace = Arc::new(Pace::new());
    let mut inline = 0;
    for _ in 0..2000 {
        store.read(ANNS, &pace, |tx| tx.row::<i64>(COUNT, &[])).await.unwrap();
        inline = store.gauges().reads_inline;
        if inline > 0 {
            break;
        }
    }
    assert_eq!(inline > 0, bed.is_sqlite());
    until("no read runs any more", || store.gauges().readers_busy == 0).await;
}

async fn rows_can_be_visited_one_by_one(bed: Bed) {
    let store = bed.store().await;
    for name in ["a", "b", "c"] {
        added(&store, ANN, name).await.unwrap();
    }
    let sql = "SELECT id, name FROM artist WHERE tenant_id = :tenant ORDER BY id";
    let read = look(&store, ANNS, move |tx| {
        let mut seen = Vec::new();
        let stopped = tx.each(sql, &[], &mut |row| {
            assert_eq!((row.len(), row.is_empty()), (2, false));
            seen.push(row.get::<String>(1)?);
            if seen.len() == 2 { Err(Code::Refused.error()) } else { Ok(()) }
        });
        assert_eq!(stopped.unwrap_err().code(), Code::Refused);
        tx.each(sql, &[], &mut |row| {
            seen.push(row.get(1)?);
            Ok(())
        })?;
        Ok(seen)
    });
    assert_eq!(read.await.unwrap(), ["a", "b", "a", "b", "c"]);
}

async fn a_visit_occupies_the_connection(bed: Bed) {
    let store = bed.store().await;
    added(&store, ANN, "a").await.unwrap();
    let read = look(&store, ANNS, |tx| {
        tx.each("SELECT id FROM artist WHERE tenant_id = :tenant", &[], &mut |_| tx.row::<i64>(COUNT, &[]).map(drop))
    });
    assert!(cause(read.await).contains("inside the visit"));
}

async fn mistakes_in_statements_are_named_to_the_log_alone(bed: Bed) {
    let store = bed.store().await;
    let read = async |sql: &'static str, named: Vec<&'static str>| -> Result<Option<i64>> {
        let read = look(&store, ANNS, move |tx| {
            let params: Vec<_> = named.iter().map(|name| (*name, plimsoll_store::Value::Int(1))).collect();
            tx.maybe(sql, &params)
        });
        read.await
    };
    for (sql, named, said) in [
        ("SELECT :a + :b", vec!["a"], ":b"),
        ("SELECT :a + 1", vec!["a", "zz"], ":zz"),
        ("SELECT :a + 1", vec!["a", "a"], ":a"),
        ("SELECT 1 WHERE :tenant = 'x'", vec!["tenant"], ":tenant is bound by the transaction"),
        ("SELECT 1", vec!["tenant"], ":tenant is bound by the transaction"),
        ("COMMIT", vec![], "only SELECT"),
        ("SELECT 1; SELECT 2", vec![], "one statement"),
        ("DELETE FROM note", vec![], "a query was expected"),
        ("SELECT nothing FROM nowhere", vec![], "nowhere"),
    ] {
        let error = read(sql, named).await.unwrap_err();
        assert_eq!((error.code(), error.public()), (Code::Internal, Code::Internal.title()), "{sql}");
        assert!(error.cause().unwrap().contains(said), "{sql}: {error:?}");
    }
    let none = look(&store, ANNS, |tx| tx.row::<i64>("SELECT id FROM note WHERE id = :id", bind! { id: 5 }));
    assert_eq!(none.await.unwrap_err().code(), Code::NotFound);
}

async fn a_read_cannot_change_anything(bed: Bed) {
    let store = bed.store().await;
    added(&store, ANN, "a").await.unwrap();
    let sql = "WITH gone AS (SELECT 1) DELETE FROM artist WHERE tenant_id = :tenant RETURNING id";
    let read = look(&store, ANNS, move |tx| tx.rows::<i64>(sql, &[])).await;
    assert!(read.is_err());
    assert_eq!(names(&store, ANN).await, ["a"]);
}

async fn a_panic_in_a_read_is_an_error(bed: Bed) {
    let store = bed.store_with(|settings| settings.readers = 1).await;
    for _ in 0..3 {
        let read = look(&store, ANNS, |_| -> Result<()> { panic!("a bug in a read") });
        assert!(cause(read.await).contains("a bug in a read"));
    }
    assert!(names(&store, ANN).await.is_empty());
    until("no read runs any more", || store.gauges().readers_busy == 0).await;
}

async fn the_database_describes_itself(bed: Bed) {
    let store = bed.store().await;
    let facts = store.facts().await.unwrap();
    assert!(facts.durable && store.durable() && facts.size > 0 && !facts.version.is_empty());
    assert!(!facts.bypasses_row_security, "the role of these tests is bound");
    assert_eq!(facts.kind, store.kind());
    store.ping(std::time::Duration::from_secs(30)).await.unwrap();
}
