//! Classes with their methods, gathered from the facts of their files.

use std::collections::{BTreeMap, BTreeSet};

use crate::{
    fact::{Fact, FileId, Kind},
    wiring::{Place, Program},
};

/// A class.
pub struct Class<'a> {
    /// Its file.
    pub file: FileId,
    /// Its number in the file.
    pub symbol: u32,
    /// Its last name.
    pub simple: String,
    /// Its package.
    pub package: String,
    /// Its canonical name.
    pub name: String,
    /// What is known of it.
    pub def: &'a Fact,
    /// Its annotations.
    pub decorators: Vec<&'a Fact>,
    /// Its methods.
    pub methods: Vec<Method<'a>>,
    /// Its constants.
    pub constants: Vec<&'a Fact>,
    /// The module that it belongs to: what stands before `src/` in its path.
    pub module: &'a str,
}

/// All classes, and which modules start something.
pub struct Classes<'a> {
    /// By file and line.
    pub all: Vec<Class<'a>>,
    names: BTreeMap<String, usize>,
    /// Modules with an app of their own.
    pub apps: BTreeSet<String>,
}

impl<'a> Classes<'a> {
    /// Gathers the classes of a program.
    pub fn of(program: &Program<'a>) -> Classes<'a> {
        let all = collect(program);
        let mut names = BTreeMap::new();
        for (number, class) in all.iter().enumerate() {
            names.entry(class.name.clone()).or_insert(number);
        }
        Classes { all, names, apps: BTreeSet::new() }
    }
    /// The class of this canonical name.
    pub fn named(&self, name: &str) -> Option<&Class<'a>> {
        self.names.get(name).and_then(|number| self.all.get(*number))
    }
    /// Whether what stands in one module applies in another: it is the same, or the one is a library for all.
    pub fn applies(&self, from: &str, to: &str) -> bool {
        from == to || !self.apps.contains(from)
    }
}

/// What stands before the sources in a path.
fn module(path: &str) -> &str {
    let cut = path.find("/src/").or_else(|| path.starts_with("src/").then_some(0));
    cut.and_then(|cut| path.get(..cut)).unwrap_or("")
}

/// A method.
pub struct Method<'a> {
    /// Its number in the file.
    pub symbol: u32,
    /// What is known of it.
    pub def: &'a Fact,
    /// Its annotations.
    pub decorators: Vec<&'a Fact>,
    /// The calls in it, in order.
    pub calls: Vec<&'a Fact>,
}

impl Class<'_> {
    /// Where it stands.
    pub fn place(&self) -> Place {
        Place { file: self.file, symbol: self.symbol }
    }
    /// Its bases.
    pub fn bases(&self) -> impl Iterator<Item = &str> {
        self.def.all("base")
    }
    /// The first annotation whose last word is one of these.
    pub fn marked(&self, words: &[&str]) -> Option<&Fact> {
        self.decorators.iter().copied().find(|fact| words.contains(&last(&fact.name)))
    }
}

impl Method<'_> {
    /// Where it stands.
    pub fn place(&self, class: &Class<'_>) -> Place {
        Place { file: class.file, symbol: self.symbol }
    }
    /// Its last name.
    pub fn simple(&self) -> &str {
        last(&self.def.name)
    }
    /// The first annotation whose last word is one of these.
    pub fn marked(&self, words: &[&str]) -> Option<&Fact> {
        self.decorators.iter().copied().find(|fact| words.contains(&last(&fact.name)))
    }
}

/// The last part of a name with dots.
pub fn last(name: &str) -> &str {
    name.rsplit('.').next().unwrap_or(name)
}

/// The strings in an annotation's argument: `/a`, or `["/a","/b"]`.
pub fn strings(value: &str) -> Vec<String> {
    match value.strip_prefix('[').and_then(|rest| rest.strip_suffix(']')) {
        Some(inside) => inside.split(',').map(|part| part.trim().trim_matches('"').to_owned()).filter(|part| !part.is_empty()).collect(),
        None => vec![value.to_owned()],
    }
}

/// The classes of a program, by file and line.
fn collect<'a>(program: &Program<'a>) -> Vec<Class<'a>> {
    let mut classes = Vec::new();
    for (file, path, extract) in &program.files {
        let first = classes.len();
        let mut calls: Vec<&'a Fact> = extract.facts.iter().filter(|fact| fact.kind == Kind::Call).collect();
        calls.sort_by_key(|fact| fact.symbol);
        let calls_of = |symbol: u32| {
            let from = calls.partition_point(|fact| fact.symbol < symbol);
            let to = calls.partition_point(|fact| fact.symbol <= symbol);
            calls.get(from..to).map(<[&Fact]>::to_vec).unwrap_or_default()
        };
        let number = |def: &Fact, class: bool| {
            let found =
                extract.symbols.iter().position(|symbol| symbol.class == class && symbol.line == def.line && symbol.name == def.name);
            found.and_then(|at| u32::try_from(at).ok())
        };
        for def in extract.facts.iter().filter(|fact| fact.kind == Kind::Def) {
            let class = def.get("kind") == Some("class");
            let Some(symbol) = number(def, class) else { continue };
            let wanted = if class { "class" } else { "function" };
            let decorators = extract.facts.iter().filter(|fact| {
                fact.kind == Kind::Decorator
                    && fact.symbol == def.symbol
                    && fact.line >= def.line
                    && fact.line <= def.end
                    && fact.get("on_kind") == Some(wanted)
                    && fact.get("on") == Some(last(&def.name))
            });
            let decorators: Vec<&'a Fact> = decorators.collect();
            if class {
                let package = def.get("package").unwrap_or_default().to_owned();
                let constants = extract.facts.iter().filter(|fact| fact.kind == Kind::Assign && fact.symbol == symbol).collect();
                let name = if package.is_empty() { def.name.clone() } else { format!("{package}.{}", def.name) };
                classes.push(Class {
                    file: *file,
                    symbol,
                    simple: last(&def.name).to_owned(),
                    package,
                    name,
                    def,
                    decorators,
                    methods: Vec::new(),
                    constants,
                    module: module(path),
                });
            } else if let Some(owner) = classes.iter_mut().skip(first).find(|class: &&mut Class<'a>| class.symbol == def.symbol) {
                owner.methods.push(Method { symbol, def, decorators, calls: calls_of(symbol) });
            }
        }
    }
    classes
}
