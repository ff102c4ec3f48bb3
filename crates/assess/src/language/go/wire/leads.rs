//! What running one definition runs: mentions of the same package and of imported ones, methods behind interfaces,
//! and what the language itself runs.

use std::collections::{BTreeMap, BTreeSet};

use super::{super::folder, Wiring};
use crate::{
    fact::Kind,
    wiring::{Place, Wired},
};

impl Wiring<'_> {
    /// Fills in leads and roots.
    pub fn leads(&self, wired: &mut Wired) {
        let mut leads: BTreeSet<(Place, Place)> = wired.leads.drain(..).collect();
        let mut methods: BTreeMap<&str, Vec<(&str, Place)>> = BTreeMap::new();
        for (name, own) in &self.names.defs {
            if own.fact.get("kind") == Some("method")
                && let Some((class, method)) = name.rsplit_once('.')
            {
                methods.entry(class).or_default().push((method, own.place));
            }
        }
        for ((file, path, extract), names) in self.program.files.iter().zip(&self.calls) {
            let package = folder(path);
            let locals: BTreeMap<&str, &str> =
                extract.imports.iter().map(|import| (import.local.as_str(), import.module.as_str())).collect();
            let top = Place { file: *file, symbol: 0 };
            for import in &extract.imports {
                // Importing a package runs its variables and its `init`s.
                for other in self.names.package(&import.module).and_then(|folder| self.names.packages.get(folder)).into_iter().flatten() {
                    leads.insert((top, Place { file: *other, symbol: 0 }));
                }
            }
            for (number, symbol) in extract.symbols.iter().enumerate() {
                let place = Place { file: *file, symbol: u32::try_from(number).unwrap_or(0) };
                if symbol.name == "init" {
                    leads.insert((top, place));
                }
                if symbol.name == "main"
                    && extract.facts.iter().any(|fact| fact.kind == Kind::Def && fact.symbol == place.symbol)
                    && !path.ends_with("_test.go")
                    && self.is_main(&package, path)
                {
                    wired.roots.push(place);
                    for other in self.names.packages.get(&package).into_iter().flatten() {
                        leads.insert((place, Place { file: *other, symbol: 0 }));
                    }
                }
            }
            for mention in &extract.uses {
                let from = Place { file: *file, symbol: mention.symbol };
                let full = match mention.path.split_once('.') {
                    Some((first, rest)) if locals.contains_key(first) || imported(&locals, first) => {
                        let module = locals.get(first).copied().unwrap_or_default();
                        format!("{}.{rest}", super::super::canonical(module))
                    }
                    Some(_) => mention.path.clone(),
                    None => super::super::joined(&package, &mention.path),
                };
                let followed = self.names.follow(&full);
                self.lead(from, &followed, &methods, &mut leads);
            }
            for (fact, name) in extract.facts.iter().zip(names).filter(|(fact, _)| fact.kind == Kind::Call) {
                let from = Place { file: *file, symbol: fact.symbol };
                self.lead(from, name, &methods, &mut leads);
                if !self.names.defs.contains_key(name) {
                    // What is handed to a library may be asked for its methods by that library.
                    for (key, of) in fact.attrs.iter().filter(|(key, _)| key.ends_with(".type")) {
                        let of = self.names.follow(of);
                        let standard = name.starts_with("fmt.") || name.starts_with("log") || key.is_empty();
                        for (_, place) in methods.get(of.as_str()).into_iter().flatten().filter(|_| !standard) {
                            leads.insert((from, *place));
                        }
                    }
                }
            }
        }
        wired.leads.extend(leads);
    }

    fn is_main(&self, package: &str, path: &str) -> bool {
        // The clause itself is not kept: what has a `main` and is imported by nobody is one.
        let _ = path;
        !self
            .program
            .files
            .iter()
            .any(|(_, _, extract)| extract.imports.iter().any(|import| self.names.package(&import.module) == Some(package)))
    }

    fn lead(&self, from: Place, name: &str, methods: &BTreeMap<&str, Vec<(&str, Place)>>, leads: &mut BTreeSet<(Place, Place)>) {
        if let Some(own) = self.names.defs.get(name) {
            leads.insert((from, own.place));
            if own.fact.get("kind") == Some("class") {
                for (method, place) in methods.get(name).into_iter().flatten() {
                    if ASKED.contains(method) {
                        leads.insert((own.place, *place));
                    }
                }
            }
            return;
        }
        // A method of an interface is that of each type that has one of this name.
        let Some((class, method)) = name.rsplit_once('.') else { return };
        let interface = self.names.defs.get(class).is_some_and(|own| own.fact.get("kind") == Some("interface"));
        let unknown = class == "?";
        if interface || unknown && !COMMON.contains(&method) {
            for place in self.names.methods.get(method).into_iter().flatten().take(40) {
                leads.insert((from, *place));
            }
        }
    }
}

fn imported(locals: &BTreeMap<&str, &str>, first: &str) -> bool {
    locals.contains_key(first)
}

/// Methods that the standard library asks for by itself.
const ASKED: &[&str] = &[
    "ServeHTTP",
    "String",
    "Error",
    "Scan",
    "Value",
    "MarshalJSON",
    "UnmarshalJSON",
    "MarshalText",
    "UnmarshalText",
    "RoundTrip",
    "Write",
    "Read",
    "Close",
    "TableName",
    "BeforeCreate",
    "AfterCreate",
    "BeforeSave",
    "Unwrap",
    "Len",
    "Less",
    "Swap",
    "Collect",
    "Describe",
    "Handle",
    "Enabled",
];

/// Methods that so many types have that a name alone says nothing.
const COMMON: &[&str] =
    &["Error", "String", "Close", "Get", "Set", "Add", "Run", "Write", "Read", "Execute", "Call", "Do", "Start", "Stop", "Len", "Next"];
