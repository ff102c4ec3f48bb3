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
        return find(&folders.join("/"), import, exists);
    }
    let first = import.module.split('.').next().unwrap_or("");
    if first.is_empty() {
        return None;
    }
    let (mut plain, mut packages) = (Vec::new(), Vec::new());
    for depth in (0..=folders.len()).rev() {
        let folder = folders.get(..depth).unwrap_or(&[]).join("/");
        let package = !folder.is_empty() && exists(&format!("{folder}/__init__.py"));
        let below = if folder.is_empty() { "src".to_owned() } else { format!("{folder}/src") };
        let list = if package { &mut packages } else { &mut plain };
        list.push(folder);
        if folders.get(depth) != Some(&"src") {
            plain.push(below);
        }
    }
    let standard = STANDARD.contains(&first);
    // Nor does a folder `fastapi` deep in a package hide the library: only where the search begins can one stand for it.
    if LIBRARIES.contains(&first) {
        let near = [String::new(), "src".to_owned()].into_iter();
        return near.filter_map(|folder| find(&folder, import, exists)).find(|(path, _)| path != from);
    }
    let all = plain.into_iter().chain(if standard { Vec::new() } else { packages });
    // The file itself is no answer: `redis.py` that imports `redis` means the library.
    all.filter(|_| !standard || first != "logging").filter_map(|folder| find(&folder, import, exists)).find(|(path, _)| path != from)
}

fn find(folder: &str, import: &Import, exists: &dyn Fn(&str) -> bool) -> Option<(String, Option<String>)> {
    let slash = |first: &str, second: &str| {
        if first.is_empty() || second.is_empty() { format!("{first}{second}") } else { format!("{first}/{second}") }
    };
    let module = slash(folder, &import.module.replace('.', "/"));
    let file = |base: &str| {
        let plain = format!("{base}.py");
        if !base.is_empty() && exists(&plain) {
            return Some(plain);
        }
        let package = slash(base, "__init__.py");
        exists(&package).then_some(package)
    };
    if let Some(item) = &import.item
        && let Some(path) = file(&slash(&module, item))
    {
        return Some((path, None));
    }
    file(&module).map(|path| (path, import.item.clone()))
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
