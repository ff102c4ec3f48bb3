//! The part of `/retention/model` about more than one model: who the members of an ensemble are, and the test that runs.

use std::fmt::Write as _;

use plimsoll::{Result, Tx, manual::escaped};
use serde_json::Value;

use crate::{
    ab::{self, Kept, Test},
    ensemble::{self, Ensemble, Kind},
    models::{Card, ENSEMBLE},
};

/// What there is to tell.
pub struct Together {
    ensemble: Option<Ensemble>,
    test: Option<(Test, Option<Kept>)>,
}

impl Together {
    /// Of the model that answers and the test that runs, where there is one.
    ///
    /// # Errors
    /// What the database says.
    pub fn of(tx: &Tx<'_>, active: &Card) -> Result<Together> {
        let ensemble = (active.algorithm == ENSEMBLE).then(|| ensemble::find(tx, active.id)).transpose()?;
        let test = ab::running(tx)?.map(|test| Ok::<_, plimsoll::Error>((test.clone(), ab::latest(tx, test.id)?))).transpose()?;
        Ok(Together { ensemble, test })
    }

    /// Writes it; nothing where there is neither.
    pub fn write(&self, body: &mut String) {
        if let Some(one) = &self.ensemble {
            members(body, one);
        }
        if let Some((test, look)) = &self.test {
            running(body, test, look.as_ref());
        }
    }
}

fn digits(value: &Value, digits: usize) -> String {
    value.as_f64().map_or_else(|| "–".into(), |value| format!("{value:.digits$}"))
}

fn members(body: &mut String, one: &Ensemble) {
    let rule = match (one.ensemble_type, one.voting_strategy) {
        (Kind::Averaging, _) => "the mean of their log-odds",
        (Kind::WeightedAveraging, _) => "the weighted mean of their log-odds",
        (Kind::Stacking, _) => "a regression over their log-odds",
        (_, Some("soft")) => "the mean of their probabilities",
        (_, Some("majority")) => "the side that more of them are on",
        _ => "the side that has more weight",
    };
    let _ = write!(
        body,
        "<section><h2>Members</h2><p>Several models answer as one, by {rule}.</p><div class=\"scroll\"><table><thead><tr><th>No.</th><th>Name</th>\
         <th>Features</th><th>Weight</th><th>Area</th></tr></thead><tbody>"
    );
    for seat in &one.members {
        let area = seat.auc.map_or_else(|| "–".into(), |auc| format!("{auc:.3}"));
        let _ = write!(
            body,
            "<tr><td>{}</td><td>{}</td><td>{}</td><td>{:.3}</td><td>{area}</td></tr>",
            seat.model_id,
            escaped(&seat.name),
            escaped(&seat.feature_set),
            seat.weight
        );
    }
    body.push_str("</tbody></table></div></section>");
}

fn running(body: &mut String, test: &Test, look: Option<&Kept>) {
    let _ = write!(
        body,
        "<section><h2>A test is running</h2><p><b>{}</b> <span class=\"muted\">no. {}</span>. Each person is scored by the model of their variant.</p>",
        escaped(&test.name),
        test.id
    );
    let report = look.map(|look| &look.report);
    body.push_str("<div class=\"scroll\"><table><thead><tr><th>Variant</th><th>Model</th><th>Share</th><th>Cases</th><th>Interrupted</th><th>Area</th><th>Brier</th></tr></thead><tbody>");
    for one in &test.variants {
        let seen = report.and_then(|report| report["variants"].as_array()?.iter().find(|seen| seen["variant"] == one.name.as_str()));
        let of = |name: &str| seen.map_or(&Value::Null, |seen| &seen[name]);
        let count = |name: &str| of(name).as_i64().map_or_else(|| "–".into(), |count| count.to_string());
        let _ = write!(
            body,
            "<tr><td>{}</td><td>{}</td><td>{}</td><td>{}</td><td>{}</td><td>{}</td><td>{}</td></tr>",
            escaped(&one.name),
            one.model_id,
            super::html::percent(f64::from(one.parts) / 100_000.0),
            count("cases"),
            count("interrupted"),
            digits(of("auc"), 3),
            digits(of("brier"), 4)
        );
    }
    body.push_str("</tbody></table></div>");
    match (look, report) {
        (Some(look), Some(report)) => {
            let said = match (report["winner"].as_str(), report["too_few"].as_str()) {
                (Some(name), _) => format!("{name} is better by more than chance explains"),
                (None, Some(why)) => why.to_owned(),
                (None, None) => "nobody is better by more than chance".to_owned(),
            };
            let _ = write!(body, "<p>Look {}: {}.</p>", look.number, escaped(&said));
            body.push_str("<p class=\"muted\">What is said holds however often somebody looks. The end of a test is decided at <code>POST /v1/ab-tests/{id}/conclude</code>.</p>");
        }
        _ => body.push_str(
            "<p class=\"notice\">Nobody has looked yet; that is done every night, or now by <code>POST /v1/ab-tests/{id}/look</code>.</p>",
        ),
    }
    body.push_str("</section>");
}
