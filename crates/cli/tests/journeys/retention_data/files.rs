//! The same people in every format.

use std::{fs, path::Path};

use plimsoll_retention::{
    cohort::{Cohort, Planted, Untidy},
    formats::{Table, write},
    record::Record,
};

/// How the people are written.
pub const FORMATS: [&str; 6] = ["json", "nmrs", "ndjson", "nmrs lines", "xml", "csv"];

/// Records of the cohort with rows that were taken back.
pub fn people(seed: u64, count: u64) -> Vec<Record> {
    let cohort = Cohort::new(seed);
    cohort.members(count).map(|member| cohort.untidy(&member, &Untidy { left: 0.5, ..Untidy::default() })).collect()
}

/// A file with these people, of a format that has one.
pub fn written(format: &str, people: &[Record]) -> Vec<u8> {
    let dialect = if format.starts_with("nmrs") { write::Dialect::Extended } else { write::Dialect::Message };
    match format {
        "xml" => {
            let mut xml = write::Xml::new(Vec::new()).unwrap();
            people.iter().for_each(|one| xml.record(one).unwrap());
            xml.finish().unwrap()
        }
        "csv" => panic!("four files"),
        other => {
            let lines = other.ends_with("lines") || other == "ndjson";
            let mut json = if lines { write::Json::lines(Vec::new(), dialect) } else { write::Json::array(Vec::new(), dialect) };
            people.iter().for_each(|one| json.record(one).unwrap());
            json.finish().unwrap()
        }
    }
}

/// The four files of a bundle, by name.
pub fn tables(people: &[Record]) -> Vec<(&'static str, Vec<u8>)> {
    let mut csv = write::Csv::new([const { Vec::new() }; 4]).unwrap();
    people.iter().for_each(|one| csv.record(one).unwrap());
    Table::ALL.iter().map(|table| table.file()).zip(csv.finish().unwrap()).collect()
}

/// Puts the four files of a bundle into a folder.
pub fn bundle(folder: &Path, people: &[Record]) {
    fs::create_dir_all(folder).unwrap();
    for (name, bytes) in tables(people) {
        fs::write(folder.join(name), bytes).unwrap();
    }
}

/// Lines with planted faults, and what must be said of each.
pub fn faulty(seed: u64, count: u64, amounts: &Untidy) -> (Vec<u8>, Vec<Vec<Planted>>) {
    let cohort = Cohort::new(seed);
    let (mut lines, mut faults) = (write::Json::lines(Vec::new(), write::Dialect::Message), Vec::new());
    for member in cohort.members(count) {
        let mut tree = write::tree(&cohort.untidy(&member, amounts), write::Dialect::Message);
        faults.push(cohort.plant(member.number, &mut tree, amounts));
        lines.tree(&tree).unwrap();
    }
    (lines.finish().unwrap(), faults)
}
