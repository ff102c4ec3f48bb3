//! The kit, tested from outside as its users see it.

mod both;
mod http;
mod postgres;
mod process;
mod scratch;
mod wait;

/// Long enough for a busy machine; nothing here takes it when all is well.
const BOUND: std::time::Duration = std::time::Duration::from_secs(60);
