//! What was found about a check, and what follows for its practice.

use serde::{Deserialize, Serialize};

/// Begins the reason of a check that nobody can make yet.
pub const NOT_YET: &str = "not yet checked: ";
/// Begins the reason where a probe was not given what it needs. The gate tells this from a probe
/// that could not go on.
pub const NOT_GRANTED: &str = "not granted: ";
/// Begins the reason where a check is about the inside of a service that stands behind the host.
pub const OUT_OF_REACH: &str = "not to be reached from outside: ";

/// What one check of a practice came to.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case", tag = "outcome", content = "why")]
pub enum Outcome {
    /// What the check says is true.
    Held,
    /// It is not; the reason.
    Broken(String),
    /// It could not be found out; the reason. Never a pass.
    Unknown(String),
    /// It has no meaning here; the reason.
    NotApplicable(String),
}

/// How much a piece of evidence is worth, the weakest first.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
pub enum Grade {
    /// A person says so.
    E0,
    /// It stands in a file.
    E1,
    /// A test ran.
    E2,
    /// A running service was asked.
    E3,
}

impl Grade {
    /// In words, for people.
    pub const fn words(self) -> &'static str {
        match self {
            Grade::E0 => "E0, a statement",
            Grade::E1 => "E1, a place in a file",
            Grade::E2 => "E2, a test that ran",
            Grade::E3 => "E3, a live probe",
        }
    }
}

/// One check with its outcome and what led to it.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Finding {
    /// The check's name on the practice's page.
    pub check: String,
    /// What came of it.
    #[serde(flatten)]
    pub outcome: Outcome,
    /// How it was found out; absent where nothing was.
    #[serde(skip_serializing_if = "Option::is_none", default)]
    pub grade: Option<Grade>,
    /// Requests, answers and what was concluded, in order.
    #[serde(skip_serializing_if = "Vec::is_empty", default)]
    pub transcript: Vec<String>,
}

impl Finding {
    /// A check that nobody looked at.
    pub fn unknown(check: impl Into<String>, why: impl Into<String>) -> Finding {
        Finding { check: check.into(), outcome: Outcome::Unknown(why.into()), grade: None, transcript: Vec::new() }
    }
    /// A check without meaning here.
    pub fn not_applicable(check: impl Into<String>, why: impl Into<String>) -> Finding {
        Finding { check: check.into(), outcome: Outcome::NotApplicable(why.into()), grade: None, transcript: Vec::new() }
    }
}

/// What is said of a practice, from the outcomes of its checks.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Status {
    /// Every applicable check held.
    Implemented,
    /// Some held, some did not or are unknown.
    Partial,
    /// None held and at least one is broken.
    Missing,
    /// No check applies.
    NotApplicable,
    /// None held, none is broken: nobody knows.
    Unknown,
}

impl Status {
    /// The status that these outcomes amount to.
    pub fn of<'a>(outcomes: impl IntoIterator<Item = &'a Outcome>) -> Status {
        let (mut held, mut broken, mut unknown) = (0, 0, 0);
        for outcome in outcomes {
            match outcome {
                Outcome::Held => held += 1,
                Outcome::Broken(_) => broken += 1,
                Outcome::Unknown(_) => unknown += 1,
                Outcome::NotApplicable(_) => {}
            }
        }
        match (held, broken, unknown) {
            (0, 0, 0) => Status::NotApplicable,
            (_, 0, 0) => Status::Implemented,
            (0, 0, _) => Status::Unknown,
            (0, _, _) => Status::Missing,
            _ => Status::Partial,
        }
    }
    /// The word in reports.
    pub const fn name(self) -> &'static str {
        match self {
            Status::Implemented => "implemented",
            Status::Partial => "partial",
            Status::Missing => "missing",
            Status::NotApplicable => "not-applicable",
            Status::Unknown => "unknown",
        }
    }
}

#[cfg(test)]
mod tests {
    use super::{Outcome, Status};

    fn status(letters: &str) -> Status {
        let outcomes: Vec<Outcome> = letters
            .chars()
            .map(|letter| match letter {
                'h' => Outcome::Held,
                'b' => Outcome::Broken(String::new()),
                'u' => Outcome::Unknown(String::new()),
                _ => Outcome::NotApplicable(String::new()),
            })
            .collect();
        Status::of(&outcomes)
    }

    #[test]
    fn unknown_is_never_passed_and_never_missing() {
        let cases = [
            ("", Status::NotApplicable),
            ("nn", Status::NotApplicable),
            ("hh", Status::Implemented),
            ("hn", Status::Implemented),
            ("hu", Status::Partial),
            ("hb", Status::Partial),
            ("b", Status::Missing),
            ("bu", Status::Missing),
            ("u", Status::Unknown),
            ("un", Status::Unknown),
        ];
        for (letters, expected) in cases {
            assert_eq!(status(letters), expected, "{letters}");
        }
    }
}
