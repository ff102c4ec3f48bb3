//! Charts of Helm: values, the chart itself, and templates as far as they read without their braces.

use crate::fact::{Extract, Kind};

use super::{base, ending, kubernetes, sheet::Sheet, yaml};

/// Reads a file of a chart.
pub fn read(path: &str, text: &str) -> Option<(&'static str, Extract)> {
    if !matches!(ending(path), "yml" | "yaml") {
        return None;
    }
    let name = base(path);
    let mut sheet = Sheet::default();
    if name == "Chart.yaml" || name.starts_with("values") && !path.contains("/templates/") {
        let prefix = if name == "Chart.yaml" { "chart" } else { "values" };
        let doc = yaml::read(text);
        for root in doc.documents().filter(|root| root.is_map()) {
            sheet.leaves(Kind::Helm, root, prefix, &["command", "args"]);
        }
        sheet.trouble(doc.trouble.iter().cloned());
    } else if is_template(text) && text.contains("kind:") && text.contains("apiVersion:") {
        // A template that does not read as YAML says nothing, and that is no fault of its own.
        let doc = yaml::read(&without_braces(text));
        kubernetes::objects(&mut sheet, Kind::Helm, &doc, None);
        if sheet.is_empty() {
            return None;
        }
    } else {
        return None;
    }
    Some(("helm", sheet.done()))
}

/// Whether a text is a template: braces alone also stand in the messages of alerts.
pub(super) fn is_template(text: &str) -> bool {
    text.contains("{{")
        && ["{{-", "-}}", ".Values", ".Release", ".Chart", "{{ include", "{{ template"].iter().any(|mark| text.contains(mark))
}

/// A template with its expressions made plain words and its control lines made empty; lines stay where they are.
fn without_braces(text: &str) -> String {
    let mut plain = String::with_capacity(text.len());
    let mut rest = text;
    while let Some(at) = rest.find("{{") {
        plain.push_str(&rest[..at]);
        let inner = &rest[at + 2..];
        let (expression, after) = inner.split_once("}}").unwrap_or((inner, ""));
        let words: String = expression
            .trim_matches(['-', ' ', '\n', '\t'])
            .chars()
            .take(160)
            .map(|c| if c.is_alphanumeric() || matches!(c, '.' | '_' | '$' | '-' | '/') { c } else { ' ' })
            .collect();
        plain.push('\u{1}');
        plain.push_str(words.trim());
        plain.push('\u{2}');
        // Lines within an expression stay lines.
        plain.extend(expression.chars().filter(|c| *c == '\n'));
        rest = after;
    }
    plain.push_str(rest);
    let lines: Vec<&str> = plain.lines().collect();
    let mut out = String::with_capacity(plain.len());
    let indent = |line: &str| line.len() - line.trim_start().len();
    let mut open: Option<usize> = None;
    for (number, line) in lines.iter().enumerate() {
        let trimmed = line.trim();
        let alone = trimmed.starts_with('\u{1}') && trimmed.ends_with('\u{2}') && trimmed.matches('\u{1}').count() == 1;
        if alone {
            // `resources:` and below it only `{{ toYaml .Values.resources }}`: the expression is the value.
            let inserts = ["toYaml", "include", "tpl"].iter().any(|word| trimmed.contains(word));
            let next = lines.get(number + 1..).unwrap_or_default().iter().take(20).find(|line| !line.trim().is_empty());
            match open.take() {
                Some(depth) if inserts && next.is_none_or(|next| indent(next) <= depth) => {
                    out.push_str(&" ".repeat(depth.min(200) + 2));
                    out.push_str(trimmed.trim_matches(['\u{1}', '\u{2}']));
                }
                other => open = if inserts { None } else { other },
            }
        } else {
            if !trimmed.is_empty() {
                open = trimmed.ends_with(':').then(|| indent(line));
            }
            out.extend(line.chars().filter(|c| !matches!(c, '\u{1}' | '\u{2}')));
        }
        out.push('\n');
    }
    out
}
