//! The job of the clock: alerts that nobody took on escalate, and follow-ups that were not done
//! raise one.

use plimsoll::{
    Committed, Ctx, Result, Write, bind,
    ledger::Change,
    work::{Finished, Job},
};
use serde::{Deserialize, Serialize};
use serde_json::json;

use super::alert::{Draft, Terms, Watch, escalate_due};
use crate::{Retention, models::Level, score::today};

/// Alerts, or follow-ups, of one step.
const STEP: i64 = 200;

/// Looks for what is overdue. Each alert puts one into the log for the time at which it would escalate,
/// and one comes every night.
#[derive(Debug, Clone, Default, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Overdue {}

impl Job for Overdue {
    type System = Retention;
    const KIND: &'static str = "retention.overdue";
    const SCHEDULED_BY_TENANTS: bool = true;
    // Every alert that is raised sets the clock for itself.
    const BOUND_TOO: bool = true;

    async fn run(self, ctx: Ctx<Retention, Write>) -> Result<Committed<Finished>> {
        let terms = Terms::of(&ctx.system.config)?;
        let mut escalated = 0;
        // Full steps while there are any; what is left goes with the end of the job.
        loop {
            let now = ctx.now();
            let due: i64 = ctx
                .read(move |tx| {
                    tx.row(
                        "SELECT COUNT(*) FROM alert a JOIN patient p ON p.tenant_id = :tenant AND p.id = a.patient_id AND p.deleted_at IS NULL \
                         WHERE a.tenant_id = :tenant AND a.status = 'active' AND a.next_escalation_at <= :now",
                        bind! { now: now },
                    )
                })
                .await?;
            if due <= STEP {
                break;
            }
            let done = ctx.step(move |change| escalate_due(change, terms, STEP)).await?;
            escalated += done;
            if done == 0 {
                break;
            }
        }
        ctx.commit(move |change| {
            let escalated = escalated + escalate_due(change, terms, STEP)?;
            let reminded = remind(change, terms)?;
            Ok(Finished(Some(json!({ "escalated": escalated, "follow_ups": reminded }))))
        })
        .await
    }
}

/// Raises an alert for follow-ups whose day has passed; for how many.
fn remind(change: &mut Change<'_, '_>, terms: Terms) -> Result<usize> {
    type Line = (i64, i64, Option<String>, String);
    const LATE: &str = "SELECT f.id, f.patient_id, p.facility, f.scheduled_date FROM follow_up f \
         JOIN patient p ON p.tenant_id = :tenant AND p.id = f.patient_id AND p.deleted_at IS NULL \
         WHERE f.tenant_id = :tenant AND f.status = 'scheduled' AND f.scheduled_date < :today AND f.deleted_at IS NULL \
         AND NOT EXISTS (SELECT 1 FROM alert a WHERE a.tenant_id = :tenant AND a.patient_id = f.patient_id AND a.alert_type = 'follow_up_due' \
         AND (a.follow_up_id = f.id OR a.status IN ('active', 'acknowledged'))) ORDER BY f.id LIMIT :most";
    let now = change.now();
    let late: Vec<Line> = change.rows(LATE, bind! { today: today(now).to_string(), most: 5 * STEP })?;
    let mut raised = 0;
    for (follow_up, patient, facility, day) in late {
        let mut watch = Watch::over(change, Terms { quiet: std::time::Duration::ZERO, ..terms }, now, patient, patient)?;
        let draft = Draft {
            patient,
            facility,
            alert_type: "follow_up_due".into(),
            severity: Level::Medium,
            title: "A follow-up was not done".into(),
            message: Some(format!("It was to be done on {day}.")),
            prediction: None,
            follow_up: Some(follow_up),
        };
        raised += usize::from(watch.raise(change, &draft)?.is_some());
    }
    Ok(raised)
}
