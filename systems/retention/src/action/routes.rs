//! `/v1/alerts`, and the moves of interventions, follow-ups and messages.

use plimsoll::{
    Code, Committed, Ctx, Error, Fault, Read, Result, Write, bind,
    route::{Created, Json, Path, Query, Routes},
};
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};
use serde_json::json;

use super::{
    alert::{self, ALERTS, Alert, Draft, READ, Terms, WRITE, find},
    deeds::{self, Ending, InterventionDraft},
    nouns::{self, DO_COMMUNICATIONS, DO_FOLLOW_UPS, DO_INTERVENTIONS, DO_WORKFLOWS},
    rules,
    state::{AlertMove, FollowUpMove, InterventionMove, Receipt},
    workflow,
};
use crate::{Retention, chart, models::Level, records::known};

/// Declares the routes.
pub fn routes(r: &mut Routes<'_, Retention>) {
    for resource in [&nouns::INTERVENTIONS, &nouns::FOLLOW_UPS, &nouns::COMMUNICATIONS, &nouns::TEMPLATES, &nouns::STEPS, &nouns::RULES] {
        r.resource(resource);
    }
    r.get("/alerts", READ, list).named("alerts.list").summary("Alerts, the newest first");
    r.post("/alerts", WRITE, raise).named("alerts.raise").summary("Raise an alert by hand").problem(Code::Conflict).example(
        json!({ "patient_id": 1, "alert_type": "clinical_alert", "severity": "high", "title": "Viral load is high", "message": null }),
    );
    r.get("/alerts/{id}", READ, read).named("alerts.read").summary("Read an alert");
    r.post("/alerts/{id}/acknowledge", WRITE, acknowledge)
        .named("alerts.acknowledge")
        .summary("Take an alert on: of two who try, one does")
        .problem(Code::Conflict);
    r.post("/alerts/{id}/resolve", WRITE, resolve)
        .named("alerts.resolve")
        .summary("Say that what an acknowledged alert told of is settled")
        .problem(Code::Conflict);
    r.post("/alerts/{id}/dismiss", WRITE, dismiss)
        .named("alerts.dismiss")
        .summary("Say why an alert needs nothing done")
        .problem(Code::Conflict)
        .example(json!({ "reason": "She was here this morning" }));
    r.post("/alerts/{id}/escalate", WRITE, escalate)
        .named("alerts.escalate")
        .summary("Call for help before the clock does")
        .problem(Code::Conflict);
    r.post("/alerts/{id}/interventions", DO_INTERVENTIONS, intervene)
        .named("alerts.intervene")
        .summary("Make the intervention that an alert asks for")
        .problem(Code::Conflict)
        .example(json!({ "intervention_type": "follow_up", "priority": "high", "title": "Call and ask", "due_date": "2026-12-01" }));

    r.post("/interventions/{id}/start", DO_INTERVENTIONS, start)
        .named("interventions.start")
        .summary("Begin an intervention")
        .problem(Code::Conflict);
    r.post("/interventions/{id}/complete", DO_INTERVENTIONS, complete)
        .named("interventions.complete")
        .summary("Record what came of it")
        .problem(Code::Conflict)
        .example(json!({ "outcome": "returned", "notes": null }));
    r.post("/interventions/{id}/cancel", DO_INTERVENTIONS, cancel)
        .named("interventions.cancel")
        .summary("Give up what is not to be done any more")
        .problem(Code::Conflict);
    r.post("/follow-ups/{id}/complete", DO_FOLLOW_UPS, followed)
        .named("follow-ups.complete")
        .summary("Record what came of it")
        .problem(Code::Conflict)
        .example(json!({ "outcome": "promised", "notes": null }));
    r.post("/follow-ups/{id}/miss", DO_FOLLOW_UPS, missed)
        .named("follow-ups.miss")
        .summary("Say that it was not done on its day")
        .problem(Code::Conflict);
    r.post("/follow-ups/{id}/cancel", DO_FOLLOW_UPS, dropped)
        .named("follow-ups.cancel")
        .summary("Give up what is not to be done any more")
        .problem(Code::Conflict);
    r.post("/follow-ups/{id}/reschedule", DO_FOLLOW_UPS, reschedule)
        .named("follow-ups.reschedule")
        .summary("Put it off: it ends, and another one stands in its place")
        .problem(Code::Conflict)
        .example(json!({ "scheduled_date": "2026-12-15" }));
    r.post("/communications/{id}/receipt", DO_COMMUNICATIONS, receipt)
        .named("communications.receipt")
        .summary("A carrier's report on a message; reports may repeat and overtake each other")
        .problem(Code::Conflict)
        .example(json!({ "status": "delivered", "reason": null }));

    r.ask("/workflow-templates/{id}/dry-run", DO_WORKFLOWS, workflow::dry_run)
        .named("workflow-templates.dry_run")
        .summary("What a template would do for a patient; nothing is done")
        .example(json!({ "patient_id": 1, "level": "high", "alert_type": "missed_visit" }));
    r.ask("/escalation-rules/{id}/dry-run", DO_WORKFLOWS, rules::dry_run)
        .named("escalation-rules.dry_run")
        .summary("On which open alerts a rule would act; nothing is done")
        .example(json!({ "alert_id": null }));
}

/// Which alerts.
#[derive(Debug, Clone, Default, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct Filter {
    /// `open` is active or acknowledged.
    #[schemars(regex(pattern = "^(open|active|acknowledged|resolved|dismissed)$"))]
    pub status: Option<String>,
    /// Of this severity.
    #[schemars(regex(pattern = "^(low|medium|high|critical)$"))]
    pub severity: Option<String>,
    /// Of this kind.
    #[schemars(regex(pattern = "^(risk_threshold|missed_visit|adherence_drop|escalation|follow_up_due|clinical_alert)$"))]
    pub alert_type: Option<String>,
    /// Of patients of this facility.
    #[schemars(length(min = 1, max = 64))]
    pub facility: Option<String>,
    /// Given to this person.
    #[schemars(length(min = 1, max = 100))]
    pub assignee: Option<String>,
    /// Of this patient.
    #[schemars(range(min = 1))]
    pub patient_id: Option<i64>,
    /// Those before this one.
    #[schemars(range(min = 1))]
    pub before: Option<i64>,
    /// At most so many.
    #[schemars(range(min = 1, max = 1000))]
    pub limit: Option<i64>,
}

/// Some alerts.
#[derive(Debug, Serialize, JsonSchema)]
pub struct Alerts {
    /// The newest first.
    pub items: Vec<Alert>,
    /// What to send as `before` for the next ones; null at the end.
    pub next: Option<i64>,
}

/// Which alerts come first.
#[derive(Debug, Clone, Copy)]
pub(crate) enum Order {
    /// Those that were raised last.
    Newest,
    /// Those that are gravest, and of these those that wait longest.
    Gravest,
}

/// The alerts that a filter lets through.
pub(crate) fn alerts(tx: &plimsoll::Tx<'_>, filter: &Filter, order: Order) -> Result<Alerts> {
    let limit = filter.limit.unwrap_or(50);
    let mut sql = plimsoll::Sql::from(ALERTS);
    sql.push(match filter.status.as_deref() {
        Some("open") => " AND a.status IN ('active', 'acknowledged') AND :status = 'open'",
        Some(_) => " AND a.status = :status",
        None => " AND :status = ''",
    });
    sql.push(
        " AND (:severity = '' OR a.severity = :severity) AND (:kind = '' OR a.alert_type = :kind) AND (:facility = '' OR p.facility = :facility) \
         AND (:assignee = '' OR a.assigned_to = :assignee) AND (:patient = 0 OR a.patient_id = :patient) AND a.id < :before",
    );
    sql.push(match order {
        Order::Newest => " ORDER BY a.id DESC LIMIT :limit",
        Order::Gravest => {
            " ORDER BY CASE a.severity WHEN 'critical' THEN 0 WHEN 'high' THEN 1 WHEN 'medium' THEN 2 ELSE 3 END, a.escalation_level DESC, a.id LIMIT :limit"
        }
    });
    let text = |value: &Option<String>| value.clone().unwrap_or_default();
    let mut items: Vec<Alert> = tx.rows(
        sql,
        bind! {
            status: text(&filter.status), severity: text(&filter.severity), kind: text(&filter.alert_type), facility: text(&filter.facility),
            assignee: text(&filter.assignee), patient: filter.patient_id.unwrap_or(0), before: filter.before.unwrap_or(i64::MAX), limit: limit + 1,
        },
    )?;
    let more = items.len() as i64 > limit;
    items.truncate(usize::try_from(limit).unwrap_or(0));
    let next = more.then(|| items.last().map(|one| one.id)).flatten();
    Ok(Alerts { items, next })
}

async fn list(ctx: Ctx<Retention, Read>, Query(filter): Query<Filter>) -> Result<Json<Alerts>> {
    let found = ctx.read(move |tx| alerts(tx, &filter, Order::Newest)).await?;
    let seen: Vec<i64> = found.items.iter().map(|one| one.patient_id).collect();
    ctx.seen("alerts", json!({ "patients": seen })).await?;
    Ok(Json(found))
}

async fn read(ctx: Ctx<Retention, Read>, Path(id): Path<i64>) -> Result<Json<Alert>> {
    let found = ctx.read(move |tx| find(tx, id)).await?;
    ctx.seen(&format!("patients/{}", found.patient_id), json!({ "alert": id })).await?;
    Ok(Json(found))
}

/// An alert to be raised by hand.
#[derive(Debug, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
struct NewAlert {
    /// For whom.
    #[schemars(range(min = 1))]
    patient_id: i64,
    /// Of which kind.
    #[schemars(regex(pattern = "^(risk_threshold|missed_visit|adherence_drop|escalation|follow_up_due|clinical_alert)$"))]
    alert_type: String,
    /// How bad it is.
    severity: Level,
    /// In a few words.
    #[schemars(length(min = 1, max = 200))]
    title: String,
    /// In more.
    #[serde(default)]
    #[schemars(length(min = 1, max = 4000))]
    message: Option<String>,
}

async fn raise(ctx: Ctx<Retention, Write>, Json(new): Json<NewAlert>) -> Result<Committed<Created<Alert>>> {
    let terms = Terms::of(&ctx.system.config)?;
    ctx.commit(move |change| {
        let facility = known(change, new.patient_id)?.person.facility;
        let draft = Draft {
            patient: new.patient_id,
            facility,
            alert_type: new.alert_type,
            severity: new.severity,
            title: new.title,
            message: new.message,
            prediction: None,
            follow_up: None,
        };
        let id = alert::raise_one(change, terms, &draft)?;
        Ok(Created { location: format!("/v1/alerts/{id}"), body: find(change, id)? })
    })
    .await
}

async fn step(ctx: Ctx<Retention, Write>, id: i64, made: AlertMove, reason: Option<String>) -> Result<Committed<Json<Alert>>> {
    let terms = Terms::of(&ctx.system.config)?;
    ctx.commit(move |change| alert::step(change, terms, id, made, reason.as_deref()).map(Json)).await
}

async fn acknowledge(ctx: Ctx<Retention, Write>, Path(id): Path<i64>) -> Result<Committed<Json<Alert>>> {
    step(ctx, id, AlertMove::Acknowledge, None).await
}

async fn resolve(ctx: Ctx<Retention, Write>, Path(id): Path<i64>) -> Result<Committed<Json<Alert>>> {
    step(ctx, id, AlertMove::Resolve, None).await
}

async fn escalate(ctx: Ctx<Retention, Write>, Path(id): Path<i64>) -> Result<Committed<Json<Alert>>> {
    step(ctx, id, AlertMove::Escalate, None).await
}

/// Why an alert needs nothing done.
#[derive(Debug, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
struct Dismissal {
    /// Why.
    #[schemars(length(min = 3, max = 500))]
    reason: String,
}

async fn dismiss(ctx: Ctx<Retention, Write>, (Path(id), Json(why)): (Path<i64>, Json<Dismissal>)) -> Result<Committed<Json<Alert>>> {
    step(ctx, id, AlertMove::Dismiss, Some(why.reason)).await
}

/// An intervention that was made.
#[derive(Debug, Serialize, JsonSchema)]
struct Made {
    /// Its number.
    id: i64,
}

async fn intervene(
    ctx: Ctx<Retention, Write>,
    (Path(id), Json(draft)): (Path<i64>, Json<InterventionDraft>),
) -> Result<Committed<Created<Made>>> {
    ctx.commit(move |change| {
        let made = alert::intervene(change, id, &draft)?;
        Ok(Created { location: format!("/v1/interventions/{made}"), body: Made { id: made } })
    })
    .await
}

/// Where something stands now.
#[derive(Debug, Serialize, JsonSchema)]
struct Stands {
    /// Its number.
    id: i64,
    /// Its state.
    status: String,
}

fn status(tx: &plimsoll::Tx<'_>, sql: &'static str, id: i64) -> Result<Json<Stands>> {
    Ok(Json(Stands { id, status: tx.row(sql, bind! { id: id })? }))
}

async fn intervention(
    ctx: Ctx<Retention, Write>,
    id: i64,
    made: InterventionMove,
    ending: Option<Ending>,
) -> Result<Committed<Json<Stands>>> {
    ctx.commit(move |change| {
        deeds::move_intervention(change, id, made, ending.as_ref())?;
        status(change, "SELECT status FROM intervention WHERE tenant_id = :tenant AND id = :id", id)
    })
    .await
}

async fn start(ctx: Ctx<Retention, Write>, Path(id): Path<i64>) -> Result<Committed<Json<Stands>>> {
    intervention(ctx, id, InterventionMove::Start, None).await
}

async fn complete(ctx: Ctx<Retention, Write>, (Path(id), Json(ending)): (Path<i64>, Json<Ending>)) -> Result<Committed<Json<Stands>>> {
    intervention(ctx, id, InterventionMove::Complete, Some(ending)).await
}

async fn cancel(ctx: Ctx<Retention, Write>, Path(id): Path<i64>) -> Result<Committed<Json<Stands>>> {
    intervention(ctx, id, InterventionMove::Cancel, None).await
}

async fn follow_up(ctx: Ctx<Retention, Write>, id: i64, made: FollowUpMove, ending: Option<Ending>) -> Result<Committed<Json<Stands>>> {
    ctx.commit(move |change| {
        deeds::move_follow_up(change, id, made, ending.as_ref(), None)?;
        status(change, "SELECT status FROM follow_up WHERE tenant_id = :tenant AND id = :id", id)
    })
    .await
}

async fn followed(ctx: Ctx<Retention, Write>, (Path(id), Json(ending)): (Path<i64>, Json<Ending>)) -> Result<Committed<Json<Stands>>> {
    follow_up(ctx, id, FollowUpMove::Complete, Some(ending)).await
}

async fn missed(ctx: Ctx<Retention, Write>, Path(id): Path<i64>) -> Result<Committed<Json<Stands>>> {
    follow_up(ctx, id, FollowUpMove::Miss, None).await
}

async fn dropped(ctx: Ctx<Retention, Write>, Path(id): Path<i64>) -> Result<Committed<Json<Stands>>> {
    follow_up(ctx, id, FollowUpMove::Cancel, None).await
}

/// To which day.
#[derive(Debug, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
struct Later {
    /// The new day.
    #[schemars(regex(pattern = r"^\d{4}-\d{2}-\d{2}$"))]
    scheduled_date: String,
}

async fn reschedule(ctx: Ctx<Retention, Write>, (Path(id), Json(later)): (Path<i64>, Json<Later>)) -> Result<Committed<Created<Made>>> {
    if chart::day(&later.scheduled_date).is_none() {
        return Err(Error::invalid(vec![Fault::at("/scheduled_date", "must be a calendar date such as 2026-11-21")]));
    }
    ctx.commit(move |change| {
        let made = deeds::move_follow_up(change, id, FollowUpMove::Reschedule, None, Some(&later.scheduled_date))?;
        let made = made.ok_or_else(|| Code::Internal.because("a follow-up was put off to no day"))?;
        Ok(Created { location: format!("/v1/follow-ups/{made}"), body: Made { id: made } })
    })
    .await
}

/// What a carrier reports.
#[derive(Debug, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
struct Report {
    /// `delivered`, `read` or `failed`.
    #[schemars(regex(pattern = "^(delivered|read|failed)$"))]
    status: String,
    /// Why it failed.
    #[serde(default)]
    #[schemars(length(min = 1, max = 500))]
    reason: Option<String>,
}

async fn receipt(ctx: Ctx<Retention, Write>, (Path(id), Json(report)): (Path<i64>, Json<Report>)) -> Result<Committed<Json<Stands>>> {
    let made = match report.status.as_str() {
        "delivered" => Receipt::Arrived,
        "read" => Receipt::Opened,
        _ => Receipt::Refused,
    };
    ctx.commit(move |change| {
        deeds::receipt(change, id, made, report.reason.as_deref())?;
        status(change, "SELECT status FROM communication WHERE tenant_id = :tenant AND id = :id", id)
    })
    .await
}
