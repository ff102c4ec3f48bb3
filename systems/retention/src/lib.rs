//! Retention: who is about to interrupt treatment, why, and what was done about it.

pub mod cohort;
pub mod features;
