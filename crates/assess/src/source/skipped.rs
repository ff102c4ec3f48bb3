//! What was left out and why.

use std::collections::BTreeMap;

use super::Tree;

/// How many lines a list of what was left out has at most.
const LINES: usize = 200;

/// Collects what is left out of a tree.
#[derive(Debug, Default)]
pub(super) struct Skipped {
    /// Each path with the reason, and whether it could have held proof or fault.
    entries: Vec<(String, String, bool)>,
    /// What is said of the whole, such as a bound that was met.
    whole: Vec<String>,
}

impl Skipped {
    /// One path that could not have held anything.
    pub fn idle(&mut self, path: impl Into<String>, why: impl Into<String>) {
        self.entries.push((path.into(), why.into(), false));
    }
    /// One path that could have.
    pub fn grave(&mut self, path: impl Into<String>, why: impl Into<String>) {
        self.entries.push((path.into(), why.into(), true));
    }
    /// A bound on the whole was met: what lies behind it is unknown.
    pub fn whole(&mut self, why: impl Into<String>) {
        self.whole.push(why.into());
    }
    /// What was left out elsewhere as well.
    pub fn append(&mut self, mut other: Skipped) {
        self.entries.append(&mut other.entries);
        self.whole.append(&mut other.whole);
    }
    /// Writes the list into the tree. What matters stands first and by itself; the rest is counted by folder and reason.
    pub fn into(mut self, tree: &mut Tree) {
        tree.incomplete |= !self.whole.is_empty() || self.entries.iter().any(|(.., grave)| *grave);
        self.entries.sort();
        let mut lines = std::mem::take(&mut self.whole);
        lines.sort();
        lines.dedup();
        let graves: Vec<_> = self.entries.iter().filter(|(.., grave)| *grave).collect();
        lines.extend(graves.iter().take(LINES).map(|(path, why, _)| format!("{}: {why}", shown(path))));
        if graves.len() > LINES {
            lines.push(format!("and {} more files or folders that could matter", graves.len() - LINES));
        }
        let mut folders: BTreeMap<(&str, &str), Vec<&str>> = BTreeMap::new();
        for (path, why, _) in self.entries.iter().filter(|(.., grave)| !grave) {
            // A folder stands by itself: there is more behind its name than behind a file's.
            let folder = if path.ends_with('/') { path } else { path.rsplit_once('/').map_or("", |(folder, _)| folder) };
            folders.entry((folder, why)).or_default().push(path);
        }
        let groups = folders.len();
        for ((folder, why), paths) in folders.into_iter().take(LINES) {
            lines.push(match paths.as_slice() {
                [path] => format!("{}: {why}", shown(path)),
                several if folder.is_empty() => format!("{} files at the top: {why}", several.len()),
                several => format!("{}/: {} files: {why}", shown(folder), several.len()),
            });
        }
        if groups > LINES {
            lines.push(format!("and {} more groups of files that prove nothing", groups - LINES));
        }
        tree.skipped.extend(lines);
    }
}

/// A path without what would disturb a terminal or a list of lines, and of a bearable length.
pub(super) fn shown(path: &str) -> String {
    let mut text: String =
        path.chars().take(300).flat_map(|one| if one.is_control() { one.escape_default().collect() } else { vec![one] }).collect();
    if path.chars().nth(300).is_some() {
        text.push('…');
    }
    text
}
