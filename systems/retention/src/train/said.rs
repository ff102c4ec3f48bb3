//! What somebody found out about people, as labels.
//!
//! **The rule.** A label is an observed outcome. It comes of the record, once the window after the day is
//! over and the record reaches to its end; and of what somebody said of a prediction (`/v1/outcomes`),
//! which counts instead of the record for the day as of which that prediction was made: the person was
//! asked, the record was not. So a person whose record falls silent, and who was found to collect the
//! medicine elsewhere, is no interruption. `left` makes no label. Here too a window that is not over has
//! none, and a prediction without a score or with made-up values has no outcome. A score is never a label.

use std::collections::HashMap;

use plimsoll::{Result, Tx, bind};

use super::{Cases, Part, days};
use crate::{features::WINDOW, record::Day, score::Charted, watch::Came};

/// What was said of people, by their numbers: as of which day, and what.
pub(super) type Said = HashMap<i64, Vec<(Day, Came)>>;

/// What was said of people with numbers after `after` up to `last`, of windows that are over.
pub(super) fn said(tx: &Tx<'_>, after: i64, last: i64, observed: Day) -> Result<Said> {
    let rows: Vec<(i64, i64, String)> = tx.rows(
        "SELECT d.patient_id, d.as_of, o.outcome FROM outcome o JOIN prediction d ON d.tenant_id = :tenant AND d.id = o.prediction_id \
         WHERE o.tenant_id = :tenant AND o.patient_id > :after AND o.patient_id <= :last AND d.as_of <= :until AND d.score IS NOT NULL \
         AND d.overrides IS NULL AND d.deleted_at IS NULL ORDER BY o.id",
        bind! { after: after, last: last, until: i64::from(observed.plus(-WINDOW).0) },
    )?;
    let mut found = Said::new();
    for (patient, day, outcome) in rows {
        if let (Ok(day), Some(came)) = (i32::try_from(day), Came::named(&outcome)) {
            let of = found.entry(patient).or_default();
            // Of two predictions of one day, what was said last.
            of.retain(|(known, _)| known.0 != day);
            of.push((Day(day), came));
        }
    }
    Ok(found)
}

/// One person's rows: days that were drawn, and days of which somebody said what came after them. How many of these.
pub(super) fn rows(cases: &mut Cases, one: &Charted, said: &Said, observed: Day, span: i32, count: i32) -> usize {
    let person = &one.patient.person;
    let (part, state) = (Part::of(&person.uuid), person.state.as_deref());
    let said = said.get(&one.patient.id).map(Vec::as_slice).unwrap_or_default();
    for day in days(&person.uuid, observed, span, count).filter(|day| !said.iter().any(|(of, _)| of == day)) {
        cases.add(part, &one.history, state, day, observed);
    }
    let told = said.iter().filter(|(_, came)| *came != Came::Left);
    told.map(|(day, came)| cases.told(part, &one.history, state, *day, *came == Came::Interrupted)).count()
}
