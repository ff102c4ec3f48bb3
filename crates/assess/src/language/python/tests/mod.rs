mod file;
mod frameworks;

use super::Python;
use crate::{
    fact::{Extract, Fact, FileId, Kind},
    language::Language,
    wiring::{Program, Wired},
};

/// The facts of a kind in one file.
fn of(text: &str, kind: Kind) -> Vec<Fact> {
    Python.extract("app/one.py", text).facts.into_iter().filter(|fact| fact.kind == kind).collect()
}

/// The names of facts with their lines.
fn named(facts: &[Fact]) -> Vec<(&str, u32)> {
    facts.iter().map(|fact| (fact.name.as_str(), fact.line)).collect()
}

/// What frameworks make of these files.
fn wired(files: &[(&str, &str)]) -> (Wired, Vec<Extract>) {
    let extracts: Vec<Extract> = files.iter().map(|(path, text)| Python.extract(path, text)).collect();
    let number = |number: usize| FileId(u32::try_from(number).unwrap());
    let all = files.iter().zip(&extracts).enumerate().map(|(count, ((path, _), extract))| (number(count), *path, extract)).collect();
    let program = Program { files: all, names: &|_, _| None, origin: &|_, _| None };
    (Python.wire(&program), extracts)
}

/// The facts of a kind, in the order of file and line.
fn framework(files: &[(&str, &str)], kind: Kind) -> Vec<Fact> {
    let mut found: Vec<Fact> = wired(files).0.facts.into_iter().filter(|fact| fact.kind == kind).collect();
    found.sort_by(|a, b| (a.file, a.line, &a.name).cmp(&(b.file, b.line, &b.name)));
    found
}
