//! The change log at the place of archives: any moment between the oldest backup and now.
//!
//! The store writes what every transaction changed in that very transaction
//! ([`plimsoll_store::log`]). One process ships it: what waits is written as a *segment*, sealed
//! like every archive, and then removed from the database, exactly that and nothing else. A backup
//! says in its manifest which entries it holds. So a moment is the newest backup before it and
//! what the segments say after it, up to that moment.
//!
//! **Granularity:** one commit. On SQLite one batch of commits that were flushed together.
//!
//! **Window:** from the oldest backup of the present log to the last look of the shipper. What is
//! committed after that look is lost with the database; the look repeats every few seconds.
//!
//! **Gaps are found.** Each segment names the one that came before it, in its sealed manifest. A
//! segment that is missing in the middle is an error, as is a migration in between, or a time in
//! which the log was off. A segment may repeat what another one holds, where a shipper died
//! between writing and removing; each entry counts once.

mod again;
mod segment;
mod ship;
#[cfg(test)]
mod tests;

pub use again::{Plan, Reached, check, replay};
pub use segment::{Segment, Window, forget, forget_logs, segments, window};
pub use ship::{Shipper, point};
