//! `plimsoll prove` and what it stands on, on both databases.

#![expect(clippy::unwrap_used, reason = "what is missing in a test ends it, with the line that missed it")]

mod ablation;
mod behind;
#[allow(dead_code, reason = "what other tests need of it is not needed here")]
#[path = "../journeys/house.rs"]
mod house;
mod live;
mod pages;
mod rehearsal;
mod report;
mod scratch;
