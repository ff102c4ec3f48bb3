//! Rust: axum, actix-web, Rocket, warp, poem.

use super::{
    declared,
    found::{Evidence, Gives, RouteSeen, Service, Start, is_plain, method, under},
    source::{Call, Language, Source, literal, size},
    tree::{Tree, below, parent},
    words,
};

const MANIFESTS: &[&str] = &["Cargo.toml"];
const FRAMEWORKS: &[(&str, &str)] =
    &[("axum", "axum"), ("actix-web", "actix-web"), ("rocket", "Rocket"), ("warp", "warp"), ("poem", "poem")];

/// The services in Rust: packages with a program that need a framework.
pub fn recognise(tree: &Tree) -> Vec<Service> {
    let manifests = tree.texts.iter().filter(|(path, _)| path.rsplit('/').next() == Some("Cargo.toml"));
    manifests.filter_map(|(path, text)| service(tree, path, text)).collect()
}

fn sources<'a>(tree: &'a Tree, root: &'a str) -> impl Iterator<Item = &'a Source> {
    tree.sources.iter().filter(move |source| {
        source.language == Language::Rust && below(root, &source.path).is_some() && tree.unit(&source.path, MANIFESTS) == root
    })
}

fn service(tree: &Tree, path: &str, text: &str) -> Option<Service> {
    let manifest: toml::Table = text.parse().ok()?;
    let package = manifest.get("package")?.get("name")?.as_str()?;
    let needed = manifest.get("dependencies")?.as_table()?;
    let (dependency, framework) = FRAMEWORKS.iter().find(|(name, _)| needed.contains_key(*name))?;
    let root = parent(path);
    let main = sources(tree, root)
        .find(|source| source.bare().contains("fn main()") && (source.path.ends_with("main.rs") || source.path.contains("/bin/")))?;
    let mut service = Service::new(root, root, framework);
    service.score = 30;
    service.name = Some((package.to_owned(), Evidence::text(path, text, "name", "the package's name")));
    let line =
        text.lines().position(|line| line.strip_prefix(dependency).is_some_and(|rest| rest.starts_with([' ', '=', '.']))).map(|at| at + 1);
    let evidence = Evidence { line, ..Evidence::file(path, format!("needs {dependency}")) };
    service.start = start(tree, root, package, framework, main, evidence);
    for source in sources(tree, root) {
        read(source, &mut service);
    }
    Some(service)
}

fn start(tree: &Tree, root: &str, package: &str, framework: &str, main: &Source, needs: Evidence) -> Start {
    let line = main.bare().find("fn main()").map_or(1, |at| main.line(at));
    let mut start = Start { evidence: vec![needs, Evidence::line(&main.path, line, "fn main()")], ..Start::default() };
    // In a workspace the folder `target` lies at its top, wherever that is.
    start.words = ["cargo", "run", "--release"].map(str::to_owned).to_vec();
    start.notes.push(format!("or build first and name the program: ./target/release/{package}"));
    if framework == "Rocket" {
        start.words = ["env", "ROCKET_ADDRESS=127.0.0.1", "ROCKET_PORT=$PORT", "cargo", "run", "--release"].map(str::to_owned).to_vec();
        return start;
    }
    let reads =
        sources(tree, root).find_map(|source| source.mentions("\"PORT\"").map(|line| Evidence::line(&source.path, line, "reads PORT")));
    let clap = sources(tree, root).find_map(|source| {
        let at = source.bare().find("#[arg(")?;
        let rest = &source.bare()[at..];
        rest.lines()
            .take(40)
            .any(|line| line.trim().trim_start_matches("pub ").starts_with("port:"))
            .then(|| Evidence::line(&source.path, source.line(at), "the flag --port"))
    });
    if let Some(evidence) = reads {
        start.evidence.push(evidence);
    } else if let Some(evidence) = clap {
        start.evidence.push(evidence);
        start.words.extend(["--", "--port", words::PORT].map(str::to_owned));
    } else if let Some((port, evidence)) = fixed(tree, root) {
        start.fixed_port = Some((port, evidence));
    } else {
        start.notes.push("where the port comes from was not seen: tell the service to listen on $PORT".into());
    }
    for one in declared::commands(tree, root).into_iter().filter(|one| one.words.len() > 1) {
        start.notes.push(format!("not taken over: `{}` ({})", words::line(&one.words), one.evidence.place()));
    }
    start
}

/// `bind("127.0.0.1:3000")`.
fn fixed(tree: &Tree, root: &str) -> Option<(u16, Evidence)> {
    sources(tree, root).flat_map(Source::calls).filter(|call| matches!(call.name, "bind" | "run" | "from")).find_map(|call| {
        let first = call.arguments().first()?.text.trim_start_matches('&');
        let pair = || first.strip_prefix('(')?.strip_suffix(')')?.rsplit(',').next()?.trim().parse().ok();
        let socket = || call.source.assigned(first)?.0.rsplit([':', ',']).next()?.trim_matches(['"', ')', ';', ' ', '(']).parse().ok();
        let list = || first.strip_prefix("([")?.rsplit(',').next()?.trim_matches([' ', ')']).parse().ok();
        let parsed =
            || first.strip_suffix('?').unwrap_or(first).strip_suffix(".parse()")?.trim_matches('"').rsplit(':').next()?.parse().ok();
        let port = literal(first)
            .and_then(|text| text.rsplit(':').next()?.parse().ok())
            .or_else(pair)
            .or_else(parsed)
            .or_else(list)
            .or_else(socket)?;
        Some((port, Evidence::call(&call, format!("listens on port {port}, whatever PORT says"))))
    })
}

/// Whether the call mounts a folder: tower-http's `ServeDir` below a path, or actix's `Files::new`.
fn serves_files(call: &Call<'_>) -> bool {
    match call.name {
        "nest_service" | "Files::new" | "nest" => call.inside().contains("ServeDir"),
        "new" => call.receiver.ends_with("Files"),
        _ => false,
    }
}

fn read(source: &Source, service: &mut Service) {
    let nested = source.text.contains(".nest(") || source.text.contains("scope(");
    for call in source.calls() {
        if service.is_full() {
            return;
        }
        let evidence = |what: &str| Evidence::call(&call, what.to_owned());
        match call.name {
            "route" => {
                let Some(path) = call.positional(0).and_then(literal).filter(|path| path.starts_with('/')) else { continue };
                let handlers = call.positional(1).unwrap_or("");
                let verbs: Vec<_> = ["get", "post", "put", "patch", "delete"].into_iter().filter(|verb| has_call(handlers, verb)).collect();
                let path = super::node::template(&path);
                let certain = !nested && is_plain(&path);
                let route = |verb| RouteSeen {
                    method: verb,
                    path: path.clone(),
                    gives: Gives::Answers,
                    certain,
                    evidence: evidence(&format!("route {path}")),
                };
                match verbs.as_slice() {
                    [] => service.routes.push(route(None)),
                    verbs => service.routes.extend(verbs.iter().map(|verb| route(method(verb)))),
                }
            }
            _ if serves_files(&call) => {
                let Some(path) = call.positional(0).and_then(literal).filter(|path| path.len() > 1) else { continue };
                let path = under(&path, "{*rest}");
                service.routes.push(RouteSeen {
                    method: Some("GET"),
                    certain: is_plain(&path),
                    path,
                    gives: Gives::Files,
                    evidence: evidence("files from a folder"),
                });
            }
            "max" if call.receiver.ends_with("DefaultBodyLimit") => {
                if let Some(bytes) = call.positional(0).and_then(size) {
                    service.take_uploads(Some(bytes), evidence(&format!("a body of {bytes} bytes at most")));
                }
            }
            verb if method(verb).is_some() && call.decorates() => {
                let Some(path) = call.positional(0).and_then(literal).filter(|path| path.starts_with('/')) else { continue };
                let path = super::angled(&path);
                // Rocket and actix mount them somewhere; actix mostly at the top.
                let certain = !nested && service.framework == "actix-web" && is_plain(&path);
                service.routes.push(RouteSeen {
                    method: method(verb),
                    evidence: evidence(&format!("route {path}")),
                    path,
                    gives: Gives::Answers,
                    certain,
                });
            }
            _ => {}
        }
    }
    if let Some(at) = source.word("Multipart") {
        service.take_uploads(None, Evidence::line(&source.path, source.line(at), "takes files (Multipart)"));
    }
    if let Some(at) = source.bare().find("CorsLayer::permissive").or_else(|| source.bare().find("Cors::permissive")) {
        service.take_origins(None, false, Evidence::line(&source.path, source.line(at), "every origin"));
    }
    let allowed: Vec<String> = source.calls_of("allowed_origin").filter_map(|call| call.positional(0).and_then(literal)).collect();
    if let Some(call) = source.calls_of("allowed_origin").next() {
        service.take_origins(
            Some(allowed),
            source.bare().contains("supports_credentials"),
            Evidence::call(&call, "settings for pages of other origins"),
        );
    }
}

/// Whether the text calls this: `get(list).post(add)`.
fn has_call(text: &str, name: &str) -> bool {
    text.match_indices(name).any(|(at, _)| {
        let before = text[..at].chars().next_back();
        text[at + name.len()..].starts_with('(') && before.is_none_or(|c| !c.is_alphanumeric() && c != '_')
    })
}
