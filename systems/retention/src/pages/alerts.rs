//! `/retention/alerts`: what waits for somebody, the gravest first.

use std::fmt::Write as _;

use http::Response;
use plimsoll::{
    Body, Ctx, Read, Result, Role, Time, bind, console,
    manual::escaped,
    route::{Query, Routes},
};
use serde_json::json;

use super::{FRAME, html};
use crate::{
    Retention,
    action::{
        Filter, Order,
        alert::{Alert, READ},
        alerts,
    },
};

pub fn routes(r: &mut Routes<'_, Retention>) {
    r.view("/retention/alerts", READ, page).named("retention.alerts");
}

/// Alerts on the page: more than anybody works off between two looks.
const SHOWN: i64 = 100;

/// What the caller may do, and who they are.
pub(super) struct Viewer {
    pub who: String,
    pub now: Time,
    pub alerts: bool,
    pub interventions: bool,
    pub follow_ups: bool,
    pub communications: bool,
}

impl Viewer {
    pub fn of(ctx: &Ctx<Retention, Read>) -> Viewer {
        Viewer {
            who: ctx.who.id.to_string(),
            now: ctx.now(),
            alerts: ctx.may("alerts:write", Role::Editor),
            interventions: ctx.may("interventions:write", Role::Editor),
            follow_ups: ctx.may("follow-ups:write", Role::Editor),
            communications: ctx.may("communications:write", Role::Editor),
        }
    }
}

async fn page(ctx: Ctx<Retention, Read>, Query(wanted): Query<Filter>) -> Result<Response<Body>> {
    let filter = Filter {
        status: Some(wanted.status.clone().unwrap_or_else(|| "open".into())),
        limit: Some(wanted.limit.unwrap_or(SHOWN)),
        before: None,
        ..wanted.clone()
    };
    let (found, open, facilities) = ctx
        .read(move |tx| {
            let open: i64 = tx.row(
                "SELECT COUNT(*) FROM alert a JOIN patient p ON p.tenant_id = :tenant AND p.id = a.patient_id AND p.deleted_at IS NULL \
                 WHERE a.tenant_id = :tenant AND a.status IN ('active', 'acknowledged')",
                bind! {},
            )?;
            let facilities: Vec<(String, String)> = tx.rows(
                "SELECT code, name FROM facility WHERE tenant_id = :tenant AND deleted_at IS NULL ORDER BY name, code LIMIT 1000",
                bind! {},
            )?;
            Ok((alerts(tx, &filter, Order::Gravest)?, open, facilities))
        })
        .await?;
    let ids: Vec<i64> = found.items.iter().map(|one| one.patient_id).collect();
    ctx.seen("alerts", json!({ "patients": ids })).await?;

    let viewer = Viewer::of(&ctx);
    let mut body = String::from("<h1>Alerts</h1>");
    let shown = found.items.len();
    let more = if found.next.is_some() {
        format!("The gravest {shown} of them are shown; {open} are open in all.")
    } else {
        format!("{open} are open.")
    };
    let _ = write!(body, "<p class=\"muted\">Who takes one on acknowledges it; what nobody takes on escalates. {more}</p>");
    body.push_str("<form class=\"filters\" method=\"get\" action=\"/retention/alerts\"><label>Facility <select name=\"facility\"><option value=\"\">all</option>");
    for (code, name) in &facilities {
        let chosen = if wanted.facility.as_deref() == Some(code) { " selected" } else { "" };
        let _ = write!(body, "<option value=\"{}\"{chosen}>{}</option>", escaped(code), escaped(name));
    }
    body.push_str("</select></label> <label>State <select name=\"status\">");
    for name in ["open", "active", "acknowledged", "resolved", "dismissed"] {
        let chosen = if wanted.status.as_deref().unwrap_or("open") == name { " selected" } else { "" };
        let _ = write!(body, "<option{chosen}>{name}</option>");
    }
    body.push_str("</select></label> <button>Show</button></form>");
    if found.items.is_empty() {
        body.push_str("<p class=\"notice\">Nothing is waiting here.</p>");
    }
    body.push_str("<ul class=\"alerts\">");
    for one in &found.items {
        item(&mut body, one, &viewer, "inbox");
    }
    body.push_str("</ul>");
    Ok(console::framed(&FRAME, "Alerts", &body))
}

/// How long ago, roughly.
pub(super) fn ago(now: Time, at: Time) -> String {
    let minutes = now.since(at).as_secs() / 60;
    match minutes {
        0 => "just now".to_owned(),
        1..60 => format!("{minutes} min ago"),
        60..2880 => format!("{} h ago", minutes / 60),
        _ => format!("{} days ago", minutes / 1440),
    }
}

fn by(viewer: &Viewer, who: Option<&str>) -> &'static str {
    match who {
        Some(who) if who == viewer.who => "you",
        _ => "somebody else",
    }
}

/// One alert with what can be done about it; `from` is the page to come back to.
pub(super) fn item(out: &mut String, one: &Alert, viewer: &Viewer, from: &str) {
    let name = if one.patient_name.is_empty() { &one.patient_uuid } else { &one.patient_name };
    out.push_str("<li><header>");
    out.push_str(&html::level(one.severity));
    if from == "inbox" {
        let _ = write!(out, " <a href=\"/retention/patients/{}\">{}</a>", one.patient_id, escaped(name));
    }
    let _ = write!(out, "<span class=\"muted\">{}</span></header><p>{}</p>", ago(viewer.now, one.created_at), escaped(&one.title));
    if let Some(message) = &one.message {
        let _ = write!(out, "<p>{}</p>", escaped(message));
    }
    let mut facts: Vec<String> = Vec::new();
    facts.extend(one.facility.as_deref().map(|code| escaped(code).to_string()).filter(|_| from == "inbox"));
    match one.escalation_level {
        0 => {}
        1 => facts.push("<b>escalated once</b>".into()),
        times => facts.push(format!("<b>escalated {times} times</b>")),
    }
    match (one.status.as_str(), one.acknowledged_at, one.settled_at) {
        ("acknowledged", Some(at), _) => {
            facts.push(format!("taken on by {} {}", by(viewer, one.acknowledged_by.as_deref()), ago(viewer.now, at)));
        }
        (state @ ("resolved" | "dismissed"), _, Some(at)) => {
            facts.push(format!("{state} by {} {}", by(viewer, one.settled_by.as_deref()), ago(viewer.now, at)));
        }
        _ => facts.push("nobody has taken it on".into()),
    }
    facts.extend(one.intervention_id.map(|_| format!("<a href=\"/retention/patients/{}#interventions\">intervention</a>", one.patient_id)));
    facts.extend(one.reason.as_deref().map(|reason| escaped(reason).to_string()));
    let _ = write!(out, "<p class=\"muted\">{}</p>", facts.join(" · "));
    buttons(out, one, viewer, from);
    out.push_str("</li>");
}

fn buttons(out: &mut String, one: &Alert, viewer: &Viewer, from: &str) {
    if one.settled_at.is_some() || !viewer.alerts {
        return;
    }
    let act = |verb: &str, label: &str, class: &str| {
        format!(
            "<form method=\"post\" action=\"/retention/alerts/{}/{verb}\"><input type=\"hidden\" name=\"from\" value=\"{from}\">\
             <button{class}>{label}</button></form>",
            one.id
        )
    };
    out.push_str("<div class=\"acts\">");
    if one.status == "active" {
        out.push_str(&act("acknowledge", "Acknowledge", " class=\"primary\""));
        out.push_str(&act("escalate", "Escalate", ""));
    } else {
        out.push_str(&act("resolve", "Resolve", " class=\"primary\""));
    }
    let _ = write!(
        out,
        "<details><summary>Dismiss</summary><form class=\"column\" method=\"post\" action=\"/retention/alerts/{}/dismiss\">\
         <input type=\"hidden\" name=\"from\" value=\"{from}\"><label>Why nothing is to be done\
         <input name=\"reason\" required minlength=\"3\" maxlength=\"500\" autocomplete=\"off\"></label><button>Dismiss</button></form></details>",
        one.id
    );
    if one.intervention_id.is_none() && viewer.interventions {
        let _ = write!(
            out,
            "<details><summary>Plan an intervention</summary>{}</details>",
            super::action::plan(&format!("/retention/alerts/{}/intervene", one.id))
        );
    }
    out.push_str("</div>");
}
