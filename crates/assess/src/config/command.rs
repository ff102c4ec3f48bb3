//! Commands that people and pipelines run by a name: Makefile, justfile, package scripts, shell
//! scripts, tox, nox, pre-commit, Procfile, systemd.
//!
//! `name` is the command's first words, `run` the whole, `target` what it is run by, `tolerated`
//! yes where its failure is ignored, `of` the sort of file.

use crate::fact::{Extract, Fact, Kind};

use super::{
    base, ending, json,
    node::At,
    sheet::{self, Sheet, yes},
    shell, yaml,
};

mod make;
mod python;

/// Whether husky runs this file: its hooks need no line that names a shell.
fn hook(path: &str) -> bool {
    path.starts_with(".husky/") || path.contains("/.husky/")
}

/// Reads a file of commands.
pub fn read(path: &str, text: &str) -> Option<(&'static str, Extract)> {
    let name = base(path);
    let mut sheet = Sheet::default();
    let lower = name.to_ascii_lowercase();
    let sort = match lower.as_str() {
        "makefile" | "gnumakefile" => {
            make::make(&mut sheet, text);
            "make"
        }
        "justfile" | ".justfile" => {
            make::just(&mut sheet, text);
            "just"
        }
        "package.json" => {
            package(&mut sheet, text);
            "package"
        }
        "procfile" => {
            for (number, line) in (1_u32..).zip(text.lines()) {
                if let Some((target, run)) = line.split_once(':').filter(|_| !line.starts_with('#')) {
                    commands(&mut sheet, run, number, target.trim(), "procfile");
                }
            }
            "procfile"
        }
        ".pre-commit-config.yaml" | ".pre-commit-config.yml" => {
            precommit(&mut sheet, text);
            "pre-commit"
        }
        "lefthook.yml" | ".lefthook.yml" | "taskfile.yml" | "taskfile.yaml" => {
            tasks(&mut sheet, text);
            "tasks"
        }
        "tox.ini" => {
            python::tox(&mut sheet, text);
            "tox"
        }
        "noxfile.py" => {
            python::nox(&mut sheet, text);
            "nox"
        }
        _ => match ending(path) {
            "mk" => {
                make::make(&mut sheet, text);
                "make"
            }
            "sh" | "bash" | "zsh" => {
                commands(&mut sheet, text, 1, name, "shell");
                "shell"
            }
            "service" if text.contains("[Service]") => {
                systemd(&mut sheet, text);
                "systemd"
            }
            "" if hook(path) || for_a_shell(text) => {
                commands(&mut sheet, text, 1, name, "shell");
                "shell"
            }
            _ => return None,
        },
    };
    Some((sort, sheet.done()))
}

/// Whether the first line hands a text to a shell, with or without options.
fn for_a_shell(text: &str) -> bool {
    let line = sheet::cut(text, 80).lines().next().unwrap_or_default();
    line.strip_prefix("#!")
        .is_some_and(|rest| rest.split_whitespace().any(|word| word.rsplit('/').next().is_some_and(|end| end.ends_with("sh"))))
}

/// The commands of a script, as facts of this target.
fn commands(sheet: &mut Sheet, script: &str, first: u32, target: &str, of: &'static str) {
    for command in shell::commands(script, first) {
        let mut one =
            fact(&command.name, command.line, command.end, target, of).with("run", command.run).with("tolerated", yes(command.tolerated));
        if command.beside {
            one = one.with("beside", "yes");
        }
        sheet.push(one);
    }
}

fn fact(name: &str, line: u32, end: u32, target: &str, of: &'static str) -> Fact {
    Fact::new(Kind::Command, sheet::value(name), line, end).with("target", sheet::value(target)).with("of", of)
}

fn package(sheet: &mut Sheet, text: &str) {
    let doc = json::read(text);
    let Some(root) = doc.first() else { return };
    for (target, line, value) in root.get("scripts").iter().flat_map(|scripts| scripts.entries()) {
        if let Some(run) = value.text() {
            commands(sheet, run, line, target, "package");
        }
    }
    for (pattern, line, value) in root.get("lint-staged").iter().flat_map(|at| at.entries()) {
        for run in value.words() {
            commands(sheet, run, line, pattern, "lint-staged");
        }
    }
}

fn precommit(sheet: &mut Sheet, text: &str) {
    let doc = yaml::read(text);
    sheet.trouble(doc.trouble.iter().cloned());
    for repository in doc.first().and_then(|root| root.get("repos")).iter().flat_map(|repos| repos.items()) {
        let source = repository.text_of("repo").unwrap_or_default();
        for hook in repository.get("hooks").iter().flat_map(|hooks| hooks.items()) {
            let id = hook.text_of("id").unwrap_or_default();
            let mut one = fact(id, hook.line(), hook.end(), "pre-commit", "pre-commit").with("repo", sheet::value(source));
            if let Some(entry) = hook.text_of("entry") {
                one = one.with("run", sheet::run(entry));
            } else {
                let args = hook.get("args").map(|args| args.joined()).unwrap_or_default();
                one = one.with("run", sheet::run(&format!("{id} {args}")));
            }
            for stage in hook.get("stages").map(|at| at.words()).unwrap_or_default().into_iter().take(16) {
                one = one.with("stage", stage);
            }
            sheet.push(one.with("tolerated", "no"));
        }
    }
}

/// Texts below `run`, `cmd` and `cmds`, by the names around them.
fn tasks(sheet: &mut Sheet, text: &str) {
    let doc = yaml::read(text);
    sheet.trouble(doc.trouble.iter().cloned());
    let mut stack: Vec<(At<'_>, &str, &str, u32)> = doc.documents().map(|root| (root, "", "", 0)).collect();
    let mut steps = 0;
    while let Some((at, key, target, depth)) = stack.pop() {
        steps += 1;
        if depth > 16 || steps > 20_000 {
            continue;
        }
        if matches!(key, "run" | "cmd" | "cmds") {
            let texts: Vec<At<'_>> = if at.is_list() { at.items().collect() } else { vec![at] };
            for one in texts {
                if let Some(text) = one.text() {
                    commands(sheet, text, one.line(), target, "tasks");
                }
            }
        }
        let below: Vec<_> = at
            .entries()
            .map(|(inner, _, value)| {
                let container = matches!(key, "commands" | "scripts" | "jobs" | "tasks") || target.is_empty() && value.is_map();
                (value, inner, if container { inner } else { target }, depth + 1)
            })
            .collect();
        stack.extend(below.into_iter().rev());
        stack.extend(at.items().map(|item| (item, "", target, depth + 1)));
    }
}

fn systemd(sheet: &mut Sheet, text: &str) {
    for (number, line) in (1_u32..).zip(text.lines()) {
        let Some((key, value)) = line.trim().split_once('=').filter(|_| !line.trim_start().starts_with(['#', ';'])) else { continue };
        if key.starts_with("Exec") {
            let value = value.trim_start_matches(['-', '@', '+', '!']);
            sheet.push(fact(&shell::name(value), number, number, key, "systemd").with("run", sheet::run(value)).with("tolerated", "no"));
        }
        sheet.push(Fact::new(Kind::Value, format!("systemd.{}", sheet::value(key)), number, number).with("value", sheet::value(value)));
    }
}
