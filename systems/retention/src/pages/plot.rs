//! Plots as SVG within the page: no script, a few hundred bytes each, read by people and by screen readers.

use std::fmt::Write as _;

use plimsoll::manual::escaped;
use serde_json::Value;

use super::wording::{self, standing};
use crate::models::Level;

/// Side of the square in which probabilities are drawn, and the room for words around it.
const SIDE: f64 = 240.0;
const LEFT: f64 = 34.0;

/// What was said beside what happened: a point for each band with its interval, as large as the band has people.
pub fn calibration(out: &mut String, reliability: &Value, title: &str) {
    let bands: Vec<&Value> =
        reliability["bands"].as_array().into_iter().flatten().filter(|band| band["cases"].as_u64() > Some(0)).collect();
    let all: f64 = bands.iter().filter_map(|band| band["cases"].as_f64()).sum();
    let (x, y) = (|p: f64| LEFT + p * SIDE, |p: f64| 8.0 + (1.0 - p) * SIDE);
    let _ = write!(
        out,
        "<figure><svg class=\"plot\" viewBox=\"0 0 {:.0} {:.0}\" role=\"img\" aria-label=\"{}\"><path class=\"grid\" d=\"M{} {}H{}M{} {}V{}\"/>\
         <path class=\"even\" d=\"M{} {}L{} {}\"/>",
        LEFT + SIDE + 10.0,
        SIDE + 40.0,
        escaped(title),
        x(0.0),
        y(0.0),
        x(1.0),
        x(0.0),
        y(0.0),
        y(1.0),
        x(0.0),
        y(0.0),
        x(1.0),
        y(1.0),
    );
    for at in [0.0, 0.25, 0.5, 0.75, 1.0] {
        let _ = write!(
            out,
            "<text x=\"{:.0}\" y=\"{:.0}\" text-anchor=\"middle\">{:.0}</text><text x=\"{:.0}\" y=\"{:.0}\" text-anchor=\"end\">{:.0}</text>",
            x(at),
            y(0.0) + 14.0,
            at * 100.0,
            LEFT - 4.0,
            y(at) + 4.0,
            at * 100.0
        );
    }
    let _ = write!(out, "<text x=\"{:.0}\" y=\"{:.0}\" text-anchor=\"middle\">risk that was said, %</text>", x(0.5), y(0.0) + 28.0);
    for band in bands {
        let (said, seen) = (band["predicted"].as_f64().unwrap_or(0.0), &band["observed"]);
        let get = |what: &str| seen[what].as_f64().unwrap_or(0.0);
        let cases = band["cases"].as_f64().unwrap_or(0.0);
        let radius = 2.5 + 6.0 * (cases / all.max(1.0)).sqrt();
        let _ = write!(
            out,
            "<path class=\"error\" d=\"M{0:.1} {1:.1}V{2:.1}\"/><circle cx=\"{0:.1}\" cy=\"{3:.1}\" r=\"{radius:.1}\"><title>said {4:.0} %, happened {5:.0} % of {cases:.0}</title></circle>",
            x(said),
            y(get("low")),
            y(get("high")),
            y(get("value")),
            said * 100.0,
            get("value") * 100.0
        );
    }
    let _ =
        write!(out, "</svg><figcaption>{}. The line is where both are one; bars are 95 % intervals.</figcaption></figure>", escaped(title));
}

/// Features, each with bars of the shares then and now, in the bins of the reference.
pub fn drift(out: &mut String, features: &[&Value]) {
    out.push_str(
        "<div class=\"scroll\"><table class=\"drift\"><thead><tr><th>It is told</th><th>Then and now</th><th class=\"number\">Index</th>\
         <th class=\"number\">Not known</th><th></th></tr></thead><tbody>",
    );
    for one in features {
        let name = one["name"].as_str().unwrap_or_default();
        let missing = |side: usize| one["missing"][side].as_f64().unwrap_or(0.0) * 100.0;
        let (colour, word) = standing(&one["severity"]);
        let index = one["psi"].as_f64().map_or_else(|| "–".to_owned(), |value| format!("{value:.2}"));
        let unknown = match (missing(0), missing(1)) {
            (then, now) if then == 0.0 && now == 0.0 => "–".to_owned(),
            (then, now) => format!("{then:.0} → {now:.0} %"),
        };
        let _ = write!(
            out,
            "<tr><th scope=\"row\">{}<br><code>{}</code></th><td>{}</td><td class=\"number\">{index}</td><td class=\"number\">{unknown}</td>\
             <td><span class=\"level {colour}\">{word}</span></td></tr>",
            escaped(wording::feature(name)),
            escaped(name),
            bars(&one["bins"], wording::feature(name)),
        );
    }
    out.push_str("</tbody></table></div>");
}

/// Shares of the levels, then above now.
pub fn levels(out: &mut String, levels: &Value) {
    let side = |at: usize| -> Vec<f64> { levels[at].as_array().into_iter().flatten().filter_map(Value::as_f64).collect() };
    let (then, now) = (side(0), side(1));
    if then.iter().sum::<f64>() == 0.0 || now.iter().sum::<f64>() == 0.0 {
        return;
    }
    out.push_str("<dl class=\"levels\">");
    for (when, counts) in [("Then", &then), ("Now", &now)] {
        let all: f64 = counts.iter().sum();
        let words: Vec<String> =
            Level::ALL.iter().zip(counts).map(|(level, count)| format!("{} {:.0} %", level.name(), count / all * 100.0)).collect();
        let _ = write!(
            out,
            "<dt>{when}</dt><dd><svg viewBox=\"0 0 100 6\" preserveAspectRatio=\"none\" role=\"img\" aria-label=\"{}\">",
            words.join(", ")
        );
        let mut left = 0.0;
        for (level, count) in Level::ALL.iter().zip(counts) {
            let width = count / all * 100.0;
            let _ = write!(out, "<rect class=\"{}\" x=\"{left:.2}\" y=\"0\" width=\"{width:.2}\" height=\"6\"/>", level.name());
            left += width;
        }
        let _ = write!(out, "</svg><small>{}</small></dd>", words.join(", "));
    }
    out.push_str("</dl>");
}

/// The course of the area under the curve over the looks, beside what it was when the model was trained.
pub fn trend(out: &mut String, points: &[(String, f64)], expected: Option<f64>) {
    const WIDTH: f64 = 480.0;
    const HEIGHT: f64 = 96.0;
    let (Some((first, _)), Some((last, newest))) = (points.first(), points.last()) else { return };
    if points.len() < 2 {
        return;
    }
    // The whole scale from a coin's to a perfect one: a part of it would make noise look like a fall.
    let y = |area: f64| 8.0 + (1.0 - area.clamp(0.5, 1.0)) * 2.0 * HEIGHT;
    let x = |at: usize| LEFT + at as f64 / (points.len() - 1) as f64 * WIDTH;
    let line: String = points
        .iter()
        .enumerate()
        .map(|(at, (_, area))| format!("{}{:.1} {:.1}", if at == 0 { "M" } else { "L" }, x(at), y(*area)))
        .collect();
    let _ = write!(
        out,
        "<figure class=\"wide\"><svg class=\"plot\" viewBox=\"0 0 {:.0} {:.0}\" role=\"img\" aria-label=\"Area under the curve from {} to {}: now {newest:.2}\">",
        LEFT + WIDTH + 14.0,
        HEIGHT + 30.0,
        escaped(first),
        escaped(last),
    );
    for area in [0.5, 0.75, 1.0] {
        let _ = write!(
            out,
            "<path class=\"grid\" d=\"M{LEFT} {0:.1}H{1:.1}\"/><text x=\"{2:.0}\" y=\"{3:.0}\" text-anchor=\"end\">{area:.2}</text>",
            y(area),
            LEFT + WIDTH,
            LEFT - 4.0,
            y(area) + 4.0
        );
    }
    if let Some(expected) = expected {
        let _ = write!(out, "<path class=\"even\" d=\"M{LEFT} {0:.1}H{1:.1}\"/>", y(expected), LEFT + WIDTH);
    }
    let _ = write!(
        out,
        "<path class=\"course\" d=\"{line}\"/><circle cx=\"{:.1}\" cy=\"{:.1}\" r=\"3\"/>\
         <text x=\"{LEFT}\" y=\"{:.0}\">{}</text><text x=\"{:.0}\" y=\"{:.0}\" text-anchor=\"end\">{}</text></svg>\
         <figcaption>Area under the curve, look by look{}.</figcaption></figure>",
        x(points.len() - 1),
        y(*newest),
        HEIGHT + 24.0,
        escaped(first),
        LEFT + WIDTH,
        HEIGHT + 24.0,
        escaped(last),
        if expected.is_some() { "; the dashed line is what it was when it was trained" } else { "" },
    );
}

/// At most so many pairs of bars: neighbours are drawn together.
const BARS: usize = 12;

fn bars(bins: &Value, name: &str) -> String {
    let side = |at: usize| -> Vec<f64> {
        let counts: Vec<f64> = bins[at].as_array().into_iter().flatten().filter_map(Value::as_f64).collect();
        let all = counts.iter().sum::<f64>().max(1.0);
        counts.chunks(counts.len().div_ceil(BARS).max(1)).map(|some| some.iter().sum::<f64>() / all).collect()
    };
    let (then, now) = (side(0), side(1));
    let most = then.iter().chain(&now).copied().fold(0.01, f64::max);
    let width = 120.0 / then.len().max(1) as f64;
    let mut out = format!(
        "<svg class=\"bars\" viewBox=\"0 0 120 28\" preserveAspectRatio=\"none\" role=\"img\" aria-label=\"{} then and now\">",
        escaped(name)
    );
    for (at, (then, now)) in then.iter().zip(&now).enumerate() {
        let left = at as f64 * width;
        for (class, share, shift) in [("then", then, 0.0), ("now", now, 0.5)] {
            let height = share / most * 28.0;
            let _ = write!(
                out,
                "<rect class=\"{class}\" x=\"{:.1}\" y=\"{:.1}\" width=\"{:.1}\" height=\"{height:.1}\"/>",
                left + shift * width * 0.9,
                28.0 - height,
                width * 0.45
            );
        }
    }
    out.push_str("</svg>");
    out
}

/// Groups side by side, each attribute a table.
pub fn groups(out: &mut String, all: &Value) {
    for (name, groups) in all.as_object().into_iter().flatten() {
        let call = |which: &Value| escaped(wording::group(name, which.as_str().unwrap_or_default()));
        let worst = &groups["recall"];
        let judged = match (worst["sure"].as_bool(), worst["ratio"].as_f64()) {
            (Some(true), Some(ratio)) => {
                format!(
                    "{} are found {:.0} % as often as {}: more than chance",
                    call(&worst["worst"]),
                    ratio * 100.0,
                    call(&worst["best"]).to_lowercase()
                )
            }
            (Some(false), _) => "No gap in who is found that is more than chance".to_owned(),
            _ => "Too few to compare who is found".to_owned(),
        };
        let _ = write!(
            out,
            "<h3>By {}</h3><p class=\"muted\">{judged}.</p><div class=\"scroll\"><table class=\"groups\"><thead><tr><th></th><th class=\"number\">People</th>\
             <th>Found</th><th class=\"number\">Interrupted</th><th class=\"number\">Said</th><th class=\"number\">Rated high</th><th class=\"number\">Area</th></tr></thead><tbody>",
            escaped(name),
        );
        for group in groups["groups"].as_array().into_iter().flatten() {
            let share =
                |what: &str| group[what]["value"].as_f64().map_or_else(|| "–".to_owned(), |value| format!("{:.0} %", value * 100.0));
            let small = group["enough"] == false;
            let said = group["predicted"].as_f64().map_or_else(|| "–".to_owned(), |value| format!("{:.0} %", value * 100.0));
            let area = group["auc"]["value"].as_f64().map_or_else(|| "–".to_owned(), |value| format!("{value:.2}"));
            let found = if small { "<span class=\"muted\">too few to judge</span>".to_owned() } else { interval(&group["recall"]) };
            let _ = write!(
                out,
                "<tr><th scope=\"row\">{}</th><td class=\"number\">{}</td><td>{found}</td><td class=\"number\">{}</td><td class=\"number\">{said}</td>\
                 <td class=\"number\">{}</td><td class=\"number\">{area}</td></tr>",
                call(&group["name"]),
                group["cases"],
                share("observed"),
                share("selection"),
            );
        }
        out.push_str("</tbody></table></div>");
    }
}

/// A share with its interval, drawn on the whole scale so that groups can be compared down the column.
fn interval(rate: &Value) -> String {
    let get = |part: &str| rate[part].as_f64().map(|value| value * 100.0);
    let (Some(value), Some(low), Some(high)) = (get("value"), get("low"), get("high")) else {
        return "<span class=\"muted\">too few interrupted</span>".to_owned();
    };
    format!(
        "<svg class=\"interval\" viewBox=\"0 0 104 12\" role=\"img\" aria-label=\"{value:.0} %, between {low:.0} and {high:.0}\"><path class=\"grid\" d=\"M2 6H102\"/>\
         <path class=\"error\" d=\"M{:.1} 6H{:.1}\"/><circle cx=\"{:.1}\" cy=\"6\" r=\"3.5\"/></svg> {value:.0} %",
        low + 2.0,
        high + 2.0,
        value + 2.0
    )
}
