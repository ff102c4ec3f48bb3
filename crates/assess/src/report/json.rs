//! The report as JSON: `plimsoll.report/1`, described by `docs/reference/report.schema.json`.

use super::Report;

/// Indented, fields in their order, ends with a line break. The same report gives the same bytes.
pub fn json(report: &Report) -> String {
    let mut text = serde_json::to_string_pretty(report).unwrap_or_default();
    text.push('\n');
    text
}
