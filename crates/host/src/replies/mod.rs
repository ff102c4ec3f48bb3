//! Stored answers: what may be given again without asking the service again.

pub mod cache;
