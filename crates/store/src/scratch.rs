//! Databases that exist for a moment: private instances of a proof stand on them.
//!
//! All of them lie on one server and begin with [`PREFIX`]; nothing else is ever dropped. The
//! first one is migrated and then only copied, which is many times quicker than migrating each.

use std::sync::Arc;

use plimsoll_core::{Code, Result, Seed};
use postgres::{Client, error::SqlState};
use tokio::sync::OnceCell;

use crate::{
    Place, Schema, Settings, Store,
    postgres::{Dial, failure},
    store::aside,
};

/// How the name of every scratch database begins.
pub const PREFIX: &str = "plimsoll_probe_";

/// A PostgreSQL server that gives scratch databases. What was migrated to be copied goes when this
/// is dropped; everything else when it is [discarded](Yard::discard).
pub struct Yard {
    dial: Arc<Dial>,
    url: String,
    settings: Settings,
    schemas: Vec<Schema>,
    /// The database to copy; `None` where it could not be prepared.
    mould: OnceCell<Option<String>>,
}

impl Yard {
    /// The server that `settings` name; connects to nothing yet.
    ///
    /// # Errors
    /// [`Code::ConfigInvalid`] for an address that cannot be read, or none at all.
    pub fn new(settings: &Settings, schemas: &[Schema]) -> Result<Yard> {
        let Place::Postgres { url } = &settings.place else {
            return Err(Code::ConfigInvalid.because("Scratch databases need a PostgreSQL server."));
        };
        let dial = Arc::new(Dial::new(url, settings)?);
        Ok(Yard { dial, url: url.clone(), settings: settings.clone(), schemas: schemas.to_vec(), mould: OnceCell::new() })
    }

    /// Makes a database with its schema in place, or an empty one where that cannot be had; its
    /// address, with the same role.
    ///
    /// # Errors
    /// [`Code::DatabaseUnavailable`] where there is no server, or the role may not make databases:
    /// the sentence says what to grant.
    pub async fn create(&self) -> Result<String> {
        let mould = self.mould.get_or_try_init(|| self.prepare()).await?;
        let name = name();
        let (made, mould) = (name.clone(), mould.clone());
        self.ask(move |client| match mould {
            // A mould that somebody looks into cannot be copied at that moment.
            Some(mould) => make(client, &made, &mould).or_else(|_| make(client, &made, "template0")),
            None => make(client, &made, "template0"),
        })
        .await?;
        Ok(at(&self.url, &name))
    }

    /// Makes a database without any schema; its address, with the same role.
    ///
    /// # Errors
    /// As for [`Yard::create`].
    pub async fn bare(&self) -> Result<String> {
        let name = name();
        let made = name.clone();
        self.ask(move |client| make(client, &made, "template0")).await?;
        Ok(at(&self.url, &name))
    }

    /// Removes a database that [`Yard::create`] made, whoever is connected to it.
    ///
    /// # Errors
    /// [`Code::Refused`] for any other database; else what the server says.
    pub async fn discard(&self, url: &str) -> Result<()> {
        let name = named(url);
        if !disposable(&name) {
            return Err(Code::Refused.because(format!("`{name}` is no scratch database: those begin with `{PREFIX}`.")));
        }
        self.ask(move |client| discard(client, &name)).await
    }

    async fn prepare(&self) -> Result<Option<String>> {
        let name = name();
        let made = name.clone();
        self.ask(move |client| make(client, &made, "template0")).await?;
        let place = Place::Postgres { url: at(&self.url, &name) };
        let store = Store::open(Settings { place, readers: 1, writers: 1, ..self.settings.clone() }, &self.schemas)?;
        let migrated = store.migrate_up().await;
        store.close().await?;
        match migrated {
            Ok(_) => Ok(Some(name)),
            Err(error) => {
                tracing::warn!(cause = error.cause(), "a database to copy could not be prepared: {}", error.public());
                self.ask(move |client| discard(client, &name)).await?;
                Ok(None)
            }
        }
    }

    async fn ask(&self, f: impl FnOnce(&mut Client) -> Result<()> + Send + 'static) -> Result<()> {
        let dial = self.dial.clone();
        aside(move || f(&mut dial.plain().map_err(|failure| failure.error())?)).await
    }
}

impl Drop for Yard {
    fn drop(&mut self) {
        let Some(name) = self.mould.take().flatten() else { return };
        let dial = self.dial.clone();
        // The driver waits with a runtime of its own, which cannot be done inside another one.
        let gone = std::thread::spawn(move || {
            let mut client = dial.plain().map_err(|failure| failure.error())?;
            discard(&mut client, &name)
        });
        if let Ok(Err(error)) = gone.join() {
            tracing::warn!(cause = error.cause(), "a scratch database was left on the server: {}", error.public());
        }
    }
}

fn name() -> String {
    let chance: [u8; 8] = Seed::system().bytes();
    let digits: String = chance.iter().map(|byte| format!("{byte:02x}")).collect();
    format!("{PREFIX}{digits}")
}

fn disposable(name: &str) -> bool {
    name.strip_prefix(PREFIX).is_some_and(|rest| !rest.is_empty() && rest.bytes().all(|byte| byte.is_ascii_hexdigit()))
}

/// Both names are ours, or the server's own empty database.
fn make(client: &mut Client, name: &str, mould: &str) -> Result<()> {
    let made = client.batch_execute(&format!("CREATE DATABASE {name} TEMPLATE {mould}"));
    made.map_err(|error| {
        if error.code() == Some(&SqlState::INSUFFICIENT_PRIVILEGE) {
            let role = client.query_one("SELECT quote_ident(current_user)", &[]).and_then(|row| row.try_get::<_, String>(0));
            let role = role.unwrap_or_else(|_| "the_role".into());
            return Code::DatabaseUnavailable.because(format!(
                "The role {role} may not make databases, and private copies need one each; a superuser can allow it: ALTER ROLE {role} CREATEDB"
            ));
        }
        failure(&error).error()
    })?;
    // Other roles of the server stay out.
    client.batch_execute(&format!("REVOKE ALL ON DATABASE {name} FROM PUBLIC")).map_err(|error| failure(&error).error())
}

fn discard(client: &mut Client, name: &str) -> Result<()> {
    client.batch_execute(&format!("DROP DATABASE IF EXISTS {name} WITH (FORCE)")).map_err(|error| failure(&error).error())
}

/// The address of another database on the same server.
fn at(url: &str, name: &str) -> String {
    let Some((scheme, rest)) = url.split_once("://") else {
        // `key=value` pairs, of which the last counts.
        return format!("{url} dbname={name}");
    };
    let (before, parameters) = rest.split_at(rest.find('?').unwrap_or(rest.len()));
    let authority = before.split('/').next().unwrap_or_default();
    format!("{scheme}://{authority}/{name}{parameters}")
}

/// The name of the database at an address that [`at`] made.
fn named(url: &str) -> String {
    let config: std::result::Result<postgres::Config, _> = url.parse();
    config.ok().and_then(|config| config.get_dbname().map(str::to_owned)).unwrap_or_default()
}

#[cfg(test)]
mod tests {
    use super::{at, disposable, name, named};

    #[test]
    fn only_the_database_of_an_address_changes() {
        let cases = [
            ("postgres://u:p%40ss@db:6000/main?sslmode=require", "postgres://u:p%40ss@db:6000/x?sslmode=require"),
            ("postgresql://u@db", "postgresql://u@db/x"),
            ("postgres:///main?host=/run/pg", "postgres:///x?host=/run/pg"),
            ("host=db user=u dbname=main", "host=db user=u dbname=main dbname=x"),
        ];
        for (url, expected) in cases {
            assert_eq!(at(url, "x"), expected);
            assert_eq!(named(expected), "x");
        }
    }

    #[test]
    fn nothing_but_a_scratch_database_can_be_dropped() {
        assert!(disposable(&name()));
        for kept in ["", "postgres", "plimsoll", "plimsoll_probe_", "plimsoll_probe_1; DROP DATABASE x", "x_plimsoll_probe_1"] {
            assert!(!disposable(kept), "{kept}");
        }
    }
}
