//! Resources of Terraform that are referred to and declared nowhere in their folder.

use std::collections::{BTreeMap, BTreeSet};

use crate::fact::{Fact, Kind};

use super::Ground;

/// What a folder declares.
#[derive(Default)]
struct Declared<'a> {
    names: BTreeSet<&'a str>,
    /// The first words of its resources' types: `aws` of `aws_lb`.
    providers: BTreeSet<&'a str>,
    /// Names of dynamic blocks, whose values are referred to by them.
    dynamic: BTreeSet<&'a str>,
}

/// References that lead nowhere.
pub fn undeclared(ground: &Ground<'_>, facts: &[Fact]) -> Vec<Fact> {
    let mut folders: BTreeMap<&str, Declared<'_>> = BTreeMap::new();
    let ours = |fact: &&Fact| fact.kind == Kind::Terraform && ground.path(fact.file).ends_with(".tf");
    for fact in facts.iter().filter(ours) {
        let declared = folders.entry(ground.folder(fact.file)).or_default();
        declared.names.insert(&fact.name);
        let mut parts = fact.name.split('.');
        if let (Some("resource"), Some(kind)) = (parts.next(), parts.next()) {
            declared.providers.extend(kind.split('_').next());
        }
        for (at, _) in fact.name.match_indices("dynamic.") {
            declared.dynamic.extend(fact.name[at + 8..].split('.').next());
        }
    }
    let mut found = Vec::new();
    for fact in facts.iter().filter(ours).filter(|fact| !ground.is_test(fact.file)) {
        let Some(declared) = folders.get(ground.folder(fact.file)) else { continue };
        for reference in fact.all("refers") {
            if let Some(missing) = missing(declared, reference) {
                found.push(ground.broken(fact, &missing, "resource"));
            }
        }
    }
    found
}

fn missing(declared: &Declared<'_>, reference: &str) -> Option<String> {
    let (first, rest) = reference.split_once('.')?;
    let name = match first {
        "var" => format!("variable.{rest}"),
        "local" => format!("locals.{rest}"),
        "module" | "data" => reference.to_owned(),
        // A type has its provider in front; the names of loops rarely have one that is used here.
        kind => {
            let provider = kind.split_once('_')?.0;
            let known = declared.providers.contains(provider) && !declared.dynamic.contains(kind) && !matches!(rest, "key" | "value");
            if !known {
                return None;
            }
            format!("resource.{reference}")
        }
    };
    let below = format!("{name}.");
    let there = declared.names.contains(name.as_str())
        || declared.names.range(below.as_str()..).next().is_some_and(|next| next.starts_with(&below));
    (!there).then(|| reference.to_owned())
}
