//! The binary under bad conditions, from outside: killed, stopped, cut off from its database, out
//! of room, under hostile clients, wrongly configured, and in the hands of an operator.
//!
//! `PLIMSOLL_TEST_KILL_ROUNDS` sets how often [`kill`] kills (5), `PLIMSOLL_TEST_SEED` repeats a
//! run of it. `PLIMSOLL_TEST_JOB_ROUNDS` sets how often [`jobs`] kills (8).

#![expect(clippy::unwrap_used, reason = "a test fails by panicking")]

mod command_line;
mod configuration;
mod disk;
mod drain;
mod hostile;
mod jobs;
mod kill;
mod migrations;
mod outage;
mod repeats;
mod service;
mod shared;
mod storage;
mod surroundings;
mod tls;
mod upstream;
mod work;

/// Long enough for a busy machine; nothing here takes it when all is well.
const BOUND: std::time::Duration = std::time::Duration::from_secs(60);
