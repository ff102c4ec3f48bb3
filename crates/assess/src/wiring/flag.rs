//! What flags are where nobody sets them.

use std::collections::HashMap;

use crate::fact::{Fact, Flag, Guard, Kind};

/// What the repository says about each flag, by name in lower case.
#[derive(Debug, Default)]
pub struct Flags {
    /// Defaults in code: settings, reads of the environment, constants.
    code: HashMap<String, Option<Flag>>,
    /// What compose files, Kubernetes objects, charts and images set.
    deployed: HashMap<String, Option<Flag>>,
    /// What environment files say, examples too: they are made to be copied.
    files: HashMap<String, Option<Flag>>,
}

/// What a value means as a flag. Nothing where it is no flag at all.
fn flag(value: &str) -> Option<Flag> {
    let plain = value.trim().trim_matches(['"', '\'']);
    // `${NAME:-value}` is the value where nobody sets the name.
    let plain = plain.strip_prefix("${").and_then(|inner| inner.strip_suffix('}')).map_or(plain, |inner| match inner.split_once(":-") {
        Some((_, value)) => value,
        None => inner.split_once('-').map_or("$", |(_, value)| value),
    });
    match plain.to_ascii_lowercase().as_str() {
        "true" | "1" | "yes" | "on" | "enabled" => Some(Flag::On),
        "false" | "0" | "no" | "off" | "disabled" => Some(Flag::Off),
        "" | "none" | "null" | "nil" | "undefined" | "$" => None,
        text if text.starts_with('$') => None,
        // Any other value is one that code takes for set.
        _ => Some(Flag::On),
    }
}

impl Flags {
    /// Collects what these facts say. Facts of tests must not be among them.
    pub fn of<'a>(facts: impl IntoIterator<Item = &'a Fact>) -> Flags {
        let mut flags = Flags::default();
        for fact in facts {
            let (map, name, value) = match fact.kind {
                Kind::Setting => (&mut flags.code, fact.name.as_str(), fact.get("default")),
                Kind::Env => (&mut flags.code, fact.name.as_str(), fact.get("default")),
                Kind::Assign => (&mut flags.code, fact.name.as_str(), fact.get("value")),
                Kind::EnvFile => (&mut flags.files, fact.name.as_str(), fact.get("value")),
                Kind::Compose => match fact.name.split_once(".environment.") {
                    Some((_, name)) => (&mut flags.deployed, name, fact.get("value")),
                    None => continue,
                },
                Kind::Docker if fact.name == "env" => (&mut flags.deployed, fact.get("key").unwrap_or(""), fact.get("default")),
                Kind::Kubernetes | Kind::Helm => {
                    match fact.name.rsplit_once(".env.").or_else(|| fact.name.rsplit_once("ConfigMap.data.")) {
                        Some((_, name)) if !matches!(name, "name" | "value") && !name.contains('.') => {
                            (&mut flags.deployed, name, fact.get("value"))
                        }
                        _ => continue,
                    }
                }
                _ => continue,
            };
            // A boolean that is nothing is off; a name of something, such as the address of a collector, is set by whoever runs it.
            let boolean = fact.get("type").is_some_and(|kind| kind.to_ascii_lowercase().contains("bool"));
            note(map, name.rsplit('.').next().unwrap_or(name), value, boolean);
        }
        flags
    }

    /// What a guard's flag is.
    pub fn state(&self, guard: &Guard) -> Flag {
        let name = guard.flag.rsplit('.').next().unwrap_or("").to_lowercase();
        if let Some(Some(state)) = self.deployed.get(&name) {
            return *state;
        }
        if self.deployed.contains_key(&name) {
            return Flag::Unknown;
        }
        match (self.code.get(&name), self.files.get(&name)) {
            (Some(Some(code)), None) => *code,
            (Some(Some(code)), Some(Some(file))) if code == file => *code,
            _ => Flag::Unknown,
        }
    }

    /// Whether the code under a guard does not run by default.
    pub fn off(&self, guard: &Guard) -> bool {
        match self.state(guard) {
            Flag::On => guard.negated,
            Flag::Off => !guard.negated,
            Flag::Unknown => false,
        }
    }
}

/// Adds a statement; two that differ come to nothing.
fn note(map: &mut HashMap<String, Option<Flag>>, name: &str, value: Option<&str>, boolean: bool) {
    let said = match value {
        Some(value) => flag(value).or(boolean.then_some(Flag::Off)),
        None => None,
    };
    let Some(said) = said else {
        // A name without a default says nothing, but that it may be set: it does not hide what another place says.
        return;
    };
    map.entry(name.to_lowercase()).and_modify(|known| *known = known.filter(|known| *known == said)).or_insert(Some(said));
}
