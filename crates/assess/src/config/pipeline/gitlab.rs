//! Pipelines of GitLab.

use std::collections::BTreeMap;

use crate::fact::Kind;

use super::{
    super::{node::At, sheet::Sheet},
    Job,
};

/// Keys at the top that are no jobs.
const GLOBAL: &[&str] =
    &["stages", "variables", "default", "workflow", "include", "image", "services", "cache", "before_script", "after_script", "spec"];

/// How far `extends` is followed.
const BASES: usize = 8;

/// A pipeline.
pub fn read(sheet: &mut Sheet, root: At<'_>) {
    let jobs: BTreeMap<&str, At<'_>> = root.entries().map(|(key, _, value)| (key, value)).collect();
    for (key, _, part) in root.entries().filter(|(key, _, _)| matches!(*key, "stages" | "workflow" | "variables" | "default")) {
        sheet.leaves(Kind::Value, part, &format!("gitlab.{key}"), &[]);
    }
    if let Some(include) = root.get("include") {
        let items: Vec<At<'_>> = if include.is_list() { include.items().collect() } else { vec![include] };
        for item in items {
            let words = item.text().map_or_else(|| item.entries().filter_map(|(_, _, value)| value.text()).collect(), |text| vec![text]);
            let Some(name) = words.last() else { continue };
            sheet.push(Job::new("gitlab", "include").step(name, item.line(), item.end(), false).with("uses", words.join(" ")));
        }
    }
    for (name, _, part) in root.entries() {
        if GLOBAL.contains(&name) || name.starts_with('.') || !part.is_map() {
            continue;
        }
        let bases = bases(part, &jobs);
        let find = |key: &str| bases.iter().find_map(|at| at.get(key));
        let mut job = Job::new("gitlab", name);
        if let Some(allow) = find("allow_failure") {
            job.tolerated = allow.text() == Some("true") || allow.is_map();
        }
        if let Some(stage) = find("stage").and_then(|at| at.text()) {
            job.add("stage", stage);
        }
        if let Some(when) = find("when").and_then(|at| at.text()) {
            job.add("when", when);
        }
        if let Some(environment) = find("environment") {
            job.add("environment", environment.text().or_else(|| environment.text_of("name")).unwrap_or_default());
        }
        if let Some(image) = find("image") {
            job.add("image", image.text().or_else(|| image.text_of("name")).unwrap_or_default());
        }
        for need in find("needs").iter().flat_map(|needs| needs.items()) {
            job.add("needs", need.text().or_else(|| need.text_of("job")).unwrap_or_default());
        }
        for service in find("services").iter().flat_map(|services| services.items()) {
            job.add("service", service.text().or_else(|| service.text_of("name")).unwrap_or_default());
        }
        for trigger in triggers(find("only"), find("rules")) {
            job.add("on", &trigger);
        }
        for key in ["before_script", "script", "after_script"] {
            let own = find(key).or_else(|| if key == "script" { None } else { root.get(key).or_else(|| root.path(&["default", key])) });
            if let Some(scripts) = own {
                job.scripts(sheet, scripts, false, &[]);
            }
        }
        if let Some(trigger) = find("trigger") {
            sheet.push(job.step("trigger", trigger.line(), trigger.end(), false).with("uses", trigger.joined()));
        }
        if let Some(coverage) = find("coverage").and_then(|at| at.text().map(|text| (at, text))) {
            sheet.push(job.step("coverage", coverage.0.line(), coverage.0.end(), false).with("coverage", coverage.1));
        }
    }
}

/// A job and what it extends, the nearest first.
fn bases<'a>(job: At<'a>, jobs: &BTreeMap<&str, At<'a>>) -> Vec<At<'a>> {
    let mut found = vec![job];
    let mut next = 0;
    while let Some(at) = found.get(next).copied() {
        next += 1;
        for name in at.get("extends").map(|at| at.words()).unwrap_or_default() {
            if let Some(base) = jobs.get(name).filter(|_| found.len() < BASES) {
                found.push(*base);
            }
        }
    }
    found
}

fn triggers(only: Option<At<'_>>, rules: Option<At<'_>>) -> Vec<String> {
    let mut found: Vec<String> = Vec::new();
    for word in only.map(|only| only.get("refs").unwrap_or(only).words()).unwrap_or_default() {
        found.push(word.to_owned());
    }
    for rule in rules.iter().flat_map(|rules| rules.items()) {
        found.extend(rule.text_of("if").map(str::to_owned));
    }
    found
}
