//! One person's course: pick-up after pick-up until the end of the data, or until they do not come back.
//!
//! The order in which the stream is drawn from is part of the definition: another order is another
//! cohort, and the digests in the tests would tell.

use super::{
    place::Facility,
    stream::{Stream, mix},
};
use crate::record::Day;

/// The first day on which anybody begins, 2017-01-01.
pub const FIRST: Day = Day(17_167);
/// The last day of the data, 2024-06-30.
pub const LAST: Day = Day(19_904);
/// The last day on which anybody begins, 2023-09-30.
const LAST_START: Day = Day(19_630);
/// Index dates lie from 2022-01-01 to 2023-12-31.
const INDEX: (Day, Day) = (Day(18_993), Day(19_722));
/// From 2019-06-01 new lines contain dolutegravir, and people change to them.
const DOLUTEGRAVIR: Day = Day(18_048);
/// From 2020-04-01 most facilities dispense for several months.
const MULTI_MONTH: Day = Day(18_353);
/// Days past due of those who come back after an interruption, at equal steps of probability.
const RETURN: [f64; 10] = [29.0, 34.0, 42.0, 55.0, 75.0, 105.0, 150.0, 220.0, 330.0, 540.0];
const MONTH: f64 = 30.4375;
const YEAR: f64 = 365.25;

/// The older line.
pub const EFV: &str = "TDF/3TC/EFV";
/// The line with dolutegravir.
pub const DTG: &str = "TDF/3TC/DTG";

/// Why somebody stood in the facility.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Occasion {
    /// A clinical visit, with a pick-up.
    Clinical,
    /// A pick-up.
    Pharmacy,
    /// Neither: in between.
    Unscheduled,
}

impl Occasion {
    /// The type of the visit as exports write it.
    pub const fn name(self) -> &'static str {
        match self {
            Occasion::Clinical => "CLINICAL",
            Occasion::Pharmacy => "PHARMACY",
            Occasion::Unscheduled => "UNSCHEDULED",
        }
    }
}

/// What was found at a clinical visit.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Findings {
    /// WHO stage, 1 to 4.
    pub who: u8,
    /// 0 working, 1 ambulatory, 2 bedridden.
    pub functional: u8,
    /// Signs of tuberculosis.
    pub tuberculosis: bool,
    /// Pregnant or not; only asked of women of 15 to 49.
    pub pregnant: Option<bool>,
    /// CD4 cells per µl, at the first visit.
    pub cd4: Option<i32>,
    /// Copies per ml, where measured.
    pub viral_load: Option<i32>,
}

/// What was dispensed.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Dispensed {
    /// Days it lasts, as written by the pharmacist; missing in 4 of 100.
    pub duration: Option<i32>,
    /// Tablets, one for each day.
    pub quantity: i32,
    /// The regimen.
    pub regimen: &'static str,
    /// Whether there was adherence counselling.
    pub counselled: bool,
    /// 2 good, 1 fair, 0 poor, as the person says; missing in 15 of 100.
    pub adherence: Option<u8>,
}

/// One pick-up, with what nobody knows: how likely an interruption followed it.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Pickup {
    /// The day of it.
    pub day: Day,
    /// Days of supply.
    pub supply: i32,
    /// The probability with which an interruption was drawn.
    pub probability: f64,
}

/// One person of the cohort.
#[derive(Clone, Debug, PartialEq)]
pub struct Member {
    /// Number within the cohort.
    pub number: u64,
    /// Index of the facility.
    pub facility: usize,
    /// Sex.
    pub female: bool,
    /// Day of birth.
    pub birth: Day,
    /// Day of the first pick-up.
    pub start: Day,
    /// Whether there is a phone number.
    pub phone: bool,
    /// Whether the state is written down.
    pub state: bool,
    /// Whether the city is written down.
    pub city: bool,
    /// Visits, in the order in which they were drawn: an unscheduled one may stand before an earlier day.
    pub visits: Vec<(Day, Occasion)>,
    /// Clinical visits, by day.
    pub findings: Vec<(Day, Findings)>,
    /// What was dispensed, by day.
    pub dispensed: Vec<(Day, Dispensed)>,
    /// Every pick-up, one for each of `dispensed`.
    pub pickups: Vec<Pickup>,
    /// Whether they did not come back.
    pub lost: bool,
    /// The day as of which this person stands in a set for training.
    pub index: Day,
}

/// What changes from pick-up to pick-up.
struct State {
    today: Day,
    regimen: &'static str,
    /// Whether the last viral load was suppressed, and when it was.
    suppressed: Option<(bool, Day)>,
    pregnant_until: i32,
    postpartum_until: i32,
    who: u8,
    interruptions: i32,
    last_late: i32,
    next_clinical: Day,
    counselled: Option<Day>,
}

/// What stays.
struct Fixed<'a> {
    facility: &'a Facility,
    female: bool,
    birth: Day,
    start: Day,
    phone: bool,
    student: bool,
    cd4: i32,
    /// How much this person tends to drop out: never observed.
    propensity: f64,
}

/// Draws a person.
pub fn draw(seed: u64, number: u64, facilities: &[Facility]) -> Member {
    let mut stream = Stream::new(mix(seed, number.wrapping_add(1)));
    let place = stream.between(0, facilities.len() as i32 - 1) as usize;
    let facility = &facilities[place];
    let female = stream.chance(0.66);
    let child = stream.chance(0.05);
    // Somewhat more begin early.
    let start = Day((f64::from(FIRST.0) + f64::from(LAST_START.0 - FIRST.0) * (1.0 - (1.0 - stream.uniform()).powf(1.15))) as i32);
    let age = if child { 1.0 + 13.0 * stream.uniform() } else { (34.5 + 10.5 * stream.normal()).clamp(15.0, 78.0) };
    let birth = Day((f64::from(start.0) - YEAR * age) as i32);
    let propensity = stream.normal();
    let reachable = 0.84 - 0.05 * propensity - if facility.rural { 0.10 } else { 0.0 };
    let phone = stream.chance(reachable.clamp(0.3, 0.97));
    let who = 1 + stream.pick(&[0.45, 0.25, 0.22, 0.08]) as u8;
    let cd4 = (330.0 + 170.0 * stream.normal() - f64::from(60 * (i32::from(who) - 1))).clamp(5.0, 1400.0) as i32;
    let state = !stream.chance(0.02);
    let city = !stream.chance(0.08);
    let student = (15.0..=27.0).contains(&age) && stream.chance(0.12);
    let regimen = if start < DOLUTEGRAVIR || !stream.chance(0.91) { EFV } else { DTG };
    let mut member = Member {
        number,
        facility: place,
        female,
        birth,
        start,
        phone,
        state,
        city,
        visits: Vec::new(),
        findings: Vec::new(),
        dispensed: Vec::new(),
        pickups: Vec::new(),
        lost: false,
        index: index(seed, number),
    };
    let fixed = Fixed { facility, female, birth, start, phone, student, cd4, propensity };
    let mut now = State {
        today: start,
        regimen,
        suppressed: None,
        pregnant_until: -1,
        postpartum_until: -1,
        who,
        interruptions: 0,
        last_late: 0,
        next_clinical: start,
        counselled: None,
    };
    while now.today <= LAST && !member.lost {
        step(&mut stream, &fixed, &mut now, &mut member);
    }
    member
}

/// The index date has a stream of its own: it must not depend on the course.
fn index(seed: u64, number: u64) -> Day {
    let span = f64::from(INDEX.1.0 - INDEX.0.0 + 1);
    INDEX.0.plus((Stream::new(mix(seed, 0x1DE_0000_0000_u64.wrapping_add(number))).uniform() * span) as i32)
}

/// One time at the facility, and the day of the next.
fn step(stream: &mut Stream, fixed: &Fixed, now: &mut State, member: &mut Member) {
    let today = now.today;
    let months = f64::from(today.since(fixed.start)) / MONTH;
    if now.regimen == EFV && today >= DOLUTEGRAVIR && stream.chance(0.35) {
        now.regimen = DTG;
    }
    let age = f64::from(today.since(fixed.birth)) / YEAR;
    if fixed.female && (15.0..=45.0).contains(&age) && today.0 > now.pregnant_until + 120 && stream.chance(0.012) {
        now.pregnant_until = today.0 + stream.between(120, 240);
        now.postpartum_until = now.pregnant_until + 180;
    }
    let pregnant = today.0 <= now.pregnant_until;
    let postpartum = now.pregnant_until < today.0 && today.0 <= now.postpartum_until;
    let clinical = today >= now.next_clinical;
    if clinical {
        now.next_clinical = today.plus(stream.between(80, 190));
        let found = examine(stream, fixed, now, age, months, pregnant);
        member.findings.push((today, found));
    }
    member.visits.push((today, if clinical { Occasion::Clinical } else { Occasion::Pharmacy }));

    let supply = supply(stream, fixed.facility, today, months, now.suppressed);
    let counselled = stream.chance(if months < 6.0 || now.last_late > 7 { 0.55 } else { 0.22 });
    if counselled {
        now.counselled = Some(today);
    }
    let taken = 1.25 - 0.55 * fixed.propensity - 0.02 * f64::from(now.last_late) + 0.6 * stream.normal();
    let adherence = if taken > 0.0 { 2 } else { u8::from(taken > -0.8) };
    let unwritten = stream.chance(0.04);
    let adherence = stream.chance(0.85).then_some(adherence);
    let duration = (!unwritten).then_some(supply);
    member.dispensed.push((today, Dispensed { duration, quantity: supply, regimen: now.regimen, counselled, adherence }));

    let due = today.plus(supply);
    let probability = hazard(fixed, now, &Moment { today, due, supply, age, months, pregnant, postpartum });
    member.pickups.push(Pickup { day: today, supply, probability });
    if stream.chance(0.05) {
        let between = today.plus(stream.between(3, (supply - 3).max(4)));
        if between <= LAST {
            member.visits.push((between, Occasion::Unscheduled));
        }
    }
    let late = if stream.uniform() < probability {
        if !stream.chance(0.72) {
            member.lost = true;
            return;
        }
        now.interruptions += 1;
        stream.quantile(&RETURN) as i32
    } else {
        lateness(stream, fixed.propensity)
    };
    now.last_late = late;
    now.today = today.plus(1).max(due.plus(late));
}

/// A clinical visit.
fn examine(stream: &mut Stream, fixed: &Fixed, now: &mut State, age: f64, months: f64, pregnant: bool) -> Findings {
    if stream.chance(0.06) {
        let worse = stream.chance(0.35);
        now.who = if worse { now.who + 1 } else { now.who - 1 }.clamp(1, 4);
    }
    let advanced = f64::from(u8::from(now.who >= 3));
    let functional =
        if stream.chance(0.01 + 0.02 * f64::from(u8::from(now.who >= 4))) { 2 } else { u8::from(stream.chance(0.03 + 0.05 * advanced)) };
    let tuberculosis = stream.chance(0.03 + 0.03 * advanced);
    let asked = fixed.female && (15.0..=49.0).contains(&age);
    let mut viral_load = None;
    if months >= 5.5 && now.suppressed.is_none_or(|(_, when)| now.today.since(when) >= 330) && stream.chance(0.80) {
        let mut likely = if now.regimen == DTG { 0.92 } else { 0.84 };
        if now.interruptions > 0 && now.last_late > 28 {
            likely -= 0.30;
        }
        likely -= 0.05 * f64::max(0.0, fixed.propensity);
        let suppressed = stream.chance(likely);
        now.suppressed = Some((suppressed, now.today));
        viral_load = Some(if suppressed { stream.between(20, 199) } else { (1000.0 * 10_f64.powf(stream.uniform() * 2.0)) as i32 });
    }
    Findings {
        who: now.who,
        functional,
        tuberculosis,
        pregnant: asked.then_some(pregnant),
        cd4: (now.today == fixed.start).then_some(fixed.cd4),
        viral_load,
    }
}

/// Days of supply: a month in the beginning and while the virus is not suppressed, longer where the facility does so.
fn supply(stream: &mut Stream, facility: &Facility, today: Day, months: f64, suppressed: Option<(bool, Day)>) -> i32 {
    let adopted = facility.multi_month * if today < MULTI_MONTH { 0.28 } else { 0.92 };
    if months < 3.0 {
        [30, 60, 14][stream.pick(&[0.90, 0.08, 0.02])]
    } else if months < 6.0 {
        if stream.chance(0.50 * adopted) { 90 } else { [30, 60][stream.pick(&[0.75, 0.25])] }
    } else if suppressed.is_some_and(|(yes, _)| !yes) {
        [30, 60][stream.pick(&[0.8, 0.2])]
    } else {
        let rest = 1.0 - 0.92 * adopted;
        [180, 90, 60, 30][stream.pick(&[0.46 * adopted, 0.46 * adopted, 0.35 * rest, 0.65 * rest])]
    }
}

/// Days between due date and pick-up where nobody interrupts: −7 to 28.
fn lateness(stream: &mut Stream, z: f64) -> i32 {
    let weights = [0.62 - 0.09 * z, 0.20 + 0.02 * z, 0.10 + 0.03 * z, 0.08 + 0.04 * z];
    let least = [0.15, 0.05, 0.02, 0.01];
    let weights: [f64; 4] = std::array::from_fn(|at| f64::max(least[at], weights[at]));
    let which = stream.pick(&weights);
    // One is drawn of each and one is taken: so it is defined.
    [-stream.between(0, 7), stream.between(1, 7), stream.between(8, 14), stream.between(15, 28)][which]
}

/// The pick-up whose due date is looked at.
struct Moment {
    today: Day,
    due: Day,
    supply: i32,
    age: f64,
    months: f64,
    pregnant: bool,
    postpartum: bool,
}

/// The probability that this supply ends in an interruption. Signs and rough sizes follow published
/// cohorts of the region: facility and months of supply (doi 10.1186/s12889-021-12264-9), year of
/// treatment, CD4 and students (10.1186/s12879-015-1137-z), sex and stage (10.1371/journal.pone.0051254),
/// earlier lateness (10.1371/journal.pgph.0002105). What works only together (the rains where there is
/// no road, young men in their first year) is made up, so that a model has something to find.
fn hazard(fixed: &Fixed, now: &State, at: &Moment) -> f64 {
    let if_so = |condition: bool| f64::from(u8::from(condition));
    let Moment { age, months, supply, .. } = *at;
    let rural = fixed.facility.rural;
    let month = at.due.month();
    let (holidays, rain) = (month == 12 || month == 1, (6..=9).contains(&month));
    let none_yet = now.interruptions == 0;

    let mut x = -3.45 + 0.90 * fixed.propensity + fixed.facility.effect;
    x += match months {
        months if months < 3.0 => 1.05,
        months if months < 6.0 => 0.50,
        months if months < 12.0 => 0.12,
        months if months > 36.0 => -0.18,
        _ => 0.0,
    };
    x += match supply {
        14 => 0.1,
        60 => -0.10,
        90 => -0.38,
        180 => -0.80,
        _ => 0.0,
    };
    x += 0.16 * if_so(!fixed.female);
    x += match age {
        age if (15.0..25.0).contains(&age) => 0.42,
        age if age >= 45.0 => -0.26,
        _ => 0.0,
    };
    x += 0.25 * if_so(now.who == 3) + 0.50 * if_so(now.who == 4);
    x += 0.30 * if_so(!fixed.phone) + 0.30 * if_so(fixed.student) + 0.20 * if_so(fixed.cd4 > 350 && months < 12.0);
    let before = match now.last_late {
        8..=14 => 0.35,
        15..=28 => 0.75,
        29.. => 0.45,
        _ => 0.0,
    };
    x += 0.50 * f64::from(now.interruptions.min(3)) + before;
    x += 0.35 * if_so(now.suppressed.is_some_and(|(yes, _)| !yes));
    x -= 0.30 * if_so(now.counselled.is_some_and(|day| at.today.since(day) <= 90));
    x += 0.35 * if_so(holidays) + 0.75 * if_so(rain && rural) - 0.20 * if_so(rain && !rural);
    x += 0.80 * if_so(supply <= 30 && rural && months >= 3.0);
    x += 1.10 * if_so(!fixed.female && age < 30.0 && months < 12.0) + 0.70 * if_so(fixed.female && at.postpartum && months < 24.0)
        - 0.60 * if_so(age >= 50.0 && none_yet);
    x += -0.35 * if_so(at.pregnant) + 0.45 * if_so(at.postpartum);
    1.0 / (1.0 + (-x).exp())
}
