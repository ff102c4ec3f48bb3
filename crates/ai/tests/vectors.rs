//! The shared vectors: large models, a thousand rows, and every answer of the libraries. They are not part of this
//! repository; `PLIMSOLL_RETENTION_VECTORS` names their folder.
#![expect(clippy::disallowed_methods, reason = "the vectors lie outside of the repository; only the environment can say where")]

use std::path::PathBuf;

use plimsoll_ai::tree::{Explainer, Forest, Scorer};

/// A table with a head, empty cells as NaN.
struct Table {
    head: Vec<String>,
    rows: Vec<Vec<f64>>,
}

impl Table {
    fn columns(&self, wanted: impl Fn(&str) -> bool) -> Vec<Vec<f64>> {
        let pick = |row: &Vec<f64>| self.head.iter().zip(row).filter(|(name, _)| wanted(name)).map(|(_, value)| *value).collect();
        self.rows.iter().map(pick).collect()
    }

    fn column(&self, name: &str) -> Vec<f64> {
        self.columns(|other| other == name).into_iter().flatten().collect()
    }
}

struct Vectors(PathBuf);

impl Vectors {
    fn find() -> Option<Self> {
        let folder = std::env::var("PLIMSOLL_RETENTION_VECTORS").ok().map(PathBuf::from);
        if folder.is_none() {
            eprintln!("PLIMSOLL_RETENTION_VECTORS names no folder: the shared vectors were not checked");
        }
        folder.map(Self)
    }

    fn text(&self, file: &str) -> String {
        std::fs::read_to_string(self.0.join(file)).unwrap_or_else(|error| panic!("{file}: {error}"))
    }

    fn table(&self, file: &str) -> Table {
        let text = self.text(file);
        let mut lines = text.lines();
        let head = lines.next().expect("a head").split(',').map(str::to_owned).collect();
        let cell = |cell: &str| if cell.is_empty() { f64::NAN } else { cell.parse().expect("a figure") };
        Table { head, rows: lines.map(|line| line.split(',').map(cell).collect()).collect() }
    }

    /// Rows as wide as the forest; the cells are f32.
    fn rows(&self, forest: &Forest, file: &str) -> Vec<Vec<f64>> {
        let table = self.table(file);
        let skip = table.head.iter().position(|name| *name == forest.features()[0].name).expect("the columns of the model");
        table
            .rows
            .iter()
            .map(|row| row[skip..skip + forest.features().len()].iter().map(|cell| f64::from(*cell as f32)).collect())
            .collect()
    }
}

fn bits_agree(forest: &Forest, rows: &[Vec<f64>], due: &[f64]) {
    let scorer = Scorer::new(forest);
    let mut margins = Vec::new();
    scorer.margins(&rows.concat(), &mut margins).expect("whole rows");
    let apart = |found: &dyn Fn(usize) -> f64| (0..due.len()).filter(|row| found(*row).to_bits() != due[*row].to_bits()).count();
    assert_eq!(rows.len(), 1000);
    assert_eq!(
        (apart(&|row| margins[row]), apart(&|row| scorer.margin(&rows[row]).expect("a whole row"))),
        (0, 0),
        "rows together, rows alone"
    );
}

fn shares_agree(forest: &Forest, rows: &[Vec<f64>], due: &[Vec<f64>], near: f64) {
    let explainer = Explainer::new(forest).expect("weights");
    let mut found = Vec::new();
    explainer.explain(&rows.concat(), &mut found).expect("whole rows");
    let mut furthest = 0.0_f64;
    for (found, due) in found.chunks(forest.features().len()).zip(due) {
        let found = found.iter().chain([explainer.base()].iter()).copied().collect::<Vec<_>>();
        assert_eq!(found.len(), due.len());
        furthest = found.iter().zip(due).map(|(found, due)| (found - due).abs()).fold(furthest, f64::max);
    }
    eprintln!("contributions differ by {furthest:e} at most");
    assert!(furthest <= near, "{furthest:e}");
}

#[test]
fn the_model_of_xgboost_is_scored_to_the_last_bit_and_explained() {
    let Some(vectors) = Vectors::find() else { return };
    let forest = Forest::from_xgboost(&vectors.text("xgb_v1_300x6.json")).unwrap();
    let rows = vectors.rows(&forest, "rows.csv");
    let said = vectors.table("expected_pred.csv");
    let margins = said.column("xgb_margin_f32");
    bits_agree(&forest, &rows, &margins);
    for (margin, probability) in margins.iter().zip(said.column("xgb_prob_f32")) {
        assert!((forest.probability(*margin) - probability).abs() <= 1.2e-7);
    }
    for (row, leaves) in rows.iter().zip(vectors.table("expected_leaf_first10.csv").columns(|name| name.starts_with("xgb"))) {
        assert!(forest.leaves(row).unwrap().iter().zip(leaves).all(|(found, due)| f64::from(*found) == due));
    }
    shares_agree(&forest, &rows, &vectors.table("expected_shap_xgb.csv").rows, 5e-6);
}

#[test]
fn the_model_of_lightgbm_is_scored_to_the_last_bit_and_explained() {
    let Some(vectors) = Vectors::find() else { return };
    let forest = Forest::from_lightgbm(&vectors.text("lgb_v2_300x31.txt")).unwrap();
    let rows = vectors.rows(&forest, "rows.csv");
    let said = vectors.table("expected_pred.csv");
    let margins = said.column("lgb_raw_f64");
    bits_agree(&forest, &rows, &margins);
    for (margin, probability) in margins.iter().zip(said.column("lgb_prob_f64")) {
        assert!((forest.probability(*margin) - probability).abs() <= 1e-15);
    }
    for (row, leaves) in rows.iter().zip(vectors.table("expected_leaf_first10.csv").columns(|name| name.starts_with("lgb"))) {
        assert!(forest.leaves(row).unwrap().iter().zip(leaves).all(|(found, due)| f64::from(*found) == due));
    }
    // The file has ten digits.
    shares_agree(&forest, &rows, &vectors.table("expected_shap_lgb.csv").rows, 1e-8);
}

#[test]
fn models_with_categories_are_scored_and_explained() {
    let Some(vectors) = Vectors::find() else { return };
    let said = vectors.table("expected_cat.csv");
    let shares = |library: &str| said.columns(|name| name.starts_with(&format!("{library}_shap_")));
    let forest = Forest::from_xgboost(&vectors.text("xgb_cat_20x5.json")).unwrap();
    let rows = vectors.rows(&forest, "rows_cat.csv");
    // The file has nine digits: all of a f32, not all of a f64.
    let due: Vec<f64> = said.column("xgb_margin").iter().map(|margin| f64::from(*margin as f32)).collect();
    bits_agree(&forest, &rows, &due);
    shares_agree(&forest, &rows, &shares("xgb"), 5e-6);
    let forest = Forest::from_lightgbm(&vectors.text("lgb_cat_20x15.txt")).unwrap();
    let mut margins = Vec::new();
    Scorer::new(&forest).margins(&rows.concat(), &mut margins).unwrap();
    let furthest = margins.iter().zip(said.column("lgb_raw")).map(|(found, due)| (found - due).abs() / due.abs()).fold(0.0, f64::max);
    assert!(furthest < 5.1e-9, "{furthest:e}");
    shares_agree(&forest, &rows, &shares("lgb"), 1e-8);
}
