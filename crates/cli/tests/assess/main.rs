//! `plimsoll assess` on small repositories that the tests write themselves.

#![expect(clippy::unwrap_used, reason = "what is missing in a test ends it, with the line that missed it")]

mod ends;
mod forms;
mod interrupted;
mod own;
mod places;
mod project;
mod same;
mod samples;
mod since;
mod table;
mod waived;
