//! What a model is told of a person: one definition for training and for serving.
//!
//! [`History`] is a person's record brought into the order of time, with everything that was taken
//! back left out. [`values`] computes a set of features of it as of a day, and [`label`] what
//! happened in the 90 days after. Neither looks at anything that was not known on that day; a missing
//! value is NaN and never a number that somebody made up.

mod compute;
mod history;
mod label;
mod names;
mod pack;

pub use compute::{fill, values};
pub use history::{Facility, History};
pub use label::{GRACE, Label, VERSION, WINDOW, label};
pub use names::{NAMES, Set};
pub use pack::Unreadable;
