//! A foreign service behind the real binary: what reaches it, what comes back, and what does not.
//!
//! The service is one that writes down every byte, or one whose part the test plays itself. No data
//! is involved, so these run on the embedded database only.

#![expect(clippy::unwrap_used, reason = "what is missing in a test ends it, with the line that missed it")]

mod answers;
mod framing;
mod front;
mod heads;
mod paths;
mod streams;
mod tls;
mod two;
mod upgrade;
