//! What is said of a model: where its levels begin, where it comes from, how good it is.

use plimsoll::{FromRow, Result, Row, Time};
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};
use serde_json::Value;

/// Where the levels begin, as probabilities.
#[derive(Debug, Clone, Copy, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct Thresholds {
    /// From here on `medium`,
    #[schemars(range(min = 0.0, max = 1.0))]
    pub medium: f64,
    /// from here on `high`,
    #[schemars(range(min = 0.0, max = 1.0))]
    pub high: f64,
    /// from here on `critical`.
    #[schemars(range(min = 0.0, max = 1.0))]
    pub critical: f64,
}

impl Default for Thresholds {
    fn default() -> Thresholds {
        Thresholds { medium: 0.3, high: 0.5, critical: 0.75 }
    }
}

impl Thresholds {
    /// Whether they rise.
    pub fn rise(&self) -> bool {
        0.0 < self.medium && self.medium < self.high && self.high < self.critical && self.critical < 1.0
    }
}

/// How good a model was on cases it had not seen.
#[derive(Debug, Clone, Default, Serialize, Deserialize, JsonSchema)]
#[serde(default, deny_unknown_fields)]
pub struct Figures {
    /// Cases.
    pub cases: Option<u64>,
    /// Share of them that interrupted.
    pub positives: Option<f64>,
    /// Area under the ROC curve.
    pub auc: Option<f64>,
    /// Its 95 % interval (DeLong).
    pub auc_interval: Option<[f64; 2]>,
    /// Area under the ROC curve among those whose interruption can fall into the window.
    pub auc_at_risk: Option<f64>,
    /// Average precision.
    pub average_precision: Option<f64>,
    /// Mean squared error of the probabilities.
    pub brier: Option<f64>,
    /// Expected calibration error over ten bands.
    pub calibration_error: Option<f64>,
    /// Share of those who interrupted among the highest fifth.
    pub recall_at_fifth: Option<f64>,
}

/// What has become of a model.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, JsonSchema)]
#[serde(rename_all = "lowercase")]
pub enum Stage {
    /// Registered; it has answered before, or waits for its activation.
    Candidate,
    /// It answers.
    Active,
    /// Set aside: it cannot be activated.
    Retired,
}

/// A model without its bytes.
#[derive(Debug, Clone, Serialize, JsonSchema)]
pub struct Card {
    /// Its number.
    pub id: i64,
    /// Its name.
    pub name: String,
    /// `xgboost`, `lightgbm`, `ensemble`: what its bytes are.
    pub algorithm: String,
    /// `iit-v1` or `iit-v2`.
    pub feature_set: String,
    /// SHA-256 of its bytes.
    pub sha256: String,
    /// The mark of whoever released it, over digest, kind, features, thresholds and calibration: made with a key
    /// that comes from the master key, looked at whenever the model is asked. Null: it is not asked before it is registered again.
    pub signature: Option<String>,
    /// Where its levels begin.
    pub thresholds: Thresholds,
    /// How its scores become probabilities; null: as they are.
    pub calibration: Option<Value>,
    /// Where it comes from: imported, or trained on which cases with which settings.
    pub origin: Value,
    /// How good it was.
    pub figures: Figures,
    /// What its user should know.
    pub note: Option<String>,
    /// Whether it answers now.
    pub active: bool,
    /// The same with what else may have become of it.
    pub stage: Stage,
    /// When it was set aside.
    pub retired_at: Option<Time>,
    /// Who registered it,
    pub created_by: String,
    /// and when.
    pub created_at: Time,
}

/// The columns of a [`Card`], with the newest activation beside it.
pub(super) const CARDS: &str = "SELECT m.id, m.name, m.algorithm, m.feature_set, m.sha256, m.thresholds, m.calibration, m.origin, m.figures, \
     m.note, m.retired_at, m.created_by, m.created_at, CASE WHEN m.id = a.model_id THEN 1 ELSE 0 END, m.signature FROM model m \
     LEFT JOIN activation a ON a.tenant_id = :tenant AND a.id = (SELECT MAX(id) FROM activation WHERE tenant_id = :tenant) \
     WHERE m.tenant_id = :tenant";

impl FromRow for Card {
    fn from_row(row: &Row<'_>) -> Result<Card> {
        let json = |column: usize| row.get::<String>(column);
        let calibration: Option<String> = row.get(6)?;
        let (retired_at, active): (Option<Time>, bool) = (row.get(10)?, row.get::<i64>(13)? != 0);
        let stage = match (active, retired_at) {
            (true, _) => Stage::Active,
            (false, Some(_)) => Stage::Retired,
            (false, None) => Stage::Candidate,
        };
        Ok(Card {
            id: row.get(0)?,
            name: row.get(1)?,
            algorithm: row.get(2)?,
            feature_set: row.get(3)?,
            sha256: row.get(4)?,
            thresholds: serde_json::from_str(&json(5)?)?,
            calibration: calibration.as_deref().map(serde_json::from_str).transpose()?,
            origin: serde_json::from_str(&json(7)?)?,
            figures: serde_json::from_str(&json(8)?)?,
            note: row.get(9)?,
            retired_at,
            created_by: row.get(11)?,
            created_at: row.get(12)?,
            active,
            stage,
            signature: row.get(14)?,
        })
    }
}
