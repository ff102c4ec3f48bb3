//! Pipelines: what is run when something changes.
//!
//! Each step is a fact; a script is one fact per command. `uses` or `run`, `job`, `on` (each
//! trigger), `needs`, `tolerated` where a failure is ignored, `if`, `environment`, `image`,
//! `with.*` for the inputs of an action, `title` for the step's own name, `stage`, `system`.
//! Values of the file itself (permissions, concurrency, schedules) are `value` facts whose path
//! begins with the system's name.

use crate::fact::{Extract, Fact, Kind};

use super::{
    base, ending,
    node::{At, Doc},
    sheet::{self, Sheet, yes},
    shell, yaml,
};

mod azure;
mod circle;
mod github;
mod gitlab;
mod jenkins;

/// Reads the file of a pipeline.
pub fn read(path: &str, text: &str) -> Option<(&'static str, Extract)> {
    let name = base(path);
    let lower = name.to_ascii_lowercase();
    let yaml = matches!(ending(path), "yml" | "yaml");
    let within = |folder: &str| path.starts_with(folder) || path.contains(&format!("/{folder}"));
    let mut sheet = Sheet::default();
    if yaml && (within(".github/workflows/") || within(".gitea/workflows/") || within(".forgejo/workflows/")) {
        whole(&mut sheet, text, github::workflow);
    } else if yaml && matches!(name, "action.yml" | "action.yaml") && text.contains("runs:") {
        whole(&mut sheet, text, github::composite);
    } else if yaml && (lower.starts_with(".gitlab-ci") || lower.ends_with(".gitlab-ci.yml") || within(".gitlab/ci/")) {
        whole(&mut sheet, text, gitlab::read);
    } else if yaml && within(".circleci/") {
        whole(&mut sheet, text, circle::read);
    } else if yaml
        && (lower.starts_with("azure-pipelines") || within(".azure-pipelines/") || within(".azuredevops/") || text.starts_with("trigger:"))
    {
        whole(&mut sheet, text, azure::read);
    } else if yaml
        && matches!(
            name,
            "bitbucket-pipelines.yml"
                | ".travis.yml"
                | ".drone.yml"
                | ".woodpecker.yml"
                | "cloudbuild.yaml"
                | "cloudbuild.yml"
                | "buildspec.yml"
                | "buildspec.yaml"
                | "appveyor.yml"
                | ".appveyor.yml"
                | ".cirrus.yml"
        )
    {
        whole(&mut sheet, text, other);
    } else if lower.starts_with("jenkinsfile") || lower.ends_with(".jenkinsfile") {
        jenkins::read(&mut sheet, text);
    } else {
        return None;
    }
    Some(("pipeline", sheet.done()))
}

fn whole(sheet: &mut Sheet, text: &str, reader: fn(&mut Sheet, At<'_>)) {
    let doc: Doc = yaml::read(text);
    sheet.trouble(doc.trouble.iter().cloned());
    for root in doc.documents() {
        reader(sheet, root);
    }
}

/// What all steps of a job share.
#[derive(Debug, Clone, Default)]
struct Job {
    system: &'static str,
    name: String,
    attrs: Vec<(String, String)>,
    tolerated: bool,
}

impl Job {
    fn new(system: &'static str, name: &str) -> Job {
        Job { system, name: name.to_owned(), ..Job::default() }
    }
    fn add(&mut self, key: &str, value: &str) {
        if self.attrs.len() < 64 {
            self.attrs.push((key.to_owned(), sheet::value(value)));
        }
    }
    /// A step of this job.
    fn step(&self, name: &str, line: u32, end: u32, tolerated: bool) -> Fact {
        let mut fact = Fact::new(Kind::Step, sheet::value(name), line, end)
            .with("system", self.system)
            .with("job", sheet::value(&self.name))
            .with("tolerated", yes(tolerated || self.tolerated));
        fact.attrs.extend(self.attrs.iter().cloned());
        fact
    }
    /// One step for each command of a script.
    fn script(&self, sheet: &mut Sheet, script: At<'_>, tolerated: bool, more: &[(String, String)]) {
        let Some(text) = script.text() else { return };
        for command in shell::commands(text, script.line()) {
            let (line, end) = if script.end() < command.end { (script.line(), script.end()) } else { (command.line, command.end) };
            let mut fact = self.step(&command.name, line, end, tolerated || command.tolerated).with("run", command.run);
            if command.beside {
                fact = fact.with("beside", "yes");
            }
            fact.attrs.extend(more.iter().cloned());
            sheet.push(fact);
        }
    }
    /// Scripts that are one text or a list of texts.
    fn scripts(&self, sheet: &mut Sheet, scripts: At<'_>, tolerated: bool, more: &[(String, String)]) {
        self.script(sheet, scripts, tolerated, more);
        for item in scripts.items() {
            self.script(sheet, item, tolerated, more);
            // GitLab flattens lists in lists.
            for inner in item.items() {
                self.script(sheet, inner, tolerated, more);
            }
        }
    }
}

/// What Travis runs for a language where nothing else is written; for Python it wants a script.
fn default_command(language: &str) -> Option<&'static str> {
    match language {
        "java" | "scala" | "kotlin" => Some("mvn test -B"),
        "node_js" => Some("npm test"),
        "go" => Some("go test ./..."),
        "rust" => Some("cargo test --verbose"),
        _ => None,
    }
}

/// Systems whose files have lists of scripts somewhere: all texts below the keys that hold commands.
fn other(sheet: &mut Sheet, root: At<'_>) {
    const SCRIPTS: &[&str] = &["script", "commands", "before_script", "after_success", "install", "build_script", "test_script", "args"];
    let mut job = Job::new("other", "");
    // Travis starts services beside all jobs, and runs the build tool's tests where no script is written.
    let travis = |name: &str| root.entries().find(|(key, _, _)| *key == name).map(|(_, _, value)| value);
    if let Some(services) = travis("services") {
        services.items().filter_map(|service| service.text()).for_each(|service| job.add("service", service));
    }
    if travis("script").is_none()
        && let Some(language) = travis("language")
        && let Some(command) = default_command(language.text().unwrap_or_default())
    {
        let name = command.split(" -").next().unwrap_or(command);
        sheet.push(job.step(name, language.line(), language.end(), false).with("run", command));
    }
    let mut stack = vec![(root, String::new(), 0_u32)];
    let mut steps = 0;
    while let Some((at, key, depth)) = stack.pop() {
        steps += 1;
        if steps > 20_000 || depth > 32 {
            continue;
        }
        if SCRIPTS.contains(&key.as_str()) {
            job.scripts(sheet, at, false, &[]);
        }
        let below: Vec<_> = at
            .items()
            .map(|item| (item, String::new(), depth + 1))
            .chain(at.entries().map(|(key, _, value)| (value, key.to_owned(), depth + 1)))
            .collect();
        stack.extend(below.into_iter().rev());
    }
}
