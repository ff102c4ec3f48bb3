//! Why a practice got its status: the rule, the facts that it matched, the arithmetic.

use std::fmt::Write;

use super::{Estimate, Report, inert::visible, outline::spot};
use crate::{
    Page,
    detect::{Detect, Pattern},
    fact::Facts,
    report::Row,
};

/// How many matches of a pattern are shown.
const SHOWN: usize = 5;

/// The explanation, for a terminal. Without facts the rule is shown without what it matched.
pub fn explain(page: &Page, report: &Report, facts: Option<&Facts>) -> String {
    let mut out = format!("{}: {}\n  {}\n", page.id, page.title, page.promise());
    let Some(row) = report.row(&page.id) else {
        out.push_str("\nIt is not in this report.\n");
        return out;
    };
    let _ = writeln!(out, "\n{}: {}", row.status.name(), visible(&row.why));
    match &page.detect {
        Some(detect) => rule(&mut out, detect, row, facts),
        None => out.push_str("\nNo detector looks for it yet. Its files may show it or not: the report calls it unknown.\n"),
    }
    arithmetic(&mut out, row, report);
    found(&mut out, row);
    out
}

fn rule(out: &mut String, detect: &Detect, row: &Row, facts: Option<&Facts>) {
    let decided = row.looked.as_ref().map_or(&[][..], |looked| &looked.by);
    let mark = |id: &str| if decided.iter().any(|by| by == id) { "  <- decided" } else { "" };
    let per = format!("{:?}", detect.per).to_lowercase();
    let _ = writeln!(out, "\nRule, asked of each {per}");
    if !detect.only_if.is_empty() {
        let _ = writeln!(
            out,
            "  only where one of these is there{}",
            detect.unless.as_ref().map_or_else(String::new, |why| format!("; otherwise not applicable: {why}"))
        );
        patterns(out, "any", &detect.only_if, facts);
    }
    for signal in &detect.signals {
        let sort = signal.partial.map_or_else(String::new, |sort| format!(", {sort:?}").to_lowercase());
        let _ = writeln!(out, "  signal {}: {}{sort}{}", signal.id, signal.yields.name(), mark(&signal.id));
        if let Some(why) = &signal.why {
            let _ = writeln!(out, "    {why}");
        }
        patterns(out, "all", &signal.all, facts);
        patterns(out, "any", &signal.any, facts);
        patterns(out, "none", &signal.none, facts);
        if let Some(least) = signal.least {
            let _ = writeln!(out, "    at least {least} of the first");
        }
        if let Some(cover) = &signal.cover {
            let _ = writeln!(out, "    counted, enough from {} %", cover.enough);
            patterns(out, "of", std::slice::from_ref(&cover.of), facts);
            patterns(out, "but", &cover.but, facts);
            patterns(out, "meets", &cover.meets, facts);
        }
    }
    for fault in &detect.faults {
        let _ = writeln!(out, "  fault {}: lowers to {}{}\n    {}", fault.id, fault.yields.name(), mark(&fault.id), fault.why);
        patterns(out, "all", &fault.all, facts);
        patterns(out, "any", &fault.any, facts);
        patterns(out, "none", &fault.none, facts);
    }
    let absent = detect.absent.as_ref().map_or_else(String::new, |text| format!(": {text}"));
    let _ = writeln!(out, "  otherwise {}{absent}", detect.otherwise.name());
    patterns(out, "looked at", &detect.look, facts);
}

fn patterns(out: &mut String, word: &str, patterns: &[Pattern], facts: Option<&Facts>) {
    for pattern in patterns {
        let _ = write!(out, "    {word}: {}", pattern.text());
        let Some(facts) = facts else {
            out.push('\n');
            continue;
        };
        let matched = pattern.find(facts);
        let _ = writeln!(out, "  ({} {})", matched.len(), if matched.len() == 1 { "fact" } else { "facts" });
        for fact in matched.iter().take(SHOWN) {
            let symbol = facts.symbol(fact);
            let within = if symbol.is_empty() { String::new() } else { format!(" in {symbol}") };
            let text = format!("{}:{}{within}  {} {} [{:?}]", facts.path(fact.file), fact.line, fact.kind.name(), fact.name, fact.reach);
            let _ = writeln!(out, "      {}", visible(&text));
        }
        if matched.len() > SHOWN {
            let _ = writeln!(out, "      and {} more", matched.len() - SHOWN);
        }
    }
}

fn arithmetic(out: &mut String, row: &Row, report: &Report) {
    out.push_str("\nArithmetic\n");
    let weight = row.weight.ratio();
    let Some(value) = row.value else {
        let _ = writeln!(out, "  it is {} and leaves the score; its weight would be {}", row.status.name(), weight.short());
        return;
    };
    if let Some(looked) = &row.looked {
        match looked.probed {
            Some(status) => {
                let _ = writeln!(out, "  a probe decided ({}): the share of its checks that hold is {value}", status.name());
            }
            None => {
                let sort = looked.partial.map_or_else(String::new, |sort| format!(", {sort:?}").to_lowercase());
                let share = looked.share.map_or_else(String::new, |(some, all)| format!(", {some} of {all}"));
                let _ = writeln!(out, "  credit of {}{sort}{share}: {value}", looked.status.name());
            }
        }
        if let Some(days) = looked.days {
            let _ =
                writeln!(out, "  effort {} on its page, scaled by what has to change here: {}", row.effort.name(), Estimate::words(days));
        }
    }
    if let Some(parent) = &row.held_back_by {
        let _ = writeln!(out, "  it is a part of {parent}, which earns nothing: so does this");
    }
    let share = &report.score.share;
    let _ = writeln!(out, "  weight {} × credit {value} = {}", weight.short(), weight.times(value).mixed());
    let _ = writeln!(out, "  of the whole: {} of {} = {}", share.earned.mixed(), share.possible.mixed(), share.printed());
}

fn found(out: &mut String, row: &Row) {
    let Some(looked) = &row.looked else { return };
    let list = |out: &mut String, title: &str, lines: Vec<String>| {
        if !lines.is_empty() {
            let _ = writeln!(out, "\n{title}");
            for line in lines {
                let _ = writeln!(out, "  {}", visible(&line));
            }
        }
    };
    list(out, "Evidence", row.evidence.iter().flat_map(|one| one.lines()).collect());
    let gaps = looked.gaps.iter().flat_map(|gap| {
        let mut lines = super::outline::gap_lines(gap);
        lines.push(format!("    fingerprint {}", gap.fingerprint));
        lines
    });
    list(out, "Not met", gaps.collect());
    list(out, "Looked for", looked.searched.clone());
    if looked.gaps.is_empty() {
        list(out, "Where it would have to be", looked.anchor.iter().map(spot).collect());
    }
    if row.is_broken() {
        list(out, "What to do", vec![row.recommendation.clone()]);
        list(out, "Done when", row.done_when.clone());
    }
}
