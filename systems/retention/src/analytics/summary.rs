//! The programme today.

use plimsoll::{
    Ctx, Read, Result, Tx, bind,
    route::{Json, Query},
};
use schemars::JsonSchema;
use serde::Serialize;

use super::{
    Among,
    distribution::{Distribution, spread},
};
use crate::{Retention, features::GRACE, record::Day, score::today};

/// Numbers of today.
#[derive(Debug, Serialize, JsonSchema)]
#[schemars(rename = "ProgrammeSummary")]
pub(super) struct Summary {
    /// Today (UTC).
    day: String,
    /// How risk is spread.
    risk: Distribution,
    /// Whose medicine lasts, or ran out 28 days ago at most.
    on_treatment: i64,
    /// Whose ran out, 28 days ago at most.
    late: i64,
    /// Whose ran out longer ago.
    interrupted: i64,
    /// Open alerts,
    open_alerts: i64,
    /// and those that nobody has taken on.
    unacknowledged_alerts: i64,
    /// Interventions that are not done,
    open_interventions: i64,
    /// and those whose day has passed.
    overdue_interventions: i64,
    /// Follow-ups that are to come,
    open_follow_ups: i64,
    /// and those whose day has passed.
    overdue_follow_ups: i64,
}

const CHARTS: &str = "SELECT COALESCE(SUM(CASE WHEN c.due >= :lost THEN 1 ELSE 0 END), 0), \
     COALESCE(SUM(CASE WHEN c.due >= :lost AND c.due < :today THEN 1 ELSE 0 END), 0), COALESCE(SUM(CASE WHEN c.due < :lost THEN 1 ELSE 0 END), 0) \
     FROM chart c JOIN patient p ON p.tenant_id = :tenant AND p.id = c.patient_id AND p.deleted_at IS NULL \
     WHERE c.tenant_id = :tenant AND (:facility = '' OR p.facility = :facility)";
const ALERTS: &str = "SELECT COUNT(*), COALESCE(SUM(CASE WHEN a.status = 'active' THEN 1 ELSE 0 END), 0) FROM alert a \
     JOIN patient p ON p.tenant_id = :tenant AND p.id = a.patient_id AND p.deleted_at IS NULL \
     WHERE a.tenant_id = :tenant AND a.status IN ('active', 'acknowledged') AND (:facility = '' OR p.facility = :facility)";
const INTERVENTIONS: &str = "SELECT COUNT(*), COALESCE(SUM(CASE WHEN i.due_date < :today THEN 1 ELSE 0 END), 0) FROM intervention i \
     JOIN patient p ON p.tenant_id = :tenant AND p.id = i.patient_id AND p.deleted_at IS NULL \
     WHERE i.tenant_id = :tenant AND i.deleted_at IS NULL AND i.status IN ('pending', 'in_progress') \
     AND (:facility = '' OR p.facility = :facility)";
const FOLLOW_UPS: &str = "SELECT COUNT(*), COALESCE(SUM(CASE WHEN f.scheduled_date < :today THEN 1 ELSE 0 END), 0) FROM follow_up f \
     JOIN patient p ON p.tenant_id = :tenant AND p.id = f.patient_id AND p.deleted_at IS NULL \
     WHERE f.tenant_id = :tenant AND f.deleted_at IS NULL AND f.status = 'scheduled' AND (:facility = '' OR p.facility = :facility)";

fn of(tx: &Tx<'_>, day: Day, facility: &str) -> Result<Summary> {
    let (lost, today) = (i64::from(day.plus(-GRACE).0), i64::from(day.0));
    let (on_treatment, late, interrupted) = tx.row(CHARTS, bind! { lost: lost, today: today, facility: facility })?;
    let (open_alerts, unacknowledged_alerts) = tx.row(ALERTS, bind! { facility: facility })?;
    let date = day.to_string();
    let (open_interventions, overdue_interventions) = tx.row(INTERVENTIONS, bind! { today: date, facility: facility })?;
    let (open_follow_ups, overdue_follow_ups) = tx.row(FOLLOW_UPS, bind! { today: date, facility: facility })?;
    Ok(Summary {
        day: date,
        risk: spread(tx, facility)?,
        on_treatment,
        late,
        interrupted,
        open_alerts,
        unacknowledged_alerts,
        open_interventions,
        overdue_interventions,
        open_follow_ups,
        overdue_follow_ups,
    })
}

pub(super) async fn summary(ctx: Ctx<Retention, Read>, Query(among): Query<Among>) -> Result<Json<Summary>> {
    let day = today(ctx.now());
    ctx.read(move |tx| of(tx, day, among.facility.as_deref().unwrap_or_default())).await.map(Json)
}
