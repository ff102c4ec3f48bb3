//! Imports of what is not there.

use std::collections::{BTreeSet, HashMap};

use super::Links;
use crate::{
    fact::{Extract, Fact, FileInfo, Import, Kind},
    language,
    source::{File, Tree},
};

/// Imports that lead nowhere, of modules and of names. Only what is certain is told: a module of a package that is this
/// repository's, and a name that the module's text does not hold at all.
pub(super) fn imports(tree: &Tree, files: &[FileInfo], extracts: &[Extract], texts: &[&File], links: &Links<'_>) -> Vec<Fact> {
    let packages = packages(files);
    let mut words: HashMap<u32, BTreeSet<String>> = HashMap::new();
    let aliases = aliases(files, extracts, links);
    let mut found = Vec::new();
    for (number, (info, extract)) in files.iter().zip(extracts).enumerate() {
        let file = super::file_id(number);
        for (at, import) in extract.imports.iter().enumerate().filter(|(_, import)| !import.optional) {
            let targets = links.imported(file, at);
            let missing = if targets.is_empty() {
                links.item(file, at).is_none().then(|| gone(tree, info, import, &packages, &aliases)).flatten()
            } else {
                let Some(item) = links.item(file, at).filter(|item| *item != "*" && *item != "default") else { continue };
                let first = item.split('.').next().unwrap_or(item);
                let there = targets.iter().any(|target| {
                    let star = extracts.get(target.0 as usize).is_some_and(|extract| {
                        extract.imports.iter().any(|import| import.local == "*")
                            || extract.exports.iter().any(|(public, _)| public == first || public == "*")
                    });
                    let lazy = |words: &BTreeSet<String>| words.contains(first) || words.contains("__getattr__");
                    star || links.symbol(*target, first).is_some()
                        || lazy(
                            words
                                .entry(target.0)
                                .or_insert_with(|| texts.get(target.0 as usize).map(|file| held(&file.bytes)).unwrap_or_default()),
                        )
                });
                let from = targets.first().and_then(|target| files.get(target.0 as usize)).map_or("", |info| info.path.as_str());
                let package = from.strip_suffix("__init__.py").is_some_and(|folder| tree.has(&format!("{folder}{first}")));
                let compiled = matches!(info.language, "go" | "java" | "rust");
                (!there && !package && !compiled).then(|| format!("{}.{item}", super::module(from)))
            };
            if let Some(missing) = missing {
                let mut fact = Fact::new(Kind::Broken, missing, import.line, import.line).with("what", "import").within(import.symbol);
                fact.file = file;
                found.push(fact);
            }
        }
    }
    found
}

/// The Python packages: each folder with modules, and in which folder it stands.
fn packages(files: &[FileInfo]) -> BTreeSet<String> {
    let python = files.iter().filter(|info| info.path.ends_with(".py"));
    let mut found = BTreeSet::new();
    for info in python {
        let mut folder = info.path.rsplit_once('/').map_or("", |(folder, _)| folder);
        while !folder.is_empty() && found.insert(folder.to_owned()) {
            folder = folder.rsplit_once('/').map_or("", |(folder, _)| folder);
        }
    }
    found
}

/// What imports in scripts may begin with beside a dot and still mean this repository: prefixes that lead somewhere elsewhere.
fn aliases(files: &[FileInfo], extracts: &[Extract], links: &Links<'_>) -> BTreeSet<String> {
    let mut found = BTreeSet::new();
    for (number, extract) in extracts.iter().enumerate() {
        if files.get(number).is_none_or(|info| super::family_of(info.language) != "script") {
            continue;
        }
        for (at, import) in
            extract.imports.iter().enumerate().filter(|(_, import)| import.module.starts_with("@/") || import.module.starts_with("~/"))
        {
            if !links.imported(super::file_id(number), at).is_empty() {
                found.extend(import.module.get(..2).map(str::to_owned));
            }
        }
    }
    found
}

/// The name of a module of this repository that is not there.
fn gone(tree: &Tree, info: &FileInfo, import: &Import, packages: &BTreeSet<String>, aliases: &BTreeSet<String>) -> Option<String> {
    let folder = info.path.rsplit_once('/').map_or("", |(folder, _)| folder);
    match info.language {
        "python" if import.level > 0 => {
            let mut base: Vec<&str> = folder.split('/').filter(|part| !part.is_empty()).collect();
            for _ in 1..import.level {
                base.pop()?;
            }
            let base = base.join("/");
            let path = super::start::plain(&format!("{base}/{}", import.module.replace('.', "/")));
            let item = import.item.as_deref().unwrap_or("");
            if made(&path)
                || built(&import.module)
                || tree.has(&path) && (import.module.is_empty() || item.is_empty() || tree.has(&format!("{path}/{item}")))
            {
                return None;
            }
            // A module in another language, such as a compiled one.
            let other = tree.files.iter().any(|file| file.path.strip_prefix(path.as_str()).is_some_and(|rest| rest.starts_with('.')));
            (!other && !import.module.is_empty() && !tree.has(&format!("{path}.py"))).then(|| path.replace('/', "."))
        }
        "python" => {
            let mut parts = import.module.split('.');
            let (first, second) = (parts.next()?, parts.next()?);
            if built(&import.module) {
                return None;
            }
            // The nearest folder above that holds the package.
            let mut around = folder;
            loop {
                for base in [around.to_owned(), if around.is_empty() { "src".to_owned() } else { format!("{around}/src") }] {
                    let package = super::start::plain(&format!("{base}/{first}"));
                    let own =
                        packages.contains(&package) && (tree.has(&format!("{package}/__init__.py")) || import_is_ours(packages, &package));
                    if own {
                        let path = super::start::plain(&format!("{base}/{}", import.module.replace('.', "/")));
                        let there = tree.has(&path) || tree.has(&format!("{path}.py")) || tree.has(&format!("{package}/{second}.pyi"));
                        return (!there && !made(&path)).then(|| path.replace('/', "."));
                    }
                }
                if around.is_empty() {
                    return None;
                }
                around = around.rsplit_once('/').map_or("", |(folder, _)| folder);
            }
        }
        "javascript" | "typescript" => {
            let near = import.module.starts_with("./") || import.module.starts_with("../");
            let alias = import.module.get(..2).is_some_and(|prefix| aliases.contains(prefix));
            let name = import.module.rsplit('/').next().unwrap_or("");
            let asset = name.rsplit_once('.').is_some_and(|(stem, end)| {
                !stem.is_empty()
                    && !matches!(end, "js" | "ts" | "jsx" | "tsx" | "mjs" | "cjs")
                    && end.len() < 6
                    && language::of(&format!("x.{end}")).is_none()
            });
            let queried =
                import.module.contains(['?', '!', '*']) || ["generated", "dist", "build"].iter().any(|part| import.module.contains(part));
            if !(near || alias) || asset || queried {
                return None;
            }
            let path = super::start::plain(&format!("{folder}/{}", import.module));
            let there = near
                && (tree.has(&path)
                    || tree.files.iter().any(|file| file.path.strip_prefix(path.as_str()).is_some_and(|rest| rest.starts_with('.'))));
            (!there && !import.module.ends_with('/')).then(|| import.module.clone())
        }
        _ => None,
    }
}

/// A folder without `__init__.py` is ours where it holds code on two levels: a library of the same name would not.
fn import_is_ours(packages: &BTreeSet<String>, package: &str) -> bool {
    let below = format!("{package}/");
    packages.range(below.clone()..).next().is_some_and(|next| next.starts_with(&below))
}

/// Modules that a build writes.
fn built(module: &str) -> bool {
    module.ends_with("_pb2")
        || module.ends_with("_pb2_grpc")
        || module.ends_with("_version")
        || module.ends_with(".version")
        || module.contains("generated")
}

fn made(path: &str) -> bool {
    built(path)
}

/// The words of a text, comments left out where a line is nothing else.
fn held(bytes: &[u8]) -> BTreeSet<String> {
    let text = crate::source::text(bytes);
    let lines = text.lines().filter(|line| !matches!(line.trim_start().get(..1), Some("#")) && !line.trim_start().starts_with("//"));
    lines
        .flat_map(|line| line.split(|c: char| !c.is_alphanumeric() && c != '_' && c != '$'))
        .filter(|word| !word.is_empty())
        .map(str::to_owned)
        .collect()
}
