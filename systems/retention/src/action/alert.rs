//! Alerts: raised once for a person and a kind, moved on by people, escalated by the clock.
//!
//! **Promises.** Of one kind there is at most one open alert for a person. A move that the state
//! machine does not know is refused; of two people who take one alert on, one does. Every move
//! leaves an entry in the ledger that names who made it, and an event without the person's data.

use std::{collections::HashSet, time::Duration};

use plimsoll::{
    Access, Code, FromRow, Result, Role, Row, Time, Tx, bind,
    ledger::{Change, Note},
    work::{Order, events::Event},
};
use schemars::JsonSchema;
use serde::Serialize;
use serde_json::json;

use super::{
    deeds::{self, InterventionDraft},
    overdue::Overdue,
    rules::{self, Effect, Looked, Rule},
    state::{self, AlertMove, Machine},
    workflow::{self, Happening, Template},
};
use crate::{Config, models::Level};

/// Who may see alerts.
pub const READ: Access = Access::needs("alerts:read", Role::Viewer);
/// Who may raise them and move them on.
pub const WRITE: Access = Access::needs("alerts:write", Role::Editor);

/// What the configuration says of alerts.
#[derive(Debug, Clone, Copy)]
pub struct Terms {
    /// Scores of this level and above raise one.
    pub from: Level,
    /// So many days after a refill was due without one, an alert is raised.
    pub missed_after: i32,
    /// An alert that nobody takes on escalates after so long,
    pub after: Duration,
    /// so many times at most.
    pub most: i64,
    /// One that was settled keeps quiet others of its kind for so long.
    pub quiet: Duration,
}

impl Terms {
    /// Of a configuration.
    ///
    /// # Errors
    /// [`Code::ConfigInvalid`] for a level that is none.
    pub fn of(config: &Config) -> Result<Terms> {
        let from = Level::named(&config.alert_from)
            .ok_or_else(|| Code::ConfigInvalid.because("treatment.alert_from is one of low, medium, high, critical"))?;
        Ok(Terms {
            from,
            missed_after: i32::try_from(config.missed_after).unwrap_or(i32::MAX),
            after: config.escalate_after.duration(),
            most: i64::from(config.escalations),
            quiet: config.alert_quiet.duration(),
        })
    }
}

/// An alert, as callers see it.
#[derive(Debug, Clone, Serialize, JsonSchema)]
pub struct Alert {
    /// Its number.
    pub id: i64,
    /// The patient's number,
    pub patient_id: i64,
    /// identity at the source,
    pub patient_uuid: String,
    /// name,
    pub patient_name: String,
    /// and facility.
    pub facility: Option<String>,
    /// `risk_threshold`, `missed_visit`, `adherence_drop`, `escalation`, `follow_up_due` or `clinical_alert`.
    pub alert_type: String,
    /// How bad it is.
    pub severity: Level,
    /// In a few words.
    pub title: String,
    /// In more.
    pub message: Option<String>,
    /// `active`, `acknowledged`, `resolved` or `dismissed`.
    pub status: String,
    /// The prediction that raised it,
    pub prediction_id: Option<i64>,
    /// or the follow-up.
    pub follow_up_id: Option<i64>,
    /// The intervention that came of it.
    pub intervention_id: Option<i64>,
    /// Whose it is.
    pub assigned_to: Option<String>,
    /// How often nobody took it on in time.
    pub escalation_level: i64,
    /// When it escalates next; null where it does not.
    pub next_escalation_at: Option<Time>,
    /// Who took it on,
    pub acknowledged_by: Option<String>,
    /// and when.
    pub acknowledged_at: Option<Time>,
    /// Who resolved or dismissed it,
    pub settled_by: Option<String>,
    /// and when.
    pub settled_at: Option<Time>,
    /// Why it was dismissed.
    pub reason: Option<String>,
    /// When it was raised.
    pub created_at: Time,
}

/// `SELECT … WHERE …` of alerts of living patients; ` AND …` may follow.
pub(crate) const ALERTS: &str = "SELECT a.id, a.patient_id, p.uuid, p.given_name, p.family_name, p.facility, a.alert_type, a.severity, a.title, a.message, \
     a.status, a.prediction_id, a.follow_up_id, a.intervention_id, a.assigned_to, a.escalation_level, a.next_escalation_at, a.acknowledged_by, \
     a.acknowledged_at, a.settled_by, a.settled_at, a.reason, a.created_at FROM alert a JOIN patient p ON p.tenant_id = :tenant \
     AND p.id = a.patient_id AND p.deleted_at IS NULL WHERE a.tenant_id = :tenant";

impl FromRow for Alert {
    fn from_row(row: &Row<'_>) -> Result<Alert> {
        let names: [Option<String>; 2] = [row.get(3)?, row.get(4)?];
        let severity: String = row.get(7)?;
        Ok(Alert {
            id: row.get(0)?,
            patient_id: row.get(1)?,
            patient_uuid: row.get(2)?,
            patient_name: names.into_iter().flatten().collect::<Vec<_>>().join(" "),
            facility: row.get(5)?,
            alert_type: row.get(6)?,
            severity: Level::named(&severity).unwrap_or(Level::Medium),
            title: row.get(8)?,
            message: row.get(9)?,
            status: row.get(10)?,
            prediction_id: row.get(11)?,
            follow_up_id: row.get(12)?,
            intervention_id: row.get(13)?,
            assigned_to: row.get(14)?,
            escalation_level: row.get(15)?,
            next_escalation_at: row.get(16)?,
            acknowledged_by: row.get(17)?,
            acknowledged_at: row.get(18)?,
            settled_by: row.get(19)?,
            settled_at: row.get(20)?,
            reason: row.get(21)?,
            created_at: row.get(22)?,
        })
    }
}

/// An alert by number.
///
/// # Errors
/// [`Code::NotFound`].
pub fn find(tx: &Tx<'_>, id: i64) -> Result<Alert> {
    let mut sql = plimsoll::Sql::from(ALERTS);
    sql.push(" AND a.id = :id");
    tx.maybe(sql, bind! { id: id })?.ok_or_else(|| Code::NotFound.because(format!("there is no alert {id}")))
}

/// An alert to be raised.
#[derive(Debug, Clone)]
pub struct Draft {
    /// For whom.
    pub patient: i64,
    /// Code of the patient's facility.
    pub facility: Option<String>,
    /// Of which kind.
    pub alert_type: String,
    /// How bad it is.
    pub severity: Level,
    /// In a few words.
    pub title: String,
    /// In more.
    pub message: Option<String>,
    /// The prediction it is about.
    pub prediction: Option<i64>,
    /// The follow-up it is about.
    pub follow_up: Option<i64>,
}

/// Who has an alert already, and what is to be done with new ones: looked up once for many people.
pub struct Watch {
    pub(super) terms: Terms,
    taken: HashSet<(i64, String)>,
    rules: Vec<Rule>,
    templates: Vec<Template>,
    /// The time for which the job is in the log already: alerts of one step share it.
    woken: Option<Time>,
}

impl Watch {
    /// Over patients with numbers from `first` to `last`.
    ///
    /// # Errors
    /// What the database says.
    pub fn over(tx: &Tx<'_>, terms: Terms, now: Time, first: i64, last: i64) -> Result<Watch> {
        const TAKEN: &str = "SELECT patient_id, alert_type FROM alert WHERE tenant_id = :tenant AND patient_id BETWEEN :first AND :last \
             AND (status IN ('active', 'acknowledged') OR settled_at > :since)";
        let taken: Vec<(i64, String)> = tx.rows(TAKEN, bind! { first: first, last: last, since: now.minus(terms.quiet) })?;
        Ok(Watch { terms, taken: taken.into_iter().collect(), rules: rules::active(tx)?, templates: workflow::active(tx)?, woken: None })
    }

    /// Raises an alert, unless the person has an open one of its kind or had one just now; its number.
    ///
    /// # Errors
    /// What the database says.
    pub fn raise(&mut self, change: &mut Change<'_, '_>, draft: &Draft) -> Result<Option<i64>> {
        if !self.taken.insert((draft.patient, draft.alert_type.clone())) {
            return Ok(None);
        }
        let looked = Looked { alert_type: &draft.alert_type, severity: draft.severity, level: 0, facility: draft.facility.as_deref() };
        let (effect, by) = rules::effect(&self.rules, looked);
        let severity = effect.severity.unwrap_or(draft.severity);
        let (id, now) = (change.next("alert")?, change.now());
        let next = (self.terms.most > 0).then(|| rules::next(now, &effect, self.terms.after));
        change.write(
            "INSERT INTO alert (tenant_id, id, patient_id, alert_type, severity, title, message, status, prediction_id, follow_up_id, assigned_to, \
             escalation_level, next_escalation_at, created_at, updated_at) VALUES (:tenant, :id, :patient, :kind, :severity, :title, :message, \
             'active', :prediction, :follow_up, :assigned, 0, :next, :now, :now)",
            bind! {
                id: id, patient: draft.patient, kind: draft.alert_type, severity: severity.name(), title: draft.title, message: draft.message,
                prediction: draft.prediction, follow_up: draft.follow_up, assigned: effect.assign_to, next: next, now: now,
            },
        )?;
        rules::count(change, &by)?;
        told(change, "raise", "alert.raised", id, draft.patient, json!({ "to": "active", "rules": by }));
        if self.woken != next {
            wake(change, next)?;
            self.woken = next;
        }
        self.happened(change, "alert.raised", draft, severity)?;
        Ok(Some(id))
    }

    fn happened(&self, change: &mut Change<'_, '_>, event: &'static str, draft: &Draft, severity: Level) -> Result<()> {
        let what = Happening {
            event,
            patient: draft.patient,
            level: Some(severity),
            alert_type: Some(&draft.alert_type),
            facility: draft.facility.as_deref(),
        };
        workflow::happened(change, &self.templates, what).map(drop)
    }

    /// Something else happened to a patient than an alert.
    ///
    /// # Errors
    /// What the database says.
    pub(crate) fn workflows(&self, change: &mut Change<'_, '_>, what: Happening<'_>) -> Result<()> {
        workflow::happened(change, &self.templates, what).map(drop)
    }
}

/// Raises one alert by hand: an open one of the kind is in its way, one that was settled is not.
///
/// # Errors
/// [`Code::Conflict`] where there is an open one.
pub fn raise_one(change: &mut Change<'_, '_>, terms: Terms, draft: &Draft) -> Result<i64> {
    let now = change.now();
    let mut watch = Watch::over(change, Terms { quiet: Duration::ZERO, ..terms }, now, draft.patient, draft.patient)?;
    let raised = watch.raise(change, draft)?;
    raised.ok_or_else(|| Code::Conflict.because(format!("this patient has an open alert of the kind {} already", draft.alert_type)))
}

/// Tells of a move, in the ledger with who made it and in an event without.
fn told(change: &mut Change<'_, '_>, verb: &str, event: &'static str, id: i64, patient: i64, detail: serde_json::Value) {
    change.note(Note { action: format!("alerts.{verb}").into(), target: format!("alerts/{id}"), detail: Some(detail), ..Note::default() });
    change.emit(Event::new(event, "/v1/alerts", READ, json!({ "id": id, "patient_id": patient })).about(id.to_string()));
}

/// Has the job look again when the time has come.
fn wake(change: &mut Change<'_, '_>, at: Option<Time>) -> Result<()> {
    if let Some(at) = at {
        let once = Order { at: Some(at), unique: Some(at.micros().to_string()), ..Order::default() };
        change.enqueue_as(&Overdue::default(), &once)?;
    }
    Ok(())
}

/// Takes an alert on, resolves it, or dismisses it with a reason.
///
/// # Errors
/// [`Code::NotFound`]; [`Code::Conflict`] for a move that its state does not allow.
pub fn step(change: &mut Change<'_, '_>, terms: Terms, id: i64, made: AlertMove, reason: Option<&str>) -> Result<Alert> {
    if made == AlertMove::Escalate {
        return escalate(change, terms, id);
    }
    let alert = find(change, id)?;
    let from = state::Alert::named(&alert.status)?;
    let to = from.moved(made, "alert")?;
    let (now, who) = (change.now(), change.origin().actor.clone());
    let sql = match made {
        AlertMove::Acknowledge => {
            "UPDATE alert SET status = :to, acknowledged_by = :who, acknowledged_at = :now, assigned_to = COALESCE(assigned_to, :who), \
             reason = :reason, next_escalation_at = NULL, updated_at = :now WHERE tenant_id = :tenant AND id = :id AND status = :from"
        }
        _ => {
            "UPDATE alert SET status = :to, settled_by = :who, settled_at = :now, reason = :reason, next_escalation_at = NULL, updated_at = :now \
             WHERE tenant_id = :tenant AND id = :id AND status = :from"
        }
    };
    let moved = change.write(sql, bind! { id: id, from: from.name(), to: to.name(), who: who, now: now, reason: reason })?;
    if moved != 1 {
        return Err(Code::Conflict.because("somebody else was quicker with this alert"));
    }
    let (verb, event) = match made {
        AlertMove::Acknowledge => ("acknowledge", "alert.acknowledged"),
        AlertMove::Resolve => ("resolve", "alert.resolved"),
        AlertMove::Dismiss | AlertMove::Escalate => ("dismiss", "alert.dismissed"),
    };
    told(change, verb, event, id, alert.patient_id, json!({ "from": from.name(), "to": to.name() }));
    find(change, id)
}

/// One level up: rules look at it again, and whoever listens is told.
fn escalate(change: &mut Change<'_, '_>, terms: Terms, id: i64) -> Result<Alert> {
    let alert = find(change, id)?;
    state::Alert::named(&alert.status)?.moved(AlertMove::Escalate, "alert")?;
    let now = change.now();
    let level = alert.escalation_level + 1;
    let watch = Watch { terms, taken: HashSet::new(), rules: rules::active(change)?, templates: workflow::active(change)?, woken: None };
    let looked = Looked { alert_type: &alert.alert_type, severity: alert.severity, level, facility: alert.facility.as_deref() };
    let (effect, by): (Effect, Vec<i64>) = rules::effect(&watch.rules, looked);
    let severity = effect.severity.unwrap_or(alert.severity);
    let next = (level < terms.most).then(|| rules::next(now, &effect, terms.after));
    change.write(
        "UPDATE alert SET escalation_level = :level, severity = :severity, assigned_to = COALESCE(:assigned, assigned_to), \
         next_escalation_at = :next, updated_at = :now WHERE tenant_id = :tenant AND id = :id AND status = 'active'",
        bind! { id: id, level: level, severity: severity.name(), assigned: effect.assign_to, next: next, now: now },
    )?;
    rules::count(change, &by)?;
    told(change, "escalate", "alert.escalated", id, alert.patient_id, json!({ "level": level, "rules": by }));
    wake(change, next)?;
    let draft = Draft {
        patient: alert.patient_id,
        facility: alert.facility.clone(),
        alert_type: alert.alert_type.clone(),
        severity,
        title: String::new(),
        message: None,
        prediction: None,
        follow_up: None,
    };
    watch.happened(change, "alert.escalated", &draft, severity)?;
    find(change, id)
}

/// Escalates active alerts whose time has come, at most so many; how many did.
///
/// # Errors
/// What the database says.
pub fn escalate_due(change: &mut Change<'_, '_>, terms: Terms, most: i64) -> Result<usize> {
    // Only of living patients: an alert of a deleted one would be due for ever and keep others from their turn.
    const DUE: &str = "SELECT a.id FROM alert a JOIN patient p ON p.tenant_id = :tenant AND p.id = a.patient_id AND p.deleted_at IS NULL \
         WHERE a.tenant_id = :tenant AND a.status = 'active' AND a.next_escalation_at <= :now ORDER BY a.next_escalation_at, a.id LIMIT :most";
    let now = change.now();
    let due: Vec<i64> = change.rows(DUE, bind! { now: now, most: most })?;
    for id in &due {
        escalate(change, terms, *id)?;
    }
    Ok(due.len())
}

/// Makes the intervention that an open alert asks for; its number.
///
/// # Errors
/// [`Code::Conflict`] for an alert that is settled or has one already.
pub fn intervene(change: &mut Change<'_, '_>, id: i64, draft: &InterventionDraft) -> Result<i64> {
    let alert = find(change, id)?;
    if let Some(made) = alert.intervention_id {
        return Err(Code::Conflict.because(format!("intervention {made} came of this alert already")));
    }
    if alert.settled_at.is_some() {
        return Err(Code::Conflict.because(format!("this alert is {} already; nothing was changed", alert.status)));
    }
    let made = deeds::intervene(change, alert.patient_id, draft, None)?;
    let now = change.now();
    change.write(
        "UPDATE alert SET intervention_id = :made, updated_at = :now WHERE tenant_id = :tenant AND id = :id",
        bind! { id: id, made: made, now: now },
    )?;
    change.note(Note {
        action: "alerts.intervene".into(),
        target: format!("alerts/{id}"),
        detail: Some(json!({ "intervention": made })),
        ..Note::default()
    });
    Ok(made)
}
