//! What is kept beside the database, and how it comes back.
//!
//! One [format](format) for backups, log segments, tenants and persons; [places](place) where
//! archives lie.

pub mod format;
pub mod log;
pub mod place;
pub mod tenant;
