//! Languages: from the text of a file to its facts, and from all files to what is mounted.

pub(crate) mod flow;
pub mod go;
pub(crate) mod graph;
pub mod java;
pub(crate) mod parse;
pub mod python;
pub mod rust;
pub mod script;
#[cfg(test)]
mod tests;
pub(crate) mod walk;

pub use parse::deep;

use crate::{
    fact::{Extract, Fact},
    wiring::{Program, Wired},
};

/// One language.
pub trait Language: Sync {
    /// Its word: `python`, `javascript`, `typescript`, `go`, `java`, `rust`.
    fn name(&self) -> &'static str;
    /// Languages of one family import from each other and are linked as one program: JavaScript and TypeScript are `script`.
    fn family(&self) -> &'static str {
        self.name()
    }
    /// Reads one file. Text that does not parse yields what can be read, and says so in `trouble`.
    fn extract(&self, path: &str, text: &str) -> Extract;
    /// The paths below the root that an import of the file `from` may mean, the likeliest first,
    /// each with the item in it (nothing: the module itself). `exists` tells whether a path is there.
    fn resolve(&self, from: &str, import: &crate::fact::Import, exists: &dyn Fn(&str) -> bool) -> Option<(String, Option<String>)>;
    /// What frameworks make of the linked program: apps, routes, middleware, handlers, hooks.
    fn wire(&self, program: &Program<'_>) -> Wired;
}

/// Whether a fact is one that [`Language::wire`] yields.
pub fn is_wired(fact: &Fact) -> bool {
    use crate::fact::Kind;
    matches!(fact.kind, Kind::App | Kind::Route | Kind::Middleware | Kind::Handler | Kind::Hook)
}

/// The languages that are read.
pub fn all() -> &'static [&'static dyn Language] {
    &[&go::Go, &java::Java, &python::Python, &rust::Rust, &script::JAVASCRIPT, &script::TYPESCRIPT]
}

/// The language of a path.
pub fn of(path: &str) -> Option<&'static dyn Language> {
    let extension = path.rsplit('/').next()?.rsplit_once('.')?.1;
    let name = match extension {
        "py" => "python",
        "js" | "mjs" | "cjs" | "jsx" => "javascript",
        "ts" | "mts" | "cts" | "tsx" => "typescript",
        "go" => "go",
        "java" => "java",
        "rs" => "rust",
        _ => return None,
    };
    all().iter().copied().find(|language| language.name() == name)
}
