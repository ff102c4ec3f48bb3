//! Workflows and composite actions of GitHub.

use crate::fact::Kind;

use super::{
    super::{
        node::At,
        sheet::{self, Sheet},
    },
    Job,
};

/// A workflow.
pub fn workflow(sheet: &mut Sheet, root: At<'_>) {
    // In YAML 1.1 `on` is a truth value; the reader here leaves it a word.
    let on = root.get("on").or_else(|| root.get("true"));
    let triggers: Vec<&str> = on.map(|on| on.words()).unwrap_or_default();
    for (key, line, part) in root.entries() {
        if matches!(key, "permissions" | "concurrency" | "on" | "true" | "env" | "defaults") {
            let _ = line;
            sheet.leaves(Kind::Value, part, &format!("github.{}", if key == "true" { "on" } else { key }), &[]);
        }
    }
    let Some(jobs) = root.get("jobs") else { return };
    for (name, line, part) in jobs.entries() {
        let mut job = Job::new("github", name);
        job.tolerated = part.text_of("continue-on-error") == Some("true");
        for trigger in &triggers {
            job.add("on", trigger);
        }
        for need in part.get("needs").map(|needs| needs.words()).unwrap_or_default() {
            job.add("needs", need);
        }
        if let Some(environment) = part.get("environment") {
            job.add("environment", environment.text().or_else(|| environment.text_of("name")).unwrap_or_default());
        }
        if let Some(condition) = part.text_of("if") {
            job.add("job-if", condition);
        }
        if let Some(matrix) = part.path(&["strategy", "matrix"]) {
            for (axis, _, values) in matrix.entries() {
                job.add(&format!("matrix.{axis}"), &values.joined());
            }
        }
        for (_, _, service) in part.get("services").iter().flat_map(|services| services.entries()) {
            job.add("service", service.text_of("image").unwrap_or_default());
        }
        for key in ["permissions", "concurrency", "timeout-minutes", "runs-on", "container"] {
            if let Some(value) = part.get(key) {
                sheet.leaves(Kind::Value, value, &format!("github.jobs.{key}"), &[]);
            }
        }
        if let Some(uses) = part.text_of("uses") {
            sheet.push(job.step(action(uses), line, part.end(), false).with("uses", sheet::value(uses)).with("reusable", "yes"));
        }
        if let Some(list) = part.get("steps") {
            steps(sheet, &job, list);
        }
    }
}

/// The action that a step uses, without its version.
pub fn action(uses: &str) -> &str {
    uses.split('@').next().unwrap_or(uses)
}

/// The steps of an action that is made of steps.
pub fn composite(sheet: &mut Sheet, root: At<'_>) {
    let job = Job::new("github", root.text_of("name").unwrap_or_default());
    if let Some(list) = root.path(&["runs", "steps"]) {
        steps(sheet, &job, list);
    }
}

fn steps(sheet: &mut Sheet, job: &Job, list: At<'_>) {
    for step in list.items() {
        let tolerated = step.text_of("continue-on-error") == Some("true");
        let mut more: Vec<(String, String)> = Vec::new();
        for (key, as_) in [("name", "title"), ("if", "if"), ("working-directory", "folder")] {
            if let Some(value) = step.text_of(key) {
                more.push((as_.to_owned(), sheet::value(value)));
            }
        }
        if let Some(uses) = step.get("uses") {
            let text = uses.text().unwrap_or_default();
            let mut fact = job.step(action(text), step.line(), step.end(), tolerated).with("uses", sheet::value(text));
            let reference = text.split_once('@').map(|(_, reference)| reference).unwrap_or_default();
            let pinned = reference.len() == 40 && reference.bytes().all(|byte| byte.is_ascii_hexdigit());
            fact = fact.with("pinned", super::super::sheet::yes(pinned || text.starts_with("./")));
            for (key, _, value) in step.get("with").iter().flat_map(|with| with.entries()).take(40) {
                fact = fact.with(format!("with.{key}"), sheet::value(value.text().unwrap_or_default()));
            }
            fact.attrs.extend(more.iter().cloned());
            sheet.push(fact);
        }
        if let Some(run) = step.get("run") {
            job.script(sheet, run, tolerated, &more);
        }
    }
}
