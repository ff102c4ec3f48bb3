//! Folders whose files a Node.js service gives out as they are.

use crate::adopt::{
    found::{Evidence, Gives, RouteSeen, Service, is_plain, under},
    source::{Call, Source, literal},
    tree::{Tree, below, join, parent},
};

/// Most rules for folders of files at the top of the address space.
const FOLDERS: usize = 12;

/// `express.static(folder)` and `@fastify/static`.
pub(super) fn files(tree: &Tree, source: &Source, call: &Call<'_>, service: &mut Service) {
    let fastify = call.name == "register" && call.positional(0).is_some_and(|first| first.to_ascii_lowercase().contains("static"));
    let express = call.name == "use" && (call.inside().contains(".static(") || call.inside().contains("serveStatic("));
    if !fastify && !express {
        return;
    }
    let evidence = Evidence::call(call, "files from a folder");
    let prefix = if fastify { call.property("prefix").and_then(literal) } else { call.positional(0).and_then(literal) };
    if let Some(prefix) = prefix.filter(|prefix| prefix.len() > 1 && prefix.starts_with('/')) {
        let path = under(&prefix, "{*rest}");
        service.routes.push(RouteSeen { method: Some("GET"), certain: is_plain(&path), path, gives: Gives::Files, evidence });
        return;
    }
    // At the top of the address space: only what is really there may be public.
    let quoted = call.inside().split(['\'', '"', '`']).skip(1).step_by(2).filter(|text| !text.is_empty()).last().unwrap_or("");
    let name = quoted.trim_start_matches("./").trim_matches('/').trim_start_matches("../");
    let candidates = [join(parent(&source.path), name), name.to_owned(), join(&service.root, name)];
    let Some(folder) = candidates.into_iter().find(|folder| !name.is_empty() && tree.folders.contains(folder)) else { return };
    let mut push = |path: String| {
        service.routes.push(RouteSeen {
            method: Some("GET"),
            certain: is_plain(&path),
            path,
            gives: Gives::Files,
            evidence: evidence.clone(),
        })
    };
    let children = tree
        .folders
        .iter()
        .filter_map(|path| below(&folder, path))
        .filter(|rest| !rest.is_empty() && !rest.contains('/') && !rest.starts_with('.'));
    for child in children.take(FOLDERS) {
        push(format!("/{child}/{{*rest}}"));
    }
    let single = tree.files.iter().filter_map(|path| below(&folder, path)).filter(|rest| !rest.contains('/') && !rest.starts_with('.'));
    for file in single.take(FOLDERS) {
        push(format!("/{file}"));
        if file == "index.html" {
            push("/".to_owned());
        }
    }
}
