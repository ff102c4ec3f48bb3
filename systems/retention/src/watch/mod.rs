//! Watching the model: whether what comes in is still what it learnt from, whether it is still right, whether
//! it serves groups alike, and whether the records are good enough to be asked at all.
//!
//! **Promises.** A figure is a count of something that happened, with its interval; where there are too few cases
//! it is said that there are. What is kept are sums over many people, never values of one. Drift is
//! told by distances of what tests, corrected for their number, do not put down to chance.

mod drift;
mod job;
mod kept;
mod meters;
mod outcome;
mod performance;
mod quality;
mod reference;
mod routes;
mod standing;

pub use drift::{CALENDAR, Now, drift};
pub use job::Watch;
pub use kept::{Kept, Kind};
pub use meters::{Meters, Tally};
pub use reference::Reference;
pub use routes::routes;
pub use standing::tell;

pub(crate) use kept::{keep, latest};
pub(crate) use outcome::{Came, target};
pub(crate) use reference::{keep_reference, reference};

/// Whether a health or a severity is one that somebody has to be told of.
fn bad(word: &str) -> bool {
    matches!(word, "degraded" | "critical" | "high")
}
