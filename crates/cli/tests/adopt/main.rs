//! `plimsoll adopt` on small projects that the tests write themselves.

#![expect(clippy::unwrap_used, reason = "what is missing in a test ends it, with the line that missed it")]

mod compiled;
mod files;
mod hostile;
mod node;
mod project;
mod python;
mod sites;
