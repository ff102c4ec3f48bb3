//! Several models as one: rules that make one log-odds of those of the members, and how far the answer follows each.

use serde::{Deserialize, Serialize};

use crate::measure::{Error, Result};

/// More members than this are refused.
pub const MOST: usize = 16;
/// Log-odds beyond this are taken as this: e to it is still a number.
const FAR: f64 = 700.0;

/// How members' log-odds become one.
#[derive(Clone, Copy, Debug, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case", deny_unknown_fields)]
pub enum Rule {
    /// The weighted mean of log-odds: the logarithmic opinion pool (Genest and Zidek 1986).
    LogOdds,
    /// The weighted mean of probabilities: the linear opinion pool (Stone 1961), also called soft voting.
    Probability,
    /// Each member votes yes where its probability is at least the threshold. Those whose side has more weight are
    /// heard, by the weighted mean of their probabilities; at a tie everybody is. So the answer lies on the side that
    /// won, and still tells more from less within it.
    Majority {
        /// Strictly between 0 and 1.
        threshold: f64,
    },
    /// A logistic regression over members' log-odds (Wolpert 1992; Ting and Witten 1999).
    Stack {
        /// Log-odds where all members say 0.
        intercept: f64,
    },
}

/// A rule with a weight for each member. Reading one checks it.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(try_from = "Parts")]
pub struct Blend {
    rule: Rule,
    weights: Vec<f64>,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Parts {
    rule: Rule,
    weights: Vec<f64>,
}

impl TryFrom<Parts> for Blend {
    type Error = Error;
    fn try_from(Parts { rule, weights }: Parts) -> Result<Blend> {
        // Weights that were kept are kept to the bit: dividing them by their sum again could move one.
        let sum: f64 = weights.iter().sum();
        if matches!(rule, Rule::Stack { .. }) || (sum - 1.0).abs() < 1e-9 {
            check(rule, &weights)?;
            return Ok(Blend { rule, weights });
        }
        Blend::new(rule, weights)
    }
}

fn check(rule: Rule, weights: &[f64]) -> Result<()> {
    if !(1..=MOST).contains(&weights.len()) {
        return Err(Error::new("weights", format!("{} members; between 1 and {MOST} are blended", weights.len())));
    }
    let fits = |w: &f64| w.is_finite() && (*w >= 0.0 || matches!(rule, Rule::Stack { .. }));
    if let Some(at) = weights.iter().position(|w| !fits(w)) {
        return Err(Error::new("weights", format!("number {at} is {}", weights[at])));
    }
    match rule {
        Rule::Majority { threshold } if !(threshold > 0.0 && threshold < 1.0) => {
            Err(Error::new("threshold", format!("{threshold} is not between 0 and 1")))
        }
        Rule::Stack { intercept } if !intercept.is_finite() => Err(Error::new("intercept", "is no number")),
        Rule::Stack { .. } => Ok(()),
        _ if weights.iter().sum::<f64>() > 0.0 => Ok(()),
        _ => Err(Error::new("weights", "nobody has any")),
    }
}

fn sigmoid(margin: f64) -> f64 {
    1.0 / (1.0 + (-margin).exp())
}

/// The log-odds of a weighted mean of probabilities. Both tails are summed, so that none is lost in 1 − p.
fn mixed(weights: &[f64], log_odds: &[f64]) -> f64 {
    let sum = |sign: f64| weights.iter().zip(log_odds).map(|(w, m)| w * sigmoid(sign * m.clamp(-FAR, FAR))).sum::<f64>();
    sum(1.0).ln() - sum(-1.0).ln()
}

impl Blend {
    /// A rule with a weight for each member. Weights are divided by their sum, except those of a stack.
    ///
    /// # Errors
    /// No members or more than [`MOST`]; a weight that is no number, or below 0 where it is not a stack's; all of
    /// them 0; a threshold that is no probability.
    pub fn new(rule: Rule, mut weights: Vec<f64>) -> Result<Blend> {
        check(rule, &weights)?;
        if !matches!(rule, Rule::Stack { .. }) {
            let sum: f64 = weights.iter().sum();
            weights.iter_mut().for_each(|w| *w /= sum);
        }
        Ok(Blend { rule, weights })
    }

    /// The rule.
    pub fn rule(&self) -> Rule {
        self.rule
    }

    /// The weight of each member.
    pub fn weights(&self) -> &[f64] {
        &self.weights
    }

    /// The weights of those who are heard, where members say this.
    fn heard(&self, log_odds: &[f64]) -> Vec<f64> {
        let Rule::Majority { threshold } = self.rule else { return self.weights.clone() };
        let votes: Vec<bool> = log_odds.iter().map(|m| sigmoid(*m) >= threshold).collect();
        let yes: f64 = self.weights.iter().zip(&votes).filter(|(_, yes)| **yes).map(|(w, _)| w).sum();
        let no: f64 = self.weights.iter().zip(&votes).filter(|(_, yes)| !**yes).map(|(w, _)| w).sum();
        // Sums of the same weights in another order may differ in the last bit: that is a tie, too.
        if (yes - no).abs() < 1e-12 {
            return self.weights.clone();
        }
        self.weights.iter().zip(&votes).map(|(w, vote)| if *vote == (yes > no) { w / yes.max(no) } else { 0.0 }).collect()
    }

    fn answer_of(&self, weights: &[f64], log_odds: &[f64]) -> f64 {
        let sum = || weights.iter().zip(log_odds).map(|(w, m)| w * m).sum::<f64>();
        match self.rule {
            Rule::LogOdds => sum(),
            Rule::Stack { intercept } => intercept + sum(),
            Rule::Probability | Rule::Majority { .. } => mixed(weights, log_odds),
        }
    }

    /// The log-odds of all members together; `None` where it is not one for each.
    pub fn answer(&self, log_odds: &[f64]) -> Option<f64> {
        (log_odds.len() == self.weights.len()).then(|| self.answer_of(&self.heard(log_odds), log_odds))
    }

    /// How far the answer follows each member on the straight way from the log-odds `from` (what members say of
    /// nobody in particular) to `to`: where the way begins, and for each member how much of its own way counts.
    /// Beginning and counted ways add up to [`Blend::answer`] of `to`.
    ///
    /// For means of log-odds and stacks this is the weight, so Shapley values of members, counted so, are Shapley
    /// values of the blend. Where probabilities are averaged it is the mean slope along the way (Aumann and Shapley
    /// 1974): additive as well, but not the Shapley values of the blend. `None` where lengths differ.
    pub fn follow(&self, from: &[f64], to: &[f64]) -> Option<(f64, Vec<f64>)> {
        if from.len() != self.weights.len() || to.len() != self.weights.len() {
            return None;
        }
        let weights = self.heard(to);
        let start = self.answer_of(&weights, from);
        if !matches!(self.rule, Rule::Probability | Rule::Majority { .. }) {
            return Some((start, weights));
        }
        let mut shares = vec![0.0; weights.len()];
        for (at, part) in quadrature() {
            let here: Vec<f64> = from.iter().zip(to).map(|(a, b)| (a + at * (b - a)).clamp(-FAR, FAR)).collect();
            let sum = |sign: f64| weights.iter().zip(&here).map(|(w, m)| w * sigmoid(sign * m)).sum::<f64>();
            let (yes, no) = (sum(1.0), sum(-1.0));
            for ((share, w), m) in shares.iter_mut().zip(&weights).zip(&here) {
                // Divided one by one: the product of two tiny shares would be 0.
                *share += part * w * (sigmoid(*m) / yes) * (sigmoid(-m) / no);
            }
        }
        // What the sum over points leaves out is a rounding; each member takes its part of it, so that nothing is missing.
        let whole = self.answer_of(&weights, to) - start;
        let counted: f64 = shares.iter().zip(from.iter().zip(to)).map(|(s, (a, b))| s * (b - a)).sum();
        if counted.abs() > 1e-6 && (whole / counted - 1.0).abs() < 1e-3 {
            shares.iter_mut().for_each(|share| *share *= whole / counted);
        }
        Some((start, shares))
    }
}

/// Points between 0 and 1 with their parts of the integral: Gauss and Legendre's five in each of sixteen panels.
fn quadrature() -> impl Iterator<Item = (f64, f64)> {
    const PANELS: usize = 16;
    const POINTS: [(f64, f64); 5] = [
        (-0.906_179_845_938_664, 0.236_926_885_056_189_1),
        (-0.538_469_310_105_683_1, 0.478_628_670_499_366_5),
        (0.0, 0.568_888_888_888_888_9),
        (0.538_469_310_105_683_1, 0.478_628_670_499_366_5),
        (0.906_179_845_938_664, 0.236_926_885_056_189_1),
    ];
    let wide = 1.0 / PANELS as f64;
    (0..PANELS)
        .flat_map(move |panel| POINTS.into_iter().map(move |(at, part)| ((panel as f64 + (at + 1.0) / 2.0) * wide, part / 2.0 * wide)))
}

/// How much members agree: 1 less the (population) standard deviation of their probabilities; 1 for one member.
pub fn agreement(probabilities: &[f64]) -> f64 {
    if probabilities.is_empty() {
        return 1.0;
    }
    let n = probabilities.len() as f64;
    let mean = probabilities.iter().sum::<f64>() / n;
    1.0 - (probabilities.iter().map(|p| (p - mean).powi(2)).sum::<f64>() / n).sqrt()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::chance::SplitMix;

    fn logit(p: f64) -> f64 {
        (p / (1.0 - p)).ln()
    }

    fn blend(rule: Rule, weights: &[f64]) -> Blend {
        Blend::new(rule, weights.to_vec()).unwrap()
    }

    #[test]
    fn rules_worked_out_by_hand_come_out() {
        let says = [logit(0.2), logit(0.4), logit(0.9)];
        let p = |rule, weights: &[f64]| sigmoid(blend(rule, weights).answer(&says).unwrap());
        assert!((p(Rule::Probability, &[1.0, 1.0, 1.0]) - 0.5).abs() < 1e-12);
        assert!((p(Rule::Probability, &[1.0, 1.0, 2.0]) - 0.6).abs() < 1e-12);
        let mean = (logit(0.2) + 3.0 * logit(0.9)) / 4.0;
        assert!((p(Rule::LogOdds, &[1.0, 0.0, 3.0]) - sigmoid(mean)).abs() < 1e-12);
        // Two of three say no, and are heard alone: the mean of .2 and .4.
        let majority = Rule::Majority { threshold: 0.5 };
        assert!((p(majority, &[1.0, 1.0, 1.0]) - 0.3).abs() < 1e-12);
        // By weight the third wins; with half of the weight it is a tie, and everybody is heard.
        assert!((p(majority, &[1.0, 1.0, 3.0]) - 0.9).abs() < 1e-12);
        assert!((p(majority, &[0.1, 0.2, 0.3]) - (0.02 + 0.08 + 0.27) / 0.6).abs() < 1e-12);
        assert!(
            (p(Rule::Stack { intercept: -1.0 }, &[0.5, -0.25, 2.0]) - sigmoid(-1.0 + 0.5 * says[0] - 0.25 * says[1] + 2.0 * says[2])).abs()
                < 1e-12
        );
        assert_eq!(blend(majority, &[1.0]).answer(&says), None);
    }

    #[test]
    fn beginning_and_counted_ways_add_up_to_the_answer_under_every_rule() {
        let mut chance = SplitMix::new(3);
        let rules = [Rule::LogOdds, Rule::Probability, Rule::Majority { threshold: 0.4 }, Rule::Stack { intercept: 0.3 }];
        for round in 0..400 {
            let n = 1 + chance.below(5);
            let mut draw = |wide: f64| (0..n).map(|_| wide * (chance.unit() - 0.5)).collect::<Vec<f64>>();
            let (from, to) = (draw(8.0), draw(30.0));
            let weights: Vec<f64> = draw(1.0).iter().map(|w| w.abs() + 0.01).collect();
            let blend = blend(rules[round % 4], &weights);
            let (start, shares) = blend.follow(&from, &to).unwrap();
            let sum = start + shares.iter().zip(from.iter().zip(&to)).map(|(s, (a, b))| s * (b - a)).sum::<f64>();
            assert!((sum - blend.answer(&to).unwrap()).abs() < 1e-9, "{blend:?}: {sum}");
            assert!(shares.iter().all(|s| *s >= 0.0), "more of a member is more of the answer");
        }
    }

    #[test]
    fn members_that_say_the_same_are_one_member_and_extremes_stay_numbers() {
        for rule in [Rule::LogOdds, Rule::Probability, Rule::Majority { threshold: 0.5 }] {
            for margin in [-40.0, -1.0, 0.0, 3.0, 40.0] {
                let answer = blend(rule, &[0.2, 0.3, 0.5]).answer(&[margin; 3]).unwrap();
                assert!((answer - margin).abs() < 1e-9 * margin.abs().max(1.0), "{rule:?} {margin}: {answer}");
            }
        }
        let far = blend(Rule::Probability, &[1.0, 1.0]);
        assert!(far.answer(&[1e6, -1e6]).unwrap().abs() < 1e-9 && far.answer(&[-1e9, -1e9]).unwrap() <= -699.0);
        assert!(far.follow(&[0.0, 0.0], &[1e6, 1e6]).unwrap().1.iter().all(|s| s.is_finite()));
    }

    #[test]
    fn agreement_is_one_less_the_deviation() {
        assert_eq!((agreement(&[0.3]), agreement(&[])), (1.0, 1.0));
        assert!((agreement(&[0.2, 0.4]) - 0.9).abs() < 1e-12 && (agreement(&[0.0, 1.0]) - 0.5).abs() < 1e-12);
    }

    #[test]
    fn what_is_no_blend_is_refused_and_what_is_one_comes_back_from_json_as_it_was() {
        for (rule, weights) in [
            (Rule::LogOdds, vec![]),
            (Rule::LogOdds, vec![0.0, 0.0]),
            (Rule::Probability, vec![-1.0, 2.0]),
            (Rule::Probability, vec![f64::NAN]),
            (Rule::Majority { threshold: 1.0 }, vec![1.0]),
            (Rule::Stack { intercept: f64::INFINITY }, vec![1.0]),
            (Rule::LogOdds, vec![1.0; MOST + 1]),
        ] {
            assert!(Blend::new(rule, weights).is_err(), "{rule:?}");
        }
        for one in [
            blend(Rule::LogOdds, &[1.0, 1.0, 1.0]),
            blend(Rule::Majority { threshold: 0.5 }, &[3.0, 4.0]),
            blend(Rule::Stack { intercept: -0.1 }, &[-0.5, 3.0]),
        ] {
            let text = serde_json::to_string(&one).unwrap();
            assert_eq!(serde_json::from_str::<Blend>(&text).unwrap(), one, "{text}");
        }
        assert!(serde_json::from_str::<Blend>(r#"{"rule":"log_odds","weights":[]}"#).is_err());
    }
}
