//! The cohort in another time: its events end on a fixed day, demonstrations on today's.

use crate::record::Record;

/// The record some days later; birthdays move along.
pub fn moved(mut record: Record, days: i32) -> Record {
    let seconds = i64::from(days) * 86_400;
    record.person.birthdate = record.person.birthdate.map(|day| day.plus(days));
    for visit in &mut record.visits {
        visit.started = visit.started.plus(seconds);
        visit.stopped = visit.stopped.map(|stamp| stamp.plus(seconds));
    }
    record.encounters.iter_mut().for_each(|one| one.at = one.at.plus(seconds));
    record.observations.iter_mut().for_each(|one| one.at = one.at.plus(seconds));
    record.touched = record.touched.map(|stamp| stamp.plus(seconds));
    record
}
