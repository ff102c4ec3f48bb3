//! What a run says, as one model, and the forms it is shown in.
//!
//! A live proof and the assessment of a repository fill the same model: a [`Row`] for every
//! practice, with a status, the checks behind it, and evidence that is a transcript, a place in a
//! file, a test or a statement. Every form is a function from a [`Report`] to text, so the same
//! report gives the same bytes.
//!
//! Two gates stand beside the number. The [`Verdict`] is over the whole catalogue: it stays "Not
//! ready" while any row that is critical by its own statement is unknown, and a live proof alone
//! cannot know of pipelines or backups. The [`Gate`] decides the exit code and is chosen by whoever
//! runs the proof; by default it asks that everything which could be attacked holds.

mod badge;
mod baseline;
mod build;
pub mod explain;
pub mod fail;
mod fingerprint;
mod gate;
mod html;
mod inert;
mod json;
mod junit;
mod live;
mod looked;
mod markdown;
mod mask;
mod outline;
pub mod plan;
mod repository;
mod row;
mod sarif;
mod terminal;
mod text;

use std::collections::BTreeMap;

use plimsoll_core::Time;
use serde::{Deserialize, Serialize};

pub use badge::badge;
pub use build::{Material, build};
pub use fail::Condition;
pub use gate::{Gate, GateResult};
pub use html::{html, html_as, html_since};
pub use inert::visible;
pub use json::json;
pub use junit::junit;
pub use looked::{Baseline, Estimate, Gap, Looked, Repository, Waived, WaiverUse};
pub use markdown::{markdown, markdown_as, markdown_since};
pub use outline::Template;
pub use repository::{Inspection, assessed, exit_code, fits_baseline, fits_live};
pub use sarif::sarif;
pub use text::{Look, text};

use crate::{
    Basis, Category, Effort, Grade, Kind, Outcome, Priority, Repair, Status,
    page::Checked,
    ratio::{Figure, Ratio},
    score::{CategoryScore, Counts, Score, Verdict},
};

/// The version of this model. A reader refuses others.
pub const SCHEMA: &str = "plimsoll.report/1";

/// What a run says. Fields are written in this order.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Report {
    /// [`SCHEMA`].
    pub schema: String,
    /// What the whole catalogue says.
    pub verdict: Verdict,
    /// Follows from the verdict, never from the percentage.
    pub safe_to_deploy: bool,
    /// The verdict in one sentence, with the rows that decide it.
    pub summary: String,
    /// What decides the exit code.
    pub gate: GateResult,
    /// The score of the whole.
    pub score: Score,
    /// Rows by status.
    pub counts: Counts,
    /// What was run on what.
    pub header: Header,
    /// The score of each category, in the order of the catalogue.
    pub categories: Vec<CategoryScore>,
    /// Every practice, sorted by id.
    pub practices: Vec<Row>,
    /// Ids of what is not fully met and known to be so, in the order in which to repair it.
    pub order: Vec<String>,
    /// What could not be tidied up.
    pub left: Vec<String>,
    /// Of the assessment of a repository: what was read, what was left out, what is waived.
    #[serde(skip_serializing_if = "Option::is_none", default)]
    pub repository: Option<Repository>,
}

/// What was run on what.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Header {
    /// The program.
    pub tool: String,
    /// Its version.
    pub version: String,
    /// The version of the catalogue.
    pub catalogue: String,
    /// What was looked at.
    pub target: Target,
    /// `sqlite` or `postgresql`, where it is known.
    pub database: Option<String>,
    /// The configuration profile, where it is known.
    pub profile: Option<String>,
    /// Repeats the run.
    pub seed: u64,
    /// Only these practices were asked for; empty means all.
    pub only: Vec<String>,
    /// The practice that was switched off for this run, to see its probe break.
    #[serde(skip_serializing_if = "Option::is_none", default)]
    pub without: Option<String>,
    /// Practices that the configuration switches off, with its reasons.
    pub off: BTreeMap<String, String>,
    /// Digests of what was looked at, so that a reader can tell whether it is the same.
    pub digests: Digests,
    /// When the run began. The one field that differs between two runs on the same thing.
    pub time: Time,
}

/// What a report is about.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case", tag = "kind")]
pub enum Target {
    /// A private copy, started and stopped by the run.
    PrivateCopy,
    /// A running service.
    Url {
        /// Where.
        url: String,
    },
    /// A repository.
    Repository {
        /// Where, as it was named.
        path: String,
        /// Its commit, where it has one.
        commit: Option<String>,
    },
}

impl Target {
    /// In words.
    pub fn words(&self) -> String {
        match self {
            Target::PrivateCopy => "a private copy on scratch data".into(),
            Target::Url { url } => url.clone(),
            Target::Repository { path, commit: Some(commit) } => format!("{path} at {commit}"),
            Target::Repository { path, commit: None } => path.clone(),
        }
    }
}

/// SHA-256 digests as `sha256:` and hexadecimal digits; absent where there is no such thing.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Digests {
    /// The program that was run.
    pub binary: Option<String>,
    /// The configuration it ran with, secrets left out.
    pub configuration: Option<String>,
    /// The service's own description.
    pub openapi: Option<String>,
}

/// One practice.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Row {
    /// Its name in the catalogue.
    pub id: String,
    /// A short label.
    pub title: String,
    /// Where it belongs.
    pub category: Category,
    /// What follows from its checks.
    pub status: Status,
    /// The reason in one sentence.
    pub why: String,
    /// What it earns of its weight; absent where it does not apply.
    pub value: Option<Ratio>,
    /// The parent that scores nothing and holds this facet back.
    #[serde(skip_serializing_if = "Option::is_none", default)]
    pub held_back_by: Option<String>,
    /// Its share in the score.
    pub weight: Figure,
    /// The weakest grade among the checks that were decided.
    pub grade: Option<Grade>,
    /// What decides which grade is needed.
    pub kind: Kind,
    /// How it can be checked today.
    pub checked: Checked,
    /// The practice it is a part of.
    pub facet_of: Option<String>,
    /// Its clauses, in the page's order.
    pub checks: Vec<Examined>,
    /// What led to the outcomes.
    pub evidence: Vec<Evidence>,
    /// How much its absence hurts.
    pub priority: Priority,
    /// Where the priority comes from.
    pub basis: Basis,
    /// How much work it is to add.
    pub effort: Effort,
    /// Who can fix its absence.
    pub repair: Repair,
    /// What to do where it is missing.
    pub recommendation: String,
    /// What has to be true, and how to see it; empty where nothing is left to do.
    pub done_when: Vec<String>,
    /// Of the assessment of a repository: what its files show.
    #[serde(skip_serializing_if = "Option::is_none", default)]
    pub looked: Option<Looked>,
}

/// A clause and its outcome.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Examined {
    /// Its name on the page.
    pub id: String,
    /// What is true when it holds.
    pub says: String,
    /// What came of it.
    #[serde(flatten)]
    pub outcome: Outcome,
    /// Why an unknown outcome is unknown.
    #[serde(skip_serializing_if = "Option::is_none", default)]
    pub doubt: Option<Doubt>,
    /// How it was found out.
    #[serde(skip_serializing_if = "Option::is_none", default)]
    pub grade: Option<Grade>,
}

/// Why something is unknown.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Doubt {
    /// Nothing can check it yet.
    NotYetChecked,
    /// It is about the inside of a service that stands behind the host.
    OutOfReach,
    /// It was left out of this run.
    NotAsked,
    /// The probe was not given what it needs.
    NotGranted,
    /// The probe could not go on.
    Trouble,
}

/// What led to an outcome.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(untagged)]
pub enum Evidence {
    /// Requests, answers and conclusions.
    Probe {
        /// The practice whose probe it was.
        probe: String,
        /// The check it is about.
        check: String,
        /// In order.
        transcript: Vec<String>,
    },
    /// A place in a file.
    File {
        /// Path below the repository's root.
        file: String,
        /// Line, from 1.
        line: u32,
        /// What stands there, line by line.
        #[serde(skip_serializing_if = "Vec::is_empty", default)]
        snippet: Vec<String>,
        /// The check it is about.
        #[serde(skip_serializing_if = "Option::is_none", default)]
        check: Option<String>,
        /// Why the place matters.
        #[serde(skip_serializing_if = "Option::is_none", default)]
        note: Option<String>,
    },
    /// A test that ran.
    Test {
        /// Its name.
        test: String,
        /// What it said.
        result: String,
        /// The check it is about.
        #[serde(skip_serializing_if = "Option::is_none", default)]
        check: Option<String>,
    },
    /// Somebody says so.
    Statement {
        /// What is said.
        statement: String,
        /// By whom.
        by: String,
        /// The check it is about.
        #[serde(skip_serializing_if = "Option::is_none", default)]
        check: Option<String>,
    },
}

impl Evidence {
    /// The check it is about, where it is about one.
    pub fn check(&self) -> Option<&str> {
        match self {
            Evidence::Probe { check, .. } => Some(check),
            Evidence::File { check, .. } | Evidence::Test { check, .. } | Evidence::Statement { check, .. } => check.as_deref(),
        }
    }
    /// As lines of text.
    pub fn lines(&self) -> Vec<String> {
        match self {
            Evidence::Probe { transcript, .. } => transcript.clone(),
            Evidence::File { file, line, note, snippet, .. } => {
                let place = note.as_ref().map_or_else(|| format!("{file}:{line}"), |note| format!("{file}:{line} {note}"));
                std::iter::once(place).chain(snippet.iter().map(|text| format!("    {text}"))).collect()
            }
            Evidence::Test { test, result, .. } => vec![format!("test {test}: {result}")],
            Evidence::Statement { statement, by, .. } => vec![format!("{by} says: {statement}")],
        }
    }
}

impl Report {
    /// The row of this practice.
    pub fn row(&self, id: &str) -> Option<&Row> {
        self.practices.binary_search_by(|row| row.id.as_str().cmp(id)).ok().map(|place| &self.practices[place])
    }
    /// Rows of this status.
    pub fn with(&self, status: Status) -> impl Iterator<Item = &Row> {
        self.practices.iter().filter(move |row| row.status == status)
    }
    /// Whether verdict, score and counts are what follows from the rows: a reader recomputes them.
    pub fn adds_up(&self) -> bool {
        let mut rows = self.practices.clone();
        crate::score::assign(&mut rows);
        let statuses = rows.iter().all(|row| row.status == row.concluded());
        let verdict = Verdict::of(&rows);
        statuses
            && rows == self.practices
            && verdict == self.verdict
            && verdict.is_safe() == self.safe_to_deploy
            && Score::of(&rows) == self.score
            && crate::score::categories(&rows) == self.categories
            && Counts::of(rows.iter()) == self.counts
            && {
                // The sentence may be worded otherwise by another version.
                let gate = match &self.repository {
                    Some(repository) => fail::judge(repository, &rows, &self.score),
                    None => GateResult::of(self.gate.name, &rows, verdict),
                };
                gate.passed == self.gate.passed && gate.failed_by == self.gate.failed_by
            }
    }
}

#[cfg(test)]
mod forms_tests;
#[cfg(test)]
mod looked_forms_tests;
#[cfg(test)]
mod looked_tests;
#[cfg(test)]
pub(crate) mod tests;
