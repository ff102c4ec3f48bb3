//! What people and programs see of the work engine: `/v1/jobs`, the page of the console, the
//! command line, metrics and health.
//!
//! **Promises.** A job can be asked for by its id until its time is over, and a dead letter until
//! somebody replays or discards it. Every order leaves an entry in the ledger, in the transaction
//! that carries it out. A replay asked for twice runs the job once. **Does not promise** that a
//! cancelled job has no effect: one that commits before it hears of it is done.

mod console;
pub mod figures;
pub mod find;
pub mod operate;
pub mod order;
mod orders;
pub mod record;
mod routes;
pub(crate) mod watch;

pub use console::ago;
pub(crate) use console::routes as pages;

use plimsoll_core::{Code, Result};

use crate::{Host, route::Routes};

/// Declares the routes below `/v1`.
pub fn routes(r: &mut Routes<'_, ()>) {
    routes::routes(r);
    orders::routes(r);
}

/// Whether dead letters can be worked on here: unless the practice is switched off, as if nobody
/// had built it.
fn operated(host: &Host) -> Result<()> {
    if host.holds("dlq-operations") { Ok(()) } else { Err(Code::NotFound.because("there is nothing at this address")) }
}
