//! The form of a detector in a page's head: the table `[detect]`.

use serde::Deserialize;

use super::{Confidence, Partial};
use crate::{Status, detect::Pattern};

/// How a practice is found in a repository.
#[derive(Debug, Clone, PartialEq, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Detect {
    /// What it is asked of.
    #[serde(default)]
    pub per: Per,
    /// Asked only where one of these is there; otherwise it does not apply, for the reason `unless`.
    #[serde(default)]
    pub only_if: Vec<Pattern>,
    /// Why it does not apply where none of `only_if` is there.
    #[serde(default)]
    pub unless: Option<String>,
    /// What is said where no signal is found: `missing` unless it says otherwise.
    #[serde(default = "missing")]
    pub otherwise: Status,
    /// What to say where no signal is found.
    #[serde(default)]
    pub absent: Option<String>,
    /// What shows it; the strongest that is found decides.
    #[serde(default, rename = "signal")]
    pub signals: Vec<Signal>,
    /// What lowers it, whatever was found; the gravest decides.
    #[serde(default, rename = "fault")]
    pub faults: Vec<Fault>,
    /// Where nothing was found: what was looked at, as patterns; the first that is there is where the practice would have to be.
    #[serde(default)]
    pub look: Vec<Pattern>,
    /// What to do, by framework or language; `any` for all others.
    #[serde(default)]
    pub fix: std::collections::BTreeMap<String, String>,
}

impl Detect {
    /// Every pattern in it.
    pub fn patterns(&self) -> impl Iterator<Item = &Pattern> {
        let signals = self.signals.iter().flat_map(|signal| {
            let counted = signal.cover.iter().flat_map(|cover| std::iter::once(&cover.of).chain(&cover.but).chain(&cover.meets));
            signal.all.iter().chain(&signal.any).chain(&signal.none).chain(counted)
        });
        let faults = self.faults.iter().flat_map(|fault| fault.all.iter().chain(&fault.any).chain(&fault.none));
        self.only_if.iter().chain(signals).chain(faults).chain(&self.look)
    }
}

fn missing() -> Status {
    Status::Missing
}

/// What a detector is asked of.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Per {
    /// The repository as a whole.
    #[default]
    Repository,
    /// Each service that answers HTTP; facts of no service count for each.
    Api,
    /// Each service of whatever kind, libraries excepted.
    Service,
    /// Each Dockerfile.
    Image,
}

/// Something that shows a practice.
#[derive(Debug, Clone, PartialEq, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Signal {
    /// Its name, unique on the page.
    pub id: String,
    /// All of these are there.
    #[serde(default)]
    pub all: Vec<Pattern>,
    /// One of these is there, where any is listed.
    #[serde(default)]
    pub any: Vec<Pattern>,
    /// None of these is there.
    #[serde(default)]
    pub none: Vec<Pattern>,
    /// Where all of them have to be: in the same file or the same definition; otherwise anywhere in the unit.
    #[serde(default)]
    pub same: Option<Same>,
    /// Counted: how many of the facts have what is asked.
    #[serde(default)]
    pub cover: Option<Cover>,
    /// At least so many facts match the first of `all`.
    #[serde(default)]
    pub least: Option<usize>,
    /// What it shows.
    #[serde(default = "implemented")]
    pub yields: Status,
    /// For `partial`: why.
    #[serde(default)]
    pub partial: Option<Partial>,
    /// Whether it counts although nothing runs it.
    #[serde(default)]
    pub reach: Wanted,
    /// What it means, in a sentence for people.
    #[serde(default)]
    pub why: Option<String>,
    /// How sure it is.
    #[serde(default = "high")]
    pub confidence: Confidence,
}

fn implemented() -> Status {
    Status::Implemented
}
fn high() -> Confidence {
    Confidence::High
}

/// Something that lowers what was found.
#[derive(Debug, Clone, PartialEq, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Fault {
    /// Its name, unique on the page.
    pub id: String,
    /// All of these are there.
    #[serde(default)]
    pub all: Vec<Pattern>,
    /// One of these is there, where any is listed.
    #[serde(default)]
    pub any: Vec<Pattern>,
    /// None of these is there.
    #[serde(default)]
    pub none: Vec<Pattern>,
    /// Where all of them have to be.
    #[serde(default)]
    pub same: Option<Same>,
    /// What it lowers to: `partial` or `missing`.
    #[serde(default = "partial")]
    pub yields: Status,
    /// For `partial`: why.
    #[serde(default)]
    pub partial: Option<Partial>,
    /// Whether it counts although nothing runs it.
    #[serde(default)]
    pub reach: Wanted,
    /// What it means, in a sentence for people.
    pub why: String,
}

fn partial() -> Status {
    Status::Partial
}

/// Where several facts have to be.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Same {
    /// In one file.
    File,
    /// In one definition.
    Symbol,
}

/// Whether code counts that nothing runs.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Wanted {
    /// It counts as partial: unwired, or off by default.
    #[default]
    Served,
    /// It counts.
    Any,
    /// It does not count at all.
    Only,
}

/// A count: of the facts that match `of`, how many match `meets` as well.
#[derive(Debug, Clone, PartialEq, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Cover {
    /// What is counted.
    pub of: Pattern,
    /// What is left out of the count.
    #[serde(default)]
    pub but: Vec<Pattern>,
    /// One of these has to match.
    pub meets: Vec<Pattern>,
    /// Which share is called implemented, in percent.
    #[serde(default = "hundred")]
    pub enough: u32,
}

fn hundred() -> u32 {
    100
}
