//! Rust: axum, actix-web, rocket, warp, hyper and tower, and crates with routers of their own.
//!
//! Own names are the file's module path below the root (`src.auth.verify`, as the path is written), those of crates are
//! the crate's name and path with dots (`axum.Router.new`, `tower_http.trace.TraceLayer.new_for_http`).

mod branch;
mod define;
mod extract;
mod library;
mod macros;
mod names;
mod read;
mod settings;
mod tested;
#[cfg(test)]
mod tests;
mod wire;

use super::Language;
use crate::{
    fact::{Extract, Import},
    wiring::{Program, Wired},
};

/// The language.
pub struct Rust;

impl Language for Rust {
    fn name(&self) -> &'static str {
        "rust"
    }
    fn extract(&self, path: &str, text: &str) -> Extract {
        extract::extract(path, text)
    }
    /// `crate`, `self`, `super` and the crates of the workspace, which stand in folders of their names.
    fn resolve(&self, from: &str, import: &Import, exists: &dyn Fn(&str) -> bool) -> Option<(String, Option<String>)> {
        let path: Vec<&str> = import.module.split("::").collect();
        let (first, rest) = path.split_first()?;
        let base = match *first {
            "crate" => home(from).to_owned(),
            "self" | "super" => {
                let mut folder = inner(from);
                for _ in 0..path.iter().take_while(|part| **part == "super").count() {
                    folder = folder.rsplit_once('/').map_or("", |(above, _)| above).to_owned();
                }
                folder
            }
            // A module of this file, or a crate beside this one.
            name => {
                let inside = inner(from);
                let folder = name.replace('_', "-");
                let last = folder.rsplit('-').next().unwrap_or(&folder).to_owned();
                let beside = [format!("{inside}/{name}"), inside.clone()]
                    .into_iter()
                    .find(|one| *one != inside && (exists(&format!("{one}.rs")) || exists(&format!("{one}/mod.rs"))));
                let mut found = beside;
                for parent in ["", "crates/", "libs/", "packages/"] {
                    for folder in [folder.as_str(), name, last.as_str()] {
                        if found.is_none() && exists(&format!("{parent}{folder}/src/lib.rs")) {
                            found = Some(format!("{parent}{folder}/src"));
                        }
                    }
                }
                // The library of the binary's own crate.
                if found.is_none()
                    && exists(&format!("{}/lib.rs", home(from)))
                    && home(from).split('/').rev().nth(1).is_some_and(|own| own.replace('-', "_") == name)
                {
                    found = Some(home(from).to_owned());
                }
                // A binary or a test names the library by the package's name, which only the manifest knows.
                if found.is_none()
                    && let Some(next) = path.get(1).copied().or(import.item.as_deref())
                {
                    let root = home(from)
                        .strip_suffix("/src")
                        .or(home(from).strip_suffix("src"))
                        .unwrap_or_else(|| from.split("/tests/").next().filter(|_| from.contains("/tests/")).unwrap_or(""));
                    let sources = if root.is_empty() { "src".to_owned() } else { format!("{root}/src") };
                    if exists(&format!("{sources}/lib.rs"))
                        && (exists(&format!("{sources}/{next}.rs")) || exists(&format!("{sources}/{next}/mod.rs")))
                    {
                        found = Some(sources);
                    }
                }
                found?
            }
        };
        let mut rest: Vec<&str> = rest.iter().copied().filter(|part| *part != "super").collect();
        rest.extend(import.item.as_deref());
        for taken in (0..=rest.len()).rev() {
            let (modules, items) = rest.split_at(taken);
            let mut at = base.clone();
            for module in modules {
                at = if at.is_empty() { (*module).to_owned() } else { format!("{at}/{module}") };
            }
            let candidates = if taken == 0 {
                vec![format!("{at}/lib.rs"), format!("{at}/main.rs"), format!("{at}/mod.rs"), format!("{at}.rs")]
            } else {
                vec![format!("{at}.rs"), format!("{at}/mod.rs")]
            };
            let item = (!items.is_empty()).then(|| items.join("."));
            if let Some(found) = candidates.into_iter().map(|path| path.trim_start_matches('/').to_owned()).find(|path| exists(path)) {
                return Some((found, item));
            }
        }
        None
    }
    fn wire(&self, program: &Program<'_>) -> Wired {
        wire::wire(program)
    }
}

/// The folder of the crate's sources.
fn home(path: &str) -> &str {
    match path.rfind("src/") {
        Some(at) if at == 0 || path.as_bytes().get(at - 1) == Some(&b'/') => &path[..at + 3],
        _ => path.rsplit_once('/').map_or("", |(folder, _)| folder),
    }
}

/// The folder in which a file's own modules stand.
fn inner(path: &str) -> String {
    let (folder, name) = path.rsplit_once('/').unwrap_or(("", path));
    match name {
        "mod.rs" | "lib.rs" | "main.rs" => folder.to_owned(),
        _ => path.strip_suffix(".rs").unwrap_or(path).to_owned(),
    }
}

/// The name of a file's module: its path with dots; `mod.rs` is its folder.
fn module(path: &str) -> String {
    path.strip_suffix(".rs").unwrap_or(path).replace('/', ".")
}
