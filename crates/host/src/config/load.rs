//! From sources to the values that apply, with every fault on the way.

use std::{io, path::Path, path::PathBuf};

use super::{
    Profile,
    effective::{Config, Entry},
    environment,
    fault::{Excerpt, Fault, Faults, Place},
    file,
    nearest::nearest,
    rules::Rules,
    schema::{KeyDoc, Schema, SectionDoc, Shown, Written},
    secret::Secret,
    setting::Wrong,
    sources::{Sources, read_at_most},
};
use crate::practices::PracticesConfig;

/// Largest file of a secret, in bytes.
const SECRET_BYTES: u64 = 64 << 10;

/// What one source says about one key.
pub(super) struct Found {
    /// Full name of the key.
    pub name: String,
    pub said: Said,
    pub place: Place,
    pub excerpt: Option<Excerpt>,
}

pub(super) enum Said {
    /// A value that has been checked.
    Value(Written, Shown),
    /// A value that is wrong; the fault is reported already.
    Wrong,
    /// The file that holds the secret. Read only if nothing stronger is said.
    SecretIn(PathBuf),
}

impl Config {
    /// Reads the sources against the schema.
    ///
    /// # Errors
    /// Everything that is wrong, at once: syntax, unknown names, values, secret files and, when
    /// every value can be read, the rules of the schema.
    pub fn load(schema: &Schema, sources: Sources) -> Result<Config, Faults> {
        let path = sources.file.as_ref().map(|(path, _)| path.clone());
        let mut faults = Vec::new();
        let mut readable = true;
        // The strongest source comes last.
        let mut found = Vec::new();
        if let Some((path, text)) = &sources.file {
            match file::read(schema, path, text, &mut faults) {
                Some(values) => found.extend(values),
                None => readable = false,
            }
        }
        found.extend(environment::read(schema, sources.env, &mut faults));
        found.extend(flags(schema, sources.overrides, &mut faults));
        readable &= found.iter().all(|it| !matches!(it.said, Said::Wrong));

        let mut entries: Vec<Entry> = schema.keys().map(|(section, key)| Entry::untouched(section, key)).collect();
        for entry in &mut entries {
            if let Some(at) = found.iter().rposition(|it| it.name == entry.name) {
                readable &= settle(entry, found.remove(at), &mut faults);
            }
        }
        let config = Config::of(schema, entries, path);
        if readable {
            let mut rules = Rules::new(&config);
            schema.rules().iter().for_each(|rule| rule(&config, &mut rules));
            faults.extend(rules.faults);
        }
        let believed = config.profile() == Profile::Development && !config.get::<PracticesConfig>().holds("config-validation");
        if faults.is_empty() || believed { Ok(config) } else { Err(Faults(faults)) }
    }
}

/// Puts what the strongest source says into the entry; answers whether it could be read.
fn settle(entry: &mut Entry, found: Found, faults: &mut Vec<Fault>) -> bool {
    entry.excerpt = found.excerpt;
    let (written, shown) = match found.said {
        Said::Wrong => return false,
        Said::Value(written, shown) => {
            entry.place = found.place;
            (written, shown)
        }
        Said::SecretIn(path) => {
            let read = read_secret(&path).map_err(Wrong::because).and_then(|secret| {
                let written = Written::Hidden(secret);
                let mut wrong = Vec::new();
                let shown = (entry.key.check)(&written, &mut wrong);
                shown.map(|shown| (written, shown)).ok_or_else(|| wrong.pop().unwrap_or_else(|| Wrong::because("it cannot be read")))
            });
            match read {
                Ok(read) => {
                    entry.place = Place::SecretFile { path, named_by: Box::new(found.place) };
                    read
                }
                Err(wrong) => {
                    let message = format!("the secret file {} for `{}` is not usable: {}", path.display(), entry.name, wrong.message);
                    let help = "relative paths count from the working directory".to_string();
                    let help = wrong.help.or_else(|| path.is_relative().then_some(help));
                    faults.push(Fault { excerpt: entry.excerpt.take(), ..Fault::new(found.place, message, help) });
                    return false;
                }
            }
        }
    };
    (entry.written, entry.shown) = (Some(written), shown);
    true
}

/// A secret in a file of its own; line ends behind it do not belong to it.
fn read_secret(path: &Path) -> Result<Secret, String> {
    let bytes = read_at_most(path, SECRET_BYTES).map_err(|error| match error.kind() {
        io::ErrorKind::NotFound => "it does not exist".to_string(),
        io::ErrorKind::PermissionDenied => "this process may not read it".to_string(),
        _ => error.to_string(),
    })?;
    // Wrapped at once, so that the untrimmed copy leaves memory as well.
    let text = Secret::new(String::from_utf8(bytes).map_err(|error| {
        zeroize::Zeroize::zeroize(&mut error.into_bytes());
        "it is not UTF-8".to_string()
    })?);
    match text.expose().trim_end_matches(['\r', '\n']) {
        "" => Err("it is empty".into()),
        trimmed => Ok(Secret::new(trimmed)),
    }
}

/// What flags say.
fn flags(schema: &Schema, overrides: Vec<(String, String, &'static str)>, faults: &mut Vec<Fault>) -> Vec<Found> {
    let mut found = Vec::new();
    for (name, value, flag) in overrides {
        let place = Place::Flag { name: flag };
        match schema.keys().find(|(section, key)| section.full(key.name) == name) {
            Some((section, key)) => found.push(check_text(section, key, value, place, faults)),
            None => {
                let names: Vec<String> = schema.keys().map(|(section, key)| section.full(key.name)).collect();
                let help = nearest(&name, names.iter().map(String::as_str)).map(|near| format!("did you mean `{near}`?"));
                faults.push(Fault::new(place, format!("{flag} sets the unknown key `{name}`"), help));
            }
        }
    }
    found
}

/// Checks a value given as text, by a variable or a flag.
pub(super) fn check_text(section: &SectionDoc, key: &KeyDoc, text: String, place: Place, faults: &mut Vec<Fault>) -> Found {
    let name = section.full(key.name);
    let written = if key.secret { Written::Hidden(Secret::new(text)) } else { Written::Text(text) };
    let mut wrong = Vec::new();
    let shown = (key.check)(&written, &mut wrong);
    faults.extend(wrong.into_iter().map(|it| Fault::new(place.clone(), format!("`{name}`: {}", it.message), it.help)));
    let said = shown.map_or(Said::Wrong, |shown| Said::Value(written, shown));
    Found { name, said, place, excerpt: None }
}
