//! The document on a repository: what its files show, where, and what to change.

mod rest;

use self::rest::{method, skipped, unknown, waivers};
use super::{
    Block, Card, Cell, Outline, Section, Table,
    sections::{basis, by_category, by_phase, card as plain, checklist, not_applicable, points, scored, who},
};
use crate::{
    Status,
    detect::{Partial, Sight},
    report::{Gap, Looked, Report, Repository, Row, plan},
};

/// How many places of a practice a document shows; JSON and SARIF hold all.
const PLACES: usize = 12;

/// The document.
pub(super) fn outline(report: &Report, repository: &Repository) -> Outline {
    let section = |anchor, title: &str, blocks| Section { anchor, title: title.to_owned(), blocks };
    let mut sections = vec![section("summary", "Executive summary", summary(report, repository))];
    if repository.live.is_some() {
        sections.push(section("conflicts", "Where files and the running service disagree", conflicts(report, repository)));
    }
    sections.push(section("services", "Services", services(repository)));
    sections.push(section("categories", "Score by category", categories(report)));
    sections.push(section("gaps", "Gaps", gaps(report, repository)));
    sections.push(section("order", "Order of work", order(report, repository)));
    sections.push(section("roadmap", "Roadmap", roadmap(report)));
    sections.push(section("implemented", "Implemented practices", implemented(report)));
    sections.push(section("unknown", "Unknown", unknown(report)));
    sections.push(section("not-applicable", "Not applicable", not_applicable(report)));
    if !repository.waivers.is_empty() || !repository.complaints.is_empty() {
        sections.push(section("waivers", "Waivers", waivers(repository)));
    }
    sections.push(section("skipped", "Left out", skipped(repository)));
    sections.push(section("checklist", "Checklist", checklist(report)));
    sections.push(section("method", "How this was computed", method(report)));
    Outline {
        title: format!("Readiness of {}", report.header.target.words()),
        verdict: (report.verdict.name().into(), report.safe_to_deploy),
        sections,
        filter: true,
    }
}

/// The facts at the head of every form.
pub(crate) fn figures(report: &Report, repository: &Repository) -> Vec<(&'static str, String)> {
    let (score, counts) = (&report.score, report.counts);
    let gate = if report.gate.passed { "passed" } else { "failed" };
    let mut facts = vec![
        ("Verdict", format!("{}. {}", report.verdict.name(), report.summary)),
        ("Score", format!("{}; what is unknown is not in it", points(score))),
        (
            "Unknown",
            format!(
                "{} practices, {} of the weight; {} of {} practices have a detector",
                counts.unknown,
                score.unknown.printed(),
                repository.with_detector,
                counts.pages
            ),
        ),
        (
            "Shown by",
            format!("a live probe or a test for {} of the weight, files for the rest of what is known", score.confidence.printed()),
        ),
        (
            "Practices",
            format!(
                "{} implemented, {} partial, {} missing, {} unknown, {} not applicable",
                counts.implemented, counts.partial, counts.missing, counts.unknown, counts.not_applicable
            ),
        ),
        ("Fails on", format!("{}: {gate}. {}", asked(repository), report.gate.says)),
    ];
    facts.push(match repository.incomplete {
        true => ("Complete", format!("no: {} left out or not read, so nothing here is a pass", repository.skipped.len())),
        false => ("Complete", "yes".into()),
    });
    if let Some(live) = &repository.live {
        facts.push(("Probed", format!("{live}; {} contradict the files", repository.conflicts.len())));
    }
    if let Some(baseline) = &repository.baseline {
        let only = if baseline.only_new { "; only new gaps are shown below" } else { "" };
        let (new, known, fixed) = (baseline.new, baseline.known, baseline.fixed);
        facts.push(("Since", format!("{}: {new} gaps are new, {known} known, {fixed} fixed{only}", baseline.time)));
    }
    let (waived, expired) = waived(report, repository);
    if waived + expired > 0 {
        facts.push(("Waived", format!("{waived} gaps; {expired} gaps count again because their waiver expired")));
    }
    facts
}

fn asked(repository: &Repository) -> String {
    if repository.fail_on.is_empty() { "nothing".into() } else { repository.fail_on.join(", ") }
}

/// How many gaps are waived, and how many were until their waiver expired.
fn waived(report: &Report, repository: &Repository) -> (usize, usize) {
    let gaps = report.practices.iter().filter_map(|row| row.looked.as_ref()).flat_map(|looked| &looked.gaps);
    let expired = repository.waivers.iter().filter(|waiver| waiver.expired).map(|waiver| waiver.covers).sum();
    (gaps.filter(|gap| gap.waived.is_some()).count(), expired)
}

fn summary(report: &Report, repository: &Repository) -> Vec<Block> {
    let mut facts = figures(report, repository);
    facts.push(("Looked at", format!("{}: {} files, {} facts", report.header.target.words(), repository.files, repository.facts)));
    facts.push(("Made by", format!("{} {}, catalogue {}", report.header.tool, report.header.version, report.header.catalogue)));
    facts.push(("Time", report.header.time.to_string()));
    vec![Block::Facts(facts)]
}

fn conflicts(report: &Report, repository: &Repository) -> Vec<Block> {
    let says = "The probe asked the running service, so it decides. The files may be wired otherwise than they look, or the running \
                service may not be built from them.";
    if repository.conflicts.is_empty() {
        return vec![Block::Text("Nothing that the probe found out contradicts the files.".into())];
    }
    let cells = |row: &Row| {
        let looked = row.looked.as_ref()?;
        Some(vec![
            Cell::Practice(row.id.clone()),
            Cell::Text(looked.status.name().into()),
            Cell::Text(looked.probed.unwrap_or(row.status).name().into()),
            Cell::Text(row.why.clone()),
        ])
    };
    let rows = repository.conflicts.iter().filter_map(|id| report.row(id)).filter_map(cells).collect();
    vec![Block::Text(says.into()), Block::Table(Table { heads: vec!["Practice", "Files", "Running service", "Reason"], rows })]
}

fn services(repository: &Repository) -> Vec<Block> {
    if repository.services.is_empty() {
        return vec![Block::Text("No part was found that runs by itself.".into())];
    }
    let heads = vec!["Service", "Folder", "Kind", "Language", "Framework", "Begins with"];
    let rows = repository.services.iter().map(|one| {
        let kind = serde_json::to_value(one.kind).ok().and_then(|kind| kind.as_str().map(str::to_owned)).unwrap_or_default();
        let root = if one.root.is_empty() { ".".to_owned() } else { one.root.clone() };
        let texts = [one.name.clone(), root, kind, one.language.clone(), one.framework.clone().unwrap_or_default(), one.entries.join(", ")];
        texts.map(Cell::Text).into_iter().collect()
    });
    vec![Block::Table(Table { heads, rows: rows.collect() })]
}

fn categories(report: &Report) -> Vec<Block> {
    let says = "A category is scored over the practices that are known and apply. What is unknown is counted beside it.";
    vec![Block::Text(says.into()), Block::Table(scored(report, "Implemented", |counts| counts.implemented))]
}

/// Rows that are not met, in the order of work; with `--new-only` those that have something new.
pub(crate) fn shown<'r>(report: &'r Report, repository: &Repository) -> Vec<&'r Row> {
    let only_new = repository.baseline.as_ref().is_some_and(|baseline| baseline.only_new);
    report.order.iter().filter_map(|id| report.row(id)).filter(|row| !only_new || row.is_new()).collect()
}

fn gaps(report: &Report, repository: &Repository) -> Vec<Block> {
    let rows = shown(report, repository);
    let hidden = report.order.len() - rows.len();
    let mut blocks = Vec::new();
    if hidden > 0 {
        blocks.push(Block::Text(format!("{hidden} practices that the baseline knew as not met are not shown.")));
    }
    if rows.is_empty() {
        blocks.push(Block::Text("Nothing that could be examined falls short.".into()));
    }
    blocks.extend(rows.into_iter().map(|row| Block::Card(Box::new(card(row, false)))));
    blocks
}

/// Why it is partial, in words, with the count.
pub(crate) fn sort(looked: &Looked) -> Option<String> {
    let share = looked.share.map_or_else(String::new, |(some, all)| format!(", {some} of {all}"));
    let word = match looked.partial? {
        Partial::Unwired => "there, and nothing that runs leads to it",
        Partial::OffByDefault => "there, and off by default",
        Partial::Broken => "there, and cannot work",
        Partial::Coverage => "holds for some",
        Partial::Weak => "weaker than it should be",
        Partial::OneService => "one service has it, another has not",
        Partial::DocsOnly => "written down, not done",
    };
    Some(format!("{word}{share}"))
}

/// A place in a few words: `app/main.py:12 in create_app`.
pub(crate) fn spot(place: &Sight) -> String {
    let within = if place.symbol.is_empty() { String::new() } else { format!(" in {}", place.symbol) };
    let end = if place.end > place.line { format!("-{}", place.end) } else { String::new() };
    format!("{}:{}{end}{within}", place.file, place.line)
}

/// A gap as lines of text: its place and note, what stands there, and what became of it.
pub(crate) fn gap_lines(gap: &Gap) -> Vec<String> {
    let place = &gap.place;
    let mut lines = Vec::new();
    if !place.file.is_empty() {
        let note = if place.note.is_empty() { String::new() } else { format!("  {}", place.note) };
        lines.push(format!("{}{note}", spot(place)));
        lines.extend(place.snippet.lines().map(|line| format!("    {line}")));
    }
    if let Some(waived) = &gap.waived {
        lines.push(format!("    {}", waived.words()));
    }
    if gap.new == Some(true) {
        lines.push("    new since the baseline".into());
    }
    lines
}

/// The gaps of a row as lines, gap by gap. Lines that stand in the evidence already are not repeated.
pub(crate) fn gaps_lines(row: &Row) -> Vec<Vec<String>> {
    let shown = |gap: &Gap| {
        row.evidence.iter().any(|one| match one {
            crate::report::Evidence::File { file, line, .. } => *file == gap.place.file && *line == gap.place.line,
            _ => false,
        })
    };
    let gaps = row.looked.iter().flat_map(|looked| &looked.gaps);
    let lines = gaps.map(|gap| {
        let mut lines = gap_lines(gap);
        if shown(gap) {
            let snippet = gap.place.snippet.lines().count();
            lines.drain(1.min(lines.len())..(1 + snippet).min(lines.len()));
        }
        lines
    });
    lines.filter(|lines| !lines.is_empty()).collect()
}

/// The card of a practice.
pub(crate) fn card(row: &Row, folded: bool) -> Card {
    let mut card = plain(row, folded);
    let Some(looked) = &row.looked else { return card };
    card.marks = vec![format!("p-{}", row.priority.name())];
    if row.is_waived() {
        card.marks.push("waived".into());
    }
    let mut facts = vec![("Priority", format!("{}, {}", row.priority.name(), basis(row.basis)))];
    facts.push((
        "Weight and credit",
        format!("{} × {}", row.weight.ratio().short(), row.value.map_or_else(|| "not counted".into(), |value| value.to_string())),
    ));
    facts.push(("Shown by", row.grade.map_or("nothing", |grade| grade.words()).to_owned()));
    if let Some(words) = sort(looked) {
        facts.push(("Only in part", words));
    }
    if looked.probed.is_none() && looked.status != Status::Unknown {
        facts.push(("Confidence", confidence(looked).into()));
    }
    if !looked.services.is_empty() {
        let each: Vec<String> = looked.services.iter().map(|(name, status)| format!("{name}: {}", status.name())).collect();
        facts.push(("By service", each.join(", ")));
    }
    facts.extend(card.facts.iter().filter(|(name, _)| matches!(*name, "Held back" | "Part of")).cloned());
    if !folded {
        facts.push(("What to do", row.recommendation.clone()));
        if let Some(place) = row.place() {
            facts.push(("Where", spot(place)));
        }
        if let Some(days) = looked.days {
            facts.push(("Effort", format!("{}, {} (an estimate)", row.effort.name(), days.words())));
        }
        facts.push(("Who", who(row.repair).into()));
    }
    card.facts = facts;
    let evidence = row.evidence.iter().filter(|one| one.check().is_none());
    card.lists.push(("Evidence", cut(evidence.map(|one| one.lines()).collect())));
    card.beside = Vec::new();
    let title = if looked.status == Status::Missing { "Where it is missing" } else { "What is wrong" };
    card.lists.push((title, cut(gaps_lines(row))));
    card.lists.push(("Looked for", looked.searched.clone()));
    card
}

/// The first places, and how many there are.
fn cut(places: Vec<Vec<String>>) -> Vec<String> {
    let more = places.len().saturating_sub(PLACES);
    let mut lines: Vec<String> = places.into_iter().take(PLACES).flatten().collect();
    if more > 0 {
        lines.push(format!("and {more} more, in the JSON form"));
    }
    lines
}

const fn confidence(looked: &Looked) -> &'static str {
    match looked.confidence {
        crate::detect::Confidence::Low => "low",
        crate::detect::Confidence::Medium => "medium",
        crate::detect::Confidence::High => "high",
    }
}

fn order(report: &Report, repository: &Repository) -> Vec<Block> {
    let heads = vec!["#", "Practice", "Status", "In the way", "Priority", "Weight", "Credit", "Days", "Where", "Waived"];
    let rows: Vec<Vec<Cell>> = shown(report, repository)
        .into_iter()
        .enumerate()
        .map(|(place, row)| {
            let yes = |so: bool| Cell::Text(if so { "yes" } else { "no" }.into());
            vec![
                Cell::Number((place + 1).to_string()),
                Cell::Practice(row.id.clone()),
                Cell::Text(row.status.name().into()),
                yes(row.blocked()),
                Cell::Text(row.priority.name().into()),
                Cell::Number(row.weight.ratio().short()),
                Cell::Number(row.value.map_or_else(|| "n/a".into(), |value| value.to_string())),
                Cell::Text(days(row)),
                Cell::Text(row.place().map(spot).unwrap_or_default()),
                yes(row.is_waived()),
            ]
        })
        .collect();
    if rows.is_empty() {
        return vec![Block::Text("There is nothing to do.".into())];
    }
    let says = "Critical practices before the others, then by what a day of work earns.";
    vec![Block::Text(says.into()), Block::Table(Table { heads, rows })]
}

/// The estimate of a row.
pub(crate) fn days(row: &Row) -> String {
    row.looked.as_ref().and_then(|looked| looked.days).map_or_else(String::new, crate::report::Estimate::words)
}

pub(super) fn roadmap(report: &Report) -> Vec<Block> {
    let phases = plan::phases(report);
    let says = format!(
        "{} for one person. These are estimates: the effort on each practice's page, scaled by what has to change here. What a \
         practice needs comes before it. What is unknown has no estimate.",
        plan::total(&phases)
    );
    let mut blocks = vec![Block::Text(says)];
    blocks.extend(by_phase(&phases, days));
    blocks
}

fn implemented(report: &Report) -> Vec<Block> {
    by_category(report, card, "Nothing was shown to be there.")
}
