//! Two or more samples of categories, as counts or as shares.

use serde::Serialize;

use super::{Error, Result, sample::Test, special};

/// Pearson's test of independence.
#[derive(Clone, Copy, Debug, PartialEq, Serialize)]
pub struct Association {
    /// χ², without Yates' correction.
    pub statistic: f64,
    /// (rows − 1) (columns − 1), of the rows and columns that are not empty.
    pub freedom: usize,
    /// The chance of a χ² at least this large if rows and columns were independent.
    pub p: f64,
    /// Cramér's V, 0 to 1: how strong the association is, whatever the number of cases.
    pub v: f64,
}

/// Tests a table of counts, one slice a row; empty rows and columns are left out.
///
/// # Errors
/// When the rows differ in length, or less than two rows or columns have a count.
pub fn chi_square(table: &[&[u64]]) -> Result<Association> {
    let width = table.first().map_or(0, |row| row.len());
    if let Some(i) = table.iter().position(|row| row.len() != width) {
        return Err(Error::new("table", format!("row {i} has {} columns, the first {width}", table[i].len())));
    }
    let rows: Vec<f64> = table.iter().map(|row| row.iter().map(|&c| c as f64).sum()).collect();
    let columns: Vec<f64> = (0..width).map(|j| table.iter().map(|row| row[j] as f64).sum()).collect();
    let (filled_rows, filled_columns) = (rows.iter().filter(|&&s| s > 0.0).count(), columns.iter().filter(|&&s| s > 0.0).count());
    if filled_rows < 2 || filled_columns < 2 {
        return Err(Error::new("table", "two rows and two columns must have counts"));
    }
    let all: f64 = rows.iter().sum();
    let mut statistic = 0.0;
    for (row, &row_sum) in table.iter().zip(&rows) {
        for (&count, &column_sum) in row.iter().zip(&columns) {
            let expected = row_sum * column_sum / all;
            if expected > 0.0 {
                statistic += (count as f64 - expected).powi(2) / expected;
            }
        }
    }
    let freedom = (filled_rows - 1) * (filled_columns - 1);
    let v = (statistic / (all * (filled_rows.min(filled_columns) - 1) as f64)).sqrt().min(1.0);
    Ok(Association { statistic, freedom, p: special::gamma_tail(freedom as f64 / 2.0, statistic / 2.0), v })
}

/// Two shares, `x` of `n` and `y` of `m`: the z-test with the pooled share. Positive when the first is larger.
///
/// # Errors
/// When a part exceeds its whole, a whole is 0, or both shares are 0 or both 1.
pub fn two_shares(x: u64, n: u64, y: u64, m: u64) -> Result<Test> {
    if n == 0 || m == 0 || x > n || y > m {
        return Err(Error::new("counts", format!("{x} of {n} and {y} of {m} are not two shares")));
    }
    let (a, b) = (x as f64 / n as f64, y as f64 / m as f64);
    let pooled = (x as f64 + y as f64) / (n as f64 + m as f64);
    let error = (pooled * (1.0 - pooled) * (1.0 / n as f64 + 1.0 / m as f64)).sqrt();
    if error <= 0.0 {
        return Err(Error::new("counts", "both shares are 0, or both are 1"));
    }
    let z = (a - b) / error;
    Ok(Test { statistic: z, p: special::normal_both(z) })
}

/// Shares of counts: what the distances below take.
///
/// # Errors
/// When all counts are 0.
pub fn shares(counts: &[u64]) -> Result<Vec<f64>> {
    let all: f64 = counts.iter().map(|&c| c as f64).sum();
    if all > 0.0 { Ok(counts.iter().map(|&c| c as f64 / all).collect()) } else { Err(Error::new("counts", "all are 0")) }
}

/// A share taken for one that is 0, since a logarithm needs one: one case in ten thousand.
pub const LEAST_SHARE: f64 = 1e-4;

/// The population stability index, Σ (q − p) ln(q / p) in nats. Below 0.1 is stable, above 0.25 a shift by custom.
/// Shares below [`LEAST_SHARE`] count as that, so that an empty bin weighs much but not without bound.
///
/// # Errors
/// When the two differ in length or are no shares.
pub fn psi(p: &[f64], q: &[f64]) -> Result<f64> {
    both(p, q)?;
    Ok(p.iter().zip(q).map(|(p, q)| (p.max(LEAST_SHARE), q.max(LEAST_SHARE))).map(|(p, q)| (q - p) * (q / p).ln()).sum())
}

/// The distance of Jensen and Shannon, 0 to 1: the square root of the divergence in bits (Lin 1991).
///
/// # Errors
/// When the two differ in length or are no shares.
pub fn jensen_shannon(p: &[f64], q: &[f64]) -> Result<f64> {
    both(p, q)?;
    let part = |x: f64, middle: f64| if x > 0.0 { x * (x / middle).log2() } else { 0.0 };
    let divergence: f64 = p.iter().zip(q).map(|(&p, &q)| (part(p, (p + q) / 2.0) + part(q, (p + q) / 2.0)) / 2.0).sum();
    Ok(divergence.clamp(0.0, 1.0).sqrt())
}

/// Total variation, 0 to 1: half of Σ |p − q|, the largest difference in the probability of any event.
///
/// # Errors
/// When the two differ in length or are no shares.
pub fn total_variation(p: &[f64], q: &[f64]) -> Result<f64> {
    both(p, q)?;
    Ok(p.iter().zip(q).map(|(p, q)| (p - q).abs()).sum::<f64>() / 2.0)
}

fn both(p: &[f64], q: &[f64]) -> Result<()> {
    if p.len() != q.len() {
        return Err(Error::new("q", format!("{} shares beside {}", q.len(), p.len())));
    }
    for (place, shares) in [("p", p), ("q", q)] {
        // The sum is checked loosely: shares may come from a file with few digits.
        if !shares.iter().all(|s| *s >= 0.0) || (shares.iter().sum::<f64>() - 1.0).abs() > 1e-6 {
            return Err(Error::new(place, "shares are at least 0 and sum to 1"));
        }
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn independence_is_tested_by_hand() {
        // Expected 15 everywhere: 4 · 25 / 15 = 20/3; with one degree of freedom p is that of z² and V is √(20/3/60).
        let t = chi_square(&[&[20, 0, 10], &[10, 0, 20], &[0, 0, 0]]).unwrap();
        assert!((t.statistic - 20.0 / 3.0).abs() < 1e-13 && t.freedom == 1);
        assert!((t.p - special::normal_both((20.0f64 / 3.0).sqrt())).abs() < 1e-15);
        assert!((t.v - (1.0f64 / 9.0).sqrt()).abs() < 1e-15);
        assert_eq!(chi_square(&[&[5, 0], &[0, 5]]).unwrap().v, 1.0);
        assert!(chi_square(&[&[1, 2], &[0, 0]]).is_err() && chi_square(&[&[1, 2], &[3]]).is_err() && chi_square(&[]).is_err());
    }

    #[test]
    fn two_shares_by_hand() {
        // 60 and 40 of 100: pooled .5, error √(.25 · .02), z = .2 / .0707… = 2√2.
        let t = two_shares(60, 100, 40, 100).unwrap();
        assert!((t.statistic - 8f64.sqrt()).abs() < 1e-14);
        assert!(two_shares(0, 10, 0, 10).is_err() && two_shares(3, 2, 1, 2).is_err() && two_shares(0, 0, 1, 2).is_err());
    }

    #[test]
    fn distances_of_shares_by_hand() {
        let (p, q) = ([0.5, 0.5], [0.25, 0.75]);
        assert!((psi(&p, &q).unwrap() - (0.25 * 2f64.ln() + 0.25 * 1.5f64.ln())).abs() < 1e-15);
        assert_eq!(total_variation(&p, &q).unwrap(), 0.25);
        assert_eq!(jensen_shannon(&[1.0, 0.0], &[0.0, 1.0]).unwrap(), 1.0);
        assert_eq!((psi(&p, &p).unwrap(), jensen_shannon(&q, &q).unwrap()), (0.0, 0.0));
        assert!(psi(&[1.0, 0.0], &p).unwrap().is_finite());
        assert_eq!(shares(&[1, 3]).unwrap(), q);
        assert!(psi(&[0.5], &p).is_err() && psi(&[0.7, 0.7], &p).is_err() && shares(&[0]).is_err());
    }
}
