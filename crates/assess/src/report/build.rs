//! From pages and findings to a report.

use std::collections::BTreeMap;

use super::{
    Doubt, Evidence, Examined, Gate, GateResult, Header, Report, Row, SCHEMA,
    gate::{deciding, some},
    inert::visible,
    plan,
};
use crate::{
    Applies, Check, Finding, Grade, Outcome, Page, Status,
    page::Checked,
    ratio::Figure,
    score::{self, Counts, Score, Verdict},
    verdict::{NOT_GRANTED, NOT_YET, OUT_OF_REACH},
};

/// What a report is made of.
pub struct Material<'a> {
    /// The catalogue.
    pub pages: &'a [&'a Page],
    /// What was found, by practice.
    pub findings: &'a BTreeMap<String, Vec<Finding>>,
    /// Evidence that is no transcript, by practice: places in files, tests, statements.
    pub evidence: &'a BTreeMap<String, Vec<Evidence>>,
    /// Conditions that are not given here, with the reason.
    pub not_here: &'a BTreeMap<Applies, String>,
    /// What could not be tidied up.
    pub left: &'a [String],
    /// What decides the exit code.
    pub gate: Gate,
    /// What was run on what.
    pub header: Header,
}

/// Makes the report. The same material gives the same report.
pub fn build(material: Material<'_>) -> Report {
    let mut practices: Vec<Row> = material.pages.iter().map(|page| row(page, &material)).collect();
    practices.sort_by(|one, other| one.id.cmp(&other.id));
    score::assign(&mut practices);
    let verdict = Verdict::of(&practices);
    Report {
        schema: SCHEMA.into(),
        verdict,
        safe_to_deploy: verdict.is_safe(),
        summary: summary(&practices, verdict),
        gate: GateResult::of(material.gate, &practices, verdict),
        score: Score::of(&practices),
        counts: Counts::of(practices.iter()),
        categories: score::categories(&practices),
        order: plan::order(&practices),
        practices,
        left: material.left.iter().map(|line| visible(line)).collect(),
        header: material.header,
        repository: None,
    }
}

fn row(page: &Page, material: &Material<'_>) -> Row {
    let findings = material.findings.get(&page.id).map_or(&[][..], Vec::as_slice);
    let mut checks: Vec<Examined> = page.checks.iter().map(|check| examined(check, page, findings, &material.header)).collect();
    let decided = |check: &Examined| matches!(check.outcome, Outcome::Held | Outcome::Broken(_));
    if let Some(reason) = material.header.off.get(&page.id) {
        for check in checks.iter_mut().filter(|check| !matches!(check.outcome, Outcome::Broken(_))) {
            let why = format!("switched off in the configuration: {}", visible(reason));
            *check = Examined { outcome: Outcome::Broken(why), doubt: None, grade: Some(Grade::E1), ..check.clone() };
        }
    }
    // What was seen outranks what a table says about where a practice applies.
    if let Some(reason) = material.not_here.get(&page.applies).filter(|_| !checks.iter().any(decided)) {
        for check in &mut checks {
            *check = Examined { outcome: Outcome::NotApplicable(visible(reason)), doubt: None, grade: None, ..check.clone() };
        }
    }
    let status = Status::of(checks.iter().map(|check| &check.outcome));
    let mut evidence: Vec<Evidence> = findings
        .iter()
        .filter(|finding| !finding.transcript.is_empty())
        .map(|finding| Evidence::Probe {
            probe: page.id.clone(),
            check: finding.check.clone(),
            transcript: finding.transcript.iter().map(|line| visible(line)).collect(),
        })
        .collect();
    evidence.extend(material.evidence.get(&page.id).into_iter().flatten().map(cleaned));
    Row {
        id: page.id.clone(),
        title: page.title.clone(),
        category: page.category,
        status,
        why: why(status, &checks),
        value: None,
        held_back_by: None,
        weight: Figure::nearest(page.weight),
        grade: checks.iter().filter(|check| decided(check)).map(|check| check.grade.unwrap_or(Grade::E0)).min(),
        kind: page.kind,
        checked: page.checked,
        facet_of: page.facet_of.clone(),
        done_when: done_when(page, status, &checks),
        checks,
        evidence,
        priority: page.priority,
        basis: page.basis,
        effort: page.effort,
        repair: page.repair,
        recommendation: page.recommend.clone(),
        looked: None,
    }
}

fn examined(check: &Check, page: &Page, findings: &[Finding], header: &Header) -> Examined {
    let mut examined = Examined { id: check.id.clone(), says: check.says.clone(), outcome: Outcome::Held, doubt: None, grade: None };
    let Some(finding) = findings.iter().find(|finding| finding.check == check.id) else {
        let (doubt, why) = match page.checked {
            Checked::NotYet => (Doubt::NotYetChecked, "not yet checked: no probe exists for it"),
            Checked::Probe if !header.only.is_empty() && !header.only.contains(&page.id) => (Doubt::NotAsked, "left out of this run"),
            // The probe ran and passed over this check: that is a fault of the probe.
            Checked::Probe if !findings.is_empty() => (Doubt::Trouble, "the probe did not come to it"),
            Checked::Probe => (Doubt::NotAsked, "its probe is not for this target"),
        };
        return Examined { outcome: Outcome::Unknown(why.into()), doubt: Some(doubt), ..examined };
    };
    examined.grade = finding.grade;
    examined.outcome = match &finding.outcome {
        Outcome::Held => Outcome::Held,
        // A probe says what must hold; of a sentence that does not hold a reader has to be told so.
        Outcome::Broken(why) if finding.transcript.contains(&format!("broken: {why}")) => {
            Outcome::Broken(format!("not true: {}", visible(why)))
        }
        Outcome::Broken(why) => Outcome::Broken(visible(why)),
        Outcome::NotApplicable(why) => Outcome::NotApplicable(visible(why)),
        Outcome::Unknown(why) => {
            examined.doubt = Some(match why {
                why if why.starts_with(NOT_GRANTED) => Doubt::NotGranted,
                why if why.starts_with(NOT_YET) => Doubt::NotYetChecked,
                why if why.starts_with(OUT_OF_REACH) => Doubt::OutOfReach,
                _ => Doubt::Trouble,
            });
            Outcome::Unknown(visible(why))
        }
    };
    examined
}

/// Evidence comes from files and people too: what they hold must not act.
fn cleaned(evidence: &Evidence) -> Evidence {
    let optional = |text: &Option<String>| text.as_deref().map(visible);
    match evidence {
        Evidence::Probe { probe, check, transcript } => Evidence::Probe {
            probe: probe.clone(),
            check: check.clone(),
            transcript: transcript.iter().map(|line| visible(line)).collect(),
        },
        Evidence::File { file, line, check, note, snippet } => Evidence::File {
            file: visible(file),
            line: *line,
            snippet: snippet.iter().map(|text| visible(text)).collect(),
            check: check.clone(),
            note: optional(note),
        },
        Evidence::Test { test, result, check } => Evidence::Test { test: visible(test), result: visible(result), check: check.clone() },
        Evidence::Statement { statement, by, check } => {
            Evidence::Statement { statement: visible(statement), by: visible(by), check: check.clone() }
        }
    }
}

fn why(status: Status, checks: &[Examined]) -> String {
    let applicable = checks.iter().filter(|check| !matches!(check.outcome, Outcome::NotApplicable(_))).count();
    let held = checks.iter().filter(|check| check.outcome == Outcome::Held).count();
    let first = |wanted: fn(&Outcome) -> Option<&str>| checks.iter().find_map(|check| wanted(&check.outcome)).unwrap_or("").to_owned();
    let broken: fn(&Outcome) -> Option<&str> = |outcome| if let Outcome::Broken(why) = outcome { Some(why) } else { None };
    let unknown: fn(&Outcome) -> Option<&str> = |outcome| if let Outcome::Unknown(why) = outcome { Some(why) } else { None };
    let absent: fn(&Outcome) -> Option<&str> = |outcome| if let Outcome::NotApplicable(why) = outcome { Some(why) } else { None };
    match status {
        Status::Implemented if applicable == 1 => "its check holds".into(),
        Status::Implemented => format!("all {applicable} checks hold"),
        Status::Partial => {
            let reason = Some(first(broken)).filter(|why| !why.is_empty()).unwrap_or_else(|| first(unknown));
            format!("{held} of {applicable} checks hold; {reason}")
        }
        Status::Missing => first(broken),
        Status::Unknown => first(unknown),
        Status::NotApplicable => first(absent),
    }
}

fn done_when(page: &Page, status: Status, checks: &[Examined]) -> Vec<String> {
    if matches!(status, Status::Implemented | Status::NotApplicable) {
        return Vec::new();
    }
    let open = checks.iter().filter(|check| matches!(check.outcome, Outcome::Broken(_) | Outcome::Unknown(_)));
    let mut lines: Vec<String> = open.map(|check| check.says.clone()).collect();
    lines.push(match page.checked {
        Checked::Probe => format!("`plimsoll prove --only {}` says implemented.", page.id),
        Checked::NotYet => "No probe sees this yet: show it to whoever reviews.".into(),
    });
    lines
}

pub(super) fn summary(rows: &[Row], verdict: Verdict) -> String {
    let deciding = deciding(rows, verdict);
    let (count, names) = (deciding.len(), some(&deciding));
    match verdict {
        Verdict::NotRunnable => format!("It does not run: {names}."),
        Verdict::NotReady => {
            let known = rows.iter().filter(|row| row.blocked() && row.is_broken()).count();
            let known = if known == 0 { "none of them known to be broken".to_owned() } else { format!("{known} known to be broken") };
            let noun = if count == 1 { "practice is" } else { "practices are" };
            format!("{count} critical {noun} not fully shown, {known}: {names}.")
        }
        Verdict::Minimum => format!("Every critical practice is met; practices of high priority that are not: {names}."),
        Verdict::Recommended => format!("Critical and high practices are met; {count} others are not, or are unknown: {names}."),
        Verdict::Full => "Everything that applies is met and nothing is unknown.".into(),
    }
}
