//! Flags: one function that decides which variant a unit gets.
//!
//! The same function serves feature flags, the split between an old and a new upstream, and the
//! mirror of a share of requests. It is pure: no clock, no chance, no input or output; the same
//! [`Flag`] and the same [`Context`] give the same [`Decision`] on every replica, after every
//! restart, and in any other program that follows [`bucket`].
//!
//! # How it decides
//! Rules are tried in order. A rule applies when all of its conditions hold; it decides for the
//! share of units that its rollout takes in, and others go on to the next rule. Which variant a
//! unit gets follows from the weights of the rule. Where no rule decides, the fallback holds.
//!
//! # What is promised
//! - **Sticky**: a unit is the principal, without one the tenant, without one the address (an IPv6
//!   address counts as its /64). The kind belongs to the unit, so a tenant called like a person is
//!   another unit.
//! - **Monotone**: growing a rollout only takes units in, and who was in keeps the variant; growing
//!   the weight of a variant only moves units into that variant. For more than two variants no
//!   single ladder of percentages can keep this promise, so there are two steps: the rollout by
//!   bucket, the variant by weighted rendezvous.
//! - **Independent**: who is in the first tenth of one flag says nothing about any other flag.
//! - **One bucket per flag**: the rules of a flag share it. A unit outside of the first 50 % of one
//!   rule is also outside of the first 1 % of the next.
//!
//! What is not: exact shares. A share is held on average; for few units chance shows.

pub mod bucket;
pub mod condition;
pub mod context;
pub mod share;
pub mod targeting;

#[cfg(test)]
mod tests;

pub use condition::{Comparison, Condition, Subject, Test};
pub use context::{Context, Unit, Value};
pub use share::Share;
pub use targeting::{Decision, Flag, Reason, Rule, Wheel};
