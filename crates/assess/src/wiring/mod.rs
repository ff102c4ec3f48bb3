//! What only the whole shows: which code runs, which routes are mounted, what stands before them.
//!
//! *Exists* is not *wired*. A symbol is reached where a chain of mentions leads to it from an entry
//! point; an import is not a mention, a comment is not one, and neither is a docstring.

mod asked;
mod broken;
mod command;
mod commented;
mod described;
mod flag;
mod guard;
mod helper;
mod link;
mod mains;
mod reach;
mod secret;
mod service;
mod sort;
mod start;
mod value;

#[cfg(test)]
mod tests;

use std::{
    collections::{BTreeMap, BTreeSet},
    panic::{AssertUnwindSafe, catch_unwind},
};

use rayon::prelude::*;

pub use link::{Links, module};
pub use sort::{Sort, sort};

use flag::Flags;
use reach::Reached;
use service::Services;

use crate::{
    config,
    fact::{Extract, Fact, Facts, FileId, FileInfo, Kind, Reach},
    language,
    source::{File, Tree},
};

/// A definition of a file.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Place {
    /// The file.
    pub file: FileId,
    /// The definition in it; 0 is the file's own level, which runs when the file is imported or started.
    pub symbol: u32,
}

/// The files of one language, linked. JavaScript and TypeScript count as one.
pub struct Program<'a> {
    /// Path and extract of each file, sorted by path; the number is that of the whole tree.
    pub files: Vec<(FileId, &'a str, &'a Extract)>,
    /// What a name with dots means in a file: the definition, where it is one of this repository's.
    pub names: &'a dyn Fn(FileId, &str) -> Option<Place>,
    /// Where a name with dots comes from, imports and re-exports followed: the file, and what it is called there, whether a
    /// definition or a variable; empty for the module itself. `auth.router` is (`app/api/auth.py`, `router`).
    pub origin: &'a Origin<'a>,
}

/// Follows a name with dots to the file that it comes from and what it is called there.
pub type Origin<'a> = dyn Fn(FileId, &str) -> Option<(FileId, String)> + 'a;

/// What a framework's rules say about a program.
#[derive(Debug, Default)]
pub struct Wired {
    /// Apps, routes, middleware, handlers, hooks. A route stands in the symbol of its handler.
    pub facts: Vec<Fact>,
    /// Where the first is run, the second is run as well: an app and the routers mounted on it, a route and its handler.
    pub leads: Vec<(Place, Place)>,
    /// Definitions that running their file does not run, although something is applied to them there: the handlers of a
    /// router that somebody has to mount first.
    pub held: Vec<Place>,
    /// Files that start something, found by what they construct.
    pub roots: Vec<Place>,
    /// Better names of facts of kinds other than those above, by file and number in its extract: what only the whole
    /// program shows, such as the type of a field that another file declares.
    pub renamed: Vec<(FileId, u32, String)>,
}

/// What reading one file yields.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Read {
    /// The language, or the configuration's sort.
    pub sort: &'static str,
    /// What it says.
    pub extract: Extract,
}

/// Reads one file by what it is; nothing where no reader knows it. It looks at nothing but the path and the bytes, so that a
/// cache may answer in its place.
pub fn read(path: &str, bytes: &[u8]) -> Option<Read> {
    let text = crate::source::text(bytes);
    let text = text.strip_prefix('\u{feff}').unwrap_or(&text);
    let one = || match language::of(path) {
        Some(language) => {
            let mut extract = language.extract(path, text);
            // Steps of a schema are written in every language.
            if let Some((_, steps)) = config::migration::read(path, text) {
                extract.facts.extend(steps.facts);
            }
            config::code::beside(path, text, &mut extract);
            config::declared::beside(path, text, &mut extract);
            Some(Read { sort: language.name(), extract })
        }
        None => config::extract(path, text).map(|(sort, extract)| Read { sort, extract }),
    };
    // A fault in one reader must not take the facts of all other files with it.
    catch_unwind(AssertUnwindSafe(one)).unwrap_or_else(|_| {
        let extract = Extract { trouble: vec!["the reader of this sort of file failed".to_owned()], ..Extract::default() };
        Some(Read { sort: "unread", extract })
    })
}

/// Everything that a tree says.
pub fn facts(tree: &Tree) -> Facts {
    facts_with(tree, &|file| read(&file.path, &file.bytes))
}

/// Everything that a tree says; `read` reads one file, as [`read`] does or by a cache.
pub fn facts_with(tree: &Tree, read: &(dyn Fn(&File) -> Option<Read> + Sync)) -> Facts {
    let mut kept: Vec<(&File, bool)> = Vec::new();
    let mut left: BTreeMap<(String, &'static str), usize> = BTreeMap::new();
    for (file, sort) in tree.files.iter().zip(sort::all(tree)) {
        match sort {
            Sort::Ours { test } => kept.push((file, test)),
            Sort::Left { folder, why } => *left.entry((folder, why)).or_default() += 1,
        }
    }
    let reads: Vec<Option<Read>> = language::deep(|| kept.par_iter().map(|(file, _)| read(file)).collect());
    let mut skipped = tree.skipped.clone();
    skipped.extend(left.into_iter().map(|((folder, why), count)| match count {
        1 => format!("{folder}: {why}"),
        _ => format!("{folder}: {why}, {count} files"),
    }));

    let mut files = Vec::with_capacity(kept.len());
    let mut extracts = Vec::with_capacity(kept.len());
    for ((file, test), read) in kept.iter().zip(reads) {
        let (sort, mut extract) = read.map_or(("other", Extract::default()), |read| (read.sort, read.extract));
        skipped.extend(extract.trouble.drain(..).map(|trouble| format!("{}: {trouble}", file.path)));
        let symbols = extract.symbols.iter().map(|symbol| symbol.name.clone()).collect();
        files.push(FileInfo { path: file.path.clone(), language: sort, test: *test, symbols });
        extracts.push(extract);
    }
    skipped.sort();

    let links = Links::new(&files, &extracts);
    let names = |file: FileId, name: &str| links.place(file, name);
    let origin = |file: FileId, name: &str| links.origin(file, name);
    let mut wired = Vec::new();
    for family in language::all().iter().map(|language| language.family()).collect::<BTreeSet<_>>() {
        let Some(language) = language::all().iter().find(|language| language.family() == family) else { continue };
        let ours = files.iter().zip(&extracts).enumerate().filter(|(_, (info, _))| !info.test && family_of(info.language) == family);
        let ours: Vec<_> = ours.map(|(number, (info, extract))| (file_id(number), info.path.as_str(), extract)).collect();
        if !ours.is_empty() {
            wired.push(language.wire(&Program { files: ours, names: &names, origin: &origin }));
        }
    }
    let stated = files.iter().zip(&extracts).filter(|(info, _)| !info.test).flat_map(|(_, extract)| &extract.facts);
    let flags = Flags::of(stated);
    let texts: Vec<&File> = kept.iter().map(|(file, _)| *file).collect();
    let Services { services, begin, facts: entries, leads: named } = service::find(&files, &extracts, &texts, &links, &wired);
    let (mut leads, mut held) = (named, Vec::new());
    for one in &mut wired {
        leads.append(&mut one.leads);
        held.append(&mut one.held);
    }
    leads.extend(taken(&files, &extracts, &links));
    let reached = Reached::new(&files, &extracts, &links, &flags, &leads, &held, begin);
    let broken = broken::imports(tree, &files, &extracts, &texts, &links);
    let canonical: Vec<Vec<(String, String)>> = (0..files.len()).map(|number| links.renames(file_id(number))).collect();
    drop(links);

    let renamed = wired.iter_mut().flat_map(|wired| std::mem::take(&mut wired.renamed));
    for (file, number, name) in renamed {
        if let Some(fact) = extracts.get_mut(file.0 as usize).and_then(|extract| extract.facts.get_mut(number as usize)) {
            fact.name = name;
        }
    }
    let mut all: Vec<Fact> = wired.into_iter().flat_map(|wired| wired.facts).chain(entries).chain(broken).collect();
    for (number, extract) in extracts.into_iter().enumerate() {
        for mut fact in extract.facts {
            fact.file = file_id(number);
            all.push(fact);
        }
    }
    let further = config::whole::whole(tree, &files, &all);
    all.extend(further);
    config::whole::complete(&mut all);
    for fact in &mut all {
        let number = fact.file.0 as usize;
        if let Some(renames) = canonical.get(number).filter(|renames| !renames.is_empty()) {
            link::rename(fact, renames);
        }
        let Some(info) = files.get(number) else { continue };
        fact.reach = if info.test || fact.reach == Reach::Test || inner_test(info, fact.symbol) {
            Reach::Test
        } else if info.symbols.is_empty() {
            Reach::Unknown
        } else {
            reached.of(Place { file: fact.file, symbol: fact.symbol })
        };
        if let Some(guard) = &mut fact.guard {
            guard.state = flags.state(guard);
            if flags.off(guard) && matches!(fact.reach, Reach::Live | Reach::Unknown) {
                fact.reach = Reach::Off;
            }
        }
    }
    let reads = helper::reads(&all);
    all.extend(reads);
    described::mark(&files, &mut all, &texts);
    asked::mark(&files, &mut all, &texts);
    let comments = commented::count(&files, &all, &texts);
    all.extend(comments);
    guard::judge(&files, &mut all);
    let secrets = secret::find(&files, &all, &texts);
    all.extend(secrets);
    let seen: std::collections::HashSet<FileId> = all.iter().filter(|fact| fact.kind == Kind::File).map(|fact| fact.file).collect();
    for (number, (file, _)) in kept.iter().enumerate().filter(|(number, _)| !seen.contains(&file_id(*number))) {
        let kind = file.path.rsplit('/').next().and_then(|name| name.rsplit_once('.')).map_or("", |(_, extension)| extension);
        let fact = Fact::new(Kind::File, file.path.to_lowercase(), 1, 1);
        let mut fact = fact.with("bytes", file.bytes.len().to_string()).with("type", kind.to_lowercase());
        fact.file = file_id(number);
        all.push(fact);
    }
    let mut facts = Facts::new(files, services, all);
    facts.skipped = skipped;
    crate::detect::add_libraries(&mut facts);
    facts
}

fn file_id(number: usize) -> FileId {
    FileId(u32::try_from(number).unwrap_or(u32::MAX))
}

/// From functions of Rust to the types that they take: a framework makes them out of the request.
fn taken(files: &[FileInfo], extracts: &[crate::fact::Extract], links: &Links<'_>) -> Vec<(Place, Place)> {
    let mut leads = Vec::new();
    let rust = files.iter().zip(extracts).enumerate().filter(|(_, (info, _))| info.language == "rust" && !info.test);
    for (number, (_, extract)) in rust {
        let file = file_id(number);
        for fact in extract.facts.iter().filter(|fact| fact.kind == Kind::Def && fact.symbol != 0) {
            let words = fact.all("takes").flat_map(|takes| takes.split(|c: char| !(c.is_alphanumeric() || c == '_')));
            let types = words.filter(|word| word.starts_with(char::is_uppercase)).filter_map(|word| links.place(file, word));
            leads.extend(types.map(|to| (Place { file, symbol: fact.symbol }, to)));
        }
    }
    leads
}

/// Whether a definition belongs to the tests that Rust keeps beside the code.
fn inner_test(info: &FileInfo, symbol: u32) -> bool {
    let name = || info.symbols.get(symbol as usize).map_or("", String::as_str);
    info.language == "rust" && symbol != 0 && name().split('.').any(|part| matches!(part, "tests" | "test"))
}

/// The family of a language by its word; the word itself where nobody reads it.
fn family_of(name: &'static str) -> &'static str {
    language::all().iter().find(|language| language.name() == name).map_or(name, |language| language.family())
}
