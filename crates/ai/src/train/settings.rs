//! What the trainer of trees may be told.

use serde::{Deserialize, Serialize};

use super::{Error, Monotone, Result, Rows};
use crate::tree::Forest;

/// How to boost. The names and defaults are those of LightGBM where there is one, less what only large data need.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct Settings {
    /// The most trees.
    pub rounds: usize,
    /// How much of each tree's answer counts, above 0 and at most 1.
    pub learning_rate: f64,
    /// The most leaves of a tree.
    pub leaves: usize,
    /// The most questions from root to leaf.
    pub depth: usize,
    /// The fewest rows in a leaf.
    pub min_rows: u64,
    /// The least sum of hessians in a leaf.
    pub min_hessian: f64,
    /// The least gain of a split.
    pub min_gain: f64,
    /// Penalty on the absolute value of a leaf.
    pub l1: f64,
    /// Penalty on the square of a leaf.
    pub l2: f64,
    /// Share of the rows each tree sees, above 0 and at most 1.
    pub row_share: f64,
    /// Share of the columns each tree sees, above 0 and at most 1; at least one column.
    pub column_share: f64,
    /// The most bins of a column, 2 to 255, not counting that of missing values.
    pub bins: usize,
    /// Which way each column may lead; columns beyond the end are free.
    pub monotone: Vec<Monotone>,
    /// Rounds without a better validation loss after which training stops; unused without validation rows.
    pub patience: usize,
    /// Decides which rows and columns each tree sees.
    pub seed: u64,
    /// Threads to use; the model is the same for any number.
    pub threads: usize,
}

impl Default for Settings {
    fn default() -> Settings {
        Settings {
            rounds: 200,
            learning_rate: 0.05,
            leaves: 12,
            depth: 32,
            min_rows: 50,
            min_hessian: 1e-3,
            min_gain: 0.0,
            l1: 0.0,
            l2: 1.0,
            row_share: 0.8,
            column_share: 0.8,
            bins: 255,
            monotone: Vec::new(),
            patience: 50,
            seed: 42,
            threads: 1,
        }
    }
}

impl Settings {
    /// Refuses what has no meaning or would not end.
    ///
    /// # Errors
    /// Names the setting.
    pub fn check(&self) -> Result<()> {
        let within = |name: &str, value: f64, least: f64, most: f64| {
            let fits = value >= least && value <= most;
            if fits { Ok(()) } else { Err(Error::new(name, format!("{value} is not between {least} and {most}"))) }
        };
        within("rounds", self.rounds as f64, 1.0, Forest::TREES as f64)?;
        within("learning_rate", self.learning_rate, 1e-6, 1.0)?;
        within("leaves", self.leaves as f64, 1.0, 4096.0)?;
        within("depth", self.depth as f64, 1.0, 64.0)?;
        within("min_rows", self.min_rows as f64, 1.0, Rows::GREATEST as f64)?;
        within("min_hessian", self.min_hessian, 0.0, 1e9)?;
        within("min_gain", self.min_gain, 0.0, 1e9)?;
        within("l1", self.l1, 0.0, 1e9)?;
        within("l2", self.l2, 0.0, 1e9)?;
        within("row_share", self.row_share, 1e-6, 1.0)?;
        within("column_share", self.column_share, 1e-6, 1.0)?;
        within("bins", self.bins as f64, 2.0, 255.0)?;
        within("patience", self.patience as f64, 1.0, 1e9)?;
        within("threads", self.threads as f64, 1.0, 1024.0)?;
        within("rounds times leaves", (self.rounds * self.leaves) as f64, 1.0, Forest::BRANCHES as f64)
    }
}
