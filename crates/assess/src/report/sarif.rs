//! The report for code scanning: SARIF 2.1.0. What is broken is a result; a transcript has a
//! logical location, a place in a file a physical one. Of a repository every gap with a file is a result of its own; what is
//! waived is one too, with a suppression, and a fingerprint tells it from others when lines move.

use serde_json::{Value, json};

use super::{Evidence, Gap, Report, Repository, Row, inert::visible};
use crate::{Priority, Status};

/// The report as SARIF.
pub fn sarif(report: &Report) -> String {
    if let Some(repository) = &report.repository {
        return of_repository(report, repository);
    }
    let rows: Vec<&Row> = report.practices.iter().filter(|row| matches!(row.status, Status::Missing | Status::Partial)).collect();
    let header = &report.header;
    written(json!({
        "tool": { "driver": {
            "name": header.tool, "version": header.version, "semanticVersion": header.version,
            "rules": rows.iter().map(|row| rule(row)).collect::<Vec<_>>(),
        }},
        "invocations": [{ "executionSuccessful": true, "startTimeUtc": header.time }],
        "properties": { "verdict": report.verdict, "gate": report.gate, "catalogue": header.catalogue, "seed": header.seed },
        "columnKind": "unicodeCodePoints",
        "results": rows.iter().enumerate().map(|(place, row)| result(place, row)).collect::<Vec<_>>(),
    }))
}

/// The report on a repository.
fn of_repository(report: &Report, repository: &Repository) -> String {
    let only_new = repository.baseline.as_ref().is_some_and(|baseline| baseline.only_new);
    let gaps = |row: &'_ Row| -> Vec<Gap> {
        let all = row.looked.iter().flat_map(|looked| &looked.gaps);
        all.filter(|gap| !gap.place.file.is_empty() && (!only_new || gap.new != Some(false))).cloned().collect()
    };
    let wanted = report.practices.iter().filter(|row| matches!(row.status, Status::Missing | Status::Partial));
    let rows: Vec<(&Row, Vec<Gap>)> = wanted.map(|row| (row, gaps(row))).filter(|(_, gaps)| !gaps.is_empty()).collect();
    let results: Vec<Value> =
        rows.iter().enumerate().flat_map(|(place, (row, gaps))| gaps.iter().map(move |gap| at_gap(place, row, gap))).collect();
    let header = &report.header;
    let notes = repository.skipped.iter().map(|line| {
        json!({ "level": if repository.incomplete { "warning" } else { "note" }, "message": { "text": visible(line) }, "descriptor": { "id": "left-out" } })
    });
    written(json!({
        "tool": { "driver": {
            "name": header.tool, "version": header.version, "semanticVersion": header.version,
            "rules": rows.iter().map(|(row, _)| rule(row)).collect::<Vec<_>>(),
            "notifications": [{ "id": "left-out", "shortDescription": { "text": "Something was left out or could not be read." } }],
        }},
        "invocations": [{
            "executionSuccessful": !repository.incomplete, "startTimeUtc": header.time,
            "toolExecutionNotifications": notes.collect::<Vec<_>>(),
        }],
        "properties": {
            "verdict": report.verdict, "gate": report.gate, "catalogue": header.catalogue, "incomplete": repository.incomplete,
            "conflicts": repository.conflicts, "unknown": report.counts.unknown,
        },
        "columnKind": "unicodeCodePoints",
        "results": results,
    }))
}

/// The document around a run.
fn written(run: Value) -> String {
    let document = json!({
        "$schema": "https://json.schemastore.org/sarif-2.1.0.json",
        "version": "2.1.0",
        "runs": [run],
    });
    let mut text = serde_json::to_string_pretty(&document).unwrap_or_default();
    text.push('\n');
    text
}

/// One gap in its place.
fn at_gap(rule: usize, row: &Row, gap: &Gap) -> Value {
    let place = &gap.place;
    let note = if place.note.is_empty() { String::new() } else { format!(" {}", place.note) };
    let mut region = json!({ "startLine": place.line.max(1), "endLine": place.end.max(place.line).max(1) });
    if !place.snippet.is_empty() {
        let text: Vec<String> = place.snippet.lines().map(visible).collect();
        region["snippet"] = json!({ "text": text.join("\n") });
    }
    let mut location = json!({
        "physicalLocation": { "artifactLocation": { "uri": address(&place.file), "uriBaseId": "%SRCROOT%" }, "region": region },
    });
    if !place.symbol.is_empty() {
        location["logicalLocations"] = json!([{ "fullyQualifiedName": visible(&place.symbol) }]);
    }
    let mut result = json!({
        "ruleId": row.id,
        "ruleIndex": rule,
        "level": level(row),
        "message": { "text": visible(&format!("{}.{note} {}", row.why.trim_end_matches('.'), row.recommendation)) },
        "locations": [location],
        "partialFingerprints": { "plimsoll/v1": gap.fingerprint },
        "properties": { "status": row.status, "service": gap.service },
    });
    if let Some(waived) = &gap.waived {
        let kind = if waived.inline { "inSource" } else { "external" };
        result["suppressions"] = json!([{ "kind": kind, "status": "accepted", "justification": visible(&waived.words()) }]);
    }
    if let Some(new) = gap.new {
        result["baselineState"] = if new { "new" } else { "unchanged" }.into();
    }
    result
}

fn level(row: &Row) -> &'static str {
    match (row.is_broken(), row.priority) {
        (true, Priority::Critical | Priority::High) => "error",
        (true, _) => "warning",
        (false, _) => "note",
    }
}

fn rule(row: &Row) -> Value {
    // Code scanning sorts by this number: 9 and above is critical, 7 high, 4 medium.
    let severity = match row.priority {
        Priority::Critical => "9.0",
        Priority::High => "7.0",
        Priority::Medium => "4.0",
        Priority::Low => "1.0",
    };
    json!({
        "id": row.id,
        "name": row.id,
        "shortDescription": { "text": visible(&row.title) },
        "help": { "text": visible(&format!("{} Done when: {}", row.recommendation, row.done_when.join(" "))) },
        "properties": {
            "tags": ["readiness", row.category.name()], "priority": row.priority, "effort": row.effort, "repair": row.repair,
            "security-severity": severity,
        },
    })
}

fn result(place: usize, row: &Row) -> Value {
    let locations: Vec<Value> = row.evidence.iter().filter_map(located).collect();
    let logical =
        json!({ "logicalLocations": [{ "name": row.id, "fullyQualifiedName": format!("practices/{}", row.id), "kind": "practice" }] });
    json!({
        "ruleId": row.id,
        "ruleIndex": place,
        "level": level(row),
        "message": { "text": visible(&row.why) },
        "locations": if locations.is_empty() { vec![logical] } else { locations },
        "partialFingerprints": { "practice/v1": row.id },
        "properties": { "status": row.status, "transcript": transcript(row) },
    })
}

/// A place in a file.
fn located(evidence: &Evidence) -> Option<Value> {
    let Evidence::File { file, line, .. } = evidence else { return None };
    Some(
        json!({ "physicalLocation": { "artifactLocation": { "uri": address(file), "uriBaseId": "%SRCROOT%" }, "region": { "startLine": line.max(&1) } } }),
    )
}

/// A path as a URI below the root.
fn address(file: &str) -> String {
    file.split('/').map(encoded).collect::<Vec<_>>().join("/")
}

/// A part of a path as a part of a URI.
fn encoded(part: &str) -> String {
    let safe = |byte: u8| byte.is_ascii_alphanumeric() || b"-._~".contains(&byte);
    part.bytes().map(|byte| if safe(byte) { char::from(byte).to_string() } else { format!("%{byte:02X}") }).collect()
}

/// The transcripts of the checks that do not hold.
fn transcript(row: &Row) -> Vec<String> {
    let open =
        |one: &&Evidence| row.checks.iter().any(|check| Some(check.id.as_str()) == one.check() && check.outcome != crate::Outcome::Held);
    row.evidence
        .iter()
        .filter(|one| !matches!(one, Evidence::File { .. }))
        .filter(open)
        .flat_map(|one| one.lines())
        .map(|line| visible(&line))
        .collect()
}
