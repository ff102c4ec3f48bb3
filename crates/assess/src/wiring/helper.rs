//! Reads of the environment through a function of the repository's own: `get_env("PORT", "80")`.
//!
//! A function that hands its argument to the environment reads by its callers: each call of it with
//! the name of a variable is a read of that variable.

use std::collections::{BTreeMap, BTreeSet};

use crate::fact::{Fact, FileId, Kind};

/// What reads one variable of the environment by its name.
const READERS: &[&str] =
    &["os.getenv", "os.environ.get", "os.Getenv", "os.LookupEnv", "syscall.Getenv", "std.env.var", "std.env.var_os", "System.getenv"];

/// How many functions may stand between a call and the environment.
const DEPTH: usize = 3;

/// The reads that go through functions of the repository's own.
pub(super) fn reads(all: &[Fact]) -> Vec<Fact> {
    let functions: BTreeMap<(FileId, u32), &str> = all
        .iter()
        .filter(|fact| fact.kind == Kind::Def && fact.symbol != 0)
        .filter(|fact| matches!(fact.get("kind"), Some("function" | "method")))
        .map(|fact| ((fact.file, fact.symbol), fact.name.as_str()))
        .collect();
    let mut readers: BTreeSet<&str> = BTreeSet::new();
    for _ in 0..DEPTH {
        let reads = |fact: &&Fact| READERS.contains(&fact.name.as_str()) || readers.contains(fact.name.as_str());
        let calls = all.iter().filter(|fact| fact.kind == Kind::Call && fact.symbol != 0).filter(reads);
        let by_variable = calls.filter(|fact| fact.get("0").is_some_and(is_variable));
        let found: Vec<&str> = by_variable.filter_map(|fact| functions.get(&(fact.file, fact.symbol)).copied()).collect();
        let before = readers.len();
        readers.extend(found);
        if readers.len() == before {
            break;
        }
    }
    if readers.is_empty() {
        return Vec::new();
    }
    let known: BTreeSet<(FileId, u32, &str)> =
        all.iter().filter(|fact| fact.kind == Kind::Env).map(|fact| (fact.file, fact.line, fact.name.as_str())).collect();
    let calls = all.iter().filter(|fact| fact.kind == Kind::Call && readers.contains(fact.name.as_str()));
    calls
        .filter_map(|call| {
            let name = call.get("0").filter(|name| names_one(name) && !known.contains(&(call.file, call.line, *name)))?;
            let mut read = Fact::new(Kind::Env, name, call.line, call.end);
            (read.file, read.symbol, read.reach, read.guard) = (call.file, call.symbol, call.reach, call.guard.clone());
            let default = ["1", "default", "default_value", "fallback"].iter().find_map(|key| call.get(key));
            if let Some(default) = default.filter(|default| !matches!(*default, "none" | "nil" | "null")) {
                read = read.with("default", default);
            }
            if let Some(result) = call.get("result") {
                read = read.with("result", result);
            }
            Some(read.with("required", "no"))
        })
        .collect()
}

/// Whether an argument is a variable: a plain name in lower case.
fn is_variable(argument: &str) -> bool {
    argument.starts_with(|first: char| first.is_ascii_lowercase() || first == '_')
        && argument.chars().all(|letter| letter.is_ascii_alphanumeric() || letter == '_')
}

/// Whether a text is the name of a variable of the environment.
fn names_one(text: &str) -> bool {
    text.len() > 2
        && text.starts_with(|first: char| first.is_ascii_uppercase())
        && text.chars().all(|letter| letter.is_ascii_uppercase() || letter.is_ascii_digit() || letter == '_')
}
