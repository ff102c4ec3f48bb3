//! Scores: one person at once, everybody by a job, and the list that comes of it.
//!
//! **Promises.** A prediction names the model and holds the values that made it, so it can be made
//! again and explained at any time. Where a record is too thin, or the question has no meaning for
//! the person, there is no score and the reason is said.

mod all;
mod features;
mod judge;
mod list;
mod make;
mod reasons;
mod routes;

pub use all::{ScoreAll, all_later};
pub use judge::{Judged, Took, Withheld, judge};
pub use list::{Entry, Wanted, risk_list};
pub use reasons::{Explanation, Part, Reason, explain};
pub use routes::routes;

pub(crate) use all::{PAGE, today};
pub(crate) use judge::{Charted, values_in};
pub(crate) use list::{people, scored};
pub(crate) use make::{Asked, Counted, count, make};
pub(crate) use routes::{PATIENT, PREDICTION, Prediction, READ, WRITE};
