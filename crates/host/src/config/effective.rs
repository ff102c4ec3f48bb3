//! The values that apply.

use std::{fmt, path::Path, path::PathBuf, sync::Arc};

use plimsoll_core::{Code, Error};
use serde::Serialize;

use super::{
    Profile,
    fault::{Excerpt, Place},
    nearest::nearest,
    schema::{KeyDoc, Schema, SectionDoc, Shown, Written},
    section::Section,
    setting::{Setting, Unset},
};

/// The configuration that applies, checked. Cheap to clone; `Debug` shows no secret.
#[derive(Clone)]
pub struct Config(pub(super) Arc<Effective>);

pub(super) struct Effective {
    pub entries: Vec<Entry>,
    pub sections: Vec<String>,
    pub path: Option<PathBuf>,
}

pub(super) struct Entry {
    /// Full name: `server.listen`.
    pub name: String,
    pub variable: String,
    pub key: KeyDoc,
    /// Nothing where the default applies.
    pub written: Option<Written>,
    pub shown: Shown,
    pub place: Place,
    pub excerpt: Option<Excerpt>,
}

impl Entry {
    /// The key with its default.
    pub(super) fn untouched(section: &SectionDoc, key: &KeyDoc) -> Entry {
        Entry {
            name: section.full(key.name),
            variable: section.variable(key.name),
            shown: Shown { text: key.default.clone(), is_set: key.has_default },
            key: key.clone(),
            written: None,
            place: Place::Default,
            excerpt: None,
        }
    }

    fn explained(&self) -> Explained {
        Explained {
            key: self.name.clone(),
            value: self.shown.text.clone(),
            from: self.place.clone(),
            default: self.key.default.clone(),
            kind: self.key.kind.clone(),
            doc: self.key.doc.clone(),
            variable: self.variable.clone(),
            secret: self.key.secret,
        }
    }
}

/// One key with its value and where the value came from.
#[derive(Debug, Clone, Serialize)]
pub struct Explained {
    /// Full name: `server.listen`.
    pub key: String,
    /// The value in the notation of the file; `set` for a secret; `not set` where there is none.
    pub value: String,
    /// Where the value came from.
    pub from: Place,
    /// The default in the notation of the file.
    pub default: String,
    /// What may be written, with the unit.
    pub kind: String,
    /// What the key does.
    pub doc: String,
    /// Its environment variable.
    pub variable: String,
    /// Whether the value is never shown.
    pub secret: bool,
}

/// Several lines, without a line break at the end.
impl fmt::Display for Explained {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{} = {}", self.key, self.value)?;
        write!(f, "\n  from      {}", self.from)?;
        write!(f, "\n  default   {}", self.default)?;
        write!(f, "\n  kind      {}", self.kind)?;
        write!(f, "\n  variable  {}", self.variable)?;
        if self.secret {
            write!(f, "\n  file      {}_file, {}_FILE", self.key, self.variable)?;
        }
        self.doc.lines().try_for_each(|line| write!(f, "\n  {line}"))
    }
}

impl Config {
    /// What applies when nobody says anything.
    pub fn defaults(schema: &Schema) -> Config {
        let entries = schema.keys().map(|(section, key)| Entry::untouched(section, key)).collect();
        Config::of(schema, entries, None)
    }
    pub(super) fn of(schema: &Schema, entries: Vec<Entry>, path: Option<PathBuf>) -> Config {
        let sections = schema.sections().iter().map(|section| section.name.clone()).collect();
        Config(Arc::new(Effective { entries, sections, path }))
    }
    pub(super) fn entry(&self, key: &str) -> Option<&Entry> {
        self.0.entries.iter().find(|entry| entry.name == key)
    }

    /// A section with the values that apply; its defaults if the schema does not have it.
    pub fn get<S: Section>(&self) -> S {
        S::read(&mut Reader { config: Some(self), section: S::NAME })
    }
    /// Which rules apply.
    pub fn profile(&self) -> Profile {
        Reader { config: Some(self), section: "" }.value("profile", Profile::Development.as_str())
    }
    /// The file that was read.
    pub fn path(&self) -> Option<&Path> {
        self.0.path.as_deref()
    }

    /// A key, by its full name or its environment variable.
    ///
    /// # Errors
    /// [`Code::NotFound`] for a name that is no key, with the nearest one.
    pub fn explain(&self, name: &str) -> Result<Explained, Error> {
        let entries = || self.0.entries.iter();
        if let Some(entry) = entries().find(|entry| entry.name == name || entry.variable == name) {
            return Ok(entry.explained());
        }
        if !name.is_empty() && self.0.sections.iter().any(|section| section == name) {
            let prefix = format!("{name}.");
            let keys: Vec<&str> = entries().map(|entry| entry.name.as_str()).filter(|key| key.starts_with(&prefix)).collect();
            return Err(Code::NotFound.because(format!("`{name}` is a section; its keys are {}", keys.join(", "))));
        }
        let same_key = || entries().find(|entry| entry.name.rsplit('.').next() == Some(name)).map(|entry| entry.name.as_str());
        let near = nearest(name, entries().flat_map(|entry| [entry.name.as_str(), entry.variable.as_str()])).or_else(same_key);
        Err(Code::NotFound.because(match near {
            Some(near) => format!("there is no key `{name}`; did you mean `{near}`?"),
            None => format!("there is no key `{name}`; `plimsoll config explain` lists them all"),
        }))
    }
    /// Every key, in the order of the schema.
    pub fn all(&self) -> impl Iterator<Item = Explained> {
        self.0.entries.iter().map(Entry::explained)
    }

    /// SHA-256 in hexadecimal over the values that apply, without secrets. It depends neither on
    /// where a value came from nor on the order of the sections.
    pub fn digest(&self) -> String {
        let mut entries: Vec<&Entry> = self.0.entries.iter().filter(|entry| !entry.key.secret).collect();
        entries.sort_by(|a, b| a.name.cmp(&b.name));
        let mut digest = ring::digest::Context::new(&ring::digest::SHA256);
        for entry in entries {
            for part in [&entry.name, &entry.shown.text] {
                digest.update(&(part.len() as u64).to_be_bytes());
                digest.update(part.as_bytes());
            }
        }
        digest.finish().as_ref().iter().map(|byte| format!("{byte:02x}")).collect()
    }
}

impl fmt::Debug for Config {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_map().entries(self.0.entries.iter().map(|entry| (&entry.name, &entry.shown.text))).finish()
    }
}

/// Gives a section its values.
#[derive(Debug)]
pub struct Reader<'a> {
    config: Option<&'a Config>,
    section: &'static str,
}

impl Reader<'_> {
    /// Gives defaults only.
    pub fn defaults() -> Self {
        Reader { config: None, section: "" }
    }

    /// The value of a key, or its default.
    ///
    /// # Panics
    /// When the default is not of the key's kind; [`KeyDoc::new`] finds that earlier.
    pub fn value<T: Setting>(&mut self, name: &str, default: &str) -> T {
        match self.given(name).map_or_else(|| T::from_text(default), Ok) {
            Ok(value) => value,
            Err(wrong) => panic!("the default of the key `{name}` is wrong: {}", wrong.message),
        }
    }
    /// The value of a key that has no default.
    pub fn optional<T: Unset>(&mut self, name: &str) -> T {
        self.given(name).unwrap_or_else(T::unset)
    }

    /// A value was checked with the same kind when it was loaded, so that it can be read again.
    fn given<T: Setting>(&self, name: &str) -> Option<T> {
        let name = name.trim_start_matches("r#");
        let full = if self.section.is_empty() { name.to_string() } else { format!("{}.{name}", self.section) };
        self.config?.entry(&full)?.written.as_ref()?.read(&mut Vec::new())
    }
}
