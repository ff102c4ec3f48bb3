//! Values go in and come out the same, and mean the same, on both.

use plimsoll_core::{Code, Time};
use plimsoll_store::{Scope, Value, bind};

use crate::{
    bed::{ANN, Bed, added, cause, look, names},
    on_both,
};

on_both!(
    every_kind_of_value_survives,
    null_fits_everywhere,
    expressions_have_the_same_values,
    text_compares_by_its_bytes,
    zero_characters_and_non_numbers_are_refused,
    a_file_or_a_table_full_of_odd_names_works,
);

const ANNS: Scope = Scope::Tenant(ANN);

async fn every_kind_of_value_survives(bed: Bed) {
    let store = bed.store().await;
    let insert = "INSERT INTO artist (tenant_id, id, name, born_at, weight, photo) VALUES (:tenant, :id, :name, :at, :weight, :photo)";
    let name = "Ella 'Fitz' \"G\" :x $1 ? \u{1F3B5} größe";
    let written = store.commit(ANNS, move |tx| {
        let at = Time::from_micros(i64::MIN);
        tx.write(insert, bind! { id: i64::MAX, name: name, at: at, weight: 0.1, photo: vec![0u8, 255, 10] })?;
        tx.write(insert, bind! { id: 1, name: "whole", at: -5, weight: 3, photo: [0u8; 0] })
    });
    assert_eq!(written.await.unwrap(), 1);
    type Record = (i64, String, Time, f64, Vec<u8>);
    let sql = "SELECT id, name, born_at, weight, photo FROM artist WHERE tenant_id = :tenant ORDER BY id DESC";
    let rows: Vec<Record> = look(&store, ANNS, move |tx| tx.rows(sql, &[])).await.unwrap();
    assert_eq!(rows[0], (i64::MAX, name.to_string(), Time::from_micros(i64::MIN), 0.1, vec![0, 255, 10]));
    assert_eq!(rows[1], (1, "whole".to_string(), Time::from_micros(-5), 3.0, vec![]));
}

async fn null_fits_everywhere(bed: Bed) {
    let store = bed.store().await;
    let insert = "INSERT INTO artist (tenant_id, id, name, born_at, weight, photo) VALUES (:tenant, :id, :name, :at, :weight, :photo)";
    let change = store.commit(ANNS, move |tx| {
        tx.write(insert, bind! { id: 1, name: "a", at: None::<Time>, weight: None::<f64>, photo: None::<Vec<u8>> })?;
        tx.write(insert, bind! { id: 2, name: "b", at: Some(5), weight: None::<f64>, photo: None::<Vec<u8>> })
    });
    change.await.unwrap();
    let sql = "SELECT name FROM artist WHERE tenant_id = :tenant AND (:at IS NULL OR born_at = :at) AND (:name IS NULL OR name = :name)
        ORDER BY id";
    let find = async |at: Option<i64>, name: Option<&'static str>| -> Vec<String> {
        look(&store, ANNS, move |tx| tx.rows(sql, bind! { at: at, name: name })).await.unwrap()
    };
    assert_eq!(find(None, None).await, ["a", "b"]);
    assert_eq!(find(Some(5), None).await, ["b"]);
    assert_eq!(find(None, Some("a")).await, ["a"]);
    assert_eq!(find(Some(6), Some("b")).await, Vec::<String>::new());
    assert_eq!(find(None, None).await.len(), 2);
}

async fn expressions_have_the_same_values(bed: Bed) {
    let store = bed.store().await;
    for name in ["a", "b", "c"] {
        added(&store, ANN, name).await.unwrap();
    }
    let row = look(&store, ANNS, |tx| {
        let sums: (i64, f64, i64, bool, Option<i64>) =
            tx.row("SELECT SUM(id), AVG(id), MAX(id), COUNT(*) = 3, SUM(born_at) FROM artist WHERE tenant_id = :tenant", &[])?;
        // Bound numbers compare as numbers, positions are positions, text stays text.
        let numbers: bool = tx.row("SELECT :a > :b", bind! { a: 10, b: 9 })?;
        let part: String = tx.row("SELECT substr(:text, :from, :length)", bind! { text: "abcdef", from: 2, length: 3 })?;
        let joined: String = tx.row("SELECT :a || :b", bind! { a: "x", b: "y" })?;
        let sum: i64 = tx.row("SELECT :a + :a", bind! { a: i64::from(u32::MAX) })?;
        let half: i64 = tx.row("SELECT 7 / 2", &[])?;
        let page: Vec<i64> = tx.rows(
            "SELECT id FROM artist WHERE tenant_id = :tenant ORDER BY id LIMIT :limit OFFSET :offset",
            bind! { limit: 2, offset: 1 },
        )?;
        Ok((sums, numbers, part, joined, sum, half, page))
    });
    let wanted = ((6, 2.0, 3, true, None), true, "bcd".to_string(), "xy".to_string(), 8_589_934_590, 3, vec![2, 3]);
    assert_eq!(row.await.unwrap(), wanted);
}

async fn text_compares_by_its_bytes(bed: Bed) {
    let store = bed.store().await;
    for name in ["b", "A", "a", "B", "é", "100%"] {
        added(&store, ANN, name).await.unwrap();
    }
    let read = look(&store, ANNS, |tx| {
        let order: Vec<String> = tx.rows("SELECT name FROM artist WHERE tenant_id = :tenant ORDER BY name", &[])?;
        let like = "SELECT name FROM artist WHERE tenant_id = :tenant AND name LIKE :like ESCAPE '\\' ORDER BY name";
        let lower: Vec<String> = tx.rows(like, bind! { like: "a%" })?;
        let percent: Vec<String> = tx.rows(like, bind! { like: "%\\%" })?;
        Ok((order, lower, percent))
    });
    let (order, lower, percent) = read.await.unwrap();
    assert_eq!(order, ["100%", "A", "B", "a", "b", "é"]);
    assert_eq!((lower, percent), (vec!["a".to_string()], vec!["100%".to_string()]));
}

async fn zero_characters_and_non_numbers_are_refused(bed: Bed) {
    let store = bed.store().await;
    assert_eq!(added(&store, ANN, "a\0b").await.unwrap_err().code(), Code::Invalid);
    let read = look(&store, ANNS, |tx| tx.maybe::<f64>("SELECT :x + 1.0", bind! { x: f64::NAN }));
    assert!(cause(read.await).contains(":x is not a number"));
    let read = look(&store, ANNS, |tx| tx.row::<i64>("SELECT :x", bind! { x: "words" }));
    assert!(cause(read.await).contains("a column holds text"));
    assert!(names(&store, ANN).await.is_empty());
}

async fn a_file_or_a_table_full_of_odd_names_works(bed: Bed) {
    let store = bed.store().await;
    let many: Vec<_> = (0..40).map(|number| format!("{number}'; DROP TABLE artist; --")).collect();
    for name in &many {
        added(&store, ANN, name).await.unwrap();
    }
    assert_eq!(names(&store, ANN).await, many);
    let all = look(&store, ANNS, |tx| {
        let mut kinds = Vec::new();
        tx.each("SELECT id, name, weight FROM artist WHERE tenant_id = :tenant LIMIT 1", &[], &mut |row| {
            for column in 0..row.len() {
                kinds.push(row.value(column)?.kind());
            }
            assert!(row.value(3).is_err());
            assert_eq!(row.value(2)?, Value::Null);
            Ok(())
        })?;
        Ok(kinds)
    });
    assert_eq!(all.await.unwrap(), ["an integer", "text", "null"]);
}
