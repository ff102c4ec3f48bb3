//! What is new since an earlier report.

use std::collections::BTreeSet;

use super::{Baseline, Report, Row};

/// The names of all gaps.
pub(super) fn names(rows: &[Row]) -> BTreeSet<&str> {
    let gaps = rows.iter().filter(|row| row.is_broken()).filter_map(|row| row.looked.as_ref()).flat_map(|looked| &looked.gaps);
    gaps.map(|gap| gap.fingerprint.as_str()).collect()
}

/// Marks every gap as new or known.
pub(super) fn mark(rows: &mut [Row], earlier: &Report, only_new: bool) -> Baseline {
    let before = names(&earlier.practices);
    let mut baseline = Baseline { time: earlier.header.time, known: 0, new: 0, fixed: 0, only_new };
    let mut met: BTreeSet<&str> = BTreeSet::new();
    for gap in rows.iter_mut().filter_map(|row| row.looked.as_mut()).flat_map(|looked| &mut looked.gaps) {
        let known = before.get(gap.fingerprint.as_str());
        gap.new = Some(known.is_none());
        match known {
            Some(name) => {
                baseline.known += 1;
                met.insert(name);
            }
            None => baseline.new += 1,
        }
    }
    baseline.fixed = before.len() - met.len();
    baseline
}
