//! Percentages that anyone can recompute.
//!
//! - The value of a row is the share of its applicable checks that hold. Evidence of a weak grade
//!   caps it, see [`cap`]: a value of x needs that share of checks at a grade whose cap is at
//!   least x. A check that is unknown does not hold.
//! - A facet of a row that scores nothing scores nothing.
//! - The score of a category, and of the whole, is `sum(weight * value) / sum(weight)` over the
//!   rows that apply. The whole is over all rows, not over categories.
//! - Percentages have one decimal, a tie goes to the even neighbour; bands are read off the
//!   printed figure, thresholds of a verdict off the exact fraction.
//!
//!
//! The rows of a repository have a [`credit`] instead, where no probe decided them: see there.
//!
//! Everything is an exact fraction, see [`Ratio`].

use std::collections::BTreeMap;

use serde::{Deserialize, Serialize};

use crate::{
    Category, Grade, Kind, Outcome, Priority, Status,
    detect::Partial,
    ratio::{Figure, Ratio},
    report::{Examined, Row},
};

/// What a row can be worth at most on evidence of this grade.
pub const fn cap(kind: Kind, grade: Grade) -> Ratio {
    let half = Ratio::new(1, 2);
    match (kind, grade) {
        (Kind::Process, Grade::E0) => half,
        (Kind::Process, Grade::E1) | (_, Grade::E2 | Grade::E3) => Ratio::ONE,
        (_, Grade::E1) => half,
        (_, Grade::E0) => Ratio::ZERO,
    }
}

/// The value of a row of this kind by itself; `None` where no check applies.
pub fn value(kind: Kind, checks: &[Examined]) -> Option<Ratio> {
    let applicable = checks.iter().filter(|check| !matches!(check.outcome, Outcome::NotApplicable(_))).count();
    if applicable == 0 {
        return None;
    }
    let held = |least: Grade| {
        let enough = |check: &&Examined| check.outcome == Outcome::Held && check.grade.unwrap_or(Grade::E0) >= least;
        Ratio::new(checks.iter().filter(enough).count() as u128, applicable as u128)
    };
    [Grade::E0, Grade::E1, Grade::E2, Grade::E3].into_iter().map(|least| held(least).min(cap(kind, least))).max()
}

/// What a practice earns by what the files of a repository show; `None` where that is unknown or does not apply.
///
/// A credit takes the place of the value of a row, and the [`cap`]s of grades do not lower it. They bound what the checks of a
/// *live* proof may earn on weak evidence, where a probe could have been sent; an assessment reads files and nothing else, so a
/// cap would only divide its whole scale by two and say nothing. Four things keep the two from being mixed up: a row that a probe
/// decided has its value from its checks and their caps, also in an assessment; the grade of a row by files is E1 and is shown;
/// the confidence beside the score is the share of the weight that a probe or a test decided, which is zero for files alone; and
/// what is unknown leaves the denominator, but is counted aloud and keeps the verdict at Not ready where it is critical.
pub fn credit(status: Status, partial: Option<Partial>, share: Option<(usize, usize)>) -> Option<Ratio> {
    Some(match (status, partial) {
        (Status::Unknown | Status::NotApplicable, _) => return None,
        (Status::Implemented, _) => Ratio::ONE,
        (Status::Missing, _) => Ratio::ZERO,
        (Status::Partial, Some(Partial::Coverage)) => match share {
            Some((some, all)) if all > 0 => Ratio::new(some.min(all) as u128, all as u128).times(Ratio::new(9, 10)),
            _ => Ratio::new(1, 2),
        },
        (Status::Partial, Some(Partial::Weak | Partial::OneService) | None) => Ratio::new(1, 2),
        (Status::Partial, Some(Partial::OffByDefault)) => Ratio::new(2, 5),
        (Status::Partial, Some(Partial::Unwired | Partial::Broken | Partial::DocsOnly)) => Ratio::new(1, 10),
    })
}

/// The value of a row by itself.
fn own(row: &Row) -> Option<Ratio> {
    match row.by_files() {
        Some(looked) => credit(looked.status, looked.partial, looked.share),
        None => value(row.kind, &row.checks),
    }
}

/// How many levels of facets are followed; the catalogue has one.
const CHAIN: usize = 8;

/// Gives every row its value, and holds facets back whose parent scores nothing.
pub fn assign(rows: &mut [Row]) {
    let values: BTreeMap<String, Option<Ratio>> = rows.iter().map(|row| (row.id.clone(), own(row))).collect();
    let parents: BTreeMap<String, String> = rows.iter().filter_map(|row| Some((row.id.clone(), row.facet_of.clone()?))).collect();
    for row in rows {
        row.value = own(row);
        row.held_back_by = None;
        // Up the chain of parents. A longer one is a circle, or a file that wants to keep us busy.
        let mut above = parents.get(&row.id);
        for _ in 0..CHAIN {
            let Some(parent) = above else { break };
            if values.get(parent).copied().flatten().is_some_and(Ratio::is_zero) && row.value.is_some_and(|value| !value.is_zero()) {
                row.value = Some(Ratio::ZERO);
                row.held_back_by = Some(parent.clone());
            }
            above = parents.get(parent);
        }
    }
}

/// A part of a whole, with the figures behind it.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Share {
    /// `earned / possible`; absent where nothing was possible.
    pub percent: Option<Figure>,
    /// The numerator.
    pub earned: Ratio,
    /// The denominator.
    pub possible: Ratio,
}

impl Share {
    fn of(parts: impl Iterator<Item = (Ratio, Ratio)>) -> Share {
        let (earned, possible) =
            parts.fold((Ratio::ZERO, Ratio::ZERO), |(earned, possible), (part, whole)| (earned.plus(part), possible.plus(whole)));
        let percent = (!possible.is_zero()).then(|| earned.over(possible).percent());
        Share { percent, earned, possible }
    }
    /// The exact share; nothing where nothing was possible.
    pub fn ratio(&self) -> Ratio {
        self.earned.over(self.possible)
    }
    /// The figure for people.
    pub fn printed(&self) -> String {
        self.percent.map_or_else(|| "n/a".into(), |percent| format!("{percent} %"))
    }
}

/// A word for a score.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Band {
    /// Below 50.
    Weak,
    /// 50 to 79.9, or more while a gate blocker is not met.
    Moderate,
    /// 80 and more.
    Strong,
}

impl Band {
    /// The word in reports.
    pub const fn name(self) -> &'static str {
        match self {
            Band::Weak => "Weak",
            Band::Moderate => "Moderate",
            Band::Strong => "Strong",
        }
    }
    /// Of a repository nothing is called Strong either of which most is unknown: one practice of twenty says little.
    fn of_rows<'a>(share: &Share, rows: impl Iterator<Item = &'a Row> + Clone) -> Option<Band> {
        let unseen = rows.clone().filter(|row| row.is_unseen()).fold(Ratio::ZERO, |sum, row| sum.plus(row.weight.ratio()));
        Band::of(share, unseen > share.possible || rows.clone().any(Row::blocked))
    }
    fn of(share: &Share, blocked: bool) -> Option<Band> {
        let band = match share.percent? {
            percent if percent >= Figure::tenths(800) => Band::Strong,
            percent if percent >= Figure::tenths(500) => Band::Moderate,
            _ => Band::Weak,
        };
        Some(if blocked { band.min(Band::Moderate) } else { band })
    }
}

/// The score of the whole.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Score {
    /// The score.
    #[serde(flatten)]
    pub share: Share,
    /// Its band; the whole is read like a category.
    pub band: Option<Band>,
    /// Share of the weight that a live probe or a test decided, for or against.
    pub confidence: Share,
    /// Share of the weight that nobody knows about.
    pub unknown: Share,
}

/// The score of a category.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct CategoryScore {
    /// Which one.
    pub category: Category,
    /// Its score.
    #[serde(flatten)]
    pub share: Share,
    /// Its band.
    pub band: Option<Band>,
    /// Rows by status.
    pub counts: Counts,
    /// Critical rows by their own statement that are not fully met, by id.
    pub blockers: Vec<String>,
}

/// How many rows have which status.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Counts {
    /// Practices of the catalogue.
    pub pages: usize,
    /// Of these: a probe exists.
    pub with_probe: usize,
    /// Implemented, shown by a live probe or a test.
    pub proven: usize,
    /// Implemented, shown by anything.
    pub implemented: usize,
    /// Some checks hold.
    pub partial: usize,
    /// None holds and at least one is broken.
    pub missing: usize,
    /// Nobody knows.
    pub unknown: usize,
    /// Without meaning here.
    pub not_applicable: usize,
}

impl Counts {
    /// Counts rows.
    pub fn of<'a>(rows: impl Iterator<Item = &'a Row>) -> Counts {
        let mut counts = Counts::default();
        for row in rows {
            counts.pages += 1;
            counts.with_probe += usize::from(row.checked == crate::page::Checked::Probe);
            let place = match row.status {
                Status::Implemented => &mut counts.implemented,
                Status::Partial => &mut counts.partial,
                Status::Missing => &mut counts.missing,
                Status::Unknown => &mut counts.unknown,
                Status::NotApplicable => &mut counts.not_applicable,
            };
            *place += 1;
            counts.proven += usize::from(row.status == Status::Implemented && row.grade >= Some(Grade::E2));
        }
        counts
    }
}

/// The share of a row's applicable checks for which this is so.
fn part(row: &Row, so: impl Fn(&Examined) -> bool) -> Ratio {
    let applicable = || row.checks.iter().filter(|check| !matches!(check.outcome, Outcome::NotApplicable(_)));
    Ratio::new(applicable().filter(|check| so(check)).count() as u128, applicable().count() as u128)
}

fn earned<'a>(rows: impl Iterator<Item = &'a Row>) -> Share {
    Share::of(rows.filter_map(|row| Some((row.weight.ratio().times(row.value?), row.weight.ratio()))))
}

impl Score {
    /// The score of rows that have their values.
    pub fn of(rows: &[Row]) -> Score {
        let share = earned(rows.iter());
        let spread = |so: fn(&Examined) -> bool, unseen: Ratio| {
            let applicable = rows.iter().filter(|row| row.value.is_some() || row.is_unseen());
            let part = |row: &Row| if row.is_unseen() { unseen } else { part(row, so) };
            Share::of(applicable.map(|row| (row.weight.ratio().times(part(row)), row.weight.ratio())))
        };
        Score {
            band: Band::of_rows(&share, rows.iter()),
            share,
            confidence: spread(
                |check| matches!(check.outcome, Outcome::Held | Outcome::Broken(_)) && check.grade >= Some(Grade::E2),
                Ratio::ZERO,
            ),
            unknown: spread(|check| matches!(check.outcome, Outcome::Unknown(_)), Ratio::ONE),
        }
    }
}

/// Every category that has rows, in the order of the catalogue.
pub fn categories(rows: &[Row]) -> Vec<CategoryScore> {
    let mut found = Vec::new();
    for category in Category::ALL {
        let here = || rows.iter().filter(|row| row.category == *category);
        if here().next().is_none() {
            continue;
        }
        let share = earned(here());
        let blockers: Vec<String> = here().filter(|row| row.blocked()).map(|row| row.id.clone()).collect();
        let band = Band::of_rows(&share, rows.iter().filter(|row| row.category == *category));
        found.push(CategoryScore { category: *category, share, band, counts: Counts::of(here()), blockers });
    }
    found
}

/// What the whole catalogue says about a deployment. A number never hides a blocker.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Verdict {
    /// It does not boot, or does not say that it lives.
    NotRunnable,
    /// A row that is critical by its own statement is not fully met.
    NotReady,
    /// All of those are met.
    Minimum,
    /// And nine tenths of the weight of the rows of high priority.
    Recommended,
    /// And 95 percent of everything, with nothing unknown.
    Full,
}

/// Rows without which nothing runs.
const RUNS: [&str; 2] = ["boot-verified", "liveness-probe"];

/// Whether a row shows that it does not run. Only who asked it can say so: that files have no liveness route is a gap, and the
/// service may run all the same.
pub(crate) fn stops(row: &Row) -> bool {
    RUNS.contains(&row.id.as_str()) && row.is_broken() && row.by_files().is_none()
}

impl Verdict {
    /// The verdict on rows that have their values.
    pub fn of(rows: &[Row]) -> Verdict {
        // Unknown does not stop it here: that nobody looked is no sign that it does not run.
        if rows.iter().any(stops) {
            return Verdict::NotRunnable;
        }
        if rows.iter().any(Row::blocked) {
            return Verdict::NotReady;
        }
        let high = earned(rows.iter().filter(|row| row.priority == Priority::High));
        if !high.possible.is_zero() && high.ratio() < Ratio::new(9, 10) {
            return Verdict::Minimum;
        }
        let score = Score::of(rows);
        if score.share.ratio() < Ratio::new(95, 100) || !score.unknown.earned.is_zero() {
            return Verdict::Recommended;
        }
        Verdict::Full
    }
    /// The words in reports.
    pub const fn name(self) -> &'static str {
        match self {
            Verdict::NotRunnable => "Not runnable",
            Verdict::NotReady => "Not ready",
            Verdict::Minimum => "Minimum",
            Verdict::Recommended => "Recommended",
            Verdict::Full => "Full",
        }
    }
    /// Whether it is safe to deploy.
    pub const fn is_safe(self) -> bool {
        !matches!(self, Verdict::NotRunnable | Verdict::NotReady)
    }
}

#[cfg(test)]
mod tests;
