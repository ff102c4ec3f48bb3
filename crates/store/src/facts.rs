//! What an operator wants to know about a database.

use plimsoll_core::Result;

use crate::{Store, dialect};

/// Which database.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Kind {
    /// SQLite, inside this process.
    Sqlite,
    /// A PostgreSQL server.
    Postgres,
}

impl Kind {
    /// The name shown to people.
    pub const fn name(self) -> &'static str {
        match self {
            Kind::Sqlite => "sqlite",
            Kind::Postgres => "postgres",
        }
    }
}

/// A database, described.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Facts {
    /// Which database.
    pub kind: Kind,
    /// Its version, as it says it.
    pub version: String,
    /// Bytes it takes on disk, as far as it knows.
    pub size: i64,
    /// Settings that decide whether what is acknowledged survives a loss of power.
    pub durability: Vec<(&'static str, String)>,
    /// Whether those settings are as they must be.
    pub durable: bool,
    /// PostgreSQL: whether this role is not bound by row security, being a superuser or exempt.
    /// Serving with such a role gives up the second line of defence between tenants.
    pub bypasses_row_security: bool,
}

const ROLE: &str = "SELECT rolsuper OR rolbypassrls FROM pg_roles WHERE rolname = current_user";
const SETTING: &str = "SELECT current_setting(:name)";

impl Store {
    /// Asks the database about itself.
    ///
    /// # Errors
    /// As for [`Store::ping`].
    pub async fn facts(&self) -> Result<Facts> {
        let kind = self.kind();
        let facts = self.ask(move |tx| {
            let size = tx.row(dialect::size(kind), &[])?;
            let setting = |name: &str| tx.row::<String>(SETTING, crate::bind! { name: name });
            Ok(match kind {
                Kind::Sqlite => Facts {
                    kind,
                    version: rusqlite::version().to_string(),
                    size,
                    durability: vec![("journal_mode", "wal".into()), ("synchronous", "full".into())],
                    durable: true,
                    bypasses_row_security: false,
                },
                Kind::Postgres => {
                    let (fsync, commit) = (setting("fsync")?, setting("synchronous_commit")?);
                    let pages = setting("full_page_writes")?;
                    let durable = fsync == "on" && commit != "off";
                    Facts {
                        kind,
                        version: setting("server_version")?,
                        size,
                        durability: vec![("fsync", fsync), ("synchronous_commit", commit), ("full_page_writes", pages)],
                        durable,
                        bypasses_row_security: tx.row(ROLE, &[])?,
                    }
                }
            })
        });
        let facts = facts.await?;
        self.0.shared.set_durable(facts.durable);
        Ok(facts)
    }
}
