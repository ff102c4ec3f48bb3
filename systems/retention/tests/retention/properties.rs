//! What holds for every history.

use plimsoll_retention::{
    cohort::{Cohort, LAST, Stream},
    features::{Facility, History, Set, label, values},
    formats::{tree, write},
    record::{Day, Encounter, Observation, Record, words},
};

use super::formats::source;

/// A record of the cohort with everything that happens in real ones: rows taken back, answers corrected
/// later, results older than their form, visits without a type, two pick-ups on one day.
fn untidy(cohort: &Cohort, number: u64) -> (Record, Stream) {
    let mut record = cohort.record(&cohort.member(number));
    let mut stream = Stream::new(number ^ 0xabcd);
    for visit in &mut record.visits {
        visit.voided = stream.chance(0.05);
        if stream.chance(0.3) {
            visit.kind = None;
        }
    }
    record.encounters.iter_mut().for_each(|one| one.voided = stream.chance(0.05));
    let mut more = Vec::new();
    for one in &mut record.observations {
        one.voided = stream.chance(0.05);
        if stream.chance(0.1) {
            let later = i64::from(stream.between(-40, 120)) * 86_400;
            let number = one.number.map(|_| f64::from(stream.between(1, 200)));
            more.push(Observation { uuid: format!("c-{}", one.uuid), at: one.at.plus(later), number, voided: false, ..one.clone() });
        }
    }
    record.observations.extend(more);
    if let Some(last) = record.encounters.last().cloned().filter(|_| stream.chance(0.2)) {
        let at = last.at.plus(i64::from(stream.between(0, 40)) * 86_400);
        let uuid = "left".to_owned();
        record.encounters.push(Encounter {
            uuid: uuid.clone(),
            at,
            form: Some(words::TERMINATION.to_owned()),
            voided: false,
            ..Encounter::default()
        });
        let (variable, text) = (words::TERMINATED.to_owned(), Some("Died".to_owned()));
        record.observations.push(Observation { uuid: "why".to_owned(), encounter: uuid, variable, text, at, ..Observation::default() });
    }
    record.sort();
    (record, stream)
}

fn shuffle<T>(rows: &mut [T], stream: &mut Stream) {
    for at in (1..rows.len()).rev() {
        rows.swap(at, stream.between(0, at as i32) as usize);
    }
}

const FACILITY: Option<Facility> = Some(Facility { level: 1, rural: true });

fn row(history: &History, as_of: Day) -> Vec<u64> {
    values(history, as_of, Set::V2).into_iter().map(f64::to_bits).collect()
}

fn bits(record: &Record, as_of: Day) -> Vec<u64> {
    row(&History::of(record, FACILITY), as_of)
}

/// Training looks back at a day with all that came after in the record; serving stands on that day, with
/// the rows in whatever order the database gives them. Both see the same.
#[test]
fn what_training_sees_of_a_day_is_what_serving_saw_on_it() {
    let cohort = Cohort::new(31);
    for number in 0..10_000 {
        let (record, mut stream) = untidy(&cohort, number);
        let as_of = record.encounters[0].at.day().plus(stream.between(-30, 1500));
        let mut then = record.until(as_of);
        shuffle(&mut then.visits, &mut stream);
        shuffle(&mut then.encounters, &mut stream);
        shuffle(&mut then.observations, &mut stream);
        assert_eq!(bits(&record, as_of), bits(&then, as_of), "person {number} on {as_of}");
    }
}

/// Training may read whole records; serving reads the packed history that lies beside the person's row.
#[test]
fn the_row_from_the_packed_history_is_the_row_from_the_record() {
    let cohort = Cohort::new(37);
    for number in 0..10_000 {
        let (record, mut stream) = untidy(&cohort, number);
        let as_of = record.encounters[0].at.day().plus(stream.between(-30, 1500));
        let packed = History::of(&record, None).pack();
        let online = History::unpack(&packed, &record.person, FACILITY).unwrap();
        assert_eq!(row(&online, as_of), bits(&record.until(as_of), as_of), "person {number} on {as_of}");
    }
}

#[test]
fn a_label_does_not_change_after_its_window() {
    let cohort = Cohort::new(32);
    for number in 0..1000 {
        let (record, mut stream) = untidy(&cohort, number);
        let as_of = record.encounters[0].at.day().plus(stream.between(-30, 1500));
        let end = as_of.plus(90);
        let (all, then) = (History::of(&record, None), History::of(&record.until(end), None));
        assert_eq!(label(&all, as_of, end), label(&then, as_of, end), "person {number} on {as_of}");
    }
}

#[test]
fn an_untidy_record_comes_back_the_same_too() {
    let (cohort, source) = (Cohort::new(33), source());
    for number in 0..100 {
        let (record, _) = untidy(&cohort, number);
        for dialect in [write::Dialect::Message, write::Dialect::Extended] {
            assert_eq!(tree::read(&write::tree(&record, dialect), &source).as_ref(), Ok(&record), "person {number}");
        }
    }
}

#[test]
fn days_at_the_ends_of_the_calendar_give_features_too() {
    let cohort = Cohort::new(34);
    let history = History::of(&cohort.record(&cohort.member(3)), None);
    for as_of in [Day(i32::MIN), Day(-3_000_000), Day(0), LAST, Day(3_000_000), Day(i32::MAX)] {
        let _ = (values(&history, as_of, Set::V2), label(&history, as_of, LAST));
    }
}
