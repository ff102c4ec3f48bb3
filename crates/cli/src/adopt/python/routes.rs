//! Routes of FastAPI, Starlette, Flask and Quart.

use super::{
    super::{
        found::{Evidence, Gives, RouteSeen, Service, is_plain, method, under},
        mounts::Mounts,
        source::{Call, Source, literal, literals},
        tree::{Tree, join, parent},
    },
    sources,
};

/// Words that declare a route: `@app.get("/")`.
const DECLARES: &[&str] = &["get", "post", "put", "patch", "delete", "head", "options", "route", "api_route", "websocket"];

/// Finds the routes of the application.
pub fn collect(tree: &Tree, root: &str, app: &Call<'_>, framework: &str, service: &mut Service) {
    let mut mounts = Mounts::default();
    for source in sources(tree, root) {
        declare(tree, root, source, &mut mounts);
    }
    for source in sources(tree, root) {
        for call in source.calls() {
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
            service.routes.push(RouteSeen { method: Some("GET"), path: under(&path, "{*rest}"), gives: Gives::Files, certain: true, evidence });
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
        let evidence = Evidence::call(app, value.map_or_else(|| format!("FastAPI publishes {usual} unless told otherwise"), |_| format!("{key} is set")));
        service.routes.push(RouteSeen { method: Some("GET"), path, gives, certain: true, evidence });
    }
}

/// Notes applications, routers, and where they are mounted.
fn declare(tree: &Tree, root: &str, source: &Source, mounts: &mut Mounts) {
    let module = module(&source.path);
    for call in source.calls() {
        match call.name {
            "FastAPI" | "Starlette" | "Flask" | "Quart" => {
                if let Some((name, _)) = call.target() {
                    mounts.app((module.clone(), name.to_owned()));
                }
            }
            "APIRouter" | "Blueprint" => {
                if let Some((name, _)) = call.target() {
                    let prefix = call.named("prefix").or_else(|| call.named("url_prefix"));
                    mounts.router((module.clone(), name.to_owned()), known(tree, root, prefix));
                }
            }
            "include_router" | "register_blueprint" => {
                let Some(child) = call.positional(0).or_else(|| call.named("router")) else { continue };
                let prefix = call.named("prefix").or_else(|| call.named("url_prefix"));
                let child = resolve(source, &module, child);
                mounts.mount(child, (module.clone(), call.receiver.to_owned()), known(tree, root, prefix));
            }
            _ => {}
        }
    }
}

/// The name of a file without folders: `items` for `api/items.py`, `items` for `items/__init__.py`.
fn module(path: &str) -> String {
    let path = path.strip_suffix("/__init__.py").or_else(|| path.strip_suffix(".py")).unwrap_or(path);
    path.rsplit('/').next().unwrap_or(path).to_owned()
}

/// Whose router a name is: `items.router`, or a name that was imported.
fn resolve(source: &Source, own: &str, name: &str) -> (String, String) {
    if let Some((module, var)) = name.rsplit_once('.') {
        let module = module.rsplit('.').next().unwrap_or(module);
        // `from . import items as items_routes`
        return (original(source, module).map_or_else(|| module.to_owned(), |(_, name)| name), var.to_owned());
    }
    match original(source, name) {
        Some((module, var)) => (module, var),
        None => (own.to_owned(), name.to_owned()),
    }
}

/// From which module a name was imported, and what it is called there.
fn original(source: &Source, name: &str) -> Option<(String, String)> {
    source.bare().lines().filter(|line| line.contains(name)).find_map(|line| {
        let (from, names) = line.trim().strip_prefix("from ")?.split_once(" import ")?;
        let found = names.trim_matches(['(', ')']).split(',').find_map(|item| match item.trim().split_once(" as ") {
            Some((first, renamed)) => (renamed.trim() == name).then(|| first.trim().to_owned()),
            None => (item.trim() == name).then(|| name.to_owned()),
        })?;
        let module = from.trim().rsplit('.').next().unwrap_or("").to_owned();
        Some((module, found))
    })
}

/// A prefix: none is the empty one, a constant is looked up, anything else is not known.
fn known(tree: &Tree, root: &str, value: Option<&str>) -> Option<String> {
    let Some(value) = value else { return Some(String::new()) };
    if let Some(text) = literal(value) {
        return Some(text);
    }
    let name = value.rsplit('.').next().filter(|name| name.len() > 2 && name.bytes().all(|byte| byte.is_ascii_alphanumeric() || byte == b'_'))?;
    let mut found = sources(tree, root).filter_map(|source| source.assigned(name)).filter_map(|(text, _)| literal(text));
    let first = found.next()?;
    found.all(|other| other == first).then_some(first)
}

fn decorated(source: &Source, call: &Call<'_>, mounts: &Mounts) -> Option<RouteSeen> {
    if !DECLARES.contains(&call.name) || !call.decorates() {
        return None;
    }
    let path = call.positional(0).or_else(|| call.named("path")).or_else(|| call.named("rule")).and_then(literal)?;
    let router = (module(&source.path), call.receiver.rsplit('.').next().unwrap_or("").to_owned());
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
