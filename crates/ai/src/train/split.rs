//! The best question to ask of a node.

use serde::{Deserialize, Serialize};

use super::{
    histogram::{Steps, Sum},
    settings::Settings,
};

/// What a node's leaf may answer: a monotone column above it sets bounds.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(crate) struct Bounds {
    pub(crate) low: f64,
    pub(crate) high: f64,
}

impl Bounds {
    pub(crate) const NONE: Bounds = Bounds { low: f64::NEG_INFINITY, high: f64::INFINITY };
}

/// Which way a column may lead.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Monotone {
    /// Any.
    #[default]
    Free,
    /// A larger value never lowers the answer.
    Rising,
    /// A larger value never raises the answer.
    Falling,
}

/// A question with what it gains.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(crate) struct Split {
    /// Half of the fall in the loss, up to second order and with penalties.
    pub(crate) gain: f64,
    pub(crate) column: usize,
    /// Bins up to this go left.
    pub(crate) bin: usize,
    /// Where missing values go.
    pub(crate) missing_left: bool,
    pub(crate) left: Sum,
    pub(crate) right: Sum,
}

impl Split {
    /// Whether this is to be preferred; of equals the one with the lower column is, then the lower bin, so that the
    /// choice does not hang on the order of the search.
    pub(crate) fn beats(&self, other: &Split) -> bool {
        let key = |s: &Split| (std::cmp::Reverse(s.column), std::cmp::Reverse(s.bin), s.missing_left);
        self.gain > other.gain || (self.gain == other.gain && key(self) > key(other))
    }
}

/// One column of one node: its histogram, and what it may do.
pub(crate) struct Place<'a> {
    pub(crate) column: usize,
    pub(crate) sums: &'a [Sum],
    /// Whether the last of the sums is of missing values.
    pub(crate) missing: bool,
    pub(crate) monotone: Monotone,
    pub(crate) total: Sum,
    pub(crate) bounds: Bounds,
}

/// The answer −T(G) / (H + λ₂) of a leaf, within its bounds; T draws G towards zero by λ₁ (Chen and Guestrin 2016).
pub(crate) fn answer(settings: &Settings, gradient: f64, hessian: f64, bounds: Bounds) -> f64 {
    let value = -shrunk(gradient, settings.l1) / (hessian + settings.l2);
    // Without hessian and penalty there is nothing to divide by, and nothing is said.
    if value.is_finite() { value.clamp(bounds.low, bounds.high) } else { 0.0f64.clamp(bounds.low, bounds.high) }
}

fn shrunk(gradient: f64, l1: f64) -> f64 {
    if l1 == 0.0 { gradient } else { gradient.signum() * (gradient.abs() - l1).max(0.0) }
}

/// How much the answer `w` lowers the loss, doubled: −(2 G w + (H + λ₂) w² + 2 λ₁ |w|).
fn worth(settings: &Settings, gradient: f64, hessian: f64, w: f64) -> f64 {
    -(2.0 * gradient * w + (hessian + settings.l2) * w * w + 2.0 * settings.l1 * w.abs())
}

impl Place<'_> {
    /// The best split of this column that the settings allow.
    pub(crate) fn best(&self, settings: &Settings, steps: &Steps) -> Option<Split> {
        let values = self.sums.len() - usize::from(self.missing);
        let missing = if self.missing { self.sums[values] } else { Sum::default() };
        let mut best = None;
        if missing.is_empty() {
            self.scan(settings, steps, Sum::default(), values - 1, None, &mut best);
        } else {
            // With missing values on the right, all others on the left is a question too.
            self.scan(settings, steps, Sum::default(), values, Some(false), &mut best);
            self.scan(settings, steps, missing, values - 1, Some(true), &mut best);
        }
        best
    }

    /// Tries every threshold with `first` already on the left.
    fn scan(&self, settings: &Settings, steps: &Steps, first: Sum, bins: usize, missing_left: Option<bool>, best: &mut Option<Split>) {
        let (all_gradient, all_hessian) = steps.values(self.total);
        let rows = steps.rows(self.total);
        let l2 = settings.l2;
        let bounded = self.monotone != Monotone::Free || self.bounds != Bounds::NONE;
        let whole = answer(settings, all_gradient, all_hessian, self.bounds);
        let before = worth(settings, all_gradient, all_hessian, whole);
        let mut least = best.as_ref().map_or(settings.min_gain.max(1e-9), |best: &Split| best.gain);
        let mut left = first;
        for (bin, sum) in self.sums[..bins].iter().enumerate() {
            if sum.is_empty() {
                continue;
            }
            left += *sum;
            let left_rows = steps.rows(left);
            if left_rows < settings.min_rows {
                continue;
            }
            if rows - left_rows < settings.min_rows {
                break;
            }
            let (gradient, hessian) = steps.values(left);
            let (other_gradient, other_hessian) = (all_gradient - gradient, all_hessian - hessian);
            if hessian < settings.min_hessian {
                continue;
            }
            if other_hessian < settings.min_hessian {
                break;
            }
            let after = if bounded {
                let (w, other) =
                    (answer(settings, gradient, hessian, self.bounds), answer(settings, other_gradient, other_hessian, self.bounds));
                let wrong = match self.monotone {
                    Monotone::Free => false,
                    Monotone::Rising => w > other,
                    Monotone::Falling => w < other,
                };
                if wrong {
                    continue;
                }
                worth(settings, gradient, hessian, w) + worth(settings, other_gradient, other_hessian, other)
            } else {
                // T(G)² / (H + λ₂) of both sides over one denominator: a division is what a step here costs.
                let (g, h) = (shrunk(gradient, settings.l1), hessian + l2);
                let (other_g, other_h) = (shrunk(other_gradient, settings.l1), other_hessian + l2);
                (g * g * other_h + other_g * other_g * h) / (h * other_h)
            };
            let gain = (after - before) / 2.0;
            if gain > least {
                let mut right = self.total;
                right -= left;
                // Where training saw none missing, a missing value goes with the most rows.
                let missing_left = missing_left.unwrap_or(left_rows * 2 >= rows);
                *best = Some(Split { gain, column: self.column, bin, missing_left, left, right });
                least = gain;
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Four bins, gradients −3 −1 1 3 with hessian 1 each, and missing ones as told.
    fn best(settings: &Settings, missing: Option<f64>, monotone: Monotone) -> Option<(usize, bool, f64)> {
        let steps = Steps::of(100);
        // A row's gradient is at most one; more rows make the sum.
        let bin = |gradient: f64, rows: u32| {
            let mut sum = Sum::default();
            (0..rows).for_each(|_| sum += steps.row(gradient / f64::from(rows), 1.0 / f64::from(rows)));
            sum
        };
        let mut sums = vec![bin(-3.0, 4), bin(-1.0, 4), bin(1.0, 4), bin(3.0, 4)];
        sums.extend(missing.map(|gradient| bin(gradient, 4)));
        let mut total = Sum::default();
        sums.iter().for_each(|sum| total += *sum);
        let place = Place { column: 0, sums: &sums, missing: missing.is_some(), monotone, total, bounds: Bounds::NONE };
        place.best(settings, &steps).map(|s| (s.bin, s.missing_left, (s.gain * 1e6).round() / 1e6))
    }

    fn settings() -> Settings {
        Settings { min_rows: 1, min_hessian: 0.0, l1: 0.0, l2: 0.0, ..Settings::default() }
    }

    #[test]
    fn gains_are_those_worked_out_by_hand() {
        // Middle: 16/2 + 16/2 − 0, halved.
        assert_eq!(best(&settings(), None, Monotone::Free), Some((1, true, 8.0)));
        // λ₂ = 2: 16/4 + 16/4. λ₁ = 1: 9/2 + 9/2.
        assert_eq!(best(&Settings { l2: 2.0, ..settings() }, None, Monotone::Free).unwrap().2, 4.0);
        assert_eq!(best(&Settings { l1: 1.0, ..settings() }, None, Monotone::Free).unwrap().2, 4.5);
        assert_eq!(best(&Settings { min_gain: 8.0, ..settings() }, None, Monotone::Free), None);
    }

    #[test]
    fn missing_values_go_where_they_lose_least() {
        assert_eq!(best(&settings(), Some(-4.0), Monotone::Free).map(|s| (s.0, s.1)), Some((1, true)));
        assert_eq!(best(&settings(), Some(4.0), Monotone::Free).map(|s| (s.0, s.1)), Some((1, false)));
        // Far from all others they stand alone: every bin left, missing right.
        assert_eq!(best(&settings(), Some(40.0), Monotone::Free).map(|s| (s.0, s.1)), None.or(Some((3, false))));
    }

    #[test]
    fn limits_on_leaves_are_kept() {
        assert_eq!(best(&Settings { min_rows: 9, ..settings() }, None, Monotone::Free), None);
        assert_eq!(best(&Settings { min_hessian: 2.5, ..settings() }, None, Monotone::Free), None);
        assert_eq!(best(&Settings { min_hessian: 2.0, ..settings() }, None, Monotone::Free).map(|s| s.0), Some(1));
    }

    #[test]
    fn a_monotone_column_asks_nothing_that_leads_the_other_way() {
        // The answer is −G: it falls from bin to bin.
        assert_eq!(best(&settings(), None, Monotone::Falling).map(|s| s.0), Some(1));
        assert_eq!(best(&settings(), None, Monotone::Rising), None);
    }
}
