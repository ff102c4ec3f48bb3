//! The form that all readers, writers, scorers and trainers share.

use super::ModelError;

/// Whose rules of comparison, missing values and summing a forest follows.
///
/// The two differ in the last bits: XGBoost keeps values, thresholds and sums in f32 and starts with the base;
/// LightGBM keeps them in f64 and starts with nothing. Forests of our own trainer follow LightGBM.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Library {
    /// f32; left when below; members of a set go right.
    XgBoost,
    /// f64; left when at most; members of a set go left.
    LightGbm,
}

/// What LightGBM takes for a missing value at one branch.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Missing {
    /// Nothing is missing: NaN counts as zero.
    None,
    /// Zero is missing, and NaN counts as zero.
    Zero,
    /// NaN is missing.
    Nan,
}

/// A set of category codes, one bit each.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Codes {
    words: Vec<u32>,
}

impl Codes {
    /// The greatest code that a set may hold. XGBoost itself stops at 2^24; nobody has a million categories.
    pub const GREATEST: u32 = (1 << 20) - 1;

    /// Bit `c % 32` of word `c / 32` says whether code `c` is in, as in LightGBM's `cat_threshold`.
    pub fn from_words(words: Vec<u32>) -> Self {
        Self { words }
    }

    /// A set from its members. `None` when one is above [`Codes::GREATEST`].
    pub fn from_codes(codes: impl IntoIterator<Item = u32>) -> Option<Self> {
        let mut words = Vec::new();
        for code in codes {
            if code > Self::GREATEST {
                return None;
            }
            let at = (code / 32) as usize;
            if words.len() <= at {
                words.resize(at + 1, 0);
            }
            words[at] |= 1 << (code % 32);
        }
        Some(Self { words })
    }

    /// Whether the code is in the set.
    pub fn contains(&self, code: u32) -> bool {
        self.words.get((code / 32) as usize).is_some_and(|word| word >> (code % 32) & 1 == 1)
    }

    /// The bits, 32 codes a word.
    pub fn words(&self) -> &[u32] {
        &self.words
    }
}

/// The question that a branch asks of its feature.
#[derive(Debug, Clone, PartialEq)]
pub enum Test {
    /// XGBoost: left when the value, as f32, is below the threshold; NaN goes where the branch sends it.
    Below(f32),
    /// LightGBM: left when the value is at most the threshold; what is missing goes where the branch sends it.
    AtMost {
        /// May be infinite, never NaN.
        threshold: f64,
        /// What counts as missing here.
        missing: Missing,
    },
    /// Category codes. XGBoost: members go right, all others left, NaN where the branch sends it. LightGBM:
    /// members go left, all others and NaN right. Fractions are cut off first.
    Among(Codes),
}

/// A child of a branch: an index into [`Tree::branches`] or [`Tree::leaves`].
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Next {
    /// Another question.
    Branch(u32),
    /// The answer.
    Leaf(u32),
}

/// An inner node.
#[derive(Debug, Clone, PartialEq)]
pub struct Branch {
    /// Index into [`Forest::features`].
    pub feature: u32,
    /// The question.
    pub test: Test,
    /// Where a missing value goes. LightGBM's sets do not ask.
    pub default_left: bool,
    /// The child on "yes".
    pub left: Next,
    /// The child on "no".
    pub right: Next,
    /// Training weight that came through, which explanations divide by: hessians in XGBoost, rows in LightGBM.
    pub cover: f64,
    /// Sum of hessians; equals `cover` in XGBoost.
    pub weight: f64,
    /// Gain of the split.
    pub gain: f64,
    /// What the node would answer were it a leaf; nothing computes with it.
    pub value: f64,
}

/// A leaf.
#[derive(Debug, Clone, PartialEq)]
pub struct Leaf {
    /// What is added to the margin; a f32 in XGBoost. Shrinkage is already in it.
    pub value: f64,
    /// As in [`Branch::cover`].
    pub cover: f64,
    /// As in [`Branch::weight`].
    pub weight: f64,
    /// The number by which the library that wrote the model calls this leaf: its node in XGBoost, its place among
    /// the leaves in LightGBM.
    pub id: u32,
}

/// One tree. Branch 0 is the root; without branches the tree is its one leaf.
#[derive(Debug, Clone, PartialEq, Default)]
pub struct Tree {
    /// Inner nodes in any order, each the child of exactly one other except the first.
    pub branches: Vec<Branch>,
    /// Leaves in any order, each the child of exactly one branch.
    pub leaves: Vec<Leaf>,
}

impl Tree {
    /// Where a walk begins.
    pub fn root(&self) -> Next {
        if self.branches.is_empty() { Next::Leaf(0) } else { Next::Branch(0) }
    }

    /// The training weight of a node.
    pub(super) fn cover(&self, node: Next) -> f64 {
        match node {
            Next::Branch(at) => self.branches[at as usize].cover,
            Next::Leaf(at) => self.leaves[at as usize].cover,
        }
    }
}

/// A column of the rows that a forest reads.
#[derive(Debug, Clone, PartialEq)]
pub struct Feature {
    /// Its name; names are unique within a forest.
    pub name: String,
    /// Least and greatest value seen in training, where the model says it.
    pub range: Option<(f64, f64)>,
}

/// A checked ensemble of trees for one yes-or-no outcome: the margin is a log-odds.
#[derive(Debug, Clone, PartialEq)]
pub struct Forest {
    library: Library,
    features: Vec<Feature>,
    base: f64,
    sigmoid: f64,
    trees: Vec<Tree>,
}

impl Forest {
    /// More trees than this are refused.
    pub const TREES: usize = 20_000;
    /// More branches than this, in all trees together, are refused.
    pub const BRANCHES: usize = 4_000_000;
    /// More features than this are refused.
    pub const FEATURES: usize = 16_384;
    /// Deeper trees than this are refused.
    pub const DEPTH: usize = 256;
    /// More words than this in all sets of codes together are refused (64 MB).
    pub const WORDS: usize = 16_000_000;

    /// A forest under LightGBM's rules, as our trainer makes them: no base, probability = 1 / (1 + e^-margin).
    ///
    /// # Errors
    /// What [`Forest::new`] refuses.
    pub fn lightgbm(features: Vec<Feature>, trees: Vec<Tree>) -> Result<Self, ModelError> {
        Self::new(Library::LightGbm, features, 0.0, 1.0, trees)
    }

    /// `base` is the margin before the first tree; `sigmoid` is the k of probability = 1 / (1 + e^(-k margin)).
    ///
    /// # Errors
    /// Counts above the bounds, indices out of range, nodes with no or two parents (a cycle is one of them), tests
    /// of the other library, thresholds or weights that are not numbers, values that are not finite.
    pub fn new(library: Library, features: Vec<Feature>, base: f64, sigmoid: f64, trees: Vec<Tree>) -> Result<Self, ModelError> {
        let whole = |what: String| Err(ModelError::new("", what));
        if features.is_empty() || features.len() > Self::FEATURES {
            return whole(format!("{} features; between 1 and {} are read", features.len(), Self::FEATURES));
        }
        let mut names = std::collections::HashSet::new();
        if let Some(twice) = features.iter().find(|feature| !names.insert(feature.name.as_str())) {
            return whole(format!("two features are called {:?}", twice.name));
        }
        if trees.len() > Self::TREES {
            return whole(format!("{} trees; up to {} are read", trees.len(), Self::TREES));
        }
        if trees.iter().map(|tree| tree.branches.len()).sum::<usize>() > Self::BRANCHES {
            return whole(format!("more than {} branches", Self::BRANCHES));
        }
        if !base.is_finite() || !sigmoid.is_finite() || sigmoid <= 0.0 {
            return whole(format!("base {base} and sigmoid {sigmoid}: both must be finite, the second above zero"));
        }
        let mut words = 0;
        for (number, tree) in trees.iter().enumerate() {
            words += check(library, features.len(), tree).map_err(|error| error.within(&format!("tree {number}")))?;
        }
        if words > Self::WORDS {
            return whole(format!("sets of categories take {words} words; up to {} are read", Self::WORDS));
        }
        Ok(Self { library, features, base, sigmoid, trees })
    }

    /// Whose rules apply.
    pub fn library(&self) -> Library {
        self.library
    }

    /// The columns of a row, in order.
    pub fn features(&self) -> &[Feature] {
        &self.features
    }

    /// The margin before the first tree, in log-odds.
    pub fn base(&self) -> f64 {
        self.base
    }

    /// The k of probability = 1 / (1 + e^(-k margin)).
    pub fn sigmoid(&self) -> f64 {
        self.sigmoid
    }

    /// The trees in the order in which they are summed.
    pub fn trees(&self) -> &[Tree] {
        &self.trees
    }
}

/// Refuses a tree that a walk could not trust; gives the words in its sets.
fn check(library: Library, features: usize, tree: &Tree) -> Result<usize, ModelError> {
    if tree.leaves.len() != tree.branches.len() + 1 {
        return Err(ModelError::new(
            "",
            format!("{} branches and {} leaves; a tree has one leaf more", tree.branches.len(), tree.leaves.len()),
        ));
    }
    let mut words = 0;
    for (number, branch) in tree.branches.iter().enumerate() {
        let refuse = |what: String| Err(ModelError::new(format!("branch {number}"), what));
        if branch.feature as usize >= features {
            return refuse(format!("feature {} of {features}", branch.feature));
        }
        match (&branch.test, library) {
            (Test::Below(threshold), Library::XgBoost) if !threshold.is_nan() => {}
            (Test::AtMost { threshold, .. }, Library::LightGbm) if !threshold.is_nan() => {}
            (Test::Among(codes), _) => words += codes.words.len(),
            (Test::Below(_), Library::XgBoost) | (Test::AtMost { .. }, Library::LightGbm) => {
                return refuse("the threshold is not a number".into());
            }
            _ => return refuse("a test of the other library".into()),
        }
        for (name, figure) in [("cover", branch.cover), ("weight", branch.weight)] {
            if !(0.0..f64::INFINITY).contains(&figure) {
                return refuse(format!("{name} {figure}; it must be finite and not below zero"));
            }
        }
    }
    for (number, leaf) in tree.leaves.iter().enumerate() {
        let refuse = |what: String| Err(ModelError::new(format!("leaf {number}"), what));
        if !leaf.value.is_finite() || (library == Library::XgBoost && !(leaf.value as f32).is_finite()) {
            return refuse(format!("its value is {}", leaf.value));
        }
        if !(0.0..f64::INFINITY).contains(&leaf.cover) || !(0.0..f64::INFINITY).contains(&leaf.weight) {
            return refuse(format!("cover {} and weight {}; both must be finite and not below zero", leaf.cover, leaf.weight));
        }
    }
    shape(tree)?;
    Ok(words)
}

/// Every node is reached exactly once from the root, and not too deep.
fn shape(tree: &Tree) -> Result<(), ModelError> {
    let mut branches = vec![false; tree.branches.len()];
    let mut leaves = vec![false; tree.leaves.len()];
    let mut open = vec![(tree.root(), 0_usize)];
    while let Some((node, depth)) = open.pop() {
        let (kind, at, seen) = match node {
            Next::Branch(at) => ("branch", at, branches.get_mut(at as usize)),
            Next::Leaf(at) => ("leaf", at, leaves.get_mut(at as usize)),
        };
        let refuse = |what: String| Err(ModelError::new(format!("{kind} {at}"), what));
        match seen {
            None => return refuse("a child with this number is not there".into()),
            Some(true) => return refuse("it is the child of two branches, or of itself".into()),
            Some(seen) => *seen = true,
        }
        if depth > Forest::DEPTH {
            return refuse(format!("deeper than {} levels", Forest::DEPTH));
        }
        if let Next::Branch(at) = node {
            let branch = &tree.branches[at as usize];
            open.extend([(branch.right, depth + 1), (branch.left, depth + 1)]);
        }
    }
    match (branches.iter().position(|seen| !seen), leaves.iter().position(|seen| !seen)) {
        (Some(at), _) => Err(ModelError::new(format!("branch {at}"), "no way leads to it from the root")),
        (None, Some(at)) => Err(ModelError::new(format!("leaf {at}"), "no way leads to it from the root")),
        (None, None) => Ok(()),
    }
}
