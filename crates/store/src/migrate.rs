//! Schema changes: in order, once each, by one process at a time, and back again.

use std::collections::HashSet;

use plimsoll_core::{Clock, Code, Error, Result, Time};

use crate::{
    Migration, Schema, Schemas, State, Store, dialect,
    log::Mark,
    postgres,
    schema::{Applied, checksum, compare},
    sqlite,
    store::{Engine, Inner, aside},
};

/// The table of applied migrations, in the words of [`dialect::translate`].
pub(crate) const TABLE: &str = "CREATE TABLE IF NOT EXISTS plimsoll_migration (
    owner TEXT NOT NULL, id TEXT NOT NULL, checksum TEXT NOT NULL, applied_at INTEGER NOT NULL, version TEXT NOT NULL,
    PRIMARY KEY (owner, id)) STRICT, WITHOUT ROWID";
/// Every applied migration, in the order of [`Applied`]'s fields.
pub(crate) const ALL: &str = "SELECT owner, id, checksum, applied_at, version FROM plimsoll_migration ORDER BY applied_at, owner, id";

/// How far back to go.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Down {
    /// This many migrations, the latest first.
    Steps(usize),
    /// Everything of this owner that came after this migration, which stays.
    To {
        /// Whose migrations.
        owner: String,
        /// The last one to keep.
        id: String,
    },
}

/// A connection for changing the schema. Every change is a transaction of its own.
pub(crate) trait Bench {
    /// Opens a transaction that excludes other migrators, and makes the table where it is missing.
    fn begin(&mut self) -> Result<()>;
    fn applied(&mut self) -> Result<Vec<Applied>>;
    /// Runs a migration's text, either way.
    fn run(&mut self, text: &str) -> Result<()>;
    fn note(&mut self, one: &Applied) -> Result<()>;
    fn erase(&mut self, owner: &str, id: &str) -> Result<()>;
    /// Leaves a mark in the change log, if there is one and it is on.
    fn mark(&mut self, at: Time, mark: &Mark) -> Result<()>;
    /// Checks or completes what a migration left.
    fn finish(&mut self) -> Result<()>;
    fn commit(&mut self) -> Result<()>;
    fn rollback(&mut self);
}

impl Store {
    /// How every migration stands. Cheap: readiness asks often.
    ///
    /// # Errors
    /// As for [`Store::ping`]; a mismatch is no error here, see [`Schemas::ready`].
    pub async fn schema_state(&self) -> Result<Schemas> {
        let exists = dialect::migrations_exist(self.kind());
        let applied = self.ask(move |tx| {
            if tx.row::<i64>(exists, &[])? == 0 {
                return Ok(Vec::new());
            }
            let rows: Vec<(String, String, String, Time, String)> = tx.rows(ALL, &[])?;
            Ok(rows.into_iter().map(|(owner, id, checksum, at, version)| Applied { owner, id, checksum, at, version }).collect())
        });
        Ok(compare(&self.0.schemas, &applied.await?))
    }

    /// Applies what is pending; names what it applied, as `owner/id`. Any number of processes may
    /// call this at once: each migration is applied by one of them.
    ///
    /// # Errors
    /// [`Code::SchemaMismatch`] where the database is ahead or was changed; nothing is applied
    /// then. A migration that fails is undone alone; those before it stay.
    pub async fn migrate_up(&self) -> Result<Vec<String>> {
        let inner = self.0.clone();
        aside(move || {
            let done = up(&mut *bench(&inner)?, &inner.schemas, &inner.settings.clock);
            inner.shared.tables_changed();
            done
        })
        .await
    }

    /// Reverts migrations, latest first; names what it reverted, as `owner/id`. Data in tables
    /// that go is lost.
    ///
    /// # Errors
    /// As for [`Store::migrate_up`]; [`Code::NotFound`] for a target that is not applied.
    pub async fn migrate_down(&self, down: Down) -> Result<Vec<String>> {
        let inner = self.0.clone();
        aside(move || {
            let done = back(&mut *bench(&inner)?, &inner.schemas, &inner.settings.clock, &down);
            inner.shared.tables_changed();
            done
        })
        .await
    }
}

fn bench(inner: &Inner) -> Result<Box<dyn Bench>> {
    match &inner.engine {
        Engine::Lite(lite) => sqlite::bench(&lite.path, &inner.settings),
        Engine::Pg(dial) => postgres::bench(dial),
    }
}

/// Runs one step in a transaction; `None` from `f` means that nothing was left to do.
fn step(bench: &mut dyn Bench, f: impl FnOnce(&mut dyn Bench) -> Result<Option<String>>) -> Result<Option<String>> {
    bench.begin()?;
    let done = f(bench).and_then(|name| match name {
        Some(name) => bench.commit().map(|()| Some(name)),
        None => Ok(None),
    });
    if !matches!(done, Ok(Some(_))) {
        bench.rollback();
    }
    done
}

fn up(bench: &mut dyn Bench, schemas: &[Schema], clock: &Clock) -> Result<Vec<String>> {
    let mut names = Vec::new();
    let pending = |bench: &mut dyn Bench| {
        // Asked anew each time: another process may have been faster.
        let applied = bench.applied()?;
        compare(schemas, &applied).fit()?;
        let known: HashSet<(&str, &str)> = applied.iter().map(|one| (one.owner.as_str(), one.id.as_str())).collect();
        Ok::<_, Error>(all(schemas).find(|(owner, migration)| !known.contains(&(*owner, migration.id))))
    };
    while let Some(name) = step(bench, |bench| {
        let Some((owner, migration)) = pending(bench)? else { return Ok(None) };
        let name = format!("{owner}/{}", migration.id);
        bench.run(migration.up).and_then(|()| bench.finish()).map_err(|error| broken(&name, error))?;
        bench.note(&Applied {
            owner: owner.into(),
            id: migration.id.into(),
            checksum: checksum(migration.up),
            at: clock.now(),
            version: env!("CARGO_PKG_VERSION").into(),
        })?;
        bench.mark(clock.now(), &Mark::Schema(name.clone()))?;
        Ok(Some(name))
    })? {
        tracing::info!(migration = name, "migration applied");
        names.push(name);
    }
    Ok(names)
}

fn back(bench: &mut dyn Bench, schemas: &[Schema], clock: &Clock, down: &Down) -> Result<Vec<String>> {
    let mut names: Vec<String> = Vec::new();
    loop {
        if matches!(down, Down::Steps(steps) if names.len() >= *steps) {
            return Ok(names);
        }
        let done = step(bench, |bench| {
            let standing = compare(schemas, &bench.applied()?);
            standing.fit()?;
            let applied = standing.named(State::Applied);
            let last = all(schemas).filter(|(owner, one)| applied.contains(&format!("{owner}/{}", one.id)));
            let last = match down {
                Down::Steps(_) => last.last(),
                Down::To { owner, id } => {
                    let mut own: Vec<_> = last.filter(|(found, _)| found == owner).collect();
                    let keep = own.iter().position(|(_, one)| one.id == id).ok_or_else(|| {
                        Code::NotFound.because(format!("There is no applied migration `{owner}/{id}` to go back to; see `migrate status`."))
                    })?;
                    own.drain(..=keep);
                    own.pop()
                }
            };
            let Some((owner, migration)) = last else { return Ok(None) };
            let name = format!("{owner}/{}", migration.id);
            bench.run(migration.down).and_then(|()| bench.finish()).map_err(|error| broken(&name, error))?;
            bench.erase(owner, migration.id)?;
            bench.mark(clock.now(), &Mark::Schema(name.clone()))?;
            Ok(Some(name))
        })?;
        match done {
            None => return Ok(names),
            Some(name) => {
                tracing::info!(migration = name, "migration reverted");
                names.push(name);
            }
        }
    }
}

fn all(schemas: &[Schema]) -> impl Iterator<Item = (&'static str, &'static Migration)> {
    schemas.iter().flat_map(|schema| schema.migrations.iter().map(|migration| (schema.name, migration)))
}

fn broken(name: &str, error: Error) -> Error {
    let (code, cause) = (error.code(), error.cause().unwrap_or_default());
    let code = if matches!(code, Code::StorageFull | Code::DatabaseBusy | Code::DatabaseUnavailable) { code } else { Code::Internal };
    code.because(format!("Migration {name} failed and was undone; the cause is in the log.")).caused_by(format!("{name}: {cause}"))
}
