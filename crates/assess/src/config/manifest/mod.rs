//! What a repository builds on: declared dependencies and lock files of every ecosystem.
//!
//! A dependency proves nothing of code. It says what could be used, in which version, and whether
//! two builds a month apart get the same.

mod cargo;
mod golang;
mod gradle;
mod lock;
mod maven;
mod node;
mod python;

#[cfg(test)]
mod tests;

use crate::fact::{Extract, Fact, Kind};

pub use maven::deep;

/// More dependencies than this in one file are not read.
const MOST: usize = 5_000;

/// Reads a manifest or a lock file.
pub fn read(path: &str, text: &str) -> Option<(&'static str, Extract)> {
    let name = path.rsplit('/').next().unwrap_or(path);
    if let Some(lock) = lock(path, text) {
        return Some(lock);
    }
    let extract = match name {
        "package.json" => node::package(text),
        "Cargo.toml" => cargo::manifest(text),
        "go.mod" => golang::module(text),
        "pom.xml" => maven::project(text),
        "build.gradle" | "build.gradle.kts" | "settings.gradle" | "settings.gradle.kts" => gradle::script(text),
        "libs.versions.toml" => gradle::catalogue(text),
        "pyproject.toml" => python::pyproject(text),
        "Pipfile" => python::pipfile(text),
        "setup.cfg" => python::setup_cfg(text),
        "setup.py" => python::setup_py(text),
        _ if python::is_requirements(path) => python::requirements(name, text),
        _ if python::is_environment(name) => python::environment(text),
        _ => return None,
    };
    Some(("manifest", extract))
}

/// Reads a lock file only.
pub fn lock(path: &str, text: &str) -> Option<(&'static str, Extract)> {
    let fact = lock::read(path.rsplit('/').next().unwrap_or(path), text)?;
    Some(("lock", Extract { facts: vec![fact], ..Extract::default() }))
}

/// One declared dependency.
#[derive(Debug, Default)]
struct Declared<'a> {
    name: &'a str,
    version: &'a str,
    ecosystem: &'static str,
    dev: bool,
    pinned: bool,
    line: u32,
}

impl Declared<'_> {
    fn fact(&self) -> Fact {
        let fact = Fact::new(Kind::Dependency, self.name, self.line, self.line)
            .with("version", shorten(self.version))
            .with("scope", if self.dev { "dev" } else { "run" })
            .with("ecosystem", self.ecosystem);
        fact.with("pinned", if self.pinned { "yes" } else { "no" })
    }
}

/// A value that is known by its path.
fn value(name: impl Into<String>, value: &str, line: u32) -> Fact {
    Fact::new(Kind::Value, name, line, line).with("value", shorten(value))
}

/// At most 200 characters.
fn shorten(text: &str) -> String {
    text.trim().chars().take(200).collect()
}

/// Line numbers of byte offsets.
struct Lines(Vec<usize>);

impl Lines {
    fn of(text: &str) -> Lines {
        Lines(std::iter::once(0).chain(text.bytes().enumerate().filter(|(_, byte)| *byte == b'\n').map(|(at, _)| at + 1)).collect())
    }
    fn at(&self, offset: usize) -> u32 {
        u32::try_from(self.0.partition_point(|start| *start <= offset)).unwrap_or(u32::MAX).max(1)
    }
}

/// Whether this is a group of things that only developers need.
fn is_dev(group: &str) -> bool {
    let group = group.to_ascii_lowercase();
    ["dev", "test", "lint", "doc", "type", "typing", "ci", "check", "format", "qa", "style", "mypy", "debug"].iter().any(|word| {
        group.starts_with(word) || group.ends_with(word) || group.contains(&format!("-{word}")) || group.contains(&format!("_{word}"))
    })
}

/// Reads a TOML document with positions, or says what is wrong with it.
fn toml(text: &str, read: impl FnOnce(&toml_edit::Table, &Lines, &mut Extract)) -> Extract {
    let (mut extract, lines) = (Extract::default(), Lines::of(text));
    match toml_edit::Document::parse(text) {
        Ok(document) => read(document.as_table(), &lines, &mut extract),
        Err(error) => {
            let line = error.span().map_or(1, |span| lines.at(span.start));
            extract.trouble.push(format!("line {line}: {}", error.message()));
        }
    }
    extract
}

/// Where a key of a table stands.
fn key_line(table: &dyn toml_edit::TableLike, key: &str, lines: &Lines) -> u32 {
    let (name, item) = match table.get_key_value(key) {
        Some(pair) => pair,
        None => return 1,
    };
    name.span().or_else(|| item.span()).map_or(1, |span| lines.at(span.start))
}
