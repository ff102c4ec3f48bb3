//! The vectors of the specification, where `PLIMSOLL_RETENTION_VECTORS` names their folder.

use std::{fs, path::PathBuf};

use plimsoll_retention::{
    cohort::{Cohort, Member, Stream},
    features::{Facility, History, Label, NAMES, Set, label, values},
    record::Day,
};
use ring::digest::{SHA256, digest};
use serde_json::Value;

fn folder() -> Option<PathBuf> {
    let folder = std::env::var_os("PLIMSOLL_RETENTION_VECTORS").map(PathBuf::from);
    if folder.is_none() {
        eprintln!("did not run: PLIMSOLL_RETENTION_VECTORS does not name a folder");
    }
    folder
}

pub fn hex(text: &str) -> String {
    digest(&SHA256, text.as_bytes()).as_ref().iter().map(|byte| format!("{byte:02x}")).collect()
}

/// The history of a member as a store would hand it over.
pub fn history(cohort: &Cohort, member: &Member) -> History {
    let facility = &cohort.facilities()[member.facility];
    History::of(&cohort.record(member), Some(Facility { level: facility.level, rural: facility.rural }))
}

/// The label of a member in a set for training, with all data to the end.
pub fn outcome(cohort: &Cohort, member: &Member) -> Label {
    label(&history(cohort, member), member.index, plimsoll_retention::cohort::LAST)
}

#[test]
fn the_cohort_has_the_golden_digests() {
    let Some(folder) = folder() else { return };
    let golden: Value = serde_json::from_str(&fs::read_to_string(folder.join("gen_golden.json")).unwrap()).unwrap();
    let seed = golden["seed"].as_u64().unwrap();
    let mut stream = Stream::new(seed);
    for word in golden["splitmix_first5"].as_array().unwrap() {
        assert_eq!(word.as_str().unwrap(), stream.word().to_string());
    }
    let cohort = Cohort::new(seed);
    assert_eq!(cohort.facilities().len() as u64, golden["n_fac"].as_u64().unwrap());
    for (ours, theirs) in cohort.facilities().iter().zip(golden["facilities"].as_array().unwrap()) {
        assert_eq!((ours.code.as_str(), ours.state), (theirs["code"].as_str().unwrap(), theirs["state"].as_str().unwrap()));
        assert_eq!((u64::from(ours.level), ours.rural), (theirs["level"].as_u64().unwrap(), theirs["rural"].as_bool().unwrap()));
        assert_eq!((ours.effect, ours.multi_month), (theirs["eff"].as_f64().unwrap(), theirs["mmd"].as_f64().unwrap()));
    }
    assert_eq!(cohort.member(0).canonical(), golden["patient0_canonical"].as_str().unwrap());
    let whole = |value: &Value| value.as_i64().unwrap();
    for (member, theirs) in cohort.members(50).zip(golden["patients"].as_array().unwrap()) {
        let number = member.number;
        assert_eq!(i64::from(member.birth.0), whole(&theirs["birth"]), "birth of {number}");
        assert_eq!(i64::from(member.start.0), whole(&theirs["art0"]), "start of {number}");
        assert_eq!(member.facility as i64, whole(&theirs["fac"]));
        assert_eq!(i64::from(member.index.0), whole(&theirs["index_day"]));
        assert_eq!([member.female, member.phone, member.lost], ["female", "phone", "lost"].map(|name| theirs[name].as_bool().unwrap()));
        let rows = [member.visits.len(), member.findings.len() + member.dispensed.len(), member.pickups.len()];
        assert_eq!(rows.map(|count| count as i64), ["n_visits", "n_enc", "n_pick"].map(|name| whole(&theirs[name])), "rows of {number}");
        let ends = [member.pickups[0], *member.pickups.last().unwrap()];
        for (ours, name) in ends.iter().zip(["first_pick", "last_pick"]) {
            let theirs: Vec<i64> = theirs[name].as_array().unwrap().iter().map(whole).collect();
            assert_eq!([ours.day.0, ours.supply, ours.day.plus(ours.supply).0].map(i64::from).as_slice(), theirs);
        }
        assert!((member.pickups[0].probability - theirs["p_first"].as_f64().unwrap()).abs() < 1e-15);
        assert_eq!(hex(&member.canonical()), theirs["sha256"].as_str().unwrap(), "events of {number}");
        let target = outcome(&cohort, &member).target().map(u64::from);
        assert_eq!(target, theirs["label"].as_u64(), "label of {number}");
    }
}

#[test]
fn the_first_two_thousand_have_the_golden_counts_and_digest() {
    let Some(folder) = folder() else { return };
    let golden: Value = serde_json::from_str(&fs::read_to_string(folder.join("gen_golden.json")).unwrap()).unwrap();
    let cohort = Cohort::new(golden["seed"].as_u64().unwrap());
    let (mut all, mut counts, mut labels) = (String::new(), [0_usize; 3], [0_u64; 3]);
    for member in cohort.members(2000) {
        all.push_str(&hex(&member.canonical()));
        let rows = [member.visits.len(), member.findings.len() + member.dispensed.len(), member.pickups.len()];
        counts.iter_mut().zip(rows).for_each(|(sum, more)| *sum += more);
        labels[outcome(&cohort, &member).target().map_or(2, usize::from)] += 1;
    }
    let theirs = &golden["first2000"];
    assert_eq!(counts.map(|count| count as u64), ["visits", "enc", "pick"].map(|name| theirs[name].as_u64().unwrap()));
    assert_eq!(labels, ["0", "1", "none"].map(|name| theirs["labels"][name].as_u64().unwrap()));
    assert_eq!(hex(&all), theirs["sha256_of_hex_digests"].as_str().unwrap());
}

#[test]
fn features_and_labels_are_those_of_the_published_rows() {
    let Some(folder) = folder() else { return };
    let text = fs::read_to_string(folder.join("rows.csv")).unwrap();
    let mut lines = text.lines();
    let header: Vec<&str> = lines.next().unwrap().split(',').collect();
    assert_eq!(&header[3..], NAMES);
    let cohort = Cohort::new(20_250_228);
    let mut worst = 0.0_f64;
    // The last four rows are not of anybody.
    for line in lines.take(996) {
        let cells: Vec<&str> = line.split(',').collect();
        let member = cohort.member(cells[0].parse().unwrap());
        let as_of = Day(cells[1].parse().unwrap());
        assert_eq!(member.index, as_of);
        let target = outcome(&cohort, &member).target().map(|target| target.to_string());
        assert_eq!(target.as_deref(), Some(cells[2]), "label of {}", member.number);
        for ((ours, theirs), name) in values(&history(&cohort, &member), as_of, Set::V2).into_iter().zip(&cells[3..]).zip(NAMES) {
            // The file holds numbers of 32 bits, in as few digits as tell them apart.
            let theirs = if theirs.is_empty() { f64::NAN } else { f64::from(theirs.parse::<f32>().unwrap()) };
            let apart = (f64::from(ours as f32) - theirs).abs() / theirs.abs().max(1.0);
            assert!(apart <= 1e-6 || ours.is_nan() && theirs.is_nan(), "{name} of {}: {ours} is not {theirs}", member.number);
            worst = worst.max(if apart.is_nan() { 0.0 } else { apart });
        }
    }
    eprintln!("largest difference of a feature: {worst:e}");
}
