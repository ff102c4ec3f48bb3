//! What systems with a model share: models that others trained, explanations, training, figures of
//! quality, drift.
//!
//! Everything here computes and nothing here reads a file, a clock or a database.

pub mod chance;
pub mod measure;
pub mod train;
pub mod tree;
