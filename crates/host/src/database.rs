//! The section `[database]`, and how it becomes an open store.

use std::{path::Path, time::Duration};

use plimsoll_core::{Clock, Result};
use plimsoll_store::{Place, Schema, Settings, Store};

use crate::{
    config::{Config, Profile, Rules, Secret, Span},
    practices::PracticesConfig,
};

crate::section! {
    /// Where the data lies: one SQLite file in the data folder, or a PostgreSQL server.
    pub struct DatabaseConfig["database"] {
        /// Address of a PostgreSQL server, such as `postgres://plimsoll@db.internal/plimsoll?sslmode=require`. The embedded SQLite file is used when this is not set.
        pub url: Option<Secret> = none,
        /// Threads that read, each with a connection of its own.
        pub readers: u16 = "4",
        /// Threads that write to PostgreSQL, each with a connection of its own; SQLite has one writer by nature.
        pub writers: u16 = "4",
        /// How long a request waits for a connection before it is refused.
        pub acquire_timeout: Span = "2s",
        /// How long one statement may run.
        pub statement_timeout: Span = "5s",
        /// A statement that takes this long is logged, without its values.
        pub slow_statement: Span = "200ms",
        /// PEM file with certificates to trust for PostgreSQL besides the public ones.
        pub root_certificates: Option<std::path::PathBuf> = none,
        /// The most the SQLite file may grow to, in pages of 4096 bytes: a quota.
        pub page_limit: Option<u32> = none,
    }
}

/// Opens the store that the configuration names; does not migrate.
///
/// # Errors
/// A malformed address, a file that cannot be opened.
pub fn open(config: &Config, data: &Path, clock: &Clock, schemas: &[Schema]) -> Result<Store> {
    Store::open(settings(config, data, clock), schemas)
}

/// How the store that the configuration names behaves.
pub fn settings(config: &Config, data: &Path, clock: &Clock) -> Settings {
    let section: DatabaseConfig = config.get();
    let place = match &section.url {
        Some(url) => Place::Postgres { url: url.expose().to_owned() },
        None => Place::Sqlite { path: data.join("plimsoll.db") },
    };
    let mut settings = Settings {
        place,
        readers: usize::from(section.readers.max(1)),
        writers: usize::from(section.writers.max(1)),
        acquire_timeout: section.acquire_timeout.into(),
        statement_timeout: section.statement_timeout.into(),
        slow_statement: section.slow_statement.into(),
        root_certificates: section.root_certificates,
        page_limit: section.page_limit,
        clock: clock.clone(),
        ..Settings::default()
    };
    loosen(&mut settings, config);
    settings
}

/// What the settings come to where a practice of theirs is switched off.
fn loosen(settings: &mut Settings, config: &Config) {
    const UNBOUNDED: Duration = Duration::from_secs(600);
    let practices: PracticesConfig = config.get();
    if !practices.holds("connection-pool") {
        // Nobody sized it, and callers wait for as long as it takes.
        (settings.readers, settings.acquire_timeout) = (4, UNBOUNDED);
    }
    settings.renew = practices.holds("db-reconnect");
    if !practices.holds("query-timeouts") {
        settings.statement_timeout = UNBOUNDED;
    }
    if !practices.holds("slow-query-monitoring") {
        settings.slow_statement = UNBOUNDED;
    }
}

/// Whether the data lies on a server that other processes use too.
pub fn shared(config: &Config) -> bool {
    config.get::<DatabaseConfig>().url.is_some()
}

/// Whether the rules for users' data apply.
pub fn production(config: &Config) -> bool {
    config.profile() == Profile::Production
}

/// Passwords that stand in examples and images.
const KNOWN: &[&str] =
    &["postgres", "password", "plimsoll", "changeme", "change-me", "secret", "admin", "root", "example", "test", "123456"];

/// Refuses, in production, a database password that everybody knows.
pub fn rule(config: &Config, rules: &mut Rules<'_>) {
    let url = config.get::<DatabaseConfig>().url;
    let Some(url) = url.filter(|_| production(config) && config.get::<PracticesConfig>().holds("no-default-secrets")) else { return };
    let who =
        url.expose().split_once("://").and_then(|(_, rest)| rest.split(['/', '?']).next()?.rsplit_once('@')).map_or("", |(who, _)| who);
    let Some((name, password)) = who.split_once(':') else { return };
    if password == name || KNOWN.iter().any(|known| known.eq_ignore_ascii_case(password)) {
        rules.refuse(
            "database.url",
            "the password of the database stands in every example",
            "choose one that nobody can guess, and name its file with PLIMSOLL_DATABASE__URL_FILE",
        );
    }
}
