//! Training: from the stored histories to a model that waits for its activation.
//!
//! **Promises.** Labels are outcomes that were observed, never earlier scores. Nobody stands on two
//! sides: people, not rows, are divided, always in the same way, so a model and its challenger are
//! measured on people whom neither has seen. The same records and the same plan give the same model
//! to the last byte. A model that was trained answers nothing before it is activated; where it is to be
//! activated by itself, it first has to stand beside the one that answers.

mod cases;
mod fit;
mod gate;
mod job;
mod routes;
mod said;

pub use cases::{Case, Cases, Part, days, terms};
pub use fit::{Fitted, Plan, figures, fit};
pub use gate::{Challenge, LEAST_DIFFERENCE, challenge};
pub use job::{Activate, Train};
pub use routes::routes;

pub(crate) use job::{gather, reach};
