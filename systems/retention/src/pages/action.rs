//! What is done about one person, on their page: alerts, interventions, follow-ups, messages.

use std::fmt::Write as _;

use plimsoll::{Ctx, FromRow, Read, Result, Role, Row, Time, bind, manual::escaped};

use super::alerts::{Viewer, ago, item};
use crate::{
    Retention,
    action::{
        Filter, Order,
        alert::Alert,
        alerts,
        nouns::{CHANNELS, COMMUNICATION_TYPES, FOLLOW_UP_TYPES, INTERVENTION_TYPES, OUTCOMES, PRIORITIES},
    },
};

/// An intervention or a follow-up.
struct Deed {
    id: i64,
    kind: String,
    title: String,
    status: String,
    day: Option<String>,
    outcome: Option<String>,
    completed_on: Option<String>,
    notes: Option<String>,
    priority: Option<String>,
}

impl FromRow for Deed {
    fn from_row(row: &Row<'_>) -> Result<Deed> {
        Ok(Deed {
            id: row.get(0)?,
            kind: row.get(1)?,
            title: row.get(2)?,
            status: row.get(3)?,
            day: row.get(4)?,
            outcome: row.get(5)?,
            completed_on: row.get(6)?,
            notes: row.get(7)?,
            priority: row.get(8)?,
        })
    }
}

type Message = (String, String, String, String, Time);

/// The sections as HTML.
pub(super) async fn sections(ctx: &Ctx<Retention, Read>, patient: i64) -> Result<String> {
    const INTERVENTIONS: &str = "SELECT id, intervention_type, title, status, due_date, outcome, completed_on, notes, priority FROM intervention \
         WHERE tenant_id = :tenant AND patient_id = :id AND deleted_at IS NULL \
         ORDER BY CASE WHEN status IN ('pending', 'in_progress') THEN 0 ELSE 1 END, id DESC LIMIT 20";
    const FOLLOW_UPS: &str = "SELECT id, follow_up_type, title, status, scheduled_date, outcome, completed_on, notes, NULL FROM follow_up \
         WHERE tenant_id = :tenant AND patient_id = :id AND deleted_at IS NULL \
         ORDER BY CASE WHEN status IN ('scheduled', 'missed') THEN 0 ELSE 1 END, scheduled_date DESC, id DESC LIMIT 20";
    const MESSAGES: &str = "SELECT communication_type, channel, message, status, created_at FROM communication \
         WHERE tenant_id = :tenant AND patient_id = :id AND deleted_at IS NULL ORDER BY id DESC LIMIT 10";
    let filter = Filter { patient_id: Some(patient), limit: Some(10), ..Filter::default() };
    type Found = (Vec<Alert>, Vec<Deed>, Vec<Deed>, Vec<Message>);
    let (raised, interventions, follow_ups, messages): Found = ctx
        .read(move |tx| {
            Ok((
                alerts(tx, &filter, Order::Newest)?.items,
                tx.rows(INTERVENTIONS, bind! { id: patient })?,
                tx.rows(FOLLOW_UPS, bind! { id: patient })?,
                tx.rows(MESSAGES, bind! { id: patient })?,
            ))
        })
        .await?;
    let viewer = Viewer::of(ctx);
    let mut out = String::new();
    // Each part is for those who may read it where the API has it.
    if ctx.may("alerts:read", Role::Viewer) {
        alert_section(&mut out, &raised, &viewer);
    }
    if ctx.may("interventions:read", Role::Viewer) {
        intervention_section(&mut out, patient, &interventions, &viewer);
    }
    if ctx.may("follow-ups:read", Role::Viewer) {
        follow_up_section(&mut out, patient, &follow_ups, &viewer);
    }
    if ctx.may("communications:read", Role::Viewer) {
        message_section(&mut out, patient, &messages, &viewer);
    }
    Ok(out)
}

/// A word of a column for people.
fn plain(word: &str) -> String {
    escaped(&word.replace('_', " ")).to_string()
}

fn options(words: &[&str], chosen: &str) -> String {
    let option =
        |word: &&str| format!("<option value=\"{word}\"{}>{}</option>", if *word == chosen { " selected" } else { "" }, plain(word));
    words.iter().map(option).collect()
}

fn alert_section(out: &mut String, raised: &[Alert], viewer: &Viewer) {
    if raised.is_empty() {
        return;
    }
    out.push_str("<section id=\"alerts\"><h2>Alerts</h2><ul class=\"alerts\">");
    raised.iter().filter(|one| one.settled_at.is_none()).for_each(|one| item(out, one, viewer, "patient"));
    out.push_str("</ul>");
    let settled: Vec<&Alert> = raised.iter().filter(|one| one.settled_at.is_some()).collect();
    if !settled.is_empty() {
        let _ = write!(out, "<details><summary>Settled: {}</summary><ul class=\"alerts\">", settled.len());
        settled.iter().for_each(|one| item(out, one, viewer, "patient"));
        out.push_str("</ul></details>");
    }
    out.push_str("</section>");
}

/// The form that plans an intervention.
pub(super) fn plan(action: &str) -> String {
    format!(
        "<form class=\"column\" method=\"post\" action=\"{action}\"><label>What is to be done <select name=\"intervention_type\">{}</select></label>\
         <label>In a few words <input name=\"title\" required maxlength=\"200\" autocomplete=\"off\"></label>\
         <label>Priority <select name=\"priority\">{}</select></label><label>By when <input type=\"date\" name=\"due_date\"></label>\
         <button class=\"primary\">Plan</button></form>",
        options(INTERVENTION_TYPES, "follow_up"),
        options(PRIORITIES, "medium"),
    )
}

/// The form that says what came of something.
fn completion(action: &str) -> String {
    format!(
        "<form class=\"column\" method=\"post\" action=\"{action}/complete\"><label>What came of it <select name=\"outcome\" required>\
         <option value=\"\">choose</option>{}</select></label><label>Notes <textarea name=\"notes\" maxlength=\"4000\" rows=\"2\"></textarea></label>\
         <button class=\"primary\">Record the outcome</button></form>",
        options(OUTCOMES, ""),
    )
}

fn button(action: &str, label: &str) -> String {
    format!("<form method=\"post\" action=\"{action}\"><button>{label}</button></form>")
}

fn head(out: &mut String, deed: &Deed, when: &str) {
    let done = if matches!(deed.status.as_str(), "completed" | "cancelled" | "rescheduled") { " done" } else { "" };
    let _ = write!(out, "<article class=\"deed{done}\"><header>{}</header><p class=\"muted\">", escaped(&deed.title));
    let mut facts = vec![plain(&deed.kind), plain(&deed.status)];
    facts.extend(deed.priority.as_deref().filter(|_| done.is_empty()).map(|priority| format!("{} priority", plain(priority))));
    facts.extend(deed.day.as_deref().filter(|_| done.is_empty()).map(|day| format!("{when} {day}")));
    facts.extend(deed.completed_on.as_deref().map(|day| format!("on {day}")));
    facts.extend(deed.outcome.as_deref().map(|outcome| format!("<b>{}</b>", plain(outcome))));
    let _ = write!(out, "{}</p>", facts.join(" · "));
    if let Some(notes) = &deed.notes {
        let _ = write!(out, "<p>{}</p>", escaped(notes));
    }
}

fn intervention_section(out: &mut String, patient: i64, deeds: &[Deed], viewer: &Viewer) {
    out.push_str("<section id=\"interventions\"><h2>Interventions</h2>");
    if deeds.is_empty() {
        out.push_str("<p class=\"muted\">None so far.</p>");
    }
    for deed in deeds {
        head(out, deed, "by");
        let base = format!("/retention/interventions/{}", deed.id);
        if viewer.interventions && matches!(deed.status.as_str(), "pending" | "in_progress") {
            let start = if deed.status == "pending" { button(&format!("{base}/start"), "Start") } else { String::new() };
            let open = if deed.status == "in_progress" { " open" } else { "" };
            let _ = write!(
                out,
                "<div class=\"acts\">{start}<details{open}><summary>Record the outcome</summary>{}</details>{}</div>",
                completion(&base),
                button(&format!("{base}/cancel"), "Cancel"),
            );
        }
        out.push_str("</article>");
    }
    if viewer.interventions {
        let _ = write!(
            out,
            "<details><summary>Plan an intervention</summary>{}</details>",
            plan(&format!("/retention/patients/{patient}/interventions"))
        );
    }
    out.push_str("</section>");
}

fn follow_up_section(out: &mut String, patient: i64, deeds: &[Deed], viewer: &Viewer) {
    out.push_str("<section id=\"follow-ups\"><h2>Follow-ups</h2>");
    if deeds.is_empty() {
        out.push_str("<p class=\"muted\">None so far.</p>");
    }
    for deed in deeds {
        head(out, deed, "on");
        let base = format!("/retention/follow-ups/{}", deed.id);
        if viewer.follow_ups && matches!(deed.status.as_str(), "scheduled" | "missed") {
            let miss = if deed.status == "scheduled" { button(&format!("{base}/miss"), "Was missed") } else { String::new() };
            let _ = write!(
                out,
                "<div class=\"acts\"><details><summary>Record the outcome</summary>{}</details>{miss}<details><summary>Put off</summary>\
                 <form class=\"column\" method=\"post\" action=\"{base}/reschedule\"><label>To <input type=\"date\" name=\"scheduled_date\" required></label>\
                 <button>Put off</button></form></details>{}</div>",
                completion(&base),
                button(&format!("{base}/cancel"), "Cancel"),
            );
        }
        out.push_str("</article>");
    }
    if viewer.follow_ups {
        let _ = write!(
            out,
            "<details><summary>Schedule a follow-up</summary><form class=\"column\" method=\"post\" action=\"/retention/patients/{patient}/follow-ups\">\
             <label>How <select name=\"follow_up_type\">{}</select></label><label>In a few words <input name=\"title\" required maxlength=\"200\" \
             autocomplete=\"off\"></label><label>On <input type=\"date\" name=\"scheduled_date\" required></label><button class=\"primary\">Schedule</button></form></details>",
            options(FOLLOW_UP_TYPES, "phone_call"),
        );
    }
    out.push_str("</section>");
}

fn message_section(out: &mut String, patient: i64, messages: &[Message], viewer: &Viewer) {
    out.push_str("<section id=\"messages\"><h2>Messages</h2>");
    if messages.is_empty() {
        out.push_str("<p class=\"muted\">None so far.</p>");
    }
    for (kind, channel, message, status, at) in messages {
        let _ = write!(
            out,
            "<article class=\"deed\"><p>{}</p><p class=\"muted\">{} · to {} · {} · {}</p></article>",
            escaped(message),
            plain(kind),
            plain(channel),
            plain(status),
            ago(viewer.now, *at)
        );
    }
    if viewer.communications {
        let _ = write!(
            out,
            "<details><summary>Write down a call or a message</summary><form class=\"column\" method=\"post\" \
             action=\"/retention/patients/{patient}/communications\"><label>By <select name=\"communication_type\">{}</select></label>\
             <label>To <select name=\"channel\">{}</select></label><label>What was said <textarea name=\"message\" required maxlength=\"4000\" rows=\"2\"></textarea></label>\
             <button class=\"primary\">Write down</button></form></details>",
            options(COMMUNICATION_TYPES, "phone_call"),
            options(CHANNELS, "patient"),
        );
    }
    out.push_str("</section>");
}
