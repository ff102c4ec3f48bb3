//! What is completed, numbered gaps with risk, effort and action, three plans, how to verify.

use super::{action, gaps, mark, opening, proof, quoted, risk, section, titled};
use crate::{
    Priority, Status,
    report::{
        Report, Row,
        outline::{Block, Section, assessed::days},
        plan,
    },
};

pub(super) fn sections(report: &Report) -> Vec<Section> {
    let rows = gaps(report);
    let (urgent, later): (Vec<&Row>, Vec<&Row>) = rows.into_iter().partition(|row| row.priority <= Priority::High);
    vec![
        section("status", "Current status", opening(report)),
        section("completed", "Completed", completed(report)),
        section("critical", "Critical gaps (must fix for production)", numbered(&urgent, 1)),
        section("important", "Important but not critical", numbered(&later, urgent.len() + 1)),
        section("plan", "Recommended action plan", plans(report)),
        section("verify", "Verification", verify(report)),
        section("environment", "Production environment checklist", environment(report)),
    ]
}

fn completed(report: &Report) -> Vec<Block> {
    let mut blocks = Vec::new();
    for category in &report.categories {
        let rows = report.with(Status::Implemented).filter(|row| row.category == category.category);
        let items: Vec<String> = rows.map(|row| format!("{}: {}", titled(row), proof(row))).collect();
        if !items.is_empty() {
            blocks.push(Block::Heading(category.category.name().into()));
            blocks.push(Block::Points { numbered: false, items });
        }
    }
    if blocks.is_empty() {
        blocks.push(Block::Text("Nothing was shown to be there.".into()));
    }
    blocks
}

fn numbered(rows: &[&Row], first: usize) -> Vec<Block> {
    let mut blocks = Vec::new();
    for (number, row) in rows.iter().enumerate() {
        blocks.push(Block::Heading(format!("{}. {} ({} priority)", number + first, titled(row), row.priority.name())));
        let missing: Vec<&str> = row.done_when.iter().filter(|line| !line.contains('`')).map(String::as_str).collect();
        blocks.push(Block::Facts(vec![
            ("Status", format!("{}: {}", mark(row), row.why)),
            ("What is missing", missing.join(" ")),
            ("Risk level", format!("{}: {}", row.priority.name(), risk(row))),
            ("Estimated effort", days(row)),
            ("Action required", action(row)),
        ]));
        let lines = quoted(row);
        if !lines.is_empty() {
            blocks.push(Block::Code(lines));
        }
    }
    if blocks.is_empty() {
        blocks.push(Block::Text("None.".into()));
    }
    blocks
}

/// Three ways: the least, the whole, and none of it with what that means.
fn plans(report: &Report) -> Vec<Block> {
    let phases = plan::phases(report);
    let mut blocks = Vec::new();
    for (title, taken, after) in [
        (
            "Option A: minimum",
            1,
            "After this every critical practice that is known to fall short is met; the rest is a risk that you chose.",
        ),
        ("Option B: production ready", phases.len(), "After this nothing is known to fall short."),
    ] {
        let taken = phases.get(..taken).unwrap_or(&phases);
        blocks.push(Block::Heading(format!("{title} ({})", plan::total(taken))));
        let items = taken.iter().flat_map(|phase| &phase.rows).map(|row| format!("{} ({})", titled(row), days(row)));
        blocks.push(Block::Points { numbered: true, items: items.collect() });
        blocks.push(Block::Text(after.into()));
    }
    blocks.push(Block::Heading("Option C: start at once".into()));
    let risks: Vec<String> =
        gaps(report).iter().filter(|row| row.priority == Priority::Critical).map(|row| format!("{}: {}", titled(row), row.why)).collect();
    if risks.is_empty() {
        blocks.push(Block::Text("No critical practice is known to fall short; look at what is unknown first.".into()));
    } else {
        blocks.push(Block::Text("You take these risks:".into()));
        blocks.push(Block::Points { numbered: false, items: risks });
    }
    blocks
}

/// Commands that show that a gap is closed.
fn verify(report: &Report) -> Vec<Block> {
    let mut lines = vec!["plimsoll assess . --fail-on critical,incomplete".to_owned()];
    let probed = gaps(report).into_iter().filter(|row| row.checked == crate::page::Checked::Probe);
    lines.extend(probed.map(|row| format!("plimsoll prove --only {}", row.id)));
    vec![Block::Text("Each of these says what still falls short:".into()), Block::Code(lines)]
}

fn environment(report: &Report) -> Vec<Block> {
    use crate::Category::{Data, Documentation, Observability, Operations, Security};
    let mut blocks = Vec::new();
    for category in [Security, Operations, Data, Observability, Documentation] {
        let rows = report.practices.iter().filter(|row| row.category == category && row.priority <= Priority::Medium);
        let boxes: Vec<(bool, String, String)> = rows
            .filter(|row| row.value.is_some() || row.is_unseen())
            .map(|row| (row.status == Status::Implemented, row.id.clone(), row.title.clone()))
            .collect();
        if !boxes.is_empty() {
            blocks.push(Block::Heading(category.name().into()));
            blocks.push(Block::Boxes(boxes));
        }
    }
    blocks
}
