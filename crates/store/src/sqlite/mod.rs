//! SQLite: one writer, readers beside it, everything durable when it is acknowledged.

mod anchor;
mod connection;
mod lanes;
mod migrator;
mod stir;

pub(crate) use connection::{Connection, value};
pub(crate) use lanes::Lite;
pub(crate) use migrator::bench;
pub(crate) use stir::listen;
