//! Rows as small whole numbers.
//!
//! A forest compares a feature with few distinct thresholds. Where a value stands among them (its rank) answers
//! all of its comparisons, in one byte instead of eight, with missing values already decided: rank `r` goes left
//! at threshold number `k` when `r <= k`. A missing value that goes left has rank 0, one that goes right has the
//! highest. Branches that treat missing values differently read different columns of ranks; a set of categories is
//! a column of its own with ranks 0 (left) and 1 (right).

use std::collections::HashMap;

use super::walk::Value;
use super::{Branch, Forest, Library, Missing, Test};

/// Rows that are ranked and scored together.
pub(super) const BLOCK: usize = 128;

/// A rank, or the number of a leaf, in as few bits as do: the lowest value stands for 0.
pub(super) trait Lane: Copy + Ord + Send + Sync + 'static {
    /// How many there are.
    const COUNT: usize;
    /// The lane for a number below [`Lane::COUNT`].
    fn of(number: u32) -> Self;
    /// The number back.
    fn index(self) -> usize;
    /// Every bit if `yes`, else none.
    fn mask(yes: bool) -> Self;
    fn and(self, other: Self) -> Self;
    fn xor(self, other: Self) -> Self;
}

macro_rules! lane {
    ($signed:ty, $unsigned:ty) => {
        impl Lane for $signed {
            const COUNT: usize = 1 << <$signed>::BITS;
            #[inline(always)]
            fn of(number: u32) -> Self {
                // Signed, because the comparisons of the vector unit are.
                (number as $unsigned).wrapping_add(1 << (<$signed>::BITS - 1)) as $signed
            }
            #[inline(always)]
            fn index(self) -> usize {
                (self as $unsigned).wrapping_sub(1 << (<$signed>::BITS - 1)) as usize
            }
            #[inline(always)]
            fn mask(yes: bool) -> Self {
                if yes { -1 } else { 0 }
            }
            #[inline(always)]
            fn and(self, other: Self) -> Self {
                self & other
            }
            #[inline(always)]
            fn xor(self, other: Self) -> Self {
                self ^ other
            }
        }
    };
}
lane!(i8, u8);
lane!(i16, u16);
lane!(i32, u32);

/// What a branch asks, in ranks: right when the rank in the column is above `rank`.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Ask {
    pub(super) column: u32,
    pub(super) rank: u32,
}

/// The ranks of one feature under one treatment of missing values, or one set of categories.
#[derive(Debug, Clone)]
enum Column {
    Ranked { nan: Gone, zero: Option<Gone> },
    Set(Branch),
}

/// Where a missing value goes.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
enum Gone {
    Left,
    Right,
    AsZero,
}

/// Which columns a feature fills.
#[derive(Debug, Clone, Default)]
struct Source {
    /// Distinct thresholds, ascending.
    thresholds: Vec<f64>,
    /// The same, filled up with NaN to one less than a power of two: a search without branches.
    padded: Vec<f64>,
    zero: u32,
    columns: Vec<(u32, Column)>,
}

/// How to rank the rows of a forest.
#[derive(Debug, Clone)]
pub(super) struct Ranks {
    library: Library,
    sources: Vec<Source>,
    columns: usize,
    highest: u32,
}

impl Ranks {
    /// The ranks, and what every branch of every tree asks of them.
    pub(super) fn new(forest: &Forest) -> (Self, Vec<Vec<Ask>>) {
        let library = forest.library();
        let mut sources = vec![Source::default(); forest.features().len()];
        for branch in forest.trees().iter().flat_map(|tree| &tree.branches) {
            sources[branch.feature as usize].thresholds.extend(threshold(branch));
        }
        let mut highest = 1;
        for source in &mut sources {
            // -0 and 0 are one threshold.
            source.thresholds.iter_mut().for_each(|threshold| *threshold += 0.0);
            source.thresholds.sort_by(f64::total_cmp);
            source.thresholds.dedup();
            source.padded = source.thresholds.clone();
            source.padded.resize((source.thresholds.len() + 1).next_power_of_two() - 1, f64::NAN);
            highest = highest.max(source.thresholds.len() as u32);
            source.zero = source.rank(library, 0.0);
        }
        let mut columns = 0;
        let mut known = HashMap::new();
        let mut ask = |branch: &Branch| {
            let source = &mut sources[branch.feature as usize];
            let gone = if branch.default_left { Gone::Left } else { Gone::Right };
            let (nan, zero) = match &branch.test {
                Test::Among(_) => {
                    source.columns.push((columns, Column::Set(branch.clone())));
                    columns += 1;
                    return Ask { column: columns - 1, rank: 0 };
                }
                Test::Below(_) | Test::AtMost { missing: Missing::Nan, .. } => (gone, None),
                Test::AtMost { missing: Missing::None, .. } => (Gone::AsZero, None),
                Test::AtMost { missing: Missing::Zero, .. } => (gone, Some(gone)),
            };
            let column = *known.entry((branch.feature, nan, zero)).or_insert_with(|| {
                source.columns.push((columns, Column::Ranked { nan, zero }));
                columns += 1;
                columns - 1
            });
            let rank = threshold(branch).map_or(0, |wanted| source.thresholds.partition_point(|threshold| *threshold < wanted));
            Ask { column, rank: rank as u32 }
        };
        let asks = forest.trees().iter().map(|tree| tree.branches.iter().map(&mut ask).collect()).collect();
        (Self { library, sources, columns: columns as usize, highest }, asks)
    }

    /// How many columns there are.
    pub(super) fn columns(&self) -> usize {
        self.columns
    }

    /// The highest rank.
    pub(super) fn highest(&self) -> u32 {
        self.highest
    }

    /// Ranks of one row, in `out` by column.
    pub(super) fn row<V: Value>(&self, row: &[V], out: &mut Vec<u32>) {
        out.clear();
        out.resize(self.columns, 0);
        for (source, value) in self.sources.iter().zip(row) {
            if source.columns.is_empty() {
                continue;
            }
            let value = self.library.see((*value).into());
            let rank = source.rank(self.library, value);
            for (at, column) in &source.columns {
                out[*at as usize] = source.cell(self.library, column, value, rank);
            }
        }
    }

    /// Ranks of up to [`BLOCK`] rows, `out[column][row]`. Rows that are not there repeat the last.
    pub(super) fn block<V: Value, L: Lane>(&self, rows: &[V], out: &mut [[L; BLOCK]]) {
        let width = self.sources.len();
        let count = rows.len() / width;
        let mut values = [0.0; BLOCK];
        for (feature, source) in self.sources.iter().enumerate() {
            if source.columns.is_empty() {
                continue;
            }
            for (row, value) in values.iter_mut().enumerate() {
                *value = self.library.see(rows[row.min(count - 1) * width + feature].into());
            }
            let ranks = source.ranks(self.library, &values);
            for (at, column) in &source.columns {
                let out = &mut out[*at as usize];
                for ((out, value), rank) in out.iter_mut().zip(values).zip(ranks) {
                    *out = L::of(source.cell(self.library, column, value, rank));
                }
            }
        }
    }
}

fn threshold(branch: &Branch) -> Option<f64> {
    match branch.test {
        Test::Below(threshold) => Some(f64::from(threshold)),
        Test::AtMost { threshold, .. } => Some(threshold),
        Test::Among(_) => None,
    }
}

impl Source {
    /// How many thresholds send the value right.
    fn rank(&self, library: Library, value: f64) -> u32 {
        let beyond = |threshold: &f64| if library == Library::XgBoost { *threshold <= value } else { *threshold < value };
        self.thresholds.partition_point(beyond) as u32
    }

    /// The same for a block: all searches take the same steps, side by side.
    fn ranks(&self, library: Library, values: &[f64; BLOCK]) -> [u32; BLOCK] {
        let mut ranks = [0_u32; BLOCK];
        let mut half = self.padded.len().div_ceil(2);
        while half > 0 {
            for (rank, value) in ranks.iter_mut().zip(values) {
                let threshold = self.padded[*rank as usize + half - 1];
                let beyond = if library == Library::XgBoost { threshold <= *value } else { threshold < *value };
                *rank += if beyond { half as u32 } else { 0 };
            }
            half /= 2;
        }
        ranks
    }

    #[inline(always)]
    fn cell(&self, library: Library, column: &Column, value: f64, rank: u32) -> u32 {
        match column {
            Column::Ranked { nan, .. } if value.is_nan() => self.gone(*nan),
            Column::Ranked { zero: Some(gone), .. } if value == 0.0 => self.gone(*gone),
            Column::Ranked { .. } => rank,
            Column::Set(branch) => u32::from(!branch.left(library, value)),
        }
    }

    #[inline(always)]
    fn gone(&self, gone: Gone) -> u32 {
        match gone {
            Gone::Left => 0,
            Gone::Right => self.thresholds.len() as u32,
            Gone::AsZero => self.zero,
        }
    }
}
