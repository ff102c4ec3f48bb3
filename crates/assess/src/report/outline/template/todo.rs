//! Strengths, issues with the files and lines they stand in and items to tick, a checklist by tier, a timeline.

use super::{action, files, gaps, mark, opening, proof, quoted, section, titled};
use crate::{
    Category, Priority, Status,
    report::{
        Report, Row,
        outline::{Block, Section, assessed::roadmap, sections::checklist},
    },
};

pub(super) fn sections(report: &Report) -> Vec<Section> {
    let tier = |wanted: fn(Priority) -> bool| -> Vec<&Row> { gaps(report).into_iter().filter(|row| wanted(row.priority)).collect() };
    vec![
        section("summary", "Executive summary", opening(report)),
        section("strengths", "Strengths", strengths(report)),
        section("critical", "Critical issues (must fix before production)", issues(&tier(|one| one == Priority::Critical), 1)),
        section("high", "High priority issues", issues(&tier(|one| one == Priority::High), 2)),
        section("medium", "Medium and low priority issues", issues(&tier(|one| one > Priority::High), 3)),
        section("checklist", "Checklist by tier", checklist(report)),
        section("timeline", "Timeline", roadmap(report)),
    ]
}

fn strengths(report: &Report) -> Vec<Block> {
    let rows: Vec<String> = report.with(Status::Implemented).map(|row| format!("{}: {}", titled(row), proof(row))).collect();
    if rows.is_empty() {
        return vec![Block::Text("Nothing was shown to be there.".into())];
    }
    vec![Block::Points { numbered: false, items: rows }]
}

/// Issues by category, numbered `chapter.part`.
fn issues(rows: &[&Row], tier: usize) -> Vec<Block> {
    let (mut blocks, mut chapter) = (Vec::new(), 0);
    for category in Category::ALL {
        let here: Vec<&&Row> = rows.iter().filter(|row| row.category == *category).collect();
        if here.is_empty() {
            continue;
        }
        chapter += 1;
        for (part, row) in here.into_iter().enumerate() {
            blocks.push(Block::Heading(format!(
                "{tier}.{chapter}.{} {}, {}: {}",
                part + 1,
                category.name(),
                titled(row),
                mark(row).to_lowercase()
            )));
            let mut facts = vec![("Status", row.why.clone()), ("Priority", row.priority.name().into())];
            let files = files(row);
            if !files.is_empty() {
                facts.push(("Files affected", files));
            }
            blocks.push(Block::Facts(facts));
            let lines = quoted(row);
            if !lines.is_empty() {
                blocks.push(Block::Text("Issues:".into()));
                blocks.push(Block::Code(lines));
            }
            blocks.push(Block::Text("Action items:".into()));
            let todo = std::iter::once(action(row)).chain(row.done_when.iter().cloned());
            blocks.push(Block::Boxes(todo.map(|item| (false, row.id.clone(), item)).collect()));
            blocks.push(Block::Text(format!("References: practices/{}/{}.md", row.category.folder(), row.id)));
        }
    }
    if blocks.is_empty() {
        blocks.push(Block::Text("None.".into()));
    }
    blocks
}
