//! Workflow templates: what is made when something happens, in the commit in which it happens.

use plimsoll::{
    Code, Ctx, FromRow, Read, Result, Row, Tx, bind,
    ledger::{Change, Note},
    route::{Json, Path},
};
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};
use serde_json::json;

use super::deeds::{self, FollowUpDraft, InterventionDraft};
use crate::{Retention, models::Level, record::Day, records::known, score::today};

/// A template with its steps in order.
#[derive(Debug, Clone)]
pub(super) struct Template {
    pub id: i64,
    pub event: String,
    pub min_level: Option<Level>,
    pub alert_type: Option<String>,
    pub facility: Option<String>,
    pub steps: Vec<Step>,
}

/// Something a template makes.
#[derive(Debug, Clone)]
pub(super) struct Step {
    intervention_type: Option<String>,
    follow_up_type: Option<String>,
    title: String,
    priority: Option<String>,
    after_days: f64,
}

/// Something that happened to a patient.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Happening<'a> {
    pub event: &'static str,
    pub patient: i64,
    pub level: Option<Level>,
    pub alert_type: Option<&'a str>,
    pub facility: Option<&'a str>,
}

const TEMPLATES: &str =
    "SELECT id, event, min_level, alert_type, facility FROM workflow_template WHERE tenant_id = :tenant AND deleted_at IS NULL";

impl FromRow for Template {
    fn from_row(row: &Row<'_>) -> Result<Template> {
        Ok(Template {
            id: row.get(0)?,
            event: row.get(1)?,
            min_level: row.get::<Option<String>>(2)?.as_deref().and_then(Level::named),
            alert_type: row.get(3)?,
            facility: row.get(4)?,
            steps: Vec::new(),
        })
    }
}

impl FromRow for Step {
    fn from_row(row: &Row<'_>) -> Result<Step> {
        Ok(Step {
            intervention_type: row.get(0)?,
            follow_up_type: row.get(1)?,
            title: row.get(2)?,
            priority: row.get(3)?,
            after_days: row.get(4)?,
        })
    }
}

impl Template {
    /// What keeps it from running; nothing if it runs.
    fn refuses(&self, event: &str, level: Option<Level>, alert_type: Option<&str>, facility: Option<&str>) -> Option<&'static str> {
        if self.event != event {
            Some("it begins with another event")
        } else if self.min_level.is_some_and(|least| level.is_none_or(|level| level < least)) {
            Some("the level is below the one it asks for")
        } else if self.alert_type.as_deref().is_some_and(|wanted| alert_type != Some(wanted)) {
            Some("it is for another kind of alert")
        } else if self.facility.as_deref().is_some_and(|wanted| facility != Some(wanted)) {
            Some("it is for another facility")
        } else if self.steps.is_empty() {
            Some("it has no steps")
        } else {
            None
        }
    }

    fn with_steps(mut self, tx: &Tx<'_>) -> Result<Template> {
        self.steps = tx.rows(
            "SELECT intervention_type, follow_up_type, title, priority, after_days FROM workflow_step \
             WHERE tenant_id = :tenant AND template_id = :id AND deleted_at IS NULL ORDER BY position, id",
            bind! { id: self.id },
        )?;
        Ok(self)
    }
}

impl Step {
    fn due(&self, from: Day) -> Day {
        from.plus(self.after_days.clamp(0.0, 365.0) as i32)
    }
}

/// The active templates.
pub(super) fn active(tx: &Tx<'_>) -> Result<Vec<Template>> {
    let mut sql = plimsoll::Sql::from(TEMPLATES);
    sql.push(" AND active = 'yes' ORDER BY id");
    let found: Vec<Template> = tx.rows(sql, bind! {})?;
    found.into_iter().map(|template| template.with_steps(tx)).collect()
}

/// Whether what a template made for a patient is still to be done: then it makes nothing again.
fn still_open(tx: &Tx<'_>, template: i64, patient: i64) -> Result<bool> {
    const OPEN: &str = "SELECT 1 FROM intervention WHERE tenant_id = :tenant AND patient_id = :patient AND template_id = :template \
         AND status IN ('pending', 'in_progress') AND deleted_at IS NULL \
         UNION ALL SELECT 1 FROM follow_up WHERE tenant_id = :tenant AND patient_id = :patient AND template_id = :template \
         AND status = 'scheduled' AND deleted_at IS NULL LIMIT 1";
    Ok(tx.maybe::<i64>(OPEN, bind! { patient: patient, template: template })?.is_some())
}

/// Runs what begins with this; how many things were made.
pub(super) fn happened(change: &mut Change<'_, '_>, templates: &[Template], what: Happening<'_>) -> Result<usize> {
    let mut made = 0;
    for template in templates.iter().filter(|one| one.refuses(what.event, what.level, what.alert_type, what.facility).is_none()) {
        if still_open(change, template.id, what.patient)? {
            continue;
        }
        let from = today(change.now());
        let mut within = None;
        for step in &template.steps {
            let due = step.due(from).to_string();
            if let Some(kind) = &step.intervention_type {
                let draft = InterventionDraft {
                    intervention_type: kind.clone(),
                    priority: step.priority.clone().unwrap_or_else(|| "medium".into()),
                    title: step.title.clone(),
                    description: None,
                    assigned_to: None,
                    due_date: Some(due),
                    notes: None,
                };
                within = Some(deeds::intervene(change, what.patient, &draft, Some(template.id))?);
            } else if let Some(kind) = &step.follow_up_type {
                let draft = FollowUpDraft {
                    intervention_id: within,
                    follow_up_type: kind.clone(),
                    title: step.title.clone(),
                    description: None,
                    scheduled_date: due,
                    notes: None,
                };
                deeds::follow(change, what.patient, &draft, Some(template.id), None)?;
            }
            made += 1;
        }
        change.note(Note {
            action: "workflows.run".into(),
            target: format!("workflow-templates/{}", template.id),
            detail: Some(json!({ "patient": what.patient, "event": what.event, "made": template.steps.len() })),
            ..Note::default()
        });
    }
    Ok(made)
}

/// The same for a single happening outside of a run over many.
pub(super) fn happened_once(change: &mut Change<'_, '_>, what: Happening<'_>) -> Result<usize> {
    let templates = active(change)?;
    happened(change, &templates, what)
}

/// On whom a template is tried.
#[derive(Debug, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub(super) struct Trial {
    /// The patient.
    #[schemars(range(min = 1))]
    patient_id: i64,
    /// The level of risk, or the severity of the alert; the patient's level now unless said.
    #[serde(default)]
    level: Option<Level>,
    /// The kind of the alert.
    #[serde(default)]
    #[schemars(length(max = 40))]
    alert_type: Option<String>,
}

/// Something that would be made.
#[derive(Debug, Serialize, JsonSchema)]
struct Would {
    /// `intervention` or `follow_up`.
    makes: &'static str,
    /// Its kind.
    kind: String,
    /// Its title.
    title: String,
    /// When it would be due.
    due: String,
}

/// What a template would do; nothing was done.
#[derive(Debug, Serialize, JsonSchema)]
pub(super) struct Tried {
    /// Whether it would run.
    runs: bool,
    /// Why not.
    because: Option<&'static str>,
    /// What it would make.
    steps: Vec<Would>,
}

pub(super) async fn dry_run(ctx: Ctx<Retention, Read>, (Path(id), Json(trial)): (Path<i64>, Json<Trial>)) -> Result<Json<Tried>> {
    let patient = trial.patient_id;
    let from = today(ctx.now());
    let tried = ctx
        .read(move |tx| {
            let mut sql = plimsoll::Sql::from(TEMPLATES);
            sql.push(" AND id = :id");
            let template: Option<Template> = tx.maybe(sql, bind! { id: id })?;
            let template = template.ok_or_else(|| Code::NotFound.because(format!("there is no workflow template {id}")))?.with_steps(tx)?;
            let facility = known(tx, patient)?.person.facility;
            let now: Option<(Option<String>,)> =
                tx.maybe("SELECT level FROM risk WHERE tenant_id = :tenant AND patient_id = :id", bind! { id: patient })?;
            let level = trial.level.or_else(|| now.and_then(|(level,)| level).as_deref().and_then(Level::named));
            let mut because = template.refuses(&template.event, level, trial.alert_type.as_deref(), facility.as_deref());
            if because.is_none() && still_open(tx, id, patient)? {
                because = Some("what it made before is still to be done");
            }
            let would = |step: &Step| Would {
                makes: if step.intervention_type.is_some() { "intervention" } else { "follow_up" },
                kind: step.intervention_type.clone().or_else(|| step.follow_up_type.clone()).unwrap_or_default(),
                title: step.title.clone(),
                due: step.due(from).to_string(),
            };
            Ok(Tried {
                runs: because.is_none(),
                steps: if because.is_none() { template.steps.iter().map(would).collect() } else { Vec::new() },
                because,
            })
        })
        .await?;
    ctx.seen(&format!("patients/{patient}"), json!({ "dry_run": id })).await?;
    Ok(Json(tried))
}
