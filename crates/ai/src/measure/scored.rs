//! Scores beside what happened.

use serde::Serialize;

use super::{Error, Result, special};

/// Scores of cases whose outcome is known. Higher means "more likely to happen"; the figures that need a probability
/// say so. Sorted once, asked often.
#[derive(Clone, Debug)]
pub struct Scored {
    /// As given, in the caller's order.
    scores: Vec<f64>,
    outcomes: Vec<bool>,
    /// Indices by falling score; equal scores in the caller's order.
    order: Vec<u32>,
    positives: usize,
}

/// Outcomes at a threshold: a case is selected when its score is at least the threshold.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize)]
pub struct Confusion {
    /// Selected and happened.
    pub true_positives: u64,
    /// Selected and did not happen.
    pub false_positives: u64,
    /// Not selected and happened.
    pub false_negatives: u64,
    /// Not selected and did not happen.
    pub true_negatives: u64,
}

/// What comes of selecting the cases with the highest scores.
#[derive(Clone, Copy, Debug, PartialEq, Serialize)]
pub struct Selection {
    /// How many cases were selected.
    pub selected: usize,
    /// Share of all that happened which is among the selected; `None` when nothing happened.
    pub recall: Option<f64>,
    /// Share of the selected that happened; `None` when nothing was selected.
    pub precision: Option<f64>,
}

/// An estimate with the bounds of its confidence interval.
#[derive(Clone, Copy, Debug, PartialEq, Serialize)]
pub struct Interval {
    /// The estimate.
    pub value: f64,
    /// Lower bound.
    pub low: f64,
    /// Upper bound.
    pub high: f64,
}

impl Interval {
    /// Wilson's interval (1927) of the share `part` of `whole` at the confidence `level`; `None` where `whole` is 0.
    pub fn share(part: u64, whole: u64, level: f64) -> Option<Interval> {
        if whole == 0 || part > whole {
            return None;
        }
        let (n, p) = (whole as f64, part as f64 / whole as f64);
        let z2 = special::normal_within(level).powi(2);
        let centre = (p + z2 / (2.0 * n)) / (1.0 + z2 / n);
        let half = (z2 * (p * (1.0 - p) / n + z2 / (4.0 * n * n))).sqrt() / (1.0 + z2 / n);
        Some(Interval { value: p, low: (centre - half).max(0.0), high: (centre + half).min(1.0) })
    }
}

fn ratio(part: u64, whole: u64) -> Option<f64> {
    (whole > 0).then(|| part as f64 / whole as f64)
}

impl Confusion {
    /// TP / (TP + FP).
    pub fn precision(&self) -> Option<f64> {
        ratio(self.true_positives, self.true_positives + self.false_positives)
    }
    /// TP / (TP + FN): recall, sensitivity, true positive rate.
    pub fn recall(&self) -> Option<f64> {
        ratio(self.true_positives, self.true_positives + self.false_negatives)
    }
    /// FP / (FP + TN): false positive rate, one less specificity.
    pub fn false_alarm(&self) -> Option<f64> {
        ratio(self.false_positives, self.false_positives + self.true_negatives)
    }
    /// TN / (FP + TN).
    pub fn specificity(&self) -> Option<f64> {
        ratio(self.true_negatives, self.false_positives + self.true_negatives)
    }
    /// The harmonic mean of precision and recall: 2 TP / (2 TP + FP + FN).
    pub fn f1(&self) -> Option<f64> {
        ratio(2 * self.true_positives, 2 * self.true_positives + self.false_positives + self.false_negatives)
    }
    /// (TP + TN) / all.
    pub fn accuracy(&self) -> Option<f64> {
        ratio(self.true_positives + self.true_negatives, self.cases())
    }
    /// (TP + FP) / all: the share selected.
    pub fn selection(&self) -> Option<f64> {
        ratio(self.true_positives + self.false_positives, self.cases())
    }
    /// How many cases there are.
    pub fn cases(&self) -> u64 {
        self.true_positives + self.false_positives + self.false_negatives + self.true_negatives
    }
}

impl Scored {
    /// Pairs them.
    ///
    /// # Errors
    /// When the lengths differ, there are none or more than 2³², or a score is not a number.
    pub fn new(scores: Vec<f64>, outcomes: Vec<bool>) -> Result<Scored> {
        if scores.len() != outcomes.len() {
            return Err(Error::new("outcomes", format!("{} of them beside {} scores", outcomes.len(), scores.len())));
        }
        if scores.is_empty() || u32::try_from(scores.len()).is_err() {
            return Err(Error::new("scores", format!("{} cases cannot be measured", scores.len())));
        }
        if let Some(i) = scores.iter().position(|s| s.is_nan()) {
            return Err(Error::new("scores", format!("number {i} is not a number")));
        }
        let mut order: Vec<u32> = (0..scores.len() as u32).collect();
        // Zero has two signs and one meaning; `partial_cmp` knows, `total_cmp` does not.
        order.sort_by(|&a, &b| scores[b as usize].partial_cmp(&scores[a as usize]).unwrap_or(std::cmp::Ordering::Equal));
        let positives = outcomes.iter().filter(|o| **o).count();
        Ok(Scored { scores, outcomes, order, positives })
    }

    /// How many cases.
    #[expect(clippy::len_without_is_empty, reason = "there is always at least one case")]
    pub fn len(&self) -> usize {
        self.scores.len()
    }
    /// How many of them happened.
    pub fn positives(&self) -> usize {
        self.positives
    }
    /// The scores in the caller's order.
    pub fn scores(&self) -> &[f64] {
        &self.scores
    }
    /// The outcomes in the caller's order.
    pub fn outcomes(&self) -> &[bool] {
        &self.outcomes
    }

    /// The cases for which `keep` (asked with the index) is true; `None` when there are none.
    pub fn part(&self, keep: impl Fn(usize) -> bool) -> Option<Scored> {
        let kept: Vec<usize> = (0..self.len()).filter(|&i| keep(i)).collect();
        Scored::new(kept.iter().map(|&i| self.scores[i]).collect(), kept.iter().map(|&i| self.outcomes[i]).collect()).ok()
    }

    /// Calls `visit(threshold, cases, positives)` for every distinct score, highest first, with the number of cases
    /// that have it and how many of those happened.
    pub(crate) fn ties(&self, mut visit: impl FnMut(f64, usize, usize)) {
        let mut at = 0;
        while at < self.order.len() {
            let score = self.scores[self.order[at] as usize];
            let (start, mut positives) = (at, 0);
            while at < self.order.len() && self.scores[self.order[at] as usize] == score {
                positives += usize::from(self.outcomes[self.order[at] as usize]);
                at += 1;
            }
            visit(score, at - start, positives);
        }
    }

    /// Indices by falling score.
    pub(crate) fn order(&self) -> &[u32] {
        &self.order
    }

    /// The area under the ROC curve: the chance that one that happened scores above one that did not, ties half
    /// (Hanley and McNeil 1982). `None` unless both outcomes occur.
    pub fn auc(&self) -> Option<f64> {
        let negatives = self.len() - self.positives;
        if self.positives == 0 || negatives == 0 {
            return None;
        }
        // Twice the number of pairs in the right order is whole, so the sum is exact.
        let (mut above, mut pairs) = (0u128, 0u128);
        self.ties(|_, cases, positives| {
            pairs += (cases - positives) as u128 * (2 * above + positives as u128);
            above += positives as u128;
        });
        Some(pairs as f64 / (2.0 * self.positives as f64 * negatives as f64))
    }

    /// Average precision: Σ (recallₖ − recallₖ₋₁) precisionₖ over the distinct scores, highest first. `None` when
    /// nothing happened.
    pub fn average_precision(&self) -> Option<f64> {
        if self.positives == 0 {
            return None;
        }
        let (mut selected, mut found, mut sum) = (0, 0, 0.0);
        self.ties(|_, cases, positives| {
            selected += cases;
            found += positives;
            sum += positives as f64 / self.positives as f64 * (found as f64 / selected as f64);
        });
        Some(sum)
    }

    /// The mean square of probability minus outcome (Brier 1950). The scores must be probabilities.
    ///
    /// # Errors
    /// When a score is outside 0 to 1.
    pub fn brier(&self) -> Result<f64> {
        self.mean(|p, happened| (p - f64::from(u8::from(happened))).powi(2))
    }

    /// The mean of −ln of the probability given to what happened, in nats. The scores must be probabilities; those
    /// nearer to 0 or 1 than 2⁻⁵² are taken as that near, so that one certain error does not make the figure infinite.
    ///
    /// # Errors
    /// When a score is outside 0 to 1.
    pub fn log_loss(&self) -> Result<f64> {
        self.mean(|p, happened| {
            let p = p.clamp(f64::EPSILON, 1.0 - f64::EPSILON);
            if happened { -p.ln() } else { -(-p).ln_1p() }
        })
    }

    fn mean(&self, loss: impl Fn(f64, bool) -> f64) -> Result<f64> {
        self.probabilities()?;
        Ok(self.scores.iter().zip(&self.outcomes).map(|(&p, &o)| loss(p, o)).sum::<f64>() / self.len() as f64)
    }

    pub(crate) fn probabilities(&self) -> Result<()> {
        match self.scores.iter().position(|p| !(0.0..=1.0).contains(p)) {
            None => Ok(()),
            Some(i) => Err(Error::new("scores", format!("number {i} is {} and no probability", self.scores[i]))),
        }
    }

    /// Outcomes when cases with a score of at least `threshold` are selected.
    pub fn confusion(&self, threshold: f64) -> Confusion {
        let mut of = Confusion { true_positives: 0, false_positives: 0, false_negatives: 0, true_negatives: 0 };
        for (score, outcome) in self.scores.iter().zip(&self.outcomes) {
            match (*score >= threshold, outcome) {
                (true, true) => of.true_positives += 1,
                (true, false) => of.false_positives += 1,
                (false, true) => of.false_negatives += 1,
                (false, false) => of.true_negatives += 1,
            }
        }
        of
    }

    /// What comes of selecting the `capacity` cases with the highest scores. Where the last place is shared by equal
    /// scores, the figure is the mean over all ways to fill it, so that it does not depend on the order of the rows.
    pub fn top(&self, capacity: usize) -> Selection {
        let selected = capacity.min(self.len());
        let (mut left, mut found) = (selected, 0.0);
        self.ties(|_, cases, positives| {
            let taken = left.min(cases);
            found += positives as f64 * taken as f64 / cases as f64;
            left -= taken;
        });
        Selection {
            selected,
            recall: (self.positives > 0).then(|| found / self.positives as f64),
            precision: (selected > 0).then(|| found / selected as f64),
        }
    }

    /// The lowest threshold that selects at most `capacity` of these cases: the one to use when so many can be
    /// visited for every [`Scored::len`] that are scored. Infinite when even the highest score is shared by more.
    pub fn threshold_for(&self, capacity: usize) -> f64 {
        let (mut selected, mut threshold, mut full) = (0, f64::INFINITY, false);
        self.ties(|score, cases, _| {
            selected += cases;
            full |= selected > capacity;
            if !full {
                threshold = score;
            }
        });
        threshold
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn scored() -> Scored {
        Scored::new(vec![0.9, 0.4, 0.4, 0.8, 0.1], vec![true, true, false, false, false]).unwrap()
    }

    #[test]
    fn figures_worked_out_by_hand_come_out() {
        let s = scored();
        // Six pairs: .9 beats three; .4 loses to .8, ties with .4, beats .1.
        assert_eq!(s.auc(), Some((3.0 + 0.0 + 0.5 + 1.0) / 6.0));
        // Thresholds .9 (1/1), .8 (1/2, no gain), .4 (2/4).
        assert_eq!(s.average_precision(), Some(0.5 + 0.5 * 0.5));
        assert!((s.brier().unwrap() - (0.01 + 0.36 + 0.16 + 0.64 + 0.01) / 5.0).abs() < 1e-15);
        let loss = -(0.9f64.ln() + 0.4f64.ln() + 0.6f64.ln() + 0.2f64.ln() + 0.9f64.ln()) / 5.0;
        assert!((s.log_loss().unwrap() - loss).abs() < 1e-15);
        let c = s.confusion(0.4);
        assert_eq!((c.true_positives, c.false_positives, c.false_negatives, c.true_negatives), (2, 2, 0, 1));
        assert_eq!((c.precision(), c.recall(), c.f1()), (Some(0.5), Some(1.0), Some(4.0 / 6.0)));
        assert_eq!((c.false_alarm(), c.accuracy(), c.selection()), (Some(2.0 / 3.0), Some(0.6), Some(0.8)));
    }

    #[test]
    fn a_shared_last_place_is_shared_and_the_threshold_never_exceeds_the_capacity() {
        let s = scored();
        assert_eq!(s.top(3), Selection { selected: 3, recall: Some(0.75), precision: Some(0.5) });
        assert_eq!(s.top(99).recall, Some(1.0));
        assert_eq!(s.top(0).precision, None);
        assert_eq!((s.threshold_for(2), s.threshold_for(3), s.threshold_for(4), s.threshold_for(0)), (0.8, 0.8, 0.4, f64::INFINITY));
        for capacity in 0..6 {
            assert!(s.confusion(s.threshold_for(capacity)).selection().unwrap() * 5.0 <= capacity as f64);
        }
    }

    #[test]
    fn what_has_no_answer_says_so() {
        assert!(Scored::new(vec![0.1], vec![]).unwrap_err().to_string().starts_with("outcomes: "));
        assert!(Scored::new(vec![], vec![]).is_err());
        assert!(Scored::new(vec![f64::NAN], vec![true]).is_err());
        let all = Scored::new(vec![2.0, 3.0], vec![true, true]).unwrap();
        assert_eq!(all.auc(), None);
        assert!(all.brier().unwrap_err().to_string().contains("number 0 is 2"));
        assert_eq!(all.part(|_| false).map(|p| p.len()), None);
        assert_eq!(Scored::new(vec![0.0, 1.0], vec![true, false]).unwrap().log_loss().unwrap().round(), 36.0, "finite");
    }

    #[test]
    fn the_interval_of_a_share_is_wilsons() {
        // Newcombe (1998), table I: 81 of 263 is .2553 to .3662, 0 of 20 is 0 to .1611.
        let i = Interval::share(81, 263, 0.95).unwrap();
        assert!((i.low - 0.2553).abs() < 5e-5 && (i.high - 0.3662).abs() < 5e-5, "{i:?}");
        let none = Interval::share(0, 20, 0.95).unwrap();
        assert!(none.low == 0.0 && (none.high - 0.1611).abs() < 5e-5, "{none:?}");
        assert_eq!(Interval::share(0, 0, 0.95), None);
    }
}
