//! Jobs that come back by the clock.
//!
//! **Promises.** A schedule fires once for each of its moments, however many processes there are: it
//! fires in the transaction in which jobs are claimed, which is serial over all of them. Where
//! nobody was there at its moment (everything was stopped), it fires once when somebody is there
//! again, for the latest moment, and says how many it left out. What daylight saving does to a
//! moment is written at [`cron::Cron`].

mod cron;
mod declared;
mod fire;
mod remind;
mod routes;
mod spread;

use plimsoll_store::{Migration, Schema};

pub use self::{cron::Cron, declared::Every};
pub(crate) use self::{declared::settle, fire::fire_due, routes::routes, spread::declare};

/// The schedules.
pub const SCHEMA: Schema = Schema {
    name: "schedules",
    migrations: &[Migration { id: "0001_schedule", up: include_str!("schema.sql"), down: "DROP TABLE job_schedule;" }],
};
