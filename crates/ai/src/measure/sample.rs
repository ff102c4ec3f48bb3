//! Two samples of numbers: do they come from one distribution?

use serde::Serialize;

use super::{Error, Result, special};

/// A statistic and the chance of one at least as extreme if there were no difference.
#[derive(Clone, Copy, Debug, PartialEq, Serialize)]
pub struct Test {
    /// The statistic, as the function names it.
    pub statistic: f64,
    /// The two-sided p-value.
    pub p: f64,
}

/// Beyond this product of the sizes the p-value of Kolmogorov and Smirnov is taken from the expansion for many values
/// instead of counted: 4 million steps are some ten milliseconds.
const COUNTED: usize = 4_000_000;

fn sorted(place: &'static str, values: &[f64], least: usize) -> Result<Vec<f64>> {
    if values.len() < least {
        return Err(Error::new(place, format!("{} values, and {least} are needed", values.len())));
    }
    if let Some(i) = values.iter().position(|v| v.is_nan()) {
        return Err(Error::new(place, format!("number {i} is not a number")));
    }
    let mut values = values.to_vec();
    values.sort_by(f64::total_cmp);
    Ok(values)
}

/// Calls `visit(value, a, b)` for every distinct value of two sorted samples with how often each has it.
fn merge(a: &[f64], b: &[f64], mut visit: impl FnMut(f64, usize, usize)) {
    let (mut i, mut j) = (0, 0);
    while i < a.len() || j < b.len() {
        let value = match (a.get(i), b.get(j)) {
            (Some(x), Some(y)) => x.min(*y),
            (Some(x), None) | (None, Some(x)) => *x,
            (None, None) => return,
        };
        let (from_a, from_b) = (i, j);
        while a.get(i).is_some_and(|x| *x == value) {
            i += 1;
        }
        while b.get(j).is_some_and(|x| *x == value) {
            j += 1;
        }
        visit(value, i - from_a, j - from_b);
    }
}

/// The test of Kolmogorov and Smirnov: the statistic is the largest distance of the two distribution functions.
///
/// The p-value is counted over the ways to mix the samples (the recurrence of Viehmann 2021, without cancellation) as
/// long as the product of the sizes is at most four million, else taken from [`ks_many`]. With ties it is an upper
/// bound.
///
/// # Errors
/// When a sample is empty or holds a NaN.
pub fn ks(a: &[f64], b: &[f64]) -> Result<Test> {
    let (a, b) = (sorted("a", a, 1)?, sorted("b", b, 1)?);
    let distance = distance(&a, &b);
    let statistic = distance as f64 / (a.len() as f64 * b.len() as f64);
    let counted = a.len().checked_mul(b.len()).is_some_and(|n| n <= COUNTED);
    Ok(Test { statistic, p: if counted { outside(a.len(), b.len(), distance as usize) } else { many(a.len(), b.len(), statistic) } })
}

/// The same test with the p-value of one sample of n·m / (n + m) values, rounded, whatever the sizes.
///
/// # Errors
/// When a sample is empty or holds a NaN.
pub fn ks_many(a: &[f64], b: &[f64]) -> Result<Test> {
    let (a, b) = (sorted("a", a, 1)?, sorted("b", b, 1)?);
    let statistic = distance(&a, &b) as f64 / (a.len() as f64 * b.len() as f64);
    Ok(Test { statistic, p: many(a.len(), b.len(), statistic) })
}

fn many(n: usize, m: usize, statistic: f64) -> f64 {
    let (n, m) = (n as f64, m as f64);
    special::kolmogorov_tail((n * m / (n + m)).round().max(1.0), statistic)
}

/// The largest |i·m − j·n| where i of n and j of m values are at most some value: a whole number, so exact.
fn distance(a: &[f64], b: &[f64]) -> u128 {
    let (mut i, mut j, mut largest) = (0u128, 0u128, 0u128);
    merge(a, b, |_, from_a, from_b| {
        i += from_a as u128;
        j += from_b as u128;
        largest = largest.max((i * b.len() as u128).abs_diff(j * a.len() as u128));
    });
    largest
}

/// The share of the paths from (0, 0) to (n, m) that somewhere have |i·m − j·n| ≥ `distance`. A path that ends in
/// (i, j) came from (i − 1, j) with probability i / (i + j); every term is positive, so small chances keep their digits.
fn outside(n: usize, m: usize, distance: usize) -> f64 {
    if distance == 0 {
        return 1.0;
    }
    let mut row = vec![0.0f64; m + 1];
    for i in 0..=n {
        for j in 0..=m {
            let far = (i * m).abs_diff(j * n) >= distance;
            row[j] = match (far, i + j) {
                (true, _) => 1.0,
                (false, 0) => 0.0,
                (false, steps) => {
                    let before = if j == 0 { 0.0 } else { row[j - 1] * j as f64 };
                    (row[j] * i as f64 + before) / steps as f64
                }
            };
        }
    }
    row[m].clamp(0.0, 1.0)
}

/// The distance of Wasserstein between two samples: the area between their distribution functions, in the unit of the
/// values.
///
/// # Errors
/// When a sample is empty or holds a NaN.
pub fn wasserstein(a: &[f64], b: &[f64]) -> Result<f64> {
    let (a, b) = (sorted("a", a, 1)?, sorted("b", b, 1)?);
    let (n, m) = (a.len() as f64, b.len() as f64);
    let (mut i, mut j, mut area, mut last) = (0.0, 0.0, 0.0, f64::NAN);
    merge(&a, &b, |value, from_a, from_b| {
        if !last.is_nan() && value > last {
            area += (i / n - j / m).abs() * (value - last);
        }
        i += from_a as f64;
        j += from_b as f64;
        last = value;
    });
    Ok(area)
}

/// Welch's t-test of two means with unequal variances (1947); the statistic is t, positive when `a` is larger.
///
/// # Errors
/// When a sample has less than two values or holds a NaN, or neither varies.
pub fn welch(a: &[f64], b: &[f64]) -> Result<Test> {
    let (a, b) = (sorted("a", a, 2)?, sorted("b", b, 2)?);
    let moments = |v: &[f64]| {
        let n = v.len() as f64;
        let mean = v.iter().sum::<f64>() / n;
        (n, mean, v.iter().map(|x| (x - mean).powi(2)).sum::<f64>() / (n - 1.0) / n)
    };
    let ((n, mean_a, error_a), (m, mean_b, error_b)) = (moments(&a), moments(&b));
    let error = error_a + error_b;
    if !(error > 0.0 && error.is_finite()) {
        return Err(Error::new("a", "neither sample varies, or one is not finite"));
    }
    let freedom = error * error / (error_a * error_a / (n - 1.0) + error_b * error_b / (m - 1.0));
    let t = (mean_a - mean_b) / error.sqrt();
    Ok(Test { statistic: t, p: special::student_both(t, freedom) })
}

/// The rank test of Mann and Whitney (1947): the statistic is U of `a`, the number of pairs in which `a` is larger,
/// ties half. The p-value is that of the normal limit with corrections for ties and continuity.
///
/// # Errors
/// When a sample is empty or holds a NaN, or all values are one.
pub fn mann_whitney(a: &[f64], b: &[f64]) -> Result<Test> {
    let (a, b) = (sorted("a", a, 1)?, sorted("b", b, 1)?);
    let (n, m) = (a.len() as f64, b.len() as f64);
    let (mut below, mut u, mut ties) = (0.0, 0.0, 0.0);
    merge(&a, &b, |_, from_a, from_b| {
        u += from_a as f64 * (below + from_b as f64 / 2.0);
        below += from_b as f64;
        let tied = (from_a + from_b) as f64;
        ties += tied * tied * tied - tied;
    });
    let all = n + m;
    let deviation = (n * m / 12.0 * ((all + 1.0) - ties / (all * (all - 1.0)))).sqrt();
    if deviation <= 0.0 || deviation.is_nan() {
        return Err(Error::new("a", "all values are one"));
    }
    let z = ((u - n * m / 2.0).abs() - 0.5) / deviation;
    Ok(Test { statistic: u, p: if z <= 0.0 { 1.0 } else { special::normal_both(z) } })
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Two of a before three of b: of ten orders two have the full distance.
    #[test]
    fn the_chance_of_a_distance_is_counted() {
        let t = ks(&[1.0, 2.0], &[3.0, 4.0, 5.0]).unwrap();
        assert_eq!(t.statistic, 1.0);
        assert!((t.p - 0.2).abs() < 1e-15, "{t:?}");
        let same = ks(&[1.0, 2.0, 2.0], &[2.0, 1.0, 2.0]).unwrap();
        assert_eq!((same.statistic, same.p), (0.0, 1.0));
        // 50 below 50: two orders of 100! / (50! 50!) = 1.008 913 4e29.
        let low: Vec<f64> = (0..50).map(f64::from).collect();
        let high: Vec<f64> = (50..100).map(f64::from).collect();
        assert!((ks(&low, &high).unwrap().p / 1.982_330_6e-29 - 1.0).abs() < 1e-6);
    }

    #[test]
    fn the_counted_chance_and_the_expansion_meet() {
        let a: Vec<f64> = (0..1500).map(|i| f64::from(i) + 0.25).collect();
        let b: Vec<f64> = (0..1500).map(|i| f64::from(i) * 1.03).collect();
        let (counted, many) = (ks(&a, &b).unwrap(), ks_many(&a, &b).unwrap());
        assert_eq!(counted.statistic, many.statistic);
        assert!((counted.p - many.p).abs() < 0.02, "{counted:?} {many:?}");
    }

    #[test]
    fn the_area_between_two_distributions_is_the_mean_shift() {
        assert_eq!(wasserstein(&[0.0, 1.0, 3.0], &[5.0, 6.0, 8.0]).unwrap(), 5.0);
        assert_eq!(wasserstein(&[0.0, 2.0], &[1.0]).unwrap(), 1.0);
        assert_eq!(wasserstein(&[1.0, 1.0], &[1.0]).unwrap(), 0.0);
    }

    #[test]
    fn means_and_ranks_by_hand() {
        // Means 2 and 4, variances 1 and 4 over 3: t = −2 / √(5/3), freedom (25/9) / (1/18 + 16/18) = 50/17.
        let t = welch(&[1.0, 2.0, 3.0], &[2.0, 4.0, 6.0]).unwrap();
        assert!((t.statistic + 2.0 / (5.0f64 / 3.0).sqrt()).abs() < 1e-15);
        assert!((t.p - special::student_both(t.statistic, 50.0 / 17.0)).abs() < 1e-15);
        // a = 1, 3 and b = 2, 3, 4: pairs won 0 + 1, and half of one tie.
        assert_eq!(mann_whitney(&[1.0, 3.0], &[2.0, 3.0, 4.0]).unwrap().statistic, 1.5);
        let (up, down) =
            (mann_whitney(&[5.0, 7.0, 9.0], &[1.0, 2.0, 3.0]).unwrap(), mann_whitney(&[1.0, 2.0, 3.0], &[5.0, 7.0, 9.0]).unwrap());
        assert_eq!((up.statistic, down.statistic, up.p), (9.0, 0.0, down.p));
    }

    #[test]
    fn what_cannot_be_compared_is_refused() {
        assert_eq!(ks(&[], &[1.0]).unwrap_err().place(), "a");
        assert!(ks(&[1.0], &[f64::NAN]).unwrap_err().to_string().starts_with("b: number 0"));
        assert!(welch(&[1.0, 1.0], &[2.0, 2.0]).is_err());
        assert!(welch(&[1.0], &[2.0, 3.0]).is_err());
        assert!(mann_whitney(&[1.0], &[1.0, 1.0]).is_err());
        assert_eq!(ks(&[f64::INFINITY], &[f64::NEG_INFINITY]).unwrap().statistic, 1.0);
    }
}
