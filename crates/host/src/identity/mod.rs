//! Who asks: tenants, users, passwords, sessions, tokens, keys.

pub mod access;
pub mod layer;

/// The identity engine: keys, sessions and what it knows of them.
#[derive(Default)]
pub struct Identity {}
