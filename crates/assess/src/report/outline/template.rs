//! The shapes of readiness reviews that people know, filled from one report.

mod assessment;
mod checklist;
mod enterprise;
mod review;
mod todo;

use super::{Block, Outline, Section, assessed::spot};
use crate::{
    Priority, Status,
    report::{Report, Row},
    score::Band,
};

/// A shape.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Template {
    /// Critical failure points, phased steps, a checklist.
    Review,
    /// Categories with scores, tables of what is there and what is not, a roadmap.
    Assessment,
    /// Ready, partly ready and not ready areas, a matrix, findings by component.
    Enterprise,
    /// What is completed, numbered gaps, three plans.
    Checklist,
    /// Issues with the lines they stand in and items to tick.
    Todo,
}

impl Template {
    /// Every shape.
    pub const ALL: [Template; 5] = [Template::Review, Template::Assessment, Template::Enterprise, Template::Checklist, Template::Todo];

    /// The word on the command line.
    pub const fn name(self) -> &'static str {
        match self {
            Template::Review => "review",
            Template::Assessment => "assessment",
            Template::Enterprise => "enterprise",
            Template::Checklist => "checklist",
            Template::Todo => "todo",
        }
    }

    /// The shape of this word.
    pub fn named(word: &str) -> Option<Template> {
        Template::ALL.into_iter().find(|template| template.name() == word)
    }

    /// The document in this shape.
    pub fn outline(self, report: &Report) -> Outline {
        let (title, sections) = match self {
            Template::Review => ("Production readiness review", review::sections(report)),
            Template::Assessment => ("Production readiness assessment report", assessment::sections(report)),
            Template::Enterprise => ("Enterprise deployment readiness assessment", enterprise::sections(report)),
            Template::Checklist => ("Production readiness checklist", checklist::sections(report)),
            Template::Todo => ("Production readiness assessment: to do", todo::sections(report)),
        };
        Outline {
            title: format!("{title}: {}", report.header.target.words()),
            verdict: (report.verdict.name().into(), report.safe_to_deploy),
            sections,
            filter: false,
        }
    }
}

fn section(anchor: &'static str, title: impl Into<String>, blocks: Vec<Block>) -> Section {
    Section { anchor, title: title.into(), blocks }
}

/// Rows that are not met, in the order of work. What the baseline knew is left out where that was asked.
fn gaps(report: &Report) -> Vec<&Row> {
    match &report.repository {
        Some(repository) => super::assessed::shown(report, repository),
        None => report.order.iter().filter_map(|id| report.row(id)).collect(),
    }
}

/// The paragraph that every shape begins with: the figures, and what they do not say.
fn opening(report: &Report) -> Vec<Block> {
    let mut blocks = vec![Block::Text(format!(
        "{}. {} Score {} {}; {} of {} practices are unknown and not in it.",
        report.verdict.name(),
        report.summary,
        report.score.share.printed(),
        report.score.band.map_or("", Band::name),
        report.counts.unknown,
        report.counts.pages
    ))];
    if let Some(repository) = &report.repository {
        if repository.incomplete {
            blocks.push(Block::Text(format!("Incomplete: {} left out or not read. Nothing here is a pass.", repository.skipped.len())));
        }
        for row in repository.conflicts.iter().filter_map(|id| report.row(id)) {
            blocks.push(Block::Text(format!("Files and the running service disagree on {}: {}.", row.id, row.why)));
        }
    }
    blocks
}

/// The title with what has to be known about the row.
fn titled(row: &Row) -> String {
    let waived = if row.is_waived() { ", waived" } else { "" };
    format!("{} ({}{waived})", row.title, row.id)
}

/// The files with their lines, in a few words.
fn files(row: &Row) -> String {
    const SHOWN: usize = 4;
    let Some(looked) = &row.looked else { return String::new() };
    let mut places: Vec<String> = looked.gaps.iter().filter(|gap| !gap.place.file.is_empty()).map(|gap| spot(&gap.place)).collect();
    let more = places.len().saturating_sub(SHOWN);
    places.truncate(SHOWN);
    if more > 0 {
        places.push(format!("{more} more"));
    }
    places.join(", ")
}

/// The places that show a row, in a few words.
fn proof(row: &Row) -> String {
    let lines = row.evidence.iter().filter_map(|one| one.lines().into_iter().next());
    lines.take(2).collect::<Vec<_>>().join("; ")
}

/// The lines that speak against a row, with their places.
fn quoted(row: &Row) -> Vec<String> {
    let gaps = row.looked.iter().flat_map(|looked| &looked.gaps);
    gaps.filter(|gap| !gap.place.snippet.is_empty()).take(3).flat_map(super::assessed::gap_lines).collect()
}

/// Where a row stands, in the words of reviews.
fn mark(row: &Row) -> &'static str {
    match row.status {
        Status::Implemented => "Implemented",
        Status::Partial => "Partial",
        Status::Missing => "Missing",
        Status::Unknown => "Unknown",
        Status::NotApplicable => "Not applicable",
    }
}

/// What to do, with the place.
fn action(row: &Row) -> String {
    let place = row.place().map_or_else(String::new, |place| format!(" Place: {}.", spot(place)));
    format!("{}{place}", row.recommendation)
}

/// What is lost while a row is not met: its promise turned around is what it protects.
fn risk(row: &Row) -> &'static str {
    match row.priority {
        Priority::Critical => "nothing should run without it",
        Priority::High => "it will be missed soon",
        Priority::Medium => "it will be missed",
        Priority::Low => "good to have",
    }
}
