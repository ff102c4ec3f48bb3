//! SQLite: one writer, readers beside it, everything durable when it is acknowledged.

mod alone;
mod anchor;
mod connection;
mod lanes;
mod migrator;
mod stir;

pub use alone::settle_alone;
pub(crate) use connection::{Connection, value};
pub(crate) use lanes::Lite;
pub(crate) use migrator::bench;
pub(crate) use stir::listen;
