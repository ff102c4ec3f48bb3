//! Everybody is scored: a job in steps, each with its people and the place where the next one begins.

use std::{sync::Arc, time::Instant};

use plimsoll::{
    Committed, Ctx, Result, Tx, Write, bind,
    ledger::Change,
    work::{Finished, Job, Order, Policy, events::Event},
};
use serde::{Deserialize, Serialize};
use serde_json::json;

use super::judge::{Charted, Judged, Withheld, charted, values_out};
use crate::{
    Retention,
    ab::Answering,
    action::{
        alert::{Terms, Watch},
        raised::{self, Scored},
    },
    models,
    record::Day,
    watch::Tally,
};

/// People of one step.
const STEP: i64 = 1000;

/// Scores everybody as of a day.
#[derive(Debug, Clone, Default, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct ScoreAll {
    /// As of this day; today where it is not said.
    #[serde(default)]
    pub as_of: Option<String>,
}

/// Everybody is to be scored soon, where a model can do it.
pub fn all_later(change: &mut Change<'_, '_>) -> Result<()> {
    if models::active_id(change)?.is_none() {
        return Ok(());
    }
    let once = |name: &str| Order { unique: Some(name.to_owned()), ..Order::default() };
    if !change.enqueue_as(&ScoreAll::default(), &once("everybody"))?.new {
        // One that runs has asked some people already, of before this change: another one follows it.
        change.enqueue_as(&ScoreAll::default(), &once("everybody-again"))?;
    }
    Ok(())
}

/// Today, as the clock of the host shows it in UTC.
pub(crate) fn today(now: plimsoll::Time) -> Day {
    Day(i32::try_from(now.micros().div_euclid(86_400_000_000)).unwrap_or(0))
}

/// How far a run has come.
#[derive(Default)]
struct Far {
    after: i64,
    done: i64,
    scored: i64,
    withheld: i64,
}

impl Job for ScoreAll {
    type System = Retention;
    const KIND: &'static str = "retention.score";
    const POLICY: Policy = Policy { deadline: std::time::Duration::from_secs(3600), per_tenant: Some(1), ..Policy::DEFAULT };
    const SCHEDULED_BY_TENANTS: bool = true;

    async fn run(self, ctx: Ctx<Retention, Write>) -> Result<Committed<Finished>> {
        let as_of = match &self.as_of {
            Some(text) => crate::chart::day(text).ok_or_else(|| plimsoll::Code::Invalid.because("`as_of` is a day such as 2026-11-21"))?,
            None => today(ctx.now()),
        };
        // What is asked as of another day tells nobody to act today.
        let alerts = self.as_of.is_none().then(|| Terms::of(&ctx.system.config)).transpose()?;
        let run = ctx.lease().map(|lease| lease.job.to_string()).unwrap_or_default();
        // An attempt before this one may have come some way: it is not done twice.
        let (mut far, total) = {
            let run = run.clone();
            ctx.read(move |tx| begun(tx, &run)).await?
        };
        let system = ctx.system.clone();
        let answering = {
            let system = system.clone();
            ctx.read(move |tx| match models::active_id(tx)? {
                Some(_) => Answering::of(tx, &system.shelf).map(Some),
                None => Ok(None),
            })
            .await?
        };
        // Every night asks every tenant, and one that has no model yet has nothing to be asked.
        let Some(answering) = answering else { return ctx.commit(|_| Ok(Finished(Some(json!({ "model": null }))))).await };
        let answering = Arc::new(answering);
        loop {
            let after = far.after;
            let people: Vec<Charted> = ctx.read(move |tx| tx.rows(PAGE, bind! { after: after, step: STEP })).await?;
            let Some(last) = people.last().map(|one| one.patient.id) else { break };
            let (asked, began) = (answering.clone(), Instant::now());
            let judged: Vec<(Charted, Judged)> = ctx
                .compute(move || {
                    people
                        .into_iter()
                        .map(|one| Ok((asked.judge(&one, as_of, &[])?, one)))
                        .map(|r: Result<_>| r.map(|(j, o)| (o, j)))
                        .collect()
                })
                .await?;
            far.done += judged.len() as i64;
            far.after = last;
            let tallies: Vec<(String, Tally)> = answering
                .models()
                .into_iter()
                .map(|model| {
                    let theirs = judged.iter().map(|(_, judged)| judged).filter(|one| one.kept() && one.model == model.id);
                    (model.version.clone(), Tally::of(theirs))
                })
                .collect();
            let run = run.clone();
            let scored = ctx.step(move |change| write(change, &judged, Made { as_of, run: &run }, alerts)).await?;
            for (version, tally) in tallies {
                system.meters.scored(&version, tally, began.elapsed());
            }
            far.scored += scored;
            far.withheld = far.done - far.scored;
            ctx.progress(far.done, Some(total), "people");
        }
        let (id, test) = (answering.model.id, answering.test());
        ctx.commit(move |change| {
            let levels: Vec<(String, i64)> = change.rows(
                "SELECT r.level, COUNT(*) FROM risk r JOIN patient p ON p.tenant_id = :tenant AND p.id = r.patient_id AND p.deleted_at IS NULL \
                 WHERE r.tenant_id = :tenant AND r.level IS NOT NULL GROUP BY r.level ORDER BY r.level",
                bind! {},
            )?;
            let levels: serde_json::Map<String, serde_json::Value> =
                levels.into_iter().map(|(level, count)| (level, json!(count))).collect();
            let told = json!({ "model": id, "test": test, "as_of": as_of.to_string(), "people": total, "levels": levels });
            change.emit(Event::new("scoring.finished", "/v1/risk-list", crate::nouns::READ, told.clone()));
            Ok(Finished(Some(told)))
        })
        .await
    }
}

/// People in the order of their numbers, some at a time.
pub(crate) const PAGE: &str = charted!(" AND p.id > :after ORDER BY p.id LIMIT :step");

/// Where an attempt before this one stopped: people are taken in the order of their numbers.
fn begun(tx: &Tx<'_>, run: &str) -> Result<(Far, i64)> {
    let after: Option<i64> =
        tx.row::<(Option<i64>,)>("SELECT MAX(patient_id) FROM risk WHERE tenant_id = :tenant AND run = :run", bind! { run: run })?.0;
    let after = after.unwrap_or(0);
    let done: i64 =
        tx.row("SELECT COUNT(*) FROM patient WHERE tenant_id = :tenant AND deleted_at IS NULL AND id <= :after", bind! { after: after })?;
    Ok((Far { after, done, ..Far::default() }, tx.live("patient")?))
}

/// What made some predictions.
#[derive(Clone, Copy)]
pub(super) struct Made<'a> {
    pub as_of: Day,
    pub run: &'a str,
}

/// Writes what was said of some people; of how many there is a score.
fn write(change: &mut Change<'_, '_>, judged: &[(Charted, Judged)], made: Made<'_>, alerts: Option<Terms>) -> Result<i64> {
    const GONE: &str = "DELETE FROM risk WHERE tenant_id = :tenant AND patient_id = :patient";
    let mut scored = 0;
    let (first, last) = (judged.first().map_or(0, |(one, _)| one.patient.id), judged.last().map_or(0, |(one, _)| one.patient.id));
    let mut watch = alerts.map(|terms| Watch::over(change, terms, change.now(), first, last)).transpose()?;
    for (one, said) in judged {
        if !said.kept() {
            // Nobody is on the list of whom the question makes no sense any more.
            change.write(GONE, bind! { patient: one.patient.id })?;
            continue;
        }
        let id = predict(change, one.patient.id, said, made, None)?;
        place(change, one, said, id, made)?;
        if let Some(watch) = &mut watch {
            raised::scored(change, watch, &Scored::of(one, said, id, made.as_of))?;
        }
        scored += i64::from(said.outcome.is_ok());
    }
    Ok(scored)
}

/// Keeps a prediction; its number.
pub(super) fn predict(change: &mut Change<'_, '_>, patient: i64, said: &Judged, made: Made<'_>, overrides: Option<String>) -> Result<i64> {
    const SQL: &str = "INSERT INTO prediction (tenant_id, id, patient_id, model_id, as_of, score, margin, level, withheld, features, overrides, \
         run, members, test_id, variant, created_at) VALUES (:tenant, :id, :patient, :model, :as_of, :score, :margin, :level, :withheld, :features, \
         :overrides, :run, :members, :test, :variant, :now)";
    let members = if said.members.is_empty() { None } else { Some(serde_json::to_string(&said.members)?) };
    let (id, now) = (change.next("prediction")?, change.now());
    change.write(
        SQL,
        bind! {
            id: id, patient: patient, model: said.model, as_of: i64::from(made.as_of.0),
            score: said.outcome.ok().map(|(_, score, _)| score), margin: said.outcome.ok().map(|(margin, ..)| margin),
            level: said.outcome.ok().map(|(.., level)| level.name()), withheld: said.outcome.err().map(Withheld::name),
            features: values_out(&said.values), overrides: overrides, run: (!made.run.is_empty()).then_some(made.run),
            members: members, test: said.test.as_ref().map(|(test, _)| *test), variant: said.test.as_ref().map(|(_, variant)| variant.to_string()), now: now,
        },
    )?;
    Ok(id)
}

/// Puts a person where the prediction says.
pub(super) fn place(change: &mut Change<'_, '_>, one: &Charted, said: &Judged, prediction: i64, made: Made<'_>) -> Result<()> {
    const SQL: &str = "INSERT INTO risk (tenant_id, patient_id, prediction_id, score, level, facility, due, as_of, run) \
         VALUES (:tenant, :patient, :prediction, :score, :level, :facility, :due, :as_of, :run) ON CONFLICT (tenant_id, patient_id) \
         DO UPDATE SET prediction_id = excluded.prediction_id, score = excluded.score, level = excluded.level, facility = excluded.facility, \
         due = excluded.due, as_of = excluded.as_of, run = excluded.run";
    change.write(
        SQL,
        bind! {
            patient: one.patient.id, prediction: prediction, score: said.outcome.ok().map(|(_, score, _)| score),
            level: said.outcome.ok().map(|(.., level)| level.name()), facility: one.patient.person.facility,
            due: one.due.map(|day| i64::from(day.0)), as_of: i64::from(made.as_of.0), run: (!made.run.is_empty()).then_some(made.run),
        },
    )?;
    Ok(())
}
