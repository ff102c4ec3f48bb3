//! What a probe of the running service says, laid over what the files say. The probe wins.

use super::{Looked, Report, Row};
use crate::{Outcome, Status};

/// Whether a probe decided a row: a check was broken, or some hold. Only unknown checks decide nothing.
fn decided(row: &Row) -> bool {
    row.checks.iter().any(|check| matches!(check.outcome, Outcome::Held | Outcome::Broken(_)))
}

/// Lays the probe's row over that of the files; whether they contradict each other.
///
/// - One broken check is enough: the service does not do what the files promise.
/// - All checks that apply hold: the service does it, wherever it stands.
/// - Some hold and the others are unknown: this contradicts `missing` and confirms the rest, so the files keep deciding.
/// - That something does not apply there is believed only where the files know nothing.
pub(super) fn lay(row: &mut Row, probe: &Row) -> bool {
    let Some(looked) = &mut row.looked else { return false };
    let absent = probe.status == Status::NotApplicable && looked.status == Status::Unknown && !probe.checks.is_empty();
    let broken = probe.checks.iter().any(|check| matches!(check.outcome, Outcome::Broken(_)));
    let whole = probe.status == Status::Implemented;
    let held = decided(probe) && matches!(looked.status, Status::Missing | Status::Unknown);
    if probe.by_files().is_some() || !(absent || broken || whole || held) {
        return false;
    }
    looked.probed = Some(probe.status);
    let conflict = contradicts(looked, probe.status);
    let said = match looked.probed {
        _ if conflict => {
            format!("the running service: {}, {}; its files: {}, {}", probe.status.name(), probe.why, looked.status.name(), looked.why)
        }
        _ => probe.why.clone(),
    };
    row.status = probe.status;
    row.why = said;
    row.checks.clone_from(&probe.checks);
    row.grade = probe.grade;
    row.evidence.extend(probe.evidence.iter().cloned());
    row.done_when = match probe.status {
        Status::Implemented | Status::NotApplicable => Vec::new(),
        _ => {
            let mut lines = probe.done_when.clone();
            lines.extend(std::mem::take(&mut row.done_when).into_iter().filter(|line| !probe.done_when.contains(line)));
            lines
        }
    };
    conflict
}

/// Both know something, and not the same.
fn contradicts(looked: &Looked, probe: Status) -> bool {
    let known = |status: Status| matches!(status, Status::Implemented | Status::Partial | Status::Missing);
    known(looked.status) && known(probe) && looked.status != probe
}

/// What was probed, and when.
pub(super) fn words(report: &Report) -> String {
    format!("{} on {}", report.header.target.words(), report.header.time)
}
