//! Margins, fast: one row, or a million.
//!
//! Both ways rank the row first (`rank.rs`). One row then walks nodes of twelve bytes, eight trees at a time, so
//! that the processor always has a comparison to make while another waits for memory. Many rows are held
//! column-wise in blocks; a tree is a list of steps "who is at leaf a and goes right at this comparison moves to
//! leaf b", as the tree was grown, and every step is a handful of vector instructions over all rows of the block.

use super::rank::{Ask, BLOCK, Lane, Ranks};
use super::walk::Value;
use super::{Forest, Library, ModelError, Next, Tree};

/// Trees that are walked side by side for one row.
const ABREAST: usize = 8;
/// Forests with more columns are scored row by row: a block of ranks would no longer fit the caches.
const COLUMNS: usize = 1 << 14;

/// A forest made ready for scoring. Scoring changes nothing in it; share it between threads.
#[derive(Debug, Clone)]
pub struct Scorer {
    forest: Shape,
    ranks: Ranks,
    nodes: Vec<Node>,
    /// Of every node: what its leaf adds; 0 for a branch.
    values: Vec<f64>,
    trees: Vec<Walk>,
    steps: Steps,
}

/// What remains of the forest.
#[derive(Debug, Clone)]
struct Shape {
    library: Library,
    base: f64,
    width: usize,
}

/// A node of the walk. Children stand side by side; a leaf is its own child and nothing is above its rank.
#[derive(Debug, Clone, Copy)]
struct Node {
    column: u32,
    rank: u32,
    child: u32,
}

#[derive(Debug, Clone, Copy)]
struct Walk {
    root: u32,
    depth: u32,
}

/// The steps of all trees, in the narrowest lanes that hold them.
#[derive(Debug, Clone)]
enum Steps {
    Bytes(Vec<Grown<i8>>),
    Words(Vec<Grown<i16>>),
    Wide,
}

/// A tree as it was grown: leaf after leaf.
#[derive(Debug, Clone)]
pub(super) struct Grown<L> {
    steps: Vec<Step<L>>,
    /// What every leaf adds, by its number among the steps.
    values: Vec<f64>,
}

#[derive(Debug, Clone, Copy)]
struct Step<L> {
    column: u32,
    rank: L,
    /// Who is here and goes right,
    here: L,
    /// moves to `here ^ turn`.
    turn: L,
}

impl Scorer {
    /// Makes a forest ready.
    pub fn new(forest: &Forest) -> Self {
        let (ranks, asks) = Ranks::new(forest);
        let mut scorer = Self {
            forest: Shape { library: forest.library(), base: forest.base(), width: forest.features().len() },
            nodes: Vec::new(),
            values: Vec::new(),
            trees: Vec::new(),
            steps: Steps::Wide,
            ranks,
        };
        for (tree, asks) in forest.trees().iter().zip(&asks) {
            scorer.plant(tree, asks);
        }
        let most = forest.trees().iter().map(|tree| tree.leaves.len()).max().unwrap_or(0).max(scorer.ranks.highest() as usize + 1);
        scorer.steps = match most {
            _ if scorer.ranks.columns() > COLUMNS => Steps::Wide,
            most if most <= i8::COUNT => Steps::Bytes(grow_all(forest, &asks)),
            most if most <= i16::COUNT => Steps::Words(grow_all(forest, &asks)),
            _ => Steps::Wide,
        };
        scorer
    }

    /// Adds the nodes of a tree, level by level.
    fn plant(&mut self, tree: &Tree, asks: &[Ask]) {
        let root = self.nodes.len() as u32;
        let mut level = vec![tree.root()];
        let mut depth = 0;
        while !level.is_empty() {
            let mut after = Vec::new();
            let first = self.nodes.len() + level.len();
            for node in level {
                match node {
                    Next::Leaf(at) => {
                        let own = self.nodes.len() as u32;
                        self.nodes.push(Node { column: 0, rank: u32::MAX, child: own });
                        self.values.push(tree.leaves[at as usize].value);
                    }
                    Next::Branch(at) => {
                        let (branch, ask) = (&tree.branches[at as usize], asks[at as usize]);
                        self.nodes.push(Node { column: ask.column, rank: ask.rank, child: (first + after.len()) as u32 });
                        self.values.push(0.0);
                        after.extend([branch.left, branch.right]);
                    }
                }
            }
            depth += u32::from(!after.is_empty());
            level = after;
        }
        self.trees.push(Walk { root, depth });
    }

    /// The margin of one row in log-odds, to the last bit as the library computes it; a f32 for XGBoost.
    ///
    /// # Errors
    /// A row without exactly as many values as the forest has features.
    pub fn margin<V: Value>(&self, row: &[V]) -> Result<f64, ModelError> {
        if row.len() != self.forest.width {
            return Err(ModelError::new("rows", format!("{} values, and the model reads {}", row.len(), self.forest.width)));
        }
        let mut ranks = Vec::new();
        Ok(self.walk(row, &mut ranks))
    }

    /// The margins of rows that stand one after the other, appended to `out`. One thread; rows are independent, so
    /// callers may split them.
    ///
    /// # Errors
    /// Values that are not whole rows.
    pub fn margins<V: Value>(&self, rows: &[V], out: &mut Vec<f64>) -> Result<(), ModelError> {
        if !rows.len().is_multiple_of(self.forest.width) {
            return Err(ModelError::new("rows", format!("{} values, and the model reads {} a row", rows.len(), self.forest.width)));
        }
        out.reserve(rows.len() / self.forest.width);
        match &self.steps {
            Steps::Bytes(trees) => self.blocks(trees, rows, out),
            Steps::Words(trees) => self.blocks(trees, rows, out),
            Steps::Wide => {
                let mut ranks = Vec::new();
                out.extend(rows.chunks_exact(self.forest.width).map(|row| self.walk(row, &mut ranks)));
            }
        }
        Ok(())
    }

    fn walk<V: Value>(&self, row: &[V], ranks: &mut Vec<u32>) -> f64 {
        self.ranks.row(row, ranks);
        // A forest of single leaves has no columns, and its leaves still look at the first.
        if ranks.is_empty() {
            ranks.push(0);
        }
        let mut sum = Sum::new(&self.forest);
        for trees in self.trees.chunks(ABREAST) {
            let mut at = [0_u32; ABREAST];
            let mut depth = 0;
            for (at, tree) in at.iter_mut().zip(trees) {
                *at = tree.root;
                depth = depth.max(tree.depth);
            }
            for _ in 0..depth {
                for at in &mut at[..trees.len()] {
                    let node = self.nodes[*at as usize];
                    *at = node.child + u32::from(ranks[node.column as usize] > node.rank);
                }
            }
            for at in &at[..trees.len()] {
                sum.add(self.values[*at as usize]);
            }
        }
        sum.total()
    }

    fn blocks<V: Value, L: Lane>(&self, trees: &[Grown<L>], rows: &[V], out: &mut Vec<f64>) {
        let mut ranks = vec![[L::of(0); BLOCK]; self.ranks.columns()];
        for rows in rows.chunks(BLOCK * self.forest.width) {
            self.ranks.block(rows, &mut ranks);
            let count = rows.len() / self.forest.width;
            match self.forest.library {
                Library::XgBoost => {
                    let mut sums = [self.forest.base as f32; BLOCK];
                    for tree in trees {
                        let leaves = tree.leaves(&ranks);
                        for (sum, leaf) in sums.iter_mut().zip(leaves) {
                            *sum += tree.values[leaf.index()] as f32;
                        }
                    }
                    out.extend(sums[..count].iter().map(|sum| f64::from(*sum)));
                }
                Library::LightGbm => {
                    let mut sums = [self.forest.base; BLOCK];
                    for tree in trees {
                        let leaves = tree.leaves(&ranks);
                        for (sum, leaf) in sums.iter_mut().zip(leaves) {
                            *sum += tree.values[leaf.index()];
                        }
                    }
                    out.extend_from_slice(&sums[..count]);
                }
            }
        }
    }
}

impl<L: Lane> Grown<L> {
    fn new(tree: &Tree, asks: &[Ask]) -> Self {
        let mut grown = Self { steps: Vec::with_capacity(asks.len()), values: Vec::with_capacity(tree.leaves.len()) };
        let mut open = vec![(tree.root(), 0_u32)];
        grown.values.push(0.0);
        while let Some((node, here)) = open.pop() {
            match node {
                Next::Leaf(at) => grown.values[here as usize] = tree.leaves[at as usize].value,
                Next::Branch(at) => {
                    let (branch, ask) = (&tree.branches[at as usize], asks[at as usize]);
                    let there = grown.values.len() as u32;
                    grown.values.push(0.0);
                    grown.steps.push(Step {
                        column: ask.column,
                        rank: L::of(ask.rank),
                        here: L::of(here),
                        turn: L::of(here).xor(L::of(there)),
                    });
                    open.extend([(branch.right, there), (branch.left, here)]);
                }
            }
        }
        grown
    }

    /// The leaf of every row of a block.
    #[inline]
    fn leaves(&self, ranks: &[[L; BLOCK]]) -> [L; BLOCK] {
        let mut leaves = [L::of(0); BLOCK];
        for step in &self.steps {
            let column = &ranks[step.column as usize];
            for (leaf, rank) in leaves.iter_mut().zip(column) {
                let moves = L::mask(*rank > step.rank).and(L::mask(*leaf == step.here));
                *leaf = leaf.xor(moves.and(step.turn));
            }
        }
        leaves
    }
}

fn grow_all<L: Lane>(forest: &Forest, asks: &[Vec<Ask>]) -> Vec<Grown<L>> {
    forest.trees().iter().zip(asks).map(|(tree, asks)| Grown::new(tree, asks)).collect()
}

/// A sum in the precision and order of the library.
enum Sum {
    Single(f32),
    Double(f64),
}

impl Sum {
    fn new(forest: &Shape) -> Self {
        match forest.library {
            Library::XgBoost => Self::Single(forest.base as f32),
            Library::LightGbm => Self::Double(forest.base),
        }
    }

    #[inline(always)]
    fn add(&mut self, value: f64) {
        match self {
            Self::Single(sum) => *sum += value as f32,
            Self::Double(sum) => *sum += value,
        }
    }

    fn total(&self) -> f64 {
        match self {
            Self::Single(sum) => f64::from(*sum),
            Self::Double(sum) => *sum,
        }
    }
}
