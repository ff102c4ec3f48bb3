//! Pipelines of Azure DevOps.

use super::{
    super::{
        node::At,
        sheet::{self, Sheet},
    },
    Job,
};

/// How deep stages, jobs and templates may stand in each other.
const DEPTH: u32 = 16;

/// A pipeline.
pub fn read(sheet: &mut Sheet, root: At<'_>) {
    let mut triggers = Vec::new();
    for key in ["trigger", "pr", "schedules"] {
        if root.get(key).is_some_and(|at| at.text() != Some("none")) {
            triggers.push(key);
        }
    }
    let mut top = Job::new("azure", "");
    for trigger in triggers {
        top.add("on", trigger);
    }
    let mut stack = vec![(root, top, 0_u32)];
    let mut steps = 0;
    while let Some((at, job, depth)) = stack.pop() {
        steps += 1;
        if depth > DEPTH || steps > 5_000 {
            continue;
        }
        let mut below = Vec::new();
        for key in ["stages", "jobs"] {
            for part in at.get(key).iter().flat_map(|list| list.items()) {
                let mut job = job.clone();
                if let Some(name) = ["job", "deployment", "stage"].iter().find_map(|key| part.text_of(key)) {
                    job.name = name.to_owned();
                }
                job.tolerated |= part.text_of("continueOnError") == Some("true");
                for need in part.get("dependsOn").map(|at| at.words()).unwrap_or_default() {
                    job.add("needs", need);
                }
                if let Some(environment) = part.get("environment") {
                    job.add("environment", environment.text().or_else(|| environment.text_of("name")).unwrap_or_default());
                }
                below.push((part, job, depth + 1));
            }
        }
        for keys in [
            &["strategy", "runOnce", "deploy"][..],
            &["strategy", "rolling", "deploy"],
            &["strategy", "canary", "deploy"],
            &["extends", "parameters"],
        ] {
            if let Some(part) = at.path(keys) {
                let mut job = job.clone();
                job.add("strategy", keys.get(1).copied().unwrap_or_default());
                below.push((part, job, depth + 1));
            }
        }
        for step in at.get("steps").iter().flat_map(|steps| steps.items()) {
            one(sheet, &job, step);
        }
        stack.extend(below.into_iter().rev());
    }
}

fn one(sheet: &mut Sheet, job: &Job, step: At<'_>) {
    let tolerated = step.text_of("continueOnError") == Some("true");
    let title: Vec<(String, String)> =
        step.text_of("displayName").map(|title| ("title".to_owned(), sheet::value(title))).into_iter().collect();
    for key in ["script", "bash", "pwsh", "powershell"] {
        if let Some(script) = step.get(key) {
            job.script(sheet, script, tolerated, &title);
        }
    }
    for key in ["task", "template"] {
        let Some(uses) = step.text_of(key) else { continue };
        let mut fact =
            job.step(uses.split('@').next().unwrap_or(uses), step.line(), step.end(), tolerated).with("uses", sheet::value(uses));
        for (key, _, value) in step.get("inputs").iter().flat_map(|inputs| inputs.entries()).take(40) {
            fact = fact.with(format!("with.{key}"), sheet::value(value.text().unwrap_or_default()));
        }
        fact.attrs.extend(title.iter().cloned());
        sheet.push(fact);
        if let Some(script) = step.path(&["inputs", "script"]).or_else(|| step.path(&["inputs", "inlineScript"])) {
            job.script(sheet, script, tolerated, &title);
        }
    }
}
