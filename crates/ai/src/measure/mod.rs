//! How good a model is, and whether the world has moved: figures over scores and outcomes.
//!
//! [`Scored`] pairs scores with outcomes and answers how well the one tells the other; [`compare`] asks whether a
//! second model is better by more than chance, [`trial`] the same of models that different people got, however often it
//! is looked at ([`always`]); [`group`] asks the same figures of parts of the population. [`sample`]
//! and [`count`] test whether two samples come from one distribution, [`drift`] reads those tests as a severity, and
//! [`false_discovery`] corrects for having asked many times.

pub mod always;
pub mod compare;
pub mod count;
pub mod drift;
mod error;
mod false_discovery;
pub mod group;
mod reliability;
pub mod sample;
mod scored;
mod special;
pub mod trial;

pub use error::{Error, Result};
pub use false_discovery::false_discovery;
pub use reliability::{Band, Reliability};
pub use scored::{Confusion, Interval, Scored, Selection};
