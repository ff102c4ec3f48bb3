//! Which files are the repository's own, which are tests, and which are somebody else's or nobody's.

use std::sync::LazyLock;

use regex::bytes::Regex;

use crate::source::Tree;

/// What a file is to an assessment.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Sort {
    /// It is looked at.
    Ours {
        /// Whether it belongs to the tests.
        test: bool,
    },
    /// It is left out and listed.
    Left {
        /// The folder that is left out with it, or the file itself.
        folder: String,
        /// Why, for people.
        why: &'static str,
    },
}

/// What each file of a tree is, in the tree's order.
pub fn all(tree: &Tree) -> Vec<Sort> {
    // A virtual environment may have any name; it is known by the file that every one has.
    let environments: Vec<&str> = tree.files.iter().filter_map(|file| file.path.strip_suffix("/pyvenv.cfg")).collect();
    let inside = |path: &str, folder: &str| path.strip_prefix(folder).is_some_and(|rest| rest.starts_with('/'));
    let in_tests = test_modules(tree);
    let sorted = tree.files.iter().map(|file| match environments.iter().find(|folder| inside(&file.path, folder)) {
        Some(folder) => Sort::Left { folder: format!("{folder}/"), why: "a committed virtual environment" },
        None => match sort(&file.path, &file.bytes) {
            Sort::Ours { test } => Sort::Ours { test: test || in_tests.iter().any(|module| is_of(module, &file.path)) },
            left => left,
        },
    });
    sorted.collect()
}

/// The modules that Rust compiles for tests only, as paths without their ending: `#[cfg(test)] mod stand_in;`.
fn test_modules(tree: &Tree) -> Vec<String> {
    static DECLARED: LazyLock<Option<Regex>> =
        LazyLock::new(|| Regex::new(r"(?m)^#\[cfg\(test\)\]\s*(?:#\[[^\]\n]*\]\s*)*(?:pub(?:\([^)\n]*\))?\s+)?mod\s+(\w+)\s*;").ok());
    let mut found = Vec::new();
    for file in tree.files.iter().filter(|file| file.path.ends_with(".rs")) {
        let (folder, name) = file.path.rsplit_once('/').unwrap_or(("", &file.path));
        let home = match name {
            "mod.rs" | "lib.rs" | "main.rs" => folder,
            _ => file.path.trim_end_matches(".rs"),
        };
        let Some(declared) = &*DECLARED else { continue };
        let names = declared.captures_iter(&file.bytes).filter_map(|found| found.get(1)).take(100);
        found.extend(names.map(|name| format!("{home}/{}", String::from_utf8_lossy(name.as_bytes())).trim_start_matches('/').to_owned()));
    }
    found
}

/// Whether a file is a module or stands below it.
fn is_of(module: &str, path: &str) -> bool {
    path.strip_prefix(module).is_some_and(|rest| rest == ".rs" || rest.starts_with('/'))
}

/// What a file is, by its path and its text.
pub fn sort(path: &str, bytes: &[u8]) -> Sort {
    let mut at = 0;
    let (folders, name) = path.rsplit_once('/').unwrap_or(("", path));
    let code = is_code(name);
    let mut test = false;
    for folder in folders.split('/').filter(|folder| !folder.is_empty()) {
        let end = at + folder.len();
        let lower = folder.to_ascii_lowercase();
        let leave = |why| Sort::Left { folder: format!("{}/", path.get(..end).unwrap_or(path)), why };
        match lower.as_str() {
            "site-packages" | "dist-packages" | "__pypackages__" => return leave("a committed virtual environment"),
            "venv" | "virtualenv" => return leave("a committed virtual environment"),
            lower if lower.starts_with(".venv") || lower.starts_with("venv_") || lower.starts_with("venv-") => {
                return leave("a committed virtual environment");
            }
            "node_modules" | "bower_components" | "jspm_packages" => return leave("committed packages"),
            "vendor" | "vendored" | "_vendor" | "third_party" | "third-party" | "thirdparty" | "3rdparty" => {
                return leave("other people's code");
            }
            "archive" | "archived" | "archives" | "_archive" | "attic" | "_old" | "old" | "deprecated"
                if code && !within_sources(path, at) =>
            {
                return leave("an archive of old code");
            }
            "dist" | "build" | "out" | ".next" | ".nuxt" | ".output" | "__pycache__" if is_built(name) => return leave("build output"),
            "__snapshots__" | "testdata" | "test-data" | "test_data" | "fixtures" | "__fixtures__" => return leave("test data"),
            "tests" | "test" | "__tests__" | "__test__" | "spec" | "specs" | "e2e" | "cypress" | "__mocks__" | "androidtest"
            | "testing" | "integration-tests" | "integration_tests" | "bench" | "benches" | "benchmark" | "benchmarks" | "fuzz" => {
                test |= lower != "spec" && lower != "specs" && lower != "testing" || code
            }
            _ => {}
        }
        at = end + 1;
    }
    let alone = |why| Sort::Left { folder: path.to_owned(), why };
    if is_generated_name(name) {
        return alone("generated");
    }
    if code {
        if name.contains(".min.") || is_minified(name, bytes) {
            return alone("minified");
        }
        if says_generated(bytes) {
            return alone("generated");
        }
    }
    if name.ends_with(".bak") || name.ends_with(".orig") || name.ends_with(".rej") || name.ends_with('~') {
        return alone("a copy that somebody kept");
    }
    Sort::Ours { test: test || is_test_name(name) }
}

/// Whether a folder that begins here stands among the sources: there it is a part that puts things into an archive.
fn within_sources(path: &str, at: usize) -> bool {
    let above = path.get(..at).unwrap_or("");
    above.split('/').any(|folder| matches!(folder, "src" | "lib" | "internal" | "pkg" | "tests"))
}

fn extension(name: &str) -> &str {
    name.rsplit_once('.').map_or("", |(_, extension)| extension)
}

fn is_code(name: &str) -> bool {
    matches!(
        extension(name),
        "py" | "pyi" | "js" | "mjs" | "cjs" | "jsx" | "ts" | "mts" | "cts" | "tsx" | "go" | "java" | "rs" | "kt" | "css"
    )
}

fn is_built(name: &str) -> bool {
    matches!(extension(name), "js" | "mjs" | "cjs" | "css" | "map" | "html" | "class" | "pyc" | "d.ts")
}

fn is_test_name(name: &str) -> bool {
    let (stem, extension) = name.rsplit_once('.').unwrap_or((name, ""));
    match extension {
        "py" => stem.starts_with("test_") || stem.ends_with("_test") || stem == "conftest" || stem == "tests",
        "go" => stem.ends_with("_test"),
        "js" | "mjs" | "cjs" | "jsx" | "ts" | "mts" | "cts" | "tsx" => {
            [".test", ".spec", ".e2e-spec", ".cy", ".e2e"].iter().any(|ending| stem.ends_with(ending)) || stem == "setupTests"
        }
        "java" | "kt" => ["Test", "Tests", "IT", "TestCase"].iter().any(|ending| stem.ends_with(ending)),
        "rs" => stem == "tests" || stem == "test" || stem.ends_with("_tests") || stem.ends_with("_test"),
        _ => false,
    }
}

fn is_generated_name(name: &str) -> bool {
    const ENDINGS: &[&str] = &[
        "_pb2.py",
        "_pb2_grpc.py",
        ".pb.go",
        ".pb.gw.go",
        "_grpc.pb.go",
        ".gen.go",
        "_gen.go",
        "_generated.go",
        ".generated.ts",
        ".gen.ts",
        ".g.dart",
        "_pb.js",
        "_pb.d.ts",
        ".js.map",
        ".css.map",
    ];
    ENDINGS.iter().any(|ending| name.ends_with(ending)) || name.starts_with("zz_generated")
}

/// Whether one of the first lines, a comment, says that a program wrote the file.
fn says_generated(bytes: &[u8]) -> bool {
    let head = String::from_utf8_lossy(bytes.get(..bytes.len().min(1024)).unwrap_or_default());
    head.lines().take(8).any(|line| {
        let line = line.trim_start();
        let comment = ["//", "#", "/*", "*", "<!--"].iter().any(|sign| line.starts_with(sign));
        comment && (line.contains("DO NOT EDIT") || line.contains("@generated") || line.contains("Code generated by"))
    })
}

/// Whether a script has lines that no person writes.
fn is_minified(name: &str, bytes: &[u8]) -> bool {
    if !matches!(extension(name), "js" | "mjs" | "cjs" | "css") || bytes.len() < 4096 {
        return false;
    }
    let lines = bytes.split(|byte| *byte == b'\n').count();
    bytes.len() / lines > 400
}
