//! Where an import leads.

use super::name::join;
use crate::fact::Import;

/// The path below the root that an import means, with the item in it; nothing for libraries.
///
/// Python looks below the folders of its search path, which is not written in the code: tried are the folders above the
/// importing file, the nearest first, and a `src` below them. A folder that is a package itself is rarely on the path, so
/// such ones come last and never for a name of the standard library: `logging.py` in a package does not hide `logging`.
pub(super) fn resolve(from: &str, import: &Import, exists: &dyn Fn(&str) -> bool) -> Option<(String, Option<String>)> {
    let mut folders: Vec<&str> = from.split('/').collect();
    folders.pop();
    if import.level > 0 {
        for _ in 1..import.level {
            folders.pop()?;
        }
        return Search::new(import, exists).below(&folders.join("/"));
    }
    let first = import.module.split('.').next().unwrap_or("");
    if first.is_empty() {
        return None;
    }
    let mut search = Search::new(import, exists);
    // Nor does a folder `fastapi` deep in a package hide the library: only where the search begins can one stand for it.
    if LIBRARIES.contains(&first) {
        return ["", "src"].into_iter().filter_map(|folder| search.below(folder)).find(|(path, _)| path != from);
    }
    let (mut plain, mut packages) = (Vec::new(), Vec::new());
    // Each folder is the beginning of the path: what is looked for below it is written behind that.
    let whole = folders.join("/");
    let mut end = whole.len();
    for depth in (0..=folders.len()).rev() {
        let folder = whole.get(..end).unwrap_or("");
        end = folder.rfind('/').unwrap_or(0);
        let package = !folder.is_empty() && search.exists(folder, "__init__.py");
        let list = if package { &mut packages } else { &mut plain };
        list.push((folder, ""));
        if folders.get(depth) != Some(&"src") {
            plain.push((folder, "src"));
        }
    }
    let standard = STANDARD.contains(&first);
    if standard && first == "logging" {
        return None;
    }
    let all = plain.into_iter().chain(if standard { Vec::new() } else { packages });
    // The file itself is no answer: `redis.py` that imports `redis` means the library.
    all.filter_map(|(folder, below)| search.within(folder, below)).find(|(path, _)| path != from)
}

/// Looks for one import below several folders.
struct Search<'i> {
    module: String,
    item: Option<&'i str>,
    exists: &'i dyn Fn(&str) -> bool,
    /// The path that is tried: hundreds are for each that is there.
    path: String,
}

impl<'i> Search<'i> {
    fn new(import: &'i Import, exists: &'i dyn Fn(&str) -> bool) -> Search<'i> {
        Search { module: import.module.replace('.', "/"), item: import.item.as_deref(), exists, path: String::new() }
    }
    fn write(&mut self, parts: &[&str]) {
        self.path.clear();
        for part in parts.iter().filter(|part| !part.is_empty()) {
            if !self.path.is_empty() {
                self.path.push('/');
            }
            self.path.push_str(part);
        }
    }
    fn exists(&mut self, folder: &str, name: &str) -> bool {
        self.write(&[folder, name]);
        (self.exists)(&self.path)
    }
    fn below(&mut self, folder: &str) -> Option<(String, Option<String>)> {
        self.within(folder, "")
    }
    /// The file of the module, or of the item in it, below a folder.
    fn within(&mut self, folder: &str, below: &str) -> Option<(String, Option<String>)> {
        let module = std::mem::take(&mut self.module);
        let wanted = self.item;
        let found = match wanted {
            Some(item) if self.file(&[folder, below, &module, item]) => Some((self.path.clone(), None)),
            item => self.file(&[folder, below, &module]).then(|| (self.path.clone(), item.map(str::to_owned))),
        };
        self.module = module;
        found
    }
    /// Whether there is a module or a package at this path, which then is the path.
    fn file(&mut self, parts: &[&str]) -> bool {
        self.write(parts);
        let base = self.path.len();
        if base > 0 {
            self.path.push_str(".py");
            if (self.exists)(&self.path) {
                return true;
            }
            self.path.truncate(base);
            self.path.push('/');
        }
        self.path.push_str("__init__.py");
        (self.exists)(&self.path)
    }
}

/// The module as written, with the item where the item is a module of its own.
pub(super) fn written(import: &Import, item_is_module: bool) -> String {
    match &import.item {
        Some(item) if item_is_module => join(&import.module, item),
        _ => import.module.clone(),
    }
}

/// Libraries that repositories like to name their own folders after.
const LIBRARIES: &[&str] = &["celery", "django", "fastapi", "flask", "kafka", "langchain", "openai", "pydantic", "sqlalchemy", "starlette"];

/// Modules of the standard library that repositories like to name files after.
const STANDARD: &[&str] = &[
    "abc",
    "argparse",
    "array",
    "ast",
    "asyncio",
    "base64",
    "calendar",
    "code",
    "collections",
    "concurrent",
    "configparser",
    "contextlib",
    "contextvars",
    "copy",
    "csv",
    "dataclasses",
    "datetime",
    "decimal",
    "email",
    "enum",
    "errno",
    "functools",
    "gc",
    "getpass",
    "glob",
    "gzip",
    "hashlib",
    "heapq",
    "hmac",
    "html",
    "http",
    "importlib",
    "inspect",
    "io",
    "ipaddress",
    "itertools",
    "json",
    "logging",
    "math",
    "mimetypes",
    "multiprocessing",
    "operator",
    "os",
    "pathlib",
    "pickle",
    "platform",
    "queue",
    "random",
    "re",
    "secrets",
    "select",
    "shutil",
    "signal",
    "site",
    "smtplib",
    "socket",
    "sqlite3",
    "ssl",
    "statistics",
    "string",
    "struct",
    "subprocess",
    "sys",
    "tempfile",
    "textwrap",
    "threading",
    "time",
    "token",
    "tokenize",
    "traceback",
    "types",
    "typing",
    "unittest",
    "urllib",
    "uuid",
    "warnings",
    "weakref",
    "xml",
    "zipfile",
    "zoneinfo",
];
