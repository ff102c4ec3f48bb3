//! `GET /v1/release`, `POST /v1/release`.

use std::sync::Arc;

use plimsoll_core::{Access, Code, Fault, Result, Role};
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
    ctx::{Committed, Ctx, Read, Write},
    ledger::Note,
    route::{Json, Routes},
};

const READ: Access = Access::needs("release:read", Role::Admin);
const WRITE: Access = Access::needs("release:write", Role::Admin);

/// What came of requests in the window.
#[derive(Debug, Serialize, JsonSchema)]
struct ArmView {
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
struct View {
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

#[derive(Debug, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
struct Order {
    /// What is to be done.
    action: Action,
    /// The candidate's share, such as `5%`; for `weight`, and where wanted for `start`.
    #[schemars(length(min = 2, max = 10))]
    weight: Option<String>,
}

/// The routes of a release.
pub fn routes(r: &mut Routes<'_, ()>) {
    r.get("/release", READ, show).named("release.get").summary("How far the candidate has come");
    r.post("/release", WRITE, order)
        .named("release.order")
        .summary("Start the candidate, change its share, promote it, or return to the stable service")
        .example(json!({ "action": "weight", "weight": "10%" }))
        .problem(Code::NotFound)
        .problem(Code::Conflict);
}

fn release(host: &Host) -> Result<Arc<Release>> {
    host.upstreams.release.clone().ok_or_else(|| Code::NotFound.because("there is no candidate; `[release] candidate` names one"))
}

fn view(release: &Release, machine: &Machine) -> View {
    let (stable, candidate) = machine.summaries(release.now());
    let arm = |mount: &crate::upstream::mount::Mount, summary: Summary| ArmView {
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

async fn show(ctx: Ctx<(), Read>, (): ()) -> Result<Json<View>> {
    let Some(release) = &ctx.host.upstreams.release else {
        let nothing = View {
            phase: "none",
            why: None,
            weight: split::shown(0),
            share: split::shown(0),
            gate: "unknown",
            gate_why: None,
            stable: None,
            candidate: None,
        };
        return Ok(Json(nothing));
    };
    let machine = release.machine().clone();
    Ok(Json(view(release, &machine)))
}

async fn order(ctx: Ctx<(), Write>, Json(order): Json<Order>) -> Result<Committed<Json<View>>> {
    let release = release(&ctx.host)?;
    let wrong = || plimsoll_core::Error::invalid(vec![Fault::at("/weight", "must be a share such as 5%")]);
    let weight = order.weight.as_deref().map(|text| split::share(text).ok_or_else(wrong)).transpose()?;
    if order.action == Action::Weight && weight.is_none() {
        return Err(wrong());
    }
    let (asked, who) = (release.clone(), ctx.who.id.clone());
    let by = who.clone();
    let practised = Practised { moves: ctx.host.holds("blue-green"), measures: ctx.host.holds("canary") };
    let done = ctx
        .commit(move |change| {
            // Tried on a copy: an order that is refused leaves no entry, and one that could not be
            // recorded changes nothing.
            let mut machine = asked.machine().clone();
            let action = follow(&mut machine, order.action, weight, &by, practised)?;
            let detail = json!({ "weight": split::shown(machine.weight()) });
            change.note(Note { action: action.into(), target: "release".to_owned(), outcome: "ok", detail: Some(detail) });
            Ok(Json(view(&asked, &machine)))
        })
        .await?;
    follow(&mut release.machine(), order.action, weight, &who, practised)?;
    release.again.notify_one();
    Ok(done)
}

/// Which of the practices that orders are about are in force.
#[derive(Clone, Copy)]
struct Practised {
    moves: bool,
    measures: bool,
}

/// Does what was asked; the name of the entry in the ledger.
fn follow(machine: &mut Machine, action: Action, weight: Option<u32>, who: &str, practised: Practised) -> Result<&'static str> {
    match action {
        Action::Start | Action::Weight | Action::Return if !practised.moves => {}
        Action::Start => machine.start(weight),
        Action::Weight => machine.reweigh(weight.unwrap_or_default()),
        Action::Promote => {
            machine
                .promote(practised.measures)
                .map_err(|why| Code::Conflict.because(format!("the candidate cannot be promoted: {why}")))?;
        }
        Action::Return => machine.give_back(format!("by {who}")),
    }
    Ok(match action {
        Action::Start => "release.start",
        Action::Weight => "release.weight",
        Action::Promote => "release.promote",
        Action::Return => "release.return",
    })
}
