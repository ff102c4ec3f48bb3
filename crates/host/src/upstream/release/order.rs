//! Orders about a release: what a person may ask for, and how it becomes true.

use std::sync::Arc;

use plimsoll_core::{Code, Error, Fault, Result, TenantId};
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};
use serde_json::json;

use super::{
    Release,
    machine::{Gate, Machine, Phase},
    split,
    window::Summary,
};
use crate::{
    Host,
    ledger::{Change, Note, Origin},
    route::Json,
    upstream::mount::Mount,
};

/// What came of requests in the window.
#[derive(Debug, Serialize, JsonSchema)]
pub(super) struct ArmView {
    /// Where the service is.
    url: String,
    /// Requests in the window.
    requests: u64,
    /// How many of them failed.
    failed: u64,
    /// The 95th percentile of the time to an answer's head, in milliseconds, rounded up.
    p95_ms: u64,
}

/// How far a release has come. This process's own view: replicas judge for themselves.
#[derive(Debug, Serialize, JsonSchema)]
#[schemars(rename = "Release")]
pub struct View {
    /// `none` without a candidate, `waiting`, `running`, `returned` or `promoted`.
    phase: &'static str,
    /// Why it was returned.
    why: Option<String>,
    /// The share that was asked for.
    weight: String,
    /// The share that the candidate gets now.
    share: String,
    /// `unknown`, `green` or `red`: what the smoke checks found last.
    gate: &'static str,
    /// Which of them was not as expected.
    gate_why: Option<String>,
    /// The service that is trusted; null without a candidate.
    stable: Option<ArmView>,
    /// The one that has to prove itself; null without one.
    candidate: Option<ArmView>,
}

impl View {
    /// How the host's release stands now.
    pub fn now(host: &Host) -> View {
        match &host.upstreams.release {
            Some(release) => View::of(release, &release.machine().clone()),
            None => View {
                phase: "none",
                why: None,
                weight: split::shown(0),
                share: split::shown(0),
                gate: "unknown",
                gate_why: None,
                stable: None,
                candidate: None,
            },
        }
    }

    fn of(release: &Release, machine: &Machine) -> View {
        let (stable, candidate) = machine.summaries(release.now());
        let arm = |mount: &Mount, summary: Summary| ArmView {
            url: mount.pool.address().to_string(),
            requests: summary.count,
            failed: summary.failed,
            p95_ms: summary.p95_ms,
        };
        let (gate, gate_why) = match machine.gate() {
            Gate::Unknown => ("unknown", None),
            Gate::Green => ("green", None),
            Gate::Red(why) => ("red", Some(why.clone())),
        };
        View {
            phase: machine.phase().name(),
            why: if let Phase::Returned(why) = machine.phase() { Some(why.clone()) } else { None },
            weight: split::shown(machine.weight()),
            share: split::shown(machine.share()),
            gate,
            gate_why,
            stable: Some(arm(&release.stable, stable)),
            candidate: Some(arm(&release.candidate, candidate)),
        }
    }
}

/// What is to be done.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Deserialize, JsonSchema)]
#[serde(rename_all = "lowercase")]
#[schemars(inline)]
enum Action {
    /// Begin, or begin anew after a return.
    Start,
    /// Another share.
    Weight,
    /// Everything to the candidate.
    Promote,
    /// Everything to the stable service.
    Return,
}

/// An order as it is written.
#[derive(Debug, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct Order {
    /// What is to be done.
    action: Action,
    /// The candidate's share, such as `5%`; for `weight`, and where wanted for `start`.
    #[schemars(length(min = 2, max = 10))]
    weight: Option<String>,
}

/// An order that was understood.
#[derive(Clone)]
pub(super) struct Plan {
    pub(super) release: Arc<Release>,
    action: Action,
    weight: Option<u32>,
    practised: Practised,
}

/// Which of the practices that orders are about are in force.
#[derive(Clone, Copy)]
struct Practised {
    moves: bool,
    measures: bool,
}

impl Plan {
    /// # Errors
    /// `NotFound` without a candidate, `Invalid` for a share that is none.
    pub(super) fn new(host: &Host, order: &Order) -> Result<Plan> {
        let release = host.upstreams.release.clone();
        let release = release.ok_or_else(|| Code::NotFound.because("there is no candidate; `[release] candidate` names one"))?;
        let wrong = || Error::invalid(vec![Fault::at("/weight", "must be a share such as 5%")]);
        let weight = order.weight.as_deref().map(|text| split::share(text).ok_or_else(wrong)).transpose()?;
        if order.action == Action::Weight && weight.is_none() {
            return Err(wrong());
        }
        let practised = Practised { moves: host.holds("blue-green"), measures: host.holds("canary") };
        Ok(Plan { release, action: order.action, weight, practised })
    }

    /// Puts it on record. Tried on a copy: an order that is refused leaves no entry, and one that
    /// could not be recorded changes nothing.
    pub(super) fn record(&self, change: &mut Change<'_, '_>) -> Result<Json<View>> {
        let mut machine = self.release.machine().clone();
        let action = self.follow(&mut machine)?;
        let now = change.now();
        self.release.keep(change, &machine, now)?;
        let detail = json!({ "weight": split::shown(machine.weight()) });
        change.note(Note { action: action.into(), target: "release".to_owned(), outcome: "ok", detail: Some(detail) });
        Ok(Json(View::of(&self.release, &machine)))
    }

    /// Makes it true in this process, once it is on record.
    ///
    /// # Errors
    /// `Conflict` where the checks have turned red in between.
    pub(super) async fn carry_out(&self, host: &Host) -> Result<()> {
        let (before, after) = {
            let mut machine = self.release.machine();
            let before = machine.trusted();
            self.follow(&mut machine)?;
            (before, machine.trusted())
        };
        self.release.again.notify_one();
        if before != after {
            self.release.forget_answers(host).await;
        }
        Ok(())
    }

    /// Does what was asked; the name of the entry in the ledger.
    fn follow(&self, machine: &mut Machine) -> Result<&'static str> {
        match self.action {
            Action::Start | Action::Weight | Action::Return if !self.practised.moves => {}
            Action::Start => machine.start(self.weight),
            Action::Weight => machine.reweigh(self.weight.unwrap_or_default()),
            Action::Promote => {
                machine
                    .promote(self.practised.measures)
                    .map_err(|why| Code::Conflict.because(format!("the candidate cannot be promoted: {why}")))?;
            }
            // By whom stands in the ledger; this word is shown to everybody who may look.
            Action::Return => machine.give_back("by hand".to_owned()),
        }
        Ok(match self.action {
            Action::Start => "release.start",
            Action::Weight => "release.weight",
            Action::Promote => "release.promote",
            Action::Return => "release.return",
        })
    }
}

/// Carries out an order of who runs the host; the entry is in the host's own ledger.
///
/// # Errors
/// As a tenant's administrator would be told, and what the database says.
pub async fn by_the_operator(host: &Arc<Host>, order: &Order) -> Result<Json<View>> {
    let plan = Plan::new(host, order)?;
    let host = host.clone();
    tokio::spawn(async move {
        let _orders = plan.release.orders.lock().await;
        let writes = plan.clone();
        let origin = Origin::host(host.clock.now(), "release.order");
        let done = host.commit(TenantId::from_bits(0), origin, move |change| writes.record(change)).await?;
        plan.carry_out(&host).await?;
        Ok(done)
    })
    .await?
}
