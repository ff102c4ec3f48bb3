//! Records made by hand, in few words.

use plimsoll_retention::record::{Day, Encounter, Gender, Observation, Person, Record, Stamp, Visit, words};

/// A day of 2024.
pub fn day(month: u32, day: u32) -> Day {
    Day::new(2024, month, day).expect("a day")
}

/// The time at which all of these records are read.
pub fn now() -> Stamp {
    Day::new(2025, 1, 1).expect("a day").start()
}

/// A record in the making.
pub struct Hand(pub Record);

impl Hand {
    /// A woman born on 1 January 1990, of whom everything is known.
    pub fn new() -> Hand {
        let some = |text: &str| Some(text.to_owned());
        let person = Person {
            uuid: "p-1".to_owned(),
            facility: some("F1"),
            pepfar_id: some("X-1"),
            given_name: some("Given"),
            family_name: some("Family"),
            birthdate: Day::new(1990, 1, 1),
            gender: Some(Gender::Female),
            state: some("State"),
            city: some("City"),
            phone: some("+99912345678"),
        };
        Hand(Record { person, ..Record::default() })
    }

    /// A visit.
    pub fn visit(mut self, on: Day, kind: Option<&str>) -> Hand {
        let uuid = format!("v-{}", self.0.visits.len());
        self.0.visits.push(Visit { uuid, kind: kind.map(str::to_owned), started: on.start(), ..Visit::default() });
        self
    }

    /// A form.
    pub fn form(mut self, on: Day, form: &str) -> Hand {
        let uuid = format!("e-{}", self.0.encounters.len());
        self.0.encounters.push(Encounter { uuid, at: on.start(), form: Some(form.to_owned()), ..Encounter::default() });
        self
    }

    /// An answer on the last form, given on the form's day.
    pub fn says(self, variable: &str, number: Option<f64>, text: Option<&str>) -> Hand {
        let on = self.0.encounters.last().expect("a form").at.day();
        self.says_on(on, variable, number, text)
    }

    /// An answer on the last form, given on another day.
    pub fn says_on(mut self, on: Day, variable: &str, number: Option<f64>, text: Option<&str>) -> Hand {
        let uuid = format!("o-{:04}", self.0.observations.len());
        let encounter = self.0.encounters.last().expect("a form").uuid.clone();
        let (variable, text) = (variable.to_owned(), text.map(str::to_owned));
        self.0.observations.push(Observation { uuid, encounter, variable, number, text, at: on.start(), ..Observation::default() });
        self
    }

    /// A pick-up that lasts so many days.
    pub fn pickup(self, on: Day, days: u32) -> Hand {
        self.form(on, words::PHARMACY).says(words::DURATION, Some(f64::from(days)), None)
    }

    /// The last form was taken back.
    pub fn voided(mut self) -> Hand {
        self.0.encounters.last_mut().expect("a form").voided = true;
        self
    }
}
