//! `Cargo.toml`.

use toml_edit::{Item, Table, TableLike};

use super::{Declared, Lines, MOST, key_line, toml, value};
use crate::fact::Extract;

/// Dependencies of a crate and of a workspace, lints and the oldest compiler that it allows.
pub fn manifest(text: &str) -> Extract {
    toml(text, whole)
}

fn whole(root: &Table, lines: &Lines, extract: &mut Extract) {
    tables(root, lines, extract);
    if let Some(workspace) = root.get("workspace").and_then(Item::as_table_like) {
        tables(workspace, lines, extract);
    }
    if let Some(targets) = root.get("target").and_then(Item::as_table_like) {
        for (_, target) in targets.iter() {
            if let Some(target) = target.as_table_like() {
                tables(target, lines, extract);
            }
        }
    }
    for owner in [root.get("package"), root.get("workspace").and_then(|workspace| workspace.get("package"))].into_iter().flatten() {
        if let (Some(table), Some(version)) = (owner.as_table_like(), owner.get("rust-version").and_then(Item::as_str)) {
            extract.facts.push(value("runtime.rust", version, key_line(table, "rust-version", lines)));
        }
    }
}

fn tables(owner: &dyn TableLike, lines: &Lines, extract: &mut Extract) {
    for (group, dev) in [("dependencies", false), ("dev-dependencies", true), ("build-dependencies", true)] {
        let Some(table) = owner.get(group).and_then(Item::as_table_like) else { continue };
        for (name, item) in table.iter().take(MOST) {
            let version = item.as_str().or_else(|| item.get("version").and_then(Item::as_str)).unwrap_or_default();
            let package = item.get("package").and_then(Item::as_str).unwrap_or(name);
            let pinned = version.starts_with('=') || item.get("rev").is_some();
            let declared = Declared { name: package, version, ecosystem: "cargo", dev, pinned, line: key_line(table, name, lines) };
            let mut fact = declared.fact();
            for source in ["git", "path", "workspace"] {
                if item.get(source).is_some() {
                    fact = fact.with("source", source);
                }
            }
            if let Some(features) = item.get("features").and_then(Item::as_array) {
                for feature in features.iter().filter_map(|feature| feature.as_str()) {
                    fact = fact.with("feature", feature);
                }
            }
            extract.facts.push(fact);
        }
    }
}
