//! `/retention/model`: how the model is: where it comes from, how good it was and is, what moved, whom it serves worse.

use std::fmt::Write as _;

use http::Response;
use plimsoll::{Body, Ctx, Read, Result, console, manual::escaped, route::Routes};
use serde_json::Value;

use super::{FRAME, plot};
use crate::{
    Retention,
    models::{self, Card},
    watch::{Kept, Kind, Reference, latest, reference},
};

pub fn routes(r: &mut Routes<'_, Retention>) {
    r.view("/retention/model", models::READ, page).named("retention.model");
}

/// Everything that the page tells.
struct Seen {
    card: Card,
    reference: Option<Reference>,
    drift: Option<Kept>,
    performance: Option<Kept>,
    bias: Option<Kept>,
    challenge: Option<Kept>,
}

async fn page(ctx: Ctx<Retention, Read>, (): ()) -> Result<Response<Body>> {
    let (seen, quality, others) = ctx
        .read(|tx| {
            let one = |kind, id| latest(tx, kind, id, 1).map(|found| found.into_iter().next());
            let quality = one(Kind::Quality, 0)?;
            let others: Vec<Card> = models::cards(tx, 6)?;
            let Some(id) = models::active_id(tx)? else { return Ok((None, quality, others)) };
            let seen = Seen {
                card: models::card(tx, id)?,
                reference: reference(tx, id)?,
                drift: one(Kind::Drift, id)?,
                performance: one(Kind::Performance, id)?,
                bias: one(Kind::Bias, id)?,
                challenge: one(Kind::Challenge, id)?,
            };
            Ok((Some(seen), quality, others))
        })
        .await?;
    let mut body = String::from("<h1>Model health</h1>");
    match &seen {
        None => body.push_str("<p class=\"notice warn\">No model is active, so nobody is scored and there is nothing to watch. Train one at <code>POST /v1/models/train</code>, or register one at <code>POST /v1/models</code>, and activate it.</p>"),
        Some(seen) => {
            card(&mut body, &seen.card, seen.reference.as_ref(), seen.challenge.as_ref());
            performance(&mut body, seen);
            drift(&mut body, seen.drift.as_ref());
            bias(&mut body, seen);
        }
    }
    records(&mut body, quality.as_ref());
    models_list(&mut body, &others);
    Ok(console::framed(&FRAME, "Model health", &body))
}

fn number(value: Option<f64>, digits: usize) -> String {
    value.map_or_else(|| "<span class=\"muted\">not known</span>".into(), |value| format!("{value:.digits$}"))
}

fn word(value: &Value) -> &str {
    value.as_str().unwrap_or("not judged")
}

/// A severity or a health as a coloured word.
fn badge(value: &Value) -> String {
    let colour = match value.as_str() {
        Some("healthy" | "none") => "low",
        Some("warning" | "low" | "moderate") => "medium",
        Some("degraded" | "high") => "high",
        Some("critical") => "critical",
        _ => "unknown",
    };
    format!("<span class=\"level {colour}\">{}</span>", escaped(word(value)))
}

fn missing(body: &mut String, words: &str) {
    let _ = write!(body, "<p class=\"notice\">{words}</p>");
}

/// Why something is not told, where the look says so.
fn because(body: &mut String, report: &Value) -> bool {
    let Some(why) = report["because"].as_str() else { return false };
    let _ = write!(body, "<p class=\"notice\">Not told yet: {}.</p>", escaped(why));
    true
}

fn card(body: &mut String, card: &Card, reference: Option<&Reference>, challenge: Option<&Kept>) {
    let f = &card.figures;
    let kind = card.origin["kind"].as_str().unwrap_or("imported");
    let _ = write!(
        body,
        "<p class=\"verdict\"><b>{}</b> <span class=\"muted\">no. {} · {} · {} · {}</span></p>",
        escaped(&card.name),
        card.id,
        escaped(&card.algorithm),
        escaped(&card.feature_set),
        escaped(kind),
    );
    if let Some(note) = &card.note {
        let _ = write!(body, "<p class=\"notice warn\">{}</p>", escaped(note));
    }
    let interval = f.auc_interval.map(|[low, high]| format!(" <span class=\"muted\">[{low:.3}, {high:.3}]</span>")).unwrap_or_default();
    body.push_str("<section><h2>On people it had not seen</h2>");
    if f.auc.is_none() {
        missing(
            body,
            "No figures came with this model, so nobody can say here how good it was. Figures of its own predictions follow once their 90 days are over.",
        );
    } else {
        body.push_str("<dl class=\"card\">");
        for (what, text) in [
            ("Area under the ROC curve", number(f.auc, 3) + &interval),
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
        "<p class=\"muted\">Levels begin at {:.3} (medium), {:.3} (high), {:.3} (critical). Digest <code>{}</code>.</p>",
        t.medium,
        t.high,
        t.critical,
        card.sha256.get(..16).unwrap_or_default()
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

fn performance(body: &mut String, seen: &Seen) {
    body.push_str("<section><h2>Since it answers</h2>");
    match &seen.performance {
        None => missing(body, "Nobody has looked yet; that is done every night, or now by <code>POST /v1/observability/watch</code>."),
        Some(kept) => {
            let report = &kept.report;
            let _ = write!(
                body,
                "<p>{} Predictions whose 90 days are over by {}: <b>{}</b>, of whom {} interrupted; {} left before it could be seen.</p>",
                badge(&report["severity"]),
                word(&report["observed"]),
                report["cases"],
                report["positives"],
                report["censored"],
            );
            if !because(body, report) {
                let f = &report["figures"];
                let _ = write!(
                    body,
                    "<p>Area {} <span class=\"muted\">[{}, {}]</span>, Brier {}; it fell by {} since training.</p>",
                    number(f["auc"].as_f64(), 3),
                    number(f["auc_interval"][0].as_f64(), 3),
                    number(f["auc_interval"][1].as_f64(), 3),
                    number(f["brier"].as_f64(), 4),
                    number(report["fall"].as_f64(), 3),
                );
                plot::calibration(body, &report["reliability"], "Since it answers: what was said and what happened");
            }
        }
    }
    body.push_str("</section>");
}

fn drift(body: &mut String, kept: Option<&Kept>) {
    body.push_str("<section><h2>What comes in</h2>");
    match kept {
        None => missing(body, "Nobody has looked yet."),
        Some(Kept { report, as_of, .. }) => {
            let source = if report["reference"] == "training" {
                "what it learnt from"
            } else {
                "the first people it scored, since it was imported and what it learnt from is not here"
            };
            let _ = write!(
                body,
                "<p>{} on {}: {} people beside {} rows of {source}.</p>",
                badge(&report["health"]),
                escaped(as_of),
                report["rows"][1],
                report["rows"][0],
            );
            if !because(body, report) {
                let mut features: Vec<&Value> = report["features"].as_array().into_iter().flatten().collect();
                features.sort_by(|a, b| b["psi"].as_f64().unwrap_or(0.0).total_cmp(&a["psi"].as_f64().unwrap_or(0.0)));
                plot::drift(body, &features[..features.len().min(12)]);
                body.push_str("<p class=\"muted\">The twelve that moved most, by stability index: below 0.1 calm, above 0.25 act. Grey then, coloured now. What says only which day it is (month, weekday) is not compared.</p>");
            }
        }
    }
    body.push_str("</section>");
}

fn bias(body: &mut String, seen: &Seen) {
    body.push_str("<section><h2>Groups</h2>");
    let live = seen.bias.as_ref().map(|kept| &kept.report).filter(|report| report["groups"].is_object());
    let trained = seen.reference.as_ref().and_then(|reference| reference.groups.as_ref());
    match (live, trained) {
        (Some(report), _) => {
            let _ = write!(body, "<p>{} Of predictions whose 90 days are over.</p>", badge(&report["severity"]));
            plot::groups(body, &report["groups"]);
        }
        (None, Some(groups)) => {
            if let Some(kept) = &seen.bias {
                because(body, &kept.report);
            }
            body.push_str("<p>Of people it had not seen when it was trained; nothing has come of enough predictions yet.</p>");
            plot::groups(body, groups);
        }
        (None, None) => {
            missing(body, "Not known: the model came without figures of groups, and nothing has come of enough predictions yet.")
        }
    }
    body.push_str("<p class=\"muted\">Found: of those who interrupted, how many were rated high or critical. Groups of fewer than 100 people are listed and not judged; fewer than 20 interruptions tell no rate.</p></section>");
}

fn records(body: &mut String, kept: Option<&Kept>) {
    body.push_str("<section><h2>Records</h2>");
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
                let _ = write!(body, "<tr><td>{}</td><td>{}</td><td>{share}</td></tr>", escaped(word(&one["what"])), one["count"]);
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
            card.created_at,
            if card.active { "<b>answers</b>" } else { "" }
        );
    }
    body.push_str("</tbody></table></div></section>");
}
