//! Next.js: files are routes by their paths.

use super::{Loom, Route};
use crate::{
    fact::{Fact, Kind},
    language::graph::Layer,
};

const METHODS: &[&str] = &["GET", "POST", "PUT", "PATCH", "DELETE", "HEAD", "OPTIONS"];

/// The folder in which the app's files begin, and what stands below it: `app`, `src/app`, `web/src/app`.
fn below<'a>(path: &'a str, folder: &str) -> Option<(&'a str, &'a str)> {
    let at = if path.starts_with(&format!("{folder}/")) { 0 } else { path.find(&format!("/{folder}/"))? + 1 };
    Some((path.get(..at)?, path.get(at + folder.len() + 1..)?))
}

/// A route's path from its folders: groups in brackets are no part of it.
fn route_path(folders: &str) -> String {
    let mut path = String::new();
    for part in folders.split('/').filter(|part| !part.is_empty() && !part.starts_with('(') && !part.starts_with('@')) {
        path.push('/');
        if part.starts_with("[...") || part.starts_with("[[...") {
            path.push('*');
        } else if let Some(name) = part.strip_prefix('[').and_then(|part| part.strip_suffix(']')) {
            path.push(':');
            path.push_str(name);
        } else {
            path.push_str(part);
        }
    }
    path
}

pub(super) fn wire(loom: &mut Loom<'_>) {
    let files = loom.linker.files;
    // The folder of each app whose pages were seen, so that one fact is made for each.
    let mut apps: Vec<(String, usize)> = Vec::new();
    let mut routes: Vec<(usize, String, String, &str)> = Vec::new();
    for (file, (_, path, extract)) in files.iter().enumerate() {
        let Some((stem, ending)) = path.rsplit_once('.') else { continue };
        if !matches!(ending, "ts" | "tsx" | "js" | "jsx" | "mjs") {
            continue;
        }
        let (folder, name) = stem.rsplit_once('/').unwrap_or(("", stem));
        let next = extract.imports.iter().any(|import| import.module == "next" || import.module.starts_with("next/"));
        if let Some((root, inner)) = below(path, "app") {
            let folders = inner.rsplit_once('/').map_or("", |(folders, _)| folders);
            if name == "route" {
                for method in METHODS {
                    let given = loom.linker.symbol(file, method).is_some()
                        || extract.exports.iter().any(|(public, _)| public == method)
                        || extract.facts.iter().any(|fact| fact.kind == Kind::Call && fact.get("result") == Some(method));
                    if given {
                        routes.push((file, (*method).to_owned(), route_path(folders), method));
                    }
                }
            }
            if matches!(name, "layout" | "page" | "route") && !apps.iter().any(|(known, _)| known == root) {
                apps.push((root.to_owned(), file));
            }
            if matches!(name, "layout" | "page" | "route" | "error" | "loading" | "not-found" | "template") {
                loom.root(file, 0);
                whole(loom, file, "default");
            }
        }
        if let Some((root, inner)) = below(path, "pages") {
            let inner = inner.rsplit_once('.').map_or(inner, |(inner, _)| inner);
            let framework =
                next || matches!(inner, "_app" | "_document") || apps.iter().any(|(known, _)| known == root) || inner.starts_with("api/");
            if inner.starts_with("api/") && (next || loom.linker.within(file, "default", 0).is_some_and(|found| found.symbol.is_some())) {
                let path = route_path(inner.strip_suffix("/index").unwrap_or(inner));
                routes.push((file, "ANY".to_owned(), path, "default"));
            }
            if framework {
                loom.root(file, 0);
                whole(loom, file, "default");
                if matches!(inner, "_app" | "_document") && !apps.iter().any(|(known, _)| known == root) {
                    apps.push((root.to_owned(), file));
                }
            }
        }
        if matches!(name, "middleware" | "proxy") && matches!(folder.rsplit('/').next(), Some("" | "src")) | !folder.contains('/') && next {
            loom.root(file, 0);
            whole(loom, file, "middleware");
            whole(loom, file, "default");
        }
    }
    let mut layers: Vec<Layer> = Vec::new();
    for (file, (_, path, extract)) in files.iter().enumerate() {
        let stem = path.rsplit_once('.').map_or("", |(stem, _)| stem);
        let at_root = apps.iter().any(|(root, _)| stem == format!("{root}middleware") || stem == format!("{root}proxy"));
        if !at_root {
            continue;
        }
        let found = ["middleware", "proxy", "default"]
            .iter()
            .find_map(|name| loom.linker.within(file, name, 0).filter(|found| found.symbol.is_some()));
        let Some((to, symbol)) = found.and_then(|found| Some((found.file, found.symbol?))) else { continue };
        let Some(def) = loom.defs.get(&(to, symbol)).copied() else { continue };
        let mut layer = loom.layer(file, def, &format!("#{symbol}"), None);
        layer.name = def.name.clone();
        let matcher = extract
            .facts
            .iter()
            .filter(|fact| fact.kind == Kind::Setting && fact.name.starts_with("matcher"))
            .filter_map(|fact| fact.get("default"));
        layer.attrs.extend(matcher.map(|matcher| ("matcher".to_owned(), matcher.to_owned())));
        let mut fact = Fact::new(Kind::Middleware, &layer.name, def.line, def.end).with("scope", "app").with("order", "0");
        fact.attrs.extend(layer.attrs.iter().cloned());
        loom.put(to, symbol, fact);
        loom.root(file, 0);
        loom.lead((file, 0), (to, symbol));
        layers.push(layer);
    }
    for (root, file) in apps {
        let app = Fact::new(Kind::App, "next", 1, 1).with("service", "ui").with("root", root.trim_end_matches('/'));
        loom.put(file, 0, app);
    }
    for (file, method, path, name) in routes {
        let path = if below(files.get(file).map_or("", |(_, path, _)| path), "pages").is_some() && !path.starts_with("/api") {
            format!("/api{path}")
        } else {
            path
        };
        let found = loom.linker.within(file, name, 0).and_then(|found| Some((found.file, found.symbol?)));
        let def = found.and_then(|spot| loom.defs.get(&spot).copied());
        let (line, end) = def.filter(|_| found.is_some_and(|spot| spot.0 == file)).map_or((1, 1), |def| (def.line, def.end));
        let mut guards = layers.clone();
        // A handler in a wrapper: `export const GET = withAuth(async () => ...)`.
        let wrapper = files
            .get(file)
            .and_then(|(_, _, extract)| extract.facts.iter().find(|fact| fact.kind == Kind::Call && fact.get("result") == Some(name)));
        if let Some(wrapper) = wrapper {
            guards.push(loom.layer(file, wrapper, &wrapper.name, None));
        }
        let symbol = found.map_or(0, |spot| if spot.0 == file { spot.1 } else { 0 });
        let handler = def.map_or_else(String::new, |def| def.name.clone());
        loom.route(Route { method, path, framework: "next", handler, spot: found, file, line, end, symbol, guards, ..Route::default() });
        loom.root(file, 0);
        if let Some(spot) = found {
            loom.lead((file, 0), spot);
        }
    }
}

/// What the framework calls in a file runs when the file is loaded.
fn whole(loom: &mut Loom<'_>, file: usize, name: &str) {
    if let Some(found) = loom.linker.within(file, name, 0)
        && let Some(symbol) = found.symbol
    {
        loom.lead((file, 0), (found.file, symbol));
    }
}
