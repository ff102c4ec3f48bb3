//! `/retention`: whom to look for first.

use std::fmt::Write as _;

use http::Response;
use plimsoll::{
    Body, Ctx, Read, Result, bind, console,
    manual::escaped,
    route::{Query, Routes},
};
use serde_json::json;

use super::{FRAME, html};
use crate::{
    Retention, models, nouns,
    score::{self, Wanted, risk_list},
};

pub fn routes(r: &mut Routes<'_, Retention>) {
    r.view("/retention", nouns::READ, page).named("retention.risk_list");
}

async fn page(ctx: Ctx<Retention, Read>, Query(wanted): Query<Wanted>) -> Result<Response<Body>> {
    let system = ctx.system.clone();
    let capacity = system.config.capacity;
    let asked = wanted.clone();
    let (active, scored, people, list, facilities) = ctx
        .read(move |tx| {
            let scored = score::scored(tx)?;
            let facilities: Vec<(String, String)> = tx.rows(
                "SELECT code, name FROM facility WHERE tenant_id = :tenant AND deleted_at IS NULL ORDER BY name, code LIMIT 1000",
                bind! {},
            )?;
            let list = risk_list(tx, &system.shelf, &asked, capacity)?;
            Ok((models::active_id(tx)?, scored, score::people(tx)?, list, facilities))
        })
        .await?;
    let ids: Vec<i64> = list.iter().map(|one| one.patient_id).collect();
    ctx.seen("risk-list", json!({ "patients": ids })).await?;

    let mut body = String::from("<h1>Risk list</h1>");
    let _ = write!(
        body,
        "<p class=\"muted\">Who may stay away for more than 28 days within the next 90: the first {} of {scored} with a score, {people} patients in all.</p>",
        list.len()
    );
    body.push_str("<form class=\"filters\" method=\"get\" action=\"/retention\"><label>Facility <select name=\"facility\"><option value=\"\">all</option>");
    for (code, name) in &facilities {
        let chosen = if wanted.facility.as_deref() == Some(code) { " selected" } else { "" };
        let _ = write!(body, "<option value=\"{}\"{chosen}>{}</option>", escaped(code), escaped(name));
    }
    body.push_str("</select></label> <label>At least <select name=\"min_level\">");
    for name in ["low", "medium", "high", "critical"] {
        let chosen = if wanted.min_level.as_deref() == Some(name) { " selected" } else { "" };
        let _ = write!(body, "<option{chosen}>{name}</option>");
    }
    body.push_str("</select></label> <button>Show</button></form>");
    if active.is_none() {
        body.push_str("<p class=\"notice warn\">No model is active, so nobody is scored. An administrator registers one at <code>POST /v1/models</code> and activates it.</p>");
    } else if list.is_empty() {
        body.push_str("<p class=\"notice\">Nobody is on the list. Scores come after records were imported; the job <code>retention.score</code> makes them.</p>");
    }
    body.push_str("<ol class=\"people\">");
    for one in &list {
        let name = if one.name.is_empty() { &one.patient_uuid } else { &one.name };
        let due = match one.days_overdue {
            Some(days) if days > 0 => format!("<b>{days} days overdue</b>"),
            Some(days) => format!("due in {} days", -days),
            None => "no due date".to_owned(),
        };
        let _ = write!(
            body,
            "<li><a class=\"person\" href=\"/retention/patients/{}\"><span class=\"rank\">{}</span><span class=\"who\">{}</span>{}<span class=\"number\">{}</span></a>\
             <p class=\"standing\">{due} · {}{}</p><p class=\"why\">{}</p></li>",
            one.patient_id,
            one.rank,
            escaped(name),
            html::level(one.level),
            html::percent(one.score),
            if one.has_phone { "can be called" } else { "<b>no phone</b>" },
            one.facility.as_deref().map(|code| format!(" · {}", escaped(code))).unwrap_or_default(),
            escaped(&one.reasons.iter().map(|reason| reason.words.as_str()).collect::<Vec<_>>().join("; ")),
        );
    }
    body.push_str("</ol>");
    Ok(console::framed(&FRAME, "Risk list", &body))
}
