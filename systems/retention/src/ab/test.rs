//! A test as it is kept, and what may be done with it.

use plimsoll::{
    Code, Error, Fault, FromRow, Result, Row, Sql, Time, Tx, bind,
    ledger::{Change, Note},
    work::events::Event,
};
use plimsoll_ai::measure::trial::{Metric, Terms};
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};
use serde_json::{Value, json};

use super::{
    assign::Split,
    look,
    state::{Test as State, TestMove},
};
use crate::{
    action::state::Machine,
    models::{self, Shelf},
    score,
};

/// All of a share, in thousandths of a per cent.
const ALL: u32 = 100_000;
/// Of what is left each challenger takes so much where shares are gradual.
const GRADUAL: f64 = 0.3;
/// Fewer cases of a variant than this say nothing,
const LEAST: usize = 100;
/// nor fewer interruptions: figures of fewer are not nearly normal, and what holds at all looks rests on that.
const LEAST_POSITIVES: usize = 10;

/// A variant.
#[derive(Debug, Clone, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct Variant {
    /// Its name.
    #[schemars(regex(pattern = "^[a-z0-9][a-z0-9-]{0,31}$"))]
    pub name: String,
    /// The model that its people get.
    #[schemars(range(min = 1))]
    pub model_id: i64,
    /// Its thousandths of a per cent of all people.
    pub parts: u32,
}

/// How people are divided.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "lowercase")]
pub enum Allocation {
    /// All variants alike.
    #[default]
    Equal,
    /// Each challenger takes 30 % of what is left, in order; the control keeps the rest.
    Gradual,
    /// As the weights say.
    Custom,
}

impl Allocation {
    const fn name(self) -> &'static str {
        match self {
            Allocation::Equal => "equal",
            Allocation::Gradual => "gradual",
            Allocation::Custom => "custom",
        }
    }

    /// Shares of so many variants, in thousandths of a per cent; they add up to all.
    ///
    /// # Errors
    /// [`Code::Invalid`] for weights that are missing, too many, not above 0, or do not add up to 1.
    pub fn parts(self, count: usize, weights: Option<&[f64]>) -> Result<Vec<u32>> {
        let wrong = |said: &str| Err(Error::invalid(vec![Fault::at("/variants", said.to_owned())]));
        let mut parts: Vec<u32> = match (self, weights) {
            (Allocation::Equal | Allocation::Gradual, Some(_)) => return wrong("only a custom allocation has weights"),
            (Allocation::Equal, None) => vec![ALL / u32::try_from(count.max(1)).unwrap_or(ALL); count],
            (Allocation::Gradual, None) => {
                let mut left = f64::from(ALL);
                let mut parts = vec![0];
                for _ in 1..count {
                    parts.push((left * GRADUAL).round() as u32);
                    left *= 1.0 - GRADUAL;
                }
                parts
            }
            (Allocation::Custom, Some(weights)) if weights.len() == count => {
                if !weights.iter().all(|w| *w >= 1e-5 && *w < 1.0) || (weights.iter().sum::<f64>() - 1.0).abs() > 1e-6 {
                    return wrong("weights lie between 0.00001 and 1 and add up to 1");
                }
                weights.iter().map(|w| (w * f64::from(ALL)).round() as u32).collect()
            }
            (Allocation::Custom, _) => return wrong("a custom allocation has a weight for each variant"),
        };
        // What rounding leaves is the control's.
        let others: u32 = parts.iter().skip(1).sum();
        if let Some(first) = parts.first_mut() {
            *first = ALL.saturating_sub(others);
        }
        Ok(parts)
    }
}

/// A variant to be tested.
#[derive(Debug, Clone, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct Proposed {
    /// A short name.
    #[schemars(regex(pattern = "^[a-z0-9][a-z0-9-]{0,31}$"))]
    pub name: String,
    /// The model that its people get.
    #[schemars(range(min = 1))]
    pub model_id: i64,
    /// Its share of all people, where the allocation is custom.
    #[serde(default)]
    #[schemars(range(min = 0.0, max = 1.0))]
    pub weight: Option<f64>,
}

/// A test to be written down.
#[derive(Debug, Clone, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
#[schemars(rename = "NewAbTest")]
pub struct Draft {
    /// A name for people.
    #[schemars(length(min = 1, max = 100))]
    pub name: String,
    /// What is to be found out.
    #[serde(default)]
    #[schemars(length(max = 2000))]
    pub description: Option<String>,
    /// The first is the control: the model that answers now.
    #[schemars(length(min = 2, max = 8))]
    pub variants: Vec<Proposed>,
    /// How people are divided; all alike unless said.
    #[serde(default)]
    pub traffic_allocation: Allocation,
    /// What decides: `auc`, `brier` or `rate` (of interruptions); the area unless said.
    #[serde(default)]
    #[schemars(regex(pattern = "^(auc|brier|rate)$"))]
    pub primary_metric: Option<String>,
    /// 1 less the chance of a wrong winner that is put up with, over all looks and challengers; 0.95 unless said.
    #[serde(default)]
    #[schemars(range(min = 0.5, max = 0.9999))]
    pub confidence_level: Option<f64>,
    /// The size of a difference that is worth finding; 0.02 unless said. Decides how soon one is found, not whether it is true.
    #[serde(default)]
    #[schemars(range(min = 0.0001, max = 0.5))]
    pub minimum_effect_size: Option<f64>,
}

/// A test.
#[derive(Debug, Clone, Serialize, JsonSchema)]
#[schemars(rename = "AbTest")]
pub struct Test {
    /// Its number.
    pub id: i64,
    /// Its name.
    pub name: String,
    /// What is to be found out.
    pub description: Option<String>,
    /// `draft`, `running`, `completed` or `cancelled`.
    pub status: String,
    /// How people are divided.
    pub traffic_allocation: String,
    /// The first is the control.
    pub variants: Vec<Variant>,
    /// `auc`, `brier` or `rate`.
    pub primary_metric: String,
    /// 1 less the chance of a wrong winner that is put up with.
    pub confidence_level: f64,
    /// The size of a difference that is worth finding.
    pub minimum_effect_size: f64,
    /// When it began,
    pub started_at: Option<Time>,
    /// and ended.
    pub ended_at: Option<Time>,
    /// What came of it: `{"winner": …, "model_id": …, "because": …}`.
    pub conclusion: Option<Value>,
    /// Who wrote it down,
    pub created_by: String,
    /// and when.
    pub created_at: Time,
}

const TESTS: &str = "SELECT id, name, description, status, allocation, variants, metric, alpha, effect, started_at, ended_at, conclusion, created_by, \
     created_at FROM ab_test WHERE tenant_id = :tenant";

impl FromRow for Test {
    fn from_row(row: &Row<'_>) -> Result<Test> {
        let (variants, conclusion): (String, Option<String>) = (row.get(5)?, row.get(11)?);
        let alpha: f64 = row.get(7)?;
        Ok(Test {
            id: row.get(0)?,
            name: row.get(1)?,
            description: row.get(2)?,
            status: row.get(3)?,
            traffic_allocation: row.get(4)?,
            variants: serde_json::from_str(&variants)?,
            primary_metric: row.get(6)?,
            confidence_level: 1.0 - alpha,
            minimum_effect_size: row.get(8)?,
            started_at: row.get(9)?,
            ended_at: row.get(10)?,
            conclusion: conclusion.as_deref().map(serde_json::from_str).transpose()?,
            created_by: row.get(12)?,
            created_at: row.get(13)?,
        })
    }
}

impl Test {
    /// How its people are divided.
    ///
    /// # Errors
    /// What [`Split::new`] says.
    pub(crate) fn split(&self) -> Result<Split> {
        Split::new(self.id, self.variants.iter().map(|one| (one.name.as_str(), one.parts)))
    }

    /// What is asked of a look.
    pub(crate) fn terms(&self) -> Terms {
        let metric = match self.primary_metric.as_str() {
            "brier" => Metric::Brier,
            "rate" => Metric::Rate,
            _ => Metric::Auc,
        };
        let alpha = 1.0 - self.confidence_level;
        Terms { metric, alpha, effect: self.minimum_effect_size, least: LEAST, least_positives: LEAST_POSITIVES }
    }
}

/// The test of a number.
///
/// # Errors
/// [`Code::NotFound`].
pub fn find(tx: &Tx<'_>, id: i64) -> Result<Test> {
    let mut sql = Sql::from(TESTS);
    sql.push(" AND id = :id");
    tx.maybe(sql, bind! { id: id })?.ok_or_else(|| Code::NotFound.because(format!("there is no test {id}")))
}

/// Tests, the newest first.
pub(crate) fn newest(tx: &Tx<'_>, count: i64) -> Result<Vec<Test>> {
    let mut sql = Sql::from(TESTS);
    sql.push(" ORDER BY id DESC LIMIT :count");
    tx.rows(sql, bind! { count: count })
}

/// The test that runs.
pub(crate) fn running(tx: &Tx<'_>) -> Result<Option<Test>> {
    let mut sql = Sql::from(TESTS);
    sql.push(" AND status = 'running'");
    tx.maybe(sql, bind! {})
}

/// The number of the test that runs.
pub(crate) fn running_id(tx: &Tx<'_>) -> Result<Option<i64>> {
    tx.maybe("SELECT id FROM ab_test WHERE tenant_id = :tenant AND status = 'running'", bind! {})
}

/// Writes a test down.
///
/// # Errors
/// [`Code::Invalid`] for names that come twice, models that are not there or were set aside, weights that are none.
pub fn draft(change: &mut Change<'_, '_>, draft: &Draft) -> Result<Test> {
    let mut faults = Vec::new();
    for (at, one) in draft.variants.iter().enumerate() {
        if draft.variants[..at].iter().any(|other| other.name == one.name) {
            faults.push(Fault::at(format!("/variants/{at}/name"), "comes twice"));
        }
        if !models::usable(change, one.model_id)? {
            faults.push(Fault::at(format!("/variants/{at}/model_id"), "is no model, or one that was set aside"));
        }
    }
    if !faults.is_empty() {
        return Err(Error::invalid(faults));
    }
    let weights: Vec<f64> = draft.variants.iter().filter_map(|one| one.weight).collect();
    let parts = draft.traffic_allocation.parts(draft.variants.len(), Some(weights.as_slice()).filter(|some| !some.is_empty()))?;
    let variants: Vec<Variant> =
        draft.variants.iter().zip(parts).map(|(one, parts)| Variant { name: one.name.clone(), model_id: one.model_id, parts }).collect();
    let (id, now, who) = (change.next("ab_test")?, change.now(), change.origin().actor.clone());
    let metric = draft.primary_metric.as_deref().unwrap_or("auc");
    change.write(
        "INSERT INTO ab_test (tenant_id, id, name, description, status, allocation, variants, metric, alpha, effect, created_by, created_at) \
         VALUES (:tenant, :id, :name, :description, 'draft', :allocation, :variants, :metric, :alpha, :effect, :who, :now)",
        bind! {
            id: id, name: draft.name, description: draft.description, allocation: draft.traffic_allocation.name(),
            variants: serde_json::to_string(&variants)?, metric: metric, alpha: 1.0 - draft.confidence_level.unwrap_or(0.95),
            effect: draft.minimum_effect_size.unwrap_or(0.02), who: who, now: now,
        },
    )?;
    find(change, id)
}

/// Moves a test on, as its states allow.
///
/// # Errors
/// [`Code::NotFound`]; [`Code::Conflict`] for a move that no arrow allows, for a second test beside one that runs, and
/// for a control that is not the model that answers.
pub(crate) fn step(change: &mut Change<'_, '_>, shelf: &Shelf, id: i64, made: TestMove, keep_control: bool) -> Result<Test> {
    let test = find(change, id)?;
    let from = State::named(&test.status)?;
    let to = from.go(made)?;
    let mut conclusion = None;
    let mut winner = None;
    match made {
        TestMove::Start => {
            if let Some(other) = running_id(change)? {
                return Err(Code::Conflict.because(format!("test {other} is running; one runs at a time")));
            }
            let control = test.variants.first().map(|one| one.model_id);
            if control != models::active_id(change)? {
                return Err(Code::Conflict
                    .because("the control is not the model that answers; activate it first, or write a test of the one that does"));
            }
            for one in &test.variants {
                if !models::usable(change, one.model_id)? {
                    return Err(Code::Conflict.because(format!("model {} was set aside", one.model_id)));
                }
                // What does not load must not be asked.
                models::load(change, shelf, one.model_id)?;
            }
        }
        TestMove::Conclude => {
            let (decided, because) = look::decide(change, &test, keep_control)?;
            winner =
                decided.map(|one| one.model_id).filter(|model| test.variants.first().is_some_and(|control| control.model_id != *model));
            let named = decided.or(test.variants.first());
            conclusion = Some(json!({
                "winner": decided.map(|one| &one.name), "model_id": named.map(|one| one.model_id), "because": because,
            }));
        }
        TestMove::Stop => {}
    }
    let now = change.now();
    let (started, ended) = if made == TestMove::Start { (Some(now), None) } else { (test.started_at, Some(now)) };
    change.write(
        "UPDATE ab_test SET status = :status, started_at = :started, ended_at = :ended, conclusion = :conclusion WHERE tenant_id = :tenant AND id = :id",
        bind! { status: to.name(), started: started, ended: ended, conclusion: conclusion.as_ref().map(Value::to_string), id: id },
    )?;
    if let Some(model) = winner {
        models::activate(change, shelf, model, "test")?;
    }
    if from == State::Running || to == State::Running {
        score::all_later(change)?;
    }
    let told = json!({ "id": id, "status": to.name(), "winner": winner });
    change.emit(Event::new("ab_test.moved", "/v1/ab-tests", models::READ, told).about(id.to_string()));
    change.note(Note {
        target: format!("ab-tests/{id}"),
        detail: Some(json!({ "from": from.name(), "to": to.name() })),
        ..Note::default()
    });
    find(change, id)
}
