//! Models that somebody broke: refused with a place and a sentence, never a panic, and whatever is still accepted
//! scores and explains without one.

use std::path::PathBuf;

use plimsoll_ai::tree::{Explainer, Forest, ModelError, Scorer};

fn text(file: &str) -> String {
    let folder = PathBuf::from(env!("CARGO_MANIFEST_DIR")).join("../../tests/models");
    std::fs::read_to_string(folder.join(file)).unwrap_or_else(|error| panic!("{file}: {error}"))
}

fn read(file: &str, text: &str) -> Result<Forest, ModelError> {
    if file.ends_with(".json") { Forest::from_xgboost(text) } else { Forest::from_lightgbm(text) }
}

/// A model of one tree in XGBoost's form: branch 0 with leaves 1 and 2.
const SMALL: &str = r#"{"learner": {"feature_names": ["a", "b"], "gradient_booster": {"model": {
    "gbtree_model_param": {"num_trees": "1"}, "tree_info": [0], "trees": [{
    "left_children": [1, -1, -1], "right_children": [2, -1, -1], "split_indices": [1, 0, 0],
    "split_conditions": [0.5, -0.25, 0.75], "default_left": [true, false, false], "sum_hessian": [4, 1, 3],
    "tree_param": {"num_nodes": "3", "size_leaf_vector": "0"}}]}, "name": "gbtree"},
    "learner_model_param": {"base_score": "5E-1", "num_class": "0", "num_feature": "2"},
    "objective": {"name": "binary:logistic"}}, "version": [1, 2, 0]}"#;

/// One tree in LightGBM's form.
const PLAIN: &str = "tree\nversion=v3\nnum_class=1\nnum_tree_per_iteration=1\nlabel_index=0\nmax_feature_idx=1\nobjective=binary sigmoid:1\n\
    feature_names=a b\nfeature_infos=[0:1] none\ntree_sizes=300\n\nTree=0\nnum_leaves=3\nnum_cat=0\nsplit_feature=0 1\nsplit_gain=1 1\n\
    threshold=0.5 inf\ndecision_type=2 8\nleft_child=1 -1\nright_child=-2 -3\nleaf_value=1 2 3\nleaf_weight=1 1 1\nleaf_count=4 5 6\n\
    internal_value=0 0\ninternal_weight=2 2\ninternal_count=15 10\nshrinkage=1\n\n\nend of trees\n";

#[test]
fn the_old_forms_are_read() {
    let forest = Forest::from_xgboost(SMALL).unwrap();
    let scorer = Scorer::new(&forest);
    // log-odds of a half are 0; missing goes left.
    assert_eq!(scorer.margin(&[0.0, 0.4]).unwrap(), -0.25);
    assert_eq!(scorer.margin(&[0.0, 0.5]).unwrap(), 0.75);
    assert_eq!(scorer.margin(&[0.0, f64::NAN]).unwrap(), -0.25);
    // base = (1 × -0.25 + 3 × 0.75) / 4, all of it from feature b.
    let explainer = Explainer::new(&forest).unwrap();
    assert_eq!((explainer.base(), explainer.contributions(&[0.0, 0.4]).unwrap()), (0.5, vec![0.0, -0.75]));
    let forest = Forest::from_lightgbm(PLAIN).unwrap();
    assert_eq!(Scorer::new(&forest).margin(&[0.0, f64::INFINITY]).unwrap(), 1.0);
    assert_eq!(Scorer::new(&forest).margin(&[0.0, f64::NAN]).unwrap(), 3.0);
}

#[test]
fn what_is_not_read_is_refused_by_name() {
    let xgboost = [
        ("\"binary:logistic\"", "\"reg:squarederror\"", "the objective is \"reg:squarederror\"; only \"binary:logistic\" is read"),
        ("\"name\": \"gbtree\"", "\"name\": \"dart\"", "the booster is \"dart\"; only \"gbtree\" is read"),
        ("\"name\": \"gbtree\"", "\"name\": \"gblinear\"", "the booster is \"gblinear\"; only \"gbtree\" is read"),
        ("\"num_class\": \"0\"", "\"num_class\": \"3\"", "the model has several outputs; only models with one are read"),
        ("\"num_class\": \"0\"", "\"num_target\": \"2\"", "the model has several outputs; only models with one are read"),
        (
            "\"size_leaf_vector\": \"0\"",
            "\"size_leaf_vector\": \"2\"",
            "tree 0: its leaves hold several values; only models with one output are read",
        ),
        ("\"5E-1\"", "\"[5E-1,2E-1]\"", "base_score: it is \"[5E-1,2E-1]\"; one probability between 0 and 1 is due"),
        ("\"5E-1\"", "\"1\"", "base_score: it is \"1\"; one probability between 0 and 1 is due"),
        ("[1, -1, -1]", "[1, 0, -1]", "tree 0, node 1: its child -1 is not among 3 nodes"),
        (
            "[1, -1, -1], \"right_children\": [2, -1",
            "[1, 0, -1], \"right_children\": [2, 2",
            "tree 0, node 0: it is the child of two nodes, or of itself",
        ),
        ("[1, -1, -1]", "[7, -1, -1]", "tree 0, node 0: its child 7 is not among 3 nodes"),
        ("[0.5, -0.25, 0.75]", "[0.5, -0.25]", "tree 0: \"split_conditions\" has 2 items for 3 nodes"),
        ("[0.5, -0.25, 0.75]", "[NaN, -0.25, 0.75]", "tree 0, node 0: its threshold is not a number"),
        ("[0.5, -0.25, 0.75]", "[0.5, Infinity, 0.75]", "tree 0, leaf 0: its value is inf"),
        ("\"sum_hessian\"", "\"sum_of_hessian\"", "tree 0: \"sum_hessian\" has 0 items for 3 nodes"),
        ("[4, 1, 3]", "[4, -1, 3]", "tree 0, leaf 0: cover -1 and weight -1; both must be finite and not below zero"),
        ("\"num_nodes\": \"3\"", "\"num_nodes\": \"99999999999\"", "tree 0: 3 left children; \"num_nodes\" says 99999999999"),
        ("\"num_feature\": \"2\"", "\"num_feature\": \"99999999\"", "99999999 features and 2 names of features; up to 16384 are read"),
        ("\"split_indices\": [1", "\"split_indices\": [2", "tree 0, branch 0: feature 2 of 2"),
        ("[0.5, -0.25, 0.75]", "[0.5, x]", "tree 0, byte 273: item 1 is \"x\", not a number"),
    ];
    for (from, to, sentence) in xgboost {
        assert!(SMALL.contains(from), "{from}");
        assert_eq!(Forest::from_xgboost(&SMALL.replacen(from, to, 1)).map(drop).unwrap_err().to_string(), sentence);
    }
    let lightgbm = [
        ("objective=binary sigmoid:1", "objective=regression", "the objective is \"regression\"; only \"binary\" is read"),
        ("num_class=1", "num_class=3", "the model has several outputs; only models with one are read"),
        ("version=v3", "version=v9", "version \"v9\" of the format; v2, v3 and v4 are read"),
        ("label_index=0", "average_output", "a random forest that averages its trees; only gbdt is read"),
        ("shrinkage=1", "is_linear=1", "tree 0: linear trees are not read"),
        ("end of trees\n", "end of trees\n\nparameters:\n[boosting: dart]\n", "[boosting: dart]: only gbdt is read"),
        ("end of trees", "", "the text is cut off: \"end of trees\" is not there"),
        ("tree_sizes=300", "tree_sizes=300 300", "1 trees are there, but \"tree_sizes\" has another number of items"),
        ("Tree=0", "Tree=1", "\"Tree=1\" where tree 0 is due; up to 20000 are read"),
        ("left_child=1 -1", "left_child=0 -1", "tree 0, branch 0: it is the child of two branches, or of itself"),
        ("left_child=1 -1", "left_child=1 -4", "tree 0, branch 1: its child -4 is not there"),
        ("left_child=1 -1", "left_child=1 -2", "tree 0, leaf 1: it is the child of two branches, or of itself"),
        (
            "num_leaves=3",
            "num_leaves=99999999999",
            "tree 0: \"num_leaves\" is 99999999999; a tree has one at least, and all together 4000000 branches at most",
        ),
        ("num_leaves=3", "num_leaves=3000000", "tree 0: \"leaf_value\" has 3 items; 3000000 are due"),
        ("threshold=0.5 inf", "threshold=0.5 nan", "tree 0, branch 1: the threshold is not a number"),
        ("leaf_value=1 2 3", "leaf_value=1 2 inf", "tree 0, leaf 2: its value is inf"),
        ("decision_type=2 8", "decision_type=2 12", "tree 0, branch 1: its \"decision_type\" 12 is not known"),
        ("decision_type=2 8", "decision_type=2 1", "tree 0, branch 1: it asks for set inf of 0"),
        ("right_child", "wrong_child", "tree 0: \"right_child\" is missing"),
        ("split_feature=0 1", "split_feature=0 -1", "tree 0: \"split_feature\", item 1: \"-1\" cannot be read"),
        ("sigmoid:1", "sigmoid:0", "base 0 and sigmoid 0: both must be finite, the second above zero"),
        ("feature_names=a b", "feature_names=a a", "two features are called \"a\""),
    ];
    for (from, to, sentence) in lightgbm {
        assert!(PLAIN.contains(from), "{from}");
        assert_eq!(Forest::from_lightgbm(&PLAIN.replacen(from, to, 1)).map(drop).unwrap_err().to_string(), sentence);
    }
}

#[test]
fn a_model_without_weights_scores_and_is_not_explained() {
    let forest = Forest::from_xgboost(&SMALL.replace("[4, 1, 3]", "[0, 0, 0]")).unwrap();
    assert_eq!(Scorer::new(&forest).margin(&[0.0, 0.4]).unwrap(), -0.25);
    let sentence = "tree 0, branch 0: no training weight came through it, and explanations divide by it";
    assert_eq!(Explainer::new(&forest).map(drop).unwrap_err().to_string(), sentence);
}

#[test]
fn short_texts_cannot_ask_for_much_memory() {
    // Many branches that name one large set; a set that would take 128 kB for one code; brackets without end.
    let many = SMALL.replace(
        "\"tree_param\"",
        "\"categories_nodes\": [0], \"categories_segments\": [0], \"categories_sizes\": [1], \"categories\": [99999999], \"tree_param\"",
    );
    assert_eq!(Forest::from_xgboost(&many).map(drop).unwrap_err().to_string(), "tree 0, node 0: a category outside of 0 to 1048575");
    let outside = many.replace("\"categories_segments\": [0]", "\"categories_segments\": [9223372036854775807]");
    assert_eq!(
        Forest::from_xgboost(&outside).map(drop).unwrap_err().to_string(),
        "tree 0, node 0: its categories lie outside of \"categories\""
    );
    assert!(Forest::from_xgboost(&"{\"learner\":".repeat(100_000)).is_err());
    assert!(Forest::from_xgboost(&"[".repeat(100_000)).is_err());
    let twice = PLAIN
        .replace("decision_type=2 8", "decision_type=1 1")
        .replace("threshold=0.5 inf", "threshold=0 0")
        .replace("num_cat=0", "num_cat=1\ncat_boundaries=0 1\ncat_threshold=5");
    assert_eq!(Forest::from_lightgbm(&twice).map(drop).unwrap_err().to_string(), "tree 0, branch 1: set 0 belongs to another branch");
}

/// SplitMix64: the test's own chance.
struct Chance(u64);

impl Chance {
    fn below(&mut self, bound: usize) -> usize {
        self.0 = self.0.wrapping_add(0x9e37_79b9_7f4a_7c15);
        let mut mixed = self.0;
        mixed = (mixed ^ (mixed >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
        mixed = (mixed ^ (mixed >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
        ((mixed ^ (mixed >> 31)) % bound as u64) as usize
    }
}

#[test]
fn cut_off_at_any_byte_a_model_is_refused() {
    for small in [SMALL, PLAIN] {
        let file = if small == SMALL { "small.json" } else { "plain.txt" };
        for long in 0..small.trim_end().len() {
            assert!(read(file, &small[..long]).is_err(), "{file} cut to {long} bytes");
        }
    }
}

#[test]
fn twisted_bytes_are_refused_or_read_and_never_panic() {
    let twists = if cfg!(debug_assertions) { 1_500 } else { 20_000 };
    let mut chance = Chance(7);
    let mut accepted = 0;
    for file in ["xgb-sets.json", "lgb-sets.txt", "small.json", "plain.txt"] {
        let good = match file {
            "small.json" => SMALL.to_owned(),
            "plain.txt" => PLAIN.to_owned(),
            file => text(file),
        };
        for _ in 0..twists {
            let mut bytes = good.clone().into_bytes();
            for _ in 0..=chance.below(3) {
                let at = chance.below(bytes.len());
                match chance.below(5) {
                    0 => bytes[at] = b"0123456789-.,:[]{}\"= \nein"[chance.below(24)],
                    1 => drop(bytes.remove(at)),
                    2 => bytes.insert(at, b"0123456789-.,[]\" "[chance.below(17)]),
                    3 => bytes.truncate(at.max(1)),
                    _ => {
                        let from = chance.below(bytes.len());
                        let long = chance.below(40).min(bytes.len() - at.max(from));
                        bytes.copy_within(from..from + long, at);
                    }
                }
            }
            let Ok(twisted) = String::from_utf8(bytes) else { continue };
            match read(file, &twisted) {
                Err(error) => assert!(!error.to_string().is_empty()),
                Ok(forest) => {
                    accepted += 1;
                    let row = vec![0.5; forest.features().len()];
                    let margin = Scorer::new(&forest).margin(&row).unwrap();
                    let mut together = Vec::new();
                    Scorer::new(&forest).margins(&row, &mut together).unwrap();
                    assert_eq!((together.len(), together[0].to_bits()), (1, margin.to_bits()));
                    assert!(Explainer::new(&forest).is_err() || Explainer::new(&forest).unwrap().contributions(&row).is_ok());
                }
            }
        }
    }
    assert!(accepted > 100, "{accepted}: nothing that is accepted is tested");
}
