//! The report for continuous integration: JUnit XML. A category is a suite, a practice a test.

use std::fmt::Write;

use super::{Report, Row, inert::visible};
use crate::{Outcome, Status};

/// The report as JUnit XML. Unknown and not applicable are skipped, with the reason; a practice of
/// which a check is broken fails, with the transcript.
pub fn junit(report: &Report) -> String {
    let mut out = String::from("<?xml version=\"1.0\" encoding=\"UTF-8\"?>\n");
    let sum = totals(report.practices.iter());
    let _ = writeln!(out, "<testsuites name=\"{}\" {sum}>", escape(&report.header.tool));
    for category in &report.categories {
        let rows = || report.practices.iter().filter(|row| row.category == category.category);
        let _ =
            writeln!(out, "  <testsuite name=\"{}\" {} timestamp=\"{}\">", escape(category.category.name()), totals(rows()), stamp(report));
        for row in rows() {
            case(&mut out, row);
        }
        out.push_str("  </testsuite>\n");
    }
    out.push_str("</testsuites>\n");
    out
}

/// Without a fraction and a zone, as the form has it; always UTC.
fn stamp(report: &Report) -> String {
    report.header.time.to_string().chars().take("2026-11-21T10:00:00".len()).collect()
}

fn totals<'a>(rows: impl Iterator<Item = &'a Row>) -> String {
    let (mut tests, mut failures, mut skipped) = (0, 0, 0);
    for row in rows {
        tests += 1;
        failures += usize::from(row.is_broken());
        skipped += usize::from(is_skipped(row));
    }
    format!("tests=\"{tests}\" failures=\"{failures}\" errors=\"0\" skipped=\"{skipped}\" time=\"0\"")
}

/// A practice that holds in part, and is not broken, is not a pass.
fn is_skipped(row: &Row) -> bool {
    !row.is_broken() && row.status != Status::Implemented
}

/// Text in which nothing is markup. Characters that XML forbids are written out.
fn escape(text: &str) -> String {
    let mut out = String::with_capacity(text.len());
    for char in visible(text).chars() {
        match char {
            '&' => out.push_str("&amp;"),
            '<' => out.push_str("&lt;"),
            '>' => out.push_str("&gt;"),
            '"' => out.push_str("&quot;"),
            '\'' => out.push_str("&apos;"),
            char => out.push(char),
        }
    }
    out
}

fn case(out: &mut String, row: &Row) {
    let name = escape(&format!("{}: {}", row.id, row.title));
    let _ = write!(out, "    <testcase classname=\"practices.{}\" name=\"{name}\" time=\"0\"", row.category.folder());
    if is_skipped(row) {
        let _ = writeln!(out, "><skipped message=\"{}\"/></testcase>", escape(&format!("{}: {}", row.status.name(), row.why)));
    } else if row.is_broken() {
        let _ = writeln!(
            out,
            ">\n      <failure type=\"{}\" message=\"{}\">{}</failure>\n    </testcase>",
            row.status.name(),
            escape(&row.why),
            body(row)
        );
    } else {
        out.push_str("/>\n");
    }
}

fn body(row: &Row) -> String {
    let mut out = String::new();
    for check in &row.checks {
        let (word, why) = match &check.outcome {
            Outcome::Held => ("holds", ""),
            Outcome::Broken(why) => ("broken", why.as_str()),
            Outcome::Unknown(why) => ("unknown", why.as_str()),
            Outcome::NotApplicable(why) => ("not applicable", why.as_str()),
        };
        let _ = writeln!(out, "\n{word}: {}", escape(&check.says));
        if !why.is_empty() {
            let _ = writeln!(out, "  {}", escape(why));
        }
        if check.outcome != Outcome::Held {
            for line in row.evidence.iter().filter(|one| one.check() == Some(check.id.as_str())).flat_map(|one| one.lines()) {
                let _ = writeln!(out, "  | {}", escape(&line));
            }
        }
    }
    let _ = write!(out, "\nto do: {}\nagain: plimsoll prove --only {}\n", escape(&row.recommendation), escape(&row.id));
    out
}
