//! This repository, assessed by its own program.

use std::{
    fmt::Write,
    fs,
    path::{Path, PathBuf},
    time::Duration,
};

use plimsoll_testkit::{both, process::Plimsoll};
use serde_json::Value;

fn repository() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("../..").canonicalize().unwrap()
}

/// The report on the files as they are.
fn report() -> Value {
    let plimsoll = Plimsoll::at(env!("CARGO_BIN_EXE_plimsoll"));
    let cache = plimsoll.directory().join("cache");
    let plimsoll = plimsoll.env("XDG_CACHE_HOME", cache).within(Duration::from_secs(600));
    let root = repository().display().to_string();
    let mut output = None;
    both::run(async { output = Some(plimsoll.run(["assess", &root, "--json"]).await) });
    output.unwrap().expect(0).json()
}

fn rows(report: &Value) -> impl Iterator<Item = &Value> {
    report["practices"].as_array().unwrap().iter()
}

/// A gap that nobody accepted.
fn open(row: &Value) -> bool {
    row["looked"]["gaps"].as_array().unwrap().iter().any(|gap| gap["waived"].is_null())
}

/// Critical by its own statement.
fn critical(row: &Value) -> bool {
    row["priority"] == "critical" && row["basis"] == "item"
}

/// Missing, or there and broken.
fn gap(row: &Value) -> bool {
    row["status"] == "missing" || (row["status"] == "partial" && row["looked"]["partial"] == "broken")
}

fn page(report: &Value) -> String {
    let count = |status: &str| rows(report).filter(|row| row["status"] == status).count();
    let mut out = "# Self-assessment\n\n<!-- Made by assessing this repository; a test compares this page with it. -->\n\n".to_owned();
    let waived: Vec<&Value> = rows(report).filter(|row| critical(row) && gap(row)).collect();
    let _ = writeln!(
        out,
        "What `plimsoll assess .` says of this repository, by its files alone: {} practices implemented, {} partial, {} missing, {} unknown, \
         {} not applicable; score {} %; critical gaps that nobody answers for: {}.\n",
        count("implemented"),
        count("partial"),
        count("missing"),
        count("unknown"),
        count("not-applicable"),
        report["score"]["percent"],
        waived.iter().filter(|row| open(row)).count(),
    );
    out.push_str("A waiver changes no status and no score. Critical gaps that are waived, with their reasons:\n\n");
    for row in waived.iter().filter(|row| !open(row)) {
        let gap = &row["looked"]["gaps"][0]["waived"];
        let _ = writeln!(
            out,
            "- `{}`: {} (until {})",
            row["id"].as_str().unwrap(),
            gap["reason"].as_str().unwrap(),
            gap["expires"].as_str().unwrap()
        );
    }
    out.push_str("\n| Category | Score | Implemented | Partial | Missing | Unknown |\n|---|---|---|---|---|---|\n");
    for category in report["categories"].as_array().unwrap() {
        let counts = &category["counts"];
        let score = category["percent"].as_f64().map_or_else(|| "n/a".to_owned(), |percent| format!("{percent} %"));
        let _ = writeln!(
            out,
            "| {} | {score} | {} | {} | {} | {} |",
            category["category"].as_str().unwrap(),
            counts["implemented"],
            counts["partial"],
            counts["missing"],
            counts["unknown"]
        );
    }
    out
}

#[test]
fn no_critical_gap_is_left_unanswered_and_the_published_figure_is_the_one_that_comes_out() {
    let report = report();
    assert_eq!(report["repository"]["incomplete"], false, "{:?}", report["repository"]["skipped"]);
    let gaps: Vec<String> = rows(&report)
        .filter(|row| critical(row) && gap(row) && open(row))
        .map(|row| format!("{}: {} {}", row["id"], row["why"], row["looked"]["gaps"][0]["place"]))
        .collect();
    assert!(gaps.is_empty(), "{}", gaps.join("\n"));
    for waiver in report["repository"]["waivers"].as_array().unwrap() {
        // Comments in the texts of tests and documents look like waivers.
        assert!(
            waiver["inline"] == true || waiver["covers"] != 0,
            "nothing is left of the gap of {}: remove its waiver",
            waiver["practice"]
        );
    }
    let (path, made) = (repository().join("docs/reference/self-assessment.md"), page(&report));
    if std::env::var_os("PLIMSOLL_TEST_WRITE").is_some() {
        fs::write(&path, &made).unwrap();
    }
    let kept = fs::read_to_string(&path).unwrap_or_default();
    let differs = kept.lines().zip(made.lines()).find(|(kept, made)| kept != made);
    assert!(
        kept == made,
        "docs/reference/self-assessment.md is not what comes out (first difference: {differs:?}); `just generate` writes it"
    );
}
