//! What is not known, not counted and not read, and how all of it was computed.

use super::super::{Block, Cell, Table};
use crate::{
    Status,
    report::{Report, Repository, Row, plan},
};

pub(super) fn unknown(report: &Report) -> Vec<Block> {
    let says = "Unknown is neither met nor missing. It is not in the score; a critical practice that is unknown keeps the verdict at Not \
                ready.";
    let mut blocks = vec![Block::Text(says.into())];
    let rows: Vec<&Row> = plan::to_find_out(&report.practices).into_iter().filter(|row| row.status == Status::Unknown).collect();
    let seen = |row: &&&Row| row.looked.as_ref().is_some_and(|looked| looked.detector);
    for (title, wanted) in [("Its files do not tell", true), ("No detector looks for it yet", false)] {
        let rows: Vec<&&Row> = rows.iter().filter(|row| seen(row) == wanted).collect();
        if rows.is_empty() {
            continue;
        }
        blocks.push(Block::Heading(format!("{title} ({})", rows.len())));
        let cells = |row: &&Row| {
            let probe =
                if row.checked == crate::page::Checked::Probe { format!("plimsoll prove --only {}", row.id) } else { String::new() };
            let texts = [row.title.clone(), row.priority.name().into(), row.why.clone(), probe];
            std::iter::once(Cell::Practice(row.id.clone())).chain(texts.map(Cell::Text)).collect()
        };
        let heads = vec!["Practice", "Title", "Priority", "Reason", "Found out by"];
        blocks.push(Block::Table(Table { heads, rows: rows.into_iter().map(cells).collect() }));
    }
    blocks
}

pub(super) fn waivers(repository: &Repository) -> Vec<Block> {
    let says = "A waived gap is still a gap: it counts in the score and in the verdict. It is only not failed on.";
    let mut blocks = vec![Block::Text(says.into())];
    blocks.push(Block::Points { numbered: false, items: repository.waivers.iter().map(crate::report::WaiverUse::words).collect() });
    if !repository.complaints.is_empty() {
        blocks.push(Block::Heading("Comments that waive nothing".into()));
        blocks.push(Block::Points { numbered: false, items: repository.complaints.clone() });
    }
    blocks
}

pub(super) fn skipped(repository: &Repository) -> Vec<Block> {
    if repository.skipped.is_empty() {
        return vec![Block::Text("Every file was read.".into())];
    }
    let says = if repository.incomplete {
        "Some of this could have held proof or fault: the assessment is incomplete, and nothing in it is a pass."
    } else {
        "Nothing of this could have changed what is said above."
    };
    vec![Block::Text(says.into()), Block::Points { numbered: false, items: repository.skipped.clone() }]
}

pub(super) fn method(report: &Report) -> Vec<Block> {
    let items = [
        "Files are read into facts: calls, routes, middleware, settings, values of configuration. A detector asks facts. Prose, comments, \
         imports, dependencies and names of files alone never prove a practice of code. Nothing under review is executed.",
        "What nothing that runs leads to, what is off by default, what cannot work and what holds for some only is partial, with the reason.",
        "Credit: implemented 1; partial by reason: counted n/m × 9/10, weak or one service 1/2, off by default 2/5, unwired, broken or \
         only written down 1/10; missing 0. Unknown and not applicable leave the score and are counted aloud.",
        "A score is the sum of weight times credit, divided by the sum of weights, over the rows that are known and apply. A part of a \
         practice earns nothing where the practice itself earns nothing.",
        "Where a probe of the running service decided, its checks and their grades count instead, and a contradiction is listed.",
        "Verdict and band are those of `plimsoll prove`: with a critical practice missing, partial or unknown it is Not ready, whatever \
         the score; a category or a whole of which more is unknown than known is never called Strong.",
        "Waivers change neither status nor score. A fingerprint is a digest of practice, service, path, definition and text, without lines.",
    ];
    let again = format!("The same files, catalogue, waivers and time give this report again byte by byte ({}).", report.schema);
    vec![Block::Points { numbered: true, items: items.map(str::to_owned).to_vec() }, Block::Text(again)]
}
