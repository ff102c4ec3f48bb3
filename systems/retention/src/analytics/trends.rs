//! Day by day.

use std::collections::HashMap;

use plimsoll::{
    Ctx, Read, Result, bind,
    route::{Json, Query},
};
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use crate::{Retention, record::Day, score::today};

/// What is followed.
#[derive(Debug, Clone, Copy, Deserialize, Serialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
enum Metric {
    /// The mean score of the predictions of each day.
    IitRisk,
    /// How many predictions were made.
    PredictionCount,
    /// How many patients there are at the end of the day.
    PatientCount,
    /// How many alerts were raised.
    AlertCount,
}

/// How far back.
#[derive(Debug, Clone, Copy, Deserialize, Serialize, JsonSchema)]
enum Period {
    /// Today.
    #[serde(rename = "1d")]
    Day,
    /// A week.
    #[serde(rename = "7d")]
    Week,
    /// Thirty days.
    #[serde(rename = "30d")]
    Month,
    /// Ninety days.
    #[serde(rename = "90d")]
    Quarter,
}

/// Which trend.
#[derive(Debug, Clone, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub(super) struct Wanted {
    /// What is followed; the mean score unless said.
    metric: Option<Metric>,
    /// How far back; thirty days unless said.
    period: Option<Period>,
    /// Code of a facility; everybody unless said.
    #[schemars(length(min = 1, max = 64))]
    facility: Option<String>,
}

/// A day.
#[derive(Debug, Serialize, JsonSchema)]
struct Point {
    /// Which (UTC).
    day: String,
    /// The mean, or the number; null where there is no mean.
    value: Option<f64>,
    /// Of how many it is made.
    count: i64,
}

/// A trend.
#[derive(Debug, Serialize, JsonSchema)]
pub(super) struct Trend {
    /// What is followed,
    metric: Metric,
    /// and how far back.
    period: Period,
    /// Every day, the oldest first.
    points: Vec<Point>,
}

const PREDICTIONS: &str = "SELECT d.created_at / 86400000000, COUNT(*), AVG(d.score) FROM prediction d \
     JOIN patient p ON p.tenant_id = :tenant AND p.id = d.patient_id AND p.deleted_at IS NULL \
     WHERE d.tenant_id = :tenant AND d.deleted_at IS NULL AND d.overrides IS NULL AND d.created_at >= :from \
     AND (:facility = '' OR p.facility = :facility) GROUP BY 1";
const ALERTS: &str = "SELECT a.created_at / 86400000000, COUNT(*) FROM alert a \
     JOIN patient p ON p.tenant_id = :tenant AND p.id = a.patient_id AND p.deleted_at IS NULL \
     WHERE a.tenant_id = :tenant AND a.created_at >= :from AND (:facility = '' OR p.facility = :facility) GROUP BY 1";
/// Whoever came before counts for the first day.
const PATIENTS: &str = "SELECT CASE WHEN p.created_at < :from THEN :from / 86400000000 ELSE p.created_at / 86400000000 END, COUNT(*) FROM patient p \
     WHERE p.tenant_id = :tenant AND p.deleted_at IS NULL AND (:facility = '' OR p.facility = :facility) GROUP BY 1";

pub(super) async fn trends(ctx: Ctx<Retention, Read>, Query(wanted): Query<Wanted>) -> Result<Json<Trend>> {
    let (metric, period) = (wanted.metric.unwrap_or(Metric::IitRisk), wanted.period.unwrap_or(Period::Month));
    let days = match period {
        Period::Day => 1,
        Period::Week => 7,
        Period::Month => 30,
        Period::Quarter => 90,
    };
    let last = today(ctx.now());
    let first = last.plus(1 - days);
    let sql = match metric {
        Metric::IitRisk | Metric::PredictionCount => PREDICTIONS,
        Metric::AlertCount => ALERTS,
        Metric::PatientCount => PATIENTS,
    };
    let (from, facility) = (i64::from(first.0) * 86_400_000_000, wanted.facility.unwrap_or_default());
    type Line = (i64, i64, Option<f64>);
    let means = matches!(metric, Metric::IitRisk | Metric::PredictionCount);
    let rows: Vec<Line> = ctx
        .read(move |tx| {
            let bound = bind! { from: from, facility: facility };
            if means {
                return tx.rows(sql, bound);
            }
            let counts: Vec<(i64, i64)> = tx.rows(sql, bound)?;
            Ok(counts.into_iter().map(|(day, count)| (day, count, None)).collect())
        })
        .await?;
    let of: HashMap<i64, (i64, Option<f64>)> = rows.into_iter().map(|(day, count, mean)| (day, (count, mean))).collect();
    let mut people = 0;
    let points = (first.0..=last.0).map(|day| {
        let (count, mean) = of.get(&i64::from(day)).copied().unwrap_or((0, None));
        people += count;
        let (count, value) = match metric {
            Metric::IitRisk => (count, mean),
            Metric::PatientCount => (people, Some(people as f64)),
            Metric::PredictionCount | Metric::AlertCount => (count, Some(count as f64)),
        };
        Point { day: Day(day).to_string(), value, count }
    });
    Ok(Json(Trend { metric, period, points: points.collect() }))
}
