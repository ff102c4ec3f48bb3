//! Detectors: data on each practice's page that says which facts show it.
//!
//! A detector never guesses: what it says rests on facts with their places, and where it found
//! nothing it says what it looked for, and where the practice would have to be. Prose, comments,
//! imports, dependencies and names of files alone never prove a practice of code.

mod applies;
mod decide;
mod example;
mod expression;
mod glob;
mod library;
mod pattern;
mod rule;
mod sight;
mod units;

pub use decide::{Detectors, named_once};
pub use example::{Example, examples};
pub use library::add_libraries;
pub use pattern::Pattern;
pub use rule::{Cover, Detect, Fault, Per, Same, Signal, Wanted};

use serde::{Deserialize, Serialize};

use crate::{Status, fact::Service};

/// What was found about a repository.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Assessment {
    /// The parts that run by themselves.
    pub services: Vec<Service>,
    /// One per practice, in the order of the catalogue.
    pub practices: Vec<Assessed>,
    /// What was left out or could not be read, for people.
    pub skipped: Vec<String>,
    /// Whether something was left out that could have held proof or fault.
    pub incomplete: bool,
    /// How many files were read, and how many facts were found.
    pub files: usize,
    /// How many facts were found.
    pub facts: usize,
    /// The commit, where the tree has one.
    pub commit: Option<String>,
}

/// What was found about one practice.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Assessed {
    /// Its name.
    pub practice: String,
    /// What is said of it.
    pub status: Status,
    /// Why it is only partial; nothing for the other statuses.
    pub partial: Option<Partial>,
    /// How many of how many, where it was counted.
    pub share: Option<(usize, usize)>,
    /// The reason in one sentence.
    pub why: String,
    /// What shows it.
    pub evidence: Vec<Sight>,
    /// What speaks against it.
    pub gaps: Vec<Sight>,
    /// Where nothing was found: what was looked for, in words with numbers, such as `12 routes`.
    pub searched: Vec<String>,
    /// Where it would have to be.
    pub anchor: Option<Sight>,
    /// How sure the finding is.
    pub confidence: Confidence,
    /// The signals and faults that decided.
    pub by: Vec<String>,
    /// The same by service, where it was asked of each.
    pub services: Vec<(String, Status)>,
    /// What to do, for this framework; nothing where the page's own recommendation is all there is.
    pub fix: Option<String>,
}

/// A place that matters.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
pub struct Sight {
    /// Path below the root.
    pub file: String,
    /// First line, from 1.
    pub line: u32,
    /// Last line.
    pub end: u32,
    /// The enclosing definition; empty at the file's own level.
    pub symbol: String,
    /// What stands there, at most three lines, shortened.
    pub snippet: String,
    /// Why it matters.
    pub note: String,
}

/// Why a practice is only partial.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Partial {
    /// It is there, and nothing that runs leads to it.
    Unwired,
    /// It is there, behind a flag that is off by default.
    OffByDefault,
    /// It is there and cannot work.
    Broken,
    /// It holds for some and not for others.
    Coverage,
    /// It holds, but not as much as it should.
    Weak,
    /// One service has it, another has not.
    OneService,
    /// It is written down, not done.
    DocsOnly,
}

/// How sure a finding is. Shown beside the score, never part of it.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Confidence {
    /// A guess from little.
    Low,
    /// Likely.
    Medium,
    /// It stands there.
    High,
}
