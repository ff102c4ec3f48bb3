//! `retention.train`: a model of everybody's history, registered as challenger.

use std::{
    ops::ControlFlow,
    sync::{
        Arc,
        atomic::{AtomicI64, Ordering},
    },
    time::Duration,
};

use plimsoll::{
    Code, Committed, Ctx, Result, Write, bind,
    ledger::Change,
    work::{Finished, Job, Policy, events::Event},
};
use plimsoll_ai::{measure::Scored, train::Settings};
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};
use serde_json::json;

use super::{Cases, Challenge, Fitted, Part, Plan, challenge, fit, said};
use crate::{
    Retention, chart,
    features::{Set, VERSION},
    models::{self, Draft, Loaded},
    record::Day,
    score::{self, Charted, PAGE},
    watch::{self, Kind, Reference},
};

/// People of one step.
const STEP: i64 = 1000;
/// More rows are not kept in memory.
const MOST_ROWS: usize = 1_000_000;

/// Whether a challenger may take over by itself.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
pub enum Activate {
    /// It is registered and waits for somebody to activate it.
    #[default]
    Never,
    /// It answers from now on where it is no worse than the model that answers, and no more uneven.
    IfBetter,
}

/// Trains a model of the stored histories.
#[derive(Debug, Clone, Default, Serialize, Deserialize, JsonSchema)]
#[serde(default, deny_unknown_fields)]
pub struct Train {
    /// A name for people; the day on which it was trained unless said.
    #[schemars(length(min = 1, max = 100))]
    pub name: Option<String>,
    /// `iit-v2` unless said.
    #[schemars(regex(pattern = "^iit-v[12]$"))]
    pub feature_set: Option<String>,
    /// Whether it may take over by itself; it may not unless said.
    pub activate: Activate,
    /// As far as records reach; the newest pick-up of all unless said.
    #[schemars(regex(pattern = r"^\d{4}-\d{2}-\d{2}$"))]
    pub observed: Option<String>,
    /// How many days each person is looked at; 2 unless said.
    #[schemars(range(min = 1, max = 24))]
    pub days_per_person: Option<i32>,
    /// How far back these days lie at most; 730 unless said.
    #[schemars(range(min = 30, max = 3650))]
    pub span_days: Option<i32>,
    /// How many people can be sought at a time: where `high` begins; the configured capacity unless said.
    #[schemars(range(min = 1, max = 10_000_000))]
    pub capacity: Option<u32>,
    /// The most trees; 200 unless said.
    #[schemars(range(min = 1, max = 2000))]
    pub rounds: Option<usize>,
    /// The most leaves of a tree; 12 unless said.
    #[schemars(range(min = 2, max = 255))]
    pub leaves: Option<usize>,
    /// How much of each tree's answer counts; 0.05 unless said.
    #[schemars(range(min = 0.001, max = 1.0))]
    pub learning_rate: Option<f64>,
    /// Decides which rows and columns each tree sees; 42 unless said.
    pub seed: Option<u64>,
}

impl Train {
    /// How the trees are to be grown.
    pub fn settings(&self) -> Settings {
        let usual = Settings::default();
        Settings {
            rounds: self.rounds.unwrap_or(usual.rounds),
            leaves: self.leaves.unwrap_or(usual.leaves),
            learning_rate: self.learning_rate.unwrap_or(usual.learning_rate),
            seed: self.seed.unwrap_or(usual.seed),
            ..usual
        }
    }

    fn set(&self) -> Result<Set> {
        let name = self.feature_set.as_deref().unwrap_or("iit-v2");
        Set::named(name).ok_or_else(|| Code::Invalid.because(format!("`{name}` is no set of features; there are iit-v1 and iit-v2")))
    }
}

/// Day up to which something is known: that of the newest pick-up, and never one to come.
pub(crate) fn reach(tx: &plimsoll::Tx<'_>, today: Day) -> Result<Option<Day>> {
    let newest: (Option<i64>,) = tx.row(
        "SELECT MAX(last_pickup) FROM chart WHERE tenant_id = :tenant AND last_pickup <= :today",
        bind! { today: i64::from(today.0) },
    )?;
    Ok(newest.0.and_then(|day| i32::try_from(day).ok()).map(Day))
}

/// How many are on treatment on a day: what a capacity is a share of.
fn active(tx: &plimsoll::Tx<'_>, observed: Day) -> Result<i64> {
    let since = i64::from(observed.plus(-crate::features::GRACE).0);
    tx.row("SELECT COUNT(*) FROM chart WHERE tenant_id = :tenant AND due >= :since", bind! { since: since })
}

impl Job for Train {
    type System = Retention;
    const KIND: &'static str = "retention.train";
    const POLICY: Policy = Policy { deadline: Duration::from_secs(4 * 3600), per_tenant: Some(1), ..Policy::DEFAULT };
    const SCHEDULED_BY_TENANTS: bool = true;

    async fn run(self, ctx: Ctx<Retention, Write>) -> Result<Committed<Finished>> {
        let (set, settings) = (self.set()?, self.settings());
        settings.check().map_err(|error| Code::Invalid.because(error.to_string()))?;
        let today = score::today(ctx.now());
        let observed = match &self.observed {
            Some(text) => chart::day(text).ok_or_else(|| Code::Invalid.because("`observed` is a day such as 2026-11-21"))?.min(today),
            None => ctx
                .read(move |tx| reach(tx, today))
                .await?
                .ok_or_else(|| Code::Invalid.because("nothing can be learnt: nobody has picked anything up yet"))?,
        };
        let (cases, said) = gather(&ctx, observed, self.span_days.unwrap_or(730), self.days_per_person.unwrap_or(2)).await?;
        let capacity = f64::from(self.capacity.unwrap_or(ctx.system.config.capacity));
        let people = ctx.read(move |tx| active(tx, observed)).await?;
        let share = (people > 0).then(|| (capacity / people as f64).clamp(0.01, 0.3));
        let plan = Plan { set, settings, capacity: share };

        let rounds = plan.settings.rounds as i64;
        let (lease, grown) = (ctx.lease().cloned(), Arc::new(AtomicI64::new(0)));
        let (asked, count) = (plan.clone(), grown.clone());
        let mut work = Box::pin(ctx.compute(move || {
            let fitted = fit(&cases, &asked, |round| {
                count.store(round.number as i64, Ordering::Relaxed);
                if lease.as_ref().is_some_and(|lease| lease.is_cancelled()) { ControlFlow::Break(()) } else { ControlFlow::Continue(()) }
            })?;
            let reference = Reference::of_training(&cases, &fitted, asked.set);
            Ok((cases, fitted, reference))
        }));
        let made = loop {
            match tokio::time::timeout(Duration::from_secs(1), &mut work).await {
                Ok(made) => break made,
                Err(_) => ctx.progress(grown.load(Ordering::Relaxed), Some(rounds), "trees"),
            }
        };
        drop(work);
        let (cases, fitted, reference) = made?;
        let system = ctx.system.clone();
        let champion = ctx
            .read(move |tx| match models::active_id(tx)? {
                Some(id) => models::load(tx, &system.shelf, id).map(Some),
                None => Ok(None),
            })
            .await?;
        let seed = plan.settings.seed;
        let (fitted, judged) = ctx.compute(move || beside(&cases, fitted, champion.as_deref(), seed)).await?;
        let draft = draft(&self, &plan, &fitted, (observed, said), today);
        let system = ctx.system.clone();
        ctx.commit(move |change| {
            let id = models::register(change, &system.shelf, &draft)?;
            watch::keep_reference(change, id, &reference)?;
            let champion = models::active_id(change)?;
            let judged = judged?;
            watch::keep(change, Kind::Challenge, id, today, &json!(judged))?;
            // While a test runs its control answers, and nobody takes over from that.
            let free = crate::ab::running_id(change)?.is_none();
            let takes_over = self.activate == Activate::IfBetter && judged.passed && champion != Some(id) && free;
            if takes_over {
                models::activate(change, &system.shelf, id, "challenge")?;
                score::all_later(change)?;
            }
            tell(change, id, &fitted, &judged, takes_over)
        })
        .await
    }
}

/// Rows of everybody, one page of people after the other; of how many somebody said the outcome.
pub(crate) async fn gather(ctx: &Ctx<Retention, Write>, observed: Day, span: i32, count: i32) -> Result<(Cases, usize)> {
    let total = ctx.read(|tx| tx.live("patient")).await?;
    let (mut cases, mut after, mut done, mut told) = (Cases::default(), 0, 0, 0);
    loop {
        let people: Vec<Charted> = ctx.read(move |tx| tx.rows(PAGE, bind! { after: after, step: STEP })).await?;
        let Some(last) = people.last().map(|one| one.patient.id) else { break };
        let said = ctx.read(move |tx| said::said(tx, after, last, observed)).await?;
        done += people.len() as i64;
        after = last;
        let (found, of_these) = ctx
            .compute(move || {
                let mut found = Cases::default();
                let told: usize = people.iter().map(|one| said::rows(&mut found, one, &said, observed, span, count)).sum();
                Ok((found, told))
            })
            .await?;
        cases.join(found);
        told += of_these;
        if cases.len() > MOST_ROWS {
            return Err(Code::Invalid.because(format!("more than {MOST_ROWS} rows; ask for fewer days of each person")));
        }
        ctx.progress(done, Some(total), "people");
    }
    Ok((cases, told))
}

/// The challenger beside the champion, on the rows for the test.
fn beside(cases: &Cases, fitted: Fitted, champion: Option<&Loaded>, seed: u64) -> Result<(Fitted, Result<Challenge>)> {
    let rows = cases.of(Part::Test);
    let judged = match champion {
        None => challenge((&fitted.scored, &fitted.groups), None, seed),
        Some(champion) => {
            let scores = rows.iter().map(|at| champion.score(cases.row(*at, champion.set)).map(|(_, probability)| probability));
            let of = |error: plimsoll_ai::measure::Error| Code::Internal.error().caused_by(error.to_string());
            let scored = Scored::new(scores.collect::<Result<Vec<f64>>>()?, fitted.scored.outcomes().to_vec()).map_err(of)?;
            let groups = cases.groups(&scored, &rows, champion.thresholds.high).map_err(of)?;
            challenge((&fitted.scored, &fitted.groups), Some((&scored, &groups)), seed)
        }
    };
    Ok((fitted, judged))
}

fn draft(asked: &Train, plan: &Plan, fitted: &Fitted, (observed, said): (Day, usize), today: Day) -> Draft {
    Draft {
        name: asked.name.clone().unwrap_or_else(|| format!("trained {today}")),
        algorithm: "lightgbm".into(),
        feature_set: plan.set.name().into(),
        artifact: fitted.artifact.clone(),
        sha256: None,
        thresholds: fitted.thresholds,
        calibration: Some(json!(fitted.calibration)),
        origin: Some(json!({
            "kind": "trained", "on": "histories of this tenant", "observed": observed.to_string(), "label": VERSION, "outcomes_said": said,
            "days_per_person": asked.days_per_person.unwrap_or(2), "span_days": asked.span_days.unwrap_or(730),
            "settings": plan.settings, "trees": fitted.trees, "capacity_share": plan.capacity, "logistic_auc": fitted.baseline,
            "split": "by person: a fifth measured, a tenth held for stopping and calibration",
        })),
        figures: fitted.figures.clone(),
        note: None,
    }
}

fn tell(change: &mut Change<'_, '_>, id: i64, fitted: &Fitted, judged: &Challenge, active: bool) -> Result<Finished> {
    let told = json!({
        "model": id, "auc": fitted.figures.auc, "auc_interval": fitted.figures.auc_interval, "logistic_auc": fitted.baseline,
        "cases": fitted.figures.cases, "trees": fitted.trees, "passed": judged.passed, "because": judged.because, "activated": active,
    });
    change.emit(Event::new("model.trained", "/v1/models", models::READ, told.clone()).about(id.to_string()));
    Ok(Finished(Some(told)))
}
