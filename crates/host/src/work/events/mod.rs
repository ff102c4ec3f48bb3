//! What has happened, told to whoever wants to know: the events of a tenant, in order.
//!
//! **Promises.** An event is written in the transaction of the change it tells of: both are there or
//! neither. A tenant's events are numbered from 1 without gaps, in the order in which the changes
//! became true. Subscribers inside the process and webhooks are jobs, put into the log in the same
//! transaction: each gets every event that it asked for at least once. An event carries ids and
//! versions, not contents; who may not read a thing does not learn of it either.
//!
//! **Does not promise** that a subscriber sees events in order, nor that an event can be read longer
//! than `[events] kept` says.

mod bus;
pub mod config;
mod dead;
mod event;
mod hub;
mod pattern;
mod publish;
mod read;
mod relay;
mod routes;
mod stream;
mod tend;

use plimsoll_store::{Migration, Schema};

pub use self::{
    bus::Bus,
    event::{Event, Published},
    pattern::Pattern,
};
pub(crate) use self::{
    bus::subscribed,
    dead::{Death, died, job_dead},
    hub::herald,
    publish::publish,
    relay::declare,
    routes::routes,
    tend::tend,
};

/// What wakes those who wait for events, in this process and in others.
const CHANNEL: &str = "events";

/// The log of events.
pub const SCHEMA: Schema =
    Schema { name: "events", migrations: &[Migration { id: "0001_event", up: include_str!("schema.sql"), down: "DROP TABLE event;" }] };
