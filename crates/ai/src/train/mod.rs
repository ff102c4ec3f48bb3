//! Training: boosted trees, logistic regression, calibration.
//!
//! [`boost`] makes a [`crate::tree::Forest`]. It repeats exactly: a seed is an argument, and the number of threads
//! changes nothing but the time.

mod bins;
mod boost;
mod error;
mod grow;
mod histogram;
mod rows;
mod settings;
mod split;

pub use boost::{Boosted, Round, boost};
pub use error::{Error, Result};
pub use rows::{Rows, probability};
pub use settings::Settings;
pub use split::Monotone;
