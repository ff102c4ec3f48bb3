//! From a name as it is written in a file to where it comes from.

use std::collections::{BTreeMap, HashMap, HashSet};

use super::Place;
use crate::{
    fact::{Extract, Fact, FileId, FileInfo, Import, Kind},
    language,
};

/// How often a name may be passed on from file to file before nobody follows it any longer.
const HOPS: usize = 12;

/// A file's path as a name: without its extension, with dots.
pub fn module(path: &str) -> String {
    let (folders, name) = path.rsplit_once('/').unwrap_or(("", path));
    let stem = name.rsplit_once('.').map_or(name, |(stem, _)| stem);
    let whole = if folders.is_empty() { stem.to_owned() } else { format!("{folders}/{stem}") };
    whole.strip_suffix("/__init__").unwrap_or(&whole).replace('/', ".")
}

/// What an import means in this repository.
#[derive(Debug, Clone)]
struct Target {
    /// The files; several where a folder is meant.
    files: Vec<FileId>,
    item: Option<String>,
}

/// All imports of a repository, resolved.
pub struct Links<'a> {
    files: &'a [FileInfo],
    extracts: &'a [Extract],
    paths: HashMap<&'a str, FileId>,
    /// The files of each folder that have a language.
    folders: HashMap<&'a str, Vec<FileId>>,
    symbols: Vec<HashMap<&'a str, u32>>,
    /// By file, in the order of the file's imports.
    targets: Vec<Vec<Option<Target>>>,
    /// By file and local name: numbers of imports.
    locals: Vec<HashMap<&'a str, Vec<usize>>>,
    modules: HashMap<String, FileId>,
}

impl<'a> Links<'a> {
    /// Links these files.
    pub fn new(files: &'a [FileInfo], extracts: &'a [Extract]) -> Links<'a> {
        let id = |number: usize| super::file_id(number);
        let paths: HashMap<&str, FileId> = files.iter().enumerate().map(|(number, info)| (info.path.as_str(), id(number))).collect();
        let mut folders: HashMap<&str, Vec<FileId>> = HashMap::new();
        let mut all: HashSet<&str> = HashSet::new();
        let mut modules = HashMap::new();
        for (number, info) in files.iter().enumerate() {
            let mut folder = info.path.rsplit_once('/').map_or("", |(folder, _)| folder);
            if language::of(&info.path).is_some() {
                folders.entry(folder).or_default().push(id(number));
                modules.entry(module(&info.path)).or_insert(id(number));
            }
            while all.insert(folder) {
                folder = folder.rsplit_once('/').map_or("", |(folder, _)| folder);
            }
        }
        let symbols = extracts
            .iter()
            .map(|extract| {
                let mut names = HashMap::new();
                for (number, symbol) in extract.symbols.iter().enumerate().skip(1) {
                    names.entry(symbol.name.as_str()).or_insert(u32::try_from(number).unwrap_or(u32::MAX));
                }
                names
            })
            .collect();
        let exists = |path: &str| paths.contains_key(path) || all.contains(path);
        let resolve = |info: &FileInfo, import: &Import| -> Option<Target> {
            let (path, item) = language::of(&info.path)?.resolve(&info.path, import, &exists)?;
            let path = path.trim_end_matches('/');
            let files = match paths.get(path) {
                Some(file) => vec![*file],
                None => folders.get(path).cloned().unwrap_or_default(),
            };
            Some(Target { files, item })
        };
        let targets = files
            .iter()
            .zip(extracts)
            .map(|(info, extract)| extract.imports.iter().map(|import| resolve(info, import)).collect())
            .collect();
        let locals = extracts
            .iter()
            .map(|extract| {
                let mut names: HashMap<&str, Vec<usize>> = HashMap::new();
                for (number, import) in extract.imports.iter().enumerate() {
                    names.entry(import.local.as_str()).or_default().push(number);
                }
                names
            })
            .collect();
        Links { files, extracts, paths, folders, symbols, targets, locals, modules }
    }

    /// The file at a path.
    pub fn file(&self, path: &str) -> Option<FileId> {
        self.paths.get(path).copied()
    }

    /// The files that an import of this file runs.
    pub fn imported(&self, file: FileId, import: usize) -> &[FileId] {
        self.targets
            .get(file.0 as usize)
            .and_then(|targets| targets.get(import))
            .and_then(Option::as_ref)
            .map_or(&[], |target| &target.files)
    }

    /// What item of the files an import means, where it is resolved.
    pub fn item(&self, file: FileId, import: usize) -> Option<&str> {
        self.targets.get(file.0 as usize)?.get(import)?.as_ref()?.item.as_deref()
    }

    /// The definition of this name in a file.
    pub fn symbol(&self, file: FileId, name: &str) -> Option<u32> {
        self.symbols.get(file.0 as usize)?.get(name).copied()
    }

    /// What a name means in a file: the definition. Of a longer name the longest part that is a definition counts:
    /// `Service.start.delay` is `Service.start`.
    pub fn place(&self, file: FileId, name: &str) -> Option<Place> {
        let (file, name) = self.origin(file, name)?;
        let mut part = name.as_str();
        while !part.is_empty() {
            if let Some(symbol) = self.symbol(file, part) {
                return Some(Place { file, symbol });
            }
            part = part.rsplit_once('.').map_or("", |(before, _)| before);
        }
        Some(Place { file, symbol: 0 })
    }

    /// What a name means inside a definition: names of the definitions around it come first.
    pub fn within(&self, file: FileId, symbol: u32, name: &str) -> Option<Place> {
        let symbols = &self.extracts.get(file.0 as usize)?.symbols;
        let mut around = symbol;
        for _ in 0..HOPS {
            if around == 0 {
                break;
            }
            let scope = symbols.get(around as usize)?;
            let mut part = name;
            while !part.is_empty() {
                if let Some(found) = self.symbol(file, &format!("{}.{part}", scope.name)) {
                    return Some(Place { file, symbol: found });
                }
                part = part.rsplit_once('.').map_or("", |(before, _)| before);
            }
            around = scope.parent;
        }
        self.place(file, name)
    }

    /// Where a name comes from: the file and what it is called there, whether a definition or a variable.
    pub fn origin(&self, file: FileId, name: &str) -> Option<(FileId, String)> {
        self.follow(file, name, HOPS)
    }

    fn follow(&self, file: FileId, name: &str, hops: usize) -> Option<(FileId, String)> {
        let number = file.0 as usize;
        let first = name.split('.').next().unwrap_or(name);
        if hops == 0 || first.is_empty() {
            return None;
        }
        if self.symbol(file, first).is_some() {
            return Some((file, name.to_owned()));
        }
        // What a file gives under another name than its own for it.
        let aliases = &self.extracts.get(number)?.exports;
        if let Some((_, local)) = aliases.iter().find(|(public, local)| public == first && local != first) {
            return self.follow(file, &format!("{local}{}", name.get(first.len()..).unwrap_or("")), hops - 1);
        }
        let locals = self.locals.get(number)?;
        let mut part = name;
        loop {
            for import in locals.get(part).into_iter().flatten() {
                let rest = name.get(part.len()..).unwrap_or("").trim_start_matches('.');
                if let Some(found) = self.through(file, *import, rest, hops - 1) {
                    return Some(found);
                }
            }
            match part.rsplit_once('.') {
                Some((before, _)) => part = before,
                None => break,
            }
        }
        for import in locals.get("*").into_iter().flatten() {
            for target in self.imported(file, *import) {
                if *target != file && (self.symbol(*target, first).is_some() || self.locals.get(target.0 as usize)?.contains_key(first)) {
                    return self.follow(*target, name, hops - 1);
                }
            }
        }
        let info = self.files.get(number)?;
        if matches!(info.language, "go" | "java") {
            let folder = info.path.rsplit_once('/').map_or("", |(folder, _)| folder);
            let beside = self.folders.get(folder)?;
            return beside.iter().find(|other| self.symbol(**other, first).is_some()).map(|other| (*other, name.to_owned()));
        }
        // A canonical name.
        let mut part = name;
        while let Some((before, _)) = part.rsplit_once('.') {
            if let Some(found) = self.modules.get(before) {
                return Some((*found, name.get(before.len() + 1..).unwrap_or("").to_owned()));
            }
            part = before;
        }
        None
    }

    /// Follows a name through an import; `rest` is what stands behind the import's local name.
    fn through(&self, file: FileId, import: usize, rest: &str, hops: usize) -> Option<(FileId, String)> {
        let written = self.extracts.get(file.0 as usize)?.imports.get(import)?;
        let target = self.targets.get(file.0 as usize)?.get(import)?.as_ref()?;
        let name = match &target.item {
            Some(item) if rest.is_empty() => item.clone(),
            Some(item) => format!("{item}.{rest}"),
            None => {
                // `import a.b.c` names `a` alone; the whole module is written again at each use.
                let under = written.module.strip_prefix(written.local.as_str()).and_then(|under| under.strip_prefix('.'));
                match under.filter(|_| written.item.is_none()) {
                    Some(under) if rest == under => String::new(),
                    Some(under) => match rest.strip_prefix(under).and_then(|rest| rest.strip_prefix('.')) {
                        Some(rest) => rest.to_owned(),
                        None => return None,
                    },
                    None => rest.to_owned(),
                }
            }
        };
        let exported = |one: &FileId| {
            let first = name.split('.').next().unwrap_or("");
            let exports = &self.extracts.get(one.0 as usize)?.exports;
            let (_, local) = exports.iter().find(|(public, _)| public == first)?;
            let rest = name.get(first.len()..).unwrap_or("");
            Some(format!("{local}{rest}"))
        };
        let name = target.files.iter().find_map(exported).unwrap_or(name);
        let first = name.split('.').next().unwrap_or("");
        let holds = |one: &&FileId| self.symbol(**one, first).is_some();
        let found = *target.files.iter().find(holds).or_else(|| target.files.first())?;
        if name.is_empty() || self.symbol(found, first).is_some() || found == file {
            return Some((found, name));
        }
        if let Some(further) = self.follow(found, &name, hops) {
            return Some(further);
        }
        // A package's own file stands for the modules beside it.
        let path = &self.files.get(found.0 as usize)?.path;
        if let Some(folder) = path.strip_suffix("/__init__.py") {
            let inner = [format!("{folder}/{first}.py"), format!("{folder}/{first}/__init__.py")];
            if let Some(inner) = inner.iter().find_map(|path| self.file(path)) {
                let rest = name.get(first.len()..).unwrap_or("").trim_start_matches('.');
                return if rest.is_empty() {
                    Some((inner, String::new()))
                } else {
                    self.follow(inner, rest, hops).or(Some((inner, rest.to_owned())))
                };
            }
        }
        Some((found, name))
    }

    /// How names of this repository are written in a file, and what they are called: pairs of prefixes, the longest first.
    pub fn renames(&self, file: FileId) -> Vec<(String, String)> {
        let mut pairs: BTreeMap<String, String> = BTreeMap::new();
        let Some(extract) = self.extracts.get(file.0 as usize) else { return Vec::new() };
        for (number, import) in extract.imports.iter().enumerate() {
            if self.imported(file, number).is_empty() || import.local == "*" {
                continue;
            }
            let whole = import.item.is_none() && import.module.split('.').next() == Some(&import.local) && import.module != import.local;
            let rest = if whole { import.module.get(import.local.len() + 1..).unwrap_or("") } else { "" };
            let Some((from, name)) = self.through(file, number, rest, HOPS) else { continue };
            let Some(info) = self.files.get(from.0 as usize) else { continue };
            let mut canonical = module(&info.path);
            if matches!(info.language, "go" | "java") && import.item.is_none() {
                // A folder is the module there; its name is that of the folder.
                canonical = canonical.rsplit_once('.').map_or(String::new(), |(folder, _)| folder.to_owned());
            }
            if !name.is_empty() {
                canonical = format!("{canonical}.{name}");
            }
            let dots = ".".repeat(import.level as usize);
            let written = match &import.item {
                Some(item) if import.module.is_empty() => format!("{dots}{item}"),
                Some(item) => format!("{dots}{}.{item}", import.module),
                None => format!("{dots}{}", import.module),
            };
            if written != canonical {
                pairs.insert(written, canonical);
            }
        }
        let mut pairs: Vec<(String, String)> = pairs.into_iter().collect();
        pairs.sort_by(|a, b| b.0.len().cmp(&a.0.len()).then_with(|| a.cmp(b)));
        pairs
    }
}

/// Gives names of this repository their canonical form.
pub(super) fn rename(fact: &mut Fact, renames: &[(String, String)]) {
    let change = |text: &mut String| {
        for (written, canonical) in renames {
            if let Some(rest) = text.strip_prefix(written.as_str())
                && (rest.is_empty() || rest.starts_with(['.', '(', '[']))
            {
                *text = format!("{canonical}{rest}");
                return;
            }
        }
    };
    if matches!(fact.kind, Kind::Text | Kind::Env | Kind::Setting | Kind::Assign | Kind::File | Kind::Secret | Kind::Route) {
        return;
    }
    change(&mut fact.name);
    for (_, value) in &mut fact.attrs {
        change(value);
    }
}
