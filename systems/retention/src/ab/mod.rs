//! Tests of models against each other: each person gets the model of their variant, and what happens decides.
//!
//! **Promises.** One test runs at a time. While it runs, everybody who is scored, alone or with all, is scored by the
//! model of their variant, and the prediction says which; nothing else may be made active. A variant follows from the
//! test and the person alone. A winner is named with a chance of being wrong of at most 1 less the test's level, over
//! all challengers and however often somebody looks; nobody wins with whom more people interrupt.

mod assign;
mod look;
mod routes;
mod state;
mod test;

pub use assign::{Answering, Split};
pub use look::{Kept, Look};
pub use routes::routes;
pub use state::{Test as State, TestMove};
pub use test::{Allocation, Draft, Proposed, Test, Variant};

pub(crate) use look::latest;
pub(crate) use test::{running, running_id};
