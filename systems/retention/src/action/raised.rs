//! What scoring everybody raises: an alert above the threshold, one for a refill that is overdue.

use plimsoll::{Result, ledger::Change};

use super::{
    alert::{Draft, Watch},
    workflow::Happening,
};
use crate::{
    models::Level,
    record::Day,
    score::{Charted, Judged, Withheld},
};

/// Days past due from which a missed refill is severe: half of the time in which it can be made good.
const SEVERE: i32 = 14;

/// Somebody who was just scored.
pub(crate) struct Scored<'a> {
    pub patient: i64,
    pub facility: Option<&'a str>,
    pub due: Option<Day>,
    pub said: &'a Judged,
    pub prediction: i64,
    pub as_of: Day,
}

impl<'a> Scored<'a> {
    /// Of a person, what was said of them, and the prediction that says it.
    pub fn of(one: &'a Charted, said: &'a Judged, prediction: i64, as_of: Day) -> Scored<'a> {
        Scored { patient: one.patient.id, facility: one.patient.person.facility.as_deref(), due: one.due, said, prediction, as_of }
    }
}

/// Raises what there is to raise of one person, in the step that scored them.
pub(crate) fn scored(change: &mut Change<'_, '_>, watch: &mut Watch, one: &Scored<'_>) -> Result<()> {
    let level = one.said.outcome.ok().map(|(.., level)| level);
    let draft = |alert_type: &str, severity: Level, title: String| Draft {
        patient: one.patient,
        facility: one.facility.map(str::to_owned),
        alert_type: alert_type.to_owned(),
        severity,
        title,
        message: None,
        prediction: Some(one.prediction),
        follow_up: None,
    };
    if let Some(level) = level {
        watch.workflows(
            change,
            Happening { event: "prediction.created", patient: one.patient, level: Some(level), alert_type: None, facility: one.facility },
        )?;
        if level >= watch.terms.from {
            watch.raise(change, &draft("risk_threshold", level, format!("The risk of an interruption is {}", level.name())))?;
        }
    }
    // Who has interrupted already, or left, is not late: those are other questions.
    if matches!(one.said.outcome, Err(Withheld::NotBegun | Withheld::NotActive)) {
        return Ok(());
    }
    let late = one.due.map_or(0, |due| one.as_of.since(due));
    if late >= watch.terms.missed_after.max(1) {
        let severity = if late >= SEVERE { Level::High } else { Level::Medium };
        let raised = watch.raise(change, &draft("missed_visit", severity, format!("The refill was due on {}", one.as_of.plus(-late))))?;
        if raised.is_some() {
            watch.workflows(
                change,
                Happening { event: "refill.overdue", patient: one.patient, level, alert_type: None, facility: one.facility },
            )?;
        }
    }
    Ok(())
}
