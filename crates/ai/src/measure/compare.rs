//! Whether one model is better than another on the same cases, by more than chance.

use serde::Serialize;

use super::{Error, Interval, Result, Scored, always::Estimate, special};
use crate::chance::SplitMix;

/// Two areas under the ROC curve on the same cases.
#[derive(Clone, Copy, Debug, PartialEq, Serialize)]
pub struct Comparison {
    /// Area of the first.
    pub first: f64,
    /// Area of the second.
    pub second: f64,
    /// First minus second, with its confidence interval.
    pub difference: Interval,
    /// The chance of a difference at least this large if there were none.
    pub p: f64,
}

/// The area under the ROC curve with a confidence interval after DeLong, DeLong and Clarke-Pearson (1988), on the
/// scale of the logit so that it stays inside 0 to 1. `None` unless both outcomes occur at least twice.
pub fn auc_interval(scored: &Scored, level: f64) -> Option<Interval> {
    let part = Placements::of(scored)?;
    let (value, variance) = (part.auc, part.covariance(&part));
    if value <= 0.0 || value >= 1.0 {
        return Some(Interval { value, low: value, high: value });
    }
    let z = special::normal_within(level);
    let half = z * variance.sqrt() / (value * (1.0 - value));
    let logit = (value / (1.0 - value)).ln();
    Some(Interval { value, low: 1.0 / (1.0 + (half - logit).exp()), high: 1.0 / (1.0 + (-half - logit).exp()) })
}

/// DeLong's test of two areas on the same cases.
///
/// # Errors
/// When the cases are not the same, or an outcome occurs less than twice.
pub fn delong(first: &Scored, second: &Scored, level: f64) -> Result<Comparison> {
    same(first, second)?;
    let few = || Error::new("outcomes", "each of the two must occur at least twice");
    let (a, b) = (Placements::of(first).ok_or_else(few)?, Placements::of(second).ok_or_else(few)?);
    let variance = a.covariance(&a) + b.covariance(&b) - 2.0 * a.covariance(&b);
    let (value, error) = (a.auc - b.auc, variance.max(0.0).sqrt());
    let half = special::normal_within(level) * error;
    let p = match (value == 0.0, error == 0.0) {
        (true, _) => 1.0,
        (false, true) => 0.0,
        (false, false) => special::normal_both(value / error),
    };
    Ok(Comparison { first: a.auc, second: b.auc, difference: Interval { value, low: value - half, high: value + half }, p })
}

/// How far the areas of two models differ, each on cases of its own: second minus first with its variance, the sum of
/// the two after DeLong. `None` unless both outcomes occur at least twice on each side.
pub fn apart(first: &Scored, second: &Scored) -> Option<Estimate> {
    let (a, b) = (Placements::of(first)?, Placements::of(second)?);
    Some(Estimate { value: b.auc - a.auc, variance: a.covariance(&a) + b.covariance(&b) })
}

/// How two areas differ when the cases are drawn again `rounds` times with replacement, both models on the same draw:
/// percentiles of the difference (Efron 1979). Repeatable by `seed`; a draw without both outcomes does not count.
///
/// # Errors
/// When the cases are not the same, an outcome does not occur, or there are no rounds or more than a million.
pub fn bootstrap(first: &Scored, second: &Scored, rounds: usize, level: f64, seed: u64) -> Result<Comparison> {
    same(first, second)?;
    let none = || Error::new("outcomes", "both must occur");
    let (a, b) = (first.auc().ok_or_else(none)?, second.auc().ok_or_else(none)?);
    if !(1..=1_000_000).contains(&rounds) {
        return Err(Error::new("rounds", format!("{rounds} is not between one and a million")));
    }
    let mut drawn = vec![0u32; first.len()];
    let mut differences = Vec::with_capacity(rounds);
    for round in 0..rounds {
        let mut chance = SplitMix::stream(seed, round as u64);
        drawn.fill(0);
        for _ in 0..first.len() {
            drawn[chance.below(first.len())] += 1;
        }
        if let (Some(a), Some(b)) = (weighted(first, &drawn), weighted(second, &drawn)) {
            differences.push(a - b);
        }
    }
    if differences.is_empty() {
        return Err(Error::new("outcomes", "no draw has both"));
    }
    differences.sort_by(f64::total_cmp);
    let tail = (1.0 - level) / 2.0;
    let against = |keep: fn(&f64) -> bool| (differences.iter().filter(|d| keep(d)).count() + 1) as f64 / (differences.len() + 1) as f64;
    let p = (2.0 * against(|d| *d <= 0.0).min(against(|d| *d >= 0.0))).min(1.0);
    let difference = Interval { value: a - b, low: quantile(&differences, tail), high: quantile(&differences, 1.0 - tail) };
    Ok(Comparison { first: a, second: b, difference, p })
}

/// The quantile `q` of sorted values, linear between neighbours.
fn quantile(sorted: &[f64], q: f64) -> f64 {
    let at = q.clamp(0.0, 1.0) * (sorted.len() - 1) as f64;
    let (low, high) = (sorted[at.floor() as usize], sorted[at.ceil() as usize]);
    low + (high - low) * at.fract()
}

fn same(first: &Scored, second: &Scored) -> Result<()> {
    if first.outcomes() == second.outcomes() { Ok(()) } else { Err(Error::new("second", "has other outcomes than the first")) }
}

/// The area when case i occurs `drawn[i]` times.
fn weighted(scored: &Scored, drawn: &[u32]) -> Option<f64> {
    let (order, scores, outcomes) = (scored.order(), scored.scores(), scored.outcomes());
    let (mut above, mut below, mut pairs, mut at) = (0u64, 0u64, 0u128, 0);
    while at < order.len() {
        let score = scores[order[at] as usize];
        let (mut positives, mut negatives) = (0u64, 0u64);
        while at < order.len() && scores[order[at] as usize] == score {
            let i = order[at] as usize;
            if outcomes[i] {
                positives += u64::from(drawn[i])
            } else {
                negatives += u64::from(drawn[i])
            }
            at += 1;
        }
        pairs += u128::from(negatives) * u128::from(2 * above + positives);
        above += positives;
        below += negatives;
    }
    (above > 0 && below > 0).then(|| pairs as f64 / (2.0 * above as f64 * below as f64))
}

/// For every case the share of the other kind it is placed rightly against: the structural components of the area.
/// By midranks, after Sun and Xu (2014), so the cost is that of sorting.
struct Placements {
    auc: f64,
    of_positives: Vec<f64>,
    of_negatives: Vec<f64>,
}

impl Placements {
    fn of(scored: &Scored) -> Option<Placements> {
        let (positives, negatives) = (scored.positives() as f64, (scored.len() - scored.positives()) as f64);
        if positives < 2.0 || negatives < 2.0 {
            return None;
        }
        let mut placement = vec![0.0; scored.len()];
        let (mut at, mut positives_above, mut negatives_above) = (0, 0.0, 0.0);
        scored.ties(|_, cases, tied| {
            let (tied, other) = (tied as f64, (cases - tied) as f64);
            for &i in &scored.order()[at..at + cases] {
                placement[i as usize] = if scored.outcomes()[i as usize] {
                    (negatives - negatives_above - other / 2.0) / negatives
                } else {
                    (positives_above + tied / 2.0) / positives
                };
            }
            positives_above += tied;
            negatives_above += other;
            at += cases;
        });
        let (mut of_positives, mut of_negatives) = (Vec::new(), Vec::new());
        for (value, happened) in placement.into_iter().zip(scored.outcomes()) {
            if *happened { of_positives.push(value) } else { of_negatives.push(value) }
        }
        Some(Placements { auc: scored.auc()?, of_positives, of_negatives })
    }

    fn covariance(&self, other: &Placements) -> f64 {
        let part = |a: &[f64], b: &[f64]| {
            let n = a.len() as f64;
            a.iter().zip(b).map(|(x, y)| (x - self.auc) * (y - other.auc)).sum::<f64>() / (n - 1.0) / n
        };
        part(&self.of_positives, &other.of_positives) + part(&self.of_negatives, &other.of_negatives)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn pair() -> (Scored, Scored) {
        let mut chance = SplitMix::new(5);
        let (mut a, mut b, mut y) = (vec![], vec![], vec![]);
        for _ in 0..400 {
            let happened = chance.unit() < 0.3;
            let shift = if happened { 0.25 } else { 0.0 };
            let shared = chance.unit();
            a.push(shared + 2.0 * shift);
            b.push(((shared + shift + 0.2 * chance.unit()) * 20.0).round());
            y.push(happened);
        }
        (Scored::new(a, y.clone()).unwrap(), Scored::new(b, y).unwrap())
    }

    /// X = 4 of 5 pairs… by hand: positives 3, 1; negatives 2, 0: placements 1, 1/2 and 1/2, 1; AUC 3/4; each
    /// variance is (1/8)/2 over 2 = 1/16, their sum 1/8.
    #[test]
    fn the_variance_of_delong_is_that_of_the_placements() {
        let s = Scored::new(vec![3.0, 1.0, 2.0, 0.0], vec![true, true, false, false]).unwrap();
        let p = Placements::of(&s).unwrap();
        assert_eq!((p.auc, &p.of_positives[..], &p.of_negatives[..]), (0.75, &[1.0, 0.5][..], &[0.5, 1.0][..]));
        assert!((p.covariance(&p) - 0.125).abs() < 1e-15);
    }

    #[test]
    fn the_bootstrap_and_delong_agree_on_what_is_a_difference() {
        let (a, b) = pair();
        let (exact, drawn) = (delong(&a, &b, 0.95).unwrap(), bootstrap(&a, &b, 2000, 0.95, 1).unwrap());
        assert_eq!(exact.difference.value, drawn.difference.value);
        assert!((exact.difference.low - drawn.difference.low).abs() < 0.006, "{exact:?} {drawn:?}");
        assert!((exact.difference.high - drawn.difference.high).abs() < 0.006, "{exact:?} {drawn:?}");
        assert!(exact.difference.low > 0.0 && exact.p < 0.01 && drawn.p < 0.01);
        let back = delong(&b, &a, 0.95).unwrap();
        assert!((back.difference.high + exact.difference.low).abs() < 1e-12 && (back.p - exact.p).abs() < 1e-12);
    }

    #[test]
    fn a_seed_repeats_and_a_model_is_no_better_than_itself() {
        let (a, b) = pair();
        assert_eq!(bootstrap(&a, &b, 100, 0.9, 7).unwrap(), bootstrap(&a, &b, 100, 0.9, 7).unwrap());
        assert_ne!(bootstrap(&a, &b, 100, 0.9, 7).unwrap(), bootstrap(&a, &b, 100, 0.9, 8).unwrap());
        let own = delong(&a, &a, 0.95).unwrap();
        assert_eq!((own.difference.value, own.p), (0.0, 1.0));
        assert!(bootstrap(&a, &a.part(|i| i > 0).unwrap(), 10, 0.9, 1).is_err());
        assert!(bootstrap(&a, &b, 0, 0.9, 1).is_err());
    }

    #[test]
    fn the_interval_of_an_area_contains_it_and_shrinks_with_the_cases() {
        let (a, _) = pair();
        let (whole, half) = (auc_interval(&a, 0.95).unwrap(), auc_interval(&a.part(|i| i % 4 == 0).unwrap(), 0.95).unwrap());
        assert!(whole.low < whole.value && whole.value < whole.high);
        assert!(whole.high - whole.low < half.high - half.low);
        assert_eq!(auc_interval(&a.part(|i| a.outcomes()[i]).unwrap(), 0.95), None);
    }
}
