//! What decides the exit code.

use serde::{Deserialize, Serialize};

use super::{Doubt, Row};
use crate::score::Verdict;

/// What is asked of a run before its exit code is zero.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Gate {
    /// Everything that could be examined holds: no check is broken and no probe had to give up.
    /// What was not granted is listed and does not fail.
    #[default]
    Claims,
    /// The verdict is at least Minimum.
    Minimum,
    /// The verdict is at least Recommended.
    Recommended,
    /// The verdict is Full.
    Full,
    /// Nothing is there of what whoever assesses a repository asked to fail on, see [`super::fail`].
    Asked,
}

impl Gate {
    /// Every gate that a live proof can ask, the easiest first.
    pub const ALL: [Gate; 4] = [Gate::Claims, Gate::Minimum, Gate::Recommended, Gate::Full];
    /// The word on the command line and in reports.
    pub const fn name(self) -> &'static str {
        match self {
            Gate::Claims => "claims",
            Gate::Minimum => "minimum",
            Gate::Recommended => "recommended",
            Gate::Full => "full",
            Gate::Asked => "asked",
        }
    }
}

/// What a gate said.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct GateResult {
    /// Which one.
    pub name: Gate,
    /// Whether it lets through.
    pub passed: bool,
    /// The reason in one sentence.
    pub says: String,
    /// The rows that close it, by id.
    pub failed_by: Vec<String>,
}

impl GateResult {
    /// Asks a gate about rows that have their values.
    pub fn of(gate: Gate, rows: &[Row], verdict: Verdict) -> GateResult {
        let least = match gate {
            Gate::Claims => return claims(rows),
            Gate::Minimum => Verdict::Minimum,
            Gate::Recommended => Verdict::Recommended,
            // What was asked stands in the report, not in the rows; see [`super::fail::judge`].
            Gate::Full | Gate::Asked => Verdict::Full,
        };
        let (passed, failed_by) = (verdict >= least, deciding(rows, verdict));
        let says = if passed {
            format!("The verdict is {}, and {} was asked for.", verdict.name(), least.name())
        } else {
            format!("The verdict is {}, below {}; in the way: {}.", verdict.name(), least.name(), some(&failed_by))
        };
        GateResult { name: gate, passed, says, failed_by: if passed { Vec::new() } else { failed_by } }
    }
}

fn claims(rows: &[Row]) -> GateResult {
    let stopped = |row: &&Row| row.checks.iter().any(|check| check.doubt == Some(Doubt::Trouble));
    let ids = |rows: &[&Row]| rows.iter().map(|row| row.id.clone()).collect::<Vec<String>>();
    let examined: Vec<&Row> = rows.iter().filter(|row| row.was_examined()).collect();
    let broken: Vec<&Row> = examined.iter().copied().filter(|row| row.is_broken()).collect();
    let troubled: Vec<&Row> = examined.iter().copied().filter(|row| !row.is_broken()).filter(stopped).collect();
    let withheld = examined.iter().filter(|row| row.doubt() == Some(Doubt::NotGranted)).count();
    let decided = examined.len() - examined.iter().filter(|row| row.grade.is_none()).count();
    let mut says = Vec::new();
    if !broken.is_empty() {
        says.push(format!("{} broken: {}", broken.len(), some(&ids(&broken))));
    }
    if !troubled.is_empty() {
        says.push(format!("{} could not be examined to the end: {}", troubled.len(), some(&ids(&troubled))));
    }
    if decided == 0 {
        says.push("nothing was examined".into());
    }
    let passed = says.is_empty();
    if passed {
        let noun = if decided == 1 { "practice was" } else { "practices were" };
        says.push(format!("{decided} {noun} examined and every check that could be made holds"));
    }
    if withheld > 0 {
        says.push(format!("{withheld} not examined in full because something was not granted"));
    }
    let mut failed_by = ids(&broken);
    failed_by.extend(ids(&troubled));
    failed_by.sort();
    let mut says = says.join("; ");
    says.push('.');
    GateResult { name: Gate::Claims, passed, says, failed_by }
}

/// The rows that keep a verdict from being better, by id.
pub(super) fn deciding(rows: &[Row], verdict: Verdict) -> Vec<String> {
    use crate::{Priority, ratio::Ratio};
    let short = |row: &&Row| row.value.is_some_and(|value| value < Ratio::ONE);
    let wanted: Box<dyn Fn(&&Row) -> bool> = match verdict {
        Verdict::NotRunnable => Box::new(|row| crate::score::stops(row)),
        Verdict::NotReady => Box::new(|row| row.blocked()),
        Verdict::Minimum => Box::new(move |row| row.priority == Priority::High && short(row)),
        Verdict::Recommended => Box::new(short),
        Verdict::Full => Box::new(|_| false),
    };
    rows.iter().filter(|row| wanted(row)).map(|row| row.id.clone()).collect()
}

/// The first few names, and how many more there are.
pub(super) fn some(ids: &[String]) -> String {
    const SHOWN: usize = 6;
    match ids.len() {
        0 => "nothing".into(),
        count if count <= SHOWN + 1 => ids.join(", "),
        count => format!("{} and {} more", ids[..SHOWN].join(", "), count - SHOWN),
    }
}
