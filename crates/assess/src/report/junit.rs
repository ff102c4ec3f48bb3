//! The report for continuous integration: JUnit XML. A category is a suite, a practice a test.

use std::fmt::Write;

use super::{Report, Repository, Row, inert::visible};
use crate::{Outcome, Status};

/// The report as JUnit XML. Unknown and not applicable are skipped, with the reason; a practice of
/// which a check is broken fails, with the transcript.
pub fn junit(report: &Report) -> String {
    let mut out = String::from("<?xml version=\"1.0\" encoding=\"UTF-8\"?>\n");
    let incomplete = report.repository.as_ref().is_some_and(|repository| repository.incomplete);
    let sum = totals(report.practices.iter(), usize::from(incomplete));
    let _ = writeln!(out, "<testsuites name=\"{}\" {sum}>", escape(&report.header.tool));
    for category in &report.categories {
        let rows = || report.practices.iter().filter(|row| row.category == category.category);
        let _ = writeln!(
            out,
            "  <testsuite name=\"{}\" {} timestamp=\"{}\">",
            escape(category.category.name()),
            totals(rows(), 0),
            stamp(report)
        );
        for row in rows() {
            case(&mut out, row);
        }
        out.push_str("  </testsuite>\n");
    }
    if let Some(repository) = report.repository.as_ref().filter(|repository| repository.incomplete) {
        left_out(&mut out, repository);
    }
    out.push_str("</testsuites>\n");
    out
}

/// A run that left something out has an error: it must not look passed where only totals are read.
fn left_out(out: &mut String, repository: &Repository) {
    out.push_str("  <testsuite name=\"Completeness\" tests=\"1\" failures=\"0\" errors=\"1\" skipped=\"0\" time=\"0\">\n");
    out.push_str("    <testcase classname=\"run\" name=\"everything was read\" time=\"0\">\n");
    let _ = writeln!(out, "      <error type=\"incomplete\" message=\"{} left out or not read\">", repository.skipped.len());
    for line in &repository.skipped {
        let _ = writeln!(out, "{}", escape(line));
    }
    out.push_str("</error>\n    </testcase>\n  </testsuite>\n");
}

/// Without a fraction and a zone, as the form has it; always UTC.
fn stamp(report: &Report) -> String {
    report.header.time.to_string().chars().take("2026-11-21T10:00:00".len()).collect()
}

fn totals<'a>(rows: impl Iterator<Item = &'a Row>, errors: usize) -> String {
    let (mut tests, mut failures, mut skipped) = (errors, 0, 0);
    for row in rows {
        tests += 1;
        failures += usize::from(fails(row));
        skipped += usize::from(is_skipped(row));
    }
    format!("tests=\"{tests}\" failures=\"{failures}\" errors=\"{errors}\" skipped=\"{skipped}\" time=\"0\"")
}

/// Of a repository what is waived, and what a baseline has already, does not fail.
fn fails(row: &Row) -> bool {
    row.is_broken() && !row.is_waived() && !is_known(row)
}

fn is_known(row: &Row) -> bool {
    row.looked.is_some() && !row.is_new()
}

/// A practice that holds in part, and is not broken, is not a pass; neither is one that is waived.
fn is_skipped(row: &Row) -> bool {
    !fails(row) && row.status != Status::Implemented
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
        let kept = match row.is_broken() {
            true if row.is_waived() => "waived, ",
            true => "in the baseline, ",
            false => "",
        };
        let _ = writeln!(out, "><skipped message=\"{}\"/></testcase>", escape(&format!("{kept}{}: {}", row.status.name(), row.why)));
    } else if fails(row) {
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
    let again = match &row.looked {
        None => format!("prove --only {}", row.id),
        Some(looked) => {
            for line in looked.gaps.iter().flat_map(super::outline::gap_lines) {
                let _ = writeln!(out, "  - {}", escape(&line));
            }
            format!("assess --explain {}", row.id)
        }
    };
    let _ = write!(out, "\nto do: {}\nagain: plimsoll {}\n", escape(&row.recommendation), escape(&again));
    out
}
