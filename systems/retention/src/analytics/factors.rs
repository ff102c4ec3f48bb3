//! What goes along with a high score.

use plimsoll::{
    Ctx, Read, Result, Tx, bind,
    route::{Json, Query},
};
use schemars::JsonSchema;
use serde::Serialize;

use super::{Among, share};
use crate::{Retention, features::GRACE, people::border, score::today};

/// People with something, beside those without.
#[derive(Debug, Serialize, JsonSchema)]
#[schemars(rename = "RiskFactor")]
struct Factor {
    /// What it is.
    factor: &'static str,
    /// How many people with a score have it.
    people: i64,
    /// Their mean score,
    mean_score: Option<f64>,
    /// and that of the others.
    mean_of_others: Option<f64>,
    /// The share of high and critical among them,
    share_high: Option<f64>,
    /// and among the others.
    share_high_of_others: Option<f64>,
    /// The one share divided by the other: how many times as often they stand high.
    ratio: Option<f64>,
}

/// All of them.
#[derive(Debug, Serialize, JsonSchema)]
#[schemars(rename = "RiskFactors")]
pub(super) struct Factors {
    /// People with a score.
    scored: i64,
    /// What goes along most strongly first.
    factors: Vec<Factor>,
}

/// A condition on patient `p`, chart `c` and facility `f`; one that is not known does not hold.
macro_rules! among {
    ($condition:literal) => {
        concat!(
            "SELECT CASE WHEN ",
            $condition,
            " THEN 1 ELSE 0 END, COUNT(*), AVG(r.score), COALESCE(SUM(CASE WHEN r.level IN ('high', 'critical') THEN 1 ELSE 0 END), 0) FROM risk r \
             JOIN patient p ON p.tenant_id = :tenant AND p.id = r.patient_id AND p.deleted_at IS NULL \
             LEFT JOIN chart c ON c.tenant_id = :tenant AND c.patient_id = p.id \
             LEFT JOIN facility f ON f.tenant_id = :tenant AND f.code = p.facility AND f.deleted_at IS NULL \
             WHERE r.tenant_id = :tenant AND r.score IS NOT NULL AND (:facility = '' OR p.facility = :facility) \
             AND :today > 0 AND :week > 0 AND :lost > 0 AND :young <> '' AND :child <> '' GROUP BY 1"
        )
    };
}

const FACTORS: [(&str, &str); 8] = [
    ("a refill is due within a week", among!("c.due >= :today AND c.due < :week")),
    ("a refill is late by up to 28 days", among!("c.due < :today AND c.due >= :lost")),
    ("no number to call", among!("p.phone IS NULL")),
    ("younger than 25", among!("p.birthdate > :young")),
    ("younger than 15", among!("p.birthdate > :child")),
    ("male", among!("p.gender = 'M'")),
    ("treated at a rural facility", among!("f.place = 'rural'")),
    ("treated at a primary facility", among!("f.level = 'primary'")),
];

fn all(tx: &Tx<'_>, today: crate::record::Day, facility: &str) -> Result<Factors> {
    let (now, week, lost) = (i64::from(today.0), i64::from(today.plus(7).0), i64::from(today.plus(-GRACE).0));
    let (young, child) = (border(today, 25), border(today, 15));
    let (mut factors, mut scored) = (Vec::with_capacity(FACTORS.len()), 0);
    for (factor, sql) in FACTORS {
        type Line = (i64, i64, Option<f64>, i64);
        let rows: Vec<Line> = tx.rows(sql, bind! { facility: facility, today: now, week: week, lost: lost, young: young, child: child })?;
        let of =
            |held: i64| rows.iter().find(|(at, ..)| *at == held).map_or((0, None, 0), |(_, people, mean, high)| (*people, *mean, *high));
        let ((people, mean_score, high), (others, mean_of_others, high_of_others)) = (of(1), of(0));
        scored = people + others;
        let (share_high, share_high_of_others) = (share(high, people), share(high_of_others, others));
        let ratio = share_high.zip(share_high_of_others.filter(|share| *share > 0.0)).map(|(one, other)| one / other);
        factors.push(Factor { factor, people, mean_score, mean_of_others, share_high, share_high_of_others, ratio });
    }
    factors.sort_by(|one, other| other.ratio.unwrap_or(0.0).total_cmp(&one.ratio.unwrap_or(0.0)));
    Ok(Factors { scored, factors })
}

pub(super) async fn factors(ctx: Ctx<Retention, Read>, Query(among): Query<Among>) -> Result<Json<Factors>> {
    let day = today(ctx.now());
    ctx.read(move |tx| all(tx, day, among.facility.as_deref().unwrap_or_default())).await.map(Json)
}
