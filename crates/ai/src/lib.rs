//! What systems with a model share: models that others trained, ensembles, explanations, training, figures of
//! quality, drift.
//!
//! Everything here computes and nothing here reads a file, a clock or a database.

pub mod blend;
pub mod chance;
pub mod measure;
pub mod train;
pub mod tree;
