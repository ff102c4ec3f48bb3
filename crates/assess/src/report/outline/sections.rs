//! The sections of the document, in the order in which a reviewer asks.

use super::{Block, Card, Cell, CheckLine, Outline, Section, Table};
use crate::{
    Basis, Outcome, Priority, Repair, Status,
    report::{Doubt, Report, Row, plan},
    score::{Band, CategoryScore, Counts, Score},
};

/// The document for a report.
pub fn outline(report: &Report) -> Outline {
    if let Some(repository) = &report.repository {
        return super::assessed::outline(report, repository);
    }
    let section = |anchor, title: &str, blocks| Section { anchor, title: title.to_owned(), blocks };
    let mut sections = vec![
        section("summary", "Executive summary", summary(report)),
        section("categories", "Score by category", categories(report)),
        section("gaps", "Gaps", gaps(report)),
        section("order", "Order of work", order(report)),
        section("roadmap", "Roadmap", roadmap(report)),
        section("implemented", "Implemented practices", implemented(report)),
        section("unknown", "Unknown", unknown(report)),
        section("not-applicable", "Not applicable", not_applicable(report)),
        section("checklist", "Checklist", checklist(report)),
        section("method", "How this was computed", method(report)),
    ];
    if !report.left.is_empty() {
        let points = Block::Points { numbered: false, items: report.left.clone() };
        sections.push(section("left", "Left behind", vec![Block::Text("This could not be tidied up after the run.".into()), points]));
    }
    let title = format!("Readiness report: {}", report.header.target.words());
    Outline { title, verdict: (report.verdict.name().into(), report.safe_to_deploy), sections, filter: false }
}

fn summary(report: &Report) -> Vec<Block> {
    let (header, score, counts) = (&report.header, &report.score, report.counts);
    let none = || "not stated".to_owned();
    let safe = if report.safe_to_deploy { "Safe to deploy: yes." } else { "Safe to deploy: no." };
    let gate = if report.gate.passed { "passed" } else { "failed" };
    let mut facts = vec![
        ("Verdict", format!("{}. {safe} {}", report.verdict.name(), report.summary)),
        ("Gate", format!("{}: {gate}. {}", report.gate.name.name(), report.gate.says)),
        ("Score", points(score)),
        (
            "Confidence",
            format!(
                "{} of the weight was decided by a live probe or a test; {} is unknown",
                score.confidence.printed(),
                score.unknown.printed()
            ),
        ),
        (
            "Practices",
            format!(
                "{} in the catalogue, {} with a probe: {} proven, {} partial, {} missing, {} unknown, {} not applicable",
                counts.pages, counts.with_probe, counts.proven, counts.partial, counts.missing, counts.unknown, counts.not_applicable
            ),
        ),
        ("Looked at", header.target.words()),
        ("Database", header.database.clone().unwrap_or_else(none)),
        ("Profile", header.profile.clone().unwrap_or_else(none)),
        ("Made by", format!("{} {}, catalogue {}, seed {}", header.tool, header.version, header.catalogue, header.seed)),
        ("Time", header.time.to_string()),
        ("Binary", header.digests.binary.clone().unwrap_or_else(none)),
        ("Configuration", header.digests.configuration.clone().unwrap_or_else(none)),
        ("API description", header.digests.openapi.clone().unwrap_or_else(none)),
    ];
    if !header.only.is_empty() {
        facts.push(("Only", format!("this run looked at {} and at nothing else", header.only.join(", "))));
    }
    if let Some(without) = &header.without {
        facts.push(("Without", format!("{without} was switched off for this run")));
    }
    let mut blocks = vec![Block::Facts(facts)];
    if !report.gate.failed_by.is_empty() {
        blocks.push(Block::Text(format!("The gate was closed by: {}.", report.gate.failed_by.join(", "))));
    }
    blocks
}

/// The score with its points.
pub(super) fn points(score: &Score) -> String {
    let (share, band) = (&score.share, score.band.map_or("", Band::name));
    format!("{} {band}: {} of {} points of weight", share.printed(), share.earned.mixed(), share.possible.mixed())
}

fn categories(report: &Report) -> Vec<Block> {
    let says = "A category is scored over its practices that apply; what is unknown earns nothing. One with an open critical practice \
                is never called Strong.";
    vec![Block::Text(says.into()), Block::Table(scored(report, "Proven", |counts| counts.proven))]
}

/// The scores of categories; `met` heads the number of practices that are.
pub(super) fn scored(report: &Report, met: &'static str, count: impl Fn(&Counts) -> usize) -> Table {
    let heads = vec!["Category", "Score", "Band", "Points", met, "Partial", "Missing", "Unknown", "Not applicable", "Critical, open"];
    let row = |one: &CategoryScore| {
        let counts = one.counts;
        let mut row = vec![
            Cell::Text(one.category.name().into()),
            Cell::Meter(one.share.percent.map(|figure| figure.to_string()), one.share.printed()),
            Cell::Text(one.band.map_or("", Band::name).into()),
            Cell::Number(format!("{} / {}", one.share.earned.mixed(), one.share.possible.mixed())),
        ];
        let numbers = [count(&counts), counts.partial, counts.missing, counts.unknown, counts.not_applicable, one.blockers.len()];
        row.extend(numbers.map(|number| Cell::Number(number.to_string())));
        row
    };
    Table { heads, rows: report.categories.iter().map(row).collect() }
}

fn gaps(report: &Report) -> Vec<Block> {
    let rows: Vec<&Row> = report.order.iter().filter_map(|id| report.row(id)).collect();
    if rows.is_empty() {
        return vec![Block::Text("Nothing that was examined is broken.".into())];
    }
    rows.into_iter().map(|row| Block::Card(Box::new(card(row, false)))).collect()
}

fn order(report: &Report) -> Vec<Block> {
    let heads = vec!["#", "Practice", "Status", "In the way", "Priority", "Weight", "Value", "Effort", "Days", "Who"];
    let known = report.order.iter().filter_map(|id| report.row(id));
    let open = plan::to_find_out(&report.practices).into_iter().filter(|row| row.blocked());
    let mut rows = Vec::new();
    for (place, row) in known.chain(open).enumerate() {
        let days = plan::days(row.effort);
        let usual = if row.is_broken() { days.usual.to_string() } else { "show it".into() };
        rows.push(vec![
            Cell::Number((place + 1).to_string()),
            Cell::Practice(row.id.clone()),
            Cell::Text(row.status.name().into()),
            Cell::Text(if row.blocked() { "yes" } else { "no" }.into()),
            Cell::Text(row.priority.name().into()),
            Cell::Number(row.weight.ratio().short()),
            Cell::Number(row.value.map_or_else(|| "n/a".into(), |value| value.to_string())),
            Cell::Text(row.effort.name().into()),
            Cell::Number(usual),
            Cell::Text(who(row.repair).into()),
        ]);
    }
    if rows.is_empty() {
        return vec![Block::Text("There is nothing to do.".into())];
    }
    let says = "First what is broken: critical practices before the others, then by what a day of work earns. After it, the critical \
                practices that nobody has shown yet: they cost a look before they cost work.";
    vec![Block::Text(says.into()), Block::Table(Table { heads, rows })]
}

fn roadmap(report: &Report) -> Vec<Block> {
    let open: Vec<&Row> = plan::to_find_out(&report.practices);
    let blockers: Vec<String> = open.iter().filter(|row| row.blocked()).map(|row| line(row)).collect();
    let phases = plan::phases(report);
    let says = format!(
        "Work on what is known to be broken: {}. Days are days of one person, from the effort on each practice's page, as a range; \
         a practice comes after the one it is a part of. What is unknown has no estimate.",
        plan::total(&phases)
    );
    let mut blocks = vec![Block::Text(says)];
    blocks.push(Block::Heading(format!("Find out: {} unknown, {} of them critical", open.len(), blockers.len())));
    if !blockers.is_empty() {
        blocks.push(Block::Points { numbered: false, items: blockers });
    }
    blocks.extend(by_phase(&phases, |row| row.effort.name().into()));
    blocks
}

pub(super) fn line(row: &Row) -> String {
    format!("{}: {}", row.id, row.title)
}

/// What to do in each phase, with the effort of each practice.
pub(super) fn by_phase(phases: &[plan::Phase<'_>], effort: impl Fn(&Row) -> String) -> Vec<Block> {
    let mut blocks = Vec::new();
    for (number, phase) in phases.iter().enumerate() {
        blocks.push(Block::Heading(format!("Phase {}. {}: {}", number + 1, phase.goal, phase.length())));
        let items: Vec<String> = phase.rows.iter().map(|row| format!("{} ({})", line(row), effort(row))).collect();
        if !items.is_empty() {
            blocks.push(Block::Points { numbered: true, items });
        }
    }
    blocks
}

fn implemented(report: &Report) -> Vec<Block> {
    by_category(report, card, "Nothing was shown to hold.")
}

/// The implemented practices by category, folded; `none` where there are none.
pub(super) fn by_category(report: &Report, card: impl Fn(&Row, bool) -> Card, none: &str) -> Vec<Block> {
    let mut blocks = Vec::new();
    for category in &report.categories {
        let rows: Vec<&Row> = report.with(Status::Implemented).filter(|row| row.category == category.category).collect();
        if !rows.is_empty() {
            blocks.push(Block::Heading(format!("{} ({})", category.category.name(), rows.len())));
            blocks.extend(rows.into_iter().map(|row| Block::Card(Box::new(card(row, true)))));
        }
    }
    if blocks.is_empty() {
        blocks.push(Block::Text(none.into()));
    }
    blocks
}

fn unknown(report: &Report) -> Vec<Block> {
    const REASONS: [(Doubt, &str); 5] = [
        (Doubt::Trouble, "The probe could not go on"),
        (Doubt::NotGranted, "Something was not granted"),
        (Doubt::OutOfReach, "It is about the inside of a mounted service"),
        (Doubt::NotAsked, "Left out of this run"),
        (Doubt::NotYetChecked, "Nothing can check it yet"),
    ];
    let mut blocks = vec![Block::Text("Unknown is neither met nor missing. It earns nothing, and it is not held against anybody.".into())];
    for (doubt, title) in REASONS {
        let rows: Vec<&Row> = plan::to_find_out(&report.practices).into_iter().filter(|row| row.doubt() == Some(doubt)).collect();
        if rows.is_empty() {
            continue;
        }
        let cells = |row: &Row| {
            let says: Vec<&str> = row.checks.iter().filter(|check| check.doubt.is_some()).map(|check| check.says.as_str()).collect();
            vec![
                Cell::Practice(row.id.clone()),
                Cell::Text(row.title.clone()),
                Cell::Text(row.priority.name().into()),
                Cell::Text(row.why.clone()),
                Cell::Text(says.join(" ")),
            ]
        };
        blocks.push(Block::Heading(format!("{title} ({})", rows.len())));
        let heads = vec!["Practice", "Title", "Priority", "Reason", "To be shown"];
        blocks.push(Block::Table(Table { heads, rows: rows.into_iter().map(cells).collect() }));
    }
    blocks
}

pub(super) fn not_applicable(report: &Report) -> Vec<Block> {
    let cells = |row: &Row| vec![Cell::Practice(row.id.clone()), Cell::Text(row.title.clone()), Cell::Text(row.why.clone())];
    let rows: Vec<Vec<Cell>> = report.with(Status::NotApplicable).map(cells).collect();
    if rows.is_empty() {
        return vec![Block::Text("Every practice of the catalogue has a meaning here.".into())];
    }
    let says = "These leave the score. Each needs a reason; a reader who does not share it should count the practice as unknown.";
    vec![Block::Text(says.into()), Block::Table(Table { heads: vec!["Practice", "Title", "Reason"], rows })]
}

pub(super) fn checklist(report: &Report) -> Vec<Block> {
    let tier = |row: &Row| match (row.priority, row.basis) {
        (Priority::Critical, Basis::Item) => 0,
        (Priority::High, _) => 1,
        _ => 2,
    };
    let titles = [
        "Minimum: every one of these",
        "Recommended: nine tenths of the weight of these",
        "Full: 95 percent of everything, nothing unknown",
    ];
    let mut blocks = Vec::new();
    for (number, title) in titles.iter().enumerate() {
        let here = report.practices.iter().filter(|row| (row.value.is_some() || row.is_unseen()) && tier(row) == number);
        let boxes: Vec<(bool, String, String)> =
            here.map(|row| (row.value.is_some_and(|value| value.rest().is_zero()), row.id.clone(), row.title.clone())).collect();
        let done = boxes.iter().filter(|one| one.0).count();
        blocks.push(Block::Heading(format!("{title} ({done} of {})", boxes.len())));
        blocks.push(Block::Boxes(boxes));
    }
    blocks
}

fn method(report: &Report) -> Vec<Block> {
    let items = [
        "A practice is a row with checks. A check holds, is broken, is unknown, or does not apply.",
        "Evidence has a grade: E3 a live probe on the running service, E2 a test that ran, E1 a place in a file, E0 a statement. \
         The value of a row is the share of its applicable checks that hold. For runtime, data, deployment, AI and product rows a file \
         alone gives at most 1/2 and a statement nothing; for process rows a file is enough and a statement gives at most 1/2.",
        "Unknown counts as not held. What does not apply leaves numerator and denominator, with its reason.",
        "A part of a practice (a facet) earns nothing where the practice itself earns nothing.",
        "Weights: critical 8, high 4, medium 2, low 1; half of it where the priority is not stated for the very item.",
        "A score is the sum of weight times value, divided by the sum of weights, over the rows that apply; the whole is over all rows, \
         not over categories. One decimal, a tie goes to the even neighbour. Fractions are exact.",
        "Strong from 80, Moderate from 50, Weak below; with an open practice that is critical by its own statement never Strong.",
        "Verdict. Not runnable: it does not boot or its liveness is broken. Not ready: a practice that is critical by its own \
         statement is below 1. Minimum: all of those are at 1. Recommended: and 90 percent of the weight of high priority. Full: and 95 \
         percent of everything with nothing unknown. Safe to deploy from Minimum on.",
        "The gate decides the exit code and is chosen by whoever runs this. `claims`: no check is broken and no probe had to give \
         up. `minimum`, `recommended`, `full`: the verdict is at least that.",
        "Order of work: what is critical by its own statement, then weight times what is missing of the value, by days: S 2, M 7, L 11, \
         XL 25, and 7 where nobody states an effort. Ranges: S 1 to 4, M 5 to 10, L 9 to 12, XL 24 and more, not stated 1 to 12.",
    ];
    let again = format!(
        "The same binary, configuration, seed and catalogue give this report again byte by byte, the time aside. Every row stands in \
         the JSON form ({}) with its value, so each figure can be recomputed.",
        report.schema
    );
    vec![Block::Points { numbered: true, items: items.map(str::to_owned).to_vec() }, Block::Text(again)]
}

/// Who can fix it, in a few words.
pub(super) const fn who(repair: Repair) -> &'static str {
    match repair {
        Repair::Edge => "mount behind Plimsoll",
        Repair::Kernel => "build on the host's data layer",
        Repair::Yours => "you, in your code",
    }
}

/// Where a priority comes from, in words.
pub(super) const fn basis(basis: Basis) -> &'static str {
    match basis {
        Basis::Item => "stated for this very practice",
        Basis::Inherited => "stated for the section it stands in",
        Basis::Inferred => "stated by nobody",
    }
}

pub(super) fn card(row: &Row, folded: bool) -> Card {
    let mut facts = vec![
        ("Priority", format!("{}, {}", row.priority.name(), basis(row.basis))),
        (
            "Weight and value",
            format!("{} × {}", row.weight.ratio().short(), row.value.map_or_else(|| "n/a".into(), |value| value.to_string())),
        ),
        ("Evidence", row.grade.map_or("none", |grade| grade.words()).to_owned()),
    ];
    if let Some(parent) = &row.held_back_by {
        facts.push(("Held back", format!("earns nothing because {parent} earns nothing")));
    }
    if let Some(parent) = &row.facet_of {
        facts.push(("Part of", parent.clone()));
    }
    if !folded {
        facts.push(("Effort", row.effort.name().to_owned()));
        facts.push(("Who can fix it", crate::report::text::repair(row.repair).to_owned()));
        facts.push(("Recommendation", row.recommendation.clone()));
    }
    let checks = row.checks.iter().map(|check| {
        let (word, why) = match &check.outcome {
            Outcome::Held => ("holds", String::new()),
            Outcome::Broken(why) => ("broken", why.clone()),
            Outcome::Unknown(why) => ("unknown", why.clone()),
            Outcome::NotApplicable(why) => ("not applicable", why.clone()),
        };
        let of = row.evidence.iter().filter(|one| one.check() == Some(check.id.as_str()));
        CheckLine { word, says: check.says.clone(), why, transcript: of.flat_map(|one| one.lines()).collect() }
    });
    let named = |check: Option<&str>| check.is_some_and(|check| row.checks.iter().any(|known| known.id == check));
    Card {
        id: row.id.clone(),
        title: row.title.clone(),
        status: row.status,
        why: row.why.clone(),
        facts,
        checks: checks.collect(),
        lists: Vec::new(),
        marks: Vec::new(),
        beside: row.evidence.iter().filter(|one| !named(one.check())).flat_map(|one| one.lines()).collect(),
        done_when: row.done_when.clone(),
        folded,
    }
}
