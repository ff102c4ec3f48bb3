//! How many people stand at which level.

use plimsoll::{
    Ctx, Read, Result, Tx, bind,
    route::{Json, Query},
};
use schemars::JsonSchema;
use serde::Serialize;

use super::{Among, share};
use crate::{Retention, models::Level};

/// The levels, from the lowest.
pub(super) const LEVELS: [Level; 4] = [Level::Low, Level::Medium, Level::High, Level::Critical];

/// People of one level.
#[derive(Debug, Serialize, JsonSchema)]
#[schemars(rename = "RiskLevelShare")]
pub(super) struct Share {
    /// The level.
    level: Level,
    /// How many.
    people: i64,
    /// Of those who have a score.
    share: Option<f64>,
    /// Their mean score.
    mean_score: Option<f64>,
}

/// How risk is spread.
#[derive(Debug, Serialize, JsonSchema)]
#[schemars(rename = "RiskDistribution")]
pub(super) struct Distribution {
    /// Living patients.
    people: i64,
    /// Those with a score.
    scored: i64,
    /// Those of whom the record says too little.
    withheld: i64,
    /// Those who have not begun, have interrupted or left, or were never scored.
    not_asked: i64,
    /// The four levels, from the lowest.
    levels: Vec<Share>,
}

pub(super) fn spread(tx: &Tx<'_>, facility: &str) -> Result<Distribution> {
    let people: i64 = tx.row(
        "SELECT COUNT(*) FROM patient p WHERE p.tenant_id = :tenant AND p.deleted_at IS NULL AND (:facility = '' OR p.facility = :facility)",
        bind! { facility: facility },
    )?;
    let rows: Vec<(Option<String>, i64, Option<f64>)> = tx.rows(
        "SELECT r.level, COUNT(*), AVG(r.score) FROM risk r JOIN patient p ON p.tenant_id = :tenant AND p.id = r.patient_id \
         AND p.deleted_at IS NULL WHERE r.tenant_id = :tenant AND (:facility = '' OR p.facility = :facility) GROUP BY r.level",
        bind! { facility: facility },
    )?;
    let scored = rows.iter().filter(|(level, ..)| level.is_some()).map(|(_, people, _)| people).sum();
    let withheld = rows.iter().filter(|(level, ..)| level.is_none()).map(|(_, people, _)| people).sum();
    let of = |level: Level| {
        let found = rows.iter().find(|(name, ..)| name.as_deref() == Some(level.name()));
        let (people, mean_score) = found.map_or((0, None), |(_, people, mean)| (*people, *mean));
        Share { level, people, share: share(people, scored), mean_score }
    };
    Ok(Distribution { people, scored, withheld, not_asked: people - scored - withheld, levels: LEVELS.map(of).into() })
}

pub(super) async fn distribution(ctx: Ctx<Retention, Read>, Query(among): Query<Among>) -> Result<Json<Distribution>> {
    ctx.read(move |tx| spread(tx, among.facility.as_deref().unwrap_or_default())).await.map(Json)
}
