//! Ensembles of decision trees: what XGBoost and LightGBM wrote, scored to the last bit and explained exactly.
//!
//! A [`Forest`] is what every reader gives and every writer and scorer takes. It is checked when it is made, so
//! that nothing after it can loop, go out of range or panic.

mod error;
mod explain;
mod forest;
mod json;
mod lightgbm;
mod rank;
mod score;
mod shapley;
mod walk;
mod write;
mod xgboost;

pub use error::ModelError;
pub use explain::Explainer;
pub use forest::{Branch, Codes, Feature, Forest, Leaf, Library, Missing, Next, Test, Tree};
pub use score::Scorer;
pub use walk::Value;
