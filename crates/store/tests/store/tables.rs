//! What tables there are.

use plimsoll_core::Code;
use plimsoll_store::{ColumnKind, Migration, Schema, Settings, Store, Table};

use crate::{bed::Bed, on_both};

on_both!(both_databases_tell_the_same_tables, parents_come_first_and_circles_are_refused);

/// Everything about the tables that does not depend on the database.
fn told(tables: &[Table]) -> String {
    let one = |table: &Table| {
        let columns: Vec<String> = table
            .columns
            .iter()
            .map(|column| format!("{} {}{}", column.name, column.kind.name(), if column.required { "!" } else { "" }))
            .collect();
        let key: Vec<&str> = table.key_names().collect();
        format!("{} ({}) key {} tenant {} refers {}", table.name, columns.join(", "), key.join(","), table.tenant, table.refers.join(","))
    };
    tables.iter().map(one).collect::<Vec<_>>().join("\n")
}

async fn both_databases_tell_the_same_tables(bed: Bed) {
    let tables = bed.store().await.tables().await.unwrap();
    assert_eq!(
        told(&tables),
        "artist (tenant_id text!, id int!, name text!, born_at int, weight real, photo blob) key tenant_id,id tenant true refers \n\
         note (id int!, words text!) key id tenant false refers \n\
         tally (tenant_id text!, noun text!, next int!, live int!) key tenant_id,noun tenant true refers \n\
         song (tenant_id text!, id int!, artist_id int!, title text!, seconds int) key tenant_id,id tenant true refers artist"
    );
    assert_eq!(ColumnKind::named("blob"), Some(ColumnKind::Blob));
}

async fn opened(bed: &Bed, up: &'static str) -> Store {
    let migrations: &'static [Migration] = vec![Migration { id: "0001", up, down: "" }].leak();
    let settings = Settings { place: bed.place.clone(), ..Settings::default() };
    let store = Store::open(settings, &[Schema { name: "odd", migrations }]).unwrap();
    store.migrate_up().await.unwrap();
    store
}

async fn parents_come_first_and_circles_are_refused(bed: Bed) {
    let store = opened(
        &bed,
        "CREATE TABLE z_top (id TEXT NOT NULL PRIMARY KEY, up TEXT REFERENCES z_top (id)) STRICT;
         CREATE TABLE m_middle (b INTEGER NOT NULL, a TEXT NOT NULL REFERENCES z_top (id), PRIMARY KEY (a, b)) STRICT;
         CREATE TABLE a_leaf (id INTEGER PRIMARY KEY, a TEXT, b INTEGER, FOREIGN KEY (a, b) REFERENCES m_middle (a, b)) STRICT;",
    )
    .await;
    let tables = store.tables().await.unwrap();
    let names: Vec<&str> = tables.iter().map(|table| table.name.as_str()).collect();
    assert_eq!(names, ["tally", "z_top", "m_middle", "a_leaf"]);
    assert!(tables[1].refers_to_itself);
    assert_eq!(tables[2].key_names().collect::<Vec<_>>(), ["a", "b"], "in the key's order, not the columns'");
    if !bed.is_sqlite() {
        return;
    }
    let bed = Bed::sqlite();
    let store = opened(
        &bed,
        "CREATE TABLE a (id INTEGER PRIMARY KEY, b INTEGER REFERENCES b (id)) STRICT;
         CREATE TABLE b (id INTEGER PRIMARY KEY, a INTEGER REFERENCES a (id)) STRICT;",
    )
    .await;
    let error = store.tables().await.unwrap_err();
    assert_eq!(error.code(), Code::Internal);
    assert!(error.cause().unwrap().contains("a, b"), "{error:?}");
}
