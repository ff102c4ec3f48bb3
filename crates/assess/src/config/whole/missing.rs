//! Files that configuration names and that are not there.
//!
//! Only what is sure is said: paths with variables or stars are left alone, so is what is built or
//! ignored, and a name that stands anywhere in the tree counts as found where the folder is unknown.

use crate::fact::{Fact, Kind};

use super::{Ground, base};

/// The missing files of all facts.
pub fn files(ground: &Ground<'_>, facts: &[Fact]) -> Vec<Fact> {
    let mut found = Vec::new();
    for fact in facts.iter().filter(|fact| !ground.is_test(fact.file)) {
        match fact.kind {
            Kind::Compose => compose(ground, fact, &mut found),
            Kind::Docker if matches!(fact.name.as_str(), "copy" | "add") && fact.get("from").is_none() => copied(ground, fact, &mut found),
            Kind::Command if fact.get("of") != Some("pre-commit") => command(ground, fact, &mut found),
            Kind::Step => {
                command(ground, fact, &mut found);
                local_action(ground, fact, &mut found);
            }
            Kind::Kubernetes
                if matches!(
                    fact.name.as_str(),
                    "Kustomization.resources" | "Kustomization.bases" | "Kustomization.components" | "Kustomization.patchesStrategicMerge"
                ) =>
            {
                let Some(value) = fact.get("value").filter(|value| plain(value)) else { continue };
                if ground.has(ground.folder(fact.file), value) == Some(false) {
                    found.push(ground.broken(fact, value, "file"));
                }
            }
            _ => {}
        }
    }
    found
}

/// Whether a text is a path that can be looked up.
fn plain(path: &str) -> bool {
    !path.is_empty()
        && path.len() < 200
        && !path.contains(['$', '*', '{', '}', '?', '~', '<', '>', '`', '|', '"', '\'', '\\', ',', '[', '%', '@'])
        && !path.contains("://")
        && !path.starts_with('-')
}

/// Whether a path names a file and no folder.
fn names_file(path: &str) -> bool {
    let name = base(path);
    name.rsplit_once('.').is_some_and(|(stem, ending)| {
        !stem.is_empty()
            && (1..=6).contains(&ending.len())
            && ending.chars().all(char::is_alphanumeric)
            && !matches!(ending, "sock" | "d" | "db" | "log" | "pid")
    })
}

fn compose(ground: &Ground<'_>, fact: &Fact, found: &mut Vec<Fact>) {
    let folder = ground.folder(fact.file);
    if fact.name == "service" {
        let Some(context) = fact.get("build").filter(|context| plain(context) && !context.starts_with('/')) else { return };
        match ground.has(folder, context) {
            Some(false) => found.push(ground.broken(fact, context, "file")),
            Some(true) => {
                let file = fact.get("dockerfile").filter(|file| plain(file) && !file.starts_with('/'));
                let whole = file.and_then(|file| super::joined(folder, context).and_then(|folder| super::joined(&folder, file)));
                if let Some(whole) = whole.filter(|whole| !ground.tree.has(whole)) {
                    found.push(ground.broken(fact, &whole, "file"));
                }
            }
            None => {}
        }
        return;
    }
    let bind = fact.get("bind") == Some("yes")
        || fact.name.ends_with(".file") && (fact.name.starts_with("secrets.") || fact.name.starts_with("configs."));
    let Some(source) = fact.get("source").or_else(|| fact.get("value")).filter(|source| bind && source.starts_with('.') && plain(source))
    else {
        return;
    };
    // A folder that is not there is made when the container starts; a file that is not there becomes a folder.
    let file = names_file(source) || fact.get("target").is_some_and(|target| names_file(target) && !target.ends_with('/'));
    let fixed = fact.get("mode").is_some_and(|mode| mode.contains("ro"));
    let secret = fact.name.starts_with("secrets.");
    if (file || fixed) && !secret && !ground.made(source) && ground.has(folder, source) == Some(false) {
        found.push(ground.broken(fact, source, "file"));
    }
}

fn copied(ground: &Ground<'_>, fact: &Fact, found: &mut Vec<Fact>) {
    // With several sources those with a star are optional only together with another that is there.
    for source in fact.all("source").filter(|source| plain(source)) {
        let source = source.trim_start_matches('/');
        if !ground.made(source) && !ground.above(ground.folder(fact.file), source) && !ground.anywhere(source) {
            found.push(ground.broken(fact, source, "file"));
        }
    }
}

fn local_action(ground: &Ground<'_>, fact: &Fact, found: &mut Vec<Fact>) {
    let Some(uses) = fact.get("uses").filter(|uses| uses.starts_with("./") && plain(uses)) else { return };
    // An action may come from a repository that was checked out into a folder before.
    let root = ground.folder(fact.file).split(".github").next().unwrap_or_default();
    if ground.has(root, uses) == Some(false) && uses.starts_with("./.github/") {
        found.push(ground.broken(fact, uses, "file"));
    }
}

/// Files that a command cannot do without: compose files, scripts, lists of requirements.
fn command(ground: &Ground<'_>, fact: &Fact, found: &mut Vec<Fact>) {
    let Some(run) = fact.get("run") else { return };
    let words: Vec<&str> = run.split_whitespace().take(60).map(|word| word.trim_matches(['"', '\'', ')', '('])).collect();
    let first = words.iter().position(|word| !word.contains('=') && !matches!(*word, "sudo" | "exec" | "time")).unwrap_or(0);
    let program = words.get(first).copied().unwrap_or_default();
    let mut wanted: Vec<&str> = Vec::new();
    let behind = |flags: &[&str]| -> Vec<&str> { words.windows(2).filter(|pair| flags.contains(&pair[0])).map(|pair| pair[1]).collect() };
    match base(program) {
        "docker-compose" => wanted.extend(behind(&["-f", "--file"])),
        "docker" if words.get(first + 1) == Some(&"compose") => wanted.extend(behind(&["-f", "--file"])),
        "docker" if matches!(words.get(first + 1), Some(&"build" | &"buildx")) => wanted.extend(behind(&["-f", "--file"])),
        "kubectl" | "oc" if words.iter().any(|word| matches!(*word, "apply" | "create")) => wanted.extend(behind(&["-f", "--filename"])),
        "pip" | "pip3" => wanted.extend(behind(&["-r", "--requirement"])),
        "bash" | "sh" | "zsh" | "source" | "." | "python" | "python3" | "node" => {
            wanted.extend(words.get(first + 1).copied().filter(|word| word.contains('.') && names_file(word)));
        }
        name if program.starts_with("./") && name.ends_with(".sh") => wanted.push(program),
        _ => {}
    }
    // The folder a command runs in is not known for sure, so the name may stand anywhere.
    for path in wanted.into_iter().filter(|path| plain(path) && names_file(path) && !path.starts_with('/')) {
        if !ground.made(path) && !ground.anywhere(path) && !ground.above(ground.folder(fact.file), path) {
            found.push(ground.broken(fact, path, "file"));
        }
    }
}
