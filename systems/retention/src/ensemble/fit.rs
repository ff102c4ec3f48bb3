//! `retention.blend`: an ensemble measured on people its members have not seen, and a stack fitted before that.
//!
//! People are divided as for training ([`Part`]): the regression of a stack learns from those who were held out, since
//! members know the people they were trained on too well; figures are of those who are only ever measured. Members
//! that were trained here used the held ones to know when to stop and for the two numbers of their calibration; a
//! model that was trained elsewhere may have seen anybody, and its figures are as good as its makers say.

use std::{sync::Arc, time::Duration};

use plimsoll::{
    Code, Committed, Ctx, Result, Write,
    work::{Finished, Job, Policy, events::Event},
};
use plimsoll_ai::{
    blend::{Blend, Rule},
    measure::Scored,
    train::{Logistic, Penalty, Rows},
};
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};
use serde_json::{Value, json};

use super::draft::{Draft, Meta, register, tried};
use crate::{
    Retention,
    models::{self, Figures, Loaded},
    score,
    train::{self, Cases, Part, figures, gather},
};

/// Fewer cases than this, or fewer that happened, fit no regression and measure nothing.
const LEAST: (usize, usize) = (40, 4);

/// Measures an ensemble of stored histories and registers it; fits the regression of a stack.
#[derive(Debug, Clone, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
#[schemars(rename = "EnsembleFit")]
pub struct Fit {
    /// The ensemble.
    pub ensemble: Draft,
    /// How many days each person is looked at; 2 unless said.
    #[serde(default)]
    #[schemars(range(min = 1, max = 24))]
    pub days_per_person: Option<i32>,
    /// How far back these days lie at most; 730 unless said.
    #[serde(default)]
    #[schemars(range(min = 30, max = 3650))]
    pub span_days: Option<i32>,
}

impl Job for Fit {
    type System = Retention;
    const KIND: &'static str = "retention.blend";
    const POLICY: Policy = Policy { deadline: Duration::from_secs(3600), per_tenant: Some(1), ..Policy::DEFAULT };

    async fn run(self, ctx: Ctx<Retention, Write>) -> Result<Committed<Finished>> {
        let today = score::today(ctx.now());
        let (asked, system) = (self.ensemble.clone(), ctx.system.clone());
        let (_, blend) = self.ensemble.rule(true)?;
        let (members, observed) =
            ctx.read(move |tx| Ok((asked.members(tx, &system.shelf)?, train::reach(tx, today)?.unwrap_or(today)))).await?;
        let (cases, _) = gather(&ctx, observed, self.span_days.unwrap_or(730), self.days_per_person.unwrap_or(2)).await?;
        let asked = self.ensemble;
        let (draft, figures, measured) = ctx.compute(move || fitted(asked, blend, members, &cases)).await?;
        let system = ctx.system.clone();
        ctx.commit(move |change| {
            let id = register(change, &system.shelf, &draft, figures.clone(), Some(measured.clone()))?;
            let told = json!({ "model": id, "auc": figures.auc, "auc_interval": figures.auc_interval, "cases": figures.cases, "measured": measured });
            change.emit(Event::new("model.trained", "/v1/models", models::READ, told.clone()).about(id.to_string()));
            Ok(Finished(Some(told)))
        })
        .await
    }
}

/// The draft with its regression, its figures, and those of its members.
fn fitted(mut draft: Draft, mut blend: Blend, members: Vec<Arc<Loaded>>, cases: &Cases) -> Result<(Draft, Figures, Value)> {
    let failed = |error: &dyn std::fmt::Display| Code::Invalid.because(format!("nothing can be measured: {error}"));
    let enough = |part: Part, what: &str| {
        let rows = cases.of(part);
        let happened = rows.iter().filter(|at| cases.outcomes[**at]).count();
        if rows.len() < LEAST.0 || happened < LEAST.1 || happened == rows.len() {
            let (count, least, positives) = (rows.len(), LEAST.0, LEAST.1);
            let why = format!(
                "there are {count} cases {what} and {happened} interruptions among them; at least {least} and {positives} are needed"
            );
            return Err(failed(&why));
        }
        Ok(rows)
    };
    let stack = matches!(blend.rule(), Rule::Stack { .. }) && draft.meta.is_none();
    let mut learnt = 0;
    if stack {
        let held = enough(Part::Held, "to fit a regression to")?;
        let whole = tried(&draft, &blend, members.clone())?;
        let mut values = Vec::with_capacity(held.len() * members.len());
        for at in &held {
            values.extend(whole.log_odds(cases.row(*at, whole.set))?);
        }
        let outcomes: Vec<bool> = held.iter().map(|at| cases.outcomes[*at]).collect();
        let names: Vec<String> = members.iter().map(|one| one.id.to_string()).collect();
        let names: Vec<&str> = names.iter().map(String::as_str).collect();
        let rows = Rows::new(&values, members.len(), &outcomes).map_err(|error| failed(&error))?;
        let found = Logistic::fit(&rows, &names, Penalty { indicators: false, ..Penalty::default() }).map_err(|error| failed(&error))?;
        let weights: Vec<f64> = found.terms().iter().map(|term| term.weight / term.scale).collect();
        let intercept = found.intercept() - found.terms().iter().zip(&weights).map(|(term, weight)| weight * term.mean).sum::<f64>();
        blend = Blend::new(Rule::Stack { intercept }, weights.clone()).map_err(|error| failed(&error))?;
        draft.meta = Some(Meta { intercept, weights });
        learnt = held.len();
    }
    let test = enough(Part::Test, "to measure it on")?;
    let whole = tried(&draft, &blend, members.clone())?;
    let outcomes: Vec<bool> = test.iter().map(|at| cases.outcomes[*at]).collect();
    let at_risk: Vec<bool> = test.iter().map(|at| cases.all[*at].at_risk).collect();
    let of = |model: &Loaded| {
        let scores = test.iter().map(|at| model.score(cases.row(*at, model.set)).map(|(_, score)| score)).collect::<Result<Vec<f64>>>()?;
        let scored = Scored::new(scores, outcomes.clone()).map_err(|error| failed(&error))?;
        figures(&scored, &at_risk)
    };
    let each = members
        .iter()
        .map(|one| of(one).map(|found| json!({ "model_id": one.id, "auc": found.auc, "brier": found.brier })))
        .collect::<Result<Vec<Value>>>()?;
    let found = of(&whole)?;
    let measured = json!({ "on": "people who are only ever measured", "fitted_to": learnt, "members": each });
    Ok((draft, found, measured))
}
