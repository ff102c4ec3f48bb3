//! What a step runs behind the name of a target: `make test`, `npm run lint`, `./scripts/ci.sh`.

use std::collections::BTreeMap;

use crate::fact::{Fact, Kind};

use super::{Ground, base};

/// How many targets may stand behind each other.
const DEPTH: u32 = 4;
/// How many commands one step may come to.
const EACH: usize = 200;
/// How many steps are added in all.
const ALL: usize = 5_000;

/// A target: the sort of its file and its name.
type Target<'a> = (&'a str, &'a str);

/// The steps behind the steps, and targets that are not there.
pub fn steps(ground: &Ground<'_>, facts: &[Fact]) -> Vec<Fact> {
    let mut targets: BTreeMap<Target<'_>, Vec<&Fact>> = BTreeMap::new();
    for fact in facts.iter().filter(|fact| fact.kind == Kind::Command) {
        if let (Some(of), Some(target)) = (fact.get("of"), fact.get("target")) {
            // Hooks and environments are run all at once.
            let target = if matches!(of, "tox" | "nox" | "pre-commit") { "" } else { target };
            targets.entry((of, target)).or_default().push(fact);
        }
    }
    let mut found = Vec::new();
    for step in facts.iter().filter(|fact| fact.kind == Kind::Step) {
        if found.len() >= ALL {
            break;
        }
        expand(ground, &targets, step, &mut found);
    }
    found
}

fn expand(ground: &Ground<'_>, targets: &BTreeMap<Target<'_>, Vec<&Fact>>, step: &Fact, found: &mut Vec<Fact>) {
    let Some(run) = step.get("run") else { return };
    let mut waiting: Vec<(String, String, u32, bool)> =
        named(run).into_iter().map(|(of, target)| (of.to_owned(), target, 0, step.get("tolerated") == Some("yes"))).collect();
    let mut seen: Vec<(String, String)> = Vec::new();
    let mut count = 0;
    while let Some((of, target, depth, tolerated)) = waiting.pop() {
        if seen.contains(&(of.clone(), target.clone())) {
            continue;
        }
        let commands = targets.get(&(of.as_str(), target.as_str())).map(Vec::as_slice).unwrap_or_default();
        let any = targets.keys().any(|(sort, _)| *sort == of);
        let implied = of == "package" && matches!(target.as_str(), "test" | "start");
        if depth == 0
            && commands.is_empty()
            && any
            && matches!(of.as_str(), "make" | "just" | "package")
            && !implied
            && !step.attrs.iter().any(|(key, _)| key == "folder")
        {
            missing(ground, step, &of, &target, run, found);
        }
        for command in chosen(ground, step, commands) {
            let Some(behind) = command.get("run") else { continue };
            if count >= EACH {
                return;
            }
            let tolerated = tolerated || command.get("tolerated") == Some("yes");
            if depth < DEPTH {
                waiting.extend(named(behind).into_iter().map(|(of, target)| (of.to_owned(), target, depth + 1, tolerated)));
            }
            if command.get("needed") == Some("yes") {
                continue;
            }
            count += 1;
            let mut fact = Fact::new(Kind::Step, command.name.clone(), step.line, step.end);
            fact.file = step.file;
            fact.attrs =
                step.attrs.iter().filter(|(key, _)| !matches!(key.as_str(), "run" | "tolerated" | "uses" | "beside")).cloned().collect();
            let place = format!("{}:{}", ground.path(command.file), command.line);
            let mut fact = fact
                .with("run", behind)
                .with("tolerated", super::super::sheet::yes(tolerated))
                .with("via", super::super::sheet::value(&format!("{of} {target}")))
                .with("at", place);
            if command.get("beside") == Some("yes") {
                fact = fact.with("beside", "yes");
            }
            found.push(fact);
        }
        seen.push((of, target));
    }
}

/// A target that no file has, where files of that sort are there.
fn missing(ground: &Ground<'_>, step: &Fact, of: &str, target: &str, run: &str, found: &mut Vec<Fact>) {
    let plain = target.chars().all(|c| c.is_alphanumeric() || matches!(c, '-' | '_' | ':')) && !target.is_empty();
    let elsewhere =
        run.contains("-C ") || run.contains("--prefix") || run.contains("--workspace") || run.contains("--filter") || run.contains(" -w ");
    if plain && !elsewhere && !run.contains("--if-present") && !ground.is_test(step.file) {
        found.push(ground.broken(step, &format!("{of} {target}"), "target"));
    }
}

/// The commands of one file: that in the step's folder or below it, else that nearest to the root.
fn chosen<'a>(ground: &Ground<'_>, step: &Fact, commands: &[&'a Fact]) -> Vec<&'a Fact> {
    let folder = step.get("folder").map(|folder| folder.trim_start_matches("./").trim_end_matches('/'));
    let nearest = |fact: &&&Fact| {
        let own = folder.is_some_and(|folder| ground.folder(fact.file) == folder);
        let below = folder.is_some_and(|folder| ground.folder(fact.file).strip_prefix(folder).is_some_and(|rest| rest.starts_with('/')));
        (!own, !below, ground.folder(fact.file).matches('/').count() + usize::from(!ground.folder(fact.file).is_empty()), fact.file)
    };
    let Some(file) = commands.iter().min_by_key(nearest).map(|fact| fact.file) else { return Vec::new() };
    commands.iter().copied().filter(|fact| fact.file == file).collect()
}

/// Whether this may be a shell script: by its ending, or a path whose name has none (`./scripts/lint`).
fn script(word: &str) -> bool {
    word.ends_with(".sh") || word.contains('/') && !base(word).contains('.')
}

/// The targets that a command names.
fn named(run: &str) -> Vec<(&'static str, String)> {
    let words: Vec<&str> = run.split_whitespace().take(40).collect();
    let mut first = words.iter().position(|word| !word.contains('=')).unwrap_or(0);
    // `poetry run`, `uv run`, `npx` stand before the program itself.
    if matches!(words.get(first..first + 2), Some(["poetry" | "uv" | "pipenv" | "pdm" | "hatch", "run"])) {
        first += 2;
    }
    let rest: Vec<&str> =
        words.get(first + 1..).unwrap_or_default().iter().copied().filter(|word| !word.starts_with('-') && !word.contains('=')).collect();
    let one = |of: &'static str, target: &str| vec![(of, target.trim_matches(['"', '\'']).to_owned())];
    let program = words.get(first).copied().unwrap_or_default();
    match base(program) {
        // The word behind -C or -f is no target.
        "make" | "gmake" => {
            let mut skip = false;
            let mut targets = Vec::new();
            for word in words.get(first + 1..).unwrap_or_default() {
                if std::mem::take(&mut skip) || word.contains('=') {
                    continue;
                }
                skip = matches!(*word, "-C" | "-f" | "-j");
                if !word.starts_with(['-', '>', '2']) && !word.contains(['$', '>', '<']) && word.parse::<u32>().is_err() {
                    targets.push(("make", (*word).to_owned()));
                }
            }
            targets
        }
        "just" => rest.first().map(|target| one("just", target)).unwrap_or_default(),
        "npm" | "pnpm" | "yarn" | "bun" => match rest.as_slice() {
            ["run" | "run-script", target, ..] => one("package", target),
            ["test" | "t", ..] => one("package", "test"),
            ["start", ..] => one("package", "start"),
            // Without `run` other words may be the program's own.
            [target, ..]
                if matches!(base(program), "yarn" | "pnpm")
                    && ["lint", "build", "typecheck", "type-check", "e2e", "coverage", "format", "check"].contains(target) =>
            {
                one("package", target)
            }
            _ => Vec::new(),
        },
        "task" => rest.first().map(|target| one("tasks", target)).unwrap_or_default(),
        "tox" => one("tox", ""),
        "nox" => one("nox", ""),
        "pre-commit" if rest.first() == Some(&"run") => one("pre-commit", ""),
        "bash" | "sh" => rest.first().filter(|word| script(word)).map(|word| one("shell", base(word))).unwrap_or_default(),
        name if program.contains('/') && script(program) => one("shell", name),
        _ => Vec::new(),
    }
}
