//! Whether the world has moved since a model was trained: columns of then beside columns of now.
//!
//! Every column gives a test and distances. A test says whether there is a shift at all, and with enough rows it finds
//! one everywhere; a distance says how large it is. So [`report`] corrects the tests for their number
//! ([`super::false_discovery`]) and lets the distances of those that remain decide the severity.

use serde::Serialize;

use super::{
    Error, Result, count, false_discovery,
    sample::{self, Test},
};

/// Fewer values than this on a side, and nothing is said about a column.
pub const LEAST: usize = 100;

/// How far something has moved.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize)]
#[serde(rename_all = "lowercase")]
pub enum Severity {
    /// Not at all, as far as can be told.
    None,
    /// Measurable and small.
    Low,
    /// Worth a look.
    Moderate,
    /// Worth an action.
    High,
    /// The model should not be trusted here.
    Critical,
}

impl Severity {
    /// The severity of `value` where each of the rising `steps` begins a new one, the first of them [`Severity::Low`].
    fn step(value: f64, steps: [f64; 4]) -> Severity {
        use Severity::{Critical, High, Low, Moderate, None};
        [None, Low, Moderate, High, Critical][steps.iter().filter(|step| value >= **step).count()]
    }

    /// Of a total variation distance between classes of predictions: 0.1, 0.2, 0.3, 0.4.
    pub fn of_predictions(distance: f64) -> Severity {
        Severity::step(distance, [0.1, 0.2, 0.3, 0.4])
    }

    /// Of a fall in the area under the ROC curve since training: 0.05, 0.10, 0.15, 0.20.
    pub fn of_fall(fall: f64) -> Severity {
        Severity::step(fall, [0.05, 0.10, 0.15, 0.20])
    }

    /// Of the ratio of the worst group's figure to the best's: below 0.8, 0.7, 0.6, 0.5.
    pub fn of_ratio(ratio: f64) -> Severity {
        use Severity::{Critical, High, Low, Moderate, None};
        [None, Low, Moderate, High, Critical][[0.8, 0.7, 0.6, 0.5].iter().filter(|step| ratio < **step).count()]
    }
}

/// What a column's severity means for the model as a whole.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize)]
#[serde(rename_all = "lowercase")]
pub enum Health {
    /// Nothing moved.
    Healthy,
    /// Something moved.
    Warning,
    /// Something moved far.
    Degraded,
    /// Something moved so far that the model should not be trusted.
    Critical,
}

impl Health {
    /// The health under the worst of these.
    pub fn of(severities: impl IntoIterator<Item = Severity>) -> Health {
        match severities.into_iter().max().unwrap_or(Severity::None) {
            Severity::None => Health::Healthy,
            Severity::Low | Severity::Moderate => Health::Warning,
            Severity::High => Health::Degraded,
            Severity::Critical => Health::Critical,
        }
    }
}

/// Bins of a numeric column with about equally many values of the reference in each, and one for what is missing.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct Bins {
    inner: Vec<f64>,
}

impl Bins {
    /// At most `count` bins, a thousand at most; fewer where values repeat. NaN is missing.
    pub fn of(reference: &[f64], count: usize) -> Bins {
        let count = count.min(1000);
        let mut values: Vec<f64> = reference.iter().copied().filter(|v| !v.is_nan()).collect();
        values.sort_by(f64::total_cmp);
        let mut inner: Vec<f64> = (1..count).filter_map(|i| values.get(i * values.len() / count).copied()).collect();
        // The smallest value as an edge would leave the bin below it empty of any value.
        inner.retain(|edge| values.first().is_some_and(|least| edge > least));
        inner.dedup();
        Bins { inner }
    }

    /// How many values fall into each bin, from low to high; the last count is of missing ones. An edge belongs to the
    /// bin above it.
    pub fn count(&self, values: &[f64]) -> Vec<u64> {
        let mut counts = vec![0; self.inner.len() + 2];
        for value in values {
            let bin = if value.is_nan() { self.inner.len() + 1 } else { self.inner.partition_point(|edge| edge <= value) };
            counts[bin] += 1;
        }
        counts
    }
}

/// One column, then and now.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct Column {
    /// Its name.
    pub name: String,
    /// Rows of the reference and of now.
    pub rows: [usize; 2],
    /// Share of them in which it is missing.
    pub missing: [f64; 2],
    /// Kolmogorov-Smirnov D of a numeric column, χ² of a categorical one; `None` with fewer than [`LEAST`] on a side.
    pub test: Option<Test>,
    /// p of the z-test that as many are missing as before; `None` where none or all are, or rows are too few.
    pub missing_p: Option<f64>,
    /// Population stability index, with missing as a bin of its own; over [`Bins`] of ten in a numeric column.
    pub psi: Option<f64>,
    /// D of a numeric column, Cramér's V of a categorical one.
    pub distance: Option<f64>,
    /// Wasserstein's distance in the unit of a numeric column.
    pub shift: Option<f64>,
    /// Share of the rows of now whose category the reference does not know; 0 for a numeric column.
    pub unknown: f64,
    numeric: bool,
}

/// Compares a numeric column; NaN is missing.
///
/// # Errors
/// When a side has no rows.
pub fn numeric(name: &str, reference: &[f64], current: &[f64]) -> Result<Column> {
    let present = |v: &[f64]| v.iter().copied().filter(|x| !x.is_nan()).collect::<Vec<f64>>();
    let (a, b) = (present(reference), present(current));
    let mut column = column(name, [reference.len(), current.len()], [reference.len() - a.len(), current.len() - b.len()], true)?;
    if enough(column.rows) {
        let bins = Bins::of(reference, 10);
        column.psi = Some(count::psi(&count::shares(&bins.count(reference))?, &count::shares(&bins.count(current))?)?);
    }
    if enough([a.len(), b.len()]) {
        let test = sample::ks(&a, &b)?;
        (column.test, column.distance, column.shift) = (Some(test), Some(test.statistic), Some(sample::wasserstein(&a, &b)?));
    }
    Ok(column)
}

/// Compares a categorical column of which `reference[c]` and `current[c]` rows have category c, and `missing` none.
///
/// # Errors
/// When the two differ in length or a side has no rows.
pub fn categorical(name: &str, reference: &[u64], current: &[u64], missing: [u64; 2]) -> Result<Column> {
    if reference.len() != current.len() {
        return Err(Error::new("current", format!("{} categories beside {}", current.len(), reference.len())));
    }
    let rows = |counts: &[u64], missing: u64| counts.iter().fold(missing, |sum, c| sum.saturating_add(*c)) as usize;
    let sides = [rows(reference, missing[0]), rows(current, missing[1])];
    let mut column = column(name, sides, [missing[0] as usize, missing[1] as usize], false)?;
    let unknown: u64 = reference.iter().zip(current).filter(|(then, _)| **then == 0).map(|(_, now)| now).sum();
    column.unknown = unknown as f64 / sides[1] as f64;
    if enough(sides) {
        let with = |counts: &[u64], missing| counts.iter().copied().chain([missing]).collect::<Vec<u64>>();
        let (a, b) = (with(reference, missing[0]), with(current, missing[1]));
        column.psi = Some(count::psi(&count::shares(&a)?, &count::shares(&b)?)?);
        // One category on both sides is no shift and has no test.
        if let Ok(test) = count::chi_square(&[&a, &b]) {
            (column.test, column.distance) = (Some(Test { statistic: test.statistic, p: test.p }), Some(test.v));
        }
    }
    Ok(column)
}

fn enough(rows: [usize; 2]) -> bool {
    rows.iter().all(|n| *n >= LEAST)
}

fn column(name: &str, rows: [usize; 2], missing: [usize; 2], numeric: bool) -> Result<Column> {
    if rows.contains(&0) {
        return Err(Error::new("rows", format!("{name} has none on one side")));
    }
    let share = |side: usize| missing[side] as f64 / rows[side] as f64;
    let missing_p = enough(rows)
        .then(|| count::two_shares(missing[0] as u64, rows[0] as u64, missing[1] as u64, rows[1] as u64).ok().map(|t| t.p))
        .flatten();
    let name = name.to_owned();
    let missing = [share(0), share(1)];
    Ok(Column { name, rows, missing, test: None, missing_p, psi: None, distance: None, shift: None, unknown: 0.0, numeric })
}

/// A column with what to make of it.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct Finding {
    /// The measured column.
    #[serde(flatten)]
    pub column: Column,
    /// The p of its test, corrected for the number of tests.
    pub adjusted: Option<f64>,
    /// The p of its missing values, corrected likewise.
    pub missing_adjusted: Option<f64>,
    /// How far it has moved.
    pub severity: Severity,
}

/// All columns with their severities and what they mean together.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct Report {
    /// In the order given.
    pub columns: Vec<Finding>,
    /// The worst of them.
    pub health: Health,
}

/// Judges columns together: where the corrected p is at most `alpha`, distances decide. Of a numeric column D below
/// 0.2 is low, below 0.4 moderate, below 0.6 high; of a categorical one the larger of Cramér's V and the stability
/// index, with 0.1, 0.25 and 0.5; of missing values the change of their share, with 0.1, 0.25 and 0.5.
pub fn report(columns: Vec<Column>, alpha: f64) -> Report {
    let tests = columns.iter().map(|c| c.test.map_or(f64::NAN, |t| t.p));
    let missing = columns.iter().map(|c| c.missing_p.unwrap_or(f64::NAN));
    let adjusted = false_discovery(&tests.chain(missing).collect::<Vec<f64>>());
    let known = |p: f64| (!p.is_nan()).then_some(p);
    let count = columns.len();
    let columns: Vec<Finding> = columns
        .into_iter()
        .enumerate()
        .map(|(i, column)| {
            let (adjusted, missing_adjusted) = (known(adjusted[i]), known(adjusted[count + i]));
            let (mut severity, found) = (Severity::None, |p: Option<f64>| p.is_some_and(|p| p <= alpha));
            if found(adjusted) {
                let distance = column.distance.unwrap_or(0.0);
                severity = if column.numeric {
                    Severity::step(distance, [0.0, 0.2, 0.4, 0.6])
                } else {
                    Severity::step(distance.max(column.psi.unwrap_or(0.0)), [0.0, 0.1, 0.25, 0.5])
                };
            }
            if found(missing_adjusted) {
                severity = severity.max(Severity::step((column.missing[0] - column.missing[1]).abs(), [0.0, 0.1, 0.25, 0.5]));
            }
            Finding { column, adjusted, missing_adjusted, severity }
        })
        .collect();
    let health = Health::of(columns.iter().map(|c| c.severity));
    Report { columns, health }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::chance::SplitMix;

    fn normal(seed: u64, n: usize, shift: f64) -> Vec<f64> {
        let mut chance = SplitMix::new(seed);
        (0..n).map(|_| (0..12).map(|_| chance.unit()).sum::<f64>() - 6.0 + shift).collect()
    }

    #[test]
    fn a_shift_is_found_and_its_size_decides() {
        let then = normal(1, 600, 0.0);
        let judged = |shift: f64| report(vec![numeric("x", &then, &normal(2, 600, shift)).unwrap()], 0.05).columns[0].severity;
        assert_eq!((judged(0.0), judged(0.3), judged(0.8), judged(1.3), judged(3.0)), {
            use Severity::{Critical, High, Low, Moderate, None};
            (None, Low, Moderate, High, Critical)
        });
    }

    #[test]
    fn columns_that_did_not_move_raise_no_alarm() {
        let mut alarms = 0;
        for round in 0..40 {
            let columns = (0..10).map(|c| {
                let seed = round * 1000 + c;
                numeric("x", &normal(seed, 200, 0.0), &normal(seed + 500, 200, 0.0)).unwrap()
            });
            alarms += usize::from(report(columns.collect(), 0.05).health > Health::Healthy);
        }
        assert!(alarms <= 5, "{alarms} of 40, where about 2 are expected");
    }

    #[test]
    fn categories_and_missing_values_are_watched_too() {
        let same = categorical("c", &[300, 200, 0], &[280, 215, 0], [5, 5]).unwrap();
        let moved = categorical("d", &[300, 200, 0], &[100, 200, 200], [0, 0]).unwrap();
        assert!((moved.unknown - 0.4).abs() < 1e-15);
        let mut gone = normal(3, 400, 0.0);
        gone[..150].fill(f64::NAN);
        let gone = numeric("n", &normal(4, 400, 0.0), &gone).unwrap();
        let report = report(vec![same, moved, gone], 0.05);
        let severities: Vec<Severity> = report.columns.iter().map(|c| c.severity).collect();
        assert_eq!(severities, [Severity::None, Severity::Critical, Severity::High]);
        assert_eq!(report.health, Health::Critical);
    }

    #[test]
    fn too_few_rows_say_nothing() {
        let few = numeric("x", &normal(1, 99, 0.0), &normal(2, 500, 9.0)).unwrap();
        assert_eq!((few.test, few.psi), (None, None));
        assert_eq!(report(vec![few], 0.05).health, Health::Healthy);
        assert!(numeric("x", &[], &[1.0]).is_err());
        assert!(categorical("c", &[1], &[1, 2], [0, 0]).is_err());
        assert!(categorical("c", &[u64::MAX, 5], &[1, 2], [0, 0]).is_ok());
    }

    #[test]
    fn bins_hold_equally_many_and_repeat_no_edge() {
        let bins = Bins::of(&(0..100).map(f64::from).collect::<Vec<_>>(), 10);
        assert_eq!(bins.count(&(0..100).map(f64::from).collect::<Vec<_>>()), [10, 10, 10, 10, 10, 10, 10, 10, 10, 10, 0]);
        let two = Bins::of(&[0.0, 0.0, 0.0, 1.0, f64::NAN], 10);
        assert_eq!(two.count(&[0.0, 1.0, 7.0, f64::NAN]), [1, 2, 1]);
        assert_eq!(Bins::of(&[], 10).count(&[1.0]), [1, 0]);
    }
}
