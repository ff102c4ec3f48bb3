//! Probabilities of scores, learnt from cases that the model has not seen.

use serde::{Deserialize, Serialize};

use super::{Error, Result, rows::probability};
use crate::measure::Scored;

/// More points than this on the stairs of an isotonic calibration are refused when one is read.
const MOST_POINTS: usize = 1 << 20;

/// A rule that makes a probability of a score and never puts a higher score below a lower one.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "lowercase", deny_unknown_fields)]
pub enum Calibration {
    /// 1 / (1 + e^(−(slope · score + offset))), for scores that are log-odds.
    Platt {
        /// Not below 0.
        slope: f64,
        /// Log-odds at a score of 0.
        offset: f64,
    },
    /// Straight lines between points, level beyond the ends.
    Isotonic(Stairs),
}

/// Points (score, probability) that rise.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(try_from = "Points")]
pub struct Stairs {
    scores: Vec<f64>,
    probabilities: Vec<f64>,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Points {
    scores: Vec<f64>,
    probabilities: Vec<f64>,
}

impl TryFrom<Points> for Stairs {
    type Error = Error;
    fn try_from(Points { scores, probabilities }: Points) -> Result<Stairs> {
        if scores.is_empty() || scores.len() != probabilities.len() || scores.len() > MOST_POINTS {
            let counts =
                format!("{} and {} of them, where between 1 and {MOST_POINTS} of each are read", scores.len(), probabilities.len());
            return Err(Error::new("scores", counts));
        }
        let rising = scores.is_sorted_by(|a, b| a < b) && probabilities.is_sorted();
        if !rising || !scores.iter().all(|s| s.is_finite()) || !probabilities.iter().all(|p| (0.0..=1.0).contains(p)) {
            return Err(Error::new("scores", "the points must rise, and the probabilities lie between 0 and 1"));
        }
        Ok(Stairs { scores, probabilities })
    }
}

impl Stairs {
    fn at(&self, score: f64) -> f64 {
        let above = self.scores.partition_point(|s| *s <= score);
        let last = self.scores.len() - 1;
        match above {
            0 => self.probabilities[0],
            _ if above > last => self.probabilities[last],
            _ => {
                let (low, high) = (self.scores[above - 1], self.scores[above]);
                let (from, to) = (self.probabilities[above - 1], self.probabilities[above]);
                from + (to - from) * ((score - low) / (high - low))
            }
        }
    }
}

impl Calibration {
    /// The probability of a score; NaN of NaN.
    pub fn probability(&self, score: f64) -> f64 {
        match self {
            Calibration::Platt { slope, offset } => probability(slope * score + offset),
            Calibration::Isotonic(_) if score.is_nan() => f64::NAN,
            Calibration::Isotonic(stairs) => stairs.at(score),
        }
    }
}

fn known(scored: &Scored) -> Result<(f64, f64)> {
    let (positives, negatives) = (scored.positives(), scored.len() - scored.positives());
    if positives == 0 || negatives == 0 {
        return Err(Error::new("outcomes", format!("{positives} of {} happened; both outcomes must occur", scored.len())));
    }
    if let Some(score) = scored.scores().iter().find(|s| s.is_infinite()) {
        return Err(Error::new("scores", format!("{score} has no distance to others")));
    }
    Ok((positives as f64, negatives as f64))
}

/// Isotonic regression (Zadrozny and Elkan 2002) by pooling neighbours that fall. Takes any scores; needs a thousand
/// cases or so, since it bends to every one.
///
/// # Errors
/// When an outcome does not occur or a score is infinite.
pub fn isotonic(scored: &Scored) -> Result<Calibration> {
    known(scored)?;
    // Blocks of scores with one probability: first score, last score, cases, those that happened.
    let mut blocks: Vec<(f64, f64, f64, f64)> = Vec::new();
    let mut ties = Vec::new();
    scored.ties(|score, cases, positives| ties.push((score, cases as f64, positives as f64)));
    for (score, cases, positives) in ties.into_iter().rev() {
        let mut block = (score, score, cases, positives);
        while let Some(below) = blocks.pop_if(|below| below.3 * block.2 >= block.3 * below.2) {
            block = (below.0, block.1, below.2 + block.2, below.3 + block.3);
        }
        blocks.push(block);
    }
    let (mut scores, mut probabilities) = (Vec::new(), Vec::new());
    for (first, last, cases, positives) in blocks {
        for score in if first < last { vec![first, last] } else { vec![first] } {
            scores.push(score);
            probabilities.push(positives / cases);
        }
    }
    Ok(Calibration::Isotonic(Stairs { scores, probabilities }))
}

/// Platt's sigmoid (2000) on log-odds, fitted by Newton's method after Lin, Lin and Weng (2007). Two numbers, so a
/// hundred cases will do.
///
/// # Errors
/// When an outcome does not occur or a score is infinite.
pub fn platt(scored: &Scored) -> Result<Calibration> {
    let (positives, negatives) = known(scored)?;
    // Targets a little inside 0 and 1, as if one more case of each kind had been seen: no fit runs away.
    let (high, low) = ((positives + 1.0) / (positives + 2.0), 1.0 / (negatives + 2.0));
    let cases: Vec<(f64, f64)> = scored.scores().iter().zip(scored.outcomes()).map(|(s, o)| (*s, if *o { high } else { low })).collect();
    let loss = |slope: f64, offset: f64| -> f64 {
        let each = cases.iter().map(|(score, target)| {
            let margin = slope * score + offset;
            margin.max(0.0) - target * margin + (-margin.abs()).exp().ln_1p()
        });
        each.sum()
    };
    let (mut slope, mut offset) = (0.0, ((positives + 1.0) / (negatives + 1.0)).ln());
    let mut value = loss(slope, offset);
    for _ in 0..100 {
        // Gradient and curvature; the small number keeps it invertible where all scores are one.
        let (mut g, mut h, mut aa, mut ab, mut bb) = (0.0, 0.0, 1e-12, 0.0, 1e-12);
        for (score, target) in &cases {
            let p = probability(slope * score + offset);
            let weight = p * (1.0 - p);
            g += score * (p - target);
            h += p - target;
            aa += score * score * weight;
            ab += score * weight;
            bb += weight;
        }
        let determinant = aa * bb - ab * ab;
        let (mut share, before) = (1.0, value);
        let step = ((bb * g - ab * h) / determinant, (aa * h - ab * g) / determinant);
        while share > 1e-10 && step.0.is_finite() && step.1.is_finite() {
            let (next_slope, next_offset) = (slope - share * step.0, offset - share * step.1);
            let next = loss(next_slope, next_offset);
            if next < value {
                (slope, offset, value) = (next_slope, next_offset, next);
                break;
            }
            share /= 2.0;
        }
        if before - value <= 1e-12 * value.abs() {
            break;
        }
    }
    if slope < 0.0 {
        return Err(Error::new("scores", "higher scores happened less; a calibration cannot turn a model round"));
    }
    Ok(Calibration::Platt { slope, offset })
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::chance::SplitMix;

    #[test]
    fn neighbours_that_fall_are_pooled() {
        let scored = Scored::new(vec![1.0, 2.0, 3.0, 4.0, 5.0, 6.0], vec![false, true, false, false, true, true]).unwrap();
        let calibration = isotonic(&scored).unwrap();
        let Calibration::Isotonic(stairs) = &calibration else { panic!() };
        // 0; then 1, 0, 0 pooled to a third from 2 to 4; then 1, 1 pooled.
        assert_eq!(stairs.scores, [1.0, 2.0, 4.0, 5.0, 6.0]);
        assert_eq!(stairs.probabilities, [0.0, 1.0 / 3.0, 1.0 / 3.0, 1.0, 1.0]);
        assert_eq!([0.0, 1.5, 3.0, 99.0].map(|s| calibration.probability(s)), [0.0, 1.0 / 6.0, 1.0 / 3.0, 1.0]);
    }

    #[test]
    fn a_distorted_probability_is_put_right() {
        let mut chance = SplitMix::new(4);
        let truth: Vec<f64> = (0..20_000).map(|_| chance.unit()).collect();
        let outcomes: Vec<bool> = truth.iter().map(|p| chance.unit() < *p).collect();
        // Twice too sure, and shifted.
        let distorted: Vec<f64> = truth.iter().map(|p| 2.0 * (p / (1.0 - p)).max(1e-9).ln() + 1.0).collect();
        let scored = Scored::new(distorted.clone(), outcomes.clone()).unwrap();
        for calibration in [platt(&scored).unwrap(), isotonic(&scored).unwrap()] {
            let mended = Scored::new(distorted.iter().map(|s| calibration.probability(*s)).collect(), outcomes.clone()).unwrap();
            assert!(mended.reliability(10).unwrap().expected_error() < 0.012, "{:?}", mended.reliability(10));
            let text = serde_json::to_string(&calibration).unwrap();
            assert_eq!(serde_json::from_str::<Calibration>(&text).unwrap(), calibration);
        }
        let Calibration::Platt { slope, offset } = platt(&scored).unwrap() else { panic!() };
        assert!((slope - 0.5).abs() < 0.03 && (offset + 0.5).abs() < 0.05, "{slope} {offset}");
    }

    #[test]
    fn what_cannot_be_calibrated_or_read_is_refused() {
        let one = Scored::new(vec![1.0, 2.0], vec![true, true]).unwrap();
        assert!(isotonic(&one).is_err() && platt(&one).is_err());
        assert!(platt(&Scored::new(vec![1.0, 2.0, 3.0, 4.0], vec![true, true, false, false]).unwrap()).is_err());
        let level = platt(&Scored::new(vec![3.0; 4], vec![true, false, true, false]).unwrap()).unwrap();
        assert!((level.probability(3.0) - 0.5).abs() < 1e-6);
        for broken in [
            r#"{"isotonic":{"scores":[2,1],"probabilities":[0,1]}}"#,
            r#"{"isotonic":{"scores":[],"probabilities":[]}}"#,
            r#"{"isotonic":{"scores":[1,2],"probabilities":[0.5,2]}}"#,
        ] {
            assert!(serde_json::from_str::<Calibration>(broken).is_err(), "{broken}");
        }
    }
}
