//! Tenants stay apart, by this crate and, on PostgreSQL, without it.

use plimsoll_core::{Code, TenantId};
use plimsoll_store::{Scope, bind};

use crate::{
    bed::{ANN, BOB, Bed, added, cause, look, names},
    on_both, server,
};

on_both!(
    a_forgotten_tenant_is_refused,
    another_tenant_s_rows_do_not_exist,
    the_host_crosses_tenants_in_plain_sight,
    a_removed_tenant_leaves_nothing_and_others_lose_nothing,
);

const ANNS: Scope = Scope::Tenant(ANN);

async fn a_forgotten_tenant_is_refused(bed: Bed) {
    let store = bed.store().await;
    added(&store, ANN, "a").await.unwrap();
    for sql in ["SELECT COUNT(*) FROM artist", "SELECT COUNT(*) FROM \"artist\"", "SELECT 1 FROM note, song", "SELECT live FROM tally"] {
        let read = look(&store, ANNS, move |tx| tx.maybe::<i64>(sql, &[]));
        let said = cause(read.await);
        assert!(said.contains("belongs to tenants"), "{sql}: {said}");
    }
    let change = store.commit(ANNS, |tx| tx.write("DELETE FROM artist", &[]));
    assert!(cause(change.await).contains("belongs to tenants"));
    let own = look(&store, ANNS, |tx| tx.row::<i64>("SELECT COUNT(*) FROM note", &[]));
    assert_eq!(own.await.unwrap(), 0);
}

async fn another_tenant_s_rows_do_not_exist(bed: Bed) {
    let store = bed.store().await;
    let id = added(&store, ANN, "a").await.unwrap();
    added(&store, BOB, "b").await.unwrap();
    assert_eq!((names(&store, ANN).await, names(&store, BOB).await), (vec!["a".to_string()], vec!["b".to_string()]));
    let bobs = Scope::Tenant(BOB);
    let sql = "UPDATE artist SET name = 'stolen' WHERE tenant_id = :tenant AND id = :id AND name = 'a'";
    assert_eq!(store.commit(bobs, move |tx| tx.write(sql, bind! { id: id })).await.unwrap(), 0);
    assert_eq!(names(&store, ANN).await, ["a"]);
}

async fn the_host_crosses_tenants_in_plain_sight(bed: Bed) {
    let store = bed.store().await;
    added(&store, ANN, "a").await.unwrap();
    added(&store, BOB, "b").await.unwrap();
    let all = look(&store, Scope::Host, |tx| tx.row::<i64>("SELECT COUNT(*) FROM artist", &[]));
    assert_eq!(all.await.unwrap(), 2);
    let sql = "SELECT tenant_id FROM artist WHERE tenant_id = :tenant";
    let one = look(&store, Scope::Host, move |tx| tx.row::<TenantId>(sql, bind! { tenant: BOB }));
    assert_eq!(one.await.unwrap(), BOB);
    let none = look(&store, Scope::Host, move |tx| tx.maybe::<TenantId>(sql, &[]));
    assert!(cause(none.await).contains(":tenant"));
    let renamed = store.commit(Scope::Host, |tx| tx.write("UPDATE artist SET name = name || '!'", &[]));
    assert_eq!(renamed.await.unwrap(), 2);
}

async fn a_removed_tenant_leaves_nothing_and_others_lose_nothing(bed: Bed) {
    let store = bed.store().await;
    for tenant in [ANN, BOB] {
        let artist = added(&store, tenant, "a").await.unwrap();
        let song = "INSERT INTO song (tenant_id, id, artist_id, title) VALUES (:tenant, 1, :artist, 't')";
        store.commit(Scope::Tenant(tenant), move |tx| tx.write(song, bind! { artist: artist })).await.unwrap();
    }
    let own = store.commit(ANNS, |tx| tx.forget(ANN)).await;
    assert!(cause(own).contains("host's scope"));
    // An artist, a song that refers to it, the tally of artists.
    assert_eq!(store.commit(Scope::Host, |tx| tx.forget(ANN)).await.unwrap(), 3);
    for (tenant, rows) in [(ANN, 0), (BOB, 1)] {
        for sql in [
            "SELECT COUNT(*) FROM artist WHERE tenant_id = :tenant",
            "SELECT COUNT(*) FROM song WHERE tenant_id = :tenant",
            "SELECT COUNT(*) FROM tally WHERE tenant_id = :tenant",
        ] {
            let count = look(&store, Scope::Host, move |tx| tx.row::<i64>(sql, bind! { tenant: tenant }));
            assert_eq!(count.await.unwrap(), rows, "{sql} of {tenant}");
        }
        let turn = "SELECT COUNT(*) FROM plimsoll_scope WHERE scope = :id";
        let turns = look(&store, Scope::Host, move |tx| tx.row::<i64>(turn, bind! { id: tenant }));
        assert_eq!(turns.await.unwrap(), if bed.is_sqlite() { 0 } else { rows });
    }
    assert_eq!(added(&store, ANN, "anew").await.unwrap(), 1, "who has gone may begin again");
}

/// Row security holds for a connection that never heard of this crate, as the tables' owner.
#[tokio::test(flavor = "multi_thread")]
async fn the_server_itself_keeps_tenants_apart() {
    let bed = Bed::postgres();
    let store = bed.store().await;
    added(&store, ANN, "a").await.unwrap();
    added(&store, BOB, "b").await.unwrap();
    server::raw(bed.url(), |client| {
        let count = |client: &mut postgres::Client| -> i64 { client.query_one("SELECT COUNT(*) FROM artist", &[]).unwrap().get(0) };
        assert_eq!(count(client), 0, "who says nothing sees nothing");
        client.batch_execute(&format!("SET plimsoll.tenant = '{BOB}'")).unwrap();
        assert_eq!(count(client), 1);
        let name: String = client.query_one("SELECT name FROM artist", &[]).unwrap().get(0);
        assert_eq!(name, "b");
        assert_eq!(client.execute("UPDATE artist SET name = 'stolen' WHERE name = 'a'", &[]).unwrap(), 0);
        assert_eq!(client.execute("DELETE FROM tally WHERE noun = 'artist'", &[]).unwrap(), 1, "only one's own");
        let smuggled = client.execute("INSERT INTO artist (tenant_id, id, name) VALUES ($1, 9, 'x')", &[&ANN.to_string()]);
        assert_eq!(smuggled.unwrap_err().code().unwrap().code(), "42501");
        client.batch_execute("RESET plimsoll.tenant").unwrap();
        assert_eq!(count(client), 0);
    });
    // Every table with a tenant's column is bound, those of the store included.
    let unbound: Vec<String> = server::raw(bed.url(), |client| {
        let sql = "SELECT c.relname FROM pg_class c JOIN pg_attribute a ON a.attrelid = c.oid AND a.attname = 'tenant_id'
            WHERE c.relkind = 'r' AND NOT (c.relrowsecurity AND c.relforcerowsecurity)";
        client.query(sql, &[]).unwrap().iter().map(|row| row.get(0)).collect()
    });
    assert!(unbound.is_empty(), "{unbound:?}");
    assert_eq!(names(&store, ANN).await, ["a"]);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_role_above_row_security_is_reported() {
    let bed = Bed::postgres();
    let mut settings = bed.settings();
    settings.place = plimsoll_store::Place::Postgres { url: bed.url().replace("app@", "postgres@") };
    let facts = bed.open(settings).facts().await.unwrap();
    assert!(facts.bypasses_row_security);
}

#[tokio::test]
async fn an_unreadable_address_is_refused_without_repeating_it() {
    for url in ["postgres://u:geheim@", "mysql://u:geheim@h/d", "postgres://u:geheim@h:port/d", "", "host", "postgres://h/d?geheim=1"] {
        let settings = plimsoll_store::Settings { place: plimsoll_store::Place::Postgres { url: url.into() }, ..Default::default() };
        let error = plimsoll_store::Store::open(settings, &[]).map(drop).unwrap_err();
        assert_eq!(error.code(), Code::ConfigInvalid, "{url}");
        assert!(!format!("{error:?}").contains("geheim"), "{error:?}");
    }
}
