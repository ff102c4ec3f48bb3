//! A private PostgreSQL for tests.
//!
//! [`server`] starts one cluster per test process on first use, on a free port of 127.0.0.1, and
//! it ends with the process, also with `kill -9`. Making a cluster takes seconds, so the result
//! of `initdb` is kept under the target directory and copied. Settings that make PostgreSQL
//! durable stay as they are: what passes here was flushed.
//!
//! `PLIMSOLL_TEST_DATABASE_URL` (the URL of a superuser, without TLS) makes [`server`] use a server that
//! is already there. The tests then make and drop databases and roles with names of their own in
//! it and touch nothing else.

mod binaries;
mod cluster;
mod database;
mod url;

use std::{path::PathBuf, sync::OnceLock};

use ::postgres::{Client, NoTls};
use cluster::Cluster;
pub use database::Database;

use crate::place;

/// Names the server to use instead of a private one.
const EXISTING: &str = "PLIMSOLL_TEST_DATABASE_URL";

/// A PostgreSQL server and its superuser.
pub struct Server {
    url: String,
    cluster: Option<Cluster>,
}

/// The server all tests of this process share.
///
/// # Panics
/// In every test that asks, with one sentence, when no server can be had.
pub fn server() -> &'static Server {
    static SHARED: OnceLock<Result<Server, String>> = OnceLock::new();
    match SHARED.get_or_init(shared) {
        Ok(server) => server,
        Err(why) => panic!("{why}"),
    }
}

fn shared() -> Result<Server, String> {
    let Some(url) = place::setting(EXISTING) else { return private() };
    let url = url.into_string().map_err(|_| format!("{EXISTING} is not UTF-8"))?;
    let existing = Server { url, cluster: None };
    match attempt(&existing.url, |client| client.query_one("SELECT rolsuper FROM pg_roles WHERE rolname = current_user", &[])) {
        Ok(row) if row.get::<_, bool>(0) => Ok(existing),
        Ok(_) => Err(format!("{EXISTING} must be the URL of a superuser, because the tests make roles and databases")),
        Err(e) => Err(format!("the server in {EXISTING} does not answer: {e}")),
    }
}

fn private() -> Result<Server, String> {
    let cluster = Cluster::start()?;
    Ok(Server { url: cluster.superuser_url(), cluster: Some(cluster) })
}

impl Server {
    /// A server for one test alone, which may stop and start it. It ends when it is dropped.
    ///
    /// # Panics
    /// As [`server`]; `PLIMSOLL_TEST_DATABASE_URL` plays no part.
    pub fn dedicated() -> Server {
        private().unwrap_or_else(|why| panic!("{why}"))
    }

    /// A new empty database that belongs to a new role with a random name and password. The role
    /// is no superuser and may not skip row security; as the owner of its tables it is bound by
    /// their policies only where they say `FORCE ROW LEVEL SECURITY`.
    ///
    /// # Panics
    /// When the server does not answer.
    pub fn database(&self) -> Database {
        Database::create(&self.url)
    }

    /// The URL of the superuser, at the database `postgres` (or the one the given URL names).
    pub fn superuser_url(&self) -> &str {
        &self.url
    }

    /// Ends the server as an administrator would: connections are cut, what was acknowledged
    /// stays. Returns when it is down.
    ///
    /// # Panics
    /// When the server was not started by the kit, or does not end.
    pub fn stop(&self) {
        self.owned().stop();
    }

    /// Starts the server again, on the same port and with the same data. Returns when it answers.
    ///
    /// # Panics
    /// When the server was not started by the kit, runs already, or does not come up.
    pub fn start(&self) {
        self.owned().resume().unwrap_or_else(|why| panic!("{why}"));
    }

    /// What the server has written to its log so far.
    ///
    /// # Panics
    /// When the server was not started by the kit.
    pub fn log(&self) -> String {
        self.owned().log()
    }

    /// The directory that holds the server's data, log and socket, and goes when it ends.
    ///
    /// # Panics
    /// When the server was not started by the kit.
    pub fn directory(&self) -> PathBuf {
        self.owned().directory().to_path_buf()
    }

    fn owned(&self) -> &Cluster {
        match &self.cluster {
            Some(cluster) => cluster,
            None => panic!("the server in {EXISTING} belongs to somebody else; use Server::dedicated()"),
        }
    }
}

/// Connects to `url` and runs `work`, on a thread of its own: the driver blocks and brings its
/// own runtime, and a runtime does not start inside another one.
///
/// # Panics
/// When the server does not answer or refuses; the message has PostgreSQL's reason.
#[track_caller]
pub fn query<T: Send>(url: &str, work: impl FnOnce(&mut Client) -> Result<T, ::postgres::Error> + Send) -> T {
    attempt(url, work).unwrap_or_else(|why| panic!("{why}"))
}

/// [`query`] for work that may fail; the error is PostgreSQL's sentence with its SQLSTATE.
///
/// # Errors
/// When the server does not answer or refuses.
pub fn attempt<T: Send>(url: &str, work: impl FnOnce(&mut Client) -> Result<T, ::postgres::Error> + Send) -> Result<T, String> {
    let session = || {
        let mut config: ::postgres::Config = url.parse()?;
        if config.get_connect_timeout().is_none() {
            config.connect_timeout(std::time::Duration::from_secs(10));
        }
        work(&mut config.connect(NoTls)?)
    };
    let outcome = std::thread::scope(|scope| scope.spawn(session).join());
    match outcome {
        Ok(result) => result.map_err(|e| describe(&e)),
        Err(panic) => std::panic::resume_unwind(panic),
    }
}

fn describe(error: &::postgres::Error) -> String {
    match error.as_db_error() {
        Some(db) => format!("{} ({})", db.message(), db.code().code()),
        None => match std::error::Error::source(error) {
            Some(source) => format!("{error}: {source}"),
            None => error.to_string(),
        },
    }
}
