//! The share of every feature in the answer of one leaf.
//!
//! A leaf answers `v` to rows that pass the conditions of its path, one for each of `m` features. When only some
//! features are known, it counts by the part of the training weight that passes the conditions of the unknown
//! ones: `v × Π z`. The Shapley value of feature a, when every other feature is known with probability t, is
//!
//! > v (o_a - z_a) ∫₀¹ Π_{i≠a} (z_i (1 - t) + o_i t) dt
//!
//! with `o` 1 where the row passes and 0 where it does not. This is Owen's multilinear form of the value
//! (Multilinear Extensions of Games, 1972); the orders of features that the usual algorithm of TreeSHAP sums over
//! are in the integral. The integrand is a polynomial of degree m - 1, so Gauss's rule with ⌈m / 2⌉ points gives
//! the integral exactly, and as nothing is subtracted or divided by `z`, without loss of digits.

use std::f64::consts::PI;

/// Points in [0, 1] and their weights.
#[derive(Debug, Clone)]
pub(super) struct Rule(Vec<(f64, f64)>);

impl Rule {
    /// Gauss's rule that is exact for shares among this many features. Roots of the Legendre polynomial by
    /// Newton's method; weights 2 / ((1 - x²) P'(x)²), halved for the interval [0, 1].
    pub(super) fn new(features: usize) -> Self {
        let points = features.div_ceil(2).max(1);
        let root = |number: usize| {
            let mut x = (PI * (number as f64 + 0.75) / (points as f64 + 0.5)).cos();
            let mut slope = 1.0;
            for _ in 0..50 {
                let (mut last, mut this) = (1.0, x);
                for degree in 2..=points {
                    let degree = degree as f64;
                    (last, this) = (this, ((2.0 * degree - 1.0) * x * this - (degree - 1.0) * last) / degree);
                }
                slope = points as f64 * (x * this - last) / (x * x - 1.0);
                let step = this / slope;
                x -= step;
                if step.abs() < 1e-16 {
                    break;
                }
            }
            ((1.0 - x) / 2.0, 1.0 / ((1.0 - x * x) * slope * slope))
        };
        Self((0..points).map(root).collect())
    }
}

/// Writes the shares of the features of one leaf to `out`. `parts` are the z; `fails(a)` says that the row does
/// not pass the condition of feature a.
pub(super) fn shares(rule: &Rule, value: f64, parts: &[f64], fails: impl Fn(usize) -> bool, out: &mut [f64]) {
    // Clearing more than is used would cost more than the sums.
    match parts.len() {
        count @ 0..=16 => add_up(rule, value, parts, fails, &mut [[0.0; 2]; 16][..count], out),
        count => add_up(rule, value, parts, fails, &mut vec![[0.0; 2]; count], out),
    }
}

/// `work` holds for every feature whether the row passes, and the product of the factors before it.
fn add_up(rule: &Rule, value: f64, parts: &[f64], fails: impl Fn(usize) -> bool, work: &mut [[f64; 2]], out: &mut [f64]) {
    for (at, [passes, _]) in work.iter_mut().enumerate() {
        *passes = f64::from(u8::from(!fails(at)));
    }
    out.fill(0.0);
    for (t, weight) in &rule.0 {
        let mut product = *weight;
        for ([passes, before], part) in work.iter_mut().zip(parts) {
            *before = product;
            product *= part * (1.0 - t) + *passes * t;
        }
        let mut after = 1.0;
        for (([passes, before], part), out) in work.iter().zip(parts).zip(out.iter_mut()).rev() {
            *out += before * after;
            after *= part * (1.0 - t) + passes * t;
        }
    }
    for (([passes, _], part), out) in work.iter().zip(parts).zip(out) {
        *out *= value * (passes - part);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn shares_of_two_features_are_those_worked_out_by_hand() {
        // v = 8, z = (1/2, 1/4), the row passes the first and fails the second. Orders (a, b) and (b, a):
        // a: ½ [8 (1 - ½) ¼ + 8 (1 - ½) 0] = ½ [1 + 0] = ½;  b: ½ [8 (0 - ¼) 1 + 8 (0 - ¼) ½] = ½ [-2 - 1] = -1½.
        let mut out = [0.0; 2];
        shares(&Rule::new(2), 8.0, &[0.5, 0.25], |at| at == 1, &mut out);
        assert!((out[0] - 0.5).abs() < 1e-15 && (out[1] + 1.5).abs() < 1e-15, "{out:?}");
    }

    #[test]
    fn shares_add_up_to_the_answer_less_its_expectation_for_any_number_of_features() {
        for count in 1..=256 {
            let parts: Vec<f64> = (0..count).map(|at| 0.9 + 0.09 * ((at * 7 % 11) as f64 / 11.0)).collect();
            let mut out = vec![0.0; count];
            shares(&Rule::new(count), 3.0, &parts, |_| false, &mut out);
            let due = 3.0 * (1.0 - parts.iter().product::<f64>());
            assert!((out.iter().sum::<f64>() - due).abs() < 1e-12, "{count}");
            shares(&Rule::new(count), 3.0, &parts, |at| at % 2 == 0, &mut out);
            assert!((out.iter().sum::<f64>() + 3.0 * parts.iter().product::<f64>()).abs() < 1e-12, "{count}");
        }
    }
}
