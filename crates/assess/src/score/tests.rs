//! Known answers.

use super::{Band, Verdict, value};
use crate::{
    Kind, Page,
    ratio::Ratio,
    report::{
        Gate, Report,
        tests::{header, page, report_on},
    },
};

/// Rows `id priority basis letters facet-of`, all of one category and kind `runtime`.
fn scored(rows: &[(&str, &str, &str, &str, &str)]) -> Report {
    let count = |letters: &str| letters.chars().filter(|letter| letter.is_alphabetic()).count();
    let pages: Vec<Page> = rows.iter().map(|row| page(row.0, "Reliability", row.1, row.2, "runtime", count(row.3), row.4)).collect();
    let found: Vec<(&str, &str)> = rows.iter().map(|row| (row.0, row.3)).collect();
    report_on(&pages, &found, Gate::Minimum, header())
}

fn earned(report: &Report) -> (String, String, String) {
    let share = &report.score.share;
    (share.earned.to_string(), share.possible.to_string(), share.percent.map_or_else(String::new, |figure| figure.to_string()))
}

#[test]
fn a_little_catalogue_worked_by_hand() {
    // 8*1 + 4*(2/3) + 2*0 + 0.5*(1/2), of 8 + 4 + 2 + 0.5; the last row does not apply.
    let report = scored(&[
        ("a", "critical", "item", "hh", ""),
        ("b", "high", "item", "hhu", ""),
        ("c", "medium", "item", "b", ""),
        ("d", "low", "inherited", "hb", ""),
        ("e", "critical", "item", "nn", ""),
    ]);
    assert_eq!(earned(&report), ("131/12".into(), "29/2".into(), "75.3".into()));
    // Decided: 8 + 4*(2/3) + 2 + 0.5 = 79/6; unknown: 4/3; both of 29/2.
    let score = &report.score;
    assert_eq!((score.confidence.earned.to_string(), score.unknown.earned.to_string()), ("79/6".into(), "4/3".into()));
    assert_eq!((score.confidence.printed(), score.unknown.printed()), ("90.8 %".into(), "9.2 %".into()));
    assert_eq!(score.band, Some(Band::Moderate));
}

#[test]
fn weak_evidence_caps_a_value() {
    let cases = [
        (Kind::Runtime, "3h3h", "1"),
        (Kind::Runtime, "2h3h", "1"),
        (Kind::Runtime, "1h1h", "1/2"),
        (Kind::Runtime, "1h3b", "1/2"),
        (Kind::Runtime, "0h0h", "0"),
        // Two thirds stand on live evidence; a third check seen in a file must not lower that.
        (Kind::Data, "3h3h1h", "2/3"),
        (Kind::Data, "3h1h1h", "1/2"),
        (Kind::Deploy, "1h", "1/2"),
        (Kind::Deploy, "2h", "1"),
        (Kind::Process, "1h1h", "1"),
        (Kind::Process, "0h0h", "1/2"),
        (Kind::Process, "0h1h", "1/2"),
        (Kind::Product, "1h", "1/2"),
        (Kind::Ai, "0h", "0"),
    ];
    for (kind, letters, expected) in cases {
        let row = scored(&[("a", "low", "item", letters, "")]).practices.remove(0);
        assert_eq!(value(kind, &row.checks).map(|value| value.to_string()).as_deref(), Some(expected), "{} {letters}", kind.name());
    }
}

#[test]
fn unknown_scores_as_a_failure_and_what_does_not_apply_leaves_the_denominator() {
    assert_eq!(earned(&scored(&[("a", "high", "item", "h", ""), ("b", "high", "item", "u", "")])).2, "50.0");
    assert_eq!(earned(&scored(&[("a", "high", "item", "h", ""), ("b", "high", "item", "n", "")])).2, "100.0");
    let nothing = scored(&[("a", "high", "item", "n", "")]);
    assert_eq!((nothing.score.share.printed().as_str(), nothing.score.band), ("n/a", None));
}

#[test]
fn a_facet_scores_nothing_where_its_parent_scores_nothing() {
    let rows = [("limit", "high", "item", "b", ""), ("headers", "high", "item", "h", "limit"), ("reset", "high", "item", "h", "headers")];
    let report = scored(&rows);
    assert_eq!(earned(&report), ("0".into(), "12".into(), "0.0".into()));
    assert_eq!(report.row("reset").and_then(|row| row.held_back_by.as_deref()), Some("limit"));
    for parent in ["hb", "n"] {
        let report = scored(&[("limit", "high", "item", parent, ""), ("headers", "high", "item", "h", "limit")]);
        assert_eq!(report.row("headers").and_then(|row| row.value), Some(Ratio::ONE), "{parent}");
    }
    // A circle is a fault of the catalogue, not a reason to hang.
    let circle = scored(&[("a", "high", "item", "h", "b"), ("b", "high", "item", "h", "a")]);
    assert_eq!(earned(&circle).2, "100.0");
}

#[test]
fn bands_begin_at_50_and_80_and_a_blocker_is_never_strong() {
    let share = |held: usize, all: usize| {
        let rows: Vec<(String, &str)> = (0..all).map(|n| (format!("r{n:03}"), if n < held { "h" } else { "b" })).collect();
        let rows: Vec<_> = rows.iter().map(|(id, letter)| (id.as_str(), "high", "item", *letter, "")).collect();
        scored(&rows).score.band
    };
    assert_eq!(share(4, 5), Some(Band::Strong));
    assert_eq!(share(79, 100), Some(Band::Moderate));
    assert_eq!(share(1, 2), Some(Band::Moderate));
    assert_eq!(share(49, 100), Some(Band::Weak));
    let blocked = scored(&[("a", "critical", "item", "hhhhhhhhb", ""), ("b", "high", "item", "h", "")]);
    assert_eq!((blocked.score.share.printed().as_str(), blocked.score.band), ("92.6 %", Some(Band::Moderate)));
    assert_eq!(blocked.categories[0].blockers, ["a"]);
    let inherited = scored(&[("a", "critical", "inherited", "hhhhhhhhb", ""), ("b", "high", "item", "h", "")]);
    assert_eq!(inherited.score.band, Some(Band::Strong), "the rule is about rows that are critical by their own statement");
}

#[test]
fn verdicts_follow_their_conditions() {
    let verdict = |rows: &[(&str, &str, &str, &str, &str)]| scored(rows).verdict;
    let fine = ("crit", "critical", "item", "h", "");
    assert_eq!(verdict(&[fine, ("liveness-probe", "high", "item", "hb", "")]), Verdict::NotRunnable);
    assert_eq!(verdict(&[fine, ("boot-verified", "critical", "item", "u", "")]), Verdict::NotReady, "unknown is not broken");
    assert_eq!(verdict(&[("crit", "critical", "item", "hu", "")]), Verdict::NotReady);
    assert_eq!(verdict(&[("other", "critical", "inherited", "b", ""), fine]), Verdict::Recommended, "only item rows block");
    assert_eq!(verdict(&[fine, ("high", "high", "item", "b", "")]), Verdict::Minimum);
    // 9 of 10 checks: exactly the 90 percent; the whole is 11.6 of 12 = 96.7 percent.
    assert_eq!(verdict(&[fine, ("high", "high", "item", "hhhhhhhhhb", "")]), Verdict::Full);
    assert_eq!(verdict(&[fine, ("high", "high", "item", "hhhhhhhhbb", "")]), Verdict::Minimum);
    assert_eq!(verdict(&[fine, ("low", "low", "item", "b", "")]), Verdict::Recommended, "88.9 percent");
    assert_eq!(verdict(&[fine, ("high", "high", "item", "hhhhhhhhhu", "")]), Verdict::Recommended, "something is unknown");
    assert_eq!(verdict(&[fine, ("high", "high", "item", "h", "")]), Verdict::Full);
    assert!(Verdict::Minimum.is_safe() && !Verdict::NotReady.is_safe());
}

#[test]
fn the_gate_asks_for_at_least_its_tier() {
    let report = scored(&[("crit", "critical", "item", "h", ""), ("high", "high", "item", "b", "")]);
    assert!(report.gate.passed, "{}", report.gate.says);
    let report = scored(&[("crit", "critical", "item", "hb", "")]);
    assert!(!report.gate.passed);
    assert_eq!(report.gate.says, "The verdict is Not ready, below Minimum; in the way: crit.");
}
