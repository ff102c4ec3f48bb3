//! What was declared, checked and turned into statements once.

use plimsoll_core::{Code, Error, Fault, Result};

use super::{
    Erase, Key, Subject,
    own::{self, PERSON},
    statements::Statements,
};

/// A declaration with its statements.
pub(super) struct Holding {
    /// The system that declared it; `host` for the host's own.
    pub(super) system: &'static str,
    pub(super) subject: Subject,
    /// Whether tenants own the table.
    pub(super) owned: bool,
    pub(super) statements: Statements,
}

/// Everything that was declared about persons.
#[derive(Default)]
pub struct Register {
    pub(super) holdings: Vec<Holding>,
}

/// A kind of subject, for those who ask what there is.
#[derive(Debug, Clone, PartialEq, Eq, serde::Serialize, schemars::JsonSchema)]
#[schemars(rename = "SubjectKind")]
pub struct Kind {
    /// Its name.
    pub kind: String,
    /// What its key is.
    pub key: String,
    /// The tables that hold its data.
    pub tables: Vec<Table>,
}

/// A table with data about persons.
#[derive(Debug, Clone, PartialEq, Eq, serde::Serialize, schemars::JsonSchema)]
#[schemars(rename = "SubjectTable")]
pub struct Table {
    /// Whose table it is.
    pub system: String,
    /// Its name.
    pub table: String,
    /// `deleted`, `blanked` or `kept`.
    pub erasure: String,
}

impl Register {
    /// The host's own declarations.
    pub fn host() -> Register {
        let mut register = Register::default();
        for subject in own::HOLDINGS {
            register.take("host", *subject, true);
        }
        register.take("host", own::ACCOUNT, false);
        register.take("host", own::ADDRESS, false);
        register
    }

    /// Adds what a system declares.
    pub fn declare(&mut self, system: &'static str, subjects: &'static [Subject]) {
        for subject in subjects {
            self.take(system, *subject, true);
        }
    }

    fn take(&mut self, system: &'static str, subject: Subject, owned: bool) {
        self.holdings.push(Holding { system, subject, owned, statements: Statements::new(&subject, owned) });
    }

    /// The declarations of a kind in tables that tenants own.
    pub(super) fn of(&self, kind: &str) -> Vec<&Holding> {
        self.holdings.iter().filter(|one| one.owned && one.subject.kind == kind).collect()
    }

    /// The declaration of the account itself.
    pub(super) fn account(&self) -> Option<&Holding> {
        self.holdings.iter().find(|one| !one.owned && matches!(one.subject.key, Key::Text("id")))
    }

    /// The kinds there are, with their tables.
    pub fn kinds(&self) -> Vec<Kind> {
        let mut kinds: Vec<Kind> = Vec::new();
        for one in &self.holdings {
            let table = Table { system: one.system.into(), table: one.subject.table.into(), erasure: one.subject.erase.word().into() };
            match kinds.iter_mut().find(|known| known.kind == one.subject.kind) {
                Some(known) if known.tables.contains(&table) => {}
                Some(known) => known.tables.push(table),
                None => {
                    let key = match one.subject.key {
                        _ if one.subject.kind == PERSON => "an e-mail address or a usr_… id",
                        Key::Number(_) => "a whole number",
                        Key::Text(_) | Key::Via { .. } | Key::Marked(_) => "a text",
                    };
                    kinds.push(Kind { kind: one.subject.kind.into(), key: key.into(), tables: vec![table] });
                }
            }
        }
        kinds
    }

    /// A kind and key as somebody names them, in the form in which they are compared.
    ///
    /// # Errors
    /// [`Code::Invalid`] for a kind that nobody declared, and a key that cannot be one.
    pub fn named(&self, kind: &str, key: &str) -> Result<Named> {
        let fault = |pointer: &'static str, why: String| Error::invalid(vec![Fault::at(pointer, why)]);
        let holdings = self.of(kind);
        let Some(first) = holdings.first() else {
            let known = self.kinds().into_iter().map(|one| one.kind).collect::<Vec<_>>().join(", ");
            return Err(fault("/kind", format!("is no declared kind of subject; there are: {known}")));
        };
        if key.is_empty() || key.len() > 500 {
            return Err(fault("/key", "must be 1 to 500 bytes".into()));
        }
        let number = |key: &str| key.parse::<i64>().ok().filter(|number| number.to_string() == key);
        match first.subject.key {
            Key::Number(_) if number(key).is_none() => Err(fault("/key", "must be a whole number".into())),
            _ => Ok(Named { kind: first.subject.kind, key: key.to_owned() }),
        }
    }
}

impl Erase {
    /// The word for it in certificates and lists.
    pub const fn word(self) -> &'static str {
        match self {
            Erase::Delete => "deleted",
            Erase::Blank(_) => "blanked",
            Erase::Keep(_) => "kept",
        }
    }
}

/// A subject that somebody named: a declared kind, and a key that can be one.
#[derive(Clone)]
pub struct Named {
    /// The kind.
    pub kind: &'static str,
    /// The key, as text.
    pub(super) key: String,
}

/// Shows no key: it is personal data.
impl std::fmt::Debug for Named {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "Named({}, …)", self.kind)
    }
}

/// A conflict in what was declared is found by the first test that mounts the system.
pub(super) fn unfit(why: String) -> Error {
    Code::Internal.error().caused_by(why)
}
