//! Markers by which tests are chosen and that no test has: nothing is run, and pytest is content.

use crate::fact::{Fact, Kind};

use super::{Ground, base};

/// Choices that choose nothing.
pub fn unmarked(ground: &Ground<'_>, facts: &[Fact]) -> Vec<Fact> {
    let asked: Vec<(&Fact, String)> = facts
        .iter()
        .filter(|fact| matches!(fact.kind, Kind::Step | Kind::Command))
        .filter_map(|fact| Some((fact, chosen(fact.get("run")?)?)))
        .collect();
    let mut found = Vec::new();
    for (fact, marker) in asked {
        let used = format!("mark.{marker}");
        let python = || ground.tree.files.iter().filter(|file| file.path.ends_with(".py"));
        let marked = python().any(|file| file.bytes.windows(used.len()).any(|window| window == used.as_bytes()));
        if python().next().is_some() && !marked {
            found.push(ground.broken(fact, &marker, "marker"));
        }
    }
    found
}

/// The one marker that `pytest -m MARKER` chooses; expressions are left alone.
fn chosen(run: &str) -> Option<String> {
    let words: Vec<&str> = run.split_whitespace().take(60).collect();
    let tool = words.iter().position(|word| matches!(base(word), "pytest" | "py.test"))?;
    let after = words.get(tool..)?;
    let at = after.iter().position(|word| *word == "-m")?;
    let next = after.get(at + 2).copied().unwrap_or_default();
    let marker = after.get(at + 1)?.trim_matches(['"', '\'']);
    let alone = !matches!(next, "or" | "and" | "not");
    (alone && !marker.is_empty() && marker != "not" && marker.chars().all(|one| one.is_ascii_alphanumeric() || one == '_'))
        .then(|| marker.to_owned())
}
