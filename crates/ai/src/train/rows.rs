//! The cases to learn from.

use super::{Error, Result};

/// Values of `width` columns, row after row, beside the outcome of each row. NaN is missing.
#[derive(Clone, Copy, Debug)]
pub struct Rows<'a> {
    values: &'a [f64],
    width: usize,
    outcomes: &'a [bool],
}

impl<'a> Rows<'a> {
    /// More rows than this are refused: the sums of a histogram would run out of bits.
    pub const GREATEST: usize = 1 << 24;
    /// More columns than this are refused.
    pub const WIDEST: usize = 16_384;

    /// Pairs `outcomes.len()` rows of `width` values with their outcomes.
    ///
    /// # Errors
    /// When there are no rows or columns or too many, or the number of values is another than rows times width.
    pub fn new(values: &'a [f64], width: usize, outcomes: &'a [bool]) -> Result<Rows<'a>> {
        if !(1..=Self::WIDEST).contains(&width) {
            return Err(Error::new("width", format!("{width} columns; between 1 and {} are read", Self::WIDEST)));
        }
        if !(1..=Self::GREATEST).contains(&outcomes.len()) {
            return Err(Error::new("outcomes", format!("{} rows; between 1 and {} are read", outcomes.len(), Self::GREATEST)));
        }
        if outcomes.len() * width != values.len() {
            return Err(Error::new("values", format!("{} values are not {} rows of {width}", values.len(), outcomes.len())));
        }
        Ok(Rows { values, width, outcomes })
    }

    /// How many rows.
    #[expect(clippy::len_without_is_empty, reason = "there is always at least one row")]
    pub fn len(&self) -> usize {
        self.outcomes.len()
    }
    /// How many columns.
    pub fn width(&self) -> usize {
        self.width
    }
    /// The outcome of each row.
    pub fn outcomes(&self) -> &'a [bool] {
        self.outcomes
    }
    /// The values of one row.
    ///
    /// # Panics
    /// When there is no such row.
    pub fn row(&self, row: usize) -> &'a [f64] {
        &self.values[row * self.width..][..self.width]
    }
    /// The values of one column, from the first row to the last; none where there is no such column.
    pub fn column(&self, column: usize) -> impl Iterator<Item = f64> + 'a {
        self.values.iter().skip(column).step_by(self.width).copied().take(if column < self.width { usize::MAX } else { 0 })
    }

    /// The share of rows that happened; both outcomes must occur for anything to be learnt.
    ///
    /// # Errors
    /// When one does not.
    pub(crate) fn base_rate(&self) -> Result<f64> {
        let positives = self.outcomes.iter().filter(|o| **o).count();
        if positives == 0 || positives == self.len() {
            return Err(Error::new("outcomes", format!("{positives} of {} happened; both outcomes must occur", self.len())));
        }
        Ok(positives as f64 / self.len() as f64)
    }
}

/// Probability of a log-odds.
pub fn probability(margin: f64) -> f64 {
    1.0 / (1.0 + (-margin).exp())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn rows_are_cut_as_wide_as_they_are() {
        let rows = Rows::new(&[1.0, 2.0, 3.0, 4.0, 5.0, 6.0], 3, &[true, false]).unwrap();
        assert_eq!((rows.row(1), rows.column(1).collect::<Vec<_>>()), (&[4.0, 5.0, 6.0][..], vec![2.0, 5.0]));
        assert_eq!((rows.column(3).count(), rows.base_rate().unwrap()), (0, 0.5));
        assert!(Rows::new(&[1.0], 1, &[true]).unwrap().base_rate().is_err());
        assert_eq!(Rows::new(&[1.0], 2, &[true]).unwrap_err().place(), "values");
        assert!(Rows::new(&[], 0, &[true]).is_err() && Rows::new(&[], 1, &[]).is_err());
    }
}
