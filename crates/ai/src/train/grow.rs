//! One tree, leaf by leaf.

use rayon::prelude::*;

use super::{
    bins::{Binned, Lane},
    histogram::{Steps, Sum, fill, unfold},
    settings::Settings,
    split::{Bounds, Monotone, Place, Split, answer},
};
use crate::tree::{Branch, Leaf, Missing, Next, Test, Tree};

/// Below this many additions a histogram is built by one thread: telling the others costs more.
const WORTH_SHARING: usize = 50_000;

/// What all trees of a training share.
pub(crate) struct Grower<'a> {
    pub(crate) binned: &'a Binned,
    pub(crate) settings: &'a Settings,
    pub(crate) steps: Steps,
    pub(crate) pool: Option<&'a rayon::ThreadPool>,
}

/// A histogram of every lane.
type Histogram = Vec<Vec<Sum>>;

/// A leaf that may still be split.
struct Open {
    /// Its part of the rows of the tree.
    from: usize,
    to: usize,
    total: Sum,
    depth: usize,
    bounds: Bounds,
    /// The branch it hangs on, and whether on the left; `None` for the root.
    parent: Option<(usize, bool)>,
    histogram: Option<Histogram>,
    split: Option<Split>,
}

/// How the rows of a branch part: by the code of one lane.
struct Parting {
    lane: usize,
    left: [bool; 256],
}

/// A tree with what it says of every row of the training, drawn or not.
pub(crate) struct Grown {
    pub(crate) tree: Tree,
    partings: Vec<Parting>,
    /// For each leaf its rows.
    ranges: Vec<(usize, usize)>,
    rows: Vec<u32>,
}

impl Grower<'_> {
    /// Grows a tree from the gradients of `rows` (indices that rise) with the columns that `use_column` allows.
    pub(crate) fn grow(&self, gradients: &[Sum], mut rows: Vec<u32>, use_column: &[bool]) -> Grown {
        let mut total = Sum::default();
        let mut drawn: Vec<Sum> = rows.iter().map(|row| gradients[*row as usize]).collect();
        drawn.iter().for_each(|sum| total += *sum);
        let mut root = Open { from: 0, to: rows.len(), total, depth: 0, bounds: Bounds::NONE, parent: None, histogram: None, split: None };
        let (mut tree, mut partings, mut spare) = (Tree::default(), Vec::new(), Vec::new());
        if self.may_split(&root) && self.settings.leaves > 1 {
            let mut histogram = self.empty(&mut spare);
            let found = self.lanes(root.to, use_column, &mut histogram, &mut [], |lane, own, _| {
                fill(lane, &rows, &drawn, own);
                [self.search(lane, own, &root, use_column), None]
            });
            [root.split, _] = found;
            root.histogram = Some(histogram);
        }
        let mut open = vec![root];
        let mut aside = Vec::new();
        while open.len() < self.settings.leaves {
            let Some(at) = most_worth(&open) else { break };
            let mut node = open.swap_remove(at);
            let Some(split) = node.split else { break };
            partings.push(self.part(&split));
            let middle = node.from + part(&mut rows[node.from..node.to], self.codes(&partings), &mut aside);
            let (mut left, mut right) = self.children(&node, &split, tree.branches.len(), middle);
            self.link(&mut tree, &node, &split);
            if let Some(histogram) = node.histogram.take() {
                let wanted = open.len() + 2 < self.settings.leaves && (self.may_split(&left) || self.may_split(&right));
                if wanted {
                    self.share(gradients, &rows, use_column, histogram, [&mut left, &mut right], &mut drawn, &mut spare);
                } else {
                    spare.push(histogram);
                }
            }
            open.extend([left, right]);
        }
        let ranges = open.iter().map(|leaf| (leaf.from, leaf.to)).collect();
        for leaf in &open {
            let next = Next::Leaf(tree.leaves.len() as u32);
            self.hang(&mut tree, leaf.parent, next);
            let (gradient, hessian) = self.steps.values(leaf.total);
            tree.leaves.push(Leaf {
                // A tree without a question has nothing to say: the base rate is known, and its rows are only a draw.
                value: if leaf.parent.is_none() {
                    0.0
                } else {
                    self.settings.learning_rate * answer(self.settings, gradient, hessian, leaf.bounds)
                },
                cover: self.steps.rows(leaf.total) as f64,
                weight: hessian,
                id: tree.leaves.len() as u32,
            });
        }
        Grown { tree, partings, ranges, rows }
    }

    fn may_split(&self, node: &Open) -> bool {
        node.depth < self.settings.depth && self.steps.rows(node.total) >= (2 * self.settings.min_rows).max(2)
    }

    fn empty(&self, spare: &mut Vec<Histogram>) -> Histogram {
        spare.pop().unwrap_or_else(|| self.binned.lanes.iter().map(|lane| vec![Sum::default(); lane.size]).collect())
    }

    fn codes<'a>(&'a self, partings: &'a [Parting]) -> impl Fn(u32) -> bool + 'a {
        let Parting { lane, left } = &partings[partings.len() - 1];
        let codes = &self.binned.lanes[*lane].codes;
        move |row| left[usize::from(codes[row as usize])]
    }

    /// Histograms of both children from that of the parent: the smaller is counted, the larger is what is left.
    #[expect(clippy::too_many_arguments, reason = "a step of `grow`, apart so that each can be read")]
    fn share(
        &self,
        gradients: &[Sum],
        rows: &[u32],
        use_column: &[bool],
        mut parents: Histogram,
        children: [&mut Open; 2],
        drawn: &mut Vec<Sum>,
        spare: &mut Vec<Histogram>,
    ) {
        let [left, right] = children;
        let (small, large) = if left.to - left.from <= right.to - right.from { (left, right) } else { (right, left) };
        let rows = &rows[small.from..small.to];
        drawn.clear();
        drawn.extend(rows.iter().map(|row| gradients[*row as usize]));
        let mut histogram = self.empty(spare);
        let found = self.lanes(rows.len(), use_column, &mut histogram, &mut parents, |lane, own, sibling| {
            fill(lane, rows, drawn, own);
            sibling.iter_mut().zip(&*own).for_each(|(sibling, own)| *sibling -= *own);
            [self.search(lane, own, small, use_column), self.search(lane, sibling, large, use_column)]
        });
        for ((node, split), histogram) in [small, large].into_iter().zip(found).zip([histogram, parents]) {
            node.split = split;
            // Only a node that will be split hands its sums down.
            if split.is_some() { node.histogram = Some(histogram) } else { spare.push(histogram) }
        }
    }

    /// Does `work` on every lane that has a wanted column, and gives the best split of each of the two nodes. Lanes
    /// share nothing, so who does which does not matter.
    fn lanes(
        &self,
        rows: usize,
        use_column: &[bool],
        own: &mut [Vec<Sum>],
        sibling: &mut [Vec<Sum>],
        work: impl Fn(&Lane, &mut [Sum], &mut [Sum]) -> [Option<Split>; 2] + Sync,
    ) -> [Option<Split>; 2] {
        let lanes = &self.binned.lanes;
        let step = |at: usize, own: &mut Vec<Sum>, sibling: Option<&mut Vec<Sum>>| {
            let wanted = lanes[at].digits.iter().any(|digit| use_column[digit.column]);
            if wanted { work(&lanes[at], own, sibling.map_or(&mut [], |s| s)) } else { [None, None] }
        };
        let found: Vec<[Option<Split>; 2]> = match self.pool {
            Some(pool) if rows * lanes.len() >= WORTH_SHARING => pool.install(|| {
                if sibling.is_empty() {
                    own.par_iter_mut().enumerate().map(|(at, own)| step(at, own, None)).collect()
                } else {
                    let both = own.par_iter_mut().zip(sibling.par_iter_mut());
                    both.enumerate().map(|(at, (own, sibling))| step(at, own, Some(sibling))).collect()
                }
            }),
            _ => {
                let mut siblings = sibling.iter_mut();
                own.iter_mut().enumerate().map(|(at, own)| step(at, own, siblings.next())).collect()
            }
        };
        let best = |node: usize| {
            found.iter().filter_map(|both| both[node]).fold(None, |best: Option<Split>, split| match best {
                Some(best) if !split.beats(&best) => Some(best),
                _ => Some(split),
            })
        };
        [best(0), best(1)]
    }

    fn search(&self, lane: &Lane, joint: &[Sum], node: &Open, use_column: &[bool]) -> Option<Split> {
        if !self.may_split(node) {
            return None;
        }
        let mut best: Option<Split> = None;
        unfold(lane, joint, |digit, sums| {
            let column = lane.digits[digit].column;
            if !use_column[column] {
                return;
            }
            let place = Place {
                column,
                sums,
                missing: self.binned.cuts[column].missing,
                monotone: self.settings.monotone.get(column).copied().unwrap_or_default(),
                total: node.total,
                bounds: node.bounds,
            };
            if let Some(split) = place.best(self.settings, &self.steps)
                && best.is_none_or(|best| split.beats(&best))
            {
                best = Some(split);
            }
        });
        best
    }

    /// Which codes of its lane a split sends left.
    fn part(&self, split: &Split) -> Parting {
        // A split is of a column that varies, which has a place.
        let (lane, digit) = self.binned.place[split.column].unwrap_or_default();
        let digit = self.binned.lanes[lane].digits[digit];
        let missing = self.binned.cuts[split.column].missing.then(|| digit.levels - 1);
        let left = std::array::from_fn(|code| {
            let bin = code / digit.stride % digit.levels;
            if Some(bin) == missing { split.missing_left } else { bin <= split.bin }
        });
        Parting { lane, left }
    }

    fn children(&self, node: &Open, split: &Split, branch: usize, middle: usize) -> (Open, Open) {
        let mut bounds = [node.bounds; 2];
        let value = |sum: Sum| {
            let (gradient, hessian) = self.steps.values(sum);
            answer(self.settings, gradient, hessian, node.bounds)
        };
        let between = (value(split.left) + value(split.right)) / 2.0;
        // What hangs below on either side may not cross the middle, or the column would lead the other way further down.
        match self.settings.monotone.get(split.column).copied().unwrap_or_default() {
            Monotone::Free => {}
            Monotone::Rising => (bounds[0].high, bounds[1].low) = (between, between),
            Monotone::Falling => (bounds[0].low, bounds[1].high) = (between, between),
        }
        let child = |from, to, total, left: bool| Open {
            from,
            to,
            total,
            depth: node.depth + 1,
            bounds: bounds[usize::from(!left)],
            parent: Some((branch, left)),
            histogram: None,
            split: None,
        };
        (child(node.from, middle, split.left, true), child(middle, node.to, split.right, false))
    }

    fn link(&self, tree: &mut Tree, node: &Open, split: &Split) {
        let next = Next::Branch(tree.branches.len() as u32);
        self.hang(tree, node.parent, next);
        let (gradient, hessian) = self.steps.values(node.total);
        let edges = &self.binned.cuts[split.column].edges;
        tree.branches.push(Branch {
            feature: split.column as u32,
            // All values on the left leave the missing ones alone on the right.
            test: Test::AtMost { threshold: edges.get(split.bin).copied().unwrap_or(f64::INFINITY), missing: Missing::Nan },
            default_left: split.missing_left,
            left: Next::Leaf(0),
            right: Next::Leaf(0),
            cover: self.steps.rows(node.total) as f64,
            weight: hessian,
            gain: 2.0 * split.gain,
            value: self.settings.learning_rate * answer(self.settings, gradient, hessian, node.bounds),
        });
    }

    fn hang(&self, tree: &mut Tree, parent: Option<(usize, bool)>, next: Next) {
        if let Some((branch, left)) = parent {
            let branch = &mut tree.branches[branch];
            *(if left { &mut branch.left } else { &mut branch.right }) = next;
        }
    }
}

/// The open leaf whose split gains most; of equals the first.
fn most_worth(open: &[Open]) -> Option<usize> {
    let gains = open.iter().enumerate().filter_map(|(at, leaf)| Some((at, leaf.split?.gain)));
    gains
        .fold(None, |best: Option<(usize, f64)>, (at, gain)| if best.is_none_or(|b| gain > b.1) { Some((at, gain)) } else { best })
        .map(|b| b.0)
}

/// Moves the rows that go left to the front, both sides in the order they had, and gives their number.
fn part(rows: &mut [u32], goes_left: impl Fn(u32) -> bool, aside: &mut Vec<u32>) -> usize {
    aside.clear();
    aside.resize(rows.len(), 0);
    let (mut left, mut right) = (0, 0);
    for at in 0..rows.len() {
        let row = rows[at];
        let goes_left = goes_left(row);
        // Written to both sides, kept on one: no branch to guess wrong.
        rows[left] = row;
        aside[right] = row;
        left += usize::from(goes_left);
        right += usize::from(!goes_left);
    }
    rows[left..].copy_from_slice(&aside[..right]);
    left
}

impl Grown {
    /// Adds what the tree says to the margin of every row; `drawn[row]` tells the rows it grew from.
    pub(crate) fn add(&self, binned: &Binned, drawn: &[bool], margins: &mut [f64]) {
        for ((from, to), leaf) in self.ranges.iter().zip(&self.tree.leaves) {
            for row in &self.rows[*from..*to] {
                margins[*row as usize] += leaf.value;
            }
        }
        if self.rows.len() == margins.len() {
            return;
        }
        for row in (0..margins.len()).filter(|&row| !drawn[row]) {
            let mut next = self.tree.root();
            while let Next::Branch(at) = next {
                let Parting { lane, left } = &self.partings[at as usize];
                let branch = &self.tree.branches[at as usize];
                next = if left[usize::from(binned.lanes[*lane].codes[row])] { branch.left } else { branch.right };
            }
            if let Next::Leaf(leaf) = next {
                margins[row] += self.tree.leaves[leaf as usize].value;
            }
        }
    }
}
