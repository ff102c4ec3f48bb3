//! What only all files together show of configuration: references to what is not there, and what
//! the steps of a pipeline really run.

use crate::{
    fact::{Fact, FileId, FileInfo, Kind},
    source::Tree,
};

use super::base;

mod citation;
mod marker;
mod missing;
mod resource;
mod schema;
mod target;

/// Further facts about the facts of these files: `broken` for files, targets, resources, tables, markers and cited code that are
/// not there, and a `step` for each command behind `make test` or `npm run lint`, at the place of
/// the step that runs it, with `via` the target.
pub fn whole(tree: &Tree, files: &[FileInfo], facts: &[Fact]) -> Vec<Fact> {
    let ground = Ground { tree, files, ignored: ignored(facts) };
    let mut found = missing::files(&ground, facts);
    found.extend(resource::undeclared(&ground, facts));
    found.extend(target::steps(&ground, facts));
    found.extend(schema::altered(&ground, facts));
    found.extend(marker::unmarked(&ground, facts));
    found.extend(citation::stale(&ground));
    found
}

/// Properties that only all facts together give: whether a foreign key has an index.
pub fn complete(facts: &mut [Fact]) {
    schema::indexed(facts);
}

/// The files that references are looked up in.
struct Ground<'a> {
    tree: &'a Tree,
    files: &'a [FileInfo],
    /// Names that `.gitignore` keeps out: what they name is made later.
    ignored: Vec<String>,
}

/// The names in `.gitignore` files, without slashes and stars at their ends.
fn ignored(facts: &[Fact]) -> Vec<String> {
    let lines = facts.iter().filter(|fact| fact.kind == Kind::Value && fact.name == "gitignore").filter_map(|fact| fact.get("value"));
    let mut names: Vec<String> =
        lines.map(|line| line.trim_matches(['/', '*', ' ']).to_owned()).filter(|name| !name.is_empty() && !name.starts_with('!')).collect();
    names.sort();
    names.dedup();
    names
}

impl<'a> Ground<'a> {
    fn path(&self, file: FileId) -> &'a str {
        self.files.get(file.0 as usize).map_or("", |info| info.path.as_str())
    }
    fn folder(&self, file: FileId) -> &'a str {
        self.path(file).rsplit_once('/').map_or("", |(folder, _)| folder)
    }
    fn is_test(&self, file: FileId) -> bool {
        self.files.get(file.0 as usize).is_some_and(|info| info.test)
    }
    /// Whether a path is there as seen from a folder; nothing where it leads out of the tree.
    fn has(&self, folder: &str, path: &str) -> Option<bool> {
        let whole = joined(folder, path)?;
        Some(whole.is_empty() || self.tree.has(&whole))
    }
    /// Whether a path is there as seen from a folder or from any folder above it.
    fn above(&self, folder: &str, path: &str) -> bool {
        let mut folder = folder;
        loop {
            if self.has(folder, path).unwrap_or(true) {
                return true;
            }
            if folder.is_empty() {
                return false;
            }
            folder = folder.rsplit_once('/').map_or("", |(above, _)| above);
        }
    }
    /// Whether some file anywhere ends with this path.
    fn anywhere(&self, path: &str) -> bool {
        let Some(plain) = joined("", path.trim_start_matches("../")) else { return true };
        let read = self.tree.files.iter().map(|file| file.path.as_str());
        let ends = |file: &str| file.strip_suffix(plain.as_str()).is_some_and(|rest| rest.is_empty() || rest.ends_with('/'));
        plain.is_empty() || self.tree.has(&plain) || read.into_iter().any(ends)
    }
    /// Whether a path is one that is made later: ignored, built, or a file of variables.
    fn made(&self, path: &str) -> bool {
        let built = [
            "dist",
            "build",
            "target",
            "out",
            "bin",
            "node_modules",
            ".next",
            "vendor",
            "tmp",
            ".git",
            "publish",
            "coverage",
            "artifacts",
            "logs",
        ];
        let name = base(path.trim_end_matches('/'));
        name.starts_with(".env")
            || name.ends_with(".jar")
            || path.split('/').any(|part| built.contains(&part) || self.ignored.binary_search_by(|name| name.as_str().cmp(part)).is_ok())
            || self.ignored.iter().any(|ignored| {
                ignored.strip_prefix('*').unwrap_or(ignored).len() > 2 && ignored.starts_with('.') && name.ends_with(ignored.as_str())
            })
            || self.ignored.iter().any(|ignored| ignored.contains('/') && path.trim_start_matches("./").starts_with(ignored.as_str()))
    }
    fn broken(&self, at: &Fact, name: &str, what: &str) -> Fact {
        let mut fact = Fact::new(Kind::Broken, name, at.line, at.end).with("what", what).with("by", at.kind.name());
        fact.file = at.file;
        fact
    }
}

/// A path seen from a folder, without `.` and `..`; nothing where it leads out.
fn joined(folder: &str, path: &str) -> Option<String> {
    let mut parts: Vec<&str> = if path.starts_with('/') { Vec::new() } else { folder.split('/').filter(|part| !part.is_empty()).collect() };
    for part in path.split('/') {
        match part {
            "" | "." => {}
            ".." => {
                parts.pop()?;
            }
            part => parts.push(part),
        }
    }
    Some(parts.join("/"))
}

#[cfg(test)]
mod tests;
