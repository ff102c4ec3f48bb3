//! All facts of a repository.

use std::{
    cmp::Ordering,
    collections::{BTreeMap, BTreeSet, HashMap},
    sync::OnceLock,
};

use serde::{Deserialize, Serialize};

use super::{
    Fact, Kind,
    names::{Names, Shape},
};

/// A file of the tree, by number in the order of paths.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
pub struct FileId(pub u32);

/// What is known of a file beside its facts.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct FileInfo {
    /// Path below the root, with slashes.
    pub path: String,
    /// `python`, `javascript`, `typescript`, `go`, `java`, `rust`, or the configuration's sort.
    pub language: &'static str,
    /// Whether it belongs to the tests.
    pub test: bool,
    /// Names of its definitions, by number.
    pub symbols: Vec<String>,
}

/// What a service is.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum ServiceKind {
    /// It answers HTTP.
    Api,
    /// It works in the background.
    Worker,
    /// It is what browsers show.
    Ui,
    /// Others build on it; nothing starts.
    Library,
    /// It runs once, by hand or by schedule.
    Tool,
}

/// A part of the repository that runs by itself.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Service {
    /// Its folder's name, or the repository's.
    pub name: String,
    /// Its folder below the root; empty for the root itself.
    pub root: String,
    /// Its main language.
    pub language: String,
    /// Its framework, where one is known.
    pub framework: Option<String>,
    /// What it is.
    pub kind: ServiceKind,
    /// The files that it begins with.
    pub entries: Vec<String>,
}

/// The facts of each kind that have a property.
type Having = BTreeMap<Kind, HashMap<Box<str>, Vec<u32>>>;

/// Everything that was found, indexed by kind.
#[derive(Debug, Default)]
pub struct Facts {
    /// The files, sorted by path; a [`FileId`] is an index.
    pub files: Vec<FileInfo>,
    /// The services, sorted by root.
    pub services: Vec<Service>,
    /// What could not be read or was left out, for people.
    pub skipped: Vec<String>,
    facts: Vec<Fact>,
    kinds: BTreeMap<Kind, Vec<u32>>,
    /// The names of each kind.
    names: BTreeMap<Kind, Names>,
    /// Which facts have a property, put together when it is first asked for.
    having: OnceLock<Having>,
    /// The service of each file, worked out when it is first asked for.
    owners: OnceLock<Vec<Option<usize>>>,
}

/// By file and line; the rest only makes the order one.
fn order(a: &Fact, b: &Fact) -> Ordering {
    (a.file, a.line, a.kind, &a.name, &a.attrs).cmp(&(b.file, b.line, b.kind, &b.name, &b.attrs))
}

fn named(facts: &[Fact], numbers: &[u32]) -> Names {
    let known = numbers.iter().filter_map(|number| Some((facts.get(*number as usize)?.name.to_lowercase(), *number)));
    Names::new(known.collect())
}

impl Facts {
    /// Indexes these facts. They are sorted by file, line, kind and name, so that the order in which files were read does not matter.
    pub fn new(files: Vec<FileInfo>, services: Vec<Service>, mut facts: Vec<Fact>) -> Facts {
        facts.sort_by(order);
        facts.dedup();
        let mut kinds: BTreeMap<Kind, Vec<u32>> = BTreeMap::new();
        for (number, fact) in facts.iter().enumerate() {
            kinds.entry(fact.kind).or_default().push(u32::try_from(number).unwrap_or(u32::MAX));
        }
        let names = kinds.iter().map(|(kind, numbers)| (*kind, named(&facts, numbers))).collect();
        Facts { files, services, skipped: Vec::new(), facts, kinds, names, having: OnceLock::new(), owners: OnceLock::new() }
    }
    /// Adds facts where they belong. What is indexed stays so and only moves; a few more cost little beside all that are there.
    pub fn extend(&mut self, mut more: Vec<Fact>) {
        if more.is_empty() {
            return;
        }
        more.sort_by(order);
        let mut more = more.into_iter().peekable();
        let number = |facts: &[Fact]| u32::try_from(facts.len()).unwrap_or(u32::MAX);
        let known = std::mem::take(&mut self.facts);
        let (mut places, mut added) = (Vec::with_capacity(known.len()), Vec::new());
        let mut facts = Vec::with_capacity(known.len() + more.len());
        let mut add = |facts: &mut Vec<Fact>, fact: Fact| {
            if facts.last() != Some(&fact) {
                added.push(number(facts));
                facts.push(fact);
            }
        };
        for fact in known {
            while let Some(before) = more.next_if(|new| order(new, &fact).is_lt()) {
                add(&mut facts, before);
            }
            places.push(number(&facts));
            facts.push(fact);
        }
        more.for_each(|fact| add(&mut facts, fact));
        let moved = |number: u32| places.get(number as usize).copied().unwrap_or(number);
        self.kinds.values_mut().flatten().for_each(|number| *number = moved(*number));
        self.names.values_mut().for_each(|names| names.moved(moved));
        let mut grown = BTreeSet::new();
        for number in added {
            let Some(fact) = facts.get(number as usize) else { continue };
            let same = self.kinds.entry(fact.kind).or_default();
            same.insert(same.partition_point(|other| *other < number), number);
            grown.insert(fact.kind);
        }
        self.facts = facts;
        self.having = OnceLock::new();
        for kind in grown {
            let numbers = self.kinds.get(&kind).map_or(&[][..], Vec::as_slice);
            self.names.insert(kind, named(&self.facts, numbers));
        }
    }
    /// All facts of a kind, by file and line.
    pub fn of(&self, kind: Kind) -> impl Iterator<Item = &Fact> {
        self.kinds.get(&kind).into_iter().flatten().filter_map(|number| self.facts.get(*number as usize))
    }
    /// The numbers of a kind's facts, in order.
    pub fn numbers(&self, kind: Kind) -> &[u32] {
        self.kinds.get(&kind).map_or(&[], Vec::as_slice)
    }
    /// The fact of a number.
    pub fn get(&self, number: u32) -> Option<&Fact> {
        self.facts.get(number as usize)
    }
    /// The numbers of the facts of a kind whose name in lower case is wanted, in order. Every wanted name has one of the shapes.
    pub fn named<'a>(&self, kind: Kind, shapes: impl Iterator<Item = Shape<'a>>, wanted: impl Fn(&str) -> bool) -> Vec<u32> {
        let mut numbers = Vec::new();
        if let Some(names) = self.names.get(&kind) {
            for shape in shapes {
                names.find(shape, &wanted, &mut numbers);
            }
        }
        numbers.sort_unstable();
        numbers.dedup();
        numbers
    }
    /// The numbers of the facts of a kind that have a property, in order.
    pub fn having(&self, kind: Kind, attr: &str) -> &[u32] {
        let having = self.having.get_or_init(|| self.properties());
        having.get(&kind).and_then(|attrs| attrs.get(attr)).map_or(&[], Vec::as_slice)
    }
    fn properties(&self) -> Having {
        let mut having = Having::new();
        for (kind, numbers) in &self.kinds {
            let attrs = having.entry(*kind).or_default();
            for number in numbers {
                for (attr, _) in self.get(*number).into_iter().flat_map(|fact| &fact.attrs) {
                    match attrs.get_mut(attr.as_str()) {
                        Some(list) if list.last() == Some(number) => {}
                        Some(list) => list.push(*number),
                        None => _ = attrs.insert(attr.as_str().into(), vec![*number]),
                    }
                }
            }
        }
        having
    }
    /// All facts, by file and line.
    pub fn all(&self) -> &[Fact] {
        &self.facts
    }
    /// The path of a file.
    pub fn path(&self, file: FileId) -> &str {
        self.files.get(file.0 as usize).map_or("", |info| info.path.as_str())
    }
    /// The file of a fact.
    pub fn file(&self, fact: &Fact) -> Option<&FileInfo> {
        self.files.get(fact.file.0 as usize)
    }
    /// The name of the definition that a fact stands in; empty at a file's own level.
    pub fn symbol(&self, fact: &Fact) -> &str {
        self.file(fact).and_then(|info| info.symbols.get(fact.symbol as usize)).map_or("", String::as_str)
    }
    /// The service of a file, as [`Facts::service`] of its path. The services are not changed after this.
    pub fn owner(&self, file: FileId) -> Option<usize> {
        let owners = self.owners.get_or_init(|| self.files.iter().map(|info| self.service(&info.path)).collect());
        owners.get(file.0 as usize).copied().flatten()
    }
    /// The service whose folder holds this path most closely; nothing where it belongs to all.
    pub fn service(&self, path: &str) -> Option<usize> {
        let inside = |root: &str| root.is_empty() || path.strip_prefix(root).is_some_and(|rest| rest.starts_with('/'));
        let held = self.services.iter().enumerate().filter(|(_, service)| inside(&service.root));
        held.max_by_key(|(_, service)| service.root.len()).map(|(number, _)| number)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn fact(kind: Kind, name: &str, line: u32) -> Fact {
        Fact::new(kind, name, line, line)
    }

    fn read(facts: &Facts, kind: Kind, name: &str) -> (Vec<u32>, Vec<u32>, usize) {
        let named = facts.named(kind, [Shape::Is(name)].into_iter(), |known| known == name);
        let having = facts.having(kind, "late").len();
        (facts.of(kind).map(|fact| fact.line).collect(), named.iter().filter_map(|number| Some(facts.get(*number)?.line)).collect(), having)
    }

    #[test]
    fn facts_that_come_later_are_found_as_if_they_had_been_there() {
        let first = || vec![fact(Kind::Call, "A", 2), fact(Kind::Call, "b", 4), fact(Kind::Def, "a", 4), fact(Kind::Call, "a", 9)];
        let later = || {
            vec![
                fact(Kind::Library, "Z", 5),
                fact(Kind::Call, "a", 12).with("late", "1").with("late", "2"),
                fact(Kind::Call, "a", 1),
                fact(Kind::Call, "b", 4),
                fact(Kind::Library, "Z", 5),
            ]
        };
        let mut grown = Facts::new(Vec::new(), Vec::new(), first());
        assert!(grown.having(Kind::Call, "late").is_empty());
        grown.extend(later());
        let whole = Facts::new(Vec::new(), Vec::new(), first().into_iter().chain(later()).collect());
        assert_eq!(grown.all(), whole.all());
        for (kind, name) in [(Kind::Call, "a"), (Kind::Call, "b"), (Kind::Def, "a"), (Kind::Library, "z")] {
            assert_eq!(read(&grown, kind, name), read(&whole, kind, name), "{kind:?} {name}");
        }
        assert_eq!(read(&grown, Kind::Call, "a"), (vec![1, 2, 4, 9, 12], vec![1, 2, 9, 12], 1));
        assert_eq!(read(&grown, Kind::Library, "z"), (vec![5], vec![5], 0));
    }
}
