//! Configurations of tools: linters, type checkers, coverage, updates of dependencies, platforms.
//!
//! A value's path begins with the tool's name wherever the tool is configured: `mypy.strict` in
//! `mypy.ini`, `setup.cfg` and `pyproject.toml` alike. What stands in `pyproject.toml` and
//! `package.json` has its place in that file's path as well: `pyproject.tool.ruff.lint.select`.

use crate::fact::{Extract, Fact, Kind};

use super::{
    base, ending, ini, json,
    node::{At, Doc},
    sheet::{self, Sheet},
    toml, yaml,
};

mod names;

/// How long a file of no known tool may be.
const UNKNOWN: usize = 96 << 10;
/// How many values of such a file are taken.
const VALUES: usize = 1_500;

/// Reads the configuration of a known tool.
pub fn read(path: &str, text: &str) -> Option<(&'static str, Extract)> {
    let name = base(path).to_ascii_lowercase();
    let mut sheet = Sheet::default();
    match name.as_str() {
        "pyproject.toml" => pyproject(&mut sheet, &toml::read(text)),
        "package.json" => package(&mut sheet, &json::read(text)),
        "cargo.toml" => cargo(&mut sheet, &toml::read(text)),
        "setup.cfg" | "tox.ini" | "pytest.ini" | "mypy.ini" | ".mypy.ini" | ".flake8" | ".coveragerc" | ".pylintrc" | "pylintrc"
        | ".isort.cfg" | ".bandit" | ".pydocstyle" | ".sqlfluff" => {
            sections(&mut sheet, &ini::read(text), &name);
        }
        "codeowners" => {
            for (number, line) in (1_u32..).zip(text.lines()) {
                if let Some((pattern, owners)) = line.trim().split_once(char::is_whitespace).filter(|_| !line.starts_with('#')) {
                    sheet.push(
                        Fact::new(Kind::Value, format!("codeowners.{}", sheet::value(pattern)), number, number)
                            .with("value", sheet::value(owners)),
                    );
                }
            }
        }
        ".gitignore" | ".dockerignore" | ".gitattributes" | ".trivyignore" | ".nvmrc" | ".python-version" | ".node-version"
        | ".tool-versions" | ".ruby-version" | ".java-version" => {
            for (number, line) in (1_u32..).zip(text.lines()) {
                if !line.trim().is_empty() && !line.starts_with('#') {
                    sheet.push(Fact::new(Kind::Value, name.trim_start_matches('.'), number, number).with("value", sheet::value(line)));
                }
            }
        }
        "supervisord.conf"
        | "alembic.ini"
        | "logging.ini"
        | "logging.conf"
        | "uwsgi.ini"
        | "my.cnf"
        | ".editorconfig"
        | ".npmrc"
        | ".yarnrc"
        | "pip.conf"
        | "redis.conf"
        | "postgresql.conf"
        | "rabbitmq.conf"
        | "sonar-project.properties"
        | "lombok.config"
        | "pgbouncer.ini"
        | ".buckconfig" => {
            let doc = ini::read(text);
            let prefix = if name.starts_with("sonar") { "" } else { name.trim_start_matches('.').split('.').next().unwrap_or_default() };
            values(&mut sheet, &doc, prefix);
            // `redis.conf` has no sign between key and value.
            if name == "redis.conf" {
                for (number, line) in (1_u32..).zip(text.lines()) {
                    if let Some((key, value)) = line.trim().split_once(' ').filter(|_| !line.starts_with('#')) {
                        sheet.push(
                            Fact::new(Kind::Value, format!("redis.{}", sheet::value(key)), number, number)
                                .with("value", sheet::value(value)),
                        );
                    }
                }
            }
        }
        _ => {
            let tool = names::tool(path, &name)?;
            match ending(&name) {
                "json" | "json5" | "jsonc" => values(&mut sheet, &json::read(text), tool),
                "toml" => values(&mut sheet, &toml::read(text), tool),
                "xml" => xml(&mut sheet, text, tool),
                "yml" | "yaml" => values(&mut sheet, &yaml::read(text), tool),
                // Names without an ending hold JSON or YAML, and YAML holds both.
                _ if text.trim_start().starts_with('{') => values(&mut sheet, &json::read(text), tool),
                _ => values(&mut sheet, &yaml::read(text), tool),
            }
        }
    }
    Some(("tool", sheet.done()))
}

/// Reads a file of values that nobody knows: its paths begin with its name.
pub fn unknown(path: &str, text: &str) -> Option<(&'static str, Extract)> {
    let doc = match ending(path) {
        _ if text.len() > UNKNOWN => return None,
        "yml" | "yaml" => yaml::read(text),
        "toml" => toml::read(text),
        "json" | "jsonc" | "json5" if !base(path).contains("lock") => json::read(text),
        "ini" | "cfg" | "properties" | "conf" => ini::read(text),
        _ => return None,
    };
    let name = base(path).trim_start_matches('.');
    let prefix = name.rsplit_once('.').map_or(name, |(stem, _)| stem).to_ascii_lowercase();
    let mut sheet = Sheet::default();
    for root in doc.documents().filter(|root| root.is_map()) {
        for leaf in root.leaves(&prefix, &[]).into_iter().take(VALUES) {
            sheet.leaf(Kind::Value, &leaf);
        }
    }
    sheet.trouble(doc.trouble.iter().cloned());
    Some(("values", sheet.done()))
}

fn values(sheet: &mut Sheet, doc: &Doc, prefix: &str) {
    for root in doc.documents() {
        sheet.leaves(Kind::Value, root, prefix, &["command"]);
    }
    sheet.trouble(doc.trouble.iter().cloned());
}

fn pyproject(sheet: &mut Sheet, doc: &Doc) {
    values(sheet, doc, "pyproject");
    let Some(tools) = doc.first().and_then(|root| root.get("tool")) else { return };
    for (tool, _, at) in tools.entries() {
        let at = if tool == "pytest" { at.get("ini_options").unwrap_or(at) } else { at };
        // Dependencies are told by the manifest's reader.
        if !matches!(tool, "poetry" | "pdm" | "hatch" | "uv" | "setuptools") {
            sheet.leaves(Kind::Value, at, tool, &[]);
        }
    }
}

fn package(sheet: &mut Sheet, doc: &Doc) {
    let Some(root) = doc.first() else { return };
    for (key, _, at) in root.entries() {
        if key.ends_with("ependencies") || matches!(key, "scripts" | "overrides" | "resolutions") {
            continue;
        }
        sheet.leaves(Kind::Value, at, &format!("package.{key}"), &[]);
        let tool = match key {
            "eslintConfig" => "eslint",
            "prettier" | "jest" | "nyc" | "c8" | "husky" | "lint-staged" | "commitlint" | "stylelint" | "mocha" | "ava" | "renovate"
            | "release" => key,
            _ => continue,
        };
        sheet.leaves(Kind::Value, at, tool, &[]);
    }
}

fn cargo(sheet: &mut Sheet, doc: &Doc) {
    let Some(root) = doc.first() else { return };
    for keys in [&["lints"][..], &["workspace", "lints"], &["profile"], &["package", "rust-version"], &["workspace", "package"]] {
        if let Some(at) = root.path(keys) {
            sheet.leaves(Kind::Value, at, &format!("cargo.{}", keys.join(".")), &[]);
        }
    }
}

/// Sections of files that several tools share.
fn sections(sheet: &mut Sheet, doc: &Doc, name: &str) {
    let Some(root) = doc.first() else { return };
    let own = match name {
        ".coveragerc" => Some("coverage"),
        ".pylintrc" | "pylintrc" => Some("pylint"),
        _ => None,
    };
    for (section, _, at) in root.entries() {
        let section = section.trim_start_matches("tool:").replace(':', ".");
        let prefix = own.map_or_else(|| section.clone(), |own| format!("{own}.{}", section.to_ascii_lowercase()));
        sheet.leaves(Kind::Value, at, &prefix, &[]);
    }
}

/// Elements and their attributes, by the names of the elements around them.
fn xml(sheet: &mut Sheet, text: &str, tool: &str) {
    let options = roxmltree::ParsingOptions { allow_dtd: true, nodes_limit: 100_000, ..roxmltree::ParsingOptions::default() };
    let Ok(document) = roxmltree::Document::parse_with_options(text, options) else {
        sheet.trouble(["line 1: this does not read as XML".to_owned()]);
        return;
    };
    for element in document.descendants().filter(roxmltree::Node::is_element) {
        let line = document.text_pos_at(element.range().start).row;
        let names = element.attributes().map(|attribute| attribute.value()).collect::<Vec<_>>().join(" ");
        let own = element.text().map(str::trim).filter(|text| !text.is_empty());
        let name = format!("{tool}.{}", sheet::value(element.tag_name().name()));
        sheet.push(Fact::new(Kind::Value, name, line, line).with("value", sheet::value(own.unwrap_or(&names))));
    }
}

/// Values of a known place, for the readers beside.
pub(super) fn known(sheet: &mut Sheet, at: At<'_>, prefix: &str) {
    sheet.leaves(Kind::Value, at, prefix, &["command"]);
}
