//! Figures of quality and of drift against those that scikit-learn and SciPy gave for the same data.
//!
//! The data are not part of this repository: the test runs where `PLIMSOLL_RETENTION_VECTORS` names their folder.

#![expect(clippy::unwrap_used, reason = "a test may panic")]

use std::{fs, path::PathBuf};

use plimsoll_ai::measure::{Scored, count, sample};
use serde_json::Value;

fn folder() -> Option<PathBuf> {
    let folder = std::env::var_os("PLIMSOLL_RETENTION_VECTORS").map(PathBuf::from);
    if folder.is_none() {
        eprintln!("not run: PLIMSOLL_RETENTION_VECTORS does not name the folder of the vectors");
    }
    folder
}

/// The columns of a file of numbers under a line of names; an empty field is NaN.
fn columns(text: &str) -> impl Fn(&str) -> Vec<f64> {
    let mut lines = text.lines().map(|line| line.split(',').map(str::to_owned).collect::<Vec<_>>());
    let names = lines.next().unwrap_or_default();
    let rows: Vec<Vec<String>> = lines.collect();
    move |name| {
        let at = names.iter().position(|n| n == name).unwrap();
        rows.iter().map(|row| row[at].parse().unwrap_or(f64::NAN)).collect()
    }
}

#[track_caller]
fn near(value: f64, expected: &Value, tolerance: f64) {
    let expected = expected.as_f64().unwrap();
    assert!((value - expected).abs() <= tolerance, "{value} is not {expected}");
}

#[test]
fn the_figures_are_those_of_the_published_packages() {
    let Some(folder) = folder() else { return };
    let read = |name: &str| fs::read_to_string(folder.join(name)).unwrap();
    let (rows, scores) = (read("rows.csv"), read("expected_pred.csv"));
    let (row, score) = (columns(&rows), columns(&scores));
    let expected: Value = serde_json::from_str(&read("expected_stats.json")).unwrap();

    let outcomes: Vec<bool> = row("y")[..996].iter().map(|y| *y == 1.0).collect();
    for (model, column) in [("lgb", "lgb_prob_f64"), ("xgb", "xgb_prob_f32")] {
        let (s, e) = (Scored::new(score(column)[..996].to_vec(), outcomes.clone()).unwrap(), &expected[model]);
        near(s.auc().unwrap(), &e["auc"], 1e-12);
        near(s.average_precision().unwrap(), &e["ap"], 1e-12);
        near(s.brier().unwrap(), &e["brier"], 1e-9);
        near(s.log_loss().unwrap(), &e["logloss"], 1e-9);
        let c = s.confusion(0.5);
        let counts = [c.true_negatives, c.false_positives, c.false_negatives, c.true_positives];
        assert_eq!(counts.map(Some), ["tn", "fp", "fn", "tp"].map(|name| e[name].as_u64()));
        near(c.precision().unwrap(), &e["precision"], 1e-15);
        near(c.recall().unwrap(), &e["recall"], 1e-15);
        near(c.f1().unwrap(), &e["f1"], 1e-15);
    }

    let refills: Vec<f64> = row("days_since_last_refill").into_iter().filter(|d| !d.is_nan()).collect();
    let a = &refills[..400];
    let b: Vec<f64> = refills[400..900].iter().map(|d| d * 1.15).collect();
    let (counted, many) = (sample::ks(a, &b).unwrap(), sample::ks_many(a, &b).unwrap());
    near(counted.statistic, &expected["ks"]["stat"], 1e-12);
    near(counted.p, &expected["ks"]["p_auto"], 1e-9);
    near(many.p, &expected["ks"]["p_asymp"], 1e-9);
    near(sample::wasserstein(a, &b).unwrap(), &expected["wasserstein"]["val"], 1e-9);
    let welch = sample::welch(a, &b).unwrap();
    near(welch.statistic, &expected["welch"]["t"], 1e-9);
    near(welch.p, &expected["welch"]["p"], 1e-9);
    let ranks = sample::mann_whitney(a, &b).unwrap();
    near(ranks.statistic, &expected["mann_whitney"]["u"], 0.0);
    near(ranks.p, &expected["mann_whitney"]["p"], 1e-9);

    let table = count::chi_square(&[&[50, 80], &[30, 10], &[20, 40]]).unwrap();
    near(table.statistic, &expected["chi2"]["stat"], 1e-9);
    near(table.p, &expected["chi2"]["p"], 1e-12);
    assert_eq!(Some(table.freedom as u64), expected["chi2"]["dof"].as_u64());
    let (p, q) = ([0.1, 0.2, 0.3, 0.4], [0.25; 4]);
    near(count::psi(&p, &q).unwrap(), &expected["psi"]["psi"], 1e-12);
    near(count::jensen_shannon(&p, &q).unwrap(), &expected["psi"]["js_distance_base2"], 1e-12);
    near(count::total_variation(&p, &q).unwrap(), &expected["psi"]["tvd"], 1e-12);
    let shares = count::two_shares(132, 1000, 98, 1000).unwrap();
    near(shares.statistic, &expected["two_prop_z"]["z"], 1e-9);
    near(shares.p, &expected["two_prop_z"]["p"], 1e-12);
}
