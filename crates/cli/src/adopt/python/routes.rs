//! Routes of FastAPI, Starlette, Flask and Quart.

use super::{
    super::{
        found::{Evidence, Gives, RouteSeen, Service, is_plain, method, under},
        mounts::Mounts,
        source::{Call, Source, literal, literals},
        tree::{Tree, join, parent},
    },
    imports, sources,
};

/// Words that declare a route: `@app.get("/")`.
const DECLARES: &[&str] = &["get", "post", "put", "patch", "delete", "head", "options", "route", "api_route", "websocket"];

/// Most routers that are followed.
const MOUNTS: usize = 500;

/// Finds the routes of the application.
pub fn collect(tree: &Tree, root: &str, app: &Call<'_>, framework: &str, service: &mut Service) {
    let mut mounts = Mounts::default();
    for source in sources(tree, root) {
        declare(tree, root, source, &mut mounts);
    }
    for source in sources(tree, root) {
        for call in source.calls() {
            if service.is_full() {
                return;
            }
            if let Some(route) = decorated(source, &call, &mounts).or_else(|| listed(source, &call)) {
                service.routes.push(route);
            }
            if let Some((path, gives)) = mounted_files(&call) {
                let evidence = Evidence::call(&call, "files from a folder");
                service.routes.push(RouteSeen { method: Some("GET"), path, gives, certain: true, evidence });
            }
        }
    }
    if matches!(framework, "Flask" | "Quart") {
        let (static_url, folder) = (app.named("static_url_path"), join(parent(&app.source.path), "static"));
        let path = static_url.and_then(literal).unwrap_or_else(|| "/static".into());
        if app.named("static_folder") != Some("None") && tree.folders.contains(&folder) && path.len() > 1 {
            let evidence = Evidence::file(&folder, format!("{framework} hands this folder out at {path}"));
            service.routes.push(RouteSeen {
                method: Some("GET"),
                path: under(&path, "{*rest}"),
                gives: Gives::Files,
                certain: true,
                evidence,
            });
        }
    } else if framework == "FastAPI" {
        manual(app, service);
    }
}

/// The pages of the description, unless they are switched off.
fn manual(app: &Call<'_>, service: &mut Service) {
    if app.named("openapi_url") == Some("None") {
        return;
    }
    for (key, usual) in [("docs_url", "/docs"), ("redoc_url", "/redoc"), ("openapi_url", "/openapi.json")] {
        let value = app.named(key);
        let (path, gives) = match value.map(literal) {
            None => (usual.to_owned(), Gives::UnaskedManual),
            Some(Some(path)) => (path, Gives::Manual),
            Some(None) => continue,
        };
        let evidence = Evidence::call(
            app,
            value.map_or_else(|| format!("FastAPI publishes {usual} unless told otherwise"), |_| format!("{key} is set")),
        );
        service.routes.push(RouteSeen { method: Some("GET"), path, gives, certain: true, evidence });
    }
}

/// Notes applications, routers, and where they are mounted.
fn declare(tree: &Tree, root: &str, source: &Source, mounts: &mut Mounts) {
    let here = |name: &str| (source.path.clone(), name.to_owned());
    for call in source.calls() {
        match call.name {
            "FastAPI" | "Starlette" | "Flask" | "Quart" => {
                if let Some((name, _)) = call.target() {
                    mounts.app(here(name));
                }
            }
            "APIRouter" | "Blueprint" => {
                if let Some((name, _)) = call.target() {
                    let prefix = call.named("prefix").or_else(|| call.named("url_prefix"));
                    mounts.router(here(name), known(tree, root, prefix));
                }
            }
            "include_router" | "register_blueprint" if mounts.len() < MOUNTS => {
                let Some(child) = call.positional(0).or_else(|| call.named("router")) else { continue };
                let prefix = call.named("prefix").or_else(|| call.named("url_prefix"));
                // A blueprint's own prefix gives way to the one it is registered with.
                let parent = here(call.receiver);
                let parent = if call.name == "register_blueprint" && !mounts.knows(&parent) {
                    app_of(source).map_or(parent, |name| here(&name))
                } else {
                    parent
                };
                mounts.mount(imports::router(tree, root, source, child), parent, known(tree, root, prefix));
            }
            _ => {}
        }
    }
}

/// The application that a function is handed: `def register(app): app.register_blueprint(…)`.
fn app_of(source: &Source) -> Option<String> {
    source.bare().contains("app.register_blueprint(").then(|| "app".to_owned())
}

/// A prefix: none is the empty one, a constant is looked up, anything else is not known.
fn known(tree: &Tree, root: &str, value: Option<&str>) -> Option<String> {
    let Some(value) = value else { return Some(String::new()) };
    if let Some(text) = literal(value) {
        return Some(text);
    }
    let name =
        value.rsplit('.').next().filter(|name| name.len() > 2 && name.bytes().all(|byte| byte.is_ascii_alphanumeric() || byte == b'_'))?;
    let mut found = sources(tree, root).filter_map(|source| source.assigned(name)).filter_map(|(text, _)| literal(text));
    let first = found.next()?;
    found.all(|other| other == first).then_some(first)
}

fn decorated(source: &Source, call: &Call<'_>, mounts: &Mounts) -> Option<RouteSeen> {
    if !DECLARES.contains(&call.name) || !call.decorates() {
        return None;
    }
    let path = call.positional(0).or_else(|| call.named("path")).or_else(|| call.named("rule")).and_then(literal)?;
    let router = (source.path.clone(), call.receiver.rsplit('.').next().unwrap_or("").to_owned());
    let (prefix, certain) = if mounts.knows(&router) || call.receiver != "app" { mounts.prefix(&router) } else { (String::new(), true) };
    let method = method(call.name).or_else(|| {
        let listed = call.named("methods").and_then(literals);
        match listed.as_deref() {
            Some([one]) => method(one),
            Some(_) => None,
            None => Some("GET"),
        }
    });
    let path = template(&under(&prefix, &path));
    let certain = certain && is_plain(&path);
    Some(RouteSeen { method, evidence: Evidence::call(call, format!("route {path}")), path, gives: Gives::Answers, certain })
}

/// `Route("/path", …)` in a list.
fn listed(source: &Source, call: &Call<'_>) -> Option<RouteSeen> {
    if !matches!(call.name, "Route" | "WebSocketRoute" | "add_url_rule" | "add_api_route") || !source.text.contains(call.name) {
        return None;
    }
    let path = template(&call.positional(0).and_then(literal)?);
    let method = match call.named("methods").and_then(literals).as_deref() {
        Some([one]) => method(one),
        Some(_) => None,
        None => Some("GET"),
    };
    // Below a `Mount`, or on a router: the beginning is not known.
    let certain = is_plain(&path) && source.calls_of("Mount").all(|mount| !(mount.start < call.start && call.start < mount.end()));
    Some(RouteSeen { method, evidence: Evidence::call(call, format!("route {path}")), path, gives: Gives::Answers, certain })
}

/// `mount("/static", StaticFiles(…))`.
fn mounted_files(call: &Call<'_>) -> Option<(String, Gives)> {
    if !matches!(call.name, "mount" | "Mount") || !call.inside().contains("StaticFiles(") {
        return None;
    }
    let path = call.positional(0).or_else(|| call.named("path")).and_then(literal)?;
    Some((under(&path, "{*rest}"), Gives::Files))
}

/// `{path:path}` and `<int:id>` in the form of the host.
pub fn template(path: &str) -> String {
    path.split('/')
        .map(|part| {
            let inner = part.strip_prefix('{').and_then(|rest| rest.strip_suffix('}')).map(|inner| match inner.split_once(':') {
                Some((name, "path")) => format!("{{*{name}}}"),
                Some((name, _)) => format!("{{{name}}}"),
                None => format!("{{{inner}}}"),
            });
            let angled = || {
                part.strip_prefix('<').and_then(|rest| rest.strip_suffix('>')).map(|inner| match inner.split_once(':') {
                    Some(("path", name)) => format!("{{*{name}}}"),
                    Some((_, name)) => format!("{{{name}}}"),
                    None => format!("{{{inner}}}"),
                })
            };
            inner.or_else(angled).unwrap_or_else(|| part.to_owned())
        })
        .collect::<Vec<_>>()
        .join("/")
}
