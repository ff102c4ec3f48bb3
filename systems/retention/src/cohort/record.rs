//! A person of the cohort as the record that a facility would export.

use super::{
    Cohort,
    course::{Dispensed, Findings, LAST, Member},
    stream::{Stream, mix},
};
use crate::record::{Day, Encounter, Gender, Observation, Person, Record, Stamp, Visit, rules::identity, words};

/// Names for demonstrations. They come from a stream of their own, so that the course does not depend on them.
const WOMEN: [&str; 16] = [
    "Amina", "Ngozi", "Funmi", "Hauwa", "Chioma", "Zainab", "Bisi", "Eno", "Fatima", "Ifeoma", "Kemi", "Ladi", "Maryam", "Nneka", "Rahila",
    "Yetunde",
];
const MEN: [&str; 16] = [
    "Musa", "Emeka", "Tunde", "Ibrahim", "Chidi", "Sani", "Femi", "Akpan", "Bashir", "Obinna", "Segun", "Danjuma", "Yusuf", "Uche",
    "Gideon", "Wale",
];
const FAMILIES: [&str; 16] = [
    "Abubakar", "Okafor", "Adeyemi", "Bello", "Eze", "Danladi", "Ogunleye", "Udoh", "Garba", "Nwosu", "Balogun", "Terfa", "Lawal", "Igwe",
    "Audu", "Bassey",
];
const WARDS: [&str; 4] = ["Ward A", "Ward B", "Ward C", "Ward D"];

/// Kinds of rows, for their identities.
#[derive(Clone, Copy)]
enum Row {
    Person,
    Visit,
    Encounter,
    Observation,
}

/// Makes the rows of one person.
struct Maker {
    stream: u64,
    number: u64,
    record: Record,
}

impl Cohort {
    /// The record of a member. Those of later members have larger ids, so that a file of many is sorted.
    pub fn record(&self, member: &Member) -> Record {
        let facility = &self.facilities[member.facility];
        let stream = mix(self.seed, 0x4E_A3E5_0000_0000_u64.wrapping_add(member.number));
        let mut maker = Maker { stream, number: member.number, record: Record::default() };
        let mut chance = Stream::new(stream);
        let mut one_of = |names: &[&str]| names[chance.between(0, names.len() as i32 - 1) as usize].to_owned();
        let city = one_of(&WARDS);
        maker.record.person = Person {
            uuid: maker.id(Row::Person, 0),
            facility: Some(facility.code.clone()),
            pepfar_id: Some(format!("SYN-{:08}", member.number)),
            given_name: Some(one_of(if member.female { &WOMEN } else { &MEN })),
            family_name: Some(one_of(&FAMILIES)),
            birthdate: Some(member.birth),
            gender: Some(if member.female { Gender::Female } else { Gender::Male }),
            state: member.state.then(|| facility.state.to_owned()),
            city: member.city.then_some(city),
            // No country has the code 999: a message to such a number reaches nobody.
            phone: member.phone.then(|| format!("+999{:09}", member.number % 1_000_000_000)),
        };
        maker.record.touched = Some(at(LAST, 18, 0));
        maker.visits(member);
        maker.forms(member);
        maker.record.sort();
        maker.record
    }
}

fn at(day: Day, hour: i64, minute: i64) -> Stamp {
    day.start().plus(hour * 3600 + minute * 60)
}

impl Maker {
    /// The person's number stands in front, chance behind it.
    fn id(&self, row: Row, number: usize) -> String {
        let mut chance = Stream::new(mix(self.stream, ((row as u64) << 32) | number as u64));
        let mut bytes = [0; 16];
        bytes[..8].copy_from_slice(&(self.number << 16).to_be_bytes());
        bytes[6..14].copy_from_slice(&chance.word().to_be_bytes());
        bytes[14..].copy_from_slice(&chance.word().to_be_bytes()[..2]);
        identity(bytes)
    }

    fn visits(&mut self, member: &Member) {
        for (number, (day, occasion)) in member.visits.iter().enumerate() {
            let started = at(*day, 8, (number % 60) as i64);
            self.record.visits.push(Visit {
                uuid: self.id(Row::Visit, number),
                kind: Some(occasion.name().to_owned()),
                started,
                stopped: Some(started.plus(3 * 3600)),
                location: None,
                voided: false,
            });
        }
    }

    fn forms(&mut self, member: &Member) {
        // A form belongs to the visit of its day that is no visit in between; those stand in the order of the pick-ups.
        let scheduled: Vec<usize> = (0..member.visits.len()).filter(|at| member.visits[*at].1 != super::Occasion::Unscheduled).collect();
        let mut findings = member.findings.iter().peekable();
        for ((day, dispensed), visit) in member.dispensed.iter().zip(scheduled) {
            if let Some((day, found)) = findings.next_if(|(when, _)| when == day) {
                self.care_card(at(*day, 9, 0), visit, found);
            }
            self.order(at(*day, 10, 0), visit, dispensed);
        }
    }

    fn form(&mut self, when: Stamp, visit: usize, kind: &str, form: &str) -> String {
        let uuid = self.id(Row::Encounter, self.record.encounters.len());
        self.record.encounters.push(Encounter {
            uuid: uuid.clone(),
            visit: Some(self.id(Row::Visit, visit)),
            at: when,
            kind: Some(kind.to_owned()),
            form: Some(form.to_owned()),
            form_id: None,
            voided: false,
        });
        uuid
    }

    fn observe(&mut self, encounter: &str, when: Stamp, variable: &str, number: Option<f64>, text: Option<&str>) {
        let uuid = self.id(Row::Observation, self.record.observations.len());
        self.record.observations.push(Observation {
            uuid,
            encounter: encounter.to_owned(),
            variable: variable.to_owned(),
            number,
            text: text.map(str::to_owned),
            at: when,
            ..Observation::default()
        });
    }

    fn care_card(&mut self, when: Stamp, visit: usize, found: &Findings) {
        let form = self.form(when, visit, "Clinical", words::CARE_CARD);
        let text = |at: usize, words: [&'static str; 3]| Some(words[at.min(2)]);
        self.observe(&form, when, words::WHO_STAGE, None, Some(&format!("WHO stage {}", found.who)));
        let functional = text(usize::from(found.functional), ["Working", "Ambulatory", "Bedridden"]);
        self.observe(&form, when, words::FUNCTIONAL, None, functional);
        let signs = if found.tuberculosis { "Presumptive TB" } else { "No signs or symptoms of TB" };
        self.observe(&form, when, words::TUBERCULOSIS, None, Some(signs));
        if let Some(pregnant) = found.pregnant {
            self.observe(&form, when, words::PREGNANCY, None, Some(if pregnant { "Pregnant" } else { "Not pregnant" }));
        }
        if let Some(cells) = found.cd4 {
            self.observe(&form, when, words::CD4, Some(f64::from(cells)), None);
        }
        if let Some(copies) = found.viral_load {
            self.observe(&form, when, words::VIRAL_LOAD, Some(f64::from(copies)), None);
        }
    }

    fn order(&mut self, when: Stamp, visit: usize, dispensed: &Dispensed) {
        let form = self.form(when, visit, "Pharmacy", words::PHARMACY);
        if let Some(days) = dispensed.duration {
            self.observe(&form, when, words::DURATION, Some(f64::from(days)), None);
        }
        self.observe(&form, when, words::DISPENSED, Some(f64::from(dispensed.quantity)), None);
        self.observe(&form, when, words::PER_DOSE, Some(1.0), None);
        self.observe(&form, when, words::FREQUENCY, None, Some("Once a day"));
        self.observe(&form, when, words::REGIMEN, None, Some(dispensed.regimen));
        self.observe(&form, when, words::COUNSELLING, None, Some(if dispensed.counselled { "Yes" } else { "No" }));
        if let Some(level) = dispensed.adherence {
            self.observe(&form, when, words::ADHERENCE, None, Some(["Poor", "Fair", "Good"][usize::from(level.min(2))]));
        }
    }
}
