//! Python's many ways to say what a program needs.

use toml_edit::{Item, Table};

use super::{Declared, Lines, MOST, is_dev, key_line, toml, value};
use crate::{config::leaf, fact::Extract};

/// `requirements.txt`, `requirements-dev.in`, `requirements/base.txt`, `constraints.txt`.
pub fn is_requirements(path: &str) -> bool {
    let mut parts = path.rsplit('/');
    let (name, folder) = (parts.next().unwrap_or_default().to_ascii_lowercase(), parts.next().unwrap_or_default());
    let Some(stem) = name.strip_suffix(".txt").or_else(|| name.strip_suffix(".in")) else { return false };
    stem.contains("requirements") || stem.starts_with("constraints") || folder == "requirements"
}

/// `environment.yml` of conda.
pub fn is_environment(name: &str) -> bool {
    matches!(name, "environment.yml" | "environment.yaml" | "conda.yml" | "conda.yaml")
}

/// One requirement by PEP 508: name, version, whether it means one version.
struct Required {
    name: String,
    version: String,
    pinned: bool,
    source: Option<&'static str>,
}

/// Reads `name[extra]>=1,<2; marker` and `name @ url`.
fn requirement(text: &str) -> Option<Required> {
    let text = text.split(';').next().unwrap_or(text).trim();
    let cut = text.find(|letter: char| !(letter.is_ascii_alphanumeric() || matches!(letter, '-' | '_' | '.'))).unwrap_or(text.len());
    let (name, rest) = text.split_at(cut);
    if !name.starts_with(|letter: char| letter.is_ascii_alphanumeric()) {
        return None;
    }
    let mut rest = rest.trim_start();
    if rest.starts_with('[') {
        rest = rest.find(']').and_then(|end| rest.get(end + 1..)).unwrap_or_default().trim_start();
    }
    if !(rest.is_empty() || rest.starts_with(['=', '<', '>', '!', '~', '@', '('])) {
        return None;
    }
    let version = rest.trim_matches(['(', ')', ' ']).to_owned();
    let source = version.starts_with('@').then(|| if version.contains("git+") { "git" } else { "url" });
    Some(Required { name: normal(name), pinned: is_pinned(&version), version, source })
}

/// PyPI's own normal form of a name.
fn normal(name: &str) -> String {
    let mut out = String::with_capacity(name.len());
    for letter in name.chars() {
        let letter = if matches!(letter, '_' | '.') { '-' } else { letter.to_ascii_lowercase() };
        if !(letter == '-' && out.ends_with('-')) {
            out.push(letter);
        }
    }
    out
}

fn is_pinned(version: &str) -> bool {
    let exact = version.split(',').any(|part| part.trim().starts_with("==") && !part.contains('*'));
    let commit = version
        .rsplit(['@', '='])
        .next()
        .is_some_and(|tail| tail.len() >= 40 && tail.bytes().take(40).all(|byte| byte.is_ascii_hexdigit()));
    exact || commit
}

fn declare(required: &Required, dev: bool, line: u32) -> crate::fact::Fact {
    let declared = Declared { name: &required.name, version: &required.version, ecosystem: "pypi", dev, pinned: required.pinned, line };
    let fact = declared.fact();
    match required.source {
        Some(source) => fact.with("source", source),
        None => fact,
    }
}

/// A file of requirements; its name says whether it is for developers.
pub fn requirements(name: &str, text: &str) -> Extract {
    let mut extract = Extract::default();
    let dev =
        is_dev(name.trim_end_matches(".txt").trim_end_matches(".in").trim_start_matches("requirements").trim_matches(['-', '_', '.']));
    let constraint = name.starts_with("constraints");
    let mut open: Option<(String, u32)> = None;
    for (line, number) in text.lines().zip(1u32..) {
        // A comment begins at the line's start or after a space; `#` within an address does not.
        let code = if line.trim_start().starts_with('#') { "" } else { line.split(" #").next().unwrap_or(line) };
        let (joined, first) = match open.take() {
            Some((before, first)) => (format!("{before} {}", code.trim()), first),
            None => (code.trim().to_owned(), number),
        };
        if let Some(before) = joined.strip_suffix('\\')
            && before.len() < 20_000
        {
            open = Some((before.trim_end().to_owned(), first));
            continue;
        }
        if let Some(index) =
            joined.strip_prefix("--index-url").or_else(|| joined.strip_prefix("--extra-index-url")).or_else(|| joined.strip_prefix("-i "))
        {
            extract.facts.push(value("pip.index-url", index.trim_start_matches(['=', ' ']), first));
        } else if joined.starts_with("--require-hashes") {
            extract.facts.push(value("pip.require-hashes", "true", first));
        }
        let bare = joined.split(" --hash").next().unwrap_or(&joined);
        if let Some(required) = requirement(bare) {
            let mut fact = declare(&required, dev, first).with("hash", if joined.contains("--hash=") { "yes" } else { "no" });
            fact.end = number;
            extract.facts.push(if constraint { fact.with("constraint", "yes") } else { fact });
        }
        if extract.facts.len() >= MOST {
            break;
        }
    }
    extract
}

/// PEP 621, dependency groups, Poetry, uv and PDM.
pub fn pyproject(text: &str) -> Extract {
    toml(text, project)
}

fn project(root: &Table, lines: &Lines, extract: &mut Extract) {
    if let Some(project) = root.get("project").and_then(Item::as_table_like) {
        list(project.get("dependencies"), None, lines, extract);
        groups(project.get("optional-dependencies"), lines, extract);
        if let Some(version) = project.get("requires-python").and_then(Item::as_str) {
            extract.facts.push(value("runtime.python", version, key_line(project, "requires-python", lines)));
        }
    }
    groups(root.get("dependency-groups"), lines, extract);
    let Some(tool) = root.get("tool").and_then(Item::as_table_like) else { return };
    let inner = |names: &[&str]| {
        names.iter().try_fold(tool.get(names.first().copied().unwrap_or_default())?, |item, name| {
            if names.first() == Some(name) { Some(item) } else { item.get(name) }
        })
    };
    list(inner(&["uv", "dev-dependencies"]), Some("dev"), lines, extract);
    groups(inner(&["pdm", "dev-dependencies"]), lines, extract);
    if let Some(poetry) = tool.get("poetry").and_then(Item::as_table_like) {
        table(poetry.get("dependencies"), None, lines, extract);
        table(poetry.get("dev-dependencies"), Some("dev"), lines, extract);
        if let Some(all) = poetry.get("group").and_then(Item::as_table_like) {
            for (group, item) in all.iter() {
                table(item.get("dependencies"), Some(group), lines, extract);
            }
        }
    }
}

/// A list of requirements.
fn list(item: Option<&Item>, group: Option<&str>, lines: &Lines, extract: &mut Extract) {
    for entry in item.and_then(Item::as_array).into_iter().flatten().take(MOST) {
        let Some(required) = entry.as_str().and_then(requirement) else { continue };
        let line = entry.span().map_or(1, |span| lines.at(span.start));
        let fact = declare(&required, group.is_some_and(is_dev), line);
        extract.facts.push(match group {
            Some(group) => fact.with("group", group),
            None => fact,
        });
    }
}

/// Lists by the name of their group.
fn groups(item: Option<&Item>, lines: &Lines, extract: &mut Extract) {
    for (group, entries) in item.and_then(Item::as_table_like).into_iter().flat_map(|table| table.iter()) {
        list(Some(entries), Some(group), lines, extract);
    }
}

/// A table of names and versions, as Poetry and Pipenv write them.
fn table(item: Option<&Item>, group: Option<&str>, lines: &Lines, extract: &mut Extract) {
    let Some(table) = item.and_then(Item::as_table_like) else { return };
    for (name, item) in table.iter().take(MOST) {
        let (line, version) = (key_line(table, name, lines), version_of(item));
        if name == "python" {
            extract.facts.push(value("runtime.python", version, line));
            continue;
        }
        let bare = version.trim_start_matches('=');
        let exact = bare.split('.').count() >= 2 && bare.bytes().all(|byte| byte.is_ascii_digit() || byte == b'.');
        let commit = item.get("rev").is_some() || item.get("ref").is_some();
        let source = ["git", "path", "url"].into_iter().find(|key| item.get(key).is_some());
        let required = Required { name: normal(name), version: version.to_owned(), pinned: exact || commit || is_pinned(version), source };
        let fact = declare(&required, group.is_some_and(is_dev), line);
        extract.facts.push(match group {
            Some(group) => fact.with("group", group),
            None => fact,
        });
    }
}

fn version_of(item: &Item) -> &str {
    item.as_str().or_else(|| item.get("version").and_then(Item::as_str)).unwrap_or_default()
}

/// Pipenv.
pub fn pipfile(text: &str) -> Extract {
    toml(text, |root, lines, extract| {
        table(root.get("packages"), None, lines, extract);
        table(root.get("dev-packages"), Some("dev"), lines, extract);
    })
}

/// `install_requires` and `extras_require` of an INI file.
pub fn setup_cfg(text: &str) -> Extract {
    let mut extract = Extract::default();
    let (mut section, mut key) = (String::new(), String::new());
    for (line, number) in text.lines().zip(1u32..).take(MOST * 2) {
        if let Some(name) = line.trim().strip_prefix('[').and_then(|rest| rest.strip_suffix(']')) {
            (section, key) = (name.to_owned(), String::new());
            continue;
        }
        let mut said = line.trim();
        if !line.starts_with([' ', '\t']) {
            let Some((name, rest)) = line.split_once('=') else { continue };
            (key, said) = (name.trim().to_owned(), rest.trim());
        }
        let group = match (section.as_str(), key.as_str()) {
            ("options", "install_requires") => None,
            ("options", "tests_require") => Some("test"),
            ("options", "python_requires") => {
                extract.facts.push(value("runtime.python", said, number));
                continue;
            }
            ("options.extras_require", group) if !group.is_empty() => Some(group),
            _ => continue,
        };
        if let Some(required) = requirement(said) {
            let fact = declare(&required, group.is_some_and(is_dev), number);
            extract.facts.push(match group {
                Some(group) => fact.with("group", group),
                None => fact,
            });
        }
    }
    extract
}

/// The strings in `install_requires=[...]` and `tests_require=[...]`.
pub fn setup_py(text: &str) -> Extract {
    let mut extract = Extract::default();
    let mut open: Option<bool> = None;
    for (line, number) in text.lines().zip(1u32..).take(MOST * 2) {
        let mut rest = line;
        if open.is_none() {
            for (word, dev) in [("install_requires", false), ("tests_require", true)] {
                let Some((before, after)) = line.split_once(word) else { continue };
                let Some(after) = after.trim_start().strip_prefix('=') else { continue };
                if !before.contains('#') && after.trim_start().starts_with('[') {
                    (open, rest) = (Some(dev), after);
                }
            }
        }
        let Some(dev) = open else { continue };
        let code = rest.split('#').next().unwrap_or(rest);
        for (number_of, piece) in code.split(['"', '\'']).enumerate() {
            if number_of % 2 == 1 {
                if let Some(required) = requirement(piece) {
                    extract.facts.push(declare(&required, dev, number));
                }
            } else if piece.contains(']') {
                open = None;
                break;
            }
        }
    }
    extract
}

/// Conda: `name=1.2=build` and the list for pip.
pub fn environment(text: &str) -> Extract {
    let mut extract = Extract::default();
    let (leaves, trouble) = leaf::yaml(text);
    extract.trouble.extend(trouble);
    for leaf in leaves.iter().filter(|leaf| leaf.under(&["dependencies"])).take(MOST) {
        if leaf.path.iter().any(|key| key == "pip") {
            if let Some(required) = requirement(&leaf.value) {
                extract.facts.push(declare(&required, false, leaf.line));
            }
            continue;
        }
        let cut = leaf.value.find(['=', '<', '>', ' ']).unwrap_or(leaf.value.len());
        let (name, version) = leaf.value.split_at(cut);
        let name = name.rsplit("::").next().unwrap_or(name);
        if name == "python" {
            extract.facts.push(value("runtime.python", version, leaf.line));
        } else if !name.is_empty() {
            let required = Required { name: normal(name), version: version.to_owned(), pinned: version.starts_with('='), source: None };
            extract.facts.push(declare(&required, false, leaf.line).with("source", "conda"));
        }
    }
    extract
}
