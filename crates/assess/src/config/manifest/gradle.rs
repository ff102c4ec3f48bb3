//! Gradle's build scripts, as far as they are declarations, and its catalogue of versions.

use std::sync::LazyLock;

use regex::Regex;
use toml_edit::{Item, Table};

use super::{Declared, Lines, MOST, key_line, toml, value};
use crate::fact::Extract;

/// `implementation 'group:artifact:version'`, also with brackets, `platform(...)` and names of the catalogue.
static DEPENDENCY: LazyLock<Option<Regex>> = LazyLock::new(|| {
    Regex::new(r#"^\s*(api|implementation|compileOnly|runtimeOnly|annotationProcessor|kapt|ksp|developmentOnly|testImplementation|testRuntimeOnly|testCompileOnly|androidTestImplementation|classpath|compile|testCompile|runtime)\b\s*\(?\s*(?:(?:enforcedPlatform|platform|project|kotlin)\s*\(\s*)?(?:['"]([^'"]+)['"]|(libs\.[\w.]+)|group\s*[:=]\s*['"]([^'"]+)['"]\s*,\s*name\s*[:=]\s*['"]([^'"]+)['"](?:\s*,\s*version\s*[:=]\s*['"]([^'"]+)['"])?)"#).ok()
});
/// `id 'name' version '1.2'`, `id("name") version "1.2"`, `apply plugin: 'name'`.
static PLUGIN: LazyLock<Option<Regex>> = LazyLock::new(|| {
    Regex::new(r#"^\s*(?:id\s*\(?\s*|apply\s+plugin\s*:\s*)['"]([^'"]+)['"](?:\s*\))?(?:\s+version\s*\(?\s*['"]([^'"]+)['"])?"#).ok()
});
/// `sourceCompatibility = '17'`, `languageVersion = JavaLanguageVersion.of(21)`.
static JAVA: LazyLock<Option<Regex>> = LazyLock::new(|| {
    Regex::new(r#"^\s*(?:sourceCompatibility|targetCompatibility|(?:languageVersion\b.*JavaLanguageVersion\.of))\s*[=(]*\s*['"]?(?:JavaVersion\.VERSION_)?([\d._]+)"#).ok()
});

/// Dependencies, plugins and the version of Java.
pub fn script(text: &str) -> Extract {
    let mut extract = Extract::default();
    let (Some(dependency), Some(plugin), Some(java)) = (DEPENDENCY.as_ref(), PLUGIN.as_ref(), JAVA.as_ref()) else { return extract };
    let mut comment = false;
    for (line, number) in text.lines().zip(1u32..).take(MOST * 4) {
        let bare = line.trim_start();
        if comment || bare.starts_with("/*") {
            comment = !bare.contains("*/");
            continue;
        }
        if bare.starts_with("//") || line.len() > 2_000 {
            continue;
        }
        let part = |found: &regex::Captures<'_>, group: usize| found.get(group).map_or(String::new(), |text| text.as_str().to_owned());
        if let Some(found) = dependency.captures(line) {
            let configuration = part(&found, 1);
            let (name, version) = if found.get(4).is_some() {
                (format!("{}:{}", part(&found, 4), part(&found, 5)), part(&found, 6))
            } else if found.get(3).is_some() {
                (part(&found, 3), String::new())
            } else {
                split(&part(&found, 2))
            };
            if name.starts_with(':') {
                continue; // a project of the same build
            }
            let dev = configuration.starts_with("test") || configuration.starts_with("androidTest") || configuration == "developmentOnly";
            let pinned = !version.contains(['+', '[', '(', ',']) && !version.ends_with("SNAPSHOT") && !version.starts_with("latest");
            extract.facts.push(Declared { name: &name, version: &version, ecosystem: "maven", dev, pinned, line: number }.fact());
        } else if let Some(found) = plugin.captures(line) {
            extract.facts.push(value(format!("build.plugin.{}", part(&found, 1)), &part(&found, 2), number));
        } else if let Some(found) = java.captures(line) {
            extract.facts.push(value("runtime.java", &part(&found, 1), number));
        }
    }
    extract
}

/// `group:artifact:version` into name and version.
fn split(coordinates: &str) -> (String, String) {
    let mut parts = coordinates.splitn(3, ':');
    let (group, artifact) = (parts.next().unwrap_or_default(), parts.next());
    let version = parts.next().unwrap_or_default().to_owned();
    (artifact.map_or(group.to_owned(), |artifact| format!("{group}:{artifact}")), version)
}

/// `gradle/libs.versions.toml`.
pub fn catalogue(text: &str) -> Extract {
    toml(text, libraries)
}

fn libraries(root: &Table, lines: &Lines, extract: &mut Extract) {
    let versions = root.get("versions");
    let Some(libraries) = root.get("libraries").and_then(Item::as_table_like) else { return };
    for (alias, item) in libraries.iter().take(MOST) {
        let (mut name, mut version) = item.as_str().map(split).unwrap_or_default();
        if let Some(module) = item.get("module").and_then(Item::as_str) {
            module.clone_into(&mut name);
        } else if let (Some(group), Some(artifact)) = (item.get("group").and_then(Item::as_str), item.get("name").and_then(Item::as_str)) {
            name = format!("{group}:{artifact}");
        }
        if let Some(said) = item.get("version") {
            let named = said.get("ref").and_then(Item::as_str).and_then(|key| versions.and_then(|all| all.get(key))).and_then(Item::as_str);
            if let Some(said) = said.as_str().or(named) {
                said.clone_into(&mut version);
            }
        }
        let pinned = !version.contains(['+', '[', '(']);
        let declared =
            Declared { name: &name, version: &version, ecosystem: "maven", dev: false, pinned, line: key_line(libraries, alias, lines) };
        extract.facts.push(declared.fact().with("alias", format!("libs.{}", alias.replace(['-', '_'], "."))));
    }
}
