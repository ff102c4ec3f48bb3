//! Monitoring: alert rules, Prometheus, Alertmanager, dashboards.

use crate::fact::{Extract, Fact, Kind};

use super::{
    base, ending, json,
    node::At,
    sheet::{self, Sheet},
    tool, yaml,
};

/// Reads a file of monitoring.
pub fn read(path: &str, text: &str) -> Option<(&'static str, Extract)> {
    let mut sheet = Sheet::default();
    let name = base(path).to_ascii_lowercase();
    match ending(path) {
        "yml" | "yaml" | "rules" => {
            let alerts = text.contains("alert:") || text.contains("record:") || text.contains("condition:") && text.contains("title:");
            let rules = text.contains("groups:") && alerts;
            let manager = text.contains("receivers:") && text.contains("route:");
            let prometheus = text.contains("scrape_configs:") || text.contains("rule_files:");
            if !rules && !manager && !prometheus {
                return None;
            }
            let doc = yaml::read(text);
            for root in doc.documents() {
                let object = root.get("apiVersion").filter(|_| root.get("kind").is_some()).and_then(|_| root.get("spec"));
                groups(&mut sheet, object.unwrap_or(root));
                if manager && root.get("receivers").is_some() {
                    tool::known(&mut sheet, root, "alertmanager");
                } else if prometheus && object.is_none() {
                    tool::known(&mut sheet, root, "prometheus");
                }
            }
            // Helm charts of Prometheus hold rules in their values.
            sheet.trouble(doc.trouble.iter().cloned());
        }
        "json"
            if text.contains("\"panels\"")
                && (text.contains("\"schemaVersion\"") || name.contains("dashboard") || text.contains("\"datasource\"")) =>
        {
            let doc = json::read(text);
            let root = doc.first()?;
            dashboard(&mut sheet, root.get("dashboard").unwrap_or(root));
        }
        _ => return None,
    }
    (!sheet.is_empty()).then(|| ("monitoring", sheet.done()))
}

fn groups(sheet: &mut Sheet, root: At<'_>) {
    for group in root.get("groups").iter().flat_map(|groups| groups.items()) {
        let title = sheet::value(group.text_of("name").unwrap_or_default());
        for rule in group.get("rules").iter().flat_map(|rules| rules.items()) {
            if let Some(record) = rule.text_of("record") {
                let fact = Fact::new(Kind::Value, format!("prometheus.record.{}", sheet::value(record)), rule.line(), rule.end());
                sheet.push(fact.with("value", sheet::value(rule.text_of("expr").unwrap_or_default())));
            }
            let Some(name) = rule.text_of("alert").or_else(|| rule.text_of("title").filter(|_| rule.get("condition").is_some())) else {
                continue;
            };
            let mut fact = Fact::new(Kind::Alert, sheet::value(name), rule.line(), rule.end()).with("group", title.clone());
            for key in ["expr", "for", "condition"] {
                if let Some(value) = rule.text_of(key) {
                    fact = fact.with(key, sheet::run(value));
                }
            }
            if let Some(severity) = rule.path(&["labels", "severity"]).and_then(|at| at.text()) {
                fact = fact.with("severity", sheet::value(severity));
            }
            for (key, _, value) in rule.get("annotations").iter().flat_map(|at| at.entries()).take(16) {
                let as_ = if key.starts_with("runbook") { "runbook" } else { key };
                fact = fact.with(sheet::value(as_), sheet::value(value.text().unwrap_or_default()));
            }
            sheet.push(fact);
        }
    }
}

fn dashboard(sheet: &mut Sheet, root: At<'_>) {
    let Some(panels) = root.get("panels").filter(At::is_list) else { return };
    let mut all: Vec<At<'_>> = panels.items().collect();
    // Rows hold panels of their own.
    let inner: Vec<At<'_>> =
        all.iter().flat_map(|row| row.get("panels").into_iter().flat_map(|at| at.items().collect::<Vec<_>>())).collect();
    all.extend(inner);
    let count = all.iter().filter(|panel| panel.text_of("type") != Some("row")).count();
    let mut fact = Fact::new(Kind::Dashboard, sheet::value(root.text_of("title").unwrap_or_default()), root.line(), root.end())
        .with("panels", count.to_string());
    for expression in all
        .iter()
        .flat_map(|panel| panel.get("targets").into_iter().flat_map(|at| at.items().collect::<Vec<_>>()))
        .filter_map(|target| target.text_of("expr"))
        .take(100)
    {
        fact = fact.with("expr", sheet::value(expression));
    }
    for panel in all.iter().filter_map(|panel| panel.text_of("title")).take(100) {
        fact = fact.with("panel", sheet::value(panel));
    }
    sheet.push(fact);
}
