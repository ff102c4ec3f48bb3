//! The report for code scanning: SARIF 2.1.0. What is broken is a result; a transcript has a
//! logical location, a place in a file a physical one.

use serde_json::{Value, json};

use super::{Evidence, Report, Row, inert::visible};
use crate::{Priority, Status};

/// The report as SARIF.
pub fn sarif(report: &Report) -> String {
    let rows: Vec<&Row> = report.practices.iter().filter(|row| matches!(row.status, Status::Missing | Status::Partial)).collect();
    let header = &report.header;
    let document = json!({
        "$schema": "https://json.schemastore.org/sarif-2.1.0.json",
        "version": "2.1.0",
        "runs": [{
            "tool": { "driver": {
                "name": header.tool, "version": header.version, "semanticVersion": header.version,
                "rules": rows.iter().map(|row| rule(row)).collect::<Vec<_>>(),
            }},
            "invocations": [{ "executionSuccessful": true, "startTimeUtc": header.time }],
            "properties": { "verdict": report.verdict, "gate": report.gate, "catalogue": header.catalogue, "seed": header.seed },
            "columnKind": "unicodeCodePoints",
            "results": rows.iter().enumerate().map(|(place, row)| result(place, row)).collect::<Vec<_>>(),
        }],
    });
    let mut text = serde_json::to_string_pretty(&document).unwrap_or_default();
    text.push('\n');
    text
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
    let level = match (row.is_broken(), row.priority) {
        (true, Priority::Critical | Priority::High) => "error",
        (true, _) => "warning",
        (false, _) => "note",
    };
    let locations: Vec<Value> = row.evidence.iter().filter_map(located).collect();
    let logical =
        json!({ "logicalLocations": [{ "name": row.id, "fullyQualifiedName": format!("practices/{}", row.id), "kind": "practice" }] });
    json!({
        "ruleId": row.id,
        "ruleIndex": place,
        "level": level,
        "message": { "text": visible(&row.why) },
        "locations": if locations.is_empty() { vec![logical] } else { locations },
        "partialFingerprints": { "practice/v1": row.id },
        "properties": { "status": row.status, "transcript": transcript(row) },
    })
}

/// A place in a file.
fn located(evidence: &Evidence) -> Option<Value> {
    let Evidence::File { file, line, .. } = evidence else { return None };
    let address: String = file.split('/').map(encoded).collect::<Vec<_>>().join("/");
    Some(
        json!({ "physicalLocation": { "artifactLocation": { "uri": address, "uriBaseId": "%SRCROOT%" }, "region": { "startLine": line.max(&1) } } }),
    )
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
