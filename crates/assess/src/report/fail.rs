//! What a run on a repository fails on: `critical`, `high:new`, `score<70`, `incomplete`, `conflict`, `expired`.

use std::fmt;

use super::{Gate, GateResult, Repository, Row, gate::some};
use crate::{Priority, ratio::Figure, score::Score};

/// One thing to fail on.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Condition {
    /// A practice of at least this priority is missing or partial, and not waived.
    Gap {
        /// The lowest priority that counts.
        least: Priority,
        /// Only what the baseline does not have.
        only_new: bool,
    },
    /// The score is below this; where nothing could be scored it is.
    Score(Figure),
    /// Something was left out that could have held proof or fault.
    Incomplete,
    /// Files and probe say different things.
    Conflict,
    /// A waiver expired whose gaps are still there.
    Expired,
}

impl Condition {
    /// Reads a condition.
    ///
    /// # Errors
    /// What may be written.
    pub fn parse(text: &str) -> Result<Condition, String> {
        let wrong = || {
            format!(
                "`{text}` is nothing to fail on; write critical, high, medium or low, with `:new` behind it for what the baseline does \
                 not have, score<70, incomplete, conflict or expired"
            )
        };
        if let Some(figure) = text.strip_prefix("score<") {
            let number: f64 = figure.trim().trim_end_matches('%').parse().map_err(|_| wrong())?;
            return if (0.0..=100.0).contains(&number) { Ok(Condition::Score(Figure::nearest(number))) } else { Err(wrong()) };
        }
        match text {
            "incomplete" => return Ok(Condition::Incomplete),
            "conflict" => return Ok(Condition::Conflict),
            "expired" => return Ok(Condition::Expired),
            _ => {}
        }
        let (word, only_new) = text.strip_suffix(":new").map_or((text, false), |word| (word, true));
        let least = Priority::ALL.iter().find(|priority| priority.name() == word).ok_or_else(wrong)?;
        Ok(Condition::Gap { least: *least, only_new })
    }

    /// Reads a list, separated by commas.
    ///
    /// # Errors
    /// What may be written.
    pub fn list(text: &str) -> Result<Vec<Condition>, String> {
        text.split(',').map(str::trim).filter(|part| !part.is_empty()).map(Condition::parse).collect()
    }

    /// What is there of it: the reason, and the rows.
    fn met(self, repository: &Repository, rows: &[Row], score: &Score) -> Option<(String, Vec<String>)> {
        match self {
            Condition::Gap { least, only_new } => {
                let counts = |row: &&Row| row.is_broken() && row.priority <= least && open(row, only_new);
                let ids: Vec<String> = rows.iter().filter(counts).map(|row| row.id.clone()).collect();
                let new = if only_new { "new, " } else { "" };
                (!ids.is_empty()).then(|| (format!("{} {new}not met: {}", ids.len(), some(&ids)), ids))
            }
            Condition::Score(least) => {
                let low = score.share.percent.is_none_or(|percent| percent < least);
                low.then(|| (format!("the score is {}", score.share.printed()), Vec::new()))
            }
            Condition::Incomplete => {
                repository.incomplete.then(|| (format!("{} left out or not read", repository.skipped.len()), Vec::new()))
            }
            Condition::Conflict => {
                let ids = repository.conflicts.clone();
                (!ids.is_empty()).then(|| (format!("files and probe disagree on {}", some(&ids)), ids))
            }
            Condition::Expired => {
                let expired = repository.waivers.iter().filter(|waiver| waiver.expired && waiver.covers > 0);
                let mut ids: Vec<String> = expired.map(|waiver| waiver.practice.clone()).collect();
                ids.sort();
                ids.dedup();
                (!ids.is_empty()).then(|| (format!("waivers expired of {}", some(&ids)), ids))
            }
        }
    }
}

/// Whether something is wrong with a row that nobody waived.
fn open(row: &Row, only_new: bool) -> bool {
    let gaps = row.looked.iter().flat_map(|looked| &looked.gaps);
    gaps.filter(|gap| gap.waived.is_none()).any(|gap| !only_new || gap.new != Some(false))
}

impl fmt::Display for Condition {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Condition::Gap { least, only_new: false } => f.write_str(least.name()),
            Condition::Gap { least, only_new: true } => write!(f, "{}:new", least.name()),
            Condition::Score(least) => write!(f, "score<{least}"),
            Condition::Incomplete => f.write_str("incomplete"),
            Condition::Conflict => f.write_str("conflict"),
            Condition::Expired => f.write_str("expired"),
        }
    }
}

/// Asks what was asked to fail on.
pub(super) fn judge(repository: &Repository, rows: &[Row], score: &Score) -> GateResult {
    let (mut says, mut failed_by, mut failed) = (Vec::new(), Vec::new(), false);
    for text in &repository.fail_on {
        // One that cannot be read was written by another version: it must not pass unseen.
        let Ok(condition) = Condition::parse(text) else {
            failed = true;
            says.push(format!("`{text}` cannot be judged"));
            continue;
        };
        if let Some((why, ids)) = condition.met(repository, rows, score) {
            failed = true;
            says.push(format!("{condition}: {why}"));
            failed_by.extend(ids);
        }
    }
    failed_by.sort();
    failed_by.dedup();
    if repository.fail_on.is_empty() {
        says.push("Nothing was asked to fail on".into());
    } else if !failed {
        says.push(format!("Nothing is there of what was asked to fail on: {}", repository.fail_on.join(", ")));
    }
    // Whatever was asked: a run that left something out has not passed.
    if repository.incomplete {
        says.push("the run is incomplete, which is never a pass".into());
    }
    GateResult { name: Gate::Asked, passed: !failed && !repository.incomplete, says: format!("{}.", says.join("; ")), failed_by }
}
