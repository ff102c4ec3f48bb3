//! PostgreSQL: the same turns as SQLite, taken by row locks, on a server that may go away.

mod cell;
mod dial;
mod lanes;
mod listen;
mod migrator;
mod session;

pub(crate) use cell::value;
pub(crate) use dial::Dial;
pub(crate) use lanes::{long, open};
pub(crate) use listen::listen;
pub(crate) use migrator::bench;
pub(crate) use session::{Session, failure};
