//! Every form is stable, whole, and keeps hostile text inert.

use serde_json::Value;

use super::{
    Look, Report, html, json, junit, markdown, sarif,
    tests::{hostile, sample},
    text,
};

const PLAIN: Look = Look { verbose: false, coloured: false };
const VERBOSE: Look = Look { verbose: true, coloured: false };

fn every(report: &Report) -> [(&'static str, String); 7] {
    [
        ("text", text(report, PLAIN)),
        ("verbose", text(report, VERBOSE)),
        ("json", json(report)),
        ("markdown", markdown(report)),
        ("html", html(report)),
        ("sarif", sarif(report)),
        ("junit", junit(report)),
    ]
}

#[test]
fn the_same_report_gives_the_same_bytes_and_two_runs_differ_in_their_time_only() {
    let (one, mut other) = (sample(), sample());
    assert_eq!(every(&one), every(&other));
    other.header.time = plimsoll_core::Time::parse("2027-01-01T00:00:00Z").unwrap();
    for ((form, before), (_, after)) in every(&one).into_iter().zip(every(&other)) {
        let masked = after.replace("2027-01-01T00:00:00", "2026-11-21T10:00:00");
        assert_eq!(before, masked, "{form}");
    }
}

#[test]
fn no_form_lets_hostile_text_act() {
    for (form, shown) in every(&hostile()) {
        let acting: Vec<char> = shown.chars().filter(|char| char.is_control() && *char != '\n' || *char == '\u{202e}').collect();
        // JSON holds what the model holds; the model is made visible when it is built.
        if form != "json" {
            assert!(acting.is_empty(), "{form}: {acting:?}");
        }
        if matches!(form, "html" | "junit" | "markdown") {
            let shown = if form == "markdown" { outside_of_fences(&shown).join("\n") } else { shown.clone() };
            assert!(!shown.contains("<script") && !shown.contains("<b>"), "{form}");
        }
        if form == "html" {
            assert!(!shown.contains(" src=") && !shown.contains("href=\"h") && !shown.contains("@import") && !shown.contains("url("));
        }
    }
}

#[test]
fn what_a_service_answers_is_made_visible_when_the_report_is_built() {
    use std::collections::BTreeMap;
    let nasty = "\u{1b}]0;title\u{7} \u{9b}2J \u{202e}txt\u{200b}";
    let page = super::tests::page("a", "Data layer", "low", "item", "data", 1, "");
    let mut found = super::tests::findings("b");
    found[0].outcome = crate::Outcome::Broken(nasty.into());
    found[0].transcript = vec![nasty.into()];
    let report = super::build(super::Material {
        pages: &[&page],
        findings: &BTreeMap::from([("a".to_owned(), found)]),
        evidence: &BTreeMap::from([(
            "a".to_owned(),
            vec![super::Evidence::File { file: nasty.into(), line: 3, snippet: Vec::new(), check: None, note: Some(nasty.into()) }],
        )]),
        not_here: &BTreeMap::new(),
        left: &[nasty.to_owned()],
        gate: super::Gate::Claims,
        header: super::tests::header(),
    });
    for (form, shown) in every(&report) {
        assert!(!shown.chars().any(|char| char.is_control() && char != '\n' || "\u{202e}\u{200b}".contains(char)), "{form}");
        assert!(shown.contains("1b"), "{form} shows that there was something");
    }
}

/// Tags of a page, without their attributes, in order.
pub(super) fn tags(page: &str) -> Vec<String> {
    let inner = page.split('<').skip(1).filter_map(|rest| rest.split('>').next());
    inner.map(|tag| tag.split([' ', '\n']).next().unwrap_or("").to_owned()).collect()
}

#[test]
fn a_page_is_well_formed_and_loads_nothing() {
    for report in [sample(), hostile()] {
        let page = html(&report);
        let mut open: Vec<String> = Vec::new();
        for tag in tags(&page).into_iter().filter(|tag| !["!DOCTYPE", "meta"].contains(&tag.as_str())) {
            match tag.strip_prefix('/') {
                Some(closed) => assert_eq!(open.pop().as_deref(), Some(closed)),
                None => open.push(tag),
            }
        }
        assert!(open.is_empty(), "{open:?}");
        for anchor in page.split("href=\"#").skip(1).filter_map(|rest| rest.split('"').next()) {
            assert!(page.contains(&format!("id=\"{anchor}\"")), "{anchor} leads nowhere");
        }
    }
    let page = html(&sample());
    for part in ["Executive summary", "Order of work", "Roadmap", "Checklist", "How this was computed", "Safe to deploy: no", "Add limit."]
    {
        assert!(page.contains(part), "{part}");
    }
}

/// The lines of a Markdown text that are not code. A fence ends with a line of the same length.
pub(super) fn outside_of_fences(page: &str) -> Vec<&str> {
    let (mut fence, mut outside): (Option<String>, Vec<&str>) = (None, Vec::new());
    for line in page.lines() {
        let bare = line.trim_start();
        let ticks: String = bare.chars().take_while(|char| *char == '`').collect();
        match &fence {
            Some(open) if *open == bare => fence = None,
            Some(_) => {}
            None if ticks.len() >= 3 => fence = Some(ticks),
            None => outside.push(line),
        }
    }
    assert!(fence.is_none(), "a fence is left open");
    outside
}

#[test]
fn a_table_in_markdown_has_as_many_cells_in_every_row() {
    let page = markdown(&hostile());
    let mut columns = None;
    for line in page.lines() {
        if !line.starts_with('|') {
            columns = None;
            continue;
        }
        let cells = line.matches('|').count();
        assert_eq!(*columns.get_or_insert(cells), cells, "{line}");
    }
    // Headings are ours alone.
    for line in outside_of_fences(&page) {
        assert!(!line.contains("# heading") || line.contains("\\# heading"), "{line}");
    }
}

#[test]
fn junit_counts_what_it_shows() {
    let shown = junit(&sample());
    assert!(shown.contains("<testsuites name=\"plimsoll prove\" tests=\"7\" failures=\"2\" errors=\"0\" skipped=\"3\""), "{shown}");
    assert_eq!((shown.matches("<testcase").count(), shown.matches("<failure").count(), shown.matches("<skipped").count()), (7, 2, 3));
    assert!(shown.contains("| GET /c1 → 200") && shown.contains("again: plimsoll prove --only limit"));
}

#[test]
fn sarif_has_a_result_for_what_is_broken_and_its_rule() {
    let shown: Value = serde_json::from_str(&sarif(&sample())).unwrap();
    let run = &shown["runs"][0];
    let results = run["results"].as_array().unwrap();
    assert_eq!(results.len(), 2);
    for result in results {
        let place = usize::try_from(result["ruleIndex"].as_u64().unwrap()).unwrap();
        assert_eq!(run["tool"]["driver"]["rules"][place]["id"], result["ruleId"]);
        assert!(result["locations"][0]["logicalLocations"][0]["fullyQualifiedName"].as_str().unwrap().starts_with("practices/"));
    }
}

#[test]
fn the_terminal_leads_with_the_verdict_and_ends_with_counts() {
    let shown = text(&sample(), PLAIN);
    let lines: Vec<&str> = shown.lines().collect();
    assert_eq!(lines[2], "Verdict  Not ready (safe to deploy: no)");
    assert_eq!(lines.last(), Some(&"7 practices, 5 with a probe: 2 proven, 1 partial, 1 missing, 2 unknown, 1 not applicable"));
    assert!(shown.contains("| GET /c1 → 200") && !shown.contains("held: Clause 1 of auth is true."));
    assert!(text(&sample(), VERBOSE).contains("held: Clause 1 of auth is true."));
    assert!(text(&sample(), Look { coloured: true, ..PLAIN }).contains("\x1b[1;31mNot ready\x1b[0m"));
}

#[test]
fn the_roadmap_puts_a_parent_before_its_facet_and_sums_its_days() {
    use super::{
        Gate, plan,
        tests::{header, page, report_on},
    };
    let pages = [
        page("facet", "Scale and performance", "critical", "item", "runtime", 1, "parent"),
        page("parent", "Scale and performance", "low", "item", "runtime", 1, ""),
        page("other", "Scale and performance", "high", "item", "runtime", 2, ""),
        page("small", "Scale and performance", "low", "item", "runtime", 1, ""),
    ];
    let report = report_on(&pages, &[("facet", "b"), ("parent", "b"), ("other", "hb"), ("small", "b")], Gate::Claims, header());
    assert_eq!(report.order, ["facet", "other", "parent", "small"]);
    let phases = plan::phases(&report);
    let ids: Vec<Vec<&str>> = phases.iter().map(|phase| phase.rows.iter().map(|row| row.id.as_str()).collect()).collect();
    assert_eq!(ids, [vec!["parent", "facet"], vec!["other"], vec!["small"]]);
    assert_eq!((phases[0].length(), plan::total(&phases)), ("2 to 8 days".into(), "4 to 16 days".into()));
}

/// As much of JSON Schema as the report's schema uses.
pub(super) fn fits(value: &Value, schema: &Value, root: &Value, at: &str) -> Result<(), String> {
    if let Some(name) = schema["$ref"].as_str() {
        return fits(value, root.pointer(name.trim_start_matches('#')).ok_or(format!("no {name}"))?, root, at);
    }
    if let Some(options) = schema["anyOf"].as_array() {
        let tried: Vec<Result<(), String>> = options.iter().map(|option| fits(value, option, root, at)).collect();
        return if tried.iter().any(Result::is_ok) { Ok(()) } else { Err(format!("{at}: {tried:?}")) };
    }
    if schema["const"] != Value::Null && schema["const"] != *value {
        return Err(format!("{at} is not {}", schema["const"]));
    }
    if schema["enum"].as_array().is_some_and(|words| !words.contains(value)) {
        return Err(format!("{at}: {value} is not listed"));
    }
    let kind = match value {
        Value::Null => "null",
        Value::Bool(_) => "boolean",
        Value::Number(number) if number.is_u64() => "integer",
        Value::Number(_) => "number",
        Value::String(_) => "string",
        Value::Array(_) => "array",
        Value::Object(_) => "object",
    };
    let kinds: Vec<&str> = match &schema["type"] {
        Value::Array(list) => list.iter().filter_map(Value::as_str).collect(),
        one => one.as_str().into_iter().collect(),
    };
    let whole = kind == "integer" && kinds.contains(&"number");
    if !(kinds.is_empty() || kinds.contains(&kind) || whole) {
        return Err(format!("{at}: {kind} instead of {kinds:?}"));
    }
    for (place, item) in value.as_array().into_iter().flatten().enumerate() {
        fits(item, &schema["items"], root, &format!("{at}/{place}"))?;
    }
    for name in schema["required"].as_array().into_iter().flatten().filter_map(Value::as_str) {
        value.get(name).ok_or_else(|| format!("{at} has no {name}"))?;
    }
    for (name, item) in value.as_object().into_iter().flatten() {
        match schema["properties"].get(name).or_else(|| schema.get("additionalProperties")) {
            Some(Value::Bool(false)) => return Err(format!("{at}/{name} is not in the schema")),
            Some(inner) => fits(item, inner, root, &format!("{at}/{name}"))?,
            None => {}
        }
    }
    Ok(())
}

#[test]
fn the_json_form_fits_its_published_schema() {
    let path = std::path::Path::new(env!("CARGO_MANIFEST_DIR")).join("../../docs/reference/report.schema.json");
    let schema: Value = serde_json::from_str(&std::fs::read_to_string(path).unwrap()).unwrap();
    let mut url = sample();
    url.header.target = super::Target::Url { url: "http://127.0.0.1:8080".into() };
    url.header.without = Some("limit".into());
    url.practices[0].evidence.push(super::Evidence::File { file: "app.py".into(), line: 3, snippet: Vec::new(), check: None, note: None });
    url.practices[0].evidence.push(super::Evidence::Statement { statement: "it is so".into(), by: "the owner".into(), check: None });
    for report in [sample(), hostile(), url] {
        let value: Value = serde_json::from_str(&json(&report)).unwrap();
        fits(&value, &schema, &schema, "").unwrap();
        for name in ["verdict", "practices", "gate"] {
            let mut less = value.clone();
            less.as_object_mut().unwrap().shift_remove(name);
            assert!(fits(&less, &schema, &schema, "").is_err(), "without {name}");
        }
        let mut more = value.clone();
        more["practices"][0]["note"] = "new".into();
        assert!(fits(&more, &schema, &schema, "").is_err(), "the schema knows every field");
    }
}
