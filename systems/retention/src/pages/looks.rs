//! What was seen of a model, for people: how right it is, what comes in, whom it serves worse.

use std::fmt::Write as _;

use plimsoll::manual::escaped;
use serde_json::Value;

use super::{
    html::percent,
    plot,
    wording::{self, standing},
};
use crate::watch::{Kept, Reference};

/// Features that are shown with their bars.
const SHOWN: usize = 12;

/// A number, or that it is not known.
pub fn number(value: Option<f64>, digits: usize) -> String {
    value.map_or_else(|| "<span class=\"muted\">not known</span>".into(), |value| format!("{value:.digits$}"))
}

/// A severity or a health as a coloured word.
pub fn badge(value: &Value) -> String {
    let (colour, word) = standing(value);
    format!("<span class=\"level {colour}\">{word}</span>")
}

/// What is not there, said.
pub fn missing(body: &mut String, words: &str) {
    let _ = write!(body, "<p class=\"notice\"><span>{words}</span></p>");
}

/// Why something is not told, where the look says so.
fn because(body: &mut String, report: &Value) -> bool {
    let Some(why) = report["because"].as_str() else { return false };
    let _ = write!(body, "<p class=\"notice\">Not told yet: {}.</p>", escaped(why));
    true
}

/// A tile of the summary.
fn tile(body: &mut String, what: &str, to: &str, judged: &Value, small: &str) {
    let (colour, word) = standing(judged);
    let alarm = if matches!(colour, "high" | "critical") { " class=\"alarm\"" } else { "" };
    let _ = write!(
        body,
        "<div{alarm}><dt><a href=\"#{to}\">{what}</a></dt><dd><span class=\"level {colour}\">{word}</span><small>{small}</small></dd></div>"
    );
}

/// Everything in four words.
pub fn summary(body: &mut String, drift: Option<&Kept>, performance: Option<&Kept>, bias: Option<&Kept>, records: Option<&Kept>) {
    const NEVER: &str = "nobody has looked yet";
    let null = Value::Null;
    let of = |kept: Option<&Kept>| kept.map_or(Value::Null, |kept| kept.report.clone());
    body.push_str("<dl class=\"figures\">");
    let report = of(drift);
    let moved = moved(&report).len();
    let small = match (drift, report["because"].as_str()) {
        (None, _) => NEVER.to_owned(),
        (_, Some(_)) => "too few people".to_owned(),
        _ if moved == 0 => "nothing moved".to_owned(),
        _ => format!("{moved} of {} moved", report["features"].as_array().map_or(0, Vec::len)),
    };
    tile(body, "What comes in", "comes-in", &report["health"], &small);
    let report = of(performance);
    let small = match (performance, report["figures"]["auc"].as_f64()) {
        (None, _) => NEVER.to_owned(),
        (_, Some(auc)) => format!("area {auc:.2} of {} outcomes", report["cases"]),
        _ => format!("{} outcomes are known", report["cases"]),
    };
    tile(body, "How right it is", "answers", &report["severity"], &small);
    let report = of(bias);
    let worst = gaps(&report);
    let small = match (bias, report["groups"].is_object(), worst.first()) {
        (None, ..) => NEVER.to_owned(),
        (_, false, _) => "too few outcomes".to_owned(),
        (_, _, None) => "no gap beyond chance".to_owned(),
        (_, _, Some(words)) => words.clone(),
    };
    tile(body, "Groups", "groups", &report["severity"], &small);
    let notes = records.map(|kept| kept.report["notes"].as_array().map_or(0, Vec::len));
    let judged = match notes {
        Some(0) => Value::from("healthy"),
        Some(_) => Value::from("warning"),
        None => null,
    };
    let small = match notes {
        None => NEVER.to_owned(),
        Some(0) => "nothing lacks much".to_owned(),
        Some(1) => "1 thing lacks".to_owned(),
        Some(several) => format!("{several} things lack"),
    };
    tile(body, "Records", "records", &judged, &small);
    body.push_str("</dl>");
}

/// Features that moved, the furthest first.
fn moved(report: &Value) -> Vec<&Value> {
    let mut all: Vec<&Value> = report["features"].as_array().into_iter().flatten().filter(|one| one["severity"] != "none").collect();
    all.sort_by(|a, b| index(b).total_cmp(&index(a)));
    all
}

fn index(feature: &Value) -> f64 {
    feature["psi"].as_f64().unwrap_or(0.0)
}

/// Gaps between groups that are more than chance, in words.
fn gaps(report: &Value) -> Vec<String> {
    let mut all = Vec::new();
    for (attribute, groups) in report["groups"].as_object().into_iter().flatten() {
        for (figure, words) in [("recall", "found"), ("accuracy", "judged rightly"), ("auc", "told apart")] {
            let gap = &groups[figure];
            if gap["sure"] == true && gap["severity"] != "none" {
                let name = |which: &str| escaped(wording::group(attribute, gap[which].as_str().unwrap_or_default()));
                let share = gap["ratio"].as_f64().unwrap_or(0.0);
                all.push(format!("{} are {words} {} as often as {}", name("worst"), percent(share), name("best").to_lowercase()));
            }
        }
    }
    all
}

/// How right it was, of predictions whose window is over; older looks first in `history`.
pub fn performance(body: &mut String, kept: Option<&Kept>, history: &[Kept]) {
    body.push_str("<section id=\"answers\"><h2>Since it answers</h2>");
    match kept {
        None => missing(body, "Nobody has looked yet; that is done every night, or now by <code>POST /v1/observability/watch</code>."),
        Some(kept) => {
            let report = &kept.report;
            let _ = write!(
                body,
                "<p>{} The 90 days of <b>{}</b> predictions were over by {}: {} interrupted; {} more left before it could be seen.</p>",
                badge(&report["severity"]),
                report["cases"],
                escaped(report["observed"].as_str().unwrap_or("an unknown day")),
                report["positives"],
                report["censored"],
            );
            if !because(body, report) {
                figures(body, report);
                plot::calibration(body, &report["reliability"], "Since it answers: what was said and what happened");
                let points: Vec<(String, f64)> =
                    history.iter().filter_map(|kept| Some((kept.as_of.clone(), kept.report["figures"]["auc"].as_f64()?))).collect();
                plot::trend(body, &points, report["expected"]["auc"].as_f64());
            }
        }
    }
    body.push_str("</section>");
}

fn figures(body: &mut String, report: &Value) {
    let f = &report["figures"];
    let Some(auc) = f["auc"].as_f64() else { return };
    let _ = write!(
        body,
        "<p>{}: area <b>{auc:.3}</b> <span class=\"muted\">[{}, {}]</span>. ",
        wording::area(auc),
        number(f["auc_interval"][0].as_f64(), 3),
        number(f["auc_interval"][1].as_f64(), 3),
    );
    match report["fall"].as_f64() {
        Some(fall) if fall > 0.0 => {
            let _ = write!(body, "When it was trained it was {fall:.3} higher. ");
        }
        Some(fall) => {
            let _ = write!(body, "When it was trained it was {:.3} lower. ", -fall);
        }
        None => body.push_str("It came without figures to compare with. "),
    }
    let _ = write!(body, "Brier score {}.</p>", number(f["brier"].as_f64(), 4));
}

/// What comes in beside what it learnt from.
pub fn drift(body: &mut String, kept: Option<&Kept>) {
    body.push_str("<section id=\"comes-in\"><h2>What comes in</h2>");
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
                "<p>{} {} people on {} beside {} rows of {source}.</p>",
                badge(&report["health"]),
                report["rows"][1],
                escaped(as_of),
                report["rows"][0],
            );
            if !because(body, report) {
                plot::levels(body, &report["predictions"]["levels"]);
                features(body, report);
            }
        }
    }
    body.push_str("</section>");
}

fn features(body: &mut String, report: &Value) {
    let moved = moved(report);
    let names: Vec<String> =
        moved.iter().take(3).filter_map(|one| Some(format!("<b>{}</b>", escaped(wording::feature(one["name"].as_str()?))))).collect();
    if names.is_empty() {
        body.push_str("<p>Nothing that it is told has moved beyond chance.</p>");
    } else {
        let more = if moved.len() > names.len() { format!(" and {} more", moved.len() - names.len()) } else { String::new() };
        let _ = write!(body, "<p>Moved: {}{more}.</p>", names.join(", "));
    }
    let mut all: Vec<&Value> = report["features"].as_array().into_iter().flatten().collect();
    all.sort_by(|a, b| index(b).total_cmp(&index(a)));
    plot::drift(body, &all[..all.len().min(SHOWN)]);
    let _ = write!(
        body,
        "<p class=\"muted\">The {} that moved most. Grey was then, blue is now. Index: below 0.1 calm, above 0.25 act. \
         Month and weekday are not compared.</p>",
        all.len().min(SHOWN)
    );
}

/// How it serves groups; how it did when it was trained, where nothing came of enough predictions yet.
pub fn bias(body: &mut String, kept: Option<&Kept>, reference: Option<&Reference>) {
    body.push_str("<section id=\"groups\"><h2>Groups</h2>");
    let live = kept.map(|kept| &kept.report).filter(|report| report["groups"].is_object());
    let trained = reference.and_then(|reference| reference.groups.as_ref());
    match (live, trained) {
        (Some(report), _) => {
            let _ = write!(body, "<p>{} Of predictions whose 90 days are over.</p>", badge(&report["severity"]));
            for words in gaps(report) {
                let _ = write!(body, "<p class=\"notice warn\">{words}: more than chance.</p>");
            }
            plot::groups(body, &report["groups"]);
        }
        (None, Some(groups)) => {
            if let Some(kept) = kept {
                because(body, &kept.report);
            }
            body.push_str("<p>Of people it had not seen when it was trained; nothing has come of enough predictions yet.</p>");
            plot::groups(body, groups);
        }
        (None, None) => {
            missing(body, "Not known: the model came without figures of groups, and nothing has come of enough predictions yet.")
        }
    }
    body.push_str(
        "<p class=\"muted\">Found: of those who interrupted, how many were rated high or critical; the bar is the 95 % interval. \
         Groups of fewer than 100 people are listed and not judged; fewer than 20 interruptions tell no rate.</p></section>",
    );
}
