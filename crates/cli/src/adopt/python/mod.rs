//! Python: FastAPI, Starlette, Flask, Quart; Django has a file of its own.

mod django;
mod imports;
mod routes;

use super::{
    declared::{self, Declared},
    found::{Evidence, Service, Start},
    source::{Call, Language, Source, literals, size},
    tree::{Tree, below, join, parent},
    words,
};

/// What marks the top of a Python project.
pub const MANIFESTS: &[&str] = &["pyproject.toml", "requirements.txt", "setup.py", "setup.cfg", "Pipfile", "manage.py"];

/// Constructors of applications, the package they come from, and what the framework is called.
const APPS: &[(&str, &str, &str)] =
    &[("FastAPI", "fastapi", "FastAPI"), ("Starlette", "starlette", "Starlette"), ("Flask", "flask", "Flask"), ("Quart", "quart", "Quart")];

/// Most constructors of one file that are looked at.
const APPS_BOUND: usize = 20;

/// An application in source.
struct App<'a> {
    source: &'a Source,
    framework: &'static str,
    /// Its name, or that of the function that makes it.
    name: String,
    factory: bool,
    evidence: Evidence,
    score: i32,
    call: Call<'a>,
}

/// The services in Python.
pub fn recognise(tree: &Tree) -> Vec<Service> {
    let mut found = django::recognise(tree);
    for app in apps(tree) {
        let root = tree.unit(&app.source.path, MANIFESTS);
        found.push(service(tree, root, &app));
    }
    found
}

fn sources<'a>(tree: &'a Tree, root: &'a str) -> impl Iterator<Item = &'a Source> {
    tree.sources.iter().filter(move |source| source.language == Language::Python && below(root, &source.path).is_some())
}

fn apps(tree: &Tree) -> Vec<App<'_>> {
    let mut found = Vec::new();
    for source in sources(tree, "") {
        for (class, package, framework) in APPS {
            if !source.text.contains(package) {
                continue;
            }
            for call in source.calls_of(class).take(APPS_BOUND) {
                let Some((name, indent)) = call.target() else {
                    // `return FastAPI(…)` in a function.
                    let before = source.bare()[..call.start].trim_end_matches(' ');
                    if let Some(function) = before.ends_with("return").then(|| function_around(source, call.start)).flatten() {
                        found.push(app(tree, source, framework, function, true, call));
                    }
                    continue;
                };
                match indent {
                    0 => found.push(app(tree, source, framework, name.to_owned(), false, call)),
                    _ => {
                        if let Some(function) = function_around(source, call.start) {
                            found.push(app(tree, source, framework, function, true, call));
                        }
                    }
                }
            }
        }
    }
    found
}

fn app<'a>(tree: &'a Tree, source: &'a Source, framework: &'static str, name: String, factory: bool, call: Call<'a>) -> App<'a> {
    let stem = source.path.rsplit('/').next().and_then(|file| file.strip_suffix(".py")).unwrap_or("");
    let usual = ["main", "app", "server", "asgi", "wsgi", "application", "api", "run", "index", "__init__"].contains(&stem);
    let depth = i32::try_from(source.path.matches('/').count()).unwrap_or(0);
    let mounted = source.calls_of("mount").any(|mount| mount.positional(1) == Some(name.as_str()));
    let score = i32::from(usual) * 10 + i32::from(!factory) * 5 + i32::from(name == "app" || name == "create_app") * 2
        - depth * 2
        - i32::from(mounted) * 30;
    let what = if factory { format!("{name}() makes {framework}") } else { format!("{name} = {framework}()") };
    let evidence = Evidence::call(&call, what);
    let mut app = App { source, framework, name, factory, evidence, score, call };
    if factory && let Some((used, name, evidence)) = called_at_top(tree, &app.name) {
        (app.source, app.name, app.factory, app.evidence) = (used, name, false, evidence);
    }
    app
}

/// A module that calls the factory itself: `app = create_app()`.
fn called_at_top<'a>(tree: &'a Tree, factory: &str) -> Option<(&'a Source, String, Evidence)> {
    sources(tree, "").find_map(|source| {
        let call = source.calls().filter(|call| call.name == factory).find(|call| call.target().is_some_and(|(_, indent)| indent == 0))?;
        let (name, _) = call.target()?;
        let evidence = Evidence::call(&call, format!("{name} = {factory}()"));
        Some((source, name.to_owned(), evidence))
    })
}

/// The name of the function, at the left edge, in which this stands.
fn function_around(source: &Source, at: usize) -> Option<String> {
    let before = &source.bare()[..at];
    let line = before.lines().rev().find(|line| !line.starts_with([' ', '\t', ')', '#', '"']) && !line.trim().is_empty())?;
    let rest = line.strip_prefix("async def ").or_else(|| line.strip_prefix("def "))?;
    // A factory that needs arguments cannot be named on a command line; those with defaults can.
    Some(rest.split('(').next()?.trim().to_owned())
}

fn service(tree: &Tree, root: String, app: &App<'_>) -> Service {
    let mut service = Service::new(root.clone(), parent(&app.source.path), app.framework);
    service.score = app.score;
    service.start = start(tree, &root, app);
    // A command of the project that names this very module settles it.
    service.score += if service.start.evidence.len() > 1 { 50 } else { 0 };
    service.name = name(tree, &root);
    service.timeout = timeout(&service.start);
    for source in sources(tree, &root) {
        origins(tree, &root, source, &mut service);
        uploads(source, &mut service);
        if service.hosts.is_none() {
            service.hosts = trusted_hosts(source);
        }
    }
    routes::collect(tree, &root, &app.call, app.framework, &mut service);
    service
}

fn start(tree: &Tree, root: &str, app: &App<'_>) -> Start {
    let mut start = Start { evidence: vec![app.evidence.clone()], ..Start::default() };
    let (base, module) = module(tree, root, app.source);
    let target = format!("{module}:{}", app.name);
    let declared = declared::commands(tree, root);
    if let Some(one) = declared.iter().find(|one| names(tree, root, one, &target)) {
        let fitted = words::fit(&one.words);
        start.words = with_runner(tree, root, &mut start.evidence, fitted.words);
        (start.before, start.notes) = (one.before.clone(), fitted.notes);
        start.evidence.push(one.evidence.clone());
        return start;
    }
    for one in &declared {
        start.notes.push(format!(
            "not taken over: `{}` ({}), because it does not name {target}",
            words::line(&one.words),
            one.evidence.place()
        ));
    }
    let asgi = matches!(app.framework, "FastAPI" | "Starlette" | "Quart");
    let wanted: &[&str] = if asgi { &["uvicorn", "hypercorn", "granian"] } else { &["gunicorn", "waitress"] };
    let known = wanted.iter().find_map(|name| Some((*name, dependency(tree, root, name)?)));
    let server = known.as_ref().map_or(if asgi { "uvicorn" } else { "flask" }, |(name, _)| *name);
    start.evidence.extend(known.map(|(_, evidence)| evidence));
    let target = match (app.factory, server) {
        (true, "gunicorn") => format!("{target}()"),
        _ => target,
    };
    let mut line: Vec<&str> = match server {
        "flask" => vec!["flask", "--app", &target, "run"],
        "waitress" => vec!["waitress-serve"],
        other => vec![other, &target],
    };
    match server {
        "uvicorn" | "granian" if app.factory => line.push("--factory"),
        "waitress" if app.factory => line.push("--call"),
        "flask" => start.notes.push("flask's own server is for the author's desk; install gunicorn for users".into()),
        _ => {}
    }
    if !base.is_empty() {
        match server {
            "uvicorn" => line.extend(["--app-dir", &base]),
            "gunicorn" => line.extend(["--chdir", &base]),
            _ => start.notes.push(format!("start it in the folder {base}")),
        }
    }
    if server == "granian" {
        line.extend(["--interface", "asgi"]);
    }
    line.extend(words::port_words(if server == "waitress" { "waitress-serve" } else { server }));
    if server == "waitress" {
        line.push(&target);
    }
    start.words = with_runner(tree, root, &mut start.evidence, line.into_iter().map(str::to_owned).collect());
    start
}

/// Whether the command starts this application: one of its words names it, or the package that
/// passes it on; the command lines of Flask and FastAPI also find it by themselves.
fn names(tree: &Tree, root: &str, one: &Declared, target: &str) -> bool {
    let (module, name) = target.split_once(':').unwrap_or((target, ""));
    let package = module.rsplit_once('.').filter(|(package, last)| {
        let init = tree.source(&join(root, &format!("{}/__init__.py", package.replace('.', "/"))));
        init.is_some_and(|source| source.code().contains(&format!("from .{last} import")))
    });
    let passed_on = package.map(|(package, _)| format!("{package}:{name}"));
    let file = format!("{}.py", module.replace('.', "/"));
    let bare = |word: &str| word.strip_suffix("()").unwrap_or(word).to_owned();
    let loose = match words::program(&one.words) {
        // What `fastapi run` looks for when it is given no file.
        "fastapi" => {
            !one.words.iter().any(|word| word.ends_with(".py"))
                && ["main.py", "app.py", "api.py", "app/main.py", "app/app.py", "app/api.py"].contains(&file.as_str())
        }
        "flask" => one.words.iter().any(|word| word == module),
        _ => false,
    };
    loose || one.words.iter().any(|word| bare(word) == target || Some(bare(word)) == passed_on || *word == file)
}

/// Puts the runner of the project's lock file before the command.
fn with_runner(tree: &Tree, root: &str, evidence: &mut Vec<Evidence>, words: Vec<String>) -> Vec<String> {
    let runners = [("uv.lock", "uv"), ("poetry.lock", "poetry"), ("Pipfile.lock", "pipenv"), ("pdm.lock", "pdm")];
    let runner = runners.into_iter().find_map(|(lock, runner)| {
        // In a workspace the lock lies further up.
        let mut folder = root;
        while !tree.has(folder, lock) {
            if folder.is_empty() {
                return None;
            }
            folder = parent(folder);
        }
        Some((join(folder, lock), runner))
    });
    match runner.filter(|(_, runner)| words.first().is_some_and(|word| word != runner)) {
        Some((lock, runner)) => {
            evidence.push(Evidence::file(&lock, format!("dependencies are locked with {runner}")));
            [runner, "run"].into_iter().map(str::to_owned).chain(words).collect()
        }
        None => words,
    }
}

/// The folder to import from, relative to the root, and the module's name: the folder in which
/// most of what the file imports is found.
fn module(tree: &Tree, root: &str, source: &Source) -> (String, String) {
    let path = below(root, &source.path).unwrap_or(&source.path);
    let path = path.strip_suffix("/__init__.py").or_else(|| path.strip_suffix(".py")).unwrap_or(path);
    let parts: Vec<&str> = path.split('/').collect();
    let heads: Vec<&str> = source
        .bare()
        .lines()
        .filter_map(|line| line.trim().strip_prefix("from ").or_else(|| line.trim().strip_prefix("import ")))
        .filter_map(|rest| rest.split([' ', '.', ',']).next())
        .filter(|head| !head.is_empty())
        .collect();
    let resolved = |base: &str| {
        let here = join(root, base);
        heads.iter().filter(|head| tree.has(&here, &format!("{head}.py")) || tree.folders.contains(&join(&here, head))).count()
    };
    let package = |depth: usize| {
        depth < parts.len() && (depth..parts.len() - 1).all(|at| tree.has(root, &format!("{}/__init__.py", parts[..=at].join("/"))))
    };
    let best = (0..parts.len())
        .max_by_key(|depth| (resolved(&parts[..*depth].join("/")), package(*depth), std::cmp::Reverse(*depth)))
        .unwrap_or(0);
    (parts[..best].join("/"), parts[best..].join("."))
}

/// Where the project says that it needs a package.
fn dependency(tree: &Tree, root: &str, package: &str) -> Option<Evidence> {
    tree.texts.iter().filter(|(path, _)| parent(path) == root).find_map(|(path, text)| {
        let name = path.rsplit('/').next().unwrap_or(path);
        let manifest = name.starts_with("requirements") || ["pyproject.toml", "setup.py", "setup.cfg", "Pipfile"].contains(&name);
        let at = text.lines().position(|line| {
            let line = line.trim().trim_start_matches(['"', '\'']);
            let rest = line.to_ascii_lowercase().strip_prefix(package).map(str::to_owned);
            rest.is_some_and(|rest| !rest.starts_with(|c: char| c.is_alphanumeric() || matches!(c, '-' | '_')))
        });
        at.filter(|_| manifest).map(|at| Evidence::line(path, at + 1, format!("needs {package}")))
    })
}

fn name(tree: &Tree, root: &str) -> Option<(String, Evidence)> {
    let (path, text) = tree.text(root, "pyproject.toml")?;
    let document: toml::Table = text.parse().ok()?;
    let project = document.get("project").or_else(|| document.get("tool")?.get("poetry"))?;
    let name = project.get("name")?.as_str()?;
    Some((name.to_owned(), Evidence::text(&path, text, "name", "the project's name")))
}

/// `--timeout 120` of gunicorn.
fn timeout(start: &Start) -> Option<(u64, Evidence)> {
    let at = start.words.iter().position(|word| word == "--timeout" || word == "-t")?;
    let seconds = start.words.get(at + 1)?.parse().ok().filter(|seconds| (31..=3600).contains(seconds))?;
    (words::program(&start.words) == "gunicorn").then(|| start.evidence.last().cloned()).flatten().map(|evidence| (seconds, evidence))
}

/// The list behind a value: written there, or assigned to the name that stands there.
fn listed(tree: &Tree, root: &str, source: &Source, value: &str) -> Option<Vec<String>> {
    if let Some(list) = literals(value) {
        return Some(list);
    }
    let name = value.trim().rsplit('.').next().filter(|name| name.bytes().all(|byte| byte.is_ascii_alphanumeric() || byte == b'_'))?;
    let own = source.assigned(name).and_then(|(text, _)| literals(text));
    own.or_else(|| {
        let mut all = sources(tree, root).filter_map(|source| source.assigned(name)).filter_map(|(text, _)| literals(text));
        let first = all.next()?;
        // Two definitions: nobody knows here which one counts.
        all.next().is_none().then_some(first)
    })
}

fn origins(tree: &Tree, root: &str, source: &Source, service: &mut Service) {
    if !["CORSMiddleware", "flask_cors", "quart_cors"].iter().any(|word| source.text.contains(word)) {
        return;
    }
    for call in source.calls() {
        let middleware = matches!(call.name, "add_middleware" | "Middleware") && call.positional(0) == Some("CORSMiddleware");
        let (value, credentials) = match call.name {
            _ if middleware => (call.named("allow_origins"), call.named("allow_credentials") == Some("True")),
            "CORS" | "cross_origin" | "cors" => {
                let nested = call.named("resources").and_then(|resources| super::source::property(resources, "origins"));
                (call.named("origins").or(nested).or(call.named("allow_origin")), call.named("supports_credentials") == Some("True"))
            }
            _ => continue,
        };
        let evidence = Evidence::call(&call, "settings for pages of other origins");
        service.take_origins(value.and_then(|value| listed(tree, root, source, value)), credentials, evidence);
    }
}

fn uploads(source: &Source, service: &mut Service) {
    for word in ["UploadFile", "request.files"] {
        let at = if word.contains('.') { source.bare().find(word) } else { source.word(word) };
        if let Some(at) = at.filter(|_| source.text.contains(word)) {
            service.take_uploads(None, Evidence::line(&source.path, source.line(at), format!("takes files ({word})")));
        }
    }
    for name in ["MAX_CONTENT_LENGTH", "MAX_UPLOAD_SIZE", "MAX_FILE_SIZE", "DATA_UPLOAD_MAX_MEMORY_SIZE"] {
        let quoted = source
            .code()
            .find(&format!("\"{name}\"]"))
            .or_else(|| source.code().find(&format!("'{name}']")))
            .filter(|_| source.text.contains(name));
        let by_key = quoted.and_then(|at| {
            let line = source.code()[at..].lines().next()?;
            Some((line.split_once('=')?.1, at))
        });
        if let Some((text, at)) = source.assigned(name).or(by_key)
            && let Some(bytes) = size(text)
        {
            service.take_uploads(Some(bytes), Evidence::line(&source.path, source.line(at), format!("{name} is {bytes} bytes")));
        }
    }
}

fn trusted_hosts(source: &Source) -> Option<(Vec<String>, Evidence)> {
    let call = source.calls_of("add_middleware").find(|call| call.positional(0) == Some("TrustedHostMiddleware"))?;
    let hosts = call.named("allowed_hosts").and_then(literals).filter(|hosts| hosts.iter().all(|host| host != "*"))?;
    Some((hosts, Evidence::call(&call, "names it answers for")))
}
