//! Risk by group.

use plimsoll::{
    Ctx, FromRow, Read, Result, Row, Sql, bind,
    route::{Json, Query},
};
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use super::share;
use crate::{Retention, features::GRACE, people::border, score::today};

/// Groups of one answer.
const MOST: i64 = 200;

/// By what.
#[derive(Debug, Clone, Copy, Deserialize, Serialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
enum By {
    /// Bands of age in whole years: 0-17, 18-25, 26-35, 36-50, 51+.
    Age,
    /// Sex.
    Gender,
    /// State or province.
    State,
    /// Facility.
    Facility,
    /// Level of care of the facility.
    Care,
}

/// Which groups.
#[derive(Debug, Clone, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub(super) struct Wanted {
    /// By what; age unless said.
    by: Option<By>,
    /// Code of a facility; everybody unless said.
    #[schemars(length(min = 1, max = 64))]
    facility: Option<String>,
}

/// People of a group.
#[derive(Debug, Serialize, JsonSchema)]
struct Cohort {
    /// The group; null where it is not known.
    value: Option<String>,
    /// How many people.
    people: i64,
    /// How many of them have a score.
    scored: i64,
    /// Their mean score.
    mean_score: Option<f64>,
    /// How many stand at high or critical.
    high: i64,
    /// How many of these at critical.
    critical: i64,
    /// High and critical among those with a score.
    share_high: Option<f64>,
    /// How many are more than 28 days past due.
    interrupted: i64,
}

/// All groups.
#[derive(Debug, Serialize, JsonSchema)]
pub(super) struct Cohorts {
    /// By what.
    by: By,
    /// The largest first, 200 at most.
    items: Vec<Cohort>,
}

impl FromRow for Cohort {
    fn from_row(row: &Row<'_>) -> Result<Cohort> {
        let (scored, high): (i64, i64) = (row.get(2)?, row.get(4)?);
        Ok(Cohort {
            value: row.get(0)?,
            people: row.get(1)?,
            scored,
            mean_score: row.get(3)?,
            high,
            critical: row.get(5)?,
            share_high: share(high, scored),
            interrupted: row.get(6)?,
        })
    }
}

const COUNTS: &str = ", COUNT(*), COUNT(r.score), AVG(r.score), COALESCE(SUM(CASE WHEN r.level IN ('high', 'critical') THEN 1 ELSE 0 END), 0), \
     COALESCE(SUM(CASE WHEN r.level = 'critical' THEN 1 ELSE 0 END), 0), COALESCE(SUM(CASE WHEN c.due < :lost THEN 1 ELSE 0 END), 0) \
     FROM patient p LEFT JOIN risk r ON r.tenant_id = :tenant AND r.patient_id = p.id \
     LEFT JOIN chart c ON c.tenant_id = :tenant AND c.patient_id = p.id \
     LEFT JOIN facility f ON f.tenant_id = :tenant AND f.code = p.facility AND f.deleted_at IS NULL \
     WHERE p.tenant_id = :tenant AND p.deleted_at IS NULL AND (:facility = '' OR p.facility = :facility)";

/// The first years of the bands above the lowest.
const YEARS: [i32; 4] = [18, 26, 36, 51];

pub(super) async fn cohorts(ctx: Ctx<Retention, Read>, Query(wanted): Query<Wanted>) -> Result<Json<Cohorts>> {
    let by = wanted.by.unwrap_or(By::Age);
    let day = today(ctx.now());
    let mut sql = Sql::from(match by {
        By::Age => {
            "SELECT CASE WHEN p.birthdate IS NULL THEN NULL WHEN p.birthdate > :b18 THEN '0-17' WHEN p.birthdate > :b26 THEN '18-25' \
             WHEN p.birthdate > :b36 THEN '26-35' WHEN p.birthdate > :b51 THEN '36-50' ELSE '51+' END"
        }
        By::Gender => "SELECT p.gender",
        By::State => "SELECT p.state",
        By::Facility => "SELECT p.facility",
        By::Care => "SELECT f.level",
    });
    sql.push(COUNTS);
    // Of other groups the borders bind nothing: they are said to be so.
    if !matches!(by, By::Age) {
        sql.push(" AND :b18 <> '' AND :b26 <> '' AND :b36 <> '' AND :b51 <> ''");
    }
    sql.push(" GROUP BY 1 ORDER BY 2 DESC, 1 LIMIT :most");
    let [b18, b26, b36, b51] = YEARS.map(|years| border(day, years));
    let (lost, facility) = (i64::from(day.plus(-GRACE).0), wanted.facility.unwrap_or_default());
    let bound = move |tx: &plimsoll::Tx<'_>| {
        tx.rows(sql, bind! { b18: b18, b26: b26, b36: b36, b51: b51, lost: lost, facility: facility, most: MOST })
    };
    Ok(Json(Cohorts { by, items: ctx.read(bound).await? }))
}
