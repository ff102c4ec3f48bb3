//! A person's record, in the order of time, as the features look at it.

use std::collections::HashMap;

use crate::record::{
    Day, Gender, Observation, Record,
    words::{self, Ending, Said},
};

/// What is known of the facility beyond its code.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Facility {
    /// 0 primary, 1 secondary, 2 tertiary.
    pub level: u8,
    /// Whether it lies in the country.
    pub rural: bool,
}

/// A person's history: what was not taken back, by time.
///
/// Every fact carries the day from which it was known: the later of its own day and the day of the
/// form it stands on. So an answer that was added to a form weeks later is not known before.
#[derive(Clone, Debug, PartialEq, Default)]
pub struct History {
    pub(super) birth: Option<Day>,
    pub(super) male: Option<bool>,
    pub(super) has_state: bool,
    pub(super) has_city: bool,
    pub(super) has_phone: bool,
    pub(super) facility: Option<Facility>,
    /// Days of visits, and whether they were clinical.
    pub(super) visits: Vec<(Day, bool)>,
    /// Pick-ups.
    pub(super) pickups: Vec<Pickup>,
    /// Answers on the forms of pick-ups, those of one pick-up side by side.
    pub(super) handed: Vec<Fact>,
    /// Clinical answers.
    pub(super) findings: Vec<Fact>,
    /// Days on which somebody left the programme, and how.
    pub(super) endings: Vec<(Day, Ending)>,
}

/// A pick-up: its day and where its answers stand.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(super) struct Pickup {
    pub day: Day,
    pub from: u32,
    pub to: u32,
}

/// An answer: the day it is about, the day it was known, what it says.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(super) struct Fact {
    pub day: Day,
    pub known: Day,
    pub what: What,
}

#[derive(Clone, Copy, Debug, PartialEq)]
pub(super) enum What {
    Said(Said),
    /// Which of this person's regimens, and whether it is a line with dolutegravir.
    Regimen(u16, bool),
}

impl History {
    /// The history of a record. The order of its rows does not matter.
    pub fn of(record: &Record, facility: Option<Facility>) -> History {
        let person = &record.person;
        let filled = |text: &Option<String>| text.as_ref().is_some_and(|text| !text.is_empty());
        let mut history = History {
            birth: person.birthdate,
            male: person.gender.map(|gender| gender == Gender::Male),
            has_state: filled(&person.state),
            has_city: filled(&person.city),
            has_phone: filled(&person.phone),
            facility,
            ..History::default()
        };
        let forms = Forms::of(record);
        history.visits = visits(record, &forms);
        history.observe(record, &forms);
        history
    }

    /// Takes over what the observations say.
    fn observe(&mut self, record: &Record, forms: &Forms<'_>) {
        // Answers of one form mostly stand side by side, so the form before is asked first.
        let mut before: Option<(&str, usize)> = None;
        let mut place = |encounter| {
            let known = before.filter(|(name, _)| *name == encounter).map(|(_, place)| place);
            let place = known.or_else(|| forms.places.get(encounter).copied())?;
            before = Some((encounter, place));
            Some(place)
        };
        let mut observations: Vec<(&Observation, usize)> =
            record.observations.iter().filter(|one| !one.voided).filter_map(|one| Some((one, place(one.encounter.as_str())?))).collect();
        observations.sort_unstable_by(|(a, _), (b, _)| (a.at, &a.uuid).cmp(&(b.at, &b.uuid)));
        // Facts of pick-ups with the place of their form, so that they can be put side by side.
        let mut handed: Vec<(usize, Fact)> = Vec::with_capacity(observations.len());
        let (mut regimens, mut written): (Vec<String>, Vec<(&str, What)>) = (Vec::new(), Vec::new());
        for (observation, place) in observations {
            let Some(said) = words::said(observation) else { continue };
            let form = &forms.all[place];
            let day = observation.at.day();
            let mut fact = Fact { day, known: day.max(form.day), what: What::Said(said) };
            match said {
                Said::Ended(ending) => self.endings.push((fact.known, ending)),
                Said::WhoStage(_) | Said::Limited(_) | Said::Tuberculosis(_) | Said::Pregnant(_) | Said::ViralLoad(_) => {
                    self.findings.push(fact)
                }
                _ if !form.pharmacy => {}
                Said::Regimen => {
                    let text = observation.text.as_deref().unwrap_or_default();
                    let known = written.iter().find(|(known, _)| *known == text).map(|(_, what)| *what);
                    fact.what = known.unwrap_or_else(|| regimen(text, &mut regimens));
                    if known.is_none() && written.len() < 16 {
                        written.push((text, fact.what));
                    }
                    handed.push((place, fact));
                }
                _ => handed.push((place, fact)),
            }
        }
        self.endings.sort_by_key(|(day, _)| *day);
        // Stable: of one pick-up, the latest answer stays last.
        handed.sort_by_key(|(place, _)| *place);
        let mut next = 0;
        for (place, form) in forms.all.iter().enumerate().filter(|(_, form)| form.pharmacy) {
            let from = next;
            while handed.get(next).is_some_and(|(of, _)| *of == place) {
                next += 1;
            }
            self.pickups.push(Pickup { day: form.day, from: from as u32, to: next as u32 });
        }
        self.handed = handed.into_iter().map(|(_, fact)| fact).collect();
    }

    /// Day of the first pick-up.
    pub fn first_pickup(&self) -> Option<Day> {
        self.pickups.first().map(|one| one.day)
    }

    /// Days of all pick-ups.
    pub fn pickup_days(&self) -> impl Iterator<Item = Day> + '_ {
        self.pickups.iter().map(|one| one.day)
    }
}

/// A regimen as the how manieth of this person's. Nobody has had a thousand; those above count as one.
fn regimen(text: &str, regimens: &mut Vec<String>) -> What {
    const MOST: usize = 1000;
    let name = words::regimen(text);
    let dolutegravir = words::with_dolutegravir(&name);
    let which = regimens.iter().position(|known| *known == name).unwrap_or_else(|| {
        if regimens.len() < MOST {
            regimens.push(name);
        }
        regimens.len() - 1
    });
    What::Regimen(which as u16, dolutegravir)
}

/// The forms that were not taken back, in the order of time.
struct Forms<'a> {
    all: Vec<Form>,
    places: HashMap<&'a str, usize>,
}

struct Form {
    day: Day,
    pharmacy: bool,
    care_card: bool,
}

impl Forms<'_> {
    fn of(record: &Record) -> Forms<'_> {
        let mut encounters: Vec<_> = record.encounters.iter().filter(|one| !one.voided).collect();
        encounters.sort_unstable_by(|a, b| (a.at, &a.uuid).cmp(&(b.at, &b.uuid)));
        let is = |form: &Option<String>, known: &str| form.as_deref().is_some_and(|form| form.eq_ignore_ascii_case(known));
        let all = encounters.iter().map(|one| Form {
            day: one.at.day(),
            pharmacy: is(&one.form, words::PHARMACY),
            care_card: is(&one.form, words::CARE_CARD),
        });
        let all = all.collect();
        let places = encounters.iter().enumerate().map(|(place, one)| (one.uuid.as_str(), place)).collect();
        Forms { all, places }
    }

    /// Whether somebody filled in the form of a clinical visit on that day.
    fn clinical(&self, day: Day) -> bool {
        let from = self.all.partition_point(|form| form.day < day);
        self.all[from..].iter().take_while(|form| form.day == day).any(|form| form.care_card)
    }
}

/// Visits by day. Where a source knows no types of visits, one is clinical that has the form of a
/// clinical visit on its day.
fn visits(record: &Record, forms: &Forms<'_>) -> Vec<(Day, bool)> {
    let mut visits: Vec<(Day, bool)> = record
        .visits
        .iter()
        .filter(|one| !one.voided)
        .map(|one| {
            let day = one.started.day();
            let clinical = one.kind.as_deref().map_or_else(|| forms.clinical(day), |kind| kind.to_ascii_lowercase().contains("clinical"));
            (day, clinical)
        })
        .collect();
    visits.sort_unstable();
    visits
}
