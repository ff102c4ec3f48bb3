//! What changed since an earlier report, as a document.

use std::collections::BTreeMap;

use super::{Block, Cell, Outline, Section, Table, assessed::spot};
use crate::report::{Gap, Report, Row};

/// New gaps, fixed gaps, and practices whose status changed.
pub fn since(earlier: &Report, report: &Report) -> Outline {
    let (before, after) = (gaps(earlier), gaps(report));
    let only = |one: &BTreeMap<&str, (&Row, &Gap)>, other: &BTreeMap<&str, (&Row, &Gap)>| {
        let mut left: Vec<(&str, String, String)> = one
            .iter()
            .filter(|(name, _)| !other.contains_key(*name))
            .map(|(_, (row, gap))| {
                let place = if gap.place.file.is_empty() { String::new() } else { spot(&gap.place) };
                (row.id.as_str(), place, row.why.clone())
            })
            .collect();
        left.sort();
        let cells = |(id, place, why): (&str, String, String)| vec![Cell::Practice(id.to_owned()), Cell::Text(place), Cell::Text(why)];
        left.into_iter().map(cells).collect::<Vec<_>>()
    };
    let (new, fixed) = (only(&after, &before), only(&before, &after));
    let diff = crate::history::diff(earlier, report);
    let changed: Vec<Vec<Cell>> = diff
        .practices
        .iter()
        .filter(|change| change.from != change.to)
        .map(|change| {
            let name = |status: Option<crate::Status>| Cell::Text(status.map_or("absent", crate::Status::name).into());
            let worse = Cell::Text(if change.worse { "worse" } else { "" }.into());
            vec![Cell::Practice(change.id.clone()), name(change.from), name(change.to), worse, Cell::Text(change.why.clone())]
        })
        .collect();
    let figures: Vec<Vec<Cell>> = diff
        .figures
        .iter()
        .map(|change| vec![Cell::Text(change.what.into()), Cell::Text(change.from.clone()), Cell::Text(change.to.clone())])
        .collect();
    let table = |anchor, title: &str, heads: Vec<&'static str>, rows: Vec<Vec<Cell>>| {
        let title = format!("{title} ({})", rows.len());
        let block = if rows.is_empty() { Block::Text("None.".into()) } else { Block::Table(Table { heads, rows }) };
        Section { anchor, title, blocks: vec![block] }
    };
    Outline {
        title: format!("Changes of {} since {}", report.header.target.words(), earlier.header.time),
        verdict: (report.verdict.name().into(), report.safe_to_deploy),
        sections: vec![
            table("figures", "Figures", vec!["Figure", "Before", "Now"], figures),
            table("new", "New gaps", vec!["Practice", "Where", "Reason"], new),
            table("fixed", "Fixed gaps", vec!["Practice", "Where it was", "Reason then"], fixed),
            table("changed", "Practices with another status", vec!["Practice", "Before", "Now", "", "Reason"], changed),
        ],
        filter: false,
    }
}

fn gaps(report: &Report) -> BTreeMap<&str, (&Row, &Gap)> {
    let rows = report.practices.iter().filter(|row| row.is_broken());
    rows.flat_map(|row| row.looked.iter().flat_map(|looked| &looked.gaps).map(move |gap| (gap.fingerprint.as_str(), (row, gap)))).collect()
}
