//! Models that different people got: whether one of them is better than the first, by what happened.
//!
//! Nobody is scored by two models here, so figures of two variants come from different people and their variances
//! add. A verdict is valid at any look ([`super::always`]); with several challengers each gets its part of α
//! (Bonferroni), so that the chance of a wrong winner is at most α over all challengers and all looks.

use serde::Serialize;

use super::{
    Result, Scored,
    always::{Always, Estimate},
    compare, count,
    sample::Test,
};

/// What decides.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize)]
#[serde(rename_all = "lowercase")]
pub enum Metric {
    /// The area under the ROC curve; more is better.
    Auc,
    /// The mean squared error of the probabilities; less is better.
    Brier,
    /// The share of people to whom it happened; less is better. It differs only where something is done about scores.
    Rate,
}

/// What is asked of a look.
#[derive(Clone, Copy, Debug)]
pub struct Terms {
    /// What decides.
    pub metric: Metric,
    /// The chance of a wrong winner that is put up with.
    pub alpha: f64,
    /// The size of a difference of the metric that is worth finding.
    pub effect: f64,
    /// With fewer cases of a variant nothing is said,
    pub least: usize,
    /// nor with fewer to whom it happened, or to whom it did not.
    pub least_positives: usize,
}

/// A challenger beside the first variant. Differences are the challenger's less the first's.
#[derive(Clone, Debug, Serialize)]
pub struct Beside {
    /// Of the area.
    pub auc: Always,
    /// Of the mean squared error.
    pub brier: Always,
    /// Of the share to whom it happened.
    pub rate: Always,
    /// The same as if somebody looked once, at a time that was fixed before: the z-test of two shares.
    pub rate_once: Option<Test>,
    /// Whether it is better by the metric that decides.
    pub better: bool,
    /// Whether it happens more often with it: then it does not win, whatever its figures.
    pub harm: bool,
}

/// What came of a look.
#[derive(Clone, Debug, Serialize)]
pub struct Verdict {
    /// Each challenger beside the first; empty where there are too few cases.
    pub beside: Vec<Beside>,
    /// The place of the winner among the challengers.
    pub winner: Option<usize>,
    /// Why there are no figures.
    pub too_few: Option<String>,
}

/// The size of differences of what does not decide: what is found of them decides nothing.
const USUAL: [(Metric, f64); 3] = [(Metric::Auc, 0.02), (Metric::Brier, 0.005), (Metric::Rate, 0.02)];

/// Mean and variance of the mean of the squared errors of probabilities.
fn squares(scored: &Scored) -> Estimate {
    let n = scored.len() as f64;
    let each = || scored.scores().iter().zip(scored.outcomes()).map(|(p, y)| (p - f64::from(u8::from(*y))).powi(2));
    let mean = each().sum::<f64>() / n;
    let variance = each().map(|square| (square - mean).powi(2)).sum::<f64>() / (n - 1.0).max(1.0) / n;
    Estimate { value: mean, variance }
}

/// The share to whom it happened and its variance.
fn rate(scored: &Scored) -> Estimate {
    let n = scored.len() as f64;
    let share = scored.positives() as f64 / n;
    Estimate { value: share, variance: share * (1.0 - share) / n }
}

fn less(challenger: Estimate, first: Estimate) -> Estimate {
    Estimate { value: challenger.value - first.value, variance: challenger.variance + first.variance }
}

/// Looks once more. `None` stands for a variant of which nothing is known yet.
///
/// # Errors
/// Terms that are none; scores that are no probabilities.
pub fn look(first: Option<&Scored>, challengers: &[Option<&Scored>], terms: &Terms) -> Result<Verdict> {
    let enough = |scored: &Scored| {
        let happened = scored.positives();
        scored.len() >= terms.least && happened >= terms.least_positives && scored.len() - happened >= terms.least_positives
    };
    let all: Option<Vec<&Scored>> =
        std::iter::once(first).chain(challengers.iter().copied()).map(|one| one.filter(|s| enough(s))).collect();
    let Some(all) = all else {
        let counts: Vec<String> = std::iter::once(first)
            .chain(challengers.iter().copied())
            .map(|one| one.map_or_else(|| "0 with 0".into(), |s| format!("{} with {}", s.len(), s.positives())))
            .collect();
        let why = format!(
            "each variant needs {} cases with {} to whom it happened; there are {}",
            terms.least,
            terms.least_positives,
            counts.join(", ")
        );
        return Ok(Verdict { beside: Vec::new(), winner: None, too_few: Some(why) });
    };
    for scored in &all {
        scored.probabilities()?;
    }
    let first = all[0];
    let alpha = terms.alpha / challengers.len().max(1) as f64;
    let effect = |metric: Metric| {
        let usual = USUAL.into_iter().find(|(known, _)| *known == metric).map_or(terms.effect, |(_, size)| size);
        if metric == terms.metric { terms.effect } else { usual }
    };
    let mut beside = Vec::new();
    for other in &all[1..] {
        // Both outcomes occur, as was asked above; where that was asked of nobody there is nothing to be said.
        let none = Estimate { value: 0.0, variance: 0.0 };
        let auc = compare::apart(first, other).unwrap_or(none).always(effect(Metric::Auc), alpha)?;
        let brier = less(squares(other), squares(first)).always(effect(Metric::Brier), alpha)?;
        let rate = less(rate(other), rate(first)).always(effect(Metric::Rate), alpha)?;
        let counts = |s: &Scored| (s.positives() as u64, s.len() as u64);
        let ((x, n), (y, m)) = (counts(other), counts(first));
        beside.push(Beside {
            auc,
            brier,
            rate,
            rate_once: count::two_shares(x, n, y, m).ok(),
            better: match terms.metric {
                Metric::Auc => auc.difference.low > 0.0,
                Metric::Brier => brier.difference.high < 0.0,
                Metric::Rate => rate.difference.high < 0.0,
            },
            harm: rate.difference.low > 0.0,
        });
    }
    let gain = |one: &Beside| match terms.metric {
        Metric::Auc => one.auc.difference.value,
        Metric::Brier => -one.brier.difference.value,
        Metric::Rate => -one.rate.difference.value,
    };
    let best = beside.iter().enumerate().filter(|(_, one)| one.better && !one.harm).max_by(|a, b| gain(a.1).total_cmp(&gain(b.1)));
    let winner = best.map(|(at, _)| at);
    Ok(Verdict { beside, winner, too_few: None })
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::chance::SplitMix;

    const TERMS: Terms = Terms { metric: Metric::Auc, alpha: 0.05, effect: 0.05, least: 100, least_positives: 10 };

    /// People of a variant: a fifth interrupts, and the model's log-odds are `skill` higher for them on average.
    struct People {
        chance: SplitMix,
        scores: Vec<f64>,
        outcomes: Vec<bool>,
    }

    impl People {
        fn new(seed: u64, stream: u64) -> People {
            People { chance: SplitMix::stream(seed, stream), scores: Vec::new(), outcomes: Vec::new() }
        }
        fn more(&mut self, count: usize, rate: f64, skill: f64) -> Scored {
            for _ in 0..count {
                let happened = self.chance.unit() < rate;
                // Nearly normal: twelve uniforms less six.
                let noise = (0..12).map(|_| self.chance.unit()).sum::<f64>() - 6.0;
                let margin = -1.7 + noise + if happened { skill } else { 0.0 };
                self.scores.push(1.0 / (1.0 + (-margin).exp()));
                self.outcomes.push(happened);
            }
            Scored::new(self.scores.clone(), self.outcomes.clone()).unwrap()
        }
    }

    /// Looks until there is a winner, at most `looks` times; who won, and whether a test for one look had found one.
    fn run(seed: u64, terms: &Terms, skills: &[f64], rates: &[f64], looks: usize) -> (Option<usize>, bool) {
        let mut people: Vec<People> = (0..skills.len()).map(|at| People::new(seed, at as u64)).collect();
        let mut naive = false;
        for _ in 0..looks {
            let all: Vec<Scored> =
                people.iter_mut().zip(skills.iter().zip(rates)).map(|(one, (skill, rate))| one.more(100, *rate, *skill)).collect();
            let challengers: Vec<Option<&Scored>> = all[1..].iter().map(Some).collect();
            naive |= compare::apart(&all[0], &all[1]).is_some_and(|seen| seen.value > 1.96 * seen.variance.sqrt());
            let seen = look(Some(&all[0]), &challengers, terms).unwrap();
            if seen.winner.is_some() {
                return (seen.winner, naive);
            }
        }
        (None, naive)
    }

    /// Two variants that are the same model: three hundred tests, each looked at up to ten times.
    #[test]
    fn of_tests_of_a_model_against_itself_no_more_than_alpha_have_a_winner() {
        let (mut wrong, mut naive) = (0, 0);
        for seed in 0..300 {
            let (winner, once) = run(seed, &TERMS, &[1.2, 1.2], &[0.2, 0.2], 10);
            wrong += u32::from(winner.is_some());
            naive += u32::from(once);
        }
        println!("of 300 tests of a model against itself {wrong} had a winner; looking with a test for one look, {naive}");
        assert!(wrong <= 15, "{wrong} of 300");
        assert!(naive > 15, "without the correction there would be more: {naive} of 300");
    }

    #[test]
    fn nor_with_three_challengers_and_another_metric() {
        for (metric, effect) in [(Metric::Auc, 0.05), (Metric::Brier, 0.01), (Metric::Rate, 0.05)] {
            let terms = Terms { metric, effect, ..TERMS };
            let wrong = (0..60).filter(|seed| run(1000 + seed, &terms, &[1.2; 4], &[0.2; 4], 5).0.is_some()).count();
            assert!(wrong <= 3, "{metric:?}: {wrong} of 60");
        }
    }

    #[test]
    fn a_real_difference_is_found_by_each_metric_and_names_who_made_it() {
        for seed in 0..10 {
            assert_eq!(run(seed, &TERMS, &[0.5, 0.6, 2.0], &[0.2; 3], 12).0, Some(1), "area, seed {seed}");
            let brier = Terms { metric: Metric::Brier, effect: 0.02, ..TERMS };
            assert_eq!(run(seed, &brier, &[-1.0, 2.0], &[0.2; 2], 12).0, Some(0), "Brier, seed {seed}");
            let rate = Terms { metric: Metric::Rate, effect: 0.1, ..TERMS };
            assert_eq!(run(seed, &rate, &[1.2; 2], &[0.4, 0.15], 12).0, Some(0), "rate, seed {seed}");
            assert_eq!(run(seed, &TERMS, &[2.0, 0.5], &[0.2; 2], 12).0, None, "a worse one does not win, seed {seed}");
        }
    }

    #[test]
    fn who_does_harm_does_not_win_and_few_cases_say_nothing() {
        let (winner, _) = run(1, &TERMS, &[0.2, 3.0], &[0.1, 0.5], 12);
        assert_eq!(winner, None, "a better area, and five times as many interruptions");
        let few = People::new(1, 0).more(60, 0.3, 1.0);
        let many = People::new(1, 1).more(600, 0.3, 1.0);
        for (first, other) in [(Some(&few), Some(&many)), (Some(&many), None), (None, Some(&few))] {
            let seen = look(first, &[other], &TERMS).unwrap();
            assert!(seen.beside.is_empty() && seen.winner.is_none() && seen.too_few.is_some_and(|why| why.contains("needs 100 cases")));
        }
        assert!(look(Some(&many), &[Some(&many)], &Terms { alpha: 0.0, ..TERMS }).is_err());
    }
}
