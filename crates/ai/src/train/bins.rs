//! Columns as small whole numbers.
//!
//! A tree asks only whether a value is at most a threshold, and few thresholds matter. So each column is cut into at
//! most 255 bins that hold about equally many rows, and all later work is on one byte a value.
//!
//! Columns with few bins share a byte: the code of a [`Lane`] is a number with one digit a column. Its histogram is
//! the joint one; sums over the other digits give each column's own, exactly, since the sums are of whole numbers.

use super::Rows;

/// The most bins of a column, not counting the one for missing values.
pub(crate) const MOST_BINS: usize = 255;
/// The codes a byte has.
const CODES: usize = 256;

/// How one column is cut.
#[derive(Clone, Debug, PartialEq)]
pub(crate) struct Cuts {
    /// Bin i holds the values at most `edges[i]` and above the edge before; the last bin holds the rest.
    pub(crate) edges: Vec<f64>,
    /// Whether training saw missing values; they have the bin after the last.
    pub(crate) missing: bool,
    /// Least and greatest value seen, if any.
    pub(crate) range: Option<(f64, f64)>,
}

impl Cuts {
    /// Cuts `values` into at most `most` bins.
    pub(crate) fn of(values: impl Iterator<Item = f64>, most: usize) -> Cuts {
        let (mut present, mut missing) = (Vec::new(), false);
        for value in values {
            if value.is_nan() { missing = true } else { present.push(value) }
        }
        present.sort_unstable_by(f64::total_cmp);
        let mut distinct: Vec<(f64, usize)> = Vec::new();
        for value in &present {
            match distinct.last_mut() {
                Some((last, count)) if last == value => *count += 1,
                _ => distinct.push((*value, 1)),
            }
        }
        let mut edges = Vec::new();
        let (mut rows_left, mut bins_left, mut inside) = (present.len(), most.clamp(1, MOST_BINS), 0);
        for pair in distinct.windows(2) {
            let [(low, count), (high, next)] = [pair[0], pair[1]];
            if bins_left == 1 {
                break;
            }
            inside += count;
            // A value as frequent as a whole bin gets its own; the others share what is left.
            let target = rows_left as f64 / bins_left as f64;
            let full = inside as f64 >= target || (next as f64 >= target && inside as f64 >= target / 2.0);
            if full || distinct.len() <= most {
                edges.push(between(low, high));
                rows_left -= inside;
                bins_left -= 1;
                inside = 0;
            }
        }
        let range = present.first().zip(present.last()).map(|(low, high)| (*low, *high));
        Cuts { edges, missing, range }
    }

    /// How many bins, that of missing values included if there is one.
    pub(crate) fn levels(&self) -> usize {
        self.edges.len() + 1 + usize::from(self.missing)
    }

    /// The bin of a value. A missing value where training saw none is put with the greatest; a caller that splits
    /// otherwise has to ask first.
    pub(crate) fn bin(&self, value: f64) -> usize {
        if value.is_nan() { self.levels() - 1 } else { self.edges.partition_point(|edge| *edge < value) }
    }
}

/// A number that is at least `low` and below `high`.
fn between(low: f64, high: f64) -> f64 {
    let middle = low / 2.0 + high / 2.0;
    if middle >= low && middle < high { middle } else { low }
}

/// One column's digit in the code of its lane.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(crate) struct Digit {
    /// The column.
    pub(crate) column: usize,
    /// The product of the levels of the digits before it.
    pub(crate) stride: usize,
    /// How many bins the column has.
    pub(crate) levels: usize,
}

/// Columns that share a byte, and that byte for every row.
#[derive(Clone, Debug)]
pub(crate) struct Lane {
    /// From the lowest to the highest digit.
    pub(crate) digits: Vec<Digit>,
    /// The code of every row.
    pub(crate) codes: Vec<u8>,
    /// How many codes there are: the product of the levels.
    pub(crate) size: usize,
}

/// All columns of a table in bins.
#[derive(Clone, Debug)]
pub(crate) struct Binned {
    pub(crate) cuts: Vec<Cuts>,
    pub(crate) lanes: Vec<Lane>,
    /// The lane and digit of each column; `None` for a column that never varies.
    pub(crate) place: Vec<Option<(usize, usize)>>,
}

impl Binned {
    pub(crate) fn of(rows: &Rows<'_>, most: usize) -> Binned {
        let cuts: Vec<Cuts> = (0..rows.width()).map(|c| Cuts::of(rows.column(c), most)).collect();
        // Widest first, so that the narrow ones fill what is left; equal ones in their order.
        let mut order: Vec<usize> = (0..cuts.len()).filter(|&c| cuts[c].levels() > 1).collect();
        order.sort_by_key(|&c| std::cmp::Reverse(cuts[c].levels()));
        let mut lanes: Vec<Lane> = Vec::new();
        let mut place = vec![None; cuts.len()];
        for column in order {
            let levels = cuts[column].levels();
            let lane = lanes.iter().position(|lane| lane.size * levels <= CODES).unwrap_or_else(|| {
                lanes.push(Lane { digits: Vec::new(), codes: vec![0; rows.len()], size: 1 });
                lanes.len() - 1
            });
            let shared = &mut lanes[lane];
            place[column] = Some((lane, shared.digits.len()));
            shared.digits.push(Digit { column, stride: shared.size, levels });
            for (code, value) in shared.codes.iter_mut().zip(rows.column(column)) {
                // Below 256, since the product of the levels is at most that.
                *code += (cuts[column].bin(value) * shared.size) as u8;
            }
            shared.size *= levels;
        }
        Binned { cuts, lanes, place }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn few_values_have_a_bin_each_and_edges_lie_between() {
        let cuts = Cuts::of([3.0, 1.0, f64::NAN, 1.0, -0.0, 0.0].into_iter(), 255);
        assert_eq!((&cuts.edges[..], cuts.levels(), cuts.range), (&[0.5, 2.0][..], 4, Some((-0.0, 3.0))));
        assert_eq!([-9.0, 0.5, 0.6, 2.5, f64::NAN].map(|v| cuts.bin(v)), [0, 0, 1, 2, 3]);
        assert_eq!(Cuts::of([f64::NAN].into_iter(), 255).levels(), 2, "one empty bin and the missing");
        let apart = Cuts::of([f64::NEG_INFINITY, 0.0, f64::INFINITY].into_iter(), 255);
        assert_eq!([f64::NEG_INFINITY, 0.0, f64::INFINITY].map(|v| apart.bin(v)), [0, 1, 2]);
        let close = Cuts::of([1.0, 1.0f64.next_up()].into_iter(), 255);
        assert_eq!([1.0, 1.0f64.next_up()].map(|v| close.bin(v)), [0, 1]);
    }

    #[test]
    fn many_values_share_bins_of_about_equal_size() {
        let values = || (0..10_000).map(|i| if i % 4 == 0 { -1.0 } else { f64::from(i) });
        let cuts = Cuts::of(values(), 51);
        let mut counts = vec![0; cuts.levels()];
        values().for_each(|v| counts[cuts.bin(v)] += 1);
        assert_eq!((counts.len(), counts[0]), (51, 2500), "the frequent value is alone");
        assert!(counts[1..].iter().all(|c| (120..180).contains(c)), "{counts:?}");
    }

    #[test]
    fn columns_that_share_a_byte_can_be_told_apart() {
        let width = 6;
        let values: Vec<f64> = (0..600).map(|i| f64::from((i * 7919 + i / 6) % [2, 3, 4, 1, 90, 2][i as usize % 6])).collect();
        let outcomes = vec![true; 100];
        let rows = Rows::new(&values, width, &outcomes).unwrap();
        let binned = Binned::of(&rows, 255);
        assert_eq!((binned.place[3], binned.lanes.len()), (None, 2));
        for column in [0, 1, 2, 4, 5] {
            let (lane, digit) = binned.place[column].unwrap();
            let Lane { digits, codes, .. } = &binned.lanes[lane];
            let Digit { stride, levels, .. } = digits[digit];
            for (code, value) in codes.iter().zip(rows.column(column)) {
                assert_eq!(usize::from(*code) / stride % levels, binned.cuts[column].bin(value));
            }
        }
    }
}
