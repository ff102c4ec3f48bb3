//! What a model says of one history, or why it says nothing.

use std::{
    sync::Arc,
    time::{Duration, Instant},
};

use plimsoll::{Code, FromRow, Result, Row};
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use crate::{
    chart::{self, Patient},
    features::{self, Facility, History, Label},
    models::{Level, Loaded},
    record::Day,
};

/// Why there is no score.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "kebab-case")]
pub enum Withheld {
    /// Nobody has handed anything out yet: there is nothing to interrupt.
    NotBegun,
    /// The interruption has happened already, or the person has left the programme.
    NotActive,
    /// No pick-up says how long it lasts and nothing else is known: any number would be made up.
    TooThin,
}

impl Withheld {
    /// As it is written.
    pub const fn name(self) -> &'static str {
        match self {
            Withheld::NotBegun => "not-begun",
            Withheld::NotActive => "not-active",
            Withheld::TooThin => "too-thin",
        }
    }

    /// For people.
    pub const fn words(self) -> &'static str {
        match self {
            Withheld::NotBegun => "No medicine has been picked up yet, so there is nothing to interrupt.",
            Withheld::NotActive => "Treatment is interrupted already, or the person has left the programme.",
            Withheld::TooThin => "The record says too little: no pick-up tells how long it lasts, and there is no visit.",
        }
    }

    /// The reason of a name.
    pub fn named(name: &str) -> Option<Withheld> {
        [Withheld::NotBegun, Withheld::NotActive, Withheld::TooThin].into_iter().find(|one| one.name() == name)
    }
}

/// How long it took to answer.
#[derive(Debug, Clone, Copy, Default)]
pub struct Took {
    /// To make the features of the history.
    pub features: Duration,
    /// To ask the model.
    pub inference: Duration,
}

/// What came of a question.
#[derive(Debug, Clone)]
pub struct Judged {
    /// The values in the order of the model's set.
    pub values: Vec<f64>,
    /// Log-odds, probability and level; or why there are none.
    pub outcome: std::result::Result<(f64, f64, Level), Withheld>,
    /// The model that was asked.
    pub model: i64,
    /// Number and probability of each of its members, where it is an ensemble and there is a score.
    pub members: Vec<(i64, f64)>,
    /// The test in which it was asked, and the variant that the person is in.
    pub test: Option<(i64, Arc<str>)>,
    /// How long it took.
    pub took: Took,
}

impl Judged {
    /// Whether the question had a meaning: only then is a prediction kept when everybody is scored.
    pub fn kept(&self) -> bool {
        !matches!(self.outcome, Err(Withheld::NotBegun | Withheld::NotActive))
    }
}

/// Asks a model. `overrides` are values that the caller gives instead of the record's, by place in the set.
///
/// # Errors
/// What [`Loaded::score`] says.
pub fn judge(model: &Loaded, history: &History, as_of: Day, overrides: &[(usize, f64)]) -> Result<Judged> {
    let began = Instant::now();
    let mut values = features::values(history, as_of, model.set);
    let mut took = Took { features: began.elapsed(), ..Took::default() };
    for (place, value) in overrides {
        if let Some(known) = values.get_mut(*place) {
            *known = *value;
        }
    }
    // Whether the question has a meaning is what the record says, whatever a caller supposes.
    let withheld = match features::label(history, as_of, as_of) {
        Label::NotBegun => Some(Withheld::NotBegun),
        Label::NotActive | Label::Censored(_) => Some(Withheld::NotActive),
        _ if overrides.is_empty() && history.says_little(as_of) => Some(Withheld::TooThin),
        _ => None,
    };
    let (outcome, members) = match withheld {
        Some(why) => (Err(why), Vec::new()),
        None => {
            let began = Instant::now();
            let said = model.answer(&values)?;
            took.inference = began.elapsed();
            (Ok((said.margin, said.probability, model.level(said.probability))), said.members)
        }
    };
    Ok(Judged { values, outcome, model: model.id, members, test: None, took })
}

/// A person with their packed history and what is known of their facility.
pub(crate) struct Charted {
    pub patient: Patient,
    pub history: History,
    pub due: Option<Day>,
}

impl FromRow for Charted {
    fn from_row(row: &Row<'_>) -> Result<Charted> {
        let patient = Patient::from_row(row)?;
        let at = chart::PERSON_COLUMNS;
        let (packed, due): (Option<Vec<u8>>, Option<i64>) = (row.get(at)?, row.get(at + 1)?);
        let (level, place): (Option<String>, Option<String>) = (row.get(at + 2)?, row.get(at + 3)?);
        let facility = level.zip(place).map(|(level, place)| Facility {
            level: match level.as_str() {
                "primary" => 0,
                "secondary" => 1,
                _ => 2,
            },
            rural: place == "rural",
        });
        let history = match packed {
            Some(packed) => History::unpack(&packed, &patient.person, facility)
                .map_err(|error| Code::Internal.error().caused_by(format!("patient {}: {error}", patient.id)))?,
            None => History::of(&crate::record::Record { person: patient.person.clone(), ..Default::default() }, facility),
        };
        Ok(Charted { patient, history, due: due.and_then(|due| i32::try_from(due).ok()).map(Day) })
    }
}

/// `SELECT … FROM …` of a [`Charted`]; ` AND …` may follow.
macro_rules! charted {
    ($rest:literal) => {
        concat!(
            "SELECT p.id, p.uuid, p.facility, p.pepfar_id, p.given_name, p.family_name, p.birthdate, p.gender, p.state, p.city, p.phone, \
             c.history, c.due, f.level, f.place FROM patient p \
             LEFT JOIN chart c ON c.tenant_id = :tenant AND c.patient_id = p.id \
             LEFT JOIN facility f ON f.tenant_id = :tenant AND f.code = p.facility AND f.deleted_at IS NULL \
             WHERE p.tenant_id = :tenant AND p.deleted_at IS NULL",
            $rest
        )
    };
}
pub(crate) use charted;

/// Values as they are kept.
pub(crate) fn values_out(values: &[f64]) -> Vec<u8> {
    values.iter().flat_map(|value| value.to_le_bytes()).collect()
}

/// Values that were kept.
pub(crate) fn values_in(bytes: &[u8]) -> Vec<f64> {
    bytes.as_chunks::<8>().0.iter().map(|chunk| f64::from_le_bytes(*chunk)).collect()
}
