//! The report on a terminal.

use std::fmt::Write;

use super::{Examined, Report, Row, inert::visible, plan};
use crate::{Outcome, Repair, Status, score::Band};

/// How it is shown.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct Look {
    /// Every practice with its checks, not only what is broken.
    pub verbose: bool,
    /// Colours, for a terminal that wants them.
    pub coloured: bool,
}

/// Lines of a transcript in the compact form: those around the first break.
const LINES: usize = 5;
/// The longest line of a transcript in the compact form.
const WIDTH: usize = 200;

pub(super) struct Paper {
    pub(super) out: String,
    pub(super) look: Look,
}

impl Paper {
    /// A line of text from anywhere: it is made visible first.
    pub(super) fn line(&mut self, indent: usize, text: &str) {
        let _ = writeln!(self.out, "{:indent$}{}", "", visible(text).trim_end());
    }
    pub(super) fn paint(&self, code: &str, text: &str) -> String {
        let text = visible(text);
        if self.look.coloured { format!("\x1b[{code}m{text}\x1b[0m") } else { text }
    }
    /// A line of parts that are visible already.
    pub(super) fn put(&mut self, text: &str) {
        self.out.push_str(text.trim_end());
        self.out.push('\n');
    }
    pub(super) fn head(&mut self, text: &str) {
        let painted = self.paint("1", text);
        self.put("");
        self.put(&painted);
    }
}

pub(super) const fn colour(status: Status) -> &'static str {
    match status {
        Status::Implemented => "32",
        Status::Partial => "33",
        Status::Missing => "31",
        Status::NotApplicable | Status::Unknown => "2",
    }
}

/// The report as text.
pub fn text(report: &Report, look: Look) -> String {
    if let Some(repository) = &report.repository {
        return super::terminal::text(report, repository, look);
    }
    let mut paper = Paper { out: String::new(), look };
    top(&mut paper, report);
    // Of a run that looked at a few practices nobody asks what else there is.
    if report.header.only.is_empty() {
        scores(&mut paper, report);
    }
    if look.verbose {
        by_category(&mut paper, report, practice);
    } else {
        broken(&mut paper, report);
        open(&mut paper, report);
    }
    bottom(&mut paper, report);
    paper.out
}

/// Every practice, by category.
pub(super) fn by_category(paper: &mut Paper, report: &Report, practice: impl Fn(&mut Paper, &Row)) {
    for category in &report.categories {
        paper.head(category.category.name());
        for row in report.practices.iter().filter(|row| row.category == category.category) {
            practice(paper, row);
        }
    }
}

fn top(paper: &mut Paper, report: &Report) {
    let header = &report.header;
    let mut on = vec![header.target.words()];
    on.extend(header.database.clone());
    on.extend(header.profile.as_ref().map(|profile| format!("profile {profile}")));
    on.push(format!("seed {}", header.seed));
    on.push(format!("catalogue {}", header.catalogue));
    paper.line(0, &format!("{} {} on {}", header.tool, header.version, on.join(", ")));
    let safe = if report.safe_to_deploy { "safe to deploy: yes" } else { "safe to deploy: no" };
    let verdict = paper.paint(if report.safe_to_deploy { "1;32" } else { "1;31" }, report.verdict.name());
    paper.put("");
    paper.put(&format!("Verdict  {verdict} ({safe})"));
    paper.line(9, &report.summary);
    let (word, code) = if report.gate.passed { ("passed", "1;32") } else { ("failed", "1;31") };
    let gate = paper.paint(code, word);
    paper.put(&format!("Gate     {}: {gate}", report.gate.name.name()));
    paper.line(9, &report.gate.says);
    let score = &report.score;
    paper.line(
        0,
        &format!(
            "Score    {} {} = {} of {} weight; decided by probe or test {}, unknown {}",
            score.share.printed(),
            score.band.map_or("", Band::name),
            score.share.earned.mixed(),
            score.share.possible.mixed(),
            score.confidence.printed(),
            score.unknown.printed(),
        ),
    );
}

pub(super) fn scores(paper: &mut Paper, report: &Report) {
    paper.put("");
    let heads = ["", "score", "", "weight", "proven", "partial", "missing", "unknown", "n/a"];
    let mut rows = vec![heads.map(str::to_owned)];
    for category in &report.categories {
        let counts = category.counts;
        rows.push([
            category.category.name().to_owned(),
            category.share.printed(),
            category.band.map_or("", Band::name).to_owned(),
            format!("{}/{}", category.share.earned.short(), category.share.possible.short()),
            counts.proven.to_string(),
            counts.partial.to_string(),
            counts.missing.to_string(),
            counts.unknown.to_string(),
            counts.not_applicable.to_string(),
        ]);
    }
    let widths: Vec<usize> = (0..heads.len()).map(|place| rows.iter().map(|row| row[place].len()).max().unwrap_or(0)).collect();
    for row in rows {
        let mut line = String::new();
        for (place, (cell, width)) in row.iter().zip(&widths).enumerate() {
            let _ = if place == 0 || place == 2 { write!(line, "{cell:<width$}  ") } else { write!(line, "{cell:>width$}  ") };
        }
        paper.put(&line);
    }
}

fn broken(paper: &mut Paper, report: &Report) {
    // What was asked for by name is shown, whatever came of it.
    for row in report.header.only.iter().filter_map(|id| report.row(id)).filter(|row| !row.is_broken()) {
        paper.put("");
        practice(paper, row);
    }
    let gaps: Vec<&Row> = report.order.iter().filter_map(|id| report.row(id)).collect();
    if !gaps.is_empty() {
        paper.head(&format!("Not met ({})", gaps.len()));
    }
    for row in gaps {
        practice(paper, row);
    }
}

/// What was tried and could not be decided, and the gate blockers nobody has looked at.
fn open(paper: &mut Paper, report: &Report) {
    let tried: Vec<&Row> =
        report.practices.iter().filter(|row| row.is_open() && row.was_examined() && !report.header.only.contains(&row.id)).collect();
    if !tried.is_empty() {
        paper.head(&format!("Examined without a result ({})", tried.len()));
    }
    for row in tried {
        paper.line(2, &format!("{}: {}", row.id, row.why));
    }
    if !report.header.only.is_empty() {
        return;
    }
    let blockers: Vec<&str> =
        plan::to_find_out(&report.practices).into_iter().filter(|row| row.blocked()).map(|row| row.id.as_str()).collect();
    if !blockers.is_empty() {
        paper.head(&format!("Critical and not yet shown ({})", blockers.len()));
        for line in wrapped(&blockers.join(", "), 96) {
            paper.line(2, &line);
        }
    }
}

fn practice(paper: &mut Paper, row: &Row) {
    let status = paper.paint(colour(row.status), &format!("{:<14}", row.status.name()));
    let value = row.value.map_or_else(|| "n/a".into(), |value| format!("{value}"));
    let (title, weight) = (visible(&row.title), row.weight.ratio().short());
    paper.put(&format!("  {status} {}: {title} ({}, weight {weight}, value {value})", visible(&row.id), row.priority.name()));
    if row.status != Status::Implemented {
        paper.line(6, &row.why);
    }
    if let Some(parent) = &row.held_back_by {
        paper.line(6, &format!("earns nothing because {parent} does not"));
    }
    for check in &row.checks {
        examined(paper, row, check);
    }
    if row.is_broken() {
        paper.line(6, &format!("do: {} (effort {}, {})", row.recommendation, row.effort.name(), repair(row.repair)));
        paper.line(6, &format!("done when: {}", row.done_when.last().map_or("", String::as_str)));
    }
}

pub(super) fn examined(paper: &mut Paper, row: &Row, check: &Examined) {
    let (mark, why) = match &check.outcome {
        Outcome::Held => ("held", ""),
        Outcome::Broken(why) => ("BROKEN", why.as_str()),
        Outcome::Unknown(why) => ("unknown", why.as_str()),
        Outcome::NotApplicable(why) => ("n/a", why.as_str()),
    };
    // A reason that all checks share stands at the practice already.
    let repeated =
        matches!(row.status, Status::Unknown | Status::NotApplicable) && row.checks.iter().all(|one| one.outcome == check.outcome);
    if repeated && !paper.look.verbose {
        return;
    }
    paper.line(6, &format!("{mark}: {}", check.says));
    if !why.is_empty() && !repeated {
        paper.line(10, why);
    }
    if matches!(check.outcome, Outcome::Held) && !paper.look.verbose {
        return;
    }
    let lines: Vec<String> = row.evidence.iter().filter(|one| one.check() == Some(check.id.as_str())).flat_map(|one| one.lines()).collect();
    if paper.look.verbose {
        lines.iter().for_each(|line| paper.line(10, &format!("| {line}")));
        return;
    }
    let first = lines.iter().position(|line| line.starts_with("broken:")).unwrap_or(lines.len()).saturating_sub(2);
    let first = first.min(lines.len().saturating_sub(LINES));
    for line in lines.iter().skip(first).take(LINES) {
        paper.line(10, &format!("| {}", short(line)));
    }
    if lines.len() > LINES {
        paper.line(10, &format!("({LINES} of {} lines; --verbose shows all)", lines.len()));
    }
}

fn bottom(paper: &mut Paper, report: &Report) {
    let counts = report.counts;
    paper.put("");
    paper.line(
        0,
        &format!(
            "{} practices, {} with a probe: {} proven, {} partial, {} missing, {} unknown, {} not applicable",
            counts.pages, counts.with_probe, counts.proven, counts.partial, counts.missing, counts.unknown, counts.not_applicable
        ),
    );
    for line in &report.left {
        paper.line(0, &format!("left behind: {line}"));
    }
}

/// Who can fix it, in words.
pub(super) const fn repair(repair: Repair) -> &'static str {
    match repair {
        Repair::Edge => "fixed by mounting the service behind Plimsoll",
        Repair::Kernel => "fixed by building on the host's data layer",
        Repair::Yours => "yours to fix: in code, pipeline or papers",
    }
}

pub(super) fn short(line: &str) -> String {
    match line.char_indices().nth(WIDTH) {
        Some((end, _)) => format!("{}…", &line[..end]),
        None => line.to_owned(),
    }
}

pub(super) fn wrapped(text: &str, width: usize) -> Vec<String> {
    let mut lines = vec![String::new()];
    for word in text.split(' ') {
        if lines.last().is_some_and(|line| !line.is_empty() && line.len() + word.len() >= width) {
            lines.push(String::new());
        }
        if let Some(line) = lines.last_mut() {
            if !line.is_empty() {
                line.push(' ');
            }
            line.push_str(word);
        }
    }
    lines
}
