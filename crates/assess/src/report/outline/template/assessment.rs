//! Categories with status, score and critical gaps; for each what is there, partial and missing; a roadmap; an appendix.

use super::{action, files, gaps, mark, opening, proof, section};
use crate::{
    Priority, Status,
    report::{
        Report, Row,
        outline::{
            Block, Cell, Section, Table,
            assessed::{days, roadmap},
        },
    },
    score::{Band, CategoryScore},
};

pub(super) fn sections(report: &Report) -> Vec<Section> {
    const ANCHORS: [&str; 12] = ["c1", "c2", "c3", "c4", "c5", "c6", "c7", "c8", "c9", "c10", "c11", "c12"];
    let mut sections = vec![section("summary", "Executive summary", summary(report))];
    for (number, category) in report.categories.iter().enumerate() {
        let title = format!(
            "{}. {} ({}, {})",
            number + 1,
            category.category.name(),
            category.share.printed(),
            category.band.map_or("not scored", Band::name)
        );
        sections.push(section(ANCHORS[number.min(ANCHORS.len() - 1)], title, part(report, category)));
    }
    sections.push(section("recommendations", "Prioritised recommendations", recommendations(report)));
    sections.push(section("roadmap", "Implementation roadmap", timed(report)));
    sections.push(section("appendix", "Appendix: services", appendix(report)));
    sections
}

fn summary(report: &Report) -> Vec<Block> {
    let row = |one: &CategoryScore| {
        let here = report.practices.iter().filter(|row| row.category == one.category && row.is_broken());
        let critical: Vec<String> = here.filter(|row| row.priority <= Priority::High).map(|row| row.id.clone()).take(4).collect();
        vec![
            Cell::Text(one.category.name().into()),
            Cell::Text(one.band.map_or("not scored", Band::name).into()),
            Cell::Meter(one.share.percent.map(|figure| figure.to_string()), one.share.printed()),
            Cell::Text(critical.join(", ")),
            Cell::Number(one.counts.unknown.to_string()),
        ]
    };
    let mut blocks = opening(report);
    let heads = vec!["Category", "Status", "Score", "Critical gaps", "Unknown"];
    blocks.push(Block::Table(Table { heads, rows: report.categories.iter().map(row).collect() }));
    let band = report.score.band.map_or("not scored", Band::name);
    blocks.push(Block::Text(format!("Overall production readiness: {} ({band}).", report.score.share.printed())));
    blocks
}

fn part(report: &Report, category: &CategoryScore) -> Vec<Block> {
    let rows = |status: Status| -> Vec<&Row> {
        report.practices.iter().filter(|row| row.category == category.category && row.status == status).collect()
    };
    let mut blocks = Vec::new();
    let mut table = |title: &str, heads: Vec<&'static str>, rows: Vec<Vec<Cell>>| {
        if !rows.is_empty() {
            blocks.push(Block::Heading(format!("{title} ({})", rows.len())));
            blocks.push(Block::Table(Table { heads, rows }));
        }
    };
    let there = rows(Status::Implemented).into_iter().map(|row| texts([row.title.clone(), mark(row).into(), proof(row)]));
    table("Implemented practices", vec!["Practice", "Status", "Evidence"], there.collect());
    let partial = rows(Status::Partial).into_iter().map(|row| texts([row.title.clone(), mark(row).into(), row.why.clone(), files(row)]));
    table("Partial implementation", vec!["Practice", "Status", "Gap", "Where"], partial.collect());
    let missing =
        rows(Status::Missing).into_iter().map(|row| texts([row.title.clone(), row.priority.name().into(), days(row), action(row)]));
    table("Missing practices", vec!["Practice", "Priority", "Effort", "Recommendation"], missing.collect());
    let unknown: Vec<String> = rows(Status::Unknown).into_iter().map(|row| row.id.clone()).collect();
    if !unknown.is_empty() {
        blocks.push(Block::Text(format!("Unknown, and not in the score: {}.", unknown.join(", "))));
    }
    let mut keys: Vec<String> = report
        .practices
        .iter()
        .filter(|row| row.category == category.category)
        .flat_map(|row| &row.evidence)
        .filter_map(|one| if let crate::report::Evidence::File { file, .. } = one { Some(file.clone()) } else { None })
        .collect();
    keys.sort();
    keys.dedup();
    keys.truncate(8);
    if !keys.is_empty() {
        blocks.push(Block::Heading("Key files".into()));
        blocks.push(Block::Points { numbered: false, items: keys });
    }
    blocks
}

fn texts<const N: usize>(texts: [String; N]) -> Vec<Cell> {
    texts.map(Cell::Text).into_iter().collect()
}

fn recommendations(report: &Report) -> Vec<Block> {
    let (mut blocks, mut number) = (Vec::new(), 0);
    for priority in Priority::ALL {
        let rows: Vec<Vec<Cell>> = gaps(report)
            .into_iter()
            .filter(|row| row.priority == *priority)
            .map(|row| {
                number += 1;
                let mut cells = vec![Cell::Number(number.to_string())];
                cells.extend(texts([row.title.clone(), row.category.name().into(), days(row), row.why.clone()]));
                cells
            })
            .collect();
        if !rows.is_empty() {
            blocks.push(Block::Heading(format!("Priority {}", priority.name())));
            blocks.push(Block::Table(Table { heads: vec!["#", "Practice", "Category", "Effort", "What is so today"], rows }));
        }
    }
    blocks
}

/// The phases, and after them when each piece of work would begin and end if one person does it: days from the start, since a
/// date would be made up.
fn timed(report: &Report) -> Vec<Block> {
    let mut blocks = roadmap(report);
    let (mut day, mut rows) = (1, Vec::new());
    for phase in crate::report::plan::phases(report) {
        for row in phase.rows {
            let Some(days) = row.looked.as_ref().and_then(|looked| looked.days) else { continue };
            let end = day + days.most - 1;
            let mut cells = vec![Cell::Practice(row.id.clone())];
            cells.extend([day, end].map(|day| Cell::Number(day.to_string())));
            cells.push(Cell::Text(days.words()));
            rows.push(cells);
            day = end + 1;
        }
    }
    if !rows.is_empty() {
        blocks.push(Block::Heading("At the latest, in days of one person".into()));
        blocks.push(Block::Table(Table { heads: vec!["Practice", "Begins on day", "Done on day", "Takes"], rows }));
    }
    blocks
}

fn appendix(report: &Report) -> Vec<Block> {
    let Some(repository) = &report.repository else { return vec![Block::Text("No repository was read.".into())] };
    let items = repository.services.iter().map(|one| {
        let frame = one.framework.as_ref().map_or_else(String::new, |frame| format!(", {frame}"));
        format!("{} ({}{frame}) in {}", one.name, one.language, if one.root.is_empty() { "." } else { &one.root })
    });
    vec![
        Block::Text(format!("{} files, {} facts.", repository.files, repository.facts)),
        Block::Points { numbered: false, items: items.collect() },
    ]
}
