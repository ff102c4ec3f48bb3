use super::*;
use crate::fact::{Fact, Kind};

/// The facts of a file.
fn facts(path: &str, text: &str) -> Vec<Fact> {
    extract(path, text).map(|(_, extract)| extract.facts).unwrap_or_default()
}

/// The only fact of this kind and name.
fn one(facts: &[Fact], kind: Kind, name: &str) -> Fact {
    let found: Vec<&Fact> = facts.iter().filter(|fact| fact.kind == kind && fact.name == name).collect();
    assert_eq!(found.len(), 1, "{kind:?} {name}: {found:#?}");
    found[0].clone()
}

mod containers;
mod infrastructure;
mod orchestration;
mod pipelines;
mod tools;
