//! Pipelines of CircleCI.

use super::{
    super::{
        node::At,
        sheet::{self, Sheet},
    },
    Job,
};

/// A pipeline.
pub fn read(sheet: &mut Sheet, root: At<'_>) {
    for (orb, line, value) in root.get("orbs").iter().flat_map(|orbs| orbs.entries()) {
        let used = value.text().unwrap_or(orb);
        sheet.push(
            Job::new("circle", "").step(used.split('@').next().unwrap_or(used), line, value.end(), false).with("uses", sheet::value(used)),
        );
    }
    for (name, _, part) in ["jobs", "commands"].iter().filter_map(|key| root.get(key)).flat_map(|at| at.entries().collect::<Vec<_>>()) {
        let mut job = Job::new("circle", name);
        for image in part.get("docker").iter().flat_map(|docker| docker.items()) {
            job.add("image", image.text_of("image").unwrap_or_default());
        }
        for (flow, _, jobs) in root.get("workflows").iter().flat_map(|flows| flows.entries()) {
            for item in jobs.get("jobs").iter().flat_map(|jobs| jobs.items()) {
                let entry = item.entries().find(|(key, _, _)| *key == name);
                if item.text() != Some(name) && entry.is_none() {
                    continue;
                }
                job.add("on", flow);
                for need in entry.and_then(|(_, _, at)| at.get("requires")).map(|at| at.words()).unwrap_or_default() {
                    job.add("needs", need);
                }
            }
        }
        for step in part.get("steps").iter().flat_map(|steps| steps.items()) {
            if let Some(text) = step.text() {
                sheet.push(job.step(text, step.line(), step.end(), false).with("uses", sheet::value(text)));
            }
            for (key, _, value) in step.entries() {
                if key == "run" {
                    let script = if value.is_map() { value.get("command") } else { Some(value) };
                    if let Some(script) = script {
                        let title = value.text_of("name").map(|title| ("title".to_owned(), sheet::value(title)));
                        job.script(sheet, script, false, &title.into_iter().collect::<Vec<_>>());
                    }
                } else {
                    sheet.push(job.step(key, step.line(), step.end(), false).with("uses", sheet::value(key)));
                }
            }
        }
    }
}
