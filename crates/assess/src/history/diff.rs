//! What changed between two reports.

use std::{collections::BTreeSet, fmt::Write};

use plimsoll_core::Time;
use serde::Serialize;

use crate::{
    Outcome, Status,
    report::{Examined, Report, visible},
};

/// A value before and after.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Change {
    /// What it is.
    pub what: &'static str,
    /// Before.
    pub from: String,
    /// After.
    pub to: String,
}

/// A practice of which something changed.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct PracticeChange {
    /// Which one.
    pub id: String,
    /// Its status before; absent where the catalogue did not have it.
    pub from: Option<Status>,
    /// Its status after; absent where the catalogue no longer has it.
    pub to: Option<Status>,
    /// The reason after.
    pub why: String,
    /// Whether it fell: from implemented, or to missing.
    pub worse: bool,
    /// Checks whose outcome changed.
    pub checks: Vec<CheckChange>,
}

/// A check of which the outcome changed.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct CheckChange {
    /// Which one.
    pub id: String,
    /// Before.
    pub from: Option<&'static str>,
    /// After.
    pub to: Option<&'static str>,
}

/// What changed from one run to another.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Diff {
    /// The version of this form.
    pub schema: &'static str,
    /// When the older run began.
    pub old: Time,
    /// When the newer run began.
    pub new: Time,
    /// Whether anything got worse: a practice fell, or the gate closed.
    pub worse: bool,
    /// Verdict, gate, score, and what was proven.
    pub figures: Vec<Change>,
    /// Practices, by id.
    pub practices: Vec<PracticeChange>,
}

const fn word(outcome: &Outcome) -> &'static str {
    match outcome {
        Outcome::Held => "held",
        Outcome::Broken(_) => "broken",
        Outcome::Unknown(_) => "unknown",
        Outcome::NotApplicable(_) => "not-applicable",
    }
}

/// Compares two reports.
pub fn diff(old: &Report, new: &Report) -> Diff {
    let mut practices = Vec::new();
    let ids: BTreeSet<&str> = old.practices.iter().chain(&new.practices).map(|row| row.id.as_str()).collect();
    for id in ids {
        let (before, after) = (old.row(id), new.row(id));
        let checks = checks(before.map_or(&[], |row| &row.checks), after.map_or(&[], |row| &row.checks));
        let (from, to) = (before.map(|row| row.status), after.map(|row| row.status));
        if from != to || !checks.is_empty() {
            let lost = from == Some(Status::Implemented) && matches!(to, Some(Status::Partial | Status::Missing | Status::Unknown));
            // A row of a repository has no checks: it broke where it was not missing before and is now.
            let gone = after.is_some_and(|row| row.looked.is_some()) && to == Some(Status::Missing) && from != to;
            let broke = gone || checks.iter().any(|check| check.to == Some("broken"));
            let why = after.map_or_else(|| "no longer in the catalogue".to_owned(), |row| visible(&row.why));
            practices.push(PracticeChange { id: id.to_owned(), from, to, why, worse: lost || broke, checks });
        }
    }
    let closed = old.gate.passed && !new.gate.passed;
    Diff {
        schema: "plimsoll.diff/1",
        old: old.header.time,
        new: new.header.time,
        worse: closed || new.verdict < old.verdict || practices.iter().any(|practice| practice.worse),
        figures: figures(old, new),
        practices,
    }
}

fn checks(before: &[Examined], after: &[Examined]) -> Vec<CheckChange> {
    let ids: BTreeSet<&str> = before.iter().chain(after).map(|check| check.id.as_str()).collect();
    let of = |list: &[Examined], id: &str| list.iter().find(|check| check.id == id).map(|check| word(&check.outcome));
    let changes = ids.into_iter().map(|id| CheckChange { id: id.to_owned(), from: of(before, id), to: of(after, id) });
    changes.filter(|change| change.from != change.to).collect()
}

fn figures(old: &Report, new: &Report) -> Vec<Change> {
    let gate = |report: &Report| format!("{} {}", report.gate.name.name(), if report.gate.passed { "passed" } else { "failed" });
    type Figure = (&'static str, fn(&Report) -> String);
    let list: [Figure; 10] = [
        ("verdict", |report| report.verdict.name().to_owned()),
        ("score", |report| report.score.share.printed()),
        ("unknown", |report| report.score.unknown.printed()),
        ("target", |report| report.header.target.words()),
        ("database", |report| report.header.database.clone().unwrap_or_default()),
        ("version", |report| report.header.version.clone()),
        ("catalogue", |report| report.header.catalogue.clone()),
        ("binary", |report| report.header.digests.binary.clone().unwrap_or_default()),
        ("configuration", |report| report.header.digests.configuration.clone().unwrap_or_default()),
        ("description", |report| report.header.digests.openapi.clone().unwrap_or_default()),
    ];
    let mut changes: Vec<Change> =
        list.into_iter().map(|(what, of)| Change { what, from: visible(&of(old)), to: visible(&of(new)) }).collect();
    changes.insert(1, Change { what: "gate", from: gate(old), to: gate(new) });
    changes.retain(|change| change.from != change.to);
    changes
}

impl Diff {
    /// Whether nothing changed but the time.
    pub fn is_empty(&self) -> bool {
        self.figures.is_empty() && self.practices.is_empty()
    }

    /// For a terminal.
    pub fn text(&self) -> String {
        let mut out = format!("{} → {}\n", self.old, self.new);
        if self.is_empty() {
            out.push_str("nothing changed\n");
        }
        for Change { what, from, to } in &self.figures {
            let _ = writeln!(out, "  {what}: {} → {}", shown(from), shown(to));
        }
        for practice in &self.practices {
            let name = |status: Option<Status>| status.map_or("absent", Status::name);
            let mark = if practice.worse { "worse " } else { "" };
            let _ = writeln!(out, "{mark}{}: {} → {}; {}", practice.id, name(practice.from), name(practice.to), practice.why);
            for check in &practice.checks {
                let _ = writeln!(out, "    {}: {} → {}", check.id, check.from.unwrap_or("absent"), check.to.unwrap_or("absent"));
            }
        }
        out
    }

    /// As JSON.
    pub fn json(&self) -> String {
        let mut text = serde_json::to_string_pretty(self).unwrap_or_default();
        text.push('\n');
        text
    }
}

/// A digest is told apart by its beginning.
fn shown(text: &str) -> &str {
    match text.strip_prefix("sha256:") {
        _ if text.is_empty() => "none",
        Some(_) => text.get(..19).unwrap_or(text),
        None => text,
    }
}
