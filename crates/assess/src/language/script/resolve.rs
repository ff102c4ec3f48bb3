//! Which file an import means: relative paths, index files, endings that nobody writes, the usual aliases.

use super::names::{ENDINGS, bare, is_relative, joined};
use crate::fact::Import;

/// The file that an import means, with the item in it.
pub(super) fn resolve(from: &str, import: &Import, exists: &dyn Fn(&str) -> bool) -> Option<(String, Option<String>)> {
    let path = find(from, &import.module, exists)?;
    Some((path, import.item.clone()))
}

/// The file that a specifier means.
pub(super) fn find(from: &str, specifier: &str, exists: &dyn Fn(&str) -> bool) -> Option<String> {
    if is_relative(specifier) {
        return file(&joined(from, specifier), exists);
    }
    let (alias, rest) = match specifier.strip_prefix("@/").or_else(|| specifier.strip_prefix("~/")).or_else(|| specifier.strip_prefix("#"))
    {
        Some(rest) => (true, rest.trim_start_matches('/')),
        None => (false, specifier),
    };
    // Aliases and base folders are those of the nearest project; which folder is one shows only in its configuration,
    // so that the folders above the file are tried from the inside to the outside, at most 12 of them.
    let mut above: Vec<&str> = from.split('/').collect();
    for _ in 0..12 {
        above.pop()?;
        let root = above.join("/");
        let within = |folder: &str| if root.is_empty() { format!("{folder}{rest}") } else { format!("{root}/{folder}{rest}") };
        let folders: &[&str] = if alias { &["src/", "", "app/"] } else { &["", "src/"] };
        // A bare name without a slash is a package, not a file beside this one.
        if (alias || rest.contains('/'))
            && let Some(found) = folders.iter().find_map(|folder| file(&within(folder), exists))
        {
            return Some(found);
        }
        if !alias && let Some((_, package)) = rest.strip_prefix('@').and_then(|scoped| scoped.split_once('/')) {
            let (name, inner) = package.split_once('/').map_or((package, ""), |(name, inner)| (name, inner));
            for folder in ["libs", "packages", "apps", "modules"] {
                let base = if root.is_empty() { format!("{folder}/{name}") } else { format!("{root}/{folder}/{name}") };
                let tries = if inner.is_empty() {
                    [format!("{base}/src"), base.clone(), format!("{base}/lib")]
                } else {
                    [format!("{base}/src/{inner}"), format!("{base}/{inner}"), format!("{base}/lib/{inner}")]
                };
                if let Some(found) = tries.iter().find_map(|path| file(path, exists)) {
                    return Some(found);
                }
            }
        }
        if above.is_empty() {
            return None;
        }
    }
    None
}

/// The file at a path whose ending may be missing, or may be that of what the file is compiled to.
fn file(path: &str, exists: &dyn Fn(&str) -> bool) -> Option<String> {
    if path.rsplit_once('.').is_some_and(|(_, ending)| ENDINGS.contains(&ending)) && exists(path) {
        return Some(path.to_owned());
    }
    let stem = bare(path);
    let index = if path.is_empty() { "index" } else { "/index" };
    // Two dozen paths are tried, and mostly none is there: one piece of memory serves them all.
    let mut tried = String::with_capacity(path.len() + 12);
    let mut one = |parts: [&str; 2]| {
        ENDINGS.iter().any(|ending| {
            tried.clear();
            parts.iter().for_each(|part| tried.push_str(part));
            tried.push('.');
            tried.push_str(ending);
            exists(&tried)
        })
    };
    // The path itself is the stem of most, and is not tried twice then.
    let there = one([path, ""]) || (stem != path && one([stem, ""])) || one([path, index]);
    there.then_some(tried)
}
