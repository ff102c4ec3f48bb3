//! Pieces of pages.

use std::fmt::Write as _;

use plimsoll::manual::escaped;

use crate::models::Level;

/// A level as a coloured word.
pub fn level(level: Level) -> String {
    format!("<span class=\"level {0}\">{0}</span>", level.name())
}

/// A share in 100.
pub fn percent(share: f64) -> String {
    format!("{:.0} %", share * 100.0)
}

/// A bar that grows to the right for what raises and to the left for what lowers.
pub fn bar(out: &mut String, words: &str, value: f64, most: f64) {
    let width = if most > 0.0 { (value.abs() / most * 100.0).clamp(1.0, 100.0) } else { 0.0 };
    let side = if value > 0.0 { "up" } else { "down" };
    let _ = write!(
        out,
        "<div class=\"force\"><span class=\"words\">{}</span><svg class=\"{side}\" viewBox=\"0 0 100 8\" preserveAspectRatio=\"none\" role=\"img\" \
         aria-label=\"{value:+.2} log-odds\"><rect x=\"0\" y=\"0\" width=\"{width:.0}\" height=\"8\"/></svg><span class=\"number\">{value:+.2}</span></div>",
        escaped(words)
    );
}
