//! Ensembles: several registered models that answer as one.
//!
//! An ensemble is a row of the registry like any other model. Its bytes are its recipe: the digests of its members and
//! the rule with its weights, so its own digest changes when a weight does. Whatever asks a model asks it the same way:
//! it is activated and taken back, scores everybody, gives reasons, and is watched, without a second way through any
//! of that.
//!
//! **Promises.** All members are there and load, or the ensemble does not answer. Each member is told its own set of
//! features. A prediction keeps what each member said. Reasons add up to the ensemble's margin.

mod draft;
mod fit;
mod recipe;
mod routes;

pub use draft::{Draft, Meta, register};
pub use fit::Fit;
pub use recipe::{Ensemble, Kind, Recipe, Seat, find};
pub use routes::routes;

#[cfg(test)]
mod tests;

pub(crate) use recipe::loaded;
