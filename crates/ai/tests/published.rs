//! Models that the published XGBoost and LightGBM trained (`tests/models/make.py`), against their own answers.

use std::path::PathBuf;

use plimsoll_ai::tree::{Explainer, Forest, Library, Scorer};
use serde::Deserialize;

/// What the library said of every row.
#[derive(Deserialize)]
struct Answers {
    rows: Vec<Vec<Option<f64>>>,
    margins: Vec<f64>,
    probabilities: Vec<f64>,
    leaves: Vec<Vec<u32>>,
    /// Of the last rows; the base value comes last.
    contributions: Vec<Vec<f64>>,
}

fn case(name: &str) -> (Forest, Answers) {
    let folder = PathBuf::from(env!("CARGO_MANIFEST_DIR")).join("../../tests/models");
    let read = |file: String| std::fs::read_to_string(folder.join(&file)).unwrap_or_else(|error| panic!("{file}: {error}"));
    let forest = match name.starts_with("xgb") {
        true => Forest::from_xgboost(&read(format!("{name}.json"))),
        false => Forest::from_lightgbm(&read(format!("{name}.txt"))),
    };
    (
        forest.unwrap_or_else(|error| panic!("{name}: {error}")),
        serde_json::from_str(&read(format!("{name}.answers.json"))).expect("answers"),
    )
}

const CASES: [&str; 8] =
    ["xgb-depth4", "xgb-sets", "xgb-onehot", "lgb-leaves15", "lgb-sets", "lgb-zero-missing", "lgb-no-missing", "lgb-deep"];

fn rows(answers: &Answers) -> Vec<Vec<f64>> {
    answers.rows.iter().map(|row| row.iter().map(|value| value.unwrap_or(f64::NAN)).collect()).collect()
}

#[test]
fn margins_are_those_of_the_library_to_the_last_bit_one_by_one_and_together() {
    for name in CASES {
        let (forest, answers) = case(name);
        let scorer = Scorer::new(&forest);
        let rows = rows(&answers);
        for (number, row) in rows.iter().enumerate() {
            assert_eq!(scorer.margin(row).unwrap().to_bits(), answers.margins[number].to_bits(), "{name}, row {number}");
        }
        // More rows than a block holds, and not a whole number of blocks.
        let many: Vec<f64> = rows.iter().cycle().take(7 * rows.len()).flatten().copied().collect();
        let mut margins = Vec::new();
        scorer.margins(&many, &mut margins).unwrap();
        let due: Vec<f64> = answers.margins.repeat(7);
        assert_eq!(margins, due, "{name}");
        let singles: Vec<f32> = many.iter().map(|value| *value as f32).collect();
        margins.clear();
        scorer.margins(&singles, &mut margins).unwrap();
        assert_eq!(margins, due, "{name}, as f32");
    }
}

#[test]
fn probabilities_and_leaves_are_those_of_the_library() {
    for name in CASES {
        let (forest, answers) = case(name);
        let near = if forest.library() == Library::XgBoost { 1.2e-7 } else { 1e-15 };
        for (number, row) in rows(&answers).iter().enumerate() {
            let probability = forest.probability(answers.margins[number]);
            assert!((probability - answers.probabilities[number]).abs() <= near, "{name}, row {number}: {probability}");
            assert_eq!(forest.leaves(row).unwrap(), answers.leaves[number], "{name}, row {number}");
        }
    }
}

#[test]
fn contributions_are_those_of_the_library_and_add_up_to_the_margin() {
    for name in CASES {
        let (forest, answers) = case(name);
        let explainer = Explainer::new(&forest).unwrap();
        let scorer = Scorer::new(&forest);
        let near = if forest.library() == Library::XgBoost { 5e-6 } else { 1e-9 };
        let rows = rows(&answers);
        for (row, due) in rows[rows.len() - answers.contributions.len()..].iter().zip(&answers.contributions) {
            let mut found = explainer.contributions(row).unwrap();
            let sum = found.iter().sum::<f64>() + explainer.base();
            assert!((sum - scorer.margin(row).unwrap()).abs() < near, "{name}: {sum}");
            found.push(explainer.base());
            let furthest = found.iter().zip(due).map(|(found, due)| (found - due).abs()).fold(0.0, f64::max);
            assert!(found.len() == due.len() && furthest < near, "{name}: {furthest:e}");
        }
        // Together they are blocks and a rest: the same figures but for the order of sums.
        let many: Vec<f64> = rows.iter().cycle().take(150).flatten().copied().collect();
        let (mut together, mut alone) = (Vec::new(), Vec::new());
        explainer.explain(&many, &mut together).unwrap();
        many.chunks(rows[0].len()).for_each(|row| alone.extend(explainer.contributions(row).unwrap()));
        assert_eq!(together.len(), alone.len());
        assert!(together.iter().zip(&alone).all(|(together, alone)| (together - alone).abs() < 1e-12), "{name}");
    }
}

#[test]
fn values_that_are_not_whole_rows_are_refused() {
    let (forest, _) = case("lgb-deep");
    let sentence = "rows: 3 values, and the model reads 7";
    assert_eq!(Scorer::new(&forest).margin(&[0.0; 3]).unwrap_err().to_string(), sentence);
    assert!(Scorer::new(&forest).margins(&[0.0; 8], &mut Vec::new()).unwrap_err().to_string().contains("8 values"));
    assert_eq!(Explainer::new(&forest).unwrap().contributions(&[0.0; 3]).unwrap_err().to_string(), sentence);
    assert!(forest.leaves(&[0.0; 3]).is_err() && forest.leaves(&[0.0; 14]).is_err());
}
