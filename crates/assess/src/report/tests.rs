//! Little catalogues made by hand, shared by the tests of this crate.

use std::collections::BTreeMap;

use plimsoll_core::Time;

use super::{Digests, Doubt, Evidence, Gate, Header, Material, Report, Target, build};
use crate::{Applies, Finding, Grade, Outcome, Page, Status};

/// A page: `id weight-class kind extra`, with checks `c1`, `c2`, …
pub(crate) fn page(id: &str, category: &str, priority: &str, basis: &str, kind: &str, checks: usize, extra: &str) -> Page {
    let whole = match priority {
        "critical" => 8.0,
        "high" => 4.0,
        "medium" => 2.0,
        _ => 1.0,
    };
    let weight: f64 = if basis == "item" { whole } else { whole / 2.0 };
    let listed: String = (1..=checks).map(|n| format!("[[check]]\nid = \"c{n}\"\nsays = \"Clause {n} of {id} is true.\"\n")).collect();
    let (facet, applies, checked) = extra.split_once('|').map_or((extra, "always", "probe"), |(facet, rest)| {
        let (applies, checked) = rest.split_once('|').unwrap_or((rest, "probe"));
        (facet, applies, checked)
    });
    let facet = if facet.is_empty() { String::new() } else { format!("facet_of = \"{facet}\"\n") };
    let text = format!(
        "+++\nid = \"{id}\"\ntitle = \"Title of {id}\"\ncategory = \"{category}\"\npriority = \"{priority}\"\nbasis = \"{basis}\"\n\
         effort = \"S\"\nweight = {weight:?}\nkind = \"{kind}\"\n{facet}reviews = [\"000\"]\nrepair = \"edge\"\napplies = \"{applies}\"\n\
         checked = \"{checked}\"\nrecommend = \"Add {id}.\"\n\n{listed}+++\n\n# {id} is there\n"
    );
    Page::parse(&text).unwrap_or_else(|error| panic!("{id}: {error}\n{text}"))
}

/// Findings from letters: h held, b broken, u trouble, g not granted, n not applicable; a digit
/// before a letter is its grade (3 without).
pub(crate) fn findings(letters: &str) -> Vec<Finding> {
    let (mut found, mut grade) = (Vec::new(), Grade::E3);
    for letter in letters.chars() {
        let check = format!("c{}", found.len() + 1);
        let transcript = vec![format!("GET /{check} → 200")];
        let outcome = match letter {
            '0'..='3' => {
                grade = [Grade::E0, Grade::E1, Grade::E2, Grade::E3][letter as usize - '0' as usize];
                continue;
            }
            'h' => Outcome::Held,
            'b' => Outcome::Broken(format!("{check} is not so")),
            'u' => Outcome::Unknown("nothing came back".into()),
            'g' => Outcome::Unknown("not granted: the log".into()),
            _ => Outcome::NotApplicable("no such thing".into()),
        };
        let decided = matches!(outcome, Outcome::Held | Outcome::Broken(_));
        found.push(Finding { check, outcome, grade: decided.then_some(grade), transcript });
        grade = Grade::E3;
    }
    found
}

pub(crate) fn header() -> Header {
    Header {
        tool: "plimsoll prove".into(),
        version: "0.1.0".into(),
        catalogue: "1".into(),
        target: Target::PrivateCopy,
        database: Some("sqlite".into()),
        profile: Some("development".into()),
        seed: 1,
        only: Vec::new(),
        without: None,
        off: BTreeMap::new(),
        digests: Digests { binary: Some(format!("sha256:{}", "ab".repeat(32))), ..Digests::default() },
        time: Time::parse("2026-11-21T10:00:00Z").expect("a time"),
    }
}

/// A report on these pages with these findings.
pub(crate) fn report_on(pages: &[Page], found: &[(&str, &str)], gate: Gate, header: Header) -> Report {
    let findings: BTreeMap<String, Vec<Finding>> = found.iter().map(|(id, letters)| ((*id).to_owned(), findings(letters))).collect();
    build(Material {
        pages: &pages.iter().collect::<Vec<_>>(),
        findings: &findings,
        evidence: &BTreeMap::new(),
        not_here: &BTreeMap::from([(Applies::Llm, "nothing here calls a language model".to_owned())]),
        left: &[],
        gate,
        header,
    })
}

/// A little of everything: held, broken, partial, unknown for every reason, not applicable.
pub(crate) fn sample() -> Report {
    let pages = [
        page("auth", "Security and auth", "critical", "item", "runtime", 2, ""),
        page("limit", "Scale and performance", "critical", "item", "runtime", 1, ""),
        page("limit-headers", "Scale and performance", "medium", "item", "runtime", 2, "limit"),
        page("logs", "Observability", "high", "item", "runtime", 2, ""),
        page("traces", "Observability", "high", "inherited", "runtime", 1, ""),
        page("pipeline", "Deployment and operations", "critical", "item", "process", 1, "|always|not yet checked"),
        page("models", "AI infrastructure", "low", "inferred", "ai", 1, "|llm|not yet checked"),
    ];
    let found = [("auth", "hh"), ("limit", "b"), ("limit-headers", "hh"), ("logs", "hb"), ("traces", "g")];
    report_on(&pages, &found, Gate::Claims, header())
}

/// Changes what comes from elsewhere into something hostile, in every place at once.
pub(crate) fn hostile() -> Report {
    let nasty = "</script><script>alert(1)</script> | `x` \u{1b}[2J ]]> \u{202e}gnp.exe & \"quoted\" 'single'\n# heading\n<b>";
    let mut report = sample();
    for row in &mut report.practices {
        row.title = format!("{} {nasty}", row.title);
        row.why = nasty.into();
        row.recommendation = nasty.into();
        for check in &mut row.checks {
            if let Outcome::Broken(why) | Outcome::Unknown(why) | Outcome::NotApplicable(why) = &mut check.outcome {
                *why = nasty.into();
            }
        }
        for one in &mut row.evidence {
            if let Evidence::Probe { transcript, .. } = one {
                transcript.push(nasty.into());
            }
        }
    }
    report.left.push(nasty.into());
    report
}

#[test]
fn every_practice_has_a_row_with_a_reason() {
    let report = sample();
    let words: Vec<(&str, Status, &str)> = report.practices.iter().map(|row| (row.id.as_str(), row.status, row.why.as_str())).collect();
    assert_eq!(
        words,
        [
            ("auth", Status::Implemented, "all 2 checks hold"),
            ("limit", Status::Missing, "c1 is not so"),
            ("limit-headers", Status::Implemented, "all 2 checks hold"),
            ("logs", Status::Partial, "1 of 2 checks hold; c2 is not so"),
            ("models", Status::NotApplicable, "nothing here calls a language model"),
            ("pipeline", Status::Unknown, "not yet checked: no probe exists for it"),
            ("traces", Status::Unknown, "not granted: the log"),
        ]
    );
    assert_eq!(
        report.row("logs").map(|row| row.done_when.clone()),
        Some(vec!["Clause 2 of logs is true.".to_owned(), "`plimsoll prove --only logs` says implemented.".to_owned()])
    );
    assert_eq!(report.order, ["limit", "logs"]);
    assert!(report.adds_up());
}

#[test]
fn a_report_read_back_is_the_same_and_its_figures_can_be_recomputed() {
    let report = sample();
    let text = super::json(&report);
    let back: Report = serde_json::from_str(&text).unwrap();
    assert_eq!(back, report);
    assert_eq!(super::json(&back), text);
    let mut forged = back;
    forged.verdict = crate::score::Verdict::Full;
    assert!(!forged.adds_up());
}

#[test]
fn the_order_of_pages_and_findings_does_not_matter() {
    let pages: Vec<Page> = ["b", "a", "c"].iter().map(|id| page(id, "Data layer", "high", "item", "data", 3, "")).collect();
    let found = [("a", "hhb"), ("b", "hbb"), ("c", "hhh")];
    let forth = report_on(&pages, &found, Gate::Claims, header());
    let turned: Vec<Page> = pages.into_iter().rev().collect();
    let back = report_on(&turned, &[found[2], found[1], found[0]], Gate::Claims, header());
    assert_eq!(super::json(&forth), super::json(&back));
}

#[test]
fn what_is_switched_off_is_missing_and_what_was_seen_outranks_a_table() {
    let pages = [
        page("a", "Data layer", "high", "item", "data", 2, ""),
        page("b", "AI infrastructure", "high", "item", "ai", 1, "|llm"),
        page("c", "AI infrastructure", "high", "item", "ai", 1, "|llm"),
    ];
    let mut off = header();
    off.off.insert("a".into(), "shown to be missed".into());
    let report = report_on(&pages, &[("a", "hh"), ("b", "b"), ("c", "u")], Gate::Claims, off);
    let row = |id| report.row(id).unwrap();
    assert_eq!(row("a").status, Status::Missing);
    assert_eq!(row("a").why, "switched off in the configuration: shown to be missed");
    assert_eq!((row("b").status, row("c").status), (Status::Missing, Status::NotApplicable));
    assert_eq!(report.gate.failed_by, ["a", "b"]);
}

#[test]
fn the_gate_of_claims_fails_on_breaks_and_on_trouble_but_not_on_what_was_withheld() {
    let pages: Vec<Page> = ["a", "b"].iter().map(|id| page(id, "Data layer", "low", "item", "data", 2, "")).collect();
    let cases = [("hh", true), ("hn", true), ("hg", true), ("hu", false), ("uu", false), ("hb", false), ("bb", false)];
    for (letters, passed) in cases {
        let report = report_on(&pages, &[("a", letters), ("b", "hh")], Gate::Claims, header());
        assert_eq!(report.gate.passed, passed, "{letters}: {}", report.gate.says);
        assert_eq!(report.gate.failed_by.is_empty(), passed);
    }
    let nothing = report_on(&pages, &[("a", "gg"), ("b", "gg")], Gate::Claims, header());
    assert!(!nothing.gate.passed, "a run that decided nothing proves nothing");
    assert_eq!(nothing.row("a").and_then(super::Row::doubt), Some(Doubt::NotGranted));
}

#[test]
fn a_probe_that_passes_over_a_check_is_in_trouble() {
    let pages = [page("a", "Data layer", "low", "item", "data", 2, "")];
    let report = report_on(&pages, &[("a", "h")], Gate::Claims, header());
    assert_eq!(report.row("a").and_then(super::Row::doubt), Some(Doubt::Trouble));
    assert!(!report.gate.passed);
}
