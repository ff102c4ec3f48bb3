//! The gates of the specification over the generated programme: `bench/models/gates` runs this.
//!
//!     gates PEOPLE [FOLDER]
//!
//! Rows, labels and figures are made here of raw records. With a folder the rows are written there for others to
//! train on (`rows.f64`, `outcomes.u8`, `parts.u8`), and a model of LightGBM that lies there (`lightgbm-v1.txt`,
//! `lightgbm-v2.txt`) is imported and measured on the same people.

use std::{error::Error, fs, ops::ControlFlow, path::PathBuf, time::Instant};

use plimsoll_ai::{
    measure::{Scored, compare},
    train::Settings,
    tree::{Forest, Scorer},
};
use plimsoll_retention::{
    cohort::Cohort,
    features::{Facility, History, Set, WINDOW},
    models::Figures,
    train::{Cases, Fitted, Part, Plan, figures, fit},
};

const SEED: u64 = 20_250_228;

fn cases(people: u64) -> Cases {
    let cohort = Cohort::new(SEED);
    let mut cases = Cases::default();
    for member in cohort.members(people) {
        let facility = &cohort.facilities()[member.facility];
        let record = cohort.record(&member);
        let history = History::of(&record, Some(Facility { level: facility.level, rural: facility.rural }));
        // Every fifth is for the test, as in the specification; of the others the usual tenth is held.
        let part = match Part::of(&record.person.uuid) {
            _ if member.number % 5 == 0 => Part::Test,
            Part::Test => Part::Train,
            other => other,
        };
        cases.add(part, &history, record.person.state.as_deref(), member.index, member.index.plus(WINDOW));
    }
    cases
}

fn tell(what: &str, f: &Figures) {
    let [low, high] = f.auc_interval.unwrap_or([f64::NAN; 2]);
    let or = |value: Option<f64>| value.unwrap_or(f64::NAN);
    println!(
        "{what:<22} AUC {:.4} [{low:.4}, {high:.4}]  at risk {:.4}  AP {:.3}  Brier {:.4}  ECE {:.4}  recall@20 % {:.3}",
        or(f.auc),
        or(f.auc_at_risk),
        or(f.average_precision),
        or(f.brier),
        or(f.calibration_error),
        or(f.recall_at_fifth)
    );
}

fn learnt(cases: &Cases, set: Set, threads: usize) -> Result<Fitted, Box<dyn Error>> {
    let plan = Plan { set, settings: Settings { threads, ..Settings::default() }, capacity: None };
    fit(cases, &plan, |_| ControlFlow::Continue(())).map_err(|error| error.public().to_owned().into())
}

fn imported(cases: &Cases, set: Set, path: &PathBuf) -> Result<Scored, Box<dyn Error>> {
    let forest = Forest::from_lightgbm(&fs::read_to_string(path)?)?;
    let scorer = Scorer::new(&forest);
    let (values, outcomes) = cases.some(&cases.of(Part::Test), set);
    let mut margins = Vec::new();
    scorer.margins(&values, &mut margins)?;
    Ok(Scored::new(margins.into_iter().map(|margin| forest.probability(margin)).collect(), outcomes)?)
}

fn main() -> Result<(), Box<dyn Error>> {
    let people = std::env::args().nth(1).and_then(|text| text.parse().ok()).unwrap_or(60_000);
    let folder = std::env::args().nth(2).map(PathBuf::from);
    let began = Instant::now();
    let cases = cases(people);
    let test = cases.of(Part::Test);
    let positives = test.iter().filter(|at| cases.outcomes[**at]).count();
    println!(
        "{people} people: {} rows, {} for the test with {positives} interruptions, {} held; {:.1} s",
        cases.len(),
        test.len(),
        cases.of(Part::Held).len(),
        began.elapsed().as_secs_f64()
    );
    if let Some(folder) = &folder {
        fs::create_dir_all(folder)?;
        fs::write(folder.join("rows.f64"), cases.values.iter().flat_map(|value| value.to_le_bytes()).collect::<Vec<u8>>())?;
        fs::write(folder.join("outcomes.u8"), cases.outcomes.iter().map(|outcome| u8::from(*outcome)).collect::<Vec<u8>>())?;
        fs::write(folder.join("parts.u8"), cases.all.iter().map(|case| case.part as u8).collect::<Vec<u8>>())?;
    }
    let mut failed = Vec::new();
    let mut gate = |what: &str, held: bool| {
        println!("  {} {what}", if held { "holds " } else { "FAILS " });
        if !held {
            failed.push(what.to_owned());
        }
    };
    let at_risk: Vec<bool> = test.iter().map(|at| cases.all[*at].at_risk).collect();
    println!("{} of the test are at risk", at_risk.iter().filter(|at| **at).count());
    for set in [Set::V1, Set::V2] {
        let began = Instant::now();
        let made = learnt(&cases, set, 1)?;
        let seconds = began.elapsed().as_secs_f64();
        let f = &made.figures;
        tell(&format!("ours {}", set.name()), f);
        println!("  {} trees, {seconds:.1} s; logistic regression {:.4}", made.trees, made.baseline.unwrap_or(f64::NAN));
        let auc = f.auc.unwrap_or(0.0);
        match set {
            Set::V1 => {
                gate("AUC at least 0.900", auc >= 0.900);
                gate("0.005 above the logistic regression", auc >= made.baseline.unwrap_or(1.0) + 0.005);
            }
            Set::V2 => {
                gate("AUC at least 0.922", auc >= 0.922);
                gate("at risk at least 0.865", f.auc_at_risk.unwrap_or(0.0) >= 0.865);
                gate("ECE at most 0.015", f.calibration_error.unwrap_or(1.0) <= 0.015);
                gate("Brier at most 0.056", f.brier.unwrap_or(1.0) <= 0.056);
                gate("recall in the highest fifth at least 0.79", f.recall_at_fifth.unwrap_or(0.0) >= 0.79);
            }
        }
        let bands = made.scored.bands(&[0.3, 0.5, 0.75])?;
        gate("levels rise", bands.rises(20));
        gate(
            "the same to the last byte with 2 and 8 threads",
            [2, 8].iter().all(|threads| learnt(&cases, set, *threads).is_ok_and(|other| other.artifact == made.artifact)),
        );
        let path = folder.as_ref().map(|folder| folder.join(format!("lightgbm-{}.txt", &set.name()[4..])));
        if let Some(path) = path.filter(|path| path.exists()) {
            let scored = imported(&cases, set, &path)?;
            let theirs = figures(&scored, &at_risk).map_err(|error| error.public().to_owned())?;
            tell(&format!("LightGBM {}", set.name()), &theirs);
            let beside = compare::bootstrap(&made.scored, &scored, 1000, 0.95, 1)?.difference;
            println!("  ours less theirs {:+.4} [{:+.4}, {:+.4}]", beside.value, beside.low, beside.high);
            let least = if set == Set::V1 { 0.900 } else { 0.922 };
            gate(&format!("the imported model's AUC at least {least}"), theirs.auc.unwrap_or(0.0) >= least);
        }
    }
    if failed.is_empty() { Ok(()) } else { Err(format!("{} gates fail: {}", failed.len(), failed.join("; ")).into()) }
}
