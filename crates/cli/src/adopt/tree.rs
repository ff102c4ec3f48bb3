//! A foreign folder, walked within bounds.
//!
//! The tree may be hostile: links that lead in circles or outside, files without end, names that
//! are no text, more entries than anybody can look at. So links are never followed, only regular
//! files are read, everything has a bound, and what was left out is counted and said.

use std::{
    collections::{BTreeMap, BTreeSet, VecDeque},
    fs::{self, File},
    io::{self, Read},
    path::{Path, PathBuf},
};

use super::source::{Language, Source};

/// Files and folders that are looked at, nearest to the top first.
const ENTRIES: usize = 40_000;
/// Folders below the top.
const DEPTH: usize = 12;
/// Largest file that is read, in bytes.
const FILE_BYTES: u64 = 1 << 20;
/// Bytes that are read in all.
const TOTAL_BYTES: u64 = 64 << 20;
/// Folders that hold other people's code, or what a build made.
const FOREIGN: &[&str] = &[
    "node_modules",
    "bower_components",
    "target",
    "venv",
    "env",
    "__pycache__",
    "site-packages",
    "vendor",
    "dist",
    "build",
    "out",
    "coverage",
];
/// Folders whose code does not run when the service does.
const ASIDE: &[&str] = &[
    "tests",
    "test",
    "__tests__",
    "__mocks__",
    "spec",
    "examples",
    "example",
    "_examples",
    "samples",
    "docs",
    "doc",
    "fixtures",
    "testdata",
    "benchmarks",
    "benches",
    "bench",
    "e2e",
    "migrations",
    "cypress",
];

/// What was left out, and how often.
#[derive(Default)]
pub struct Skipped {
    /// Links: not followed.
    pub links: usize,
    /// Files above the bound, by name.
    pub large: Vec<String>,
    /// Files of a known kind, or names, that are not UTF-8.
    pub not_text: usize,
    /// Entries that could not be read.
    pub unreadable: usize,
    /// Folders below the deepest level.
    pub deep: usize,
    /// Whether there were more entries, or more bytes, than the bound.
    pub more: bool,
}

impl Skipped {
    /// One line for each kind.
    pub fn lines(&self) -> Vec<String> {
        let mut lines = Vec::new();
        let mut counted = |count: usize, what: &str| {
            if count > 0 {
                lines.push(format!("{count} {what}"));
            }
        };
        counted(self.links, "links, which are not followed");
        counted(self.not_text, "files or names that are not UTF-8");
        counted(self.unreadable, "entries that cannot be read");
        counted(self.deep, &format!("folders more than {DEPTH} levels down"));
        if let Some(first) = self.large.first() {
            lines.push(format!("{} files larger than 1 MiB, such as {first}", self.large.len()));
        }
        if self.more {
            lines.push(format!("everything after {ENTRIES} entries or {} MiB", TOTAL_BYTES >> 20));
        }
        lines
    }
}

/// The files of a project, those of known kinds with their text.
pub struct Tree {
    /// Where it is.
    pub top: PathBuf,
    /// Every file, relative to the top, with `/` between the parts.
    pub files: BTreeSet<String>,
    /// Every folder that was entered, and those of [`FOREIGN`] that were not.
    pub folders: BTreeSet<String>,
    /// Code, in the order of the paths; nothing from tests, examples and the like.
    pub sources: Vec<Source>,
    /// Manifests, settings and scripts, by path.
    pub texts: BTreeMap<String, String>,
    /// What was left out.
    pub skipped: Skipped,
}

impl Tree {
    /// Looks at the folder.
    ///
    /// # Errors
    /// When the folder itself cannot be read.
    pub fn walk(top: &Path) -> io::Result<Tree> {
        let mut tree = Tree {
            top: top.to_path_buf(),
            files: BTreeSet::new(),
            folders: BTreeSet::new(),
            sources: Vec::new(),
            texts: BTreeMap::new(),
            skipped: Skipped::default(),
        };
        let mut open = VecDeque::from([(String::new(), 0)]);
        let mut wanted = Vec::new();
        fs::read_dir(top)?;
        while let Some((folder, depth)) = open.pop_front() {
            tree.enter(&folder, depth, &mut open, &mut wanted);
        }
        tree.read(wanted);
        Ok(tree)
    }

    fn enter(&mut self, folder: &str, depth: usize, open: &mut VecDeque<(String, usize)>, wanted: &mut Vec<String>) {
        let Ok(listing) = fs::read_dir(self.top.join(folder)) else {
            self.skipped.unreadable += 1;
            return;
        };
        // A bound on the listing too: one folder may hold millions.
        let room = ENTRIES.saturating_sub(self.files.len() + self.folders.len());
        let mut entries: Vec<_> = listing.take(room + 1).collect();
        if entries.len() > room {
            self.skipped.more = true;
            entries.truncate(room);
        }
        let mut named = Vec::new();
        for entry in entries {
            match entry.map(|entry| (entry.file_name().into_string(), entry.file_type())) {
                Ok((Ok(name), Ok(kind))) => named.push((name, kind)),
                Ok((Err(_), _)) => self.skipped.not_text += 1,
                _ => self.skipped.unreadable += 1,
            }
        }
        named.sort_by(|one, other| one.0.cmp(&other.0));
        for (name, kind) in named {
            let path = if folder.is_empty() { name.clone() } else { format!("{folder}/{name}") };
            if kind.is_symlink() {
                self.skipped.links += 1;
            } else if kind.is_dir() {
                let foreign = FOREIGN.contains(&name.as_str()) || name.starts_with('.');
                self.folders.insert(path.clone());
                match (foreign, depth + 1 > DEPTH) {
                    (true, _) => {}
                    (false, true) => self.skipped.deep += 1,
                    (false, false) => open.push_back((path, depth + 1)),
                }
            } else if kind.is_file() {
                if (Language::of(&path).is_some() && !aside(&path)) || is_text(&name) {
                    wanted.push(path.clone());
                }
                self.files.insert(path);
            }
        }
    }

    fn read(&mut self, wanted: Vec<String>) {
        let mut left = TOTAL_BYTES;
        for path in wanted {
            if left == 0 {
                self.skipped.more = true;
                break;
            }
            let bound = FILE_BYTES.min(left);
            let mut bytes = Vec::new();
            let read = File::open(self.top.join(&path)).and_then(|file| file.take(bound + 1).read_to_end(&mut bytes));
            if read.is_err() {
                self.skipped.unreadable += 1;
            } else if bytes.len() as u64 > bound {
                self.skipped.large.push(path);
            } else if let Ok(text) = String::from_utf8(bytes) {
                left -= text.len() as u64;
                match Language::of(&path) {
                    Some(language) if !is_text(path.rsplit('/').next().unwrap_or(&path)) => {
                        self.sources.push(Source::new(path, language, text))
                    }
                    _ => drop(self.texts.insert(path, text)),
                }
            } else {
                self.skipped.not_text += 1;
            }
        }
        self.sources.sort_by(|one, other| one.path.cmp(&other.path));
    }

    /// The text of a file below `root`.
    pub fn text(&self, root: &str, name: &str) -> Option<(String, &str)> {
        let path = join(root, name);
        self.texts.get_key_value(&path).map(|(path, text)| (path.clone(), text.as_str()))
    }

    /// Whether there is such a file.
    pub fn has(&self, root: &str, name: &str) -> bool {
        self.files.contains(&join(root, name))
    }

    /// The source below `root` with this path.
    pub fn source(&self, path: &str) -> Option<&Source> {
        self.sources.binary_search_by(|source| source.path.as_str().cmp(path)).ok().map(|at| &self.sources[at])
    }

    /// The nearest folder above the file that holds one of these manifests; the top without one.
    pub fn unit(&self, path: &str, manifests: &[&str]) -> String {
        let mut folder = parent(path);
        loop {
            if folder.is_empty() || manifests.iter().any(|name| self.has(folder, name)) {
                return folder.to_owned();
            }
            folder = parent(folder);
        }
    }
}

/// Whether the code of this file does not run when the service does.
fn aside(path: &str) -> bool {
    let name = path.rsplit('/').next().unwrap_or(path);
    let stem = name.split('.').next().unwrap_or(name);
    let tests = stem.starts_with("test_")
        || stem.ends_with("_test")
        || name == "conftest.py"
        || [".test.", ".spec.", ".d.ts", ".min.js"].iter().any(|mark| name.contains(mark));
    // The folders of Java spell the name of a package, whatever it means.
    let path = path.split_once("src/main/").map_or(path, |(before, _)| before);
    tests || path.trim_end_matches(name).split('/').any(|folder| ASIDE.contains(&folder))
}

/// Manifests and settings that are read as text.
fn is_text(name: &str) -> bool {
    const NAMES: &[&str] = &[
        "pyproject.toml",
        "setup.py",
        "setup.cfg",
        "Pipfile",
        "package.json",
        "go.mod",
        "Cargo.toml",
        "Gemfile",
        "config.ru",
        "pom.xml",
        "build.gradle",
        "build.gradle.kts",
        "Procfile",
        "Dockerfile",
        "mkdocs.yml",
        "hugo.toml",
        "hugo.yaml",
        "_config.yml",
        "application.properties",
        "application.yml",
        "angular.json",
        "artisan",
        "composer.json",
    ];
    NAMES.contains(&name)
        || (name.starts_with("requirements") && name.ends_with(".txt"))
        || name.starts_with("Dockerfile.")
        || name.ends_with(".dockerfile")
        || is_compose(name)
}

/// Whether this is a file of Docker Compose.
pub fn is_compose(name: &str) -> bool {
    let yaml = name.ends_with(".yml") || name.ends_with(".yaml");
    yaml && (name.starts_with("docker-compose") || name.starts_with("compose"))
}

/// The folder of a path; empty at the top.
pub fn parent(path: &str) -> &str {
    path.rsplit_once('/').map_or("", |(folder, _)| folder)
}

/// A path below a folder.
pub fn join(folder: &str, name: &str) -> String {
    match (folder, name) {
        ("", name) => name.to_owned(),
        (folder, "") => folder.to_owned(),
        (folder, name) => format!("{folder}/{name}"),
    }
}

/// The path as seen from the folder; nothing when it is not below it.
pub fn below<'a>(folder: &str, path: &'a str) -> Option<&'a str> {
    match folder {
        "" => Some(path),
        folder if folder == path => Some(""),
        folder => path.strip_prefix(folder)?.strip_prefix('/'),
    }
}
