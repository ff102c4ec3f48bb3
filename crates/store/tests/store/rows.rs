//! Whole tables out and in again, on one snapshot, in bounded steps.

use plimsoll_core::{Code, Result};
use plimsoll_store::{Datum, Load, Scope, Store, Table, Tx, Value, bind, put_row, take_row};

use crate::{
    bed::{ANN, BOB, Bed, add, added, cause, look, names},
    on_both,
};

on_both!(
    rows_go_out_and_in_as_they_are,
    a_load_replaces_refuses_or_keeps,
    a_load_keeps_to_its_tenant,
    a_table_is_emptied_in_steps_by_tenant,
    a_long_snapshot_sees_one_moment_and_holds_nobody_up,
    claims_pass_over_rows_that_somebody_holds,
);

async fn table(store: &Store, name: &str) -> Table {
    store.tables().await.unwrap().into_iter().find(|table| table.name == name).unwrap()
}

/// A table's bytes in the form of archives.
fn bytes(tx: &Tx<'_>, table: &Table) -> Result<Vec<u8>> {
    let mut out = Vec::new();
    tx.dump(table, None, &mut |row| put_row(&mut out, row))?;
    Ok(out)
}

async fn filled(store: &Store) {
    for (tenant, count) in [(ANN, 7), (BOB, 5)] {
        let change = store.commit(Scope::Tenant(tenant), move |tx| {
            for number in 0..count {
                let id = add(tx, &format!("artist {number} größe"))?;
                let (photo, weight) = ((number % 2 == 0).then(|| vec![number as u8, 0, 255]), (number % 3 == 0).then_some(-0.5));
                tx.write(
                    "UPDATE artist SET photo = :photo, weight = :weight, born_at = :born WHERE tenant_id = :tenant AND id = :id",
                    bind! { photo: photo, weight: weight, born: i64::MIN + number, id: id },
                )?;
                tx.write("INSERT INTO song (tenant_id, id, artist_id, title) VALUES (:tenant, :id, :id, '')", bind! { id: id })?;
            }
            Ok(())
        });
        change.await.unwrap();
    }
}

async fn rows_go_out_and_in_as_they_are(bed: Bed) {
    let (from, other) = (bed.store().await, if bed.is_sqlite() { Bed::postgres() } else { Bed::sqlite() });
    let to = other.store().await;
    filled(&from).await;
    let tables = from.tables().await.unwrap();
    assert_eq!(tables, to.tables().await.unwrap(), "both databases have the same tables");
    let taken: Vec<(Table, Vec<u8>)> = from
        .snapshot(Scope::Host, move |tx| {
            tables
                .into_iter()
                .map(|table| {
                    let bytes = bytes(tx, &table)?;
                    Ok((table, bytes))
                })
                .collect()
        })
        .await
        .unwrap();
    assert!(taken.iter().any(|(table, bytes)| table.name == "song" && bytes.len() > 100));
    let loading = taken.clone();
    let loaded = to.commit(Scope::Host, move |tx| {
        let mut count = 0;
        for (table, bytes) in &loading {
            let (mut rest, mut rows) = (&bytes[..], Vec::new());
            while !rest.is_empty() {
                let mut row = Vec::new();
                take_row(&mut rest, &mut row)?;
                rows.push(row);
            }
            let columns: Vec<&str> = table.names().collect();
            count += tx.load(table, &columns, &rows, Load::Insert)?;
        }
        Ok(count)
    });
    assert_eq!(loaded.await.unwrap(), 7 + 5 + 7 + 5 + 2, "artists, songs and two tallies");
    for (table, before) in taken {
        let name = table.name.clone();
        let after = look(&to, Scope::Host, move |tx| bytes(tx, &table)).await.unwrap();
        assert!(before == after, "{name}: the other database gives the same bytes");
    }
    // Numbers go on where they were.
    assert_eq!(added(&to, ANN, "next").await.unwrap(), 8);
}

async fn a_load_replaces_refuses_or_keeps(bed: Bed) {
    let store = bed.store().await;
    let note = table(&store, "note").await;
    let load = |how: Load, rows: Vec<(i64, &'static str)>| {
        let (store, note) = (store.clone(), note.clone());
        async move {
            let done = store.commit(Scope::Host, move |tx| {
                let rows: Vec<Vec<Value<'_>>> = rows.iter().map(|(id, words)| vec![Value::Int(*id), Value::Text(words)]).collect();
                tx.load(&note, &["id", "words"], &rows, how)
            });
            done.await
        }
    };
    assert_eq!(load(Load::Insert, vec![(1, "a"), (2, "b")]).await.unwrap(), 2);
    assert_eq!(load(Load::Insert, vec![(3, "c"), (2, "x")]).await.unwrap_err().code(), Code::Conflict);
    assert_eq!(load(Load::Keep, vec![(2, "x"), (4, "d")]).await.unwrap(), 1);
    assert_eq!(load(Load::Upsert, vec![(1, "A"), (5, "e")]).await.unwrap(), 2);
    assert_eq!(load(Load::Upsert, Vec::new()).await.unwrap(), 0);
    assert_eq!(load(Load::Upsert, vec![(6, "a\0b")]).await.unwrap_err().code(), Code::Invalid);
    let found: Vec<(i64, String)> = look(&store, Scope::Host, |tx| tx.rows("SELECT id, words FROM note ORDER BY id", &[])).await.unwrap();
    assert_eq!(found, [(1, "A".into()), (2, "b".into()), (4, "d".into()), (5, "e".into())]);
    let odd = store.commit(Scope::Host, move |tx| tx.load(&note, &["id", "letters"], &[], Load::Insert)).await;
    assert!(cause(odd).contains("no column `letters`"));
}

async fn a_load_keeps_to_its_tenant(bed: Bed) {
    let store = bed.store().await;
    let artist = table(&store, "artist").await;
    for (owner, fits) in [(ANN, true), (BOB, false)] {
        let artist = artist.clone();
        let done = store.commit(Scope::Tenant(ANN), move |tx| {
            let owner = Datum::Text(owner.to_string());
            let row = vec![plimsoll_store::Bind::value(&owner), Value::Int(1), Value::Text("one")];
            tx.load(&artist, &["tenant_id", "id", "name"], &[row], Load::Insert)
        });
        match done.await {
            Ok(count) => assert!(fits && count == 1),
            Err(error) => assert!(!fits && error.cause().unwrap().contains("not the tenant's"), "{error:?}"),
        }
    }
    assert_eq!((names(&store, ANN).await, names(&store, BOB).await), (vec!["one".to_string()], Vec::new()));
    let seen = look(&store, Scope::Tenant(BOB), move |tx| {
        let mut count = 0;
        tx.dump(&artist, None, &mut |_| {
            count += 1;
            Ok(())
        })?;
        assert!(tx.dump(&artist, Some(ANN), &mut |_| Ok(())).is_err(), "another tenant's rows");
        Ok(count)
    });
    assert_eq!(seen.await.unwrap(), 0);
}

async fn a_table_is_emptied_in_steps_by_tenant(bed: Bed) {
    let store = bed.store().await;
    filled(&store).await;
    let (song, artist) = (table(&store, "song").await, table(&store, "artist").await);
    let step = |table: &Table| {
        let (store, table) = (store.clone(), table.clone());
        async move { store.commit(Scope::Host, move |tx| tx.clear(&table, Some(ANN), 3)).await }
    };
    assert_eq!(step(&artist).await.unwrap_err().code(), Code::Conflict, "songs refer to them");
    let mut steps = Vec::new();
    for table in [&song, &artist] {
        loop {
            let gone = step(table).await.unwrap();
            if gone == 0 {
                break;
            }
            steps.push(gone);
        }
    }
    assert_eq!(steps, [3, 3, 1, 3, 3, 1]);
    assert_eq!((names(&store, ANN).await.len(), names(&store, BOB).await.len()), (0, 5));
}

async fn a_long_snapshot_sees_one_moment_and_holds_nobody_up(bed: Bed) {
    let store = bed.store_with(|settings| settings.statement_timeout = std::time::Duration::from_millis(200)).await;
    filled(&store).await;
    let (artist, song) = (table(&store, "artist").await, table(&store, "song").await);
    let (begun, started) = std::sync::mpsc::channel();
    let (release, held) = std::sync::mpsc::channel::<()>();
    let long = tokio::spawn({
        let store = store.clone();
        async move {
            let count = move |tx: &Tx<'_>, table: &Table| {
                let mut count = 0;
                tx.dump(table, None, &mut |_| {
                    count += 1;
                    Ok(())
                })?;
                Ok::<i32, plimsoll_core::Error>(count)
            };
            let work = move |tx: &Tx<'_>| -> Result<(i32, i32)> {
                let artists = count(tx, &artist)?;
                begun.send(()).unwrap();
                held.recv().unwrap();
                // Longer than any statement may take elsewhere.
                let slow = "WITH RECURSIVE n (x) AS (SELECT 1 UNION ALL SELECT x + 1 FROM n WHERE x < 3000000) SELECT COUNT(*) FROM n";
                tx.row::<i64>(slow, &[])?;
                Ok((artists, count(tx, &song)?))
            };
            store.snapshot(Scope::Host, work).await
        }
    });
    tokio::task::spawn_blocking(move || started.recv().unwrap()).await.unwrap();
    let change = store.commit(Scope::Tenant(ANN), |tx| {
        let id = add(tx, "later")?;
        tx.write("INSERT INTO song (tenant_id, id, artist_id, title) VALUES (:tenant, :id, :id, '')", bind! { id: id })
    });
    change.await.unwrap();
    assert_eq!(names(&store, ANN).await.len(), 8, "others read and write meanwhile");
    release.send(()).unwrap();
    assert_eq!(long.await.unwrap().unwrap(), (12, 12));
}

async fn claims_pass_over_rows_that_somebody_holds(bed: Bed) {
    let store = bed.store().await;
    filled(&store).await;
    let claim = store.commit(Scope::Host, |tx| {
        let mut sql = plimsoll_store::Sql::from("SELECT id FROM artist ORDER BY tenant_id, id LIMIT 2");
        sql.push(tx.skipping_locked());
        tx.rows::<i64>(sql, &[])
    });
    assert_eq!(claim.await.unwrap(), [1, 2]);
    if bed.is_sqlite() {
        return;
    }
    let url = bed.url().to_string();
    let held = tokio::task::spawn_blocking(move || {
        let mut other = postgres::Client::connect(&url, postgres::NoTls).unwrap();
        let hold = "BEGIN; SET LOCAL plimsoll.tenant = '*'; SELECT 1 FROM artist ORDER BY tenant_id, id LIMIT 1 FOR UPDATE";
        other.batch_execute(hold).unwrap();
        other
    });
    let held = held.await.unwrap();
    let claim = store.commit(Scope::Host, |tx| {
        let mut sql = plimsoll_store::Sql::from("SELECT id FROM artist ORDER BY tenant_id, id LIMIT 2");
        sql.push(tx.skipping_locked());
        tx.rows::<i64>(sql, &[])
    });
    assert_eq!(claim.await.unwrap(), [2, 3]);
    tokio::task::spawn_blocking(move || drop(held)).await.unwrap();
}
