//! In which order to work, and how long it may take.

mod needs;

use std::{cmp::Reverse, collections::BTreeSet};

use super::{Estimate, Report, Row};
use crate::{Effort, Priority, ratio::Ratio};

/// Days of work for one estimate: what orders the list, and the range it stands for.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Days {
    /// About the middle; this number goes into the order.
    pub usual: u32,
    /// At least.
    pub least: u32,
    /// At most; an XL has no upper end, its usual time stands for it.
    pub most: u32,
}

/// The days behind an effort. Where nobody states one, the middle of the scale is taken and the
/// range is that of S to L.
pub const fn days(effort: Effort) -> Days {
    match effort {
        Effort::S => Days { usual: 2, least: 1, most: 4 },
        Effort::M => Days { usual: 7, least: 5, most: 10 },
        Effort::L => Days { usual: 11, least: 9, most: 12 },
        Effort::Xl => Days { usual: 25, least: 24, most: 25 },
        Effort::Unstated => Days { usual: 7, least: 1, most: 12 },
    }
}

/// What a day of work on this row gains: weight not earned, by days.
fn gain(row: &Row) -> Ratio {
    let missing = row.value.map_or(Ratio::ZERO, Ratio::rest);
    let usual = match estimate(row) {
        Some(estimate) => Ratio::new(u128::from(estimate.least) + u128::from(estimate.most), 2),
        None => Ratio::new(u128::from(days(row.effort).usual), 1),
    };
    row.weight.ratio().times(missing).over(usual)
}

/// What the repair of a row was estimated to take in this very repository.
fn estimate(row: &Row) -> Option<Estimate> {
    row.looked.as_ref().and_then(|looked| looked.days)
}

fn sorted<'a>(rows: impl Iterator<Item = &'a Row>) -> Vec<&'a Row> {
    let mut rows: Vec<&Row> = rows.collect();
    rows.sort_by_key(|row| (!row.blocked(), Reverse(gain(row)), row.id.clone()));
    rows
}

/// What is known to fall short: gate blockers first, then what gains most per day.
pub fn order(rows: &[Row]) -> Vec<String> {
    sorted(rows.iter().filter(|row| row.is_broken())).into_iter().map(|row| row.id.clone()).collect()
}

/// What nobody knows yet and could matter: gate blockers first, then by weight.
pub fn to_find_out(rows: &[Row]) -> Vec<&Row> {
    let mut rows: Vec<&Row> = rows.iter().filter(|row| row.is_open()).collect();
    rows.sort_by_key(|row| (!row.blocked(), Reverse(row.weight), row.id.clone()));
    rows
}

/// A part of the roadmap.
pub struct Phase<'a> {
    /// What is reached at its end.
    pub goal: &'static str,
    /// What to do, in order.
    pub rows: Vec<&'a Row>,
    /// The sum of the lower ends of its estimates.
    pub least: u32,
    /// The sum of the upper ends.
    pub most: u32,
    /// Whether an XL is in it, so that there is no upper end.
    pub open: bool,
}

impl Phase<'_> {
    /// Its length for people.
    pub fn length(&self) -> String {
        match (self.rows.len(), self.open) {
            (0, _) => "nothing to do".into(),
            (_, true) => format!("{} days or more", self.least),
            (_, false) if self.least == self.most => format!("{} days", self.least),
            (_, false) => format!("{} to {} days", self.least, self.most),
        }
    }
}

/// The roadmap: blockers, then rows of high priority, then the rest. A parent comes before its
/// facets, in the phase that needs it first; in a repository also what it [needs](needs::of) comes before it.
pub fn phases(report: &Report) -> Vec<Phase<'_>> {
    let gaps = sorted(report.practices.iter().filter(|row| row.is_broken()));
    type Goal = (&'static str, fn(&Row) -> bool);
    let wanted: [Goal; 3] = [
        ("Open the gate: what is critical by its own statement", Row::blocked),
        ("What is missed soon: critical and high priority", |row| row.priority <= Priority::High),
        ("What is left: medium and low priority", |_| true),
    ];
    let mut done: BTreeSet<&str> = BTreeSet::new();
    let mut phases = Vec::new();
    for (goal, belongs) in wanted {
        let mut rows = Vec::new();
        for row in gaps.iter().filter(|row| belongs(row)) {
            place(row, &gaps, &mut done, &mut rows, report.repository.is_some());
        }
        let range = |row: &&Row| {
            let days = days(row.effort);
            estimate(row).unwrap_or(Estimate { least: days.least, most: days.most, open: row.effort == Effort::Xl })
        };
        let (least, most) = rows.iter().map(range).fold((0, 0), |(least, most), one| (least + one.least, most + one.most));
        let open = rows.iter().map(range).any(|one| one.open);
        phases.push(Phase { goal, rows, least, most, open });
    }
    phases
}

fn place<'a>(row: &'a Row, gaps: &[&'a Row], done: &mut BTreeSet<&'a str>, rows: &mut Vec<&'a Row>, needs: bool) {
    if !done.insert(&row.id) {
        return;
    }
    let parent = row.facet_of.iter().map(String::as_str);
    let needed = needs::of(&row.id).iter().copied().filter(|_| needs);
    for first in parent.chain(needed) {
        if let Some(first) = gaps.iter().find(|gap| gap.id == first) {
            place(first, gaps, done, rows, needs);
        }
    }
    rows.push(row);
}

/// The whole roadmap as one range.
pub fn total(phases: &[Phase<'_>]) -> String {
    let sum = Phase {
        goal: "",
        rows: phases.iter().flat_map(|phase| phase.rows.iter().copied()).collect(),
        least: phases.iter().map(|phase| phase.least).sum(),
        most: phases.iter().map(|phase| phase.most).sum(),
        open: phases.iter().any(|phase| phase.open),
    };
    sum.length()
}
