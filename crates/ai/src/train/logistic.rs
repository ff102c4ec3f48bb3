//! Logistic regression: the plain model that a forest has to beat, and the one whose every weight can be read.

use serde::{Deserialize, Serialize};

use super::{Error, Result, Rows, rows::probability};

/// More terms than this are refused: a step of the fit needs the square of their number.
const MOST_TERMS: usize = 2048;
/// Steps of Newton's method, which here needs about eight.
const STEPS: usize = 100;

/// How to fit.
#[derive(Clone, Copy, Debug, PartialEq, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct Penalty {
    /// λ of λ/2 Σ w² beside the summed log-loss, on weights of standardised columns; the intercept is free.
    pub l2: f64,
    /// Whether a column with missing values gets a second one that says so; otherwise the median alone stands for them.
    pub indicators: bool,
}

impl Default for Penalty {
    fn default() -> Penalty {
        Penalty { l2: 1.0, indicators: true }
    }
}

/// One column of the model. Its part of the log-odds is `weight` (x − `mean`) / `scale`, with `median` for a missing x.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Term {
    /// Name of the column.
    pub name: String,
    /// Median of what training saw; 0 where it saw nothing.
    pub median: f64,
    /// Mean after the median has taken the place of missing values.
    pub mean: f64,
    /// Population standard deviation likewise; 1 where the column does not vary.
    pub scale: f64,
    /// Weight of the standardised column.
    pub weight: f64,
    /// The same for being missing, where the column was sometimes missing.
    pub missing: Option<Gap>,
}

/// A column that is 1 where another is missing. Its part of the log-odds is `weight` (x − `mean`) / `scale`.
#[derive(Clone, Copy, Debug, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Gap {
    /// Share of rows in which the column is missing.
    pub mean: f64,
    /// Its standard deviation.
    pub scale: f64,
    /// Weight.
    pub weight: f64,
}

/// A fitted model. Reading one checks it.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(try_from = "Parts")]
pub struct Logistic {
    intercept: f64,
    terms: Vec<Term>,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Parts {
    intercept: f64,
    terms: Vec<Term>,
}

impl TryFrom<Parts> for Logistic {
    type Error = Error;
    fn try_from(parts: Parts) -> Result<Logistic> {
        if parts.terms.is_empty() || parts.terms.len() > MOST_TERMS || !parts.intercept.is_finite() {
            return Err(Error::new(
                "terms",
                format!("{} of them, where 1 to {MOST_TERMS} and a finite intercept are read", parts.terms.len()),
            ));
        }
        for term in &parts.terms {
            let scales = [term.scale, term.missing.map_or(1.0, |gap| gap.scale)];
            let rest = [term.median, term.mean, term.weight, term.missing.map_or(0.0, |gap| gap.mean + gap.weight)];
            if !scales.iter().all(|s| *s > 0.0 && s.is_finite()) || !rest.iter().all(|v| v.is_finite()) {
                return Err(Error::new(format!("term {}", term.name), "a number is not finite, or a scale not above 0"));
            }
        }
        Ok(Logistic { intercept: parts.intercept, terms: parts.terms })
    }
}

impl Term {
    /// Its part of the log-odds.
    fn part(&self, value: f64) -> f64 {
        let present = if value.is_nan() { self.median } else { value };
        let gap = self.missing.map_or(0.0, |gap| gap.weight * (f64::from(u8::from(value.is_nan())) - gap.mean) / gap.scale);
        self.weight * (present - self.mean) / self.scale + gap
    }
}

impl Logistic {
    /// Fits by Newton's method with halved steps where a whole one would overshoot.
    ///
    /// # Errors
    /// Names that are not one for each column, infinite values, too many columns, an outcome that does not occur, a
    /// penalty that is not above 0.
    pub fn fit(rows: &Rows<'_>, names: &[&str], penalty: Penalty) -> Result<Logistic> {
        let rate = rows.base_rate()?;
        if names.len() != rows.width() {
            return Err(Error::new("names", format!("{} of them for {} columns", names.len(), rows.width())));
        }
        if !(penalty.l2 >= 1e-9 && penalty.l2 <= 1e12) {
            return Err(Error::new("l2", format!("{} is not between 1e-9 and 1e12", penalty.l2)));
        }
        let terms = (0..rows.width()).map(|c| standard(rows, c, names[c], penalty.indicators)).collect::<Result<Vec<Term>>>()?;
        let width = 1 + terms.len() + terms.iter().filter(|term| term.missing.is_some()).count();
        if width > MOST_TERMS {
            return Err(Error::new("width", format!("{width} terms; up to {MOST_TERMS} are fitted")));
        }
        let mut model = Logistic { intercept: 0.0, terms };
        let mut weights = vec![0.0; width];
        weights[0] = (rate / (1.0 - rate)).ln();
        let design = model.design(rows, width);
        let mut value = objective(&design, rows.outcomes(), &weights, penalty.l2);
        for _ in 0..STEPS {
            let step = newton(&design, rows.outcomes(), &weights, penalty.l2)?;
            let mut share = 1.0;
            let (next, lower) = loop {
                let next: Vec<f64> = weights.iter().zip(&step).map(|(w, s)| w - share * s).collect();
                let lower = objective(&design, rows.outcomes(), &next, penalty.l2);
                if lower <= value || share < 1e-9 {
                    break (next, lower);
                }
                share /= 2.0;
            };
            let gained = value - lower;
            if gained >= 0.0 {
                (weights, value) = (next, lower);
            }
            if gained <= 1e-10 * value.abs() {
                break;
            }
        }
        model.intercept = weights[0];
        let mut rest = weights[1..].iter();
        for term in &mut model.terms {
            term.weight = rest.next().copied().unwrap_or(0.0);
            if let Some(gap) = &mut term.missing {
                gap.weight = rest.next().copied().unwrap_or(0.0);
            }
        }
        Ok(model)
    }

    /// The standardised columns of every row behind a 1 for the intercept, in the order of the weights.
    fn design(&self, rows: &Rows<'_>, width: usize) -> Vec<f64> {
        let mut design = Vec::with_capacity(rows.len() * width);
        for row in 0..rows.len() {
            design.push(1.0);
            for (term, value) in self.terms.iter().zip(rows.row(row)) {
                design.push((if value.is_nan() { term.median } else { *value } - term.mean) / term.scale);
                design.extend(term.missing.map(|gap| (f64::from(u8::from(value.is_nan())) - gap.mean) / gap.scale));
            }
        }
        design
    }

    /// The log-odds of a row; `None` when it has another number of columns. NaN is missing.
    pub fn margin(&self, row: &[f64]) -> Option<f64> {
        Some(self.parts(row)?.iter().sum::<f64>() + self.intercept)
    }

    /// The probability of a row.
    pub fn probability(&self, row: &[f64]) -> Option<f64> {
        self.margin(row).map(probability)
    }

    /// What each column adds to the log-odds of an average row; with the intercept they sum to the margin. For a model
    /// that is a sum these are its Shapley values, columns taken as independent.
    pub fn parts(&self, row: &[f64]) -> Option<Vec<f64>> {
        (row.len() == self.terms.len()).then(|| self.terms.iter().zip(row).map(|(term, value)| term.part(*value)).collect())
    }

    /// The log-odds of an average row.
    pub fn intercept(&self) -> f64 {
        self.intercept
    }

    /// The columns in the order of a row.
    pub fn terms(&self) -> &[Term] {
        &self.terms
    }
}

fn standard(rows: &Rows<'_>, column: usize, name: &str, indicators: bool) -> Result<Term> {
    let mut present: Vec<f64> = rows.column(column).filter(|v| !v.is_nan()).collect();
    if let Some(value) = present.iter().find(|v| v.is_infinite()) {
        return Err(Error::new(format!("column {name}"), format!("{value} has no distance to other values")));
    }
    present.sort_unstable_by(f64::total_cmp);
    let half = present.len() / 2;
    let median = match present.len() {
        0 => 0.0,
        n if n % 2 == 1 => present[half],
        _ => present[half - 1] / 2.0 + present[half] / 2.0,
    };
    let n = rows.len() as f64;
    let gaps = n - present.len() as f64;
    let mean = present.iter().map(|v| v / n).sum::<f64>() + gaps / n * median;
    let variance = present.iter().map(|v| (v - mean).powi(2)).sum::<f64>() / n + gaps / n * (median - mean).powi(2);
    let deviation = variance.sqrt();
    // A column that does not vary but for rounding would be blown up to noise.
    let scale = if deviation.is_finite() && deviation > 1e-12 * mean.abs() && deviation > f64::MIN_POSITIVE { deviation } else { 1.0 };
    let share = gaps / n;
    let varies = gaps > 0.0 && !present.is_empty();
    let missing = (indicators && varies).then(|| Gap { mean: share, scale: (share * (1.0 - share)).sqrt(), weight: 0.0 });
    if !mean.is_finite() {
        return Err(Error::new(format!("column {name}"), "its values are too large to be summed"));
    }
    Ok(Term { name: name.to_owned(), median, mean, scale, weight: 0.0, missing })
}

fn dot(a: &[f64], b: &[f64]) -> f64 {
    a.iter().zip(b).map(|(a, b)| a * b).sum()
}

/// Summed log-loss and penalty.
fn objective(design: &[f64], outcomes: &[bool], weights: &[f64], l2: f64) -> f64 {
    let loss = design.chunks_exact(weights.len()).zip(outcomes).map(|(row, happened)| {
        let margin = dot(row, weights);
        let against = if *happened { -margin } else { margin };
        against.max(0.0) + (-against.abs()).exp().ln_1p()
    });
    loss.sum::<f64>() + l2 / 2.0 * weights[1..].iter().map(|w| w * w).sum::<f64>()
}

/// Newton's step: the gradient of the objective divided by its curvature.
fn newton(design: &[f64], outcomes: &[bool], weights: &[f64], l2: f64) -> Result<Vec<f64>> {
    let width = weights.len();
    let mut gradient: Vec<f64> = weights.iter().enumerate().map(|(i, w)| if i == 0 { 0.0 } else { l2 * w }).collect();
    let mut curvature = vec![0.0; width * width];
    for (row, happened) in design.chunks_exact(width).zip(outcomes) {
        let p = probability(dot(row, weights));
        let (error, weight) = (p - f64::from(u8::from(*happened)), p * (1.0 - p));
        for (i, x) in row.iter().enumerate() {
            gradient[i] += error * x;
            let weighted = weight * x;
            // The lower half suffices.
            for (sum, other) in curvature[i * width..=i * width + i].iter_mut().zip(row) {
                *sum += weighted * other;
            }
        }
    }
    // The first weight is free; a breath of penalty keeps the matrix regular where all probabilities are extreme.
    (0..width).for_each(|i| curvature[i * width + i] += if i == 0 { 1e-9 } else { l2 });
    solve(curvature, gradient).ok_or_else(|| Error::new("values", "the columns depend on each other too closely to be fitted"))
}

/// Solves A x = b for a positive definite A of which the lower half is given, after Cholesky.
fn solve(mut a: Vec<f64>, mut b: Vec<f64>) -> Option<Vec<f64>> {
    let n = b.len();
    for i in 0..n {
        for j in 0..=i {
            let sum = a[i * n + j] - dot(&a[i * n..i * n + j], &a[j * n..j * n + j]);
            if i == j {
                if sum.is_nan() || sum <= 0.0 {
                    return None;
                }
                a[i * n + i] = sum.sqrt();
            } else {
                a[i * n + j] = sum / a[j * n + j];
            }
        }
    }
    for i in 0..n {
        b[i] = (b[i] - dot(&a[i * n..i * n + i], &b[..i])) / a[i * n + i];
    }
    for i in (0..n).rev() {
        let above: f64 = (i + 1..n).map(|k| a[k * n + i] * b[k]).sum();
        b[i] = (b[i] - above) / a[i * n + i];
    }
    Some(b)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::chance::SplitMix;

    #[test]
    fn a_system_of_equations_is_solved() {
        // [4 2; 2 3] x = [10 8] has the solution [1.75 1.5].
        assert_eq!(solve(vec![4.0, 0.0, 2.0, 3.0], vec![10.0, 8.0]).unwrap().map_near(), [1.75, 1.5]);
        assert_eq!(solve(vec![1.0, 0.0, 2.0, 1.0], vec![1.0, 1.0]), None, "not positive definite");
    }

    trait Near {
        fn map_near(self) -> [f64; 2];
    }
    impl Near for Vec<f64> {
        fn map_near(self) -> [f64; 2] {
            [self[0], self[1]].map(|x| (x * 1e12).round() / 1e12)
        }
    }

    /// 1 of 4 happens at x = 0 and 3 of 4 at x = 1: unpenalised the log-odds are ∓ ln 3.
    #[test]
    fn the_weights_are_the_log_odds_of_the_table() {
        let values = [0.0, 0.0, 0.0, 0.0, 1.0, 1.0, 1.0, 1.0];
        let outcomes = [true, false, false, false, true, true, true, false];
        let rows = Rows::new(&values, 1, &outcomes).unwrap();
        let model = Logistic::fit(&rows, &["x"], Penalty { l2: 1e-9, indicators: true }).unwrap();
        assert!((model.margin(&[0.0]).unwrap() + 3f64.ln()).abs() < 1e-7 && (model.probability(&[1.0]).unwrap() - 0.75).abs() < 1e-7);
        let held = Logistic::fit(&rows, &["x"], Penalty { l2: 100.0, indicators: true }).unwrap();
        assert!(held.terms()[0].weight.abs() < 0.1 && held.intercept().abs() < 1e-9);
    }

    #[test]
    fn the_fit_is_where_the_gradient_vanishes() {
        let mut chance = SplitMix::new(9);
        let values: Vec<f64> = (0..3000).map(|i| if i % 7 == 0 { f64::NAN } else { 5.0 + 3.0 * chance.unit() }).collect();
        let outcomes: Vec<bool> = (0..1000).map(|i| values[3 * i + 1].is_nan() || chance.unit() < (values[3 * i] - 5.0) / 3.0).collect();
        let rows = Rows::new(&values, 3, &outcomes).unwrap();
        let model = Logistic::fit(&rows, &["a", "b", "c"], Penalty::default()).unwrap();
        // For the intercept: predictions sum to what happened. For a weight: the residual's moment is λ w.
        let residual = |row: usize| f64::from(u8::from(outcomes[row])) - model.probability(rows.row(row)).unwrap();
        assert!((0..1000).map(residual).sum::<f64>().abs() < 1e-3);
        let b = &model.terms()[1];
        let moment: f64 = (0..1000)
            .map(|row| {
                let x = values[3 * row + 1];
                residual(row) * ((if x.is_nan() { b.median } else { x }) - b.mean) / b.scale
            })
            .sum();
        assert!((moment - b.weight).abs() < 1e-3, "{moment} {}", b.weight);
        assert!(b.missing.unwrap().weight > 0.5, "being missing is what makes it happen");
        let parts = model.parts(rows.row(0)).unwrap();
        assert_eq!(parts.iter().sum::<f64>() + model.intercept(), model.margin(rows.row(0)).unwrap());
        assert_eq!(model.margin(&[1.0]), None);
    }

    #[test]
    fn what_cannot_be_fitted_or_read_is_refused() {
        let rows = Rows::new(&[1.0, f64::INFINITY], 1, &[true, false]).unwrap();
        assert!(Logistic::fit(&rows, &["x"], Penalty::default()).unwrap_err().to_string().starts_with("column x: inf"));
        let flat = Rows::new(&[2.0, 2.0, f64::NAN, f64::NAN], 2, &[true, false]).unwrap();
        assert!(Logistic::fit(&flat, &["x"], Penalty::default()).is_err());
        let model = Logistic::fit(&flat, &["x", "y"], Penalty { indicators: false, ..Penalty::default() }).unwrap();
        assert_eq!(model.probability(&[2.0, 7.0]), Some(0.5));
        let text = serde_json::to_string(&model).unwrap();
        assert_eq!(serde_json::from_str::<Logistic>(&text).unwrap(), model);
        for broken in [text.replace("\"scale\":1.0", "\"scale\":0.0"), "{\"intercept\":0,\"terms\":[]}".into()] {
            assert!(serde_json::from_str::<Logistic>(&broken).is_err(), "{broken}");
        }
    }
}
