//! What was seen, kept.

use plimsoll::{FromRow, Result, Row, Time, Tx, bind, ledger::Change};
use schemars::JsonSchema;
use serde::Serialize;
use serde_json::Value;

use crate::record::Day;

/// What a look was about.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Kind {
    /// What comes in, beside what it learnt from.
    Drift,
    /// How right it was, of predictions whose window is over.
    Performance,
    /// The same by sex, age and state.
    Bias,
    /// How good the records are.
    Quality,
    /// A challenger beside the champion.
    Challenge,
}

impl Kind {
    /// As it is written.
    pub const fn name(self) -> &'static str {
        match self {
            Kind::Drift => "drift",
            Kind::Performance => "performance",
            Kind::Bias => "bias",
            Kind::Quality => "quality",
            Kind::Challenge => "challenge",
        }
    }
}

/// A look that was taken.
#[derive(Debug, Clone, Serialize, JsonSchema)]
pub struct Kept {
    /// The model; null where it is about the records alone.
    pub model_id: Option<i64>,
    /// As of which day.
    pub as_of: String,
    /// When.
    pub at: Time,
    /// What was seen.
    pub report: Value,
}

impl FromRow for Kept {
    fn from_row(row: &Row<'_>) -> Result<Kept> {
        let (model, as_of, report): (i64, i64, String) = (row.get(0)?, row.get(1)?, row.get(3)?);
        Ok(Kept {
            model_id: (model > 0).then_some(model),
            as_of: Day(i32::try_from(as_of).unwrap_or(0)).to_string(),
            at: row.get(2)?,
            report: serde_json::from_str(&report)?,
        })
    }
}

/// Keeps a look; one of the same model, kind and day before it gives way. `model` 0 is no model.
pub(crate) fn keep(change: &mut Change<'_, '_>, kind: Kind, model: i64, as_of: Day, report: &Value) -> Result<()> {
    let now = change.now();
    change.write(
        "INSERT INTO watch (tenant_id, kind, model_id, as_of, at, report) VALUES (:tenant, :kind, :model, :as_of, :now, :report) \
         ON CONFLICT (tenant_id, kind, model_id, as_of) DO UPDATE SET at = excluded.at, report = excluded.report",
        bind! { kind: kind.name(), model: model, as_of: i64::from(as_of.0), now: now, report: report.to_string() },
    )?;
    Ok(())
}

/// The newest looks of a kind at a model, the newest first.
pub(crate) fn latest(tx: &Tx<'_>, kind: Kind, model: i64, count: i64) -> Result<Vec<Kept>> {
    tx.rows(
        "SELECT model_id, as_of, at, report FROM watch WHERE tenant_id = :tenant AND kind = :kind AND model_id = :model \
         ORDER BY as_of DESC LIMIT :count",
        bind! { kind: kind.name(), model: model, count: count },
    )
}
