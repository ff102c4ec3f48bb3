//! What is done about a risk: alerts, interventions, follow-ups, messages, and what follows by itself.
//!
//! An [`alert`] is raised by scoring ([`raised`]), by a follow-up that was not done or by hand, and
//! moves as its [`state`] machine allows. Escalation [`rules`] and [`workflow`] templates act in the
//! commit of the event that they wait for, so that neither is there without the other.

pub mod alert;
pub mod deeds;
pub mod nouns;
mod overdue;
pub(crate) mod raised;
mod routes;
mod rules;
pub mod state;
mod workflow;

pub use overdue::Overdue;
pub use routes::{Filter, routes};

pub(crate) use routes::{Order, alerts};
