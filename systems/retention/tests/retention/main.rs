//! The computing parts of retention: records, formats, features, labels, the cohort.

mod ab;
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
