//! From what was found in a repository to a report.

use std::collections::BTreeMap;

use super::{
    Condition, Digests, Estimate, Evidence, Gap, Header, Looked, Report, Repository, Row, SCHEMA, Target, WaiverUse, baseline, build, fail,
    fingerprint, inert::visible, live, mask::masked, plan,
};
use crate::{
    Grade, Page, Status,
    detect::{Assessed, Assessment, Confidence, Partial, Sight},
    fact::Service,
    page::Checked,
    ratio::{Figure, Ratio},
    score::{self, Counts, Score, Verdict},
    waiver::Waivers,
};

/// What the report on a repository is made of.
pub struct Inspection<'a> {
    /// The catalogue.
    pub pages: &'a [&'a Page],
    /// What was found.
    pub assessment: &'a Assessment,
    /// A report of probes on the running service; where it knows something, it wins.
    pub live: Option<&'a Report>,
    /// Who accepted what.
    pub waivers: &'a Waivers,
    /// An earlier report on the same repository, and whether only what it does not have is shown.
    pub baseline: Option<(&'a Report, bool)>,
    /// What the run fails on.
    pub fail_on: &'a [Condition],
    /// What was run on what; its time is the only one in the report, and waivers expire by it.
    pub header: Header,
}

/// Whether a report can be laid over one on a repository: it has to come from probes.
///
/// # Errors
/// Why it cannot.
pub fn fits_live(report: &Report) -> Result<(), String> {
    match &report.header.target {
        _ if !report.adds_up() => Err("its verdict, score or gate do not follow from its practices".into()),
        Target::Repository { .. } => Err("it is a report on a repository, not of probes: make one with `plimsoll prove --url`".into()),
        Target::Url { .. } | Target::PrivateCopy => Ok(()),
    }
}

/// Whether a report can be the baseline of one on a repository.
///
/// # Errors
/// Why it cannot.
pub fn fits_baseline(report: &Report) -> Result<(), String> {
    match &report.repository {
        _ if !report.adds_up() => Err("its verdict, score or gate do not follow from its practices".into()),
        None => Err("it is not a report on a repository: make one with `plimsoll assess --format json`".into()),
        Some(_) => Ok(()),
    }
}

impl Header {
    /// Of the assessment of a repository.
    pub fn of_repository(version: &str, catalogue: &str, path: &str, commit: Option<&str>, time: plimsoll_core::Time) -> Header {
        Header {
            tool: "plimsoll assess".into(),
            version: version.into(),
            catalogue: catalogue.into(),
            target: Target::Repository { path: visible(path), commit: commit.map(visible) },
            database: None,
            profile: None,
            seed: 0,
            only: Vec::new(),
            without: None,
            off: BTreeMap::new(),
            digests: Digests::default(),
            time,
        }
    }
}

/// Makes the report. The same inspection gives the same report.
pub fn assessed(inspection: Inspection<'_>) -> Report {
    let found: BTreeMap<&str, &Assessed> = inspection.assessment.practices.iter().map(|one| (one.practice.as_str(), one)).collect();
    let services = &inspection.assessment.services;
    let mut rows: Vec<Row> = inspection.pages.iter().map(|page| row(page, found.get(page.id.as_str()).copied(), services)).collect();
    rows.sort_by(|one, other| one.id.cmp(&other.id));
    let mut repository = Repository {
        services: services.iter().map(cleaned).collect(),
        files: inspection.assessment.files,
        facts: inspection.assessment.facts,
        with_detector: inspection.pages.iter().filter(|page| page.detect.is_some()).count(),
        incomplete: inspection.assessment.incomplete,
        skipped: inspection.assessment.skipped.iter().map(|line| visible(line)).collect(),
        live: inspection.live.map(live::words),
        complaints: inspection.waivers.complaints.clone(),
        fail_on: inspection.fail_on.iter().map(ToString::to_string).collect(),
        ..Repository::default()
    };
    for row in &mut rows {
        if inspection.live.and_then(|live| live.row(&row.id)).is_some_and(|probe| live::lay(row, probe)) {
            repository.conflicts.push(row.id.clone());
        }
    }
    rows.iter_mut().for_each(list_gaps);
    let today: String = inspection.header.time.to_string().chars().take(10).collect();
    repository.waivers = waive(&mut rows, inspection.waivers, &today);
    repository.baseline = inspection.baseline.map(|(earlier, only_new)| baseline::mark(&mut rows, earlier, only_new));
    score::assign(&mut rows);
    let (verdict, score) = (Verdict::of(&rows), Score::of(&rows));
    Report {
        schema: SCHEMA.into(),
        verdict,
        safe_to_deploy: verdict.is_safe(),
        summary: build::summary(&rows, verdict),
        gate: fail::judge(&repository, &rows, &score),
        score,
        counts: Counts::of(rows.iter()),
        categories: score::categories(&rows),
        order: plan::order(&rows),
        practices: rows,
        left: Vec::new(),
        header: inspection.header,
        repository: Some(repository),
    }
}

/// What the exit code of a run on a repository is: 0 passed, 1 failed, 3 something was left out that could matter.
pub fn exit_code(report: &Report) -> u8 {
    match &report.repository {
        _ if report.gate.passed => 0,
        // Incomplete alone: nothing that was asked for failed, and yet nothing is proven.
        Some(repository) if repository.incomplete => {
            let whole = Repository { incomplete: false, ..repository.clone() };
            let asked = fail::judge(&whole, &report.practices, &report.score);
            if asked.passed && !repository.fail_on.iter().any(|text| text == "incomplete") { 3 } else { 1 }
        }
        _ => 1,
    }
}

fn row(page: &Page, found: Option<&Assessed>, services: &[Service]) -> Row {
    let looked = looked(page, found, services);
    let evidence = found.iter().flat_map(|found| &found.evidence).map(|sight| shown(&clean(sight))).collect();
    let decided = !matches!(looked.status, Status::Unknown | Status::NotApplicable);
    Row {
        id: page.id.clone(),
        title: page.title.clone(),
        category: page.category,
        status: looked.status,
        why: looked.why.clone(),
        value: None,
        held_back_by: None,
        weight: Figure::nearest(page.weight),
        grade: decided.then_some(Grade::E1),
        kind: page.kind,
        checked: page.checked,
        facet_of: page.facet_of.clone(),
        checks: Vec::new(),
        evidence,
        priority: page.priority,
        basis: page.basis,
        effort: page.effort,
        repair: page.repair,
        recommendation: found.and_then(|found| found.fix.as_deref()).map_or_else(|| page.recommend.clone(), visible),
        done_when: done_when(page, looked.status),
        looked: Some(looked),
    }
}

fn looked(page: &Page, found: Option<&Assessed>, services: &[Service]) -> Looked {
    let mut looked = Looked {
        status: Status::Unknown,
        partial: None,
        share: None,
        why: "no detector looks for it yet: nobody knows".into(),
        confidence: Confidence::Low,
        detector: page.detect.is_some(),
        by: Vec::new(),
        probed: None,
        gaps: Vec::new(),
        searched: Vec::new(),
        anchor: None,
        services: Vec::new(),
        days: None,
    };
    let Some(found) = found else { return looked };
    // A practice without a detector is unknown whatever else stands there.
    if page.detect.is_none() {
        return looked;
    }
    looked.status = found.status;
    looked.partial = found.partial.filter(|_| found.status == Status::Partial);
    looked.share = found.share;
    looked.why = visible(&found.why);
    looked.confidence = found.confidence;
    looked.by.clone_from(&found.by);
    looked.searched = found.searched.iter().map(|line| visible(line)).collect();
    looked.anchor = found.anchor.as_ref().map(clean);
    looked.services = found.services.iter().map(|(name, status)| (visible(name), *status)).collect();
    if matches!(found.status, Status::Missing | Status::Partial) {
        looked.days = Some(estimate(page, found));
        let gap = |sight: &Sight| {
            let place = clean(sight);
            Gap { fingerprint: String::new(), service: service(services, &place.file), place, waived: None, new: None }
        };
        // What is only half there is to be changed where it stands.
        let changed = |sight: &Sight| Sight { note: "to be changed here".into(), ..sight.clone() };
        let half: Vec<Sight> = found.evidence.iter().take(usize::from(found.status == Status::Partial)).map(changed).collect();
        looked.gaps = found.gaps.iter().map(gap).collect();
        if looked.gaps.is_empty() {
            looked.gaps = half.iter().chain(found.anchor.as_ref()).take(1).map(gap).collect();
        }
    }
    looked
}

/// Every row that is not met has at least one gap, so that it can be waived and told from others, and every gap has a name.
fn list_gaps(row: &mut Row) {
    let broken = row.is_broken();
    let Some(looked) = &mut row.looked else { return };
    if !broken {
        looked.gaps.clear();
        looked.days = None;
        return;
    }
    if looked.gaps.is_empty() {
        // A probe found what the files do not show: then it is to be looked for where they promise it.
        let promised = row.evidence.iter().find_map(|one| match one {
            Evidence::File { file, line, snippet, .. } => Some(Sight {
                file: file.clone(),
                line: *line,
                end: *line,
                snippet: snippet.join("\n"),
                note: "the files promise it here".into(),
                ..nowhere()
            }),
            _ => None,
        });
        let place = promised.or_else(|| looked.anchor.clone()).unwrap_or_else(nowhere);
        looked.gaps.push(Gap { fingerprint: String::new(), place, service: None, waived: None, new: None });
    }
    if looked.days.is_none() {
        let days = plan::days(row.effort);
        looked.days = Some(Estimate { least: days.least, most: days.most, open: row.effort == crate::Effort::Xl });
    }
    fingerprint::name(&row.id, &mut looked.gaps, looked.anchor.as_ref());
}

fn nowhere() -> Sight {
    Sight { file: String::new(), line: 0, end: 0, symbol: String::new(), snippet: String::new(), note: String::new() }
}

/// Days, scaled by what has to change. Of what is counted the share that is left; of what is there and does not act half of the
/// work is done; where several services lack it, each further one takes half of what the first takes. Never less than a day.
fn estimate(page: &Page, found: &Assessed) -> Estimate {
    let days = plan::days(page.effort);
    let half = Ratio::new(1, 2);
    let left = match (found.partial, found.share) {
        (Some(Partial::Coverage), Some((some, all))) if all > 0 => Ratio::new(some.min(all) as u128, all as u128).rest(),
        (Some(_), _) => half,
        (None, _) => Ratio::ONE,
    };
    let lacking = found.services.iter().filter(|(_, status)| matches!(status, Status::Missing | Status::Partial)).count().clamp(1, 20);
    let factor = left.times(Ratio::new(lacking as u128 + 1, 2));
    let scaled = |days: u32| {
        let exact = Ratio::new(u128::from(days), 1).times(factor);
        (1..=10_000).find(|whole| Ratio::new(u128::from(*whole), 1) >= exact).unwrap_or(10_000)
    };
    let (least, most): (u32, u32) = (scaled(days.least), scaled(days.most));
    Estimate { least, most, open: page.effort == crate::Effort::Xl && factor >= Ratio::ONE }
}

fn done_when(page: &Page, status: Status) -> Vec<String> {
    if matches!(status, Status::Implemented | Status::NotApplicable) {
        return Vec::new();
    }
    let mut lines: Vec<String> = page.checks.iter().map(|check| check.says.clone()).collect();
    match &page.detect {
        Some(detect) => {
            let shows = detect.signals.iter().filter(|signal| signal.yields == Status::Implemented);
            let names: Vec<String> = shows.map(|signal| format!("`{}`", signal.id)).collect();
            let names = if names.is_empty() { String::new() } else { format!(" by {}", names.join(" or ")) };
            lines.push(format!(
                "`plimsoll assess` says implemented{names}; `plimsoll assess --explain {}` shows what it looks for.",
                page.id
            ));
        }
        None => lines.push("No detector sees this yet: show it to whoever reviews.".into()),
    }
    if page.checked == Checked::Probe {
        lines.push(format!("`plimsoll prove --only {}` says implemented.", page.id));
    }
    lines
}

fn waive(rows: &mut [Row], waivers: &Waivers, today: &str) -> Vec<WaiverUse> {
    let mut uses = Vec::new();
    for waiver in &waivers.all {
        let expired = waiver.expired(today);
        let gaps = rows.iter_mut().filter(|row| row.id == waiver.practice).filter_map(|row| row.looked.as_mut());
        let mut covers = 0;
        for gap in gaps.flat_map(|looked| &mut looked.gaps).filter(|gap| waiver.covers(&gap.place)) {
            covers += 1;
            if !expired && gap.waived.is_none() {
                gap.waived = Some(waiver.says.clone());
            }
        }
        uses.push(WaiverUse { practice: waiver.practice.clone(), waived: waiver.says.clone(), covers, expired });
    }
    uses
}

/// The service whose folder holds this path most closely.
fn service(services: &[Service], path: &str) -> Option<String> {
    let inside = |root: &str| root.is_empty() || path.strip_prefix(root).is_some_and(|rest| rest.starts_with('/'));
    let held = services.iter().filter(|service| !path.is_empty() && inside(&service.root));
    held.max_by_key(|service| service.root.len()).map(|service| visible(&service.name))
}

/// A place whose texts cannot act. The lines of the snippet stay lines.
fn clean(sight: &Sight) -> Sight {
    let lines: Vec<String> = sight.snippet.lines().map(|line| visible(&masked(&line.replace('\t', "    ")))).collect();
    Sight {
        file: visible(&sight.file),
        line: sight.line,
        end: sight.end.max(sight.line),
        symbol: visible(&sight.symbol),
        snippet: lines.join("\n"),
        note: visible(&sight.note),
    }
}

fn shown(sight: &Sight) -> Evidence {
    let note = Some(sight.note.clone()).filter(|note| !note.is_empty());
    Evidence::File {
        file: sight.file.clone(),
        line: sight.line,
        snippet: sight.snippet.lines().map(str::to_owned).collect(),
        check: None,
        note,
    }
}

fn cleaned(service: &Service) -> Service {
    Service {
        name: visible(&service.name),
        root: visible(&service.root),
        language: visible(&service.language),
        framework: service.framework.as_deref().map(visible),
        kind: service.kind,
        entries: service.entries.iter().map(|entry| visible(entry)).collect(),
    }
}
