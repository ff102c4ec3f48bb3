use std::{
    fs,
    path::PathBuf,
    sync::atomic::{AtomicU32, Ordering},
    time::Duration,
};

use plimsoll_core::Time;

use super::{diff, keep, list, prune};
use crate::{
    proof::{self, tests::key},
    report::{
        Gate, Report,
        tests::{header, page, report_on, sample},
    },
};

/// A folder that goes away again.
pub(crate) struct Scratch(pub(crate) PathBuf);

impl Scratch {
    pub(crate) fn new(name: &str) -> Scratch {
        static NEXT: AtomicU32 = AtomicU32::new(0);
        let number = NEXT.fetch_add(1, Ordering::SeqCst);
        let path = std::env::temp_dir().join(format!("plimsoll-assess-{name}-{}-{number}", std::process::id()));
        fs::create_dir_all(&path).unwrap();
        Scratch(path)
    }
}

impl Drop for Scratch {
    fn drop(&mut self) {
        let _ = fs::remove_dir_all(&self.0);
    }
}

fn report(letters: &str) -> Report {
    let pages = [page("a", "Data layer", "low", "item", "data", 2, ""), page("b", "Data layer", "low", "item", "data", 1, "")];
    report_on(&pages, &[("a", letters), ("b", "h")], Gate::Claims, header())
}

fn keep_at(folder: &Scratch, minute: u64, report: &Report) -> PathBuf {
    let time = Time::from_micros(1_700_000_000_000_000).plus(Duration::from_secs(60 * minute));
    keep(&folder.0, time, &proof::sign(report, &key()), &format!("<p>{minute}</p>")).unwrap()
}

#[test]
fn a_kept_proof_has_its_time_in_its_name_and_is_the_latest() {
    let folder = Scratch::new("keep");
    let first = keep_at(&folder, 0, &report("hh"));
    let second = keep_at(&folder, 1, &report("hb"));
    let name = first.file_name().unwrap().to_str().unwrap();
    assert!(name.starts_with("20231114T221320.000000Z-"), "{name}");
    assert_eq!(list(&folder.0).unwrap(), [first, second.clone()]);
    assert_eq!(fs::read(folder.0.join("latest.json")).unwrap(), fs::read(second).unwrap());
    assert_eq!(fs::read_to_string(folder.0.join("latest.html")).unwrap(), "<p>1</p>");
    assert_eq!(fs::read_dir(&folder.0).unwrap().count(), 4, "no draft is left");
    assert!(list(&folder.0.join("absent")).unwrap().is_empty());
}

#[test]
fn the_oldest_go_but_never_the_only_good_one_and_nothing_of_others() {
    let folder = Scratch::new("prune");
    fs::write(folder.0.join("notes-of-mine.json"), "{}").unwrap();
    let paths: Vec<PathBuf> =
        ["hh", "hh", "hb", "hb", "hb", "hb"].iter().enumerate().map(|(n, letters)| keep_at(&folder, n as u64, &report(letters))).collect();
    prune(&folder.0, 3).unwrap();
    assert_eq!(list(&folder.0).unwrap(), [&paths[1..2], &paths[3..]].concat(), "the newest good one is older than the bound");
    let good = keep_at(&folder, 9, &report("hh"));
    prune(&folder.0, 3).unwrap();
    assert_eq!(list(&folder.0).unwrap(), [&paths[4..], &[good]].concat());
    assert!(folder.0.join("notes-of-mine.json").is_file());
}

#[test]
fn a_diff_names_what_changed_and_whether_it_is_worse() {
    let (before, after) = (report("hh"), report("hb"));
    let worse = diff(&before, &after);
    assert!(worse.worse);
    assert_eq!(worse.practices.len(), 1);
    assert_eq!(
        worse.text(),
        "2026-11-21T10:00:00.000000Z → 2026-11-21T10:00:00.000000Z\n  verdict: Full → Minimum\n  gate: claims passed → claims failed\n  \
         score: 100.0 % → 75.0 %\nworse a: implemented → partial; 1 of 2 checks hold; c2 is not so\n    c2: held → broken\n"
            .replace("Minimum", after.verdict.name())
    );
    let better = diff(&after, &before);
    assert!(!better.worse && !better.is_empty());
    assert!(diff(&before, &before).is_empty());
    assert!(better.json().contains("\"from\": \"partial\""));
}

#[test]
fn practices_that_come_and_go_are_told() {
    let told = diff(&report("hh"), &sample());
    let absent = told.practices.iter().find(|practice| practice.id == "a").unwrap();
    assert_eq!((absent.to, absent.why.as_str()), (None, "no longer in the catalogue"));
    assert!(told.practices.iter().any(|practice| practice.id == "auth" && practice.from.is_none()));
}
