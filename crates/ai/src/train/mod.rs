//! Training: boosted trees, logistic regression, calibration.
//!
//! [`boost`] makes a [`crate::tree::Forest`]; [`Logistic`] is the plain model that a forest has to beat;
//! [`calibrate`] makes probabilities of scores. All repeat exactly: a seed is an argument, and the number of threads
//! changes nothing but the time.

mod bins;
mod boost;
pub mod calibrate;
mod error;
mod grow;
mod histogram;
mod logistic;
mod rows;
mod settings;
mod split;

pub use boost::{Boosted, Round, boost};
pub use error::{Error, Result};
pub use logistic::{Gap, Logistic, Penalty, Term};
pub use rows::{Rows, probability};
pub use settings::Settings;
pub use split::Monotone;
