use std::{
    io::{BufRead, BufReader},
    path::PathBuf,
    process::{Command, Stdio},
};

use plimsoll_testkit::{
    postgres::{self, Server, attempt, query},
    wait,
};

use super::BOUND;

#[test]
fn every_database_is_empty_and_its_owner_an_ordinary_role() {
    let (one, other) = (postgres::server().database(), postgres::server().database());
    query(&one.url, |client| client.batch_execute("CREATE TABLE t (id bigint PRIMARY KEY)"));

    let tables =
        |url| query(url, |client| client.query_one("SELECT count(*) FROM pg_tables WHERE schemaname = 'public'", &[])).get::<_, i64>(0);
    assert_eq!((tables(&one.url), tables(&other.url)), (1, 0));
    let powers = query(&one.url, |client| {
        client.query_one(
            "SELECT rolsuper OR rolbypassrls OR rolcreaterole OR rolcreatedb OR rolreplication FROM pg_roles WHERE rolname = current_user",
            &[],
        )
    });
    assert!(!powers.get::<_, bool>(0));
}

#[test]
fn row_security_binds_the_owner_where_it_is_forced() {
    let database = postgres::server().database();
    query(&database.url, |client| {
        client.batch_execute(
            "CREATE TABLE t (tenant_id text);
             ALTER TABLE t ENABLE ROW LEVEL SECURITY;
             ALTER TABLE t FORCE ROW LEVEL SECURITY;
             CREATE POLICY only_own ON t USING (tenant_id = 'a') WITH CHECK (true);
             INSERT INTO t VALUES ('a'), ('b')",
        )
    });

    let count = |url| query(url, |client| client.query_one("SELECT count(*) FROM t", &[])).get::<_, i64>(0);
    assert_eq!((count(&database.url), count(&database.superuser_url)), (1, 2));
}

#[test]
fn a_role_cannot_enter_the_database_of_another_test() {
    let (one, other) = (postgres::server().database(), postgres::server().database());
    let trespass = one.url.replace(one.name(), other.name());
    let why = attempt(&trespass, |client| client.simple_query("SELECT 1")).unwrap_err();
    assert!(why.contains("(42501)"), "{why}");
}

#[test]
fn a_wrong_password_is_refused() {
    let database = postgres::server().database();
    let why = attempt(&database.url.replacen('@', "x@", 1), |client| client.simple_query("SELECT 1")).unwrap_err();
    assert!(why.contains("(28P01)"), "{why}");
}

#[test]
fn a_dropped_database_goes_with_its_role_while_somebody_is_connected() {
    let database = postgres::server().database();
    let (name, role) = (database.name().to_owned(), database.role().to_owned());
    let left = query(&database.superuser_url.clone(), |client| {
        drop(database);
        Ok(client.simple_query("SELECT 1").is_ok())
    });
    assert!(!left, "the connection outlived its database");

    let row = query(postgres::server().superuser_url(), |client| {
        client.query_one(
            "SELECT (SELECT count(*) FROM pg_database WHERE datname = $1) + (SELECT count(*) FROM pg_roles WHERE rolname = $2)",
            &[&name, &role],
        )
    });
    assert_eq!(row.get::<_, i64>(0), 0);
}

#[test]
fn acknowledged_means_flushed() {
    let row = query(postgres::server().superuser_url(), |client| {
        client.query_one("SELECT current_setting('fsync'), current_setting('synchronous_commit'), current_setting('full_page_writes')", &[])
    });
    for setting in 0..3 {
        assert_eq!(row.get::<_, &str>(setting), "on");
    }
}

#[tokio::test]
async fn the_kit_may_be_used_inside_a_runtime() {
    let database = postgres::server().database();
    query(&database.url, |client| client.simple_query("SELECT 1"));
}

#[test]
fn a_dedicated_server_stops_and_comes_back_with_its_data() {
    let server = Server::dedicated();
    let database = server.database();
    query(&database.url, |client| client.batch_execute("CREATE TABLE t AS SELECT 7 AS n"));

    server.stop();
    assert!(attempt(&database.url, |client| client.simple_query("SELECT 1")).is_err());
    server.start();

    assert_eq!(query(&database.url, |client| client.query_one("SELECT n FROM t", &[])).get::<_, i32>(0), 7);
    assert!(server.log().contains("database system is ready"), "{}", server.log());
    let directory = server.directory();
    drop((database, server));
    assert!(!directory.exists());
}

#[test]
fn a_killed_test_process_takes_its_server_along() {
    // Two at once, because they must not get in each other's way either.
    let mut holders = [(); 2].map(|()| {
        let mut holder = Command::new(env!("CARGO_BIN_EXE_testkit-holder"));
        holder.arg("postgres").stdin(Stdio::piped()).stdout(Stdio::piped()).spawn().unwrap()
    });
    let servers: Vec<(String, PathBuf)> = holders
        .iter_mut()
        .map(|holder| {
            let mut lines = BufReader::new(holder.stdout.take().unwrap()).lines();
            (lines.next().unwrap().unwrap(), lines.next().unwrap().unwrap().into())
        })
        .collect();
    assert_ne!(servers[0], servers[1]);
    for (url, directory) in &servers {
        assert!(directory.is_dir());
        query(url, |client| client.simple_query("SELECT 1"));
    }

    for holder in &mut holders {
        // SIGKILL: nothing in the process can run any more.
        holder.kill().unwrap();
        holder.wait().unwrap();
    }

    for (url, directory) in &servers {
        let gone = || (attempt(url, |client| client.simple_query("SELECT 1")).is_err() && !directory.exists()).then_some(());
        assert!(wait::blocking(BOUND, gone).is_some(), "{} is still there", directory.display());
    }
}
