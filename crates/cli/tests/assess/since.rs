//! Beside an earlier report: only what is new is shown, and only what is new fails.

use serde_json::Value;

use crate::{
    project::{Project, row},
    samples,
};

#[test]
fn against_itself_nothing_is_new_even_where_lines_moved() {
    let project = Project::of(samples::PYTHON.1);
    let earlier = project.beside("earlier.json", &project.assess(&["--json"]).expect(0).stdout);
    let (path, text) = samples::PYTHON.1[1];
    project.write(path, format!("# one\n# two\n# three\n{text}"));
    let report = project.report(&["--baseline", &earlier]);
    let baseline = &report["repository"]["baseline"];
    assert_eq!((baseline["new"].as_u64(), baseline["fixed"].as_u64()), (Some(0), Some(0)), "{baseline}");
    assert!(baseline["known"].as_u64().unwrap() > 10, "{baseline}");
    project.assess(&["--baseline", &earlier, "--new-only", "--fail-on", "low:new"]).expect(0);
    project.assess(&["--baseline", &earlier, "--fail-on", "critical"]).expect(1);
}

#[test]
fn what_was_lost_since_is_new_and_fails() {
    let project = Project::of(samples::PYTHON.1);
    let earlier = project.beside("earlier.json", &project.assess(&["--json"]).expect(0).stdout);
    let (path, text) = samples::PYTHON.1[1];
    project.write(path, text.replace("app.add_middleware(SlowAPIMiddleware)\n", ""));
    let output = project.assess(&["--baseline", &earlier, "--new-only", "--fail-on", "critical:new", "--json"]).expect(1);
    let report: Value = output.json();
    let gaps = row(&report, "rate-limit")["looked"]["gaps"].as_array().unwrap();
    assert!(gaps.iter().any(|gap| gap["new"] == true), "{gaps:?}");
    assert_eq!(report["gate"]["failed_by"], serde_json::json!(["rate-limit"]));
    let shown = project.assess(&["--baseline", &earlier, "--new-only", "--format", "sarif"]).expect(0).json();
    let rules: Vec<&str> = shown["runs"][0]["results"].as_array().unwrap().iter().filter_map(|result| result["ruleId"].as_str()).collect();
    assert!(!rules.is_empty() && rules.iter().all(|rule| rule.starts_with("rate-limit")), "{rules:?}");
}

#[test]
fn only_a_report_on_a_repository_that_adds_up_is_a_baseline() {
    let project = Project::of(samples::GO.1);
    let mut report = project.report(&[]);
    report["score"]["percent"] = serde_json::json!(99.9);
    let forged = project.beside("forged.json", &report.to_string());
    let refused = project.assess(&["--baseline", &forged]).expect(2);
    assert!(refused.stderr.contains("do not follow"), "{refused}");
    let other = project.beside("other.json", "{}");
    project.assess(&["--baseline", &other]).expect(2);
}
