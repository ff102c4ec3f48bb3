//! Tails of distributions: what the tests of this module need, and no more.
//!
//! Series and continued fractions after Abramowitz and Stegun, chapters 6 and 26, and Press et al., "Numerical
//! Recipes", chapter 6. Accurate to about 1e-13 where the parameters are below a million.

/// Steps after which a series or a fraction is taken as it is: those here need about the root of their parameter.
const STEPS: usize = 20_000;
const TINY: f64 = 1e-300;

/// ln Γ(x) for x > 0, by Lanczos' sum with g = 7.
pub(crate) fn ln_gamma(x: f64) -> f64 {
    const G: f64 = 7.0;
    const SUM: [f64; 8] = [
        676.520_368_121_885_1,
        -1_259.139_216_722_402_8,
        771.323_428_777_653_1,
        -176.615_029_162_140_6,
        12.507_343_278_686_905,
        -0.138_571_095_265_720_12,
        9.984_369_578_019_572e-6,
        1.505_632_735_149_311_6e-7,
    ];
    if x < 0.5 {
        // The reflection keeps the sum where it converges.
        return (std::f64::consts::PI / (std::f64::consts::PI * x).sin()).ln() - ln_gamma(1.0 - x);
    }
    let x = x - 1.0;
    let sum = SUM.iter().zip(1u32..).fold(0.999_999_999_999_809_9, |sum, (c, i)| sum + c / (x + f64::from(i)));
    let t = x + G + 0.5;
    0.5 * std::f64::consts::TAU.ln() + (x + 0.5) * t.ln() - t + sum.ln()
}

/// Q(a, x) = Γ(a, x) / Γ(a), the upper tail of the gamma distribution, for a > 0.
pub(crate) fn gamma_tail(a: f64, x: f64) -> f64 {
    if x.is_nan() || a.is_nan() {
        return f64::NAN;
    }
    if x <= 0.0 {
        return 1.0;
    }
    if x == f64::INFINITY {
        return 0.0;
    }
    let front = (a * x.ln() - x - ln_gamma(a)).exp();
    if x < a + 1.0 {
        let (mut term, mut sum, mut n) = (1.0 / a, 1.0 / a, a);
        for _ in 0..STEPS {
            n += 1.0;
            term *= x / n;
            sum += term;
            if term < sum * 1e-17 {
                break;
            }
        }
        return (1.0 - sum * front).clamp(0.0, 1.0);
    }
    // Lentz's evaluation of the continued fraction.
    let mut b = x + 1.0 - a;
    let (mut c, mut d) = (1.0 / TINY, 1.0 / b);
    let mut value = d;
    for i in 1..STEPS {
        let i = i as f64;
        let an = -i * (i - a);
        b += 2.0;
        d = 1.0 / away(an * d + b);
        c = away(b + an / c);
        value *= d * c;
        if (d * c - 1.0).abs() < 1e-16 {
            break;
        }
    }
    (front * value).clamp(0.0, 1.0)
}

/// The regularised incomplete beta function I_x(a, b) for a, b > 0 and x in [0, 1].
pub(crate) fn beta(a: f64, b: f64, x: f64) -> f64 {
    if x <= 0.0 || x >= 1.0 {
        return if x <= 0.0 { 0.0 } else { 1.0 };
    }
    let front = (ln_gamma(a + b) - ln_gamma(a) - ln_gamma(b) + a * x.ln() + b * (-x).ln_1p()).exp();
    // The fraction converges fast on this side only; the other side is its mirror image.
    if x < (a + 1.0) / (a + b + 2.0) { front * beta_fraction(a, b, x) / a } else { 1.0 - front * beta_fraction(b, a, 1.0 - x) / b }
}

fn beta_fraction(a: f64, b: f64, x: f64) -> f64 {
    let mut c = 1.0;
    let mut d = 1.0 / away(1.0 - (a + b) * x / (a + 1.0));
    let mut value = d;
    for m in 1..STEPS {
        let m = m as f64;
        let even = m * (b - m) * x / ((a + 2.0 * m - 1.0) * (a + 2.0 * m));
        d = 1.0 / away(1.0 + even * d);
        c = away(1.0 + even / c);
        value *= d * c;
        let odd = -(a + m) * (a + b + m) * x / ((a + 2.0 * m) * (a + 2.0 * m + 1.0));
        d = 1.0 / away(1.0 + odd * d);
        c = away(1.0 + odd / c);
        value *= d * c;
        if (d * c - 1.0).abs() < 1e-16 {
            break;
        }
    }
    value
}

/// A denominator that is nearly zero is moved off it, as Lentz's method asks.
fn away(x: f64) -> f64 {
    if x.abs() < TINY { TINY } else { x }
}

/// P(|Z| ≥ |z|) for a standard normal Z.
pub(crate) fn normal_both(z: f64) -> f64 {
    gamma_tail(0.5, z * z / 2.0)
}

/// P(Z ≤ z) for a standard normal Z.
pub(crate) fn normal(z: f64) -> f64 {
    if z < 0.0 { normal_both(z) / 2.0 } else { 1.0 - normal_both(z) / 2.0 }
}

/// The z with P(Z ≤ z) = p, for p strictly between 0 and 1.
pub(crate) fn normal_quantile(p: f64) -> f64 {
    if !(p > 0.0 && p < 1.0) {
        return if p <= 0.0 { f64::NEG_INFINITY } else { f64::INFINITY };
    }
    // Abramowitz and Stegun 26.2.23 is right to 4.5e-4; Newton's method does the rest.
    let tail = p.min(1.0 - p);
    let t = (-2.0 * tail.ln()).sqrt();
    let mut z = t - (2.515_517 + t * (0.802_853 + t * 0.010_328)) / (1.0 + t * (1.432_788 + t * (0.189_269 + t * 0.001_308)));
    for _ in 0..4 {
        let density = (-z * z / 2.0).exp() / std::f64::consts::TAU.sqrt();
        if density < TINY {
            break;
        }
        z += (normal(-z) - tail) / density;
    }
    if p < 0.5 { -z } else { z }
}

/// The z that a normal variable stays within on both sides with the probability `level`, which is kept inside 0 to 1.
pub(crate) fn normal_within(level: f64) -> f64 {
    normal_quantile(0.5 + level.clamp(0.0, 1.0 - 1e-12) / 2.0)
}

/// P(|T| ≥ |t|) for Student's distribution with `freedom` degrees of freedom.
pub(crate) fn student_both(t: f64, freedom: f64) -> f64 {
    if t.is_nan() || freedom.is_nan() {
        return f64::NAN;
    }
    // Beyond this the difference from the normal distribution is below 1e-7.
    if freedom > 1e7 {
        return normal_both(t);
    }
    beta(freedom / 2.0, 0.5, freedom / (freedom + t * t))
}

/// P(D ≥ d) for the Kolmogorov statistic of `n` values, by the expansion of Pelz and Good (1976) as given by Simard
/// and L'Ecuyer, "Computing the two-sided Kolmogorov-Smirnov distribution" (2011): right to about 1e-6 for n ≥ 100.
pub(crate) fn kolmogorov_tail(n: f64, d: f64) -> f64 {
    use std::f64::consts::PI;
    if d <= 0.5 / n {
        return 1.0;
    }
    if d >= 1.0 {
        return 0.0;
    }
    let z = n.sqrt() * d;
    if z > 3.0 {
        // 1 − P would lose all its digits here; Maag and Dicaire (1971) give the tail itself.
        return (2.0 * (-(6.0 * n * d + 1.0).powi(2) / (18.0 * n)).exp()).min(1.0);
    }
    let (z2, pi2) = (z * z, PI * PI);
    let (z4, z6) = (z2 * z2, z2 * z2 * z2);
    let half = (PI / 2.0).sqrt();
    let (mut k0, mut k1, mut k2, mut k3) = (0.0, 0.0, 0.0, 0.0);
    for k in 0..40 {
        // Both signs of k + 1/2 give the same term.
        let q = (f64::from(k) + 0.5).powi(2) * pi2;
        let e = 2.0 * (-q / (2.0 * z2)).exp();
        k0 += e;
        k1 += (q - z2) * e;
        k2 += (6.0 * z6 + 2.0 * z4 + (2.0 * z4 - 5.0 * z2) * q + (1.0 - 2.0 * z2) * q * q) * e;
        k3 += ((5.0 - 30.0 * z2) * q.powi(3) + (-60.0 * z2 + 212.0 * z4) * q * q + (135.0 * z4 - 96.0 * z6) * q
            - (30.0 * z6 + 90.0 * z4 * z4))
            * e;
    }
    let (mut whole2, mut whole3) = (0.0, 0.0);
    for k in 1..40 {
        let q = f64::from(k).powi(2) * pi2;
        let e = 2.0 * (-q / (2.0 * z2)).exp();
        whole2 += q * e;
        whole3 += (3.0 * q * z2 - q * q) * e;
    }
    let k0 = std::f64::consts::TAU.sqrt() / z * (k0 / 2.0);
    let k1 = half / (6.0 * z4) * k1;
    let k2 = half / (72.0 * z6 * z) * k2 - half / (36.0 * z2 * z) * whole2;
    let k3 = half / (6480.0 * z6 * z4) * k3 + half / (216.0 * z6) * whole3;
    (1.0 - (k0 + (k1 + (k2 + k3 / n.sqrt()) / n.sqrt()) / n.sqrt())).clamp(0.0, 1.0)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn near(a: f64, b: f64, tolerance: f64) {
        assert!((a - b).abs() <= tolerance * b.abs().max(1e-300), "{a} is not {b}");
    }

    #[test]
    fn tails_agree_with_what_is_known_in_closed_form() {
        near(ln_gamma(5.0), 24f64.ln(), 1e-14);
        near(ln_gamma(0.5), std::f64::consts::PI.sqrt().ln(), 1e-14);
        near(gamma_tail(1.0, 3.0), (-3f64).exp(), 1e-14);
        near(gamma_tail(2.0, 0.5), 1.5 * (-0.5f64).exp(), 1e-14);
        near(gamma_tail(2.0, 40.0), 41.0 * (-40f64).exp(), 1e-12);
        near(beta(2.0, 3.0, 0.4), 0.5248, 1e-13);
        near(beta(1.0, 7.0, 0.9), 1.0 - 0.1f64.powi(7), 1e-13);
        // Student with one degree of freedom is Cauchy's distribution, with two it is algebraic.
        near(student_both(1.0, 1.0), 0.5, 1e-13);
        near(student_both(2.0, 2.0), 1.0 - 2.0 / 6f64.sqrt(), 1e-12);
    }

    #[test]
    fn the_normal_distribution_and_its_quantile_are_inverse() {
        near(normal_both(1.959_963_984_540_054), 0.05, 1e-13);
        near(normal_quantile(0.975), 1.959_963_984_540_054, 1e-12);
        near(normal_quantile(1e-9), -5.997_807_014_938_2, 1e-9);
        for p in [1e-6, 0.01, 0.3, 0.5, 0.9, 0.999] {
            near(normal(normal_quantile(p)), p, 1e-10);
        }
    }

    #[test]
    fn the_tail_of_kolmogorov_tends_to_the_limit() {
        let (z, n) = (1.0f64, 1e12);
        let limit: f64 = (1..20i32).map(|k| 2.0 * f64::from(1 - 2 * ((k + 1) % 2)) * (-2.0 * f64::from(k * k) * z * z).exp()).sum();
        near(kolmogorov_tail(n, z / n.sqrt()), limit, 1e-5);
        let (below, above) = (kolmogorov_tail(400.0, 2.999 / 20.0), kolmogorov_tail(400.0, 3.001 / 20.0));
        assert!((below / above - 1.0).abs() < 0.1, "no step where the tail changes its formula: {below} {above}");
    }
}
