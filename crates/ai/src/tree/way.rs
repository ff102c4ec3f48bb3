//! The ways from the root of a tree to its leaves, feature by feature.

use super::rank::Ask;
use super::{Library, ModelError, Next, Tree};

/// A condition: column of ranks, number of the feature on the path, least and greatest rank.
pub(super) type Span = (u32, u32, u32, u32);

/// What a tree answers on the average of its training rows, as the library computes it.
pub(super) fn expected(library: Library, tree: &Tree) -> Result<f64, ModelError> {
    for (number, branch) in tree.branches.iter().enumerate() {
        if branch.cover <= 0.0 {
            return Err(ModelError::new(format!("branch {number}"), "no training weight came through it, and explanations divide by it"));
        }
    }
    match (library, tree.branches.first()) {
        (_, None) => Ok(tree.leaves[0].value),
        (Library::LightGbm, Some(root)) => Ok(tree.leaves.iter().map(|leaf| leaf.cover / root.cover * leaf.value).sum()),
        (Library::XgBoost, Some(_)) => {
            let mut sum = 0.0;
            let mut open = vec![(tree.root(), 1.0)];
            while let Some((node, part)) = open.pop() {
                match node {
                    Next::Leaf(at) => sum += tree.leaves[at as usize].value * part,
                    Next::Branch(at) => {
                        let branch = &tree.branches[at as usize];
                        open.extend([branch.right, branch.left].map(|child| (child, part * tree.cover(child) / branch.cover)));
                    }
                }
            }
            Ok(sum)
        }
    }
}

/// A path in plain numbers.
pub(super) struct Way {
    /// What the leaf adds.
    pub(super) value: f64,
    /// The features of the path, each once.
    pub(super) who: Vec<u32>,
    /// Of each feature, the part of the training weight that passes all of its conditions.
    pub(super) parts: Vec<f64>,
    pub(super) spans: Vec<Span>,
}

/// The ways to all leaves of a tree that has branches.
pub(super) fn ways(tree: &Tree, asks: &[Ask]) -> impl Iterator<Item = Way> {
    /// One step: the branch, and whether right.
    type Step = (u32, bool);
    let mut steps: Vec<Step> = Vec::new();
    let mut open = if tree.branches.is_empty() { Vec::new() } else { vec![(tree.root(), 0_usize, None)] };
    std::iter::from_fn(move || {
        while let Some((node, depth, step)) = open.pop() {
            steps.truncate(usize::saturating_sub(depth, 1));
            steps.extend(step);
            match node {
                Next::Branch(at) => {
                    let branch = &tree.branches[at as usize];
                    open.extend([(branch.right, depth + 1, Some((at, true))), (branch.left, depth + 1, Some((at, false)))]);
                }
                Next::Leaf(at) => {
                    let mut way = Way { value: tree.leaves[at as usize].value, who: Vec::new(), parts: Vec::new(), spans: Vec::new() };
                    for (at, right) in &steps {
                        way.take(tree, asks, *at, *right);
                    }
                    return Some(way);
                }
            }
        }
        None
    })
}

impl Way {
    fn take(&mut self, tree: &Tree, asks: &[Ask], at: u32, right: bool) {
        let (branch, ask) = (&tree.branches[at as usize], asks[at as usize]);
        let bit = self.who.iter().position(|feature| *feature == branch.feature).unwrap_or_else(|| {
            self.who.push(branch.feature);
            self.parts.push(1.0);
            self.who.len() - 1
        });
        let child = if right { branch.right } else { branch.left };
        self.parts[bit] *= tree.cover(child) / branch.cover;
        let known = self.spans.iter().position(|span| span.0 == ask.column).unwrap_or_else(|| {
            self.spans.push((ask.column, bit as u32, 0, u32::MAX));
            self.spans.len() - 1
        });
        let span = &mut self.spans[known];
        if right { span.2 = span.2.max(ask.rank + 1) } else { span.3 = span.3.min(ask.rank) }
    }
}
