//! `/retention/model`: how the model is: where it comes from, how good it was and is, what moved, whom it serves worse.

use std::fmt::Write as _;

use http::Response;
use plimsoll::{Body, Ctx, Read, Result, console, manual::escaped, route::Routes};
use serde_json::Value;

use super::{
    FRAME,
    blend::Together,
    looks::{self, missing, number},
    plot,
};
use crate::{
    Retention,
    models::{self, Card},
    watch::{Kept, Kind, Reference, latest, reference},
};

/// Looks of which the course is shown.
const NIGHTS: i64 = 60;

pub fn routes(r: &mut Routes<'_, Retention>) {
    r.view("/retention/model", models::READ, page).named("retention.model");
}

/// Everything that the page tells.
struct Seen {
    card: Card,
    reference: Option<Reference>,
    drift: Option<Kept>,
    /// The oldest first.
    performance: Vec<Kept>,
    bias: Option<Kept>,
    challenge: Option<Kept>,
    together: Together,
}

async fn page(ctx: Ctx<Retention, Read>, (): ()) -> Result<Response<Body>> {
    let (seen, quality, others) = ctx
        .read(|tx| {
            let one = |kind, id| latest(tx, kind, id, 1).map(|found| found.into_iter().next());
            let quality = one(Kind::Quality, 0)?;
            let others: Vec<Card> = models::cards(tx, 6)?;
            let Some(id) = models::active_id(tx)? else { return Ok((None, quality, others)) };
            let card = models::card(tx, id)?;
            let seen = Seen {
                reference: reference(tx, id)?,
                drift: one(Kind::Drift, id)?,
                performance: latest(tx, Kind::Performance, id, NIGHTS)?.into_iter().rev().collect(),
                bias: one(Kind::Bias, id)?,
                challenge: one(Kind::Challenge, id)?,
                together: Together::of(tx, &card)?,
                card,
            };
            Ok((Some(seen), quality, others))
        })
        .await?;
    let mut body = String::from("<h1>Model health</h1>");
    match &seen {
        None => body.push_str("<p class=\"notice warn\">No model is active, so nobody is scored and there is nothing to watch. Train one at <code>POST /v1/models/train</code>, or register one at <code>POST /v1/models</code>, and activate it.</p>"),
        Some(seen) => {
            title(&mut body, &seen.card);
            let newest = seen.performance.last();
            looks::summary(&mut body, seen.drift.as_ref(), newest, seen.bias.as_ref(), quality.as_ref());
            looks::performance(&mut body, newest, &seen.performance);
            looks::drift(&mut body, seen.drift.as_ref());
            looks::bias(&mut body, seen.bias.as_ref(), seen.reference.as_ref());
            card(&mut body, &seen.card, seen.reference.as_ref(), seen.challenge.as_ref());
            seen.together.write(&mut body);
        }
    }
    records(&mut body, quality.as_ref());
    models_list(&mut body, &others);
    Ok(console::framed(&FRAME, "Model health", &body))
}

/// Where a level begins: bounds of a capacity are no round numbers.
fn level(bound: f64) -> String {
    format!("{:.1}", bound * 100.0).trim_end_matches(".0").to_owned() + " %"
}

/// Which model this is.
fn title(body: &mut String, card: &Card) {
    let kind = card.origin["kind"].as_str().unwrap_or("imported");
    let _ = write!(
        body,
        "<p class=\"verdict\"><b>{}</b> answers now. <span class=\"muted\">No. {}, {} {}, {}; digest <code>{}</code></span></p>",
        escaped(&card.name),
        card.id,
        escaped(kind),
        escaped(&card.algorithm),
        escaped(&card.feature_set),
        card.sha256.get(..16).unwrap_or_default(),
    );
    if let Some(note) = &card.note {
        let _ = write!(body, "<p class=\"notice warn\">{}</p>", escaped(note));
    }
}

fn card(body: &mut String, card: &Card, reference: Option<&Reference>, challenge: Option<&Kept>) {
    let f = &card.figures;
    let interval = f.auc_interval.map(|[low, high]| format!(" <span class=\"muted\">[{low:.3}, {high:.3}]</span>")).unwrap_or_default();
    body.push_str("<section id=\"trained\"><h2>When it was trained</h2>");
    if f.auc.is_none() {
        missing(
            body,
            "No figures came with this model, so nobody can say here how good it was. Figures of its own predictions follow once their 90 days are over.",
        );
    } else {
        body.push_str("<dl class=\"card\">");
        for (what, text) in [
            ("Area under the curve", number(f.auc, 3) + &interval),
            ("… of those at risk", number(f.auc_at_risk, 3)),
            ("Plain model (logistic)", number(card.origin["logistic_auc"].as_f64(), 3)),
            ("Found in the highest fifth", f.recall_at_fifth.map_or_else(|| number(None, 0), super::html::percent)),
            ("Brier", number(f.brier, 4)),
            ("Calibration error", number(f.calibration_error, 4)),
            ("Cases", f.cases.map_or_else(|| number(None, 0), |cases| cases.to_string())),
            ("Interrupted", f.positives.map_or_else(|| number(None, 0), super::html::percent)),
        ] {
            let _ = write!(body, "<div><dt>{what}</dt><dd>{text}</dd></div>");
        }
        body.push_str("</dl>");
    }
    let t = &card.thresholds;
    let _ = write!(
        body,
        "<p class=\"muted\">A risk from {} on is called medium, from {} high, from {} critical.</p>",
        level(t.medium),
        level(t.high),
        level(t.critical),
    );
    if let Some(bands) = reference.and_then(|reference| reference.reliability.as_ref()) {
        plot::calibration(body, bands, "When it was trained: what was said and what happened");
    }
    if let Some(kept) = challenge {
        let _ = write!(
            body,
            "<p>Beside the model that answered on {}: {} <b>{}</b></p>",
            escaped(&kept.as_of),
            escaped(kept.report["because"].as_str().unwrap_or_default()),
            if kept.report["passed"] == true { "passed" } else { "did not pass" }
        );
    }
    body.push_str("</section>");
}

fn records(body: &mut String, kept: Option<&Kept>) {
    body.push_str("<section id=\"records\"><h2>Records</h2>");
    match kept {
        None => missing(body, "Nobody has looked yet."),
        Some(Kept { report, .. }) => {
            let _ = write!(
                body,
                "<p>{} patients; the newest pick-up is of {}. {} records were refused and wait.</p>",
                report["patients"],
                report["newest_pickup"].as_str().unwrap_or("no day"),
                report["open_rejects"]
            );
            for note in report["notes"].as_array().into_iter().flatten().filter_map(Value::as_str) {
                let _ = write!(body, "<p class=\"notice warn\">{}</p>", escaped(note));
            }
            body.push_str("<div class=\"scroll\"><table><thead><tr><th>Lacking</th><th>Patients</th><th>Share</th></tr></thead><tbody>");
            for one in report["lacking"].as_array().into_iter().flatten() {
                let share = one["share"].as_f64().map_or_else(|| "–".into(), super::html::percent);
                let _ = write!(
                    body,
                    "<tr><td>{}</td><td>{}</td><td>{share}</td></tr>",
                    escaped(one["what"].as_str().unwrap_or_default()),
                    one["count"]
                );
            }
            body.push_str("</tbody></table></div>");
        }
    }
    body.push_str("</section>");
}

fn models_list(body: &mut String, cards: &[Card]) {
    if cards.is_empty() {
        return;
    }
    body.push_str("<section><h2>Models</h2><div class=\"scroll\"><table><thead><tr><th>No.</th><th>Name</th><th>Area</th><th>Registered</th><th></th></tr></thead><tbody>");
    for card in cards {
        let _ = write!(
            body,
            "<tr><td>{}</td><td>{}</td><td>{}</td><td>{}</td><td>{}</td></tr>",
            card.id,
            escaped(&card.name),
            number(card.figures.auc, 3),
            card.created_at.to_string().get(..10).unwrap_or_default(),
            if card.active { "<b>answers</b>" } else { "" }
        );
    }
    body.push_str("</tbody></table></div></section>");
}
