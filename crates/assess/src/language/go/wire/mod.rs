//! From the calls of all files to apps, routes, middleware and hooks.

mod forward;
mod handled;
mod leads;
mod names;
mod routers;
mod routes;
mod served;

#[cfg(test)]
mod tests;

use std::collections::BTreeMap;

use names::Names;

use crate::{
    fact::{Fact, FileId, Kind},
    language::graph::{Graph, Layer, Spot},
    wiring::{Place, Program, Wired},
};

/// The program with its names followed.
struct Wiring<'p> {
    pub program: &'p Program<'p>,
    pub names: Names<'p>,
    /// The followed name of each call, by file and number.
    pub calls: Vec<Vec<String>>,
    /// Calls by their number in a file's facts, and by the variable that takes their result.
    pub into: BTreeMap<(FileId, &'p str), Vec<usize>>,
    /// Calls by what their extract calls their result.
    pub ids: BTreeMap<(FileId, &'p str), usize>,
    /// Calls by the definition that makes them, as numbers in the file's facts.
    pub made: BTreeMap<Place, Vec<usize>>,
    /// Functions by place.
    pub defined: BTreeMap<Place, &'p Fact>,
    /// Index of a file among the program's.
    pub index: BTreeMap<FileId, usize>,
    /// What callers hand to parameters that stand before routes.
    pub given: BTreeMap<routes::Named, routes::Named>,
    /// Functions of the program that hand on to routers.
    pub forwards: forward::Forwards,
    pub graph: Graph,
}

/// What frameworks make of a program in Go.
pub(super) fn wire(program: &Program<'_>) -> Wired {
    let mut wiring = Wiring::of(program);
    let mut wired = Wired::default();
    wiring.find_forwards();
    wiring.mount();
    wiring.serve(&mut wired);
    wiring.routes(&mut wired);
    wiring.hooks(&mut wired);
    wiring.leads(&mut wired);
    for (number, (file, _, extract)) in program.files.iter().enumerate() {
        for (at, fact) in extract.facts.iter().enumerate() {
            if let Some(name) =
                wiring.calls.get(number).and_then(|names| names.get(at)).filter(|name| !name.is_empty() && **name != fact.name)
            {
                wired.renamed.push((*file, u32::try_from(at).unwrap_or(u32::MAX), name.clone()));
            }
        }
    }
    wired
}

impl<'p> Wiring<'p> {
    fn of(program: &'p Program<'p>) -> Wiring<'p> {
        let names = Names::of(program);
        let mut wiring = Wiring {
            program,
            names,
            calls: Vec::new(),
            into: BTreeMap::new(),
            ids: BTreeMap::new(),
            made: BTreeMap::new(),
            defined: BTreeMap::new(),
            index: BTreeMap::new(),
            given: BTreeMap::new(),
            forwards: forward::Forwards::default(),
            graph: Graph::default(),
        };
        for (number, (file, _, extract)) in program.files.iter().enumerate() {
            wiring.index.insert(*file, number);
            let mut followed = Vec::with_capacity(extract.facts.len());
            for (at, fact) in extract.facts.iter().enumerate() {
                if fact.kind == Kind::Def {
                    wiring.defined.entry(Place { file: *file, symbol: fact.symbol }).or_insert(fact);
                }
                if fact.kind == Kind::Call {
                    wiring.made.entry(Place { file: *file, symbol: fact.symbol }).or_default().push(at);
                }
                if let Some(id) = fact.get("id").filter(|_| fact.kind == Kind::Call) {
                    wiring.ids.insert((*file, id), at);
                }
                if let Some(into) = fact.get("into") {
                    let key = if into.starts_with('~') { FileId(u32::MAX) } else { *file };
                    wiring.into.entry((key, into)).or_default().push(number << 24 | at);
                }
                followed.push(if matches!(fact.kind, Kind::Call | Kind::Raise) { wiring.names.follow(&fact.name) } else { String::new() });
            }
            wiring.calls.push(followed);
        }
        wiring
    }

    /// A fact by the number that the extract gave it.
    pub fn fact(&self, file: FileId, id: &str) -> Option<(usize, &'p Fact)> {
        let number = *self.index.get(&file)?;
        let (_, _, extract) = self.program.files.get(number)?;
        let at = *self.ids.get(&(file, id))?;
        extract.facts.get(at).map(|fact| (at, fact))
    }

    /// The followed name of a fact of a file.
    pub fn name(&self, file: FileId, at: usize) -> &str {
        self.index.get(&file).and_then(|number| self.calls.get(*number)).and_then(|names| names.get(at)).map_or("", String::as_str)
    }

    /// Calls whose result a variable or field takes.
    pub fn taken(&self, file: FileId, into: &str) -> Vec<(FileId, usize, &'p Fact)> {
        let key = if into.starts_with('~') { FileId(u32::MAX) } else { file };
        let found = self.into.get(&(key, into)).into_iter().flatten();
        found
            .filter_map(|packed| {
                let (file, _, extract) = self.program.files.get(packed >> 24)?;
                let at = packed & 0xff_ffff;
                extract.facts.get(at).map(|fact| (*file, at, fact))
            })
            .collect()
    }

    /// Calls of all files: file, number in it, fact, followed name.
    pub fn every(&self) -> impl Iterator<Item = (FileId, usize, &'p Fact, &str)> {
        self.program.files.iter().zip(&self.calls).flat_map(move |((file, path, extract), names)| {
            let tests = path.ends_with("_test.go");
            extract
                .facts
                .iter()
                .zip(names)
                .enumerate()
                .filter(move |(at, (fact, _))| !tests && fact.kind == Kind::Call && !self.forwards.inside.contains(&(*file, *at)))
                .map(move |(at, (fact, name))| (*file, at, fact, name.as_str()))
        })
    }

    /// Where a call stands among the others.
    pub fn spot(file: FileId, fact: &Fact) -> Spot {
        let order = fact.get("id").and_then(|id| id.trim_start_matches('#').parse().ok()).unwrap_or(fact.line);
        Spot { file, symbol: fact.symbol, order }
    }

    /// What stands before routes, from an argument of a call.
    pub fn layer(&self, file: FileId, call: &'p Fact, key: &str) -> Option<Layer> {
        let written = call.get(key)?;
        let spot = Self::spot(file, call);
        let mut layer = Layer {
            name: self.names.follow(written),
            attrs: Vec::new(),
            switch: None,
            file,
            line: call.line,
            end: call.end,
            symbol: call.symbol,
            guard: call.guard.clone(),
            order: spot.order,
        };
        let from = call.get(&format!("{key}.ref")).unwrap_or_default();
        let maker = |file: FileId, from: &str| match from.starts_with('#') {
            true => self.fact(file, from).map(|(at, fact)| (file, at, fact)),
            false => self.taken(file, from).into_iter().last(),
        };
        let mut made = maker(file, from);
        if let Some((caller, value)) = self.given.get(&(file, from.to_owned())).filter(|_| made.is_none()) {
            made = maker(*caller, value);
            if let Some(name) = value.strip_prefix('~') {
                layer.name = self.names.follow(name);
            }
        }
        if let Some(range) = call.get(&format!("{key}.lines")) {
            layer.name = "func".into();
            layer.attrs.push(("lines".into(), range.to_owned()));
            layer.attrs.extend(self.inside(file, call.symbol, range).into_iter().map(|name| ("calls".into(), name)));
        } else if let Some((file, at, made)) = made {
            layer.name = self.name(file, at).to_owned();
            // A call of what a call gives, `csrf(next)`, is known by the one that was configured.
            layer.attrs.extend(made.attrs.iter().filter(|(key, _)| plain(key)).cloned());
        }
        // `authenticated(false)` is another guard than `authenticated(true)`.
        layer.switch = layer
            .attrs
            .iter()
            .find(|(key, value)| key == "0" && matches!(value.as_str(), "true" | "false"))
            .map(|(_, value)| value.clone());
        layer.attrs.extend(self.within(&layer.name).into_iter().map(|name| ("calls".into(), name)));
        Some(layer)
    }

    /// The calls of a definition of this repository.
    pub fn within(&self, name: &str) -> Vec<String> {
        let Some(place) = self.names.place(name) else { return Vec::new() };
        self.called(place, |_| true)
    }

    /// The calls in some lines of a definition.
    pub fn inside(&self, file: FileId, symbol: u32, range: &str) -> Vec<String> {
        let Some((first, last)) = range.split_once('-').and_then(|(a, b)| Some((a.parse::<u32>().ok()?, b.parse::<u32>().ok()?))) else {
            return Vec::new();
        };
        self.called(Place { file, symbol }, |fact| fact.line >= first && fact.end <= last)
    }

    fn called(&self, place: Place, holds: impl Fn(&Fact) -> bool) -> Vec<String> {
        let Some(number) = self.index.get(&place.file) else { return Vec::new() };
        let (Some((_, _, extract)), Some(names)) = (self.program.files.get(*number), self.calls.get(*number)) else { return Vec::new() };
        let mut out = Vec::new();
        for at in self.made.get(&place).into_iter().flatten() {
            let (Some(fact), Some(name)) = (extract.facts.get(*at), names.get(*at)) else { continue };
            // What registers a handler is not the handler's.
            if holds(fact) && self.does(name).is_none() && !out.contains(name) && out.len() < 80 {
                out.push(name.clone());
            }
        }
        out
    }

    /// The definition of a function of the program.
    pub fn place(&self, name: &str) -> Option<Place> {
        self.names.place(name)
    }
}

/// Whether a property is an argument that people wrote, none of wiring's own.
fn plain(key: &str) -> bool {
    !key.contains('.')
        && !matches!(key, "id" | "from" | "into" | "receiver" | "result" | "then" | "literal" | "dropped" | "ignored" | "defer" | "go")
}
