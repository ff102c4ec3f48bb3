//! One tenant out of a store and into one, while all others go on working.
//!
//! **A tenant's archive** holds every row that the tenant owns, its own row, and the accounts of
//! its members, from one snapshot. It can be restored in three ways ([`Onto`]):
//!
//! | | what is restored | what stays as it is |
//! |---|---|---|
//! | over the live tenant | rows of systems, and counts | ledger, members, keys, sessions, jobs, events, webhooks, records of requests, tombstones |
//! | beside it, as a new tenant | rows of systems, and counts | the other tenant, altogether |
//! | into a store that does not know it | everything but sessions and records of requests | everything else there |
//!
//! A restored tenant must not get revoked keys back, nor lose its record of what happened: so what
//! the host holds about a tenant is never set back. Numbers go on from where they are: no number is
//! given twice, even where the thing that had it is gone again.
//!
//! **Meanwhile the tenant is held** ([`hold`]): requests are answered 503 `tenant-held`, and no
//! change of it can commit. The work is done in short transactions in the tenant's own scope, so
//! nobody else waits long. A restore that was killed is finished by starting it again: the hold
//! stays until one has come to its end.
//!
//! **From a backup** one tenant can be taken as well as from its own archive: rows of others are
//! read past. **From a moment** ([`past`]) it can be taken where the change log is shipped. Tombstones are applied to every row ([`crate::subject::tombstone`]).

mod export;
pub mod hold;
mod load;
mod past;
mod restore;
mod rows;

#[cfg(test)]
mod tests;

pub use self::{
    export::{Exported, export},
    past::{Past, past},
    restore::{Onto, Restore, Restored},
};
use crate::subject::own;
use plimsoll_store::Table;

/// Tables of a tenant that no restore brings into another store: who was logged in there, and
/// answers sealed with that store's key.
const LEFT_BEHIND: &[&str] = &["session", "refresh", "idempotency", "purge"];

/// Whether a restore over a live tenant replaces the table's rows: those of systems.
fn replaced(table: &Table) -> bool {
    table.tenant && !own::TABLES.iter().any(|(name, _)| *name == table.name)
}
