//! Retention: who is about to interrupt treatment, why, and what was done about it.
//!
//! What stands here computes and does nothing else. A person's [`record`] is what an export
//! ([`formats`]) or the database hands over; the [`features`] are what a model is told of it as of a
//! date; the [`cohort`] is a programme that does not exist, for demonstrations and tests.

pub mod cohort;
pub mod features;
pub mod formats;
pub mod record;
