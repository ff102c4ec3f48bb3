//! Ensembles of decision trees: what XGBoost and LightGBM wrote, scored to the last bit and explained exactly.
//!
//! A [`Forest`] is what every reader gives and every writer and scorer takes. It is checked when it is made, so
//! that nothing after it can loop, go out of range or panic.
//!
//! - in: [`Forest::from_xgboost`], [`Forest::from_lightgbm`], [`Forest::lightgbm`] for trees made here;
//! - out: [`Forest::to_lightgbm`];
//! - answers: [`Scorer`] for margins, [`Forest::probability`], [`Forest::leaves`], [`Explainer`] for contributions.
//!
//! A row is a slice of f32 or f64 in the order of [`Forest::features`], NaN where nothing is known. Many rows stand
//! one after the other in one slice.

mod error;
mod explain;
mod forest;
mod json;
mod lightgbm;
mod rank;
mod score;
mod shapley;
mod walk;
mod way;
mod write;
mod xgboost;

pub use error::ModelError;
pub use explain::Explainer;
pub use forest::{Branch, Codes, Feature, Forest, Leaf, Library, Missing, Next, Test, Tree};
pub use score::Scorer;
pub use walk::Value;
