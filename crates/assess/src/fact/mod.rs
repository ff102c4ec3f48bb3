//! What a repository says, in words that do not depend on the language it says them in.
//!
//! Extractors ([`crate::language`], [`crate::config`]) read one file each and yield [`Fact`]s with
//! their places. The [`crate::wiring`] adds what only the whole shows: which code a service really
//! runs, which routes are mounted, what stands before them. Detectors ask [`Facts`] and nothing else.

mod kind;
mod names;
mod set;

pub use kind::Kind;
pub use names::Shape;
pub use set::{Facts, FileId, FileInfo, Service, ServiceKind};

use serde::{Deserialize, Serialize};

/// One thing that stands in one place.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Fact {
    /// What sort of thing.
    pub kind: Kind,
    /// Its name in canonical form: imports are followed to where a name comes from, so
    /// `from slowapi import Limiter; Limiter(...)` is a call of `slowapi.Limiter`.
    pub name: String,
    /// Further properties, in the order of the source; a name may come several times.
    pub attrs: Vec<(String, String)>,
    /// The file.
    pub file: FileId,
    /// First line, from 1.
    pub line: u32,
    /// Last line, from 1.
    pub end: u32,
    /// The definition it stands in, an index into the file's symbols; 0 is the file's own level.
    pub symbol: u32,
    /// The condition it depends on, as far as it is a flag of the configuration.
    pub guard: Option<Guard>,
    /// Whether a service runs it.
    pub reach: Reach,
}

impl Fact {
    /// A fact about these lines of a file, without further properties.
    pub fn new(kind: Kind, name: impl Into<String>, line: u32, end: u32) -> Fact {
        Fact { kind, name: name.into(), attrs: Vec::new(), file: FileId(0), line, end, symbol: 0, guard: None, reach: Reach::Unknown }
    }
    /// Adds a property.
    #[must_use]
    pub fn with(mut self, name: impl Into<String>, value: impl Into<String>) -> Fact {
        self.attrs.push((name.into(), value.into()));
        self
    }
    /// Says in which definition it stands.
    #[must_use]
    pub fn within(mut self, symbol: u32) -> Fact {
        self.symbol = symbol;
        self
    }
    /// The first property of this name.
    pub fn get(&self, name: &str) -> Option<&str> {
        self.attrs.iter().find(|(key, _)| key == name).map(|(_, value)| value.as_str())
    }
    /// All properties of this name.
    pub fn all<'a>(&'a self, name: &'a str) -> impl Iterator<Item = &'a str> {
        self.attrs.iter().filter(move |(key, _)| key == name).map(|(_, value)| value.as_str())
    }
}

/// A condition around code: `if settings.RATE_LIMIT:`.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Guard {
    /// The flag's last name as written, such as `RATE_LIMIT`.
    pub flag: String,
    /// Whether the code runs where the flag is false.
    pub negated: bool,
    /// What the flag is by default; filled in by the wiring.
    pub state: Flag,
}

/// What a flag is where nobody sets it.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize, Deserialize)]
pub enum Flag {
    /// On.
    On,
    /// Off.
    Off,
    /// Nobody says, or several places say different things.
    #[default]
    Unknown,
}

/// Whether a service runs what a fact is about.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
pub enum Reach {
    /// Nothing can be said: no entry point is known, or the fact is not about code.
    #[default]
    Unknown,
    /// A service runs it.
    Live,
    /// It would run if a flag were on, and that is off by default.
    Off,
    /// Nothing leads from an entry point to it.
    Unreached,
    /// It is a test's.
    Test,
}

/// What one file says.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Extract {
    /// Its facts.
    pub facts: Vec<Fact>,
    /// Its definitions; the first is the file itself. Empty for files that are not code.
    pub symbols: Vec<Symbol>,
    /// What it imports.
    pub imports: Vec<Import>,
    /// Which names are mentioned where, as written.
    pub uses: Vec<Use>,
    /// What others get under a name that is not the name of a definition or import here: the public name and the local one,
    /// such as `default` and `router`. The local one may have dots (`UserService` for an exported instance of that class).
    pub exports: Vec<(String, String)>,
    /// Parts of the file that could not be read, for people: `line 12: ...`.
    pub trouble: Vec<String>,
}

/// A definition.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Symbol {
    /// Its name with those of the definitions around it, separated by dots; empty for the file.
    pub name: String,
    /// The definition around it.
    pub parent: u32,
    /// First line, from 1.
    pub line: u32,
    /// Last line.
    pub end: u32,
    /// Whether it is a class or the like, whose methods belong to it.
    pub class: bool,
}

/// A name that comes from another file or library.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Import {
    /// What it is called here; `*` for all names.
    pub local: String,
    /// The module as written.
    pub module: String,
    /// The item of the module; nothing where the module itself is meant.
    pub item: Option<String>,
    /// How many folders up a relative import begins; 0 for an absolute one.
    pub level: u32,
    /// The line.
    pub line: u32,
    /// In which definition.
    pub symbol: u32,
    /// Whether the code goes on where the import fails.
    pub optional: bool,
}

/// A mention of a name: not an import, not a definition, not a comment.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Use {
    /// In which definition.
    pub symbol: u32,
    /// The name with dots, as written.
    pub path: String,
    /// The line.
    pub line: u32,
    /// The condition it depends on.
    pub guard: Option<Guard>,
}
