//! What running one definition runs: methods of own types, what traits ask for, and where programs begin.

use std::collections::BTreeSet;

use super::Wiring;
use crate::{
    fact::{FileId, Kind},
    wiring::{Place, Wired},
};

/// Methods that so many types have that a name alone says nothing.
const COMMON: &[&str] = &[
    "new", "get", "set", "len", "push", "insert", "remove", "next", "iter", "map", "run", "call", "poll", "drop", "fmt", "into", "from",
    "default", "clone", "write", "read", "send", "expect", "unwrap",
];

impl Wiring<'_> {
    /// Fills in leads and roots.
    pub fn leads(&self, wired: &mut Wired) {
        let mut leads: BTreeSet<(Place, Place)> = wired.leads.drain(..).collect();
        for (name, own) in &self.defs {
            let method = own.fact.get("kind") == Some("method");
            // What a type does for a trait is run where the type is.
            if let (true, Some(_), Some((class, _))) = (method, own.fact.get("base"), name.rsplit_once('.'))
                && let Some(of) = self.defs.get(class)
            {
                leads.insert((of.place, own.place));
            }
        }
        for (file, fact) in self.calls() {
            let from = Place { file, symbol: fact.symbol };
            if let Some(method) = fact.name.strip_prefix("?.") {
                let found = self.last.get(method).into_iter().flatten().filter(|_| !COMMON.contains(&method));
                for own in found.take(20).filter_map(|name| self.defs.get(name)).filter(|own| own.fact.get("kind") == Some("method")) {
                    leads.insert((from, own.place));
                }
            } else if let Some(own) = self.own(file, &fact.name) {
                leads.insert((from, own.place));
            } else if let Some((class, _)) = fact.name.rsplit_once('.')
                && let Some(own) = self.defs.get(class)
            {
                leads.insert((from, own.place));
            }
        }
        for (file, path, extract) in &self.program.files {
            if path.ends_with("main.rs") || path.contains("src/bin/") {
                wired.roots.extend(self.main(*file, extract));
            }
        }
        // `#[launch] fn rocket()` stands for `main`.
        for (place, marks) in &self.marks {
            if marks.iter().any(|mark| matches!(mark.name.as_str(), "launch" | "rocket.launch" | "rocket.main")) {
                wired.roots.push(*place);
            }
        }
        wired.leads.extend(leads);
    }

    fn main(&self, file: FileId, extract: &crate::fact::Extract) -> Option<Place> {
        let main = extract.facts.iter().find(|fact| {
            fact.kind == Kind::Def
                && fact.name.ends_with(".main")
                && extract.symbols.get(fact.symbol as usize).is_some_and(|symbol| symbol.name == "main")
        })?;
        Some(Place { file, symbol: main.symbol })
    }
}
