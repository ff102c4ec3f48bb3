//! What real exports have and a drawn cohort has not: rows that were taken back, people who died or
//! went elsewhere, and faults. Every fault is planted with the reason and the place that a reader must
//! tell, so that a test can compare all of them.

use serde_json::{Value, json};

use super::{Cohort, Member, Stream, mix};
use crate::record::{Encounter, Observation, Reason, Record, words};

/// How much of it there is, as shares.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Untidy {
    /// Rows that have a second one beside them which was taken back.
    pub voided: f64,
    /// People who did not come back of whom it is known that they died, went elsewhere or stopped.
    pub left: f64,
    /// Rows with a date that cannot be read.
    pub dates: f64,
    /// People without a day of birth.
    pub births: f64,
}

impl Default for Untidy {
    fn default() -> Untidy {
        Untidy { voided: 0.02, left: 0.0, dates: 0.003, births: 0.01 }
    }
}

/// A fault that was planted.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct Planted {
    /// What a reader must say.
    pub reason: Reason,
    /// Of which value, as a JSON pointer.
    pub pointer: String,
}

/// Dates that no reader may take, where the source declares nothing.
const DATES: [(&str, Reason); 5] = [
    ("2023-02-30 08:00:00", Reason::DateUnreadable),
    ("not recorded", Reason::DateUnreadable),
    ("03/04/2023", Reason::DateAmbiguous),
    ("2999-01-01 08:00:00", Reason::DateInFuture),
    ("1066-10-14", Reason::DateTooEarly),
];

impl Cohort {
    fn chances(&self, member: u64, what: u64) -> Stream {
        Stream::new(mix(mix(self.seed, 0xD1_7700_0000 + what), member.wrapping_add(1)))
    }

    /// The record of a member with rows that were taken back, and with a form of those who left. Rows that
    /// were taken back change no feature.
    pub fn untidy(&self, member: &Member, amounts: &Untidy) -> Record {
        let mut record = self.record(member);
        let mut chance = self.chances(member.number, 1);
        let voided = |uuid: &str| format!("{uuid}-v");
        let visits: Vec<_> = record.visits.iter().filter(|_| chance.chance(amounts.voided)).cloned().collect();
        record.visits.extend(visits.into_iter().map(|mut one| {
            (one.uuid, one.voided) = (voided(&one.uuid), true);
            one
        }));
        let observations: Vec<_> = record.observations.iter().filter(|_| chance.chance(amounts.voided)).cloned().collect();
        record.observations.extend(observations.into_iter().map(|mut one| {
            (one.uuid, one.voided) = (voided(&one.uuid), true);
            one.number = one.number.map(|number| number + 1.0);
            one
        }));
        // A form is taken back with its answers, which themselves are not marked.
        let forms: Vec<_> = record.encounters.iter().filter(|_| chance.chance(amounts.voided)).cloned().collect();
        for mut form in forms {
            let answers: Vec<_> = record.observations.iter().filter(|one| one.encounter == form.uuid && !one.voided).cloned().collect();
            (form.uuid, form.voided) = (voided(&form.uuid), true);
            record.observations.extend(answers.into_iter().map(|mut one| {
                one.uuid = format!("{}-f", one.uuid);
                one.encounter.clone_from(&form.uuid);
                one
            }));
            record.encounters.push(form);
        }
        if let Some(last) = member.pickups.last().filter(|_| member.lost && chance.chance(amounts.left)) {
            let at = last.day.plus(chance.between(3, last.supply.max(4))).min(super::LAST).start().plus(11 * 3600);
            let why = ["Death", "Transferred out", "Discontinued care"][chance.pick(&[0.3, 0.6, 0.1])];
            let uuid = format!("{}-left", record.person.uuid);
            let form = Some(words::TERMINATION.to_owned());
            record.encounters.push(Encounter { uuid: uuid.clone(), at, form, ..Encounter::default() });
            let (variable, text) = (words::TERMINATED.to_owned(), Some(why.to_owned()));
            let id = format!("{uuid}-why");
            record.observations.push(Observation { uuid: id, encounter: uuid, variable, text, at, ..Observation::default() });
        }
        record.sort();
        record
    }

    /// Plants faults in the tree of a member's record; what they are, in order.
    pub fn plant(&self, member: u64, tree: &mut Value, amounts: &Untidy) -> Vec<Planted> {
        let mut chance = self.chances(member, 2);
        let mut planted = Vec::new();
        let data = &mut tree["messageData"];
        if chance.chance(amounts.births)
            && let Some(person) = data["demographics"].as_object_mut()
        {
            person.shift_remove("birthdate");
            planted.push(Planted { reason: Reason::Missing, pointer: "/messageData/demographics/birthdate".to_owned() });
        }
        for (list, field) in [("visits", "dateStarted"), ("encounters", "encounterDatetime"), ("obs", "obsDatetime")] {
            for (at, row) in data[list].as_array_mut().into_iter().flatten().enumerate() {
                if chance.chance(amounts.dates) {
                    let (text, reason) = DATES[chance.between(0, DATES.len() as i32 - 1) as usize];
                    row[field] = json!(text);
                    planted.push(Planted { reason, pointer: format!("/messageData/{list}/{at}/{field}") });
                }
            }
        }
        planted.sort();
        planted
    }
}
