//! Go: net/http, gin, echo, chi, fiber, gorilla/mux, httprouter, gRPC and connect.
//!
//! A package is a folder: own names are the folder with dots, then the symbol (`internal.auth.Verify`). Names of
//! libraries are the import path without its version (`/v5`, `.v3`), then the symbol (`github.com/go-chi/chi.NewRouter`).

mod extract;
mod library;
mod package;
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
pub struct Go;

impl Language for Go {
    fn name(&self) -> &'static str {
        "go"
    }
    fn extract(&self, path: &str, text: &str) -> Extract {
        extract::extract(path, text)
    }
    /// The folder of the package, as a package has no single file. The module's own path is not known here, so the
    /// longest end of the import path that is a folder is taken, below the nearest folder above `from` first.
    fn resolve(&self, from: &str, import: &Import, exists: &dyn Fn(&str) -> bool) -> Option<(String, Option<String>)> {
        let parts: Vec<&str> = import.module.split('/').collect();
        if parts.len() < 2 || !parts.first().is_some_and(|first| first.contains('.') || parts.len() > 1) {
            return None;
        }
        let mut above = from.rsplit_once('/').map_or("", |(folder, _)| folder);
        loop {
            for skip in 1..parts.len() {
                let tail = parts.get(skip..)?.join("/");
                let folder = if above.is_empty() { tail } else { format!("{above}/{tail}") };
                if exists(&folder) {
                    return Some((folder, import.item.clone()));
                }
            }
            if above.is_empty() {
                return None;
            }
            above = above.rsplit_once('/').map_or("", |(folder, _)| folder);
        }
    }
    fn wire(&self, program: &Program<'_>) -> Wired {
        wire::wire(program)
    }
}

/// The canonical form of an import path: without its version.
fn canonical(module: &str) -> String {
    let version = |part: &str| part.len() > 1 && part.starts_with('v') && part[1..].bytes().all(|byte| byte.is_ascii_digit());
    let kept: Vec<&str> = module.split('/').filter(|part| !version(part)).collect();
    let mut out = kept.join("/");
    if out.starts_with("gopkg.in/")
        && let Some((before, last)) = out.rsplit_once('.')
        && version(last)
    {
        out = before.to_owned();
    }
    out
}

/// The folder of a file with dots.
fn folder(path: &str) -> String {
    path.rsplit_once('/').map_or(String::new(), |(folder, _)| folder.replace('/', "."))
}

/// A name in a package.
fn joined(package: &str, name: &str) -> String {
    if package.is_empty() { name.to_owned() } else { format!("{package}.{name}") }
}
