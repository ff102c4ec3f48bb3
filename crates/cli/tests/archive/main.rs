//! Backups from outside: made, listed, checked, restored, rehearsed, pruned, on both databases.
//!
//! `PLIMSOLL_TEST_ROWS` sets how many rows [`large`] backs up and restores (20 000).

#![expect(clippy::unwrap_used, reason = "a test fails by panicking")]

#[path = "../endurance/disk.rs"]
mod disk;
mod drill;
mod large;
mod moment;
mod refusals;
mod room;
mod round;
mod schema;
#[allow(dead_code, reason = "what other tests need of it is not needed here")]
#[path = "../endurance/service.rs"]
mod service;
mod yard;

/// Long enough for a busy machine; nothing here takes it when all is well.
const BOUND: std::time::Duration = std::time::Duration::from_secs(60);
