//! The parts of a repository that run by themselves, and where running begins.

use std::collections::{BTreeMap, BTreeSet, HashSet};

use super::{
    Links, Place, Wired,
    command::{Hint, Started, What},
    mains::Mains,
    reach::Begin,
    start::{Ground, Rank, Start, plain},
};
use crate::{
    fact::{Extract, Fact, FileId, FileInfo, Kind, Service, ServiceKind},
    language,
    source::File,
};

/// Files that a folder with code of its own has.
const MANIFESTS: &[&str] = &[
    "requirements.txt",
    "pyproject.toml",
    "setup.py",
    "setup.cfg",
    "Pipfile",
    "manage.py",
    "package.json",
    "go.mod",
    "Cargo.toml",
    "pom.xml",
    "build.gradle",
    "build.gradle.kts",
    "deno.json",
    "uv.lock",
    "poetry.lock",
];

/// How many files a command may lead to.
const DEPTH: usize = 4;

/// What was found about starting.
pub(super) struct Services {
    pub services: Vec<Service>,
    pub begin: Begin,
    pub facts: Vec<Fact>,
    pub leads: Vec<(Place, Place)>,
}

struct Found {
    root: String,
    family: &'static str,
    kind: ServiceKind,
    name: Option<String>,
    entry: FileId,
    rank: Rank,
}

struct Finder<'a> {
    files: &'a [FileInfo],
    texts: &'a [&'a File],
    links: &'a Links<'a>,
    paths: HashSet<&'a str>,
    mains: Mains,
}

/// Finds the services of a repository.
pub(super) fn find(files: &[FileInfo], extracts: &[Extract], texts: &[&File], links: &Links<'_>, wired: &[Wired]) -> Services {
    let finder =
        Finder { files, texts, links, paths: files.iter().map(|info| info.path.as_str()).collect(), mains: Mains::of(files, texts, links) };
    let mut apps: BTreeMap<FileId, &str> = BTreeMap::new();
    for fact in wired.iter().flat_map(|wired| &wired.facts).filter(|fact| fact.kind == Kind::App) {
        apps.entry(fact.file).or_insert(fact.name.as_str());
    }
    let mut found: Vec<Found> = Vec::new();
    let mut places: Vec<Place> = Vec::new();
    let mut facts = Vec::new();
    let mut starts = super::start::starts(files, extracts, texts);
    starts.sort_by_key(|start| start.rank);
    for start in &starts {
        for started in start.started() {
            let targets = finder.targets(start, &started, DEPTH);
            let first = targets.first().and_then(|(place, _)| files.get(place.file.0 as usize)).map(|info| info.path.clone());
            if !targets.is_empty() || start.rank == Rank::Deployed && !matches!(started.what, What::Binary(_, false)) {
                let mut fact = Fact::new(Kind::Entry, start.command.chars().take(200).collect::<String>(), start.line, start.end);
                fact.file = start.file;
                fact = fact.with("server", started.server.clone()).with("reload", if started.reload { "yes" } else { "no" });
                if let Some(workers) = &started.workers {
                    fact = fact.with("workers", workers.clone());
                }
                if let Some(name) = &start.name {
                    fact = fact.with("service", name.clone());
                }
                if let Some(first) = first {
                    fact = fact.with("target", first);
                }
                facts.push(fact);
            }
            for (place, hint) in targets {
                let Some(info) = files.get(place.file.0 as usize) else { continue };
                let root = finder.root(&info.path);
                let family = if hint == Hint::Ui { "script" } else { super::family_of(info.language) };
                // What a script runs counts only where nothing says what is deployed.
                if start.rank == Rank::Script
                    && found.iter().any(|one| one.rank == Rank::Deployed && one.root == root && one.family == family)
                {
                    continue;
                }
                let kind = match hint {
                    Hint::Api => ServiceKind::Api,
                    Hint::Worker => ServiceKind::Worker,
                    Hint::Ui => ServiceKind::Ui,
                    Hint::Open if start.rank == Rank::Deployed => ServiceKind::Worker,
                    Hint::Open => ServiceKind::Tool,
                };
                let named = start
                    .name
                    .clone()
                    .filter(|_| finder.files.get(start.file.0 as usize).is_some_and(|info| !info.path.ends_with("Procfile")));
                found.push(Found { root, family, kind, name: named, entry: place.file, rank: start.rank });
                places.push(place);
            }
        }
    }
    // What the frameworks' rules found, where no command was understood.
    let roots: BTreeSet<Place> = wired.iter().flat_map(|wired| wired.roots.iter().copied()).collect();
    let constructed = apps.keys().map(|file| Place { file: *file, symbol: 0 });
    let started: BTreeSet<(String, &str)> = found.iter().map(|one| (one.root.clone(), one.family)).collect();
    for (place, sure) in roots.iter().map(|place| (*place, true)).chain(constructed.map(|place| (place, false))) {
        let Some(info) = files.get(place.file.0 as usize).filter(|info| !info.test) else { continue };
        let (root, family) = (finder.root(&info.path), super::family_of(info.language));
        if started.contains(&(root.clone(), family)) && (family == "python" || family == "script" || !sure) {
            // What starts Django reads its settings, and they name the addresses.
            let django = |fact: &Fact| fact.kind == Kind::App && fact.name == "django" && fact.file == place.file;
            if sure && family == "python" && wired.iter().any(|wired| wired.facts.iter().any(django)) {
                places.push(place);
            }
            continue;
        }
        let kind = if apps.contains_key(&place.file) { ServiceKind::Api } else { ServiceKind::Worker };
        found.push(Found { root, family, kind, name: None, entry: place.file, rank: Rank::Script });
        places.push(place);
    }
    for place in finder.mains.programs.iter().copied() {
        let Some(info) = files.get(place.file.0 as usize) else { continue };
        let (root, family) = (finder.root(&info.path), super::family_of(info.language));
        found.push(Found { root, family, kind: ServiceKind::Tool, name: None, entry: place.file, rank: Rank::Script });
        places.push(place);
    }
    places.extend(finder.pages(&mut found));
    if found.iter().any(|one| one.family == "python") {
        places.extend(finder.plugins());
    }
    // Beside a service, what shows how to use it is none.
    let example = |place: &Place| files.get(place.file.0 as usize).is_some_and(|info| shown(&info.path));
    let top = |one: &Found| Place { file: one.entry, symbol: 0 };
    let beside = found.iter().any(|one| one.kind != ServiceKind::Tool && !example(&top(one)));
    if beside {
        found.retain(|one| !example(&top(one)));
        places.retain(|place| !example(place));
    }
    let services = gather(&finder, &found, wired, &apps);
    let served: BTreeSet<(String, &str)> = found.iter().map(|one| (one.root.clone(), one.family)).collect();
    let known: Vec<bool> = files
        .iter()
        .map(|info| {
            let family = super::family_of(info.language);
            served.iter().any(|(root, of)| *of == family && inside(&info.path, root))
        })
        .collect();
    places.sort_unstable();
    places.dedup();
    // Beside a service that is started otherwise a file that may also be run by hand says nothing of what is served.
    let mut tools = finder.mains.tools.clone();
    tools.extend(finder.mains.loose.iter().filter(|place| known.get(place.file.0 as usize) != Some(&true)));
    tools.retain(|place| !beside || !example(place));
    Services { services, begin: Begin { services: places, tools, known }, facts, leads: finder.named(extracts) }
}

fn holds(text: &[u8], word: &[u8]) -> bool {
    text.windows(word.len()).any(|part| part == word)
}

/// Whether a file shows how something is used: it runs nowhere.
fn shown(path: &str) -> bool {
    let folders = path.rsplit_once('/').map_or("", |(folders, _)| folders);
    folders.split('/').any(|folder| matches!(folder, "examples" | "example" | "samples" | "cookbook" | "tutorials"))
}

fn inside(path: &str, root: &str) -> bool {
    root.is_empty() || path.strip_prefix(root).is_some_and(|rest| rest.starts_with('/'))
}

/// One service for each folder and language.
fn gather(finder: &Finder<'_>, found: &[Found], wired: &[Wired], apps: &BTreeMap<FileId, &str>) -> Vec<Service> {
    let mut by: BTreeMap<(&str, &str), Vec<&Found>> = BTreeMap::new();
    for one in found {
        by.entry((&one.root, one.family)).or_default().push(one);
    }
    let routes: HashSet<FileId> =
        wired.iter().flat_map(|wired| &wired.facts).filter(|fact| fact.kind == Kind::Route).map(|fact| fact.file).collect();
    let mut services: Vec<Service> = Vec::new();
    for ((root, family), ones) in &by {
        let path = |file: FileId| finder.files.get(file.0 as usize).map_or("", |info| info.path.as_str());
        let nested = |path: &str| by.keys().any(|(other, _)| other.len() > root.len() && inside(path, other) && inside(other, root));
        let mine = |file: FileId| {
            let info = finder.files.get(file.0 as usize);
            info.is_some_and(|info| super::family_of(info.language) == *family && inside(&info.path, root) && !nested(&info.path))
        };
        let mut kind = ones.iter().map(|one| one.kind).min().unwrap_or(ServiceKind::Tool);
        let framework = apps.iter().find(|(file, _)| mine(**file)).map(|(_, name)| (*name).to_owned());
        let answers = framework.is_some() || routes.iter().any(|file| mine(*file));
        if answers && kind != ServiceKind::Ui {
            kind = ServiceKind::Api;
        }
        let mut entries: Vec<String> = ones.iter().map(|one| path(one.entry).to_owned()).collect();
        entries.sort();
        entries.dedup();
        let name = root.rsplit('/').next().filter(|name| !name.is_empty()).map(str::to_owned);
        let called: BTreeSet<&String> = ones.iter().filter_map(|one| one.name.as_ref()).collect();
        let called = called.first().filter(|_| called.len() == 1).map(|name| (*name).clone());
        let name = name.or(called).unwrap_or_else(|| "repository".to_owned());
        let language = ones.first().and_then(|one| finder.files.get(one.entry.0 as usize)).map_or(*family, |info| info.language).to_owned();
        services.push(Service { name, root: (*root).to_owned(), language, framework, kind, entries });
    }
    if services.is_empty() {
        let mut counts: BTreeMap<&str, usize> = BTreeMap::new();
        for info in finder.files.iter().filter(|info| !info.test && language::of(&info.path).is_some()) {
            *counts.entry(info.language).or_default() += 1;
        }
        if let Some((language, _)) = counts.into_iter().max_by_key(|(_, count)| *count) {
            services.push(Service {
                name: "repository".into(),
                root: String::new(),
                language: language.to_owned(),
                framework: None,
                kind: ServiceKind::Library,
                entries: Vec::new(),
            });
        }
    }
    // Of two in one folder the one that answers comes last: a path belongs to it.
    services.sort_by(|a, b| (&a.root, std::cmp::Reverse(a.kind), &a.language).cmp(&(&b.root, std::cmp::Reverse(b.kind), &b.language)));
    services
}

impl<'a> Finder<'a> {
    fn id(&self, path: &str) -> Option<FileId> {
        self.links.file(path)
    }

    fn has(&self, path: &str) -> bool {
        self.paths.contains(path)
    }

    /// The folder of the service that a file belongs to: the nearest with a manifest.
    fn root(&self, path: &str) -> String {
        let mut around = path.rsplit_once('/').map_or("", |(folder, _)| folder);
        loop {
            let join = |name: &&str| if around.is_empty() { (*name).to_owned() } else { format!("{around}/{name}") };
            // Python needs no manifest: a folder with an image of its own is one by itself.
            let image = || path.ends_with(".py") && self.has(&join(&"Dockerfile"));
            if around.is_empty() || MANIFESTS.iter().any(|name| self.declares(&join(name))) || image() {
                return around.to_owned();
            }
            around = around.rsplit_once('/').map_or("", |(folder, _)| folder);
        }
    }

    /// Whether a manifest is there. A module may be called `setup.py` as well: what packages says so.
    fn declares(&self, path: &str) -> bool {
        if !self.has(path) {
            return false;
        }
        let named = path == "setup.py" || path.ends_with("/setup.py");
        let text = named.then(|| self.id(path).and_then(|id| self.texts.get(id.0 as usize))).flatten();
        text.is_none_or(|file| ["setuptools", "distutils", "skbuild", "Cython"].iter().any(|word| holds(&file.bytes, word.as_bytes())))
    }

    /// The places in code that a command begins with.
    fn targets(&self, start: &Start, started: &Started, depth: usize) -> Vec<(Place, Hint)> {
        let ground = &start.ground;
        let top = |file: FileId| Place { file, symbol: 0 };
        match &started.what {
            What::Module(name, item) => {
                let Some(file) = self.python(ground, name) else { return Vec::new() };
                let mut places = vec![(top(file), started.kind)];
                if let Some(place) = item.as_ref().and_then(|item| self.links.place(file, item)) {
                    places.push((place, started.kind));
                }
                places
            }
            What::File(path) => self.file(start, started, path, depth),
            What::Script(name) => self.script(start, name, depth),
            What::Binary(name, by_path) => {
                if let Some(place) = self.console(name) {
                    return vec![(place, started.kind), (Place { symbol: 0, ..place }, started.kind)];
                }
                let near: Vec<Place> = self.mains.programs.iter().copied().filter(|place| self.near(ground, *place)).collect();
                let path = |place: &Place| self.files.get(place.file.0 as usize).map_or("", |info| info.path.as_str());
                let named: Vec<Place> = near.iter().copied().filter(|place| path(place).split('/').any(|part| part == name)).collect();
                // Any other word may be a program of the image.
                let chosen = if named.is_empty() && *by_path { near } else { named };
                chosen.into_iter().map(|place| (place, started.kind)).collect()
            }
            What::Folder => {
                for name in ["app.py", "wsgi.py", "main.py", "app/main.py", "app/__init__.py", "run.py"] {
                    if matches!(started.server.as_str(), "flask" | "fastapi" | "quart")
                        && let Some(file) = ground.paths(name).iter().find_map(|path| self.id(path))
                    {
                        return vec![(top(file), started.kind)];
                    }
                }
                if matches!(started.kind, Hint::Ui) {
                    return self.ui(ground).into_iter().map(|place| (place, Hint::Ui)).collect();
                }
                let mains = self.mains.programs.clone();
                mains.into_iter().filter(|place| self.near(ground, *place)).map(|place| (place, started.kind)).collect()
            }
        }
    }

    /// Whether a place lies in the first folder of a ground.
    fn near(&self, ground: &Ground, place: Place) -> bool {
        let Some(info) = self.files.get(place.file.0 as usize) else { return false };
        ground.folders.first().is_none_or(|folder| inside(&info.path, folder))
    }

    /// The function that a Python package installs as a command of this name.
    fn console(&self, name: &str) -> Option<Place> {
        for (number, info) in self.files.iter().enumerate() {
            if !matches!(info.path.rsplit('/').next(), Some("pyproject.toml" | "setup.py" | "setup.cfg")) {
                continue;
            }
            let text = self.texts.get(number).map(|file| crate::source::text(&file.bytes)).unwrap_or_default();
            for line in text.lines().filter(|line| line.contains(name) && line.contains(':')) {
                let line: String = line.chars().map(|c| if matches!(c, '"' | '\'' | ',' | '[' | ']') { ' ' } else { c }).collect();
                let Some((key, value)) = line.split_once('=').filter(|(key, _)| key.split_whitespace().last() == Some(name)) else {
                    continue;
                };
                let _ = key;
                let Some((module, item)) = value.trim().split_once(':') else { continue };
                let folder = info.path.rsplit_once('/').map_or("", |(folder, _)| folder);
                let mut ground = Ground::folder(folder);
                ground.folders.push(plain(&format!("{folder}/src")));
                let file = self.python(&ground, module.trim())?;
                let item = item.split_whitespace().next().unwrap_or("");
                return Some(self.links.place(file, item).unwrap_or(Place { file, symbol: 0 }));
            }
        }
        None
    }

    /// What Python packages offer to whoever loads plugins by their entry points.
    fn plugins(&self) -> Vec<Place> {
        let mut found = Vec::new();
        for (number, info) in self.files.iter().enumerate().filter(|(_, info)| info.path.rsplit('/').next() == Some("pyproject.toml")) {
            let text = self.texts.get(number).map(|file| crate::source::text(&file.bytes)).unwrap_or_default();
            let folder = info.path.rsplit_once('/').map_or("", |(folder, _)| folder);
            let mut ground = Ground::folder(folder);
            ground.folders.push(plain(&format!("{folder}/src")));
            let mut within = false;
            for line in text.lines().map(str::trim) {
                if line.starts_with('[') {
                    within = line.starts_with("[project.entry-points") || line.starts_with("[tool.poetry.plugins");
                }
                let Some((_, target)) = line.split_once('=').filter(|_| within) else { continue };
                let target = target.trim().trim_matches(['"', '\'']);
                let (module, item) = target.split_once(':').unwrap_or((target, ""));
                let Some(file) = self.python(&ground, module) else { continue };
                found.push(Place { file, symbol: 0 });
                found.extend(self.links.symbol(file, item).map(|symbol| Place { file, symbol }));
            }
        }
        found
    }

    /// Where code starts a server by the name of a module: `uvicorn.run("app.main:app")`.
    fn named(&self, extracts: &[Extract]) -> Vec<(Place, Place)> {
        let mut leads = Vec::new();
        for (number, extract) in extracts.iter().enumerate() {
            for fact in extract.facts.iter().filter(|fact| {
                fact.kind == Kind::Call && matches!(fact.name.as_str(), "uvicorn.run" | "uvicorn.Config" | "granian.Granian")
            }) {
                let Some((module, item)) = fact.get("0").and_then(|target| target.split_once(':')) else { continue };
                let folder = self.files.get(number).and_then(|info| info.path.rsplit_once('/')).map_or("", |(folder, _)| folder);
                let Some(file) = self.python(&Ground::folder(folder), module) else { continue };
                let from = Place { file: super::file_id(number), symbol: fact.symbol };
                leads.push((from, Place { file, symbol: 0 }));
                leads.extend(self.links.place(file, item).map(|place| (from, place)));
            }
        }
        leads
    }

    /// The file of a Python module that is named in a command.
    fn python(&self, ground: &Ground, name: &str) -> Option<FileId> {
        let path = name.strip_suffix(".py").unwrap_or(name).replace('.', "/");
        let forms = [format!("{path}.py"), format!("{path}/__main__.py"), format!("{path}/__init__.py")];
        let found = forms.iter().find_map(|form| ground.paths(form).iter().find_map(|path| self.id(path)));
        let found = found.or_else(|| {
            let search = ground.search.iter().flat_map(|folder| forms.iter().map(move |form| format!("/{folder}/{form}")));
            search.into_iter().find_map(|path| ground.paths(&path).iter().find_map(|path| self.id(path)))
        });
        found.or_else(|| {
            let mut ends = self
                .files
                .iter()
                .enumerate()
                .filter(|(_, info)| !info.test && forms.iter().any(|form| info.path.ends_with(&format!("/{form}"))));
            match (ends.next(), ends.next()) {
                (Some((number, _)), None) => Some(super::file_id(number)),
                _ => None,
            }
        })
    }

    fn file(&self, start: &Start, started: &Started, path: &str, depth: usize) -> Vec<(Place, Hint)> {
        let ground = &start.ground;
        let mut candidates = ground.paths(path);
        if path.ends_with(".js") || !path.contains('.') {
            // What is built from TypeScript stands elsewhere before.
            let stem = path.trim_start_matches("./").trim_end_matches(".js");
            let inner =
                ["dist/", "build/", "out/", "lib/"].iter().find_map(|folder| stem.split_once(folder).map(|(_, rest)| rest)).unwrap_or(stem);
            for form in [
                format!("src/{inner}.ts"),
                format!("{inner}.ts"),
                format!("src/{inner}.js"),
                format!("{stem}.js"),
                format!("{stem}/index.js"),
                format!("{stem}/index.ts"),
            ] {
                candidates.extend(ground.paths(&form));
            }
        }
        if let Some(folder) = path.ends_with('.').then_some("").or_else(|| (started.server == "go").then_some(path)) {
            let folders = ground.paths(folder);
            let mains = self.mains.programs.clone();
            let here = |place: &Place| {
                let info = self.files.get(place.file.0 as usize);
                info.is_some_and(|info| {
                    folders.iter().any(|folder| plain(&info.path).rsplit_once('/').map_or("", |(folder, _)| folder) == folder)
                })
            };
            return mains.into_iter().filter(here).map(|place| (place, started.kind)).collect();
        }
        let found = candidates.iter().find_map(|path| self.id(path)).or_else(|| {
            let name = path.rsplit('/').next()?;
            let script = name.ends_with(".sh");
            let mut ends = self.files.iter().enumerate().filter(|(_, info)| script && info.path.rsplit('/').next() == Some(name));
            match (ends.next(), ends.next()) {
                (Some((number, _)), None) => Some(super::file_id(number)),
                _ => None,
            }
        });
        let Some(file) = found else { return Vec::new() };
        let Some(info) = self.files.get(file.0 as usize) else { return Vec::new() };
        if language::of(&info.path).is_some() {
            return vec![(Place { file, symbol: 0 }, started.kind)];
        }
        if depth == 0 {
            return Vec::new();
        }
        // A list of processes, then a shell script: what its lines start.
        if path.contains("ecosystem") || path.contains("pm2") {
            let Some(text) = self.texts.get(file.0 as usize) else { return Vec::new() };
            let text = crate::source::text(&text.bytes).into_owned();
            let script = text
                .split("script")
                .nth(1)
                .and_then(|rest| rest.split(['"', '\'']).find(|part| part.ends_with(".js") || part.ends_with(".ts")));
            return script.map(|script| self.file(start, started, script, depth.saturating_sub(1))).unwrap_or_default();
        }
        let Some(text) = self.texts.get(file.0 as usize).filter(|file| file.bytes.len() < 1 << 18) else { return Vec::new() };
        let text = crate::source::text(&text.bytes).replace("\\\n", " ");
        let mut all = Vec::new();
        for line in text.lines().map(str::trim).filter(|line| !line.is_empty() && !line.starts_with('#') && line.len() < 1000) {
            for started in super::command::started(&super::command::words(line), 2) {
                all.extend(self.targets(start, &started, depth - 1));
            }
        }
        all
    }

    fn script(&self, start: &Start, name: &str, depth: usize) -> Vec<(Place, Hint)> {
        if depth == 0 {
            return Vec::new();
        }
        let Some(file) = start.ground.paths("package.json").iter().find_map(|path| self.id(path)) else { return Vec::new() };
        let Some(info) = self.files.get(file.0 as usize) else { return Vec::new() };
        let Some(json) = self.texts.get(file.0 as usize).and_then(|file| serde_json::from_slice::<serde_json::Value>(&file.bytes).ok())
        else {
            return Vec::new();
        };
        let script = json.get("scripts").and_then(|scripts| scripts.get(name)).and_then(serde_json::Value::as_str);
        let command = script
            .map(str::to_owned)
            .or_else(|| Some(format!("node {}", json.get("main")?.as_str()?)))
            .unwrap_or_else(|| "node server.js".to_owned());
        let folder = info.path.rsplit_once('/').map_or("", |(folder, _)| folder);
        let inner = Start { command, ground: Ground::folder(folder), ..start.clone() };
        inner.started().iter().flat_map(|started| self.targets(&inner, started, depth - 1)).collect()
    }

    /// Where a browser's part begins: its first script, and where a framework finds pages by their path, each of them.
    fn ui(&self, ground: &Ground) -> Vec<Place> {
        const FIRST: &[&str] = &["src/main", "src/index", "src/App", "main", "index", "src/entry-client", "src/bootstrap"];
        const FOUND: &[&str] =
            &["src/middleware", "middleware", "src/instrumentation", "instrumentation", "src/proxy", "proxy", "src/hooks.server"];
        const PAGES: &[&str] = &["app/", "src/app/", "pages/", "src/pages/", "src/routes/", "app/routes/", "server/api/"];
        let folder = ground.folders.first().cloned().unwrap_or_default();
        let join = |rest: &str| if folder.is_empty() { rest.to_owned() } else { format!("{folder}/{rest}") };
        let text = self.id(&join("package.json")).and_then(|file| self.texts.get(file.0 as usize));
        let text = text.map(|file| crate::source::text(&file.bytes)).unwrap_or_default();
        let routed =
            ["\"next\"", "\"nuxt\"", "\"@sveltejs/kit\"", "\"@remix-run", "\"astro\"", "\"gatsby\""].iter().any(|name| text.contains(name));
        let files = |bases: &[&str]| -> Vec<FileId> {
            let ends = ["tsx", "ts", "jsx", "js", "mjs"];
            let paths = bases.iter().flat_map(|base| ends.map(|end| join(&format!("{base}.{end}"))));
            paths.filter_map(|path| self.id(&path)).collect()
        };
        let mut found: Vec<Place> = files(FIRST).into_iter().map(|file| Place { file, symbol: 0 }).collect();
        let mut all: Vec<FileId> = Vec::new();
        if routed {
            all.extend(files(FOUND));
            let pages: Vec<String> = PAGES.iter().map(|page| join(page)).collect();
            let scripted = |info: &FileInfo| super::family_of(info.language) == "script" && !info.test;
            for (number, info) in self.files.iter().enumerate().filter(|(_, info)| scripted(info)) {
                if pages.iter().any(|page| info.path.starts_with(page.as_str())) {
                    all.push(super::file_id(number));
                }
            }
        }
        for file in all {
            // The framework takes what such a file exports.
            let count = self.files.get(file.0 as usize).map_or(1, |info| info.symbols.len().max(1));
            found.extend((0..u32::try_from(count).unwrap_or(1)).map(|symbol| Place { file, symbol }));
        }
        found
    }

    /// Parts for browsers whose start no command told: a page that loads a script.
    fn pages(&self, found: &mut Vec<Found>) -> Vec<Place> {
        let mut places = Vec::new();
        for (number, info) in self.files.iter().enumerate().filter(|(_, info)| info.path.ends_with("package.json")) {
            let Some(text) = self.texts.get(number).map(|file| crate::source::text(&file.bytes)) else { continue };
            if !["\"react-dom\"", "\"vue\"", "\"next\"", "\"svelte\"", "\"@angular/core\"", "\"solid-js\""]
                .iter()
                .any(|name| text.contains(name))
            {
                continue;
            }
            let root = info.path.rsplit_once('/').map_or("", |(folder, _)| folder).to_owned();
            if found.iter().any(|one| one.root == root && one.family == "script") {
                continue;
            }
            for place in self.ui(&Ground::folder(&root)) {
                found.push(Found {
                    root: root.clone(),
                    family: "script",
                    kind: ServiceKind::Ui,
                    name: None,
                    entry: place.file,
                    rank: Rank::Script,
                });
                places.push(place);
            }
        }
        places
    }
}
