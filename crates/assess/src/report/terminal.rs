//! The report on a repository, on a terminal.

use super::{
    Repository, Row,
    inert::visible,
    outline::{days, figures, gaps_lines, shown, sort, spot},
    plan,
    text::{Look, Paper, by_category, colour, examined, scores, short, wrapped},
};
use crate::{Status, report::Report};

/// Places of a practice in the compact form.
const PLACES: usize = 3;
/// How many practices are shown with their places; the others get a line each. Nobody reads a
/// thousand lines on a terminal, and the other forms have them all.
const DETAILED: usize = 25;

/// The report as text.
pub(super) fn text(report: &Report, repository: &Repository, look: Look) -> String {
    let mut paper = Paper { out: String::new(), look };
    let header = &report.header;
    paper.line(0, &format!("{} {} on {}, catalogue {}", header.tool, header.version, header.target.words(), header.catalogue));
    paper.line(0, &format!("{} files, {} facts, {}", repository.files, repository.facts, services(repository)));
    paper.put("");
    let good = report.safe_to_deploy && !repository.incomplete;
    for (name, value) in figures(report, repository) {
        let name = paper.paint(if name == "Verdict" { if good { "1;32" } else { "1;31" } } else { "1" }, &format!("{name:<10}"));
        paper.put(&format!("{name} {}", visible(&value)));
    }
    if repository.incomplete {
        let loud = paper.paint("1;31", "INCOMPLETE: what was left out could have held proof or fault.");
        paper.put(&loud);
    }
    scores(&mut paper, report);
    conflicts(&mut paper, report, repository);
    if look.verbose {
        by_category(&mut paper, report, practice);
    } else {
        let rows = shown(report, repository);
        let hidden = report.order.len() - rows.len();
        if !rows.is_empty() {
            paper.head(&format!("Not met ({})", rows.len()));
        }
        let (first, others) = rows.split_at(rows.len().min(DETAILED));
        first.iter().for_each(|row| practice(&mut paper, row));
        if !others.is_empty() {
            paper.put("");
            paper.line(
                2,
                &format!("and {} of less weight or later in the order of work; --verbose or another form shows their places", others.len()),
            );
            others.iter().for_each(|row| brief(&mut paper, row));
        }
        if hidden > 0 {
            paper.line(0, &format!("{hidden} more are in the baseline and not shown"));
        }
        unknown(&mut paper, report);
    }
    for waiver in repository.waivers.iter().filter(|waiver| look.verbose || waiver.expired || waiver.covers == 0) {
        paper.line(0, &format!("waiver {}", waiver.words()));
    }
    repository.complaints.iter().for_each(|line| paper.line(0, line));
    let listed = if look.verbose || repository.incomplete { repository.skipped.len() } else { 0 };
    repository.skipped.iter().take(listed).for_each(|line| paper.line(0, &format!("left out: {line}")));
    if listed < repository.skipped.len() {
        paper.line(0, &format!("{} left out, without weight for what is said; --verbose lists them", repository.skipped.len()));
    }
    paper.out
}

fn services(repository: &Repository) -> String {
    let names: Vec<String> = repository
        .services
        .iter()
        .map(|one| {
            one.framework.as_ref().map_or_else(|| format!("{} ({})", one.name, one.language), |frame| format!("{} ({frame})", one.name))
        })
        .collect();
    if names.is_empty() { "no service".into() } else { format!("services: {}", names.join(", ")) }
}

fn conflicts(paper: &mut Paper, report: &Report, repository: &Repository) {
    if repository.conflicts.is_empty() {
        return;
    }
    paper.head(&format!("Files and the running service disagree ({}); the probe decides", repository.conflicts.len()));
    for row in repository.conflicts.iter().filter_map(|id| report.row(id)) {
        paper.line(2, &format!("{}: {}", row.id, row.why));
    }
}

/// A practice on one line: status, name, where.
fn brief(paper: &mut Paper, row: &Row) {
    let status = paper.paint(colour(row.status), &format!("{:<14}", row.status.name()));
    let mark = if row.is_waived() { " [waived]" } else { "" };
    let place = row.place().map_or_else(String::new, |place| format!(" at {}", spot(place)));
    paper.put(&format!("  {status} {}{mark}: {} ({}){place}", row.id, visible(&row.why), row.priority.name()));
}

fn practice(paper: &mut Paper, row: &Row) {
    let Some(looked) = &row.looked else { return };
    let status = paper.paint(colour(row.status), &format!("{:<14}", row.status.name()));
    let value = row.value.map_or_else(|| "not counted".into(), |value| format!("credit {value}"));
    let mark = if row.is_waived() { " [waived]" } else { "" };
    let (title, weight) = (visible(&row.title), row.weight.ratio().short());
    paper.put(&format!("  {status} {}: {title} ({}, weight {weight}, {value}){mark}", row.id, row.priority.name()));
    paper.line(6, &row.why);
    if let Some(sort) = sort(looked) {
        paper.line(6, &format!("in part: {sort}"));
    }
    if let Some(parent) = &row.held_back_by {
        paper.line(6, &format!("earns nothing because {parent} does not"));
    }
    row.checks.iter().for_each(|check| examined(paper, row, check));
    let all = paper.look.verbose;
    let of = |count: usize| if all { count } else { count.min(PLACES) };
    let evidence: Vec<Vec<String>> = row.evidence.iter().filter(|one| one.check().is_none()).map(|one| one.lines()).collect();
    for line in evidence.iter().take(of(evidence.len())).flatten() {
        paper.line(10, &format!("+ {}", short(line)));
    }
    // Where it would have to be is said in a line: what stands there is not about it.
    let lines = if looked.gaps.is_empty() { 1 } else { usize::MAX };
    for line in gaps_lines(row).into_iter().take(of(looked.gaps.len().max(1))).flat_map(|place| place.into_iter().take(lines)) {
        paper.line(10, &format!("- {}", short(&line)));
    }
    if looked.gaps.len() > of(looked.gaps.len()) {
        paper.line(10, &format!("({PLACES} of {} places; --verbose shows all)", looked.gaps.len()));
    }
    if looked.status == Status::Missing && !looked.searched.is_empty() {
        paper.line(6, &format!("looked for: {}", looked.searched.join("; ")));
    }
    if row.is_broken() {
        let place = row.place().map_or_else(String::new, |place| format!(" at {}", spot(place)));
        paper.line(6, &format!("do: {}{place} ({})", row.recommendation, days(row)));
        // The last lines say what will turn green; the clauses stand in the other forms.
        for line in row.done_when.iter().filter(|line| line.contains('`')) {
            paper.line(6, &format!("done when: {line}"));
        }
    }
}

fn unknown(paper: &mut Paper, report: &Report) {
    let rows: Vec<&Row> = plan::to_find_out(&report.practices).into_iter().filter(|row| row.status == Status::Unknown).collect();
    if rows.is_empty() {
        return;
    }
    let blockers: Vec<&str> = rows.iter().filter(|row| row.blocked()).map(|row| row.id.as_str()).collect();
    paper.head(&format!("Unknown ({}), {} of them critical", rows.len(), blockers.len()));
    for line in wrapped(&blockers.join(", "), 96) {
        paper.line(2, &line);
    }
}
