//! Models: kept by content, activated in one step, taken back in one step.
//!
//! **Promises.** A model is its bytes: what was registered never changes, and a prediction names the
//! model that made it. The active model is the newest row of `activation`, read in the same snapshot
//! as the record that is scored, so a change of models loses no prediction and mixes none. A model
//! whose features are not the set it claims, or whose bytes are not those that were registered, is
//! refused; nothing answers in its place. What a model answers is signed when it is registered
//! (`release`), and looked at before it answers: who can write to the database alone cannot change it.

mod card;
mod loaded;
mod register;
mod release;
mod routes;

pub use card::{Card, Figures, Stage, Thresholds};
pub use loaded::{Answer, Level, Loaded, Shelf, version};
pub use register::{Draft, ENSEMBLE, activate, active, register};
pub use routes::routes;

pub(crate) use loaded::{Stored, confidence};
pub(crate) use register::{active_id, keep, load, usable};
pub(crate) use release::Release;
pub(crate) use routes::{READ, WRITE, card, cards};
