//! What the forms of the pages send. Each does what a route of the API does and asks for its permission.

use http::Response;
use plimsoll::{
    Body, Code, Committed, Ctx, Result, Write, bind,
    console::{self, Form},
    route::{Path, Routes},
};

use crate::{
    Retention,
    action::{
        alert::{self, Terms, WRITE},
        deeds::{self, Ending, FollowUpDraft, InterventionDraft},
        nouns::{DO_COMMUNICATIONS, DO_FOLLOW_UPS, DO_INTERVENTIONS},
        state::{AlertMove, FollowUpMove, InterventionMove},
    },
};

pub fn routes(r: &mut Routes<'_, Retention>) {
    for (verb, made) in [
        ("acknowledge", AlertMove::Acknowledge),
        ("resolve", AlertMove::Resolve),
        ("dismiss", AlertMove::Dismiss),
        ("escalate", AlertMove::Escalate),
    ] {
        r.act(
            &format!("/retention/alerts/{{id}}/{verb}"),
            WRITE,
            move |ctx: Ctx<Retention, Write>, (Path(id), form): (Path<i64>, Form)| alert(ctx, id, form, made),
        )
        .named(format!("alerts.{verb}"));
    }
    r.act("/retention/alerts/{id}/intervene", DO_INTERVENTIONS, intervene).named("alerts.intervene");
    r.act("/retention/patients/{id}/interventions", DO_INTERVENTIONS, plan).named("interventions.create");
    for (verb, made) in [("start", InterventionMove::Start), ("complete", InterventionMove::Complete), ("cancel", InterventionMove::Cancel)]
    {
        r.act(
            &format!("/retention/interventions/{{id}}/{verb}"),
            DO_INTERVENTIONS,
            move |ctx: Ctx<Retention, Write>, (Path(id), form): (Path<i64>, Form)| intervention(ctx, id, form, made),
        )
        .named(format!("interventions.{verb}"));
    }
    r.act("/retention/patients/{id}/follow-ups", DO_FOLLOW_UPS, schedule).named("follow-ups.create");
    for (verb, made) in [
        ("complete", FollowUpMove::Complete),
        ("miss", FollowUpMove::Miss),
        ("reschedule", FollowUpMove::Reschedule),
        ("cancel", FollowUpMove::Cancel),
    ] {
        r.act(
            &format!("/retention/follow-ups/{{id}}/{verb}"),
            DO_FOLLOW_UPS,
            move |ctx: Ctx<Retention, Write>, (Path(id), form): (Path<i64>, Form)| follow_up(ctx, id, form, made),
        )
        .named(format!("follow-ups.{verb}"));
    }
    r.act("/retention/patients/{id}/communications", DO_COMMUNICATIONS, note).named("communications.create");
}

type Acted = Result<Committed<Response<Body>>>;

fn to_patient(id: i64) -> Response<Body> {
    console::back(&format!("/retention/patients/{id}"))
}

/// Most characters of a text that a form sends.
const LONGEST: usize = 4000;

fn text(form: &Form, name: &str) -> Result<Option<String>> {
    let found = form.field(name).map(str::to_owned);
    if found.as_ref().is_some_and(|text| text.chars().count() > LONGEST) {
        return Err(Code::Invalid.because(format!("`{name}` must have at most {LONGEST} characters")));
    }
    Ok(found)
}

fn needed(form: &Form, name: &str) -> Result<String> {
    text(form, name)?.ok_or_else(|| Code::Invalid.because(format!("`{name}` is missing")))
}

async fn alert(ctx: Ctx<Retention, Write>, id: i64, form: Form, made: AlertMove) -> Acted {
    let terms = Terms::of(&ctx.system.config)?;
    let reason = match made {
        AlertMove::Dismiss => Some(needed(&form, "reason")?).filter(|reason| reason.chars().count() <= 500),
        _ => None,
    };
    if made == AlertMove::Dismiss && reason.as_ref().is_none_or(|reason| reason.chars().count() < 3) {
        return Err(Code::Invalid.because("a reason has 3 to 500 characters"));
    }
    let inbox = form.field("from") == Some("inbox");
    ctx.commit(move |change| {
        let alert = alert::step(change, terms, id, made, reason.as_deref())?;
        Ok(if inbox { console::back("/retention/alerts") } else { to_patient(alert.patient_id) })
    })
    .await
}

fn planned(form: &Form) -> Result<InterventionDraft> {
    Ok(InterventionDraft {
        intervention_type: needed(form, "intervention_type")?,
        priority: text(form, "priority")?.unwrap_or_else(|| "medium".into()),
        title: needed(form, "title")?,
        description: text(form, "description")?,
        assigned_to: None,
        due_date: text(form, "due_date")?,
        notes: None,
    })
}

async fn intervene(ctx: Ctx<Retention, Write>, (Path(id), form): (Path<i64>, Form)) -> Acted {
    let draft = planned(&form)?;
    ctx.commit(move |change| {
        alert::intervene(change, id, &draft)?;
        Ok(to_patient(alert::find(change, id)?.patient_id))
    })
    .await
}

async fn plan(ctx: Ctx<Retention, Write>, (Path(id), form): (Path<i64>, Form)) -> Acted {
    let draft = planned(&form)?;
    ctx.commit(move |change| deeds::intervene(change, id, &draft, None).map(|_| to_patient(id))).await
}

fn ending(form: &Form) -> Result<Ending> {
    Ok(Ending { outcome: needed(form, "outcome")?, notes: text(form, "notes")? })
}

async fn intervention(ctx: Ctx<Retention, Write>, id: i64, form: Form, made: InterventionMove) -> Acted {
    let ending = (made == InterventionMove::Complete).then(|| ending(&form)).transpose()?;
    ctx.commit(move |change| {
        deeds::move_intervention(change, id, made, ending.as_ref())?;
        Ok(to_patient(change.row("SELECT patient_id FROM intervention WHERE tenant_id = :tenant AND id = :id", bind! { id: id })?))
    })
    .await
}

async fn schedule(ctx: Ctx<Retention, Write>, (Path(id), form): (Path<i64>, Form)) -> Acted {
    let draft = FollowUpDraft {
        intervention_id: None,
        follow_up_type: needed(&form, "follow_up_type")?,
        title: needed(&form, "title")?,
        description: None,
        scheduled_date: needed(&form, "scheduled_date")?,
        notes: None,
    };
    ctx.commit(move |change| deeds::follow(change, id, &draft, None, None).map(|_| to_patient(id))).await
}

async fn follow_up(ctx: Ctx<Retention, Write>, id: i64, form: Form, made: FollowUpMove) -> Acted {
    let ending = (made == FollowUpMove::Complete).then(|| ending(&form)).transpose()?;
    let day = (made == FollowUpMove::Reschedule).then(|| needed(&form, "scheduled_date")).transpose()?;
    ctx.commit(move |change| {
        deeds::move_follow_up(change, id, made, ending.as_ref(), day.as_deref())?;
        Ok(to_patient(change.row("SELECT patient_id FROM follow_up WHERE tenant_id = :tenant AND id = :id", bind! { id: id })?))
    })
    .await
}

async fn note(ctx: Ctx<Retention, Write>, (Path(id), form): (Path<i64>, Form)) -> Acted {
    let (kind, channel, message) = (needed(&form, "communication_type")?, needed(&form, "channel")?, needed(&form, "message")?);
    ctx.commit(move |change| {
        deeds::communicate(change, id, &kind, &channel, &message)?;
        Ok(to_patient(id))
    })
    .await
}
