//! Critical failure points with problem, impact and mitigation; phased steps; a checklist.

use super::{action, files, gaps, mark, opening, risk, section, titled};
use crate::{
    Priority,
    report::{
        Report, Row,
        outline::{Block, Section},
        plan,
    },
};

/// How many failure points are told in full; the steps hold all.
const POINTS: usize = 12;

pub(super) fn sections(report: &Report) -> Vec<Section> {
    let rows = gaps(report);
    vec![
        section("summary", "Executive summary", opening(report)),
        section("failures", "Critical failure points", failures(&rows)),
        section("steps", "Necessary steps for production readiness", steps(report)),
        section("checklist", "Summary checklist", vec![checklist(report)]),
    ]
}

fn failures(rows: &[&Row]) -> Vec<Block> {
    let worst: Vec<&&Row> = rows.iter().filter(|row| row.priority <= Priority::High).take(POINTS).collect();
    if worst.is_empty() {
        return vec![Block::Text("None was found.".into())];
    }
    let mut blocks = Vec::new();
    for (number, row) in worst.into_iter().enumerate() {
        blocks.push(Block::Heading(format!("{}. {}: {} risk", number + 1, titled(row), row.priority.name())));
        let place = files(row);
        let place = if place.is_empty() { String::new() } else { format!(" ({place})") };
        blocks.push(Block::Facts(vec![
            ("Problem", format!("{}: {}{place}", mark(row), row.why)),
            ("Impact", format!("{}: {}. What has to hold: {}", row.priority.name(), risk(row), promise(row))),
            ("Mitigation", action(row)),
        ]));
    }
    blocks
}

/// The first thing that has to be shown.
fn promise(row: &Row) -> String {
    row.done_when.first().cloned().unwrap_or_default()
}

fn steps(report: &Report) -> Vec<Block> {
    let mut blocks = Vec::new();
    for (number, phase) in plan::phases(report).iter().enumerate() {
        blocks.push(Block::Heading(format!("Phase {}: {} ({})", number + 1, phase.goal, phase.length())));
        let items = phase.rows.iter().map(|row| format!("{}: {}", titled(row), action(row))).collect();
        blocks.push(Block::Points { numbered: false, items });
    }
    blocks
}

fn checklist(report: &Report) -> Block {
    let rows = report.practices.iter().filter(|row| row.priority == Priority::Critical && (row.value.is_some() || row.is_unseen()));
    Block::Boxes(rows.map(|row| (row.value == Some(crate::ratio::Ratio::ONE), row.id.clone(), row.title.clone())).collect())
}
