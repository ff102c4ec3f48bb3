//! Long reads of many tables on one snapshot: backups and exports.

use plimsoll_core::Result;

use crate::{Scope, Store, Tx, postgres, store::Engine, store::aside};

impl Store {
    /// Runs `f` on one snapshot of the data, for as long as it takes: on a thread and a connection
    /// of its own, without the limit on statements. Neither readers nor writers wait for it, and
    /// it does not count as one of the readers.
    ///
    /// While it lasts, SQLite's write-ahead log cannot be emptied past it and PostgreSQL cannot
    /// clean up rows that it still sees, so both grow by what is changed meanwhile.
    ///
    /// # Errors
    /// What `f` returns; [`plimsoll_core::Code::DatabaseUnavailable`] where there is no database.
    pub async fn snapshot<T: Send + 'static>(&self, scope: Scope, f: impl FnOnce(&Tx<'_>) -> Result<T> + Send + 'static) -> Result<T> {
        let inner = self.0.clone();
        aside(move || match &inner.engine {
            Engine::Lite(lite) => lite.long(&inner.settings, &inner.shared, scope, f),
            Engine::Pg(dial) => postgres::long(dial, &inner.shared, scope, f),
        })
        .await
    }
}
