//! The forms of a report on a repository.

use serde_json::Value;

use super::{
    Look, Report, Template, badge, explain,
    forms_tests::{fits, outside_of_fences, tags},
    html, html_as, html_since, json, junit,
    looked_tests::{Given, live, waiver},
    markdown, markdown_as, markdown_since, sarif, text,
};
use crate::{Status, detect::Sight};

fn every(report: &Report) -> Vec<(String, String)> {
    let look = |verbose| Look { verbose, coloured: false };
    let mut forms = vec![
        ("text".to_owned(), text(report, look(false))),
        ("verbose".to_owned(), text(report, look(true))),
        ("json".to_owned(), json(report)),
        ("markdown".to_owned(), markdown(report)),
        ("html".to_owned(), html(report)),
        ("sarif".to_owned(), sarif(report)),
        ("junit".to_owned(), junit(report)),
        ("badge".to_owned(), badge(report)),
        ("html since".to_owned(), html_since(report, report)),
        ("markdown since".to_owned(), markdown_since(report, report)),
    ];
    for template in Template::ALL {
        forms.push((format!("markdown {}", template.name()), markdown_as(report, template)));
        forms.push((format!("html {}", template.name()), html_as(report, template)));
    }
    forms
}

/// Everything that comes from the repository, hostile at once.
fn hostile() -> Report {
    const NASTY: &str = "</script><script>alert(1)</script> | `x` ```` \u{1b}[2J ]]> \u{202e}gnp.exe & \"quoted\" 'single'\n# heading\n<b>@team https://x.test";
    let mut given = Given { live: Some(live()), waivers: waiver("rbac", "2027-01-01"), ..Given::default() };
    for one in &mut given.assessment.practices {
        let nasty = |sight: &mut Sight| {
            (sight.file, sight.symbol, sight.snippet, sight.note) =
                (format!("{}{NASTY}", sight.file), NASTY.into(), NASTY.into(), NASTY.into());
        };
        one.why = NASTY.into();
        one.fix = Some(NASTY.into());
        one.searched = vec![NASTY.into()];
        one.services = vec![(NASTY.into(), Status::Missing)];
        one.evidence.iter_mut().chain(&mut one.gaps).chain(&mut one.anchor).for_each(nasty);
    }
    let service = &mut given.assessment.services[0];
    (service.name, service.entries) = (NASTY.into(), vec![NASTY.into()]);
    service.framework = Some(NASTY.into());
    given.assessment.skipped = vec![NASTY.into()];
    given.report()
}

#[test]
fn the_same_inspection_gives_the_same_bytes_whatever_the_order_of_its_parts() {
    let given = Given { live: Some(live()), waivers: waiver("rbac", "2027-01-01"), ..Given::default() };
    let mut turned = Given { live: Some(live()), waivers: waiver("rbac", "2027-01-01"), ..Given::default() };
    turned.pages.reverse();
    turned.assessment.practices.reverse();
    let before = every(&given.report());
    for _ in 0..20 {
        assert_eq!(before, every(&turned.report()));
    }
    let mut other = given.report();
    other.header.time = plimsoll_core::Time::parse("2027-01-01T00:00:00Z").unwrap();
    for ((form, before), (_, after)) in before.into_iter().zip(every(&other)) {
        assert_eq!(before, after.replace("2027-01-01T00:00:00", "2026-11-21T10:00:00"), "{form}");
    }
}

#[test]
fn no_form_lets_text_of_the_repository_act() {
    for (form, shown) in every(&hostile()) {
        let acting: Vec<char> = shown.chars().filter(|char| char.is_control() && *char != '\n' || *char == '\u{202e}').collect();
        assert!(acting.is_empty(), "{form}: {acting:?}");
        let outside = if form.starts_with("markdown") { outside_of_fences(&shown).join("\n") } else { shown.clone() };
        if !matches!(form.as_str(), "text" | "verbose" | "json" | "sarif") {
            assert!(!outside.contains("<script") && !outside.contains("<b>"), "{form}");
        }
        if form.starts_with("html") {
            assert!(
                !shown.contains(" src=") && !shown.contains("href=\"h") && !shown.contains("@import") && !shown.contains("url("),
                "{form}"
            );
        }
        if form.starts_with("markdown") {
            assert!(!outside.contains("@team") && !outside.contains("https://"), "{form}");
            for line in outside.lines() {
                assert!(!line.contains("# heading") || line.contains("\\# heading"), "{form}: {line}");
            }
        }
    }
}

#[test]
fn pages_are_well_formed_load_nothing_and_their_links_lead_somewhere() {
    for report in [Given::default().report(), hostile()] {
        for (form, page) in every(&report).into_iter().filter(|(form, _)| form.starts_with("html")) {
            let mut open: Vec<String> = Vec::new();
            for tag in tags(&page).into_iter().filter(|tag| !["!DOCTYPE", "meta", "input"].contains(&tag.as_str())) {
                match tag.strip_prefix('/') {
                    Some(closed) => assert_eq!(open.pop().as_deref(), Some(closed), "{form}"),
                    None => open.push(tag),
                }
            }
            assert!(open.is_empty(), "{form}: {open:?}");
            for anchor in page.split("href=\"#").skip(1).filter_map(|rest| rest.split('"').next()) {
                assert_eq!(page.matches(&format!("id=\"{anchor}\"")).count(), 1, "{form}: {anchor}");
            }
        }
    }
    let page = html(&Given::default().report());
    // The boxes that hide cards name classes that cards have.
    assert!(page.contains("id=\"show-partial\"") && page.contains("class=\"card is-partial p-critical\""), "{page}");
    assert!(page.contains("#show-p-critical:not(:checked)) .card.p-critical"));
}

#[test]
fn tables_in_markdown_have_as_many_cells_in_every_row() {
    for (form, page) in every(&hostile()).into_iter().filter(|(form, _)| form.starts_with("markdown")) {
        let mut columns = None;
        for line in outside_of_fences(&page) {
            if !line.starts_with('|') {
                columns = None;
                continue;
            }
            let cells = line.matches('|').count();
            assert_eq!(*columns.get_or_insert(cells), cells, "{form}: {line}");
        }
    }
}

#[test]
fn every_form_shows_what_contradicts_and_what_is_incomplete() {
    let mut given = Given { live: Some(live()), ..Given::default() };
    given.assessment.incomplete = true;
    let report = given.report();
    for (form, shown) in every(&report) {
        if form.contains("since") {
            continue;
        }
        assert!(shown.to_lowercase().contains("incomplete"), "{form}");
        if form != "badge" && form != "sarif" && form != "junit" {
            assert!(shown.contains("rate-limit") && shown.replace('\\', "").contains("its files: missing"), "{form}");
        }
    }
    let sarif: Value = serde_json::from_str(&sarif(&report)).unwrap();
    assert_eq!(sarif["runs"][0]["invocations"][0]["executionSuccessful"], false);
    assert_eq!(sarif["runs"][0]["properties"]["conflicts"][1], "rate-limit");
    let junit = junit(&report);
    assert!(junit.contains("errors=\"1\"") && junit.contains("<error type=\"incomplete\""), "{junit}");
    assert!(junit.contains("its files: partial"), "{junit}");
    let page = markdown(&report);
    assert!(
        page.contains("## Where files and the running service disagree") && page.contains("| rate-limit | missing | implemented |"),
        "{page}"
    );
}

#[test]
fn sarif_has_a_result_for_every_gap_with_a_file_and_suppresses_what_is_waived() {
    let mut given = Given { waivers: waiver("rate-limit", "2027-01-01"), ..Given::default() };
    given.assessment.practices[1].anchor = None;
    given.baseline = Some((given.report(), false));
    let report = given.report();
    let shown: Value = serde_json::from_str(&sarif(&report)).unwrap();
    let run = &shown["runs"][0];
    let results = run["results"].as_array().unwrap();
    let of = |id: &str| results.iter().filter(|one| one["ruleId"] == id).collect::<Vec<_>>();
    assert_eq!((of("auth-required").len(), of("rate-limit").len(), of("rbac").len(), of("logs-json").len()), (2, 1, 0, 0));
    for result in results {
        let place = usize::try_from(result["ruleIndex"].as_u64().unwrap()).unwrap();
        assert_eq!(run["tool"]["driver"]["rules"][place]["id"], result["ruleId"]);
        assert_eq!(result["partialFingerprints"]["plimsoll/v1"].as_str().unwrap().len(), 32);
        assert_eq!(result["baselineState"], "unchanged");
    }
    let place = &of("auth-required")[1]["locations"][0]["physicalLocation"];
    assert_eq!((&place["artifactLocation"]["uri"], &place["region"]["startLine"]), (&"app/routes.py".into(), &40.into()));
    assert_eq!(of("rate-limit")[0]["suppressions"][0]["kind"], "external");
    assert!(of("auth-required")[0].get("suppressions").is_none());
    given.baseline = Some((given.report(), true));
    let shown: Value = serde_json::from_str(&sarif(&given.report())).unwrap();
    assert_eq!(shown["runs"][0]["results"].as_array().unwrap().len(), 0, "nothing is new");
}

#[test]
fn junit_skips_what_is_waived_unknown_or_known_to_the_baseline() {
    let shown = junit(&Given { waivers: waiver("rate-limit", "2027-01-01"), ..Given::default() }.report());
    assert!(shown.contains("tests=\"6\" failures=\"2\" errors=\"0\" skipped=\"3\""), "{shown}");
    assert!(shown.contains("<skipped message=\"waived, missing: rate-limit is missing\"/>"), "{shown}");
    assert!(shown.contains("- app/routes.py:30 in list_tenants") && shown.contains("again: plimsoll assess --explain rbac"), "{shown}");
    let mut given = Given::default();
    given.baseline = Some((given.report(), false));
    assert!(junit(&given.report()).contains("failures=\"0\" errors=\"0\" skipped=\"5\""));
}

#[test]
fn the_json_form_fits_its_published_schema() {
    let path = std::path::Path::new(env!("CARGO_MANIFEST_DIR")).join("../../docs/reference/report.schema.json");
    let schema: Value = serde_json::from_str(&std::fs::read_to_string(path).unwrap()).unwrap();
    let mut given = Given { live: Some(live()), waivers: waiver("rbac", "2027-01-01"), fail_on: "high", ..Given::default() };
    given.baseline = Some((given.report(), true));
    for report in [Given::default().report(), given.report(), hostile()] {
        let value: Value = serde_json::from_str(&json(&report)).unwrap();
        fits(&value, &schema, &schema, "").unwrap();
    }
}

#[test]
fn the_badge_never_looks_better_than_the_verdict() {
    let shown = badge(&Given::default().report());
    assert!(shown.contains("39.2 %, not ready") && shown.contains("#b62324"), "{shown}");
    let mut given = Given::default();
    given.assessment.practices.iter_mut().for_each(|one| one.status = Status::Implemented);
    let shown = badge(&given.report());
    assert!(shown.contains("100.0 %, not ready") && !shown.contains("#1a7f37"), "one critical practice is unknown: {shown}");
    given.pages.retain(|page| page.id != "oncall");
    assert!(badge(&given.report()).contains("#1a7f37"));
    given.assessment.incomplete = true;
    assert!(badge(&given.report()).contains("incomplete") && !badge(&given.report()).contains('%'));
}

#[test]
fn templates_have_their_sections_and_the_same_facts() {
    let report = Given::default().report();
    for (template, parts) in [
        (Template::Review, ["## Critical failure points", "| **Problem** |", "| **Mitigation** |", "## Summary checklist"]),
        (Template::Assessment, ["| Category | Status | Score |", "### Missing practices", "### Key files", "## Implementation roadmap"]),
        (Template::Enterprise, ["## Partially ready areas", "## Deployment readiness matrix", "### app/routes.py", "## Questions"]),
        (Template::Checklist, ["## Completed", "### 1. ", "Option A: minimum", "plimsoll prove --only rate-limit"]),
        (Template::Todo, ["## Strengths", "| **Files affected** |", "- [ ] rbac", "## Timeline"]),
    ] {
        let page = markdown_as(&report, template);
        for part in parts {
            assert!(page.contains(part), "{}: {part}\n{page}", template.name());
        }
        for fact in ["app/routes.py:30", "39.2 %", "app/log.py:3"] {
            let spared = template == Template::Review && fact == "app/log.py:3";
            assert!(spared || page.contains(fact), "{}: {fact}\n{page}", template.name());
        }
        assert_eq!(Template::named(template.name()), Some(template));
    }
}

#[test]
fn with_a_baseline_only_what_is_new_is_shown_and_the_rest_is_counted() {
    let mut given = Given::default();
    given.baseline = Some((given.report(), true));
    given.assessment.practices[0].gaps[1].snippet = "@router.put(\"/tenants\")".into();
    let report = given.report();
    let shown = text(&report, Look::default());
    assert!(
        shown.contains("auth-required: ") && !shown.contains("rate-limit: Title") && shown.contains("2 more are in the baseline"),
        "{shown}"
    );
    assert!(markdown(&report).contains("2 practices that the baseline knew as not met are not shown."));
}

#[test]
fn the_terminal_says_place_reason_and_what_was_looked_for() {
    let shown = text(&Given { waivers: waiver("rbac", "2027-01-01"), ..Given::default() }.report(), Look::default());
    for part in [
        "7 files, 90 facts, services: api (fastapi)",
        "1 practices, 25.0 % of the weight; 5 of 6 practices have a detector",
        "in part: holds for some, 6 of 8",
        "- app/routes.py:30 in list_tenants  nobody is asked who calls",
        "looked for: 12 routes",
        "do: Add rate-limit. at app/main.py:9 (5 to 10 days)",
        "Title of rbac (critical, weight 8, credit 0) [waived]",
        "waived by platform until 2027-01-01: inside the house only",
        "Unknown (1), 1 of them critical",
    ] {
        assert!(shown.contains(part), "{part}\n{shown}");
    }
}

#[test]
fn an_explanation_shows_the_rule_the_facts_and_the_sum() {
    use crate::fact::{Fact, Facts, FileInfo, Kind};
    let given = Given::default();
    let file = FileInfo { path: "app/main.py".into(), language: "python", test: false, symbols: vec![String::new()] };
    let facts = Facts::new(vec![file], Vec::new(), vec![Fact::new(Kind::Call, "lib.Limiter", 4, 4)]);
    let report = given.report();
    let of = |id: &str| given.pages.iter().find(|page| page.id == id).unwrap();
    let shown = explain::explain(of("auth-required"), &report, Some(&facts));
    for part in [
        "signal auth-required.called: implemented  <- decided",
        "all: call lib.*  (1 fact)",
        "app/main.py:4  call lib.Limiter",
        "credit of partial, coverage, 6 of 8: 27/40",
        "weight 8 × credit 27/40 = 5 2/5",
        "of the whole: 9 2/5 of 24 = 39.2 %",
        "fingerprint ",
    ] {
        assert!(shown.contains(part), "{part}\n{shown}");
    }
    let shown = explain::explain(of("oncall"), &report, Some(&facts));
    assert!(shown.contains("No detector looks for it yet") && shown.contains("leaves the score"), "{shown}");
}
