//! The computing parts of retention: records, formats, features, labels, the cohort.

#![expect(clippy::unwrap_used, reason = "what is missing in a test ends it, with the line that missed it")]

mod action;
mod cohort;
mod demo;
mod features;
mod formats;
mod gates;
mod hand;
mod hostile;
mod label;
mod planted;
mod properties;
mod rules;
mod train;
mod vectors;
mod watch;
