//! Node: Express, Fastify, Koa, Hapi, Nest, Next.

mod files;

use std::collections::BTreeMap;

use serde_json::Value;

use self::files::files;
use super::{
    found::{Evidence, Gives, RouteSeen, Service, Start, is_plain, method, under},
    mounts::Mounts,
    source::{Call, Language, Source, literal, literals, size},
    tree::{Tree, below, join, parent},
    words,
};

const MANIFESTS: &[&str] = &["package.json"];
/// Packages that make a service, and what the framework is called.
const FRAMEWORKS: &[(&str, &str)] = &[
    ("@nestjs/core", "Nest"),
    ("next", "Next"),
    ("fastify", "Fastify"),
    ("express", "Express"),
    ("koa", "Koa"),
    ("@hapi/hapi", "Hapi"),
    ("hono", "Hono"),
];
/// The services in Node.
pub fn recognise(tree: &Tree) -> Vec<Service> {
    let manifests = tree.texts.iter().filter(|(path, _)| path.rsplit('/').next() == Some("package.json"));
    manifests.filter_map(|(path, text)| service(tree, path, text)).collect()
}

fn sources<'a>(tree: &'a Tree, root: &'a str) -> impl Iterator<Item = &'a Source> {
    let own = move |source: &&Source| {
        source.language == Language::Script && below(root, &source.path).is_some() && tree.unit(&source.path, MANIFESTS) == root
    };
    tree.sources.iter().filter(own)
}

fn service(tree: &Tree, path: &str, text: &str) -> Option<Service> {
    let manifest: Value = serde_json::from_str(text.strip_prefix('\u{feff}').unwrap_or(text)).ok()?;
    let root = parent(path);
    let (package, framework) = FRAMEWORKS.iter().find(|(package, _)| manifest["dependencies"].get(package).is_some())?;
    let entry = entry(tree, root, &manifest);
    let script = manifest["scripts"]["start"].as_str();
    if entry.is_none() && script.is_none() && *framework != "Next" {
        return None;
    }
    let mut service = Service::new(root, entry.map_or(root, |(source, _)| parent(&source.path)), framework);
    service.score = if script.is_some() { 40 } else { 20 };
    service.name = manifest["name"].as_str().map(|name| (name.to_owned(), Evidence::text(path, text, "\"name\"", "the package's name")));
    let needs = Evidence::text(path, text, &format!("\"{package}\""), format!("needs {package}"));
    service.start = start(tree, root, (path, text), &manifest, framework, entry);
    service.start.evidence.insert(0, needs);
    for source in sources(tree, root) {
        limits(source, &mut service);
        origins(source, &mut service);
        sockets(source, &mut service);
    }
    collect(tree, root, &mut service);
    if *framework == "Next" {
        service.routes.push(RouteSeen {
            method: Some("GET"),
            path: "/_next/static/{*rest}".into(),
            gives: Gives::Files,
            certain: true,
            evidence: Evidence::text(path, text, "\"next\"", "Next hands out what the build made there"),
        });
    }
    Some(service)
}

/// The file that listens, and the call.
fn entry<'a>(tree: &'a Tree, root: &'a str, manifest: &Value) -> Option<(&'a Source, Option<Call<'a>>)> {
    let main = manifest["main"].as_str().map(|main| join(root, main.trim_start_matches("./")));
    let mut found: Vec<(&Source, Call<'_>)> = sources(tree, root)
        .filter_map(|source| Some((source, source.calls_of("listen").find(|call| !call.receiver.is_empty())?)))
        .collect();
    found.sort_by_key(|(source, _)| (Some(&source.path) != main.as_ref(), source.path.matches('/').count()));
    let listening = found.into_iter().next().map(|(source, call)| (source, Some(call)));
    listening.or_else(|| Some((tree.source(&main?)?, None)))
}

fn start(
    tree: &Tree,
    root: &str,
    (path, text): (&str, &str),
    manifest: &Value,
    framework: &str,
    entry: Option<(&Source, Option<Call<'_>>)>,
) -> Start {
    let mut start = Start::default();
    let script = manifest["scripts"]["start"].as_str();
    if let Some(script) = script {
        start.evidence.push(Evidence::text(path, text, "\"start\"", format!("start: {script}")));
    }
    if let Some((_, Some(call))) =
        entry.filter(|(source, _)| script.is_none_or(|script| source.path.rsplit('/').next().is_some_and(|file| script.contains(file))))
    {
        start.evidence.push(Evidence::call(&call, "listens here"));
    }
    let hooks = manifest["scripts"]["prestart"].is_string();
    let plain = script.and_then(words::parse).filter(|(words, before)| {
        before.is_empty()
            && !hooks
            && matches!(words::program(words), "node" | "next" | "fastify" | "nest")
            && !words.iter().any(|word| word.contains('$'))
    });
    start.words = match (plain, script, entry) {
        (Some((words, _)), ..) => {
            let fitted = words::fit(&words);
            start.notes.extend(fitted.notes);
            let local = !matches!(words::program(&fitted.words), "node") && fitted.words.first().is_some_and(|word| word != "npx");
            if local { ["npx".to_owned()].into_iter().chain(fitted.words).collect() } else { fitted.words }
        }
        (None, Some(_), _) => {
            let manager = [("pnpm-lock.yaml", "pnpm"), ("yarn.lock", "yarn")]
                .into_iter()
                .find(|(lock, _)| tree.has(root, lock))
                .map_or("npm", |(_, name)| name);
            start.notes.push(format!(
                "through {manager}, because the script is more than one command; a signal to stop may not reach the service behind it"
            ));
            vec![manager.to_owned(), "start".to_owned()]
        }
        (None, None, _) if framework == "Next" => ["npx", "next", "start", "-H", "127.0.0.1", "-p", "$PORT"].map(str::to_owned).to_vec(),
        (None, None, Some((source, _))) => {
            let file = below(root, &source.path).unwrap_or(&source.path).to_owned();
            if file.ends_with("ts") {
                start.notes.push(format!("{file} has to be compiled first; name what the build makes"));
            }
            vec!["node".to_owned(), file]
        }
        (None, None, None) => vec!["npm".to_owned(), "start".to_owned()],
    };
    if let Some(build) = manifest["scripts"]["build"].as_str() {
        start.before.push("npm run build".to_owned());
        start.evidence.push(Evidence::text(path, text, "\"build\"", format!("build: {build}")));
    }
    let told = start.words.iter().any(|word| word.contains(words::PORT));
    let listens = ["process.env.PORT", "env.PORT", "env['PORT']", "env[\"PORT\"]"];
    let asks = sources(tree, root).any(|source| listens.iter().any(|word| source.text.contains(word) && source.code().contains(word)))
        || sources(tree, root).any(|source| {
            source.text.contains("PORT") && source.code().lines().any(|line| line.contains("process.env") && line.contains("PORT"))
        });
    if !told && !asks {
        start.fixed_port = fixed_port(entry);
    }
    start
}

/// The number in `listen(3000)` or `listen(port)`.
fn fixed_port(entry: Option<(&Source, Option<Call<'_>>)>) -> Option<(u16, Evidence)> {
    let (source, call) = entry?;
    let call = call?;
    let first = call.positional(0)?;
    let value = if first.starts_with('{') { call.property("port")? } else { first };
    let number = value.parse().ok().or_else(|| source.assigned(value)?.0.trim_end_matches(';').trim().parse().ok())?;
    Some((number, Evidence::call(&call, format!("listens on port {number}, whatever PORT says"))))
}

/// The largest body, and whether files are taken.
fn limits(source: &Source, service: &mut Service) {
    for word in ["multer", "busboy", "formidable", "express-fileupload", "@fastify/multipart"] {
        if let Some(line) = source.mentions(&format!("'{word}'")).or_else(|| source.mentions(&format!("\"{word}\""))) {
            service.take_uploads(None, Evidence::line(&source.path, line, format!("takes files ({word})")));
        }
    }
    if !["fileSize", "bodyLimit", "limit:"].iter().any(|word| source.text.contains(word)) {
        return;
    }
    for call in source.calls() {
        let key = match call.name {
            "multer" | "fileUpload" | "register" => "fileSize",
            "json" | "urlencoded" | "raw" | "text" => "limit",
            "fastify" | "Fastify" => "bodyLimit",
            _ => continue,
        };
        if let Some(bytes) = call.property(key).or_else(|| nested(&call, key)).and_then(size) {
            service.take_uploads(Some(bytes), Evidence::call(&call, format!("{key} is {bytes} bytes")));
        }
    }
}

/// A key one level further down: `{ limits: { fileSize: … } }`.
fn nested<'a>(call: &Call<'a>, key: &str) -> Option<&'a str> {
    super::source::property(call.property("limits")?, key)
}

fn origins(source: &Source, service: &mut Service) {
    if !source.text.contains("cors") && !source.text.contains("Cors") {
        return;
    }
    for call in source.calls() {
        let settles = match call.name {
            "cors" | "enableCors" => true,
            "register" => call.positional(0).is_some_and(|first| first.to_ascii_lowercase().contains("cors")),
            _ => false,
        };
        if !settles {
            continue;
        }
        let inside = |name: &str| -> Option<&str> {
            let object = call.positional(if call.name == "register" { 1 } else { 0 })?;
            let object = if object.starts_with('{') { object } else { source.assigned(object)?.0 };
            super::source::property(object, name)
        };
        let value = inside("origin");
        let list = value.and_then(|value| literals(value).or_else(|| literals(source.assigned(value)?.0)));
        let credentials = inside("credentials").is_some_and(|value| value.trim_end_matches([';', '}']).trim() == "true");
        service.take_origins(list, credentials, Evidence::call(&call, "settings for pages of other origins"));
    }
}

fn sockets(source: &Source, service: &mut Service) {
    for (word, what) in [("socket.io", "Socket.IO"), ("ws", "WebSocket"), ("@fastify/websocket", "WebSocket")] {
        if let Some(line) = source.mentions(&format!("'{word}'")).or_else(|| source.mentions(&format!("\"{word}\""))) {
            service.notes.push(format!(
                "speaks {what} ({}:{line}): pages of other origins must be listed in [cors] origins to connect",
                source.path
            ));
        }
    }
}

/// The file behind `require('./x')` or `import x from './x'`.
fn file(tree: &Tree, from: &Source, name: &str) -> Option<String> {
    let name = name.strip_prefix("./").map_or_else(|| name.to_owned(), str::to_owned);
    let mut folder = parent(&from.path).to_owned();
    let mut rest = name.as_str();
    while let Some(up) = rest.strip_prefix("../") {
        folder = parent(&folder).to_owned();
        rest = up;
    }
    let base = join(&folder, rest.trim_end_matches('/'));
    let stem = base.strip_suffix(".js").unwrap_or(&base);
    let candidates = [
        base.clone(),
        format!("{base}.js"),
        format!("{base}.ts"),
        format!("{base}.mjs"),
        format!("{base}.cjs"),
        format!("{stem}.ts"),
        format!("{base}/index.js"),
        format!("{base}/index.ts"),
    ];
    candidates.into_iter().find(|path| tree.source(path).is_some())
}

/// Names of this file that stand for other files.
fn imports<'a>(tree: &Tree, source: &'a Source) -> BTreeMap<&'a str, String> {
    let mut found = BTreeMap::new();
    for call in source.calls_of("require") {
        if let (Some(path), Some((name, _))) = (call.positional(0).and_then(literal).filter(|path| path.starts_with('.')), call.target())
            && let Some(path) = file(tree, source, &path)
        {
            found.insert(name, path);
        }
    }
    for line in source.code().lines().filter(|line| line.trim_start().starts_with("import ")) {
        let Some((names, path)) = line.trim().trim_start_matches("import ").rsplit_once(" from ") else { continue };
        let Some(path) =
            literal(path.trim_end_matches([';', ' '])).filter(|path| path.starts_with('.')).and_then(|path| file(tree, source, &path))
        else {
            continue;
        };
        for name in names.split([',', '{', '}', ' ']).filter(|name| !name.is_empty()) {
            found.insert(name, path.clone());
        }
    }
    found
}

/// Every router of a file counts as one: a file exports one of them.
const ROUTER: &str = "router";

fn collect(tree: &Tree, root: &str, service: &mut Service) {
    let mut mounts = Mounts::default();
    let mut routers: BTreeMap<(&str, &str), &str> = BTreeMap::new();
    for source in sources(tree, root) {
        for call in source.calls() {
            let Some((name, _)) = call.target() else { continue };
            let last = call.name;
            if matches!(last, "express" | "fastify" | "Fastify" | "Koa" | "Hono" | "server") {
                mounts.app((source.path.clone(), name.to_owned()));
                routers.insert((&source.path, name), name);
            } else if last == "Router" {
                mounts.router((source.path.clone(), ROUTER.to_owned()), Some(String::new()));
                routers.insert((&source.path, name), ROUTER);
            }
        }
    }
    for source in sources(tree, root) {
        let imported = imports(tree, source);
        for call in source.calls_of("use") {
            let Some(parent) = routers.get(&(source.path.as_str(), call.receiver)) else { continue };
            let arguments = call.arguments();
            let first = arguments.first().and_then(|argument| literal(argument.text));
            let prefix = if arguments.len() > 1 && arguments[0].text.starts_with(['\'', '"', '`']) { first } else { Some(String::new()) };
            let Some(last) = arguments.last().map(|argument| argument.text) else { continue };
            let required = last
                .strip_prefix("require(")
                .and_then(|rest| rest.strip_suffix(')'))
                .and_then(literal)
                .and_then(|path| file(tree, source, &path));
            let child = imported.get(last).cloned().or(required).map(|path| (path, ROUTER.to_owned()));
            let child = child.or_else(|| routers.get(&(source.path.as_str(), last)).map(|name| (source.path.clone(), (*name).to_owned())));
            if let Some(child) = child {
                mounts.mount(child, (source.path.clone(), (*parent).to_owned()), prefix);
            }
        }
    }
    for source in sources(tree, root) {
        for call in source.calls() {
            if service.is_full() {
                return;
            }
            let router = routers.get(&(source.path.as_str(), call.receiver)).copied();
            if let Some(route) = route(source, &call, router, &mounts) {
                service.routes.push(route);
            }
            files(tree, source, &call, service);
        }
    }
}

fn route(source: &Source, call: &Call<'_>, router: Option<&str>, mounts: &Mounts) -> Option<RouteSeen> {
    let usual = matches!(call.receiver, "app" | "router" | "fastify" | "server" | "api" | "instance");
    if router.is_none() && !usual {
        return None;
    }
    let verb = method(call.name);
    if verb.is_none() && call.name != "all" {
        return None;
    }
    // With one argument `app.get` reads a setting.
    let path = call.positional(0).and_then(literal).filter(|path| path.starts_with('/'))?;
    call.positional(1)?;
    let (prefix, certain) = match router {
        Some(router) => mounts.prefix(&(source.path.clone(), router.to_owned())),
        None => (String::new(), false),
    };
    let path = template(&under(&prefix, &path));
    let certain = certain && is_plain(&path);
    Some(RouteSeen { method: verb, evidence: Evidence::call(call, format!("route {path}")), path, gives: Gives::Answers, certain })
}

/// `:id` and `*` in the form of the host.
pub fn template(path: &str) -> String {
    let part = |part: &str| match part.strip_prefix(':') {
        Some(name) => format!("{{{}}}", name.trim_end_matches('?')),
        None if part == "*" => "{*rest}".to_owned(),
        None => part.to_owned(),
    };
    path.split('/').map(part).collect::<Vec<_>>().join("/")
}
