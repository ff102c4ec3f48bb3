//! Databases for a moment.

use plimsoll_core::Code;
use plimsoll_store::{Place, Settings, Store, scratch::Yard};

use crate::{
    bed::{ANN, SCHEMA, added, names},
    server::Server,
};

fn at(url: &str) -> Settings {
    Settings { place: Place::Postgres { url: url.to_owned() }, readers: 1, writers: 1, ..Settings::default() }
}

fn databases(server: &Server) -> Vec<String> {
    let sql = "SELECT datname::text FROM pg_database WHERE datname LIKE 'plimsoll\\_probe\\_%'";
    server.admin(move |client| client.query(sql, &[]).unwrap().iter().map(|row| row.get(0)).collect())
}

#[tokio::test(flavor = "multi_thread")]
async fn scratch_databases_come_migrated_and_go_without_a_trace() {
    let server = tokio::task::spawn_blocking(Server::start).await.unwrap();
    server.admin(|client| client.batch_execute("CREATE ROLE maker LOGIN CREATEDB NOSUPERUSER NOBYPASSRLS").unwrap());
    let yard = Yard::new(&at(&server.url("maker", "postgres")), &[SCHEMA]).unwrap();

    let (one, two) = tokio::join!(yard.create(), yard.create());
    let (one, two) = (one.unwrap(), two.unwrap());
    assert_ne!(one, two);
    assert_eq!(databases(&server).len(), 3, "two, and the one they were copied from");
    let stores = [&one, &two].map(|url| Store::open(at(url), &[SCHEMA]).unwrap());
    for (store, name) in stores.iter().zip(["first", "second"]) {
        store.schema_state().await.unwrap().ready().unwrap();
        added(store, ANN, name).await.unwrap();
    }
    assert_eq!((names(&stores[0], ANN).await, names(&stores[1], ANN).await), (vec!["first".to_string()], vec!["second".to_string()]));

    for kept in [server.url("maker", "postgres"), server.url("maker", "plimsoll_probe_"), String::new()] {
        assert_eq!(yard.discard(&kept).await.unwrap_err().code(), Code::Refused, "{kept}");
    }
    yard.discard(&one).await.unwrap();
    yard.discard(&two).await.unwrap();
    yard.discard(&two).await.unwrap();
    drop(yard);
    assert_eq!(databases(&server), Vec::<String>::new(), "the connections of two open stores do not keep them");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_role_that_may_not_make_databases_learns_what_it_lacks() {
    let yard = Yard::new(&at(&Server::shared().database()), &[SCHEMA]).unwrap();
    let refused = yard.create().await.unwrap_err();
    assert_eq!(refused.code(), Code::DatabaseUnavailable);
    assert!(refused.public().contains("ALTER ROLE app CREATEDB"), "{refused:?}");
    assert_eq!(Yard::new(&Settings::default(), &[]).map(drop).unwrap_err().code(), Code::ConfigInvalid);
}
