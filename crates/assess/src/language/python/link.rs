//! Names over all files: an object that another file makes is called by its type here as well.

use std::{
    cell::RefCell,
    collections::{BTreeMap, HashMap, HashSet},
};

use super::{
    name::{join, module_of, normal, origin},
    resolve::{resolve, written},
};
use crate::{
    fact::{Extract, Fact, FileId, Kind},
    wiring::{Place, Program},
};

/// How often a name is passed on before nobody follows it any longer.
const HOPS: u32 = 10;

/// What a file offers under a name.
#[derive(Debug, Clone)]
enum Export {
    /// Something of another file.
    Alias(String),
    /// An object; the canonical name of what was called to make it.
    Object(String),
}

/// One file.
pub(super) struct File<'p> {
    pub id: FileId,
    pub extract: &'p Extract,
    pub module: String,
    /// Modules as this file writes them, and what they are called from the root.
    roots: HashMap<String, String>,
    firsts: HashSet<String>,
    exports: HashMap<String, Export>,
    symbols: HashMap<&'p str, u32>,
    /// Modules whose names are all taken over.
    pub stars: Vec<String>,
    /// Numbers of facts by definition.
    pub inside: Vec<Vec<usize>>,
    /// Definitions by the definition around them; those of the file's own level are left out.
    pub below: Vec<Vec<u32>>,
}

/// All files.
pub(super) struct Linked<'p> {
    pub files: Vec<File<'p>>,
    modules: BTreeMap<String, usize>,
    /// The same, to find one.
    numbers: HashMap<String, usize>,
    firsts: HashSet<String>,
    known: RefCell<HashMap<(usize, String), String>>,
}

impl<'p> Linked<'p> {
    /// Links the files of a program.
    pub fn new(program: &Program<'p>) -> Linked<'p> {
        let paths: HashSet<&str> = program.files.iter().map(|(_, path, _)| *path).collect();
        let exists = |path: &str| paths.contains(path);
        let mut modules = BTreeMap::new();
        let mut files = Vec::with_capacity(program.files.len());
        for (number, (id, path, extract)) in program.files.iter().enumerate() {
            let module = module_of(path);
            modules.entry(module.clone()).or_insert(number);
            let mut file = File {
                id: *id,
                extract,
                module,
                roots: HashMap::new(),
                firsts: HashSet::new(),
                exports: HashMap::new(),
                symbols: HashMap::new(),
                stars: Vec::new(),
                inside: vec![Vec::new(); extract.symbols.len()],
                below: vec![Vec::new(); extract.symbols.len()],
            };
            for (number, symbol) in extract.symbols.iter().enumerate().skip(1) {
                let own = u32::try_from(number).unwrap_or(u32::MAX);
                file.symbols.entry(symbol.name.as_str()).or_insert(own);
                if let Some(below) = file.below.get_mut(symbol.parent as usize).filter(|_| symbol.parent != 0) {
                    below.push(own);
                }
            }
            for (number, fact) in extract.facts.iter().enumerate() {
                if let Some(inside) = file.inside.get_mut(fact.symbol as usize) {
                    inside.push(number);
                }
            }
            for import in &extract.imports {
                let found = resolve(path, import, &exists);
                let mut target = origin(path, import);
                if let Some((to, item)) = &found {
                    let to = module_of(to);
                    target = join(&to, item.as_deref().unwrap_or(""));
                    if import.level == 0 {
                        let name = written(import, item.is_none());
                        file.firsts.insert(name.split('.').next().unwrap_or("").to_owned());
                        file.roots.insert(name, to.clone());
                    }
                    if import.local == "*" {
                        file.stars.push(to);
                    }
                }
                if import.symbol == 0 && import.local != "*" && !import.local.contains('.') {
                    file.exports.insert(import.local.clone(), Export::Alias(target));
                }
            }
            file.offers();
            files.push(file);
        }
        let firsts = modules.keys().map(|module| module.split('.').next().unwrap_or("").to_owned()).collect();
        let numbers = modules.iter().map(|(module, number): (&String, &usize)| (module.clone(), *number)).collect();
        Linked { files, modules, numbers, firsts, known: RefCell::default() }
    }

    /// What a name of a file's facts is called, seen from the whole.
    pub fn canonical(&self, file: usize, raw: &str) -> String {
        let Some(this) = self.files.get(file) else { return raw.to_owned() };
        let first = raw.split('.').next().unwrap_or(raw);
        if !this.firsts.contains(first) && !self.firsts.contains(first) {
            return raw.to_owned();
        }
        let key = (file, raw.to_owned());
        if let Some(found) = self.known.borrow().get(&key) {
            return found.clone();
        }
        let found = self.follow(&this.rooted(raw), HOPS);
        self.known.borrow_mut().insert(key, found.clone());
        found
    }

    /// What a call is called: calling an object of this repository is not making one.
    pub fn called(&self, file: usize, raw: &str) -> String {
        let name = self.canonical(file, raw);
        match self.object(&name) {
            Some(kind) => normal(&format!("{kind}.__call__")),
            None => name,
        }
    }

    /// The type of what a name stands for: that of an object, otherwise the name itself.
    pub fn typed(&self, file: usize, raw: &str) -> String {
        let name = self.canonical(file, raw);
        self.object(&name).unwrap_or(name)
    }

    /// What stands before a route under a name: the type of an object, marked where the object lets everybody pass.
    pub fn guard(&self, file: usize, raw: &str) -> String {
        let name = self.canonical(file, raw);
        let Some(kind) = self.object(&name) else { return name };
        let lenient = self.split(&name).and_then(|(number, var)| {
            let facts = &self.files.get(number)?.extract.facts;
            facts.iter().find(|fact| fact.kind == Kind::Call && fact.symbol == 0 && fact.get("result") == Some(var))?.get("auto_error")
        });
        if lenient == Some("false") { format!("{kind}(optional)") } else { kind }
    }

    /// The call that made an object of a module, by its canonical name.
    pub fn made(&self, name: &str) -> Option<&'p Fact> {
        let (number, var) = self.split(name)?;
        let facts = &self.files.get(number)?.extract.facts;
        facts.iter().find(|fact| fact.kind == Kind::Call && fact.symbol == 0 && fact.get("result") == Some(var))
    }

    /// What a setting is by default, where all places that define it agree.
    pub fn setting(&self, name: &str) -> Option<&'p str> {
        let all = self.files.iter().flat_map(|file| &file.extract.facts).filter(|fact| fact.kind == Kind::Setting && fact.name == name);
        let mut values = all.filter_map(|fact| fact.get("default"));
        let first = values.next()?;
        values.all(|value| value == first).then_some(first)
    }

    /// What made the object of this canonical name.
    pub fn object(&self, name: &str) -> Option<String> {
        let (file, rest) = self.split(name)?;
        match self.files.get(file)?.exports.get(rest)? {
            Export::Object(kind) => {
                let kind = self.canonical(file, kind);
                // What a function of this repository gives.
                match self.place(&kind).map(|place| self.gives(place)) {
                    Some(Some(given)) => Some(given),
                    _ => Some(kind),
                }
            }
            Export::Alias(_) => None,
        }
    }

    /// The file and the rest of a canonical name.
    fn split<'n>(&self, name: &'n str) -> Option<(usize, &'n str)> {
        let mut end = name.len();
        loop {
            let part = name.get(..end)?;
            if let Some(file) = self.numbers.get(part) {
                return Some((*file, name.get(end..)?.trim_start_matches('.')));
            }
            end = match part.rfind('.') {
                Some(dot) => dot,
                None => return self.numbers.get("").map(|file| (*file, name)),
            };
        }
    }

    fn follow(&self, name: &str, hops: u32) -> String {
        let Some((number, rest)) = self.split(name) else { return normal(name) };
        let Some(file) = self.files.get(number).filter(|_| hops > 0 && !rest.is_empty()) else { return name.to_owned() };
        // A definition, or something of one.
        let mut end = rest.len();
        loop {
            let part = rest.get(..end).unwrap_or("");
            let after = rest.get(end..).unwrap_or("").trim_start_matches('.');
            if let Some(symbol) = file.symbols.get(part) {
                if after.is_empty() {
                    return name.to_owned();
                }
                return self.of_definition(number, *symbol, after, hops).unwrap_or_else(|| name.to_owned());
            }
            match file.exports.get(part) {
                Some(Export::Alias(target)) => {
                    let target = join(target, after);
                    return if target == name { target } else { self.follow(&file.rooted(&target), hops - 1) };
                }
                Some(Export::Object(kind)) if !after.is_empty() => {
                    return self.follow(&file.rooted(&normal(&format!("{kind}.{after}"))), hops - 1);
                }
                Some(Export::Object(_)) => return name.to_owned(),
                None => {}
            }
            match part.rfind('.') {
                Some(dot) => end = dot,
                None => break,
            }
        }
        for star in file.stars.iter().filter(|star| **star != file.module) {
            let other = join(star, rest);
            let found = self.follow(&other, hops.saturating_sub(4));
            let first = rest.split('.').next().unwrap_or("");
            let there = self.numbers.get(star).and_then(|number| self.files.get(*number));
            if found != other || there.is_some_and(|there| there.symbols.contains_key(first) || there.exports.contains_key(first)) {
                return found;
            }
        }
        name.to_owned()
    }

    /// Something of a definition: what a function gives, what a class inherits.
    fn of_definition(&self, file: usize, symbol: u32, rest: &str, hops: u32) -> Option<String> {
        let this = self.files.get(file)?;
        if this.extract.symbols.get(symbol as usize)?.class {
            for base in this.definition(symbol)?.all("base") {
                let base = self.canonical_within(file, base, hops)?;
                let library = self.split(&base).is_none();
                let name = format!("{base}.{rest}");
                if library {
                    if !matches!(base.as_str(), "object" | "abc.ABC" | "typing.Protocol" | "Exception") && !base.starts_with("typing.") {
                        return Some(normal(&name));
                    }
                    continue;
                }
                let found = self.follow(&name, hops - 1);
                if found != name || self.place(&found).is_some() {
                    return Some(found);
                }
            }
            return None;
        }
        let given = self.canonical_within(file, this.definition(symbol)?.get("gives")?, hops)?;
        Some(self.follow(&normal(&format!("{given}.{rest}")), hops - 1))
    }

    fn canonical_within(&self, file: usize, raw: &str, hops: u32) -> Option<String> {
        let rooted = self.files.get(file)?.rooted(raw);
        (hops > 0).then(|| self.follow(&rooted, hops - 1))
    }

    /// What a function of this repository gives.
    fn gives(&self, place: Place) -> Option<String> {
        let file = self.number(place.file)?;
        let this = self.files.get(file)?;
        if this.extract.symbols.get(place.symbol as usize)?.class {
            return None;
        }
        Some(self.canonical(file, this.definition(place.symbol)?.get("gives")?))
    }

    /// The file of a module that a text names, such as the setting of a root of addresses.
    pub fn module(&self, dotted: &str) -> Option<usize> {
        let end = format!(".{dotted}");
        let below = self.modules.iter().filter(|(name, _)| name.ends_with(&end)).min_by_key(|(name, _)| name.len());
        self.numbers.get(dotted).or(below.map(|(_, number)| number)).copied()
    }

    /// The number of a file among the program's.
    pub fn number(&self, id: FileId) -> Option<usize> {
        self.files.binary_search_by_key(&id, |file| file.id).ok()
    }

    /// The definition of a canonical name.
    pub fn place(&self, name: &str) -> Option<Place> {
        let (number, rest) = self.split(name)?;
        let file = self.files.get(number)?;
        file.symbols.get(rest).map(|symbol| Place { file: file.id, symbol: *symbol })
    }

    /// The `def` fact of a place.
    pub fn definition(&self, place: Place) -> Option<&'p Fact> {
        self.files.get(self.number(place.file)?)?.definition(place.symbol)
    }

    /// The facts that stand in a definition itself, with the number of the file.
    pub fn inside(&self, place: Place) -> impl Iterator<Item = (usize, &'p Fact)> + '_ {
        let file = self.number(place.file).unwrap_or(usize::MAX);
        let found = self.files.get(file).and_then(|this| Some((this, this.inside.get(place.symbol as usize)?)));
        found.into_iter().flat_map(move |(this, numbers)| {
            numbers.iter().filter_map(move |number| this.extract.facts.get(*number)).map(move |fact| (file, fact))
        })
    }

    /// The methods of a class, by name.
    pub fn methods(&self, place: Place) -> Vec<(&'p str, Place)> {
        let Some(file) = self.number(place.file).and_then(|number| self.files.get(number)) else { return Vec::new() };
        let below = file.below.get(place.symbol as usize).into_iter().flatten();
        let all =
            below.filter_map(|number| Some((*number, file.extract.symbols.get(*number as usize)?))).filter(|(_, symbol)| !symbol.class);
        all.filter_map(|(symbol, known)| Some((known.name.rsplit('.').next()?, Place { file: place.file, symbol }))).collect()
    }

    /// The classes that a class is built on, canonical, near ones first.
    pub fn bases(&self, name: &str) -> Vec<String> {
        let (mut found, mut work): (Vec<String>, Vec<String>) = (Vec::new(), vec![name.to_owned()]);
        while let Some(now) = work.pop() {
            let Some(place) = self.place(&now) else { continue };
            let (Some(number), Some(fact)) = (self.number(place.file), self.definition(place)) else { continue };
            for base in fact.all("base") {
                let base = self.canonical(number, base);
                if found.len() < 40 && !found.contains(&base) {
                    found.push(base.clone());
                    work.push(base);
                }
            }
        }
        found
    }

    /// Facts whose names only the whole shows.
    pub fn renamed(&self) -> Vec<(FileId, u32, String)> {
        let mut found = Vec::new();
        for (number, file) in self.files.iter().enumerate() {
            for (count, fact) in file.extract.facts.iter().enumerate() {
                let name = match fact.kind {
                    Kind::Call => self.called(number, &fact.name),
                    Kind::Decorator | Kind::Raise => self.typed(number, &fact.name),
                    Kind::Catch | Kind::Import => self.canonical(number, &fact.name),
                    _ => continue,
                };
                if name != fact.name {
                    found.push((file.id, u32::try_from(count).unwrap_or(u32::MAX), name));
                }
            }
        }
        found
    }
}

impl<'p> File<'p> {
    /// The name of a definition with its file.
    pub fn symbol(&self, symbol: u32) -> String {
        join(&self.module, self.extract.symbols.get(symbol as usize).map_or("", |symbol| symbol.name.as_str()))
    }

    fn definition(&self, symbol: u32) -> Option<&'p Fact> {
        let inside = self.inside.get(symbol as usize)?;
        inside.iter().filter_map(|number| self.extract.facts.get(*number)).find(|fact| fact.kind == Kind::Def)
    }

    /// A name with the module as it is called from the root.
    fn rooted(&self, raw: &str) -> String {
        let mut end = raw.len();
        loop {
            let part = raw.get(..end).unwrap_or("");
            if let Some(root) = self.roots.get(part) {
                return format!("{root}{}", raw.get(end..).unwrap_or(""));
            }
            match part.rfind('.') {
                Some(dot) => end = dot,
                None => return raw.to_owned(),
            }
        }
    }

    /// Objects at the file's own level and those that classes keep.
    fn offers(&mut self) {
        for fact in &self.extract.facts {
            let Some(symbol) = self.extract.symbols.get(fact.symbol as usize) else { continue };
            if fact.kind == Kind::Assign && fact.symbol == 0 {
                let name = fact.name.strip_prefix(self.module.as_str()).unwrap_or("").trim_start_matches('.');
                let value = fact.get("value").unwrap_or("");
                let plain = value.contains('.')
                    && value.chars().all(|c| c.is_alphanumeric() || c == '_' || c == '.')
                    && !value.starts_with(|c: char| c.is_ascii_digit());
                if plain && !name.is_empty() && !self.symbols.contains_key(name) {
                    self.exports.entry(name.to_owned()).or_insert_with(|| Export::Alias(value.to_owned()));
                }
            }
            let (Kind::Call, Some(result)) = (fact.kind, fact.get("result")) else { continue };
            let plain = |text: &str| !text.is_empty() && text.chars().all(|c| c.is_alphanumeric() || c == '_');
            if fact.symbol == 0 && plain(result) && !self.symbols.contains_key(result) {
                // Of several, the first that is not wrapped around the one before.
                self.exports.entry(result.to_owned()).or_insert_with(|| Export::Object(fact.name.clone()));
            } else if symbol.class && plain(result) {
                self.exports.entry(format!("{}.{result}", symbol.name)).or_insert_with(|| Export::Object(fact.name.clone()));
            } else if let (Some(own), Some((class, _))) = (result.strip_prefix("self."), symbol.name.rsplit_once('.'))
                && plain(own)
            {
                self.exports.entry(format!("{class}.{own}")).or_insert_with(|| Export::Object(fact.name.clone()));
            }
        }
    }
}
