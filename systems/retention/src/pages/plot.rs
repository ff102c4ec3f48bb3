//! Plots as SVG within the page: no script, a few hundred bytes each, read by people and by screen readers.

use std::fmt::Write as _;

use plimsoll::manual::escaped;
use serde_json::Value;

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
    let _ = write!(out, "<text x=\"{:.0}\" y=\"{:.0}\" text-anchor=\"middle\">said, %</text>", x(0.5), y(0.0) + 28.0);
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

/// Features that moved: bars of the shares then and now, in the bins of the reference.
pub fn drift(out: &mut String, features: &[&Value]) {
    out.push_str("<div class=\"scroll\"><table class=\"drift\"><thead><tr><th>Feature</th><th>Then and now</th><th>Index</th><th>D</th><th>Missing</th><th></th></tr></thead><tbody>");
    for one in features {
        let name = one["name"].as_str().unwrap_or_default();
        let missing = |side: usize| one["missing"][side].as_f64().unwrap_or(0.0);
        let severity = one["severity"].as_str().unwrap_or("none");
        let colour = match severity {
            "none" => "low",
            "low" | "moderate" => "medium",
            other => other,
        };
        let shown = |value: &Value| value.as_f64().map_or_else(|| "–".to_owned(), |value| format!("{value:.2}"));
        let _ = write!(
            out,
            "<tr><td>{}</td><td>{}</td><td>{}</td><td>{}</td><td>{:.0} → {:.0} %</td><td><span class=\"level {colour}\">{severity}</span></td></tr>",
            escaped(name),
            bars(&one["bins"], name),
            shown(&one["psi"]),
            shown(&one["distance"]),
            missing(0) * 100.0,
            missing(1) * 100.0
        );
    }
    out.push_str("</tbody></table></div>");
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
        let worst = &groups["recall"];
        let judged = match (worst["sure"].as_bool(), worst["ratio"].as_f64()) {
            (Some(true), Some(ratio)) => format!(
                "{} is found {:.0} % as often as {}: more than chance",
                worst["worst"].as_str().unwrap_or_default(),
                ratio * 100.0,
                worst["best"].as_str().unwrap_or_default()
            ),
            (Some(false), _) => "no gap that is more than chance".to_owned(),
            _ => "too few to compare".to_owned(),
        };
        let _ = write!(
            out,
            "<h3>By {}</h3><p class=\"muted\">{}</p><div class=\"scroll\"><table><thead><tr><th></th><th>People</th><th>Interrupted</th><th>Said</th><th>Found</th><th>Rated high</th><th>Area</th></tr></thead><tbody>",
            escaped(name),
            escaped(&judged)
        );
        for group in groups["groups"].as_array().into_iter().flatten() {
            let share = |what: &str| {
                let one = &group[what];
                let get = |part: &str| one[part].as_f64().map(|value| value * 100.0);
                match (get("value"), get("low"), get("high")) {
                    (Some(value), Some(low), Some(high)) => format!("{value:.0} % <span class=\"muted\">[{low:.0}, {high:.0}]</span>"),
                    _ => "<span class=\"muted\">too few</span>".to_owned(),
                }
            };
            let said = group["predicted"].as_f64().map_or_else(|| "–".to_owned(), |value| format!("{:.0} %", value * 100.0));
            let area = group["auc"]["value"].as_f64().map_or_else(|| "–".to_owned(), |value| format!("{value:.2}"));
            let _ = write!(
                out,
                "<tr><td>{}</td><td>{}</td><td>{}</td><td>{said}</td><td>{}</td><td>{}</td><td>{area}</td></tr>",
                escaped(group["name"].as_str().unwrap_or_default()),
                group["cases"],
                share("observed"),
                share("recall"),
                share("selection")
            );
        }
        out.push_str("</tbody></table></div>");
    }
}
