//! Files with faults that were planted: every one is told, with its reason and its place, and nothing else is.

use plimsoll_retention::{
    cohort::{Cohort, LAST, Planted, Untidy},
    features::{History, Label, Set, label, values},
    formats::{Bundle, Entry, Json, Ndjson, Xml, write},
    record::Record,
};

use super::formats::source;

/// What a file says: of each record, the record or what is wrong.
fn told(entries: impl Iterator<Item = Entry>) -> Vec<Result<Record, Vec<Planted>>> {
    let planted = |rejects: Vec<plimsoll_retention::formats::Reject>| {
        let mut all: Vec<Planted> = rejects.into_iter().map(|one| Planted { reason: one.reason, pointer: one.pointer }).collect();
        all.sort();
        all
    };
    entries.map(|entry| entry.read.map_err(planted)).collect()
}

#[test]
fn every_format_gives_the_same_records_and_tells_the_same_faults() {
    let (cohort, source) = (Cohort::new(41), source());
    let amounts = Untidy { left: 0.5, ..Untidy::default() };
    let (mut expected, mut faults) = (Vec::new(), 0);
    let mut array = write::Json::array(Vec::new(), write::Dialect::Message);
    let mut lines = write::Json::lines(Vec::new(), write::Dialect::Extended);
    let (mut xml, mut csv) = (write::Xml::new(Vec::new()).unwrap(), write::Csv::new([const { Vec::new() }; 4]).unwrap());
    for member in cohort.members(150) {
        let record = cohort.untidy(&member, &amounts);
        let mut message = write::tree(&record, write::Dialect::Message);
        let mut extended = write::tree(&record, write::Dialect::Extended);
        let planted = cohort.plant(member.number, &mut message, &amounts);
        assert_eq!(cohort.plant(member.number, &mut extended, &amounts), planted);
        faults += planted.len();
        expected.push(if planted.is_empty() { Ok(record) } else { Err(planted) });
        array.tree(&message).unwrap();
        lines.tree(&extended).unwrap();
        xml.tree(&message).unwrap();
        csv.tree(&message).unwrap();
    }
    assert!(faults > 20, "{faults}");
    let (array, lines, xml, csv) = (array.finish().unwrap(), lines.finish().unwrap(), xml.finish().unwrap(), csv.finish().unwrap());
    assert_eq!(told(Json::new(array.as_slice(), &source)), expected);
    assert_eq!(told(Ndjson::new(lines.as_slice(), &source)), expected);
    assert_eq!(told(Xml::new(xml.as_slice(), &source)), expected);
    assert_eq!(told(Bundle::new(csv.each_ref().map(Vec::as_slice), &source).unwrap()), expected);
}

#[test]
fn rows_that_were_taken_back_change_nothing_and_leaving_is_seen() {
    let cohort = Cohort::new(42);
    let amounts = Untidy { voided: 0.3, left: 1.0, ..Untidy::default() };
    let mut censored = 0;
    for member in cohort.members(300) {
        let (clean, untidy) = (History::of(&cohort.record(&member), None), History::of(&cohort.untidy(&member, &amounts), None));
        let bits = |history: &History| values(history, member.index, Set::V2).into_iter().map(f64::to_bits).collect::<Vec<_>>();
        assert_eq!(bits(&clean), bits(&untidy), "person {}", member.number);
        match label(&untidy, member.index, LAST) {
            Label::Censored(_) => censored += 1,
            Label::NotActive => {}
            other => assert_eq!(other, label(&clean, member.index, LAST)),
        }
    }
    assert!(censored > 0);
}
