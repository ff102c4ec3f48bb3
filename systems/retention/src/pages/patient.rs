//! `/retention/patients/{id}`: one person: where they stand, why, and what has happened.

use std::fmt::Write as _;

use http::Response;
use plimsoll::{
    Body, Code, Ctx, Read, Result, bind, console,
    manual::escaped,
    route::{Path, Routes},
};
use serde_json::json;

use super::{FRAME, html};
use crate::{
    Retention, chart, models,
    models::Level,
    record::{Day, Record},
    records::known,
    score::{self, explain, values_in},
    timeline::{What, happened},
};

pub fn routes(r: &mut Routes<'_, Retention>) {
    r.view("/retention/patients/{id}", score::PATIENT, page).named("retention.patient");
}

/// Where a person stands.
struct Standing {
    score: Option<f64>,
    level: Option<Level>,
    model: String,
    explanation: Option<score::Explanation>,
    as_of: Day,
}

async fn page(ctx: Ctx<Retention, Read>, Path(id): Path<i64>) -> Result<Response<Body>> {
    let system = ctx.system.clone();
    let (patient, record, standing, due) = ctx
        .read(move |tx| {
            let patient = known(tx, id)?;
            let record = chart::record(tx, &patient)?;
            type Columns = (Option<f64>, Option<String>, i64, i64, Vec<u8>, String);
            let found: Option<Columns> = tx.maybe(
                "SELECT d.score, d.level, d.as_of, d.model_id, d.features, m.name FROM risk r \
                 JOIN prediction d ON d.tenant_id = :tenant AND d.id = r.prediction_id \
                 JOIN model m ON m.tenant_id = :tenant AND m.id = d.model_id WHERE r.tenant_id = :tenant AND r.patient_id = :id",
                bind! { id: id },
            )?;
            let standing = match found {
                Some((score, level, as_of, model, features, name)) => {
                    let why = match models::load(tx, &system.shelf, model) {
                        Ok(model) if score.is_some() => Some(explain(&model, &values_in(&features))?),
                        // A model that is refused now takes the reasons away, and not the page.
                        Ok(_) => None,
                        Err(error) if error.code() == Code::ModelUnavailable => None,
                        Err(error) => return Err(error),
                    };
                    Some(Standing {
                        score,
                        level: level.as_deref().and_then(Level::named),
                        model: name,
                        explanation: why,
                        as_of: Day(i32::try_from(as_of).unwrap_or(0)),
                    })
                }
                None => None,
            };
            let due: Option<(Option<i64>,)> =
                tx.maybe("SELECT due FROM chart WHERE tenant_id = :tenant AND patient_id = :id", bind! { id: id })?;
            Ok((patient, record, standing, due.and_then(|(due,)| due)))
        })
        .await?;
    ctx.seen(&format!("patients/{id}"), json!({ "page": true })).await?;

    let person = &patient.person;
    let name = [&person.given_name, &person.family_name].into_iter().flatten().cloned().collect::<Vec<_>>().join(" ");
    let name = if name.is_empty() { person.uuid.clone() } else { name };
    let mut body = format!("<h1>{}</h1><dl class=\"card\">", escaped(&name));
    let today = score::today(ctx.now());
    let age = person.birthdate.map(|day| format!("{:.0}", (f64::from(today.since(day)) / 365.25).floor()));
    let due = due.and_then(|day| i32::try_from(day).ok()).map(Day).map(|day| {
        let over = today.since(day);
        if over > 0 { format!("{day}, <b>{over} days ago</b>") } else { format!("{day}, in {} days", -over) }
    });
    for (what, text) in [
        ("Age", age),
        ("Sex", person.gender.map(|gender| format!("{gender:?}").to_lowercase())),
        ("Facility", person.facility.as_deref().map(escaped)),
        ("Place", person.city.as_deref().or(person.state.as_deref()).map(escaped)),
        ("Phone", person.phone.as_deref().map(|phone| format!("<a href=\"tel:{0}\">{0}</a>", escaped(phone)))),
        ("Next refill", due),
    ] {
        let _ =
            write!(body, "<div><dt>{what}</dt><dd>{}</dd></div>", text.unwrap_or_else(|| "<span class=\"muted\">not known</span>".into()));
    }
    body.push_str("</dl>");
    risk(&mut body, standing.as_ref());
    body.push_str(&super::action::sections(&ctx, id).await?);
    timeline(&mut body, &record);
    Ok(console::framed(&FRAME, &escaped(&name), &body))
}

fn risk(body: &mut String, standing: Option<&Standing>) {
    body.push_str("<section><h2>Risk</h2>");
    match standing {
        Some(Standing { score: Some(score), level: Some(level), model, explanation, as_of }) => {
            let summary = explanation.as_ref().map_or("The model that made this score is not as it was released: it gives no reasons.", |why| {
                &why.explanation_summary
            });
            let _ = write!(
                body,
                "<p class=\"verdict\">{} <b>{}</b> may stay away for more than 28 days within 90 days of {as_of}</p><p class=\"muted\">{}</p>",
                html::level(*level),
                html::percent(*score),
                escaped(summary),
            );
            let shown: Vec<&score::Reason> =
                explanation.iter().flat_map(|why| why.top_positive_factors.iter().chain(&why.top_negative_factors)).collect();
            let most = shown.iter().map(|one| one.contribution.abs()).fold(0.0, f64::max);
            shown.iter().for_each(|one| html::bar(body, &one.words, one.contribution, most));
            let _ = write!(body, "<p class=\"muted\">Model: {}. Bars are exact Shapley values in log-odds.</p>", escaped(model));
        }
        Some(_) => body.push_str("<p class=\"notice\">No score: the record says too little.</p>"),
        None => body.push_str("<p class=\"notice\">No score: nothing has been picked up yet, treatment is interrupted already, or nobody was scored so far.</p>"),
    }
    body.push_str("</section>");
}

/// What happened, the newest first: pick-ups with the gap before them, clinical visits, departures.
fn timeline(body: &mut String, record: &Record) {
    let words = |what: What| match what {
        What::PickUp { days, late } => {
            let gap = match late {
                Some(late) if late > crate::features::GRACE => format!(" <b class=\"bad\">after an interruption: {late} days late</b>"),
                Some(late) => format!(" <span class=\"late\">{late} days late</span>"),
                None => String::new(),
            };
            let supply = days.map_or_else(|| "medicine".to_owned(), |days| format!("{days} days of medicine"));
            format!("Picked up {supply}{gap}")
        }
        What::Visit { viral_load } => {
            format!("Clinical visit{}", viral_load.map(|copies| format!(", viral load {copies}")).unwrap_or_default())
        }
        What::Left { why } => format!("Left the programme: {}", escaped(why.as_deref().unwrap_or("reason not told"))),
    };
    let mut events: Vec<(Day, String)> = happened(record).into_iter().map(|(day, what)| (day, words(what))).collect();
    events.sort_by_key(|(day, _)| std::cmp::Reverse(*day));
    body.push_str("<section><h2>What happened</h2><ol class=\"timeline\">");
    for (day, words) in events.iter().take(60) {
        let _ = write!(body, "<li><time>{day}</time> {words}</li>");
    }
    body.push_str("</ol>");
    if events.len() > 60 {
        let _ = write!(body, "<p class=\"muted\">The newest 60 of {}.</p>", events.len());
    }
    body.push_str("</section>");
}
