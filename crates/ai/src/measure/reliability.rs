//! Whether a probability means what it says.

use serde::Serialize;

use super::{Interval, Result, Scored};

/// One band of probabilities.
#[derive(Clone, Copy, Debug, PartialEq, Serialize)]
pub struct Band {
    /// Lower edge; belongs to the band.
    pub low: f64,
    /// Upper edge; belongs to the next band, except that 1 belongs to the last.
    pub high: f64,
    /// How many cases.
    pub cases: u64,
    /// How many of them happened.
    pub positives: u64,
    /// The mean probability given; NaN in an empty band.
    pub predicted: f64,
    /// The share that happened, with Wilson's 95 % interval; `None` in an empty band.
    pub observed: Option<Interval>,
}

/// Bands of probabilities with what was said and what happened in each.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct Reliability {
    /// From the lowest to the highest; empty bands are kept.
    pub bands: Vec<Band>,
}

impl Reliability {
    /// Expected calibration error: the mean over all cases of |predicted − observed| of their band (Naeini, Cooper,
    /// Hauskrecht 2015).
    pub fn expected_error(&self) -> f64 {
        let cases: u64 = self.bands.iter().map(|b| b.cases).sum();
        self.bands.iter().filter(|b| b.cases > 0).map(|b| (b.predicted - b.share()).abs() * b.cases as f64).sum::<f64>() / cases as f64
    }

    /// The largest |predicted − observed| of a band with at least `least` cases.
    pub fn largest_error(&self, least: u64) -> Option<f64> {
        self.bands.iter().filter(|b| b.cases >= least.max(1)).map(|b| (b.predicted - b.share()).abs()).max_by(f64::total_cmp)
    }

    /// Whether what happened never falls from one band to a higher one; bands below `least` cases are passed over.
    pub fn rises(&self, least: u64) -> bool {
        let shares: Vec<f64> = self.bands.iter().filter(|b| b.cases >= least.max(1)).map(Band::share).collect();
        shares.is_sorted()
    }
}

impl Band {
    fn share(&self) -> f64 {
        self.positives as f64 / self.cases as f64
    }
}

impl Scored {
    /// `count` bands of equal width (at least one).
    ///
    /// # Errors
    /// When a score is outside 0 to 1.
    pub fn reliability(&self, count: usize) -> Result<Reliability> {
        let count = count.clamp(1, 10_000);
        self.bands(&(1..count).map(|i| i as f64 / count as f64).collect::<Vec<_>>())
    }

    /// Bands between these inner edges, such as `[0.3, 0.5, 0.75]` for four levels of risk.
    ///
    /// # Errors
    /// When a score is outside 0 to 1, or the edges do not rise.
    pub fn bands(&self, inner: &[f64]) -> Result<Reliability> {
        self.probabilities()?;
        if !inner.is_sorted_by(|a, b| a < b) || !inner.iter().all(|e| (0.0..=1.0).contains(e)) {
            return Err(super::Error::new("inner", "the edges of bands rise from 0 to 1"));
        }
        let mut sums = vec![(0u64, 0u64, 0.0f64); inner.len() + 1];
        for (&p, &happened) in self.scores().iter().zip(self.outcomes()) {
            let band = &mut sums[inner.partition_point(|edge| *edge <= p)];
            band.0 += 1;
            band.1 += u64::from(happened);
            band.2 += p;
        }
        let edge = |i: usize| if i == 0 { 0.0 } else { inner.get(i - 1).copied().unwrap_or(1.0) };
        let bands = sums.iter().enumerate().map(|(i, &(cases, positives, sum))| Band {
            low: edge(i),
            high: edge(i + 1),
            cases,
            positives,
            predicted: sum / cases as f64,
            observed: Interval::share(positives, cases, 0.95),
        });
        Ok(Reliability { bands: bands.collect() })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_expected_error_is_the_mean_distance_of_a_case_from_its_band() {
        let s = Scored::new(vec![0.05, 0.15, 0.62, 0.68, 1.0], vec![false, false, true, false, true]).unwrap();
        let r = s.reliability(10).unwrap();
        // Bands: .05 against 0, .15 against 0, two of .65 against .5, 1 against 1.
        assert!((r.expected_error() - (0.05 + 0.15 + 2.0 * 0.15) / 5.0).abs() < 1e-15);
        assert_eq!(r.bands.iter().map(|b| b.cases).collect::<Vec<_>>(), [1, 1, 0, 0, 0, 0, 2, 0, 0, 1]);
        assert!(r.rises(1) && r.bands[2].observed.is_none());
        assert!((r.largest_error(2).unwrap() - 0.15).abs() < 1e-15);
    }

    #[test]
    fn bands_have_the_edges_they_are_given() {
        let s = Scored::new(vec![0.3, 0.29, 0.9, 0.2], vec![true, false, true, false]).unwrap();
        let r = s.bands(&[0.3, 0.5, 0.75]).unwrap();
        assert_eq!(r.bands.iter().map(|b| (b.cases, b.positives)).collect::<Vec<_>>(), [(2, 0), (1, 1), (0, 0), (1, 1)]);
        assert!(s.bands(&[0.5, 0.5]).is_err() && s.bands(&[2.0]).is_err());
    }
}
