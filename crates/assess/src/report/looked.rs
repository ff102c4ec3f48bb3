//! What the assessment of a repository adds to the model.

use plimsoll_core::Time;
use serde::{Deserialize, Serialize};

use crate::{
    Status,
    detect::{Confidence, Partial, Sight},
    fact::Service,
};

/// What was read, what was left out, and what is waived.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Repository {
    /// The parts that run by themselves.
    pub services: Vec<Service>,
    /// How many files were read.
    pub files: usize,
    /// How many facts were found.
    pub facts: usize,
    /// How many practices of the catalogue have a detector. The others are unknown.
    pub with_detector: usize,
    /// Whether something was left out that could have held proof or fault. Such a run is never called passed.
    pub incomplete: bool,
    /// What was left out or could not be read, for people.
    pub skipped: Vec<String>,
    /// What was probed beside it, and when.
    pub live: Option<String>,
    /// Practices of which files and probe say different things, by id. The probe wins.
    pub conflicts: Vec<String>,
    /// Waivers, also those that waive nothing.
    pub waivers: Vec<WaiverUse>,
    /// Comments that look like waivers and are none, with their place.
    pub complaints: Vec<String>,
    /// What it was compared with.
    pub baseline: Option<Baseline>,
    /// What the run fails on, as it was asked.
    pub fail_on: Vec<String>,
}

/// An earlier report that this one was compared with.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Baseline {
    /// When it was made.
    pub time: Time,
    /// Gaps that it has as well.
    pub known: usize,
    /// Gaps that it has not.
    pub new: usize,
    /// Gaps that only it has.
    pub fixed: usize,
    /// Whether only new gaps are shown.
    pub only_new: bool,
}

/// What the files show of a practice.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Looked {
    /// What the files say, also where a probe said otherwise.
    pub status: Status,
    /// Why it is only partial.
    #[serde(skip_serializing_if = "Option::is_none", default)]
    pub partial: Option<Partial>,
    /// How many of how many, where it was counted.
    #[serde(skip_serializing_if = "Option::is_none", default)]
    pub share: Option<(usize, usize)>,
    /// The reason in one sentence.
    pub why: String,
    /// How sure it is. Shown beside the score, never part of it.
    pub confidence: Confidence,
    /// Whether the practice has a detector.
    pub detector: bool,
    /// The signals and faults that decided.
    pub by: Vec<String>,
    /// What a live probe said, where it decided the row.
    #[serde(skip_serializing_if = "Option::is_none", default)]
    pub probed: Option<Status>,
    /// What is wrong and where; of what is missing, where it would have to be.
    pub gaps: Vec<Gap>,
    /// Where nothing was found: what was looked for.
    pub searched: Vec<String>,
    /// Where it would have to be.
    #[serde(skip_serializing_if = "Option::is_none", default)]
    pub anchor: Option<Sight>,
    /// The same by service, where it was asked of each.
    pub services: Vec<(String, Status)>,
    /// How long the repair takes; nothing where there is nothing to repair.
    #[serde(skip_serializing_if = "Option::is_none", default)]
    pub days: Option<Estimate>,
}

/// A range of days of one person. An estimate, and no promise.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub struct Estimate {
    /// At least.
    pub least: u32,
    /// At most.
    pub most: u32,
    /// Whether there is no upper end.
    pub open: bool,
}

impl Estimate {
    /// In words.
    pub fn words(self) -> String {
        match (self.least, self.most, self.open) {
            (least, _, true) => format!("{least} days or more"),
            (1, 1, false) => "1 day".into(),
            (least, most, false) if least == most => format!("{least} days"),
            (least, most, false) => format!("{least} to {most} days"),
        }
    }
}

/// Something that is wrong.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Gap {
    /// Names it for waivers and baselines; stays the same when lines move.
    pub fingerprint: String,
    /// Where; the file is empty where nobody can say.
    pub place: Sight,
    /// The service that the place belongs to.
    #[serde(skip_serializing_if = "Option::is_none", default)]
    pub service: Option<String>,
    /// Who accepted it.
    #[serde(skip_serializing_if = "Option::is_none", default)]
    pub waived: Option<Waived>,
    /// Whether the baseline does not have it; nothing where there is no baseline.
    #[serde(skip_serializing_if = "Option::is_none", default)]
    pub new: Option<bool>,
}

/// That a gap is accepted.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Waived {
    /// Why.
    pub reason: String,
    /// By whom; nothing for a comment in the code.
    #[serde(skip_serializing_if = "Option::is_none", default)]
    pub owner: Option<String>,
    /// The last day on which it holds.
    pub expires: String,
    /// Where it is written, `file:line`.
    pub source: String,
    /// Whether it stands in the code itself.
    pub inline: bool,
}

impl Waived {
    /// In words.
    pub fn words(&self) -> String {
        let by = self.owner.as_ref().map_or_else(String::new, |owner| format!(" by {owner}"));
        format!("waived{by} until {}: {} ({})", self.expires, self.reason, self.source)
    }
}

/// A waiver and what became of it.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct WaiverUse {
    /// The practice.
    pub practice: String,
    /// The waiver.
    #[serde(flatten)]
    pub waived: Waived,
    /// How many gaps it covers, or would if it had not expired.
    pub covers: usize,
    /// Whether its last day has passed, so that it waives nothing any more.
    pub expired: bool,
}

impl WaiverUse {
    /// In words.
    pub fn words(&self) -> String {
        let state = match (self.expired, self.covers) {
            (true, 0) => "expired, and nothing is left of it".to_owned(),
            (true, count) => format!("EXPIRED: {count} {} again", if count == 1 { "gap counts" } else { "gaps count" }),
            (false, 0) => "covers nothing: remove it".to_owned(),
            (false, count) => format!("covers {count} {}", if count == 1 { "gap" } else { "gaps" }),
        };
        format!("{}: {}; {state}", self.practice, self.waived.words())
    }
}
