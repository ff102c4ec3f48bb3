//! One person's record: what an export says of them and what the database keeps.
//!
//! The rules for single values ([`rules`], [`dates`]) are functions without a place: whoever reads a
//! file or a request adds where the value stood. [`words`] are the names of forms, observations and
//! answers that the features look at.

pub mod dates;
mod day;
mod reason;
pub mod rules;
pub mod words;

pub use day::{Day, Stamp};
pub use reason::Reason;

/// A person with everything known of them. Rows in any order; [`Record::sort`] brings them into one.
#[derive(Clone, Debug, PartialEq, Default)]
pub struct Record {
    /// Who.
    pub person: Person,
    /// When they stood in the facility.
    pub visits: Vec<Visit>,
    /// Forms that were filled in.
    pub encounters: Vec<Encounter>,
    /// Answers on those forms.
    pub observations: Vec<Observation>,
    /// When the source last changed the record: the newest of two versions is kept.
    pub touched: Option<Stamp>,
}

/// A person on treatment.
#[derive(Clone, Debug, PartialEq, Default)]
pub struct Person {
    /// Identity at the source.
    pub uuid: String,
    /// Code of the facility that exported the record (`datim_id` in the database).
    pub facility: Option<String>,
    /// Identity within the programme.
    pub pepfar_id: Option<String>,
    /// Given name.
    pub given_name: Option<String>,
    /// Family name.
    pub family_name: Option<String>,
    /// Day of birth, where known; exports must have it, histories need not.
    pub birthdate: Option<Day>,
    /// Sex, where known; exports must have it, histories need not.
    pub gender: Option<Gender>,
    /// State or province.
    pub state: Option<String>,
    /// City or village.
    pub city: Option<String>,
    /// Phone number as E.164, beginning with `+`.
    pub phone: Option<String>,
}

/// Sex as the exports know it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Gender {
    /// Written `F`.
    Female,
    /// Written `M`.
    Male,
}

/// A visit.
#[derive(Clone, Debug, PartialEq, Default)]
pub struct Visit {
    /// Identity at the source, or made of the row ([`rules::identity`]).
    pub uuid: String,
    /// Such as `CLINICAL`.
    pub kind: Option<String>,
    /// When it began.
    pub started: Stamp,
    /// When it ended.
    pub stopped: Option<Stamp>,
    /// Where in the facility.
    pub location: Option<String>,
    /// Taken back at the source: kept, and never counted.
    pub voided: bool,
}

/// A form that was filled in.
#[derive(Clone, Debug, PartialEq, Default)]
pub struct Encounter {
    /// Identity at the source.
    pub uuid: String,
    /// The visit it belongs to.
    pub visit: Option<String>,
    /// When.
    pub at: Stamp,
    /// Such as `Pharmacy`.
    pub kind: Option<String>,
    /// The form's name, such as `Pharmacy Order Form`.
    pub form: Option<String>,
    /// The form's number.
    pub form_id: Option<String>,
    /// Taken back at the source, with its observations.
    pub voided: bool,
}

/// An answer on a form.
#[derive(Clone, Debug, PartialEq, Default)]
pub struct Observation {
    /// Identity at the source, or made of the row.
    pub uuid: String,
    /// The encounter it belongs to.
    pub encounter: String,
    /// Number of the concept.
    pub concept: Option<String>,
    /// Name of what was observed.
    pub variable: String,
    /// As a number, in ±10⁶.
    pub number: Option<f64>,
    /// As text, or the text of the coded answer.
    pub text: Option<String>,
    /// Number of the coded answer.
    pub coded: Option<String>,
    /// When.
    pub at: Stamp,
    /// Taken back at the source.
    pub voided: bool,
}

impl Record {
    /// Brings the rows into the one order that does not depend on how they came: by time, then identity.
    pub fn sort(&mut self) {
        self.visits.sort_by(|a, b| (a.started, &a.uuid).cmp(&(b.started, &b.uuid)));
        self.encounters.sort_by(|a, b| (a.at, &a.uuid).cmp(&(b.at, &b.uuid)));
        self.observations.sort_by(|a, b| (a.at, &a.uuid).cmp(&(b.at, &b.uuid)));
    }

    /// The record as it was at the end of a day: visits, encounters (with their observations) and
    /// observations of later days are not there.
    #[must_use]
    pub fn until(&self, last: Day) -> Record {
        let encounters: Vec<Encounter> = self.encounters.iter().filter(|one| one.at.day() <= last).cloned().collect();
        let known: std::collections::HashSet<&str> = encounters.iter().map(|one| one.uuid.as_str()).collect();
        let observed = |one: &&Observation| one.at.day() <= last && known.contains(one.encounter.as_str());
        let observations = self.observations.iter().filter(observed).cloned().collect();
        let visits = self.visits.iter().filter(|one| one.started.day() <= last).cloned().collect();
        Record { person: self.person.clone(), visits, encounters, observations, touched: self.touched }
    }
}
