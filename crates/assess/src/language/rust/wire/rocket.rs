//! Rocket: routes in lists that functions make and append to, base paths that are put together, requests as attributes
//! describe them.

use std::collections::BTreeSet;

use super::{Raw, Wiring};
use crate::{
    fact::{Fact, FileId},
    language::graph::Spot,
    wiring::Place,
};

/// How many functions and values are followed to find one list.
const MOST: usize = 400;

/// Where a list of routes comes from.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
enum From {
    /// All that a function makes.
    Made(Place),
    /// What a value of a function holds.
    Value(Place, String),
}

impl<'p> Wiring<'p> {
    /// The handlers in a list of routes or catchers that is an argument of a call, each with the file that lists it.
    pub(super) fn listed(&self, file: FileId, fact: &'p Fact, key: &str, list: &str) -> Vec<(FileId, &'p Fact, &'p str)> {
        let Some(value) = fact.get(&format!("{key}.ref")) else { return Vec::new() };
        let mut waiting = vec![From::Value(Place { file, symbol: fact.symbol }, value.to_owned())];
        let mut seen: BTreeSet<From> = BTreeSet::new();
        let mut macros: BTreeSet<(FileId, &'p str)> = BTreeSet::new();
        let mut out = Vec::new();
        while let Some(from) = waiting.pop() {
            if seen.len() > MOST || !seen.insert(from.clone()) {
                continue;
            }
            match from {
                From::Made(place) => {
                    for call in self.made.get(&place).into_iter().flatten() {
                        waiting.extend(
                            call.get("id").filter(|_| self.lists(place.file, call, list)).map(|id| From::Value(place, id.to_owned())),
                        );
                    }
                }
                From::Value(place, value) if value.starts_with('#') => {
                    let Some(call) = self.call(place.file, &value) else { continue };
                    if call.get("macro").is_some() && last(call) == list {
                        if let Some(id) = call.get("id").filter(|id| macros.insert((place.file, id))) {
                            let _ = id;
                            let named = call.attrs.iter().filter(|(key, _)| key.bytes().all(|byte| byte.is_ascii_digit()));
                            out.extend(named.map(|(_, handler)| (place.file, call, handler.as_str())));
                        }
                    } else if let Some(own) = self.own(place.file, &call.name).filter(|own| gives(own.fact, list)) {
                        waiting.push(From::Made(own.place));
                    } else {
                        // `[users::routes(), notes::routes()].concat()`, `a.into_iter().chain(b)`.
                        let values = call.attrs.iter().filter(|(key, _)| key.ends_with(".ref") || key == "from");
                        waiting.extend(values.map(|(_, value)| From::Value(place, value.clone())));
                        if call.get("receiver").is_some_and(|written| written.starts_with(['[', 'v'])) {
                            let near = |other: &&&'p Fact| other.line >= call.line && other.end <= call.end;
                            let listed =
                                self.made.get(&place).into_iter().flatten().filter(near).filter(|one| self.lists(place.file, one, list));
                            waiting.extend(listed.filter_map(|one| Some(From::Value(place, one.get("id")?.to_owned()))));
                        }
                    }
                }
                From::Value(place, value) => {
                    for call in self.made.get(&place).into_iter().flatten() {
                        let adds =
                            call.get("from") == Some(value.as_str()) && matches!(last(call), "append" | "extend" | "push" | "insert");
                        if call.get("into") == Some(value.as_str()) {
                            waiting.extend(call.get("id").map(|id| From::Value(place, id.to_owned())));
                        } else if adds {
                            let values = call.attrs.iter().filter(|(key, _)| key.ends_with(".ref"));
                            waiting.extend(values.map(|(_, value)| From::Value(place, value.clone())));
                        }
                    }
                }
            }
        }
        out.sort_by_key(|(file, call, _)| (*file, call.line));
        out
    }

    /// Whether a call makes or gives a list of routes.
    fn lists(&self, file: FileId, call: &Fact, list: &str) -> bool {
        call.get("macro").is_some() && last(call) == list || self.own(file, &call.name).is_some_and(|own| gives(own.fact, list))
    }

    /// The routes that `mount` adds.
    pub(super) fn mounted(&self, file: FileId, fact: &'p Fact, node: usize, spot: Spot) -> Vec<Raw> {
        let base = base(fact.get("0").unwrap_or_default());
        let handlers = self.listed(file, fact, "1", "routes");
        handlers
            .into_iter()
            .filter_map(|(at, list, handler)| {
                let mut raw = self.marked(at, list, handler, node, &base, spot, "rocket")?;
                raw.data = self.data(&raw);
                Some(raw)
            })
            .collect()
    }

    /// What the attribute of a handler says of the request's body.
    fn data(&self, raw: &Raw) -> Option<String> {
        let own = self.own(raw.file, &raw.handler)?;
        let mark = self.marks.get(&own.place)?.iter().find(|mark| mark.line == raw.line)?;
        Some(mark.get("data").unwrap_or_default().trim_matches(['<', '>']).to_owned())
    }
}

/// What a handler takes, as the path, the query and the body name it: whether it is typed, and what is left to be asked of
/// the request.
pub(super) fn taken<'f>(handler: &'f Fact, path: &str, data: &str) -> (&'static str, Vec<&'f str>) {
    let named: Vec<&str> = path
        .split(['/', '?', '&'])
        .filter_map(|part| part.rsplit(['=']).next())
        .filter(|part| part.starts_with('<'))
        .map(|part| part.trim_matches(['<', '>']).trim_end_matches(".."))
        .collect();
    let mut input = if named.is_empty() { "none" } else { "typed" };
    let mut rest = Vec::new();
    for (param, of) in handler.all("param").zip(handler.all("takes")) {
        let name = param.split(':').next().unwrap_or_default().trim_start_matches("mut ");
        if !data.is_empty() && name == data {
            let raw = ["Data<", "String", "&str", "Vec<u8>", "&[u8]", "Capped<String>", "Capped<Vec"];
            let raw = raw.iter().any(|start| of.trim_start_matches("&'_").trim_start_matches("rocket::").starts_with(start));
            input = if raw || of == "Data" { "raw" } else { "typed" };
        } else if !named.contains(&name) {
            rest.push(of);
        }
    }
    (input, rest)
}

/// The last part of a call's name.
fn last(call: &Fact) -> &str {
    call.name.rsplit('.').next().unwrap_or_default()
}

/// Whether a function gives a list of routes or catchers.
fn gives(def: &Fact, list: &str) -> bool {
    let of = if list == "routes" { "Route" } else { "Catcher" };
    let answers = def.get("answers").unwrap_or_default();
    answers.contains(&format!("{of}>")) || answers.contains(&format!("{of};")) || answers.contains(&format!("{of}]"))
}

/// The plain part of a base path: `[base, "/api"].concat()` and `format!("{base}/api")` are `/api` below what a setting says.
fn base(written: &str) -> String {
    if written.starts_with('/') {
        return written.to_owned();
    }
    let plain: String = written.split('"').skip(1).step_by(2).collect();
    let mut out = String::new();
    let mut depth = 0u32;
    for character in plain.chars() {
        match character {
            '{' => depth += 1,
            '}' => depth = depth.saturating_sub(1),
            _ if depth == 0 => out.push(character),
            _ => {}
        }
    }
    out
}
