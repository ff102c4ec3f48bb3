//! Champion and challenger: whether a model that was trained may take the place of the one that answers.

use plimsoll::{Code, Result};
use plimsoll_ai::measure::{Scored, compare, compare::Comparison, drift::Severity, group::Groups};
use serde::Serialize;

/// The challenger's area may be smaller by less than this, at the lower end of the interval.
pub const LEAST_DIFFERENCE: f64 = -0.005;
/// Draws of the bootstrap.
const ROUNDS: usize = 1000;

/// How a challenger stands beside the champion on people whom neither has seen.
#[derive(Debug, Clone, Serialize)]
pub struct Challenge {
    /// The areas and their difference, drawn again and again on the same cases; null without a champion.
    pub comparison: Option<Comparison>,
    /// Whether it is no worse.
    pub no_worse: bool,
    /// The worst gap between groups that is more than chance, of the challenger,
    pub gap: Severity,
    /// and of the champion.
    pub champion_gap: Option<Severity>,
    /// Whether it serves groups no more unevenly than is allowed, or than the champion does.
    pub even: bool,
    /// Whether it may answer.
    pub passed: bool,
    /// Why, in words.
    pub because: String,
}

/// The worst of some attributes.
fn worst(groups: &[(&'static str, Groups)]) -> Severity {
    groups.iter().map(|(_, groups)| groups.severity()).max().unwrap_or(Severity::None)
}

/// Holds a challenger against the champion: probabilities of the same cases, and the groups of each.
///
/// # Errors
/// [`Code::Internal`] when the cases are not the same.
pub fn challenge(
    challenger: (&Scored, &[(&'static str, Groups)]),
    champion: Option<(&Scored, &[(&'static str, Groups)])>,
    seed: u64,
) -> Result<Challenge> {
    let gap = worst(challenger.1);
    let champion_gap = champion.map(|(_, groups)| worst(groups));
    let even = gap < Severity::High || champion_gap.is_some_and(|other| gap <= other);
    let comparison = champion
        .map(|(scored, _)| compare::bootstrap(challenger.0, scored, ROUNDS, 0.95, seed))
        .transpose()
        .map_err(|error| Code::Internal.error().caused_by(error.to_string()))?;
    let no_worse = comparison.is_none_or(|found| found.difference.low > LEAST_DIFFERENCE);
    let because = match (&comparison, no_worse, even) {
        (None, _, true) => "no model answers that it would have to beat".to_owned(),
        (Some(found), true, true) => {
            format!("its area differs by {:+.4} [{:+.4}, {:+.4}]", found.difference.value, found.difference.low, found.difference.high)
        }
        (Some(found), false, _) => format!(
            "its area differs by {:+.4}, and the lower end of the interval, {:+.4}, is not above {LEAST_DIFFERENCE}",
            found.difference.value, found.difference.low
        ),
        (_, _, false) => {
            format!("a gap between groups is {gap:?}, more than chance, and no smaller than with the model that answers").to_lowercase()
        }
    };
    Ok(Challenge { comparison, no_worse, gap, champion_gap, even, passed: no_worse && even, because })
}
