//! What is done for a patient: interventions and follow-ups are made, moved on and ended.

use plimsoll::{
    Code, Error, Fault, Result, Tx, bind,
    ledger::{Change, Note},
    work::events::Event,
};
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};
use serde_json::json;

use super::{
    nouns::{
        CHANNELS, COMMUNICATION_TYPES, COMMUNICATIONS, FOLLOW_UP_TYPES, FOLLOW_UPS, INTERVENTION_TYPES, INTERVENTIONS, OUTCOMES, PRIORITIES,
    },
    state::{Delivery, FollowUp, FollowUpMove, Intervention, InterventionMove, Machine, Receipt},
    workflow::{Happening, happened_once},
};
use crate::{chart, records::known, score::today};

/// An intervention to be made.
#[derive(Debug, Clone, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct InterventionDraft {
    /// What is to be done.
    #[schemars(regex(pattern = "^(follow_up|counseling|referral|adherence_support|clinical_review|pharmacy_support)$"))]
    pub intervention_type: String,
    /// How pressing it is.
    #[serde(default = "medium")]
    #[schemars(regex(pattern = "^(low|medium|high|urgent)$"))]
    pub priority: String,
    /// In a few words.
    #[schemars(length(min = 1, max = 200))]
    pub title: String,
    /// In more.
    #[serde(default)]
    #[schemars(length(min = 1, max = 4000))]
    pub description: Option<String>,
    /// Who is to do it, by id.
    #[serde(default)]
    #[schemars(length(min = 1, max = 100))]
    pub assigned_to: Option<String>,
    /// By when.
    #[serde(default)]
    #[schemars(regex(pattern = r"^\d{4}-\d{2}-\d{2}$"))]
    pub due_date: Option<String>,
    /// What was noted.
    #[serde(default)]
    #[schemars(length(min = 1, max = 4000))]
    pub notes: Option<String>,
}

fn medium() -> String {
    "medium".into()
}

/// A follow-up to be made.
#[derive(Debug, Clone)]
pub struct FollowUpDraft {
    /// Within which intervention.
    pub intervention_id: Option<i64>,
    /// How.
    pub follow_up_type: String,
    /// In a few words.
    pub title: String,
    /// In more.
    pub description: Option<String>,
    /// On which day.
    pub scheduled_date: String,
    /// What was noted.
    pub notes: Option<String>,
}

/// The faults of values that a form sent: the schema of a typed route has seen to them before.
fn word(faults: &mut Vec<Fault>, place: &str, value: &str, words: &[&str]) {
    if !words.contains(&value) {
        faults.push(Fault::at(place, format!("must be one of {}", words.join(", "))));
    }
}

fn date(faults: &mut Vec<Fault>, place: &str, value: &str) {
    if chart::day(value).is_none() {
        faults.push(Fault::at(place, "must be a calendar date such as 2026-11-21"));
    }
}

fn title(faults: &mut Vec<Fault>, value: &str) {
    if value.is_empty() || value.chars().count() > 200 {
        faults.push(Fault::at("/title", "must have 1 to 200 characters"));
    }
}

fn checked(faults: Vec<Fault>) -> Result<()> {
    if faults.is_empty() { Ok(()) } else { Err(Error::invalid(faults)) }
}

/// Makes an intervention; its number.
///
/// # Errors
/// [`Code::NotFound`] where there is no such patient; [`Code::Invalid`] for what cannot be.
pub fn intervene(change: &mut Change<'_, '_>, patient: i64, draft: &InterventionDraft, template: Option<i64>) -> Result<i64> {
    let mut faults = Vec::new();
    word(&mut faults, "/intervention_type", &draft.intervention_type, INTERVENTION_TYPES);
    word(&mut faults, "/priority", &draft.priority, PRIORITIES);
    title(&mut faults, &draft.title);
    draft.due_date.iter().for_each(|day| date(&mut faults, "/due_date", day));
    checked(faults)?;
    known(change, patient)?;
    let (id, now) = (change.born(INTERVENTIONS.noun)?, change.now());
    change.write(
        "INSERT INTO intervention (tenant_id, id, patient_id, intervention_type, priority, title, description, assigned_to, due_date, notes, \
         status, template_id, version, created_at, updated_at) VALUES (:tenant, :id, :patient, :kind, :priority, :title, :description, \
         :assigned, :due, :notes, 'pending', :template, 1, :now, :now)",
        bind! {
            id: id, patient: patient, kind: draft.intervention_type, priority: draft.priority, title: draft.title, description: draft.description,
            assigned: draft.assigned_to, due: draft.due_date, notes: draft.notes, template: template, now: now,
        },
    )?;
    told(change, "intervention.created", "interventions", id, 1);
    change.note(Note { action: "interventions.create".into(), target: format!("interventions/{id}"), ..Note::default() });
    Ok(id)
}

/// Makes a follow-up; its number.
///
/// # Errors
/// As [`intervene`].
pub fn follow(
    change: &mut Change<'_, '_>,
    patient: i64,
    draft: &FollowUpDraft,
    template: Option<i64>,
    instead_of: Option<i64>,
) -> Result<i64> {
    let mut faults = Vec::new();
    word(&mut faults, "/follow_up_type", &draft.follow_up_type, FOLLOW_UP_TYPES);
    title(&mut faults, &draft.title);
    date(&mut faults, "/scheduled_date", &draft.scheduled_date);
    checked(faults)?;
    known(change, patient)?;
    let (id, now) = (change.born(FOLLOW_UPS.noun)?, change.now());
    change.write(
        "INSERT INTO follow_up (tenant_id, id, patient_id, intervention_id, follow_up_type, title, description, scheduled_date, notes, status, \
         instead_of, template_id, version, created_at, updated_at) VALUES (:tenant, :id, :patient, :intervention, :kind, :title, :description, \
         :day, :notes, 'scheduled', :instead, :template, 1, :now, :now)",
        bind! {
            id: id, patient: patient, intervention: draft.intervention_id, kind: draft.follow_up_type, title: draft.title,
            description: draft.description, day: draft.scheduled_date, notes: draft.notes, instead: instead_of, template: template, now: now,
        },
    )?;
    told(change, "follow_up.created", "follow-ups", id, 1);
    change.note(Note { action: "follow-ups.create".into(), target: format!("follow-ups/{id}"), ..Note::default() });
    Ok(id)
}

/// Events of resources carry id and version, and so do these.
fn told(change: &mut Change<'_, '_>, event: &'static str, plural: &'static str, id: i64, version: i64) {
    let read = match plural {
        "interventions" => INTERVENTIONS.read,
        "follow-ups" => FOLLOW_UPS.read,
        _ => COMMUNICATIONS.read,
    };
    change.emit(Event::new(event, format!("/v1/{plural}"), read, json!({ "id": id, "version": version })).about(id.to_string()));
}

/// How something ended.
#[derive(Debug, Clone, Default, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct Ending {
    /// What came of it.
    #[schemars(regex(pattern = "^(returned|promised|not_found|moved|transferred|refused|died|other)$"))]
    pub outcome: String,
    /// What else is to be known; stands in place of the notes so far.
    #[serde(default)]
    #[schemars(length(min = 1, max = 4000))]
    pub notes: Option<String>,
}

impl Ending {
    fn check(&self) -> Result<()> {
        let mut faults = Vec::new();
        word(&mut faults, "/outcome", &self.outcome, OUTCOMES);
        if self.notes.as_ref().is_some_and(|notes| notes.chars().count() > 4000) {
            faults.push(Fault::at("/notes", "must have at most 4000 characters"));
        }
        checked(faults)
    }
}

fn stands<M: Machine>(tx: &Tx<'_>, sql: &'static str, id: i64, what: &str) -> Result<(M, i64, i64)> {
    let found: Option<(String, i64, i64)> = tx.maybe(sql, bind! { id: id })?;
    let (status, patient, version) = found.ok_or_else(|| Code::NotFound.because(format!("there is no {what} {id}")))?;
    Ok((M::named(&status)?, patient, version))
}

/// A move that its state machine allows.
struct Moved {
    plural: &'static str,
    event: &'static str,
    action: &'static str,
    from: &'static str,
    to: &'static str,
    /// Whether it is done now, today.
    done: bool,
}

impl Moved {
    /// Writes it by `sql`, tells of it and puts it on record.
    fn write(&self, change: &mut Change<'_, '_>, sql: &'static str, (id, version): (i64, i64), ending: Option<&Ending>) -> Result<()> {
        let now = change.now();
        change.write(
            sql,
            bind! {
                id: id, to: self.to, outcome: ending.map(|one| one.outcome.as_str()), notes: ending.and_then(|one| one.notes.as_deref()),
                done: self.done.then(|| today(now).to_string()), now: now,
            },
        )?;
        told(change, self.event, self.plural, id, version + 1);
        change.note(Note {
            action: self.action.into(),
            target: format!("{}/{id}", self.plural),
            detail: Some(json!({ "from": self.from, "to": self.to })),
            ..Note::default()
        });
        Ok(())
    }
}

/// Moves an intervention on.
///
/// # Errors
/// [`Code::NotFound`]; [`Code::Conflict`] for a move that its state does not allow; [`Code::Invalid`] for an ending without an outcome.
pub fn move_intervention(change: &mut Change<'_, '_>, id: i64, made: InterventionMove, ending: Option<&Ending>) -> Result<()> {
    const STANDS: &str = "SELECT i.status, i.patient_id, i.version FROM intervention i JOIN patient p ON p.tenant_id = :tenant AND p.id = i.patient_id \
         AND p.deleted_at IS NULL WHERE i.tenant_id = :tenant AND i.id = :id AND i.deleted_at IS NULL";
    const MOVE: &str = "UPDATE intervention SET status = :to, outcome = :outcome, notes = COALESCE(:notes, notes), completed_on = :done, \
         version = version + 1, updated_at = :now WHERE tenant_id = :tenant AND id = :id";
    ending.map_or(Ok(()), Ending::check)?;
    let (from, _, version) = stands::<Intervention>(change, STANDS, id, "intervention")?;
    let to = from.moved(made, "intervention")?;
    let (event, action) = match made {
        InterventionMove::Start => ("intervention.started", "interventions.start"),
        InterventionMove::Complete => ("intervention.completed", "interventions.complete"),
        InterventionMove::Cancel => ("intervention.cancelled", "interventions.cancel"),
    };
    let moved = Moved { plural: "interventions", event, action, from: from.name(), to: to.name(), done: to == Intervention::Completed };
    moved.write(change, MOVE, (id, version), ending)?;
    Ok(())
}

/// Moves a follow-up on. One that is put off ends, and the number of the one in its place comes back.
///
/// # Errors
/// As [`move_intervention`].
pub fn move_follow_up(
    change: &mut Change<'_, '_>,
    id: i64,
    made: FollowUpMove,
    ending: Option<&Ending>,
    to_day: Option<&str>,
) -> Result<Option<i64>> {
    const STANDS: &str = "SELECT f.status, f.patient_id, f.version FROM follow_up f JOIN patient p ON p.tenant_id = :tenant AND p.id = f.patient_id \
         AND p.deleted_at IS NULL WHERE f.tenant_id = :tenant AND f.id = :id AND f.deleted_at IS NULL";
    const MOVE: &str = "UPDATE follow_up SET status = :to, outcome = :outcome, notes = COALESCE(:notes, notes), completed_on = :done, \
         version = version + 1, updated_at = :now WHERE tenant_id = :tenant AND id = :id";
    ending.map_or(Ok(()), Ending::check)?;
    let (from, patient, version) = stands::<FollowUp>(change, STANDS, id, "follow-up")?;
    let to = from.moved(made, "follow-up")?;
    let (event, action) = match made {
        FollowUpMove::Complete => ("follow_up.completed", "follow-ups.complete"),
        FollowUpMove::Miss => ("follow_up.missed", "follow-ups.miss"),
        FollowUpMove::Reschedule => ("follow_up.rescheduled", "follow-ups.reschedule"),
        FollowUpMove::Cancel => ("follow_up.cancelled", "follow-ups.cancel"),
    };
    let moved = Moved { plural: "follow-ups", event, action, from: from.name(), to: to.name(), done: to == FollowUp::Completed };
    moved.write(change, MOVE, (id, version), ending)?;
    if made == FollowUpMove::Miss {
        let facility = known(change, patient)?.person.facility;
        let level: Option<(Option<String>,)> =
            change.maybe("SELECT level FROM risk WHERE tenant_id = :tenant AND patient_id = :id", bind! { id: patient })?;
        let level = level.and_then(|(level,)| level).as_deref().and_then(crate::models::Level::named);
        happened_once(change, Happening { event: "follow_up.missed", patient, level, alert_type: None, facility: facility.as_deref() })?;
    }
    let Some(day) = to_day.filter(|_| made == FollowUpMove::Reschedule) else { return Ok(None) };
    type Columns = (Option<i64>, String, String, Option<String>, Option<i64>);
    let (intervention_id, follow_up_type, title, description, template): Columns = change.row(
        "SELECT intervention_id, follow_up_type, title, description, template_id FROM follow_up WHERE tenant_id = :tenant AND id = :id",
        bind! { id: id },
    )?;
    let draft = FollowUpDraft { intervention_id, follow_up_type, title, description, scheduled_date: day.to_owned(), notes: None };
    follow(change, patient, &draft, template, Some(id)).map(Some)
}

/// Writes down what was said to whom; its number.
///
/// # Errors
/// As [`intervene`].
pub fn communicate(change: &mut Change<'_, '_>, patient: i64, kind: &str, channel: &str, message: &str) -> Result<i64> {
    let mut faults = Vec::new();
    word(&mut faults, "/communication_type", kind, COMMUNICATION_TYPES);
    word(&mut faults, "/channel", channel, CHANNELS);
    checked(faults)?;
    known(change, patient)?;
    let (id, now) = (change.born(COMMUNICATIONS.noun)?, change.now());
    change.write(
        "INSERT INTO communication (tenant_id, id, patient_id, communication_type, channel, message, status, version, created_at, updated_at) \
         VALUES (:tenant, :id, :patient, :kind, :channel, :message, 'sent', 1, :now, :now)",
        bind! { id: id, patient: patient, kind: kind, channel: channel, message: message, now: now },
    )?;
    told(change, "communication.created", "communications", id, 1);
    change.note(Note { action: "communications.create".into(), target: format!("communications/{id}"), ..Note::default() });
    Ok(id)
}

/// Takes a carrier's report about a message.
///
/// # Errors
/// [`Code::NotFound`]; [`Code::Conflict`] for a report that cannot be true any more.
pub fn receipt(change: &mut Change<'_, '_>, id: i64, made: Receipt, why: Option<&str>) -> Result<()> {
    const STANDS: &str = "SELECT c.status, c.patient_id, c.version FROM communication c JOIN patient p ON p.tenant_id = :tenant \
         AND p.id = c.patient_id AND p.deleted_at IS NULL WHERE c.tenant_id = :tenant AND c.id = :id AND c.deleted_at IS NULL";
    let (from, _, version) = stands::<Delivery>(change, STANDS, id, "communication")?;
    let to = from.moved(made, "message")?;
    if from == to {
        return Ok(());
    }
    let (now, day) = (change.now(), today(change.now()).to_string());
    change.write(
        "UPDATE communication SET status = :to, failed_reason = :why, \
         delivered_on = CASE WHEN :to IN ('delivered', 'read') THEN COALESCE(delivered_on, :day) ELSE delivered_on END, \
         read_on = CASE WHEN :to = 'read' THEN COALESCE(read_on, :day) ELSE read_on END, version = version + 1, updated_at = :now \
         WHERE tenant_id = :tenant AND id = :id",
        bind! { id: id, to: to.name(), why: why, day: day, now: now },
    )?;
    told(change, "communication.reported", "communications", id, version + 1);
    change.note(Note {
        action: "communications.report".into(),
        target: format!("communications/{id}"),
        detail: Some(json!({ "from": from.name(), "to": to.name() })),
        ..Note::default()
    });
    Ok(())
}
