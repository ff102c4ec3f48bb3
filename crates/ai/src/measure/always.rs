//! Whether a difference is more than chance, however often somebody looks.
//!
//! A test with an error of 5 % holds for one look at a time that was fixed before. Who looks every night and stops
//! when it "is significant" is wrong far more often. The mixture sequential probability ratio test (Robbins 1970;
//! for A/B tests Johari, Koomen, Pekelis and Walsh, "Always valid inference: continuous monitoring of A/B tests",
//! Operations Research 70, 2022) bounds the chance of ever being wrong, at any look, by α: with an estimate D of
//! variance V, and differences of the size τ mixed in by a normal distribution, the likelihood ratio against "no
//! difference" is
//!
//! Λ = √(V / (V + τ²)) · exp(D² τ² / (2 V (V + τ²))),
//!
//! and by Ville's inequality it exceeds 1/α at some time with a chance of at most α. That rests on D being nearly
//! normal and its evidence coming in independent pieces, so a look needs enough cases; τ decides only how soon a
//! difference is found, never whether the bound holds.

use serde::Serialize;

use super::{Error, Interval, Result};

/// An estimate of a difference.
#[derive(Clone, Copy, Debug, PartialEq, Serialize)]
pub struct Estimate {
    /// The difference.
    pub value: f64,
    /// The square of its standard error.
    pub variance: f64,
}

/// What may be said of a difference at any look.
#[derive(Clone, Copy, Debug, PartialEq, Serialize)]
pub struct Always {
    /// The difference, with an interval that holds at all looks together.
    pub difference: Interval,
    /// A bound, by this look alone, for the chance of ever seeing so much where there is no difference.
    pub p: f64,
}

impl Estimate {
    /// What may be said of it at any look, with an error of `alpha` over all looks; `tau` is about the size of the
    /// difference that is worth finding.
    ///
    /// # Errors
    /// A variance below 0, a `tau` not above 0, an `alpha` not between 0 and 1, or a value that is no number.
    pub fn always(self, tau: f64, alpha: f64) -> Result<Always> {
        let Estimate { value, variance } = self;
        if !value.is_finite() || !(0.0..f64::INFINITY).contains(&variance) {
            return Err(Error::new("estimate", format!("{value} with a variance of {variance}")));
        }
        if !(tau > 0.0 && tau.is_finite()) {
            return Err(Error::new("tau", format!("{tau} is no size of a difference")));
        }
        if !(alpha > 0.0 && alpha < 1.0) {
            return Err(Error::new("alpha", format!("{alpha} is not between 0 and 1")));
        }
        // Nothing varies: either there is no difference, or there is no telling how sure it is.
        if variance <= 0.0 {
            let far = if value == 0.0 { 0.0 } else { f64::INFINITY };
            return Ok(Always { difference: Interval { value, low: value - far, high: value + far }, p: 1.0 });
        }
        let (v, t) = (variance, tau * tau);
        let log_ratio = 0.5 * (v / (v + t)).ln() + value * value * t / (2.0 * v * (v + t));
        let half = (v * (v + t) / t * (((v + t) / v).ln() - 2.0 * alpha.ln())).sqrt();
        Ok(Always { difference: Interval { value, low: value - half, high: value + half }, p: (-log_ratio).exp().min(1.0) })
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::{chance::SplitMix, measure::special};

    #[test]
    fn interval_and_bound_say_the_same_and_are_wider_than_for_one_look() {
        for (value, variance) in [(0.03, 1e-4), (0.05, 1e-4), (-0.2, 1e-3), (0.0, 1.0)] {
            let found = Estimate { value, variance }.always(0.02, 0.05).unwrap();
            let outside = found.difference.low > 0.0 || found.difference.high < 0.0;
            assert_eq!(outside, found.p < 0.05, "{found:?}");
            let once = special::normal_within(0.95) * variance.sqrt();
            assert!(found.difference.high - value > 1.5 * once, "{found:?}");
        }
        // By hand: V = τ² = 1, D = 4: Λ = √½ · e⁴.
        let found = Estimate { value: 4.0, variance: 1.0 }.always(1.0, 0.05).unwrap();
        assert!((found.p - 2f64.sqrt() * (-4f64).exp()).abs() < 1e-12);
        let none = Estimate { value: 0.1, variance: 0.0 }.always(0.02, 0.05).unwrap();
        assert!(none.p == 1.0 && none.difference.low == f64::NEG_INFINITY);
    }

    /// Means of numbers around 0, looked at after every tenth: with a test for one look a good part of the runs is
    /// "significant" at some time, here at most one in twenty.
    #[test]
    fn looking_all_the_time_does_not_make_a_difference_of_chance() {
        let (mut wrong, mut naive) = (0, 0);
        for run in 0..400 {
            let mut chance = SplitMix::stream(11, run);
            let (mut sum, mut always, mut once) = (0.0, false, false);
            for n in 1..=1000u32 {
                sum += (chance.unit() - 0.5) * 12f64.sqrt();
                if n >= 50 && n % 10 == 0 {
                    let seen = Estimate { value: sum / f64::from(n), variance: 1.0 / f64::from(n) };
                    always |= seen.always(0.1, 0.05).unwrap().p < 0.05;
                    once |= special::normal_both(seen.value / seen.variance.sqrt()) < 0.05;
                }
            }
            wrong += u32::from(always);
            naive += u32::from(once);
        }
        assert!(wrong <= 20, "{wrong} of 400");
        assert!(naive > 60, "looking with a test for one look: {naive} of 400");
    }

    #[test]
    fn what_has_no_meaning_is_refused() {
        let one = Estimate { value: 0.1, variance: 0.1 };
        assert!(one.always(0.0, 0.05).is_err() && one.always(0.1, 0.0).is_err() && one.always(f64::NAN, 0.05).is_err());
        assert!(Estimate { value: f64::NAN, variance: 0.1 }.always(0.1, 0.05).is_err());
        assert!(Estimate { value: 0.1, variance: -0.1 }.always(0.1, 0.05).is_err());
    }
}
