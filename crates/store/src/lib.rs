//! Floor 1: the only crate that knows a database.
//!
//! A [`Store`] is one database with any number of tenants in it: a SQLite file, or a PostgreSQL
//! server. Nothing above this crate knows which. Work is a plain synchronous closure over a
//! [`Tx`]: [`Store::read`] gives it one snapshot, [`Store::commit`] one transaction whose changes
//! are durable when the call returns `Ok`.
//!
//! **Writers take turns.** On SQLite one thread writes. On PostgreSQL several do, on any number
//! of servers, but each transaction begins by locking its scope's row in a table of the store, so
//! a tenant has one writer at a time there too. A closure given to `commit` therefore sees
//! nothing change under it that belongs to its tenant: changes are serialisable per tenant and
//! do not deadlock, and the same closure means the same on both.
//!
//! **Changes travel in groups.** All changes that wait (on PostgreSQL: of one tenant) share one
//! database transaction and one flush to disk, each between savepoints of its own. One that fails
//! or panics leaves nothing behind and disturbs no other. No caller hears of success before the
//! flush. A closure runs to its end even if its caller has gone away.
//!
//! **Tenants stay apart.** A statement that names a table with a `tenant_id` column and does not
//! use `:tenant` is refused; `:tenant` is bound by the transaction and never by hand. PostgreSQL
//! checks every row besides, by row security that binds even the tables' owner. In
//! [`Scope::Host`] a statement may cross tenants, and binds `:tenant` itself where it uses it.
//!
//! **One text for both.** Statements use what both databases understand in the same way:
//! 64-bit integers, floats, text, bytes and null; `RETURNING`, `ON CONFLICT`, common table
//! expressions, partial indexes, window functions. Times and random values are passed in. `LIKE`
//! tells letters apart by case on both and wants an explicit `ESCAPE`; there is no boolean column
//! type. Migrations are written in SQLite's words and translated where the words differ.

mod confine;
mod dialect;
mod encoding;
mod facts;
mod failure;
mod forget;
mod gauges;
mod lanes;
pub mod log;
mod migrate;
mod pace;
mod postgres;
mod queue;
mod reach;
mod row;
mod rows;
mod schema;
pub mod scratch;
mod settings;
mod snapshot;
mod sql;
mod sqlite;
mod store;
mod tables;
mod tally;
mod tx;
mod value;
mod wake;
mod work;

pub use encoding::{Datum, put_number, put_row, put_value, put_values, take_number, take_row, take_value};
pub use facts::{Facts, Kind};
pub use gauges::Gauges;
pub(crate) use lanes::Lanes;
pub use migrate::Down;
pub use pace::Pace;
use plimsoll_core::TenantId;
pub use reach::{Reach, Reached};
pub use row::{FromRow, Row};
pub use rows::Load;
pub use schema::{Migration, Schema, Schemas, Standing, State};
pub use settings::{Place, Settings};
pub use sql::Sql;
pub use sqlite::settle_alone;
pub use store::Store;
pub use tables::{Column, ColumnKind, Table};
pub use tx::{Head, Tx};
pub use value::{Bind, FromValue, IdText, Params, Value};
pub use wake::Changes;

/// Whose data a transaction may touch.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Scope {
    /// One tenant's, and tables that belong to nobody.
    Tenant(TenantId),
    /// The host's own, across tenants.
    Host,
}
