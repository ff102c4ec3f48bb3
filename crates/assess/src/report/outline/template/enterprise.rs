//! Areas that are ready, partly ready and not ready; a matrix; findings by file; phases with tasks; a checklist; questions.

use std::collections::BTreeMap;

use super::{action, files, gaps, mark, opening, proof, quoted, section, titled};
use crate::{
    Priority, Status,
    report::{
        Report, Row,
        outline::{Block, Cell, Section, Table, assessed::days},
        plan,
    },
    score::{Band, CategoryScore},
};

pub(super) fn sections(report: &Report) -> Vec<Section> {
    let of = |band: Option<Band>| -> Vec<&CategoryScore> { report.categories.iter().filter(|one| one.band == band).collect() };
    vec![
        section("summary", "Executive summary", opening(report)),
        section("ready", "Production-ready areas", areas(report, &of(Some(Band::Strong)))),
        section("partial", "Partially ready areas", areas(report, &of(Some(Band::Moderate)))),
        section("not-ready", "Not production-ready areas", areas(report, &of(Some(Band::Weak)))),
        section("unscored", "Areas nobody knows about", areas(report, &of(None))),
        section("matrix", "Deployment readiness matrix", matrix(report)),
        section("findings", "Specific findings by component", findings(report)),
        section("roadmap", "Recommended deployment roadmap", roadmap(report)),
        section("checklist", "Pre-deployment checklist", checklist(report)),
        section("faq", "Questions", questions(report)),
    ]
}

fn areas(report: &Report, categories: &[&CategoryScore]) -> Vec<Block> {
    let mut blocks = Vec::new();
    for one in categories {
        let rows = |status: Status| report.practices.iter().filter(move |row| row.category == one.category && row.status == status);
        blocks.push(Block::Heading(format!("{}: {}", one.category.name(), one.share.printed())));
        let there: Vec<String> = rows(Status::Implemented).map(|row| format!("{}: {}", titled(row), proof(row))).collect();
        if !there.is_empty() {
            blocks.push(Block::Text("What is implemented:".into()));
            blocks.push(Block::Points { numbered: false, items: there });
        }
        let short: Vec<&Row> = rows(Status::Partial).chain(rows(Status::Missing)).collect();
        if !short.is_empty() {
            blocks.push(Block::Text("Missing or incomplete:".into()));
            let items = short.iter().map(|row| format!("{}, {}: {}", titled(row), mark(row).to_lowercase(), row.why));
            blocks.push(Block::Points { numbered: false, items: items.collect() });
            let code: Vec<String> = short.iter().flat_map(|row| quoted(row)).take(24).collect();
            if !code.is_empty() {
                blocks.push(Block::Text("Code issues identified:".into()));
                blocks.push(Block::Code(code));
            }
            blocks.push(Block::Text(format!("Effort to fix: {}.", sum(&short))));
        }
    }
    if blocks.is_empty() {
        blocks.push(Block::Text("None.".into()));
    }
    blocks
}

/// The estimates of rows, added.
fn sum(rows: &[&Row]) -> String {
    let days = rows.iter().filter_map(|row| row.looked.as_ref()?.days);
    let (least, most, open) = days.fold((0, 0, false), |(l, m, o), one| (l + one.least, m + one.most, o || one.open));
    crate::report::Estimate { least, most, open }.words()
}

fn matrix(report: &Report) -> Vec<Block> {
    let row = |one: &CategoryScore| {
        let short: Vec<&Row> = report.practices.iter().filter(|row| row.category == one.category && row.is_broken()).collect();
        let effort = if short.is_empty() { "nothing known".into() } else { sum(&short) };
        let safe = if one.blockers.is_empty() { "yes" } else { "no" };
        vec![
            Cell::Text(one.category.name().into()),
            Cell::Text(one.band.map_or("unknown", Band::name).into()),
            Cell::Meter(one.share.percent.map(|figure| figure.to_string()), one.share.printed()),
            Cell::Text(safe.into()),
            Cell::Text(effort),
        ]
    };
    let mut rows: Vec<Vec<Cell>> = report.categories.iter().map(row).collect();
    let share = &report.score.share;
    rows.push(vec![
        Cell::Text("Overall".into()),
        Cell::Text(report.score.band.map_or("unknown", Band::name).into()),
        Cell::Meter(share.percent.map(|figure| figure.to_string()), share.printed()),
        Cell::Text(if report.safe_to_deploy { "yes" } else { "no" }.into()),
        Cell::Text(plan::total(&plan::phases(report))),
    ]);
    vec![Block::Table(Table { heads: vec!["Component", "Status", "Readiness", "Safe", "Effort"], rows })]
}

/// What is wrong in a file: where a team would look for its own.
fn findings(report: &Report) -> Vec<Block> {
    let mut files: BTreeMap<&str, Vec<(u32, String)>> = BTreeMap::new();
    for row in gaps(report) {
        for gap in row.looked.iter().flat_map(|looked| &looked.gaps).filter(|gap| !gap.place.file.is_empty()) {
            let note = if gap.place.note.is_empty() { &row.why } else { &gap.place.note };
            files.entry(&gap.place.file).or_default().push((gap.place.line, format!("line {}: {}, {note}", gap.place.line, titled(row))));
        }
    }
    if files.is_empty() {
        return vec![Block::Text("No place was found.".into())];
    }
    let mut blocks = Vec::new();
    for (file, mut lines) in files {
        lines.sort();
        blocks.push(Block::Heading(file.to_owned()));
        blocks.push(Block::Points { numbered: false, items: lines.into_iter().map(|(_, line)| line).collect() });
    }
    blocks
}

fn roadmap(report: &Report) -> Vec<Block> {
    let mut blocks = Vec::new();
    for (number, phase) in plan::phases(report).iter().enumerate() {
        blocks.push(Block::Heading(format!("Phase {}: {}", number + 1, phase.length())));
        blocks.push(Block::Text(format!("Goal: {}.", phase.goal)));
        blocks.push(Block::Points {
            numbered: true,
            items: phase.rows.iter().map(|row| format!("{}: {} ({})", titled(row), action(row), days(row))).collect(),
        });
    }
    blocks
}

fn checklist(report: &Report) -> Vec<Block> {
    let mut blocks = Vec::new();
    for category in &report.categories {
        let rows = report.practices.iter().filter(|row| row.category == category.category && row.priority <= Priority::High);
        let boxes: Vec<(bool, String, String)> = rows
            .filter(|row| row.value.is_some() || row.is_unseen())
            .map(|row| (row.status == Status::Implemented, row.id.clone(), row.title.clone()))
            .collect();
        if !boxes.is_empty() {
            blocks.push(Block::Heading(category.category.name().into()));
            blocks.push(Block::Boxes(boxes));
        }
    }
    blocks
}

/// The questions that such documents answer, answered by figures.
fn questions(report: &Report) -> Vec<Block> {
    let worst = gaps(report)
        .first()
        .map_or_else(|| "Nothing that was examined falls short.".to_owned(), |row| format!("{}: {} {}", titled(row), row.why, files(row)));
    let now = if report.safe_to_deploy { "Yes." } else { "No." };
    let unknown = format!("{} of {} practices; they are neither met nor missing.", report.counts.unknown, report.counts.pages);
    let answers = [
        ("Can this be deployed to production now?", format!("{now} {}", report.summary)),
        ("What is the biggest risk?", worst),
        ("How long does it take?", format!("{}, for what is known to fall short.", plan::total(&plan::phases(report)))),
        ("What does nobody know?", unknown),
    ];
    answers.into_iter().flat_map(|(question, answer)| [Block::Heading(question.into()), Block::Text(answer)]).collect()
}
