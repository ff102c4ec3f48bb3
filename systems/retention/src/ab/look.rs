//! Looks at a running test: what happened to the people of each variant, and what may be said of it.
//!
//! Of each person one prediction counts, the first that was made in the test and whose 90 days are over, with what
//! happened after it. Variants are compared by [`plimsoll_ai::measure::trial`]: areas by DeLong's variances, squared
//! errors and shares by theirs, each with an interval that holds at all looks together
//! ([`plimsoll_ai::measure::always`]: Robbins 1970; Johari, Koomen, Pekelis and Walsh 2022), so looking every night
//! is free and ending a test at any look is right.

use std::{collections::HashMap, time::Duration};

use plimsoll::{
    Code, Committed, Ctx, FromRow, Result, Row, Time, Tx, Write, bind,
    ledger::Change,
    work::{Finished, Job, Policy, events::Event},
};
use plimsoll_ai::measure::{
    Scored, compare,
    trial::{self, Beside},
};
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};
use serde_json::{Value, json};

use super::test::{Test, Variant, running};
use crate::{
    Retention,
    features::WINDOW,
    models,
    record::Day,
    score::{self, Charted, PAGE},
    train,
    watch::{self, Came},
};

/// People of one read.
const STEP: i64 = 2000;

/// Looks at the test that runs.
#[derive(Debug, Clone, Default, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct Look {}

/// What is known of the people of one variant.
#[derive(Debug, Clone, Default)]
struct Arm {
    scores: Vec<f64>,
    outcomes: Vec<bool>,
    /// How many left before it could be seen.
    censored: u64,
    /// How many predictions were made later than the day they are about.
    looking_back: u64,
}

impl Job for Look {
    type System = Retention;
    const KIND: &'static str = "retention.ab-look";
    const POLICY: Policy = Policy { deadline: Duration::from_secs(3600), per_tenant: Some(1), ..Policy::DEFAULT };

    async fn run(self, ctx: Ctx<Retention, Write>) -> Result<Committed<Finished>> {
        let today = score::today(ctx.now());
        let found = ctx.read(move |tx| Ok((running(tx)?, train::reach(tx, today)?.unwrap_or(today)))).await?;
        let (Some(test), observed) = found else {
            return ctx.commit(|_| Ok(Finished(Some(json!({ "test": Value::Null }))))).await;
        };
        let id = test.id;
        let (mut arms, mut after) = (HashMap::<String, Arm>::new(), Some(0));
        while let Some(from) = after {
            (arms, after) = ctx.read(move |tx| more(tx, arms, id, observed, from)).await?;
        }
        let asked = test.clone();
        let assigned: Vec<(String, i64)> = ctx
            .read(move |tx| {
                tx.rows(
                    "SELECT variant, COUNT(DISTINCT patient_id) FROM prediction WHERE tenant_id = :tenant AND test_id = :test GROUP BY variant",
                    bind! { test: id },
                )
            })
            .await?;
        let report = ctx.compute(move || report(&asked, &arms, &assigned, observed)).await?;
        ctx.commit(move |change| {
            // It may have ended while it was looked at.
            if super::running_id(change)? != Some(id) {
                return Ok(Finished(Some(json!({ "test": id, "because": "the test has ended" }))));
            }
            let number = keep(change, id, &report)?;
            let told = json!({ "test": id, "look": number, "winner": report["winner"], "too_few": report["too_few"].is_string() });
            change.emit(Event::new("ab_test.looked", "/v1/ab-tests", models::READ, told.clone()).about(id.to_string()));
            Ok(Finished(Some(told)))
        })
        .await
    }
}

/// The first prediction of one person in the test, of those whose window is over.
struct Made {
    id: i64,
    as_of: Day,
    score: f64,
    variant: String,
    said: Option<Came>,
    late: bool,
}

/// Adds the people whose numbers follow `after`; the last number, none at the end.
fn more(tx: &Tx<'_>, mut arms: HashMap<String, Arm>, test: i64, observed: Day, after: i64) -> Result<(HashMap<String, Arm>, Option<i64>)> {
    let people: Vec<Charted> = tx.rows(PAGE, bind! { after: after, step: STEP })?;
    let Some(last) = people.last().map(|one| one.patient.id) else { return Ok((arms, None)) };
    type Columns = (i64, i64, i64, f64, String, Option<String>, Time);
    let rows: Vec<Columns> = tx.rows(
        "SELECT d.patient_id, d.id, d.as_of, d.score, d.variant, o.outcome, d.created_at FROM prediction d \
         JOIN (SELECT patient_id, MIN(as_of) AS as_of FROM prediction WHERE tenant_id = :tenant AND test_id = :test AND patient_id > :after \
         AND patient_id <= :last AND score IS NOT NULL AND overrides IS NULL AND deleted_at IS NULL AND as_of <= :until GROUP BY patient_id) f \
         ON f.patient_id = d.patient_id AND f.as_of = d.as_of LEFT JOIN outcome o ON o.tenant_id = :tenant AND o.prediction_id = d.id \
         WHERE d.tenant_id = :tenant AND d.test_id = :test AND d.score IS NOT NULL AND d.overrides IS NULL AND d.deleted_at IS NULL",
        bind! { test: test, after: after, last: last, until: i64::from(observed.plus(-WINDOW).0) },
    )?;
    let mut first: HashMap<i64, Made> = HashMap::new();
    for (patient, id, as_of, score, variant, said, made) in rows {
        let as_of = Day(i32::try_from(as_of).unwrap_or(0));
        // Asked twice on one day, the first counts.
        if first.get(&patient).is_none_or(|known| id < known.id) {
            let late = score::today(made) > as_of;
            first.insert(patient, Made { id, as_of, score, variant, said: said.as_deref().and_then(Came::named), late });
        }
    }
    for one in &people {
        let Some(made) = first.remove(&one.patient.id) else { continue };
        let arm = arms.entry(made.variant).or_default();
        match watch::target(made.said, &one.history, made.as_of, observed) {
            Some(outcome) => {
                arm.scores.push(made.score);
                arm.outcomes.push(outcome);
                arm.looking_back += u64::from(made.late);
            }
            None => arm.censored += 1,
        }
    }
    Ok((arms, Some(last)))
}

fn report(test: &Test, arms: &HashMap<String, Arm>, assigned: &[(String, i64)], observed: Day) -> Result<Value> {
    let of = |error: plimsoll_ai::measure::Error| Code::Internal.error().caused_by(error.to_string());
    let scored = |one: &Variant| arms.get(&one.name).and_then(|arm| Scored::new(arm.scores.clone(), arm.outcomes.clone()).ok());
    let all: Vec<Option<Scored>> = test.variants.iter().map(scored).collect();
    let challengers: Vec<Option<&Scored>> = all.iter().skip(1).map(Option::as_ref).collect();
    let seen = trial::look(all.first().and_then(Option::as_ref), &challengers, &test.terms()).map_err(of)?;
    let mut variants = Vec::new();
    for (one, scored) in test.variants.iter().zip(&all) {
        let arm = arms.get(&one.name);
        variants.push(json!({
            "variant": one.name, "model_id": one.model_id, "share": f64::from(one.parts) / 100_000.0,
            "people": assigned.iter().find(|(name, _)| *name == one.name).map_or(0, |(_, count)| *count),
            "cases": scored.as_ref().map_or(0, Scored::len), "interrupted": scored.as_ref().map_or(0, Scored::positives),
            "left": arm.map_or(0, |arm| arm.censored), "looking_back": arm.map_or(0, |arm| arm.looking_back),
            "auc": scored.as_ref().and_then(Scored::auc), "auc_interval": scored.as_ref().and_then(|scored| compare::auc_interval(scored, 0.95)),
            "brier": scored.as_ref().map(Scored::brier).transpose().map_err(of)?,
        }));
    }
    let named = |one: &Beside, variant: &Variant| {
        let mut told = json!(one);
        told["variant"] = json!(variant.name);
        told
    };
    let beside: Vec<Value> = seen.beside.iter().zip(test.variants.iter().skip(1)).map(|(one, variant)| named(one, variant)).collect();
    Ok(json!({
        "observed": observed.to_string(), "variants": variants, "beside_control": beside,
        "winner": seen.winner.and_then(|at| test.variants.get(at + 1)).map(|one| &one.name), "too_few": seen.too_few,
        "method": "differences of people who got different models; intervals of the mixture sequential probability ratio test, valid at all looks together",
    }))
}

/// A look that was taken.
#[derive(Debug, Clone, Serialize, JsonSchema)]
#[schemars(rename = "AbTestLook")]
pub struct Kept {
    /// Its number within the test.
    pub number: i64,
    /// When.
    pub at: Time,
    /// What was seen.
    pub report: Value,
}

impl FromRow for Kept {
    fn from_row(row: &Row<'_>) -> Result<Kept> {
        let report: String = row.get(2)?;
        Ok(Kept { number: row.get(0)?, at: row.get(1)?, report: serde_json::from_str(&report)? })
    }
}

/// The newest look at a test.
pub(crate) fn latest(tx: &Tx<'_>, test: i64) -> Result<Option<Kept>> {
    tx.maybe(
        "SELECT number, at, report FROM ab_look WHERE tenant_id = :tenant AND test_id = :test ORDER BY number DESC LIMIT 1",
        bind! { test: test },
    )
}

fn keep(change: &mut Change<'_, '_>, test: i64, report: &Value) -> Result<i64> {
    let (number, now) = (latest(change, test)?.map_or(1, |kept| kept.number + 1), change.now());
    change.write(
        "INSERT INTO ab_look (tenant_id, test_id, number, at, report) VALUES (:tenant, :test, :number, :now, :report)",
        bind! { test: test, number: number, now: now, report: report.to_string() },
    )?;
    Ok(number)
}

/// Which variant a test is concluded with, and why; none is the control.
///
/// # Errors
/// [`Code::Conflict`] where nobody has looked yet and the control is not asked for.
pub(super) fn decide<'t>(tx: &Tx<'_>, test: &'t Test, keep_control: bool) -> Result<(Option<&'t Variant>, String)> {
    if keep_control {
        return Ok((None, "the control was kept by decision".into()));
    }
    let seen = latest(tx, test.id)?
        .ok_or_else(|| Code::Conflict.because("nobody has looked at this test yet; look at it first, or keep the control"))?;
    let winner = seen.report["winner"].as_str().and_then(|name| test.variants.iter().find(|one| one.name == name));
    let because = match (winner, seen.report["too_few"].as_str()) {
        (Some(one), _) => {
            format!("look {}: {} is better by {} than chance explains at any look", seen.number, one.name, test.primary_metric)
        }
        (None, Some(why)) => format!("look {}: {why}", seen.number),
        (None, None) => format!("look {}: nobody is better by more than chance", seen.number),
    };
    Ok((winner, because))
}
