//! Where Django's addresses begin: lists that are included elsewhere in their file, and texts that a name stands for.

use super::{
    super::link::{File, Linked},
    handler::path,
};
use crate::fact::{Fact, Kind};

/// How often a list may be included by way of another.
const DEPTH: usize = 4;

/// Whether a call declares an address.
pub(super) fn declares(fact: &Fact) -> bool {
    fact.kind == Kind::Call
        && fact.symbol == 0
        && fact.name.starts_with("django.")
        && matches!(fact.name.rsplit('.').next(), Some("path" | "re_path" | "url"))
}

/// The paths that the address of a call begins with: that of its file, or that of each place that includes its list.
pub(super) fn bases(file: &File<'_>, fact: &Fact, prefix: &str, depth: usize) -> Vec<String> {
    let whole = || vec![prefix.to_owned()];
    if depth > DEPTH {
        return whole();
    }
    let below = |outer: &Fact| -> Vec<String> {
        bases(file, outer, prefix, depth + 1).into_iter().map(|base| path(&base, &own(file, outer))).collect()
    };
    let calls = || file.extract.facts.iter().filter(|other| declares(other)).take(2_000);
    // `path("api/", include([path("a/", …)]))` over several lines.
    let around = |outer: &&Fact| outer.line <= fact.line && fact.end <= outer.end && (outer.line, outer.end) != (fact.line, fact.end);
    if let Some(outer) = calls().filter(around).min_by_key(|outer| outer.end - outer.line) {
        return below(outer);
    }
    // `path("api/", include(api_urls))`
    let Some(list) = fact.get("into").filter(|list| *list != "urlpatterns") else { return whole() };
    let name = format!("{}.{list}", file.module);
    let value = file.extract.facts.iter().find(|fact| fact.kind == Kind::Assign && fact.name == name).and_then(|fact| fact.get("value"));
    let includes = |call: &&Fact| {
        call.kind == Kind::Call
            && call.name.ends_with(".include")
            && call.get("0").is_some_and(|given| given == name || Some(given) == value)
    };
    let mut found: Vec<String> = Vec::new();
    for include in file.extract.facts.iter().filter(includes) {
        let outer = calls().find(|outer| outer.line <= include.line && include.end <= outer.end && outer.get("into") != Some(list));
        found.extend(outer.map(below).unwrap_or_default());
    }
    found.sort();
    found.dedup();
    if found.is_empty() { whole() } else { found }
}

/// What a call adds to the path, names in it replaced by the text that they hold first.
pub(super) fn own(file: &File<'_>, fact: &Fact) -> String {
    let given = fact.get("0").or_else(|| fact.get("route")).unwrap_or("");
    let text = match given.strip_prefix("f\"").and_then(|rest| rest.strip_suffix('"')) {
        Some(inner) => {
            let mut out = String::new();
            for (number, part) in inner.split('{').enumerate() {
                match part.split_once('}') {
                    Some((name, rest)) if number > 0 => {
                        out.push_str(&constant(file, &format!("{}.{name}", file.module)).unwrap_or_else(|| format!("<{name}>")));
                        out.push_str(rest);
                    }
                    _ => out.push_str(part),
                }
            }
            out
        }
        None => constant(file, given).unwrap_or_else(|| given.to_owned()),
    };
    text.trim_start_matches('^').trim_end_matches('$').to_owned()
}

/// The text that a name of the file's own level holds first.
fn constant(file: &File<'_>, name: &str) -> Option<String> {
    let first = file.extract.facts.iter().find(|fact| fact.kind == Kind::Assign && fact.symbol == 0 && fact.name == name)?;
    first.get("value").filter(|value| !value.contains(['"', '(', '{', '['])).map(str::to_owned)
}

/// Settings for where it is deployed that are built on those of a site: `production.py` with `from .base import *`.
pub(super) fn deployed(linked: &Linked<'_>, site: usize) -> Vec<usize> {
    let mut found = vec![site];
    let mut next = 0;
    while let Some(base) = found.get(next).and_then(|number| linked.files.get(*number)) {
        next += 1;
        for (number, file) in linked.files.iter().enumerate() {
            let last = file.module.rsplit('.').next().unwrap_or("");
            let named = ["prod", "live", "deploy", "heroku"].iter().any(|word| last.starts_with(word));
            if named && !found.contains(&number) && found.len() < 20 && file.stars.contains(&base.module) {
                found.push(number);
            }
        }
    }
    found.split_off(1)
}
