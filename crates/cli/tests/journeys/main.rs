//! The service as its users see it: the real binary, from outside, on both databases.
//!
//! Most tests share one server per database and make a tenant of their own, so that they cannot
//! meet; those that need other settings, or damage what they look at, start a server for
//! themselves.
//!
//! With `PLIMSOLL_TEST_POINT_IN_TIME=1` every server keeps a change log besides.

#![expect(clippy::unwrap_used, reason = "what is missing in a test ends it, with the line that missed it")]

mod answers;
mod catalogue;
mod clinic;
mod described;
mod description;
mod edge;
mod events;
mod house;
mod identity;
mod jobs;
mod later;
mod ledger;
mod release;
mod retention_action;
mod retention_blend;
mod retention_data;
mod retention_models;
mod retention_numbers;
mod retention_reach;
mod retention_release;
mod retention_watch;
mod roles;
mod subjects;
mod tenancy;
mod together;
mod walk;
mod webhooks;
