//! How right a model was: of each person the newest prediction whose window is over, beside what happened.

use std::collections::HashMap;

use plimsoll::{Code, Result, Tx, bind};
use plimsoll_ai::measure::{Scored, drift::Severity};
use serde_json::{Value, json};

use super::outcome::{self, Came};
use crate::{
    features::{VERSION, WINDOW},
    models::{Card, Loaded},
    record::Day,
    score::{Charted, PAGE, values_in},
    train::{Case, Cases, Part, figures},
};

/// People of one read.
const STEP: i64 = 2000;
/// What is said of fewer is chance.
const LEAST: usize = 100;
const LEAST_POSITIVES: usize = 10;

/// Predictions whose window is over, beside what happened.
#[derive(Debug, Default)]
pub(super) struct Over {
    cases: Cases,
    scores: Vec<f64>,
    /// How many left before it could be seen.
    censored: u64,
    /// How many of the outcomes somebody said.
    said: u64,
}

/// The newest prediction of one person whose window is over.
struct Made {
    as_of: Day,
    score: f64,
    values: Vec<f64>,
    said: Option<Came>,
}

impl Over {
    /// Adds those of the next people whose numbers follow `after`, up to `observed`; the last number, none at the end.
    /// One page at a time: no snapshot is held for long.
    pub(super) fn more(mut self, tx: &Tx<'_>, model: &Loaded, observed: Day, after: i64) -> Result<(Over, Option<i64>)> {
        let people: Vec<Charted> = tx.rows(PAGE, bind! { after: after, step: STEP })?;
        let Some(last) = people.last().map(|one| one.patient.id) else { return Ok((self, None)) };
        type Columns = (i64, i64, f64, Vec<u8>, Option<String>);
        let rows: Vec<Columns> = tx.rows(
            "SELECT d.patient_id, d.as_of, d.score, d.features, o.outcome FROM prediction d \
             JOIN (SELECT MAX(id) AS id FROM prediction WHERE tenant_id = :tenant AND patient_id > :after AND patient_id <= :last AND model_id = :model \
             AND score IS NOT NULL AND overrides IS NULL AND deleted_at IS NULL AND as_of <= :until GROUP BY patient_id) n ON n.id = d.id \
             LEFT JOIN outcome o ON o.tenant_id = :tenant AND o.prediction_id = d.id WHERE d.tenant_id = :tenant",
            bind! { after: after, last: last, model: model.id, until: i64::from(observed.plus(-WINDOW).0) },
        )?;
        let made: HashMap<i64, Made> = rows
            .into_iter()
            .map(|(patient, as_of, score, values, said)| {
                let as_of = Day(i32::try_from(as_of).unwrap_or(0));
                (patient, Made { as_of, score, values: values_in(&values), said: said.as_deref().and_then(Came::named) })
            })
            .collect();
        for one in &people {
            if let Some(made) = made.get(&one.patient.id) {
                self.take(one, made, observed);
            }
        }
        Ok((self, Some(last)))
    }

    fn take(&mut self, one: &Charted, made: &Made, observed: Day) {
        let target = outcome::target(made.said, &one.history, made.as_of, observed);
        self.said += u64::from(made.said.is_some());
        let Some(target) = target else {
            self.censored += 1;
            return;
        };
        // Groups and figures are made of the values that the model was given, not of what is known now.
        let mut values = made.values.clone();
        values.resize(Cases::WIDTH, f64::NAN);
        let mut taken = Cases { values, outcomes: vec![target], ..Cases::default() };
        let state = one.patient.person.state.clone();
        taken.all.push(Case { part: Part::Test, at_risk: false, state: state.as_ref().map_or(usize::MAX, |_| 0) });
        taken.states.extend(state);
        self.cases.join(taken);
        self.scores.push(made.score);
    }

    fn counts(&self) -> (usize, usize) {
        (self.scores.len(), self.cases.outcomes.iter().filter(|outcome| **outcome).count())
    }

    fn scored(&self) -> Result<Scored> {
        Scored::new(self.scores.clone(), self.cases.outcomes.clone()).map_err(|error| Code::Internal.error().caused_by(error.to_string()))
    }

    /// Whether there is enough to say something; why not.
    fn too_few(&self) -> Option<String> {
        let (cases, positives) = self.counts();
        (cases < LEAST || positives < LEAST_POSITIVES || positives == cases).then(|| {
            format!("{cases} predictions have an outcome and {positives} of them interrupted; {LEAST} and {LEAST_POSITIVES} are needed")
        })
    }

    /// Figures, beside those of the card.
    pub(super) fn performance(&self, card: &Card, observed: Day) -> Result<Value> {
        let (cases, positives) = self.counts();
        let mut told = json!({
            "observed": observed.to_string(), "label": VERSION, "cases": cases, "positives": positives, "censored": self.censored,
            "said": self.said, "because": self.too_few(), "expected": card.figures,
        });
        if self.too_few().is_none() {
            let scored = self.scored()?;
            let of = |error: plimsoll_ai::measure::Error| Code::Internal.error().caused_by(error.to_string());
            let figures = figures(&scored, &[])?;
            let fall = card.figures.auc.zip(figures.auc).map(|(then, now)| then - now);
            // Chance moves an area of few cases: only what lies below the old one by more than that has fallen.
            let sure = card.figures.auc.zip(figures.auc_interval).is_some_and(|(then, [_, high])| high < then);
            told["fall"] = json!(fall);
            told["severity"] = json!(fall.map(|fall| if sure { Severity::of_fall(fall) } else { Severity::None }));
            told["figures"] = json!(figures);
            told["reliability"] = json!(scored.reliability(10).map_err(of)?);
        }
        Ok(told)
    }

    /// How groups were served: by which attributes, by which figures, and from where on somebody is told.
    pub(super) fn bias(&self, model: &Loaded, observed: Day) -> Result<Value> {
        let (cases, positives) = self.counts();
        let mut told = json!({
            "observed": observed.to_string(), "cases": cases, "positives": positives, "threshold": model.thresholds.high, "because": self.too_few(),
            "terms": terms(model.thresholds.high),
        });
        if self.too_few().is_none() {
            let rows: Vec<usize> = (0..cases).collect();
            let found = self.cases.groups(&self.scored()?, &rows, model.thresholds.high);
            let found = found.map_err(|error| Code::Internal.error().caused_by(error.to_string()))?;
            let severity = found.iter().map(|(_, groups)| groups.severity()).max();
            told["severity"] = json!(severity);
            told["groups"] = Value::Object(found.iter().map(|(name, groups)| ((*name).to_owned(), json!(groups))).collect());
        }
        Ok(told)
    }
}

/// What is asked of groups, written down.
fn terms(threshold: f64) -> Value {
    let terms = crate::train::terms(threshold);
    json!({
        "attributes": ["sex", "age", "state"], "figures": ["selection", "recall", "false_alarm", "accuracy", "auc"],
        "judged": ["recall", "accuracy", "auc"], "level": terms.level, "least": terms.least, "least_positives": terms.least_positives,
        // Severity::of_ratio: high, and somebody is told.
        "told_below": 0.6,
    })
}
