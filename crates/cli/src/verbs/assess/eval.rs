//! `plimsoll assess eval`

use std::{
    collections::BTreeMap,
    fs,
    path::{Path, PathBuf},
};

use plimsoll_assess::{
    eval::{self, Evaluation, Truth},
    source::{Caps, Tree},
};

use super::{
    Ended, Outcome, Progress, assess,
    rules::Catalogue,
    subject::{self, Memory},
    usage,
};
use crate::{
    arguments::{AssessEval, Global},
    output,
};

/// Judges each row of the table at its commit and prints how right that was.
pub fn run(global: &Global, options: &AssessEval) -> Outcome {
    let text = fs::read_to_string(&options.table).map_err(|error| usage(format!("{}: {error}", options.table.display())))?;
    let truths = eval::truths(&text).map_err(|why| usage(format!("{}: {why}", options.table.display())))?;
    let places = places(&options.repos)?;
    let catalogue = Catalogue::of(&options.rules)?;
    let mut groups: BTreeMap<(&str, &str), Vec<&Truth>> = BTreeMap::new();
    for truth in &truths {
        groups.entry((&truth.repo, &truth.commit)).or_default().push(truth);
    }
    let progress = Progress::new();
    let (mut judged, mut incomplete, mut left) = (Vec::new(), Vec::new(), 0);
    for ((repo, commit), rows) in groups {
        let Some(place) = places.get(repo) else {
            left += rows.len();
            continue;
        };
        progress.say(&format!("{repo} {commit}"));
        let tree = at(place, commit, &progress)?;
        let memory = Memory::open(options.no_cache, &format!("{} {commit}", place.display()));
        let (_, assessment) = assess(&catalogue, &tree, &memory, &progress);
        memory.keep();
        if tree.incomplete {
            incomplete.push(format!("{repo} {commit}"));
        }
        judged.extend(eval::judge(rows, &assessment.practices));
    }
    progress.end();
    judged.sort_by_key(|row| row.truth.line);
    let evaluation = Evaluation::of(judged);
    output::result(global.json, &evaluation, |evaluation| evaluation.text(options.verbose));
    if left > 0 {
        output::say(&format!("{left} rows are of repositories that were not named with --repo"));
    }
    for name in &incomplete {
        output::say(&format!("{name}: something was left out that could have mattered"));
    }
    Ok(if incomplete.is_empty() { 0 } else { 3 })
}

fn places(named: &[String]) -> Result<BTreeMap<&str, PathBuf>, Ended> {
    named
        .iter()
        .map(|text| {
            let (name, path) = text.split_once('=').ok_or_else(|| usage(format!("`{text}` is not NAME=PATH")))?;
            Ok((name, PathBuf::from(path)))
        })
        .collect()
}

/// The files of a repository at a commit.
fn at(place: &Path, commit: &str, progress: &Progress) -> Result<Tree, Ended> {
    let text = place.to_string_lossy();
    let caps = Caps::patient();
    let tree = if text.contains("{commit}") {
        subject::local(Path::new(&text.replace("{commit}", commit)), None, &caps, progress)
    } else {
        let of_git = place.join(".git").exists() || plimsoll_assess::source::is_bare(place);
        subject::local(place, Some(commit).filter(|commit| of_git && !commit.is_empty()), &caps, progress)
    };
    tree.map_err(subject::refused)
}
