//! `plimsoll prove --ablate`: does every probe notice when its practice is gone, and only then?
//!
//! For each practice that can be switched off, a private instance runs without it and is attacked
//! by every probe. The practice's own probe must break; no other may change, except those of its
//! facets.

use std::collections::{BTreeMap, BTreeSet};

use plimsoll::practices::SWITCHES;
use plimsoll_assess::{Finding, Outcome, rig::Trouble, run::Found, verdict::NOT_YET};
use serde::Serialize;
use tokio::{sync::Semaphore, task::JoinSet};

use super::private::{Entry, Workshop};
use crate::output;

/// How many instances without a practice are attacked at the same time.
const SIDE_BY_SIDE: usize = 2;

/// One line of the matrix.
#[derive(Debug, Serialize)]
pub struct Row {
    /// The practice that was switched off.
    pub practice: String,
    /// Its own checks that broke.
    pub broken: Vec<String>,
    /// Facets of it that changed too.
    pub facets: Vec<String>,
    /// Others that changed, with what happened: there should be none.
    pub others: Vec<String>,
    /// Whether the probe broke and nothing else changed.
    pub holds: bool,
    /// Whether it was asked a second time, alone: see [`alone`].
    pub again: bool,
}

/// The matrix.
#[derive(Debug, Serialize)]
pub struct Matrix {
    /// The kind of database.
    pub database: &'static str,
    /// One line per switch.
    pub rows: Vec<Row>,
    /// Practices with a probe that nothing can switch off.
    pub without_switch: Vec<String>,
    /// Checks that did not hold with everything switched on: a matrix needs a clean start.
    pub unclean: Vec<String>,
}

impl Matrix {
    /// Whether every line holds.
    pub fn holds(&self) -> bool {
        self.rows.iter().all(|row| row.holds) && self.without_switch.is_empty() && self.unclean.is_empty()
    }

    /// The matrix as a table.
    pub fn text(&self) -> String {
        let rows: Vec<Vec<String>> = self
            .rows
            .iter()
            .map(|row| {
                let list = |names: &[String]| if names.is_empty() { "-".to_owned() } else { names.join(", ") };
                let verdict = match (row.holds, row.again) {
                    (true, false) => "noticed",
                    (true, true) => "noticed, asked twice",
                    (false, _) => "NOT SHOWN",
                };
                vec![row.practice.clone(), verdict.to_owned(), list(&row.broken), list(&row.facets), list(&row.others)]
            })
            .collect();
        let mut text = output::columns(&["switched off", "its probe", "checks that broke", "facets", "others that changed"], &rows);
        let noticed = self.rows.iter().filter(|row| row.holds).count();
        text.push_str(&format!(
            "\n\n{}: {noticed} of {} switched-off practices are noticed by their own probe and by no other",
            self.database,
            self.rows.len()
        ));
        for name in &self.without_switch {
            text.push_str(&format!("\n{name} has a probe and no switch"));
        }
        for line in &self.unclean {
            text.push_str(&format!("\nwith everything switched on: {line}"));
        }
        text
    }
}

/// Runs the matrix for these practices, or all that have a switch and a probe; `near`: only the
/// probes of the same category attack.
///
/// # Errors
/// When an instance does not start.
pub async fn matrix(
    workshop: std::sync::Arc<Workshop>,
    entries: &[Entry],
    only: &[String],
    near: bool,
    database: &'static str,
) -> Result<Matrix, Trouble> {
    let mut clean = workshop.prove(entries, None).await?;
    let doubtful: BTreeSet<&str> = clean
        .practices
        .iter()
        .filter(|(_, findings)| findings.iter().any(|finding| trouble(finding).is_some()))
        .map(|(id, _)| id.as_str())
        .collect();
    if !doubtful.is_empty() {
        let second = workshop.prove(&these(entries, &doubtful), None).await?;
        clean.practices.extend(second.practices);
    }
    let probed: BTreeSet<&str> = entries.iter().filter(|(practice, _)| practice.probe.is_some()).map(|(practice, _)| practice.id).collect();
    let facets: BTreeMap<&str, &str> =
        entries.iter().filter_map(|(practice, page)| Some((practice.id, page.facet_of.as_deref()?))).collect();
    let chosen: Vec<&'static str> =
        SWITCHES.iter().copied().filter(|id| probed.contains(id) && (only.is_empty() || only.iter().any(|name| name == id))).collect();

    let places = std::sync::Arc::new(Semaphore::new(SIDE_BY_SIDE));
    let mut set = JoinSet::new();
    let all = chosen.len();
    for id in chosen {
        let (workshop, places) = (workshop.clone(), places.clone());
        let entries = if near { neighbours(id, entries) } else { entries.to_vec() };
        set.spawn(async move {
            let _place = places.acquire().await;
            let mut found = workshop.prove(&entries, Some(id)).await;
            // What a busy machine kept the prober from finding out is asked once more. What it found
            // broken stays broken.
            if found.as_ref().map_or(true, |found| undecided(id, found)) {
                found = workshop.prove(&entries, Some(id)).await;
            }
            (id, found)
        });
    }
    let mut rows = Vec::new();
    while let Some(done) = set.join_next().await {
        let (id, found) = done.map_err(|error| Trouble::new(format!("a run ended badly: {error}")))?;
        let found = found.map_err(|trouble| Trouble::new(format!("without `{id}`: {}", trouble.0)))?;
        rows.push(compare(id, &clean, &found, &facets));
        output::progress(&format!("{} of {all} practices switched off and attacked", rows.len()));
    }
    for row in rows.iter_mut().filter(|row| !row.holds) {
        *row = alone(&workshop, entries, row, &clean, &facets).await?;
    }
    rows.sort_by(|one, other| one.practice.cmp(&other.practice));
    let without_switch = probed.iter().filter(|id| !SWITCHES.contains(id)).map(|id| (*id).to_owned()).collect();
    let unclean = clean
        .practices
        .iter()
        .flat_map(|(id, findings)| {
            findings.iter().filter_map(move |finding| trouble(finding).map(|why| format!("{id}/{}: {why}", finding.check)))
        })
        .collect();
    Ok(Matrix { database, rows, without_switch, unclean })
}

/// Asks once more for a line that does not hold, with nothing beside it and only for what was in
/// doubt. Two instances under a dozen attacks each can miss a deadline that has nothing to do with
/// the switch; what really hangs on the switch breaks again, and the line says that it was repeated.
async fn alone(workshop: &Workshop, entries: &[Entry], row: &Row, clean: &Found, facets: &BTreeMap<&str, &str>) -> Result<Row, Trouble> {
    let changed = row.others.iter().filter_map(|told| told.split('/').next());
    let names: BTreeSet<&str> = std::iter::once(row.practice.as_str()).chain(changed).collect();
    let id = SWITCHES.iter().copied().find(|id| *id == row.practice);
    let found = workshop
        .prove(&these(entries, &names), id)
        .await
        .map_err(|trouble| Trouble::new(format!("without `{}`: {}", row.practice, trouble.0)))?;
    Ok(Row { again: true, facets: row.facets.clone(), ..compare(&row.practice, clean, &found, facets) })
}

/// The entries of these names.
fn these(entries: &[Entry], names: &BTreeSet<&str>) -> Vec<Entry> {
    entries.iter().filter(|(practice, _)| names.contains(practice.id)).cloned().collect()
}

/// Whether a check of another practice could not be made.
fn undecided(id: &str, found: &Found) -> bool {
    let stopped = |finding: &Finding| matches!(&finding.outcome, Outcome::Unknown(why) if !why.starts_with(NOT_YET));
    found.practices.iter().filter(|(practice, _)| *practice != id).flat_map(|(_, findings)| findings).any(stopped)
}

/// The practice and those that stand in the same category: where a switch would most likely do
/// more than it should.
fn neighbours(id: &str, entries: &[Entry]) -> Vec<Entry> {
    let category = entries.iter().find(|(practice, _)| practice.id == id).map(|(_, page)| page.category);
    let close = |(_, page): &&Entry| Some(page.category) == category || page.facet_of.as_deref() == Some(id);
    entries.iter().filter(close).cloned().collect()
}

fn compare(id: &str, clean: &Found, found: &Found, facets: &BTreeMap<&str, &str>) -> Row {
    let mut row = Row { practice: id.to_owned(), broken: Vec::new(), facets: Vec::new(), others: Vec::new(), holds: false, again: false };
    for (practice, findings) in &found.practices {
        let before = clean.practices.get(practice).map_or(&[][..], Vec::as_slice);
        let changed: Vec<&Finding> = findings
            .iter()
            .filter(|finding| {
                let was = before.iter().find(|was| was.check == finding.check).map(|was| &was.outcome);
                was != Some(&finding.outcome)
            })
            .collect();
        if practice == id {
            row.broken = changed
                .iter()
                .filter(|finding| matches!(finding.outcome, Outcome::Broken(_)))
                .map(|finding| finding.check.clone())
                .collect();
        } else if !changed.is_empty() {
            if facets.get(practice.as_str()) == Some(&id) {
                row.facets.push(practice.clone());
            } else {
                let told: Vec<String> = changed
                    .iter()
                    .map(|finding| format!("{practice}/{}: {}", finding.check, trouble(finding).unwrap_or("it holds now")))
                    .collect();
                row.others.extend(told);
            }
        }
    }
    row.holds = !row.broken.is_empty() && row.others.is_empty();
    row
}

/// Why a check does not hold.
fn trouble(finding: &Finding) -> Option<&str> {
    match &finding.outcome {
        // Known to be open, with every switch on or off.
        Outcome::Unknown(why) if why.starts_with(NOT_YET) => None,
        Outcome::Broken(why) | Outcome::Unknown(why) => Some(why),
        Outcome::Held | Outcome::NotApplicable(_) => None,
    }
}
