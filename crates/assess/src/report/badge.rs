//! The score as a picture for a page of a project.

use super::{Report, inert::visible};
use crate::score::Band;

/// The left half.
const LABEL: &str = "readiness";

/// An SVG of one line: no script, nothing loaded, the same report gives the same bytes.
///
/// It never looks better than the verdict: a run that left something out says `incomplete`, and one with an open critical
/// practice is not green, whatever its score.
pub fn badge(report: &Report) -> String {
    let incomplete = report.repository.as_ref().is_some_and(|repository| repository.incomplete);
    let share = &report.score.share;
    let (text, colour) = match report.score.band {
        _ if incomplete => ("incomplete".to_owned(), "#6e7781"),
        None => ("unknown".to_owned(), "#6e7781"),
        Some(band) => {
            let colour = match band {
                Band::Strong if report.safe_to_deploy => "#1a7f37",
                Band::Strong | Band::Moderate => "#9a6700",
                Band::Weak => "#b62324",
            };
            (format!("{}, {}", share.printed(), report.verdict.name().to_lowercase()), colour)
        }
    };
    let text = visible(&text);
    let (left, right) = (width(LABEL), width(&text));
    let whole = left + right;
    let words =
        |x: usize, width: usize, text: &str| format!("<text x=\"{}\" y=\"14\" textLength=\"{}\">{text}</text>", x + width / 2, width - 12);
    format!(
        "<svg xmlns=\"http://www.w3.org/2000/svg\" width=\"{whole}\" height=\"20\" role=\"img\" aria-label=\"{LABEL}: {text}\">\
         <title>{LABEL}: {text}</title>\
         <rect width=\"{left}\" height=\"20\" fill=\"#424a53\"/><rect x=\"{left}\" width=\"{right}\" height=\"20\" fill=\"{colour}\"/>\
         <g fill=\"#fff\" text-anchor=\"middle\" font-family=\"Verdana,DejaVu Sans,sans-serif\" font-size=\"11\">{}{}</g></svg>\n",
        words(0, left, LABEL),
        words(left, right, &text)
    )
}

/// Seven for a character, and a margin: the text is stretched to it.
fn width(text: &str) -> usize {
    text.chars().count() * 7 + 12
}
