//! Names over the whole program: import paths that are folders of this repository, types of fields and results that
//! another file of the package declares.

use std::collections::{BTreeMap, BTreeSet};

use super::super::{canonical, folder, foreign};
use crate::{
    fact::{Fact, FileId, Kind},
    wiring::{Place, Program},
};

/// A definition and its fact.
pub(super) struct Own<'p> {
    pub place: Place,
    pub fact: &'p Fact,
}

/// Everything this program defines.
#[derive(Default)]
pub(super) struct Names<'p> {
    /// By canonical name.
    pub defs: BTreeMap<String, Own<'p>>,
    /// Types that have a method, by the method's name.
    pub methods: BTreeMap<&'p str, Vec<Place>>,
    /// Files of each package, by its folder with dots.
    pub packages: BTreeMap<String, Vec<FileId>>,
    /// Canonical import path to folder with dots.
    folders: BTreeMap<String, String>,
}

impl<'p> Names<'p> {
    pub fn of(program: &Program<'p>) -> Names<'p> {
        let mut names = Names::default();
        for (file, path, extract) in &program.files {
            names.packages.entry(folder(path)).or_default().push(*file);
            for fact in extract.facts.iter().filter(|fact| fact.kind == Kind::Def) {
                let place = Place { file: *file, symbol: fact.symbol };
                if fact.get("kind") == Some("method")
                    && let Some(last) = fact.name.rsplit('.').next()
                {
                    names.methods.entry(last).or_default().push(place);
                }
                names.defs.entry(fact.name.clone()).or_insert(Own { place, fact });
            }
        }
        names.folders = modules(program, &names.packages);
        names
    }

    /// The folder of an import, where it is this repository's.
    pub fn package(&self, module: &str) -> Option<&str> {
        self.folders.get(&canonical(module)).map(String::as_str)
    }

    /// A name with own packages, fields and results followed.
    pub fn follow(&self, name: &str) -> String {
        let mut name = self.local(name);
        for _ in 0..6 {
            match self.step(&name) {
                Some(next) if next != name && next.len() < 300 => name = self.local(&next),
                _ => break,
            }
        }
        name
    }

    /// A name below an import path as one of this repository's.
    fn local(&self, name: &str) -> String {
        let start = name.rfind('/').map_or(0, |at| at + 1);
        let Some(dot) = name[start..].find('.').map(|at| start + at) else { return name.to_owned() };
        match self.folders.get(&name[..dot]) {
            Some(folder) if folder.is_empty() => name[dot + 1..].to_owned(),
            Some(folder) => format!("{folder}{}", &name[dot..]),
            None => name.to_owned(),
        }
    }

    fn step(&self, name: &str) -> Option<String> {
        if name.contains('/') || self.defs.contains_key(name) {
            return None;
        }
        let dots: Vec<usize> = name.match_indices('.').map(|(at, _)| at).collect();
        for at in dots.iter().rev() {
            let (before, after) = (&name[..*at], &name[at + 1..]);
            let Some(own) = self.defs.get(before) else { continue };
            if let Some(of) = own.fact.get("returns") {
                return Some(format!("{}.{after}", of.trim_start_matches("[]")));
            }
            let (field, rest) = after.split_once('.').map_or((after, ""), |(field, rest)| (field, rest));
            let of = own.fact.all("field").find_map(|one| one.split_once(':').filter(|(name, _)| *name == field)).map(|(_, of)| of);
            match of {
                Some(of) if !rest.is_empty() => return Some(format!("{of}.{rest}")),
                Some(_) => return None,
                None => {}
            }
            // What a type has not is what it embeds has.
            for base in own.fact.all("base") {
                let base = self.local(base);
                if base.contains('/')
                    || self.defs.contains_key(&format!("{base}.{field}"))
                    || self.defs.get(&base).is_some_and(|own| own.fact.get("field").is_some())
                {
                    return Some(format!("{base}.{after}"));
                }
            }
            return None;
        }
        None
    }

    /// The definition of a name.
    pub fn place(&self, name: &str) -> Option<Place> {
        self.defs.get(name).map(|own| own.place)
    }
}

/// Which import path is which folder. The module's path is the one that makes most imports folders of the tree.
fn modules(program: &Program<'_>, packages: &BTreeMap<String, Vec<FileId>>) -> BTreeMap<String, String> {
    let mut imports: BTreeMap<String, BTreeSet<String>> = BTreeMap::new();
    for (_, path, extract) in &program.files {
        for import in extract.imports.iter().filter(|import| !foreign(&import.module)) {
            imports.entry(canonical(&import.module)).or_default().insert(folder(path));
        }
    }
    let mut tails: BTreeMap<&str, Vec<&str>> = BTreeMap::new();
    for package in packages.keys().filter(|package| !package.is_empty()) {
        let mut tail = package.as_str();
        loop {
            tails.entry(tail).or_default().push(package);
            match tail.split_once('.') {
                Some((_, rest)) => tail = rest,
                None => break,
            }
        }
    }
    // Every import and folder that end alike are a vote for a module and the folder it stands in.
    let mut votes: BTreeMap<(String, String), usize> = BTreeMap::new();
    let mut ballots: Vec<(&str, (String, String), &str)> = Vec::new();
    for (import, from) in &imports {
        let mut parts: Vec<&str> = import.split('/').collect();
        let mut tail = String::new();
        while let Some(last) = parts.pop() {
            tail = if tail.is_empty() { last.to_owned() } else { format!("{last}.{tail}") };
            if parts.is_empty() {
                break;
            }
            let module = parts.join("/");
            if hosted(&module) && parts.len() < 3 {
                continue;
            }
            for package in tails.get(tail.as_str()).into_iter().flatten() {
                let base = package.strip_suffix(tail.as_str()).unwrap_or_default().trim_end_matches('.').to_owned();
                let inside = |from: &String| base.is_empty() || from == &base || from.starts_with(&format!("{base}."));
                if from.iter().any(inside) {
                    *votes.entry((module.clone(), base.clone())).or_default() += 1;
                    ballots.push((import, (module.clone(), base), package));
                }
            }
        }
    }
    // Modules do not overlap: the one with the most votes keeps its folder and all below it.
    let mut ranked: Vec<(&(String, String), &usize)> = votes.iter().collect();
    ranked.sort_by(|a, b| b.1.cmp(a.1).then(a.0.1.len().cmp(&b.0.1.len())).then(a.0.cmp(b.0)));
    let mut winners: Vec<&(String, String)> = Vec::new();
    for (pair, _) in ranked {
        let below = |inner: &str, outer: &str| outer.is_empty() || inner == outer || inner.starts_with(&format!("{outer}."));
        let taken = |(module, base): &&(String, String)| *module == pair.0 || below(&pair.1, base) || below(base, &pair.1);
        if !winners.iter().any(taken) {
            winners.push(pair);
        }
    }
    let mut chosen: BTreeMap<String, String> = BTreeMap::new();
    for (import, pair, package) in &ballots {
        if winners.contains(&pair) {
            chosen.entry((*import).to_owned()).or_insert_with(|| (*package).to_owned());
        }
    }
    // The package in the module's own folder is imported by the module's path alone.
    for (module, base) in winners {
        if imports.contains_key(module) && packages.contains_key(base) {
            chosen.entry(module.clone()).or_insert_with(|| base.clone());
        }
    }
    chosen
}

fn hosted(module: &str) -> bool {
    ["github.com", "gitlab.com", "bitbucket.org", "golang.org", "gopkg.in", "google.golang.org"].iter().any(|host| module.starts_with(host))
}
