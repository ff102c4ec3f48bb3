//! Sums of gradients by bin.
//!
//! Gradients are rounded to whole multiples of a small step and summed as integers. Integers can be summed in any
//! order and subtracted without loss, so a histogram is the same to the last bit however many threads build it, and
//! that of a child is exactly its parent's less its sibling's.

use super::bins::Lane;

/// Gradients, hessians and rows of one bin, or of one row.
///
/// Hessian and number of rows share a word: one addition does both, and the bits are parted so that neither can run
/// into the other ([`Steps`]).
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(crate) struct Sum {
    gradient: i64,
    hessian_and_rows: u64,
}

impl std::ops::AddAssign for Sum {
    fn add_assign(&mut self, other: Sum) {
        self.gradient = self.gradient.wrapping_add(other.gradient);
        self.hessian_and_rows = self.hessian_and_rows.wrapping_add(other.hessian_and_rows);
    }
}

impl std::ops::SubAssign for Sum {
    fn sub_assign(&mut self, other: Sum) {
        self.gradient = self.gradient.wrapping_sub(other.gradient);
        self.hessian_and_rows = self.hessian_and_rows.wrapping_sub(other.hessian_and_rows);
    }
}

impl Sum {
    /// Whether no row is in it. No row has a sum of zero, since each counts itself.
    pub(crate) fn is_empty(self) -> bool {
        self.hessian_and_rows == 0
    }
}

/// The steps to which gradients and hessians are rounded, chosen by the number of rows n: |gradient| is at most 1 and
/// a hessian at most 1/4, so with b = ⌈log₂(n + 1)⌉ a gradient has 62 − b bits behind the point, and a word holds
/// b bits of rows above 64 − b bits of hessians, of which 64 − 2b are behind the point (2²⁴ rows leave 14).
#[derive(Clone, Copy, Debug)]
pub(crate) struct Steps {
    gradient: f64,
    hessian: f64,
    rows: u32,
}

impl Steps {
    pub(crate) fn of(rows: usize) -> Steps {
        let bits = usize::BITS - rows.leading_zeros();
        let power = |bits: u32| f64::from(bits.min(40)).exp2();
        Steps { gradient: power(62 - bits), hessian: power(64 - 2 * bits), rows: 64 - bits }
    }

    /// One row with this gradient and hessian.
    pub(crate) fn row(&self, gradient: f64, hessian: f64) -> Sum {
        Sum {
            gradient: (gradient * self.gradient).round() as i64,
            hessian_and_rows: (hessian * self.hessian).round() as u64 | 1 << self.rows,
        }
    }

    pub(crate) fn rows(&self, sum: Sum) -> u64 {
        sum.hessian_and_rows >> self.rows
    }

    /// Gradient and hessian.
    pub(crate) fn values(&self, sum: Sum) -> (f64, f64) {
        let hessian = sum.hessian_and_rows & ((1 << self.rows) - 1);
        (sum.gradient as f64 / self.gradient, hessian as f64 / self.hessian)
    }
}

/// Sums `gradients[i]` into the bin of row `rows[i]`.
pub(crate) fn fill(lane: &Lane, rows: &[u32], gradients: &[Sum], into: &mut [Sum]) {
    // Two tables in turn: a row need not wait until the sum of the row before it, often in the same bin, is stored.
    // Their length is that of the codes, which spares every access a check.
    let (mut even, mut odd) = ([Sum::default(); 256], [Sum::default(); 256]);
    let (pairs, sums) = (rows.chunks_exact(2), gradients.chunks_exact(2));
    if let ([row], [sum]) = (pairs.remainder(), sums.remainder()) {
        even[usize::from(lane.codes[*row as usize])] += *sum;
    }
    for (row, sum) in pairs.zip(sums) {
        even[usize::from(lane.codes[row[0] as usize])] += sum[0];
        odd[usize::from(lane.codes[row[1] as usize])] += sum[1];
    }
    for ((sum, even), odd) in into.iter_mut().zip(&even).zip(&odd) {
        *sum = *even;
        *sum += *odd;
    }
}

/// Calls `visit(digit, sums)` for every column of the lane with its own histogram.
pub(crate) fn unfold(lane: &Lane, joint: &[Sum], mut visit: impl FnMut(usize, &[Sum])) {
    if let [_] = lane.digits[..] {
        return visit(0, joint);
    }
    let mut rest = joint.to_vec();
    for (number, digit) in lane.digits.iter().enumerate() {
        let mut own = [Sum::default(); 256];
        let own = &mut own[..digit.levels];
        for at in 0..rest.len() / digit.levels {
            let mut folded = Sum::default();
            for (own, sum) in own.iter_mut().zip(&rest[at * digit.levels..][..digit.levels]) {
                *own += *sum;
                folded += *sum;
            }
            // Behind what is still to be read.
            rest[at] = folded;
        }
        rest.truncate(rest.len() / digit.levels);
        visit(number, own);
    }
}

#[cfg(test)]
mod tests {
    use super::super::bins::Digit;
    use super::*;

    #[test]
    fn a_sum_keeps_gradient_hessian_and_rows_apart() {
        for n in [1, 2, 1000, 1 << 24] {
            let steps = Steps::of(n);
            let (mut up, mut down) = (Sum::default(), Sum::default());
            let (high, low) = (steps.row(1.0, 0.25), steps.row(-1.0, 0.0));
            for _ in 0..n.min(5000) {
                up += high;
                down += low;
            }
            // The rest of the rows, without summing sixteen million of them.
            let rest = (n - n.min(5000)) as u64;
            up.hessian_and_rows += high.hessian_and_rows * rest;
            up.gradient += high.gradient * rest as i64;
            assert_eq!((steps.rows(up), steps.values(up)), (n as u64, (n as f64, n as f64 / 4.0)));
            assert_eq!((steps.rows(down), steps.values(down)), (n.min(5000) as u64, (-(n.min(5000) as f64), 0.0)));
            assert!(!low.is_empty());
        }
    }

    #[test]
    fn the_order_of_rows_does_not_matter_and_a_sibling_is_the_difference() {
        let lane = Lane {
            digits: vec![Digit { column: 0, stride: 1, levels: 3 }, Digit { column: 1, stride: 3, levels: 2 }],
            codes: (0..1001u32).map(|i| (i * 37 % 6) as u8).collect(),
            size: 6,
        };
        let steps = Steps::of(1001);
        let sums: Vec<Sum> = (0..1001).map(|i| steps.row((f64::from(i) * 0.7).sin(), 0.1)).collect();
        let take = |rows: &[u32]| {
            let mut into = vec![Sum::default(); 6];
            fill(&lane, rows, &rows.iter().map(|r| sums[*r as usize]).collect::<Vec<_>>(), &mut into);
            into
        };
        let all: Vec<u32> = (0..1001).collect();
        let back: Vec<u32> = (0..1001).rev().collect();
        let whole = take(&all);
        assert_eq!(whole, take(&back));
        let (left, mut right) = (take(&all[..300]), whole.clone());
        right.iter_mut().zip(&left).for_each(|(w, l)| *w -= *l);
        assert_eq!(right, take(&all[300..]));
        let mut seen = Vec::new();
        unfold(&lane, &whole, |digit, own| seen.push((digit, own.to_vec())));
        let by = |digit: &dyn Fn(usize) -> usize, levels: usize| {
            let mut own = vec![Sum::default(); levels];
            (0..1001).for_each(|row| own[digit(usize::from(lane.codes[row]))] += sums[row]);
            own
        };
        assert_eq!(seen, [(0, by(&|code| code % 3, 3)), (1, by(&|code| code / 3, 2))]);
    }
}
