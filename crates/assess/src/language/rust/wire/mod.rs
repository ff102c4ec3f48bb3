//! From the calls of all files to apps, routes, middleware and hooks.

mod leads;
mod mount;
mod rocket;
mod routes;
#[cfg(test)]
mod tests;

use std::collections::BTreeMap;

use crate::{
    fact::{Fact, FileId, Kind, Reach},
    language::graph::{Graph, Layer, Spot},
    wiring::{Place, Program, Wired},
};

/// A definition and its fact.
struct Own<'p> {
    place: Place,
    fact: &'p Fact,
}

/// The program with its definitions.
struct Wiring<'p> {
    program: &'p Program<'p>,
    /// By canonical name.
    defs: BTreeMap<&'p str, Own<'p>>,
    /// The same by place.
    places: BTreeMap<Place, &'p str>,
    /// Calls by the variable that takes their result.
    into: BTreeMap<(FileId, &'p str), &'p Fact>,
    /// Functions by their last name alone, for names that were passed on.
    last: BTreeMap<&'p str, Vec<&'p str>>,
    /// Calls by what their extract calls their result.
    ids: BTreeMap<(FileId, &'p str), &'p Fact>,
    /// Calls by the definition that makes them.
    made: BTreeMap<Place, Vec<&'p Fact>>,
    /// Attributes of functions, by file and symbol.
    marks: BTreeMap<Place, Vec<&'p Fact>>,
    /// Names of calls on what a function of another file gives.
    followed: BTreeMap<(FileId, &'p str), String>,
    /// What modules hand on under another name: `pub use notes::routes as note_routes`.
    aliases: BTreeMap<String, String>,
    graph: Graph,
}

/// A route before its ways are known.
struct Raw {
    node: usize,
    spot: Spot,
    method: String,
    path: String,
    handler: String,
    lines: Option<String>,
    /// Which parameter takes the body, where an attribute says so; empty where it says that none does.
    data: Option<String>,
    framework: &'static str,
    guards: Vec<Layer>,
    file: FileId,
    line: u32,
    end: u32,
    symbol: u32,
    guard: Option<crate::fact::Guard>,
}

/// What frameworks make of a program in Rust.
pub(super) fn wire(program: &Program<'_>) -> Wired {
    let mut wiring = Wiring::of(program);
    let mut wired = Wired::default();
    wiring.follow(&mut wired);
    let raws = wiring.mount(&mut wired);
    wiring.routes(&raws, &mut wired);
    wiring.hooks(&mut wired);
    wiring.leads(&mut wired);
    wired
}

impl<'p> Wiring<'p> {
    fn of(program: &'p Program<'p>) -> Wiring<'p> {
        let mut wiring = Wiring {
            program,
            defs: BTreeMap::new(),
            places: BTreeMap::new(),
            into: BTreeMap::new(),
            last: BTreeMap::new(),
            ids: BTreeMap::new(),
            made: BTreeMap::new(),
            marks: BTreeMap::new(),
            followed: BTreeMap::new(),
            aliases: BTreeMap::new(),
            graph: Graph::default(),
        };
        for (file, path, extract) in &program.files {
            for import in &extract.imports {
                if let Some(item) = import.item.as_ref().filter(|item| **item != import.local && import.local != "_") {
                    let alias = joined(&super::inner(path), &import.local);
                    wiring.aliases.entry(alias).or_insert_with(|| joined(&within(path, &import.module), item));
                }
            }
            for fact in extract.facts.iter().filter(|fact| fact.reach != Reach::Test) {
                let place = Place { file: *file, symbol: fact.symbol };
                match fact.kind {
                    Kind::Def if fact.get("kind") != Some("impl") => {
                        wiring.defs.entry(&fact.name).or_insert(Own { place, fact });
                        wiring.places.entry(place).or_insert(&fact.name);
                        if let Some((_, last)) = fact.name.rsplit_once('.') {
                            wiring.last.entry(last).or_default().push(&fact.name);
                        }
                    }
                    Kind::Call => {
                        wiring.made.entry(place).or_default().push(fact);
                        if let Some(id) = fact.get("id") {
                            wiring.ids.insert((*file, id), fact);
                        }
                        if let Some(into) = fact.get("into") {
                            wiring.into.entry((*file, into)).or_insert(fact);
                        }
                    }
                    Kind::Decorator => wiring.marks.entry(place).or_default().push(fact),
                    _ => {}
                }
            }
        }
        wiring
    }

    /// Follows calls on results whose type only another file says: `users::router().layer(...)`.
    fn follow(&mut self, wired: &mut Wired) {
        for (file, _, extract) in &self.program.files {
            let number = |fact: &Fact| fact.get("id").and_then(|id| id.trim_start_matches('#').parse::<u32>().ok());
            let mut unknown: Vec<(Option<u32>, usize, &'p Fact)> = extract
                .facts
                .iter()
                .enumerate()
                .filter(|(_, fact)| fact.kind == Kind::Call && fact.name.starts_with("?."))
                .map(|(at, fact)| (number(fact), at, fact))
                .collect();
            // What is called on comes before what is called on its result.
            unknown.sort_by_key(|(number, at, _)| (*number, *at));
            for (_, at, fact) in unknown {
                let (Some(id), Some(from)) = (fact.get("id"), fact.get("from")) else { continue };
                let before = if from.starts_with('#') { self.ids.get(&(*file, from)) } else { self.into.get(&(*file, from)) };
                let Some(before) = before.copied() else { continue };
                let name = self.named(*file, before).to_owned();
                let of = match self.own(*file, &name) {
                    Some(own) if own.fact.get("kind") == Some("class") => Some(own.fact.name.clone()),
                    Some(own) => own.fact.get("returns").map(str::to_owned),
                    None => name.strip_prefix("?.").map_or_else(|| super::library::gives(&name), |_| None),
                };
                if let (Some(of), Some(method)) = (of, fact.name.strip_prefix("?.")) {
                    let name = format!("{of}.{method}");
                    wired.renamed.push((*file, u32::try_from(at).unwrap_or(u32::MAX), name.clone()));
                    self.followed.insert((*file, id), name);
                }
            }
        }
    }

    /// The name of a call, followed.
    fn named<'a>(&'a self, file: FileId, fact: &'a Fact) -> &'a str {
        fact.get("id").and_then(|id| self.followed.get(&(file, id))).map_or(fact.name.as_str(), String::as_str)
    }

    /// All calls that are not of tests.
    fn calls(&self) -> impl Iterator<Item = (FileId, &'p Fact)> + use<'p> {
        self.program.files.iter().flat_map(|(file, path, extract)| {
            let tests = path.contains("tests/") || path.contains("benches/") || path.ends_with("tests.rs");
            extract
                .facts
                .iter()
                .filter(move |fact| !tests && fact.kind == Kind::Call && fact.reach != Reach::Test)
                .map(move |fact| (*file, fact))
        })
    }

    fn call(&self, file: FileId, id: &str) -> Option<&'p Fact> {
        self.ids.get(&(file, id)).copied()
    }

    /// The calls of a chain, the first at the front.
    fn chain(&self, file: FileId, fact: &'p Fact) -> Vec<&'p Fact> {
        let mut out = vec![fact];
        let mut now = fact;
        while let Some(before) =
            now.get("from").filter(|from| from.starts_with('#') && out.len() < 200).and_then(|from| self.call(file, from))
        {
            out.push(before);
            now = before;
        }
        out.reverse();
        out
    }

    /// The definition that a canonical name means, re-exports followed as far as the name alone leads.
    fn own(&self, file: FileId, name: &str) -> Option<&Own<'p>> {
        if let Some(own) = self.defs.get(name) {
            return Some(own);
        }
        let mut name = name;
        for _ in 0..4 {
            match self.aliases.get(name) {
                Some(other) => name = other,
                None => break,
            }
        }
        if let Some(own) = self.defs.get(name) {
            return Some(own);
        }
        // A module's own file is called `mod`, `lib` or `main`; who names what is in it does not say so.
        let mut at = name.len();
        for _ in 0..2 {
            let Some(dot) = name.get(..at).and_then(|part| part.rfind('.')) else { break };
            for file in ["mod", "lib", "main"] {
                if let Some(own) = self.defs.get(format!("{}.{file}{}", &name[..dot], &name[dot..]).as_str()) {
                    return Some(own);
                }
            }
            at = dot;
        }
        if let Some(place) = (self.program.names)(file, name).filter(|place| place.symbol != 0) {
            return self.places.get(&place).and_then(|name| self.defs.get(name));
        }
        let (folder, last) = name.rsplit_once('.').unwrap_or(("", name));
        let mut found: Vec<&str> = self.last.get(last).map(Vec::as_slice).unwrap_or_default().iter().take(200).copied().collect();
        if found.len() > 1 {
            // Of several, the one whose path ends as it is written (`use controllers::*`), or the only one in the module that
            // hands it on (`pub use post::*`).
            let ends = found.iter().filter(|one| one.strip_suffix(name).is_some_and(|before| before.ends_with('.'))).count() == 1;
            let module = folder.strip_suffix(".mod").unwrap_or(folder);
            found.retain(|one| match ends {
                true => one.strip_suffix(name).is_some_and(|before| before.ends_with('.')),
                false => {
                    one.strip_prefix(module).is_some_and(|rest| rest.starts_with('.'))
                        && self.defs.get(one).is_some_and(|own| own.fact.get("kind") == Some("function"))
                }
            });
        }
        match found.as_slice() {
            // Only what is written as a function's path: methods called `new` are everywhere.
            [only]
                if name.contains('.')
                    && !name.starts_with("std.")
                    && !name.rsplit('.').nth(1).is_some_and(|class| class.starts_with(char::is_uppercase)) =>
            {
                self.defs.get(only).filter(|own| own.fact.get("kind") == Some("function"))
            }
            _ => None,
        }
    }

    fn spot(file: FileId, fact: &Fact) -> Spot {
        let order = fact.get("id").and_then(|id| id.trim_start_matches('#').parse().ok()).unwrap_or(fact.line);
        Spot { file, symbol: fact.symbol, order }
    }

    /// The calls of a definition.
    fn within(&self, place: Place) -> Vec<String> {
        self.gathered(place, |_| true)
    }

    fn gathered(&self, place: Place, holds: impl Fn(&Fact) -> bool) -> Vec<String> {
        let mut out: Vec<String> = Vec::new();
        for fact in self.made.get(&place).into_iter().flatten().filter(|fact| holds(fact)) {
            if out.len() < 80 && !out.contains(&fact.name) {
                out.push(fact.name.clone());
            }
        }
        out
    }

    /// What stands before routes, from an argument of a call; a builder of services gives several.
    fn layers(&self, file: FileId, fact: &'p Fact, key: &str) -> Vec<Layer> {
        let Some(written) = fact.get(key) else { return Vec::new() };
        let base = Layer {
            name: written.to_owned(),
            file,
            line: fact.line,
            end: fact.end,
            symbol: fact.symbol,
            guard: fact.guard.clone(),
            order: Self::spot(file, fact).order,
            ..Layer::default()
        };
        let value = fact.get(&format!("{key}.ref")).unwrap_or_default();
        let made = if value.starts_with('#') { self.call(file, value) } else { self.into.get(&(file, value)).copied() };
        let Some(made) = made else {
            let mut layer = base;
            if let Some(range) = fact.get(&format!("{key}.lines")) {
                layer.attrs.push(("lines".into(), range.to_owned()));
                layer.name = "closure".into();
            }
            if let Some(own) = self.own(file, &layer.name) {
                layer.attrs.extend(self.within(own.place).into_iter().map(|name| ("calls".into(), name)));
            }
            return vec![layer];
        };
        let chain = self.chain(file, made);
        let first = chain.first().copied().unwrap_or(made);
        if first.name == "tower.ServiceBuilder.new" {
            let mut out = Vec::new();
            for call in &chain {
                match call.name.rsplit('.').next() {
                    Some("layer" | "option_layer") if !std::ptr::eq(*call, fact) => out.extend(self.layers(file, call, "0")),
                    Some(short) if call.name.starts_with("tower.ServiceBuilder.") && !matches!(short, "new" | "into_inner" | "service") => {
                        let attrs = call.attrs.iter().filter(|(key, _)| plain(key)).cloned().collect();
                        out.push(Layer { name: call.name.clone(), attrs, line: call.line, end: call.end, ..base.clone() });
                    }
                    _ => {}
                }
            }
            return out;
        }
        let mut layer = Layer { name: first.name.clone(), ..base };
        let last = first.name.rsplit('.').next().unwrap_or_default();
        if last.starts_with("from_fn") {
            let key = if last.contains("with_state") { "1" } else { "0" };
            layer.attrs.push(("by".into(), first.name.clone()));
            if let Some(name) = first.get(key) {
                layer.name = name.to_owned();
            }
        }
        for call in &chain {
            let short = call.name.rsplit('.').next().unwrap_or_default();
            for (key, value) in call.attrs.iter().filter(|(key, _)| plain(key)) {
                let key = if std::ptr::eq(*call, first) { key.clone() } else { format!("{short}.{key}") };
                layer.attrs.push((key, value.clone()));
            }
        }
        if let Some(own) = self.own(file, &layer.name) {
            layer.name = own.fact.name.clone();
            layer.attrs.extend(self.within(own.place).into_iter().map(|name| ("calls".into(), name)));
        }
        vec![layer]
    }
}

/// A name in a module that is written with slashes.
fn joined(module: &str, name: &str) -> String {
    let module = module.replace('/', ".");
    if module.is_empty() { name.to_owned() } else { format!("{module}.{name}") }
}

/// The module that a path in a file means, with slashes from the root of the tree.
fn within(file: &str, written: &str) -> String {
    let mut parts = written.split("::").peekable();
    let mut base = match parts.peek().copied() {
        Some("crate") => super::home(file).to_owned(),
        _ => super::inner(file),
    };
    for part in parts {
        match part {
            "crate" | "self" => {}
            "super" => base = base.rsplit_once('/').map_or("", |(above, _)| above).to_owned(),
            part if base.is_empty() => part.clone_into(&mut base),
            part => {
                base.push('/');
                base.push_str(part);
            }
        }
    }
    base
}

/// Whether a property is an argument that people wrote, none of wiring's own.
fn plain(key: &str) -> bool {
    !key.contains('.')
        && !matches!(key, "id" | "from" | "into" | "receiver" | "result" | "then" | "literal" | "ignored" | "macro" | "try" | "await")
}
