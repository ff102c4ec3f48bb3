//! What there is to learn from: rows of features as of days in the past, and what happened after each.

use plimsoll_ai::{
    chance::SplitMix,
    measure::group::{Groups, Terms, by_group},
    measure::{self, Scored},
};

use crate::{
    features::{self, GRACE, History, Set, WINDOW},
    record::Day,
};

/// What a person's rows are for.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Part {
    /// Trees are grown on them.
    Train,
    /// They say when to stop, and make probabilities of scores.
    Held,
    /// They are only measured.
    Test,
}

/// Which day's bits decide the part; a change of it would show models people they are measured on.
const DIVIDE: u64 = 0x5eed_0f5e;
const DRAW: u64 = 0xda75;

impl Part {
    /// The part of a person: a fifth is for the test, a tenth is held, whatever is trained and whenever.
    pub fn of(person: &str) -> Part {
        match SplitMix::stream(number(person), DIVIDE).below(10) {
            0 | 1 => Part::Test,
            2 => Part::Held,
            _ => Part::Train,
        }
    }
}

/// A number of an identity: the same on every machine and in every version (Fowler, Noll and Vo).
fn number(person: &str) -> u64 {
    person.bytes().fold(0xcbf2_9ce4_8422_2325, |hash, byte| (hash ^ u64::from(byte)).wrapping_mul(0x0100_0000_01b3))
}

/// Days as of which a person is looked at: one in each of `count` equal spans of the `span` days that end
/// a window before `observed`. Drawn of the identity, so another person more or less moves nobody's.
pub fn days(person: &str, observed: Day, span: i32, count: i32) -> impl Iterator<Item = Day> {
    let mut chance = SplitMix::stream(number(person), DRAW);
    let latest = observed.plus(-WINDOW);
    let long = (span / count.max(1)).max(1);
    (0..count).map(move |at| latest.plus(-(long * at) - i32::try_from(chance.below(long.unsigned_abs() as usize)).unwrap_or(0)))
}

/// A row without its values.
#[derive(Debug, Clone, Copy)]
pub struct Case {
    /// What it is for.
    pub part: Part,
    /// Whether what was last picked up ends so early that an interruption can fall into the window.
    pub at_risk: bool,
    /// Place of the state in [`Cases::states`].
    pub state: usize,
}

/// Rows with their outcomes. Values are those of `iit-v2`, of which `iit-v1` is the beginning.
#[derive(Debug, Clone, Default)]
pub struct Cases {
    /// The values, row after row.
    pub values: Vec<f64>,
    /// Whether each person interrupted.
    pub outcomes: Vec<bool>,
    /// The rest of what is known of each row.
    pub all: Vec<Case>,
    /// Names of states.
    pub states: Vec<String>,
}

/// Names of groups by sex, in the order of the feature.
pub const SEXES: [&str; 2] = ["F", "M"];
/// Names of groups by age.
pub const AGES: [&str; 5] = ["0-14", "15-24", "25-34", "35-44", "45+"];
const UNTIL: [f64; 4] = [15.0, 25.0, 35.0, 45.0];
/// States beyond so many are not told apart.
const MOST_STATES: usize = 60;
/// Places of features that groups and risk are read from.
const AGE: usize = 0;
const GENDER: usize = 2;
const UNTIL_DUE: usize = 38;

/// What is asked of groups, at the threshold of people who are sought.
pub const fn terms(threshold: f64) -> Terms {
    Terms { threshold, least: 100, least_positives: 20, level: 0.95 }
}

/// The group of a row by sex, from its values; beyond the names where it is not known.
pub fn sex(values: &[f64]) -> usize {
    values.get(GENDER).filter(|value| !value.is_nan()).map_or(SEXES.len(), |value| usize::from(*value > 0.5))
}

/// The group of a row by age.
pub fn age(values: &[f64]) -> usize {
    values.get(AGE).filter(|value| !value.is_nan()).map_or(AGES.len(), |age| UNTIL.iter().filter(|until| *age >= **until).count())
}

impl Cases {
    /// Values of a row.
    pub const WIDTH: usize = features::NAMES.len();

    /// Takes a person as of a day, where what happened after it is known.
    pub fn add(&mut self, part: Part, history: &History, state: Option<&str>, as_of: Day, observed: Day) -> bool {
        let Some(target) = features::label(history, as_of, observed).target() else { return false };
        self.told(part, history, state, as_of, target == 1);
        true
    }

    /// Takes a person as of a day, where somebody found out what happened after it.
    pub fn told(&mut self, part: Part, history: &History, state: Option<&str>, as_of: Day, interrupted: bool) {
        let values = features::values(history, as_of, Set::V2);
        let at_risk = values.get(UNTIL_DUE).is_some_and(|days| *days <= f64::from(WINDOW - GRACE - 1));
        let state = self.state(state);
        self.values.extend(values);
        self.outcomes.push(interrupted);
        self.all.push(Case { part, at_risk, state });
    }

    fn state(&mut self, name: Option<&str>) -> usize {
        let Some(name) = name else { return usize::MAX };
        match self.states.iter().position(|known| known == name) {
            Some(at) => at,
            None if self.states.len() < MOST_STATES => {
                self.states.push(name.to_owned());
                self.states.len() - 1
            }
            None => usize::MAX,
        }
    }

    /// Takes over the rows of others.
    pub fn join(&mut self, other: Cases) {
        for (at, mut case) in other.all.into_iter().enumerate() {
            case.state = self.state(other.states.get(case.state).map(String::as_str));
            self.values.extend_from_slice(&other.values[at * Cases::WIDTH..(at + 1) * Cases::WIDTH]);
            self.outcomes.push(other.outcomes[at]);
            self.all.push(case);
        }
    }

    /// How many rows.
    pub fn len(&self) -> usize {
        self.outcomes.len()
    }

    /// Whether there are none.
    pub fn is_empty(&self) -> bool {
        self.outcomes.is_empty()
    }

    /// The values of a row that a set knows.
    pub fn row(&self, at: usize, set: Set) -> &[f64] {
        &self.values[at * Cases::WIDTH..][..set.names().len()]
    }

    /// Rows of a part.
    pub fn of(&self, part: Part) -> Vec<usize> {
        (0..self.len()).filter(|at| self.all[*at].part == part).collect()
    }

    /// Values and outcomes of some rows, for a set.
    pub fn some(&self, rows: &[usize], set: Set) -> (Vec<f64>, Vec<bool>) {
        (rows.iter().flat_map(|at| self.row(*at, set).iter().copied()).collect(), rows.iter().map(|at| self.outcomes[*at]).collect())
    }

    /// How those who are served differ, by sex, age and state: `scored` are probabilities of `rows`.
    ///
    /// # Errors
    /// For a score that is no probability.
    pub fn groups(&self, scored: &Scored, rows: &[usize], threshold: f64) -> measure::Result<Vec<(&'static str, Groups)>> {
        let states: Vec<&str> = self.states.iter().map(String::as_str).collect();
        let by = |of: &dyn Fn(usize) -> usize, names: &[&str]| {
            by_group(scored, &rows.iter().map(|at| of(*at)).collect::<Vec<_>>(), names, terms(threshold))
        };
        Ok(vec![
            ("sex", by(&|at| sex(self.row(at, Set::V2)), &SEXES)?),
            ("age", by(&|at| age(self.row(at, Set::V2)), &AGES)?),
            ("state", by(&|at| self.all[at].state, &states)?),
        ])
    }
}
