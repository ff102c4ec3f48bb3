//! Random forests of every kind: the fast ways answer as the plain walk does, and explanations are the Shapley
//! values of their definition.

use plimsoll_ai::tree::{Branch, Codes, Explainer, Feature, Forest, Leaf, Library, Missing, Next, Scorer, Test, Tree};

/// SplitMix64.
struct Chance(u64);

impl Chance {
    fn next(&mut self) -> u64 {
        self.0 = self.0.wrapping_add(0x9e37_79b9_7f4a_7c15);
        let mut mixed = self.0;
        mixed = (mixed ^ (mixed >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
        mixed = (mixed ^ (mixed >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
        mixed ^ (mixed >> 31)
    }

    fn below(&mut self, bound: usize) -> usize {
        (self.next() % bound as u64) as usize
    }

    fn one(&mut self) -> f64 {
        (self.next() >> 11) as f64 / (1_u64 << 53) as f64
    }
}

/// What a forest is drawn from.
struct Kind {
    library: Library,
    features: usize,
    trees: usize,
    leaves: usize,
    /// Distinct thresholds of a feature.
    grid: usize,
    /// Every new branch hangs below the last one.
    chain: bool,
}

fn threshold(kind: &Kind, chance: &mut Chance) -> f64 {
    match chance.below(40) {
        0 => f64::INFINITY,
        1 => f64::NEG_INFINITY,
        2 => -0.0,
        3 => f64::from(1e-35_f32),
        _ => (chance.below(kind.grid) as f64 - kind.grid as f64 / 2.0) / 8.0,
    }
}

fn test(kind: &Kind, chance: &mut Chance) -> Test {
    if chance.below(8) == 0 {
        return Test::Among(Codes::from_codes((0..40).filter(|_| chance.below(3) == 0)).expect("small codes"));
    }
    let threshold = threshold(kind, chance);
    match kind.library {
        Library::XgBoost => Test::Below(threshold as f32),
        Library::LightGbm => Test::AtMost { threshold, missing: [Missing::None, Missing::Zero, Missing::Nan][chance.below(3)] },
    }
}

fn tree(kind: &Kind, chance: &mut Chance) -> Tree {
    let leaf = |id: u32, cover: f64, chance: &mut Chance| Leaf { value: f64::from((chance.one() - 0.5) as f32), cover, weight: cover, id };
    let mut tree = Tree { branches: Vec::new(), leaves: vec![leaf(0, 1000.0, chance)] };
    for at in 1..kind.leaves {
        let split = if kind.chain { at - 1 } else { chance.below(at) };
        let cover = tree.leaves[split].cover;
        let part = cover * (0.1 + 0.8 * chance.one());
        let (here, there) = (leaf(split as u32, part, chance), leaf(at as u32, cover - part, chance));
        tree.leaves[split] = here;
        tree.leaves.push(there);
        let feature = if kind.chain { at % kind.features } else { chance.below(kind.features) } as u32;
        let next = Next::Branch(tree.branches.len() as u32);
        for branch in &mut tree.branches {
            if branch.left == Next::Leaf(split as u32) {
                branch.left = next;
            } else if branch.right == Next::Leaf(split as u32) {
                branch.right = next;
            }
        }
        let (left, right) = (Next::Leaf(split as u32), Next::Leaf(at as u32));
        let (test, default_left) = (test(kind, chance), chance.below(2) == 0);
        tree.branches.push(Branch { feature, test, default_left, left, right, cover, weight: cover, gain: 0.0, value: 0.0 });
    }
    tree
}

fn forest(kind: &Kind, chance: &mut Chance) -> Forest {
    let features = (0..kind.features).map(|number| Feature { name: format!("f{number}"), range: None }).collect();
    let trees = (0..kind.trees).map(|_| tree(kind, chance)).collect();
    let base = if kind.library == Library::XgBoost { f64::from(-0.3_f32) } else { 0.0 };
    Forest::new(kind.library, features, base, 1.0, trees).expect("a sound forest")
}

fn value(kind: &Kind, chance: &mut Chance) -> f64 {
    match chance.below(12) {
        0 | 1 => f64::NAN,
        2 => 0.0,
        3 => [f64::INFINITY, f64::NEG_INFINITY, -0.0, 1e-36, -1e-35, 1e300, 0.7, -0.5][chance.below(8)],
        4 => chance.below(45) as f64,
        _ => threshold(kind, chance),
    }
}

fn plain(forest: &Forest, row: &[f64]) -> f64 {
    let leaves = forest.leaves(row).expect("a whole row");
    let values = forest.trees().iter().zip(leaves).map(|(tree, leaf)| tree.leaves[leaf as usize].value);
    match forest.library() {
        Library::XgBoost => f64::from(values.fold(forest.base() as f32, |sum, value| sum + value as f32)),
        Library::LightGbm => values.fold(forest.base(), |sum, value| sum + value),
    }
}

const LIBRARIES: [Library; 2] = [Library::XgBoost, Library::LightGbm];

#[test]
fn one_row_and_many_answer_as_the_plain_walk_does_whatever_the_forest() {
    let mut chance = Chance(1);
    for library in LIBRARIES {
        // Ranks and leaves in bytes; in words; with too many thresholds for either; single leaves; a chain.
        let shapes = [
            (5, 30, 31, 50, false),
            (9, 20, 256, 300, false),
            (3, 6, 300, 4000, false),
            (1, 12, 1000, 1 << 20, false),
            (2, 3, 1, 1, false),
            (70, 4, 120, 20, true),
        ];
        for (features, trees, leaves, grid, chain) in shapes {
            let kind = Kind { library, features, trees, leaves, grid, chain };
            let forest = forest(&kind, &mut chance);
            let scorer = Scorer::new(&forest);
            let rows: Vec<f64> = (0..300 * features).map(|_| value(&kind, &mut chance)).collect();
            let mut together = Vec::new();
            scorer.margins(&rows, &mut together).unwrap();
            for (row, together) in rows.chunks(features).zip(together) {
                let due = plain(&forest, row).to_bits();
                assert_eq!(
                    (scorer.margin(row).unwrap().to_bits(), together.to_bits()),
                    (due, due),
                    "{library:?}, {leaves} leaves, {row:?}"
                );
            }
        }
    }
}

/// More distinct thresholds than 16 bits can count: scored row by row.
#[test]
fn a_feature_with_a_hundred_thousand_thresholds_is_scored() {
    let mut chance = Chance(2);
    let kind = Kind { library: Library::LightGbm, features: 1, trees: 3, leaves: 40_000, grid: 1 << 30, chain: false };
    // Grown by halves: drawing leaf by leaf would take the square of them.
    let tree = |chance: &mut Chance| {
        let mut tree = Tree::default();
        for at in 0..kind.leaves as u32 - 1 {
            let child = |number: u32| {
                if number < kind.leaves as u32 - 1 { Next::Branch(number) } else { Next::Leaf(number + 1 - kind.leaves as u32) }
            };
            let test = Test::AtMost { threshold: chance.one() - 0.5, missing: Missing::Nan };
            let (left, right) = (child(2 * at + 1), child(2 * at + 2));
            tree.branches.push(Branch {
                feature: 0,
                test,
                default_left: true,
                left,
                right,
                cover: 1.0,
                weight: 0.0,
                gain: 0.0,
                value: 0.0,
            });
        }
        tree.leaves = (0..kind.leaves as u32).map(|id| Leaf { value: chance.one(), cover: 0.5, weight: 0.0, id }).collect();
        tree
    };
    let trees = (0..3).map(|_| tree(&mut chance)).collect();
    let forest = Forest::lightgbm(vec![Feature { name: "only".into(), range: None }], trees).unwrap();
    let rows: Vec<f64> = (0..200).map(|_| chance.one() - 0.5).collect();
    let mut together = Vec::new();
    Scorer::new(&forest).margins(&rows, &mut together).unwrap();
    assert!(rows.iter().zip(together).all(|(row, together)| plain(&forest, &[*row]) == together));
}

/// Where a row goes at every branch of a tree: asked of a tree of that branch alone.
fn goes_left(forest: &Forest, tree: &Tree, row: &[f64]) -> Vec<bool> {
    let leaves = [0, 1].map(|id| Leaf { value: 0.0, cover: 1.0, weight: 1.0, id }).to_vec();
    let alone = |branch: &Branch| Tree {
        branches: vec![Branch { left: Next::Leaf(0), right: Next::Leaf(1), ..branch.clone() }],
        leaves: leaves.clone(),
    };
    let trees = tree.branches.iter().map(alone).collect();
    let asked = Forest::new(forest.library(), forest.features().to_vec(), 0.0, 1.0, trees).expect("trees of one branch");
    asked.leaves(row).expect("a whole row").into_iter().map(|leaf| leaf == 0).collect()
}

/// What a tree answers when only the features in `known` are known: elsewhere both ways count by their weight.
fn knowing(tree: &Tree, node: Next, left: &[bool], known: usize) -> f64 {
    let cover = |node: Next| match node {
        Next::Branch(at) => tree.branches[at as usize].cover,
        Next::Leaf(at) => tree.leaves[at as usize].cover,
    };
    match node {
        Next::Leaf(at) => tree.leaves[at as usize].value,
        Next::Branch(at) => {
            let branch = &tree.branches[at as usize];
            if known >> branch.feature & 1 == 1 {
                return knowing(tree, if left[at as usize] { branch.left } else { branch.right }, left, known);
            }
            [branch.left, branch.right].map(|next| cover(next) / branch.cover * knowing(tree, next, left, known)).iter().sum()
        }
    }
}

#[test]
fn contributions_are_the_shapley_values_of_their_definition() {
    let mut chance = Chance(3);
    for (library, chain) in LIBRARIES.into_iter().zip([false, true]) {
        let kind = Kind { library, features: 10, trees: 2, leaves: if chain { 12 } else { 24 }, grid: 12, chain };
        let forest = forest(&kind, &mut chance);
        let explainer = Explainer::new(&forest).unwrap();
        for _ in 0..3 {
            let row: Vec<f64> = (0..kind.features).map(|_| value(&kind, &mut chance)).collect();
            let left: Vec<Vec<bool>> = forest.trees().iter().map(|tree| goes_left(&forest, tree, &row)).collect();
            let answers = |known| forest.trees().iter().zip(&left).map(|(tree, left)| knowing(tree, tree.root(), left, known)).sum::<f64>();
            let known: Vec<f64> = (0..1 << kind.features).map(|known| forest.base() + answers(known)).collect();
            assert!((known[0] - explainer.base()).abs() < 1e-12);
            let factorial = |number: u32| (1..=number).map(f64::from).product::<f64>();
            for (feature, found) in explainer.contributions(&row).unwrap().into_iter().enumerate() {
                let features = kind.features as u32;
                let due: f64 = (0..known.len())
                    .filter(|set| set >> feature & 1 == 0)
                    .map(|set| {
                        let size = set.count_ones();
                        factorial(size) * factorial(features - size - 1) / factorial(features) * (known[set | 1 << feature] - known[set])
                    })
                    .sum();
                assert!((found - due).abs() < 1e-12, "{library:?}, feature {feature}: {found} for {due}");
            }
        }
    }
}

#[test]
fn contributions_add_up_to_the_margin_on_paths_of_any_length_alone_and_together() {
    let mut chance = Chance(4);
    for (features, leaves, grid, chain) in [(12, 40, 30, false), (20, 21, 300, true), (80, 81, 30, true), (4, 1, 1, false)] {
        for library in LIBRARIES {
            let kind = Kind { library, features, trees: 2, leaves, grid, chain };
            let forest = forest(&kind, &mut chance);
            let explainer = Explainer::new(&forest).unwrap();
            let rows: Vec<f64> = (0..if features < 50 { 150 } else { 26 } * features).map(|_| value(&kind, &mut chance)).collect();
            let (mut together, mut alone) = (Vec::new(), Vec::new());
            explainer.explain(&rows, &mut together).unwrap();
            rows.chunks(features).for_each(|row| alone.extend(explainer.contributions(row).unwrap()));
            for ((row, together), alone) in rows.chunks(features).zip(together.chunks(features)).zip(alone.chunks(features)) {
                let sum = explainer.base() + together.iter().sum::<f64>();
                assert!((sum - plain(&forest, row)).abs() < 1e-6, "{library:?}, {leaves} leaves: {sum}");
                assert!(
                    together.iter().zip(alone).all(|(together, alone)| (together - alone).abs() < 1e-12),
                    "{library:?}, {leaves} leaves"
                );
            }
        }
    }
}
