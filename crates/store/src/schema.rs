//! What a schema is made of, and how it stands in a database.

use std::collections::HashSet;

use plimsoll_core::{Code, Result, Time};

use crate::sql;

/// One numbered schema change with its way back, written in SQLite's words: `INTEGER`, `REAL`,
/// `TEXT`, `BLOB`, `) STRICT` and `) STRICT, WITHOUT ROWID`.
#[derive(Debug, Clone, Copy)]
pub struct Migration {
    /// `0001_artists`: unique within its owner.
    pub id: &'static str,
    /// The SQL that makes the change.
    pub up: &'static str,
    /// The SQL that undoes it.
    pub down: &'static str,
}

/// The migrations of one owner (`host`, `catalogue`).
#[derive(Debug, Clone, Copy)]
pub struct Schema {
    /// Whose they are; `store` is taken by the store itself.
    pub name: &'static str,
    /// In the order in which they are applied.
    pub migrations: &'static [Migration],
}

/// The store's own tables: the tally of [`Tx::born`](crate::Tx::born), and on PostgreSQL the rows
/// that make each scope's writers take turns.
pub(crate) const OWN: Schema = Schema {
    name: "store",
    migrations: &[
        Migration {
            id: "0001_store",
            up: "CREATE TABLE tally (
                tenant_id TEXT NOT NULL,
                noun TEXT NOT NULL,
                next INTEGER NOT NULL,
                live INTEGER NOT NULL,
                PRIMARY KEY (tenant_id, noun)
            ) STRICT, WITHOUT ROWID;
            CREATE TABLE plimsoll_scope (scope TEXT NOT NULL PRIMARY KEY) STRICT, WITHOUT ROWID;",
            down: "DROP TABLE plimsoll_scope; DROP TABLE tally;",
        },
        crate::log::MIGRATION,
    ],
};

/// How one migration stands.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum State {
    /// In the database, with the text this binary knows.
    Applied,
    /// Known to this binary, not yet in the database.
    Pending,
    /// In the database with another text than this binary knows.
    Changed,
    /// In the database, unknown to this binary.
    Ahead,
}

impl State {
    /// The word shown to people.
    pub const fn name(self) -> &'static str {
        match self {
            State::Applied => "applied",
            State::Pending => "pending",
            State::Changed => "changed",
            State::Ahead => "ahead",
        }
    }
}

/// One migration as it stands in a database.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Standing {
    /// Whose it is.
    pub owner: String,
    /// Its id.
    pub id: String,
    /// How it stands.
    pub state: State,
    /// When it was applied.
    pub applied_at: Option<Time>,
    /// The version of the binary that applied it.
    pub version: Option<String>,
}

/// A row of the table of applied migrations.
#[derive(Debug, Clone)]
pub(crate) struct Applied {
    pub(crate) owner: String,
    pub(crate) id: String,
    pub(crate) checksum: String,
    pub(crate) at: Time,
    pub(crate) version: String,
}

/// All migrations, as they stand.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Schemas(pub Vec<Standing>);

impl Schemas {
    /// Those in `state`, as `owner/id`.
    pub fn named(&self, state: State) -> Vec<String> {
        self.0.iter().filter(|one| one.state == state).map(|one| format!("{}/{}", one.owner, one.id)).collect()
    }

    /// Nothing is ahead of this binary and nothing was changed after it was applied.
    ///
    /// # Errors
    /// [`Code::SchemaMismatch`] with the names and what to do.
    pub fn fit(&self) -> Result<()> {
        let ahead = self.named(State::Ahead);
        if !ahead.is_empty() {
            let list = ahead.join(", ");
            return Err(Code::SchemaMismatch.because(format!(
                "The database is ahead of this version: it holds {list}, which this binary does not know. \
                 Start the version that made it, or revert with that version's `migrate down` first."
            )));
        }
        let changed = self.named(State::Changed);
        if !changed.is_empty() {
            let list = changed.join(", ");
            return Err(Code::SchemaMismatch.because(format!(
                "The text of {list} is not the one that was applied to this database. \
                 Restore the migration's text and put the change into a new migration."
            )));
        }
        Ok(())
    }

    /// As [`Schemas::fit`], and nothing is pending: ready to serve.
    ///
    /// # Errors
    /// [`Code::SchemaMismatch`] with the names and what to do.
    pub fn ready(&self) -> Result<()> {
        self.fit()?;
        let pending = self.named(State::Pending);
        if pending.is_empty() {
            return Ok(());
        }
        let list = pending.join(", ");
        Err(Code::SchemaMismatch.because(format!("The database lacks {list}. Run `migrate up`.")))
    }
}

/// The SHA-256 of a migration's text, in hexadecimal.
pub(crate) fn checksum(up: &str) -> String {
    let digest = ring::digest::digest(&ring::digest::SHA256, up.as_bytes());
    digest.as_ref().iter().map(|byte| format!("{byte:02x}")).collect()
}

/// Compares what the binary knows with what a database holds.
pub(crate) fn compare(schemas: &[Schema], applied: &[Applied]) -> Schemas {
    let find = |owner: &str, id: &str| applied.iter().find(|one| one.owner == owner && one.id == id);
    let mut out = Vec::new();
    let mut known = HashSet::new();
    for schema in schemas {
        for migration in schema.migrations {
            known.insert((schema.name, migration.id));
            let found = find(schema.name, migration.id);
            let state = match found {
                None => State::Pending,
                Some(one) if one.checksum == checksum(migration.up) => State::Applied,
                Some(_) => State::Changed,
            };
            out.push(Standing {
                owner: schema.name.into(),
                id: migration.id.into(),
                state,
                applied_at: found.map(|one| one.at),
                version: found.map(|one| one.version.clone()),
            });
        }
    }
    for one in applied.iter().filter(|one| !known.contains(&(one.owner.as_str(), one.id.as_str()))) {
        out.push(Standing {
            owner: one.owner.clone(),
            id: one.id.clone(),
            state: State::Ahead,
            applied_at: Some(one.at),
            version: Some(one.version.clone()),
        });
    }
    Schemas(out)
}

/// Refuses schemas that cannot work, before any database is touched.
///
/// # Errors
/// [`Code::Internal`] with the reason: names that are taken twice, constraints that are only
/// checked at the end of a transaction.
pub(crate) fn check(schemas: &[Schema]) -> Result<()> {
    let wrong = |why: String| Err(Code::Internal.error().caused_by(why));
    let mut seen = HashSet::new();
    for schema in schemas {
        if !seen.insert((schema.name, "")) {
            return wrong(format!("two schemas are called `{}`", schema.name));
        }
        for migration in schema.migrations {
            if !seen.insert((schema.name, migration.id)) {
                return wrong(format!("`{}` has two migrations `{}`", schema.name, migration.id));
            }
            // Checked at the end of a group of changes, one broken key would undo its neighbours.
            if sql::pieces(migration.up).iter().any(|piece| piece.is_word("DEFERRABLE")) {
                return wrong(format!("`{}/{}` defers a constraint; constraints here are immediate", schema.name, migration.id));
            }
        }
    }
    Ok(())
}
