//! Everything that may be configured.

use std::collections::HashSet;

use super::{
    Profile,
    effective::Config,
    node::Node,
    rules::Rules,
    secret::Secret,
    section::Section,
    setting::{Setting, Unset, Wrong},
};

/// A rule over several keys; runs when every single value can be read.
pub type Rule = fn(&Config, &mut Rules<'_>);

/// One key of a section: what the pages say about it, and how its value is checked.
#[derive(Debug, Clone)]
pub struct KeyDoc {
    /// Its name inside the section.
    pub name: &'static str,
    /// What it does, in full sentences.
    pub doc: String,
    /// What may be written, with the unit.
    pub kind: String,
    /// The default in the notation of the file; `not set` where there is none.
    pub default: String,
    /// A possible value in the notation of the file.
    pub example: String,
    /// Whether the value is never shown and may come from a file of its own.
    pub secret: bool,
    /// Whether there is a value when nobody gives one.
    pub has_default: bool,
    pub(super) check: fn(&Written, &mut Vec<Wrong>) -> Option<Shown>,
}

/// A value as somebody wrote it.
#[derive(Debug, Clone)]
pub(super) enum Written {
    Node(Node),
    Text(String),
    Hidden(Secret),
}

impl Written {
    pub(super) fn read<T: Setting>(&self, wrong: &mut Vec<Wrong>) -> Option<T> {
        let text = match self {
            Written::Node(value) => return T::from_toml(value, wrong),
            Written::Text(text) => text.as_str(),
            Written::Hidden(secret) => secret.expose(),
        };
        T::from_text(text).map_err(|it| wrong.push(it)).ok()
    }
}

/// A value as it may be printed.
#[derive(Debug, Clone)]
pub(super) struct Shown {
    pub text: String,
    pub is_set: bool,
}

impl Shown {
    fn of<T: Setting>(value: &T) -> Shown {
        let text = match (value.is_set(), T::SECRET) {
            (false, _) => "not set".into(),
            (true, true) => "set".into(),
            (true, false) => value.show(),
        };
        Shown { text, is_set: value.is_set() }
    }
}

impl KeyDoc {
    /// A key with a default, which is text as in an environment variable.
    ///
    /// # Panics
    /// When the default is not of the key's kind.
    pub fn new<T: Setting>(name: &'static str, doc: &str, default: &str) -> KeyDoc {
        match T::from_text(default) {
            Ok(value) => KeyDoc::with::<T>(name, doc, &value),
            Err(wrong) => panic!("the default of the key `{name}` is wrong: {}", wrong.message),
        }
    }
    /// A key without a value until somebody gives one.
    pub fn unset<T: Unset>(name: &'static str, doc: &str) -> KeyDoc {
        KeyDoc::with::<T>(name, doc, &T::unset())
    }

    fn with<T: Setting>(name: &'static str, doc: &str, default: &T) -> KeyDoc {
        let shown = Shown::of(default);
        KeyDoc {
            name: name.trim_start_matches("r#"),
            doc: paragraph(doc),
            kind: T::kind(),
            default: shown.text,
            example: T::example(),
            secret: T::SECRET,
            has_default: shown.is_set,
            check: |written, wrong| written.read::<T>(wrong).map(|value| Shown::of(&value)),
        }
    }

    /// The key beside a secret that names the file which holds it.
    pub(super) fn file_key(&self) -> Option<String> {
        self.secret.then(|| format!("{}_file", self.name))
    }
}

/// One section with its keys.
#[derive(Debug, Clone)]
pub struct SectionDoc {
    /// Its name, with dots where it is nested; empty for the keys above all sections.
    pub name: String,
    /// What it is about.
    pub doc: String,
    /// Its keys, in the order they are declared.
    pub keys: Vec<KeyDoc>,
}

impl SectionDoc {
    /// The full name of one of its keys: `server.listen`.
    pub fn full(&self, key: &str) -> String {
        if self.name.is_empty() { key.into() } else { format!("{}.{key}", self.name) }
    }
    /// The environment variable of one of its keys: `PLIMSOLL_SERVER__LISTEN`.
    pub fn variable(&self, key: &str) -> String {
        format!("PLIMSOLL_{}", self.full(key).replace('.', "__").to_ascii_uppercase())
    }
}

/// Where the keys of a section stand.
pub(super) fn within(name: &str) -> String {
    if name.is_empty() { "at the top of the file".into() } else { format!("in [{name}]") }
}

/// The ordered list of sections, and the rules that hold between their keys.
#[derive(Debug, Clone)]
pub struct Schema {
    sections: Vec<SectionDoc>,
    rules: Vec<Rule>,
}

impl Default for Schema {
    fn default() -> Self {
        Schema::new()
    }
}

impl Schema {
    /// Only the key `profile`.
    pub fn new() -> Schema {
        let doc = "Which rules apply: `production` refuses values that are convenient on an author's machine and dangerous anywhere else.";
        let profile = KeyDoc::new::<Profile>("profile", doc, "development");
        Schema { sections: Vec::new(), rules: Vec::new() }.section_of("", "Keys above all sections.", vec![profile])
    }

    /// Adds the section of an engine.
    ///
    /// # Panics
    /// As [`Schema::section_of`].
    #[must_use]
    pub fn section<S: Section>(self) -> Schema {
        self.section_of(S::NAME, S::DOC, S::keys())
    }

    /// Adds a section by hand.
    ///
    /// # Panics
    /// When the section is there already, when a name is not made of small letters, digits and
    /// single underscores, when two keys would have the same name or variable, or when the section
    /// or a key has no doc: mistakes of an author, found in the first test that builds the schema.
    #[must_use]
    pub fn section_of(mut self, name: impl Into<String>, doc: &str, keys: Vec<KeyDoc>) -> Schema {
        let section = SectionDoc { name: name.into(), doc: paragraph(doc), keys };
        let at = format!("the section [{}]", section.name);
        assert!(self.sections.iter().all(|known| known.name != section.name), "{at} is declared twice");
        assert!(section.name.is_empty() || section.name.split('.').all(is_name), "{at} is not a good name for a section");
        assert!(!section.doc.is_empty(), "{at} has no doc");
        for key in &section.keys {
            assert!(is_name(key.name), "`{}` in {at} is not a good name for a key", key.name);
            assert!(!key.doc.is_empty(), "`{}` in {at} has no doc", key.name);
        }
        self.sections.push(section);
        let mut seen = HashSet::new();
        for (section, key) in self.keys() {
            for name in [Some(key.name.to_string()), key.file_key()].into_iter().flatten() {
                let full = section.full(&name);
                let nested = self.sections.iter().any(|other| is_under(&other.name, &full));
                assert!(!nested, "`{full}` is a key and a section");
                assert!(seen.insert(full.clone()), "`{full}` is declared twice");
            }
        }
        self
    }

    /// Adds a rule over several keys.
    #[must_use]
    pub fn rule(mut self, rule: Rule) -> Schema {
        self.rules.push(rule);
        self
    }

    /// Every section, in the order they were added.
    pub fn sections(&self) -> &[SectionDoc] {
        &self.sections
    }
    pub(super) fn rules(&self) -> &[Rule] {
        &self.rules
    }
    /// Every key with its section.
    pub fn keys(&self) -> impl Iterator<Item = (&SectionDoc, &KeyDoc)> {
        self.sections.iter().flat_map(|section| section.keys.iter().map(move |key| (section, key)))
    }
    pub(super) fn named(&self, section: &str) -> Option<&SectionDoc> {
        self.sections.iter().find(|it| it.name == section)
    }
    /// The words that may follow `prefix` in the name of a section.
    pub(super) fn below(&self, prefix: &str) -> Vec<&str> {
        let mut words = Vec::new();
        for section in &self.sections {
            let rest = match prefix {
                "" => Some(section.name.as_str()),
                prefix => section.name.strip_prefix(prefix).and_then(|rest| rest.strip_prefix('.')),
            };
            let word = rest.and_then(|rest| rest.split('.').next()).filter(|word| !word.is_empty());
            words.extend(word.filter(|word| !words.contains(word)).into_iter().collect::<Vec<_>>());
        }
        words
    }
    /// Whether sections begin with this name.
    pub(super) fn leads_to_section(&self, path: &str) -> bool {
        self.sections.iter().any(|section| is_under(&section.name, path))
    }
}

fn is_under(section: &str, path: &str) -> bool {
    section.strip_prefix(path).is_some_and(|rest| rest.is_empty() || rest.starts_with('.'))
}

fn is_name(name: &str) -> bool {
    let letters = name.bytes().all(|b| b.is_ascii_lowercase() || b.is_ascii_digit() || b == b'_');
    letters && name.starts_with(|c: char| c.is_ascii_lowercase()) && !name.contains("__") && !name.ends_with('_')
}

/// A doc comment as running text: lines without their leading space, paragraphs kept apart.
fn paragraph(doc: &str) -> String {
    let lines: Vec<&str> = doc.lines().map(str::trim).collect();
    lines.join("\n").trim().replace("\n\n", "\u{0}").replace('\n', " ").replace('\u{0}', "\n\n")
}
