//! The style guide as a test: floors, folders, leftovers.

use std::{
    collections::{BTreeMap, BTreeSet},
    fs,
    path::{Path, PathBuf},
};

fn root() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).ancestors().nth(2).expect("the crate lies two folders below the root").to_path_buf()
}

fn files(folder: &Path, ending: &str, found: &mut Vec<PathBuf>) {
    for entry in fs::read_dir(folder).expect("the folder can be read").flatten() {
        let (path, name) = (entry.path(), entry.file_name());
        if path.is_dir() && !["target", ".git", "node_modules", ".venv"].contains(&name.to_str().unwrap_or("")) {
            files(&path, ending, found);
        } else if path.extension().is_some_and(|known| known == ending) {
            found.push(path);
        }
    }
}

fn all(ending: &str) -> Vec<PathBuf> {
    let mut found = Vec::new();
    files(&root(), ending, &mut found);
    found
}

/// The names under `[dependencies]` of a manifest; development dependencies may look anywhere.
fn dependencies(manifest: &Path) -> Vec<String> {
    let text = fs::read_to_string(manifest).expect("a manifest");
    let section = text.split("[dependencies]").nth(1).unwrap_or("").split("\n[").next().unwrap_or("");
    section
        .lines()
        .filter_map(|line| line.split(['.', ' ', '=']).next())
        .filter(|name| name.starts_with("plimsoll"))
        .map(str::to_owned)
        .collect()
}

#[test]
fn imports_go_down_and_never_sideways() {
    let floors: BTreeMap<&str, (u8, &str)> = BTreeMap::from([
        ("plimsoll-core", (0, "crates/core")),
        ("plimsoll-store", (1, "crates/store")),
        ("plimsoll-assess", (1, "crates/assess")),
        ("plimsoll", (2, "crates/host")),
        ("plimsoll-ai", (2, "crates/ai")),
        ("plimsoll-practices", (2, "practices")),
        ("plimsoll-catalogue", (3, "systems/catalogue")),
        ("plimsoll-retention", (3, "systems/retention")),
        ("plimsoll-cli", (4, "crates/cli")),
    ]);
    for (name, (floor, folder)) in &floors {
        for needed in dependencies(&root().join(folder).join("Cargo.toml")) {
            let below = floors.get(needed.as_str()).unwrap_or_else(|| panic!("{name} ships with {needed}, which is on no floor")).0;
            assert!(below < *floor, "{name} (floor {floor}) must not import {needed} (floor {below})");
        }
    }
    let systems = fs::read_dir(root().join("systems")).expect("systems").flatten().filter(|entry| entry.path().is_dir()).count();
    assert_eq!(systems, floors.values().filter(|(floor, _)| *floor == 3).count(), "a system is missing from this list");
    for entry in fs::read_dir(root().join("systems")).expect("systems").flatten() {
        let needs = dependencies(&entry.path().join("Cargo.toml"));
        let given = ["plimsoll", "plimsoll-ai"];
        let more: Vec<&String> = needs.iter().filter(|name| !given.contains(&name.as_str())).collect();
        assert!(more.is_empty(), "{:?} uses more than the public host and what systems share: {more:?}", entry.file_name());
    }
}

/// Who attacks must not share code with who defends: a fault in both would be invisible.
#[test]
fn the_prober_and_the_host_do_not_know_each_other() {
    for folder in ["crates/assess", "practices"] {
        let needs = dependencies(&root().join(folder).join("Cargo.toml"));
        assert!(needs.iter().all(|name| ["plimsoll-core", "plimsoll-assess"].contains(&name.as_str())), "{folder} knows {needs:?}");
    }
    let needs = dependencies(&root().join("crates/host/Cargo.toml"));
    assert!(needs.iter().all(|name| ["plimsoll-core", "plimsoll-store"].contains(&name.as_str())), "the host knows {needs:?}");
}

#[test]
fn only_the_store_names_a_database_driver() {
    for manifest in all("toml").into_iter().filter(|path| path.ends_with("Cargo.toml")) {
        let text = fs::read_to_string(&manifest).expect("a manifest");
        let shipped = text.split("[dev-dependencies]").next().unwrap_or("");
        let knows = shipped.contains("\nrusqlite.") || shipped.contains("\npostgres.");
        let may = manifest.ends_with("store/Cargo.toml") || manifest.ends_with("testkit/Cargo.toml");
        assert!(!knows || may, "{} ships with a database driver", manifest.display());
    }
}

#[test]
fn every_problem_code_has_its_page_and_every_page_its_code() {
    let codes: Vec<String> = plimsoll::Code::ALL.iter().map(|code| format!("{}.md", code.slug())).collect();
    let pages: Vec<String> = fs::read_dir(root().join("docs/problems"))
        .expect("pages")
        .flatten()
        .map(|page| page.file_name().to_string_lossy().into_owned())
        .collect();
    assert!(codes.iter().all(|code| pages.contains(code)), "a code without a page");
    assert!(pages.iter().all(|page| codes.contains(page)), "a page without a code");
}

#[test]
fn nothing_is_left_behind() {
    // Split, so that this file does not find itself.
    let marks = [concat!("to", "do!("), concat!("unimple", "mented!("), concat!("FIX", "ME"), concat!("#[ig", "nore")];
    let drawers = ["util", "utils", "common", "helpers", "misc", "types"];
    for path in all("rs") {
        let text = fs::read_to_string(&path).expect("source is text");
        for mark in marks {
            assert!(!text.contains(mark), "{} contains {mark}", path.display());
        }
        let stem = path.file_stem().and_then(|stem| stem.to_str()).unwrap_or("");
        assert!(!drawers.contains(&stem), "{} is a drawer; things live with their noun", path.display());
    }
}

#[test]
fn unsafe_is_forbidden_in_every_crate() {
    for manifest in all("toml").into_iter().filter(|path| path.ends_with("Cargo.toml")) {
        let text = fs::read_to_string(&manifest).expect("a manifest");
        let inherits = text.contains("[lints]\nworkspace = true");
        let outside = text.contains("[workspace]") || manifest.starts_with(root().join("bench"));
        assert!(inherits || outside, "{} does not take over the workspace's lints", manifest.display());
    }
}

#[test]
fn the_first_command_of_the_readme_names_one_binary() {
    let manifest = fs::read_to_string(root().join("Cargo.toml")).expect("the workspace's manifest");
    assert!(manifest.contains("default-members = [\"crates/cli\"]"), "`cargo run` must mean the binary of crates/cli");
    let cli = fs::read_to_string(root().join("crates/cli/Cargo.toml")).expect("a manifest");
    assert_eq!(cli.matches("[[bin]]").count(), 1);
    let readme = fs::read_to_string(root().join("README.md")).expect("the README");
    for command in ["cargo run --release -- serve --demo", "cargo test --workspace"] {
        assert!(readme.contains(command), "the README does not name `{command}`");
    }
}

/// The practices that are asked for by name: `holds("rate-limit")`.
fn asked(text: &str) -> impl Iterator<Item = &str> {
    text.split("holds(\"").skip(1).filter_map(|rest| rest.split_once("\")")).map(|(id, _)| id)
}

#[test]
fn every_switch_is_asked_for_and_every_practice_asked_for_has_a_switch() {
    let mut found = BTreeSet::new();
    for path in all("rs").into_iter().filter(|path| path.starts_with(root().join("crates")) || path.starts_with(root().join("systems"))) {
        let text = fs::read_to_string(&path).expect("source is text");
        let ids = asked(&text)
            .filter(|id| !id.is_empty() && id.bytes().all(|byte| byte.is_ascii_lowercase() || byte.is_ascii_digit() || byte == b'-'));
        found.extend(ids.map(str::to_owned).filter(|_| !path.starts_with(root().join("crates/cli/tests/tidy"))));
    }
    let switches: Vec<&str> = found.iter().map(String::as_str).collect();
    assert_eq!(switches, plimsoll::practices::SWITCHES, "left: asked for in the code; right: SWITCHES, in alphabetical order");
    let mut pages = Vec::new();
    files(&root().join("practices"), "md", &mut pages);
    for id in switches {
        let page = format!("{id}.md");
        assert!(pages.iter().any(|path| path.ends_with(&page)), "`{id}` is no practice of the catalogue");
    }
}
