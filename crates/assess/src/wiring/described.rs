//! Which settings somebody described: in an example of an environment file, in a template of a file of settings, or in a document.

use std::collections::BTreeSet;

use crate::{
    fact::{Fact, FileInfo, Kind},
    source::File,
};

/// How much of all documents together is read for names.
const BYTES: usize = 4 << 20;

/// Says of each setting and each read of the environment whether it is described: `described` yes or no.
pub(super) fn mark(files: &[FileInfo], all: &mut [Fact], texts: &[&File]) {
    let examples = all.iter().filter(|fact| fact.kind == Kind::EnvFile && fact.get("example") == Some("yes"));
    let mut known: BTreeSet<String> = examples.map(|fact| fact.name.to_lowercase()).collect();
    let mut left = BYTES;
    for file in texts.iter().filter(|file| document(&file.path) || template(&file.path)) {
        let Some(rest) = left.checked_sub(file.bytes.len()) else { continue };
        left = rest;
        let text = crate::source::text(&file.bytes);
        if template(&file.path) {
            known.extend(text.lines().filter_map(key).map(str::to_lowercase));
        }
        let words = text.split(|letter: char| !letter.is_ascii_alphanumeric() && letter != '_').filter(|word| word.len() > 2);
        // `PORT` is a variable, `port` is prose.
        let named = words.filter(|word| word.contains('_') || word.bytes().all(|byte| byte.is_ascii_uppercase()));
        known.extend(named.map(str::to_lowercase));
    }
    // A class of settings may give all its names one prefix: `SONGS_DB_URL` for `db_url`.
    let behind: BTreeSet<String> = known.iter().filter_map(|word| word.split_once('_')).map(|(_, rest)| rest.to_owned()).collect();
    let settings = all.iter_mut().filter(|fact| matches!(fact.kind, Kind::Env | Kind::Setting));
    for fact in settings.filter(|fact| files.get(fact.file.0 as usize).is_some_and(|info| !info.test)) {
        let name = fact.get("env").unwrap_or(&fact.name).to_lowercase();
        let described = known.contains(&name) || fact.kind == Kind::Setting && name.contains('_') && behind.contains(&name);
        fact.attrs.push(("described".into(), if described { "yes" } else { "no" }.into()));
    }
}

/// Documents where settings are described: a name in a report about the code is no description.
fn document(path: &str) -> bool {
    const ABOUT: &[&str] =
        &["readme", "config", "environment", "settings", "env", "setup", "install", "deploy", "operat", "develop", "usage"];
    let lower = path.to_lowercase();
    let name = lower.rsplit('/').next().unwrap_or(&lower);
    [".md", ".rst", ".adoc", ".mdx"].iter().any(|ending| name.ends_with(ending)) && ABOUT.iter().any(|word| name.contains(word))
}

/// A file that shows which settings there are: `config.example.toml`, `app_config.docker_template.toml`.
fn template(path: &str) -> bool {
    let lower = path.to_lowercase();
    let name = lower.rsplit('/').next().unwrap_or(&lower);
    let shown = ["example", "sample", "template", ".dist", "default"].iter().any(|word| name.contains(word));
    let settings = ["config", "settings", "conf", "application", "app.", "server", "options"].iter().any(|word| name.contains(word));
    let form =
        [".toml", ".yml", ".yaml", ".ini", ".conf", ".cfg", ".properties"].iter().any(|end| name.trim_end_matches(".dist").ends_with(end))
            || ["toml", "yml", "yaml", "ini", "conf"].iter().any(|form| name.contains(&format!(".{form}.")));
    shown && settings && form && !lower.contains(".github/")
}

/// What a line of such a file sets, also where it stands in a remark.
fn key(line: &str) -> Option<&str> {
    let line = line.trim_start_matches([' ', '\t', '#', ';', '-', '[']);
    let (key, _) = line.split_once(['=', ':', ']'])?;
    let key = key.trim().rsplit('.').next()?;
    let plain = key.len() > 1 && key.chars().all(|letter| letter.is_ascii_alphanumeric() || matches!(letter, '_' | '-'));
    plain.then_some(key)
}
