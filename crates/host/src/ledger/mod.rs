//! The ledger: who did what, when, to what, with what outcome.
//!
//! **Promises.** Every change of state leaves an entry in the same transaction as the change;
//! every security event leaves one too. Entries are append-only and hash-chained per tenant, so
//! an entry that was altered, removed from the middle or inserted is found by
//! [`verify`](chain::verify). **Does not promise** that a cut-off tail is found: nobody can tell from the
//! chain alone that its last entries never existed. Compare the head that `verify` prints with one
//! noted earlier.
//!
//! Why per tenant: a tenant's chain can leave with the tenant, and one tenant's writer never waits
//! for another's. Entries name things and fields, never the values of personal data. A caller's
//! address is in the chain as a digest with a salt: it can be removed, when a person is erased or
//! its period is over, and the chain still verifies.

pub mod admin;
pub mod chain;
mod change;
mod events;

pub use change::{Change, Note, Origin};
pub use events::Events;

use plimsoll_store::{Migration, Schema};

/// The ledger's table.
pub const SCHEMA: Schema = Schema {
    name: "ledger",
    migrations: &[
        Migration { id: "0001_ledger", up: include_str!("schema.sql"), down: "DROP TABLE ledger;" },
        Migration {
            id: "0002_addresses",
            up: "ALTER TABLE ledger ADD COLUMN address_salt BLOB; ALTER TABLE ledger ADD COLUMN address_digest BLOB;",
            down: "ALTER TABLE ledger DROP COLUMN address_digest; ALTER TABLE ledger DROP COLUMN address_salt;",
        },
    ],
};
