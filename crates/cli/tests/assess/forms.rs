//! Every form of the report.

use std::fs;

use serde_json::Value;

use crate::{project::Project, samples};

#[test]
fn every_form_is_printed_and_is_what_it_says() {
    let project = Project::of(samples::PYTHON.1);
    let of = |form: &str| project.assess(&["--format", form]).expect(0).stdout;
    assert!(of("text").contains("Not ready"), "{}", of("text"));
    let json: Value = serde_json::from_str(&of("json")).unwrap();
    assert_eq!((json["schema"].as_str(), json["header"]["target"]["kind"].as_str()), (Some("plimsoll.report/1"), Some("repository")));
    let sarif: Value = serde_json::from_str(&of("sarif")).unwrap();
    let results = sarif["runs"][0]["results"].as_array().unwrap();
    assert!(sarif["version"] == "2.1.0" && results.len() > 5, "{sarif}");
    assert!(results.iter().all(|result| result["partialFingerprints"].as_object().is_some_and(|prints| !prints.is_empty())));
    let markdown = of("markdown");
    assert!(markdown.starts_with('#') && markdown.contains("app/main.py"), "{markdown}");
    let html = of("html");
    assert!(html.starts_with("<!DOCTYPE html>") && !html.contains("src=\"http"), "{html}");
    assert!(of("junit").contains("<testsuite"));
    assert!(of("badge").contains("<svg"));
}

#[test]
fn several_forms_go_into_a_folder() {
    let project = Project::of(samples::RUST.1);
    let out = project.plimsoll.directory().join("reports");
    let forms = ["text", "json", "markdown", "html", "sarif", "junit", "badge"];
    let mut words = vec!["--out", out.to_str().unwrap()];
    words.extend(forms.iter().flat_map(|form| ["--format", form]));
    let output = project.assess(&words).expect(0);
    assert!(output.stdout.contains("Not ready"), "what was found is printed as well: {output}");
    assert_eq!(fs::read_dir(&out).unwrap().count(), forms.len());
    let kept: Value = serde_json::from_str(&fs::read_to_string(out.join("assessment.json")).unwrap()).unwrap();
    assert_eq!(kept["practices"].as_array().unwrap().len(), 251);
}

#[test]
fn every_shape_of_a_review_has_text_of_its_own() {
    let project = Project::of(samples::SCRIPT.1);
    let mut seen = std::collections::BTreeSet::new();
    for shape in ["review", "assessment", "enterprise", "checklist", "todo"] {
        let text = project.assess(&["--format", "markdown", "--template", shape]).expect(0).stdout;
        assert!(text.len() > 1_000, "{shape}: {text}");
        assert!(seen.insert(text), "{shape} is like another");
        assert!(project.assess(&["--format", "html", "--template", shape]).expect(0).stdout.starts_with("<!DOCTYPE html>"), "{shape}");
    }
}

#[test]
fn facts_are_printed_as_detectors_see_them() {
    let project = Project::of(samples::PYTHON.1);
    let text = project.run(&["assess", "facts", "shop", "--kind", "middleware"]).expect(0).stdout;
    assert_eq!(text.lines().count(), 2, "{text}");
    let line = text.lines().next().unwrap();
    assert!(line.starts_with("app/main.py:19 middleware slowapi.middleware.SlowAPIMiddleware") && line.contains("reach=live"), "{line}");
    let only = project.run(&["assess", "facts", "shop", "--kind", "def", "--file", "auth"]).expect(0).stdout;
    assert!(only.lines().count() == 1 && only.contains("app.auth.current_user"), "{only}");
    let wrong = project.run(&["assess", "facts", "shop", "--kind", "wish"]).expect(2);
    assert!(wrong.stderr.contains("no kind `wish`") && wrong.stderr.contains("middleware"), "{wrong}");
}

#[test]
fn one_practice_is_explained_by_rule_facts_and_arithmetic() {
    let project = Project::of(samples::PYTHON.1);
    let text = project.assess(&["--explain", "rate-limit"]).expect(0).stdout;
    for part in ["rate-limit: ", "implemented", "signal ", "app/main.py:19", "Arithmetic", "weight ", "SlowAPIMiddleware"] {
        assert!(text.contains(part), "no {part} in\n{text}");
    }
    let wrong = project.assess(&["--explain", "rate-limits"]).expect(2);
    assert!(wrong.stderr.contains("did you mean `rate-limit`"), "{wrong}");
    project.assess(&["--explain", "rate-limit", "--format", "html"]).expect(2);
}
