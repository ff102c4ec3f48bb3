//! Where a repository says how it is started: images, compose files, process files, packages.

use std::collections::BTreeMap;

use super::command::{self, Started};
use crate::{
    fact::{Extract, Fact, FileId, FileInfo, Kind},
    source::File,
};

/// A command, and where it stands.
#[derive(Debug, Clone)]
pub(super) struct Start {
    pub file: FileId,
    pub line: u32,
    pub end: u32,
    pub command: String,
    /// What the place calls it: a compose service, a process, a script.
    pub name: Option<String>,
    pub ground: Ground,
    /// How much it says about what really runs, the most first.
    pub rank: Rank,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub(super) enum Rank {
    /// A file that exists to start things.
    Deployed,
    /// A script of a package, a Makefile, a shell script.
    Script,
}

/// Where a command runs: which folder of the repository stands at which path.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub(super) struct Ground {
    /// The working folder, with slashes and without one at its end; empty for the root.
    pub dir: String,
    /// Paths there and what they are in the repository, the later first.
    pub maps: Vec<(String, String)>,
    /// Folders of the repository that are tried in turn besides.
    pub folders: Vec<String>,
    /// Further folders that modules are looked for in.
    pub search: Vec<String>,
}

impl Ground {
    /// A folder of the repository itself.
    pub fn folder(folder: &str) -> Ground {
        Ground { folders: vec![folder.to_owned(), String::new()], ..Ground::default() }
    }

    /// What a path may be in the repository, the likeliest first.
    pub fn paths(&self, path: &str) -> Vec<String> {
        let mut found = Vec::new();
        let whole = if path.starts_with('/') { plain(path) } else { plain(&format!("{}/{path}", self.dir)) };
        for (there, here) in self.maps.iter().rev() {
            if whole == *there {
                found.push(here.clone());
            } else if let Some(rest) = under(&whole, there) {
                found.push(plain(&format!("{here}/{rest}")));
            }
        }
        for folder in &self.folders {
            found.push(plain(&format!("{folder}/{}", path.trim_start_matches("./"))));
        }
        found
    }
}

/// A path without `.`, `..` and double slashes, without a slash at its begin or end.
pub(super) fn plain(path: &str) -> String {
    let mut parts: Vec<&str> = Vec::new();
    for part in path.split('/') {
        match part {
            "" | "." => {}
            ".." => {
                parts.pop();
            }
            part => parts.push(part),
        }
    }
    parts.join("/")
}

/// What stands behind a folder in a path.
fn under<'a>(path: &'a str, folder: &str) -> Option<&'a str> {
    if folder.is_empty() {
        return Some(path);
    }
    path.strip_prefix(folder).and_then(|rest| rest.strip_prefix('/'))
}

fn folder(path: &str) -> &str {
    path.rsplit_once('/').map_or("", |(folder, _)| folder)
}

/// All commands that start something.
pub(super) fn starts(files: &[FileInfo], extracts: &[Extract], texts: &[&File]) -> Vec<Start> {
    let mut found = Vec::new();
    let contexts = contexts(files, extracts);
    for (number, (info, extract)) in files.iter().zip(extracts).enumerate().filter(|(_, (info, _))| !info.test) {
        let file = super::file_id(number);
        if extract.facts.iter().any(|fact| fact.kind == Kind::Docker) {
            found.extend(image(file, info, extract, contexts.get(&info.path).map_or(&[], Vec::as_slice)));
        }
        for fact in extract.facts.iter().filter(|fact| fact.kind == Kind::Compose && fact.name == "service") {
            found.extend(service(file, info, extract, fact, files, extracts));
        }
        let name = info.path.rsplit('/').next().unwrap_or("");
        let Some(text) = texts.get(number).filter(|file| file.bytes.len() < 1 << 20) else { continue };
        let own = Ground::folder(folder(&info.path));
        let mut add = |line: usize, command: &str, name: Option<&str>, rank: Rank| {
            let line = u32::try_from(line + 1).unwrap_or(u32::MAX);
            let (command, name) = (command.trim().to_owned(), name.map(str::to_owned));
            found.push(Start { file, line, end: line, command, name, ground: own.clone(), rank });
        };
        let lines = || crate::source::text(&text.bytes).lines().map(str::to_owned).enumerate().collect::<Vec<_>>();
        match name {
            "Procfile" => {
                for (at, line) in lines() {
                    if let Some((name, command)) = line.split_once(':').filter(|(name, _)| !name.trim_start().starts_with('#')) {
                        add(at, command, Some(name.trim()), Rank::Deployed);
                    }
                }
            }
            "package.json" => {
                let scripts: Vec<(String, String)> = serde_json::from_slice::<serde_json::Value>(&text.bytes)
                    .ok()
                    .and_then(|json| json.get("scripts")?.as_object().cloned())
                    .into_iter()
                    .flatten()
                    .filter_map(|(name, value)| Some((name, value.as_str()?.to_owned())))
                    .collect();
                let start = ["start:prod", "start", "serve", "dev", "develop"]
                    .iter()
                    .find_map(|wanted| scripts.iter().find(|(name, _)| name == wanted));
                if let Some((name, command)) = start {
                    let at = lines().iter().find(|(_, line)| line.contains(&format!("\"{name}\""))).map_or(0, |(at, _)| *at);
                    add(at, command, None, Rank::Script);
                }
            }
            _ if name.ends_with(".service") || name.ends_with(".conf") || name == "supervisord.conf" => {
                for (at, line) in lines() {
                    if let Some(command) = line.trim().strip_prefix("ExecStart=").or_else(|| line.trim().strip_prefix("command=")) {
                        add(at, command.trim_start_matches(['-', '@', '+', '!', ':']), None, Rank::Deployed);
                    }
                }
            }
            "railway.json" | "railway.toml" | "render.yaml" | "nixpacks.toml" | "fly.toml" | "app.yaml" | "apprunner.yaml" => {
                for (at, line) in lines() {
                    let line = line.trim().trim_start_matches("- ");
                    let Some((key, value)) = line.split_once([':', '=']) else { continue };
                    let key = key.trim().trim_matches('"');
                    if matches!(key, "startCommand" | "entrypoint" | "cmd" | "app" | "web" | "command") && value.trim().len() > 3 {
                        add(at, value.trim().trim_end_matches(',').trim_matches('"'), None, Rank::Deployed);
                    }
                }
            }
            _ if name.ends_with(".sh") || name == "Makefile" || name == "justfile" => {
                for (at, line) in lines() {
                    let line = line.trim().trim_start_matches('@');
                    if line.len() < 400 && !line.starts_with('#') && SERVERS.iter().any(|server| line.contains(server)) {
                        add(at, line, None, Rank::Script);
                    }
                }
            }
            _ => {}
        }
    }
    found
}

const SERVERS: &[&str] = &[
    "uvicorn ",
    "gunicorn ",
    "hypercorn ",
    "daphne ",
    "celery ",
    "flask ",
    "fastapi ",
    "python ",
    "python3 ",
    "node ",
    "go run",
    "cargo run",
    "rq worker",
    "dramatiq ",
    "streamlit ",
];

/// What an image starts.
fn image(file: FileId, info: &FileInfo, extract: &Extract, contexts: &[String]) -> Vec<Start> {
    let own = folder(&info.path);
    let mut contexts = contexts.to_vec();
    let mut around = own;
    loop {
        contexts.push(around.to_owned());
        if around.is_empty() {
            break;
        }
        around = folder(around);
    }
    contexts.dedup();
    let context = contexts.first().cloned().unwrap_or_default();
    let last: Vec<&Fact> = extract.facts.iter().filter(|fact| fact.kind == Kind::Docker && fact.get("final") == Some("yes")).collect();
    let mut ground = Ground { folders: contexts, ..Ground::default() };
    let mut order: Vec<&Fact> = last.clone();
    order.sort_by_key(|fact| fact.line);
    for fact in order {
        let value = fact.get("value").unwrap_or("");
        match fact.name.as_str() {
            "workdir" => ground.dir = if value.starts_with('/') { plain(value) } else { plain(&format!("{}/{value}", ground.dir)) },
            "copy" | "add" if fact.get("from").is_none() => {
                let target = fact.get("target").unwrap_or(".");
                let there = if target.starts_with('/') { plain(target) } else { plain(&format!("{}/{target}", ground.dir)) };
                for source in fact.all("source") {
                    let here = plain(&format!("{context}/{source}"));
                    // A file keeps its name where the target is a folder.
                    let name = source.trim_end_matches('/').rsplit('/').next().unwrap_or("");
                    if target.ends_with('/') && name.contains('.') && name != "."
                        || target == "." && name.contains('.') && name != "." && !source.ends_with('/')
                    {
                        ground.maps.push((plain(&format!("{there}/{name}")), here));
                    } else {
                        ground.maps.push((there.clone(), here));
                    }
                }
            }
            "env" if fact.get("key") == Some("PYTHONPATH") => ground.search.extend(fact.get("default").unwrap_or("").split(':').map(plain)),
            _ => {}
        }
    }
    let of = |name: &str| last.iter().rev().find(|fact| fact.name == name && fact.get("last") != Some("no"));
    let (entry, cmd) = (of("entrypoint"), of("cmd"));
    let Some(main) = entry.or(cmd) else { return Vec::new() };
    let text = |fact: Option<&&Fact>| fact.and_then(|fact| fact.get("value")).unwrap_or("").to_owned();
    let commands = if entry.is_some() { vec![text(entry), text(cmd), format!("{} {}", text(entry), text(cmd))] } else { vec![text(cmd)] };
    let whole = commands.into_iter().find(|command| !command::started(&command::words(command), 3).is_empty());
    let command = whole.unwrap_or_else(|| text(Some(main)));
    vec![Start { file, line: main.line, end: main.end, command, name: None, ground, rank: Rank::Deployed }]
}

/// What a compose service starts by a command of its own.
fn service(file: FileId, info: &FileInfo, extract: &Extract, fact: &Fact, files: &[FileInfo], extracts: &[Extract]) -> Option<Start> {
    let command = fact.get("command").or_else(|| fact.get("entrypoint"))?.to_owned();
    let name = fact.get("service").unwrap_or("");
    let own = folder(&info.path);
    let built = fact.get("build").map(|build| plain(&format!("{own}/{build}")));
    let context = built.clone().unwrap_or_else(|| own.to_owned());
    let docker = built.map(|built| plain(&format!("{built}/{}", fact.get("dockerfile").unwrap_or("Dockerfile"))));
    let mut ground = docker
        .and_then(|path| files.iter().position(|info| info.path == path))
        .and_then(|number| Some(image(super::file_id(number), files.get(number)?, extracts.get(number)?, std::slice::from_ref(&context))))
        .and_then(|starts| starts.into_iter().next())
        .map_or_else(|| Ground::folder(&context), |start| start.ground);
    let volumes = format!("services.{name}.volumes");
    for volume in extract.facts.iter().filter(|fact| fact.kind == Kind::Compose && fact.name == volumes && fact.get("bind") == Some("yes"))
    {
        if let (Some(source), Some(target)) = (volume.get("source"), volume.get("target")) {
            ground.maps.push((plain(target), plain(&format!("{own}/{source}"))));
        }
    }
    let line = extract.facts.iter().find(|fact| fact.kind == Kind::Compose && fact.name == format!("services.{name}.command"));
    let (line, end) = line.map_or((fact.line, fact.line), |fact| (fact.line, fact.end));
    Some(Start { file, line, end, command, name: Some(name.to_owned()), ground, rank: Rank::Deployed })
}

/// Which folders the images are built in, by the path of their Dockerfile.
fn contexts(files: &[FileInfo], extracts: &[Extract]) -> BTreeMap<String, Vec<String>> {
    let mut found: BTreeMap<String, Vec<String>> = BTreeMap::new();
    for (info, extract) in files.iter().zip(extracts) {
        for fact in extract.facts.iter().filter(|fact| fact.kind == Kind::Compose && fact.name == "service") {
            let Some(build) = fact.get("build") else { continue };
            let context = plain(&format!("{}/{build}", folder(&info.path)));
            let path = plain(&format!("{context}/{}", fact.get("dockerfile").unwrap_or("Dockerfile")));
            let known = found.entry(path).or_default();
            if !known.contains(&context) {
                known.push(context);
            }
        }
    }
    found
}

impl Start {
    /// What it starts.
    pub fn started(&self) -> Vec<Started> {
        command::started(&command::words(&self.command), 3)
    }
}
