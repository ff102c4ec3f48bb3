//! From canonical names back to the definitions: over files, index files, aliases and exports by another name.

use std::{
    cell::RefCell,
    collections::{BTreeMap, BTreeSet, HashMap, HashSet},
};

use super::{names::module_at, resolve};
use crate::{
    fact::{Extract, FileId},
    wiring::{Place, Program},
};

/// A name that was found.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Found {
    /// The file, as an index into the program's files.
    pub(super) file: usize,
    /// The definition, where it is one.
    pub(super) symbol: Option<u32>,
    /// The name in the file: of a definition or of a variable; empty for the file itself.
    pub(super) name: String,
}

/// The files of a program by module, with their definitions by name.
pub(super) struct Linker<'p> {
    pub(super) files: &'p [(FileId, &'p str, &'p Extract)],
    paths: HashSet<&'p str>,
    /// What specifiers were found to mean, by file: names are followed through the same imports again and again.
    targets: RefCell<HashMap<(usize, String), Option<usize>>>,
    modules: BTreeMap<String, usize>,
    symbols: Vec<BTreeMap<&'p str, u32>>,
    /// Variables that hold what a call gave, by file.
    results: Vec<BTreeSet<&'p str>>,
}

impl<'p> Linker<'p> {
    /// Indexes a program.
    pub(super) fn new(program: &'p Program<'p>) -> Linker<'p> {
        let files = program.files.as_slice();
        let mut modules = BTreeMap::new();
        for (number, (_, path, _)) in files.iter().enumerate() {
            modules.entry(module_at(path)).or_insert(number);
        }
        let symbols = files
            .iter()
            .map(|(_, _, extract)| {
                let mut named = BTreeMap::new();
                for (number, symbol) in extract.symbols.iter().enumerate().skip(1) {
                    named.entry(symbol.name.as_str()).or_insert(u32::try_from(number).unwrap_or(0));
                }
                named
            })
            .collect();
        let results = files.iter().map(|(_, _, extract)| extract.facts.iter().filter_map(|fact| fact.get("result")).collect()).collect();
        Linker { results, files, paths: files.iter().map(|(_, path, _)| *path).collect(), targets: RefCell::default(), modules, symbols }
    }
    /// The place of a definition.
    pub(super) fn place(&self, file: usize, symbol: u32) -> Option<Place> {
        self.files.get(file).map(|(id, _, _)| Place { file: *id, symbol })
    }
    /// What one file says.
    pub(super) fn extract(&self, file: usize) -> Option<&'p Extract> {
        self.files.get(file).map(|(_, _, extract)| *extract)
    }
    /// The number of a file.
    pub(super) fn number(&self, path: &str) -> Option<usize> {
        self.files.binary_search_by(|(_, other, _)| (*other).cmp(path)).ok()
    }
    /// The definition of this name in a file.
    pub(super) fn symbol(&self, file: usize, name: &str) -> Option<u32> {
        self.symbols.get(file)?.get(name).copied()
    }

    /// What a canonical name means, seen from a file.
    pub(super) fn find(&self, from: usize, canonical: &str) -> Option<Found> {
        let (mut end, mut rest) = (canonical.len(), "");
        loop {
            let module = canonical.get(..end)?;
            if let Some(file) = self.modules.get(module) {
                return self.within(*file, rest, 0);
            }
            match module.rfind('.') {
                Some(at) => {
                    rest = canonical.get(at + 1..)?;
                    end = at;
                }
                None => break,
            }
        }
        // An alias: the module is written as the importing file writes it.
        let extract = self.extract(from)?;
        let import = extract
            .imports
            .iter()
            .find(|import| canonical.strip_prefix(import.module.as_str()).is_some_and(|rest| rest.is_empty() || rest.starts_with('.')))?;
        let file = self.target(from, &import.module)?;
        let rest = canonical.strip_prefix(import.module.as_str())?.trim_start_matches('.');
        let rest = if rest.is_empty() && import.item.as_deref() == Some("default") { "default" } else { rest };
        self.within(file, rest, 0)
    }

    /// The file that a specifier means.
    pub(super) fn target(&self, from: usize, specifier: &str) -> Option<usize> {
        let key = (from, specifier.to_owned());
        if let Some(known) = self.targets.borrow().get(&key) {
            return *known;
        }
        let (_, path, _) = self.files.get(from)?;
        let found = resolve::find(path, specifier, &|path| self.paths.contains(path)).and_then(|found| self.number(&found));
        self.targets.borrow_mut().insert(key, found);
        found
    }

    /// What a name means within a file.
    pub(super) fn within(&self, file: usize, name: &str, depth: u32) -> Option<Found> {
        let extract = self.extract(file)?;
        if depth > 12 {
            return None;
        }
        if name.is_empty() {
            // The module itself is what it exports as a whole, where it does.
            return match extract.exports.iter().find(|(public, _)| public == "default") {
                Some(_) => self.within(file, "default", depth + 1),
                None => Some(Found { file, symbol: self.symbol(file, "default"), name: String::new() }),
            };
        }
        if let Some(symbol) = self.symbol(file, name) {
            return Some(Found { file, symbol: Some(symbol), name: name.to_owned() });
        }
        let (head, rest) = name.split_once('.').unwrap_or((name, ""));
        let joined = |base: &str| if rest.is_empty() { base.to_owned() } else { format!("{base}.{rest}") };
        if let Some((_, local)) = extract.exports.iter().find(|(public, local)| public == head && local != head) {
            return self.within(file, &joined(local), depth + 1);
        }
        if let Some(import) = extract.imports.iter().find(|import| import.local == head) {
            let target = self.target(file, &import.module)?;
            return self.within(target, joined(import.item.as_deref().unwrap_or("")).trim_start_matches('.'), depth + 1);
        }
        if head == "default" && self.symbol(file, head).is_none() && !rest.is_empty() {
            return self.within(file, rest, depth + 1);
        }
        let declared = self.has(file, head) || self.symbol(file, head).is_some();
        // `module.exports = require('./all')`: what another module gives, handed on whole.
        if !declared
            && head != "default"
            && let Some(import) = extract.imports.iter().find(|import| import.local == "default" && import.item.is_none())
            && let Some(target) = self.target(file, &import.module)
        {
            return self.within(target, name, depth + 1);
        }
        // A method of the class that the module exports as a whole.
        if !declared
            && let Some((_, class)) = extract.exports.iter().find(|(public, _)| public == "default")
            && let named = format!("{class}.{name}")
            && let Some(symbol) = self.symbol(file, &named)
        {
            return Some(Found { file, symbol: Some(symbol), name: named });
        }
        if !declared {
            for import in extract.imports.iter().filter(|import| import.local == "*") {
                let found = self.target(file, &import.module).and_then(|target| self.within(target, name, depth + 1));
                if let Some(found) = found.filter(|found| found.symbol.is_some() || self.has(found.file, &found.name)) {
                    return Some(found);
                }
            }
        }
        // `service.signUp` of `import service from`: a member of what the module exports as a whole.
        if !declared
            && head != "default"
            && extract.exports.iter().any(|(public, local)| public == "default" && local != "default")
            && let Some(found) = self.within(file, &format!("default.{name}"), depth + 1).filter(|found| found.symbol.is_some())
        {
            return Some(found);
        }
        let symbol = self.symbol(file, head).filter(|_| rest.is_empty());
        Some(Found { file, symbol, name: name.to_owned() })
    }

    fn has(&self, file: usize, name: &str) -> bool {
        let head = name.split('.').next().unwrap_or("");
        self.results.get(file).is_some_and(|results| results.contains(head))
    }
}
