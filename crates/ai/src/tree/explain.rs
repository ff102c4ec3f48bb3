//! Exact explanations: what every feature added to the margin of a row (path-dependent TreeSHAP; Lundberg et al.,
//! From local explanations to global understanding with explainable AI for trees, 2020).
//!
//! A leaf looks at a row only through which conditions of its path the row fails: a pattern of as many bits as
//! the path has features. Patterns of a block of rows come from comparisons of ranks (`rank.rs`), many rows at
//! once; the shares of a pattern (`shapley.rs`) are worked out beforehand for short paths, and once for every
//! pattern that turns up in the block for the others.

use super::rank::{Ask, BLOCK, Lane, Ranks};
use super::shapley::{Rule, shares};
use super::walk::Value;
use super::way::{Span, Way, expected, ways};
use super::{Forest, ModelError};

/// Paths with more features than this have no table.
const TABLED: usize = 8;
/// All tables together have up to so many figures (64 MB).
const FIGURES: usize = 8 << 20;
/// All conditions of all paths together.
const CONDITIONS: usize = 16 << 20;
/// Columns of ranks; a path has up to 256 features. Both fit sixteen bits.
const COLUMNS: usize = 1 << 14;
/// Patterns of one block that are remembered.
const SLOTS: usize = 256;
/// Fewer rows than this are explained one by one: a block takes as long as so many.
const FEW: usize = 24;

/// A forest made ready for explaining. Explaining changes nothing in it; share it between threads.
#[derive(Debug, Clone)]
pub struct Explainer {
    ranks: Ranks,
    width: usize,
    base: f64,
    paths: Paths,
    tables: Vec<f64>,
    parts: Vec<f64>,
    who: Vec<u32>,
    rules: Vec<Rule>,
}

/// The paths, in the narrowest lanes that hold the ranks.
#[derive(Debug, Clone)]
enum Paths {
    Bytes(Vec<Path<i8>>),
    Long(Vec<Path<i32>>),
}

/// The way to one leaf.
#[derive(Debug, Clone)]
struct Path<L> {
    value: f64,
    /// Its features are `who[first..first + features]`, and what passes their conditions `parts[..]` likewise.
    first: usize,
    features: usize,
    /// Where its table begins: for every pattern the shares of all features.
    table: Option<usize>,
    conditions: Box<[Condition<L>]>,
}

/// The row fails for feature number `bit` of the path when its rank in the column is below or above.
#[derive(Debug, Clone, Copy)]
struct Condition<L> {
    column: u16,
    bit: u16,
    least: L,
    most: L,
}

impl Explainer {
    /// Makes a forest ready.
    ///
    /// # Errors
    /// A forest whose nodes carry no training weights, or that is too large: paths with more than sixteen million
    /// conditions in all.
    pub fn new(forest: &Forest) -> Result<Self, ModelError> {
        let (ranks, asks) = Ranks::new(forest);
        if ranks.columns() > COLUMNS {
            return Err(ModelError::new("", format!("too many sets of categories to explain: {}", ranks.columns())));
        }
        let mut explainer = Self {
            width: forest.features().len(),
            base: forest.base(),
            paths: Paths::Bytes(Vec::new()),
            tables: Vec::new(),
            parts: Vec::new(),
            who: Vec::new(),
            rules: Vec::new(),
            ranks,
        };
        explainer.paths = if explainer.ranks.highest() < i8::COUNT as u32 {
            Paths::Bytes(explainer.paths(forest, &asks)?)
        } else {
            Paths::Long(explainer.paths(forest, &asks)?)
        };
        Ok(explainer)
    }

    /// The margin that the forest expects before it sees a row: what contributions start from.
    pub fn base(&self) -> f64 {
        self.base
    }

    /// The contribution of every feature to the margin of one row, in log-odds. With [`Explainer::base`] they add
    /// up to the margin.
    ///
    /// # Errors
    /// A row without exactly as many values as the forest has features.
    pub fn contributions<V: Value>(&self, row: &[V]) -> Result<Vec<f64>, ModelError> {
        let mut out = Vec::new();
        if row.len() != self.width {
            return Err(ModelError::new("rows", format!("{} values, and the model reads {}", row.len(), self.width)));
        }
        self.explain(row, &mut out)?;
        Ok(out)
    }

    /// The contributions of rows that stand one after the other, appended to `out` row by row. One thread; rows
    /// are independent, so callers may split them.
    ///
    /// # Errors
    /// Values that are not whole rows.
    pub fn explain<V: Value>(&self, rows: &[V], out: &mut Vec<f64>) -> Result<(), ModelError> {
        if !rows.len().is_multiple_of(self.width) {
            return Err(ModelError::new("rows", format!("{} values, and the model reads {} a row", rows.len(), self.width)));
        }
        out.reserve(rows.len());
        match &self.paths {
            Paths::Bytes(paths) => self.blocks(paths, rows, out),
            Paths::Long(paths) => self.blocks(paths, rows, out),
        }
        Ok(())
    }

    fn blocks<V: Value, L: Lane>(&self, paths: &[Path<L>], rows: &[V], out: &mut Vec<f64>) {
        let (mut ranks, mut sums) = (Vec::new(), Vec::new());
        let mut memory = Memory::default();
        for rows in rows.chunks(BLOCK * self.width) {
            let count = rows.len() / self.width;
            if count < FEW {
                rows.chunks_exact(self.width).for_each(|row| self.alone(paths, row, out));
                continue;
            }
            ranks.resize(self.ranks.columns(), [L::of(0); BLOCK]);
            self.ranks.block(rows, &mut ranks);
            sums.clear();
            sums.resize(self.width, [0.0; BLOCK]);
            for path in paths {
                let who = &self.who[path.first..path.first + path.features];
                match path.table {
                    Some(table) => self.look_up(path, &self.tables[table..], who, &ranks, &mut sums),
                    None => self.work_out(path, who, &ranks, &mut memory, count, &mut sums),
                }
            }
            let sums = &sums;
            out.extend((0..count).flat_map(|row| sums.iter().map(move |sums| sums[row])));
        }
    }

    /// One row, path by path.
    fn alone<V: Value, L: Lane>(&self, paths: &[Path<L>], row: &[V], out: &mut Vec<f64>) {
        let mut ranks = Vec::new();
        self.ranks.row(row, &mut ranks);
        let ranks: Vec<L> = ranks.into_iter().map(L::of).collect();
        let start = out.len();
        out.resize(start + self.width, 0.0);
        let out = &mut out[start..];
        let mut found = Vec::new();
        for path in paths {
            let who = &self.who[path.first..path.first + path.features];
            let mut pattern = [0_u64; 5];
            for condition in &path.conditions {
                // No question whether it fails: nobody could foresee the answer, and the processor would try.
                pattern[condition.bit as usize / 64] |=
                    u64::from(condition.fails(ranks[condition.column as usize])) << (condition.bit % 64);
            }
            if let Some(table) = path.table {
                let shares = &self.tables[table + pattern[0] as usize * path.features..][..path.features];
                for (feature, share) in who.iter().zip(shares) {
                    out[*feature as usize] += share;
                }
                continue;
            }
            found.resize(path.features, 0.0);
            let parts = &self.parts[path.first..path.first + path.features];
            shares(&self.rules[path.features], path.value, parts, |at| pattern[at / 64] >> (at % 64) & 1 == 1, &mut found);
            for (feature, share) in who.iter().zip(&found) {
                out[*feature as usize] += share;
            }
        }
    }

    fn look_up<L: Lane>(&self, path: &Path<L>, table: &[f64], who: &[u32], ranks: &[[L; BLOCK]], sums: &mut [[f64; BLOCK]]) {
        let fails = path.fails(0, ranks);
        match path.features {
            1 => spread::<1, 2>(table, who, &fails, sums),
            2 => spread::<2, 4>(table, who, &fails, sums),
            3 => spread::<3, 8>(table, who, &fails, sums),
            4 => spread::<4, 16>(table, who, &fails, sums),
            5 => spread::<5, 32>(table, who, &fails, sums),
            6 => spread::<6, 64>(table, who, &fails, sums),
            7 => spread::<7, 128>(table, who, &fails, sums),
            _ => spread::<8, 256>(table, who, &fails, sums),
        }
    }

    fn work_out<L: Lane>(
        &self,
        path: &Path<L>,
        who: &[u32],
        ranks: &[[L; BLOCK]],
        memory: &mut Memory,
        count: usize,
        sums: &mut [[f64; BLOCK]],
    ) {
        let parts = &self.parts[path.first..path.first + path.features];
        let rule = &self.rules[path.features];
        memory.begin(path, ranks);
        for row in 0..count {
            let shares = memory.shares(row, rule, path.value, parts);
            for (feature, share) in who.iter().zip(shares) {
                let sums = &mut sums[*feature as usize];
                sums[row] += share;
            }
        }
    }

    /// All paths with their tables; adds to the base what every tree expects.
    fn paths<L: Lane>(&mut self, forest: &Forest, asks: &[Vec<Ask>]) -> Result<Vec<Path<L>>, ModelError> {
        let mut paths = Vec::new();
        let mut room = CONDITIONS;
        for (number, (tree, asks)) in forest.trees().iter().zip(asks).enumerate() {
            let within = |error: ModelError| error.within(&format!("tree {number}"));
            self.base += expected(forest.library(), tree).map_err(within)?;
            for mut way in ways(tree, asks) {
                if room < way.spans.len() {
                    return Err(ModelError::new("", format!("more than {CONDITIONS} conditions on all paths: too large to explain")));
                }
                room -= way.spans.len();
                paths.push(self.path(&mut way));
            }
        }
        Ok(paths)
    }

    fn path<L: Lane>(&mut self, way: &mut Way) -> Path<L> {
        let (first, features) = (self.who.len(), way.who.len());
        self.who.append(&mut way.who);
        for count in self.rules.len()..=features {
            self.rules.push(Rule::new(count));
        }
        let patterns = 1 << features.min(TABLED);
        let table = (features <= TABLED && self.tables.len() + features * patterns <= FIGURES).then_some(self.tables.len());
        if table.is_some() {
            let start = self.tables.len();
            self.tables.resize(start + features * patterns, 0.0);
            let mut found = [0.0; TABLED];
            for pattern in 0..patterns {
                shares(&self.rules[features], way.value, &way.parts, |at| pattern >> at & 1 == 1, &mut found[..features]);
                for (at, share) in found[..features].iter().enumerate() {
                    self.tables[start + pattern * features + at] = *share;
                }
            }
        }
        self.parts.append(&mut way.parts);
        let condition = |(column, bit, least, most): &Span| Condition {
            column: *column as u16,
            bit: *bit as u16,
            least: L::of(*least),
            most: L::of(*most),
        };
        Path { value: way.value, first, features, table, conditions: way.spans.iter().map(condition).collect() }
    }
}

impl<L: Lane> Condition<L> {
    #[inline(always)]
    fn fails(&self, rank: L) -> bool {
        (rank < self.least) | (rank > self.most)
    }
}

impl<L: Lane> Path<L> {
    /// Of every row, which of eight features it fails, beginning with number `from`.
    #[inline]
    fn fails(&self, from: u16, ranks: &[[L; BLOCK]]) -> [u8; BLOCK] {
        let mut fails = [0; BLOCK];
        for condition in self.conditions.iter().filter(|condition| (from..from + 8).contains(&condition.bit)) {
            let bit = 1 << (condition.bit - from);
            let column = &ranks[condition.column as usize];
            for (fails, rank) in fails.iter_mut().zip(column) {
                *fails |= if condition.fails(*rank) { bit } else { 0 };
            }
        }
        fails
    }
}

/// Adds the shares of every row to the sums of the features: `M` features, `N` = 2^M patterns.
fn spread<const M: usize, const N: usize>(table: &[f64], who: &[u32], fails: &[u8; BLOCK], sums: &mut [[f64; BLOCK]]) {
    // Of fixed size, so that no index needs to be checked.
    let Some(table) = table.as_chunks::<M>().0.first_chunk::<N>() else { return };
    for (at, feature) in who.iter().enumerate().take(M) {
        for (sum, fails) in sums[*feature as usize].iter_mut().zip(fails) {
            *sum += table[usize::from(*fails) & (N - 1)][at];
        }
    }
}

/// Patterns that turned up in a block, with their shares.
#[derive(Default)]
struct Memory {
    features: usize,
    /// Eight features at a time: which of them a row fails.
    fails: Vec<[u8; BLOCK]>,
    /// The pattern in every slot.
    known: Vec<Option<u64>>,
    shares: Vec<f64>,
}

impl Memory {
    fn begin<L: Lane>(&mut self, path: &Path<L>, ranks: &[[L; BLOCK]]) {
        self.features = path.features;
        self.fails.clear();
        self.fails.extend((0..path.features as u16).step_by(8).map(|from| path.fails(from, ranks)));
        self.known.clear();
        self.known.resize(SLOTS, None);
        self.shares.resize(self.shares.len().max(SLOTS * path.features), 0.0);
    }

    fn shares(&mut self, row: usize, rule: &Rule, value: f64, parts: &[f64]) -> &[f64] {
        let fails = &self.fails;
        // Patterns of more than 64 features do not fit a key: they are worked out every time, in slot 0.
        let key = (fails.len() <= 8).then(|| fails.iter().rev().fold(0, |key, fails| key << 8 | u64::from(fails[row])));
        let slot = key.map_or(0, |key| (key.wrapping_mul(0x9e37_79b9_7f4a_7c15) >> 56) as usize);
        let found = &mut self.shares[slot * self.features..][..self.features];
        if key.is_none() || self.known[slot] != key {
            self.known[slot] = key;
            shares(rule, value, parts, |at| fails[at / 8][row] >> (at % 8) & 1 == 1, found);
        }
        found
    }
}
