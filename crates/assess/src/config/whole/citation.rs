//! Documents that name code which is gone: a document about what is not there is out of date.
//!
//! Two forms are sure enough: a link to a file, and a path in code quotes whose first folder is one
//! of this tree. A line behind the end of its file counts as gone.

use std::sync::OnceLock;

use regex::Regex;

use crate::{
    fact::{Fact, FileId, Kind},
    source::File,
};

use super::{Ground, joined};

/// How much is told of one document.
const EACH: usize = 40;
/// How long a line may be that is looked at.
const LONGEST: usize = 4_000;
/// How many bytes of a document are read.
const READ: usize = 500_000;

/// The citations of all documents that lead nowhere.
pub fn stale(ground: &Ground<'_>) -> Vec<Fact> {
    let mut found = Vec::new();
    for (number, info) in ground.files.iter().enumerate() {
        let path = info.path.to_lowercase();
        // A list of changes names what is gone by its nature, and so does a plan what is not there yet.
        let history = ["changelog", "history", "changes", "release", "plan", "proposal", "todo", "template", "migration"];
        let name = path.rsplit('/').next().unwrap_or(&path);
        if info.test || !path.ends_with(".md") || history.iter().any(|word| name.contains(word)) {
            continue;
        }
        let (Ok(number), Some(file)) = (u32::try_from(number), ground.tree.get(&info.path)) else { continue };
        document(ground, FileId(number), file, &mut found);
    }
    found
}

fn document(ground: &Ground<'_>, id: FileId, file: &File, found: &mut Vec<Fact>) {
    let bytes = file.bytes.get(..READ).unwrap_or(&file.bytes);
    let text = crate::source::text(bytes);
    let folder = file.path.rsplit_once('/').map_or("", |(folder, _)| folder);
    let (mut fenced, mut told) = (false, Vec::new());
    for (number, line) in text.lines().enumerate() {
        if line.trim_start().starts_with("```") || line.trim_start().starts_with("~~~") {
            fenced = !fenced;
        }
        if fenced || line.len() > LONGEST {
            continue;
        }
        let quoted =
            quoted().captures_iter(line).filter_map(|one| gone(ground, folder, one.get(1)?.as_str(), one.get(2).map(|at| at.as_str())));
        let linked = linked().captures_iter(line).filter_map(|one| unlinked(ground, folder, one.get(1)?.as_str()));
        for name in quoted.chain(linked) {
            if told.len() < EACH && !told.contains(&name) {
                let at = u32::try_from(number + 1).unwrap_or(u32::MAX);
                let mut fact = Fact::new(Kind::Broken, &name, at, at).with("what", "citation").with("by", "document");
                fact.file = id;
                found.push(fact);
                told.push(name);
            }
        }
    }
}

/// A path in code quotes that is not there, or has fewer lines.
fn gone(ground: &Ground<'_>, folder: &str, path: &str, line: Option<&str>) -> Option<String> {
    let path = path.trim_start_matches("./");
    let first = path.split('/').next()?;
    if first == ".." || ground.made(path) || !ground.tree.has(first) {
        return None;
    }
    let beside = joined(folder, path).filter(|beside| ground.tree.has(beside));
    let whole = if ground.tree.has(path) { path.to_owned() } else { beside.unwrap_or_default() };
    if whole.is_empty() {
        return (!ground.anywhere(path)).then(|| path.to_owned());
    }
    let line: usize = line?.parse().ok()?;
    let lines = ground.tree.get(&whole)?.bytes.split(|byte| *byte == b'\n').count();
    (line > lines).then(|| format!("{path}:{line}"))
}

/// A link to a file of the tree that is not there.
fn unlinked(ground: &Ground<'_>, folder: &str, target: &str) -> Option<String> {
    let path = target.split(['#', '?']).next()?;
    let plain =
        !path.is_empty() && !path.contains([':', '$', '{', '}', '<', '>', '*', '%', '@', '\\']) && path.rsplit('/').next()?.contains('.');
    // Sites have roots of their own.
    if !plain || path.starts_with('/') || ground.made(path) {
        return None;
    }
    let whole = joined(folder, path)?;
    let source = ["py", "js", "ts", "tsx", "jsx", "go", "rs", "java", "sql", "sh", "yml", "yaml", "toml", "md", "tf", "json"];
    let known = whole.rsplit_once('.').is_some_and(|(_, ending)| source.contains(&ending));
    (known && !ground.tree.has(&whole)).then_some(whole)
}

#[expect(clippy::unwrap_used, reason = "the expression is ours and a test reads it")]
fn quoted() -> &'static Regex {
    static QUOTED: OnceLock<Regex> = OnceLock::new();
    QUOTED.get_or_init(|| {
        Regex::new(r"`((?:\./)?[\w.-]+(?:/[\w.-]+)+\.(?:py|js|ts|tsx|jsx|go|rs|java|sql|sh|tf))(?::(\d{1,6})(?:-\d{1,6})?)?`").unwrap()
    })
}

#[expect(clippy::unwrap_used, reason = "the expression is ours and a test reads it")]
fn linked() -> &'static Regex {
    static LINKED: OnceLock<Regex> = OnceLock::new();
    LINKED.get_or_init(|| Regex::new(r"\]\(([^()\s]{1,200})\)").unwrap())
}
