//! The features themselves.

use super::{
    history::{Fact, History, Pickup, What},
    names::{NAMES, Set},
};
use crate::record::{Day, words::Said};

const YEAR: f64 = 365.25;
const MONTH: f64 = 30.4375;
/// Days of supply where nothing says how long it lasts.
const USUAL: i32 = 30;
/// The longest supply that is believed, in days.
const LONGEST: f64 = 366.0;
/// Copies per ml from which on the virus is not suppressed.
const SUPPRESSED: f64 = 1000.0;

/// A pick-up as it was known on a day.
#[derive(Clone, Copy, Debug)]
pub(super) struct Handed {
    pub day: Day,
    /// Days of supply, 1 to 366.
    pub supply: i32,
    regimen: Option<(u16, bool)>,
    counselled: bool,
    adherence: Option<u8>,
}

impl Handed {
    /// The day on which the next pick-up is due.
    pub fn due(&self) -> Day {
        self.day.plus(self.supply)
    }
}

/// What was known of a pick-up on a day: of two answers to one question the later one counts.
pub(super) fn handed(history: &History, pickup: &Pickup, as_of: Day) -> Handed {
    let facts = history.handed.get(pickup.from as usize..pickup.to as usize).unwrap_or_default();
    let (mut duration, mut dispensed, mut dose, mut times) = (None, None, None, None);
    let mut known = Handed { day: pickup.day, supply: USUAL, regimen: None, counselled: false, adherence: None };
    for fact in facts.iter().filter(|fact| fact.known <= as_of) {
        match fact.what {
            What::Regimen(which, dolutegravir) => known.regimen = Some((which, dolutegravir)),
            What::Said(Said::Duration(days)) => duration = Some(days),
            What::Said(Said::Dispensed(units)) => dispensed = Some(units),
            What::Said(Said::PerDose(units)) => dose = Some(units),
            What::Said(Said::PerDay(doses)) => times = Some(doses),
            What::Said(Said::Counselled(yes)) => known.counselled = yes,
            What::Said(Said::Adherence(level)) => known.adherence = Some(level),
            What::Said(_) => {}
        }
    }
    let believed = |days: &f64| (1.0..=LONGEST).contains(days);
    // Whole days: a part of a day's dose is not a day.
    let counted = || Some(dispensed? / (dose? * times?)).filter(believed);
    if let Some(days) = duration.filter(believed).or_else(counted) {
        known.supply = days as i32;
    }
    known
}

impl History {
    /// The day of the last pick-up and the day it lasts to, by everything that is known.
    pub fn last_pickup(&self) -> Option<(Day, Day)> {
        self.pickups.last().map(|one| handed(self, one, Day(i32::MAX))).map(|one| (one.day, one.due()))
    }
}

impl History {
    /// Whether next to nothing is known as of a day: no visit, and no pick-up that says how long it lasts.
    pub fn says_little(&self, as_of: Day) -> bool {
        let visited = self.visits.first().is_some_and(|(day, _)| *day <= as_of);
        let told = |fact: &Fact| fact.known <= as_of && matches!(fact.what, What::Said(Said::Duration(_) | Said::Dispensed(_)));
        !visited && !self.handed.iter().any(told)
    }
}

/// The features of a set as of a day, in the order of [`Set::names`]; NaN where missing.
pub fn values(history: &History, as_of: Day, set: Set) -> Vec<f64> {
    let mut all = [f64::NAN; NAMES.len()];
    fill(history, as_of, &mut all);
    all[..set.names().len()].to_vec()
}

/// Writes all features as of a day, in the order of [`NAMES`]. A window of a year holds its first and its last day.
pub fn fill(history: &History, as_of: Day, out: &mut [f64; NAMES.len()]) {
    let mut put = Put { out, next: 0 };
    let seen = history.pickups.partition_point(|one| one.day <= as_of);
    let handed: Vec<Handed> = history.pickups[..seen].iter().map(|one| handed(history, one, as_of)).collect();
    let found = Found::of(history, as_of);
    person(history, as_of, &mut put);
    pharmacy(&handed, as_of, &mut put);
    visits(history, as_of, &mut put);
    put.all([found.who_stage, flag(found.load.is_some()), f64::from(found.loads), flag(found.tuberculosis), flag(found.limited)]);
    put.all([flag(found.pregnant), adherence(&handed, as_of)]);
    calendar(as_of, &mut put);
    due(&handed, as_of, &mut put);
    match found.load {
        Some((day, copies)) => put.all([copies.max(1.0).log10(), flag(copies < SUPPRESSED), days(as_of, day)]),
        None => put.all([f64::NAN; 3]),
    }
    put.all(history.facility.map_or([f64::NAN; 2], |facility| [f64::from(facility.level), flag(facility.rural)]));
}

/// Writes one value after the other.
struct Put<'a> {
    out: &'a mut [f64; NAMES.len()],
    next: usize,
}

impl Put<'_> {
    fn all<const N: usize>(&mut self, values: [f64; N]) {
        self.out[self.next..self.next + N].copy_from_slice(&values);
        self.next += N;
    }
}

fn flag(yes: bool) -> f64 {
    f64::from(u8::from(yes))
}

fn days(as_of: Day, day: Day) -> f64 {
    f64::from(as_of.since(day))
}

fn mean(sum: f64, count: usize) -> f64 {
    if count == 0 { f64::NAN } else { sum / count as f64 }
}

/// Whether a day lies in the window that ends with `as_of`.
fn within(day: Day, as_of: Day, window: i32) -> bool {
    day >= as_of.plus(-window)
}

fn person(history: &History, as_of: Day, put: &mut Put<'_>) {
    let age = history.birth.map_or(f64::NAN, |birth| days(as_of, birth) / YEAR);
    // `min` would turn NaN into 7.
    let group = if age.is_nan() { age } else { (age / 10.0).floor().min(7.0) };
    let gender = history.male.map_or(f64::NAN, flag);
    put.all([age, group, gender, flag(history.has_state), flag(history.has_city), flag(history.has_phone)]);
}

fn pharmacy(handed: &[Handed], as_of: Day, put: &mut Put<'_>) {
    let last = |window: i32| &handed[handed.partition_point(|one| !within(one.day, as_of, window))..];
    let (quarter, half, year) = (last(90), last(180), last(365));
    let supplied: i64 = half.iter().map(|one| i64::from(one.supply)).sum();
    let several = half.iter().filter(|one| one.supply >= 56).count();
    let newest = handed.last();
    let regimens: Vec<u16> = year.iter().filter_map(|one| Some(one.regimen?.0)).collect();
    let changes = regimens.windows(2).filter(|pair| pair[0] != pair[1]).count();
    let stability = if regimens.len() < 2 { 1.0 } else { 1.0 - changes as f64 / (regimens.len() - 1) as f64 };
    let dolutegravir = handed.iter().rev().find_map(|one| one.regimen).is_some_and(|(_, yes)| yes);
    put.all([
        flag(newest.is_some()),
        handed.len() as f64,
        mean(supplied as f64, half.len()),
        newest.map_or(f64::NAN, |one| f64::from(one.supply)),
        newest.map_or(f64::NAN, |one| days(as_of, one.day)),
        quarter.len() as f64,
        half.len() as f64,
        mean(several as f64, half.len()),
        stability,
        flag(!dolutegravir),
        half.iter().filter(|one| one.counselled).count() as f64,
    ]);
}

fn visits(history: &History, as_of: Day, put: &mut Put<'_>) {
    let seen = &history.visits[..history.visits.partition_point(|(day, _)| *day <= as_of)];
    let last = |window: i32| (seen.len() - seen.partition_point(|(day, _)| !within(*day, as_of, window))) as f64;
    let gaps = || seen.windows(2).map(|pair| f64::from(pair[1].0.since(pair[0].0)));
    let regularity = if seen.len() < 2 {
        0.0
    } else {
        let count = (seen.len() - 1) as f64;
        let mean = gaps().sum::<f64>() / count;
        let spread = (gaps().map(|gap| (gap - mean) * (gap - mean)).sum::<f64>() / count).sqrt();
        if mean > 0.0 { (1.0 - spread / mean).max(0.0) } else { 0.0 }
    };
    let clinical = seen.iter().filter(|(_, clinical)| *clinical).count() as f64;
    put.all([
        seen.len() as f64,
        last(90),
        last(180),
        last(365),
        seen.last().map_or(f64::NAN, |(day, _)| days(as_of, *day)),
        regularity,
        if seen.is_empty() { 0.0 } else { clinical / seen.len() as f64 },
    ]);
}

/// The latest clinical answers that were known.
struct Found {
    who_stage: f64,
    /// Viral loads of a year.
    loads: u32,
    /// The latest viral load.
    load: Option<(Day, f64)>,
    tuberculosis: bool,
    limited: bool,
    pregnant: bool,
}

impl Found {
    fn of(history: &History, as_of: Day) -> Found {
        let mut found = Found { who_stage: f64::NAN, loads: 0, load: None, tuberculosis: false, limited: false, pregnant: false };
        for Fact { day, what, .. } in history.findings.iter().filter(|fact| fact.known <= as_of) {
            let within = |window| within(*day, as_of, window);
            match *what {
                What::Said(Said::WhoStage(stage)) if within(365) => found.who_stage = f64::from(stage),
                What::Said(Said::Limited(yes)) if within(365) => found.limited = yes,
                What::Said(Said::Tuberculosis(yes)) if within(180) => found.tuberculosis = yes,
                What::Said(Said::Pregnant(yes)) if within(270) => found.pregnant = yes,
                What::Said(Said::ViralLoad(copies)) => {
                    found.load = Some((*day, copies));
                    found.loads += u32::from(within(365));
                }
                _ => {}
            }
        }
        found
    }
}

fn adherence(handed: &[Handed], as_of: Day) -> f64 {
    let latest = handed.iter().rev().take_while(|one| within(one.day, as_of, 365)).find_map(|one| one.adherence);
    latest.map_or(f64::NAN, f64::from)
}

fn calendar(as_of: Day, put: &mut Put<'_>) {
    let month = as_of.month();
    put.all([
        f64::from(month),
        f64::from((month - 1) / 3),
        flag(matches!(month, 11 | 12 | 1)),
        flag(matches!(month, 6..=9)),
        f64::from(as_of.weekday()),
        flag(month == 12),
    ]);
}

/// Due dates and lateness: how many days after the due date of one pick-up the next one was.
fn due(handed: &[Handed], as_of: Day, put: &mut Put<'_>) {
    let Some((first, newest)) = handed.first().zip(handed.last()) else {
        let nan = f64::NAN;
        return put.all([nan, nan, nan, 0.0, nan, nan, nan, nan, nan]);
    };
    let (mut interruptions, mut interrupted, mut late) = (0_u32, f64::NAN, f64::NAN);
    let (mut count, mut over, mut most, mut sum) = (0_usize, 0_u32, f64::NAN, 0.0);
    for pair in handed.windows(2) {
        let due = pair[0].due();
        let behind = pair[1].day.since(due);
        late = f64::from(behind);
        if behind > super::GRACE {
            interruptions += 1;
            interrupted = days(as_of, due.plus(super::GRACE + 1));
        }
        if within(pair[1].day, as_of, 365) {
            count += 1;
            over += u32::from(behind > 7);
            most = f64::max(most, late);
            sum += late.max(0.0);
        }
    }
    put.all([
        days(as_of, first.day) / MONTH,
        f64::from(newest.due().since(as_of)),
        f64::from(as_of.since(newest.due()).max(0)),
        f64::from(interruptions),
        interrupted,
        mean(f64::from(over), count),
        most,
        mean(sum, count),
        late,
    ]);
}
